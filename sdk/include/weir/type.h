// Column types. Numbers are part of the ABI and of every file format: never reused, never changed.
#ifndef WEIR_TYPE_H
#define WEIR_TYPE_H

#include <stdint.h>

#define WEIR_TYPE_BOOL 1u    // one bit a row, LSB first
#define WEIR_TYPE_INT8 2u    //
#define WEIR_TYPE_INT16 3u   //
#define WEIR_TYPE_INT32 4u   //
#define WEIR_TYPE_INT64 5u   //
#define WEIR_TYPE_FLOAT32 6u //
#define WEIR_TYPE_FLOAT64 7u //
#define WEIR_TYPE_STRING \
    8u                     // UTF-8; int32 offsets + bytes; `length` is the most characters, 0 = any
#define WEIR_TYPE_BYTES 9u // int32 offsets + bytes; `length` is the most bytes, 0 = any
#define WEIR_TYPE_DATE 10u // int32, days since 1970-01-01
#define WEIR_TYPE_TIME 11u // int32, milliseconds of the day
#define WEIR_TYPE_TIMESTAMP \
    12u // local time; `precision` 0..3: int64 ms, 4..6: int64 us, 7..9: struct weir_timestamp
#define WEIR_TYPE_TIMESTAMP_LTZ 13u // an instant (UTC); stored like WEIR_TYPE_TIMESTAMP
#define WEIR_TYPE_DECIMAL 14u // 128-bit two's complement, little endian; `precision` 1..38, `scale`
// 32 to 63 are reserved for nested types, which this version refuses.

// Frozen: stands in arrays.
struct weir_type {
    uint8_t id;        // WEIR_TYPE_*
    uint8_t precision; // timestamps, time and decimals
    uint8_t scale;     // decimals
    uint8_t nullable;  // 1 if the column may hold nulls
    uint32_t length;   // strings and bytes; 0 = any
};

// A timestamp of precision 7 to 9. Frozen: stands in arrays.
struct weir_timestamp {
    int64_t ms;          // since 1970-01-01, floor
    int32_t nanoseconds; // within the millisecond, 0..999999
    int32_t zero;        // always 0
};

// Bytes of one value of a fixed-width type; 0 for bool (bits) and for string and bytes (offsets).
static inline uint32_t weir_type_width(struct weir_type type)
{
    switch (type.id) {
    case WEIR_TYPE_INT8:
        return 1;
    case WEIR_TYPE_INT16:
        return 2;
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_FLOAT32:
    case WEIR_TYPE_DATE:
    case WEIR_TYPE_TIME:
        return 4;
    case WEIR_TYPE_INT64:
    case WEIR_TYPE_FLOAT64:
        return 8;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return type.precision > 6 ? 16 : 8;
    case WEIR_TYPE_DECIMAL:
        return 16;
    default:
        return 0;
    }
}

static inline int32_t weir_type_is_text(struct weir_type type)
{
    return type.id == WEIR_TYPE_STRING || type.id == WEIR_TYPE_BYTES;
}

// Short for a type without arguments, nullable: weir_type_of(WEIR_TYPE_INT64).
static inline struct weir_type weir_type_of(uint8_t id)
{
    struct weir_type type = {0, 0, 0, 1, 0};
    type.id = id;
    type.precision = id == WEIR_TYPE_TIMESTAMP || id == WEIR_TYPE_TIMESTAMP_LTZ ? 3 : 0;
    return type;
}

#endif
