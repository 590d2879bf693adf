#include "engine/merge.h"

#include <string.h>

int bucket_is_expired(const struct bucket *bucket, const uint8_t *row, int64_t now_us)
{
    const struct table_definition *definition = bucket->table->definition;
    const struct row_layout *layout = bucket->layout;
    if (definition->ttl_us == 0) {
        return 0;
    }
    if (definition->ttl_column < 0) {
        return row_int64(row, layout->written_offset) <= now_us - definition->ttl_us;
    }
    uint32_t column = (uint32_t)definition->ttl_column;
    if (row_is_null(layout, row, column)) {
        return 0;
    }
    // Milliseconds, in the wide form too, but for microseconds.
    int64_t time = row_int64(row, layout->offsets[column]), us;
    uint8_t precision = layout->types[column].precision;
    if (precision > 3 && precision <= 6) {
        us = time;
    } else if (__builtin_mul_overflow(time, 1000, &us)) {
        us = time < 0 ? INT64_MIN : INT64_MAX;
    }
    return us <= now_us - definition->ttl_us;
}

// Upserts and appends, which is what a log table takes.
static int32_t append_rows(struct bucket *bucket, const struct bucket_put *put, uint32_t **rows,
                           uint32_t *row_count, struct arena *arena, struct failure *failure)
{
    *rows = arena_get(arena, (uint64_t)put->row_count * sizeof **rows);
    if (*rows == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for %u rows", put->row_count);
    }
    *row_count = 0;
    for (uint32_t i = 0; i < put->row_count; i++) {
        uint32_t kind = weir_kind(put->batch, put->rows[i]);
        if (kind == WEIR_KIND_DELETE) {
            return failure_set(failure, WEIR_ERROR_DATA,
                               "row %u is a delete, but %s is a log table: rows are only appended",
                               put->rows[i], bucket->table->definition->name);
        }
        if (kind != WEIR_KIND_UPDATE_BEFORE) {
            (*rows)[(*row_count)++] = put->rows[i];
        }
    }
    return WEIR_OK;
}

int32_t batch_rows(const struct bucket *bucket, const struct weir_batch *batch,
                   const uint32_t *rows, uint32_t row_count, struct arena *arena, uint8_t **out,
                   struct failure *failure)
{
    static const struct weir_column absent = {.encoding = WEIR_ENCODING_ABSENT};
    const struct row_layout *layout = bucket->layout;
    *out = arena_zeroed(arena, (uint64_t)row_count * layout->row_bytes);
    if (*out == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for %u rows", row_count);
    }
    for (uint32_t c = 0; c < layout->column_count; c++) {
        row_take_column(layout, *out, c, c < batch->column_count ? &batch->columns[c] : &absent,
                        rows, row_count);
    }
    return WEIR_OK;
}

// By way of rows, so that any type is gathered by the same code.
static int32_t append_columns(struct bucket *bucket, const struct bucket_put *put,
                              const uint32_t *rows, uint32_t row_count, struct arena *arena,
                              struct weir_column **columns, struct failure *failure)
{
    const struct row_layout *layout = bucket->layout;
    const uint8_t **images = arena_get(arena, (uint64_t)row_count * sizeof *images);
    uint8_t *bytes;
    *columns = arena_get(arena, layout->column_count * sizeof **columns);
    if (images == NULL || *columns == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for %u rows", row_count);
    }
    int32_t code = batch_rows(bucket, put->batch, rows, row_count, arena, &bytes, failure);
    if (code != WEIR_OK) {
        return code;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        images[i] = bytes + (uint64_t)i * layout->row_bytes;
    }
    uint64_t room_bytes = row_columns_bytes(layout, images, row_count);
    if (changelog_fits(room_bytes, failure) != WEIR_OK) {
        return WEIR_ERROR_DATA;
    }
    uint8_t *room = arena_get(arena, room_bytes);
    if (room == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for %u rows", row_count);
    }
    row_columns_fill(layout, images, row_count, room, *columns);
    return WEIR_OK;
}

