#include "expr/expr.h"

static uint64_t load_word(const uint8_t *bits, uint32_t first, uint32_t row_count)
{
    uint64_t word = 0;
    uint32_t left = row_count - first;
    memcpy(&word, bits + first / 8, left >= 64 ? 8 : (left + 7) / 8);
    return left >= 64 ? word : word & ((1ull << left) - 1);
}

uint32_t condition_rows(const struct weir_column *condition, uint32_t row_count, uint32_t *rows)
{
    uint32_t count = 0;
    for (uint32_t first = 0; first < row_count; first += 64) {
        uint64_t word = load_word(condition->values, first, row_count);
        if (condition->validity != NULL) {
            word &= load_word(condition->validity, first, row_count);
        }
        if (word == UINT64_MAX) {
            for (uint32_t i = 0; i < 64; i++) {
                rows[count + i] = first + i;
            }
            count += 64;
            continue;
        }
        for (; word != 0; word &= word - 1) {
            rows[count++] = first + (uint32_t)__builtin_ctzll(word);
        }
    }
    return count;
}
