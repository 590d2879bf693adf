// Memory of one compiled expression: everything is freed together.
#ifndef EXPR_ARENA_H
#define EXPR_ARENA_H

#include <stddef.h>

struct arena_block;

// Start with {0}. is_short is set once an allocation has failed.
struct arena {
    struct arena_block *last;
    int is_short;
};

// Zeroed and 16-byte aligned; NULL without memory.
void *arena_allocate(struct arena *arena, size_t byte_count);
// A NUL-terminated copy.
char *arena_copy(struct arena *arena, const char *bytes, size_t byte_count);
void arena_finish(struct arena *arena);

#endif
