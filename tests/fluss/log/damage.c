// What a start makes of a log whose end, or whose middle, is not as it was written.
#include <string.h>

#include "support/disk_memory.h"
#include "support/log.h"
#include "support/test.h"

#define FIRST_SEGMENT "log/0000000000000000"

// A log of `durable` batches in one group each, then one group of three that starts at *group.
static struct disk *make_log(uint64_t durable, uint64_t *group, uint64_t *end)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    if (log_test_open(&test) != WEIR_OK) {
        test_fail(__FILE__, __LINE__, "%s", test.failure.text);
    }
    for (uint64_t n = 0; n < durable; n++) {
        log_test_commit(&test, n, n + 1, 200);
    }
    *group = stream_durable(test.stream);
    disk_memory_stall_syncs(test.disk); // the first of them keeps the others together
    uint64_t last;
    log_test_append(&test, durable, 500, &last);
    disk_memory_wait_stalled(test.disk);
    for (uint64_t n = durable + 1; n < durable + 4; n++) {
        log_test_append(&test, n, 500, &last);
    }
    disk_memory_release_syncs(test.disk);
    stream_wait(test.stream, last, 60000000);
    *group += 4096;
    *end = last;
    log_test_kill(&test);
    return test.disk;
}

TEST(a_group_torn_at_any_byte_is_cut_there_and_nothing_else_is_lost)
{
    uint64_t group, end;
    struct disk *disk = make_log(3, &group, &end);
    for (uint64_t at = group; at < end; at++) {
        struct disk *torn = disk_memory_copy(disk);
        struct log_test test;
        memset(disk_memory_bytes(torn, FIRST_SEGMENT, NULL) + at, 0, (64u << 10) - at);
        log_test_init(&test, torn);

        CHECK_INT(log_test_open(&test), WEIR_OK);

        CHECK_INT(test.corrupt_count, 0);
        CHECK_INT(test.count, 4 + (at - group) / 704);
        CHECK(test.found.end <= at);
        log_test_close(&test);
        torn->table->destroy(torn);
        if (test_has_failed()) {
            break;
        }
    }
    disk->table->destroy(disk);
}

TEST(after_a_cut_the_log_goes_on)
{
    uint64_t group, end;
    struct disk *disk = make_log(3, &group, &end);
    struct log_test test;
    disk_memory_bytes(disk, FIRST_SEGMENT, NULL)[group + 704 + 300] ^= 1;
    log_test_init(&test, disk);

    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK_INT(test.count, 5);
    CHECK_INT(test.found.torn_bytes, 704 * 2 + 4096 - 704 * 3);
    CHECK_HAS(test.found.report, FIRST_SEGMENT);
    CHECK_HAS(test.found.report, "torn tail");
    log_test_commit(&test, 5, 30, 300);
    log_test_kill(&test);
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK_INT(test.count, 30);
    CHECK_INT(test.gap_count, 0);
    CHECK_INT(test.corrupt_count, 0);
    CHECK_INT(test.found.torn_bytes, 0);
    log_test_close(&test);
    disk->table->destroy(disk);
}

TEST(damage_before_the_last_group_is_corruption)
{
    uint64_t group, end;
    struct disk *disk = make_log(3, &group, &end);
    struct log_test test;
    disk_memory_bytes(disk, FIRST_SEGMENT, NULL)[4096 + 200] ^= 0x10; // the second batch
    log_test_init(&test, disk);

    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK_INT(test.corrupt_count, 1);
    CHECK_TEXT(test.corrupt_path, FIRST_SEGMENT);
    CHECK_INT(test.corrupt_offset, 4096);
    CHECK_INT(test.corrupt_from, 4096);
    CHECK(test.corrupt_to > 4096 && test.corrupt_to <= 8192);
    CHECK_HAS(test.corrupt_why, "body");
    CHECK_INT(test.count, 6);
    CHECK_INT(test.found.torn_bytes, 0);
    log_test_close(&test);
    disk->table->destroy(disk);
}
