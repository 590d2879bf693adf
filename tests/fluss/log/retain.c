// Marks, shares, retirement and the second life of segment files.
#include <string.h>

#include "fluss/support/disk_memory.h"
#include "fluss/support/log.h"
#include "support/test.h"

#define ROUND_US 1000 // a batch's timestamp is its number times this

// Reads from a mark until a batch of a bucket comes; returns its number.
static uint64_t next_of_bucket(struct stream *stream, uint64_t position, uint32_t bucket)
{
    struct stream_reader *reader;
    struct stream_view view;
    struct failure failure;
    uint32_t count = 1;
    uint64_t number = UINT64_MAX;
    if (stream_reader_open(stream, position, &reader, &failure) != WEIR_OK) {
        test_fail(__FILE__, __LINE__, "%s", failure.text);
        return number;
    }
    while (number == UINT64_MAX && count > 0 &&
           stream_read(reader, &view, 1, &count, &failure) == WEIR_OK) {
        if (count > 0 && ((const struct record_batch *)view.record)->bucket == bucket) {
            number = log_test_number(view.record);
        }
    }
    stream_reader_close(reader);
    return number;
}

static void check_marks(struct log_test *test, uint64_t from, uint64_t to)
{
    struct stream_mark mark;
    for (uint64_t wanted = from; wanted < to; wanted += 37) {
        uint32_t bucket = (uint32_t)(wanted % LOG_BUCKETS);
        REQUIRE(stream_find(test->stream, LOG_TABLE, bucket, wanted, 0, &mark) == 1);
        CHECK(mark.offset <= wanted && mark.offset + 200 > wanted);
        CHECK_INT(next_of_bucket(test->stream, mark.position, bucket), mark.offset);
        int64_t time_us = (int64_t)wanted * ROUND_US;
        int rc = stream_find(test->stream, LOG_TABLE, bucket, UINT64_MAX, time_us, &mark);
        CHECK(rc >= 0 && mark.offset <= wanted);
        CHECK(rc == 0 || mark.timestamp_us < time_us);
    }
    CHECK_INT(stream_find(test->stream, LOG_TABLE + 1, 0, from, 0, &mark), -1);
    CHECK_INT(stream_find(test->stream, LOG_TABLE, LOG_BUCKETS, from, 0, &mark), -1);
}

TEST(marks_lead_to_offsets_and_times_before_and_after_a_restart)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 1000, 700);
    check_marks(&test, 0, 1000);
    log_test_close(&test);

    test.from = test.found.end = UINT64_MAX; // everything full is known by its index alone
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK_INT(test.count, 0);
    check_marks(&test, 0, 1000);
    log_test_commit(&test, 1000, 1200, 700);
    check_marks(&test, 0, 1200);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(full_segments_behind_the_place_to_replay_from_are_not_read)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 500, 700);
    uint64_t from = log_test_commit(&test, 500, 501, 700);
    log_test_commit(&test, 501, 600, 700);
    log_test_close(&test);
    // Damage that only reading the first segment would see.
    disk_memory_bytes(test.disk, "log/0000000000000000", NULL)[9000] ^= 1;

    test.from = from;
    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK_INT(test.first, 501);
    CHECK_INT(test.count, 99);
    CHECK_INT(test.corrupt_count, 0);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

static uint64_t batches_before(struct stream *stream, uint64_t position)
{
    struct stream_reader *reader;
    struct stream_view view;
    uint32_t count = 1;
    uint64_t batches = 0;
    if (stream_reader_open(stream, 0, &reader, NULL) != WEIR_OK) {
        return 0;
    }
    while (stream_read(reader, &view, 1, &count, NULL) == WEIR_OK && count > 0 &&
           view.record->position < position) {
        batches++;
    }
    stream_reader_close(reader);
    return batches;
}

struct shares {
    uint64_t segments;
    uint64_t bytes;
    int64_t newest_us;
    uint64_t next;
};

static int add_shares(void *owner, const struct stream_segment_info *info)
{
    struct shares *shares = owner;
    CHECK_INT(info->begin, shares->next);
    CHECK_INT(info->share_count, 1);
    CHECK_INT(info->shares[0].table_id, LOG_TABLE);
    CHECK(info->shares[0].newest_us > shares->newest_us);
    shares->newest_us = info->shares[0].newest_us;
    shares->bytes += info->shares[0].bytes;
    shares->next = info->end;
    shares->segments++;
    return 0;
}

