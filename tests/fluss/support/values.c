#include "support/values.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct value value_null(void)
{
    return (struct value){.is_null = 1};
}

struct value value_int(struct weir_type type, int64_t integer)
{
    struct value value = {0};
    memcpy(value.fixed, &integer, sizeof integer);
    if (type.id == WEIR_TYPE_DECIMAL && integer < 0) {
        memset(value.fixed + 8, 0xff, 8);
    }
    return value;
}

struct value value_double(struct weir_type type, double real)
{
    struct value value = {0};
    float narrow = (float)real;
    if (type.id == WEIR_TYPE_FLOAT32) {
        memcpy(value.fixed, &narrow, sizeof narrow);
    } else {
        memcpy(value.fixed, &real, sizeof real);
    }
    return value;
}

static struct kept {
    struct kept *next;
    char bytes[];
} * kept_texts;

struct value value_text(const char *text, uint32_t length)
{
    struct kept *kept = malloc(sizeof *kept + length + 1);
    assert(kept != NULL);
    memcpy(kept->bytes, text, length);
    kept->next = kept_texts;
    kept_texts = kept;
    return (struct value){.length = length, .text = kept->bytes};
}

void values_forget(void)
{
    while (kept_texts != NULL) {
        struct kept *kept = kept_texts;
        kept_texts = kept->next;
        free(kept);
    }
}

static uint32_t width_of(struct weir_type type)
{
    return type.id == WEIR_TYPE_BOOL ? 1 : weir_type_width(type);
}

int value_equal(struct weir_type type, const struct value *a, const struct value *b)
{
    if (a->is_null || b->is_null) {
        return a->is_null && b->is_null;
    }
    if (weir_type_is_text(type)) {
        return a->length == b->length &&
               (a->length == 0 || memcmp(a->text, b->text, a->length) == 0);
    }
    return memcmp(a->fixed, b->fixed, width_of(type)) == 0;
}

const char *value_print(struct weir_type type, const struct value *value, char *buffer,
                        uint32_t buffer_bytes)
{
    if (value->is_null) {
        snprintf(buffer, buffer_bytes, "null");
    } else if (weir_type_is_text(type)) {
        snprintf(buffer, buffer_bytes, "'%.*s'", (int)value->length, value->text);
    } else if (type.id == WEIR_TYPE_FLOAT64 || type.id == WEIR_TYPE_FLOAT32) {
        double wide;
        float narrow;
        memcpy(&wide, value->fixed, sizeof wide);
        memcpy(&narrow, value->fixed, sizeof narrow);
        snprintf(buffer, buffer_bytes, "%.17g", type.id == WEIR_TYPE_FLOAT32 ? narrow : wide);
    } else {
        uint32_t width = width_of(type) < 8 ? width_of(type) : 8;
        int64_t low = 0, high = 0;
        memcpy(&low, value->fixed, width & 15);
        memcpy(&high, value->fixed + 8, 8);
        snprintf(buffer, buffer_bytes, width_of(type) == 16 ? "%lld/%lld" : "%lld", (long long)low,
                 (long long)high);
    }
    return buffer;
}

static void *zeroed(size_t byte_count)
{
    void *bytes = calloc(1, byte_count + 16);
    assert(bytes != NULL);
    return bytes;
}

static void fill_text(struct weir_column *column, const struct value *values, uint32_t stride,
                      uint32_t row_count)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        total += values[i * stride].length;
    }
    int32_t *offsets = zeroed((row_count + 1) * sizeof *offsets);
    char *bytes = zeroed(total);
    for (uint32_t i = 0; i < row_count; i++) {
        const struct value *value = &values[i * stride];
        uint32_t length = value->is_null ? 0 : value->length;
        if (length > 0) {
            memcpy(bytes + offsets[i], value->text, length);
        }
        offsets[i + 1] = offsets[i] + (int32_t)length;
    }
    column->offsets = offsets;
    column->values = bytes;
}

static void fill_fixed(struct weir_column *column, const struct value *values, uint32_t stride,
                       uint32_t row_count)
{
    uint32_t width = width_of(column->type);
    uint8_t *bytes = zeroed((uint64_t)width * row_count);
    for (uint32_t i = 0; i < row_count; i++) {
        const struct value *value = &values[i * stride];
        if (value->is_null) {
            continue;
        }
        if (column->type.id == WEIR_TYPE_BOOL) {
            weir_bit_set(bytes, i, value->fixed[0]);
        } else {
            memcpy(bytes + (uint64_t)i * width, value->fixed, width);
        }
    }
    column->values = bytes;
}

struct weir_column *values_columns(const struct weir_type *types, uint32_t column_count,
                                   const struct value *values, uint32_t row_count)
{
    struct weir_column *columns = zeroed(column_count * sizeof *columns);
    for (uint32_t c = 0; c < column_count; c++) {
        struct weir_column *column = &columns[c];
        uint8_t *validity = zeroed(weir_bit_bytes(row_count));
        column->type = types[c];
        for (uint32_t i = 0; i < row_count; i++) {
            int is_null = values[i * column_count + c].is_null;
            column->null_count += (uint32_t)is_null;
            weir_bit_set(validity, i, !is_null);
        }
        if (column->null_count > 0) {
            column->validity = validity;
        } else {
            free(validity);
        }
        if (weir_type_is_text(types[c])) {
            fill_text(column, values + c, column_count, row_count);
        } else {
            fill_fixed(column, values + c, column_count, row_count);
        }
    }
    return columns;
}

void values_columns_finish(struct weir_column *columns, uint32_t column_count)
{
    for (uint32_t c = 0; c < column_count; c++) {
        free((void *)(uintptr_t)columns[c].validity);
        free((void *)(uintptr_t)columns[c].values);
        free((void *)(uintptr_t)columns[c].offsets);
    }
    free(columns);
}

struct value values_at(const struct weir_column *column, uint32_t row)
{
    uint32_t width = width_of(column->type), length;
    if (column->encoding == WEIR_ENCODING_ABSENT || weir_is_null(column, row)) {
        return value_null();
    }
    if (weir_type_is_text(column->type)) {
        const char *text = weir_text(column, row, &length);
        return (struct value){.length = length, .text = text};
    }
    struct value value = {0};
    if (column->type.id == WEIR_TYPE_BOOL) {
        value.fixed[0] = (uint8_t)weir_bit(column->values, row);
    } else {
        memcpy(value.fixed, (const uint8_t *)column->values + (uint64_t)row * width, width);
    }
    return value;
}
