// Keys of a state table: what shape they have, how the key of a row becomes bits or bytes that are
// equal exactly if the keys are, and how those become columns again.
//
// A key of one column of up to 32 bits is narrow, of up to 64 bits wide; it is held as its bits,
// floats normalised, and null apart. Every other key is held as bytes: a bitmap of its nulls, then
// the value of each column that is not null, in its width, strings after their length (uint32_t).
#ifndef STATE_KEYS_H
#define STATE_KEYS_H

#include "weir/batch.h"

#define KEYS_NONE 0u // no columns: all rows of a space have one key
#define KEYS_NARROW 1u
#define KEYS_WIDE 2u
#define KEYS_BYTES 3u

struct keys {
    uint32_t shape; // KEYS_*
    uint32_t column_count;
    uint32_t *columns;       // in the batches that bring the keys
    struct weir_type *types; //
};

// -ENOMEM, or -EINVAL if a column is not in the schema.
int keys_init(struct keys *keys, const struct weir_schema *schema, const uint32_t *columns,
              uint32_t column_count);
void keys_finish(struct keys *keys);

// The bits of rows first to first + count - 1 of a narrow or wide key; rows that are null have any.
// May return the column's own values instead of filling out.
const uint32_t *keys_narrow(const struct keys *keys, const struct weir_batch *batch, uint32_t first,
                            uint32_t count, uint32_t *out);
const uint64_t *keys_wide(const struct keys *keys, const struct weir_batch *batch, uint32_t first,
                          uint32_t count, uint64_t *out);

// The most bytes that keys_encode writes for a row.
uint64_t keys_bytes_max(const struct keys *keys, const struct weir_batch *batch, uint32_t row);
// Writes the bytes of a row's key (any shape); returns how many.
uint32_t keys_encode(const struct keys *keys, const struct weir_batch *batch, uint32_t row,
                     uint8_t *out);
// The same from the bits of a narrow or wide key, and back.
uint32_t keys_encode_bits(const struct keys *keys, int is_null, uint64_t bits, uint8_t *out);
uint64_t keys_decode_bits(const struct keys *keys, const uint8_t *bytes, int *is_null);
// Whether byte_count bytes are a key of this shape, to the last byte.
int keys_are_valid(const struct keys *keys, const uint8_t *bytes, uint64_t byte_count);

uint32_t keys_hash(const uint8_t *bytes, uint32_t byte_count);

// Writes keys into the columns first_column, ... of a builder. 0, -ENOMEM or -EMSGSIZE.
struct batch_builder;
int keys_write_bits(const struct keys *keys, const uint64_t *bits, const uint8_t *nulls,
                    uint32_t count, struct batch_builder *builder, uint32_t first_column);
int keys_write_bytes(const struct keys *keys, const uint8_t *const *bytes, uint32_t count,
                     struct batch_builder *builder, uint32_t first_column);

#endif
