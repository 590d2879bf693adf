// Options: the descriptors by which an operator says what may be set, and the values that it gets.
//
// Descriptors drive parsing, `weir check`, `weir inspect`, the documentation and "did you mean".
// Values reach the operator checked, typed, in the unit named here and with defaults filled in.
#ifndef WEIR_OPTION_H
#define WEIR_OPTION_H

#include <stdint.h>

#include "weir/type.h"

#define WEIR_OPTION_BOOL 1u
#define WEIR_OPTION_INT 2u
#define WEIR_OPTION_FLOAT 3u
#define WEIR_OPTION_STRING 4u
#define WEIR_OPTION_DURATION \
    5u // "250ms", "1m", "2h", "7d": microseconds; with WEIR_OPTION_MONTHS "month", too
#define WEIR_OPTION_BYTES 6u   // "64KiB", "2MB": bytes
#define WEIR_OPTION_ENUM 7u    // one of choices
#define WEIR_OPTION_COLUMN 8u  // name of a column of the input
#define WEIR_OPTION_COLUMNS 9u // list of them (one name alone is a list of one)
#define WEIR_OPTION_EXPRESSION \
    10u // text, compiled against the input's schema; `element` is the type id it must have
#define WEIR_OPTION_AGGREGATES 11u // named aggregates, in order
#define WEIR_OPTION_RESOURCE 12u   // a resource that the pipeline declares
#define WEIR_OPTION_LIST 13u       // of `element`
#define WEIR_OPTION_MAP 14u        // names to `element`, in order
#define WEIR_OPTION_SCHEMA 15u     // list of "name type" or "name type not null"

#define WEIR_OPTION_REQUIRED 1u
#define WEIR_OPTION_MONTHS 2u     // a duration may be a number of months
#define WEIR_OPTION_DEPRECATED 4u // still works, named in a warning

// Frozen: stands in arrays.
struct weir_option {
    const char *name;
    const char *summary; // one sentence, no full stop
    uint32_t type;       // WEIR_OPTION_*
    uint32_t flags;      // WEIR_OPTION_REQUIRED ...
    uint32_t element; // LIST, MAP: type of an item; EXPRESSION: WEIR_TYPE_* it must have, 0 = any
    uint32_t zero;    //
    const char *initial; // the default, written as in a pipeline: "2", "\"1m\"", "true"; NULL: none
    const char *unit;    // "rows", "rows/s"; NULL: none
    double min;          // range of INT, FLOAT, DURATION (us), BYTES; min == max: no range
    double max;          //
    const char *const *choices; // ENUM: NULL-terminated
    const char *since;          // version that brought it
};

// Value types: what a struct weir_value holds.
#define WEIR_VALUE_NONE 0u // not set, and no default
#define WEIR_VALUE_BOOL 1u
#define WEIR_VALUE_INT 2u // INT, BYTES (bytes), DURATION (us)
#define WEIR_VALUE_FLOAT 3u
#define WEIR_VALUE_STRING 4u // STRING, ENUM, COLUMN
#define WEIR_VALUE_LIST 5u
#define WEIR_VALUE_MAP 6u // items carry their names
#define WEIR_VALUE_EXPRESSION 7u
#define WEIR_VALUE_AGGREGATE 8u
#define WEIR_VALUE_MONTHS 9u // a duration counted in months
#define WEIR_VALUE_FIELD 10u // item of a SCHEMA
#define WEIR_VALUE_RESOURCE 11u

struct weir_expression;
struct weir_aggregate;

// A value of an option, read-only, owned by the host for the life of the instance. Frozen: stands
// in arrays.
struct weir_value {
    uint32_t type;    // WEIR_VALUE_*
    uint32_t count;   // LIST, MAP: items; STRING: bytes; ENUM: count of bytes, too
    const char *name; // MAP items and FIELDs: the name; else NULL
    union {
        int64_t integer; // BOOL (0, 1), INT, MONTHS; COLUMN and items of COLUMNS see `column`
        double number;
        const char *string;
        const struct weir_value *items;
        const struct weir_expression *expression;
        const struct weir_aggregate *aggregate;
        struct weir_type field;
    } as;
    int32_t column; // COLUMN: its index in the input's schema (from negotiation on); else -1
    int32_t choice; // ENUM: index into choices; else -1
};

#endif
