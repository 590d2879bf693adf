#include "command/rows.h"

#include <stdlib.h>
#include <string.h>

#include "command/value.h"

#define ROWS_BYTES_MAX (4u << 20)

static int32_t no_memory(struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_FATAL, "no memory for rows");
}

int32_t rows_init(struct rows *rows, const struct table_definition *definition, const uint32_t *of,
                  uint32_t column_count, struct failure *failure)
{
    *rows = (struct rows){.definition = definition, .column_count = column_count};
    rows->of = calloc(column_count + 1, sizeof *rows->of);
    rows->columns = calloc(column_count + 1, sizeof *rows->columns);
    rows->views = calloc(column_count + 1, sizeof *rows->views);
    if (rows->of == NULL || rows->columns == NULL || rows->views == NULL) {
        rows_finish(rows);
        return no_memory(failure);
    }
    for (uint32_t i = 0; i < column_count; i++) {
        struct rows_column *column = &rows->columns[i];
        rows->of[i] = of == NULL ? i : of[i];
        column->type = definition->columns[rows->of[i]].type;
        column->validity = calloc(1, weir_bit_bytes(ROWS_MAX));
        column->values = calloc(ROWS_MAX, 16);
        column->offsets = calloc(ROWS_MAX + 1, sizeof *column->offsets);
        if (column->validity == NULL || column->values == NULL || column->offsets == NULL) {
            rows_finish(rows);
            return no_memory(failure);
        }
    }
    return WEIR_OK;
}

void rows_finish(struct rows *rows)
{
    for (uint32_t i = 0; rows->columns != NULL && i < rows->column_count; i++) {
        free(rows->columns[i].validity);
        free(rows->columns[i].values);
        free(rows->columns[i].bytes);
        free(rows->columns[i].offsets);
    }
    free(rows->columns);
    free(rows->views);
    free(rows->of);
    *rows = (struct rows){0};
}

static int32_t add_text(struct rows_column *column, uint32_t row, const json_t *value,
                        struct failure *failure)
{
    char *bytes;
    uint32_t length;
    int32_t rc = value_read_text(column->type, value, &bytes, &length, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (column->byte_count + length > column->byte_capacity) {
        uint64_t capacity = (column->byte_count + length) * 2;
        char *larger = realloc(column->bytes, capacity);
        if (larger == NULL) {
            free(bytes);
            return no_memory(failure);
        }
        column->bytes = larger;
        column->byte_capacity = capacity;
    }
    if (length > 0) {
        memcpy(column->bytes + column->byte_count, bytes, length);
    }
    column->byte_count += length;
    column->offsets[row + 1] = (int32_t)column->byte_count;
    free(bytes);
    return WEIR_OK;
}

static int32_t add_value(struct rows_column *column, uint32_t row, const json_t *value,
                         struct failure *failure)
{
    uint32_t width = weir_type_width(column->type);
    uint8_t bytes[16] = {0};
    int is_null = value == NULL || json_is_null(value);
    weir_bit_set(column->validity, row, !is_null);
    column->offsets[row + 1] = column->offsets[row];
    column->null_count += (uint32_t)is_null;
    if (!is_null && weir_type_is_text(column->type)) {
        return add_text(column, row, value, failure);
    }
    int32_t rc = is_null ? WEIR_OK : value_read(column->type, value, bytes, failure);
    if (column->type.id == WEIR_TYPE_BOOL) {
        weir_bit_set(column->values, row, bytes[0]);
    } else {
        memcpy(column->values + (size_t)row * width, bytes, width);
    }
    return rc;
}

static int has_column(const struct rows *rows, uint32_t column)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        if (rows->of[i] == column) {
            return 1;
        }
    }
    return 0;
}

static int32_t check_keys(const struct rows *rows, const json_t *object, struct failure *failure)
{
    const char *name;
    json_t *value;
    uint32_t column;
    json_object_foreach((json_t *)object, name, value)
    {
        int32_t rc = table_definition_column(rows->definition, name, &column, failure);
        if (rc != WEIR_OK) {
            return rc;
        }
        if (!has_column(rows, column)) {
            return failure_set(failure, WEIR_ERROR_DATA,
                               "the column `%s` is not one of those that are written; name it in "
                               "--columns, or leave it out",
                               name);
        }
    }
    return WEIR_OK;
}

int32_t rows_add(struct rows *rows, const json_t *object, struct failure *failure)
{
    if (!json_is_object(object)) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "a row is a JSON object, as in {\"id\": 1, \"name\": \"a\"}");
    }
    int32_t rc = check_keys(rows, object, failure);
    for (uint32_t i = 0; rc == WEIR_OK && i < rows->column_count; i++) {
        const char *name = rows->definition->columns[rows->of[i]].name;
        uint64_t before = rows->columns[i].byte_count;
        rc = add_value(&rows->columns[i], rows->row_count, json_object_get(object, name), failure);
        if (rc != WEIR_OK) {
            return failure_wrap(failure, "column `%s`", name);
        }
        rows->byte_count += rows->columns[i].byte_count - before;
    }
    rows->row_count += rc == WEIR_OK;
    return rc;
}

void rows_clear(struct rows *rows)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        rows->columns[i].null_count = 0;
        rows->columns[i].byte_count = 0;
    }
    rows->row_count = 0;
    rows->byte_count = 0;
}

int rows_are_full(const struct rows *rows)
{
    return rows->row_count == ROWS_MAX || rows->byte_count >= ROWS_BYTES_MAX;
}

const struct weir_column *rows_views(struct rows *rows)
{
    static const char nothing[1];
    for (uint32_t i = 0; i < rows->column_count; i++) {
        const struct rows_column *column = &rows->columns[i];
        int is_text = weir_type_is_text(column->type);
        rows->views[i] = (struct weir_column){
            .type = column->type,
            .null_count = column->null_count,
            .validity = column->null_count == 0 ? NULL : column->validity,
            .values = !is_text                ? (const void *)column->values
                      : column->bytes == NULL ? nothing
                                              : column->bytes,
            .offsets = is_text ? column->offsets : NULL,
        };
    }
    return rows->views;
}

// The fewest digits that read back as the same number.
static void print_real(FILE *file, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    fprintf(file, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static void print_value(FILE *file, const struct weir_column *column, uint32_t row)
{
    json_t *value =
        column->encoding == WEIR_ENCODING_ABSENT ? json_null() : value_write(column, row);
    if (value == NULL) {
        fputs("null", file);
    } else if (json_is_real(value)) {
        print_real(file, json_real_value(value));
    } else {
        json_dumpf(value, file, JSON_ENCODE_ANY | JSON_COMPACT);
    }
    json_decref(value);
}

static void print_name(FILE *file, const char *name)
{
    json_t *value = json_string_nocheck(name);
    json_dumpf(value, file, JSON_ENCODE_ANY);
    json_decref(value);
}

void rows_print(FILE *file, const char *const *names, const struct weir_column *columns,
                uint32_t column_count, uint32_t row)
{
    fputc('{', file);
    for (uint32_t i = 0; i < column_count; i++) {
        fputs(i == 0 ? "" : ",", file);
        print_name(file, names[i]);
        fputc(':', file);
        print_value(file, &columns[i], row);
    }
    fputc('}', file);
}

const char **rows_names(const struct table_definition *definition)
{
    const char **names = calloc(definition->column_count + 1, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < definition->column_count; i++) {
        names[i] = definition->columns[i].name;
    }
    return names;
}
