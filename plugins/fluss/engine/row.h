// Rows of the index: every column at a fixed place of a row of fixed length, text by reference.
//
// A row is: the columns in their places, a bit per column that is null, and what the bucket keeps
// beside them. bool takes a byte; text a struct row_text. Bytes under nulls are zero.
#ifndef FLUSS_ENGINE_ROW_H
#define FLUSS_ENGINE_ROW_H

#include "base/failure.h"
#include "engine/arena.h"
#include "table/definition.h"
#include "weir/batch.h"

#define ROW_TEXT_INLINE 12u

// Text of up to ROW_TEXT_INLINE bytes lies here, longer text elsewhere.
struct row_text {
    uint32_t length;
    char bytes[ROW_TEXT_INLINE]; // or, at 4, a pointer to longer text
};
_Static_assert(sizeof(struct row_text) == 16, "text cell");

static inline const char *row_text_bytes(const struct row_text *text)
{
    const char *elsewhere;
    if (text->length <= ROW_TEXT_INLINE) {
        return text->bytes;
    }
    memcpy(&elsewhere, text->bytes + 4, sizeof elsewhere);
    return elsewhere;
}

#define ROW_NONE UINT32_MAX

struct row_layout {
    uint32_t column_count;
    uint32_t row_bytes; // a multiple of 8
    uint32_t null_offset;
    uint32_t written_offset; // when it was written, int64 us (tables with a time to live)
    uint32_t key_offset;     // its encoded key, struct row_text; both ROW_NONE if not kept
    uint32_t text_count;
    int is_plain;            // fixed-width columns only, no bool
    uint64_t memory_bytes;   // of this layout
    struct weir_type *types; // per column
    uint32_t *offsets;       // per column
    uint32_t *texts;         // offsets of all struct row_text, the key's too
};

// keeps_written and keeps_key ask for the hidden columns. FATAL: no memory.
int32_t row_layout_create(const struct store_memory *memory, const struct weir_field *fields,
                          uint32_t column_count, int keeps_written, int keeps_key,
                          struct row_layout **out, struct failure *failure);
void row_layout_destroy(const struct store_memory *memory, struct row_layout *layout);

static inline int row_is_null(const struct row_layout *layout, const uint8_t *row, uint32_t column)
{
    return row[layout->null_offset + column / 8] >> (column & 7) & 1;
}

// Bytes that a column takes in a row.
static inline uint32_t row_width(struct weir_type type)
{
    return weir_type_is_text(type)     ? (uint32_t)sizeof(struct row_text)
           : type.id == WEIR_TYPE_BOOL ? 1
                                       : weir_type_width(type);
}

void row_set_null(const struct row_layout *layout, uint8_t *row, uint32_t column);
// The value of a column from another row (or null).
void row_copy(const struct row_layout *layout, uint8_t *row, const uint8_t *from, uint32_t column);
// The value of row r of a plain column view (or null). Text refers to the view.
void row_take(const struct row_layout *layout, uint8_t *row, uint32_t column,
              const struct weir_column *from, uint32_t r);
// The same for rows numbers[0..count - 1] of the view, into `count` rows that lie one after the
// other and are zeroed: one plain loop.
void row_take_column(const struct row_layout *layout, uint8_t *rows, uint32_t column,
                     const struct weir_column *from, const uint32_t *numbers, uint32_t count);
void row_set_text(uint8_t *cell, const char *bytes, uint32_t length);
int64_t row_int64(const uint8_t *row, uint32_t offset);

// Columns of a list of rows, as plain views. row_columns_bytes says how much room the buffers take,
// row_columns_fill makes them there (8-byte aligned) and sets columns.
uint64_t row_columns_bytes(const struct row_layout *layout, const uint8_t *const *rows,
                           uint32_t row_count);
void row_columns_fill(const struct row_layout *layout, const uint8_t *const *rows,
                      uint32_t row_count, uint8_t *room, struct weir_column *columns);

#endif
