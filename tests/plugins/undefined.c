#include "common.h"

int32_t nobody_defines_this(void);

static int32_t process(void *instance, struct weir_context *context, uint32_t input,
                       const struct weir_batch *batch)
{
    (void)instance, (void)context, (void)input, (void)batch;
    return nobody_defines_this();
}

COMMON_SINK("undefined", process);
COMMON_PLUGIN("undefined")
