#include "state/keys.h"

#include <errno.h>
#include <stdlib.h>

#include "data/batch.h"
#include "weir/key.h"

// Bytes that a value takes in a key; 0 for strings.
static uint32_t value_bytes(struct weir_type type)
{
    return type.id == WEIR_TYPE_BOOL ? 1 : weir_type_width(type);
}

int keys_init(struct keys *keys, const struct weir_schema *schema, const uint32_t *columns,
              uint32_t column_count)
{
    memset(keys, 0, sizeof *keys);
    keys->column_count = column_count;
    keys->columns = calloc(column_count + 1, sizeof *keys->columns);
    keys->types = calloc(column_count + 1, sizeof *keys->types);
    if (keys->columns == NULL || keys->types == NULL) {
        keys_finish(keys);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < column_count; i++) {
        if (columns[i] >= schema->field_count) {
            keys_finish(keys);
            return -EINVAL;
        }
        keys->columns[i] = columns[i];
        keys->types[i] = schema->fields[columns[i]].type;
    }
    uint32_t width = column_count == 1 ? value_bytes(keys->types[0]) : 0;
    keys->shape = column_count == 0          ? KEYS_NONE
                  : width >= 1 && width <= 4 ? KEYS_NARROW
                  : width == 8               ? KEYS_WIDE
                                             : KEYS_BYTES;
    return 0;
}

void keys_finish(struct keys *keys)
{
    free(keys->columns);
    free(keys->types);
    memset(keys, 0, sizeof *keys);
}

static void normalise(struct weir_type type, void *value)
{
    float narrow;
    double wide;
    if (type.id == WEIR_TYPE_FLOAT32) {
        memcpy(&narrow, value, 4);
        narrow = (float)weir_key_normalise((double)narrow);
        memcpy(value, &narrow, 4);
    } else if (type.id == WEIR_TYPE_FLOAT64) {
        memcpy(&wide, value, 8);
        wide = weir_key_normalise(wide);
        memcpy(value, &wide, 8);
    }
}

const uint32_t *keys_narrow(const struct keys *keys, const struct weir_batch *batch, uint32_t first,
                            uint32_t count, uint32_t *out)
{
    const struct weir_column *column = &batch->columns[keys->columns[0]];
    const uint8_t *values = column->values;
    uint32_t width = value_bytes(keys->types[0]);
    if (width == 4 && keys->types[0].id != WEIR_TYPE_FLOAT32) {
        return (const uint32_t *)column->values + first;
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = 0;
        if (keys->types[0].id == WEIR_TYPE_BOOL) {
            out[i] = (uint32_t)weir_bit(values, first + i);
        } else {
            memcpy(&out[i], values + (size_t)(first + i) * width, width);
            normalise(keys->types[0], &out[i]);
        }
    }
    return out;
}

const uint64_t *keys_wide(const struct keys *keys, const struct weir_batch *batch, uint32_t first,
                          uint32_t count, uint64_t *out)
{
    const struct weir_column *column = &batch->columns[keys->columns[0]];
    if (keys->types[0].id != WEIR_TYPE_FLOAT64) {
        return (const uint64_t *)column->values + first;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&out[i], (const uint64_t *)column->values + first + i, 8);
        normalise(keys->types[0], &out[i]);
    }
    return out;
}

static uint32_t null_bytes(const struct keys *keys)
{
    return weir_bit_bytes(keys->column_count);
}

uint64_t keys_bytes_max(const struct keys *keys, const struct weir_batch *batch, uint32_t row)
{
    uint64_t total = null_bytes(keys);
    for (uint32_t i = 0; i < keys->column_count; i++) {
        const struct weir_column *column = &batch->columns[keys->columns[i]];
        total += weir_type_is_text(keys->types[i])
                     ? 4 + (uint64_t)(column->offsets[row + 1] - column->offsets[row])
                     : value_bytes(keys->types[i]);
    }
    return total;
}

static uint32_t encode_value(struct weir_type type, const struct weir_column *column, uint32_t row,
                             uint8_t *out)
{
    uint32_t length, width = value_bytes(type);
    if (weir_type_is_text(type)) {
        const char *text = weir_text(column, row, &length);
        memcpy(out, &length, 4);
        memcpy(out + 4, text, length);
        return 4 + length;
    }
    if (type.id == WEIR_TYPE_BOOL) {
        out[0] = (uint8_t)weir_bit(column->values, row);
        return 1;
    }
    memcpy(out, (const uint8_t *)column->values + (size_t)row * width, width);
    normalise(type, out);
    return width;
}

uint32_t keys_encode(const struct keys *keys, const struct weir_batch *batch, uint32_t row,
                     uint8_t *out)
{
    uint32_t length = null_bytes(keys);
    memset(out, 0, length);
    for (uint32_t i = 0; i < keys->column_count; i++) {
        const struct weir_column *column = &batch->columns[keys->columns[i]];
        if (weir_is_null(column, row)) {
            weir_bit_set(out, i, 1);
        } else {
            length += encode_value(keys->types[i], column, row, out + length);
        }
    }
    return length;
}

