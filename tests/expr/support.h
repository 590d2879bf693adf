// Batches from literal columns and results as text, for tests of expressions.
#ifndef TESTS_EXPR_SUPPORT_H
#define TESTS_EXPR_SUPPORT_H

#include "expr/expr.h"

// A batch in the making: columns of constants computed by casts from strings, so that any type can
// be written. NULL in values is a null.
struct table {
    struct weir_field fields[64];
    struct weir_column columns[64];
    struct weir_schema schema;
    struct weir_batch batch;
    void *memory[64 * 4];
    uint32_t memory_count;
};

void table_begin(struct table *table, uint32_t row_count);
// type as a pipeline writes it; values are row_count texts.
void table_add(struct table *table, const char *name, const char *type, const char *const *values);
// Fixed-width values or bits as they are; validity may be NULL.
void table_add_values(struct table *table, const char *name, struct weir_type type,
                      const void *values, const uint8_t *validity);
void table_finish(struct table *table);

#define COLUMN(table, name, type, ...) \
    table_add(table, name, type, (const char *const[]){__VA_ARGS__})

// All rows of the result, separated by "|": values as a cast to string gives them, "null", and
// "!reason" for rows that fail; "error CODE start-end: text" if it does not compile. Lent until the
// next call.
const char *evaluate(const struct table *table, const char *text);
// The same with now_ms() = now_ms.
const char *evaluate_at(const struct table *table, const char *text, int64_t now_ms);
// Over a batch of one row, with no columns of interest.
const char *value_of(const char *text);

#define CHECK_ROWS(table, text, expected) CHECK_TEXT(evaluate(table, text), expected)
#define CHECK_VALUE(text, expected) CHECK_TEXT(value_of(text), expected)

#endif
