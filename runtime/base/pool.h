// Buffers that come back: freed memory is kept by size class, a little per thread and a bounded
// store for all, so that steady work takes no malloc and no page faults. Only what is in use counts
// against the memory budget. Everything here may be called by any thread.
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>
#include <stdint.h>

// The most that the shared store keeps, and each thread beside it; less under a small budget.
#define POOL_SHARED_BYTES_MAX (32u << 20)
#define POOL_THREAD_BYTES_MAX (4u << 20)

// 64-byte aligned and not initialised; NULL when the budget or the machine has no more. At least
// pool_capacity(byte_count) bytes may be used. Freed with the byte_count asked for, or any other of
// the same capacity.
void *pool_allocate(size_t byte_count);
void pool_free(void *memory, size_t byte_count); // NULL is fine

// The size that byte_count is rounded up to: a multiple of 64, less than half more.
size_t pool_capacity(size_t byte_count);

// Bytes that the shared store and this thread keep, unused.
uint64_t pool_idle_bytes(void);

// Gives back to the system what the shared store and this thread keep.
void pool_drain(void);

#endif
