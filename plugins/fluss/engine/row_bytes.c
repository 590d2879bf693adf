#include "engine/row_bytes.h"

#include <string.h>

#define VERSION 1u
#define HAS_WRITTEN 1u

struct head {
    uint8_t version;
    uint8_t flags;
    uint16_t column_count;
};

uint64_t row_bytes_size(const struct row_layout *layout, const uint8_t *row)
{
    uint64_t bytes = sizeof(struct head) + weir_bit_bytes(layout->column_count) +
                     (layout->written_offset != ROW_NONE ? 8 : 0);
    for (uint32_t c = 0; c < layout->column_count; c++) {
        if (row_is_null(layout, row, c)) {
            continue;
        }
        bytes += weir_type_is_text(layout->types[c])
                     ? 4 + (uint64_t)((const struct row_text *)(row + layout->offsets[c]))->length
                     : row_width(layout->types[c]);
    }
    return bytes;
}

void row_bytes_write(const struct row_layout *layout, const uint8_t *row, uint8_t *out)
{
    uint64_t null_bytes = weir_bit_bytes(layout->column_count);
    struct head head = {VERSION, layout->written_offset != ROW_NONE ? HAS_WRITTEN : 0,
                        (uint16_t)layout->column_count};
    memcpy(out, &head, sizeof head);
    out += sizeof head;
    if (head.flags & HAS_WRITTEN) {
        memcpy(out, row + layout->written_offset, 8);
        out += 8;
    }
    memcpy(out, row + layout->null_offset, null_bytes);
    out += null_bytes;
    for (uint32_t c = 0; c < layout->column_count; c++) {
        const uint8_t *cell = row + layout->offsets[c];
        if (row_is_null(layout, row, c)) {
            continue;
        }
        if (weir_type_is_text(layout->types[c])) {
            const struct row_text *text = (const struct row_text *)cell;
            memcpy(out, &text->length, 4);
            memcpy(out + 4, row_text_bytes(text), text->length);
            out += 4 + text->length;
        } else {
            memcpy(out, cell, row_width(layout->types[c]));
            out += row_width(layout->types[c]);
        }
    }
}

// Takes one value. Returns the bytes behind it, NULL if it goes beyond the end.
static const uint8_t *read_value(struct weir_type type, const uint8_t *at, const uint8_t *end,
                                 uint8_t *cell)
{
    uint32_t length, width = row_width(type);
    if (!weir_type_is_text(type)) {
        if ((uint64_t)(end - at) < width) {
            return NULL;
        }
        memcpy(cell, at, width);
        return at + width;
    }
    if (end - at < 4) {
        return NULL;
    }
    memcpy(&length, at, 4);
    at += 4;
    if ((uint64_t)(end - at) < length) {
        return NULL;
    }
    row_set_text(cell, (const char *)at, length);
    return at + length;
}

int row_bytes_read(const struct row_layout *layout, const uint8_t *bytes, uint64_t byte_count,
                   uint8_t *row)
{
    const uint8_t *at = bytes, *end = bytes + byte_count;
    struct head head;
    if (byte_count < sizeof head) {
        return 0;
    }
    memcpy(&head, at, sizeof head);
    at += sizeof head;
    uint64_t null_bytes = weir_bit_bytes(head.column_count);
    uint32_t flags = layout->written_offset != ROW_NONE ? HAS_WRITTEN : 0;
    if (head.version != VERSION || head.flags != flags ||
        head.column_count > layout->column_count ||
        (uint64_t)(end - at) < null_bytes + (flags ? 8 : 0)) {
        return 0;
    }
    memset(row, 0, layout->row_bytes);
    if (flags) {
        memcpy(row + layout->written_offset, at, 8);
        at += 8;
    }
    const uint8_t *nulls = at;
    at += null_bytes;
    for (uint32_t c = 0; c < layout->column_count && at != NULL; c++) {
        if (c >= head.column_count || weir_bit(nulls, c)) {
            row_set_null(layout, row, c);
        } else {
            at = read_value(layout->types[c], at, end, row + layout->offsets[c]);
        }
    }
    return at == end;
}
