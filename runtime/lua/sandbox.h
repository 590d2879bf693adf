// The Lua state of a pipeline file and what it may do: memory and time limits, the libraries left
// to it, read-only globals, and require, which finds files of the project only.
#ifndef LUA_SANDBOX_H
#define LUA_SANDBOX_H

#include "lua/evaluate.h"

// Makes evaluation->state, empty. Returns 0 or -1 (no memory).
int sandbox_open(struct evaluation *evaluation);

// Fills the state; raises Lua errors. The module `w` lies on top of the stack and is taken.
void sandbox_fill(lua_State *state);

#endif
