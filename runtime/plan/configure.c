#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/plan_internal.h"

static const char *const on_error_choices[] = {"fail", "reject", NULL};

const struct weir_option plan_common_options[] = {
    {.name = "use",
     .summary = "The operator; only w.source, w.transform, w.sink and w.service have it",
     .type = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "from",
     .summary = "The stage, or \"stage.output\", to read instead of the stage above",
     .type = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "inputs",
     .summary = "Several stages to read, for operators with many inputs",
     .type = WEIR_OPTION_LIST,
     .element = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "parallelism",
     .summary = "How many tasks run this stage",
     .type = WEIR_OPTION_INT,
     .min = 1,
     .max = 4096,
     .unit = "tasks",
     .since = "0.1"},
    {.name = "chain",
     .summary = "Whether it may run in the task of the stage that it reads",
     .type = WEIR_OPTION_BOOL,
     .initial = "true",
     .since = "0.1"},
    {.name = "on_error",
     .summary = "What a bad row does: fail the job, or go to the output `rejected`",
     .type = WEIR_OPTION_ENUM,
     .choices = on_error_choices,
     .initial = "\"fail\"",
     .since = "0.1"},
    {.name = "event_time",
     .summary = "The column that holds the time of a row: a timestamp, a date, or an int64 of "
                "milliseconds",
     .type = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "watermark",
     .summary = "How late rows may come, { lag = \"5s\" }: event time is complete up to the "
                "largest seen less lag",
     .type = WEIR_OPTION_MAP,
     .element = WEIR_OPTION_DURATION,
     .since = "0.1"},
};
const uint32_t plan_common_option_count = sizeof plan_common_options / sizeof *plan_common_options;

static const char *reference_value(void *owner, const char *kind, const char *name)
{
    (void)owner;
    (void)kind;
    return getenv(name);
}

// Stage handles are as good as names: the descriptors want text.
static void replace_handles(json_t *options)
{
    json_t *from = json_object_get(options, "from"), *inputs = json_object_get(options, "inputs"),
           *item;
    size_t index;
    if (json_is_object(from)) {
        json_object_set(options, "from", json_object_get(from, "stage"));
    }
    json_array_foreach(inputs, index, item)
    {
        if (json_is_object(item)) {
            json_array_set(inputs, index, json_object_get(item, "stage"));
        }
    }
}

static const char **option_names(const struct weir_option *options, uint32_t count)
{
    const char **names = calloc(count + 1, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < count; i++) {
        names[i] = options[i].name;
    }
    return names;
}

static const struct weir_option *find_descriptor(const struct plan_stage *stage, const char *name)
{
    for (uint32_t i = 0; i < stage->description->option_count; i++) {
        if (strcmp(stage->description->options[i].name, name) == 0) {
            return &stage->description->options[i];
        }
    }
    for (uint32_t i = 0; i < plan_common_option_count; i++) {
        if (strcmp(plan_common_options[i].name, name) == 0) {
            return &plan_common_options[i];
        }
    }
    return NULL;
}

// One --set stage.option=value; the stage's name may have dots, the option's has none.
static int override_option(struct plan_build *build, const char *override)
{
    struct plan *plan = build->plan;
    struct place nowhere = {0};
    const char *equals = strchr(override, '='), *dot = equals;
    while (dot != NULL && dot > override && *dot != '.') {
        dot--;
    }
    if (equals == NULL || dot == override) {
        diagnostic_add(build->diagnostics, "W0421", &nowhere,
                       "--set %s: write --set STAGE.OPTION=VALUE", override);
        return -EINVAL;
    }
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        struct plan_stage *stage = &plan->stages[i];
        char name[256];
        size_t length = (size_t)(equals - dot - 1);
        if (strlen(stage->name) != (size_t)(dot - override) ||
            strncmp(stage->name, override, (size_t)(dot - override)) != 0 ||
            length >= sizeof name) {
            continue;
        }
        memcpy(name, dot + 1, length);
        name[length] = '\0';
        const struct weir_option *descriptor = find_descriptor(stage, name);
        json_t *declaration = json_array_get(json_object_get(plan->description, "stages"), i);
        json_t *value = descriptor == NULL ? json_string(equals + 1)
                                           : options_from_text(descriptor, equals + 1);
        json_object_set_new(json_object_get(declaration, "options"), name, value);
        json_object_del(json_object_get(declaration, "option_places"), name);
        return 0;
    }
    const char **names = calloc(plan->stage_count + 1, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < plan->stage_count; i++) {
        names[i] = plan->stages[i].name;
    }
    struct diagnostic *diagnostic = diagnostic_add(build->diagnostics, "W0422", &nowhere,
                                                   "--set %s: there is no such stage", override);
    if (diagnostic != NULL) {
        diagnostic->available = plan_names(names);
    }
    free(names);
    return -EINVAL;
}

static void read_common(struct plan_build *build, struct plan_stage *stage)
{
    const struct weir_value *parallelism = options_find(stage->common, "parallelism");
    const struct weir_value *on_error = options_find(stage->common, "on_error");
    const struct weir_value *watermark = options_find(stage->common, "watermark");
    stage->parallelism = parallelism->type == WEIR_VALUE_INT ? (uint32_t)parallelism->as.integer
                                                             : build->plan->parallelism;
    if ((stage->description->flags & WEIR_OPERATOR_SINGLE) != 0) {
        stage->parallelism = 1;
    }
    stage->on_error = on_error->choice == 1 ? ON_ERROR_REJECT : ON_ERROR_FAIL;
    for (uint32_t i = 0; watermark->type == WEIR_VALUE_MAP && i < watermark->count; i++) {
        if (strcmp(watermark->as.items[i].name, "lag") == 0) {
            stage->watermark_lag_us = watermark->as.items[i].as.integer;
        } else {
            struct diagnostic *diagnostic = diagnostic_add(
                build->diagnostics, "W0423", options_place(stage->common, "watermark"),
                "`watermark` has no setting `%s`", watermark->as.items[i].name);
            if (diagnostic != NULL) {
                diagnostic_set(&diagnostic->stage, "%s", stage->name);
                diagnostic_set(&diagnostic->available, "lag");
            }
        }
    }
}

