#include "engine/inside.h"

#include "weir/key.h"

#include <stdlib.h>
#include <string.h>

void bucket_rows_finish(struct bucket_rows *rows)
{
    if (rows->block != NULL) {
        rows->memory->release(rows->memory, rows->block, rows->block_bytes);
    }
    *rows = (struct bucket_rows){0};
}

static int32_t no_memory(struct failure *failure, uint64_t row_count)
{
    return failure_set(failure, WEIR_ERROR_RETRY, "no memory for %llu rows",
                       (unsigned long long)row_count);
}

// Copies rows of the index into columns of the caller's.
static int32_t hand_out(const struct bucket *bucket, const uint8_t *const *list, uint32_t row_count,
                        struct bucket_rows *rows, struct failure *failure)
{
    const struct row_layout *layout = bucket->layout;
    const struct store_memory *memory = bucket->table->memory;
    uint64_t head = ((uint64_t)layout->column_count * sizeof *rows->columns + 63) & ~(uint64_t)63;
    uint64_t bytes = head + row_columns_bytes(layout, list, row_count);
    if (bytes > INT32_MAX) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "%u rows of %llu bytes are more than one answer holds: read fewer",
                           row_count, (unsigned long long)bytes);
    }
    void *block = memory->allocate(memory, bytes);
    if (block == NULL) {
        return no_memory(failure, row_count);
    }
    *rows = (struct bucket_rows){
        .memory = memory,
        .row_count = row_count,
        .column_count = layout->column_count,
        .columns = block,
        .block = block,
        .block_bytes = bytes,
    };
    row_columns_fill(layout, list, row_count, (uint8_t *)block + head, rows->columns);
    return WEIR_OK;
}

static int64_t now_us(const struct bucket *bucket)
{
    return bucket->table->clock->now_us(bucket->table->clock);
}

static int32_t enter_index(struct bucket *bucket, struct failure *failure)
{
    int32_t code = bucket_enter(bucket, failure);
    if (code == WEIR_OK && bucket->index == NULL) {
        bucket_leave(bucket);
        failure_set(failure, WEIR_ERROR_UNSUPPORTED,
                    "a log table has no index to look rows up in: read its log");
        return bucket_blame(bucket, failure);
    }
    return code;
}

// --- Lookups ---

struct lookup {
    const struct weir_column *keys;
    const uint32_t *key_rows;
    uint32_t count;
    uint32_t *found;
};

static int32_t check_keys(const struct bucket *bucket, const struct lookup *lookup,
                          uint32_t column_count, struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    for (uint32_t c = 0; c < column_count; c++) {
        const struct weir_field *field = &bucket->table->fields[definition->key[c]];
        struct weir_type is = lookup->keys[c].type;
        if (is.id != field->type.id || is.precision != field->type.precision ||
            is.scale != field->type.scale) {
            return failure_set(failure, WEIR_ERROR_DATA, "key column %s has another type: cast it",
                               field->name);
        }
        for (uint32_t i = 0; i < lookup->count; i++) {
            if (weir_is_null(&lookup->keys[c], lookup->key_rows[i])) {
                return failure_set(failure, WEIR_ERROR_DATA, "row %u: key column %s is null",
                                   lookup->key_rows[i], field->name);
            }
        }
    }
    return WEIR_OK;
}

// Rows of the keys, as they lie in the index: row_of[i] for key_rows[i], or NULL.
static int32_t find_rows(struct bucket *bucket, const struct lookup *lookup, struct arena *arena,
                         const uint8_t ***row_of, struct failure *failure)
{
    const struct weir_column *columns[TABLE_KEY_COLUMNS_MAX];
    struct index_keys keys;
    for (uint32_t c = 0; c < bucket->table->definition->key_count; c++) {
        columns[c] = &lookup->keys[c];
    }
    uint32_t *key_of = arena_get(arena, (uint64_t)lookup->count * sizeof *key_of);
    const uint8_t **rows = arena_get(arena, (uint64_t)lookup->count * sizeof *rows);
    *row_of = arena_get(arena, (uint64_t)lookup->count * sizeof **row_of);
    if (key_of == NULL || rows == NULL || *row_of == NULL) {
        return no_memory(failure, lookup->count);
    }
    int32_t code = keys_encode(bucket, columns, lookup->key_rows, lookup->count, key_of, arena,
                               &keys, failure);
    if (code == WEIR_OK) {
        code = bucket->index->table->get(bucket->index, &keys, arena, rows, failure);
    }
    if (code != WEIR_OK) {
        return code;
    }
    int64_t now = now_us(bucket);
    for (uint32_t i = 0; i < lookup->count; i++) {
        const uint8_t *row = rows[key_of[i]];
        (*row_of)[i] = row != NULL && !bucket_is_expired(bucket, row, now) ? row : NULL;
    }
    return WEIR_OK;
}