static int32_t append(struct bucket *bucket, const struct bucket_put *put, struct arena *arena,
                      struct bucket_ack *ack, struct failure *failure)
{
    uint32_t *rows, row_count = 0;
    struct weir_column *columns;
    struct changelog_room room;
    struct changelog_head head;
    uint64_t body_bytes;
    int32_t code = append_rows(bucket, put, &rows, &row_count, arena, failure);
    if (code == WEIR_OK) {
        code = append_columns(bucket, put, rows, row_count, arena, &columns, failure);
    }
    if (code == WEIR_OK) {
        code = changelog_columns(bucket, columns, bucket->layout->column_count, NULL, row_count,
                                 arena, &room, &body_bytes, &head, failure);
    }
    if (code == WEIR_OK) {
        changelog_publish(bucket, put, &room, body_bytes, &head, ack);
    }
    return code;
}

static int32_t merge_rows(struct work *work, const struct bucket_put *put, struct bucket_ack *ack)
{
    struct bucket *bucket = work->bucket;
    const struct table_definition *definition = bucket->table->definition;
    const struct weir_column *key_columns[TABLE_KEY_COLUMNS_MAX];
    for (uint32_t i = 0; i < definition->key_count; i++) {
        key_columns[i] = &put->batch->columns[definition->key[i]];
    }
    int32_t code = work_begin(work, key_columns, put->rows, put->row_count);
    if (code != WEIR_OK) {
        return code;
    }
    struct merger merger;
    code = merge_init(&merger, work, put);
    for (uint32_t i = 0; i < put->row_count && code == WEIR_OK; i++) {
        code = merge_row(&merger, i);
    }
    if (code != WEIR_OK) {
        return code;
    }
    uint64_t auto_before = bucket->auto_next;
    bucket->auto_next = merger.auto_next;
    code = work_commit(work, put, ack);
    if (code != WEIR_OK) {
        bucket->auto_next = auto_before;
    }
    return code;
}

static int32_t check_source(const struct bucket *bucket, const struct bucket_put *put,
                            struct failure *failure)
{
    uint64_t done = writers_source(&bucket->writers, put->source);
    if (put->source == RECORD_SOURCE_NONE ||
        (put->source_first >= done && put->source_end >= put->source_first)) {
        return WEIR_OK;
    }
    return failure_set(failure, WEIR_ERROR_DATA,
                       "rows %llu to %llu of a source, but it has been applied up to row %llu: "
                       "skip what is there",
                       (unsigned long long)put->source_first, (unsigned long long)put->source_end,
                       (unsigned long long)done);
}

int32_t put_locked(struct bucket *bucket, const struct bucket_put *put, struct bucket_ack *ack,
                   struct failure *failure)
{
    if (put->writer != RECORD_WRITER_NONE) {
        int32_t code = writers_check(&bucket->writers, put->writer, put->sequence, ack, failure);
        if (code != 0) {
            return code == 1 ? WEIR_OK : code;
        }
    }
    int32_t code = check_source(bucket, put, failure);
    if (code == WEIR_OK) {
        code = writers_reserve(&bucket->writers, bucket->newest_us, failure);
    }
    if (code == WEIR_OK && fast_fits(bucket, put)) {
        return fast_put(bucket, put, ack, failure);
    }
    if (code == WEIR_OK) {
        code = check_put(bucket, put, failure);
    }
    if (code != WEIR_OK) {
        return code;
    }
    struct arena arena;
    struct work work = {.bucket = bucket, .arena = &arena, .failure = failure};
    arena_init(&arena, bucket->table->memory);
    code = bucket->index == NULL ? append(bucket, put, &arena, ack, failure)
                                 : merge_rows(&work, put, ack);
    arena_finish(&arena);
    return code;
}

int32_t bucket_put(struct bucket *bucket, const struct bucket_put *put, struct bucket_ack *ack,
                   struct failure *failure)
{
    int32_t code = bucket_enter(bucket, failure);
    if (code != WEIR_OK) {
        return code;
    }
    struct failure why;
    code = put_locked(bucket, put, ack, &why);
    if (code != WEIR_OK && failure != NULL) {
        *failure = why;
        bucket_blame(bucket, failure);
    }
    bucket_leave(bucket);
    return code;
}
