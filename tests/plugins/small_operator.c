#include "common.h"

static int32_t process(void *instance, struct weir_context *context, uint32_t input,
                       const struct weir_batch *batch)
{
    (void)instance, (void)context, (void)input, (void)batch;
    return WEIR_OK;
}

static const struct weir_operator sink = {.size = 64,
                                          .kind = WEIR_OPERATOR_SINK,
                                          .name = "small_operator",
                                          .summary = "A sink of the tests",
                                          .create = common_create,
                                          .process = process};
static const struct weir_operator *const operators[] = {&sink};
COMMON_PLUGIN("small_operator")
