#include "support/memory_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int32_t reserve(void *owner, uint32_t record_bytes, uint8_t **bytes, uint64_t *position,
                       void **room, struct failure *failure)
{
    struct memory_log *log = owner;
    pthread_mutex_lock(&log->lock);
    if (log->refusals > 0) {
        log->refusals--;
        pthread_mutex_unlock(&log->lock);
        return failure_set(failure, WEIR_ERROR_RETRY, "the log is full");
    }
    if (log->count == log->capacity) {
        log->capacity = log->capacity == 0 ? 64 : 2 * log->capacity;
        log->records = realloc(log->records, log->capacity * sizeof *log->records);
        log->positions = realloc(log->positions, log->capacity * sizeof *log->positions);
        assert(log->records != NULL && log->positions != NULL);
    }
    assert(record_bytes % RECORD_ALIGN == 0);
    struct record_batch *record = aligned_alloc(RECORD_ALIGN, record_bytes);
    assert(record != NULL);
    memset(record, 0xa5, record_bytes);
    log->positions[log->count] = log->position;
    log->records[log->count++] = record;
    *bytes = (uint8_t *)record;
    *position = log->position;
    *room = record;
    log->position += record_bytes;
    pthread_mutex_unlock(&log->lock);
    return WEIR_OK;
}

// What the writer of the stream would fill in.
static void publish(void *owner, void *room)
{
    struct memory_log *log = owner;
    struct record_batch *record = room;
    pthread_mutex_lock(&log->lock);
    uint32_t i = log->count - 1;
    while (log->records[i] != record) {
        i--;
    }
    record->header.position = log->positions[i];
    log->published++;
    pthread_mutex_unlock(&log->lock);
}

void memory_log_init(struct memory_log *log)
{
    *log = (struct memory_log){.log = {reserve, publish, log}};
    pthread_mutex_init(&log->lock, NULL);
}

void memory_log_finish(struct memory_log *log)
{
    for (uint32_t i = 0; i < log->count; i++) {
        free(log->records[i]);
    }
    free(log->records);
    free(log->positions);
    pthread_mutex_destroy(&log->lock);
}

int32_t memory_snapshot_write(void *owner, struct record_header *record, struct failure *failure)
{
    struct memory_snapshot *snapshot = owner;
    (void)failure;
    struct record_header *copy = aligned_alloc(RECORD_ALIGN, record->record_bytes);
    snapshot->records =
        realloc(snapshot->records, (snapshot->count + 1) * sizeof *snapshot->records);
    assert(copy != NULL && snapshot->records != NULL);
    memcpy(copy, record, record->record_bytes);
    snapshot->records[snapshot->count++] = copy;
    return WEIR_OK;
}

int32_t memory_snapshot_load(const struct memory_snapshot *snapshot, struct bucket *bucket,
                             struct failure *failure)
{
    int32_t code = WEIR_OK;
    for (uint32_t i = 0; i < snapshot->count && code == WEIR_OK; i++) {
        code = bucket_load(bucket, snapshot->records[i], failure);
    }
    return code == WEIR_OK ? bucket_load_end(bucket, failure) : code;
}

void memory_snapshot_finish(struct memory_snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->count; i++) {
        free(snapshot->records[i]);
    }
    free(snapshot->records);
    *snapshot = (struct memory_snapshot){0};
}
