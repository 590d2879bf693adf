// CSV (RFC 4180) into rows: typed columns straight from the bytes, without an index of fields in
// between. Quoted fields may hold delimiters, doubled quotes and line ends; lines end in LF or
// CRLF; empty lines are skipped where there is more than one field.
#ifndef FILE_CSV_H
#define FILE_CSV_H

#include "parse.h"

#define CSV_SKIP (-1) // a field that no column takes
#define CSV_KIND (-2) // the field that holds the change kind

struct csv_dialect {
    char delimiter;
    char quote;            // 0: there are no quotes
    const char *null_text; // an unquoted field of this text is null; the caller's
};

struct csv {
    struct csv_dialect dialect;
    size_t null_size;
    int32_t *fields; // per field of a line: the column that takes it, CSV_SKIP or CSV_KIND
    uint8_t *steps;  // per field: how it is read
    uint32_t field_count;
    char *scratch; // a quoted field without its quotes
    size_t scratch_capacity;
};

// fields[i] is the column of `rows` that field i goes to, CSV_SKIP or CSV_KIND; copied. 0 or
// VALUE_NO_MEMORY.
int csv_init(struct csv *csv, struct csv_dialect dialect, const struct rows *rows,
             const int32_t *fields, uint32_t field_count);
void csv_finish(struct csv *csv);

// Reads records into rows until PARSE_*. If parse->is_last, the bytes must end in a line end (the
// caller adds one where the file has none).
int csv_parse(struct csv *csv, struct parse *parse, struct rows *rows);

// One field as it stands in the text.
struct csv_text {
    const char *text; // without quotes
    size_t size;
    const char *end; // the delimiter or LF that ends it
    uint64_t lines;  // line ends inside it
    int is_quoted;
    int is_ascii;
};

// Reads the field at p; a LF is at or after it and before `end`. 0, or a static sentence that says
// what is wrong with the quotes, or csv_open if the quotes do not end before `end`.
extern const char csv_open[];
extern const char csv_no_memory[];
const char *csv_field(struct csv *csv, const char *p, const char *end, struct csv_text *field);

// A record as texts: for headers, and for samples of which the types are not known yet.
struct csv_line {
    char **texts;
    uint8_t *are_quoted;
    uint32_t count;
    uint64_t lines;   // line ends in it, the last one included
    const char *next; // behind it
};

// Splits the record at p; a LF is before end. 0; VALUE_NO_MEMORY; or VALUE_SYNTAX with a reason:
// broken quotes (csv_open: perhaps more bytes are needed).
int csv_split(struct csv *csv, const char *p, const char *end, struct csv_line *line,
              const char **reason);
void csv_line_finish(struct csv_line *line);

#endif
