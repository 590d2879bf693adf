#include "lua/pipeline.h"

#include <stdarg.h>
#include <string.h>

#include <lauxlib.h>

#include "base/diagnostic_json.h"
#include "base/text.h"
#include "lua/object.h"
#include "lua/value.h"

#define DEPTH_MAX 16
#define PATH_BYTES_MAX 256

static const char *const pipeline_option_names[] = {"parallelism", "checkpoint", NULL};

struct items {
    lua_State *state;
    struct evaluation *evaluation;
    const struct declaration *pipeline;
    const void *tables[DEPTH_MAX];
    int depth;
};

__attribute__((format(printf, 5, 6))) static void refuse_item(struct items *items, const char *path,
                                                              const char *code, const char *help,
                                                              const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    struct diagnostic *added = declaration_error(items->evaluation, items->pipeline, path, code,
                                                 "item %s of the pipeline is %s", path + 1, what);
    if (help != NULL) {
        diagnostic_set(&added->help, "%s", help);
    }
}

static void take_stage(struct items *items, int number, const char *path)
{
    struct evaluation *evaluation = items->evaluation;
    struct declaration *stage = &evaluation->declarations[number];
    if (stage->position >= 0) {
        struct diagnostic *added =
            declaration_error(evaluation, items->pipeline, path, "W0119",
                              "stage `%s` stands in the pipeline twice", stage->name);
        diagnostic_set(&added->help, "another stage reads the same rows by from = \"...\"");
        return;
    }
    stage->position = (int)evaluation->item_count;
    evaluation->items[evaluation->item_count++] = number;
}

static void take_list(struct items *items, const char *path);

// The item on top of the stack.
static void take_item(struct items *items, const char *path)
{
    const struct object *object = object_at(items->state, -1);
    if (object != NULL && object->kind == OBJECT_DECLARATION) {
        take_stage(items, object->number, path);
    } else if (object != NULL && object->kind == OBJECT_NAMED) {
        refuse_item(items, path, "W0115", "a table of options follows the name: { ... }, or {}",
                    "%s", object_name(items->state, -1));
    } else if (lua_istable(items->state, -1)) {
        take_list(items, path);
    } else {
        refuse_item(items, path, "W0117",
                    lua_isnil(items->state, -1)
                        ? "did a function that makes it forget its return?"
                        : "items are stages: w.NAME \"name\" { ... }, or lists of stages",
                    "%s, not a stage",
                    object != NULL ? "an operator, aggregate or reference"
                                   : object_name(items->state, -1));
    }
}

static void take_positions(struct items *items, const char *path, lua_Integer count)
{
    for (lua_Integer i = 1; i <= count; i++) {
        char below[PATH_BYTES_MAX];
        snprintf(below, sizeof below, "%s.%lld", path, (long long)i);
        lua_rawgeti(items->state, -1, i);
        int top = lua_gettop(items->state), is_nil = lua_isnil(items->state, -1);
        take_item(items, below);
        lua_settop(items->state, top - 1);
        if (is_nil) {
            return; // the rest would say the same
        }
    }
}

// The nested list on top of the stack.
static void take_list(struct items *items, const char *path)
{
    struct value_keys keys = value_keys(items->state, -1);
    const void *table = lua_topointer(items->state, -1);
    int is_inside = 0;
    for (int i = 0; i < items->depth; i++) {
        is_inside |= items->tables[i] == table;
    }
    if (is_inside || items->depth == DEPTH_MAX) {
        refuse_item(items, path, "W0122", NULL, "%s",
                    is_inside ? "a list that contains itself" : "nested too deep");
    } else if (keys.named_count > 0 || keys.strange != NULL) {
        refuse_item(items, path, "W0117", "a list of stages has no names: { stage, stage }",
                    "a table that is no list of stages");
    } else if (keys.last_item > DECLARATIONS_MAX) {
        refuse_item(items, path, "W0117", NULL, "a list with holes");
    } else {
        luaL_checkstack(items->state, 8, NULL);
        items->tables[items->depth++] = table;
        take_positions(items, path, keys.last_item);
        items->depth--;
    }
}

