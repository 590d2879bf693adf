#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/schema.h"
#include "plan/plan_internal.h"

static const struct negotiation_output *edge_output(const struct plan *plan,
                                                    const struct plan_edge *edge)
{
    return &plan->stages[edge->from].negotiation->outputs[edge->from_output];
}

static struct diagnostic *complain(struct plan_build *build, const struct plan_stage *stage,
                                   const char *code, const struct place *place, const char *option)
{
    struct diagnostic *diagnostic = diagnostic_add(build->diagnostics, code, place, "%s", "");
    if (diagnostic != NULL) {
        diagnostic_set(&diagnostic->stage, "%s", stage->name);
        if (option != NULL) {
            diagnostic_set(&diagnostic->option, "%s", option);
        }
    }
    return diagnostic;
}

// The inputs of an operator with many must agree, column by column.
static int check_inputs(struct plan_build *build, const struct plan_stage *stage)
{
    const struct plan *plan = build->plan;
    const struct plan_edge *first = &plan->edges[stage->inputs[0]];
    const struct weir_schema *a = edge_output(plan, first)->schema;
    for (uint32_t i = 1; i < stage->input_count; i++) {
        const struct plan_edge *edge = &plan->edges[stage->inputs[i]];
        const struct weir_schema *b = edge_output(plan, edge)->schema;
        const char *names[] = {plan->stages[first->from].name, plan->stages[edge->from].name};
        struct diagnostic *diagnostic;
        if (a->field_count != b->field_count) {
            diagnostic = complain(build, stage, "W0431", &stage->place, NULL);
            if (diagnostic != NULL) {
                diagnostic_set(&diagnostic->message,
                               "`%s` gives %u columns and `%s` gives %u: inputs of "
                               "`%s` must have the same columns",
                               names[0], a->field_count, names[1], b->field_count, stage->name);
                diagnostic_set(&diagnostic->help,
                               "give both the same columns with a w.map before it");
            }
            return -EINVAL;
        }
        for (uint32_t c = 0; c < a->field_count; c++) {
            char types[2][48];
            if (type_equal(a->fields[c].type, b->fields[c].type) &&
                strcmp(a->fields[c].name, b->fields[c].name) == 0) {
                continue;
            }
            diagnostic = complain(build, stage, "W0431", &stage->place, NULL);
            if (diagnostic != NULL) {
                diagnostic_set(
                    &diagnostic->message,
                    "column %u of `%s` is `%s` %s, column %u of `%s` is `%s` %s: inputs of `%s` "
                    "must have the same columns",
                    c + 1, names[0], a->fields[c].name,
                    type_name(a->fields[c].type, types[0], sizeof types[0]), c + 1, names[1],
                    b->fields[c].name, type_name(b->fields[c].type, types[1], sizeof types[1]),
                    stage->name);
                diagnostic_set(&diagnostic->help,
                               "give both the same columns with a w.map before it");
            }
            return -EINVAL;
        }
    }
    return 0;
}

