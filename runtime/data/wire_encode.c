#include "data/wire.h"

#include <string.h>

#include "data/batch_memory.h"
#include "data/schema.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns are little-endian on the wire");

#define MAGIC "weir1"
#define BODY_ALIGNMENT 64u
#define PAD_HEAD_BYTES 2u  // bin 8
#define BODY_HEAD_BYTES 5u // bin 32

// Where the buffers of a column lie in the body.
struct sections {
    uint64_t validity;
    uint64_t offsets;
    uint64_t values;
    uint64_t value_bytes;
};

// Takes byte_count bytes of the body, padded to 8.
static uint64_t place(uint64_t *body_bytes, uint64_t byte_count)
{
    uint64_t at = *body_bytes;
    *body_bytes += batch_pad8(byte_count);
    return at;
}

static struct sections place_column(const struct weir_column *column, uint32_t row_count,
                                    uint64_t *body_bytes)
{
    struct sections sections = {.value_bytes = batch_value_bytes(column, row_count)};
    if (column->validity != NULL) {
        sections.validity = place(body_bytes, weir_bit_bytes(row_count));
    }
    if (column->offsets != NULL) {
        sections.offsets = place(body_bytes, ((uint64_t)row_count + 1) * 4);
    }
    sections.values = place(body_bytes, sections.value_bytes);
    return sections;
}

// Writes msgpack, or only counts its bytes where out is NULL.
struct writer {
    uint8_t *out;
    uint64_t size;
};

static void put_byte(struct writer *writer, uint8_t byte)
{
    if (writer->out != NULL) {
        writer->out[writer->size] = byte;
    }
    writer->size++;
}

static void put_bytes(struct writer *writer, const void *bytes, uint64_t byte_count)
{
    if (writer->out != NULL && byte_count != 0) {
        memcpy(writer->out + writer->size, bytes, byte_count);
    }
    writer->size += byte_count;
}

static void put_number(struct writer *writer, uint8_t head, uint64_t number, uint32_t width)
{
    put_byte(writer, head);
    for (uint32_t shift = 8 * width; shift != 0; shift -= 8) {
        put_byte(writer, (uint8_t)(number >> (shift - 8)));
    }
}

static void put_uint(struct writer *writer, uint64_t number)
{
    if (number < 128) {
        put_byte(writer, (uint8_t)number);
    } else if (number <= UINT8_MAX) {
        put_number(writer, 0xcc, number, 1);
    } else if (number <= UINT16_MAX) {
        put_number(writer, 0xcd, number, 2);
    } else if (number <= UINT32_MAX) {
        put_number(writer, 0xce, number, 4);
    } else {
        put_number(writer, 0xcf, number, 8);
    }
}

static void put_int(struct writer *writer, int64_t number)
{
    if (number >= 0) {
        put_uint(writer, (uint64_t)number);
    } else {
        put_number(writer, 0xd3, (uint64_t)number, 8);
    }
}

static void put_text(struct writer *writer, const char *text)
{
    size_t length = strlen(text);
    if (length < 32) {
        put_byte(writer, (uint8_t)(0xa0 | length));
    } else {
        put_number(writer, 0xd9, length, 1); // names have 255 bytes at most
    }
    put_bytes(writer, text, length);
}

static void put_array(struct writer *writer, uint32_t count)
{
    if (count < 16) {
        put_byte(writer, (uint8_t)(0x90 | count));
    } else {
        put_number(writer, 0xdc, count, 2); // 4,096 columns at most
    }
}

static void put_bool(struct writer *writer, int value)
{
    put_byte(writer, value ? 0xc3 : 0xc2);
}

static void put_nil(struct writer *writer)
{
    put_byte(writer, 0xc0);
}

static void put_schema(struct writer *writer, const struct weir_schema *schema)
{
    char buffer[32];
    put_text(writer, "schema");
    put_array(writer, schema->field_count);
    for (uint32_t i = 0; i < schema->field_count; i++) {
        put_array(writer, 3);
        put_text(writer, schema->fields[i].name);
        put_text(writer, type_name(schema->fields[i].type, buffer, sizeof buffer));
        put_bool(writer, schema->fields[i].type.nullable);
    }
}

static void put_column(struct writer *writer, const struct weir_column *column, uint32_t row_count,
                       uint64_t *body_bytes)
{
    if (column->encoding == WEIR_ENCODING_ABSENT) {
        put_nil(writer);
        return;
    }
    struct sections sections = place_column(column, row_count, body_bytes);
    put_array(writer, 5);
    put_uint(writer, column->null_count);
    if (column->validity != NULL) {
        put_uint(writer, sections.validity);
    } else {
        put_nil(writer);
    }
    put_uint(writer, sections.values);
    put_uint(writer, sections.value_bytes);
    if (column->offsets != NULL) {
        put_uint(writer, sections.offsets);
    } else {
        put_nil(writer);
    }
}

