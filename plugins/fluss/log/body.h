// Bodies of batch records: columns out of, and into, plain column views.
#ifndef FLUSS_LOG_BODY_H
#define FLUSS_LOG_BODY_H

#include "base/failure.h"
#include "base/memory.h"
#include "log/record.h"
#include "table/definition.h"
#include "weir/batch.h"

// Room for a body of fixed-width columns without nulls, to be filled in place: kinds and the start
// of every column's values. bool and text columns, nulls and compression take body_encode.
struct body_layout {
    uint32_t body_bytes; // padded to RECORD_ALIGN with the head
    uint32_t kinds_offset;
    uint32_t statistics_offset;
};

// Bytes that body_encode will need at most for these columns and rows, uncompressed.
uint64_t body_bound(const struct weir_column *columns, uint32_t column_count, uint32_t row_count,
                    int has_kinds, int has_statistics);
// Writes columns (plain views, any type and nulls) and kinds (NULL: all +I) to out, which has room
// for body_bound bytes. Returns the bytes used, padded with zeros to 8. Compresses each column that
// gets smaller by it.
uint64_t body_encode(const struct weir_column *columns, uint32_t column_count, uint32_t row_count,
                     const uint8_t *kinds, enum table_compression compression, int has_statistics,
                     uint8_t *out, uint32_t *flags);

// Where fixed-width columns without nulls lie in a body that the caller fills itself, plain: writes
// the column entries to out, sets offsets[column] and *kinds_offset (0 without kinds). Returns the
// body's bytes.
uint64_t body_plan(const struct weir_field *fields, uint32_t column_count, uint32_t row_count,
                   int has_kinds, int has_statistics, uint8_t *out, uint32_t *offsets,
                   uint32_t *kinds_offset);
// Statistics of a body whose values are all in place.
void body_statistics(const struct weir_field *fields, const struct record_batch *batch,
                     uint8_t *body);

// A batch as it can be read: views into the body, or into `scratch` where a column was compressed.
struct body_view {
    const struct record_batch *batch;
    const uint8_t *kinds;                       // NULL: all +I
    const struct record_statistics *statistics; // per column, or NULL
    uint32_t column_count;                      // of the batch's own schema
};

// Checks the directory of a body against its bytes and the schema (types, bounds, row count,
// offsets ascending): trusts nothing. DATA with the reason.
int32_t body_open(const struct record_batch *batch, const struct weir_field *fields,
                  uint32_t field_count, struct body_view *view, struct failure *failure);
// Bytes of scratch that body_column needs for a column: 0 if it is plain.
uint64_t body_column_scratch(const struct body_view *view, uint32_t column);
// The column as a plain view. A column that the batch's schema did not have yet is absent
// (WEIR_ENCODING_ABSENT in the body: all null; the caller makes nulls of it).
int32_t body_column(const struct body_view *view, uint32_t column, struct weir_type type,
                    uint8_t *scratch, struct weir_column *out, struct failure *failure);

#endif
