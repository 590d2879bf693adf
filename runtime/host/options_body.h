// The inside of struct options, shared by options.c and options_resolve.c.
#ifndef HOST_OPTIONS_BODY_H
#define HOST_OPTIONS_BODY_H

#include "expr/expr.h"
#include "host/blocks.h"
#include "host/options.h"

// A value that waits for the input's schema: the column, expression or aggregate behind it.
struct unresolved {
    const struct weir_option *descriptor;
    struct weir_value *value;
    char *path;        // "set.span_ms"
    char *text;        // column, expression, or an aggregate's argument (NULL: none)
    char *by;          // aggregate; NULL: none
    uint32_t type;     // WEIR_OPTION_COLUMN, _EXPRESSION or _AGGREGATES
    uint32_t function; // WEIR_AGGREGATE_*
    struct unresolved *next;
};

struct options {
    const struct weir_option *descriptors;
    uint32_t count;
    struct weir_value *values; // one per descriptor
    struct place *option_places;
    json_t *places;
    char *owner;
    char *stage;
    struct place place;
    struct unresolved *first;
    struct unresolved **last;
    struct blocks blocks; // what values point to
    struct expression **expressions;
    uint32_t expression_count;
    struct weir_aggregate *aggregates; // made by the last resolve
};

// The place of "option" or "option.item"; of what surrounds it if that is not known. The file name
// is lent.
struct place options_place_of(const struct options *options, const char *path);

// Adds a diagnostic about an option.
__attribute__((format(printf, 5, 6))) struct diagnostic *
options_report(const struct options *options, struct diagnostics *diagnostics, const char *code,
               const char *path, const char *format, ...);

#endif