// Reads the option `event_time` against what comes out of the stage.
static int name_event_time(struct plan_build *build, struct plan_stage *stage)
{
    const struct weir_value *value = options_find(stage->common, "event_time");
    const struct place *place = options_place(stage->common, "event_time");
    struct negotiation_output *output = &stage->negotiation->outputs[0];
    if (value->type != WEIR_VALUE_STRING) {
        return 0;
    }
    if (output->schema == NULL) {
        struct diagnostic *diagnostic = complain(build, stage, "W0432", place, "event_time");
        if (diagnostic != NULL) {
            diagnostic_set(&diagnostic->message,
                           "a %s has no rows to time: name the event time in a "
                           "source or map",
                           stage->description->kind == WEIR_OPERATOR_SINK ? "sink" : "service");
        }
        return -EINVAL;
    }
    int32_t column = weir_schema_find(output->schema, value->as.string);
    if (column < 0) {
        const char **names = calloc(output->schema->field_count + 1, sizeof *names);
        struct diagnostic *diagnostic = complain(build, stage, "W0433", place, "event_time");
        for (uint32_t i = 0; names != NULL && i < output->schema->field_count; i++) {
            names[i] = output->schema->fields[i].name;
        }
        if (diagnostic != NULL && names != NULL) {
            const char *near = text_nearest(value->as.string, names);
            diagnostic_set(&diagnostic->message, "no column `%s` comes out of `%s`",
                           value->as.string, stage->name);
            diagnostic->available = plan_names(names);
            if (near != NULL) {
                diagnostic_set(&diagnostic->help, "did you mean `%s`?", near);
            }
        }
        free(names);
        return -EINVAL;
    }
    struct weir_type type = output->schema->fields[column].type;
    if (type.id != WEIR_TYPE_INT64 && type.id != WEIR_TYPE_DATE && type.id != WEIR_TYPE_TIMESTAMP &&
        type.id != WEIR_TYPE_TIMESTAMP_LTZ) {
        char name[48];
        struct diagnostic *diagnostic = complain(build, stage, "W0434", place, "event_time");
        if (diagnostic != NULL) {
            diagnostic_set(
                &diagnostic->message,
                "column `%s` is %s: an event time is a timestamp, a date, or an int64 that "
                "counts milliseconds since 1970",
                value->as.string, type_name(type, name, sizeof name));
            diagnostic_set(&diagnostic->help,
                           "make one in a w.map: set = { ts = \"cast(%s as timestamp)\" }",
                           value->as.string);
        }
        return -EINVAL;
    }
    output->event_time = column;
    stage->event_time = column;
    return 0;
}

static int is_float(struct weir_type type)
{
    return type.id == WEIR_TYPE_FLOAT32 || type.id == WEIR_TYPE_FLOAT64;
}

// Whether rows of an output come by the key groups of an input's key.
static int is_same_key(const struct plan_partition *partition,
                       const struct negotiation_input *input)
{
    if (partition->group_count == 0 || partition->column_count != input->partition_count) {
        return 0;
    }
    for (uint32_t i = 0; i < input->partition_count; i++) {
        if (partition->columns[i] != input->partition[i] ||
            is_float(input->input.schema->fields[input->partition[i]].type)) {
            return 0;
        }
    }
    return 1;
}

// Decides how rows come in, now that all stages upstream are decided.
static void place_exchanges(struct plan *plan, struct plan_stage *stage)
{
    int all_aligned = stage->input_count > 0;
    uint32_t group_count = 0;
    for (uint32_t i = 0; i < stage->input_count; i++) {
        struct negotiation_input *input = &stage->negotiation->inputs[i];
        stage->is_keyed |= input->is_partitioned != 0;
        if (input->is_partitioned && input->partition_count == 0) {
            stage->parallelism = 1;
        }
    }
    for (uint32_t i = 0; i < stage->input_count; i++) {
        struct plan_edge *edge = &plan->edges[stage->inputs[i]];
        struct plan_stage *from = &plan->stages[edge->from];
        uint32_t groups = from->partitions[edge->from_output].group_count;
        edge->is_aligned =
            stage->negotiation->inputs[i].is_partitioned &&
            from->parallelism == stage->parallelism &&
            is_same_key(&from->partitions[edge->from_output], &stage->negotiation->inputs[i]);
        all_aligned =
            all_aligned && edge->is_aligned && (group_count == 0 || groups == group_count);
        group_count = groups;
    }
    stage->group_count = stage->is_keyed && all_aligned ? group_count : WEIR_KEY_GROUPS;
    if (stage->input_count == 0 && stage->negotiation->outputs[0].group_count > 0) {
        stage->group_count = stage->negotiation->outputs[0].group_count;
    }
    for (uint32_t i = 0; i < stage->input_count; i++) {
        struct plan_edge *edge = &plan->edges[stage->inputs[i]];
        uint32_t from_count = plan->stages[edge->from].parallelism;
        const struct plan_partition *partition =
            &plan->stages[edge->from].partitions[edge->from_output];
        struct negotiation_input *input = &stage->negotiation->inputs[i];
        edge->is_aligned = edge->is_aligned && all_aligned;
        input->bucket_is_group =
            partition->group_count == stage->group_count && is_same_key(partition, input);
        if (from_count == stage->parallelism &&
            (edge->is_aligned || !stage->negotiation->inputs[i].is_partitioned ||
             from_count == 1)) {
            edge->exchange = EXCHANGE_FORWARD;
        } else if (stage->parallelism == 1) {
            edge->exchange = EXCHANGE_GATHER;
        } else {
            edge->exchange =
                stage->negotiation->inputs[i].is_partitioned ? EXCHANGE_KEYED : EXCHANGE_REBALANCE;
        }
    }
}

