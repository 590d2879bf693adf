#include "lua/aggregate.h"

#include <string.h>

#include <lauxlib.h>

#include "base/diagnostic_json.h"
#include "lua/object.h"

#define FUNCTIONS "count, sum, min, max, avg, first, last, stddev, distinct"
#define OUTPUT_NAME_MAX 256
#define STATS_MAX 4096 // columns of a schema

static int is_function(const char *name)
{
    static const char *const names[] = {"count", "sum",  "min",    "max",      "avg",
                                        "first", "last", "stddev", "distinct", NULL};
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(name, names[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

static const struct source *calling_source(lua_State *state, uint32_t *line)
{
    struct evaluation *evaluation = evaluation_of(state);
    struct place place = evaluation_place(evaluation);
    *line = place.line;
    for (size_t i = 0; i < evaluation->source_count; i++) {
        if (evaluation->sources[i]->path == place.file) {
            return evaluation->sources[i];
        }
    }
    return NULL;
}

static const char *text_at(lua_State *state, int index)
{
    const char *text = lua_type(state, index) == LUA_TSTRING ? lua_tostring(state, index) : NULL;
    if (text == NULL || text[0] == '\0' || strlen(text) != lua_rawlen(state, index)) {
        return NULL;
    }
    json_t *json = json_string(text); // only UTF-8 can be JSON
    json_decref(json);
    return json == NULL ? NULL : text;
}

static const char *read_by(lua_State *state, const char *function)
{
    static const char help[] = "write w.last(\"status\", { by = \"timestamp\" })";
    if (lua_isnoneornil(state, 2)) {
        return NULL;
    }
    if (strcmp(function, "first") != 0 && strcmp(function, "last") != 0) {
        evaluation_fail(state, "W0127", help, "`w.%s` takes the expression alone", function);
    }
    if (lua_istable(state, 2)) {
        lua_pushnil(state);
        while (lua_next(state, 2) != 0) {
            if (lua_type(state, -2) != LUA_TSTRING || strcmp(lua_tostring(state, -2), "by") != 0) {
                evaluation_fail(state, "W0127", help, "`w.%s` knows the option `by` alone",
                                function);
            }
            lua_pop(state, 1);
        }
        lua_getfield(state, 2, "by");
        if (text_at(state, -1) != NULL) {
            return lua_tostring(state, -1);
        }
    }
    evaluation_fail(state, "W0127", help, "the second argument of `w.%s` must be { by = \"...\" }",
                    function);
}

static json_t *make(const char *function, const char *argument, const char *by, json_t *places)
{
    return json_pack("{s:{s:s,s:s?,s:s?},s:o}", "aggregate", "function", function, "argument",
                     argument, "by", by, "places", places);
}

// The text after `by =` in the call is looked for like an argument of a function "by".
static json_t *find_places(lua_State *state, const char *function, const char *argument,
                           const char *by)
{
    uint32_t line;
    const struct source *source = calling_source(state, &line);
    json_t *places = json_object();
    if (source != NULL && argument != NULL) {
        struct place place = source_argument(source, line, function, argument);
        json_object_set_new(places, "argument", place_to_json(&place));
    }
    if (source != NULL && by != NULL) {
        struct place place = source_argument(source, line, "by", by);
        json_object_set_new(places, "by", place_to_json(&place));
    }
    return places;
}

static int simple(lua_State *state)
{
    const char *function = lua_tostring(state, lua_upvalueindex(1)), *argument = NULL;
    int is_bare_count = strcmp(function, "count") == 0 && lua_isnoneornil(state, 1);
    if (!is_bare_count) {
        argument = text_at(state, 1);
        if (argument == NULL) {
            char help[64];
            snprintf(help, sizeof help, "write w.%s \"temperature\"", function);
            evaluation_fail(
                state, "W0127", help, "`w.%s` needs an expression as text, not %s", function,
                lua_type(state, 1) == LUA_TSTRING ? "such text" : object_name(state, 1));
        }
    }
    const char *by = read_by(state, function);
    object_push_value(state,
                      make(function, argument, by, find_places(state, function, argument, by)));
    return 1;
}

// The name of a result: "{fn}_{column}" with both filled in.
static void expand(lua_State *state, const char *pattern, const char *function, const char *column,
                   char *name)
{
    size_t used = 0;
    while (*pattern != '\0') {
        const char *part = pattern;
        size_t length = 1, skipped = 1;
        if (strncmp(pattern, "{fn}", 4) == 0) {
            part = function;
            length = strlen(function);
            skipped = 4;
        } else if (strncmp(pattern, "{column}", 8) == 0) {
            part = column;
            length = strlen(column);
            skipped = 8;
        } else if (*pattern == '{' || *pattern == '}') {
            int width = (int)strcspn(pattern, "}") + (strchr(pattern, '}') != NULL);
            evaluation_fail(state, "W0128", "{fn} is the function, {column} the column",
                            "`as` knows {fn} and {column}, not %.*s", width, pattern);
        }
        if (used + length >= OUTPUT_NAME_MAX) {
            evaluation_fail(state, "W0128", NULL, "`as` makes a name of more than %d bytes",
                            OUTPUT_NAME_MAX - 1);
        }
        memcpy(name + used, part, length);
        used += length;
        pattern += skipped;
    }
    name[used] = '\0';
}

struct stats {
    const struct source *source;
    uint32_t line;
    json_t *written; // places by dotted name
    json_t *map;
};

static void add_named(lua_State *state, struct stats *stats, const char *name, const char *function,
                      const char *column, int position)
{
    size_t i;
    json_t *pair;
    if (json_array_size(stats->map) == STATS_MAX) {
        evaluation_fail(state, "W0128", NULL, "`w.stats` makes more than %d columns", STATS_MAX);
    }
    json_array_foreach(stats->map, i, pair)
    {
        if (strcmp(json_string_value(json_array_get(pair, 0)), name) == 0) {
            evaluation_fail(state, "W0128", "use both {fn} and {column} in `as`",
                            "`w.stats` makes two columns of the name \"%s\"", name);
        }
    }
    evaluation_charge(state, 1);
    char key[16];
    snprintf(key, sizeof key, ".%d", position);
    json_t *place = json_incref(json_object_get(stats->written, key));
    if (place == NULL && stats->source != NULL) {
        struct place line = source_line(stats->source, stats->line);
        place = place_to_json(&line);
    }
    json_t *places = json_object();
    json_object_set_new(places, "argument", place);
    json_array_append_new(stats->map,
                          json_pack("[s,o]", name, make(function, column, NULL, places)));
}

static void check_fields(lua_State *state)
{
    size_t count = 0;
    lua_pushnil(state);
    while (lua_next(state, 1) != 0) {
        const char *name = lua_type(state, -2) == LUA_TSTRING ? lua_tostring(state, -2) : NULL;
        if (name != NULL && strcmp(name, "compute") != 0 && strcmp(name, "as") != 0) {
            evaluation_fail(state, "W0127", "it takes columns, compute = { ... } and as = \"...\"",
                            "`w.stats` has no option `%s`", name);
        }
        if (name == NULL && (!lua_isinteger(state, -2) || text_at(state, -1) == NULL)) {
            evaluation_fail(state, "W0127", NULL, "`w.stats` needs column names as text, not %s",
                            object_name(state, -1));
        }
        count += name == NULL;
        lua_pop(state, 1);
    }
    if (count == 0 || count != lua_rawlen(state, 1)) {
        evaluation_fail(state, "W0127", "write w.stats { \"temperature\", compute = { \"avg\" } }",
                        "`w.stats` needs a list of columns");
    }
}

// The functions to compute are at index 2, the pattern at 3.
static void add_column(lua_State *state, struct stats *stats, const char *pattern,
                       const char *column, int position)
{
    lua_Integer count = (lua_Integer)lua_rawlen(state, 2);
    for (lua_Integer i = 1; i <= count; i++) {
        char name[OUTPUT_NAME_MAX];
        lua_rawgeti(state, 2, i);
        const char *function = text_at(state, -1);
        if (function == NULL || !is_function(function)) {
            evaluation_fail(state, "W0127", "there are " FUNCTIONS, "`compute` has no function %s",
                            function == NULL ? object_name(state, -1) : function);
        }
        expand(state, pattern, function, column, name);
        add_named(state, stats, name, function, column, position);
        lua_pop(state, 1);
    }
}

static int stats(lua_State *state)
{
    struct evaluation *evaluation = evaluation_of(state);
    lua_settop(state, 1);
    if (!lua_istable(state, 1)) {
        evaluation_fail(state, "W0127", "write w.stats { \"temperature\", compute = { \"avg\" } }",
                        "`w.stats` needs a table, not %s", object_name(state, 1));
    }
    check_fields(state);
    lua_getfield(state, 1, "compute");
    lua_getfield(state, 1, "as");
    const char *pattern = lua_isnil(state, 3) ? "{fn}_{column}" : text_at(state, 3);
    if (!lua_istable(state, 2) || lua_rawlen(state, 2) == 0 || pattern == NULL) {
        evaluation_fail(state, "W0127", "there are " FUNCTIONS,
                        pattern == NULL ? "`as` of w.stats must be text"
                                        : "`compute` of w.stats must list the functions");
    }
    struct stats all = {.map = json_array()};
    json_array_append_new(evaluation->objects, all.map); // freed even if Lua raises
    all.source = calling_source(state, &all.line);
    size_t open = all.source == NULL ? 0 : source_table(all.source, all.line, "stats");
    all.written = open == 0 ? json_object() : source_places(all.source, open);
    json_array_append_new(evaluation->objects, all.written);
    evaluation_charge(state, json_object_size(all.written));
    lua_Integer count = (lua_Integer)lua_rawlen(state, 1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(state, 1, i);
        add_column(state, &all, pattern, lua_tostring(state, -1), (int)i);
        lua_pop(state, 1);
    }
    object_push_value(state, json_pack("{s:O}", "map", all.map));
    return 1;
}

int aggregate_push(lua_State *state, const char *name)
{
    int is_stats = strcmp(name, "stats") == 0;
    if (!is_stats && !is_function(name)) {
        return 0;
    }
    lua_pushstring(state, name);
    lua_pushcclosure(state, is_stats ? stats : simple, 1);
    return 1;
}
