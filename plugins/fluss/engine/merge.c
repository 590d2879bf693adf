#include "engine/merge.h"

#include <string.h>

static int32_t no_memory(struct work *work)
{
    return failure_set(work->failure, WEIR_ERROR_RETRY, "no memory for a row");
}

static const struct table_definition *definition_of(const struct merger *merger)
{
    return merger->work->bucket->table->definition;
}

static int is_key(const struct table_definition *definition, uint32_t column)
{
    for (uint32_t i = 0; i < definition->key_count; i++) {
        if (definition->key[i] == column) {
            return 1;
        }
    }
    return 0;
}

int32_t merge_init(struct merger *merger, struct work *work, const struct bucket_put *put)
{
    struct bucket *bucket = work->bucket;
    const struct table_definition *definition = bucket->table->definition;
    int is_overwrite = put->mode == BUCKET_OVERWRITE;
    int64_t now_us = bucket->table->clock->now_us(bucket->table->clock);
    *merger = (struct merger){
        .work = work,
        .put = put,
        .merge = is_overwrite ? TABLE_MERGE_LAST_ROW : definition->merge,
        .delete_behaviour = is_overwrite ? TABLE_DELETE_ALLOW : definition->delete_behaviour,
        .names_values = put->targets == NULL,
        .now_us = now_us > bucket->newest_us ? now_us : bucket->newest_us,
        .auto_next = bucket->auto_next,
    };
    for (uint32_t i = 0; put->targets != NULL && i < definition->column_count; i++) {
        merger->names_values |= put->targets[i] && !is_key(definition, i);
    }
    return batch_rows(bucket, put->batch, put->rows, put->row_count, work->arena, &merger->inputs,
                      work->failure);
}

static int is_target(const struct merger *merger, uint32_t column)
{
    return merger->put->targets == NULL || merger->put->targets[column];
}

static uint8_t *copy_row(struct work *work, const uint8_t *from)
{
    uint8_t *row = work_row(work);
    if (row != NULL) {
        memcpy(row, from, work->bucket->layout->row_bytes);
    }
    return row;
}

static void stamp(struct merger *merger, uint8_t *row)
{
    const struct row_layout *layout = merger->work->bucket->layout;
    if (layout->written_offset != ROW_NONE) {
        memcpy(row + layout->written_offset, &merger->now_us, sizeof merger->now_us);
    }
}

static int32_t give_id(struct merger *merger, uint8_t *row)
{
    struct bucket *bucket = merger->work->bucket;
    uint32_t column = (uint32_t)bucket->auto_column;
    uint32_t width = weir_type_width(bucket->layout->types[column]);
    if (merger->auto_next == bucket->auto_end) {
        merger->auto_next = bucket->table->draw_range(bucket->table->range_owner);
        bucket->auto_next = merger->auto_next;
        bucket->auto_end = merger->auto_next + BUCKET_RANGE;
    }
    if (width == 4 && merger->auto_next > INT32_MAX) {
        return failure_set(merger->work->failure, WEIR_ERROR_DATA,
                           "column %s has no ids left: make it an int64",
                           bucket->table->fields[column].name);
    }
    uint64_t id = merger->auto_next++;
    memcpy(row + bucket->layout->offsets[column], &id, width);
    weir_bit_set(row + bucket->layout->null_offset, column, 0);
    return WEIR_OK;
}

// The first row of its key. A partial one has nulls elsewhere, but the aggregation engine takes the
// row as it was sent.
static int32_t insert(struct merger *merger, uint32_t k, uint8_t *row)
{
    struct work *work = merger->work;
    const struct bucket *bucket = work->bucket;
    const struct table_definition *definition = definition_of(merger);
    if (merger->merge != TABLE_MERGE_AGGREGATION) {
        for (uint32_t i = 0; i < definition->column_count; i++) {
            if (!is_target(merger, i)) {
                row_set_null(bucket->layout, row, i);
            }
        }
    }
    if (bucket->auto_column >= 0) {
        int32_t code = give_id(merger, row);
        if (code != WEIR_OK) {
            return code;
        }
    }
    int says_update = definition->changelog == TABLE_CHANGELOG_WAL &&
                      definition->merge == TABLE_MERGE_LAST_ROW && merger->put->targets == NULL &&
                      bucket->auto_column < 0;
    stamp(merger, row);
    work_record(work, says_update ? WEIR_KIND_UPDATE_AFTER : WEIR_KIND_INSERT, row);
    work_set(work, k, row);
    return WEIR_OK;
}

