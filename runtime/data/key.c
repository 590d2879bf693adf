#include "data/key.h"

#include <errno.h>

#include "base/dispatch.h"
#include "weir/key.h"

// Rows are taken a block at a time: hashes first, then buckets, both while in the nearest cache.
#define BLOCK_ROWS 1024u

#define INLINE static inline __attribute__((always_inline))

// Makes NAME_any of the inline function NAME: compiled for each width of vectors, chosen at run
// time. The loops inside have no branches, so that the compiler turns them into vectors.
#if defined(__x86_64__)
#define DISPATCH(name, parameters, arguments)                   \
    DISPATCH_TARGET_AVX512 static void name##_avx512 parameters \
    {                                                           \
        name arguments;                                         \
    }                                                           \
    DISPATCH_TARGET_AVX2 static void name##_avx2 parameters     \
    {                                                           \
        name arguments;                                         \
    }                                                           \
    static void name##_any parameters                           \
    {                                                           \
        if (dispatch_has_avx512()) {                            \
            name##_avx512 arguments;                            \
        } else if (dispatch_has_avx2()) {                       \
            name##_avx2 arguments;                              \
        } else {                                                \
            name arguments;                                     \
        }                                                       \
    }
#else
#define DISPATCH(name, parameters, arguments) \
    static void name##_any parameters         \
    {                                         \
        name arguments;                       \
    }
#endif

// Conditions are masks, all ones or all zeros, as vectors have them.
INLINE uint32_t is_zero(uint32_t value)
{
    return value == 0 ? 0xffffffffu : 0;
}

INLINE uint32_t choose(uint32_t mask, uint32_t yes, uint32_t no)
{
    return (mask & yes) | (~mask & no);
}

// A byte of a varint as Fluss's tail takes it: sign extended, the top bit set unless it is the
// last.
INLINE uint32_t tail_byte(uint32_t group, uint32_t is_last)
{
    return group | (~is_last & 0xffffff80u);
}

// Four bytes of a varint as a word; all but the fourth have another after them.
INLINE uint32_t word_of(uint32_t b0, uint32_t b1, uint32_t b2, uint32_t b3, uint32_t is_last)
{
    return (b0 | b1 << 8 | b2 << 16 | b3 << 24 | 0x00808080u) | (~is_last & 0x80000000u);
}

// weir_key_hash of the varint of a value below 2^21: 1 to 3 bytes, each a round.
INLINE uint32_t hash_21(int32_t value)
{
    uint32_t z1 = value < 128 ? 0xffffffffu : 0, z2 = value < 16384 ? 0xffffffffu : 0;
    uint32_t bits = (uint32_t)value;
    uint32_t hash = weir_key_round(42, tail_byte(bits & 127, z1));
    hash = choose(z1, hash, weir_key_round(hash, tail_byte(bits >> 7 & 127, z2)));
    hash = choose(z2, hash, weir_key_round(hash, bits >> 14));
    return weir_key_finish(hash, 3 + z1 + z2);
}

// The same for 32 bits: 1 to 5 bytes, at most three rounds. z_k: no byte k.
INLINE uint32_t hash_32(uint32_t value)
{
    uint32_t r1 = value >> 7, r2 = value >> 14, r3 = value >> 21, r4 = value >> 28;
    uint32_t z1 = is_zero(r1), z2 = is_zero(r2), z3 = is_zero(r3), z4 = is_zero(r4);
    uint32_t b0 = value & 127, b1 = r1 & 127, b2 = r2 & 127, b3 = r3 & 127;
    uint32_t first = choose(z3, tail_byte(b0, z1), word_of(b0, b1, b2, b3, z4));
    uint32_t second = choose(z3, tail_byte(b1, z2), r4);
    uint32_t hash = weir_key_round(42, first);
    hash = choose(choose(z3, z1, z4), hash, weir_key_round(hash, second));
    hash = choose(z2 | ~z3, hash, weir_key_round(hash, b2));
    return weir_key_finish(hash, 5 + z1 + z2 + z3 + z4);
}

