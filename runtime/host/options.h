// Options: checks and types what a pipeline sets against an operator's descriptors
// (weir/option.h).
//
// A struct options belongs to a stage. It is made once, resolved against the input schemas as often
// as negotiation asks, and read-only afterwards: all tasks of the stage share it.
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include <jansson.h>

#include "base/diagnostic.h"
#include "weir/option.h"
#include "weir/schema.h"

struct options;

// What options_create goes by. Everything is lent for the call only, but for descriptors, which
// must outlive the options.
struct options_request {
    const struct weir_option *descriptors;
    uint32_t descriptor_count;
    const json_t *values; // object NAME: value, as in lua/lua.h; NULL: none
    const json_t *places; // object NAME: place, with dotted names for items; NULL: unknown
    const char *owner;    // what the options belong to, for messages: "operator `map`"
    const char *stage;
    struct place place;        // of the stage
    const char *const *others; // names that somebody else takes care of: skipped, but listed among
                               // what is available; NULL-terminated, or NULL
    // What a reference {"env": NAME} or {"secret": NAME} stands for; NULL: it is not set. Without
    // the function, references are errors.
    const char *(*reference)(void *reference_owner, const char *kind, const char *name);
    void *reference_owner;
};

// Checks and types every option. All that is wrong goes to diagnostics (W0201 unknown option, W0202
// wrong type, W0203 out of range, W0204 not a choice, W0205 missing, W0206 not readable as what it
// should be, W0207 reference not set, W0208 deprecated, a warning). NULL if anything is wrong.
struct options *options_create(const struct options_request *request,
                               struct diagnostics *diagnostics);
void options_destroy(struct options *options); // NULL is fine

// Resolves columns and compiles expressions and aggregates against the schema of input 0 (no
// columns if there are no inputs). What was resolved before is forgotten, and expressions compiled
// then are gone. All that is wrong goes to diagnostics (W0212 aggregate, W0312 no such column
// and the other codes of expr/expr.h), with a caret inside the text. 0, or -EINVAL.
int options_resolve(struct options *options, const struct weir_schema *const *inputs,
                    uint32_t input_count, struct diagnostics *diagnostics);

// The value of an option; type WEIR_VALUE_NONE if it is not set and has no default; NULL if there
// is no such option.
const struct weir_value *options_find(const struct options *options, const char *name);

// Where an option stands; the place of the stage if that is not known.
const struct place *options_place(const struct options *options, const char *name);

// Where the option stands that a sentence names first in backquotes; else the stage. Without
// options nowhere.
const struct place *options_place_in(const struct options *options, const char *sentence);

// A literal as `initial` and the command line have it, as JSON: numbers, true, false, "quoted" or
// 'quoted' text, { "a", "b" } and { name = 1 }. NULL if it is none of them.
json_t *options_literal(const char *text);

// A JSON value for an option that was given as bare text (--set stage.option=text): a literal where
// that fits the descriptor's type, else the text itself.
json_t *options_from_text(const struct weir_option *descriptor, const char *text);

#endif
