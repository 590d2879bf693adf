// The loops over a block, one for each function and class.
#include "add.h"

#include <math.h>

// Runs `code` for every row of a span, with `slot` (where the accumulator is) and `row`.
#define EACH_ROW(span, offset, code)                         \
    if ((span)->rows == NULL) {                              \
        for (uint32_t row = 0; row < (span)->count; row++) { \
            uint8_t *slot = (span)->slots[row] + (offset);   \
            code                                             \
        }                                                    \
    } else {                                                 \
        for (uint32_t i_ = 0; i_ < (span)->count; i_++) {    \
            uint8_t *slot = (span)->slots[i_] + (offset);    \
            uint32_t row = (span)->rows[i_];                 \
            code                                             \
        }                                                    \
    }

#define AS(type, place) (*(type *)(void *)(place))

void add_int(const struct accumulator *accumulator, const struct span *span, const int64_t *values)
{
    uint32_t at = accumulator->at, flag = accumulator->flag_at - at;
    switch (accumulator->function) {
    case ACCUMULATE_SUM:
        EACH_ROW(span, at, { AS(wide, slot) += values[row]; })
        break;
    case ACCUMULATE_MIN:
        EACH_ROW(span, at, {
            if (values[row] < AS(int64_t, slot)) {
                AS(int64_t, slot) = values[row];
            }
        })
        break;
    case ACCUMULATE_MAX:
        EACH_ROW(span, at, {
            int64_t old = AS(int64_t, slot);
            AS(int64_t, slot) = values[row] > old ? values[row] : old;
        })
        break;
    case ACCUMULATE_FIRST:
        EACH_ROW(span, at, {
            if (slot[flag] == 0) {
                slot[flag] = 1;
                AS(int64_t, slot) = values[row];
            }
        })
        break;
    default:
        EACH_ROW(span, at, { AS(int64_t, slot) = values[row]; })
    }
}

void add_int_range(const struct accumulator *min, const struct span *span, const int64_t *values)
{
    int64_t max = (int64_t)min->range_at - min->at;
    EACH_ROW(span, min->at, {
        int64_t value = values[row];
        int64_t old = AS(int64_t, slot + max);
        if (value < AS(int64_t, slot)) {
            AS(int64_t, slot) = value;
        }
        AS(int64_t, slot + max) = value > old ? value : old;
    })
}

void add_float(const struct accumulator *accumulator, const struct span *span, const double *values)
{
    uint32_t at = accumulator->at, flag = accumulator->flag_at - at;
    switch (accumulator->function) {
    case ACCUMULATE_SUM:
        EACH_ROW(span, at, { AS(double, slot) += values[row]; })
        break;
    case ACCUMULATE_MIN:
        EACH_ROW(span, at, {
            double old = AS(double, slot);
            AS(double, slot) = values[row] < old || old != old ? values[row] : old;
        })
        break;
    case ACCUMULATE_MAX:
        EACH_ROW(span, at, {
            double old = AS(double, slot);
            AS(double, slot) = values[row] > old || values[row] != values[row] ? values[row] : old;
        })
        break;
    case ACCUMULATE_FIRST:
        EACH_ROW(span, at, {
            if (slot[flag] == 0) {
                slot[flag] = 1;
                AS(double, slot) = values[row];
            }
        })
        break;
    default:
        EACH_ROW(span, at, { AS(double, slot) = values[row]; })
    }
}

void add_wide(const struct accumulator *accumulator, const struct span *span, const wide *values)
{
    uint32_t at = accumulator->at, flag = accumulator->flag_at - at;
    switch (accumulator->function) {
    case ACCUMULATE_SUM:
        EACH_ROW(span, at, {
            int128 sum;
            slot[flag] |= (uint8_t)__builtin_add_overflow(AS(wide, slot), values[row], &sum);
            AS(wide, slot) = sum;
        })
        break;
    case ACCUMULATE_MIN:
        EACH_ROW(span, at, {
            if (values[row] < AS(wide, slot)) {
                AS(wide, slot) = values[row];
            }
        })
        break;
    case ACCUMULATE_MAX:
        EACH_ROW(span, at, {
            if (values[row] > AS(wide, slot)) {
                AS(wide, slot) = values[row];
            }
        })
        break;
    case ACCUMULATE_FIRST:
        EACH_ROW(span, at, {
            if (slot[flag] == 0) {
                slot[flag] = 1;
                AS(wide, slot) = values[row];
            }
        })
        break;
    default:
        EACH_ROW(span, at, { AS(wide, slot) = values[row]; })
    }
}

void add_by_int(const struct accumulator *accumulator, const struct span *span,
                const int64_t *values, const int64_t *keys)
{
    uint32_t at = accumulator->at, flag = accumulator->flag_at - at,
             key_at = accumulator->key_at - at;
    if (accumulator->function == ACCUMULATE_LAST_BY) {
        EACH_ROW(span, at, {
            if (keys[row] >= AS(int64_t, slot + key_at) || slot[flag] == 0) {
                slot[flag] = 1;
                AS(int64_t, slot + key_at) = keys[row];
                AS(int64_t, slot) = values[row];
            }
        })
        return;
    }
    EACH_ROW(span, at, {
        if (keys[row] < AS(int64_t, slot + key_at) || slot[flag] == 0) {
            slot[flag] = 1;
            AS(int64_t, slot + key_at) = keys[row];
            AS(int64_t, slot) = values[row];
        }
    })
}

// Welford's method (Knuth, The Art of Computer Programming, volume 2, 4.2.2).
void add_deviation(const struct accumulator *accumulator, const struct span *span,
                   const double *values)
{
    EACH_ROW(span, accumulator->at, {
        double *state = (double *)(void *)slot;
        double difference = values[row] - state[1];
        state[0] += 1;
        state[1] += difference / state[0];
        state[2] += difference * (values[row] - state[1]);
    })
}

// HyperLogLog (Flajolet, Fusy, Gandouet, Meunier 2007): a register keeps the longest run of zeros.
void add_distinct(const struct accumulator *accumulator, const struct span *span,
                  const uint64_t *hashes){
    EACH_ROW(span, accumulator->at,
             {
                 uint8_t *place = slot + (hashes[row] >> (64 - DISTINCT_BITS));
                 uint64_t rest = hashes[row] << DISTINCT_BITS | (uint64_t)1 << (DISTINCT_BITS - 1);
                 uint8_t run = (uint8_t)(__builtin_clzll(rest) + 1);
                 *place = run > *place ? run : *place;
             })}

uint64_t distinct_hash(uint64_t bits)
{
    bits += 0x9e3779b97f4a7c15u;
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

int64_t distinct_estimate(const uint8_t *registers)
{
    double sum = 0, m = DISTINCT_REGISTERS;
    uint32_t empty = 0;
    for (uint32_t i = 0; i < DISTINCT_REGISTERS; i++) {
        sum += ldexp(1, -registers[i]);
        empty += registers[i] == 0;
    }
    double estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
    if (estimate <= 2.5 * m && empty > 0) {
        estimate = m * log(m / empty); // linear counting, better while registers are empty
    }
    return (int64_t)(estimate + 0.5);
}
