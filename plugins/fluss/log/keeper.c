// The keeper: a thread that makes the next segment file ready before it is needed, so that a full
// disk is found out while nothing has been promised yet, and no append waits for the file system.
#include <errno.h>
#include <string.h>

#include "base/failpoint.h"
#include "log/stream_private.h"

#define ZERO_BYTES (256u << 10) // small, so that groups need not wait for long

// Writes a new file once, unless somebody waits for it: blocks that were written before take a
// group in half the time, as the file system need not note that they are in use now.
static int write_once(struct stream *stream, struct disk_file *file, uint64_t byte_count)
{
    struct chunk *chunk = chunk_create(stream->pool, ZERO_BYTES, 0);
    if (chunk == NULL) {
        return 0; // it only takes longer
    }
    memset(chunk->bytes, 0, ZERO_BYTES);
    int rc = 0, is_awaited = 0;
    for (uint64_t at = 0; rc == 0 && !is_awaited && at < byte_count; at += ZERO_BYTES) {
        uint64_t piece = byte_count - at < ZERO_BYTES ? byte_count - at : ZERO_BYTES;
        rc = stream->settings.disk->table->write(file, chunk->bytes, piece, at);
        pthread_mutex_lock(&stream->lock);
        is_awaited = stream->wants_segment || stream->is_stopping;
        pthread_mutex_unlock(&stream->lock);
    }
    chunk_unref(chunk);
    return rc;
}

static int make_file(struct stream *stream, const char *path, uint64_t byte_count)
{
    struct disk *disk = stream->settings.disk;
    struct disk_file *file;
    int rc = disk->table->open(disk, path, DISK_CREATE | DISK_WRITE | DISK_DIRECT, &file);
    if (rc != 0) {
        return rc;
    }
    rc = disk->table->allocate(file, byte_count);
    rc = rc != 0 ? rc : write_once(stream, file, byte_count);
    rc = rc != 0 ? rc : disk->table->sync(file);
    disk->table->close(file);
    if (rc != 0) {
        disk->table->unlink(disk, path);
    }
    return rc;
}

// A file of a former life that has the right size. -ENOENT: none is left.
static int reuse_file(struct stream *stream, const char *path)
{
    char spare[SEGMENT_PATH_BYTES];
    struct segments *segments = &stream->segments;
    pthread_mutex_lock(&stream->lock);
    int has_one = segments->spare_count > 0;
    if (has_one) {
        segment_spare_path(segments->spares[--segments->spare_count], spare);
    }
    pthread_mutex_unlock(&stream->lock);
    return has_one ? stream->settings.disk->table->rename(stream->settings.disk, spare, path)
                   : -ENOENT;
}

int keeper_prepare(struct stream *stream)
{
    struct segments *segments = &stream->segments;
    char path[SEGMENT_PATH_BYTES];
    pthread_mutex_lock(&stream->lock);
    uint64_t begin = segments->count > 0
                         ? segments->items[segments->count - 1].begin + segments->segment_bytes
                         : segment_begin_of(segments, stream->position);
    pthread_mutex_unlock(&stream->lock);
    segment_path(begin, path);
    int is_reused = reuse_file(stream, path) == 0;
    int rc = is_reused ? 0 : make_file(stream, path, segments->segment_bytes);
    if (rc == 0) {
        failpoint_reach(FAILPOINT_SEGMENT_MADE);
    }
    pthread_mutex_lock(&stream->lock);
    pthread_mutex_lock(&stream->marks_lock);
    struct segment *segment = rc == 0 ? segments_add(segments, begin) : NULL;
    if (segment != NULL) {
        segment->was_used = (uint8_t)is_reused;
    } else if (rc == 0) {
        rc = -ENOMEM;
    }
    stream->room_error = rc;
    pthread_mutex_unlock(&stream->marks_lock);
    pthread_mutex_unlock(&stream->lock);
    return rc;
}

static int has_segment_ahead(struct stream *stream)
{
    const struct segments *segments = &stream->segments;
    return segments->count > 0 && segments->items[segments->count - 1].begin > stream->position;
}

void *keeper_run(void *owner)
{
    struct stream *stream = owner;
    pthread_mutex_lock(&stream->lock);
    while (!stream->is_stopping) {
        int is_wanted = stream->wants_segment || stream->room_error == 0;
        if (stream->has_failed || has_segment_ahead(stream) || !is_wanted) {
            stream->wants_segment = 0;
            pthread_cond_wait(&stream->room, &stream->lock);
            continue;
        }
        stream->wants_segment = 0;
        pthread_mutex_unlock(&stream->lock);
        keeper_prepare(stream);
        pthread_mutex_lock(&stream->lock);
    }
    pthread_mutex_unlock(&stream->lock);
    return NULL;
}
