#include <stdlib.h>

#include "gauge.h"
#include "operators.h"
#include "pass.h"

struct map_column {
    const char *name;
    int32_t from;                             // column of the input, shared as it is; or -1 and
    const struct weir_expression *expression; // what makes it
    struct weir_type type;
    int32_t is_wanted;
};

struct map_gauge {
    const struct weir_expression *expression;
    struct weir_metric *last;
    struct weir_metric *spread;
};

struct map {
    struct map_column *columns; // of the output, settled in negotiation
    uint32_t column_count;
    int32_t is_same; // output is input: batches pass as they are
    struct map_gauge *gauges;
    uint32_t gauge_count;
    struct weir_metric *records_in;
    struct pass_scratch scratch;
};

static const struct weir_option options[] = {
    {.name = "keep",
     .summary = "Columns of the input that stay, in this order; all if absent",
     .type = WEIR_OPTION_COLUMNS,
     .since = "0.1"},
    {.name = "drop",
     .summary = "Columns of the input that do not stay",
     .type = WEIR_OPTION_COLUMNS,
     .since = "0.1"},
    {.name = "rename",
     .summary = "New names of columns: { new = \"old\" }",
     .type = WEIR_OPTION_MAP,
     .element = WEIR_OPTION_COLUMN,
     .since = "0.1"},
    {.name = "set",
     .summary = "Columns made by expressions over the input; one of an existing name takes its "
                "place, others follow",
     .type = WEIR_OPTION_MAP,
     .element = WEIR_OPTION_EXPRESSION,
     .since = "0.1"},
    {.name = "gauges",
     .summary = "Metrics: expressions evaluated over every batch, reported as last value, p50, p99 "
                "and max",
     .type = WEIR_OPTION_MAP,
     .element = WEIR_OPTION_EXPRESSION,
     .since = "0.1"},
};

static int32_t map_create(struct weir_context *context, void **instance)
{
    if (weir_option_is_set(context, "keep") && weir_option_is_set(context, "drop")) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "options `keep` and `drop` exclude each other; say which columns stay, or "
                         "which go");
    }
    struct map *map = calloc(1, sizeof *map);
    if (map == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    map->gauge_count = weir_option(context, "gauges")->count;
    map->gauges = calloc(map->gauge_count + 1, sizeof *map->gauges);
    if (map->gauges == NULL) {
        free(map);
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    *instance = map;
    return WEIR_OK;
}

static int32_t map_lists(const struct weir_value *columns, uint32_t column)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        if (columns->as.items[i].column == (int32_t)column) {
            return 1;
        }
    }
    return 0;
}

static void map_take(struct map *map, const struct weir_schema *schema, uint32_t from)
{
    map->columns[map->column_count++] = (struct map_column){
        .name = schema->fields[from].name,
        .from = (int32_t)from,
        .type = schema->fields[from].type,
    };
}

static void map_settle_kept(struct map *map, struct weir_context *context,
                            const struct weir_schema *schema)
{
    const struct weir_value *keep = weir_option(context, "keep");
    const struct weir_value *drop = weir_option(context, "drop");
    for (uint32_t i = 0; keep->type != WEIR_VALUE_NONE && i < keep->count; i++) {
        map_take(map, schema, (uint32_t)keep->as.items[i].column);
    }
    for (uint32_t i = 0; keep->type == WEIR_VALUE_NONE && i < schema->field_count; i++) {
        if (!map_lists(drop, i)) {
            map_take(map, schema, i);
        }
    }
}

static int32_t map_settle_renamed(struct map *map, struct weir_context *context)
{
    const struct weir_value *rename = weir_option(context, "rename");
    for (uint32_t i = 0; i < rename->count; i++) {
        const struct weir_value *item = &rename->as.items[i];
        uint32_t at = 0;
        while (at < map->column_count && map->columns[at].from != item->column) {
            at++;
        }
        if (at == map->column_count) {
            return weir_fail(context, WEIR_ERROR_CONFIG,
                             "option `rename`: column `%s` is not among those that stay",
                             item->as.string);
        }
        map->columns[at].name = item->name;
    }
    return WEIR_OK;
}

static void map_settle_set(struct map *map, struct weir_context *context)
{
    const struct weir_value *set = weir_option(context, "set");
    for (uint32_t i = 0; i < set->count; i++) {
        const struct weir_value *item = &set->as.items[i];
        uint32_t at = 0;
        while (at < map->column_count && strcmp(map->columns[at].name, item->name) != 0) {
            at++;
        }
        map->column_count += at == map->column_count;
        map->columns[at] = (struct map_column){
            .name = item->name,
            .from = item->as.expression->column,
            .expression = item->as.expression,
            .type = item->as.expression->type,
        };
    }
}

