#include <stdlib.h>

#include "operators.h"
#include "pass.h"

struct filter {
    struct pass_scratch scratch;
};

static const struct weir_option options[] = {
    {.name = "where",
     .summary = "Condition; rows for which it is false or null are dropped",
     .type = WEIR_OPTION_EXPRESSION,
     .flags = WEIR_OPTION_REQUIRED,
     .element = WEIR_TYPE_BOOL,
     .since = "0.1"},
};

static int32_t filter_create(struct weir_context *context, void **instance)
{
    struct filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    *instance = filter;
    return WEIR_OK;
}

static const struct weir_expression *filter_where(struct weir_context *context)
{
    return weir_option(context, "where")->as.expression;
}

static int32_t filter_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        return weir_negotiation_output_like(negotiation, WEIR_OUTPUT_MAIN, 0);
    }
    const struct weir_expression *where = filter_where(negotiation->context);
    pass_wants(negotiation, 0, WEIR_KINDS_ALL);
    weir_negotiation_want_expression(negotiation, 0, where);
    weir_negotiation_want_rows(negotiation, 0, where);
    return WEIR_OK;
}

static int32_t filter_process(void *instance, struct weir_context *context, uint32_t input,
                              const struct weir_batch *batch)
{
    struct filter *filter = instance;
    const uint32_t *rows;
    uint32_t row_count;
    (void)input;
    int32_t rc = weir_evaluate_condition(context, filter_where(context), batch, &rows, &row_count);
    return rc == WEIR_OK ? pass_rows(context, &filter->scratch, batch, rows, row_count) : rc;
}

static void filter_close(void *instance, struct weir_context *context)
{
    pass_scratch_finish(context, &((struct filter *)instance)->scratch);
}

const struct weir_operator filter_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_TRANSFORM,
    .name = "filter",
    .summary = "Keeps the rows for which a condition is true",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = filter_create,
    .negotiate = filter_negotiate,
    .process = filter_process,
    .close = filter_close,
    .destroy = free,
};
