// The pipeline: its stages in order, which declarations are resources, and the description.
#ifndef LUA_PIPELINE_H
#define LUA_PIPELINE_H

#include "lua/evaluate.h"

// Reads the table of w.pipeline at this index. Raises Lua errors.
void pipeline_declare(lua_State *state, int number, int index);

// Checks that the value on top of the stack, what the file returned, is the pipeline.
void pipeline_take(lua_State *state);

// The description (lua.h); NULL if there is no pipeline. Adds diagnostics.
json_t *pipeline_describe(struct evaluation *evaluation);

// The options of a declaration alone, with all handles settled.
json_t *pipeline_options(struct evaluation *evaluation, struct declaration *declaration);

#endif
