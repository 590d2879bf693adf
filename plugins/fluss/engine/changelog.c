#include "base/checksum.h"
#include "engine/inside.h"
#include "log/body.h"

#include <string.h>

int32_t changelog_fits(uint64_t body_bytes, struct failure *failure)
{
    if (body_bytes <= BODY_BYTES_MAX) {
        return WEIR_OK;
    }
    return failure_set(failure, WEIR_ERROR_DATA,
                       "one put would write %llu bytes, at most %llu are possible: send fewer "
                       "rows at once",
                       (unsigned long long)body_bytes, BODY_BYTES_MAX);
}

int32_t changelog_reserve(struct bucket *bucket, uint64_t body_bytes, struct changelog_room *room,
                          struct failure *failure)
{
    const struct bucket_log *log = bucket->table->log;
    uint64_t record_bytes = record_padded(sizeof(struct record_batch) + body_bytes);
    if (changelog_fits(body_bytes, failure) != WEIR_OK) {
        return WEIR_ERROR_DATA;
    }
    room->record_bytes = (uint32_t)record_bytes;
    int32_t code = log->reserve(log->owner, room->record_bytes, &room->bytes, &room->position,
                                &room->room, failure);
    if (code == WEIR_OK) {
        room->body = room->bytes + sizeof(struct record_batch);
    }
    return code;
}

static int64_t time_of_record(struct bucket *bucket)
{
    int64_t now_us = bucket->table->clock->now_us(bucket->table->clock);
    bucket->newest_us = now_us > bucket->newest_us ? now_us : bucket->newest_us;
    return bucket->newest_us;
}

static void note(struct bucket *bucket, const struct bucket_put *put, int64_t now_us,
                 const struct bucket_ack *ack)
{
    if (put->writer != RECORD_WRITER_NONE) {
        struct writer_batch batch = {ack->base_offset, ack->end_offset, ack->position,
                                     put->sequence, 0};
        writers_note(&bucket->writers, put->writer, now_us, &batch);
    }
    if (put->source != RECORD_SOURCE_NONE) {
        writers_note_source(&bucket->writers, put->source, put->source_end);
    }
}

void changelog_publish(struct bucket *bucket, const struct bucket_put *put,
                       const struct changelog_room *room, uint64_t body_bytes,
                       const struct changelog_head *head, struct bucket_ack *ack)
{
    const struct table_definition *definition = bucket->table->definition;
    const struct weir_batch *batch = put->batch;
    uint32_t room_bytes = room->record_bytes - (uint32_t)sizeof(struct record_batch);
    memset(room->body + body_bytes, 0, room_bytes - body_bytes);
    struct record_batch record = {
        .header = {.magic = RECORD_MAGIC,
                   .version = RECORD_VERSION,
                   .kind = RECORD_BATCH,
                   .head_bytes = sizeof record,
                   .record_bytes = room->record_bytes,
                   .body_crc = checksum_crc32c(0, room->body, room_bytes)},
        .table_id = definition->table_id,
        .bucket = bucket->number,
        .schema_id = definition->schema_id,
        .base_offset = bucket->end_offset,
        .end_offset = head->end_offset,
        .timestamp_us = time_of_record(bucket),
        .entered_us = batch == NULL ? bucket->newest_us : batch->entered_us,
        .writer = put->writer,
        .sequence = put->sequence,
        .row_count = head->row_count,
        .source = put->source,
        .source_first = put->source_first,
        .source_end = put->source_end,
        .flags = head->flags,
        .column_count = head->column_count,
        .time_min_us = batch == NULL ? WEIR_TIME_NONE : batch->time_min_us,
        .time_max_us = batch == NULL ? WEIR_TIME_NONE : batch->time_max_us,
        .auto_increment = bucket->auto_next,
    };
    memcpy(room->bytes, &record, sizeof record);
    *ack = (struct bucket_ack){record.base_offset, record.end_offset,
                               room->position + room->record_bytes, 0};
    note(bucket, put, record.timestamp_us, ack);
    bucket->end_offset = ack->end_offset;
    bucket->position = ack->position;
    bucket->table->log->publish(bucket->table->log->owner, room->room);
}

// With compression the length is known only afterwards, so the body is made in the arena first.
static int32_t encode_compressed(struct bucket *bucket, const struct weir_column *columns,
                                 const uint8_t *kinds, struct arena *arena,
                                 struct changelog_room *room, uint64_t *body_bytes,
                                 struct changelog_head *head, struct failure *failure)
{
    uint8_t *body = arena_get(arena, *body_bytes), *scratch = arena_get(arena, *body_bytes);
    if (body == NULL || scratch == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for a batch of %llu bytes",
                           (unsigned long long)*body_bytes);
    }
    *body_bytes =
        body_encode(columns, head->column_count, head->row_count, kinds,
                    bucket->table->definition->compression, 1, body, scratch, &head->flags);
    int32_t code = changelog_reserve(bucket, *body_bytes, room, failure);
    if (code == WEIR_OK) {
        memcpy(room->body, body, *body_bytes);
    }
    return code;
}

int32_t changelog_columns(struct bucket *bucket, const struct weir_column *columns,
                          uint32_t column_count, const uint8_t *kinds, uint32_t row_count,
                          struct arena *arena, struct changelog_room *room, uint64_t *body_bytes,
                          struct changelog_head *head, struct failure *failure)
{
    // A batch that changes nothing takes an offset all the same.
    head->end_offset = bucket->end_offset + (row_count > 0 ? row_count : 1);
    head->row_count = row_count;
    head->column_count = row_count > 0 ? column_count : 0;
    head->flags = 0;
    if (row_count == 0) {
        *body_bytes = 0;
        return changelog_reserve(bucket, 0, room, failure);
    }
    *body_bytes = body_size(columns, column_count, row_count, kinds != NULL, 1);
    if (bucket->table->definition->compression != TABLE_COMPRESSION_NONE &&
        *body_bytes <= BODY_BYTES_MAX) {
        return encode_compressed(bucket, columns, kinds, arena, room, body_bytes, head, failure);
    }
    int32_t code = changelog_reserve(bucket, *body_bytes, room, failure);
    if (code == WEIR_OK) {
        body_encode(columns, column_count, row_count, kinds, TABLE_COMPRESSION_NONE, 1, room->body,
                    NULL, &head->flags);
    }
    return code;
}
