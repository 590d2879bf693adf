// Rows of values in tests: written one by one, put into columns, taken out of columns, compared.
#ifndef TESTS_FLUSS_SUPPORT_VALUES_H
#define TESTS_FLUSS_SUPPORT_VALUES_H

#include "weir/batch.h"

// One value of any type. fixed holds it as a column would; text is kept until values_forget.
struct value {
    int is_null;
    uint32_t length;
    _Alignas(16) uint8_t fixed[16];
    const char *text;
};

struct value value_null(void);
struct value value_int(struct weir_type type, int64_t integer);
struct value value_double(struct weir_type type, double real);
struct value value_text(const char *text, uint32_t length);
void values_forget(void);

int value_equal(struct weir_type type, const struct value *a, const struct value *b);
// For messages; the buffer is returned.
const char *value_print(struct weir_type type, const struct value *value, char *buffer,
                        uint32_t buffer_bytes);

// row_count rows of column_count values each, one row after the other, as plain columns in memory
// of their own.
struct weir_column *values_columns(const struct weir_type *types, uint32_t column_count,
                                   const struct value *values, uint32_t row_count);
void values_columns_finish(struct weir_column *columns, uint32_t column_count);
// Text stays that of the column.
struct value values_at(const struct weir_column *column, uint32_t row);

#endif
