// For tests of the log: a stream on any disk, batches that can be told apart, and what a replay or
// a reader made of them.
#ifndef TESTS_FLUSS_SUPPORT_LOG_H
#define TESTS_FLUSS_SUPPORT_LOG_H

#include "log/stream.h"

#define LOG_TABLE 7u
#define LOG_BUCKETS 8u

struct log_test {
    struct disk *disk;
    struct stream_settings settings; // may be changed before log_test_open
    struct stream *stream;
    struct stream_found found;
    struct failure failure;
    uint64_t from; // to replay from
    // Of the last replay:
    uint64_t first;     // number of the first batch
    uint64_t next;      // one more than that of the last batch, 0 if there was none
    uint64_t count;     // of batches
    uint64_t gap_count; // times that numbers did not ascend by one
    uint64_t corrupt_count;
    uint64_t corrupt_from;
    uint64_t corrupt_to;
    uint64_t corrupt_offset;
    char corrupt_path[64];
    char corrupt_why[128];
    // Of the callbacks:
    _Atomic uint64_t durable;
    _Atomic int failed_count;
};

// Small segments and buffers on a disk. Does not open.
void log_test_init(struct log_test *test, struct disk *disk);
int32_t log_test_open(struct log_test *test);
void log_test_close(struct log_test *test); // a clean stop
// Stops as a process that is killed does: what was not written is lost.
void log_test_kill(struct log_test *test);
// Appends batch `number` of bucket number % LOG_BUCKETS; its body follows from number and size.
// Retries while the log says RETRY and the disk is not full. *end: its end in the stream.
int32_t log_test_append(struct log_test *test, uint64_t number, uint32_t body_bytes, uint64_t *end);
int32_t log_test_append_unsynced(struct log_test *test, uint64_t number, uint32_t body_bytes,
                                 uint64_t *end);
// Appends batches and waits until the last one is acknowledged; returns its end.
uint64_t log_test_commit(struct log_test *test, uint64_t from, uint64_t to, uint32_t body_bytes);
// Whether a batch is as log_test_append made it.
int log_test_is_good(const struct record_header *record);
uint64_t log_test_number(const struct record_header *record);

#endif
