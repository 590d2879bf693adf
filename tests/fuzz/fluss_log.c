// Segment files: any bytes as the first segment of a log, then a log that is opened, read, written
// to and opened again. What was appended comes back, whatever lay there before. The first byte of
// the input says whether checksums are made good first, so that what lies behind them is reached.
#include "log/stream.h"

#include <stdlib.h>
#include <string.h>

#include "fluss/support/disk_memory.h"
#include "fluss/support/log.h"

#define SEGMENT_BYTES (64u << 10)
#define MEMORY_BYTES_MAX (16u << 20) // of one allocation
#define DISK_BYTES_MAX (1u << 20)
#define NUMBER 1000000u // of the batches that the harness appends

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static void must(int condition)
{
    if (!condition) {
        abort();
    }
}

static void *allocate(const struct store_memory *memory, uint64_t byte_count)
{
    (void)memory;
    must(byte_count <= MEMORY_BYTES_MAX);
    return store_system_memory.allocate(&store_system_memory, byte_count);
}

static void release(const struct store_memory *memory, void *bytes, uint64_t byte_count)
{
    (void)memory;
    store_system_memory.release(&store_system_memory, bytes, byte_count);
}

static const struct store_memory bounded_memory = {allocate, release};

static void repair(uint8_t *segment)
{
    for (uint64_t at = 0; at + sizeof(struct record_batch) <= SEGMENT_BYTES; at += RECORD_ALIGN) {
        struct record_header *record = (void *)(segment + at);
        if (record->magic == RECORD_MAGIC && record->head_bytes >= sizeof *record &&
            record->record_bytes >= record->head_bytes &&
            record->record_bytes <= SEGMENT_BYTES - at) {
            record_close(record);
            record_seal(record);
        }
    }
}

static int32_t note_batch(void *owner, const struct record_header *record, struct failure *failure)
{
    uint64_t *newest = owner;
    (void)failure;
    if (record->record_bytes >= sizeof(struct record_batch)) {
        *newest = log_test_number(record);
    }
    return WEIR_OK;
}

static void read_all(struct stream *stream)
{
    struct stream_reader *reader;
    struct stream_view views[8];
    uint32_t count = 1;
    int32_t rc = WEIR_OK;
    if (stream_reader_open(stream, stream_begin(stream), &reader, NULL) != WEIR_OK) {
        return;
    }
    while (rc == WEIR_ERROR_DATA || (rc == WEIR_OK && count > 0)) {
        rc = stream_read(reader, views, 8, &count, NULL);
    }
    stream_reader_close(reader);
}

// Opens, reads, appends and stops. Returns whether the batch was acknowledged.
static int use(struct log_test *test, uint64_t *newest)
{
    struct stream_replay replay = {.record = note_batch, .owner = newest};
    uint64_t end;
    int is_done = 0;
    if (stream_open(&test->settings, &replay, &test->stream, &test->found, &test->failure) ==
        WEIR_OK) {
        read_all(test->stream);
        is_done = !test->settings.is_read_only &&
                  log_test_append(test, NUMBER, 100, &end) == WEIR_OK &&
                  stream_wait(test->stream, end, 60000000) == 1;
        log_test_close(test);
    }
    return is_done;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    static uint8_t segment[SEGMENT_BYTES] __attribute__((aligned(64)));
    struct log_test test;
    uint64_t newest = 0;
    if (byte_count == 0 || byte_count > SEGMENT_BYTES) {
        return 0;
    }
    memset(segment, 0, sizeof segment);
    memcpy(segment, bytes + 1, byte_count - 1);
    if ((bytes[0] & 1) != 0) {
        repair(segment);
    }
    log_test_init(&test, disk_memory_create());
    disk_memory_limit(test.disk, DISK_BYTES_MAX);
    disk_memory_put(test.disk, "log/0000000000000000", segment, sizeof segment);
    test.settings.memory = &bounded_memory;
    test.settings.is_read_only = 1;
    must(stream_verify(test.disk, &bounded_memory, NULL, NULL, NULL) >= 0);
    use(&test, &newest);
    test.settings.is_read_only = 0;
    if ((bytes[0] & 2) != 0 && use(&test, &newest)) {
        newest = 0;
        use(&test, &newest);
        must(newest == NUMBER);
    }
    test.disk->table->destroy(test.disk);
    return 0;
}
