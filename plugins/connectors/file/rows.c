#include "rows.h"

#include <stdlib.h>

#include "number.h"

#define ROWS_MOST 8192u
#define ROWS_BYTES (16u << 20)
#define ROW_PADDING 64u

uint32_t rows_capacity(const struct weir_field *fields, uint32_t field_count)
{
    uint64_t width = 1;
    for (uint32_t i = 0; i < field_count; i++) {
        uint32_t bytes = weir_type_width(fields[i].type);
        width += bytes == 0 ? 4 : bytes;
    }
    uint64_t count = ROWS_BYTES / width;
    return count > ROWS_MOST ? ROWS_MOST : count < 64 ? 64 : (uint32_t)count / 64 * 64;
}

static int column_init(struct rows_column *column, uint32_t capacity)
{
    uint32_t width = weir_type_width(column->type);
    int is_text = weir_type_is_text(column->type);
    column->validity = malloc(weir_bit_bytes(capacity));
    if (is_text) {
        column->byte_capacity = (uint64_t)capacity * 16 + ROW_PADDING;
        column->values = malloc(column->byte_capacity);
        column->offsets = calloc(capacity + 1, sizeof *column->offsets);
    } else {
        column->values = calloc(1, (size_t)capacity * (width == 0 ? 1 : width) + ROW_PADDING);
    }
    if (column->validity == NULL || column->values == NULL ||
        (is_text && column->offsets == NULL)) {
        return VALUE_NO_MEMORY;
    }
    memset(column->validity, 255, weir_bit_bytes(capacity));
    return 0;
}

int rows_init(struct rows *rows, const struct weir_field *fields, uint32_t field_count,
              const uint8_t *wanted, uint32_t capacity, int has_kinds)
{
    memset(rows, 0, sizeof *rows);
    rows->columns = calloc(field_count + 1, sizeof *rows->columns);
    rows->kinds = has_kinds ? calloc(1, capacity) : NULL;
    if (rows->columns == NULL || (has_kinds && rows->kinds == NULL)) {
        return VALUE_NO_MEMORY;
    }
    rows->column_count = field_count;
    rows->capacity = capacity;
    for (uint32_t i = 0; i < field_count; i++) {
        struct rows_column *column = &rows->columns[i];
        column->name = fields[i].name;
        column->type = fields[i].type;
        column->is_wanted = wanted == NULL || wanted[i];
        if (column->is_wanted && column_init(column, capacity) != 0) {
            return VALUE_NO_MEMORY;
        }
    }
    return 0;
}

void rows_finish(struct rows *rows)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        free(rows->columns[i].values);
        free(rows->columns[i].validity);
        free(rows->columns[i].offsets);
    }
    free(rows->columns);
    free(rows->kinds);
    memset(rows, 0, sizeof *rows);
}

void rows_clear(struct rows *rows)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        if (rows->columns[i].null_count > 0) {
            memset(rows->columns[i].validity, 255, weir_bit_bytes(rows->capacity));
            rows->columns[i].null_count = 0;
        }
    }
    rows->count = 0;
    rows->text_bytes = 0;
}

void rows_drop_row(struct rows *rows)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        struct rows_column *column = &rows->columns[i];
        if (column->is_wanted && !weir_bit(column->validity, rows->count)) {
            weir_bit_set(column->validity, rows->count, 1);
            column->null_count--;
        }
    }
}

// Room for `size` more bytes of text (and some to spare) in the row in progress.
static int text_reserve(struct rows *rows, struct rows_column *column, size_t size)
{
    uint64_t need = (uint64_t)column->offsets[rows->count] + size + ROW_PADDING;
    if (need <= column->byte_capacity) {
        return 0;
    }
    uint64_t capacity = need * 2;
    uint8_t *values = realloc(column->values, capacity);
    if (values == NULL) {
        return VALUE_NO_MEMORY;
    }
    column->values = values;
    column->byte_capacity = capacity;
    return 0;
}

static int set_bytes(struct rows *rows, struct rows_column *column, const void *bytes, size_t size)
{
    if (size > WEIR_VALUE_BYTES_MAX) {
        return VALUE_TOO_LARGE;
    }
    if (text_reserve(rows, column, size) != 0) {
        return VALUE_NO_MEMORY;
    }
    int32_t offset = column->offsets[rows->count];
    memcpy(column->values + offset, bytes, size);
    column->offsets[rows->count + 1] = offset + (int32_t)size;
    rows->text_bytes += size;
    return 0;
}

