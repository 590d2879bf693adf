#include "lua/sandbox.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/text.h"
#include "lua/limits.h"

#define CANDIDATES_MAX 128

int sandbox_open(struct evaluation *evaluation)
{
    lua_State *state = lua_newstate(limits_allocate, evaluation);
    if (state == NULL) {
        return -1;
    }
    *(struct evaluation **)lua_getextraspace(state) = evaluation;
    evaluation->state = state;
    return 0;
}

struct evaluation *evaluation_of(lua_State *state)
{
    return *(struct evaluation **)lua_getextraspace(state);
}

// Names for "did you mean". They point into the state.
struct candidates {
    const char *names[CANDIDATES_MAX + 1];
    size_t count;
};

static void add_candidate(struct candidates *candidates, const char *name)
{
    if (name != NULL && name[0] != '(' && name[0] != '\0' && candidates->count < CANDIDATES_MAX) {
        candidates->names[candidates->count++] = name;
    }
}

static void add_keys(lua_State *state, int table, struct candidates *candidates)
{
    lua_pushnil(state);
    while (lua_next(state, table) != 0) {
        if (lua_type(state, -2) == LUA_TSTRING) {
            add_candidate(candidates, lua_tostring(state, -2));
        }
        lua_pop(state, 1);
    }
}

// Local names and those of enclosing functions where the unknown name stands.
static void add_locals(lua_State *state, struct candidates *candidates)
{
    lua_Debug debug;
    if (!lua_getstack(state, 1, &debug)) {
        return;
    }
    const char *name;
    for (int i = 1; (name = lua_getlocal(state, &debug, i)) != NULL; i++) {
        add_candidate(candidates, name);
        lua_pop(state, 1);
    }
    lua_getinfo(state, "f", &debug);
    for (int i = 1; (name = lua_getupvalue(state, -1, i)) != NULL; i++) {
        add_candidate(candidates, strcmp(name, "_ENV") == 0 ? NULL : name);
        lua_pop(state, 1);
    }
    lua_pop(state, 1);
}

// Why a name that Lua has is missing here; NULL if Lua does not have it.
static const char *left_out_reason(const char *prefix, const char *name)
{
    static const struct {
        const char *prefix;
        const char *name;
    } left_out[] = {
        {"", "io"},          {"", "os"},          {"", "debug"},          {"", "coroutine"},
        {"", "package"},     {"", "dofile"},      {"", "loadfile"},       {"", "collectgarbage"},
        {"string.", "dump"}, {"math.", "random"}, {"math.", "randomseed"}};
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++) {
        if (strcmp(prefix, left_out[i].prefix) == 0 && strcmp(name, left_out[i].name) == 0) {
            return "a pipeline file only describes, and the same each time: it has no files, "
                   "programs, clocks or random numbers";
        }
    }
    return NULL;
}

// Upvalues: the real table, "" or "string." for messages.
static int refuse_unknown(lua_State *state)
{
    lua_pushvalue(state, 2);
    lua_rawget(state, lua_upvalueindex(1));
    if (!lua_isnil(state, -1)) {
        return 1;
    }
    const char *prefix = lua_tostring(state, lua_upvalueindex(2));
    const char *name = lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "?";
    const char *reason = left_out_reason(prefix, name);
    if (reason != NULL) {
        evaluation_fail(state, "W0109", reason, "`%s%s` does not exist in pipeline files", prefix,
                        name);
    }
    struct candidates candidates = {0};
    add_keys(state, lua_upvalueindex(1), &candidates);
    if (prefix[0] == '\0') {
        add_locals(state, &candidates);
    }
    const char *nearest = text_nearest(name, candidates.names);
    char help[160] = "";
    if (nearest != NULL) {
        snprintf(help, sizeof help, "did you mean `%s%.100s`?", prefix, nearest);
    } else if (prefix[0] == '\0') {
        snprintf(help, sizeof help, "declare it with `local`; stages are made by `w.%.100s`", name);
    }
    evaluation_fail(state, "W0109", help[0] == '\0' ? NULL : help, "unknown name `%s%s`", prefix,
                    name);
}

static int refuse_assignment(lua_State *state)
{
    const char *prefix = lua_tostring(state, lua_upvalueindex(1));
    const char *name = lua_type(state, 2) == LUA_TSTRING ? lua_tostring(state, 2) : "?";
    char help[160];
    snprintf(help, sizeof help, "write `local %.100s = ...`", name);
    evaluation_fail(state, "W0110", prefix[0] == '\0' ? help : NULL,
                    "`%s%s` cannot be set: all global names are read-only", prefix, name);
}

