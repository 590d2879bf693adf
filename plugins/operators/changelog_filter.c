#include <stdlib.h>
#include <string.h>

#include "operators.h"
#include "pass.h"
#include "rows.h"

struct changelog_filter {
    uint32_t keep; // bit per kind
    struct pass_scratch scratch;
};

static const char *const kind_names[] = {"+I", "-U", "+U", "-D", NULL};

static const struct weir_option options[] = {
    {.name = "keep",
     .summary = "Change kinds that stay; rows of the others are dropped",
     .type = WEIR_OPTION_LIST,
     .element = WEIR_OPTION_ENUM,
     .initial = "{ \"+I\", \"+U\" }",
     .choices = kind_names,
     .since = "0.1"},
};

static int32_t changelog_filter_keep(struct weir_context *context, uint32_t *keep)
{
    const struct weir_value *value = weir_option(context, "keep");
    *keep = 0;
    for (uint32_t i = 0; i < value->count; i++) {
        uint32_t kind = 0;
        while (kind_names[kind] != NULL &&
               strcmp(kind_names[kind], value->as.items[i].as.string) != 0) {
            kind++;
        }
        if (kind_names[kind] == NULL) {
            return weir_fail(context, WEIR_ERROR_CONFIG,
                             "option `keep`: `%s` is no change kind; these are +I, -U, +U and -D",
                             value->as.items[i].as.string);
        }
        *keep |= 1u << kind;
    }
    if (*keep == 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `keep` is empty, so no row would pass; name at least one of +I, "
                         "-U, +U and -D");
    }
    return WEIR_OK;
}

static int32_t changelog_filter_create(struct weir_context *context, void **instance)
{
    uint32_t keep;
    int32_t rc = changelog_filter_keep(context, &keep);
    if (rc != WEIR_OK) {
        return rc;
    }
    struct changelog_filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    filter->keep = keep;
    *instance = filter;
    return WEIR_OK;
}

static int32_t changelog_filter_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct changelog_filter *filter = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_WANTS) {
        pass_wants(negotiation, 0, filter->keep);
        return WEIR_OK;
    }
    uint32_t kinds = filter->keep & weir_negotiation_input(negotiation, 0)->kinds;
    if (kinds == 0) {
        return weir_fail(negotiation->context, WEIR_ERROR_CONFIG,
                         "option `keep` names none of the change kinds that the input carries, so "
                         "no row would pass");
    }
    weir_negotiation_kinds(negotiation, WEIR_OUTPUT_MAIN, kinds);
    return weir_negotiation_output_like(negotiation, WEIR_OUTPUT_MAIN, 0);
}

static int32_t changelog_filter_process(void *instance, struct weir_context *context,
                                        uint32_t input, const struct weir_batch *batch)
{
    struct changelog_filter *filter = instance;
    (void)input;
    if (batch->kinds == NULL) {
        return filter->keep & WEIR_KINDS_INSERT ? pass_batch(context, batch) : WEIR_OK;
    }
    int32_t rc = pass_scratch_reserve(context, &filter->scratch, batch->row_count + 8);
    if (rc != WEIR_OK) {
        return rc;
    }
    uint32_t count =
        rows_of_kinds(batch->kinds, batch->row_count, filter->keep, filter->scratch.rows);
    return pass_selection(context, batch, filter->scratch.rows, count);
}

static void changelog_filter_close(void *instance, struct weir_context *context)
{
    pass_scratch_finish(context, &((struct changelog_filter *)instance)->scratch);
}

const struct weir_operator changelog_filter_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_TRANSFORM,
    .name = "changelog_filter",
    .summary = "Keeps the rows of a changelog that have certain change kinds",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = changelog_filter_create,
    .negotiate = changelog_filter_negotiate,
    .process = changelog_filter_process,
    .close = changelog_filter_close,
    .destroy = free,
};
