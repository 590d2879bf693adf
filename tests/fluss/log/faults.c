// Every disk call fails once: nothing that was acknowledged is lost, and nothing is acknowledged
// after a write or sync has failed.
#include <errno.h>
#include <stddef.h>

#include "fluss/support/disk_memory.h"
#include "fluss/support/log.h"
#include "support/test.h"

// Writes, stops and starts again while the nth call of a kind fails. Returns whether it came to it.
static int run(enum disk_memory_call call, int64_t nth, int error)
{
    struct log_test test;
    uint64_t acknowledged = 0;
    log_test_init(&test, disk_memory_create());
    test.settings.buffer_bytes = 64u << 10;
    if (log_test_open(&test) == WEIR_OK) {
        acknowledged = log_test_commit(&test, 0, 60, 900) > 0 ? 60 : 0;
        log_test_close(&test);
    }
    uint64_t before = disk_memory_calls(test.disk, call);
    disk_memory_fail(test.disk, call, nth, error);
    if (log_test_open(&test) == WEIR_OK) {
        CHECK_INT(test.count - test.gap_count, test.count);
        for (uint64_t n = 60; n < 200; n += 20) {
            if (log_test_commit(&test, n, n + 20, 900) == 0) {
                break;
            }
            acknowledged = n + 20;
        }
        stream_retire(test.stream, 65536, NULL);
        log_test_close(&test);
    }
    int has_happened = disk_memory_calls(test.disk, call) - before >= (uint64_t)nth;
    disk_memory_heal(test.disk);
    CHECK_INT(log_test_open(&test), WEIR_OK);
    CHECK(test.next >= acknowledged);
    CHECK_INT(test.gap_count, 0);
    CHECK(test.corrupt_count == 0 || test.corrupt_to == test.found.begin);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
    return has_happened;
}

static void run_all(enum disk_memory_call call, int error)
{
    int64_t nth = 1;
    while (nth < 200 && run(call, nth, error) && !test_has_failed()) {
        nth++;
    }
    CHECK(nth > 1);
}

TEST(any_open_may_fail)
{
    run_all(DISK_MEMORY_OPEN, EMFILE);
}

TEST(any_write_may_fail)
{
    run_all(DISK_MEMORY_WRITE, EIO);
}

TEST(any_sync_may_fail)
{
    run_all(DISK_MEMORY_SYNC, EIO);
}

TEST(any_allocation_may_fail)
{
    run_all(DISK_MEMORY_ALLOCATE, ENOSPC);
}

TEST(any_rename_may_fail)
{
    run_all(DISK_MEMORY_RENAME, EIO);
}

TEST(any_listing_may_fail)
{
    run_all(DISK_MEMORY_LIST, EIO);
}

TEST(a_read_that_fails_at_the_end_of_the_log_fails_the_start_and_names_the_place)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 10, 900);
    log_test_close(&test);
    disk_memory_fail(test.disk, DISK_MEMORY_READ, -2, EIO); // the first finds out the size

    CHECK_INT(log_test_open(&test), WEIR_ERROR_FATAL);

    CHECK_HAS(test.failure.text, "log/0000000000000000, offset 0: cannot be read");
    disk_memory_heal(test.disk);
    CHECK_INT(log_test_open(&test), WEIR_OK);
    CHECK_INT(test.count, 10);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

// A memory that gives nothing from its nth allocation on.
struct scarce {
    struct store_memory table;
    _Atomic int64_t left;
};

static void *scarce_allocate(const struct store_memory *memory, uint64_t byte_count)
{
    struct scarce *scarce = (struct scarce *)memory;
    if (--scarce->left < 0) {
        return NULL;
    }
    return store_system_memory.allocate(&store_system_memory, byte_count);
}

static void scarce_release(const struct store_memory *memory, void *bytes, uint64_t byte_count)
{
    (void)memory;
    store_system_memory.release(&store_system_memory, bytes, byte_count);
}

TEST(without_memory_appends_are_refused_and_nothing_breaks)
{
    for (int64_t allowed = 0; allowed < 12; allowed++) {
        struct scarce scarce = {{scarce_allocate, scarce_release}, allowed};
        struct log_test test;
        struct stream_room room;
        log_test_init(&test, disk_memory_create());
        test.settings.memory = &scarce.table;
        test.settings.buffer_bytes = 1u << 20;
        int32_t rc = log_test_open(&test);
        for (int i = 0; rc == WEIR_OK && i < 40; i++) {
            rc = stream_reserve(test.stream, 40960, &room, &test.failure);
            if (rc == WEIR_OK) {
                stream_give_up(test.stream, &room, 40960);
            }
        }
        CHECK(rc == WEIR_OK || rc == WEIR_ERROR_RETRY || rc == WEIR_ERROR_FATAL);
        scarce.left = 1000;
        if (test.stream != NULL) {
            CHECK(log_test_commit(&test, 0, 3, 100) > 0);
            log_test_close(&test);
        }
        test.disk->table->destroy(test.disk);
    }
}
