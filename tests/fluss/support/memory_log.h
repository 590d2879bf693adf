// A log in memory for tests of buckets: keeps every record, refuses as told, and counts what a
// bucket leaves unpublished.
#ifndef TESTS_FLUSS_SUPPORT_MEMORY_LOG_H
#define TESTS_FLUSS_SUPPORT_MEMORY_LOG_H

#include <pthread.h>

#include "engine/bucket.h"

struct memory_log {
    struct bucket_log log;
    pthread_mutex_t lock;
    struct record_batch **records;
    uint64_t *positions; // of the records
    uint32_t count;
    uint32_t capacity;
    uint32_t published;
    uint64_t position;
    int refusals; // reserve says RETRY so many times
};

void memory_log_init(struct memory_log *log);
void memory_log_finish(struct memory_log *log);

// Records of a snapshot, as bucket_save writes them.
struct memory_snapshot {
    struct record_header **records;
    uint32_t count;
};
int32_t memory_snapshot_write(void *owner, struct record_header *record, struct failure *failure);
// Loads all of them into a bucket.
int32_t memory_snapshot_load(const struct memory_snapshot *snapshot, struct bucket *bucket,
                             struct failure *failure);
void memory_snapshot_finish(struct memory_snapshot *snapshot);

#endif
