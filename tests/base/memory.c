#include "base/memory.h"

#include <string.h>

#include "support/test.h"

TEST(memory_is_aligned_counted_and_given_back)
{
    uint64_t before = memory_used();
    void *memory = memory_allocate(100);
    REQUIRE(memory != NULL);
    memset(memory, 1, 100);
    CHECK_INT((uintptr_t)memory % 64, 0);
    CHECK_INT(memory_used() - before, 100);
    memory_free(memory, 100);
    CHECK_INT(memory_used(), before);
    CHECK(memory_peak() >= before + 100);
}

TEST(beyond_the_budget_there_is_none)
{
    memory_set_budget(memory_used() + 1000);
    CHECK(memory_allocate(1001) == NULL);
    void *memory = memory_allocate(900);
    CHECK(memory != NULL);
    CHECK(memory_is_short());
    memory_free(memory, 900);
    memory_set_budget(0);
}

TEST(what_was_refused_is_told_until_it_is_forgotten)
{
    char text[256];
    void *memory = memory_allocate(64 << 10);
    memory_set_budget(memory_used() + 100);
    memory_forget_refused();
    CHECK_INT(memory_refused(), 0);
    CHECK(memory_allocate(2 << 20) == NULL);
    CHECK_INT(memory_refused(), 2 << 20);
    CHECK_TEXT(memory_explain_refused(text, sizeof text),
               "the memory budget of 64.1 KiB does not suffice: 2.0 MiB were asked for beside the "
               "64.0 KiB that are taken; raise it with --memory");
    memory_forget_refused();
    CHECK_INT(memory_refused(), 0);
    memory_set_budget(0);
    memory_free(memory, 64 << 10);
}

TEST(the_chosen_allocation_fails)
{
    memory_fail_at(2);
    void *one = memory_allocate(8);
    CHECK(one != NULL);
    CHECK(memory_allocate(8) == NULL);
    memory_free(one, 8);
}
