#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/plan_internal.h"

static int32_t find_stage(const struct plan *plan, const char *name, size_t length)
{
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        if (strlen(plan->stages[i].name) == length &&
            memcmp(plan->stages[i].name, name, length) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static struct diagnostic *complain(struct plan_build *build, const struct plan_stage *stage,
                                   const char *code, const struct place *place, const char *text,
                                   const char *name)
{
    struct diagnostic *diagnostic = diagnostic_add(build->diagnostics, code, place, text, name);
    if (diagnostic != NULL) {
        diagnostic_set(&diagnostic->stage, "%s", stage->name);
    }
    return diagnostic;
}

// Resolves "stage" or "stage.output" (names may have dots: the longest stage name wins).
static int resolve(struct plan_build *build, const struct plan_stage *stage, const char *reference,
                   const struct place *place, struct plan_edge *edge)
{
    struct plan *plan = build->plan;
    int32_t from = find_stage(plan, reference, strlen(reference));
    const char *output = "";
    if (from < 0) {
        const char *dot = strrchr(reference, '.');
        from = dot == NULL ? -1 : find_stage(plan, reference, (size_t)(dot - reference));
        output = dot == NULL ? "" : dot + 1;
    }
    if (from < 0) {
        const char **names = calloc(plan->stage_count + 1, sizeof *names);
        for (uint32_t i = 0; names != NULL && i < plan->stage_count; i++) {
            names[i] = plan->stages[i].name;
        }
        struct diagnostic *diagnostic =
            complain(build, stage, "W0411", place, "there is no stage `%s`", reference);
        if (diagnostic != NULL && names != NULL) {
            const char *near = text_nearest(reference, names);
            diagnostic->available = plan_names(names);
            if (near != NULL) {
                diagnostic_set(&diagnostic->help, "did you mean `%s`?", near);
            }
        }
        free(names);
        return -EINVAL;
    }
    const struct weir_operator *description = plan->stages[from].description;
    int32_t number = operator_output(description, output);
    int is_sink = description->kind == WEIR_OPERATOR_SINK && output[0] == '\0';
    if (number < 0 || is_sink) {
        struct diagnostic *diagnostic =
            complain(build, stage, "W0412", place,
                     is_sink ? "`%s` is a sink: nothing comes out of it but what it rejects"
                             : "there is no output `%s`",
                     reference);
        struct text available = {0};
        if (description->kind != WEIR_OPERATOR_SINK) {
            text_print(&available, "%s, ", plan->stages[from].name);
        }
        for (uint32_t i = 0; description->outputs != NULL && description->outputs[i] != NULL; i++) {
            text_print(&available, "%s.%s, ", plan->stages[from].name, description->outputs[i]);
        }
        text_print(&available, "%s.rejected", plan->stages[from].name);
        if (diagnostic != NULL) {
            diagnostic->available = available.at;
        } else {
            text_finish(&available);
        }
        return -EINVAL;
    }
    edge->from = (uint32_t)from;
    edge->from_output = (uint32_t)number;
    return 0;
}

static const char *reference_text(const json_t *value)
{
    const json_t *handle = json_object_get(value, "stage");
    return json_string_value(handle != NULL ? handle : value);
}

// Adds one input of a stage.
static int connect(struct plan_build *build, uint32_t to, const char *reference,
                   const struct place *place)
{
    struct plan *plan = build->plan;
    struct plan_stage *stage = &plan->stages[to];
    struct plan_edge edge = {.to = to, .to_input = stage->input_count};
    if (reference == NULL) {
        complain(build, stage, "W0413", place, "%s",
                 "`from` is the name of a stage and `inputs` a list of such names");
        return -EINVAL;
    }
    int rc = resolve(build, stage, reference, place, &edge);
    if (rc != 0) {
        return rc;
    }
    struct plan_edge *edges = realloc(plan->edges, (plan->edge_count + 1) * sizeof edge);
    if (edges == NULL) {
        return -ENOMEM;
    }
    plan->edges = edges;
    uint32_t *inputs = realloc(stage->inputs, (stage->input_count + 1) * sizeof *inputs);
    if (inputs == NULL) {
        return -ENOMEM;
    }
    stage->inputs = inputs;
    stage->inputs[stage->input_count++] = plan->edge_count;
    plan->edges[plan->edge_count++] = edge;
    return 0;
}

static int has_inputs(const struct plan_stage *stage)
{
    return stage->description->kind == WEIR_OPERATOR_TRANSFORM ||
           stage->description->kind == WEIR_OPERATOR_SINK;
}

// The remedy where an operator has one input: the transforms that take several.
static void complain_many_inputs(struct plan_build *build, struct plan_stage *stage,
                                 const struct place *place)
{
    const char **names = plugins_operator_names(build->plugins, WEIR_OPERATOR_TRANSFORM);
    struct text remedy = {0};
    for (const char **name = names; name != NULL && *name != NULL; name++) {
        const struct weir_operator *candidate =
            plugins_operator(build->plugins, *name, WEIR_OPERATOR_TRANSFORM, NULL);
        if ((candidate->flags & WEIR_OPERATOR_MANY_INPUTS) != 0) {
            text_print(&remedy, "%s`%s`", remedy.length == 0 ? "" : " or ", *name);
        }
    }
    free(names);
    struct diagnostic *diagnostic = complain(
        build, stage, "W0416", place, "operator `%s` has one input", stage->description->name);
    if (diagnostic != NULL && remedy.length > 0) {
        diagnostic_set(&diagnostic->help, "put %s before it", remedy.at);
    }
    text_finish(&remedy);
}

static int connect_stage(struct plan_build *build, uint32_t number)
{
    struct plan_stage *stage = &build->plan->stages[number];
    const json_t *declaration =
        json_array_get(json_object_get(build->plan->description, "stages"), number);
    const json_t *options = json_object_get(declaration, "options");
    const json_t *from = json_object_get(options, "from"),
                 *inputs = json_object_get(options, "inputs");
    struct place from_place = plan_option_place(declaration, "from");
    struct place inputs_place = plan_option_place(declaration, "inputs");
    size_t index;
    const json_t *item;
    int rc = 0;
    if (!has_inputs(stage) && (from != NULL || inputs != NULL)) {
        complain(build, stage, "W0414", from != NULL ? &from_place : &inputs_place,
                 "`%s` has no input: remove `from` and `inputs`", stage->name);
        return -EINVAL;
    }
    if (from != NULL && inputs != NULL) {
        complain(build, stage, "W0415", &inputs_place, "%s",
                 "give either `from` or `inputs`, not both");
        return -EINVAL;
    }
    if (from != NULL) {
        return connect(build, number, reference_text(from), &from_place);
    }
    if (inputs != NULL) {
        if (!json_is_array(inputs) || json_array_size(inputs) == 0) {
            return connect(build, number, NULL, &inputs_place);
        }
        if (json_array_size(inputs) > 1 &&
            (stage->description->flags & WEIR_OPERATOR_MANY_INPUTS) == 0) {
            complain_many_inputs(build, stage, &inputs_place);
            return -EINVAL;
        }
        json_array_foreach(inputs, index, item)
        {
            int one = connect(build, number, reference_text(item), &inputs_place);
            rc = one != 0 ? one : rc;
        }
        return rc;
    }
    if (!has_inputs(stage)) {
        return 0;
    }
    if (number == 0 || build->plan->stages[number - 1].description->kind == WEIR_OPERATOR_SINK ||
        build->plan->stages[number - 1].description->kind == WEIR_OPERATOR_SERVICE) {
        complain(build, stage, "W0417", &stage->place,
                 "stage `%s` has no stage above it to read; begin with a w.source, or say from = "
                 "\"NAME\"",
                 stage->name);
        return -EINVAL;
    }
    return connect(build, number, build->plan->stages[number - 1].name, &stage->place);
}

// Names a cycle that is left when no stage can be placed any more.
static void complain_of_cycle(struct plan_build *build, const uint8_t *is_placed)
{
    struct plan *plan = build->plan;
    struct text text = {0};
    uint32_t at = 0;
    while (is_placed[at]) {
        at++;
    }
    // Walk upstream through stages that are not placed until one comes twice.
    uint8_t *seen = calloc(plan->stage_count, 1);
    while (seen != NULL && !seen[at]) {
        seen[at] = 1;
        for (uint32_t i = 0; i < plan->stages[at].input_count; i++) {
            uint32_t from = plan->edges[plan->stages[at].inputs[i]].from;
            if (!is_placed[from]) {
                at = from;
                break;
            }
        }
    }
    uint32_t start = at;
    do {
        text_print(&text, "`%s` reads ", plan->stages[at].name);
        for (uint32_t i = 0; i < plan->stages[at].input_count; i++) {
            uint32_t from = plan->edges[plan->stages[at].inputs[i]].from;
            if (!is_placed[from]) {
                at = from;
                break;
            }
        }
        text_print(&text, at == start ? "`%s`" : "`%s`, ", plan->stages[at].name);
    } while (at != start);
    complain(build, &plan->stages[start], "W0418", &plan->stages[start].place,
             "the stages form a cycle: %s", text.at == NULL ? "" : text.at);
    text_finish(&text);
    free(seen);
}

static int sort_stages(struct plan_build *build)
{
    struct plan *plan = build->plan;
    uint8_t *is_placed = calloc(plan->stage_count, 1);
    plan->order = calloc(plan->stage_count, sizeof *plan->order);
    if (is_placed == NULL || plan->order == NULL) {
        free(is_placed);
        return -ENOMEM;
    }
    uint32_t count = 0;
    for (int has_moved = 1; has_moved;) {
        has_moved = 0;
        for (uint32_t i = 0; i < plan->stage_count; i++) {
            int is_free = !is_placed[i];
            for (uint32_t j = 0; is_free && j < plan->stages[i].input_count; j++) {
                is_free = is_placed[plan->edges[plan->stages[i].inputs[j]].from];
            }
            if (is_free) {
                is_placed[i] = 1;
                plan->order[count++] = i;
                has_moved = 1;
            }
        }
    }
    if (count < plan->stage_count) {
        complain_of_cycle(build, is_placed);
    }
    free(is_placed);
    return count < plan->stage_count ? -EINVAL : 0;
}

int plan_connect(struct plan_build *build)
{
    int rc = 0;
    for (uint32_t i = 0; i < build->plan->stage_count; i++) {
        int one = connect_stage(build, i);
        rc = one != 0 ? one : rc;
    }
    return rc != 0 ? rc : sort_stages(build);
}
