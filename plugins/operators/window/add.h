// Adding a block of rows to slots: what aggregates.c, add.c and vector.c share.
#ifndef WINDOW_ADD_H
#define WINDOW_ADD_H

#include "aggregate.h"

__extension__ typedef __int128 int128;
// The same in a slot, which is aligned to 8.
typedef int128 wide __attribute__((aligned(8)));

// Rows of a block that take part: slots[i] is that of row rows[i], or of row i if rows is NULL.
struct span {
    uint8_t *const *slots;
    const uint32_t *rows;
    uint32_t count;
};

// A block of rows of a batch on its way into slots.
struct block {
    const uint32_t *numbers; // slot numbers of the block's rows, and of those behind it:
    uint32_t left;           // so many from the block's first row to the batch's last
    uint32_t count;          // rows of the block, at most BLOCK_ROWS
    uint32_t stride;
    uint32_t hot_bytes; // of a slot, to prefetch
    uint32_t count_at;
    uint8_t *base;
    uint8_t **slots; // to be filled: the slot of each row
};

// Memory for a block, kept by the operator.
struct block_scratch {
    uint8_t *slots[BLOCK_ROWS];
    uint8_t *some_slots[BLOCK_ROWS];
    uint32_t some_rows[BLOCK_ROWS];
    uint64_t values[BLOCK_ROWS * 2];      // of an argument, by class
    uint64_t keys[BLOCK_ROWS * 2];        // of what orders it
    double lanes[4][BLOCK_ROWS];          // float32 as double, for vectors
    uint32_t groups[WEIR_BATCH_ROWS_MAX]; // key group of every row, for long strings
};

// Fills block->slots, counts a row in each slot and, with a vector, adds the four values of each
// row. NaN sorts last: max of anything with NaN is NaN, min of anything else is not.
void block_begin(const struct block *block);
void block_begin_vector(const struct block *block, const struct vector *vector,
                        const double *const values[4]);
// The same for further vectors of the same block.
void block_add_vector(const struct block *block, const struct vector *vector,
                      const double *const values[4]);

// One accumulator over values of its class (int64_t, double or wide), of rows as the span has them.
void add_int(const struct accumulator *accumulator, const struct span *span, const int64_t *values);
void add_int_range(const struct accumulator *min, const struct span *span, const int64_t *values);
void add_float(const struct accumulator *accumulator, const struct span *span,
               const double *values);
void add_wide(const struct accumulator *accumulator, const struct span *span, const wide *values);
// FIRST_BY and LAST_BY where value and key are 8 bytes each.
void add_by_int(const struct accumulator *accumulator, const struct span *span,
                const int64_t *values, const int64_t *keys);
void add_deviation(const struct accumulator *accumulator, const struct span *span,
                   const double *values);
// DISTINCT: hashes are made by distinct_hash.
void add_distinct(const struct accumulator *accumulator, const struct span *span,
                  const uint64_t *hashes);
uint64_t distinct_hash(uint64_t bits);
int64_t distinct_estimate(const uint8_t *registers);

#endif
