#include "engine/inside.h"

#include <string.h>

static int32_t no_memory(struct work *work, const char *what)
{
    return failure_set(work->failure, WEIR_ERROR_RETRY, "no memory for %s of a put", what);
}

int32_t work_begin(struct work *work, const struct weir_column *const *key_columns,
                   const uint32_t *rows, uint32_t row_count)
{
    struct bucket *bucket = work->bucket;
    struct arena *arena = work->arena;
    work->key_of = arena_get(arena, (uint64_t)row_count * sizeof *work->key_of);
    if (work->key_of == NULL) {
        return no_memory(work, "the keys");
    }
    int32_t code = keys_encode(bucket, key_columns, rows, row_count, work->key_of, arena,
                               &work->keys, work->failure);
    if (code != WEIR_OK) {
        return code;
    }
    uint64_t key_count = work->keys.count, pointers = key_count * sizeof(uint8_t *);
    work->old = arena_get(arena, pointers);
    work->current = arena_get(arena, pointers);
    work->is_changed = arena_zeroed(arena, key_count);
    work->changes = arena_get(arena, key_count * sizeof *work->changes);
    work->kinds = arena_get(arena, 2 * (uint64_t)row_count);
    work->rows = arena_get(arena, 2 * (uint64_t)row_count * sizeof(uint8_t *));
    if (work->old == NULL || work->current == NULL || work->is_changed == NULL ||
        work->changes == NULL || work->kinds == NULL || work->rows == NULL) {
        return no_memory(work, "the rows");
    }
    code = bucket->index->table->get(bucket->index, &work->keys, arena, work->old, work->failure);
    if (code == WEIR_OK) {
        memcpy(work->current, work->old, pointers);
    }
    return code;
}

void work_record(struct work *work, uint32_t kind, const uint8_t *row)
{
    work->kinds[work->record_count] = (uint8_t)kind;
    work->rows[work->record_count++] = row;
}

void work_set(struct work *work, uint32_t k, const uint8_t *row)
{
    work->current[k] = row;
    work->is_changed[k] = 1;
}

uint8_t *work_row(struct work *work)
{
    return arena_get(work->arena, work->bucket->layout->row_bytes);
}

// The records keep the rows as they were made; what the index takes is a copy of the last of each
// key, whose text it moves to its own memory.
static int32_t list_changes(struct work *work)
{
    uint32_t row_bytes = work->bucket->layout->row_bytes;
    work->change_count = 0;
    for (uint32_t k = 0; k < work->keys.count; k++) {
        if (!work->is_changed[k] || work->current[k] == work->old[k]) {
            continue;
        }
        struct index_change change = {k, work->old[k], NULL};
        if (work->current[k] != NULL) {
            change.row = work_row(work);
            if (change.row == NULL) {
                return no_memory(work, "the new rows");
            }
            memcpy(change.row, work->current[k], row_bytes);
            if (work->old[k] == NULL) {
                keys_set(work->bucket, change.row, &work->keys, k);
            } else if (work->bucket->layout->key_offset != ROW_NONE) {
                memcpy(change.row + work->bucket->layout->key_offset,
                       work->old[k] + work->bucket->layout->key_offset, sizeof(struct row_text));
            }
        }
        work->changes[work->change_count++] = change;
    }
    return WEIR_OK;
}

int32_t work_prepare(struct work *work)
{
    struct index *index = work->bucket->index;
    int32_t code = list_changes(work);
    return code != WEIR_OK ? code
                           : index->table->prepare(index, &work->keys, work->changes,
                                                   work->change_count, work->failure);
}

void work_apply(struct work *work, const struct index_mark *mark)
{
    struct bucket *bucket = work->bucket;
    const struct row_layout *layout = bucket->layout;
    for (uint32_t i = 0; i < work->change_count && !bucket->may_hold_nulls; i++) {
        for (uint32_t b = 0;
             work->changes[i].row != NULL && b < weir_bit_bytes(layout->column_count); b++) {
            bucket->may_hold_nulls |= work->changes[i].row[layout->null_offset + b] != 0;
        }
    }
    bucket->index->table->apply(bucket->index, &work->keys, work->changes, work->change_count,
                                mark);
}

void work_abandon(struct work *work)
{
    struct index *index = work->bucket->index;
    index->table->abandon(index, work->changes, work->change_count);
}

// The records so far as plain columns.
static int32_t record_columns(struct work *work, struct weir_column **columns)
{
    const struct row_layout *layout = work->bucket->layout;
    uint64_t bytes = row_columns_bytes(layout, work->rows, work->record_count);
    if (changelog_fits(bytes, work->failure) != WEIR_OK) {
        return WEIR_ERROR_DATA;
    }
    *columns = arena_get(work->arena, layout->column_count * sizeof **columns);
    uint8_t *room = arena_get(work->arena, bytes);
    if (*columns == NULL || room == NULL) {
        return no_memory(work, "the records");
    }
    row_columns_fill(layout, work->rows, work->record_count, room, *columns);
    return WEIR_OK;
}

static int is_all_insert(const struct work *work)
{
    uint8_t all = 0;
    for (uint32_t i = 0; i < work->record_count; i++) {
        all |= work->kinds[i];
    }
    return all == WEIR_KIND_INSERT;
}

int32_t work_commit(struct work *work, const struct bucket_put *put, struct bucket_ack *ack)
{
    struct bucket *bucket = work->bucket;
    struct weir_column *columns;
    struct changelog_room room;
    struct changelog_head head;
    uint64_t body_bytes;
    int32_t code = record_columns(work, &columns);
    if (code == WEIR_OK) {
        code = work_prepare(work);
    }
    if (code != WEIR_OK) {
        return code;
    }
    code = changelog_columns(bucket, columns, bucket->layout->column_count,
                             is_all_insert(work) ? NULL : work->kinds, work->record_count,
                             work->arena, &room, &body_bytes, &head, work->failure);
    if (code != WEIR_OK) {
        work_abandon(work);
        return code;
    }
    changelog_publish(bucket, put, &room, body_bytes, &head, ack);
    struct index_mark mark = {
        .base_offset = ack->base_offset,
        .end_offset = ack->end_offset,
        .position = ack->position,
        .timestamp_us = bucket->newest_us,
        .auto_increment = bucket->auto_next,
        .writer = put->writer,
        .sequence = put->sequence,
        .source = put->source,
        .source_end = put->source_end,
    };
    work_apply(work, &mark);
    return WEIR_OK;
}
