// Memory: one budget for the whole process. What grows with data (batches, state, queues) is
// allocated here and counted; small set-up structures use malloc. Tests can make the n-th
// allocation fail.
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

// The limit in bytes; 0: none. Reached is not exceeded: sources wait while memory_is_short, and
// what cannot wait (state) fails with a sentence.
void memory_set_budget(uint64_t byte_count);
uint64_t memory_budget(void);
uint64_t memory_used(void);
uint64_t memory_peak(void);

// 1 when less is left of the budget than is kept for what is under way (an eighth, at least 8 MiB,
// at most half): sources are not polled.
int memory_is_short(void);

// 64-byte aligned and not initialised; NULL when the budget or the machine has no more. Freed with
// its size.
void *memory_allocate(size_t byte_count);
void memory_free(void *memory, size_t byte_count);

// Counts memory that was got elsewhere (mapped ranges); the first returns -ENOMEM beyond the
// budget.
int memory_reserve(uint64_t byte_count);
void memory_unreserve(uint64_t byte_count);

// What this thread was refused last, in bytes, since it was forgotten; 0: nothing.
uint64_t memory_refused(void);
void memory_forget_refused(void);
// What is told of it: "the memory budget of 2.0 MiB does not suffice: 1.2 MiB were asked for beside
// the 1.5 MiB that are taken; raise it with --memory". Returns the buffer.
const char *memory_explain_refused(char *buffer, size_t size);

// For tests: the n-th allocation from now fails (0: none). Counts memory_allocate and
// memory_reserve.
void memory_fail_at(uint64_t n);
uint64_t memory_fail_left(void); // how many until then; 0: none, or it has failed

#endif
