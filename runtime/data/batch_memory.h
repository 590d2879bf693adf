// The inside of a batch, for the files of this module alone.
#ifndef DATA_BATCH_MEMORY_H
#define DATA_BATCH_MEMORY_H

#include <stdatomic.h>

#include "data/batch.h"

struct batch_buffer {
    void *at;
    size_t byte_count; // as asked for
};

struct batch {
    struct weir_batch view;
    _Atomic uint32_t reference_count;
    uint32_t buffer_count;
    uint32_t parent_count;
    uint32_t block_bytes;         // of this struct with its arrays
    void (*release)(void *owner); // of memory that others own; NULL: none
    void *owner;
    struct weir_schema *schema;       // malloc'd, freed with the batch; NULL: the job's
    const struct batch *schema_owner; // the batch that the schema goes with; NULL: the job's
    const struct batch *kinds_owner;  // the batch whose memory holds the kinds
    struct weir_column *columns;
    const struct batch **owners;  // per column, the batch whose memory holds it
    const struct batch **parents; // each counted once
    struct batch_buffer *buffers; // own memory
};

static inline const struct batch *batch_of(const struct weir_batch *view)
{
    return (const struct batch *)view;
}

static inline uint64_t batch_pad8(uint64_t byte_count)
{
    return (byte_count + 7) & ~(uint64_t)7;
}

// An empty batch of a schema with one reference, all columns absent; NULL when there is no memory.
struct batch *batch_create(const struct weir_schema *schema);

// A buffer that the batch frees; NULL when there is no memory. At least 8 bytes more may be used.
void *batch_allocate(struct batch *batch, uint64_t byte_count);

// Keeps the batch whose memory is used alive as long as this one.
void batch_add_parent(struct batch *batch, const struct batch *parent);

// The column becomes column `from` of another batch, without a copy.
void batch_share_column(struct batch *batch, uint32_t column, const struct batch *other,
                        uint32_t from);

// Takes bucket, times and the owner of the schema from a batch that this one is made of.
void batch_take_head(struct batch *batch, const struct batch *other);

// Bytes of a column's values, and of all of it.
uint64_t batch_value_bytes(const struct weir_column *column, uint32_t row_count);
uint64_t batch_column_bytes(const struct weir_column *column, uint32_t row_count);

#endif
