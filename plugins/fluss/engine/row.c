#include "engine/row.h"

#include <string.h>

static uint64_t padded(uint64_t byte_count)
{
    return (byte_count + 7) & ~(uint64_t)7;
}

static uint64_t layout_bytes(uint32_t column_count)
{
    return padded(sizeof(struct row_layout)) +
           column_count * (sizeof(struct weir_type) + 2 * sizeof(uint32_t)) + sizeof(uint32_t);
}

// Columns whose width asks for this alignment, in order; wide ones come first, so there is no gap.
static void place_columns(struct row_layout *layout, uint32_t alignment, uint32_t *at)
{
    for (uint32_t i = 0; i < layout->column_count; i++) {
        uint32_t width = row_width(layout->types[i]);
        if ((width > 8 ? 8 : width) == alignment) {
            layout->offsets[i] = *at;
            *at += width;
        }
    }
}

static void place(struct row_layout *layout, int keeps_written, int keeps_key)
{
    uint32_t at = 0;
    place_columns(layout, 8, &at);
    layout->written_offset = keeps_written ? at : ROW_NONE;
    at += keeps_written ? 8 : 0;
    layout->key_offset = keeps_key ? at : ROW_NONE;
    at += keeps_key ? (uint32_t)sizeof(struct row_text) : 0;
    place_columns(layout, 4, &at);
    place_columns(layout, 2, &at);
    place_columns(layout, 1, &at);
    layout->null_offset = at;
    layout->row_bytes = (uint32_t)padded(at + weir_bit_bytes(layout->column_count));
}

int32_t row_layout_create(const struct store_memory *memory, const struct weir_field *fields,
                          uint32_t column_count, int keeps_written, int keeps_key,
                          struct row_layout **out, struct failure *failure)
{
    uint64_t bytes = layout_bytes(column_count);
    struct row_layout *layout = memory->allocate(memory, bytes);
    if (layout == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for a row layout");
    }
    *layout = (struct row_layout){.column_count = column_count, .memory_bytes = bytes};
    layout->types = (struct weir_type *)((uint8_t *)layout + padded(sizeof *layout));
    layout->offsets = (uint32_t *)(layout->types + column_count);
    layout->texts = layout->offsets + column_count;
    layout->is_plain = 1;
    for (uint32_t i = 0; i < column_count; i++) {
        layout->types[i] = fields[i].type;
        layout->is_plain &= weir_type_width(fields[i].type) > 0;
    }
    place(layout, keeps_written, keeps_key);
    for (uint32_t i = 0; i < column_count; i++) {
        if (weir_type_is_text(layout->types[i])) {
            layout->texts[layout->text_count++] = layout->offsets[i];
        }
    }
    if (keeps_key) {
        layout->texts[layout->text_count++] = layout->key_offset;
    }
    *out = layout;
    return WEIR_OK;
}

void row_layout_destroy(const struct store_memory *memory, struct row_layout *layout)
{
    if (layout != NULL) {
        memory->release(memory, layout, layout->memory_bytes);
    }
}

int64_t row_int64(const uint8_t *row, uint32_t offset)
{
    int64_t value;
    memcpy(&value, row + offset, sizeof value);
    return value;
}

void row_set_text(uint8_t *cell, const char *bytes, uint32_t length)
{
    struct row_text text = {.length = length};
    if (length > ROW_TEXT_INLINE) {
        memcpy(text.bytes + 4, &bytes, sizeof bytes);
    } else if (length > 0) {
        memcpy(text.bytes, bytes, length);
    }
    memcpy(cell, &text, sizeof text);
}

static void set_null_bit(const struct row_layout *layout, uint8_t *row, uint32_t column, int value)
{
    weir_bit_set(row + layout->null_offset, column, value);
}

void row_set_null(const struct row_layout *layout, uint8_t *row, uint32_t column)
{
    set_null_bit(layout, row, column, 1);
    memset(row + layout->offsets[column], 0, row_width(layout->types[column]));
}

void row_copy(const struct row_layout *layout, uint8_t *row, const uint8_t *from, uint32_t column)
{
    set_null_bit(layout, row, column, row_is_null(layout, from, column));
    memcpy(row + layout->offsets[column], from + layout->offsets[column],
           row_width(layout->types[column]));
}

void row_take(const struct row_layout *layout, uint8_t *row, uint32_t column,
              const struct weir_column *from, uint32_t r)
{
    uint8_t *cell = row + layout->offsets[column];
    uint32_t width = row_width(layout->types[column]), length;
    if (from->encoding == WEIR_ENCODING_ABSENT || weir_is_null(from, r)) {
        row_set_null(layout, row, column);
        return;
    }
    set_null_bit(layout, row, column, 0);
    if (weir_type_is_text(layout->types[column])) {
        const char *text = weir_text(from, r, &length);
        row_set_text(cell, text, length);
    } else if (layout->types[column].id == WEIR_TYPE_BOOL) {
        *cell = (uint8_t)weir_bit(from->values, r);
    } else {
        memcpy(cell, (const uint8_t *)from->values + (uint64_t)r * width, width);
    }
}

static void take_text(uint8_t *cells, uint32_t stride, const struct weir_column *from,
                      const uint32_t *numbers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length;
        const char *text = weir_text(from, numbers[i], &length);
        row_set_text(cells + (uint64_t)i * stride, text, length);
    }
}

