#include "lua/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "lua/object.h"

#define DEPTH_MAX 16
#define PATH_MAX_BYTES 256

struct conversion {
    lua_State *state;
    struct evaluation *evaluation;
    const struct declaration *declaration;
    char path[PATH_MAX_BYTES]; // of the option, with dots
    const void *tables[DEPTH_MAX];
    int depth;
};

struct entry {
    const char *name; // the table holds it
    json_t *value;
};

static json_t *convert(struct conversion *conversion);

struct value_keys value_keys(lua_State *state, int index)
{
    struct value_keys keys = {0};
    index = lua_absindex(state, index);
    lua_pushnil(state);
    while (lua_next(state, index) != 0) {
        lua_pop(state, 1);
        if (lua_type(state, -1) == LUA_TSTRING) {
            keys.named_count++;
        } else if (!lua_isinteger(state, -1)) {
            keys.strange = lua_type(state, -1) == LUA_TNUMBER ? "a number with a fraction"
                                                              : luaL_typename(state, -1);
        } else {
            lua_Integer position = lua_tointeger(state, -1);
            keys.strange = position < 1 ? "a position below 1" : keys.strange;
            keys.last_item = position > keys.last_item ? position : keys.last_item;
            keys.item_count++;
        }
    }
    return keys;
}

static json_t *refuse(struct conversion *conversion, const char *code, const char *help,
                      const char *message)
{
    struct diagnostic *added = declaration_error(conversion->evaluation, conversion->declaration,
                                                 conversion->path, code, "%s", message);
    if (help != NULL) {
        diagnostic_set(&added->help, "%s", help);
    }
    return NULL;
}

static json_t *convert_text(struct conversion *conversion)
{
    size_t length;
    const char *text = lua_tolstring(conversion->state, -1, &length);
    if (evaluation_count(conversion->evaluation, conversion->declaration, 0, length) != 0) {
        return NULL;
    }
    if (memchr(text, '\0', length) != NULL) {
        return refuse(conversion, "W0125", NULL, "the text has a NUL byte");
    }
    json_t *json = json_stringn(text, length);
    return json != NULL
               ? json
               : refuse(conversion, "W0125", "save the file as UTF-8", "the text is not UTF-8");
}

static json_t *convert_number(struct conversion *conversion)
{
    if (lua_isinteger(conversion->state, -1)) {
        return json_integer(lua_tointeger(conversion->state, -1));
    }
    double number = lua_tonumber(conversion->state, -1);
    return isfinite(number)
               ? json_real(number)
               : refuse(conversion, "W0123", NULL,
                        isnan(number) ? "the number is NaN (0/0)" : "the number is infinite");
}

static json_t *convert_object(struct conversion *conversion)
{
    const struct object *object = object_at(conversion->state, -1);
    char message[256], help[256];
    switch (object->kind) {
    case OBJECT_VALUE:
        return json_incref(json_array_get(conversion->evaluation->objects, (size_t)object->number));
    case OBJECT_DECLARATION:
        return json_pack("{s:i}", "handle", object->number);
    case OBJECT_NAMED: {
        const struct declaration *named = &conversion->evaluation->declarations[object->number];
        snprintf(message, sizeof message, "`%s` has no table of options", named->name);
        snprintf(help, sizeof help, "write w.%s \"%s\" { ... }", named->verb, named->name);
        return refuse(conversion, "W0115", help, message);
    }
    case OBJECT_PIPELINE:
        return refuse(conversion, "W0121", NULL, "a pipeline cannot be the value of an option");
    default:
        return refuse(conversion, "W0121", "write w.NAME \"name\" { ... }",
                      "the name of an operator is no value by itself");
    }
}

static json_t *convert_other(struct conversion *conversion)
{
    char message[64];
    snprintf(message, sizeof message, "a %s cannot be the value of an option",
             luaL_typename(conversion->state, -1));
    return refuse(conversion, "W0121",
                  "options are numbers, text, true and false, lists and tables; expressions are "
                  "written as text",
                  message);
}

