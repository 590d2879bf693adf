#include "engine/inside.h"

#include "weir/key.h"

#include <string.h>

// Distinct keys that were met, as numbers of keys + 1, by open addressing.
struct met {
    uint32_t *cells;
    uint32_t mask;
};

static int32_t no_memory(struct failure *failure, uint32_t row_count)
{
    return failure_set(failure, WEIR_ERROR_RETRY, "no memory for the keys of %u rows", row_count);
}

static uint64_t key_bytes_bound(const struct weir_column *const *columns, uint32_t column_count,
                                const uint32_t *rows, uint32_t row_count)
{
    uint64_t bytes = 0;
    for (uint32_t c = 0; c < column_count; c++) {
        if (columns[c]->offsets == NULL) {
            bytes += (uint64_t)WEIR_KEY_FIXED_BYTES_MAX * row_count;
            continue;
        }
        for (uint32_t i = 0; i < row_count; i++) {
            bytes += weir_key_bytes_max(columns[c], rows[i]);
        }
    }
    return bytes;
}

static uint64_t key_word(const struct bucket *bucket, const struct weir_column *column,
                         uint32_t row, const uint8_t *bytes, uint32_t length)
{
    if (bucket->integer_width == 4) {
        return (uint64_t)(int64_t)((const int32_t *)column->values)[row];
    }
    if (bucket->integer_width == 8) {
        return ((const uint64_t *)column->values)[row];
    }
    return index_hash(bytes, length);
}

// The number of the key that lies at the end of `keys`: a new one, or one that was met.
static uint32_t meet(struct met *met, const struct index_keys *keys, const uint32_t *offsets,
                     const uint64_t *words)
{
    uint32_t k = keys->count, length = offsets[k + 1] - offsets[k];
    uint32_t at = (uint32_t)((words[k] * 0x9e3779b97f4a7c15u) >> 32) & met->mask;
    for (; met->cells[at] != 0; at = (at + 1) & met->mask) {
        uint32_t other = met->cells[at] - 1;
        if (words[other] == words[k] && offsets[other + 1] - offsets[other] == length &&
            (keys->is_integer ||
             memcmp(keys->bytes + offsets[other], keys->bytes + offsets[k], length) == 0)) {
            return other;
        }
    }
    met->cells[at] = k + 1;
    return k;
}

int32_t keys_encode(const struct bucket *bucket, const struct weir_column *const *columns,
                    const uint32_t *rows, uint32_t row_count, uint32_t *key_of, struct arena *arena,
                    struct index_keys *keys, struct failure *failure)
{
    uint32_t column_count = bucket->table->definition->key_count, cell_count = 16;
    while (cell_count < 2 * row_count) {
        cell_count *= 2;
    }
    struct met met = {arena_zeroed(arena, (uint64_t)cell_count * sizeof *met.cells),
                      cell_count - 1};
    uint8_t *bytes = arena_get(arena, key_bytes_bound(columns, column_count, rows, row_count));
    uint32_t *offsets = arena_get(arena, ((uint64_t)row_count + 1) * sizeof *offsets);
    uint64_t *words = arena_get(arena, (uint64_t)row_count * sizeof *words);
    if (met.cells == NULL || bytes == NULL || offsets == NULL || words == NULL) {
        return no_memory(failure, row_count);
    }
    *keys = (struct index_keys){
        .is_integer = bucket->integer_width != 0,
        .bytes = bytes,
        .offsets = offsets,
        .words = words,
    };
    offsets[0] = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t k = keys->count, length = 0;
        for (uint32_t c = 0; c < column_count; c++) {
            length += weir_key_encode(columns[c], rows[i], bytes + offsets[k] + length);
        }
        offsets[k + 1] = offsets[k] + length;
        words[k] = key_word(bucket, columns[0], rows[i], bytes + offsets[k], length);
        key_of[i] = meet(&met, keys, offsets, words);
        keys->count += key_of[i] == k;
    }
    return WEIR_OK;
}

const uint8_t *keys_of_row(const struct bucket *bucket, const uint8_t *row, uint8_t *room,
                           uint32_t *length)
{
    const struct row_layout *layout = bucket->layout;
    if (layout->key_offset != ROW_NONE) {
        const struct row_text *key = (const struct row_text *)(row + layout->key_offset);
        *length = key->length;
        return (const uint8_t *)row_text_bytes(key);
    }
    const uint8_t *cell = row + layout->offsets[bucket->table->definition->key[0]];
    uint64_t wide = 0;
    memcpy(&wide, cell, bucket->integer_width);
    *length = weir_key_varint(wide, room);
    return room;
}

void keys_set(const struct bucket *bucket, uint8_t *row, const struct index_keys *keys, uint32_t k)
{
    if (bucket->layout->key_offset != ROW_NONE) {
        row_set_text(row + bucket->layout->key_offset, (const char *)keys->bytes + keys->offsets[k],
                     keys->offsets[k + 1] - keys->offsets[k]);
    }
}
