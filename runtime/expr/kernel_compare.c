// Comparisons, 64 rows at a time: flags in bytes, which compilers vectorise, then packed into bits.
#include "base/dispatch.h"
#include "expr/kernels.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK 64u

// Flags are 0 or 1.
static inline uint64_t pack(const uint8_t *flags)
{
    uint64_t bits = 0;
#ifdef __SSE2__
    for (unsigned i = 0; i < BLOCK; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(flags + i));
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_slli_epi16(bytes, 7)) << i;
    }
#else
    for (unsigned i = 0; i < BLOCK; i++) {
        bits |= (uint64_t)flags[i] << i;
    }
#endif
    return bits;
}

static inline void store_bits(struct call *call, uint32_t first, uint64_t bits)
{
    memcpy((uint8_t *)call->values + first / 8, &bits, sizeof bits);
}

// x and y are the values. A constant is spread over a block so that one loop serves all.
#define DEFINE_COMPARE(name, type, condition)                                                \
    DISPATCH_AVX2 static void name(struct call *call)                                        \
    {                                                                                        \
        const struct vector *a = call->arguments[0], *b = call->arguments[1];                \
        type a_block[BLOCK], b_block[BLOCK];                                                 \
        const type *left = a->values, *right = b->values;                                    \
        uint32_t left_mask = a->mask, right_mask = b->mask;                                  \
        if (left_mask == 0 || right_mask == 0) {                                             \
            for (unsigned i = 0; i < BLOCK; i++) {                                           \
                a_block[i] = left[0];                                                        \
                b_block[i] = right[0];                                                       \
            }                                                                                \
            left = left_mask == 0 ? a_block : left;                                          \
            right = right_mask == 0 ? b_block : right;                                       \
        }                                                                                    \
        for (uint32_t first = 0; first < call->row_count; first += BLOCK) {                  \
            const type *xs = left + (first & left_mask), *ys = right + (first & right_mask); \
            uint32_t count = call->row_count - first;                                        \
            uint8_t flags[BLOCK];                                                            \
            if (count >= BLOCK) {                                                            \
                for (unsigned i = 0; i < BLOCK; i++) {                                       \
                    type x = xs[i], y = ys[i];                                               \
                    flags[i] = (uint8_t)(condition);                                         \
                }                                                                            \
            } else {                                                                         \
                memset(flags, 0, sizeof flags);                                              \
                for (unsigned i = 0; i < count; i++) {                                       \
                    type x = xs[i], y = ys[i];                                               \
                    flags[i] = (uint8_t)(condition);                                         \
                }                                                                            \
            }                                                                                \
            store_bits(call, first, pack(flags));                                            \
        }                                                                                    \
    }

