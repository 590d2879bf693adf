#include "expr/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096u

struct arena_block {
    struct arena_block *before;
    size_t used;
    size_t capacity;
    _Alignas(16) char bytes[];
};

void *arena_allocate(struct arena *arena, size_t byte_count)
{
    size_t needed = (byte_count + 15) / 16 * 16;
    struct arena_block *block = arena->last;
    if (block == NULL || block->capacity - block->used < needed) {
        size_t capacity = needed > BLOCK_BYTES ? needed : BLOCK_BYTES;
        block = calloc(1, sizeof *block + capacity);
        if (block == NULL) {
            arena->is_short = 1;
            return NULL;
        }
        block->before = arena->last;
        block->capacity = capacity;
        arena->last = block;
    }
    void *memory = block->bytes + block->used;
    block->used += needed;
    return memory;
}

char *arena_copy(struct arena *arena, const char *bytes, size_t byte_count)
{
    char *copy = arena_allocate(arena, byte_count + 1);
    if (copy != NULL && byte_count > 0) {
        memcpy(copy, bytes, byte_count);
    }
    return copy;
}

void arena_finish(struct arena *arena)
{
    while (arena->last != NULL) {
        struct arena_block *before = arena->last->before;
        free(arena->last);
        arena->last = before;
    }
}