// Puts rows that hold nothing but the keys that were not found.
static int32_t insert_missing(struct bucket *bucket, const struct lookup *lookup,
                              const uint8_t *const *row_of, struct arena *arena,
                              struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    uint32_t *rows = arena_get(arena, (uint64_t)lookup->count * sizeof *rows);
    uint8_t *targets = arena_zeroed(arena, definition->column_count);
    struct weir_column *columns = arena_zeroed(arena, definition->column_count * sizeof *columns);
    if (rows == NULL || targets == NULL || columns == NULL) {
        return no_memory(failure, lookup->count);
    }
    for (uint32_t i = 0; i < definition->column_count; i++) {
        columns[i] = (struct weir_column){.type = bucket->table->fields[i].type,
                                          .encoding = WEIR_ENCODING_ABSENT};
    }
    for (uint32_t c = 0; c < definition->key_count; c++) {
        columns[definition->key[c]] = lookup->keys[c];
        targets[definition->key[c]] = 1;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < lookup->count; i++) {
        rows[count] = lookup->key_rows[i];
        count += row_of[i] == NULL;
    }
    if (count == 0) {
        return WEIR_OK;
    }
    struct weir_batch batch = {
        .size = sizeof batch,
        .column_count = definition->column_count,
        .columns = columns,
        .time_min_us = WEIR_TIME_NONE,
        .time_max_us = WEIR_TIME_NONE,
        .entered_us = now_us(bucket),
    };
    struct bucket_put put = {.batch = &batch,
                             .rows = rows,
                             .row_count = count,
                             .targets = targets,
                             .writer = RECORD_WRITER_NONE};
    struct bucket_ack ack;
    return put_locked(bucket, &put, &ack, failure);
}

static int32_t look_up(struct bucket *bucket, const struct lookup *lookup, int inserts,
                       struct bucket_rows *rows, struct failure *failure)
{
    struct arena arena;
    const uint8_t **row_of;
    arena_init(&arena, bucket->table->memory);
    int32_t code = check_keys(bucket, lookup, bucket->table->definition->key_count, failure);
    if (code == WEIR_OK) {
        code = find_rows(bucket, lookup, &arena, &row_of, failure);
    }
    if (code == WEIR_OK && inserts) {
        code = insert_missing(bucket, lookup, row_of, &arena, failure);
        if (code == WEIR_OK) {
            code = find_rows(bucket, lookup, &arena, &row_of, failure);
        }
    }
    if (code == WEIR_OK) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < lookup->count; i++) {
            const uint8_t *row = row_of[i];
            lookup->found[i] = row == NULL ? UINT32_MAX : count;
            row_of[count] = row;
            count += row != NULL;
        }
        code = hand_out(bucket, row_of, count, rows, failure);
    }
    arena_finish(&arena);
    return code;
}

int32_t bucket_lookup(struct bucket *bucket, const struct weir_column *keys,
                      const uint32_t *key_rows, uint32_t key_row_count, int inserts,
                      struct bucket_rows *rows, uint32_t *found, uint64_t *position,
                      struct failure *failure)
{
    struct lookup lookup = {keys, key_rows, key_row_count, found};
    struct failure why;
    int32_t code = enter_index(bucket, failure);
    if (code != WEIR_OK) {
        return code;
    }
    code = look_up(bucket, &lookup, inserts, rows, &why);
    if (code != WEIR_OK && failure != NULL) {
        *failure = why;
        bucket_blame(bucket, failure);
    }
    *position = bucket->position;
    bucket_leave(bucket);
    return code;
}

// --- Scans ---

struct scan {
    const struct bucket *bucket;
    int64_t now_us;
    const uint8_t *prefix; // of the encoded key; NULL: all rows
    uint32_t prefix_length;
    const uint8_t **list;
    uint32_t count;
    uint32_t limit;
};

static int32_t note_row(void *owner, const uint8_t *row)
{
    struct scan *scan = owner;
    uint8_t room[WEIR_KEY_FIXED_BYTES_MAX];
    uint32_t length;
    if (bucket_is_expired(scan->bucket, row, scan->now_us)) {
        return 0;
    }
    if (scan->prefix != NULL) {
        const uint8_t *key = keys_of_row(scan->bucket, row, room, &length);
        if (length < scan->prefix_length || memcmp(key, scan->prefix, scan->prefix_length) != 0) {
            return 0;
        }
    }
    scan->list[scan->count++] = row;
    return scan->count == scan->limit;
}

