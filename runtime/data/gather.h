// Gather kernels: rows of one column by number, as plain loops.
#ifndef DATA_GATHER_H
#define DATA_GATHER_H

#include <stdint.h>

// out[i] = values[rows[i]] for values of width 1, 2, 4, 8 or 16 bytes.
void gather_values(void *out, const void *values, uint32_t width, const uint32_t *rows,
                   uint32_t row_count);

// Bit first + i of out = bit rows[i] of bits. Bits of out before first stay, those after the last
// up to the end of its byte become 0.
void gather_bits(uint8_t *out, uint32_t first, const uint8_t *bits, const uint32_t *rows,
                 uint32_t row_count);

// Sets bits first to first + count - 1.
void gather_ones(uint8_t *out, uint32_t first, uint32_t count);

// The bytes of the texts of rows together.
uint64_t gather_text_bytes(const int32_t *offsets, const uint32_t *rows, uint32_t row_count);

// Copies the texts of rows one after the other to out + out_offsets[0], with out_offsets[1 ...]
// following. value_bytes is the size of values, out_bytes that of out: short texts are copied in
// whole words within both.
void gather_text(uint8_t *out, uint64_t out_bytes, int32_t *out_offsets, const uint8_t *values,
                 uint64_t value_bytes, const int32_t *offsets, const uint32_t *rows,
                 uint32_t row_count);

#endif
