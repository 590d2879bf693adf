#include "task/writers.h"

#include <stdlib.h>
#include <string.h>

// "" where the option is not set.
static const char *resource_name(const struct plan_stage *stage,
                                 const struct negotiation_resource *resource)
{
    const struct weir_value *value = options_find(stage->options, resource->option);
    return value->type == WEIR_VALUE_RESOURCE ? value->as.string : "";
}

static int writes(const struct plan_stage *stage, const char *resource)
{
    for (uint32_t i = 0; i < stage->negotiation->resource_count; i++) {
        const struct negotiation_resource *used = &stage->negotiation->resources[i];
        if (used->is_written && resource[0] != '\0' &&
            strcmp(resource_name(stage, used), resource) == 0) {
            return 1;
        }
    }
    return 0;
}

static int reads_from(const struct plan_stage *reader, const struct plan_stage *writer)
{
    for (uint32_t i = 0; i < reader->negotiation->resource_count; i++) {
        const struct negotiation_resource *used = &reader->negotiation->resources[i];
        if (!used->is_written && writes(writer, resource_name(reader, used))) {
            return 1;
        }
    }
    return 0;
}

// Marks all stages that rows of a stage can reach, itself too.
static void reach(const struct plan *plan, uint32_t stage, uint8_t *is_reached)
{
    if (is_reached[stage]) {
        return;
    }
    is_reached[stage] = 1;
    for (uint32_t e = 0; e < plan->edge_count; e++) {
        if (plan->edges[e].from == stage) {
            reach(plan, plan->edges[e].to, is_reached);
        }
    }
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        if (reads_from(&plan->stages[i], &plan->stages[stage])) {
            reach(plan, i, is_reached);
        }
    }
}

uint8_t *writers_find(const struct plan *plan)
{
    uint32_t count = plan->stage_count;
    uint8_t *writers = calloc((size_t)count + 1, count), *is_reached = malloc(count);
    for (uint32_t s = 0; writers != NULL && is_reached != NULL && s < count; s++) {
        if (plan->stages[s].negotiation->resource_count == 0) {
            continue;
        }
        memset(is_reached, 0, count);
        reach(plan, s, is_reached);
        for (uint32_t w = 0; w < count; w++) {
            writers[(size_t)s * count + w] =
                !is_reached[w] && reads_from(&plan->stages[s], &plan->stages[w]);
        }
    }
    if (is_reached == NULL) {
        free(writers);
        return NULL;
    }
    free(is_reached);
    return writers;
}
