// Rows being read: columns that a parser fills, one row after the other, before they become a
// batch. A row that turns out bad is dropped without a trace.
#ifndef FILE_ROWS_H
#define FILE_ROWS_H

#include "value.h"
#include "weir/batch.h"

// A parser stops before another record when the texts of its rows take this much.
#define ROWS_TEXT_BYTES (4u << 20)

struct rows_column {
    const char *name;       // the caller's
    struct weir_type type;  //
    uint32_t is_wanted;     // 0: nobody reads it; stays empty
    uint32_t null_count;    //
    uint8_t *values;        // fixed width: capacity values; bool: bits; string and bytes: the bytes
    uint8_t *validity;      // capacity bits
    int32_t *offsets;       // string and bytes: capacity + 1
    uint64_t byte_capacity; // string and bytes: of values
};

struct rows {
    struct rows_column *columns;
    uint32_t column_count;
    uint32_t capacity;   // rows
    uint32_t count;      // finished rows; row number `count` is in progress
    uint64_t text_bytes; // of all finished rows
    uint8_t *kinds;      // WEIR_KIND_* of the rows; NULL if they are not read
};

// The most rows of these columns to read at once: some thousand, fewer if they are very wide.
uint32_t rows_capacity(const struct weir_field *fields, uint32_t field_count);

// Columns for `capacity` rows of the fields; wanted[i] is 0 for columns to leave empty (NULL: all
// are wanted). Names stay the caller's. 0 or VALUE_NO_MEMORY.
int rows_init(struct rows *rows, const struct weir_field *fields, uint32_t field_count,
              const uint8_t *wanted, uint32_t capacity, int has_kinds);
void rows_finish(struct rows *rows);
// Forgets all rows.
void rows_clear(struct rows *rows);

// Sets the value of the row in progress. 0, or VALUE_* with nothing set.
// From text, of any type (string as it is, bytes as base64):
int rows_set(struct rows *rows, struct rows_column *column, const char *text, size_t size);
// The bytes of a string or bytes column:
int rows_set_text(struct rows *rows, struct rows_column *column, const char *text, size_t size);
// The same from bytes known to be ASCII and short enough for the column; 16 more must be readable.
static inline int rows_set_ascii(struct rows *rows, struct rows_column *column, const char *text,
                                 size_t size)
{
    uint64_t offset = (uint64_t)column->offsets[rows->count];
    if (size > 64 || offset + size + 16 > column->byte_capacity) {
        return rows_set_text(rows, column, text, size);
    }
    for (size_t i = 0; i < size; i += 16) {
        memcpy(column->values + offset + i, text + i, 16);
    }
    column->offsets[rows->count + 1] = (int32_t)(offset + size);
    rows->text_bytes += size;
    return 0;
}
// From a whole number or a real one, into a column of a number type:
int rows_set_int(struct rows *rows, struct rows_column *column, int64_t value);
int rows_set_real(struct rows *rows, struct rows_column *column, double value);
// Null; VALUE_SYNTAX if the column may not be null.
int rows_set_null(struct rows *rows, struct rows_column *column);

// Ends the row in progress: every wanted column has been set.
static inline void rows_end_row(struct rows *rows)
{
    rows->count++;
}

// Drops the row in progress.
void rows_drop_row(struct rows *rows);

static inline int rows_are_full(const struct rows *rows)
{
    return rows->count == rows->capacity || rows->text_bytes >= ROWS_TEXT_BYTES;
}

#endif
