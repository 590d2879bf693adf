#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "log/stream_private.h"

// Room in the current chunk, or in a new one that begins where it ends. NULL: no memory.
static uint8_t *take(struct stream *stream, uint64_t byte_count)
{
    struct chunk *chunk = stream->current;
    if (chunk == NULL || chunk->capacity - (chunk->end - chunk->begin) < byte_count) {
        assert(stream->position % DISK_BLOCK == 0);
        struct chunk *added = chunk_create(stream->pool, byte_count, stream->position);
        if (added == NULL) {
            return NULL;
        }
        if (chunk != NULL) {
            chunk->next = added;
        } else {
            stream->oldest = added;
        }
        stream->chunk_bytes += added->capacity;
        stream->current = chunk = added;
    }
    uint8_t *bytes = chunk_at(chunk, stream->position);
    stream->position += byte_count;
    chunk->end = stream->position;
    return bytes;
}

// A record of the stream's own. 0: no memory.
static int place_own(struct stream *stream, uint8_t kind, uint32_t head_bytes, uint64_t byte_count)
{
    struct record_header *record = (void *)take(stream, byte_count);
    if (record == NULL) {
        return 0;
    }
    memset(record, 0, byte_count);
    record->kind = kind;
    record->head_bytes = (uint16_t)head_bytes;
    record->record_bytes = (uint32_t)byte_count;
    stream->has_published = 1;
    return 1;
}

void append_pad(struct stream *stream)
{
    uint64_t rest = (DISK_BLOCK - stream->position % DISK_BLOCK) % DISK_BLOCK;
    if (rest > 0) {
        struct record_header *record = (void *)take(stream, rest); // chunks hold whole blocks
        memset(record, 0, rest);
        record->kind = RECORD_PAD;
        record->head_bytes = sizeof *record;
        record->record_bytes = (uint32_t)rest;
        record_close(record);
    }
}

static int place_head(struct stream *stream, const struct segment *segment)
{
    if (!place_own(stream, RECORD_SEGMENT, sizeof(struct record_segment),
                   sizeof(struct record_segment))) {
        return 0;
    }
    struct record_segment *head =
        (void *)chunk_at(stream->current, stream->position - sizeof(struct record_segment));
    head->segment_bytes = stream->segments.segment_bytes;
    head->index_bytes = stream->segments.index_bytes;
    head->created_us = stream->settings.clock->now_us(stream->settings.clock);
    head->flags = segment->was_used ? RECORD_SEGMENT_USED : 0;
    record_close(&head->header);
    return 1;
}

// Fills the rest of a segment: padding, then room for the index, which the writer fills in.
static int fill_segment(struct stream *stream)
{
    uint64_t index = segment_index_of(&stream->segments, stream->position);
    while (stream->position < index) {
        append_pad(stream);
        uint64_t rest = index - stream->position;
        rest = rest < PAD_BYTES_MAX ? rest : PAD_BYTES_MAX;
        if (rest > 0 && !place_own(stream, RECORD_PAD, sizeof(struct record_header), rest)) {
            return 0;
        }
        if (rest > 0) {
            record_close((void *)chunk_at(stream->current, stream->position - rest));
        }
    }
    return place_own(stream, RECORD_INDEX, sizeof(struct record_header),
                     stream->segments.index_bytes);
}

int append_end(struct stream *stream)
{
    append_pad(stream);
    const struct segment *segment = segments_at(&stream->segments, stream->position);
    if (segment == NULL || (stream->position == segment->begin && !place_head(stream, segment))) {
        return 0;
    }
    uint64_t rest = DISK_BLOCK - stream->position % DISK_BLOCK;
    if (!place_own(stream, RECORD_END, sizeof(struct record_header), rest)) {
        return 0;
    }
    record_close((void *)chunk_at(stream->current, stream->position - rest));
    return 1;
}

static int32_t no_memory(struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_RETRY, "no memory for the log's buffers");
}

static int32_t no_segment(struct stream *stream, struct failure *failure)
{
    stream->wants_segment = 1;
    pthread_cond_signal(&stream->room);
    if (stream->room_error != 0) {
        return failure_set(failure, WEIR_ERROR_RETRY,
                           "%s: no room for the next log segment of %" PRIu64
                           " bytes: %s; free some space, or let retention take older segments",
                           stream->settings.disk->path, stream->segments.segment_bytes,
                           strerror(-stream->room_error));
    }
    return failure_set(failure, WEIR_ERROR_RETRY, "the next log segment is being made ready");
}