static json_t *convert_below(struct conversion *conversion, const char *key)
{
    size_t length = strlen(conversion->path);
    int is_first = length == 0 && conversion->depth == 1;
    snprintf(conversion->path + length, sizeof conversion->path - length, "%s%s",
             is_first ? "" : ".", key);
    json_t *value = convert(conversion);
    conversion->path[length] = '\0';
    return value;
}

static json_t *convert_list(struct conversion *conversion, lua_Integer count)
{
    lua_State *state = conversion->state;
    json_t *list = json_array();
    for (lua_Integer i = 1; i <= count; i++) {
        char key[24];
        snprintf(key, sizeof key, conversion->path[0] == '\0' ? ".%lld" : "%lld", (long long)i);
        lua_rawgeti(state, -1, i);
        json_array_append_new(list, convert_below(conversion, key));
        lua_pop(state, 1);
    }
    return list;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

// The named entries of the table on top, sorted by name; those without a value are left out.
static struct entry *convert_entries(struct conversion *conversion, size_t *count)
{
    lua_State *state = conversion->state;
    struct entry *entries = calloc(*count + 1, sizeof *entries);
    size_t found = 0;
    lua_pushnil(state);
    while (entries != NULL && lua_next(state, -2) != 0) {
        if (lua_type(state, -2) == LUA_TSTRING) {
            const char *name = lua_tostring(state, -2);
            json_t *check = strlen(name) == lua_rawlen(state, -2) ? json_string(name) : NULL;
            json_t *value = check != NULL ? convert_below(conversion, name)
                                          : refuse(conversion, "W0125", NULL,
                                                   "the name of an option is not UTF-8 text");
            json_decref(check);
            if (value != NULL) {
                entries[found++] = (struct entry){name, value};
            }
        }
        lua_pop(state, 1);
    }
    *count = found;
    if (entries != NULL) {
        qsort(entries, found, sizeof *entries, compare_entries);
    }
    return entries;
}

static json_t *convert_map(struct conversion *conversion, size_t count)
{
    json_t *pairs = json_array();
    struct entry *entries = convert_entries(conversion, &count);
    for (size_t i = 0; entries != NULL && i < count; i++) {
        json_array_append_new(pairs, json_pack("[s,o]", entries[i].name, entries[i].value));
    }
    free(entries);
    return json_pack("{s:o}", "map", pairs);
}

// { "name", value }
static int is_pair(lua_State *state)
{
    int yes = 0;
    if (lua_istable(state, -1)) {
        struct value_keys keys = value_keys(state, -1);
        lua_rawgeti(state, -1, 1);
        yes = keys.named_count == 0 && keys.strange == NULL && keys.item_count == 2 &&
              keys.last_item == 2 && lua_type(state, -1) == LUA_TSTRING;
        lua_pop(state, 1);
    }
    return yes;
}

static int is_list_of_pairs(lua_State *state, lua_Integer count)
{
    int yes = count > 0;
    for (lua_Integer i = 1; yes && i <= count; i++) {
        lua_rawgeti(state, -1, i);
        yes = is_pair(state);
        lua_pop(state, 1);
    }
    return yes;
}

static json_t *convert_pair(struct conversion *conversion)
{
    lua_State *state = conversion->state;
    lua_rawgeti(state, -1, 1);
    json_t *name = convert_text(conversion), *value = NULL;
    lua_rawgeti(state, -2, 2);
    if (name != NULL) {
        value = convert_below(conversion, json_string_value(name));
    }
    lua_pop(state, 2);
    if (value == NULL) {
        json_decref(name);
        return NULL;
    }
    return json_pack("[o,o]", name, value);
}

static json_t *convert_pairs(struct conversion *conversion, lua_Integer count)
{
    json_t *pairs = json_array(), *seen = json_object();
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(conversion->state, -1, i);
        json_t *pair = convert_pair(conversion);
        const char *name = json_string_value(json_array_get(pair, 0));
        if (name != NULL && json_object_get(seen, name) != NULL) {
            char message[256];
            snprintf(message, sizeof message, "the name \"%s\" stands twice in the list", name);
            refuse(conversion, "W0124", NULL, message);
        }
        if (name != NULL) {
            json_object_set_new(seen, name, json_true());
            json_array_append_new(pairs, pair);
        }
        lua_pop(conversion->state, 1);
    }
    json_decref(seen);
    return json_pack("{s:o}", "map", pairs);
}

