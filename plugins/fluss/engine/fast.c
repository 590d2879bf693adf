// The hot path: whole rows of fixed width without nulls into a last-row table. All keys are probed
// first, then the number of records is known, and one plain loop per column moves old values out
// and new ones in. A key that comes twice in a batch is right by itself: its second row finds what
// the first one wrote.
#include "engine/inside.h"
#include "log/body.h"

#include <string.h>

static int is_plain_batch(const struct bucket *bucket, const struct weir_batch *batch)
{
    for (uint32_t i = 0; i < batch->column_count; i++) {
        const struct weir_column *column = &batch->columns[i];
        struct weir_type is = column->type, wanted = bucket->layout->types[i];
        if (column->null_count > 0 || column->encoding != WEIR_ENCODING_PLAIN ||
            is.id != wanted.id || is.precision != wanted.precision || is.scale != wanted.scale) {
            return 0;
        }
    }
    return 1;
}

static int is_all_upsert(const struct bucket_put *put)
{
    uint8_t others = 0;
    for (uint32_t i = 0; put->batch->kinds != NULL && i < put->row_count; i++) {
        others |= put->batch->kinds[put->rows[i]] & 1; // -U and -D
    }
    return !others;
}

int fast_fits(const struct bucket *bucket, const struct bucket_put *put)
{
    const struct table_definition *definition = bucket->table->definition;
    return bucket->integer_width != 0 && bucket->layout->is_plain && !bucket->may_hold_nulls &&
           definition->merge == TABLE_MERGE_LAST_ROW && definition->ttl_us == 0 &&
           definition->index == TABLE_INDEX_MEMORY &&
           definition->compression == TABLE_COMPRESSION_NONE && bucket->auto_column < 0 &&
           put->targets == NULL && put->row_count > 0 && put->row_count <= BUCKET_PUT_ROWS_MAX &&
           put->batch->column_count == definition->column_count &&
           is_plain_batch(bucket, put->batch) && is_all_upsert(put);
}

struct rows {
    const uint32_t *rows;
    uint32_t count;
    uint8_t **slots;
    const uint8_t *was_there;
    int all_there;
};

// -U old and +U new (or +I new), column by column.
#define EXCHANGE(name, type)                                                               \
    static void name(const struct rows *rows, const void *from, uint32_t offset, void *to) \
    {                                                                                      \
        const type *values = from;                                                         \
        type *out = to;                                                                    \
        if (rows->all_there) {                                                             \
            for (uint32_t i = 0; i < rows->count; i++) {                                   \
                type *cell = (type *)(rows->slots[i] + offset);                            \
                type value = values[rows->rows[i]];                                        \
                out[2 * (uint64_t)i] = *cell;                                              \
                out[2 * (uint64_t)i + 1] = value;                                          \
                *cell = value;                                                             \
            }                                                                              \
            return;                                                                        \
        }                                                                                  \
        for (uint32_t i = 0; i < rows->count; i++) {                                       \
            type *cell = (type *)(rows->slots[i] + offset);                                \
            type value = values[rows->rows[i]];                                            \
            *out = *cell;                                                                  \
            out += rows->was_there[i];                                                     \
            *out++ = value;                                                                \
            *cell = value;                                                                 \
        }                                                                                  \
    }
// +U new, column by column.
#define REPLACE(name, type)                                                                \
    static void name(const struct rows *rows, const void *from, uint32_t offset, void *to) \
    {                                                                                      \
        const type *values = from;                                                         \
        type *out = to;                                                                    \
        for (uint32_t i = 0; i < rows->count; i++) {                                       \
            out[i] = values[rows->rows[i]];                                                \
            *(type *)(rows->slots[i] + offset) = out[i];                                   \
        }                                                                                  \
    }

// Bits of any type of that width.
typedef uint8_t __attribute__((may_alias)) bits8;
typedef uint16_t __attribute__((may_alias)) bits16;
typedef uint32_t __attribute__((may_alias)) bits32;
typedef uint64_t __attribute__((may_alias)) bits64;
struct __attribute__((may_alias)) bits128 {
    uint64_t low;
    uint64_t high;
};