// What the outputs of a stage are partitioned by: its own promise, its key, or what came in.
static int find_partitions(const struct plan *plan, struct plan_stage *stage)
{
    const struct negotiation *negotiation = stage->negotiation;
    stage->partitions = calloc(negotiation->output_count, sizeof *stage->partitions);
    if (stage->partitions == NULL) {
        return -ENOMEM;
    }
    for (uint32_t o = 0; o < negotiation->output_count; o++) {
        const struct negotiation_output *output = &negotiation->outputs[o];
        const uint32_t *columns = NULL;
        uint32_t count = 0, group_count = 0;
        if (output->schema == NULL) {
            continue;
        }
        if (output->group_count > 0) {
            columns = output->partitioned;
            count = output->partitioned_count;
            group_count = output->group_count;
        } else if (stage->input_count == 1) {
            const struct plan_edge *edge = &plan->edges[stage->inputs[0]];
            const struct plan_partition *in =
                &plan->stages[edge->from].partitions[edge->from_output];
            if (stage->is_keyed && negotiation->inputs[0].partition_count > 0) {
                columns = negotiation->inputs[0].partition;
                count = negotiation->inputs[0].partition_count;
                group_count = stage->group_count;
            } else if (edge->exchange == EXCHANGE_FORWARD) {
                columns = in->columns;
                count = in->column_count;
                group_count = in->group_count;
            }
        }
        if (count == 0) {
            continue;
        }
        stage->partitions[o].columns = calloc(count, sizeof(uint32_t));
        if (stage->partitions[o].columns == NULL) {
            return -ENOMEM;
        }
        uint32_t found = 0;
        for (uint32_t k = 0; k < count; k++) {
            for (uint32_t c = 0; c < output->schema->field_count; c++) {
                int is_same =
                    output->group_count > 0
                        ? c == columns[k]
                        : output->origins != NULL && output->origins[c] == (int32_t)columns[k];
                if (is_same) {
                    stage->partitions[o].columns[found++] = c;
                    break;
                }
            }
        }
        if (found == count) {
            stage->partitions[o].column_count = count;
            stage->partitions[o].group_count = group_count;
        }
    }
    return 0;
}

static int negotiate_schemas(struct plan_build *build, struct plan_stage *stage)
{
    struct plan *plan = build->plan;
    stage->is_bounded = 1;
    stage->negotiation = negotiation_create(stage->prototype, stage->input_count);
    if (stage->negotiation == NULL) {
        return -ENOMEM;
    }
    if (stage->input_count > 1 && check_inputs(build, stage) != 0) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < stage->input_count; i++) {
        const struct negotiation_output *output = edge_output(plan, &plan->edges[stage->inputs[i]]);
        negotiation_set_input(stage->negotiation, i, output->schema, output->kinds,
                              output->event_time, output->is_bounded);
        stage->is_bounded = stage->is_bounded && output->is_bounded;
    }
    int rc = negotiation_schemas(stage->negotiation, stage->options, build->diagnostics);
    if (rc != 0) {
        return rc;
    }
    if (stage->input_count == 0) {
        stage->is_bounded = stage->negotiation->outputs[0].is_bounded;
    }
    if ((rc = name_event_time(build, stage)) != 0) {
        return rc;
    }
    place_exchanges(plan, stage);
    return find_partitions(plan, stage);
}

