// The stage of a sink: rows of several batches, column after column, until they are put.
#ifndef FLUSS_OPERATORS_STAGE_H
#define FLUSS_OPERATORS_STAGE_H

#include "weir/operator.h"

struct stage_column {
    void *values; // or text
    int32_t *offsets;
    uint8_t *validity;
    uint64_t text_capacity;
    int has_nulls;
};

struct stage {
    const struct weir_schema *schema; // the table's
    const int32_t *from;              // per column: of the input, or -1
    uint32_t row_capacity;
    struct stage_column *state;
    struct weir_column *columns;
    uint8_t *kinds;
    int has_kinds; // a row is not +I
    uint64_t byte_count;
    struct weir_batch batch; // what is staged, as a view
};

// schema and from must outlive it. FATAL: no memory; then stage_finish.
int32_t stage_init(struct stage *stage, struct weir_context *context,
                   const struct weir_schema *schema, const int32_t *from, uint32_t row_capacity);
void stage_finish(struct stage *stage, struct weir_context *context);

// Adds rows of a batch (NULL: all); the caller sees to it that there is room. FATAL: no memory.
int32_t stage_add(struct stage *stage, struct weir_context *context, const struct weir_batch *batch,
                  const uint32_t *rows, uint32_t row_count);
void stage_clear(struct stage *stage);

// A batch of the input as one of the table, without a copy: columns has room for all of them.
void stage_view(const struct stage *stage, const struct weir_batch *input,
                struct weir_column *columns, struct weir_batch *out);

#endif