static void take_fixed(uint8_t *cells, uint32_t stride, const struct weir_column *from,
                       const uint32_t *numbers, uint32_t count)
{
    const uint8_t *values = from->values;
    uint32_t width = weir_type_width(from->type);
    for (uint32_t i = 0; width == 8 && i < count; i++) {
        memcpy(cells + (uint64_t)i * stride, values + (uint64_t)numbers[i] * 8, 8);
    }
    for (uint32_t i = 0; width == 4 && i < count; i++) {
        memcpy(cells + (uint64_t)i * stride, values + (uint64_t)numbers[i] * 4, 4);
    }
    for (uint32_t i = 0; width != 8 && width != 4 && i < count; i++) {
        memcpy(cells + (uint64_t)i * stride, values + (uint64_t)numbers[i] * width, width);
    }
}

void row_take_column(const struct row_layout *layout, uint8_t *rows, uint32_t column,
                     const struct weir_column *from, const uint32_t *numbers, uint32_t count)
{
    uint8_t *cells = rows + layout->offsets[column];
    uint32_t stride = layout->row_bytes;
    struct weir_type type = layout->types[column];
    if (from->encoding == WEIR_ENCODING_ABSENT || from->null_count > 0 ||
        type.id == WEIR_TYPE_BOOL) {
        for (uint32_t i = 0; i < count; i++) {
            row_take(layout, rows + (uint64_t)i * stride, column, from, numbers[i]);
        }
    } else if (weir_type_is_text(type)) {
        take_text(cells, stride, from, numbers, count);
    } else {
        take_fixed(cells, stride, from, numbers, count);
    }
}

// --- Columns of rows ---

static uint64_t text_total(const struct row_layout *layout, const uint8_t *const *rows,
                           uint32_t row_count, uint32_t column)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        total += ((const struct row_text *)(rows[i] + layout->offsets[column]))->length;
    }
    return total;
}

uint64_t row_columns_bytes(const struct row_layout *layout, const uint8_t *const *rows,
                           uint32_t row_count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < layout->column_count; i++) {
        struct weir_type type = layout->types[i];
        bytes += padded(weir_bit_bytes(row_count));
        if (weir_type_is_text(type)) {
            bytes += padded(4 * ((uint64_t)row_count + 1)) +
                     padded(text_total(layout, rows, row_count, i));
        } else {
            bytes += type.id == WEIR_TYPE_BOOL ? padded(weir_bit_bytes(row_count))
                                               : padded((uint64_t)row_width(type) * row_count);
        }
    }
    return bytes;
}

static uint8_t *fill_validity(const struct row_layout *layout, const uint8_t *const *rows,
                              uint32_t row_count, uint32_t c, uint8_t *room,
                              struct weir_column *column)
{
    uint64_t bytes = padded(weir_bit_bytes(row_count));
    uint32_t null_count = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        null_count += (uint32_t)row_is_null(layout, rows[i], c);
    }
    column->null_count = null_count;
    if (null_count == 0) {
        return room;
    }
    memset(room, 0, bytes);
    for (uint32_t i = 0; i < row_count; i++) {
        room[i / 8] |= (uint8_t)((row_is_null(layout, rows[i], c) ^ 1) << (i & 7));
    }
    column->validity = room;
    return room + bytes;
}

static uint8_t *fill_text(const uint8_t *const *rows, uint32_t row_count, uint32_t offset,
                          uint8_t *room, struct weir_column *column)
{
    int32_t *offsets = (int32_t *)room, at = 0;
    uint8_t *bytes = room + padded(4 * ((uint64_t)row_count + 1));
    for (uint32_t i = 0; i < row_count; i++) {
        const struct row_text *text = (const struct row_text *)(rows[i] + offset);
        offsets[i] = at;
        memcpy(bytes + at, row_text_bytes(text), text->length);
        at += (int32_t)text->length;
    }
    offsets[row_count] = at;
    column->offsets = offsets;
    column->values = bytes;
    return bytes + padded((uint64_t)at);
}

static void fill_bits(const uint8_t *const *rows, uint32_t row_count, uint32_t offset,
                      uint8_t *room)
{
    memset(room, 0, padded(weir_bit_bytes(row_count)));
    for (uint32_t i = 0; i < row_count; i++) {
        room[i / 8] |= (uint8_t)((rows[i][offset] & 1) << (i & 7));
    }
}

static void fill_values(const uint8_t *const *rows, uint32_t row_count, uint32_t offset,
                        uint32_t width, uint8_t *room)
{
    switch (width) {
    case 4:
        for (uint32_t i = 0; i < row_count; i++) {
            memcpy(room + (uint64_t)i * 4, rows[i] + offset, 4);
        }
        break;
    case 8:
        for (uint32_t i = 0; i < row_count; i++) {
            memcpy(room + (uint64_t)i * 8, rows[i] + offset, 8);
        }
        break;
    default:
        for (uint32_t i = 0; i < row_count; i++) {
            memcpy(room + (uint64_t)i * width, rows[i] + offset, width);
        }
    }
}

void row_columns_fill(const struct row_layout *layout, const uint8_t *const *rows,
                      uint32_t row_count, uint8_t *room, struct weir_column *columns)
{
    for (uint32_t c = 0; c < layout->column_count; c++) {
        uint32_t offset = layout->offsets[c], width = row_width(layout->types[c]);
        columns[c] = (struct weir_column){.type = layout->types[c]};
        room = fill_validity(layout, rows, row_count, c, room, &columns[c]);
        if (weir_type_is_text(layout->types[c])) {
            room = fill_text(rows, row_count, offset, room, &columns[c]);
            continue;
        }
        columns[c].values = room;
        if (layout->types[c].id == WEIR_TYPE_BOOL) {
            fill_bits(rows, row_count, offset, room);
            room += padded(weir_bit_bytes(row_count));
        } else {
            fill_values(rows, row_count, offset, width, room);
            room += padded((uint64_t)width * row_count);
        }
    }
}
