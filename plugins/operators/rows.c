#include "rows.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// No branch per row: every number is written, and the place moves on only behind those that stay.
static uint32_t rows_of_kinds_from(const uint8_t *kinds, uint32_t first, uint32_t row_count,
                                   uint32_t keep, uint32_t *rows, uint32_t count)
{
    for (uint32_t i = first; i < row_count; i++) {
        rows[count] = i;
        count += keep >> (kinds[i] & 31) & 1;
    }
    return count;
}

#if defined(__x86_64__)
// For each mask of 8 rows the positions of its set bits, packed to the front, a byte each.
static uint64_t positions[256];

__attribute__((constructor)) static void rows_positions_init(void)
{
    for (uint32_t mask = 0; mask < 256; mask++) {
        uint32_t count = 0;
        for (uint64_t bit = 0; bit < 8; bit++) {
            if (mask >> bit & 1) {
                positions[mask] |= bit << (8 * count++);
            }
        }
    }
}

__attribute__((target("avx2,popcnt"))) static uint32_t
rows_of_kinds_avx2(const uint8_t *kinds, uint32_t row_count, uint32_t keep, uint32_t *rows)
{
    uint32_t count = 0, i = 0;
    uint8_t stays[16] = {0};
    for (uint32_t kind = 0; kind < 4; kind++) {
        stays[kind] = keep >> kind & 1 ? 0xff : 0;
    }
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)stays));
    for (; i + 32 <= row_count; i += 32) {
        __m256i block = _mm256_loadu_si256((const __m256i *)(kinds + i));
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(_mm256_shuffle_epi8(table, block));
        for (uint32_t part = 0; part < 4; part++) {
            uint32_t eight = mask >> (8 * part) & 0xff;
            __m256i at = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)positions[eight]));
            at = _mm256_add_epi32(at, _mm256_set1_epi32((int32_t)(i + 8 * part)));
            _mm256_storeu_si256((__m256i *)(rows + count), at);
            count += (uint32_t)__builtin_popcount(eight);
        }
    }
    return rows_of_kinds_from(kinds, i, row_count, keep, rows, count);
}
#endif

uint32_t rows_of_kinds(const uint8_t *kinds, uint32_t row_count, uint32_t keep, uint32_t *rows)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return rows_of_kinds_avx2(kinds, row_count, keep, rows);
    }
#endif
    return rows_of_kinds_from(kinds, 0, row_count, keep, rows, 0);
}

uint32_t rows_intersect(const uint32_t *left, uint32_t left_count, const uint32_t *right,
                        uint32_t right_count, uint32_t *out)
{
    uint32_t i = 0, k = 0, count = 0;
    while (i < left_count && k < right_count) {
        if (left[i] == right[k]) {
            out[count++] = left[i];
        }
        uint32_t low = left[i] < right[k] ? left[i] : right[k];
        i += left[i] == low;
        k += right[k] == low;
    }
    return count;
}
