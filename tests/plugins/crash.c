#include "common.h"

static int32_t process(void *instance, struct weir_context *context, uint32_t input,
                       const struct weir_batch *batch)
{
    volatile int *nowhere = NULL;
    (void)instance, (void)context, (void)input, (void)batch;
    // cppcheck-suppress nullPointer ; it is there to crash
    return *nowhere; // NOLINT: as above
}

COMMON_SINK("crash", process);
COMMON_PLUGIN("crash")