#define DEFINE_INTEGER_COMPARES(suffix, type)         \
    DEFINE_COMPARE(equal_##suffix, type, x == y)      \
    DEFINE_COMPARE(unequal_##suffix, type, x != y)    \
    DEFINE_COMPARE(less_##suffix, type, x < y)        \
    DEFINE_COMPARE(less_equal_##suffix, type, x <= y) \
    DEFINE_COMPARE(greater_##suffix, type, x > y)     \
    DEFINE_COMPARE(greater_equal_##suffix, type, x >= y)

DEFINE_INTEGER_COMPARES(int8, int8_t)
DEFINE_INTEGER_COMPARES(int16, int16_t)
DEFINE_INTEGER_COMPARES(int32, int32_t)
DEFINE_INTEGER_COMPARES(int64, int64_t)

// NaN equals NaN and is larger than every number.
#define IS_EQUAL ((x == y) | ((x != x) & (y != y)))
#define IS_LESS ((x < y) | ((y != y) & (x == x)))
#define IS_GREATER ((x > y) | ((x != x) & (y == y)))

#define DEFINE_FLOAT_COMPARES(suffix, type)                \
    DEFINE_COMPARE(equal_##suffix, type, IS_EQUAL)         \
    DEFINE_COMPARE(unequal_##suffix, type, !IS_EQUAL)      \
    DEFINE_COMPARE(less_##suffix, type, IS_LESS)           \
    DEFINE_COMPARE(less_equal_##suffix, type, !IS_GREATER) \
    DEFINE_COMPARE(greater_##suffix, type, IS_GREATER)     \
    DEFINE_COMPARE(greater_equal_##suffix, type, !IS_LESS)

DEFINE_FLOAT_COMPARES(float32, float)
DEFINE_FLOAT_COMPARES(float64, double)

int slice_compare(struct slice a, struct slice b)
{
    uint32_t length = a.length < b.length ? a.length : b.length;
    int order = length == 0 ? 0 : memcmp(a.at, b.at, length);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_text(const struct vector *a, const struct vector *b, uint32_t row)
{
    return slice_compare(vector_text(a, row), vector_text(b, row));
}

static int compare_decimal(const struct vector *a, const struct vector *b, uint32_t row)
{
    int128 x = vector_decimal(a, row), y = vector_decimal(b, row);
    return (x > y) - (x < y);
}

static int compare_bit(const struct vector *a, const struct vector *b, uint32_t row)
{
    return vector_bit(a, row) - vector_bit(b, row);
}

static int compare_timestamp(const struct vector *a, const struct vector *b, uint32_t row)
{
    const struct weir_timestamp *x = (const struct weir_timestamp *)a->values + (row & a->mask);
    const struct weir_timestamp *y = (const struct weir_timestamp *)b->values + (row & b->mask);
    return x->ms != y->ms ? (x->ms > y->ms) - (x->ms < y->ms)
                          : (x->nanoseconds > y->nanoseconds) - (x->nanoseconds < y->nanoseconds);
}

static inline void compare_rows(struct call *call,
                                int (*compare)(const struct vector *, const struct vector *,
                                               uint32_t),
                                int when_less, int when_equal, int when_greater)
{
    uint64_t bits = 0;
    for (uint32_t row = 0; row < call->row_count; row++) {
        int order =
            call_is_valid(call, row) ? compare(call->arguments[0], call->arguments[1], row) : 0;
        int flag = order < 0 ? when_less : order == 0 ? when_equal : when_greater;
        bits |= (uint64_t)flag << (row % BLOCK);
        if (row % BLOCK == BLOCK - 1 || row + 1 == call->row_count) {
            store_bits(call, row / BLOCK * BLOCK, bits);
            bits = 0;
        }
    }
}

#define DEFINE_ROW_COMPARE(name, compare, when_less, when_equal, when_greater) \
    static void name(struct call *call)                                        \
    {                                                                          \
        compare_rows(call, compare, when_less, when_equal, when_greater);      \
    }

#define DEFINE_ROW_COMPARES(suffix)                                    \
    DEFINE_ROW_COMPARE(equal_##suffix, compare_##suffix, 0, 1, 0)      \
    DEFINE_ROW_COMPARE(unequal_##suffix, compare_##suffix, 1, 0, 1)    \
    DEFINE_ROW_COMPARE(less_##suffix, compare_##suffix, 1, 0, 0)       \
    DEFINE_ROW_COMPARE(less_equal_##suffix, compare_##suffix, 1, 1, 0) \
    DEFINE_ROW_COMPARE(greater_##suffix, compare_##suffix, 0, 0, 1)    \
    DEFINE_ROW_COMPARE(greater_equal_##suffix, compare_##suffix, 0, 1, 1)

DEFINE_ROW_COMPARES(bit)
DEFINE_ROW_COMPARES(text)
DEFINE_ROW_COMPARES(timestamp)
DEFINE_ROW_COMPARES(decimal)

#define COMPARES(name)                                                                     \
    {                                                                                      \
        name##_bit, name##_int8, name##_int16, name##_int32, name##_int64, name##_float32, \
            name##_float64, name##_text, name##_timestamp, name##_decimal,                 \
    }

kernel *const compare_kernels[COMPARE_COUNT][LAYOUT_COUNT] = {
    [COMPARE_EQUAL] = COMPARES(equal),     [COMPARE_UNEQUAL] = COMPARES(unequal),
    [COMPARE_LESS] = COMPARES(less),       [COMPARE_LESS_EQUAL] = COMPARES(less_equal),
    [COMPARE_GREATER] = COMPARES(greater), [COMPARE_GREATER_EQUAL] = COMPARES(greater_equal),
};

enum layout layout_of(struct weir_type type)
{
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        return LAYOUT_BIT;
    case WEIR_TYPE_INT8:
        return LAYOUT_INT8;
    case WEIR_TYPE_INT16:
        return LAYOUT_INT16;
    case WEIR_TYPE_INT64:
        return LAYOUT_INT64;
    case WEIR_TYPE_FLOAT32:
        return LAYOUT_FLOAT32;
    case WEIR_TYPE_FLOAT64:
        return LAYOUT_FLOAT64;
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        return LAYOUT_TEXT;
    case WEIR_TYPE_DECIMAL:
        return LAYOUT_DECIMAL;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return type.precision > 6 ? LAYOUT_TIMESTAMP : LAYOUT_INT64;
    default:
        return LAYOUT_INT32; // int32, date, time
    }
}
