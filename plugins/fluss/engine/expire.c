#include "engine/inside.h"

#define EXPIRE_VISIT 65536u // rows looked at in one call, so that the lock is let go

struct expiry {
    const struct bucket *bucket;
    int64_t now_us;
    const uint8_t **rows;
    uint32_t count;
    uint32_t limit;
    uint32_t visited;
};

static int32_t note_expired(void *owner, const uint8_t *row)
{
    struct expiry *expiry = owner;
    if (bucket_is_expired(expiry->bucket, row, expiry->now_us)) {
        expiry->rows[expiry->count++] = row;
    }
    return expiry->count == expiry->limit || ++expiry->visited == EXPIRE_VISIT;
}

// Deletes the rows that were found, as a put of a writer would.
static int32_t delete_rows(struct bucket *bucket, const struct expiry *expiry, struct arena *arena,
                           struct bucket_ack *ack, struct failure *failure)
{
    const struct row_layout *layout = bucket->layout;
    const struct table_definition *definition = bucket->table->definition;
    struct weir_column *columns = arena_get(arena, layout->column_count * sizeof *columns);
    uint8_t *room = arena_get(arena, row_columns_bytes(layout, expiry->rows, expiry->count));
    uint32_t *rows = arena_get(arena, expiry->count * sizeof *rows);
    if (columns == NULL || room == NULL || rows == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory to expire rows");
    }
    row_columns_fill(layout, expiry->rows, expiry->count, room, columns);
    const struct weir_column *key_columns[TABLE_KEY_COLUMNS_MAX];
    for (uint32_t c = 0; c < definition->key_count; c++) {
        key_columns[c] = &columns[definition->key[c]];
    }
    for (uint32_t i = 0; i < expiry->count; i++) {
        rows[i] = i;
    }
    struct work work = {.bucket = bucket, .arena = arena, .failure = failure};
    int32_t code = work_begin(&work, key_columns, rows, expiry->count);
    if (code != WEIR_OK) {
        return code;
    }
    for (uint32_t i = 0; i < expiry->count; i++) {
        work_record(&work, WEIR_KIND_DELETE, work.old[work.key_of[i]]);
        work_set(&work, work.key_of[i], NULL);
    }
    struct bucket_put put = {.writer = RECORD_WRITER_NONE};
    return work_commit(&work, &put, ack);
}

static int32_t expire(struct bucket *bucket, struct expiry *expiry, struct bucket_ack *ack,
                      int *more, struct failure *failure)
{
    struct arena arena;
    arena_init(&arena, bucket->table->memory);
    int32_t code = WEIR_OK;
    expiry->rows = arena_get(&arena, expiry->limit * sizeof *expiry->rows);
    if (expiry->rows == NULL) {
        code = failure_set(failure, WEIR_ERROR_RETRY, "no memory to expire rows");
    } else {
        struct index_walk walk = {.cursor = bucket->expire_cursor, .arena = &arena};
        code = bucket->index->table->visit(bucket->index, &walk, note_expired, expiry, failure);
        *more = code > 0;
        bucket->expire_cursor = *more ? walk.cursor : 0;
        code = code > 0 ? WEIR_OK : code;
    }
    if (code == WEIR_OK && expiry->count > 0) {
        code = delete_rows(bucket, expiry, &arena, ack, failure);
    }
    arena_finish(&arena);
    return code;
}

int32_t bucket_expire(struct bucket *bucket, uint32_t limit, struct bucket_ack *ack, int *more,
                      struct failure *failure)
{
    struct expiry expiry = {
        .bucket = bucket,
        .now_us = bucket->table->clock->now_us(bucket->table->clock),
        .limit = limit > BUCKET_PUT_ROWS_MAX ? BUCKET_PUT_ROWS_MAX : limit,
    };
    *more = 0;
    int32_t code = bucket_enter(bucket, failure);
    if (code != WEIR_OK) {
        return code;
    }
    struct failure why;
    *ack = (struct bucket_ack){bucket->end_offset, bucket->end_offset, bucket->position, 0};
    if (bucket->index != NULL && bucket->table->definition->ttl_us > 0 && limit > 0) {
        code = expire(bucket, &expiry, ack, more, &why);
    }
    if (code != WEIR_OK && failure != NULL) {
        *failure = why;
        bucket_blame(bucket, failure);
    }
    bucket_leave(bucket);
    return code;
}
