#include "base/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define RESERVE_BYTES (8u << 20)

static _Atomic uint64_t budget, used, peak, fail_countdown;
static _Thread_local uint64_t refused, refused_beside;

void memory_set_budget(uint64_t byte_count)
{
    budget = byte_count;
}

uint64_t memory_budget(void)
{
    return atomic_load_explicit(&budget, memory_order_relaxed);
}

uint64_t memory_used(void)
{
    return atomic_load_explicit(&used, memory_order_relaxed);
}

uint64_t memory_peak(void)
{
    return atomic_load_explicit(&peak, memory_order_relaxed);
}

int memory_is_short(void)
{
    uint64_t limit = memory_budget();
    uint64_t reserve = limit / 8 > RESERVE_BYTES ? limit / 8 : RESERVE_BYTES;
    return limit != 0 && memory_used() > limit - (reserve < limit / 2 ? reserve : limit / 2);
}

void memory_fail_at(uint64_t n)
{
    fail_countdown = n;
}

uint64_t memory_fail_left(void)
{
    return fail_countdown;
}

static int must_fail(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) == 0) {
        return 0;
    }
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

static int refuse(uint64_t byte_count)
{
    refused = byte_count;
    refused_beside = memory_used();
    return -ENOMEM;
}

uint64_t memory_refused(void)
{
    return refused;
}

void memory_forget_refused(void)
{
    refused = 0;
}

const char *memory_explain_refused(char *buffer, size_t size)
{
    char limit[32], asked[32], taken[32];
    text_bytes(asked, sizeof asked, refused);
    if (memory_budget() == 0) {
        snprintf(buffer, size, "%s were asked for, and the machine has no more", asked);
        return buffer;
    }
    snprintf(buffer, size,
             "the memory budget of %s does not suffice: %s were asked for beside the %s that are "
             "taken; raise it with --memory",
             text_bytes(limit, sizeof limit, memory_budget()), asked,
             text_bytes(taken, sizeof taken, refused_beside));
    return buffer;
}

int memory_reserve(uint64_t byte_count)
{
    if (must_fail()) {
        return refuse(byte_count);
    }
    uint64_t limit = memory_budget();
    uint64_t now = atomic_fetch_add_explicit(&used, byte_count, memory_order_relaxed) + byte_count;
    if (limit != 0 && now > limit) {
        memory_unreserve(byte_count);
        return refuse(byte_count);
    }
    uint64_t high = memory_peak();
    while (now > high && !atomic_compare_exchange_weak(&peak, &high, now)) {
    }
    return 0;
}

void memory_unreserve(uint64_t byte_count)
{
    atomic_fetch_sub_explicit(&used, byte_count, memory_order_relaxed);
}

void *memory_allocate(size_t byte_count)
{
    if (byte_count > SIZE_MAX - 64 || memory_reserve(byte_count) != 0) {
        return NULL;
    }
    void *memory = aligned_alloc(64, (byte_count + 63) / 64 * 64 + (byte_count == 0 ? 64 : 0));
    if (memory == NULL) {
        memory_unreserve(byte_count);
        refuse(byte_count);
    }
    return memory;
}

void memory_free(void *memory, size_t byte_count)
{
    if (memory != NULL) {
        free(memory);
        memory_unreserve(byte_count);
    }
}