// Puts a read-only stand-in, which knows unknown names, in the place of the table on top.
static void guard(lua_State *state, const char *prefix)
{
    lua_newtable(state);
    lua_createtable(state, 0, 3);
    lua_pushvalue(state, -3);
    lua_pushstring(state, prefix);
    lua_pushcclosure(state, refuse_unknown, 2);
    lua_setfield(state, -2, "__index");
    lua_pushstring(state, prefix);
    lua_pushcclosure(state, refuse_assignment, 1);
    lua_setfield(state, -2, "__newindex");
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_setmetatable(state, -2);
    lua_remove(state, -2);
}

// What is printed is kept for stderr: stdout belongs to the data, and the process may write
// nothing.
static int print(lua_State *state)
{
    struct text *printed = &evaluation_of(state)->printed;
    int count = lua_gettop(state);
    for (int i = 1; i <= count; i++) {
        size_t length;
        const char *text = luaL_tolstring(state, i, &length);
        if (printed->length + length + 2 < PRINTED_BYTES_MAX) {
            text_add(printed, "\t", i > 1);
            text_add(printed, text, length);
        }
        lua_pop(state, 1);
    }
    if (printed->length + 1 < PRINTED_BYTES_MAX) {
        text_add(printed, "\n", 1);
    }
    return 0;
}

// A finalizer would run without the hook that counts.
static int set_metatable(lua_State *state)
{
    luaL_checktype(state, 1, LUA_TTABLE);
    luaL_argexpected(state, lua_isnil(state, 2) || lua_istable(state, 2), 2, "nil or table");
    if (luaL_getmetafield(state, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(state, "cannot change a protected metatable");
    }
    if (lua_istable(state, 2)) {
        lua_pushliteral(state, "__gc");
        if (lua_rawget(state, 2) != LUA_TNIL) {
            return luaL_error(state, "a pipeline file has no finalizers (__gc)");
        }
    }
    lua_settop(state, 2);
    lua_setmetatable(state, 1);
    return 1;
}

// Upvalue: has a message handler as its second argument (xpcall). A limit is not caught.
static int protected_call(lua_State *state)
{
    int has_handler = lua_toboolean(state, lua_upvalueindex(1)), handler = 0;
    luaL_checkany(state, 1 + has_handler);
    if (has_handler) {
        lua_pushvalue(state, 1);
        lua_copy(state, 2, 1);
        lua_replace(state, 2);
        handler = 1;
    }
    int status = lua_pcall(state, lua_gettop(state) - 1 - has_handler, LUA_MULTRET, handler);
    if (evaluation_of(state)->is_stopped) {
        return lua_error(state);
    }
    lua_pushboolean(state, status == LUA_OK);
    if (has_handler) {
        lua_replace(state, 1);
    } else {
        lua_insert(state, 1);
    }
    return lua_gettop(state);
}

static int load(lua_State *state)
{
    size_t length;
    const char *text = luaL_checklstring(state, 1, &length);
    int has_environment = !lua_isnone(state, 4);
    if (length > 0 && text[0] == LUA_SIGNATURE[0]) {
        evaluation_fail(state, "W0103", "keep the Lua text instead",
                        "load was given bytecode; only Lua text is read");
    }
    if (luaL_loadbufferx(state, text, length, "=(load)", "t") != LUA_OK) {
        luaL_pushfail(state);
        lua_insert(state, -2);
        return 2;
    }
    if (has_environment) {
        lua_pushvalue(state, 4);
        lua_setupvalue(state, -2, 1);
    }
    return 1;
}

// "families.sensors" to "families/sensors.lua" below the folder; 0 if it is no such name.
static int module_path(const char *folder, const char *name, char *path, size_t size)
{
    size_t used = (size_t)snprintf(path, size, "%s/", folder), dots = 1;
    if (used + 5 >= size) {
        return 0;
    }
    for (; *name != '\0' && used + 5 < size; name++) {
        int is_letter = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
                               *name) != NULL;
        if (!is_letter && (*name != '.' || dots > 0)) {
            return 0;
        }
        dots = *name == '.' ? dots + 1 : 0;
        path[used++] = *name == '.' ? '/' : *name;
    }
    memcpy(path + used, ".lua", 5);
    return *name == '\0' && dots == 0;
}

// A symbolic link must not lead out of the project.
static int is_inside(const char *folder, const char *path)
{
    char *real_folder = realpath(folder, NULL), *real_path = realpath(path, NULL);
    size_t length = real_folder == NULL ? 0 : strlen(real_folder);
    int inside = length > 0 && real_path != NULL && strncmp(real_path, real_folder, length) == 0 &&
                 (real_path[length] == '/' || real_folder[length - 1] == '/');
    free(real_folder);
    free(real_path);
    return inside;
}

// A pipeline file that is given without a folder has those it requires shown so, too.
static const char *shown_path(const struct evaluation *evaluation, const char *path)
{
    return strcmp(evaluation->folder, ".") == 0 ? path + 2 : path;
}