// Where a record of this size would begin, given the chunk that it has to lie in.
static uint64_t start_of(const struct stream *stream, uint64_t byte_count)
{
    const struct chunk *chunk = stream->current;
    if (chunk != NULL && chunk->capacity - (chunk->end - chunk->begin) >= byte_count) {
        return stream->position;
    }
    return (stream->position + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
}

int32_t append_place(struct stream *stream, uint32_t record_bytes, struct stream_room *room,
                     struct failure *failure)
{
    struct segments *segments = &stream->segments;
    for (;;) {
        const struct segment *segment = segments_at(segments, stream->position);
        if (segment == NULL) {
            return no_segment(stream, failure);
        }
        if (stream->position == segment->begin && !place_head(stream, segment)) {
            return no_memory(failure);
        }
        uint64_t data_end =
            segment_index_of(segments, stream->position) - (uint64_t)END_COUNT * DISK_BLOCK;
        uint64_t start = start_of(stream, record_bytes);
        if (start <= data_end && record_bytes <= data_end - start) {
            break;
        }
        if (segments_at(segments, segment->begin + segments->segment_bytes) == NULL) {
            return no_segment(stream, failure);
        }
        if (!fill_segment(stream)) {
            return no_memory(failure);
        }
    }
    if (start_of(stream, record_bytes) != stream->position) {
        append_pad(stream);
    }
    uint8_t *bytes = take(stream, record_bytes);
    if (bytes == NULL) {
        return no_memory(failure);
    }
    *room = (struct stream_room){
        .chunk = stream->current, .bytes = bytes, .position = stream->position - record_bytes};
    return WEIR_OK;
}

static int32_t check_reserve(struct stream *stream, uint32_t record_bytes, struct failure *failure)
{
    uint64_t most = stream->segments.segment_bytes - stream->segments.index_bytes -
                    (uint64_t)(END_COUNT + 1) * DISK_BLOCK;
    uint64_t waiting = stream->position - stream->acknowledged;
    if (stream->has_failed || stream->settings.is_read_only || stream->is_stopping) {
        return failure_set(failure, WEIR_ERROR_FATAL, "%s",
                           stream->has_failed              ? stream->why
                           : stream->settings.is_read_only ? "the log is open for reading only"
                                                           : "the log is closed");
    }
    if (record_bytes > most) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "a record of %" PRIu32 " bytes is larger than a log segment takes, "
                           "%" PRIu64 " bytes; put fewer rows at once",
                           record_bytes, most);
    }
    if (waiting > 0 && waiting + record_bytes > stream->settings.buffer_bytes) {
        return failure_set(failure, WEIR_ERROR_RETRY, "the log's buffers are full");
    }
    return WEIR_OK;
}

int32_t stream_reserve(struct stream *stream, uint32_t record_bytes, struct stream_room *room,
                       struct failure *failure)
{
    assert(record_bytes >= sizeof(struct record_header) && record_bytes % RECORD_ALIGN == 0);
    pthread_mutex_lock(&stream->lock);
    int32_t rc = check_reserve(stream, record_bytes, failure);
    if (rc == WEIR_OK) {
        rc = append_place(stream, record_bytes, room, failure);
    }
    if (rc == WEIR_OK) {
        room->group = stream->group;
        stream->is_ended = 0;
        stream->open[room->group % 2]++;
    }
    pthread_mutex_unlock(&stream->lock);
    return rc;
}

static void publish(struct stream *stream, const struct stream_room *room, int needs_sync)
{
    const struct record_header *record = (const void *)room->bytes;
    assert(record->magic == RECORD_MAGIC && record->head_bytes <= record->record_bytes);
    pthread_mutex_lock(&stream->lock);
    assert(stream->open[room->group % 2] > 0);
    stream->open[room->group % 2]--;
    if (room->group == stream->group) {
        stream->has_published = 1;
        stream->needs_sync |= needs_sync;
    } else {
        stream->closing_needs_sync |= needs_sync;
    }
    pthread_cond_signal(&stream->work);
    pthread_mutex_unlock(&stream->lock);
}

void stream_publish(struct stream *stream, const struct stream_room *room)
{
    publish(stream, room, 1);
}

void stream_publish_unsynced(struct stream *stream, const struct stream_room *room)
{
    publish(stream, room, 0);
}

void stream_give_up(struct stream *stream, const struct stream_room *room, uint32_t record_bytes)
{
    struct record_header *record = (void *)room->bytes;
    memset(record, 0, record_bytes);
    record->kind = RECORD_PAD;
    record->head_bytes = sizeof *record;
    record->record_bytes = record_bytes;
    record_close(record);
    publish(stream, room, 0);
}
