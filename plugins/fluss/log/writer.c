// The writer: seals what was published, writes it and syncs it, one group after the other.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "log/stream_private.h"

// Nothing is written any more. [lock]
static void fail(struct stream *stream, uint64_t position, int error)
{
    snprintf(stream->why, sizeof stream->why,
             "%s: the log could not be written at position %" PRIu64
             ": %s; what was not acknowledged is lost, restart to go on",
             stream->settings.disk->path, position, strerror(-error));
    stream->has_failed = 1;
    pthread_cond_broadcast(&stream->progress);
    pthread_cond_broadcast(&stream->work);
}

// A run of a group that lies in one chunk.
struct run {
    const struct chunk *chunk;
    uint64_t begin;
    uint64_t end;
};

// The part of [position, end) that lies in the chunk that holds position.
static struct run run_at(struct stream *stream, uint64_t position, uint64_t end)
{
    pthread_mutex_lock(&stream->lock);
    const struct chunk *chunk = stream->oldest;
    while (chunk->end <= position) {
        chunk = chunk->next;
    }
    uint64_t stop = chunk->end < end ? chunk->end : end;
    pthread_mutex_unlock(&stream->lock);
    return (struct run){chunk, position, stop};
}

static void write_index(struct stream *stream, struct record_header *record)
{
    failpoint_reach(FAILPOINT_SEGMENT_FULL);
    const struct segment *segment = segments_at(&stream->segments, record->position);
    marks_encode(&segment->marks, segment->begin, record->position,
                 (uint8_t *)record + record->head_bytes, record->record_bytes - record->head_bytes);
    record_close(record);
}

static void note_batch(struct stream *stream, const struct record_header *record)
{
    struct segment *segment = segments_at(&stream->segments, record->position);
    marks_add(&segment->marks, &stream->buckets, segment->begin,
              stream->segments.index_bytes - sizeof *record, (const void *)record);
}

// Fills in what only the writer knows, in order.
static void seal(struct stream *stream, const struct run *run, uint64_t durable)
{
    pthread_mutex_lock(&stream->marks_lock);
    for (uint64_t position = run->begin; position < run->end;) {
        struct record_header *record = (void *)chunk_at(run->chunk, position);
        record->position = position;
        record->durable = durable;
        record->number = ++stream->number;
        record->epoch = stream->epoch;
        record->previous_crc = stream->previous_crc;
        memset(record->zero, 0, sizeof record->zero);
        if (record->kind == RECORD_BATCH) {
            note_batch(stream, record);
        } else if (record->kind == RECORD_INDEX) {
            write_index(stream, record);
        }
        record_seal(record);
        stream->previous_crc = record->header_crc;
        position += record->record_bytes;
    }
    pthread_mutex_unlock(&stream->marks_lock);
}

// The file to write a position to, opened if need be.
static int file_at(struct stream *stream, uint64_t position, struct disk_file **file)
{
    char path[SEGMENT_PATH_BYTES];
    pthread_mutex_lock(&stream->lock);
    *file = segments_at(&stream->segments, position)->file;
    pthread_mutex_unlock(&stream->lock);
    if (*file != NULL) {
        return 0;
    }
    segment_path(segment_begin_of(&stream->segments, position), path);
    struct disk *disk = stream->settings.disk;
    int rc = disk->table->open(disk, path, DISK_WRITE | DISK_DIRECT, file);
    if (rc == 0) {
        pthread_mutex_lock(&stream->lock);
        segments_at(&stream->segments, position)->file = *file;
        pthread_mutex_unlock(&stream->lock);
    }
    return rc;
}

static int write_run(struct stream *stream, const struct run *run)
{
    const struct segments *segments = &stream->segments;
    // The first group after a start begins in a block that has records already.
    uint64_t position = run->begin / DISK_BLOCK * DISK_BLOCK;
    while (position < run->end) {
        struct disk_file *file;
        uint64_t stop = segment_begin_of(segments, position) + segments->segment_bytes;
        stop = stop < run->end ? stop : run->end;
        int rc = file_at(stream, position, &file);
        if (rc == 0) {
            rc = stream->settings.disk->table->write(file, chunk_at(run->chunk, position),
                                                     stop - position,
                                                     position % segments->segment_bytes);
        }
        if (rc != 0) {
            return rc;
        }
        position = stop;
    }
    return 0;
}

