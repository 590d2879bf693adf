#include "lua/evaluate.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/diagnostic_json.h"
#include "base/text.h"
#include "lua/limits.h"
#include "lua/object.h"
#include "lua/pipeline.h"
#include "lua/sandbox.h"

#define SOURCES_MAX 256
#define CALLERS_MAX 8
#define LARGE "the pipeline is too large: it may have %d values and %d MiB of text"
#define LARGE_HELP "keep data in files that a source reads"
#define OVERFLOW "functions call each other without end (stack overflow)"

int evaluation_init(struct evaluation *evaluation)
{
    evaluation->pipeline = -1;
    evaluation->objects = json_array();
    evaluation->sources = calloc(SOURCES_MAX, sizeof(struct source *));
    evaluation->declarations = calloc(DECLARATIONS_MAX, sizeof(struct declaration));
    evaluation->items = calloc(DECLARATIONS_MAX, sizeof(int));
    if (evaluation->objects == NULL || evaluation->sources == NULL ||
        evaluation->declarations == NULL || evaluation->items == NULL) {
        return -1;
    }
    limits_start(evaluation);
    return sandbox_open(evaluation);
}

void evaluation_finish(struct evaluation *evaluation)
{
    if (evaluation->state != NULL) {
        lua_close(evaluation->state);
    }
    for (size_t i = 0; i < evaluation->declaration_count; i++) {
        struct declaration *declaration = &evaluation->declarations[i];
        free(declaration->verb);
        free(declaration->name);
        json_decref(declaration->from);
        json_decref(declaration->options);
        json_decref(declaration->places);
    }
    for (size_t i = 0; i < evaluation->source_count; i++) {
        source_close(evaluation->sources[i]);
    }
    free(evaluation->declarations);
    free(evaluation->items);
    free(evaluation->sources);
    free(evaluation->folder);
    json_decref(evaluation->objects);
}

int evaluation_add_source(struct evaluation *evaluation, struct source *source)
{
    if (source == NULL || evaluation->source_count == SOURCES_MAX) {
        source_close(source);
        return -1;
    }
    evaluation->sources[evaluation->source_count] = source;
    return (int)evaluation->source_count++;
}

const struct source *evaluation_source(struct evaluation *evaluation, const lua_Debug *debug)
{
    char *end;
    if (debug->source[0] != '=' || debug->source[1] < '0' || debug->source[1] > '9') {
        return NULL;
    }
    unsigned long number = strtoul(debug->source + 1, &end, 10);
    return *end == '\0' && number < evaluation->source_count ? evaluation->sources[number] : NULL;
}

// Goes on from *level to the next line of a file; the file is NULL if there is none.
static struct place next_place(struct evaluation *evaluation, int *level)
{
    lua_Debug debug;
    while (lua_getstack(evaluation->state, (*level)++, &debug)) {
        lua_getinfo(evaluation->state, "Sl", &debug);
        const struct source *source = evaluation_source(evaluation, &debug);
        if (source != NULL && debug.currentline > 0) {
            return source_line(source, (uint32_t)debug.currentline);
        }
    }
    return (struct place){0};
}

struct place evaluation_place(struct evaluation *evaluation)
{
    int level = 0;
    return next_place(evaluation, &level);
}

json_t *evaluation_callers(struct evaluation *evaluation)
{
    json_t *callers = json_array();
    int level = 0;
    struct place place = next_place(evaluation, &level);
    while (place.file != NULL && json_array_size(callers) < CALLERS_MAX) {
        place = next_place(evaluation, &level);
        if (place.file != NULL) {
            json_array_append_new(callers, place_to_json(&place));
        }
    }
    return callers;
}

static void note_callers(struct diagnostic *diagnostic, const json_t *callers)
{
    size_t i;
    json_t *caller;
    json_array_foreach(callers, i, caller)
    {
        struct place place = place_from_json(caller);
        diagnostic_note(diagnostic, "called from %s:%u", place.file, place.line);
    }
}

