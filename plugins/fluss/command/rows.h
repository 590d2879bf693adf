// Rows as JSON objects, into columns and out of them.
#ifndef FLUSS_COMMAND_ROWS_H
#define FLUSS_COMMAND_ROWS_H

#include <jansson.h>
#include <stdio.h>

#include "base/failure.h"
#include "table/definition.h"
#include "weir/batch.h"

#define ROWS_MAX 8192u // of one batch

// One column that grows.
struct rows_column {
    struct weir_type type;
    uint8_t *validity;
    uint8_t *values; // fixed width or bits
    char *bytes;     // text
    int32_t *offsets;
    uint64_t byte_count;
    uint64_t byte_capacity;
    uint32_t null_count;
};

// Rows of some columns of a table, up to ROWS_MAX.
struct rows {
    const struct table_definition *definition;
    uint32_t column_count;
    uint32_t *of; // column of the table that column i is
    struct rows_column *columns;
    struct weir_column *views;
    uint32_t row_count;
    uint64_t byte_count;
};

// Columns of the table; of NULL: all of them, in order. FATAL: no memory.
int32_t rows_init(struct rows *rows, const struct table_definition *definition, const uint32_t *of,
                  uint32_t column_count, struct failure *failure);
void rows_finish(struct rows *rows);
// Adds one object. A column that it does not name is null. DATA: an unknown column (names the
// nearest), or a value that is none of its type.
int32_t rows_add(struct rows *rows, const json_t *object, struct failure *failure);
// Takes all rows out.
void rows_clear(struct rows *rows);
// Plain views, valid until the next change.
const struct weir_column *rows_views(struct rows *rows);
int rows_are_full(const struct rows *rows);

// Prints a row as one JSON object, without a line end; names[i] is that of columns[i]. Absent
// columns are null.
void rows_print(FILE *file, const char *const *names, const struct weir_column *columns,
                uint32_t column_count, uint32_t row);
// Names of the columns of a table, malloc'd; NULL: no memory.
const char **rows_names(const struct table_definition *definition);

#endif