static json_t *convert_content(struct conversion *conversion)
{
    struct value_keys keys = value_keys(conversion->state, -1);
    char message[128];
    if (keys.strange != NULL) {
        snprintf(message, sizeof message, "a key of the table is %s%s",
                 strchr(keys.strange, ' ') == NULL ? "a " : "", keys.strange);
        return refuse(conversion, "W0124", "keys are names, or positions from 1 on", message);
    }
    if (keys.named_count > 0 && keys.item_count > 0) {
        return refuse(conversion, "W0124", "make two tables of it",
                      "the table has both names and positions");
    }
    if (keys.last_item != (lua_Integer)keys.item_count) {
        snprintf(message, sizeof message, "the list has a hole: one of its %lld items is nil",
                 (long long)keys.last_item);
        return refuse(conversion, "W0124", NULL, message);
    }
    if (keys.named_count > 0) {
        return convert_map(conversion, keys.named_count);
    }
    return is_list_of_pairs(conversion->state, keys.last_item)
               ? convert_pairs(conversion, keys.last_item)
               : convert_list(conversion, keys.last_item);
}

static json_t *convert_table(struct conversion *conversion)
{
    const void *table = lua_topointer(conversion->state, -1);
    for (int i = 0; i < conversion->depth; i++) {
        if (conversion->tables[i] == table) {
            return refuse(conversion, "W0122", NULL, "the table contains itself");
        }
    }
    if (conversion->depth == DEPTH_MAX || !lua_checkstack(conversion->state, 8)) {
        return refuse(conversion, "W0122", NULL, "tables are nested too deep");
    }
    conversion->tables[conversion->depth++] = table;
    json_t *json = convert_content(conversion);
    conversion->depth--;
    return json;
}

// The value on top of the stack.
static json_t *convert(struct conversion *conversion)
{
    lua_State *state = conversion->state;
    if (evaluation_count(conversion->evaluation, conversion->declaration, 1, 0) != 0) {
        return NULL;
    }
    switch (lua_type(state, -1)) {
    case LUA_TBOOLEAN:
        return json_boolean(lua_toboolean(state, -1));
    case LUA_TNUMBER:
        return convert_number(conversion);
    case LUA_TSTRING:
        return convert_text(conversion);
    case LUA_TTABLE:
        return convert_table(conversion);
    case LUA_TUSERDATA:
        return convert_object(conversion);
    default:
        return convert_other(conversion);
    }
}

json_t *value_options(lua_State *state, const struct declaration *declaration, int index,
                      int with_items)
{
    struct conversion conversion = {
        .state = state, .evaluation = evaluation_of(state), .declaration = declaration};
    json_t *options = json_object();
    struct value_keys keys = value_keys(state, index);
    if (!lua_checkstack(state, 8)) {
        refuse(&conversion, "W0122", NULL, "tables are nested too deep");
        return options;
    }
    lua_pushvalue(state, index);
    conversion.tables[conversion.depth++] = lua_topointer(state, -1);
    int has_hole = with_items && keys.last_item != (lua_Integer)keys.item_count;
    if (keys.strange != NULL || has_hole) {
        refuse(&conversion, "W0124", "options are NAME = value",
               keys.strange != NULL ? "a key among the options is neither a name nor a position"
                                    : "one of the positional items is nil");
    } else if (with_items && keys.item_count > 0) {
        json_object_set_new(options, "", convert_list(&conversion, keys.last_item));
    }
    size_t count = keys.named_count;
    struct entry *entries = convert_entries(&conversion, &count);
    for (size_t i = 0; entries != NULL && i < count; i++) {
        json_object_set_new(options, entries[i].name, entries[i].value);
    }
    free(entries);
    lua_pop(state, 1);
    return options;
}