// The same for 64 bits, in halves: 1 to 10 bytes. Up to 3 bytes: each a round. 4 to 7: a word, then
// up to 3 bytes. 8 to 10: two words, then up to 2 bytes.
INLINE uint32_t hash_64(uint32_t low, uint32_t high)
{
    uint32_t r1 = low >> 7 | high, r2 = low >> 14 | high, r3 = low >> 21 | high,
             r4 = low >> 28 | high, r5 = high >> 3, r6 = high >> 10, r7 = high >> 17,
             r8 = high >> 24, r9 = high >> 31;
    uint32_t z1 = is_zero(r1), z2 = is_zero(r2), z3 = is_zero(r3), z4 = is_zero(r4),
             z5 = is_zero(r5), z6 = is_zero(r6), z7 = is_zero(r7), z8 = is_zero(r8),
             z9 = is_zero(r9);
    uint32_t b0 = low & 127, b1 = low >> 7 & 127, b2 = low >> 14 & 127, b3 = low >> 21 & 127,
             b4 = (low >> 28 | high << 4) & 127, b5 = r5 & 127, b6 = r6 & 127, b7 = r7 & 127,
             b8 = r8 & 127;
    uint32_t first = choose(z3, tail_byte(b0, z1), word_of(b0, b1, b2, b3, z4));
    uint32_t second = choose(z3, tail_byte(b1, z2), tail_byte(b4, z5));
    uint32_t third = choose(z3, b2, tail_byte(b5, z6));
    uint32_t hash = weir_key_round(42, first);
    second = choose(z7, second, word_of(b4, b5, b6, b7, z8));
    hash = choose(choose(z3, z1, z4), hash, weir_key_round(hash, second));
    third = choose(z7, third, tail_byte(b8, z9));
    hash = choose(choose(z7, choose(z3, z2, z5), z8), hash, weir_key_round(hash, third));
    uint32_t fourth = choose(z7, b6, r9);
    hash = choose(choose(z7, z6, z9), hash, weir_key_round(hash, fourth));
    return weir_key_finish(hash, 10 + z1 + z2 + z3 + z4 + z5 + z6 + z7 + z8 + z9);
}

// Small values take fewer steps: one look at the block tells.
INLINE void hash_int32(const uint32_t *values, uint32_t row_count, uint32_t *hashes)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        all |= values[i];
    }
    if (all >> 21 == 0) {
        for (uint32_t i = 0; i < row_count; i++) {
            hashes[i] = hash_21((int32_t)values[i]);
        }
        return;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        hashes[i] = hash_32(values[i]);
    }
}
DISPATCH(hash_int32, (const uint32_t *values, uint32_t row_count, uint32_t *hashes),
         (values, row_count, hashes))

INLINE void hash_int64(const uint64_t *values, uint32_t row_count, uint32_t *hashes)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        all |= values[i];
    }
    if (all >> 21 == 0) {
        for (uint32_t i = 0; i < row_count; i++) {
            hashes[i] = hash_21((int32_t)values[i]);
        }
        return;
    }
    if (all >> 32 == 0) {
        for (uint32_t i = 0; i < row_count; i++) {
            hashes[i] = hash_32((uint32_t)values[i]);
        }
        return;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        hashes[i] = hash_64((uint32_t)values[i], (uint32_t)(values[i] >> 32));
    }
}
DISPATCH(hash_int64, (const uint64_t *values, uint32_t row_count, uint32_t *hashes),
         (values, row_count, hashes))

// The positive hash of which a bucket is the remainder.
INLINE uint32_t positive_of(uint32_t key_hash)
{
    int32_t hash = (int32_t)weir_key_finish(weir_key_round(0, key_hash), 4);
    uint32_t magnitude = hash < 0 ? 0u - (uint32_t)hash : (uint32_t)hash;
    return magnitude & 0x7fffffffu;
}

