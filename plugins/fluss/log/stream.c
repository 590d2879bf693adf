#include "log/stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/stream_private.h"

#define CHUNK_BYTES_MAX (4u << 20)
#define CHUNK_BYTES_MIN (64u << 10)

static uint64_t chunk_bytes_for(const struct stream_settings *settings)
{
    uint64_t bytes = settings->buffer_bytes / 8 / DISK_BLOCK * DISK_BLOCK;
    bytes = bytes > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : bytes;
    return bytes < CHUNK_BYTES_MIN ? CHUNK_BYTES_MIN : bytes;
}

static void init_locks(struct stream *stream)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&stream->lock, NULL);
    pthread_mutex_init(&stream->marks_lock, NULL);
    pthread_mutex_init(&stream->retire_lock, NULL);
    pthread_mutex_init(&stream->listeners_lock, NULL);
    pthread_cond_init(&stream->work, &attributes);
    pthread_cond_init(&stream->progress, &attributes);
    pthread_cond_init(&stream->room, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void free_stream(struct stream *stream)
{
    for (struct chunk *chunk = stream->oldest; chunk != NULL;) {
        struct chunk *next = chunk->next;
        chunk_unref(chunk);
        chunk = next;
    }
    segments_finish(stream->settings.disk, &stream->segments);
    mark_buckets_finish(&stream->buckets);
    chunk_pool_unref(stream->pool);
    pthread_cond_destroy(&stream->work);
    pthread_cond_destroy(&stream->progress);
    pthread_cond_destroy(&stream->room);
    pthread_mutex_destroy(&stream->lock);
    pthread_mutex_destroy(&stream->marks_lock);
    pthread_mutex_destroy(&stream->retire_lock);
    pthread_mutex_destroy(&stream->listeners_lock);
    free(stream);
}

static void stop_threads(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->is_stopping = 1;
    pthread_cond_broadcast(&stream->work);
    pthread_cond_broadcast(&stream->room);
    pthread_mutex_unlock(&stream->lock);
    if (stream->has_writer) {
        pthread_join(stream->writer, NULL);
    }
    if (stream->has_keeper) {
        pthread_join(stream->keeper, NULL);
    }
}

static int32_t start_threads(struct stream *stream, struct failure *failure)
{
    stream->has_keeper = pthread_create(&stream->keeper, NULL, keeper_run, stream) == 0;
    stream->has_writer =
        stream->has_keeper && pthread_create(&stream->writer, NULL, writer_run, stream) == 0;
    if (!stream->has_writer) {
        stream->is_ended = 1;
        return failure_set(failure, WEIR_ERROR_FATAL, "cannot start the threads of the log");
    }
    return WEIR_OK;
}

static int32_t list_segments(struct stream *stream, struct failure *failure)
{
    const struct stream_settings *settings = &stream->settings;
    if (!segment_bytes_are_good(settings->segment_bytes)) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "a log segment of %" PRIu64 " bytes: it must be a multiple of %u, "
                           "from %u to %llu",
                           settings->segment_bytes, DISK_BLOCK, SEGMENT_BYTES_MIN,
                           SEGMENT_BYTES_MAX);
    }
    if (!settings->is_read_only) {
        int rc = settings->disk->table->make_folder(settings->disk, SEGMENT_FOLDER);
        if (rc != 0) {
            return failure_set(failure, WEIR_ERROR_CONFIG, "%s/%s: cannot make the folder: %s",
                               settings->disk->path, SEGMENT_FOLDER, strerror(-rc));
        }
    }
    return segments_list(settings->disk, settings->segment_bytes, &stream->segments, failure);
}

