#include <string.h>

#include "data/schema.h"
#include "plan/plan_internal.h"

static const char *kinds_text(uint32_t kinds, char text[16])
{
    static const char *const names[] = {"+I", "-U", "+U", "-D"};
    char *end = text;
    *end = '\0';
    for (uint32_t k = 0; k < 4; k++) {
        if ((kinds >> k & 1) != 0) {
            end = stpcpy(stpcpy(end, end == text ? "" : " "), names[k]);
        }
    }
    return text;
}

static void explain_input(const struct plan *plan, const struct plan_stage *stage, uint32_t number,
                          FILE *file)
{
    static const char *const exchanges[] = {"",       "chained",   "forward",
                                            "by key", "rebalance", "gather"};
    const struct plan_edge *edge = &plan->edges[stage->inputs[number]];
    const struct plan_stage *from = &plan->stages[edge->from];
    const struct negotiation_input *input = &stage->negotiation->inputs[number];
    const char *output = from->negotiation->outputs[edge->from_output].name;
    fprintf(file, "    reads    %s%s%s, %s", from->name, output[0] == '\0' ? "" : ".", output,
            exchanges[edge->exchange]);
    if (input->is_partitioned) {
        fprintf(file, " (key:");
        for (uint32_t k = 0; k < input->partition_count; k++) {
            fprintf(file, " %s", input->input.schema->fields[input->partition[k]].name);
        }
        fprintf(file, "%s; %u key groups%s)", input->partition_count == 0 ? " none" : "",
                stage->group_count,
                edge->is_aligned                   ? "; rows already lie with their key: no shuffle"
                : edge->exchange == EXCHANGE_KEYED ? "; shuffled"
                                                   : "");
    }
    fprintf(file, "\n");
}

static void explain_output(const struct negotiation_output *output, const struct plan_stage *stage,
                           FILE *file)
{
    char text[48];
    int unread = 0;
    fprintf(file, "    gives    ");
    if (output->name[0] != '\0') {
        fprintf(file, "(%s) ", output->name);
    }
    for (uint32_t c = 0; c < output->schema->field_count; c++) {
        const struct weir_field *field = &output->schema->fields[c];
        int is_read = output->wanted != NULL && weir_bit(output->wanted, c);
        unread += !is_read;
        fprintf(file, "%s%s%s %s%s", c == 0 ? "" : ", ", is_read ? "" : "-", field->name,
                type_name(field->type, text, sizeof text), field->type.nullable ? "" : " not null");
    }
    fprintf(file, "\n    kinds    %s", kinds_text(output->kinds, text));
    if (output->event_time >= 0) {
        fprintf(file, "; event time: %s%s", output->schema->fields[output->event_time].name,
                stage->event_time >= 0 ? " (named here)" : "");
    }
    if (unread > 0) {
        fprintf(file, "; %d column%s that nobody reads (-) %s not made", unread,
                unread == 1 ? "" : "s", unread == 1 ? "is" : "are");
    }
    fprintf(file, "\n");
}

void plan_explain(const struct plan *plan, FILE *file)
{
    fprintf(file, "pipeline %s: %u stages in %u chains, parallelism %u\n", plan->name,
            plan->stage_count, plan->chain_count, plan->parallelism);
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        fprintf(file, "resource %s (%s)\n", plan->resources[i].name, plan->resources[i].type->name);
    }
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        const struct plan_stage *stage = &plan->stages[plan->order[i]];
        fprintf(file, "  %s (%s of %s %s)\n", stage->name, stage->description->name,
                stage->plugin->description->name, stage->plugin->description->version);
        fprintf(file, "    runs     in %u task%s of chain %u%s%s%s\n", stage->parallelism,
                stage->parallelism == 1 ? "" : "s", stage->chain + 1,
                (stage->description->flags & WEIR_OPERATOR_BLOCKING) != 0
                    ? ", on threads of its own"
                    : "",
                stage->is_bounded ? "" : ", without end",
                stage->on_error == ON_ERROR_REJECT ? ", bad rows go to `rejected`" : "");
        for (uint32_t j = 0; j < stage->input_count; j++) {
            explain_input(plan, stage, j, file);
        }
        for (uint32_t o = 0; o + 1 < stage->negotiation->output_count; o++) {
            if (stage->negotiation->outputs[o].schema != NULL) {
                explain_output(&stage->negotiation->outputs[o], stage, file);
            }
        }
    }
}
