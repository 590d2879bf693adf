#include "log/body.h"

#include <lz4.h>
#include <string.h>
#include <zstd.h>

#define ZSTD_LEVEL 3

static uint64_t padded(uint64_t byte_count)
{
    return (byte_count + 7) & ~(uint64_t)7;
}

// Bytes of the values of `row_count` rows of a type that is not text.
static uint64_t fixed_bytes(struct weir_type type, uint32_t row_count)
{
    return type.id == WEIR_TYPE_BOOL ? weir_bit_bytes(row_count)
                                     : (uint64_t)weir_type_width(type) * row_count;
}

static uint64_t kinds_at(uint32_t column_count)
{
    return (uint64_t)column_count * sizeof(struct record_column);
}

static uint64_t statistics_at(uint32_t column_count, uint32_t row_count, int has_kinds)
{
    return kinds_at(column_count) + (has_kinds ? padded(row_count) : 0);
}

static uint64_t values_at(uint32_t column_count, uint32_t row_count, int has_kinds,
                          int has_statistics)
{
    return statistics_at(column_count, row_count, has_kinds) +
           (has_statistics ? (uint64_t)column_count * sizeof(struct record_statistics) : 0);
}

// A column of which nothing but nulls is known needs no bytes.
static int is_absent(const struct weir_column *column, uint32_t row_count)
{
    return column->encoding == WEIR_ENCODING_ABSENT ||
           (row_count > 0 && column->validity != NULL && column->null_count == row_count);
}

static uint64_t text_bytes(const struct weir_column *column, uint32_t row_count)
{
    return (uint64_t)(column->offsets[row_count] - column->offsets[0]);
}

static uint64_t column_bytes(const struct weir_column *column, uint32_t row_count)
{
    if (is_absent(column, row_count)) {
        return 0;
    }
    uint64_t bytes = column->null_count > 0 ? padded(weir_bit_bytes(row_count)) : 0;
    if (weir_type_is_text(column->type)) {
        return bytes + padded(4 * ((uint64_t)row_count + 1)) +
               padded(text_bytes(column, row_count));
    }
    return bytes + padded(fixed_bytes(column->type, row_count));
}

uint64_t body_size(const struct weir_column *columns, uint32_t column_count, uint32_t row_count,
                   int has_kinds, int has_statistics)
{
    uint64_t bytes = values_at(column_count, row_count, has_kinds, has_statistics);
    for (uint32_t i = 0; i < column_count; i++) {
        bytes += column_bytes(&columns[i], row_count);
    }
    return bytes;
}

// Copies a buffer and pads it with zeros. Returns where the next one begins.
static uint8_t *put_buffer(uint8_t *out, const void *bytes, uint64_t byte_count)
{
    if (byte_count > 0) {
        memcpy(out, bytes, byte_count);
    }
    memset(out + byte_count, 0, padded(byte_count) - byte_count);
    return out + padded(byte_count);
}

static uint8_t *put_offsets(uint8_t *out, const int32_t *offsets, uint32_t row_count)
{
    for (uint32_t i = 0; i <= row_count; i++) {
        int32_t offset = offsets[i] - offsets[0];
        memcpy(out + (uint64_t)i * 4, &offset, 4);
    }
    uint64_t bytes = 4 * ((uint64_t)row_count + 1);
    memset(out + bytes, 0, padded(bytes) - bytes);
    return out + padded(bytes);
}

static void put_column(const struct weir_column *column, uint32_t row_count, uint8_t *out)
{
    if (column->null_count > 0) {
        out = put_buffer(out, column->validity, weir_bit_bytes(row_count));
    }
    if (weir_type_is_text(column->type)) {
        out = put_offsets(out, column->offsets, row_count);
        put_buffer(out, (const uint8_t *)column->values + column->offsets[0],
                   text_bytes(column, row_count));
        return;
    }
    put_buffer(out, column->values, fixed_bytes(column->type, row_count));
}

