#include "operators.h"

static int32_t null_create(struct weir_context *context, void **instance)
{
    (void)context;
    *instance = NULL;
    return WEIR_OK;
}

// Wants every column (no negotiate): what comes before it does all its work, as with a real sink.
static int32_t null_process(void *instance, struct weir_context *context, uint32_t input,
                            const struct weir_batch *batch)
{
    (void)instance;
    (void)context;
    (void)input;
    (void)batch;
    return WEIR_OK;
}

const struct weir_operator null_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_SINK,
    .name = "null",
    .summary = "Takes all rows and does nothing with them",
    .create = null_create,
    .process = null_process,
};
