#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/plan_internal.h"

struct place plan_place(const json_t *object, const char *key)
{
    const json_t *place = json_object_get(object, key);
    return (struct place){
        .file = (char *)json_string_value(json_object_get(place, "file")),
        .line = (uint32_t)json_integer_value(json_object_get(place, "line")),
        .column = (uint32_t)json_integer_value(json_object_get(place, "column")),
        .end = (uint32_t)json_integer_value(json_object_get(place, "end")),
    };
}

struct place plan_option_place(const json_t *declaration, const char *option)
{
    const json_t *places = json_object_get(declaration, "option_places");
    return json_object_get(places, option) != NULL ? plan_place(places, option)
                                                   : plan_place(declaration, "place");
}

char *plan_names(const char *const *names)
{
    struct text text = {0};
    for (; names != NULL && *names != NULL; names++) {
        text_print(&text, "%s%s", text.length == 0 ? "" : ", ", *names);
    }
    return text.at;
}

// Adds what is available and a suggestion, and frees names.
static void suggest(struct diagnostic *diagnostic, const char *wrong, const char **names)
{
    const char *near = names == NULL ? NULL : text_nearest(wrong, names);
    if (diagnostic != NULL) {
        free(diagnostic->available);
        diagnostic->available = plan_names(names);
        if (near != NULL) {
            diagnostic_set(&diagnostic->help, "did you mean `%s`?", near);
        }
    }
    free(names);
}

static int declare_resource(struct plan_build *build, const json_t *declaration,
                            struct plan_resource *resource)
{
    const char *type = json_string_value(json_object_get(declaration, "type"));
    resource->name = json_string_value(json_object_get(declaration, "name"));
    resource->place = plan_place(declaration, "place");
    resource->type = plugins_resource(build->plugins, type, &resource->plugin);
    if (resource->type == NULL) {
        suggest(diagnostic_add(build->diagnostics, "W0401", &resource->place,
                               "there is no resource type `%s` (resource `%s`)", type,
                               resource->name),
                type, plugins_resource_names(build->plugins));
        return -EINVAL;
    }
    return 0;
}

// The name of the operator: option `use`, or the verb itself (w.filter "x").
static const char *operator_name(struct plan_build *build, const json_t *declaration,
                                 const struct plan_stage *stage, uint32_t *kind)
{
    static const char *const verbs[] = {NULL, "source", "transform", "sink", "service"};
    const char *verb = json_string_value(json_object_get(declaration, "verb"));
    const json_t *use = json_object_get(json_object_get(declaration, "options"), "use");
    *kind = 0;
    for (uint32_t i = WEIR_OPERATOR_SOURCE; i <= WEIR_OPERATOR_SERVICE; i++) {
        if (strcmp(verb, verbs[i]) == 0) {
            *kind = i;
        }
    }
    if (*kind == 0) {
        *kind = WEIR_OPERATOR_TRANSFORM;
        return verb;
    }
    if (!json_is_string(use)) {
        struct diagnostic *diagnostic =
            diagnostic_add(build->diagnostics, "W0402", &stage->place,
                           "a w.%s needs the option `use`, the name of an operator", verb);
        const char **names = plugins_operator_names(build->plugins, *kind);
        if (diagnostic != NULL) {
            diagnostic_set(&diagnostic->stage, "%s", stage->name);
            diagnostic->available = plan_names(names);
        }
        free(names);
        return NULL;
    }
    return json_string_value(use);
}

static int declare_stage(struct plan_build *build, const json_t *declaration,
                         struct plan_stage *stage)
{
    static const char *const kinds[] = {"", "source", "transform", "sink", "service"};
    uint32_t kind;
    stage->name = json_string_value(json_object_get(declaration, "name"));
    stage->place = plan_place(declaration, "place");
    stage->event_time = -1;
    const char *name = operator_name(build, declaration, stage, &kind);
    if (name == NULL) {
        return -EINVAL;
    }
    struct place place = plan_option_place(declaration, "use");
    stage->description = plugins_operator(build->plugins, name, kind, &stage->plugin);
    if (stage->description == NULL) { // of another kind, for a better message
        stage->description = plugins_operator(build->plugins, name, 0, &stage->plugin);
    }
    if (stage->description == NULL) {
        struct diagnostic *diagnostic =
            diagnostic_add(build->diagnostics, "W0403", &place, "there is no operator `%s`", name);
        suggest(diagnostic, name, plugins_operator_names(build->plugins, kind));
        if (diagnostic != NULL) {
            diagnostic_set(&diagnostic->stage, "%s", stage->name);
        }
        return -EINVAL;
    }
    if (stage->description->kind != kind) {
        struct diagnostic *diagnostic =
            diagnostic_add(build->diagnostics, "W0404", &place, "operator `%s` is a %s, not a %s",
                           name, kinds[stage->description->kind], kinds[kind]);
        if (diagnostic != NULL) {
            diagnostic_set(&diagnostic->stage, "%s", stage->name);
            diagnostic_set(&diagnostic->help, "write w.%s \"%s\" { use = \"%s\", ... }",
                           kinds[stage->description->kind], stage->name, name);
        }
        return -EINVAL;
    }
    return 0;
}

