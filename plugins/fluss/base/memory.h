// Memory of the store: counted, limited, and made to fail in tests. 64-byte aligned, not
// initialised; NULL when the budget or the machine has no more; released with its size. [any]
#ifndef FLUSS_BASE_MEMORY_H
#define FLUSS_BASE_MEMORY_H

#include <stdint.h>

struct store_memory {
    void *(*allocate)(const struct store_memory *memory, uint64_t byte_count);
    void (*release)(const struct store_memory *memory, void *bytes, uint64_t byte_count);
};

extern const struct store_memory store_system_memory;

#endif
