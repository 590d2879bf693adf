// Four doubles side by side: the loops that carry the weight of a window.
#include "add.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define AHEAD 20u // rows between the prefetch of a slot and its use
#define INLINE static inline __attribute__((always_inline))

INLINE void prefetch_slot(const struct block *block, uint32_t row)
{
    if (row < block->left) {
        const uint8_t *slot = block->base + (uint64_t)block->numbers[row] * block->stride;
        __builtin_prefetch(slot, 1);
        if (block->hot_bytes > 64) {
            __builtin_prefetch(slot + 64, 1);
        }
        if (block->hot_bytes > 128) {
            __builtin_prefetch(slot + 128, 1);
        }
    }
}

INLINE uint8_t *begin_row(const struct block *block, uint32_t row)
{
    uint8_t *slot = block->base + (uint64_t)block->numbers[row] * block->stride;
    prefetch_slot(block, row + AHEAD);
    block->slots[row] = slot;
    ++*(int64_t *)(void *)(slot + block->count_at);
    return slot;
}

void block_begin(const struct block *block)
{
    for (uint32_t row = 0; row < block->count; row++) {
        begin_row(block, row);
    }
}

static void add_portable(const struct block *block, const struct vector *vector,
                         const double *const values[4])
{
    for (uint32_t row = 0; row < block->count; row++) {
        double *at = (double *)(void *)(block->slots[row] + vector->at);
        if (vector->functions >> ACCUMULATE_SUM & 1) {
            for (uint32_t lane = 0; lane < 4; lane++) {
                at[lane] += values[lane][row];
            }
            at += 4;
        }
        if (vector->functions >> ACCUMULATE_MIN & 1) {
            for (uint32_t lane = 0; lane < 4; lane++) {
                double value = values[lane][row], old = at[lane];
                at[lane] = value < old || old != old ? value : old;
            }
            at += 4;
        }
        if (vector->functions >> ACCUMULATE_MAX & 1) {
            for (uint32_t lane = 0; lane < 4; lane++) {
                double value = values[lane][row], old = at[lane];
                at[lane] = value > old || value != value ? value : old;
            }
        }
    }
}

#ifdef __x86_64__

#define AVX2 __attribute__((target("avx2")))

// min_pd and max_pd give their second operand if either is NaN: so a NaN that min holds gives way
// to any value and a NaN that max holds stays; a NaN that comes is put right.
AVX2 INLINE void add_row(double *at, __m256d value, uint32_t functions)
{
    __m256d nan = _mm256_cmp_pd(value, value, _CMP_UNORD_Q);
    if (functions >> ACCUMULATE_SUM & 1) {
        _mm256_storeu_pd(at, _mm256_add_pd(_mm256_loadu_pd(at), value));
        at += 4;
    }
    if (functions >> ACCUMULATE_MIN & 1) {
        __m256d old = _mm256_loadu_pd(at);
        _mm256_storeu_pd(at, _mm256_blendv_pd(_mm256_min_pd(old, value), old, nan));
        at += 4;
    }
    if (functions >> ACCUMULATE_MAX & 1) {
        __m256d largest = _mm256_max_pd(value, _mm256_loadu_pd(at));
        _mm256_storeu_pd(at, _mm256_or_pd(largest, nan));
    }
}

AVX2 INLINE double *row_at(const struct block *block, const struct vector *vector, uint32_t row,
                           int begins)
{
    uint8_t *slot = begins ? begin_row(block, row) : block->slots[row];
    return (double *)(void *)(slot + vector->at);
}

AVX2 INLINE void add_rows(const struct block *block, const struct vector *vector,
                          const double *const values[4], uint32_t functions, int begins)
{
    uint32_t row = 0;
    for (; row + 4 <= block->count; row += 4) {
        __m256d a = _mm256_loadu_pd(values[0] + row), b = _mm256_loadu_pd(values[1] + row);
        __m256d c = _mm256_loadu_pd(values[2] + row), d = _mm256_loadu_pd(values[3] + row);
        __m256d ab_even = _mm256_unpacklo_pd(a, b), ab_odd = _mm256_unpackhi_pd(a, b);
        __m256d cd_even = _mm256_unpacklo_pd(c, d), cd_odd = _mm256_unpackhi_pd(c, d);
        add_row(row_at(block, vector, row, begins), _mm256_permute2f128_pd(ab_even, cd_even, 0x20),
                functions);
        add_row(row_at(block, vector, row + 1, begins),
                _mm256_permute2f128_pd(ab_odd, cd_odd, 0x20), functions);
        add_row(row_at(block, vector, row + 2, begins),
                _mm256_permute2f128_pd(ab_even, cd_even, 0x31), functions);
        add_row(row_at(block, vector, row + 3, begins),
                _mm256_permute2f128_pd(ab_odd, cd_odd, 0x31), functions);
    }
    for (; row < block->count; row++) {
        add_row(row_at(block, vector, row, begins),
                _mm256_set_pd(values[3][row], values[2][row], values[1][row], values[0][row]),
                functions);
    }
}

#define ALL_FUNCTIONS (1u << ACCUMULATE_SUM | 1u << ACCUMULATE_MIN | 1u << ACCUMULATE_MAX)

AVX2 static void add_avx2(const struct block *block, const struct vector *vector,
                          const double *const values[4])
{
    if (vector->functions == ALL_FUNCTIONS) {
        add_rows(block, vector, values, ALL_FUNCTIONS, 0);
    } else if (vector->functions == 1u << ACCUMULATE_SUM) {
        add_rows(block, vector, values, 1u << ACCUMULATE_SUM, 0);
    } else {
        add_rows(block, vector, values, vector->functions, 0);
    }
}

AVX2 static void begin_avx2(const struct block *block, const struct vector *vector,
                            const double *const values[4])
{
    if (vector->functions == ALL_FUNCTIONS) {
        add_rows(block, vector, values, ALL_FUNCTIONS, 1);
    } else if (vector->functions == 1u << ACCUMULATE_SUM) {
        add_rows(block, vector, values, 1u << ACCUMULATE_SUM, 1);
    } else {
        add_rows(block, vector, values, vector->functions, 1);
    }
}

#endif

void block_begin_vector(const struct block *block, const struct vector *vector,
                        const double *const values[4])
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        begin_avx2(block, vector, values);
        return;
    }
#endif
    block_begin(block);
    add_portable(block, vector, values);
}

void block_add_vector(const struct block *block, const struct vector *vector,
                      const double *const values[4])
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        add_avx2(block, vector, values);
        return;
    }
#endif
    add_portable(block, vector, values);
}