static int configure_stage(struct plan_build *build, uint32_t number)
{
    struct plan_stage *stage = &build->plan->stages[number];
    json_t *declaration =
        json_array_get(json_object_get(build->plan->description, "stages"), number);
    char owner[256];
    const char **own = option_names(stage->description->options, stage->description->option_count);
    const char **common = option_names(plan_common_options, plan_common_option_count);
    snprintf(owner, sizeof owner, "operator `%s`", stage->description->name);
    replace_handles(json_object_get(declaration, "options"));
    struct options_request request = {
        .descriptors = stage->description->options,
        .descriptor_count = stage->description->option_count,
        .values = json_object_get(declaration, "options"),
        .places = json_object_get(declaration, "option_places"),
        .owner = owner,
        .stage = stage->name,
        .place = stage->place,
        .others = common,
        .reference = reference_value,
    };
    stage->options = options_create(&request, build->diagnostics);
    request.descriptors = plan_common_options;
    request.descriptor_count = plan_common_option_count;
    request.others = own;
    // What is unknown to both was reported above; here only the common ones are read.
    json_t *values = json_object();
    for (uint32_t i = 0; i < plan_common_option_count; i++) {
        json_t *value = json_object_get(request.values, common[i]);
        if (value != NULL) {
            json_object_set(values, common[i], value);
        }
    }
    request.values = values;
    stage->common = options_create(&request, build->diagnostics);
    json_decref(values);
    free(own);
    free(common);
    if (stage->options == NULL || stage->common == NULL) {
        return -EINVAL;
    }
    read_common(build, stage);
    return 0;
}

// Makes the instance that operators see while they negotiate; it is never opened.
static int create_resource(struct plan_build *build, struct plan_resource *resource)
{
    struct error error = {0};
    struct instance_request request = {
        .host = &host_weir,
        .resource = resource->type,
        .plugin = resource->plugin->description->name,
        .stage = resource->name,
        .options = resource->options,
        .hooks = &build->plan->hooks,
        .owner = build->plan,
    };
    if (instance_create(&request, &resource->prototype, &error) != 0) {
        diagnostic_add(build->diagnostics, "W0424", &resource->place, "resource `%s`: %s",
                       resource->name, error.text);
        return -EINVAL;
    }
    return 0;
}

static int configure_resource(struct plan_build *build, uint32_t number)
{
    struct plan_resource *resource = &build->plan->resources[number];
    const json_t *declaration =
        json_array_get(json_object_get(build->plan->description, "resources"), number);
    char owner[256];
    snprintf(owner, sizeof owner, "resource type `%s`", resource->type->name);
    resource->options = options_create(
        &(struct options_request){
            .descriptors = resource->type->options,
            .descriptor_count = resource->type->option_count,
            .values = json_object_get(declaration, "options"),
            .places = json_object_get(declaration, "option_places"),
            .owner = owner,
            .stage = resource->name,
            .place = resource->place,
            .reference = reference_value,
        },
        build->diagnostics);
    return resource->options == NULL ? -EINVAL : create_resource(build, resource);
}

static struct instance *find_resource(struct instance *instance, const char *name)
{
    const struct plan *plan = instance->owner;
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        if (strcmp(plan->resources[i].name, name) == 0) {
            return plan->resources[i].prototype;
        }
    }
    return NULL;
}

// Makes the instance that is negotiated with; it never runs.
static int create_prototype(struct plan_build *build, struct plan_stage *stage)
{
    struct error error = {0};
    struct instance_request request = {
        .host = &host_weir,
        .description = stage->description,
        .plugin = stage->plugin->description->name,
        .stage = stage->name,
        .options = stage->options,
        .hooks = &build->plan->hooks,
        .owner = build->plan,
        .on_error = stage->on_error,
        .task_count = stage->parallelism,
    };
    if (instance_create(&request, &stage->prototype, &error) != 0) {
        struct diagnostic *diagnostic =
            diagnostic_add(build->diagnostics, "W0424",
                           options_place_in(stage->options, error.text), "%s", error.text);
        if (diagnostic != NULL) {
            diagnostic_set(&diagnostic->stage, "%s", stage->name);
        }
        return -EINVAL;
    }
    return 0;
}

int plan_configure(struct plan_build *build)
{
    struct plan *plan = build->plan;
    int rc = 0;
    plan->hooks =
        (struct instance_hooks){.resource = find_resource, .extension = build->settings->extension};
    for (const char *const *at = build->settings->overrides; at != NULL && *at != NULL; at++) {
        rc = override_option(build, *at) != 0 ? -EINVAL : rc;
    }
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        rc = configure_resource(build, i) != 0 ? -EINVAL : rc;
    }
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        rc = configure_stage(build, i) != 0 ? -EINVAL : rc;
    }
    for (uint32_t i = 0; rc == 0 && i < plan->stage_count; i++) {
        rc = create_prototype(build, &plan->stages[i]) != 0 ? -EINVAL : rc;
    }
    return rc;
}
