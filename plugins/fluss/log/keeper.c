// The keeper: a thread that makes the next segment file ready before it is needed, so that a full
// disk is found out while nothing has been promised yet, and no append waits for the file system.
#include <errno.h>
#include <string.h>

#include "log/stream_private.h"

static int make_file(struct disk *disk, const char *path, uint64_t byte_count)
{
    struct disk_file *file;
    int rc = disk->table->open(disk, path, DISK_CREATE | DISK_WRITE, &file);
    if (rc != 0) {
        return rc;
    }
    rc = disk->table->allocate(file, byte_count);
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
    struct disk *disk = stream->settings.disk;
    char path[SEGMENT_PATH_BYTES];
    pthread_mutex_lock(&stream->lock);
    uint64_t begin = segments->count > 0
                         ? segments->items[segments->count - 1].begin + segments->segment_bytes
                         : segment_begin_of(segments, stream->position);
    pthread_mutex_unlock(&stream->lock);
    segment_path(begin, path);
    int is_reused = reuse_file(stream, path) == 0;
    int rc = is_reused ? 0 : make_file(disk, path, segments->segment_bytes);
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
