// Batches: rows of one schema, stored by column in the Arrow layout
// (https://arrow.apache.org/docs/format/ Columnar.html), with a change kind per row.
//
// A batch is counted and read-only once emitted. Input is lent until the call returns,
// weir_batch_ref keeps it, what you emit is gone. Memory that the host allocates is 64-byte
// aligned; a plugin may rely on 8 (batches that came over a link or from disk). Bytes under nulls
// and in padding are zero.
#ifndef WEIR_BATCH_H
#define WEIR_BATCH_H

#include <stddef.h>

#include "weir/schema.h"

// Limits: a builder ends a batch before them, a decoder refuses beyond them.
#define WEIR_BATCH_ROWS_MAX 65536u
#define WEIR_BATCH_BYTES_MAX (64u << 20)
#define WEIR_VALUE_BYTES_MAX (16u << 20)

// Change kinds. A batch without an array of kinds is all INSERT.
#define WEIR_KIND_INSERT 0u        // +I
#define WEIR_KIND_UPDATE_BEFORE 1u // -U
#define WEIR_KIND_UPDATE_AFTER 2u  // +U
#define WEIR_KIND_DELETE 3u        // -D
// Sets of kinds, as negotiation speaks of them: bit k stands for kind k.
#define WEIR_KINDS_INSERT 1u
#define WEIR_KINDS_ALL 15u

#define WEIR_ENCODING_PLAIN 0u
#define WEIR_ENCODING_ABSENT 1u // nobody downstream reads this column: no values, do not touch

// One column of a batch. Frozen: stands in arrays.
struct weir_column {
    struct weir_type type;
    uint32_t encoding;       // WEIR_ENCODING_*; PLAIN unless the operator said that it takes others
    uint32_t null_count;     // 0 if validity is NULL
    const uint8_t *validity; // bit i is 1 if row i has a value, LSB first; NULL: no nulls
    const void *values;     // fixed width: one value a row; bool: bits; string and bytes: the bytes
    const int32_t *offsets; // string and bytes: row_count + 1 offsets into values; else NULL
};

#define WEIR_BUCKET_NONE (-1)
#define WEIR_TIME_NONE INT64_MIN // no event time, no watermark yet

struct weir_batch {
    uint32_t size;
    uint32_t row_count;    // 0 to WEIR_BATCH_ROWS_MAX
    uint32_t column_count; // as in schema
    int32_t bucket;        // bucket or key group that all rows belong to, or WEIR_BUCKET_NONE
    const struct weir_schema *schema;  //
    const struct weir_column *columns; // column_count of them
    const uint8_t *kinds;              // WEIR_KIND_* per row; NULL: all INSERT
    int64_t time_min_us; // event times of the rows, us since 1970; WEIR_TIME_NONE if there are none
    int64_t time_max_us; //
    int64_t entered_us;  // wall clock when the oldest row entered the job
};

static inline int32_t weir_bit(const uint8_t *bits, uint32_t i)
{
    return bits[i >> 3] >> (i & 7) & 1;
}

static inline void weir_bit_set(uint8_t *bits, uint32_t i, int32_t value)
{
    uint8_t mask = (uint8_t)(1u << (i & 7));
    bits[i >> 3] = (uint8_t)(value != 0 ? bits[i >> 3] | mask : bits[i >> 3] & ~mask);
}

static inline uint32_t weir_bit_bytes(uint32_t row_count)
{
    return (row_count + 7) / 8;
}

static inline int32_t weir_is_null(const struct weir_column *column, uint32_t row)
{
    return column->validity != NULL && !weir_bit(column->validity, row);
}

// The bytes of a string or bytes value; not NUL-terminated.
static inline const char *weir_text(const struct weir_column *column, uint32_t row,
                                    uint32_t *length)
{
    *length = (uint32_t)(column->offsets[row + 1] - column->offsets[row]);
    return (const char *)column->values + column->offsets[row];
}

static inline uint32_t weir_kind(const struct weir_batch *batch, uint32_t row)
{
    return batch->kinds == NULL ? WEIR_KIND_INSERT : batch->kinds[row];
}

#endif
