// Aggregates: w.count(), w.sum "expression", w.last("expression", { by = "expression" }), w.stats.
//
// As an object an aggregate is { "aggregate": { "function", "argument", "by" }, "places": {
// "argument": place, "by": place } }, and w.stats is { "map": [ [NAME, aggregate] ... ] }.
#ifndef LUA_AGGREGATE_H
#define LUA_AGGREGATE_H

#include "lua/evaluate.h"

// Pushes the function w.NAME if the name is one of these; returns 0 and pushes nothing otherwise.
int aggregate_push(lua_State *state, const char *name);

#endif
