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
    disk_memory_stall_syncs_of(test.disk,
                               FIRST_SEGMENT); // the first of them keeps the others together
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

// Opens a copy of a log whose first segment `change` has changed behind `end`, all of it durable.
static void check_tail(struct disk *disk, uint64_t end,
                       void (*change)(uint8_t *bytes, uint64_t end), int is_seen)
{
    struct disk *changed = disk_memory_copy(disk);
    struct log_test test;
    uint64_t block = (end + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
    change(disk_memory_bytes(changed, FIRST_SEGMENT, NULL), block);
    log_test_init(&test, changed);

    CHECK_INT(log_test_open(&test), WEIR_OK);

    CHECK_INT(test.count, 7);
    CHECK_INT(test.gap_count, 0);
    CHECK_INT(test.corrupt_count, 0);
    CHECK_INT(test.found.end, block);
    CHECK_INT(test.found.torn_bytes > 0, is_seen);
    log_test_commit(&test, 7, 20, 200);
    log_test_kill(&test);
    CHECK_INT(log_test_open(&test), WEIR_OK);
    CHECK_INT(test.count, 20);
    CHECK_INT(test.gap_count, 0);
    CHECK_INT(test.corrupt_count, 0);
    log_test_close(&test);
    changed->table->destroy(changed);
}

static void add_garbage(uint8_t *bytes, uint64_t end)
{
    for (uint64_t i = 0; i < 5000; i++) {
        bytes[end + i] = (uint8_t)(i * 131 + 7);
    }
}

static void add_zeros(uint8_t *bytes, uint64_t end)
{
    memset(bytes + end, 0, 20000);
}

static void add_last_group_again(uint8_t *bytes, uint64_t end)
{
    memcpy(bytes + end, bytes + end - DISK_BLOCK, DISK_BLOCK);
}

static void add_first_group_again(uint8_t *bytes, uint64_t end)
{
    memcpy(bytes + end, bytes, DISK_BLOCK);
}

TEST(garbage_zeros_and_duplicates_behind_the_end_are_cut)
{
    uint64_t group, end;
    struct disk *disk = make_log(3, &group, &end);
    check_tail(disk, end, add_garbage, 1);
    check_tail(disk, end, add_zeros, 0);
    check_tail(disk, end, add_last_group_again, 1);
    check_tail(disk, end, add_first_group_again, 1);
    disk->table->destroy(disk);
}

TEST(a_file_cut_off_anywhere_in_the_last_group_is_a_torn_tail)
{
    uint64_t group, end;
    struct disk *disk = make_log(3, &group, &end);
    for (uint64_t size = group; size < end; size += 100) {
        struct disk *cut = disk_memory_copy(disk);
        struct log_test test;
        disk_memory_put(cut, FIRST_SEGMENT, disk_memory_bytes(disk, FIRST_SEGMENT, NULL), size);
        log_test_init(&test, cut);

        CHECK_INT(log_test_open(&test), WEIR_OK);

        CHECK_INT(test.corrupt_count, 0);
        CHECK_INT(test.count, 4 + (size - group) / 704);
        log_test_commit(&test, test.count, 30, 500);
        log_test_kill(&test);
        CHECK_INT(log_test_open(&test), WEIR_OK);
        CHECK_INT(test.count, 30);
        CHECK_INT(test.gap_count, 0);
        log_test_close(&test);
        cut->table->destroy(cut);
    }
    disk->table->destroy(disk);
}

TEST(a_valid_block_at_the_wrong_place_is_corruption)
{
    uint64_t group, end;
    struct disk *disk = make_log(3, &group, &end);
    struct log_test test;
    uint8_t *bytes = disk_memory_bytes(disk, FIRST_SEGMENT, NULL);
    memcpy(bytes + 4096, bytes + 8192, DISK_BLOCK);
    log_test_init(&test, disk);

    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK_INT(test.corrupt_count, 1);
    CHECK_INT(test.corrupt_from, 4096);
    CHECK_INT(test.corrupt_to, 8192);
    CHECK_HAS(test.corrupt_why, "belongs elsewhere");
    CHECK_INT(test.count, 6);
    CHECK_INT(test.gap_count, 1);
    log_test_close(&test);
    disk->table->destroy(disk);
}

TEST(a_reader_names_damage_and_goes_on_behind_it)
{
    struct log_test test;
    struct stream_reader *reader;
    struct stream_view views[8];
    uint32_t count = 1;
    uint64_t read = 0;
    int32_t rc;
    log_test_init(&test, disk_memory_create());
    test.settings.tail_bytes = 0;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 5, 700);
    uint64_t damaged = log_test_commit(&test, 5, 6, 700) - 100;
    log_test_commit(&test, 6, 300, 700);
    disk_memory_bytes(test.disk, FIRST_SEGMENT, NULL)[damaged] ^= 4;
    REQUIRE(stream_reader_open(test.stream, 0, &reader, &test.failure) == WEIR_OK);

    while ((rc = stream_read(reader, views, 8, &count, &test.failure)) == WEIR_OK && count > 0) {
        read += count;
    }

    CHECK_INT(rc, WEIR_ERROR_DATA);
    CHECK_HAS(test.failure.text, FIRST_SEGMENT);
    CHECK_INT(read, 5);
    while ((rc = stream_read(reader, views, 8, &count, &test.failure)) == WEIR_OK && count > 0) {
        read += count;
    }
    CHECK_INT(rc, WEIR_OK);
    CHECK_INT(read, 299);
    stream_reader_close(reader);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}
