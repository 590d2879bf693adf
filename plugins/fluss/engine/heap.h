// Where the long text of an index lies: pieces by size class, given back to their class.
#ifndef FLUSS_ENGINE_HEAP_H
#define FLUSS_ENGINE_HEAP_H

#include "base/memory.h"

#define HEAP_CLASSES 24u

struct heap {
    const struct store_memory *memory;
    struct heap_block *blocks;
    char *at;
    uint64_t left;
    void *free[HEAP_CLASSES];
    uint64_t memory_bytes;
};

void heap_init(struct heap *heap, const struct store_memory *memory);
void heap_finish(struct heap *heap);
// NULL: no memory.
char *heap_take(struct heap *heap, uint32_t length);
void heap_give(struct heap *heap, const char *bytes, uint32_t length);

#endif