static void check_pipeline_options(struct evaluation *evaluation,
                                   const struct declaration *pipeline)
{
    const char *name;
    json_t *value;
    json_object_foreach(pipeline->options, name, value)
    {
        int is_known = 0;
        for (size_t i = 0; pipeline_option_names[i] != NULL; i++) {
            is_known |= strcmp(pipeline_option_names[i], name) == 0;
        }
        if (!is_known) {
            char key[PATH_BYTES_MAX];
            snprintf(key, sizeof key, "%s=", name);
            const char *nearest = text_nearest(name, pipeline_option_names);
            struct diagnostic *added = declaration_error(evaluation, pipeline, key, "W0116",
                                                         "a pipeline has no option `%s`", name);
            diagnostic_set(&added->option, "%s", name);
            diagnostic_set(&added->available, "parallelism, checkpoint");
            if (nearest != NULL) {
                diagnostic_set(&added->help, "did you mean `%s`?", nearest);
            }
        }
    }
}

void pipeline_declare(lua_State *state, int number, int index)
{
    struct evaluation *evaluation = evaluation_of(state);
    struct declaration *pipeline = &evaluation->declarations[number];
    if (evaluation->pipeline >= 0) {
        evaluation_fail(state, "W0113", "write a file for each",
                        "`%s` is a second pipeline; a file describes one", pipeline->name);
    }
    evaluation->pipeline = number;
    pipeline->options = value_options(state, pipeline, index, 0);
    check_pipeline_options(evaluation, pipeline);
    struct items items = {.state = state, .evaluation = evaluation, .pipeline = pipeline};
    struct value_keys keys = value_keys(state, index);
    items.tables[items.depth++] = lua_topointer(state, index);
    lua_pushvalue(state, index);
    if (keys.last_item <= DECLARATIONS_MAX) {
        take_positions(&items, "", keys.last_item);
    }
    lua_pop(state, 1);
    if (keys.item_count == 0) {
        declaration_error(evaluation, pipeline, NULL, "W0117", "the pipeline has no stages");
    }
}

void pipeline_take(lua_State *state)
{
    static const char help[] = "end the file with: return w.pipeline \"name\" { ... }";
    const struct object *object = object_at(state, -1);
    if (object == NULL || object->kind != OBJECT_PIPELINE) {
        evaluation_fail(state, "W0113", help, "the file returns %s, not a pipeline",
                        lua_isnil(state, -1) ? "nothing" : object_name(state, -1));
    }
}

struct resolution {
    struct evaluation *evaluation;
    struct declaration *declaration;
    json_t *places;    // what is found
    json_t *resources; // of the description
    json_t *names;     // of the resources: NAME: number
};

static json_t *describe(struct resolution *outer, struct declaration *declaration);

static void add_resource(struct resolution *resolution, int number, const char *path)
{
    struct evaluation *evaluation = resolution->evaluation;
    struct declaration *resource = &evaluation->declarations[number];
    json_t *same = json_object_get(resolution->names, resource->name);
    static const char *const stage_verbs[] = {"source", "transform", "sink", "service", NULL};
    for (size_t i = 0; stage_verbs[i] != NULL; i++) {
        if (strcmp(resource->verb, stage_verbs[i]) == 0) {
            declaration_error(evaluation, resolution->declaration, path, "W0130",
                              "`%s` is not in the pipeline, and a %s cannot be a resource",
                              resource->name, resource->verb);
            return;
        }
    }
    if (same != NULL && json_integer_value(same) != number) {
        const struct declaration *other = &evaluation->declarations[json_integer_value(same)];
        struct diagnostic *added = declaration_error(
            evaluation, resource, NULL, "W0120", "two resources are called `%s`", resource->name);
        diagnostic_note(added, "the other is at %s:%u", other->place.file, other->place.line);
        diagnostic_set(&added->help, "give one of them another name");
        return;
    }
    if (!resource->is_resource) {
        resource->is_resource = 1;
        json_object_set_new(resolution->names, resource->name, json_integer(number));
        json_t *described = describe(resolution, resource);
        json_object_del(described, "verb");
        json_object_set_new(described, "type", json_string(resource->verb));
        json_array_append_new(resolution->resources, described);
    }
}

