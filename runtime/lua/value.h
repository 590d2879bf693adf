// Tables of Lua to JSON. While a file runs a stage or resource in a value is { "handle": number of
// its declaration }; pipeline.c settles which it is.
#ifndef LUA_VALUE_H
#define LUA_VALUE_H

#include "lua/evaluate.h"

// The options of the table at this index, by name; with_items: positional ones under "". What
// cannot be a value is reported and left out. Raises nothing.
json_t *value_options(lua_State *state, const struct declaration *declaration, int index,
                      int with_items);

// What the keys of a table are.
struct value_keys {
    size_t named_count;
    size_t item_count;
    lua_Integer last_item; // the highest position
    const char *strange;   // what a key is that is neither a name nor a position, or NULL
};
struct value_keys value_keys(lua_State *state, int index);

#endif
