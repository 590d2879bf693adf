// Rows of the log as batches of the host: views into the chunk that holds the record, which is kept
// until nobody reads the batch any more.
#ifndef FLUSS_OPERATORS_LEND_H
#define FLUSS_OPERATORS_LEND_H

#include "log/body.h"
#include "log/stream.h"
#include "weir/operator.h"

#define LEND_ROWS_MAX 32768u // of one batch; a longer record leaves in pieces

struct lend {
    const struct weir_field *fields; // of the table, which are those of the output
    uint32_t field_count;
    const uint8_t *wanted;       // set of columns
    struct weir_column *columns; // field_count of them, to work in
};

// Emits the rows `first` to the end of a record: its bucket, its times, the columns that are
// wanted. DATA: the record is not what it says; names bucket and offsets.
int32_t lend_record(const struct lend *lend, struct weir_context *context,
                    const struct stream_view *view, uint32_t first);

// Rows of plain columns that `owner` keeps.
struct lend_rows {
    const struct weir_column *columns; // field_count of them
    uint32_t row_count;                // that they have
    const uint8_t *kinds;              // NULL: all +I
    int32_t bucket;
    int64_t entered_us;
    void (*release)(void *owner); // called once, whatever comes back
    void *owner;
};
// A batch of the rows [first, first + row_count), first a multiple of 64.
int32_t lend_build(const struct lend *lend, struct weir_context *context,
                   const struct lend_rows *rows, uint32_t first, uint32_t row_count,
                   const struct weir_batch **batch);

#endif
