// What becomes of a row when another one of its key is written: the merge engines of a table.
#ifndef FLUSS_ENGINE_MERGE_H
#define FLUSS_ENGINE_MERGE_H

#include "engine/inside.h"

struct merger {
    struct work *work;
    const struct bucket_put *put;
    enum table_merge merge;             // of this put
    enum table_delete delete_behaviour; // of this put
    int names_values;                   // the targets name more than the key
    int64_t now_us;
    uint8_t *inputs;    // the rows of the put as they were sent, one after the other
    uint64_t auto_next; // of the bucket, once the put is in the log
};

// RETRY: no memory.
int32_t merge_init(struct merger *merger, struct work *work, const struct bucket_put *put);
// Applies row i of the put: records, and what its key has from now on. DATA: refused.
int32_t merge_row(struct merger *merger, uint32_t i);
// Applies an update of column `column` of `old` by `input`, into `row` which begins as old (the
// aggregation engine). DATA: it does not fit. (aggregate.c)
int32_t aggregate_column(struct work *work, uint32_t column, const uint8_t *input, uint8_t *row);
// The order of two version values: below, equal, above 0. Null is the smallest value.
int merge_compare_version(const struct row_layout *layout, uint32_t column, const uint8_t *a,
                          const uint8_t *b);

#endif
