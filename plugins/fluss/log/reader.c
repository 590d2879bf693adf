// Readers: from the tail without a copy, from the segments when they are behind it.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "log/stream_private.h"

struct stream_reader {
    struct stream *stream;
    uint64_t position;  // under the stream's lock
    struct chunk *held; // of the views handed out last
    struct scan scan;
    uint32_t last_crc;
    int has_last; // the next record must follow on last_crc
    struct stream_reader *next;
};

static int32_t gone(const struct stream_reader *reader, uint64_t begin, struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_CONFIG,
                       "%s: the log before position %" PRIu64 " is gone (retention), and with it "
                       "position %" PRIu64 " where reading was to go on",
                       reader->stream->settings.disk->path, begin, reader->position);
}

int32_t stream_reader_open(struct stream *stream, uint64_t position, struct stream_reader **out,
                           struct failure *failure)
{
    struct stream_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for a reader");
    }
    reader->stream = stream;
    reader->position = position;
    scan_init(&reader->scan, stream->settings.disk, stream->pool, stream->segments.segment_bytes);
    pthread_mutex_lock(&stream->lock);
    uint64_t begin = stream->begin;
    if (position >= begin) {
        reader->next = stream->readers;
        stream->readers = reader;
    }
    pthread_mutex_unlock(&stream->lock);
    if (position < begin) {
        gone(reader, begin, failure);
        free(reader);
        return WEIR_ERROR_CONFIG;
    }
    *out = reader;
    return WEIR_OK;
}

void stream_reader_close(struct stream_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    pthread_mutex_lock(&reader->stream->lock);
    struct stream_reader **link = &reader->stream->readers;
    while (*link != reader) {
        link = &(*link)->next;
    }
    *link = reader->next;
    pthread_mutex_unlock(&reader->stream->lock);
    chunk_unref(reader->held);
    scan_finish(&reader->scan);
    free(reader);
}

static void move_to(struct stream_reader *reader, uint64_t position)
{
    pthread_mutex_lock(&reader->stream->lock);
    reader->position = position;
    pthread_mutex_unlock(&reader->stream->lock);
}

uint64_t stream_reader_position(struct stream_reader *reader)
{
    pthread_mutex_lock(&reader->stream->lock);
    uint64_t position = reader->position;
    pthread_mutex_unlock(&reader->stream->lock);
    return position;
}

uint64_t stream_oldest_reader(struct stream *stream)
{
    uint64_t oldest = UINT64_MAX;
    pthread_mutex_lock(&stream->lock);
    for (struct stream_reader *reader = stream->readers; reader != NULL; reader = reader->next) {
        oldest = reader->position < oldest ? reader->position : oldest;
    }
    pthread_mutex_unlock(&stream->lock);
    return oldest;
}

// What a reader can have now.
struct reach {
    uint64_t begin;
    uint64_t stop;       // of the chunk, or of what only the segments have
    struct chunk *chunk; // with a reference; NULL: it is in the segments
};

static struct reach reach_of(struct stream_reader *reader)
{
    struct stream *stream = reader->stream;
    pthread_mutex_lock(&stream->lock);
    struct reach reach = {.begin = stream->begin, .stop = stream->acknowledged};
    struct chunk *chunk = stream->oldest;
    if (chunk != NULL && reader->position < chunk->first) {
        reach.stop = chunk->first < reach.stop ? chunk->first : reach.stop;
        chunk = NULL;
    }
    while (chunk != NULL && chunk->end <= reader->position) {
        chunk = chunk->next;
    }
    if (chunk != NULL) {
        chunk_ref(chunk);
        reach.chunk = chunk;
        reach.stop = chunk->end < reach.stop ? chunk->end : reach.stop;
    }
    pthread_mutex_unlock(&stream->lock);
    return reach;
}

static void hold(struct stream_reader *reader, struct chunk *chunk)
{
    chunk_unref(reader->held);
    reader->held = chunk;
}

static void note(struct stream_reader *reader, const struct record_header *record)
{
    reader->last_crc = record->header_crc;
    reader->has_last = 1;
}