struct place declaration_place(const struct declaration *declaration, const char *option)
{
    char path[256];
    snprintf(path, sizeof path, "%s", option == NULL ? "" : option);
    while (path[0] != '\0') {
        json_t *place = json_object_get(declaration->places, path);
        if (place != NULL) {
            return place_from_json(place);
        }
        char *dot = strrchr(path, '.');
        *(dot == NULL ? path : dot) = '\0';
    }
    return declaration->place;
}

struct diagnostic *declaration_error(struct evaluation *evaluation,
                                     const struct declaration *declaration, const char *option,
                                     const char *code, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    struct place place = declaration_place(declaration, option);
    struct diagnostic *added = diagnostic_add(evaluation->diagnostics, code, &place, "%s", message);
    int is_pipeline = strcmp(declaration->verb, "pipeline") == 0;
    if (!is_pipeline) {
        diagnostic_set(&added->stage, "%s", declaration->name);
    }
    if (option != NULL && option[0] != '\0' && option[0] != '.') {
        diagnostic_set(&added->option, "%s", option);
    }
    note_callers(added, declaration->from);
    return added;
}

void evaluation_charge(lua_State *state, size_t values)
{
    struct evaluation *evaluation = evaluation_of(state);
    evaluation->value_count += (uint32_t)values;
    if (evaluation->value_count > VALUES_MAX) {
        evaluation_fail(state, "W0107", LARGE_HELP, LARGE, VALUES_MAX, TEXT_BYTES_MAX >> 20);
    }
}

int evaluation_count(struct evaluation *evaluation, const struct declaration *declaration,
                     size_t values, size_t bytes)
{
    evaluation->value_count += (uint32_t)values;
    evaluation->text_bytes += bytes;
    if (evaluation->value_count <= VALUES_MAX && evaluation->text_bytes <= TEXT_BYTES_MAX) {
        return 0;
    }
    if (!evaluation->is_too_large) {
        struct diagnostic *added = declaration_error(evaluation, declaration, NULL, "W0107", LARGE,
                                                     VALUES_MAX, TEXT_BYTES_MAX >> 20);
        diagnostic_set(&added->help, LARGE_HELP);
    }
    evaluation->is_too_large = 1;
    return -1;
}

static int error_to_text(lua_State *state)
{
    lua_getfield(state, 1, "message");
    return 1;
}

void evaluation_fail(lua_State *state, const char *code, const char *help, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    lua_createtable(state, 0, 3);
    lua_pushstring(state, code);
    lua_setfield(state, -2, "code");
    lua_pushstring(state, message);
    lua_setfield(state, -2, "message");
    lua_pushstring(state, help);
    lua_setfield(state, -2, "help");
    if (luaL_newmetatable(state, "weir.error")) {
        lua_pushcfunction(state, error_to_text);
        lua_setfield(state, -2, "__tostring");
    }
    lua_setmetatable(state, -2);
    lua_error(state);
    abort();
}

// The name that a message puts in backquotes or quotes and that stands just once in the line.
static struct place find_named(struct evaluation *evaluation, struct place place,
                               const char *message, const char *quotes)
{
    char name[128];
    size_t start = strcspn(message, quotes), length;
    if (place.file == NULL || message[start] == '\0') {
        return place;
    }
    message += start + 1;
    length = strcspn(message, quotes);
    snprintf(name, sizeof name, "%.*s", (int)length, message);
    const char *last = strrchr(name, '.');
    for (size_t i = 0; i < evaluation->source_count; i++) {
        if (evaluation->sources[i]->path == place.file) {
            return source_name(evaluation->sources[i], place.line, last == NULL ? name : last + 1);
        }
    }
    return place;
}

static const char *field(lua_State *state, int table, const char *name)
{
    lua_getfield(state, table, name);
    const char *text = lua_type(state, -1) == LUA_TSTRING ? lua_tostring(state, -1) : NULL;
    lua_pop(state, 1); // the table keeps it
    return text;
}