// Everything before the pad. Returns the bytes of the body.
static uint64_t put_header(struct writer *writer, const struct weir_batch *batch, int with_schema)
{
    int has_bucket = batch->bucket != WEIR_BUCKET_NONE;
    int has_times = batch->time_min_us != WEIR_TIME_NONE && batch->time_max_us != WEIR_TIME_NONE;
    int has_entered = batch->entered_us != WEIR_TIME_NONE;
    uint64_t body_bytes = 0;
    put_array(writer, 4);
    put_text(writer, MAGIC);
    put_byte(writer, (uint8_t)(0x80 | (2 + has_bucket + has_times + has_entered +
                                       (batch->kinds != NULL) + (with_schema != 0))));
    put_text(writer, "rows");
    put_uint(writer, batch->row_count);
    if (has_bucket) {
        put_text(writer, "bucket");
        put_int(writer, batch->bucket);
    }
    if (has_times) {
        put_text(writer, "times");
        put_array(writer, 2);
        put_int(writer, batch->time_min_us);
        put_int(writer, batch->time_max_us);
    }
    if (has_entered) {
        put_text(writer, "entered");
        put_int(writer, batch->entered_us);
    }
    if (with_schema) {
        put_schema(writer, batch->schema);
    }
    if (batch->kinds != NULL) {
        put_text(writer, "kinds");
        put_uint(writer, place(&body_bytes, batch->row_count));
    }
    put_text(writer, "columns");
    put_array(writer, batch->column_count);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        put_column(writer, &batch->columns[i], batch->row_count, &body_bytes);
    }
    return body_bytes;
}

static uint32_t pad_bytes(uint64_t header_bytes)
{
    uint64_t before = header_bytes + PAD_HEAD_BYTES + BODY_HEAD_BYTES;
    return (uint32_t)((BODY_ALIGNMENT - before % BODY_ALIGNMENT) % BODY_ALIGNMENT);
}

uint64_t wire_bytes(const struct weir_batch *batch, int with_schema)
{
    struct writer writer = {0};
    uint64_t body_bytes = put_header(&writer, batch, with_schema);
    return writer.size + PAD_HEAD_BYTES + pad_bytes(writer.size) + BODY_HEAD_BYTES + body_bytes;
}

static void write_section(uint8_t *to, const void *from, uint64_t byte_count)
{
    if (byte_count != 0) {
        memcpy(to, from, byte_count);
        memset(to + byte_count, 0, batch_pad8(byte_count) - byte_count);
    }
}

static void write_offsets(uint8_t *to, const int32_t *offsets, uint32_t row_count)
{
    uint64_t byte_count = ((uint64_t)row_count + 1) * 4;
    int32_t first = offsets[0];
    if (first == 0) {
        write_section(to, offsets, byte_count);
        return;
    }
    for (uint32_t i = 0; i <= row_count; i++) { // of a slice
        int32_t offset = offsets[i] - first;
        memcpy(to + (size_t)i * 4, &offset, 4);
    }
    memset(to + byte_count, 0, batch_pad8(byte_count) - byte_count);
}

static void write_column(uint8_t *body, const struct weir_column *column, uint32_t row_count,
                         uint64_t *body_bytes)
{
    if (column->encoding == WEIR_ENCODING_ABSENT) {
        return;
    }
    struct sections sections = place_column(column, row_count, body_bytes);
    const uint8_t *values = column->values;
    if (column->validity != NULL) {
        write_section(body + sections.validity, column->validity, weir_bit_bytes(row_count));
    }
    if (column->offsets != NULL) {
        write_offsets(body + sections.offsets, column->offsets, row_count);
        values += column->offsets[0];
    }
    write_section(body + sections.values, values, sections.value_bytes);
}

uint64_t wire_encode(const struct weir_batch *batch, int with_schema, uint8_t *out)
{
    static const uint8_t zeros[BODY_ALIGNMENT];
    struct writer writer = {out, 0};
    uint64_t body_bytes = put_header(&writer, batch, with_schema), at = 0;
    uint32_t pad = pad_bytes(writer.size);
    put_number(&writer, 0xc4, pad, 1);
    put_bytes(&writer, zeros, pad);
    put_number(&writer, 0xc6, body_bytes, 4);
    uint8_t *body = out + writer.size;
    if (batch->kinds != NULL) {
        write_section(body + place(&at, batch->row_count), batch->kinds, batch->row_count);
    }
    for (uint32_t i = 0; i < batch->column_count; i++) {
        write_column(body, &batch->columns[i], batch->row_count, &at);
    }
    return writer.size + body_bytes;
}
