#include "host/blocks.h"

#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    max_align_t bytes[];
};

void *blocks_add(struct blocks *blocks, size_t byte_count)
{
    struct block *block = calloc(1, sizeof *block + byte_count);
    if (block == NULL) {
        abort();
    }
    block->next = blocks->first;
    blocks->first = block;
    return block->bytes;
}

char *blocks_copy(struct blocks *blocks, const char *text)
{
    size_t size = text != NULL ? strlen(text) + 1 : 0;
    return text != NULL ? memcpy(blocks_add(blocks, size), text, size) : NULL;
}

void blocks_finish(struct blocks *blocks)
{
    while (blocks->first != NULL) {
        struct block *block = blocks->first;
        blocks->first = block->next;
        free(block);
    }
}