// The remainder by way of double is off by one group at most, and put right.
INLINE void buckets_of(uint32_t *hashes, uint32_t row_count, uint32_t group_count)
{
    int32_t divisor = (int32_t)group_count;
    double inverse = 1.0 / divisor;
    uint32_t mask = group_count - 1;
    if ((group_count & mask) == 0) {
        for (uint32_t i = 0; i < row_count; i++) {
            hashes[i] = positive_of(hashes[i]) & mask;
        }
        return;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        int32_t hash = (int32_t)positive_of(hashes[i]);
        int32_t rest = hash - (int32_t)(hash * inverse) * divisor;
        rest = rest < 0 ? rest + divisor : rest;
        hashes[i] = (uint32_t)(rest >= divisor ? rest - divisor : rest);
    }
}
DISPATCH(buckets_of, (uint32_t * hashes, uint32_t row_count, uint32_t group_count),
         (hashes, row_count, group_count))

// A hash that takes its bytes in pieces. byte_count % 4 of them wait in held, first byte lowest.
struct stream {
    uint64_t held;
    uint32_t hash;
    uint32_t byte_count;
};

// At most 5 bytes, first byte lowest, the rest zero.
static inline void push_few(struct stream *stream, uint64_t bytes, uint32_t byte_count)
{
    uint32_t held = stream->byte_count % 4;
    stream->held |= bytes << 8 * held;
    stream->byte_count += byte_count;
    for (held += byte_count; held >= 4; held -= 4) {
        stream->hash = weir_key_round(stream->hash, (uint32_t)stream->held);
        stream->held >>= 32;
    }
}

// The varint of a value, 5 bytes of it at a time: 7 bits go to each byte.
static inline void push_varint(struct stream *stream, uint64_t value)
{
    const uint64_t more = UINT64_C(0x8080808080);
    uint64_t bytes = (value & 0x7f) | (value << 1 & 0x7f00) | (value << 2 & 0x7f0000) |
                     (value << 3 & 0x7f000000) | (value << 4 & UINT64_C(0x7f00000000));
    if (value >> 35 != 0) {
        push_few(stream, bytes | more, 5);
        push_varint(stream, value >> 35);
        return;
    }
    uint32_t byte_count = (63 - (uint32_t)__builtin_clzll(value | 1)) / 7 + 1;
    uint64_t all_but_last = (UINT64_C(1) << 8 * (byte_count - 1)) - 1;
    push_few(stream, bytes | (more & all_but_last), byte_count);
}

static inline void push_bytes(struct stream *stream, const uint8_t *bytes, uint32_t byte_count)
{
    uint32_t word;
    for (; byte_count >= 4; bytes += 4, byte_count -= 4) {
        memcpy(&word, bytes, 4);
        push_few(stream, word, 4);
    }
    for (; byte_count != 0; bytes++, byte_count--) {
        push_few(stream, *bytes, 1);
    }
}

static inline uint32_t stream_finish(const struct stream *stream)
{
    uint32_t hash = stream->hash;
    uint64_t held = stream->held;
    for (uint32_t i = 0; i < stream->byte_count % 4; i++, held >>= 8) {
        hash = weir_key_round(hash, (uint32_t)(int32_t)(int8_t)held);
    }
    return weir_key_finish(hash, stream->byte_count);
}

static inline void push_value(struct stream *stream, const struct weir_column *column, uint32_t row)
{
    uint8_t bytes[WEIR_KEY_FIXED_BYTES_MAX];
    if (weir_is_null(column, row)) {
        return;
    }
    switch (column->type.id) {
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_DATE:
    case WEIR_TYPE_TIME:
        push_varint(stream, ((const uint32_t *)column->values)[row]);
        return;
    case WEIR_TYPE_INT64:
        push_varint(stream, ((const uint64_t *)column->values)[row]);
        return;
    case WEIR_TYPE_FLOAT32: {
        float value = (float)weir_key_normalise(((const float *)column->values)[row]);
        push_bytes(stream, (const uint8_t *)&value, sizeof value);
        return;
    }
    case WEIR_TYPE_FLOAT64: {
        double value = weir_key_normalise(((const double *)column->values)[row]);
        push_bytes(stream, (const uint8_t *)&value, sizeof value);
        return;
    }
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES: {
        uint32_t length;
        const char *text = weir_text(column, row, &length);
        push_varint(stream, length);
        push_bytes(stream, (const uint8_t *)text, length);
        return;
    }
    default:
        push_bytes(stream, bytes, weir_key_encode(column, row, bytes));
    }
}