// Compresses `bytes` in place if that makes them smaller. Returns the bytes it takes then.
static uint32_t compress_column(uint8_t *bytes, uint32_t raw_bytes, uint8_t *scratch,
                                enum table_compression compression, uint16_t *flags)
{
    uint64_t done = 0;
    if (raw_bytes < 64) {
        return raw_bytes;
    }
    if (compression == TABLE_COMPRESSION_LZ4) {
        int count = LZ4_compress_default((const char *)bytes, (char *)scratch, (int)raw_bytes,
                                         (int)raw_bytes - 16);
        done = count > 0 ? (uint64_t)count : 0;
        *flags = RECORD_COLUMN_LZ4;
    } else {
        size_t count = ZSTD_compress(scratch, raw_bytes - 16, bytes, raw_bytes, ZSTD_LEVEL);
        done = ZSTD_isError(count) ? 0 : count;
        *flags = RECORD_COLUMN_ZSTD;
    }
    if (done == 0) {
        *flags = 0;
        return raw_bytes;
    }
    put_buffer(bytes, scratch, done);
    return (uint32_t)done;
}

// --- Statistics ---

#define NO_CLAIM ((struct record_statistics){INT64_MIN, INT64_MAX})

#define RANGE_OF(name, type)                                                          \
    static struct record_statistics name(const type *values, const uint8_t *validity, \
                                         uint32_t row_count)                          \
    {                                                                                 \
        int64_t min = INT64_MAX, max = INT64_MIN;                                     \
        if (validity == NULL) {                                                       \
            type low[4] = {0}, high[4] = {0};                                         \
            for (uint32_t k = 0; k < 4 && row_count > 0; k++) {                       \
                low[k] = high[k] = values[0];                                         \
            }                                                                         \
            uint32_t i = 0;                                                           \
            for (; i + 4 <= row_count; i += 4) {                                      \
                for (uint32_t k = 0; k < 4; k++) {                                    \
                    low[k] = values[i + k] < low[k] ? values[i + k] : low[k];         \
                    high[k] = values[i + k] > high[k] ? values[i + k] : high[k];      \
                }                                                                     \
            }                                                                         \
            for (uint32_t k = 0; k < 4 && row_count > 0; k++) {                       \
                min = low[k] < min ? low[k] : min;                                    \
                max = high[k] > max ? high[k] : max;                                  \
            }                                                                         \
            for (; i < row_count; i++) {                                              \
                min = values[i] < min ? values[i] : min;                              \
                max = values[i] > max ? values[i] : max;                              \
            }                                                                         \
            return (struct record_statistics){min, max};                              \
        }                                                                             \
        for (uint32_t i = 0; i < row_count; i++) {                                    \
            if (weir_bit(validity, i)) {                                              \
                min = values[i] < min ? values[i] : min;                              \
                max = values[i] > max ? values[i] : max;                              \
            }                                                                         \
        }                                                                             \
        return (struct record_statistics){min, max};                                  \
    }
RANGE_OF(range_int8, int8_t)
RANGE_OF(range_int16, int16_t)
RANGE_OF(range_int32, int32_t)
RANGE_OF(range_int64, int64_t)

static struct record_statistics double_bits(double min, double max)
{
    struct record_statistics statistics;
    memcpy(&statistics.min, &min, 8);
    memcpy(&statistics.max, &max, 8);
    return statistics;
}

// NaN is in no range: with one among the values nothing can be said.
static struct record_statistics range_float64(const double *values, const uint8_t *validity,
                                              uint32_t row_count)
{
    double low[4], high[4];
    int is_ordered = 1;
    for (uint32_t k = 0; k < 4; k++) {
        low[k] = __builtin_inf();
        high[k] = -__builtin_inf();
    }
    uint32_t i = 0;
    for (; validity == NULL && i + 4 <= row_count; i += 4) {
        for (uint32_t k = 0; k < 4; k++) {
            double value = values[i + k];
            low[k] = value < low[k] ? value : low[k];
            high[k] = value > high[k] ? value : high[k];
            is_ordered &= value == value;
        }
    }
    for (; i < row_count; i++) {
        if (validity == NULL || weir_bit(validity, i)) {
            low[0] = values[i] < low[0] ? values[i] : low[0];
            high[0] = values[i] > high[0] ? values[i] : high[0];
            is_ordered &= values[i] == values[i];
        }
    }
    for (uint32_t k = 1; k < 4; k++) {
        low[0] = low[k] < low[0] ? low[k] : low[0];
        high[0] = high[k] > high[0] ? high[k] : high[0];
    }
    return is_ordered ? double_bits(low[0], high[0]) : NO_CLAIM;
}

static struct record_statistics range_float32(const float *values, const uint8_t *validity,
                                              uint32_t row_count)
{
    double low = __builtin_inf(), high = -__builtin_inf();
    int is_ordered = 1;
    for (uint32_t i = 0; i < row_count; i++) {
        if (validity == NULL || weir_bit(validity, i)) {
            low = values[i] < low ? values[i] : low;
            high = values[i] > high ? values[i] : high;
            is_ordered &= values[i] == values[i];
        }
    }
    return is_ordered ? double_bits(low, high) : NO_CLAIM;
}

