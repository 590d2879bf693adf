#include "log/stream.h"

#include <errno.h>
#include <string.h>

#include "support/disk_memory.h"
#include "support/log.h"
#include "support/test.h"

#define FIRST_SEGMENT "log/0000000000000000"

// Reads all that a reader can have; returns how many batches, which must be from, from + 1, ...
static uint64_t read_all(struct stream_reader *reader, uint64_t from)
{
    struct stream_view views[16];
    uint32_t count = 1;
    uint64_t read = 0;
    struct failure failure;
    while (count > 0) {
        int32_t rc = stream_read(reader, views, 16, &count, &failure);
        if (rc != WEIR_OK) {
            test_fail(__FILE__, __LINE__, "read: %s", failure.text);
            return read;
        }
        for (uint32_t i = 0; i < count; i++, read++) {
            CHECK_INT(log_test_number(views[i].record), from + read);
            CHECK(log_test_is_good(views[i].record));
        }
    }
    return read;
}

TEST(what_is_appended_is_read_from_the_tail_once_durable)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    struct stream_reader *reader;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    REQUIRE(stream_reader_open(test.stream, 0, &reader, &test.failure) == WEIR_OK);

    CHECK_INT(read_all(reader, 0), 0);
    uint64_t end = log_test_commit(&test, 0, 20, 500);
    uint64_t reads = disk_memory_calls(test.disk, DISK_MEMORY_READ);

    CHECK(end > 0 && stream_durable(test.stream) >= end);
    CHECK_INT(read_all(reader, 0), 20);
    CHECK_INT(disk_memory_calls(test.disk, DISK_MEMORY_READ), reads);
    stream_reader_close(reader);
    log_test_close(&test);
    CHECK(test.durable >= end);
    test.disk->table->destroy(test.disk);
}

TEST(a_stop_is_clean_and_everything_comes_back)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 1000, 700); // several segments
    log_test_close(&test);

    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK(test.found.was_clean);
    CHECK_INT(test.found.torn_bytes, 0);
    CHECK_INT(test.count, 1000);
    CHECK_INT(test.gap_count, 0);
    CHECK_INT(test.corrupt_count, 0);
    log_test_commit(&test, 1000, 1100, 300);
    log_test_close(&test);
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK_INT(test.count, 1100);
    CHECK_INT(test.gap_count, 0);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(a_process_that_is_killed_loses_nothing_that_was_acknowledged)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 300, 700);
    log_test_kill(&test);

    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK(!test.found.was_clean);
    CHECK_INT(test.found.torn_bytes, 0);
    CHECK_INT(test.count, 300);
    CHECK_INT(test.corrupt_count, 0);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(a_reader_behind_the_tail_reads_segments_and_catches_up)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    test.settings.tail_bytes = 0;
    struct stream_reader *reader;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    REQUIRE(stream_reader_open(test.stream, 0, &reader, &test.failure) == WEIR_OK);

    for (uint64_t round = 0; round < 10; round++) {
        log_test_commit(&test, round * 200, round * 200 + 200, 900);
        CHECK_INT(read_all(reader, round * 200), 200);
    }

    stream_reader_close(reader);
    REQUIRE(stream_reader_open(test.stream, 0, &reader, &test.failure) == WEIR_OK);
    CHECK_INT(read_all(reader, 0), 2000);
    CHECK_INT(stream_reader_position(reader), stream_durable(test.stream));
    stream_reader_close(reader);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(a_stalled_sync_shows_nothing_to_readers)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    struct stream_reader *reader;
    uint64_t end;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    REQUIRE(stream_reader_open(test.stream, 0, &reader, &test.failure) == WEIR_OK);
    log_test_commit(&test, 0, 5, 100);
    CHECK_INT(read_all(reader, 0), 5);

    disk_memory_stall_syncs_of(test.disk, FIRST_SEGMENT);
    CHECK_INT(log_test_append(&test, 5, 100, &end), WEIR_OK);
    disk_memory_wait_stalled(test.disk);

    CHECK_INT(read_all(reader, 5), 0);
    CHECK_INT(stream_wait(test.stream, end, 1000), 0);
    disk_memory_release_syncs(test.disk);
    CHECK_INT(stream_wait(test.stream, end, 60000000), 1);
    CHECK_INT(read_all(reader, 5), 1);
    stream_reader_close(reader);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

