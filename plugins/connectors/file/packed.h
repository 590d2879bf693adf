// msgpack into rows: a stream of one map (members by name) or array (values in the order of the
// columns) per record. No length is trusted: a record is measured within the bytes that are there
// before msgpack-c sees it, as msgpack-c reserves memory by what a header claims.
#ifndef FILE_PACKED_H
#define FILE_PACKED_H

#include <msgpack.h>

#include "ndjson.h"
#include "parse.h"

#define PACKED_DEPTH_MAX 16u
#define PACKED_ITEMS_MAX (1u << 18) // of one record, on all levels

struct packed {
    struct ndjson names; // to find keys
    msgpack_zone zone;
    int has_zone;
    int is_broken; // what follows cannot be read
};

// kind_name: the member (of an array: the last value) that holds the change kind, or NULL. 0 or
// VALUE_NO_MEMORY.
int packed_init(struct packed *packed, const struct rows *rows, const char *kind_name);
void packed_finish(struct packed *packed);

// Reads records into rows until PARSE_*; parse->line counts records.
int packed_parse(struct packed *packed, struct parse *parse, struct rows *rows);

// Measures the value at the start of bytes: 0 and its size; 1 if bytes ends inside it; or -1 and a
// sentence: it is not msgpack, or beyond the limits above.
int packed_measure(const uint8_t *bytes, size_t size, size_t *value_size, const char **reason);

#endif
