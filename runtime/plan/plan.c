#include "plan/plan.h"

#include <stdlib.h>

#include "plan/plan_internal.h"

struct plan *plan_build(json_t *description, const struct plugins *plugins,
                        const struct plan_settings *settings, struct diagnostics *diagnostics)
{
    struct plan *plan = calloc(1, sizeof *plan);
    struct plan_build build = {plan, plugins, settings, diagnostics};
    if (plan == NULL) {
        json_decref(description);
        return NULL;
    }
    plan->description = description;
    if (plan_declare(&build) != 0 || plan_connect(&build) != 0 || plan_configure(&build) != 0 ||
        plan_negotiate(&build) != 0 || diagnostics->error_count > 0) {
        plan_destroy(plan);
        return NULL;
    }
    plan_chain(plan);
    return plan;
}

void plan_destroy(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        struct plan_stage *stage = &plan->stages[i];
        for (uint32_t o = 0; stage->partitions != NULL && o < stage->negotiation->output_count;
             o++) {
            free(stage->partitions[o].columns);
        }
        free(stage->partitions);
        free(stage->inputs);
    }
    // Schemas go down the graph, so negotiations end in any order only once nobody looks at them.
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        instance_destroy(plan->stages[i].prototype);
        negotiation_destroy(plan->stages[i].negotiation);
        options_destroy(plan->stages[i].options);
        options_destroy(plan->stages[i].common);
    }
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        instance_destroy(plan->resources[i].prototype);
        options_destroy(plan->resources[i].options);
    }
    free(plan->resources);
    free(plan->stages);
    free(plan->order);
    free(plan->edges);
    json_decref(plan->description);
    free(plan);
}
