// Rows to be made: which reading each one shows, when it was taken, and its change kind.
#ifndef GENERATOR_DRAFT_H
#define GENERATOR_DRAFT_H

#include "readings.h"
#include "weir/operator.h"

struct draft {
    int64_t *index;
    int64_t *timestamps; // ms
    uint8_t *kinds;
    uint32_t count;
    uint32_t capacity;
};

// FATAL: no memory.
int32_t draft_init(struct draft *draft, struct weir_context *context, uint32_t capacity);
void draft_finish(struct draft *draft, struct weir_context *context); // zeros are fine

static inline void draft_add(struct draft *draft, int64_t index, int64_t timestamp, uint8_t kind)
{
    draft->index[draft->count] = index;
    draft->timestamps[draft->count] = timestamp;
    draft->kinds[draft->count++] = kind;
}

// Makes a batch of the rows, of the wanted columns (READINGS_COLUMN_COUNT flags), and forgets them.
// Without has_kinds all rows are +I.
int32_t draft_build(struct draft *draft, struct weir_context *context,
                    const struct readings *readings, const uint8_t *wanted, int32_t has_kinds,
                    const struct weir_batch **batch);

#endif
