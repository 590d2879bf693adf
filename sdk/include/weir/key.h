// Keys: how the key of a row becomes bytes, and bytes become a bucket or key group. Encoding and
// bucket function are those of Apache Fluss (compacted key encoding and its murmur bucketing,
// 0.9.1), so data can move between the two; tests/sdk/key.c holds them against 441 vectors taken
// from a Fluss client.
//
// The key bytes are the key columns one after the other, without header, null bits or padding. A
// null column adds no bytes. To make key groups, -0.0 must become 0.0 and every NaN one NaN before
// (weir_key_normalise); buckets of tables take floats as they are.
#ifndef WEIR_KEY_H
#define WEIR_KEY_H

#include "weir/batch.h"

#define WEIR_KEY_GROUPS 128u // unless the source of a keyed edge has another number of buckets

#define WEIR_KEY_FIXED_BYTES_MAX 18u // the most that a value without length takes

// The base-128 varint of 64 bits, low 7 bits first, no zigzag. Returns its length, 1 to 10.
static inline uint32_t weir_key_varint(uint64_t value, uint8_t *out)
{
    uint32_t n = 0;
    while (value > 127) {
        out[n++] = (uint8_t)(value | 128);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    return n;
}

// -0.0 becomes 0.0 and every NaN the same NaN.
static inline double weir_key_normalise(double value)
{
    return value == 0 ? 0.0 : value != value ? __builtin_nan("") : value;
}

// Appends the key bytes of row `row` of a column to out, which must have room for
// weir_key_bytes_max of it. Returns the number of bytes. Values are taken as they are; null gives
// none.
static inline uint32_t weir_key_encode(const struct weir_column *column, uint32_t row, uint8_t *out)
{
    const uint8_t *values = (const uint8_t *)column->values;
    uint32_t width = weir_type_width(column->type), n = 0, length;
    int64_t wide;
    int32_t narrow;
    if (weir_is_null(column, row)) {
        return 0;
    }
    switch (column->type.id) {
    case WEIR_TYPE_BOOL:
        out[0] = (uint8_t)weir_bit(values, row);
        return 1;
    case WEIR_TYPE_INT8:
    case WEIR_TYPE_INT16:
    case WEIR_TYPE_FLOAT32:
    case WEIR_TYPE_FLOAT64:
        memcpy(out, values + (size_t)row * width, width);
        return width;
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_DATE:
    case WEIR_TYPE_TIME:
        memcpy(&narrow, values + (size_t)row * 4, 4);
        return weir_key_varint((uint32_t)narrow, out);
    case WEIR_TYPE_INT64:
        memcpy(&wide, values + (size_t)row * 8, 8);
        return weir_key_varint((uint64_t)wide, out);
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES: {
        const char *text = weir_text(column, row, &length);
        n = weir_key_varint(length, out);
        memcpy(out + n, text, length);
        return n + length;
    }
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        memcpy(&wide, values + (size_t)row * width, 8);
        if (column->type.precision <= 3) {
            return weir_key_varint((uint64_t)wide, out);
        }
        if (column->type.precision <= 6) {
            int64_t ms = wide / 1000 - (wide % 1000 < 0);
            narrow = (int32_t)(wide - ms * 1000) * 1000;
            wide = ms;
        } else {
            memcpy(&narrow, values + (size_t)row * width + 8, 4);
        }
        n = weir_key_varint((uint64_t)wide, out);
        return n + weir_key_varint((uint32_t)narrow, out + n);
    case WEIR_TYPE_DECIMAL:
        if (column->type.precision <= 18) {
            memcpy(&wide, values + (size_t)row * 16, 8);
            return weir_key_varint((uint64_t)wide, out);
        }
        length = 16;
        while (length > 1) { // the shortest big-endian two's complement
            uint8_t top = values[(size_t)row * 16 + length - 1],
                    next = values[(size_t)row * 16 + length - 2];
            if (!((top == 0 && next < 128) || (top == 255 && next >= 128))) {
                break;
            }
            length--;
        }
        n = weir_key_varint(length, out);
        for (uint32_t i = 0; i < length; i++) {
            out[n + i] = values[(size_t)row * 16 + length - 1 - i];
        }
        return n + length;
    default:
        return 0;
    }
}

// The most bytes that weir_key_encode writes for a row.
static inline uint32_t weir_key_bytes_max(const struct weir_column *column, uint32_t row)
{
    return column->offsets == NULL
               ? WEIR_KEY_FIXED_BYTES_MAX
               : 5u + (uint32_t)(column->offsets[row + 1] - column->offsets[row]);
}

static inline uint32_t weir_key_round(uint32_t hash, uint32_t word)
{
    word *= 0xcc9e2d51u;
    word = word << 15 | word >> 17;
    hash ^= word * 0x1b873593u;
    hash = hash << 13 | hash >> 19;
    return hash * 5 + 0xe6546b64u;
}

static inline uint32_t weir_key_finish(uint32_t hash, uint32_t byte_count)
{
    hash ^= byte_count;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
    return hash ^ hash >> 16;
}

// Murmur3 (x86, 32 bits, seed 42) with Fluss's tail: each byte left over is sign extended to a word
// of its own.
static inline uint32_t weir_key_hash(const void *bytes, uint32_t byte_count)
{
    const uint8_t *at = (const uint8_t *)bytes;
    uint32_t hash = 42, i = 0, word;
    for (; i + 4 <= byte_count; i += 4) {
        memcpy(&word, at + i, 4);
        hash = weir_key_round(hash, word);
    }
    for (; i < byte_count; i++) {
        hash = weir_key_round(hash, (uint32_t)(int32_t)(int8_t)at[i]);
    }
    return weir_key_finish(hash, byte_count);
}

// The bucket, or key group, of a key hash: 0 to bucket_count - 1.
static inline uint32_t weir_key_bucket(uint32_t key_hash, uint32_t bucket_count)
{
    uint32_t hash = weir_key_finish(weir_key_round(0, key_hash), 4);
    uint32_t positive = hash >> 31 ? 0u - hash : hash;
    return (positive >> 31 ? 0u : positive) % bucket_count;
}

#endif
