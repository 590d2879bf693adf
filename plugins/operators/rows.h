// Lists of row numbers. Pure functions over arrays.
#ifndef OPERATORS_ROWS_H
#define OPERATORS_ROWS_H

#include <stdint.h>

// The numbers of the rows whose kind is in `keep` (bit per kind), ascending. `rows` has room for
// row_count + 8 numbers: what lies behind the result is overwritten. Returns how many there are.
uint32_t rows_of_kinds(const uint8_t *kinds, uint32_t row_count, uint32_t keep, uint32_t *rows);

// The numbers that are in both ascending lists; `out` may be neither of them.
uint32_t rows_intersect(const uint32_t *left, uint32_t left_count, const uint32_t *right,
                        uint32_t right_count, uint32_t *out);

#endif
