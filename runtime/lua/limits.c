#include "lua/limits.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lauxlib.h>

#define DEEP_CALLS 10000
#define HOOK_INSTRUCTIONS 10000
#define INSTRUCTIONS_MAX 2000000u // where there is no clock

// Where the innermost file line is. Allocates nothing: the allocator asks too.
static struct place innermost(struct evaluation *evaluation)
{
    lua_Debug debug;
    for (int level = 0; lua_getstack(evaluation->state, level, &debug); level++) {
        lua_getinfo(evaluation->state, "Sl", &debug);
        const struct source *source = evaluation_source(evaluation, &debug);
        if (source != NULL && debug.currentline > 0) {
            return source_line(source, (uint32_t)debug.currentline);
        }
    }
    return (struct place){0};
}

void *limits_allocate(void *context, void *block, size_t old_size, size_t size)
{
    struct evaluation *evaluation = context;
    old_size = block == NULL ? 0 : old_size; // for a new block it is Lua's type code
    if (size == 0) {
        free(block);
        evaluation->memory_used -= old_size;
        return NULL;
    }
    int is_refused = size > old_size &&
                     evaluation->memory_used + (size - old_size) > evaluation->limits->memory_bytes;
    void *moved = is_refused ? NULL : realloc(block, size);
    if (moved != NULL) {
        evaluation->memory_used += size - old_size;
        return moved;
    }
    evaluation->memory_refused = size;
    if (evaluation->state != NULL) {
        lua_Debug debug;
        evaluation->refused_place = innermost(evaluation);
        evaluation->is_refused_deep = lua_getstack(evaluation->state, DEEP_CALLS, &debug);
    }
    return NULL;
}

static void note_place(struct evaluation *evaluation)
{
    struct progress *progress = evaluation->progress;
    struct place place = innermost(evaluation);
    if (progress != NULL && place.file != NULL) {
        size_t length = strnlen(place.file, sizeof progress->file - 1);
        memcpy(progress->file, place.file, length);
        progress->file[length] = '\0';
        progress->line = place.line;
    }
}

static int64_t now_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void limits_start(struct evaluation *evaluation)
{
    evaluation->deadline_ns =
        now_ns(CLOCK_MONOTONIC) + (int64_t)evaluation->limits->wall_ms * 1000000;
}

static const char help[] = "a pipeline file is evaluated in milliseconds; look for a loop that "
                           "does not end";

static void count_hook(lua_State *state, lua_Debug *debug)
{
    (void)debug;
    struct evaluation *evaluation = evaluation_of(state);
    const struct lua_limits *limits = evaluation->limits;
    evaluation->instruction_count += HOOK_INSTRUCTIONS;
    if (evaluation->progress == NULL) {
        if (evaluation->instruction_count > INSTRUCTIONS_MAX) {
            evaluation->is_stopped = 1;
            evaluation_fail(state, "W0104", help, "the file did not end within %u instructions",
                            INSTRUCTIONS_MAX);
        }
        return;
    }
    note_place(evaluation);
    evaluation->progress->library[0] = '\0';
    if (now_ns(CLOCK_PROCESS_CPUTIME_ID) > (int64_t)limits->cpu_seconds * 1000000000) {
        evaluation->is_stopped = 1;
        evaluation_fail(state, "W0104", help, "the file did not end within %u s of processor time",
                        limits->cpu_seconds);
    }
    if (now_ns(CLOCK_MONOTONIC) > evaluation->deadline_ns) {
        evaluation->is_stopped = 1;
        evaluation_fail(state, "W0104", help, "the file did not end within %u ms", limits->wall_ms);
    }
}

void limits_hook(lua_State *state)
{
    lua_sethook(state, count_hook, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
}

// The hook cannot interrupt a library function, so each leaves a note for the parent.
static int call_library(lua_State *state)
{
    struct evaluation *evaluation = evaluation_of(state);
    struct progress *progress = evaluation->progress;
    if (progress != NULL) {
        note_place(evaluation);
        snprintf(progress->library, sizeof progress->library, "%s",
                 lua_tostring(state, lua_upvalueindex(2)));
    }
    int result_count = lua_tocfunction(state, lua_upvalueindex(1))(state);
    if (progress != NULL) {
        progress->library[0] = '\0';
    }
    return result_count;
}

void limits_wrap_library(lua_State *state, const char *name)
{
    lua_pushnil(state);
    while (lua_next(state, -2) != 0) {
        if (lua_iscfunction(state, -1)) {
            lua_pushvalue(state, -2);
            lua_insert(state, -2);
            lua_pushfstring(state, "%s.%s", name, lua_tostring(state, -2));
            lua_pushcclosure(state, call_library, 2);
            lua_rawset(state, -4);
        } else {
            lua_pop(state, 1);
        }
    }
}