TEST(full_segments_say_what_they_hold_of_a_table)
{
    struct log_test test;
    struct shares shares = {.newest_us = -1}, again = {.newest_us = -1};
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 1000, 700);

    stream_segments(test.stream, add_shares, &shares);

    CHECK(shares.segments > 10);
    CHECK_INT(shares.bytes, batches_before(test.stream, shares.next) * 896);
    log_test_close(&test);
    test.from = UINT64_MAX;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    stream_segments(test.stream, add_shares, &again);
    CHECK_INT(again.segments, shares.segments);
    CHECK_INT(again.bytes, shares.bytes);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(what_is_retired_is_gone_for_readers_and_its_files_are_used_again)
{
    struct log_test test;
    struct stream_reader *reader, *late;
    struct stream_view views[4];
    uint32_t count;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    REQUIRE(stream_reader_open(test.stream, 0, &reader, &test.failure) == WEIR_OK);
    CHECK_INT(stream_oldest_reader(test.stream), 0);
    uint64_t written = 0;
    for (; written < 3000; written += 100) {
        uint64_t end = log_test_commit(&test, written, written + 100, 700);
        CHECK_INT(stream_retire(test.stream, end > 200000 ? end - 200000 : 0, &test.failure),
                  WEIR_OK);
        CHECK(stream_bytes_on_disk(test.stream) <= 12 * 65536);
    }

    CHECK(stream_begin(test.stream) > 0 && stream_begin(test.stream) % 65536 == 0);
    CHECK_INT(stream_read(reader, views, 4, &count, &test.failure), WEIR_ERROR_CONFIG);
    CHECK_HAS(test.failure.text, "is gone (retention)");
    CHECK_INT(stream_reader_open(test.stream, 0, &late, &test.failure), WEIR_ERROR_CONFIG);
    stream_reader_close(reader);
    CHECK_INT(stream_oldest_reader(test.stream), UINT64_MAX);
    log_test_close(&test);
    test.from = test.found.end = 0;
    uint64_t lost = test.corrupt_count;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK_INT(lost, 0);
    CHECK_INT(test.next, written);
    CHECK_INT(test.gap_count, 0);
    CHECK(test.found.begin > 0);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(stale_blocks_of_a_former_life_are_never_taken_for_records)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    uint64_t written = 0;
    for (; written < 600; written += 50) {
        uint64_t end = log_test_commit(&test, written, written + 50, 700);
        stream_retire(test.stream, end > 100000 ? end - 100000 : 0, &test.failure);
    }
    for (int restart = 0; restart < 60; restart++) {
        log_test_kill(&test);
        test.from = test.found.begin;
        REQUIRE(log_test_open(&test) == WEIR_OK);
        test.from = test.found.begin;
        CHECK_INT(test.next, written);
        CHECK_INT(test.gap_count, 0);
        CHECK(test.corrupt_count == 0 ||
              (test.corrupt_count == 1 && test.corrupt_to == test.found.begin)); // retired
        CHECK_INT(test.found.torn_bytes, 0);
        uint64_t end = log_test_commit(&test, written, written + 13, 700);
        stream_retire(test.stream, end > 100000 ? end - 100000 : 0, &test.failure);
        written += 13;
    }
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(after_a_clean_stop_the_last_segment_is_not_read_before_the_place_to_replay_from)
{
    struct log_test test;
    struct stream_mark mark;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    uint64_t from = log_test_commit(&test, 0, 30, 700);
    log_test_close(&test);
    disk_memory_bytes(test.disk, "log/0000000000000000", NULL)[5000] ^= 1;

    test.from = from;
    REQUIRE(log_test_open(&test) == WEIR_OK);

    CHECK_INT(test.corrupt_count, 0);
    CHECK(test.found.was_clean);
    CHECK_INT(stream_find(test.stream, LOG_TABLE, 3, 3, 0, &mark), 1);
    CHECK_INT(mark.offset, 3);
    log_test_close(&test);
    test.from = 0;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK_INT(test.corrupt_count, 1);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

TEST(a_log_that_ends_where_the_replay_begins_goes_on_from_its_last_record)
{
    struct log_test test;
    uint64_t byte_count;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    uint64_t from = log_test_commit(&test, 0, 30, 700);
    from = (from + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
    log_test_close(&test);
    // The power went while the end was written: the marks had reached the disk, the end had not.
    uint8_t *bytes = disk_memory_bytes(test.disk, "log/0000000000000000", &byte_count);
    REQUIRE(byte_count > from + 2 * DISK_BLOCK);
    memset(bytes + from, 0, 2 * DISK_BLOCK);

    test.from = from;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK_INT(test.found.end, from);
    log_test_commit(&test, 30, 40, 700);
    log_test_close(&test);

    test.from = 0;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    CHECK_INT(test.corrupt_count, 0);
    CHECK_INT(test.count, 40);
    CHECK_INT(test.gap_count, 0);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}
