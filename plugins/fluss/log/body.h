// Bodies of batch records: columns out of, and into, plain column views.
//
// A body is: struct record_column for every column, the kinds, the statistics (both if the flags
// say so, padded to 8), then the buffers of each column. docs/formats/log.md has it byte by byte.
#ifndef FLUSS_LOG_BODY_H
#define FLUSS_LOG_BODY_H

#include "base/failure.h"
#include "base/memory.h"
#include "log/record.h"
#include "table/definition.h"
#include "weir/batch.h"

#define BODY_ROWS_MAX (2u * WEIR_BATCH_ROWS_MAX) // a put of 65,536 rows writes two for each
#define BODY_BYTES_MAX (2ull * WEIR_BATCH_BYTES_MAX)

// Bytes that body_encode takes for these columns (plain or absent views) and rows without
// compression: exactly; with it, at most.
uint64_t body_size(const struct weir_column *columns, uint32_t column_count, uint32_t row_count,
                   int has_kinds, int has_statistics);
// Writes columns (plain views, any type and nulls) and kinds (NULL: all +I) to out, which has room
// for body_bytes bytes. Returns the bytes used, padded with zeros to 8. Compresses each column that
// gets smaller by it: then scratch must have as much room as out, else it may be NULL. Sets
// RECORD_HAS_* in *flags.
uint64_t body_encode(const struct weir_column *columns, uint32_t column_count, uint32_t row_count,
                     const uint8_t *kinds, enum table_compression compression, int has_statistics,
                     uint8_t *out, uint8_t *scratch, uint32_t *flags);

// Where fixed-width columns without nulls and bits lie in a body that the caller fills itself,
// plain: writes the column entries and paddings to out (NULL: only counts), sets offsets[column]
// and *kinds_offset (kinds only if has_kinds). Returns the body's bytes.
uint64_t body_plan(const struct weir_field *fields, uint32_t column_count, uint32_t row_count,
                   int has_kinds, int has_statistics, uint8_t *out, uint32_t *offsets,
                   uint32_t *kinds_offset);
// Writes the statistics of a planned body whose values are all in place.
void body_statistics(const struct weir_field *fields, uint32_t column_count, uint32_t row_count,
                     int has_kinds, uint8_t *body);

// A batch as it can be read: views into the body, or into scratch where a column was compressed.
struct body_view {
    const struct record_batch *batch;
    const uint8_t *body;
    uint64_t byte_count;
    const struct record_column *entries;
    const uint8_t *kinds;                       // NULL: all +I
    const struct record_statistics *statistics; // per column, or NULL
    uint32_t column_count;                      // of the batch's own schema
};

// Checks the directory of a body against its bytes and the schema (types, bounds, row count):
// trusts nothing but that record_bytes of the header are there. DATA with the reason.
int32_t body_open(const struct record_batch *batch, const struct weir_field *fields,
                  uint32_t field_count, struct body_view *view, struct failure *failure);
// Bytes of scratch that body_column needs for a column: 0 if it is plain.
uint64_t body_column_scratch(const struct body_view *view, uint32_t column);
// The column as a plain view. A column that has no values, or that the batch's schema did not have
// yet, comes as WEIR_ENCODING_ABSENT with null_count = row_count: the caller makes nulls of it.
// DATA: what is in it is not valid (bytes that do not decompress, offsets that do not ascend).
int32_t body_column(const struct body_view *view, uint32_t column, struct weir_type type,
                    uint8_t *scratch, struct weir_column *out, struct failure *failure);

#endif
