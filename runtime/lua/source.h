// The source text of a pipeline file, as far as places need it: where a declaration stands, and
// where the values of its options stand. Lua tells the line of a call only; the rest is read here
// with a small lexer. Where the text does not show it (computed options), the place is the line.
#ifndef LUA_SOURCE_H
#define LUA_SOURCE_H

#include <jansson.h>
#include <stddef.h>

#include "base/diagnostic.h"
#include "base/error.h"

#define SOURCE_BYTES_MAX (1 << 20)

struct token {
    uint32_t start; // of a string: of what stands between the quotes
    uint32_t end;
    uint32_t line; // of start
    uint32_t column;
    char kind; // TOKEN_* or the character itself
};

#define TOKEN_END '\0'
#define TOKEN_NAME 'a'
#define TOKEN_STRING '"'
#define TOKEN_NUMBER '0'
#define TOKEN_OTHER '?'

struct source {
    char *path; // as shown
    char *text;
    size_t length;
    struct token *tokens; // ends with TOKEN_END
    size_t token_count;
};

// Reads a regular file of at most SOURCE_BYTES_MAX. NULL with error set.
struct source *source_open(const char *path, struct error *error);
// Takes a copy of the text.
struct source *source_make(const char *path, const char *text, size_t length);
void source_close(struct source *source);

// The place of the line; of `name` in it, as a name or text, if it
// stands there just once.
struct place source_line(const struct source *source, uint32_t line);
struct place source_name(const struct source *source, uint32_t line, const char *name);
// The place of the text in `function "text"`, `function("text"` or `function = "text"` in this
// line; the line if it is not written there.
struct place source_argument(const struct source *source, uint32_t line, const char *function,
                             const char *text);

// The call `verb "name" { ... }` that begins in this line, verb being the last part of a dotted
// one. Returns the place of the name. *open is the token of the opening brace, 0 if the table is
// not written there.
struct place source_declaration(const struct source *source, uint32_t line, const char *verb,
                                const char *name, size_t *open);
// The place of the verb of such a call, without `w.`; the line if it is not found.
struct place source_verb(const struct source *source, uint32_t line, const char *verb,
                         const char *name);
// The opening brace of the only call `function { ... }` that begins in this line, else 0.
size_t source_table(const struct source *source, uint32_t line, const char *function);

// The places of all values of the table constructor that opens there, by dotted name: { NAME:
// place }. Positional items are called by number; at the outermost level ".1". Caller frees.
json_t *source_places(const struct source *source, size_t open);

#endif