// The hash of one text with its length before it, which is one byte for most.
static inline uint32_t hash_text(const struct weir_column *column, uint32_t row)
{
    uint32_t length, word;
    const uint8_t *text = (const uint8_t *)weir_text(column, row, &length);
    if (length < 3 || length > 127) {
        struct stream stream = {.hash = 42};
        push_value(&stream, column, row);
        return stream_finish(&stream);
    }
    word = length | (uint32_t)text[0] << 8 | (uint32_t)text[1] << 16 | (uint32_t)text[2] << 24;
    uint32_t hash = weir_key_round(42, word), i = 3;
    for (; i + 4 <= length; i += 4) {
        memcpy(&word, text + i, 4);
        hash = weir_key_round(hash, word);
    }
    for (; i < length; i++) {
        hash = weir_key_round(hash, (uint32_t)(int32_t)(int8_t)text[i]);
    }
    return weir_key_finish(hash, length + 1);
}

static void hash_rows(const struct weir_batch *batch, const uint32_t *columns,
                      uint32_t column_count, uint32_t first, uint32_t row_count, uint32_t *hashes)
{
    for (uint32_t i = 0; i < row_count; i++) {
        struct stream stream = {.hash = 42};
        for (uint32_t k = 0; k < column_count; k++) {
            push_value(&stream, &batch->columns[columns[k]], first + i);
        }
        hashes[i] = stream_finish(&stream);
    }
}

// Where a column is null its key has no bytes.
static void hash_nulls(const struct weir_column *column, uint32_t first, uint32_t row_count,
                       uint32_t *hashes)
{
    for (uint32_t i = 0; i < row_count; i++) {
        hashes[i] = weir_is_null(column, first + i) ? weir_key_finish(42, 0) : hashes[i];
    }
}

static int is_varint_64(struct weir_type type)
{
    return type.id == WEIR_TYPE_INT64 ||
           ((type.id == WEIR_TYPE_TIMESTAMP || type.id == WEIR_TYPE_TIMESTAMP_LTZ) &&
            type.precision <= 3);
}

static void hash_column(const struct weir_batch *batch, const uint32_t *columns, uint32_t first,
                        uint32_t row_count, uint32_t *hashes)
{
    const struct weir_column *column = &batch->columns[columns[0]];
    if (column->type.id == WEIR_TYPE_INT32 || column->type.id == WEIR_TYPE_DATE ||
        column->type.id == WEIR_TYPE_TIME) {
        hash_int32_any((const uint32_t *)column->values + first, row_count, hashes);
    } else if (is_varint_64(column->type)) {
        hash_int64_any((const uint64_t *)column->values + first, row_count, hashes);
    } else if (weir_type_is_text(column->type)) {
        for (uint32_t i = 0; i < row_count; i++) {
            hashes[i] = hash_text(column, first + i);
        }
    } else {
        hash_rows(batch, columns, 1, first, row_count, hashes);
    }
    if (column->validity != NULL) {
        hash_nulls(column, first, row_count, hashes);
    }
}

int key_groups(const struct weir_batch *batch, const uint32_t *columns, uint32_t column_count,
               uint32_t group_count, uint32_t *groups)
{
    if (group_count == 0 || group_count > INT32_MAX) {
        return -EINVAL;
    }
    for (uint32_t k = 0; k < column_count; k++) {
        if (batch->columns[columns[k]].encoding != WEIR_ENCODING_PLAIN) {
            return -EINVAL;
        }
    }
    for (uint32_t first = 0; first < batch->row_count; first += BLOCK_ROWS) {
        uint32_t rest = batch->row_count - first, row_count = rest < BLOCK_ROWS ? rest : BLOCK_ROWS;
        if (column_count == 1) {
            hash_column(batch, columns, first, row_count, groups + first);
        } else {
            hash_rows(batch, columns, column_count, first, row_count, groups + first);
        }
        buckets_of_any(groups + first, row_count, group_count);
    }
    return 0;
}
