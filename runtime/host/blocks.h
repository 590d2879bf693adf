// Blocks: small set-up memory that is freed all at once.
#ifndef HOST_BLOCKS_H
#define HOST_BLOCKS_H

#include <stddef.h>

struct block;

struct blocks { // start with {0}
    struct block *first;
};

// Zeroed. Never NULL: without memory for a few bytes at set-up the program ends.
void *blocks_add(struct blocks *blocks, size_t byte_count);
char *blocks_copy(struct blocks *blocks, const char *text); // NULL gives NULL
void blocks_finish(struct blocks *blocks);

#endif
