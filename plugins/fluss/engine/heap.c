#include "engine/heap.h"

#include <string.h>

// Classes of 16 * 2^(c / 2), and half as much more, up to 48 KiB; longer text has memory of its
// own.
#define BLOCK_BYTES (64u << 10)

struct heap_block {
    struct heap_block *next;
    uint64_t byte_count;
};

static uint32_t class_bytes(uint32_t class)
{
    return (class % 2 == 0 ? 16u : 24u) << (class / 2);
}

static uint32_t class_of(uint32_t length)
{
    uint32_t class = length <= 16 ? 0 : 2 * (27 - (uint32_t)__builtin_clz((length - 1) | 1));
    while (class_bytes(class) < length) {
        class ++;
    }
    return class;
}

void heap_init(struct heap *heap, const struct store_memory *memory)
{
    *heap = (struct heap){.memory = memory};
}

void heap_finish(struct heap *heap)
{
    while (heap->blocks != NULL) {
        struct heap_block *block = heap->blocks;
        heap->blocks = block->next;
        heap->memory->release(heap->memory, block, block->byte_count);
    }
    *heap = (struct heap){.memory = heap->memory};
}

static int add_block(struct heap *heap)
{
    struct heap_block *block = heap->memory->allocate(heap->memory, BLOCK_BYTES);
    if (block == NULL) {
        return 0;
    }
    block->next = heap->blocks;
    block->byte_count = BLOCK_BYTES;
    heap->blocks = block;
    heap->at = (char *)(block + 1);
    heap->left = BLOCK_BYTES - sizeof *block;
    heap->memory_bytes += BLOCK_BYTES;
    return 1;
}

static char *take_large(struct heap *heap, uint32_t length)
{
    char *bytes = heap->memory->allocate(heap->memory, length);
    heap->memory_bytes += bytes != NULL ? length : 0;
    return bytes;
}

char *heap_take(struct heap *heap, uint32_t length)
{
    uint32_t class = class_of(length);
    if (class >= HEAP_CLASSES) {
        return take_large(heap, length);
    }
    char *bytes = heap->free[class];
    if (bytes != NULL) {
        memcpy(&heap->free[class], bytes, sizeof heap->free[class]);
        return bytes;
    }
    uint32_t need = class_bytes(class);
    if (heap->left < need && !add_block(heap)) {
        return NULL;
    }
    bytes = heap->at;
    heap->at += need;
    heap->left -= need;
    return bytes;
}

void heap_give(struct heap *heap, const char *bytes, uint32_t length)
{
    uint32_t class = class_of(length);
    char *piece = (char *)(uintptr_t)bytes;
    if (class >= HEAP_CLASSES) {
        heap->memory->release(heap->memory, piece, length);
        heap->memory_bytes -= length;
        return;
    }
    memcpy(piece, &heap->free[class], sizeof heap->free[class]);
    heap->free[class] = piece;
}