static void add_own_error(struct evaluation *evaluation, lua_State *state, json_t *callers)
{
    const char *code = field(state, 1, "code"), *help = field(state, 1, "help");
    const char *message = field(state, 1, "message");
    if (code == NULL || message == NULL) { // the file caught it, changed it and raised it again
        code = "W0111";
        message = "an error was raised that is no text";
    }
    struct place place = find_named(evaluation, evaluation_place(evaluation), message, "`");
    if (place.file == NULL) {
        place.file = evaluation->sources[0]->path;
    }
    struct diagnostic *added = diagnostic_add(evaluation->diagnostics, code, &place, "%s", message);
    if (help != NULL) {
        diagnostic_set(&added->help, "%s", help);
    }
    note_callers(added, callers);
}

// Lua puts "chunk:line: " before its messages; the chunk is the number of a source.
static const char *without_position(const char *message)
{
    size_t digits = strspn(message, "0123456789");
    if (digits == 0 || message[digits] != ':') {
        return message;
    }
    size_t line = strspn(message + digits + 1, "0123456789");
    const char *after = message + digits + 1 + line;
    return line > 0 && strncmp(after, ": ", 2) == 0 ? after + 2 : message;
}

// Adds W0106 with a reason in brackets.
static struct diagnostic *add_memory_error(struct evaluation *evaluation, const struct place *place,
                                           const char *reason)
{
    char limit[16];
    text_bytes(limit, sizeof limit, evaluation->limits->memory_bytes);
    struct diagnostic *added =
        diagnostic_add(evaluation->diagnostics, "W0106", place,
                       "the file needs more than %s of memory (%s)", limit, reason);
    diagnostic_set(&added->help,
                   "a pipeline file only describes; keep data in files that a source reads");
    return added;
}

static struct diagnostic *add_raised(struct evaluation *evaluation, const char *message)
{
    struct place place = evaluation_place(evaluation);
    if (strstr(message, "resulting string too large") != NULL) {
        return add_memory_error(evaluation, &place, "a text of more than 2 GiB was asked for");
    }
    if (strstr(message, "stack overflow") != NULL) {
        return diagnostic_add(evaluation->diagnostics, "W0111", &place, OVERFLOW);
    }
    place = find_named(evaluation, place, message, "'");
    return diagnostic_add(evaluation->diagnostics, "W0111", &place, "%s", message);
}

static void add_lua_error(struct evaluation *evaluation, lua_State *state, json_t *callers)
{
    const char *message = lua_tostring(state, 1);
    note_callers(add_raised(evaluation, message == NULL ? "an error was raised that is no text"
                                                        : without_position(message)),
                 callers);
}

// The message handler: the stack is still that of the error.
static int report_error(lua_State *state)
{
    struct evaluation *evaluation = evaluation_of(state);
    if (evaluation->is_reported) {
        return 1;
    }
    json_t *callers = evaluation_callers(evaluation);
    json_array_append_new(evaluation->objects, callers); // freed even if Lua raises again
    int is_own = 0;
    if (lua_getmetatable(state, 1)) {
        luaL_getmetatable(state, "weir.error");
        is_own = lua_rawequal(state, -1, -2);
        lua_pop(state, 2);
    }
    (is_own ? add_own_error : add_lua_error)(evaluation, state, callers);
    return 1;
}

static void report_memory(struct evaluation *evaluation)
{
    char asked[16], reason[64];
    if (evaluation->is_refused_deep) {
        diagnostic_add(evaluation->diagnostics, "W0111", &evaluation->refused_place, OVERFLOW);
        return;
    }
    text_bytes(asked, sizeof asked, evaluation->memory_refused);
    snprintf(reason, sizeof reason, "%s were asked for at once", asked);
    add_memory_error(evaluation, &evaluation->refused_place, reason);
}

int evaluation_call(struct evaluation *evaluation, lua_CFunction function, void *argument,
                    int result_count)
{
    lua_State *state = evaluation->state;
    uint32_t errors = evaluation->diagnostics->error_count;
    lua_pushcfunction(state, report_error);
    lua_pushcfunction(state, function);
    lua_pushlightuserdata(state, argument);
    int status = lua_pcall(state, 1, result_count, 1);
    lua_remove(state, 1);
    if (status == LUA_OK) {
        return 0;
    }
    if (status == LUA_ERRMEM) {
        report_memory(evaluation);
    } else if (evaluation->diagnostics->error_count == errors) {
        diagnostic_add(evaluation->diagnostics, "W0111", NULL,
                       "an error was raised that cannot be "
                       "shown");
    }
    return -1;
}

