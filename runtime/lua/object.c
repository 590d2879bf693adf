#include "lua/object.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/diagnostic_json.h"
#include "lua/aggregate.h"
#include "lua/pipeline.h"
#include "lua/value.h"

#define METATABLE "weir.object"

const struct object *object_at(lua_State *state, int index)
{
    return luaL_testudata(state, index, METATABLE);
}

void object_push(lua_State *state, int kind, int number)
{
    struct object *object = lua_newuserdatauv(state, sizeof *object, 1);
    *object = (struct object){kind, number};
    luaL_setmetatable(state, METATABLE);
}

void object_push_value(lua_State *state, json_t *value)
{
    struct evaluation *evaluation = evaluation_of(state);
    json_array_append_new(evaluation->objects, value);
    evaluation_charge(state, 1);
    object_push(state, OBJECT_VALUE, (int)json_array_size(evaluation->objects) - 1);
}

static void push_verb(lua_State *state, const char *prefix, const char *name)
{
    object_push(state, OBJECT_VERB, 0);
    lua_pushfstring(state, prefix[0] == '\0' ? "%s%s" : "%s.%s", prefix, name);
    lua_setiuservalue(state, -2, 1);
}

static const char *verb_of(lua_State *state, int index)
{
    lua_getiuservalue(state, index, 1);
    const char *verb = lua_tostring(state, -1);
    lua_pop(state, 1); // the object keeps it
    return verb;
}

static void refuse_column(lua_State *state)
{
    evaluation_fail(state, "W0126",
                    "write column names and expressions as text: where = \"temperature > 20\"",
                    "there is no `w.col`: Lua cannot overload `and`, `<` or `==` faithfully");
}

static int reference(lua_State *state)
{
    const char *kind = lua_tostring(state, lua_upvalueindex(1));
    if (lua_type(state, 1) != LUA_TSTRING || lua_rawlen(state, 1) == 0) {
        char help[64];
        snprintf(help, sizeof help, "write w.%s \"NAME\"", kind);
        evaluation_fail(state, "W0129", help, "`w.%s` needs a name, not %s", kind,
                        object_name(state, 1));
    }
    json_t *name = json_string(lua_tostring(state, 1));
    if (name == NULL) {
        evaluation_fail(state, "W0125", NULL, "the name for `w.%s` is not UTF-8", kind);
    }
    object_push_value(state, json_pack("{s:o}", kind, name));
    return 1;
}

// w.NAME and w.NAME.PART.
static int get_field(lua_State *state)
{
    const struct object *object = object_at(state, 1);
    if (object->kind != OBJECT_VERB || lua_type(state, 2) != LUA_TSTRING) {
        evaluation_fail(state, "W0126",
                        object->kind == OBJECT_DECLARATION
                            ? "an output of a stage is written as text: from = \"stage.late\""
                            : NULL,
                        "%s has no fields", object_name(state, 1));
    }
    const char *verb = verb_of(state, 1), *name = lua_tostring(state, 2);
    if (verb[0] != '\0') {
        push_verb(state, verb, name);
    } else if (strcmp(name, "col") == 0) {
        refuse_column(state);
    } else if (strcmp(name, "env") == 0 || strcmp(name, "secret") == 0) {
        lua_pushvalue(state, 2);
        lua_pushcclosure(state, reference, 1);
    } else if (!aggregate_push(state, name)) {
        push_verb(state, "", name);
    }
    return 1;
}

static int is_name(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789_-.");
    return length > 0 && length <= NAME_LENGTH_MAX && name[length] == '\0' && name[0] != '-' &&
           name[0] != '.';
}

static const char *last_part(const char *verb)
{
    const char *dot = strrchr(verb, '.');
    return dot == NULL ? verb : dot + 1;
}

static const struct source *find_source(const struct evaluation *evaluation, struct place place)
{
    for (size_t i = 0; i < evaluation->source_count; i++) {
        if (evaluation->sources[i]->path == place.file) {
            return evaluation->sources[i];
        }
    }
    return NULL;
}

// Puts the place of the name and those of the values, as the text shows them, into it.
static void find_places(struct evaluation *evaluation, struct declaration *declaration)
{
    struct place line = evaluation_place(evaluation);
    const struct source *source = find_source(evaluation, line);
    size_t open = 0;
    if (source != NULL) {
        declaration->place = source_declaration(source, line.line, last_part(declaration->verb),
                                                declaration->name, &open);
        declaration->verb_place =
            source_verb(source, line.line, last_part(declaration->verb), declaration->name);
    }
    int is_written = open != 0 && !evaluation->is_too_large;
    declaration->places = is_written ? source_places(source, open) : json_object();
    evaluation_count(evaluation, declaration, json_object_size(declaration->places), 0);
}

static struct declaration *add_declaration(lua_State *state, const char *verb, const char *name)
{
    struct evaluation *evaluation = evaluation_of(state);
    if (evaluation->declaration_count == DECLARATIONS_MAX) {
        evaluation_fail(state, "W0107", NULL, "the file declares more than %d stages",
                        DECLARATIONS_MAX);
    }
    struct declaration *declaration = &evaluation->declarations[evaluation->declaration_count++];
    *declaration = (struct declaration){.verb = strdup(verb), .name = strdup(name), .position = -1};
    declaration->from = evaluation_callers(evaluation);
    find_places(evaluation, declaration);
    return declaration;
}

