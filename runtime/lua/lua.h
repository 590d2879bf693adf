// The Lua front end: runs a pipeline file in a child process with limits and returns a plain
// description of what it declares. No other module knows Lua.
//
// The description is JSON (jansson). Every place is {"file": path, "line": n, "column": n, "end":
// n} (columns and end from 1, in bytes; 0 where unknown), found by reading the source text of the
// call.
//   { "name": "sensor-aggregation", "file": path, "place": place,
//     "options": { NAME: value },          -- parallelism and the like
//     "option_places": { NAME: place },
//     "resources": [ { "type": "table", "name", "options", "place", "option_places" } ],
//     "stages":    [ { "verb": "source" | "transform" | "sink" | "service" | NAME of w.NAME,
//                      "name", "options", "place", "option_places" } ] }   -- in order
// option_places has an entry for every option and, with dotted names ("set.span_ms", "columns.3"),
// for the items of lists and maps. A value is a JSON scalar or
//   list:      [ value ... ]
//   map:       { "map": [ [NAME, value] ... ] }    by name, or in the order of a list of pairs
//   aggregate: { "aggregate": { "function": "sum", "argument": text or null, "by": text or null } }
//   reference: { "env": NAME } | { "secret": NAME } | { "resource": NAME } | { "stage": NAME }
// Positional items of a stage (w.stats in a window) are in the option "" as a list.
#ifndef LUA_LUA_H
#define LUA_LUA_H

#include <jansson.h>

#include "base/diagnostic.h"

struct lua_limits {
    uint64_t memory_bytes; // of Lua's own allocations
    uint32_t cpu_seconds;
    uint32_t wall_ms;
};

extern const struct lua_limits lua_default_limits; // 64 MiB, 5 s, 10 s

// Evaluates the file. NULL if anything is wrong; then diagnostics has it all, with places. The
// caller must have no other threads yet (it forks).
json_t *lua_load(const char *path, const struct lua_limits *limits,
                 struct diagnostics *diagnostics);

#endif