static void replace(struct merger *merger, uint32_t k, const uint8_t *old, uint8_t *row)
{
    stamp(merger, row);
    if (definition_of(merger)->changelog == TABLE_CHANGELOG_FULL) {
        work_record(merger->work, WEIR_KIND_UPDATE_BEFORE, old);
    }
    work_record(merger->work, WEIR_KIND_UPDATE_AFTER, row);
    work_set(merger->work, k, row);
}

static int32_t aggregate(struct merger *merger, const uint8_t *input, uint8_t *row)
{
    for (uint32_t i = 0; i < definition_of(merger)->column_count; i++) {
        if (is_target(merger, i) && !is_key(definition_of(merger), i)) {
            int32_t code = aggregate_column(merger->work, i, input, row);
            if (code != WEIR_OK) {
                return code;
            }
        }
    }
    return WEIR_OK;
}

static int32_t update(struct merger *merger, uint32_t k, const uint8_t *old, uint8_t *input)
{
    struct work *work = merger->work;
    const struct row_layout *layout = work->bucket->layout;
    uint32_t version = (uint32_t)definition_of(merger)->version_column;
    if (merger->merge == TABLE_MERGE_FIRST_ROW ||
        (merger->merge == TABLE_MERGE_LAST_ROW && !merger->names_values) ||
        (merger->merge == TABLE_MERGE_VERSIONED &&
         merge_compare_version(layout, version, input, old) < 0)) {
        return WEIR_OK;
    }
    uint8_t *row = input;
    if (merger->merge == TABLE_MERGE_AGGREGATION || merger->put->targets != NULL) {
        row = copy_row(work, old);
        if (row == NULL) {
            return no_memory(work);
        }
    }
    if (merger->merge == TABLE_MERGE_AGGREGATION) {
        int32_t code = aggregate(merger, input, row);
        if (code != WEIR_OK) {
            return code;
        }
    } else if (merger->put->targets != NULL) {
        for (uint32_t i = 0; i < layout->column_count; i++) {
            if (is_target(merger, i)) {
                row_copy(layout, row, input, i);
            }
        }
    }
    replace(merger, k, old, row);
    return WEIR_OK;
}

// Whether every column that a partial delete does not name is null, so that nothing is left.
static int is_rest_null(const struct merger *merger, const uint8_t *row)
{
    const struct row_layout *layout = merger->work->bucket->layout;
    for (uint32_t i = 0; i < layout->column_count; i++) {
        if (!is_target(merger, i) && !row_is_null(layout, row, i)) {
            return 0;
        }
    }
    return 1;
}

static int32_t delete_row(struct merger *merger, uint32_t k, const uint8_t *old)
{
    struct work *work = merger->work;
    if (merger->delete_behaviour == TABLE_DELETE_DISABLE) {
        return failure_set(work->failure, WEIR_ERROR_DATA,
                           "deletes are disabled in this table (delete_behavior = \"disable\")");
    }
    if (merger->delete_behaviour == TABLE_DELETE_IGNORE || old == NULL) {
        return WEIR_OK;
    }
    if (merger->put->targets == NULL || is_rest_null(merger, old)) {
        work_record(work, WEIR_KIND_DELETE, old);
        work_set(work, k, NULL);
        return WEIR_OK;
    }
    uint8_t *row = copy_row(work, old);
    if (row == NULL) {
        return no_memory(work);
    }
    for (uint32_t i = 0; i < work->bucket->layout->column_count; i++) {
        if (is_target(merger, i) && !is_key(definition_of(merger), i)) {
            row_set_null(work->bucket->layout, row, i);
        }
    }
    replace(merger, k, old, row);
    return WEIR_OK;
}

int32_t merge_row(struct merger *merger, uint32_t i)
{
    struct work *work = merger->work;
    uint32_t k = work->key_of[i];
    uint32_t kind = weir_kind(merger->put->batch, merger->put->rows[i]);
    const uint8_t *old = work->current[k];
    if (kind == WEIR_KIND_UPDATE_BEFORE) {
        return WEIR_OK;
    }
    if (old != NULL && bucket_is_expired(work->bucket, old, merger->now_us)) {
        work_record(work, WEIR_KIND_DELETE, old);
        work_set(work, k, NULL);
        old = NULL;
    }
    if (kind == WEIR_KIND_DELETE) {
        return delete_row(merger, k, old);
    }
    uint8_t *row = merger->inputs + (uint64_t)i * work->bucket->layout->row_bytes;
    return old == NULL ? insert(merger, k, row) : update(merger, k, old, row);
}