// Goes on behind damage, at the next good record.
static int32_t report_damage(struct stream_reader *reader, uint64_t stop, const char *reason,
                             struct failure *failure)
{
    struct stream *stream = reader->stream;
    uint64_t from = reader->position, at = from + RECORD_ALIGN, begin = stream_begin(stream), end;
    if (from < begin) {
        return gone(reader, begin, failure);
    }
    failure_set(failure, WEIR_ERROR_DATA, "%s/%s, offset %" PRIu64 ": %s",
                stream->settings.disk->path, reader->scan.path, scan_offset(&reader->scan, from),
                reason);
    int is_found = 0;
    while (!is_found && at < stop) {
        uint64_t segment_end = at - scan_offset(&reader->scan, at) + reader->scan.segment_bytes;
        uint64_t to = segment_end < stop ? segment_end : stop;
        const struct record_header *record;
        const char *why;
        if (!scan_search(&reader->scan, &at, to, &end)) {
            at = to;
        } else if (scan_record(&reader->scan, at, &record, &why) == 1) {
            is_found = 1;
        } else {
            at += RECORD_ALIGN;
        }
    }
    move_to(reader, at < stop ? at : stop);
    reader->has_last = 0;
    return WEIR_ERROR_DATA;
}

static int follows(const struct stream_reader *reader, const struct record_header *record,
                   const char **why)
{
    if (reader->has_last && record->previous_crc != reader->last_crc) {
        *why = "a record that does not follow on the one before it";
        return 0;
    }
    return 1;
}

// The record at the reader's position. What was read before may be older than the record.
static int read_first(struct stream_reader *reader, const struct record_header **record,
                      const char **why)
{
    int rc = scan_record(&reader->scan, reader->position, record, why);
    if (rc != 1 || !follows(reader, *record, why)) {
        scan_forget(&reader->scan);
        rc = scan_record(&reader->scan, reader->position, record, why);
    }
    return rc == 1 && !follows(reader, *record, why) ? 0 : rc;
}

// Whether the next record lies in the chunk that the scan has.
static int is_at_hand(const struct scan *scan, uint64_t position)
{
    const struct chunk *chunk = scan->chunk;
    if (position < chunk->begin || position + sizeof(struct record_batch) > chunk->end) {
        return 0;
    }
    const struct record_header *record = (const void *)chunk_at(chunk, position);
    return record->record_bytes <= chunk->end - position;
}

static int32_t read_segments(struct stream_reader *reader, uint64_t stop, struct stream_view *views,
                             uint32_t capacity, uint32_t *count, struct failure *failure)
{
    const struct record_header *record;
    const char *why;
    reader->scan.limit = (stop + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
    int rc = read_first(reader, &record, &why);
    if (rc == -ENOMEM) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory to read the log");
    }
    if (rc != 1) {
        return report_damage(reader, stop, why, failure);
    }
    struct chunk *chunk = reader->scan.chunk;
    chunk_ref(chunk);
    hold(reader, chunk);
    uint64_t position = reader->position;
    while (rc == 1) {
        if (record->kind == RECORD_BATCH) {
            views[(*count)++] = (struct stream_view){record, chunk};
        }
        note(reader, record);
        position += record->record_bytes;
        if (position >= stop || *count == capacity || !is_at_hand(&reader->scan, position)) {
            break;
        }
        rc = scan_record(&reader->scan, position, &record, &why);
        rc = rc == 1 && !follows(reader, record, &why) ? 0 : rc;
    }
    move_to(reader, position);
    return WEIR_OK;
}

static int32_t read_tail(struct stream_reader *reader, const struct reach *reach,
                         struct stream_view *views, uint32_t capacity, uint32_t *count,
                         struct failure *failure)
{
    uint64_t position = reader->position;
    hold(reader, reach->chunk);
    while (position < reach->stop && *count < capacity) {
        const struct record_header *record = (const void *)chunk_at(reach->chunk, position);
        if (record->magic != RECORD_MAGIC || record->position != position) {
            return failure_set(failure, WEIR_ERROR_FATAL,
                               "no record begins at log position %" PRIu64, position);
        }
        if (record->kind == RECORD_BATCH) {
            views[(*count)++] = (struct stream_view){record, reach->chunk};
        }
        note(reader, record);
        position += record->record_bytes;
    }
    move_to(reader, position);
    return WEIR_OK;
}

int32_t stream_read(struct stream_reader *reader, struct stream_view *views, uint32_t capacity,
                    uint32_t *count, struct failure *failure)
{
    int32_t rc = WEIR_OK;
    *count = 0;
    while (rc == WEIR_OK && *count == 0) {
        struct reach reach = reach_of(reader);
        if (reader->position < reach.begin) {
            chunk_unref(reach.chunk);
            return gone(reader, reach.begin, failure);
        }
        if (reader->position >= reach.stop) {
            chunk_unref(reach.chunk);
            break;
        }
        if (reach.chunk != NULL) {
            rc = read_tail(reader, &reach, views, capacity, count, failure);
        } else {
            rc = read_segments(reader, reach.stop, views, capacity, count, failure);
        }
    }
    return rc;
}
