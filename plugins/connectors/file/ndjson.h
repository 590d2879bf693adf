// NDJSON into rows: one JSON object (RFC 8259) a line, its members found by name. Members that no
// column takes are checked for syntax and left out; a column without a member is null. The keys of
// a record are expected in the order of the record before, which makes looking them up one
// comparison.
#ifndef FILE_NDJSON_H
#define FILE_NDJSON_H

#include "parse.h"

#define NDJSON_DEPTH_MAX 64u // arrays and objects inside each other

struct ndjson_key {
    char *text; // with its quotes
    size_t size;
    int32_t is_plain; // its text stands in JSON as it is, without escapes
    uint64_t seen;    // number of the last record that had it
};

struct ndjson {
    struct ndjson_key *keys; // per column; behind them the change kind, if it is read
    uint32_t key_count;
    uint32_t kind;   // index of the change kind's key, or key_count
    int32_t *order;  // per member of a record: the key that the record before had there; -1: none
    uint32_t *table; // keys by hash; key_count where there is none
    uint32_t table_mask;
    uint64_t record; // number of the record in progress
    char *scratch;   // a string without its escapes
    size_t scratch_capacity;
};

// kind_name: the member that holds the change kind, or NULL. 0 or VALUE_NO_MEMORY.
int ndjson_init(struct ndjson *ndjson, const struct rows *rows, const char *kind_name);
void ndjson_finish(struct ndjson *ndjson);

// Reads records into rows until PARSE_*. If parse->is_last, the bytes must end in a LF.
int ndjson_parse(struct ndjson *ndjson, struct parse *parse, struct rows *rows);

// For records of named members in other formats: the key of this name, or -1; and nulls for the
// keys not marked as seen in the record in progress (0 or PARSE_BAD).
int32_t ndjson_key_find(const struct ndjson *ndjson, const char *name, size_t size);
int ndjson_set_missing(struct ndjson *ndjson, struct parse *parse, struct rows *rows);

// What a JSON value is.
#define NDJSON_NULL 0
#define NDJSON_BOOL 1
#define NDJSON_WHOLE 2
#define NDJSON_REAL 3
#define NDJSON_STRING 4
#define NDJSON_NESTED 5

// Calls `member` for every member of the object on the line, which ends in a LF. 0; or -1 if it is
// not a valid object, or a call returned other than 0.
typedef int (*ndjson_member)(void *argument, const char *key, size_t key_size, int kind);
int ndjson_each(struct ndjson *ndjson, const char *line, ndjson_member member, void *argument);

#endif
