// Where things are, and giving up what is not needed any more.
#include <inttypes.h>
#include <string.h>

#include "base/failpoint.h"
#include "log/stream_private.h"

// Whether reading from a mark on misses nothing that is wanted.
static int is_before(const struct mark *mark, uint64_t offset, int64_t timestamp_us)
{
    return offset != UINT64_MAX ? mark->offset <= offset : mark->newest_us < timestamp_us;
}

// The search in one segment. *rc: -1 nothing yet, 0 the first mark is kept, 1 one that fits.
// Returns whether later segments can have a better one.
static int find_in(const struct segment *segment, uint32_t table_id, uint32_t bucket,
                   uint64_t offset, int64_t timestamp_us, struct stream_mark *found, int *rc)
{
    if (segment->marks.has_lost) {
        if (*rc < 0) {
            *found = (struct stream_mark){segment->begin, 0, INT64_MIN};
            *rc = 0;
        }
        return 0;
    }
    for (uint32_t i = 0; i < segment->marks.count; i++) {
        const struct mark *mark = &segment->marks.items[i];
        if (mark->table_id != table_id || mark->bucket != bucket) {
            continue;
        }
        int fits = is_before(mark, offset, timestamp_us);
        if (fits || *rc < 0) {
            *found = (struct stream_mark){mark->position, mark->offset, mark->newest_us};
            *rc = fits;
        }
        if (!fits) {
            return 0;
        }
    }
    return 1;
}

int stream_find(struct stream *stream, uint32_t table_id, uint32_t bucket, uint64_t offset,
                int64_t timestamp_us, struct stream_mark *mark)
{
    int rc = -1;
    pthread_mutex_lock(&stream->marks_lock);
    for (uint32_t i = 0; i < stream->segments.count; i++) {
        if (!find_in(&stream->segments.items[i], table_id, bucket, offset, timestamp_us, mark,
                     &rc)) {
            break;
        }
    }
    pthread_mutex_unlock(&stream->marks_lock);
    return rc;
}

void stream_segments(struct stream *stream,
                     int (*each)(void *owner, const struct stream_segment_info *), void *owner)
{
    uint64_t acknowledged = stream_durable(stream);
    pthread_mutex_lock(&stream->marks_lock);
    for (uint32_t i = 0; i < stream->segments.count; i++) {
        const struct segment *segment = &stream->segments.items[i];
        struct stream_segment_info info = {.begin = segment->begin,
                                           .end = segment->begin + stream->segments.segment_bytes,
                                           .share_count = segment->marks.share_count,
                                           .shares = segment->marks.shares};
        if (info.end > acknowledged || each(owner, &info) != 0) {
            break;
        }
    }
    pthread_mutex_unlock(&stream->marks_lock);
}

// The oldest segment, if all of it lies before position and is durable. Its records are gone for
// readers from here on.
static int begin_retiring(struct stream *stream, uint64_t position, uint64_t *begin, int *is_kept)
{
    struct segments *segments = &stream->segments;
    pthread_mutex_lock(&stream->lock);
    uint64_t limit = position < stream->synced ? position : stream->synced;
    int is_due = segments->count > 0 && segments->items[0].begin + segments->segment_bytes <= limit;
    if (is_due) {
        *begin = segments->items[0].begin;
        stream->begin = *begin + segments->segment_bytes;
        *is_kept = segments->spare_count < SEGMENT_SPARES_MAX;
    }
    pthread_mutex_unlock(&stream->lock);
    return is_due;
}

static void end_retiring(struct stream *stream, uint64_t begin, int is_kept)
{
    struct segments *segments = &stream->segments;
    pthread_mutex_lock(&stream->lock);
    pthread_mutex_lock(&stream->marks_lock);
    marks_finish(&segments->items[0].marks);
    segments->count--;
    memmove(segments->items, segments->items + 1, segments->count * sizeof *segments->items);
    if (is_kept) {
        segments->spares[segments->spare_count++] = begin;
    }
    stream->wants_segment = stream->room_error != 0; // there may be room now
    pthread_cond_signal(&stream->room);
    pthread_mutex_unlock(&stream->marks_lock);
    pthread_mutex_unlock(&stream->lock);
}

int32_t stream_retire(struct stream *stream, uint64_t position, struct failure *failure)
{
    struct disk *disk = stream->settings.disk;
    uint64_t begin;
    int is_kept, rc = 0;
    char path[SEGMENT_PATH_BYTES], spare[SEGMENT_PATH_BYTES];
    if (stream->settings.is_read_only) {
        return failure_set(failure, WEIR_ERROR_FATAL, "the log is open for reading only");
    }
    pthread_mutex_lock(&stream->retire_lock);
    while (rc == 0 && begin_retiring(stream, position, &begin, &is_kept)) {
        segment_path(begin, path);
        segment_spare_path(begin, spare);
        rc = is_kept ? disk->table->rename(disk, path, spare) : disk->table->unlink(disk, path);
        if (rc == 0) {
            failpoint_reach(FAILPOINT_SEGMENT_RETIRED);
            end_retiring(stream, begin, is_kept);
        }
    }
    pthread_mutex_unlock(&stream->retire_lock);
    if (rc != 0) {
        return failure_set(failure, WEIR_ERROR_RETRY, "%s/%s: cannot give the segment up: %s",
                           disk->path, path, strerror(-rc));
    }
    return WEIR_OK;
}