static int compare_rows(const void *a, const void *b, void *owner)
{
    const struct bucket *bucket = owner;
    uint8_t room[2][WEIR_KEY_FIXED_BYTES_MAX];
    uint32_t lengths[2];
    const uint8_t *x = keys_of_row(bucket, *(const uint8_t *const *)a, room[0], &lengths[0]);
    const uint8_t *y = keys_of_row(bucket, *(const uint8_t *const *)b, room[1], &lengths[1]);
    int order = memcmp(x, y, lengths[0] < lengths[1] ? lengths[0] : lengths[1]);
    return order != 0 ? order : (lengths[0] > lengths[1]) - (lengths[0] < lengths[1]);
}

// Collects, orders, cuts and copies.
static int32_t run_scan(struct bucket *bucket, struct scan *scan, uint32_t limit, int is_ordered,
                        struct arena *arena, struct bucket_rows *rows, struct failure *failure)
{
    struct index *index = bucket->index;
    struct index_walk walk = {
        .prefix = scan->prefix, .prefix_length = scan->prefix_length, .arena = arena};
    uint64_t most = index->table->row_count(index);
    int is_sorting = is_ordered && !index->table->is_on_disk;
    int32_t code = WEIR_OK;
    scan->bucket = bucket;
    scan->now_us = now_us(bucket);
    scan->limit = is_sorting ? UINT32_MAX : limit;
    scan->list = arena_get(arena, most * sizeof *scan->list);
    if (scan->list == NULL) {
        return no_memory(failure, most);
    }
    if (limit > 0) {
        code = index->table->visit(index, &walk, note_row, scan, failure);
    }
    if (code < 0) {
        return code;
    }
    if (is_sorting && scan->count > 1) {
        qsort_r(scan->list, scan->count, sizeof *scan->list, compare_rows, bucket);
    }
    return hand_out(bucket, scan->list, scan->count < limit ? scan->count : limit, rows, failure);
}

static int32_t prefix_rows(struct bucket *bucket, const struct lookup *lookup,
                           uint32_t prefix_count, struct bucket_rows *rows, struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    int is_prefix =
        prefix_count == definition->bucket_key_count && prefix_count < definition->key_count;
    for (uint32_t c = 0; c < prefix_count && is_prefix; c++) {
        is_prefix = definition->bucket_key[c] == definition->key[c];
    }
    if (!is_prefix) {
        return failure_set(failure, WEIR_ERROR_UNSUPPORTED,
                           "a prefix lookup takes exactly the bucket key, which must be a true "
                           "prefix of the primary key");
    }
    int32_t code = check_keys(bucket, lookup, prefix_count, failure);
    if (code != WEIR_OK) {
        return code;
    }
    struct arena arena;
    arena_init(&arena, bucket->table->memory);
    uint64_t bytes = 0;
    for (uint32_t c = 0; c < prefix_count; c++) {
        bytes += weir_key_bytes_max(&lookup->keys[c], *lookup->key_rows);
    }
    uint8_t *prefix = arena_get(&arena, bytes);
    struct scan scan = {.prefix = prefix};
    for (uint32_t c = 0; c < prefix_count && prefix != NULL; c++) {
        scan.prefix_length +=
            weir_key_encode(&lookup->keys[c], *lookup->key_rows, prefix + scan.prefix_length);
    }
    code = prefix == NULL ? no_memory(failure, 1)
                          : run_scan(bucket, &scan, UINT32_MAX, 1, &arena, rows, failure);
    arena_finish(&arena);
    return code;
}

int32_t bucket_prefix(struct bucket *bucket, const struct weir_column *keys, uint32_t prefix_count,
                      uint32_t key_row, struct bucket_rows *rows, uint64_t *position,
                      struct failure *failure)
{
    struct lookup lookup = {keys, &key_row, 1, NULL};
    int32_t code = enter_index(bucket, failure);
    if (code != WEIR_OK) {
        return code;
    }
    struct failure why;
    code = prefix_rows(bucket, &lookup, prefix_count, rows, &why);
    if (code != WEIR_OK && failure != NULL) {
        *failure = why;
        bucket_blame(bucket, failure);
    }
    *position = bucket->position;
    bucket_leave(bucket);
    return code;
}

int32_t bucket_scan(struct bucket *bucket, uint32_t limit, int is_ordered, struct bucket_rows *rows,
                    uint64_t *end_offset, uint64_t *position, struct failure *failure)
{
    struct scan scan = {0};
    struct arena arena;
    int32_t code = enter_index(bucket, failure);
    if (code != WEIR_OK) {
        return code;
    }
    arena_init(&arena, bucket->table->memory);
    struct failure why;
    code = run_scan(bucket, &scan, limit, is_ordered, &arena, rows, &why);
    if (code != WEIR_OK && failure != NULL) {
        *failure = why;
        bucket_blame(bucket, failure);
    }
    arena_finish(&arena);
    *end_offset = bucket->end_offset;
    *position = bucket->position;
    bucket_leave(bucket);
    return code;
}