static int reads_stage(const char *path)
{
    size_t length = strcspn(path, ".");
    return (length == 4 && strncmp(path, "from", 4) == 0) ||
           (length == 6 && strncmp(path, "inputs", 6) == 0);
}

static json_t *resolve_handle(struct resolution *resolution, int number, const char *path)
{
    const struct declaration *named = &resolution->evaluation->declarations[number];
    if (named->position >= 0) {
        return json_pack("{s:s}", "stage", named->name);
    }
    if (reads_stage(path)) {
        struct diagnostic *added =
            declaration_error(resolution->evaluation, resolution->declaration, path, "W0130",
                              "stage `%s` is not in the pipeline", named->name);
        diagnostic_set(&added->help, "add it to the items of w.pipeline");
        return NULL;
    }
    add_resource(resolution, number, path);
    return json_pack("{s:s}", "resource", named->name);
}

static json_t *resolve(struct resolution *resolution, json_t *value, const char *path);

static json_t *resolve_below(struct resolution *resolution, json_t *value, const char *path,
                             const char *name)
{
    char below[PATH_BYTES_MAX];
    snprintf(below, sizeof below, "%s.%s", path, name);
    return resolve(resolution, value, below);
}

static json_t *resolve_list(struct resolution *resolution, json_t *list, const char *path)
{
    json_t *resolved = json_array(), *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        char name[24];
        snprintf(name, sizeof name, "%zu", i + 1);
        json_array_append_new(resolved, resolve_below(resolution, item, path, name));
    }
    return resolved;
}

static json_t *resolve_map(struct resolution *resolution, json_t *pairs, const char *path)
{
    json_t *resolved = json_array(), *pair;
    size_t i;
    json_array_foreach(pairs, i, pair)
    {
        json_t *name = json_array_get(pair, 0);
        json_t *value =
            resolve_below(resolution, json_array_get(pair, 1), path, json_string_value(name));
        json_array_append_new(resolved, json_pack("[O,o]", name, value));
    }
    return json_pack("{s:o}", "map", resolved);
}

static json_t *resolve_aggregate(struct resolution *resolution, json_t *value, const char *path)
{
    const char *part;
    json_t *place, *own = json_object_get(value, "places");
    json_object_foreach(own, part, place)
    {
        char below[PATH_BYTES_MAX];
        snprintf(below, sizeof below, "%s.%s", path, part);
        json_object_set(resolution->places, below, place);
    }
    return json_pack("{s:O}", "aggregate", json_object_get(value, "aggregate"));
}

// Builds the value anew (an aggregate may stand in many stages) and notes its place.
static json_t *resolve(struct resolution *resolution, json_t *value, const char *path)
{
    struct place place = declaration_place(resolution->declaration, path);
    json_object_set_new(resolution->places, path, place_to_json(&place));
    if (json_is_array(value)) {
        return resolve_list(resolution, value, path);
    }
    json_t *map = json_object_get(value, "map"), *handle = json_object_get(value, "handle");
    if (map != NULL) {
        return resolve_map(resolution, map, path);
    }
    if (handle != NULL) {
        return resolve_handle(resolution, (int)json_integer_value(handle), path);
    }
    if (json_object_get(value, "aggregate") != NULL) {
        return resolve_aggregate(resolution, value, path);
    }
    return json_incref(value);
}

static json_t *resolve_options(struct resolution *resolution)
{
    json_t *options = json_object(), *value;
    const char *name;
    char key[PATH_BYTES_MAX];
    json_object_foreach(resolution->declaration->options, name, value)
    {
        json_object_set_new(options, name, resolve(resolution, value, name));
        snprintf(key, sizeof key, "%s=", name);
        struct place place = declaration_place(resolution->declaration, key);
        json_object_set_new(resolution->places, key, place_to_json(&place));
    }
    return options;
}

