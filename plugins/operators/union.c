#include "operators.h"
#include "pass.h"

static int32_t union_create(struct weir_context *context, void **instance)
{
    (void)context;
    *instance = NULL;
    return WEIR_OK;
}

static int32_t union_schemas(struct weir_negotiation *negotiation)
{
    int32_t rc = weir_negotiation_output_like(negotiation, WEIR_OUTPUT_MAIN, 0);
    uint32_t columns = weir_negotiation_input(negotiation, 0)->schema->field_count;
    for (uint32_t input = 1; rc == WEIR_OK && input < negotiation->input_count; input++) {
        for (uint32_t i = 0; i < columns; i++) {
            weir_negotiation_origin(negotiation, WEIR_OUTPUT_MAIN, i, input, i);
        }
    }
    return rc;
}

static int32_t union_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        return union_schemas(negotiation);
    }
    for (uint32_t input = 0; input < negotiation->input_count; input++) {
        pass_wants(negotiation, input, WEIR_KINDS_ALL);
    }
    return WEIR_OK;
}

static int32_t union_process(void *instance, struct weir_context *context, uint32_t input,
                             const struct weir_batch *batch)
{
    (void)instance;
    (void)input;
    return pass_batch(context, batch);
}

const struct weir_operator union_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_TRANSFORM,
    .flags = WEIR_OPERATOR_MANY_INPUTS,
    .name = "union",
    .summary = "Puts the rows of several inputs into one stream, as they come",
    .create = union_create,
    .negotiate = union_negotiate,
    .process = union_process,
};
