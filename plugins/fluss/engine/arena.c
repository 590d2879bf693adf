#include "engine/arena.h"

#include <string.h>

#define BLOCK_BYTES (64u << 10)

struct arena_block {
    struct arena_block *next;
    uint64_t byte_count;
    uint8_t bytes[];
};

void arena_init(struct arena *arena, const struct store_memory *memory)
{
    arena->memory = memory;
    arena->blocks = NULL;
    arena->at = arena->first;
    arena->left = sizeof arena->first;
}

void arena_finish(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        arena->memory->release(arena->memory, block, block->byte_count);
    }
}

// A large piece has a block of its own; what was left of the block in use stays in use.
static void *get_block(struct arena *arena, uint64_t byte_count)
{
    int is_shared = byte_count <= BLOCK_BYTES / 4;
    uint64_t block_bytes = sizeof(struct arena_block) + (is_shared ? BLOCK_BYTES : byte_count);
    struct arena_block *block = arena->memory->allocate(arena->memory, block_bytes);
    if (block == NULL) {
        return NULL;
    }
    block->byte_count = block_bytes;
    block->next = arena->blocks;
    arena->blocks = block;
    if (is_shared) {
        arena->at = block->bytes + byte_count;
        arena->left = BLOCK_BYTES - byte_count;
    }
    return block->bytes;
}

void *arena_get(struct arena *arena, uint64_t byte_count)
{
    byte_count = (byte_count + 7) & ~(uint64_t)7;
    if (byte_count > arena->left) {
        return get_block(arena, byte_count);
    }
    void *bytes = arena->at;
    arena->at += byte_count;
    arena->left -= byte_count;
    return bytes;
}

void *arena_zeroed(struct arena *arena, uint64_t byte_count)
{
    void *bytes = arena_get(arena, byte_count);
    if (bytes != NULL) {
        memset(bytes, 0, byte_count);
    }
    return bytes;
}
