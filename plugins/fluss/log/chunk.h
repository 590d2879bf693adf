// Chunks: counted memory that holds a run of the stream, and the pool that keeps a few for reuse.
#ifndef FLUSS_LOG_CHUNK_H
#define FLUSS_LOG_CHUNK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/memory.h"
#include "log/stream.h"

#define CHUNKS_KEPT 16u

struct chunk_pool {
    const struct store_memory *memory;
    uint64_t chunk_bytes;
    atomic_uint refs; // of the stream, and of every chunk in use
    pthread_mutex_t lock;
    struct chunk *kept;
    uint32_t kept_count;
};

struct chunk {
    struct chunk_pool *pool;
    atomic_uint refs;
    uint8_t *bytes;    // DISK_BLOCK-aligned
    uint64_t capacity; // a multiple of DISK_BLOCK
    uint64_t begin;    // stream position of bytes[0], a multiple of DISK_BLOCK
    uint64_t first;    // stream position of the first record
    uint64_t end;      // behind the last one. In the tail: under the stream's lock
    struct chunk *next;
    void *block; // what was allocated
    uint64_t block_bytes;
};

// Chunks have chunk_bytes (a multiple of DISK_BLOCK), or more where a record needs it. The memory
// must outlive the last chunk. NULL: no memory.
struct chunk_pool *chunk_pool_create(const struct store_memory *memory, uint64_t chunk_bytes);
void chunk_pool_unref(struct chunk_pool *pool);
// A chunk of at least `capacity` bytes, empty, with one reference. NULL: no memory.
struct chunk *chunk_create(struct chunk_pool *pool, uint64_t capacity, uint64_t begin);

static inline uint8_t *chunk_at(const struct chunk *chunk, uint64_t position)
{
    return chunk->bytes + (position - chunk->begin);
}

#endif
