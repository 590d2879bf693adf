// Diagnostics and places as JSON: for tools (--json), and for the way from the process that
// evaluates a pipeline file.
//   { "code", "severity": "error" | "warning", "message", "place": { "file", "line", "column",
//     "end" }, "stage", "option", "available", "help", "notes": [ text ... ] }
// Members that a diagnostic does not have are left out.
#ifndef BASE_DIAGNOSTIC_JSON_H
#define BASE_DIAGNOSTIC_JSON_H

#include <jansson.h>

#include "base/diagnostic.h"

// All of them, as an array; the caller frees it with json_decref. NULL: no memory.
json_t *diagnostics_to_json(const struct diagnostics *diagnostics);

// Adds what diagnostics_to_json made. Returns 0, or -EINVAL when array is anything else.
int diagnostics_add_json(struct diagnostics *diagnostics, const json_t *array);

// { "file", "line", "column", "end" }; parts that are unknown are left out.
json_t *place_to_json(const struct place *place);

// The place in it; its file points into the JSON. What is missing is 0 or NULL; place may be NULL.
struct place place_from_json(const json_t *place);

#endif