int rows_set_text(struct rows *rows, struct rows_column *column, const char *text, size_t size)
{
    uint32_t length = column->type.length;
    if (column->type.id == WEIR_TYPE_STRING) {
        if (value_utf8(text, size) != size) {
            return VALUE_ENCODING;
        }
        if (length != 0 && size > length && value_utf8_count(text, size) > length) {
            return VALUE_LENGTH;
        }
    } else if (length != 0 && size > length) {
        return VALUE_LENGTH;
    }
    return set_bytes(rows, column, text, size);
}

static int set_base64(struct rows *rows, struct rows_column *column, const char *text, size_t size)
{
    if (size / 4 * 3 > WEIR_VALUE_BYTES_MAX) {
        return VALUE_TOO_LARGE;
    }
    if (text_reserve(rows, column, size) != 0) {
        return VALUE_NO_MEMORY;
    }
    int32_t offset = column->offsets[rows->count];
    int64_t count = value_base64_decode(text, size, column->values + offset);
    if (count < 0) {
        return VALUE_SYNTAX;
    }
    if (column->type.length != 0 && count > column->type.length) {
        return VALUE_LENGTH;
    }
    column->offsets[rows->count + 1] = offset + (int32_t)count;
    rows->text_bytes += (uint64_t)count;
    return 0;
}

int rows_set(struct rows *rows, struct rows_column *column, const char *text, size_t size)
{
    uint8_t truth = 0;
    int rc;
    switch (column->type.id) {
    case WEIR_TYPE_STRING:
        return rows_set_text(rows, column, text, size);
    case WEIR_TYPE_BYTES:
        return set_base64(rows, column, text, size);
    case WEIR_TYPE_BOOL:
        rc = value_parse(column->type, text, size, &truth);
        if (rc == 0) {
            weir_bit_set(column->values, rows->count, truth);
        }
        return rc;
    default:
        return value_parse(column->type, text, size,
                           column->values + (size_t)rows->count * weir_type_width(column->type));
    }
}

int rows_set_int(struct rows *rows, struct rows_column *column, int64_t value)
{
    uint32_t row = rows->count;
    switch (column->type.id) {
    case WEIR_TYPE_INT8:
        ((int8_t *)column->values)[row] = (int8_t)value;
        return value == (int8_t)value ? 0 : VALUE_RANGE;
    case WEIR_TYPE_INT16:
        ((int16_t *)(void *)column->values)[row] = (int16_t)value;
        return value == (int16_t)value ? 0 : VALUE_RANGE;
    case WEIR_TYPE_INT32:
        ((int32_t *)(void *)column->values)[row] = (int32_t)value;
        return value == (int32_t)value ? 0 : VALUE_RANGE;
    case WEIR_TYPE_INT64:
        ((int64_t *)(void *)column->values)[row] = value;
        return 0;
    default:
        return rows_set_real(rows, column, (double)value);
    }
}

int rows_set_real(struct rows *rows, struct rows_column *column, double value)
{
    if (column->type.id == WEIR_TYPE_FLOAT64) {
        ((double *)(void *)column->values)[rows->count] = value;
        return 0;
    }
    if (column->type.id == WEIR_TYPE_FLOAT32) {
        float narrow = (float)value;
        ((float *)(void *)column->values)[rows->count] = narrow;
        return narrow - narrow != 0 && value - value == 0 ? VALUE_RANGE : 0;
    }
    return VALUE_SYNTAX;
}

int rows_set_null(struct rows *rows, struct rows_column *column)
{
    if (!column->type.nullable) {
        return VALUE_SYNTAX;
    }
    weir_bit_set(column->validity, rows->count, 0);
    column->null_count++;
    if (column->offsets != NULL) {
        column->offsets[rows->count + 1] = column->offsets[rows->count];
    } else if (column->type.id == WEIR_TYPE_BOOL) {
        weir_bit_set(column->values, rows->count, 0);
    } else {
        uint32_t width = weir_type_width(column->type);
        memset(column->values + (size_t)rows->count * width, 0, width);
    }
    return 0;
}