static struct record_statistics column_range(struct weir_type type, const void *values,
                                             const uint8_t *validity, uint32_t row_count)
{
    switch (type.id) {
    case WEIR_TYPE_INT8:
        return range_int8(values, validity, row_count);
    case WEIR_TYPE_INT16:
        return range_int16(values, validity, row_count);
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_DATE:
    case WEIR_TYPE_TIME:
        return range_int32(values, validity, row_count);
    case WEIR_TYPE_FLOAT32:
        return range_float32(values, validity, row_count);
    case WEIR_TYPE_FLOAT64:
        return range_float64(values, validity, row_count);
    case WEIR_TYPE_INT64:
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return weir_type_width(type) == 8 ? range_int64(values, validity, row_count) : NO_CLAIM;
    default:
        return NO_CLAIM;
    }
}

// min > max, in the order of the type: no value at all.
static struct record_statistics empty_range(struct weir_type type)
{
    return type.id == WEIR_TYPE_FLOAT32 || type.id == WEIR_TYPE_FLOAT64
               ? double_bits(__builtin_inf(), -__builtin_inf())
               : (struct record_statistics){INT64_MAX, INT64_MIN};
}

// --- Writing ---

// Writes one column at `at` and says in *entry where it lies.
static void write_column(const struct weir_column *column, uint32_t row_count,
                         enum table_compression compression, uint8_t *at, uint8_t *scratch,
                         struct record_column *entry)
{
    if (is_absent(column, row_count)) {
        entry->flags = RECORD_COLUMN_ABSENT;
        return;
    }
    entry->has_nulls = column->null_count > 0;
    entry->raw_bytes = (uint32_t)column_bytes(column, row_count);
    entry->bytes = entry->raw_bytes;
    put_column(column, row_count, at);
    if (compression != TABLE_COMPRESSION_NONE) {
        entry->bytes = compress_column(at, entry->raw_bytes, scratch, compression, &entry->flags);
    }
}

static void write_range(const struct weir_column *column, uint32_t row_count, uint8_t *out)
{
    struct record_statistics range =
        is_absent(column, row_count)
            ? empty_range(column->type)
            : column_range(column->type, column->values,
                           column->null_count > 0 ? column->validity : NULL, row_count);
    memcpy(out, &range, sizeof range);
}

uint64_t body_encode(const struct weir_column *columns, uint32_t column_count, uint32_t row_count,
                     const uint8_t *kinds, enum table_compression compression, int has_statistics,
                     uint8_t *out, uint8_t *scratch, uint32_t *flags)
{
    uint64_t statistics = statistics_at(column_count, row_count, kinds != NULL);
    uint64_t at = values_at(column_count, row_count, kinds != NULL, has_statistics);
    *flags = (kinds != NULL ? RECORD_HAS_KINDS : 0) | (has_statistics ? RECORD_HAS_STATISTICS : 0);
    if (kinds != NULL) {
        put_buffer(out + kinds_at(column_count), kinds, row_count);
    }
    for (uint32_t i = 0; i < column_count; i++) {
        struct record_column entry = {.offset = (uint32_t)at, .type = columns[i].type.id};
        write_column(&columns[i], row_count, compression, out + at, scratch, &entry);
        memcpy(out + i * sizeof entry, &entry, sizeof entry);
        at += padded(entry.bytes);
        if (has_statistics) {
            write_range(&columns[i], row_count,
                        out + statistics + i * sizeof(struct record_statistics));
        }
    }
    return at;
}

uint64_t body_plan(const struct weir_field *fields, uint32_t column_count, uint32_t row_count,
                   int has_kinds, int has_statistics, uint8_t *out, uint32_t *offsets,
                   uint32_t *kinds_offset)
{
    uint64_t at = values_at(column_count, row_count, has_kinds, has_statistics);
    *kinds_offset = (uint32_t)kinds_at(column_count);
    if (out != NULL && has_kinds) {
        memset(out + *kinds_offset + row_count, 0, padded(row_count) - row_count);
    }
    for (uint32_t i = 0; i < column_count; i++) {
        uint64_t bytes = fixed_bytes(fields[i].type, row_count);
        struct record_column entry = {.offset = (uint32_t)at,
                                      .bytes = (uint32_t)padded(bytes),
                                      .raw_bytes = (uint32_t)padded(bytes),
                                      .type = fields[i].type.id};
        offsets[i] = (uint32_t)at;
        if (out != NULL) {
            memcpy(out + i * sizeof entry, &entry, sizeof entry);
            memset(out + at + bytes, 0, padded(bytes) - bytes);
        }
        at += padded(bytes);
    }
    return at;
}

