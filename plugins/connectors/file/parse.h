// What the parsers of all formats share: they read records from bytes into rows, and stop at the
// end of the bytes, when the rows are full, or at a record that is bad.
#ifndef FILE_PARSE_H
#define FILE_PARSE_H

#include "rows.h"

#define PARSE_PADDING 64u // bytes after the input that must be readable
// A record may take as much as one value, and a little.
#define PARSE_RECORD_BYTES_MAX (WEIR_VALUE_BYTES_MAX + (1u << 16))
#define PARSE_NO_COLUMN (-1)

// How a parser came to stop.
#define PARSE_INPUT 1     // all complete records are read: call with what is left and more bytes
#define PARSE_FULL 2      // the rows are full: take them, call again
#define PARSE_BAD 3       // a record is bad, `bad` says why and `used` is behind it: call again
#define PARSE_NO_MEMORY 4 // cannot go on

// Why a record is bad.
struct parse_bad {
    uint64_t line;      // where the record begins, from 1 (msgpack: number of the record)
    int32_t column;     // of the rows, or PARSE_NO_COLUMN
    const char *record; // inside the input
    size_t record_size; //
    char reason[512];   // a sentence without full stop
};

struct parse {
    const char *bytes; // PARSE_PADDING more are readable
    size_t size;
    size_t used;     // set: bytes of `bytes` that are done with
    uint64_t line;   // of the record to be read next, from 1; goes on with it
    int is_last;     // no more bytes will come after these
    int is_skipping; // inside a record that was too long and is dropped
    struct parse_bad bad;
};

// Notes why the record is bad; ends the row in progress without a trace. Returns PARSE_BAD.
__attribute__((format(printf, 4, 5))) int parse_fail(struct parse *parse, struct rows *rows,
                                                     int32_t column, const char *format, ...);
// The same for a value that rows_set or its kin refused with `code`. Returns PARSE_BAD or
// PARSE_NO_MEMORY.
int parse_fail_value(struct parse *parse, struct rows *rows, int32_t column, int code,
                     const char *text, size_t size);

// For formats of lines: drops the line that starts at `used` and has no end after
// PARSE_RECORD_BYTES_MAX. Returns PARSE_BAD.
int parse_fail_long(struct parse *parse, struct rows *rows);
// Goes on to the end of such a line. 0 if it is not among these bytes, else 1.
int parse_skip_long(struct parse *parse);

// A change kind from its short name (+I, -U, +U, -D). -1: none.
int32_t parse_kind(const char *text, size_t size);
// The short name of a kind.
const char *parse_kind_name(uint32_t kind);

#endif
