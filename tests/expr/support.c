#include "expr/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "data/schema.h"
#include "expr/reason.h"

#define NOW_MS 1780000000123

static void *keep(struct table *table, size_t byte_count)
{
    void *memory = calloc(1, byte_count + 64);
    if (memory == NULL || table->memory_count == sizeof table->memory / sizeof table->memory[0]) {
        abort();
    }
    table->memory[table->memory_count++] = memory;
    return memory;
}

void table_begin(struct table *table, uint32_t row_count)
{
    memset(table, 0, sizeof *table);
    table->schema = (struct weir_schema){sizeof table->schema, 0, table->fields};
    table->batch = (struct weir_batch){.size = sizeof table->batch,
                                       .row_count = row_count,
                                       .bucket = WEIR_BUCKET_NONE,
                                       .schema = &table->schema,
                                       .columns = table->columns};
}

static void add_column(struct table *table, const char *name, struct weir_column column)
{
    uint32_t index = table->schema.field_count++;
    table->fields[index] = (struct weir_field){name, column.type};
    table->columns[index] = column;
    table->batch.column_count = index + 1;
}

void table_add_values(struct table *table, const char *name, struct weir_type type,
                      const void *values, const uint8_t *validity)
{
    add_column(table, name,
               (struct weir_column){.type = type, .values = values, .validity = validity});
}

static struct weir_column text_column(struct table *table, struct weir_type type,
                                      const char *const *values)
{
    uint32_t row_count = table->batch.row_count, length = 0;
    struct weir_column column = {.type = type};
    int32_t *offsets = keep(table, (row_count + 1) * sizeof *offsets);
    uint8_t *validity = keep(table, weir_bit_bytes(row_count));
    for (uint32_t i = 0; i < row_count; i++) {
        length += values[i] == NULL ? 0 : (uint32_t)strlen(values[i]);
        offsets[i + 1] = (int32_t)length;
        weir_bit_set(validity, i, values[i] != NULL);
        column.null_count += values[i] == NULL;
    }
    char *bytes = keep(table, length);
    for (uint32_t i = 0; i < row_count; i++) {
        if (values[i] != NULL) {
            memcpy(bytes + offsets[i], values[i], strlen(values[i]));
        }
    }
    column.validity = column.null_count == 0 ? NULL : validity;
    column.values = bytes;
    column.offsets = offsets;
    return column;
}

// Another type comes from the strings by a cast, whose result is copied.
static struct weir_column cast_column(struct table *table, struct weir_column texts,
                                      const char *type)
{
    char text[96];
    struct weir_field field = {"texts", texts.type};
    struct weir_schema schema = {sizeof schema, 1, &field};
    uint32_t row_count = table->batch.row_count, failure_count;
    struct weir_batch batch = {.size = sizeof batch,
                               .row_count = row_count,
                               .column_count = 1,
                               .schema = &schema,
                               .columns = &texts};
    const struct expr_failure *failures;
    struct weir_column column;
    snprintf(text, sizeof text, "cast(texts as %s)", type);
    struct expr_error error;
    struct expression *expression = expression_compile(text, &schema, 0, &error);
    struct evaluator *evaluator = evaluator_create();
    if (expression == NULL || expression_evaluate(expression, evaluator, &batch, 0, &column,
                                                  &failures, &failure_count) != 0) {
        fprintf(stderr, "%s: %s\n", text, error.error.text);
        abort();
    }
    if (failure_count > 0) {
        fprintf(stderr, "%s\n", failures[0].reason);
        abort();
    }
    uint32_t width = weir_type_width(column.type);
    size_t byte_count = width == 0 ? weir_bit_bytes(row_count) : (size_t)row_count * width;
    column.values = memcpy(keep(table, byte_count), column.values, byte_count);
    if (column.validity != NULL) {
        byte_count = weir_bit_bytes(row_count);
        column.validity = memcpy(keep(table, byte_count), column.validity, byte_count);
    }
    expression_destroy(expression);
    evaluator_destroy(evaluator);
    return column;
}

void table_add(struct table *table, const char *name, const char *type, const char *const *values)
{
    struct weir_type parsed;
    struct error error;
    if (type_parse(type, &parsed, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    struct weir_type string = weir_type_of(WEIR_TYPE_STRING);
    struct weir_column column =
        text_column(table, weir_type_is_text(parsed) ? parsed : string, values);
    add_column(table, name, weir_type_is_text(parsed) ? column : cast_column(table, column, type));
}

void table_finish(struct table *table)
{
    for (uint32_t i = 0; i < table->memory_count; i++) {
        free(table->memory[i]);
    }
}

static void print_value(struct text *out, const struct weir_column *column, uint32_t row)
{
    char text[VALUE_TEXT_BYTES];
    union value value = {0};
    uint32_t width = weir_type_width(column->type), length;
    if (weir_is_null(column, row)) {
        text_print(out, "null");
    } else if (weir_type_is_text(column->type)) {
        const char *at = weir_text(column, row, &length);
        text_add(out, at, length);
    } else {
        if (width == 0) {
            value.integer = weir_bit(column->values, row);
        } else {
            memcpy(&value, (const char *)column->values + (size_t)row * width, width);
        }
        length = value_format(column->type, &value, text);
        text_add(out, text, length);
    }
}

static void print_rows(struct text *out, const struct weir_column *column, uint32_t row_count,
                       const struct expr_failure *failures, uint32_t failure_count)
{
    uint32_t next = 0;
    for (uint32_t row = 0; row < row_count; row++) {
        text_print(out, row == 0 ? "" : "|");
        if (next < failure_count && failures[next].row == row) {
            text_print(out, "!%s", failures[next++].reason);
            text_print(out, weir_is_null(column, row) ? "" : " but not null");
        } else {
            print_value(out, column, row);
        }
    }
    text_print(out, next == failure_count ? "" : " and failures out of order");
}

const char *evaluate_at(const struct table *table, const char *text, int64_t now_ms)
{
    static struct text out;
    struct expr_error error;
    text_finish(&out);
    struct expression *expression = expression_compile(text, &table->schema, 0, &error);
    if (expression == NULL) {
        text_print(&out, "error %s %u-%u: %s", error.code, error.start, error.end,
                   error.error.text);
        return out.at;
    }
    struct evaluator *evaluator = evaluator_create();
    struct weir_column column;
    const struct expr_failure *failures;
    uint32_t failure_count;
    int rc = expression_evaluate(expression, evaluator, &table->batch, now_ms, &column, &failures,
                                 &failure_count);
    if (rc != 0) {
        text_print(&out, "rc %d", rc);
    } else {
        print_rows(&out, &column, table->batch.row_count, failures, failure_count);
    }
    evaluator_destroy(evaluator);
    expression_destroy(expression);
    return out.at;
}

const char *evaluate(const struct table *table, const char *text)
{
    return evaluate_at(table, text, NOW_MS);
}

const char *value_of(const char *text)
{
    struct table table;
    table_begin(&table, 1);
    const char *out = evaluate(&table, text);
    table_finish(&table);
    return out;
}
