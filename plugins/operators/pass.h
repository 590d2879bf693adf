// What operators share that hand rows on as they are: negotiation column by column, and emitting a
// batch, or some of its rows, without a copy where that is possible.
#ifndef OPERATORS_PASS_H
#define OPERATORS_PASS_H

#include "weir/operator.h"

// WANTS: of an input that is like output 0, whatever is wanted of output 0: columns, and those of
// `kinds` among the kinds.
void pass_wants(struct weir_negotiation *negotiation, uint32_t input, uint32_t kinds);

// Emits the input batch itself on output 0.
int32_t pass_batch(struct weir_context *context, const struct weir_batch *batch);

// Emits some rows (ascending) of a batch: the batch itself if it is all of them, nothing if none.
int32_t pass_selection(struct weir_context *context, const struct weir_batch *batch,
                       const uint32_t *rows, uint32_t row_count);

// Memory for row numbers, kept from batch to batch; zeros to begin with.
struct pass_scratch {
    uint32_t *rows;
    uint32_t capacity;
};
// Makes room for row_count numbers; what was there is lost. FATAL: no memory.
int32_t pass_scratch_reserve(struct weir_context *context, struct pass_scratch *scratch,
                             uint32_t row_count);
void pass_scratch_finish(struct weir_context *context, struct pass_scratch *scratch);

// pass_selection of those of the rows (NULL: all) that have not been rejected in this call.
int32_t pass_rows(struct weir_context *context, struct pass_scratch *scratch,
                  const struct weir_batch *batch, const uint32_t *rows, uint32_t row_count);

#endif