static int sync_files(struct stream *stream, uint64_t begin, uint64_t end)
{
    const struct segments *segments = &stream->segments;
    for (uint64_t position = begin; position < end;
         position = segment_begin_of(segments, position) + segments->segment_bytes) {
        struct disk_file *file;
        int rc = file_at(stream, position, &file);
        rc = rc != 0 ? rc : stream->settings.disk->table->sync(file);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

// Files that are full and synced are not written to again.
static void close_files_before(struct stream *stream, uint64_t position)
{
    struct segments *segments = &stream->segments;
    for (uint32_t i = segments->count; i > 0; i--) {
        struct segment *segment = &segments->items[i - 1];
        if (segment->begin + segments->segment_bytes <= position) {
            if (segment->file == NULL) {
                break;
            }
            stream->settings.disk->table->close(segment->file);
            segment->file = NULL;
        }
    }
}

struct group {
    uint64_t begin;
    uint64_t end;
    uint64_t synced;
    int needs_sync;
};

static int write_group(struct stream *stream, const struct group *group)
{
    for (uint64_t position = group->begin; position < group->end;) {
        struct run run = run_at(stream, position, group->end);
        seal(stream, &run, group->synced);
        failpoint_reach(position == group->begin ? FAILPOINT_GROUP_SEALED : FAILPOINT_GROUP_PIECE);
        int rc = write_run(stream, &run);
        if (rc != 0) {
            return rc;
        }
        position = run.end;
    }
    failpoint_reach(FAILPOINT_GROUP_WRITTEN);
    int rc = group->needs_sync ? sync_files(stream, group->synced, group->end) : 0;
    if (rc == 0) {
        failpoint_reach(FAILPOINT_GROUP_SYNCED);
    }
    return rc;
}

// Closes the group being filled and waits until all of it is published. [lock]
static struct group close_group(struct stream *stream)
{
    append_pad(stream);
    struct group group = {
        .begin = stream->group_begin, .end = stream->position, .synced = stream->synced};
    uint32_t number = stream->group++;
    stream->group_begin = group.end;
    stream->closing_needs_sync = stream->needs_sync;
    stream->needs_sync = 0;
    stream->has_published = 0;
    while (stream->open[number % 2] > 0) {
        pthread_cond_wait(&stream->work, &stream->lock);
    }
    // A segment is synced before the next one is begun.
    int is_crossing = group.end > group.begin && segment_begin_of(&stream->segments, group.begin) !=
                                                     segment_begin_of(&stream->segments, group.end);
    group.needs_sync = stream->closing_needs_sync || is_crossing || stream->is_stopping ||
                       stream->sync_wanted > stream->synced;
    return group;
}

// Lets go of durable chunks that the tail has no room for. [lock]
static void trim_tail(struct stream *stream)
{
    while (stream->oldest != stream->current && stream->oldest->end <= stream->acknowledged &&
           stream->chunk_bytes - stream->oldest->capacity >= stream->settings.tail_bytes) {
        struct chunk *chunk = stream->oldest;
        stream->oldest = chunk->next;
        stream->chunk_bytes -= chunk->capacity;
        chunk_unref(chunk);
    }
}

static void notify_listeners(struct stream *stream)
{
    pthread_mutex_lock(&stream->listeners_lock);
    for (struct stream_listener *listener = stream->listeners; listener != NULL;
         listener = listener->next) {
        listener->notify(listener->owner);
    }
    pthread_mutex_unlock(&stream->listeners_lock);
}

// [lock, let go meanwhile]
static void commit_group(struct stream *stream)
{
    struct group group = close_group(stream);
    pthread_mutex_unlock(&stream->lock);
    int rc = write_group(stream, &group);
    pthread_mutex_lock(&stream->lock);
    if (rc != 0) {
        fail(stream, group.begin, rc);
        pthread_mutex_unlock(&stream->lock);
        if (stream->settings.failed != NULL) {
            stream->settings.failed(stream->settings.owner, stream->acknowledged, stream->why);
        }
        notify_listeners(stream);
        pthread_mutex_lock(&stream->lock);
        return;
    }
    stream->acknowledged = group.end;
    if (group.needs_sync) {
        stream->synced = group.end;
        close_files_before(stream, group.end);
    }
    trim_tail(stream);
    pthread_cond_broadcast(&stream->progress);
    pthread_mutex_unlock(&stream->lock);
    if (stream->settings.durable != NULL) {
        stream->settings.durable(stream->settings.owner, group.end);
    }
    notify_listeners(stream);
    pthread_mutex_lock(&stream->lock);
}

// The marks of the last segment, where its index will be once it is full: the next start need not
// read the segment. Not part of the stream (number 0), and not needed: if it cannot be written, so
// be it. [lock, let go meanwhile]
static void write_stop_index(struct stream *stream)
{
    uint64_t end = stream->position, position = segment_index_of(&stream->segments, end);
    const struct segment *segment = segments_at(&stream->segments, end);
    uint64_t byte_count =
        segment == NULL
            ? 0
            : record_padded(sizeof(struct record_header) + marks_bytes(&segment->marks));
    byte_count = (byte_count + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
    if (segment == NULL || end == segment->begin || byte_count > stream->segments.index_bytes) {
        return;
    }
    pthread_mutex_unlock(&stream->lock);
    struct chunk *chunk = chunk_create(stream->pool, byte_count, position);
    if (chunk != NULL) {
        struct record_header *record = (void *)chunk->bytes;
        memset(record, 0, byte_count);
        record->kind = RECORD_INDEX;
        record->head_bytes = sizeof *record;
        record->record_bytes = (uint32_t)byte_count;
        record->position = position;
        record->epoch = stream->epoch;
        pthread_mutex_lock(&stream->marks_lock);
        segment = segments_at(&stream->segments, end);
        marks_encode(&segment->marks, segment->begin, end, (uint8_t *)(record + 1),
                     byte_count - sizeof *record);
        pthread_mutex_unlock(&stream->marks_lock);
        record_close(record);
        record_seal(record);
        write_run(stream, &(struct run){chunk, position, position + byte_count});
        chunk_unref(chunk);
    }
    pthread_mutex_lock(&stream->lock);
}

static int has_work(const struct stream *stream)
{
    return stream->has_published ||
           (stream->sync_wanted > stream->synced && stream->acknowledged > stream->synced);
}

void *writer_run(void *owner)
{
    struct stream *stream = owner;
    pthread_mutex_lock(&stream->lock);
    while (!stream->has_failed) {
        if (has_work(stream)) {
            commit_group(stream);
        } else if (!stream->is_stopping) {
            pthread_cond_wait(&stream->work, &stream->lock);
        } else {
            if (stream->is_ended || stream->end_count == END_COUNT) {
                break;
            }
            if (stream->end_count == 0) {
                write_stop_index(stream);
            }
            if (!append_end(stream)) {
                break;
            }
            stream->end_count++;
        }
    }
    pthread_mutex_unlock(&stream->lock);
    return NULL;
}