static int32_t map_settle(struct map *map, struct weir_context *context,
                          const struct weir_schema *schema)
{
    uint32_t most = schema->field_count + weir_option(context, "keep")->count +
                    weir_option(context, "set")->count;
    free(map->columns);
    map->column_count = 0;
    map->columns = calloc(most + 1, sizeof *map->columns);
    if (map->columns == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    map_settle_kept(map, context, schema);
    int32_t rc = map_settle_renamed(map, context);
    if (rc != WEIR_OK) {
        return rc;
    }
    map_settle_set(map, context);
    map->is_same = map->column_count == schema->field_count;
    for (uint32_t i = 0; i < map->column_count; i++) {
        map->is_same = map->is_same && map->columns[i].from == (int32_t)i &&
                       strcmp(map->columns[i].name, schema->fields[i].name) == 0;
    }
    return WEIR_OK;
}

static int32_t map_settle_gauges(struct map *map, struct weir_context *context)
{
    const struct weir_value *gauges = weir_option(context, "gauges");
    for (uint32_t i = 0; i < map->gauge_count; i++) {
        map->gauges[i].expression = gauges->as.items[i].as.expression;
        if (!gauge_takes(map->gauges[i].expression->type)) {
            return weir_fail(context, WEIR_ERROR_CONFIG,
                             "option `gauges`: `%s` is not a number, so it cannot be a gauge: %s",
                             gauges->as.items[i].name, map->gauges[i].expression->text);
        }
    }
    return WEIR_OK;
}

static int32_t map_schemas(struct map *map, struct weir_negotiation *negotiation)
{
    const struct weir_schema *schema = weir_negotiation_input(negotiation, 0)->schema;
    int32_t rc = map_settle(map, negotiation->context, schema);
    rc = rc == WEIR_OK ? map_settle_gauges(map, negotiation->context) : rc;
    if (rc != WEIR_OK) {
        return rc;
    }
    struct weir_field *fields = calloc(map->column_count + 1, sizeof *fields);
    if (fields == NULL) {
        return weir_fail(negotiation->context, WEIR_ERROR_FATAL, "no memory");
    }
    for (uint32_t i = 0; i < map->column_count; i++) {
        fields[i] = (struct weir_field){map->columns[i].name, map->columns[i].type};
    }
    rc = weir_negotiation_output(negotiation, WEIR_OUTPUT_MAIN, fields, map->column_count);
    free(fields);
    for (uint32_t i = 0; rc == WEIR_OK && i < map->column_count; i++) {
        if (map->columns[i].from >= 0) {
            weir_negotiation_origin(negotiation, WEIR_OUTPUT_MAIN, i, 0,
                                    (uint32_t)map->columns[i].from);
        }
    }
    return rc;
}

static int32_t map_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct map *map = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        return map_schemas(map, negotiation);
    }
    for (uint32_t i = 0; i < map->column_count; i++) {
        struct map_column *column = &map->columns[i];
        column->is_wanted = weir_negotiation_wanted(negotiation, WEIR_OUTPUT_MAIN, i);
        if (column->is_wanted && column->from >= 0) {
            weir_negotiation_want(negotiation, 0, (uint32_t)column->from);
        } else if (column->is_wanted) {
            weir_negotiation_want_expression(negotiation, 0, column->expression);
        }
    }
    for (uint32_t i = 0; i < map->gauge_count; i++) {
        weir_negotiation_want_expression(negotiation, 0, map->gauges[i].expression);
    }
    weir_negotiation_want_kinds(negotiation, 0,
                                weir_negotiation_wanted_kinds(negotiation, WEIR_OUTPUT_MAIN));
    return WEIR_OK;
}

