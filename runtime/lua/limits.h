// The limits of a pipeline file while it runs: memory by an allocator of our own, time by a hook
// that counts instructions. What they cannot stop (a pattern that backtracks without end) the
// limits of the child process do; for that the place is noted in struct progress.
#ifndef LUA_LIMITS_H
#define LUA_LIMITS_H

#include "lua/evaluate.h"

// A lua_Alloc whose context is the evaluation.
void *limits_allocate(void *context, void *block, size_t old_size, size_t size);

// The wall clock starts.
void limits_start(struct evaluation *evaluation);
void limits_hook(lua_State *state);

// Wraps the functions of the library table on top of the stack so that each notes where it is
// called.
void limits_wrap_library(lua_State *state, const char *name);

#endif
