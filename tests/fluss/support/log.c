#include "support/log.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "support/disk_memory.h"

static void note_durable(void *owner, uint64_t position)
{
    ((struct log_test *)owner)->durable = position;
}

static void note_failed(void *owner, uint64_t position, const char *why)
{
    (void)position;
    (void)why;
    ((struct log_test *)owner)->failed_count++;
}

static int32_t note_record(void *owner, const struct record_header *record, struct failure *failure)
{
    struct log_test *test = owner;
    uint64_t number = log_test_number(record);
    if (!log_test_is_good(record)) {
        return failure_set(failure, WEIR_ERROR_FATAL, "a batch that was never appended");
    }
    if (test->count++ == 0) {
        test->first = number;
    } else if (number != test->next) {
        test->gap_count++;
    }
    test->next = number + 1;
    return WEIR_OK;
}

static void note_corrupt(void *owner, const char *path, uint64_t file_offset, uint64_t from,
                         uint64_t to, const char *why)
{
    struct log_test *test = owner;
    if (test->corrupt_count++ == 0) {
        test->corrupt_from = from;
        test->corrupt_to = to;
        test->corrupt_offset = file_offset;
        snprintf(test->corrupt_path, sizeof test->corrupt_path, "%s", path);
        snprintf(test->corrupt_why, sizeof test->corrupt_why, "%s", why);
    }
}

void log_test_init(struct log_test *test, struct disk *disk)
{
    memset(test, 0, sizeof *test);
    test->disk = disk;
    test->settings = (struct stream_settings){
        .disk = disk,
        .clock = &store_system_clock,
        .memory = &store_system_memory,
        .segment_bytes = 64u << 10,
        .buffer_bytes = 1u << 20,
        .tail_bytes = 1u << 20,
        .durable = note_durable,
        .failed = note_failed,
        .owner = test,
    };
}

int32_t log_test_open(struct log_test *test)
{
    struct stream_replay replay = {
        .from = test->from, .record = note_record, .corrupt = note_corrupt, .owner = test};
    test->first = test->next = test->count = test->gap_count = test->corrupt_count = 0;
    test->stream = NULL;
    return stream_open(&test->settings, &replay, &test->stream, &test->found, &test->failure);
}

void log_test_close(struct log_test *test)
{
    stream_close(test->stream);
    test->stream = NULL;
}

void log_test_kill(struct log_test *test)
{
    disk_memory_halt(test->disk);
    log_test_close(test);
    disk_memory_heal(test->disk);
}

static void fill(uint8_t *bytes, uint64_t number, uint32_t byte_count)
{
    for (uint32_t i = 0; i < byte_count; i++) {
        bytes[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
    }
}

static int32_t append(struct log_test *test, uint64_t number, uint32_t body_bytes, uint64_t *end,
                      void (*publish)(struct stream *, const struct stream_room *))
{
    struct stream_room room;
    uint32_t record_bytes = (uint32_t)record_padded(sizeof(struct record_batch) + body_bytes);
    int32_t rc;
    while ((rc = stream_reserve(test->stream, record_bytes, &room, &test->failure)) ==
               WEIR_ERROR_RETRY &&
           strstr(test->failure.text, "no room") == NULL) {
        sched_yield();
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    struct record_batch *batch = (void *)room.bytes;
    memset(batch, 0, sizeof *batch);
    batch->header.kind = RECORD_BATCH;
    batch->header.head_bytes = sizeof *batch;
    batch->header.record_bytes = record_bytes;
    batch->table_id = LOG_TABLE;
    batch->bucket = (uint32_t)(number % LOG_BUCKETS);
    batch->base_offset = number;
    batch->end_offset = number + 1;
    batch->timestamp_us = (int64_t)number * 1000;
    batch->row_count = 1;
    fill(room.bytes + sizeof *batch, number, record_bytes - sizeof *batch);
    record_close(&batch->header);
    publish(test->stream, &room);
    *end = room.position + record_bytes;
    return WEIR_OK;
}

int32_t log_test_append(struct log_test *test, uint64_t number, uint32_t body_bytes, uint64_t *end)
{
    return append(test, number, body_bytes, end, stream_publish);
}

int32_t log_test_append_unsynced(struct log_test *test, uint64_t number, uint32_t body_bytes,
                                 uint64_t *end)
{
    return append(test, number, body_bytes, end, stream_publish_unsynced);
}

uint64_t log_test_commit(struct log_test *test, uint64_t from, uint64_t to, uint32_t body_bytes)
{
    uint64_t end = 0;
    for (uint64_t number = from; number < to; number++) {
        if (log_test_append(test, number, body_bytes, &end) != WEIR_OK) {
            return 0;
        }
    }
    return stream_wait(test->stream, end, 60000000) == 1 ? end : 0;
}

uint64_t log_test_number(const struct record_header *record)
{
    return ((const struct record_batch *)record)->base_offset;
}

int log_test_is_good(const struct record_header *record)
{
    const struct record_batch *batch = (const void *)record;
    const uint8_t *body = (const uint8_t *)(batch + 1);
    uint64_t number = batch->base_offset;
    for (uint32_t i = 0; i < record->record_bytes - sizeof *batch; i++) {
        if (body[i] != (uint8_t)(number * 31 + i * 7 + (i >> 8))) {
            return 0;
        }
    }
    return record->kind == RECORD_BATCH && batch->table_id == LOG_TABLE &&
           batch->bucket == number % LOG_BUCKETS;
}