// w.VERB "name"
static int call_verb(lua_State *state)
{
    struct evaluation *evaluation = evaluation_of(state);
    const char *verb = verb_of(state, 1);
    char help[192];
    snprintf(help, sizeof help, "write w.%.60s%s\"name\" { ... }", verb,
             verb[0] == '\0' ? "NAME " : " ");
    if (verb[0] == '\0') {
        evaluation_fail(state, "W0114", help, "`w` is not a function");
    }
    if (lua_type(state, 2) != LUA_TSTRING) {
        evaluation_fail(state, "W0114", help, "`w.%s` needs a name before its table, not %s", verb,
                        object_name(state, 2));
    }
    if (lua_gettop(state) > 2) {
        evaluation_fail(state, "W0115", help,
                        "`w.%s` takes the name alone; the table follows in a call of its own",
                        verb);
    }
    if (!is_name(lua_tostring(state, 2)) ||
        strlen(lua_tostring(state, 2)) != lua_rawlen(state, 2)) {
        evaluation_fail(state, "W0114",
                        "a name has 1 to 100 letters, digits, `_`, `-` and, for resources, `.`",
                        "`%s` cannot be the name of a stage or resource", lua_tostring(state, 2));
    }
    add_declaration(state, verb, lua_tostring(state, 2));
    object_push(state, OBJECT_NAMED, (int)evaluation->declaration_count - 1);
    return 1;
}

// w.VERB "name" { ... }
static int call_named(lua_State *state, int number)
{
    struct evaluation *evaluation = evaluation_of(state);
    struct declaration *declaration = &evaluation->declarations[number];
    if (!lua_istable(state, 2)) {
        evaluation_fail(state, "W0115", "write its options in braces: { ... }, or {} for none",
                        "`%s` needs a table of options, not %s", declaration->name,
                        object_name(state, 2));
    }
    if (declaration->options != NULL) {
        evaluation_fail(state, "W0118", "write a declaration for each, with a name of its own",
                        "`%s` has its options already", declaration->name);
    }
    if (strcmp(declaration->verb, "pipeline") == 0) {
        pipeline_declare(state, number, 2);
        object_push(state, OBJECT_PIPELINE, number);
        return 1;
    }
    declaration->options = value_options(state, declaration, 2, 1);
    object_push(state, OBJECT_DECLARATION, number);
    return 1;
}

static int call(lua_State *state)
{
    const struct object *object = object_at(state, 1);
    if (object->kind == OBJECT_VERB) {
        return call_verb(state);
    }
    if (object->kind == OBJECT_NAMED) {
        return call_named(state, object->number);
    }
    evaluation_fail(state, "W0115",
                    object->kind == OBJECT_VALUE
                        ? "an operator of this name is used by w.transform \"name\" { use = ... }"
                        : NULL,
                    "%s cannot be called", object_name(state, 1));
}

static const char *type_name(int type)
{
    switch (type) {
    case LUA_TNONE:
        return "nothing";
    case LUA_TNIL:
        return "nil";
    case LUA_TBOOLEAN:
        return "true or false";
    case LUA_TNUMBER:
        return "a number";
    case LUA_TSTRING:
        return "text";
    case LUA_TTABLE:
        return "a table";
    default:
        return "a function";
    }
}

const char *object_name(lua_State *state, int index)
{
    const struct object *object = object_at(state, index);
    if (object == NULL) {
        return type_name(lua_type(state, index));
    }
    switch (object->kind) {
    case OBJECT_VERB:
        return lua_pushfstring(state, "`w.%s`", verb_of(state, index));
    case OBJECT_NAMED:
        return lua_pushfstring(state, "`%s` (without its table)",
                               evaluation_of(state)->declarations[object->number].name);
    case OBJECT_VALUE:
        return "an aggregate or reference";
    default:
        return lua_pushfstring(state, "`%s`",
                               evaluation_of(state)->declarations[object->number].name);
    }
}

static int to_text(lua_State *state)
{
    lua_pushstring(state, object_name(state, 1));
    return 1;
}

static int refuse_assignment(lua_State *state)
{
    evaluation_fail(state, "W0110", "give options in the table of the declaration",
                    "%s cannot be changed", object_name(state, 1));
}

static int refuse_arithmetic(lua_State *state)
{
    int index = object_at(state, 1) != NULL ? 1 : 2;
    evaluation_fail(state, "W0126",
                    "write the whole expression as text: where = \"temperature > 20\"",
                    "%s cannot be computed with: Lua cannot overload `and`, `<` or `==` faithfully",
                    object_name(state, index));
}

static void fill_metatable(lua_State *state)
{
    static const luaL_Reg functions[] = {{"__index", get_field},
                                         {"__newindex", refuse_assignment},
                                         {"__call", call},
                                         {"__tostring", to_text},
                                         {NULL, NULL}};
    static const char *const refused[] = {"__add",  "__sub",  "__mul",  "__div",  "__mod",
                                          "__pow",  "__unm",  "__idiv", "__band", "__bor",
                                          "__bxor", "__bnot", "__shl",  "__shr",  "__concat",
                                          "__len",  "__eq",   "__lt",   "__le",   NULL};
    luaL_setfuncs(state, functions, 0);
    for (size_t i = 0; refused[i] != NULL; i++) {
        lua_pushcfunction(state, refuse_arithmetic);
        lua_setfield(state, -2, refused[i]);
    }
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
}

void object_open(lua_State *state)
{
    luaL_newmetatable(state, METATABLE);
    fill_metatable(state);
    lua_pop(state, 1);
    push_verb(state, "", "");
}