static int check_names(struct plan_build *build)
{
    struct plan *plan = build->plan;
    int rc = 0;
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            assert(plan->stages[i].name != NULL && plan->stages[j].name != NULL);
            if (strcmp(plan->stages[i].name, plan->stages[j].name) == 0) {
                diagnostic_add(build->diagnostics, "W0405", &plan->stages[i].place,
                               "there are two stages of the name `%s`; the other one is in line %u",
                               plan->stages[i].name, plan->stages[j].place.line);
                rc = -EINVAL;
            }
        }
    }
    return rc;
}

static int read_pipeline_options(struct plan_build *build)
{
    const char *name;
    json_t *value, *options = json_object_get(build->plan->description, "options");
    build->plan->parallelism = build->settings->workers;
    int rc = 0;
    json_object_foreach(options, name, value)
    {
        struct place place = plan_option_place(build->plan->description, name);
        if (strcmp(name, "parallelism") == 0 && json_is_integer(value) &&
            json_integer_value(value) >= 1 && json_integer_value(value) <= 4096) {
            build->plan->parallelism = (uint32_t)json_integer_value(value);
            continue;
        }
        rc = -EINVAL;
        if (strcmp(name, "parallelism") == 0) {
            diagnostic_add(build->diagnostics, "W0406", &place,
                           "parallelism is a whole number from 1 to 4096");
        } else if (strcmp(name, "checkpoint") == 0) {
            diagnostic_add(
                build->diagnostics, "W0407", &place,
                "checkpoints are not built yet: this weir keeps the state of a job in memory "
                "only; remove `checkpoint`");
        } else {
            const char *const known[] = {"checkpoint", "parallelism", NULL};
            struct diagnostic *diagnostic = diagnostic_add(build->diagnostics, "W0408", &place,
                                                           "a pipeline has no option `%s`", name);
            const char *near = text_nearest(name, known);
            if (diagnostic != NULL) {
                diagnostic->available = plan_names(known);
                if (near != NULL) {
                    diagnostic_set(&diagnostic->help, "did you mean `%s`?", near);
                }
            }
        }
    }
    return rc;
}

int plan_declare(struct plan_build *build)
{
    struct plan *plan = build->plan;
    const json_t *resources = json_object_get(plan->description, "resources");
    const json_t *stages = json_object_get(plan->description, "stages");
    plan->name = json_string_value(json_object_get(plan->description, "name"));
    int rc = read_pipeline_options(build);
    plan->resources = calloc(json_array_size(resources) + 1, sizeof *plan->resources);
    plan->stages = calloc(json_array_size(stages) + 1, sizeof *plan->stages);
    if (plan->resources == NULL || plan->stages == NULL) {
        return -ENOMEM;
    }
    for (; plan->resource_count < json_array_size(resources); plan->resource_count++) {
        struct plan_resource *resource = &plan->resources[plan->resource_count];
        if (declare_resource(build, json_array_get(resources, plan->resource_count), resource) !=
            0) {
            rc = -EINVAL;
        }
    }
    for (; plan->stage_count < json_array_size(stages); plan->stage_count++) {
        struct plan_stage *stage = &plan->stages[plan->stage_count];
        if (declare_stage(build, json_array_get(stages, plan->stage_count), stage) != 0) {
            rc = -EINVAL;
        }
    }
    if (plan->stage_count == 0) {
        struct place place = plan_place(plan->description, "place");
        diagnostic_add(build->diagnostics, "W0409", &place, "the pipeline has no stages");
        rc = -EINVAL;
    }
    return check_names(build) != 0 ? -EINVAL : rc;
}
