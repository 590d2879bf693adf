#include "log/chunk.h"

#include <stdlib.h>

#include "base/disk.h"

struct chunk_pool *chunk_pool_create(const struct store_memory *memory, uint64_t chunk_bytes)
{
    struct chunk_pool *pool = calloc(1, sizeof *pool);
    if (pool != NULL) {
        pool->memory = memory;
        pool->chunk_bytes = chunk_bytes;
        pthread_mutex_init(&pool->lock, NULL);
        atomic_init(&pool->refs, 1);
    }
    return pool;
}

static void release(struct chunk_pool *pool, struct chunk *chunk)
{
    pool->memory->release(pool->memory, chunk->block, chunk->block_bytes);
    free(chunk);
}

void chunk_pool_unref(struct chunk_pool *pool)
{
    if (pool == NULL || atomic_fetch_sub(&pool->refs, 1) > 1) {
        return;
    }
    while (pool->kept != NULL) {
        struct chunk *chunk = pool->kept;
        pool->kept = chunk->next;
        release(pool, chunk);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static struct chunk *take_kept(struct chunk_pool *pool, uint64_t capacity)
{
    struct chunk *chunk = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->kept != NULL && capacity <= pool->chunk_bytes) {
        chunk = pool->kept;
        pool->kept = chunk->next;
        pool->kept_count--;
    }
    pthread_mutex_unlock(&pool->lock);
    return chunk;
}

static struct chunk *allocate(struct chunk_pool *pool, uint64_t capacity)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->pool = pool;
    chunk->capacity = (capacity + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
    chunk->block_bytes = chunk->capacity + DISK_BLOCK;
    chunk->block = pool->memory->allocate(pool->memory, chunk->block_bytes);
    if (chunk->block == NULL) {
        free(chunk);
        return NULL;
    }
    uintptr_t address = (uintptr_t)chunk->block;
    chunk->bytes = (uint8_t *)chunk->block + (DISK_BLOCK - address % DISK_BLOCK) % DISK_BLOCK;
    return chunk;
}

struct chunk *chunk_create(struct chunk_pool *pool, uint64_t capacity, uint64_t begin)
{
    struct chunk *chunk = take_kept(pool, capacity);
    if (chunk == NULL) {
        chunk = allocate(pool, capacity < pool->chunk_bytes ? pool->chunk_bytes : capacity);
    }
    if (chunk != NULL) {
        atomic_fetch_add(&pool->refs, 1);
        atomic_store(&chunk->refs, 1);
        chunk->begin = chunk->first = chunk->end = begin;
        chunk->next = NULL;
    }
    return chunk;
}

void chunk_ref(struct chunk *chunk)
{
    atomic_fetch_add(&chunk->refs, 1);
}

void chunk_unref(struct chunk *chunk)
{
    if (chunk == NULL || atomic_fetch_sub(&chunk->refs, 1) > 1) {
        return;
    }
    struct chunk_pool *pool = chunk->pool;
    pthread_mutex_lock(&pool->lock);
    int is_kept = chunk->capacity == pool->chunk_bytes && pool->kept_count < CHUNKS_KEPT;
    if (is_kept) {
        chunk->next = pool->kept;
        pool->kept = chunk;
        pool->kept_count++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!is_kept) {
        release(pool, chunk);
    }
    chunk_pool_unref(pool);
}