static void add_syntax_error(struct evaluation *evaluation, const struct source *source,
                             const char *message)
{
    const char *colon = strchr(message, ':');
    uint32_t line = colon == NULL ? 0 : (uint32_t)strtoul(colon + 1, NULL, 10);
    const char *text = without_position(message), *near = strstr(text, " near '");
    struct place place = source_line(source, line);
    if (near != NULL) {
        place = find_named(evaluation, place, near, "'");
    }
    struct diagnostic *added =
        diagnostic_add(evaluation->diagnostics, "W0102", &place, "syntax error: %s", text);
    if (near != NULL && strncmp(text, "'}' expected", 12) == 0) {
        diagnostic_set(&added->help, "is a comma or a `{` missing before it?");
    }
    int level = 0;
    while ((place = next_place(evaluation, &level)).file != NULL && level < CALLERS_MAX) {
        diagnostic_note(added, "required from %s:%u", place.file, place.line);
    }
    evaluation->is_reported = 1;
}

void evaluation_load(lua_State *state, int number)
{
    struct evaluation *evaluation = evaluation_of(state);
    const struct source *source = evaluation->sources[number];
    const char *text = source->text;
    size_t length = source->length;
    char name[16];
    if (length > 0 && text[0] == LUA_SIGNATURE[0]) {
        evaluation_fail(state, "W0103", "keep the Lua text instead",
                        "%s is bytecode; only Lua text is read", source->path);
    }
    if (length > 0 && text[0] == '#') {
        const char *rest = memchr(text, '\n', length);
        rest = rest == NULL ? text + length : rest;
        length -= (size_t)(rest - text);
        text = rest;
    }
    snprintf(name, sizeof name, "=%d", number);
    int status = luaL_loadbufferx(state, text, length, name, "t");
    if (status == LUA_ERRSYNTAX) {
        add_syntax_error(evaluation, source, lua_tostring(state, -1));
    }
    if (status != LUA_OK) {
        lua_error(state);
    }
}

// Fills the state, runs the file and reads the pipeline that it returns.
static int run_file(lua_State *state)
{
    lua_settop(state, 0);
    object_open(state);
    sandbox_fill(state);
    limits_hook(state);
    evaluation_load(state, 0);
    lua_call(state, 0, 1);
    pipeline_take(state);
    return 0;
}

static int open_first(struct evaluation *evaluation, const char *path, const char *text,
                      size_t length)
{
    struct error error = {.text = "no memory"};
    struct source *source =
        text != NULL ? source_make(path, text, length) : source_open(path, &error);
    if (evaluation_add_source(evaluation, source) < 0) {
        struct place place = {.file = (char *)path};
        diagnostic_add(evaluation->diagnostics, "W0101", &place, "cannot read %s: %s", path,
                       error.text);
        return -1;
    }
    if (text == NULL) {
        const char *slash = strrchr(path, '/');
        evaluation->folder =
            slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + (slash == path));
    }
    return 0;
}

json_t *evaluate(const char *path, const char *text, size_t length, const struct lua_limits *limits,
                 struct progress *progress, struct diagnostics *diagnostics, struct text *printed)
{
    struct diagnostics found = {0};
    struct evaluation evaluation = {.limits = limits, .progress = progress, .diagnostics = &found};
    json_t *description = NULL;
    if (evaluation_init(&evaluation) != 0) {
        diagnostic_add(&found, "W0106", NULL, "no memory to evaluate %s", path);
    } else if (open_first(&evaluation, path, text, length) == 0 &&
               evaluation_call(&evaluation, run_file, NULL, 0) == 0) {
        description = pipeline_describe(&evaluation);
    }
    if (found.error_count > 0) {
        json_decref(description);
        description = NULL;
    }
    *printed = evaluation.printed;
    evaluation_finish(&evaluation);
    diagnostics_sort(&found);
    diagnostics_move(diagnostics, &found);
    return description;
}
