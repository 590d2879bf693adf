// The Lua front end: runs a pipeline file in a child process with limits and returns a plain
// description of what it declares. No other module knows Lua.
//
// The description is JSON (jansson). Every place is {"file": path, "line": n, "column": n, "end":
// n} (columns and end from 1, in bytes; left out where unknown), found by reading the source text
// of the call.
//   { "name": "sensor-aggregation", "file": path, "place": place,
//     "options": { NAME: value },          -- parallelism and the like
//     "option_places": { NAME: place },
//     "resources": [ { "type": "table", "name", "options", "place", "option_places", "from" } ],
//     "stages":    [ { "verb": "source" | "transform" | "sink" | "service" | NAME of w.NAME,
//                      "name", "options", "place", "option_places", "from" } ] }   -- in order
// "from" lists the places that called the function in which the call stands, innermost first
// (empty for a call in the file itself): `= note: called from families.lua:12`.
// A value is a JSON scalar or
//   list:      [ value ... ]                       (an empty table is an empty list)
//   map:       { "map": [ [NAME, value] ... ] }    by name, or in the order of a list of pairs
//   aggregate: { "aggregate": { "function": "sum", "argument": text or null, "by": text or null } }
//   reference: { "env": NAME } | { "secret": NAME } | { "resource": NAME } | { "stage": NAME }
// Positional items of a stage (w.stats in a window) are in the option "" as a list; w.stats is a
// map of aggregates.
// option_places has an entry for every option and, with dotted names ("set.span_ms", "columns.3",
// ".1.sum_temperature"), for the items of lists and maps; an aggregate adds ".argument" and ".by".
// "use" is the place of the verb where it is not an option, "NAME=" the place of an option's name.
// Of a text the place is what stands between the quotes: end - column equals its length if it holds
// no escapes, so offsets into it are columns. Two resources never have one name, nor two stages.
#ifndef LUA_LUA_H
#define LUA_LUA_H

#include <jansson.h>

#include "base/diagnostic.h"
#include "base/error.h"

struct lua_limits {
    uint64_t memory_bytes; // of Lua's own allocations
    uint32_t cpu_seconds;
    uint32_t wall_ms;
};

extern const struct lua_limits lua_default_limits; // 64 MiB, 5 s, 10 s

// Evaluates the file; limits NULL: lua_default_limits. NULL if anything is wrong; then diagnostics
// has it all, with places. Else diagnostics may have warnings, and the caller frees the result with
// json_decref. The caller must have no other threads yet (it forks). (The name lua_load is Lua's.)
json_t *lua_describe(const char *path, const struct lua_limits *limits,
                     struct diagnostics *diagnostics);

// Evaluates the inside of a table, "where = 'value >= 10', every = 3", with `w` at hand, in this
// process, for tests: the text is trusted to end. Returns the options { NAME: value }, or NULL with
// error set.
json_t *lua_options(const char *text, struct error *error);

// Gives each diagnostic of a stage or resource that a function made the notes "called from
// FILE:LINE" of its declaration, unless it has notes already.
void lua_note_callers(const json_t *description, struct diagnostics *diagnostics);

// A hash (FNV-1a, 64 bits) over what a description says, whatever its file is called and wherever
// things stand in it: equal for equal pipelines on any machine and in any version.
uint64_t lua_description_hash(const json_t *description);

#endif