static json_t *describe(struct resolution *outer, struct declaration *declaration)
{
    struct resolution resolution = *outer;
    resolution.declaration = declaration;
    resolution.places = json_object();
    json_t *options = resolve_options(&resolution);
    if (json_object_get(options, "use") == NULL && declaration->verb_place.column != 0) {
        json_object_set_new(resolution.places, "use", place_to_json(&declaration->verb_place));
    }
    return json_pack("{s:s,s:s,s:o,s:o,s:o,s:O}", "verb", declaration->verb, "name",
                     declaration->name, "options", options, "place",
                     place_to_json(&declaration->place), "option_places", resolution.places, "from",
                     declaration->from);
}

static void check_stage_name(struct evaluation *evaluation, struct declaration *stage,
                             json_t *names)
{
    json_t *same = json_object_get(names, stage->name);
    if (strchr(stage->name, '.') != NULL) {
        struct diagnostic *added = declaration_error(
            evaluation, stage, NULL, "W0114", "the name of a stage has no dots: `%s`", stage->name);
        diagnostic_set(&added->help, "\"stage.output\" names an output of a stage");
    }
    if (same != NULL) {
        const struct declaration *other = &evaluation->declarations[json_integer_value(same)];
        struct diagnostic *added = declaration_error(evaluation, stage, NULL, "W0118",
                                                     "two stages are called `%s`", stage->name);
        diagnostic_note(added, "the other is at %s:%u", other->place.file, other->place.line);
        diagnostic_set(&added->help, "give one of them another name");
        return;
    }
    json_object_set_new(names, stage->name, json_integer(stage - evaluation->declarations));
}

static void check_stage_names(struct evaluation *evaluation)
{
    json_t *names = json_object();
    for (size_t i = 0; i < evaluation->item_count; i++) {
        check_stage_name(evaluation, &evaluation->declarations[evaluation->items[i]], names);
    }
    json_decref(names);
}

static void warn_of_unused(struct evaluation *evaluation)
{
    for (size_t i = 0; i < evaluation->declaration_count; i++) {
        const struct declaration *declaration = &evaluation->declarations[i];
        if (declaration->position < 0 && !declaration->is_resource &&
            (int)i != evaluation->pipeline) {
            struct diagnostic *added = diagnostic_add_warning(
                evaluation->diagnostics, "W0131", &declaration->place,
                "`%s` is declared but stands nowhere in the pipeline", declaration->name);
            diagnostic_set(&added->help, "add it to the items of w.pipeline, or remove it");
        }
    }
}

json_t *pipeline_describe(struct evaluation *evaluation)
{
    if (evaluation->pipeline < 0) {
        return NULL;
    }
    struct declaration *pipeline = &evaluation->declarations[evaluation->pipeline];
    struct resolution resolution = {
        .evaluation = evaluation, .resources = json_array(), .names = json_object()};
    check_stage_names(evaluation);
    json_t *description = describe(&resolution, pipeline), *stages = json_array();
    for (size_t i = 0; i < evaluation->item_count; i++) {
        json_array_append_new(
            stages, describe(&resolution, &evaluation->declarations[evaluation->items[i]]));
    }
    json_object_del(description, "verb");
    json_object_del(description, "from");
    json_object_set_new(description, "file", json_string(evaluation->sources[0]->path));
    json_object_set_new(description, "resources", resolution.resources);
    json_object_set_new(description, "stages", stages);
    json_decref(resolution.names);
    if (evaluation->diagnostics->error_count == 0) {
        warn_of_unused(evaluation);
    }
    return description;
}

json_t *pipeline_options(struct evaluation *evaluation, struct declaration *declaration)
{
    struct resolution resolution = {.evaluation = evaluation,
                                    .declaration = declaration,
                                    .places = json_object(),
                                    .resources = json_array(),
                                    .names = json_object()};
    json_t *options = resolve_options(&resolution);
    json_decref(resolution.places);
    json_decref(resolution.resources);
    json_decref(resolution.names);
    return options;
}
