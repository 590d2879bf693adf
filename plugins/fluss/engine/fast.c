// The hot path: whole rows of fixed width without nulls into a last-row table (or a log table,
// where they are only gathered; and back from the log). All keys are probed first, then the number
// of records is known, and one plain loop per column moves old values out and new ones in. A key
// that comes twice in a batch is right by itself: its second row finds what the first one wrote.
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
    int fits_table = bucket->index == NULL ||
                     (bucket->integer_width != 0 && !bucket->may_hold_nulls &&
                      bucket->auto_column < 0 && definition->merge == TABLE_MERGE_LAST_ROW &&
                      definition->ttl_us == 0 && definition->index == TABLE_INDEX_MEMORY);
    return fits_table && bucket->layout->is_plain &&
           definition->compression == TABLE_COMPRESSION_NONE && put->targets == NULL &&
           put->row_count > 0 && put->row_count <= BUCKET_PUT_ROWS_MAX &&
           put->batch->column_count == definition->column_count &&
           is_plain_batch(bucket, put->batch) && is_all_upsert(put);
}

int fast_loads(const struct bucket *bucket, const struct weir_column *columns)
{
    const struct table_definition *definition = bucket->table->definition;
    int fits = bucket->integer_width != 0 && !bucket->may_hold_nulls && bucket->layout->is_plain &&
               definition->ttl_us == 0 && definition->index == TABLE_INDEX_MEMORY;
    for (uint32_t i = 0; i < bucket->layout->column_count && fits; i++) {
        fits = columns[i].encoding == WEIR_ENCODING_PLAIN && columns[i].null_count == 0;
    }
    return fits;
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

// Appended, column by column.
#define GATHER(name, type)                                                                 \
    static void name(const struct rows *rows, const void *from, uint32_t offset, void *to) \
    {                                                                                      \
        const type *values = from;                                                         \
        type *out = to;                                                                    \
        (void)offset;                                                                      \
        for (uint32_t i = 0; i < rows->count; i++) {                                       \
            out[i] = values[rows->rows[i]];                                                \
        }                                                                                  \
    }
// Only into the slots.
#define LOAD(name, type)                                                                   \
    static void name(const struct rows *rows, const void *from, uint32_t offset, void *to) \
    {                                                                                      \
        const type *values = from;                                                         \
        (void)to;                                                                          \
        for (uint32_t i = 0; i < rows->count; i++) {                                       \
            *(type *)(rows->slots[i] + offset) = values[rows->rows[i]];                    \
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

#define EACH_WIDTH(MAKE, name) \
    MAKE(name##_1, bits8)      \
    MAKE(name##_2, bits16)     \
    MAKE(name##_4, bits32)     \
    MAKE(name##_8, bits64)     \
    MAKE(name##_16, struct bits128)
EACH_WIDTH(EXCHANGE, exchange)
EACH_WIDTH(REPLACE, replace)
EACH_WIDTH(GATHER, gather)
EACH_WIDTH(LOAD, load)

enum way { WAY_EXCHANGE, WAY_REPLACE, WAY_GATHER, WAY_LOAD };

typedef void move_column(const struct rows *rows, const void *from, uint32_t offset, void *to);

// By way, and by the logarithm of the width.
static move_column *const movers[][5] = {
    {exchange_1, exchange_2, exchange_4, exchange_8, exchange_16},
    {replace_1, replace_2, replace_4, replace_8, replace_16},
    {gather_1, gather_2, gather_4, gather_8, gather_16},
    {load_1, load_2, load_4, load_8, load_16},
};

static move_column *mover(enum way way, struct weir_type type)
{
    return movers[way][__builtin_ctz(weir_type_width(type))];
}

static void fill_kinds(const struct rows *rows, enum way way, uint8_t *kinds)
{
    if (way == WAY_REPLACE) {
        memset(kinds, WEIR_KIND_UPDATE_AFTER, rows->count);
        return;
    }
    for (uint32_t i = 0; way == WAY_EXCHANGE && i < rows->count; i++) {
        *kinds = WEIR_KIND_UPDATE_BEFORE;
        kinds += rows->was_there[i];
        *kinds++ = rows->was_there[i] ? WEIR_KIND_UPDATE_AFTER : WEIR_KIND_INSERT;
    }
}

// Writes the record of a put, and the slots.
static int32_t put_rows(struct bucket *bucket, const struct bucket_put *put,
                        const struct rows *rows, enum way way, uint32_t record_count,
                        struct bucket_ack *ack, struct failure *failure)
{
    const struct weir_field *fields = bucket->table->fields;
    uint32_t column_count = bucket->layout->column_count;
    uint32_t offsets[WEIR_SCHEMA_FIELDS_MAX], kinds_offset;
    int has_kinds = way != WAY_GATHER;
    struct changelog_room room;
    uint64_t bytes =
        body_plan(fields, column_count, record_count, has_kinds, 1, NULL, offsets, &kinds_offset);
    int32_t code = changelog_reserve(bucket, bytes, &room, failure);
    if (code != WEIR_OK) {
        return code;
    }
    body_plan(fields, column_count, record_count, has_kinds, 1, room.body, offsets, &kinds_offset);
    fill_kinds(rows, way, room.body + kinds_offset);
    for (uint32_t i = 0; i < column_count; i++) {
        mover(way, fields[i].type)(rows, put->batch->columns[i].values, bucket->layout->offsets[i],
                                   room.body + offsets[i]);
    }
    body_statistics(fields, column_count, record_count, has_kinds, room.body);
    struct changelog_head head = {
        .end_offset = bucket->end_offset + record_count,
        .row_count = record_count,
        .column_count = column_count,
        .flags = (has_kinds ? RECORD_HAS_KINDS : 0) | RECORD_HAS_STATISTICS,
    };
    changelog_publish(bucket, put, &room, bytes, &head, ack);
    return WEIR_OK;
}

static const void *key_values(const struct bucket *bucket, const struct weir_column *columns)
{
    return columns[bucket->table->definition->key[0]].values;
}

// The slots of the keys of rows. The number of new ones, or -1: no memory.
static int64_t claim_slots(struct bucket *bucket, const struct weir_column *columns,
                           const uint32_t *numbers, uint32_t count, struct arena *arena,
                           struct rows *rows)
{
    uint8_t **slots = arena_get(arena, (uint64_t)count * sizeof *slots);
    uint8_t *was_there = arena_get(arena, count);
    if (slots == NULL || was_there == NULL) {
        return -1;
    }
    int64_t new_count = index_memory_claim(bucket->index, key_values(bucket, columns),
                                           bucket->integer_width, numbers, count, slots, was_there);
    *rows = (struct rows){numbers, count, slots, was_there, new_count == 0};
    return new_count;
}

static int32_t upsert(struct bucket *bucket, const struct bucket_put *put, struct arena *arena,
                      struct bucket_ack *ack, struct failure *failure)
{
    const struct weir_column *columns = put->batch->columns;
    int is_full = bucket->table->definition->changelog == TABLE_CHANGELOG_FULL;
    struct rows rows;
    int64_t new_count = claim_slots(bucket, columns, put->rows, put->row_count, arena, &rows);
    if (new_count < 0) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for the rows of a put");
    }
    uint32_t record_count = is_full ? 2 * rows.count - (uint32_t)new_count : rows.count;
    int32_t code = put_rows(bucket, put, &rows, is_full ? WAY_EXCHANGE : WAY_REPLACE, record_count,
                            ack, failure);
    if (code != WEIR_OK) {
        index_memory_unclaim(bucket->index, key_values(bucket, columns), bucket->integer_width,
                             rows.rows, rows.count, rows.was_there);
    }
    return code;
}

int32_t fast_put(struct bucket *bucket, const struct bucket_put *put, struct bucket_ack *ack,
                 struct failure *failure)
{
    if (bucket->index == NULL) {
        struct rows rows = {.rows = put->rows, .count = put->row_count};
        return put_rows(bucket, put, &rows, WAY_GATHER, put->row_count, ack, failure);
    }
    struct arena arena;
    arena_init(&arena, bucket->table->memory);
    int32_t code = upsert(bucket, put, &arena, ack, failure);
    arena_finish(&arena);
    return code;
}

int32_t fast_load(struct bucket *bucket, const struct weir_column *columns, const uint32_t *numbers,
                  uint32_t count, struct arena *arena, struct failure *failure)
{
    struct rows rows;
    if (claim_slots(bucket, columns, numbers, count, arena, &rows) < 0) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory to load %u rows", count);
    }
    for (uint32_t i = 0; i < bucket->layout->column_count; i++) {
        mover(WAY_LOAD, bucket->layout->types[i])(&rows, columns[i].values,
                                                  bucket->layout->offsets[i], NULL);
    }
    return WEIR_OK;
}
