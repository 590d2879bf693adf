#include "base/pool.h"

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "support/test.h"

TEST(capacities_are_aligned_and_not_much_larger)
{
    for (size_t size = 1; size < 9 << 20; size += size < 5000 ? 1 : 4999) {
        size_t capacity = pool_capacity(size);
        CHECK(capacity >= size && capacity % 64 == 0);
        CHECK(size <= 128 || capacity < size + size / 2 + 64);
        CHECK_INT(pool_capacity(capacity), capacity);
    }
}

TEST(what_is_in_use_counts_and_what_is_kept_does_not)
{
    uint64_t before = memory_used();
    void *memory = pool_allocate(100000);
    REQUIRE(memory != NULL);
    CHECK_INT((uintptr_t)memory % 64, 0);
    CHECK_INT(memory_used() - before, pool_capacity(100000));
    pool_free(memory, 100000);
    CHECK_INT(memory_used(), before);
    pool_free(NULL, 5);
}

TEST(what_is_kept_is_bounded)
{
    void *buffers[200];
    for (int i = 0; i < 200; i++) {
        buffers[i] = pool_allocate(1 << 20);
        REQUIRE(buffers[i] != NULL);
    }
    for (int i = 0; i < 200; i++) {
        pool_free(buffers[i], 1 << 20);
    }
    CHECK(pool_idle_bytes() <= POOL_SHARED_BYTES_MAX + POOL_THREAD_BYTES_MAX);
    pool_drain();
    CHECK_INT(pool_idle_bytes(), 0);
}

static void *free_them(void *buffers)
{
    for (int i = 0; i < 20; i++) {
        pool_free(((void **)buffers)[i], 5000);
    }
    return NULL;
}

TEST(what_another_thread_frees_comes_back)
{
    void *buffers[20];
    pthread_t thread;
    pool_drain();
    for (int i = 0; i < 20; i++) {
        buffers[i] = pool_allocate(5000);
        memset(buffers[i], i, 5000);
    }
    REQUIRE(pthread_create(&thread, NULL, free_them, buffers) == 0);
    pthread_join(thread, NULL);
#ifndef __SANITIZE_ADDRESS__
    CHECK_INT(pool_idle_bytes(), 20 * pool_capacity(5000));
#endif
    void *again = pool_allocate(5000);
    CHECK(again != NULL);
    pool_free(again, 5000);
    pool_drain();
}

TEST(the_budget_holds_for_the_pool_too)
{
    memory_set_budget(memory_used() + 10000);
    CHECK(pool_allocate(20000) == NULL);
    CHECK(pool_allocate(SIZE_MAX) == NULL);
    memory_set_budget(0);
}
