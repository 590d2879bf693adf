// The wire form of a batch, valid msgpack that any msgpack library reads: ["weir1", header map, pad
// bin, body bin]. docs/formats/wire.md has it byte by byte. The decoder trusts nothing and reads
// columns in place.
#ifndef DATA_WIRE_H
#define DATA_WIRE_H

#include "base/error.h"
#include "weir/batch.h"

// Bytes that wire_encode will write for a batch (schema included if with_schema).
uint64_t wire_bytes(const struct weir_batch *batch, int with_schema);

// Writes the message into out, which has room for wire_bytes(); returns the bytes written. Absent
// columns are not sent. The body begins 64-byte aligned if out is.
uint64_t wire_encode(const struct weir_batch *batch, int with_schema, uint8_t *out);

// Reads a message of byte_count bytes. The batch reads columns in place from `message` where they
// are 8-byte aligned and copies them otherwise; release(owner) is called once when the batch is
// gone (also on failure; NULL is fine). schema is the one agreed before, or NULL: then the message
// must bring its own. -EBADMSG with the place in the message and the cause.
int wire_decode(const uint8_t *message, uint64_t byte_count, const struct weir_schema *schema,
                void (*release)(void *owner), void *owner, const struct weir_batch **out,
                struct error *error);

#endif