static int all_inputs_are_good(const struct plan *plan, const struct plan_stage *stage,
                               const uint8_t *is_bad)
{
    for (uint32_t i = 0; i < stage->input_count; i++) {
        if (is_bad[plan->edges[stage->inputs[i]].from]) {
            return 0;
        }
    }
    return 1;
}

static void want_column(struct negotiation *negotiation, uint32_t output, uint32_t column)
{
    uint8_t columns[WEIR_SCHEMA_FIELDS_MAX / 8] = {0};
    weir_bit_set(columns, column, 1);
    negotiation_want_output(negotiation, output, columns, 0);
}

// Tells the stage what is wanted of it, asks what it wants, and tells the stages above.
static int negotiate_wants(struct plan_build *build, struct plan_stage *stage)
{
    struct plan *plan = build->plan;
    struct negotiation *negotiation = stage->negotiation;
    uint32_t rejected = operator_rejected_output(stage->description);
    int rejected_is_read = 0;
    if (stage->event_time >= 0) {
        want_column(negotiation, 0, (uint32_t)stage->event_time);
    }
    for (uint32_t i = 0; i < plan->edge_count; i++) {
        rejected_is_read |=
            &plan->stages[plan->edges[i].from] == stage && plan->edges[i].from_output == rejected;
    }
    int rc = negotiation_wants(negotiation, build->diagnostics);
    for (uint32_t i = 0; rc == 0 && i < stage->input_count; i++) {
        const struct plan_edge *edge = &plan->edges[stage->inputs[i]];
        const struct negotiation_input *input = &negotiation->inputs[i];
        struct negotiation *above = plan->stages[edge->from].negotiation;
        negotiation_want_output(above, edge->from_output, rejected_is_read ? NULL : input->wanted,
                                input->wanted_kinds);
        for (uint32_t k = 0; k < input->partition_count; k++) {
            want_column(above, edge->from_output, input->partition[k]);
        }
    }
    return rc;
}

int plan_negotiate(struct plan_build *build)
{
    struct plan *plan = build->plan;
    uint8_t *is_bad = calloc(plan->stage_count, 1);
    int rc = is_bad == NULL ? -ENOMEM : 0;
    for (uint32_t i = 0; is_bad != NULL && i < plan->stage_count; i++) {
        struct plan_stage *stage = &plan->stages[plan->order[i]];
        is_bad[plan->order[i]] =
            !all_inputs_are_good(plan, stage, is_bad) || negotiate_schemas(build, stage) != 0;
        rc = is_bad[plan->order[i]] ? -EINVAL : rc;
    }
    free(is_bad);
    for (uint32_t i = plan->stage_count; rc == 0 && i > 0; i--) {
        rc = negotiate_wants(build, &plan->stages[plan->order[i - 1]]);
    }
    return rc;
}

void plan_chain(struct plan *plan)
{
    const uint32_t apart = WEIR_OPERATOR_BLOCKING | WEIR_OPERATOR_MANY_INPUTS;
    uint32_t *lengths = calloc(plan->stage_count, sizeof *lengths);
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        struct plan_stage *stage = &plan->stages[plan->order[i]];
        struct plan_edge *edge = stage->input_count == 1 ? &plan->edges[stage->inputs[0]] : NULL;
        const struct plan_stage *from = edge == NULL ? NULL : &plan->stages[edge->from];
        if (edge != NULL && edge->exchange == EXCHANGE_FORWARD && lengths != NULL &&
            options_find(stage->common, "chain")->as.integer != 0 &&
            ((stage->description->flags & apart) == 0) &&
            (from->description->flags & WEIR_OPERATOR_BLOCKING) == 0) {
            edge->exchange = EXCHANGE_CHAINED;
            stage->chain = from->chain;
            stage->chain_position = ++lengths[stage->chain];
        } else {
            stage->chain = plan->chain_count++;
        }
    }
    free(lengths);
}
