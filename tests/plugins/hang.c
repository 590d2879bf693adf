#include <unistd.h>

#include "common.h"

static int32_t process(void *instance, struct weir_context *context, uint32_t input,
                       const struct weir_batch *batch)
{
    (void)instance, (void)input, (void)batch;
    while (context != NULL) {
        pause();
    }
    return WEIR_OK;
}

COMMON_SINK("hang", process);
COMMON_PLUGIN("hang")
