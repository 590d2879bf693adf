#include "base/memory.h"

#include <stdlib.h>

static void *system_allocate(const struct store_memory *memory, uint64_t byte_count)
{
    (void)memory;
    if (byte_count > SIZE_MAX - 63) {
        return NULL;
    }
    return aligned_alloc(64, (size_t)((byte_count + 63) & ~(uint64_t)63));
}

static void system_release(const struct store_memory *memory, void *bytes, uint64_t byte_count)
{
    (void)memory;
    (void)byte_count;
    free(bytes);
}

const struct store_memory store_system_memory = {system_allocate, system_release};
