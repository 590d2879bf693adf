// The module `w` and what it makes: verbs (w.map, w.map.c), declarations that wait for their table
// (w.map "x"), stages and resources, aggregates, references, the pipeline. All are userdata of one
// metatable, which refuses arithmetic and comparison.
#ifndef LUA_OBJECT_H
#define LUA_OBJECT_H

#include "lua/evaluate.h"

#define OBJECT_VERB 1        // its user value is the verb; "" is `w` itself
#define OBJECT_NAMED 2       // number: the declaration that waits for its table
#define OBJECT_DECLARATION 3 // number: the declaration
#define OBJECT_VALUE 4       // number: index into evaluation->objects
#define OBJECT_PIPELINE 5    // number: the declaration

struct object {
    int kind;
    int number;
};

// Pushes `w`. Raises Lua errors.
void object_open(lua_State *state);

// The object at this index, or NULL if the value is anything else.
const struct object *object_at(lua_State *state, int index);

void object_push(lua_State *state, int kind, int number);
// Takes the value over.
void object_push_value(lua_State *state, json_t *value);

// What a message calls the value: "`per_minute`", "nil", "a table". May push one text.
const char *object_name(lua_State *state, int index);

#endif