static int32_t map_open(void *instance, struct weir_context *context)
{
    struct map *map = instance;
    const struct weir_value *gauges = weir_option(context, "gauges");
    map->records_in = weir_metric_register(context, WEIR_METRIC_COUNTER, "records_in", "rows",
                                           "Rows that the mapper has taken");
    int32_t is_complete = map->records_in != NULL;
    for (uint32_t i = 0; i < map->gauge_count; i++) {
        struct map_gauge *gauge = &map->gauges[i];
        const char *name = gauges->as.items[i].name;
        char spread[WEIR_FIELD_NAME_BYTES_MAX + sizeof "_spread"];
        snprintf(spread, sizeof spread, "%s_spread", name);
        gauge->last =
            weir_metric_register(context, WEIR_METRIC_GAUGE, name, NULL, gauge->expression->text);
        gauge->spread = weir_metric_register(context, WEIR_METRIC_HISTOGRAM, spread, NULL,
                                             gauge->expression->text);
        is_complete = is_complete && gauge->last != NULL && gauge->spread != NULL;
    }
    return is_complete ? WEIR_OK
                       : weir_fail(context, WEIR_ERROR_FATAL, "no memory for the metrics");
}

static int32_t map_record(struct map *map, struct weir_context *context,
                          const struct weir_batch *batch)
{
    int32_t rc = WEIR_OK;
    weir_counter_add(map->records_in, batch->row_count);
    for (uint32_t i = 0; rc == WEIR_OK && i < map->gauge_count; i++) {
        const struct map_gauge *gauge = &map->gauges[i];
        struct weir_column values;
        rc = weir_evaluate(context, gauge->expression, batch, &values);
        if (rc == WEIR_OK) {
            gauge_record(gauge->last, gauge->spread, &values, batch->row_count);
        }
    }
    return rc;
}

static int32_t map_fill(const struct map *map, struct weir_context *context,
                        struct weir_builder *builder, const struct weir_batch *batch)
{
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < map->column_count; i++) {
        const struct map_column *column = &map->columns[i];
        if (column->is_wanted && column->from >= 0) {
            rc = weir_builder_share(context, builder, i, batch, (uint32_t)column->from);
        } else if (column->is_wanted) {
            rc = weir_builder_evaluate(context, builder, i, column->expression, batch);
        }
    }
    return rc;
}

// Emits what the options make of a batch. With may_reject, if rows turn out to be rejected, emits
// nothing and sets *has_rejected: a rejected row is null even in columns that are never null.
static int32_t map_emit(const struct map *map, struct weir_context *context,
                        const struct weir_batch *batch, int32_t may_reject, int32_t *has_rejected)
{
    struct weir_builder *builder;
    const uint32_t *kept;
    uint32_t kept_count;
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, batch->row_count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = map_fill(map, context, builder, batch);
    *has_rejected = may_reject && weir_rejected(context, &kept, &kept_count);
    if (rc != WEIR_OK || *has_rejected) {
        weir_builder_discard(context, builder);
        return rc;
    }
    weir_builder_inherit(context, builder, batch);
    return weir_emit_built(context, WEIR_OUTPUT_MAIN, builder, batch->row_count);
}

static int32_t map_emit_kept(const struct map *map, struct weir_context *context,
                             const struct weir_batch *batch)
{
    const struct weir_batch *selected;
    const uint32_t *kept;
    uint32_t kept_count;
    int32_t has_rejected;
    if (!weir_rejected(context, &kept, &kept_count) || kept_count == 0) {
        return WEIR_OK;
    }
    int32_t rc = weir_batch_select(context, batch, kept, kept_count, &selected);
    if (rc == WEIR_OK) {
        rc = map_emit(map, context, selected, 0, &has_rejected);
        weir_batch_unref(context, selected);
    }
    return rc;
}

static int32_t map_process(void *instance, struct weir_context *context, uint32_t input,
                           const struct weir_batch *batch)
{
    struct map *map = instance;
    int32_t has_rejected = 0;
    (void)input;
    if (batch->row_count == 0) {
        return WEIR_OK;
    }
    int32_t rc = map_record(map, context, batch);
    if (rc == WEIR_OK && map->is_same) {
        return pass_rows(context, &map->scratch, batch, NULL, 0);
    }
    if (rc == WEIR_OK) {
        rc = map_emit(map, context, batch, 1, &has_rejected);
    }
    return rc == WEIR_OK && has_rejected ? map_emit_kept(map, context, batch) : rc;
}

static void map_close(void *instance, struct weir_context *context)
{
    pass_scratch_finish(context, &((struct map *)instance)->scratch);
}

static void map_destroy(void *instance)
{
    struct map *map = instance;
    if (map != NULL) {
        free(map->columns);
        free(map->gauges);
        free(map);
    }
}

const struct weir_operator map_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_TRANSFORM,
    .name = "map",
    .summary = "Keeps, drops, renames and computes columns, and measures",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = map_create,
    .negotiate = map_negotiate,
    .open = map_open,
    .process = map_process,
    .close = map_close,
    .destroy = map_destroy,
};