static void load_module(lua_State *state, const char *name)
{
    struct evaluation *evaluation = evaluation_of(state);
    char path[1024];
    if (evaluation->folder == NULL || !module_path(evaluation->folder, name, path, sizeof path)) {
        evaluation_fail(state, "W0112",
                        "write the path below the pipeline file's folder with dots: "
                        "require \"families.sensors\"",
                        "require: `%s` is not the name of a module of this project", name);
    }
    struct error error;
    struct source *source = source_open(shown_path(evaluation, path), &error);
    if (source == NULL) {
        evaluation_fail(state, "W0112", "require finds files of the pipeline's project only",
                        "require: cannot read %s: %s", shown_path(evaluation, path), error.text);
    }
    int number = evaluation_add_source(evaluation, source);
    if (!is_inside(evaluation->folder, path)) {
        evaluation_fail(state, "W0112", "copy the file into the project",
                        "require: %s leads out of the project", shown_path(evaluation, path));
    }
    if (number < 0) {
        evaluation_fail(state, "W0112", NULL, "require: too many files");
    }
    evaluation_load(state, number);
}

// Upvalues: the modules by name (false while one is being loaded), w.
static int require(lua_State *state)
{
    const char *name = luaL_checkstring(state, 1);
    lua_settop(state, 1);
    if (strcmp(name, "weir") == 0) {
        lua_pushvalue(state, lua_upvalueindex(2));
        return 1;
    }
    lua_pushvalue(state, 1);
    int type = lua_rawget(state, lua_upvalueindex(1));
    if (type == LUA_TBOOLEAN && !lua_toboolean(state, -1)) {
        evaluation_fail(
            state, "W0112", "move what both need into a third file",
            "require: `%s` is being loaded already: files require each other in a circle", name);
    }
    if (type != LUA_TNIL) {
        return 1;
    }
    lua_pushvalue(state, 1);
    lua_pushboolean(state, 0);
    lua_rawset(state, lua_upvalueindex(1));
    load_module(state, name);
    lua_call(state, 0, 1);
    if (!lua_toboolean(state, -1)) {
        lua_pushboolean(state, 1);
        lua_replace(state, -2);
    }
    lua_pushvalue(state, 1);
    lua_pushvalue(state, -2);
    lua_rawset(state, lua_upvalueindex(1));
    return 1;
}

static void remove_field(lua_State *state, const char *name)
{
    lua_pushnil(state);
    lua_setfield(state, -2, name);
}

static void fill_base(lua_State *state)
{
    static const char *const left_out[] = {"dofile", "loadfile", "collectgarbage",
                                           "warn",   "_G",       NULL};
    static const luaL_Reg own[] = {
        {"print", print}, {"setmetatable", set_metatable}, {"load", load}, {NULL, NULL}};
    luaL_requiref(state, LUA_GNAME, luaopen_base, 0);
    for (size_t i = 0; left_out[i] != NULL; i++) {
        remove_field(state, left_out[i]);
    }
    luaL_setfuncs(state, own, 0);
    lua_pushboolean(state, 0);
    lua_pushcclosure(state, protected_call, 1);
    lua_setfield(state, -2, "pcall");
    lua_pushboolean(state, 1);
    lua_pushcclosure(state, protected_call, 1);
    lua_setfield(state, -2, "xpcall");
}

// Opens a library as a field of the globals, which are on top.
static void fill_library(lua_State *state, const char *name, lua_CFunction open)
{
    char prefix[16];
    snprintf(prefix, sizeof prefix, "%s.", name);
    lua_pushcfunction(state, open);
    lua_call(state, 0, 1);
    remove_field(state, "dump");       // of string: bytecode
    remove_field(state, "random");     // of math: a pipeline is the same each time
    remove_field(state, "randomseed"); //
    limits_wrap_library(state, name);
    guard(state, prefix);
    lua_setfield(state, -2, name);
}

// Text methods, ("x"):rep(3), go through the guarded library too.
static void guard_text(lua_State *state)
{
    lua_pushliteral(state, "");
    lua_getmetatable(state, -1);
    lua_getfield(state, -3, "string");
    lua_setfield(state, -2, "__index");
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_pop(state, 2);
}

void sandbox_fill(lua_State *state)
{
    int module = lua_gettop(state);
    fill_base(state);
    fill_library(state, "math", luaopen_math);
    if (evaluation_of(state)->progress != NULL) {
        // These have functions that no hook interrupts.
        fill_library(state, "string", luaopen_string);
        fill_library(state, "table", luaopen_table);
        fill_library(state, "utf8", luaopen_utf8);
        guard_text(state);
    }
    lua_newtable(state);
    lua_pushvalue(state, module);
    lua_pushcclosure(state, require, 2);
    lua_setfield(state, -2, "require");
    guard(state, "");
    lua_rawseti(state, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    lua_settop(state, module - 1);
}