uint32_t keys_encode_bits(const struct keys *keys, int is_null, uint64_t bits, uint8_t *out)
{
    uint32_t width = is_null ? 0 : value_bytes(keys->types[0]);
    out[0] = is_null != 0;
    memcpy(out + 1, &bits, width);
    return 1 + width;
}

uint64_t keys_decode_bits(const struct keys *keys, const uint8_t *bytes, int *is_null)
{
    uint64_t bits = 0;
    *is_null = bytes[0] & 1;
    if (!*is_null) {
        memcpy(&bits, bytes + 1, value_bytes(keys->types[0]));
    }
    return bits;
}

int keys_are_valid(const struct keys *keys, const uint8_t *bytes, uint64_t byte_count)
{
    uint64_t at = null_bytes(keys);
    uint32_t length;
    if (byte_count < at) {
        return 0;
    }
    for (uint32_t i = 0; i < keys->column_count; i++) {
        uint64_t width = value_bytes(keys->types[i]);
        if (weir_bit(bytes, i)) {
            continue;
        }
        if (weir_type_is_text(keys->types[i])) {
            if (byte_count - at < 4) {
                return 0;
            }
            memcpy(&length, bytes + at, 4);
            width = 4 + (uint64_t)length;
        }
        if (byte_count - at < width) {
            return 0;
        }
        at += width;
    }
    return at == byte_count;
}

// Fewer than 8 bytes as a number, without a loop.
static uint64_t short_word(const uint8_t *bytes, uint32_t byte_count)
{
    uint32_t first, last;
    if (byte_count >= 4) {
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + byte_count - 4, 4);
        return first | (uint64_t)last << 32;
    }
    return byte_count == 0 ? 0
                           : bytes[0] | (uint64_t)bytes[byte_count / 2] << 8 |
                                 (uint64_t)bytes[byte_count - 1] << 16;
}

uint32_t keys_hash(const uint8_t *bytes, uint32_t byte_count)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ byte_count, word;
    for (; byte_count >= 8; byte_count -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * 0xd6e8feb86659fd93u;
        hash ^= hash >> 32;
    }
    hash = (hash ^ short_word(bytes, byte_count)) * 0xd6e8feb86659fd93u;
    hash ^= hash >> 32;
    return (uint32_t)((hash * 0xd6e8feb86659fd93u) >> 32);
}

int keys_write_bits(const struct keys *keys, const uint64_t *bits, const uint8_t *nulls,
                    uint32_t count, struct batch_builder *builder, uint32_t first_column)
{
    uint8_t *values = batch_builder_values(builder, first_column);
    uint32_t width = value_bytes(keys->types[0]);
    uint8_t *validity = NULL;
    if (values == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (keys->types[0].id == WEIR_TYPE_BOOL) {
            weir_bit_set(values, i, (int32_t)bits[i]);
        } else {
            memcpy(values + (size_t)i * width, &bits[i], width);
        }
        if (nulls[i]) {
            validity = validity != NULL ? validity : batch_builder_validity(builder, first_column);
            if (validity == NULL) {
                return -ENOMEM;
            }
            weir_bit_set(validity, i, 0);
        }
    }
    return 0;
}

// Writes column `which` of all keys; at[i] stands on its value and goes past it.
static int write_column(const struct keys *keys, uint32_t which, const uint8_t *const *bytes,
                        const uint8_t **at, uint32_t count, struct batch_builder *builder,
                        uint32_t column)
{
    struct weir_type type = keys->types[which];
    uint32_t width = value_bytes(type), length;
    int is_text = weir_type_is_text(type), rc = 0;
    uint8_t *values = is_text ? NULL : batch_builder_values(builder, column), *validity = NULL;
    if (!is_text && values == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        if (weir_bit(bytes[i], which)) {
            if (is_text) {
                rc = batch_builder_append_null(builder, column);
                continue;
            }
            validity = validity != NULL ? validity : batch_builder_validity(builder, column);
            if (validity == NULL) {
                return -ENOMEM;
            }
            weir_bit_set(validity, i, 0);
        } else if (is_text) {
            memcpy(&length, at[i], 4);
            rc = batch_builder_append(builder, column, at[i] + 4, length);
            at[i] += 4 + (size_t)length;
        } else {
            if (type.id == WEIR_TYPE_BOOL) {
                weir_bit_set(values, i, *at[i]);
            } else {
                memcpy(values + (size_t)i * width, at[i], width);
            }
            at[i] += width;
        }
    }
    return rc;
}

int keys_write_bytes(const struct keys *keys, const uint8_t *const *bytes, uint32_t count,
                     struct batch_builder *builder, uint32_t first_column)
{
    int rc = 0;
    const uint8_t **at = malloc((count + 1) * sizeof *at);
    if (at == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        at[i] = bytes[i] + null_bytes(keys);
    }
    for (uint32_t c = 0; rc == 0 && c < keys->column_count; c++) {
        rc = write_column(keys, c, bytes, at, count, builder, first_column + c);
    }
    free(at);
    return rc;
}
