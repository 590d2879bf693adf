// One evaluation of a pipeline file, in the process that calls. What lies behind lua.h: sandbox
// (the state and what it may do), object (the module `w`), value (tables to JSON), pipeline (the
// description), evaluate (all of them in order), describe (the child process).
#ifndef LUA_EVALUATE_H
#define LUA_EVALUATE_H

#include <jansson.h>
#include <lua.h>

#include "base/diagnostic.h"
#include "base/text.h"
#include "lua/lua.h"
#include "lua/source.h"

#define DECLARATIONS_MAX 20000
#define VALUES_MAX 200000 // with their places
#define TEXT_BYTES_MAX (8 << 20)
#define NAME_LENGTH_MAX 100
#define PRINTED_BYTES_MAX 65536

// Where the child is, in memory shared with its parent, which reads it after a limit has killed it.
struct progress {
    char file[1024];
    uint32_t line;
    char library[32]; // the library function that is running there, or empty
};

// A call of w.VERB "name" { ... }.
struct declaration {
    char *verb;
    char *name;
    struct place place; // its file belongs to a source
    struct place verb_place;
    json_t *from;    // places
    json_t *options; // NAME: value; NULL until its table is read
    json_t *places;  // of values, by dotted name, as the text shows them
    int position;    // in the pipeline, from 0; -1
    int is_resource; // is in the description as one
};

struct evaluation {
    lua_State *state;
    const struct lua_limits *limits;
    struct progress *progress; // NULL: the process is not ours to lose, what cannot end is left out
    struct diagnostics *diagnostics;
    char *folder; // of the project; NULL: require finds nothing

    struct source **sources;
    size_t source_count;
    struct declaration *declarations;
    size_t declaration_count;
    json_t *objects; // array: what w.sum, w.env and the like made
    int pipeline;    // its declaration; -1
    int *items;      // declarations in the order of the pipeline
    size_t item_count;

    uint64_t memory_used;
    uint64_t memory_refused; // size of the block that was refused last
    int is_refused_deep;     // in a very deep call stack
    struct place refused_place;
    uint64_t instruction_count;
    int64_t deadline_ns;
    int is_stopped; // a limit was reached: nothing may catch that
    uint32_t value_count;
    uint64_t text_bytes;
    int is_too_large;
    struct text printed; // by the file, for stderr
    int is_reported;     // the error that is being raised has its diagnostic
};

struct evaluation *evaluation_of(lua_State *state);

// Evaluates the file (text NULL) or the text that stands for it. Returns the description or NULL;
// diagnostics says why, or has warnings. progress as in struct evaluation; printed gets what the
// file prints.
json_t *evaluate(const char *path, const char *text, size_t length, const struct lua_limits *limits,
                 struct progress *progress, struct diagnostics *diagnostics, struct text *printed);

// Prepares and ends what evaluate uses; for lua_options.
int evaluation_init(struct evaluation *evaluation);
void evaluation_finish(struct evaluation *evaluation);

// Adds a source, whose number is its chunk's name. Takes it over. -1: no memory.
int evaluation_add_source(struct evaluation *evaluation, struct source *source);
// Loads source `number` as a function on the stack; raises the error of its syntax.
void evaluation_load(lua_State *state, int number);
// Runs function(state) with `argument` as a light userdata; its error becomes a diagnostic.
// Returns 0 or -1, and leaves result_count results on the stack.
int evaluation_call(struct evaluation *evaluation, lua_CFunction function, void *argument,
                    int result_count);

// The place of the innermost file line in the call stack; the file is NULL if there is none.
struct place evaluation_place(struct evaluation *evaluation);
// Those after it, outermost last.
json_t *evaluation_callers(struct evaluation *evaluation);
// The source of a running function, or NULL if it is none of ours.
const struct source *evaluation_source(struct evaluation *evaluation, const lua_Debug *debug);

// Raises an error with a code; help may be NULL.
__attribute__((format(printf, 4, 5), noreturn)) void
evaluation_fail(lua_State *state, const char *code, const char *help, const char *format, ...);

// Counts values against the same limit while the file runs; raises an error beyond it.
void evaluation_charge(lua_State *state, size_t values);

// Counts values and bytes of text against what a description may hold; -1 and one diagnostic
// beyond it.
int evaluation_count(struct evaluation *evaluation, const struct declaration *declaration,
                     size_t values, size_t bytes);

// Reports something about a declaration and goes on. option NULL: the declaration itself.
__attribute__((format(printf, 5, 6))) struct diagnostic *
declaration_error(struct evaluation *evaluation, const struct declaration *declaration,
                  const char *option, const char *code, const char *format, ...);
// The place of an option of it: where the text shows it or what it stands in, else the call.
struct place declaration_place(const struct declaration *declaration, const char *option);

#endif