EXCHANGE(exchange_1, bits8)
EXCHANGE(exchange_2, bits16)
EXCHANGE(exchange_4, bits32)
EXCHANGE(exchange_8, bits64)
EXCHANGE(exchange_16, struct bits128)
REPLACE(replace_1, bits8)
REPLACE(replace_2, bits16)
REPLACE(replace_4, bits32)
REPLACE(replace_8, bits64)
REPLACE(replace_16, struct bits128)

typedef void move_column(const struct rows *rows, const void *from, uint32_t offset, void *to);

static move_column *mover(uint32_t width, int is_full)
{
    static move_column *const exchange[] = {exchange_1, exchange_2, exchange_4, exchange_8,
                                            exchange_16};
    static move_column *const replace[] = {replace_1, replace_2, replace_4, replace_8, replace_16};
    uint32_t i = (uint32_t)__builtin_ctz(width);
    return is_full ? exchange[i] : replace[i];
}

static void fill_kinds(const struct rows *rows, int is_full, uint8_t *kinds)
{
    if (!is_full) {
        memset(kinds, WEIR_KIND_UPDATE_AFTER, rows->count);
        return;
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        *kinds = WEIR_KIND_UPDATE_BEFORE;
        kinds += rows->was_there[i];
        *kinds++ = rows->was_there[i] ? WEIR_KIND_UPDATE_AFTER : WEIR_KIND_INSERT;
    }
}

static int32_t put_rows(struct bucket *bucket, const struct bucket_put *put,
                        const struct rows *rows, uint32_t record_count, struct bucket_ack *ack,
                        struct failure *failure)
{
    const struct bucket_table *table = bucket->table;
    uint32_t column_count = bucket->layout->column_count;
    int is_full = table->definition->changelog == TABLE_CHANGELOG_FULL;
    uint32_t offsets[WEIR_SCHEMA_FIELDS_MAX], kinds_offset;
    struct changelog_room room;
    uint64_t bytes =
        body_plan(table->fields, column_count, record_count, 1, 1, NULL, offsets, &kinds_offset);
    int32_t code = changelog_reserve(bucket, bytes, &room, failure);
    if (code != WEIR_OK) {
        return code;
    }
    body_plan(table->fields, column_count, record_count, 1, 1, room.body, offsets, &kinds_offset);
    fill_kinds(rows, is_full, room.body + kinds_offset);
    for (uint32_t i = 0; i < column_count; i++) {
        mover(weir_type_width(bucket->layout->types[i]),
              is_full)(rows, put->batch->columns[i].values, bucket->layout->offsets[i],
                       room.body + offsets[i]);
    }
    body_statistics(table->fields, column_count, record_count, 1, room.body);
    struct changelog_head head = {
        .end_offset = bucket->end_offset + record_count,
        .row_count = record_count,
        .column_count = column_count,
        .flags = RECORD_HAS_KINDS | RECORD_HAS_STATISTICS,
    };
    changelog_publish(bucket, put, &room, bytes, &head, ack);
    return WEIR_OK;
}

int32_t fast_put(struct bucket *bucket, const struct bucket_put *put, struct bucket_ack *ack,
                 struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    const void *keys = put->batch->columns[definition->key[0]].values;
    uint32_t count = put->row_count;
    int32_t code = WEIR_ERROR_RETRY;
    struct arena arena;
    arena_init(&arena, bucket->table->memory);
    uint8_t **slots = arena_get(&arena, (uint64_t)count * sizeof *slots);
    uint8_t *was_there = arena_get(&arena, count);
    int64_t new_count = -1;
    if (slots != NULL && was_there != NULL) {
        new_count = index_memory_claim(bucket->index, keys, bucket->integer_width, put->rows, count,
                                       slots, was_there);
    }
    if (new_count < 0) {
        failure_set(failure, WEIR_ERROR_RETRY, "no memory for the rows of a put");
    } else {
        struct rows rows = {put->rows, count, slots, was_there, new_count == 0};
        int is_full = definition->changelog == TABLE_CHANGELOG_FULL;
        code = put_rows(bucket, put, &rows, is_full ? 2 * count - (uint32_t)new_count : count, ack,
                        failure);
        if (code != WEIR_OK) {
            index_memory_unclaim(bucket->index, keys, bucket->integer_width, put->rows, count,
                                 was_there);
        }
    }
    arena_finish(&arena);
    return code;
}
