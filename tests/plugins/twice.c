#include "common.h"

static int32_t process(void *instance, struct weir_context *context, uint32_t input,
                       const struct weir_batch *batch)
{
    (void)instance, (void)context, (void)input, (void)batch;
    return WEIR_OK;
}

COMMON_SINK("null", process);
COMMON_PLUGIN("twice")