int32_t stream_open(const struct stream_settings *settings, const struct stream_replay *replay,
                    struct stream **out, struct stream_found *found, struct failure *failure)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for a log");
    }
    stream->settings = *settings;
    init_locks(stream);
    stream->pool = chunk_pool_create(settings->memory, chunk_bytes_for(settings));
    int32_t rc = stream->pool != NULL ? list_segments(stream, failure)
                                      : failure_set(failure, WEIR_ERROR_FATAL, "no memory");
    if (rc == WEIR_OK) {
        rc = recover_run(stream, replay, found, failure);
    }
    if (rc != WEIR_OK) {
        free_stream(stream);
        return rc;
    }
    stream->group_begin = stream->position;
    stream->acknowledged = stream->synced = stream->position;
    if (!settings->is_read_only) {
        if (segments_at(&stream->segments, stream->position) == NULL) {
            stream->wants_segment = 1; // at once
            keeper_prepare(stream);
        }
        rc = start_threads(stream, failure);
    }
    if (rc != WEIR_OK) {
        stream_close(stream);
        return rc;
    }
    *out = stream;
    return WEIR_OK;
}

void stream_close(struct stream *stream)
{
    if (stream != NULL) {
        stop_threads(stream);
        free_stream(stream);
    }
}

// The time on the monotonic clock that is timeout_us away.
static struct timespec deadline(int64_t timeout_us)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t ns = time.tv_nsec + timeout_us % 1000000 * 1000;
    time.tv_sec += timeout_us / 1000000 + ns / 1000000000;
    time.tv_nsec = ns % 1000000000;
    return time;
}

// Waits until *reached, which the lock guards, is at least position.
static int32_t wait_for(struct stream *stream, const uint64_t *reached, uint64_t position,
                        int64_t timeout_us)
{
    struct timespec end = deadline(timeout_us);
    int is_late = 0;
    while (*reached < position && !stream->has_failed && !is_late) {
        is_late = pthread_cond_timedwait(&stream->progress, &stream->lock, &end) != 0;
    }
    return *reached >= position ? 1 : stream->has_failed ? WEIR_ERROR_FATAL : 0;
}

int32_t stream_wait(struct stream *stream, uint64_t position, int64_t timeout_us)
{
    pthread_mutex_lock(&stream->lock);
    int32_t rc = wait_for(stream, &stream->acknowledged, position, timeout_us);
    pthread_mutex_unlock(&stream->lock);
    return rc;
}

int32_t stream_sync(struct stream *stream, uint64_t position, int64_t timeout_us)
{
    pthread_mutex_lock(&stream->lock);
    if (position > stream->sync_wanted) {
        stream->sync_wanted = position;
        pthread_cond_signal(&stream->work);
    }
    int32_t rc = wait_for(stream, &stream->synced, position, timeout_us);
    pthread_mutex_unlock(&stream->lock);
    return rc;
}

static uint64_t read_locked(struct stream *stream, const uint64_t *value)
{
    pthread_mutex_lock(&stream->lock);
    uint64_t read = *value;
    pthread_mutex_unlock(&stream->lock);
    return read;
}

uint64_t stream_durable(struct stream *stream)
{
    return read_locked(stream, &stream->acknowledged);
}

uint64_t stream_begin(struct stream *stream)
{
    return read_locked(stream, &stream->begin);
}

uint64_t stream_end(struct stream *stream)
{
    return read_locked(stream, &stream->position);
}

uint64_t stream_bytes_on_disk(struct stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    uint64_t files = (uint64_t)stream->segments.count + stream->segments.spare_count;
    pthread_mutex_unlock(&stream->lock);
    return files * stream->segments.segment_bytes;
}

void stream_listen(struct stream *stream, struct stream_listener *listener)
{
    pthread_mutex_lock(&stream->listeners_lock);
    listener->next = stream->listeners;
    stream->listeners = listener;
    pthread_mutex_unlock(&stream->listeners_lock);
}

void stream_unlisten(struct stream *stream, struct stream_listener *listener)
{
    pthread_mutex_lock(&stream->listeners_lock);
    struct stream_listener **link = &stream->listeners;
    while (*link != NULL && *link != listener) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = listener->next;
    }
    pthread_mutex_unlock(&stream->listeners_lock);
}