void body_statistics(const struct weir_field *fields, uint32_t column_count, uint32_t row_count,
                     int has_kinds, uint8_t *body)
{
    uint8_t *out = body + statistics_at(column_count, row_count, has_kinds);
    const struct record_column *entries = (const struct record_column *)body;
    for (uint32_t i = 0; i < column_count; i++) {
        struct record_statistics range =
            row_count == 0
                ? empty_range(fields[i].type)
                : column_range(fields[i].type, body + entries[i].offset, NULL, row_count);
        memcpy(out + i * sizeof range, &range, sizeof range);
    }
}

// --- Reading ---

static int32_t bad_column(struct failure *failure, const struct record_batch *batch,
                          uint32_t column, const char *why)
{
    return failure_set(failure, WEIR_ERROR_DATA, "batch at offset %llu: column %u: %s",
                       (unsigned long long)batch->base_offset, column, why);
}

static const char *entry_fault(const struct record_column *entry, struct weir_type type,
                               uint32_t row_count, uint64_t begin, uint64_t byte_count)
{
    if (entry->type != type.id) {
        return "its type is not that of the schema";
    }
    if (entry->has_nulls > 1 || entry->offset % 8 != 0 || entry->offset < begin ||
        entry->offset > byte_count || entry->bytes > byte_count - entry->offset) {
        return "it does not lie inside the record";
    }
    if (entry->flags == RECORD_COLUMN_ABSENT) {
        return entry->bytes != 0 || entry->raw_bytes != 0 ? "an absent column has bytes" : NULL;
    }
    if (entry->flags != 0 && entry->flags != RECORD_COLUMN_LZ4 &&
        entry->flags != RECORD_COLUMN_ZSTD) {
        return "unknown flags";
    }
    uint64_t need = entry->has_nulls ? padded(weir_bit_bytes(row_count)) : 0;
    if (weir_type_is_text(type)) {
        need += padded(4 * ((uint64_t)row_count + 1));
        if (entry->raw_bytes < need || entry->raw_bytes - need > BODY_BYTES_MAX) {
            return "its bytes do not fit its rows";
        }
    } else if (entry->raw_bytes != need + padded(fixed_bytes(type, row_count))) {
        return "its bytes do not fit its rows";
    }
    return entry->flags == 0 && entry->bytes != entry->raw_bytes ? "a plain column has two lengths"
                                                                 : NULL;
}

static int32_t check_kinds(const struct body_view *view, struct failure *failure)
{
    uint8_t all = 0;
    for (uint32_t i = 0; i < view->batch->row_count; i++) {
        all |= view->kinds[i];
    }
    if (all > WEIR_KIND_DELETE) {
        return failure_set(failure, WEIR_ERROR_DATA, "batch at offset %llu: unknown change kind",
                           (unsigned long long)view->batch->base_offset);
    }
    return WEIR_OK;
}

int32_t body_open(const struct record_batch *batch, const struct weir_field *fields,
                  uint32_t field_count, struct body_view *view, struct failure *failure)
{
    const struct record_header *header = &batch->header;
    int has_kinds = (batch->flags & RECORD_HAS_KINDS) != 0;
    int has_statistics = (batch->flags & RECORD_HAS_STATISTICS) != 0;
    if (header->head_bytes != sizeof *batch || header->record_bytes < header->head_bytes ||
        batch->column_count > field_count || batch->row_count > BODY_ROWS_MAX ||
        (batch->flags & ~(RECORD_HAS_KINDS | RECORD_HAS_STATISTICS)) != 0) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "batch at offset %llu: its head has %u columns and %u rows, the schema "
                           "%u columns",
                           (unsigned long long)batch->base_offset, batch->column_count,
                           batch->row_count, field_count);
    }
    const uint8_t *body = (const uint8_t *)batch + sizeof *batch;
    uint64_t byte_count = header->record_bytes - sizeof *batch;
    uint64_t begin = values_at(batch->column_count, batch->row_count, has_kinds, has_statistics);
    if (begin > byte_count) {
        return failure_set(failure, WEIR_ERROR_DATA, "batch at offset %llu: its body is cut short",
                           (unsigned long long)batch->base_offset);
    }
    *view = (struct body_view){
        .batch = batch,
        .body = body,
        .byte_count = byte_count,
        .entries = (const struct record_column *)body,
        .kinds = has_kinds ? body + kinds_at(batch->column_count) : NULL,
        .statistics = has_statistics
                          ? (const void *)(body + statistics_at(batch->column_count,
                                                                batch->row_count, has_kinds))
                          : NULL,
        .column_count = batch->column_count,
    };
    for (uint32_t i = 0; i < batch->column_count; i++) {
        const char *fault =
            entry_fault(&view->entries[i], fields[i].type, batch->row_count, begin, byte_count);
        if (fault != NULL) {
            return bad_column(failure, batch, i, fault);
        }
    }
    return has_kinds ? check_kinds(view, failure) : WEIR_OK;
}