static void check_final_failure(enum disk_memory_call call)
{
    struct log_test test;
    uint64_t end = 0;
    struct stream_room room;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    uint64_t before = log_test_commit(&test, 0, 10, 100);
    REQUIRE(before > 0);
    disk_memory_aim(test.disk, FIRST_SEGMENT);

    disk_memory_fail(test.disk, call, 1, EIO);
    CHECK_INT(log_test_append(&test, 10, 100, &end), WEIR_OK);
    CHECK_INT(stream_wait(test.stream, end, 60000000), WEIR_ERROR_FATAL);

    CHECK_INT(stream_reserve(test.stream, 256, &room, &test.failure), WEIR_ERROR_FATAL);
    CHECK_HAS(test.failure.text, "could not be written");
    CHECK(stream_durable(test.stream) < end);
    uint64_t writes = disk_memory_calls(test.disk, DISK_MEMORY_WRITE);
    uint64_t syncs = disk_memory_calls(test.disk, DISK_MEMORY_SYNC);
    log_test_close(&test);
    CHECK_INT(disk_memory_calls(test.disk, DISK_MEMORY_WRITE), writes);
    CHECK_INT(disk_memory_calls(test.disk, DISK_MEMORY_SYNC), syncs);
    CHECK_INT(test.failed_count, 1);
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK(test.count >= 10);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(a_failed_sync_is_final_and_never_tried_again)
{
    check_final_failure(DISK_MEMORY_SYNC);
}

TEST(a_failed_write_is_final_and_never_tried_again)
{
    check_final_failure(DISK_MEMORY_WRITE);
}

TEST(full_buffers_refuse_until_the_disk_has_caught_up)
{
    struct log_test test;
    struct stream_room room;
    uint64_t end = 0;
    log_test_init(&test, disk_memory_create());
    test.settings.buffer_bytes = 16384;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    disk_memory_stall_syncs_of(test.disk, FIRST_SEGMENT);
    REQUIRE(log_test_append(&test, 0, 8000, &end) == WEIR_OK);

    int32_t rc = WEIR_OK;
    for (uint64_t n = 1; rc == WEIR_OK && n < 10; n++) {
        rc = stream_reserve(test.stream, 8192, &room, &test.failure);
        if (rc == WEIR_OK) {
            stream_give_up(test.stream, &room, 8192);
        }
    }

    CHECK_INT(rc, WEIR_ERROR_RETRY);
    CHECK_HAS(test.failure.text, "buffers are full");
    disk_memory_release_syncs(test.disk);
    CHECK_INT(stream_wait(test.stream, stream_end(test.stream), 60000000), 1);
    CHECK(log_test_commit(&test, 1, 2, 8000) > 0);
    log_test_close(&test);
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK_INT(test.count, 2);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(a_full_disk_refuses_and_resumes_with_nothing_torn)
{
    struct log_test test;
    uint64_t end = 0, n = 0;
    log_test_init(&test, disk_memory_create());
    disk_memory_limit(test.disk, 200u << 10);
    REQUIRE(log_test_open(&test) == WEIR_OK);

    while (log_test_append(&test, n, 3000, &end) == WEIR_OK) {
        n++;
    }

    CHECK_INT(test.failure.code, WEIR_ERROR_RETRY);
    CHECK_HAS(test.failure.text, "No space left on device");
    CHECK(n >= 20);
    CHECK_INT(stream_wait(test.stream, end, 60000000), 1);
    disk_memory_limit(test.disk, 1u << 20);
    while (log_test_append(&test, n, 3000, &end) == WEIR_ERROR_RETRY) {
    }
    CHECK(log_test_commit(&test, n + 1, n + 50, 3000) > 0);
    log_test_close(&test);
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK(test.found.was_clean);
    CHECK_INT(test.count, n + 50);
    CHECK_INT(test.gap_count, 0);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(unsynced_records_are_acknowledged_without_a_sync)
{
    struct log_test test;
    uint64_t end = 0;
    log_test_init(&test, disk_memory_create());
    disk_memory_aim(test.disk, FIRST_SEGMENT);
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 1, 100);
    CHECK_INT(stream_sync(test.stream, stream_end(test.stream), 60000000), 1);
    uint64_t syncs = disk_memory_calls(test.disk, DISK_MEMORY_SYNC);

    for (uint64_t n = 1; n < 10; n++) {
        CHECK_INT(log_test_append_unsynced(&test, n, 100, &end), WEIR_OK);
        CHECK_INT(stream_wait(test.stream, end, 60000000), 1);
    }

    CHECK_INT(disk_memory_calls(test.disk, DISK_MEMORY_SYNC), syncs);
    CHECK_INT(stream_sync(test.stream, end, 60000000), 1);
    CHECK(disk_memory_calls(test.disk, DISK_MEMORY_SYNC) > syncs);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(a_record_larger_than_a_segment_is_refused)
{
    struct log_test test;
    struct stream_room room;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK_INT(stream_reserve(test.stream, 64u << 10, &room, &test.failure), WEIR_ERROR_DATA);

    CHECK_HAS(test.failure.text, "larger than a log segment takes");
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(a_log_for_reading_writes_nothing)
{
    struct log_test test;
    struct stream_room room;
    struct stream_reader *reader;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 100, 1000);
    log_test_kill(&test);
    uint64_t writes = disk_memory_calls(test.disk, DISK_MEMORY_WRITE);
    test.settings.is_read_only = 1;

    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK_INT(test.count, 100);
    CHECK_INT(stream_reserve(test.stream, 256, &room, &test.failure), WEIR_ERROR_FATAL);
    CHECK_INT(stream_reader_open(test.stream, 0, &reader, &test.failure), WEIR_OK);
    CHECK_INT(read_all(reader, 0), 100);
    stream_reader_close(reader);
    log_test_close(&test);
    CHECK_INT(disk_memory_calls(test.disk, DISK_MEMORY_WRITE), writes);
    test.disk->table->destroy(test.disk);
}
