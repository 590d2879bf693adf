// Memory of one call: taken piece by piece, given back at once. The first bytes lie on the caller's
// stack, so that a small call allocates nothing.
#ifndef FLUSS_ENGINE_ARENA_H
#define FLUSS_ENGINE_ARENA_H

#include "base/memory.h"

#define ARENA_STACK_BYTES 16384u

struct arena_block;

struct arena {
    const struct store_memory *memory;
    struct arena_block *blocks;
    uint8_t *at;
    uint64_t left;
    _Alignas(64) uint8_t first[ARENA_STACK_BYTES];
};

void arena_init(struct arena *arena, const struct store_memory *memory);
void arena_finish(struct arena *arena);
// 8-byte aligned, not initialised; NULL: no memory.
void *arena_get(struct arena *arena, uint64_t byte_count);
void *arena_zeroed(struct arena *arena, uint64_t byte_count);

#endif