uint64_t body_column_scratch(const struct body_view *view, uint32_t column)
{
    if (column >= view->column_count ||
        (view->entries[column].flags & (RECORD_COLUMN_LZ4 | RECORD_COLUMN_ZSTD)) == 0) {
        return 0;
    }
    return view->entries[column].raw_bytes;
}

static const char *offsets_fault(const int32_t *offsets, uint32_t row_count, uint64_t text_bytes)
{
    int is_descending = offsets[0] != 0;
    for (uint32_t i = 0; i < row_count; i++) {
        is_descending |= offsets[i + 1] < offsets[i];
    }
    return is_descending || (uint64_t)offsets[row_count] > text_bytes
               ? "its text does not lie inside it"
               : NULL;
}

static uint32_t null_count(const uint8_t *validity, uint32_t row_count)
{
    uint32_t set = 0, i = 0;
    for (; i + 8 <= row_count; i += 8) {
        set += (uint32_t)__builtin_popcount(validity[i / 8]);
    }
    for (; i < row_count; i++) {
        set += (uint32_t)weir_bit(validity, i);
    }
    return row_count - set;
}

static const char *decompress(const struct record_column *entry, const uint8_t *bytes,
                              uint8_t *scratch)
{
    if (entry->flags == RECORD_COLUMN_LZ4) {
        int count = LZ4_decompress_safe((const char *)bytes, (char *)scratch, (int)entry->bytes,
                                        (int)entry->raw_bytes);
        return count >= 0 && (uint32_t)count == entry->raw_bytes ? NULL
                                                                 : "its LZ4 data is not valid";
    }
    size_t count = ZSTD_decompress(scratch, entry->raw_bytes, bytes, entry->bytes);
    return !ZSTD_isError(count) && count == entry->raw_bytes ? NULL : "its zstd data is not valid";
}

// Views of the buffers at `bytes`, of which raw_bytes are there and were found enough.
static const char *open_buffers(const struct record_column *entry, const uint8_t *bytes,
                                uint32_t row_count, struct weir_column *out)
{
    const uint8_t *end = bytes + entry->raw_bytes;
    if (entry->has_nulls) {
        out->null_count = null_count(bytes, row_count);
        out->validity = out->null_count > 0 ? bytes : NULL;
        bytes += padded(weir_bit_bytes(row_count));
    }
    if (weir_type_is_text(out->type)) {
        out->offsets = (const int32_t *)bytes;
        bytes += padded(4 * ((uint64_t)row_count + 1));
        out->values = bytes;
        return offsets_fault(out->offsets, row_count, (uint64_t)(end - bytes));
    }
    out->values = bytes;
    return NULL;
}

int32_t body_column(const struct body_view *view, uint32_t column, struct weir_type type,
                    uint8_t *scratch, struct weir_column *out, struct failure *failure)
{
    *out = (struct weir_column){.type = type};
    if (column >= view->column_count || view->entries[column].flags == RECORD_COLUMN_ABSENT) {
        out->encoding = WEIR_ENCODING_ABSENT;
        out->null_count = view->batch->row_count;
        return WEIR_OK;
    }
    const struct record_column *entry = &view->entries[column];
    const uint8_t *bytes = view->body + entry->offset;
    const char *fault = NULL;
    if (entry->flags != 0) {
        fault = decompress(entry, bytes, scratch);
        bytes = scratch;
    }
    if (fault == NULL) {
        fault = open_buffers(entry, bytes, view->batch->row_count, out);
    }
    return fault == NULL ? WEIR_OK : bad_column(failure, view->batch, column, fault);
}
