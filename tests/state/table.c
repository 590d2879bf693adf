// State tables against a plain list of keys: random types, spaces, drops, erases, snapshots.
#include "state/state.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/batch.h"
#include "data/key.h"
#include "support/test.h"
#include "weir/key.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 7;
    random_state ^= random_state >> 9;
    return random_state;
}

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(next_random() >> 32) % limit;
}

// --- Keys of any type ---

static const uint8_t all_types[] = {WEIR_TYPE_BOOL,          WEIR_TYPE_INT8,   WEIR_TYPE_INT16,
                                    WEIR_TYPE_INT32,         WEIR_TYPE_INT64,  WEIR_TYPE_FLOAT32,
                                    WEIR_TYPE_FLOAT64,       WEIR_TYPE_STRING, WEIR_TYPE_BYTES,
                                    WEIR_TYPE_DATE,          WEIR_TYPE_TIME,   WEIR_TYPE_TIMESTAMP,
                                    WEIR_TYPE_TIMESTAMP_LTZ, WEIR_TYPE_DECIMAL};

static struct weir_type random_type(void)
{
    struct weir_type type = weir_type_of(all_types[below(sizeof all_types)]);
    if (type.id == WEIR_TYPE_TIMESTAMP || type.id == WEIR_TYPE_TIMESTAMP_LTZ) {
        type.precision = (uint8_t)below(10);
    } else if (type.id == WEIR_TYPE_DECIMAL) {
        type.precision = (uint8_t)(1 + below(38));
    }
    return type;
}

// One of `variety` values of a type, as bytes; strings come out with their length.
static uint32_t make_value(struct weir_type type, uint32_t variety, uint8_t *out)
{
    static const double floats[] = {0.0, -0.0, NAN, -NAN, INFINITY, -INFINITY, 1.5};
    uint32_t n = below(variety), width = weir_type_width(type);
    uint64_t wide = n * 0x9e3779b97f4a7c15u;
    memset(out, 0, 64);
    if (weir_type_is_text(type)) {
        return (uint32_t)snprintf((char *)out, 64, "%.*s%u", (int)(n % 23),
                                  "a rather long key for a row", n);
    }
    if (type.id == WEIR_TYPE_BOOL) {
        out[0] = n & 1;
        return 1;
    }
    if (type.id == WEIR_TYPE_FLOAT64 || type.id == WEIR_TYPE_FLOAT32) {
        double value = n < 7 ? floats[n] : n * 0.25;
        float narrow = (float)value;
        memcpy(out, width == 8 ? (void *)&value : (void *)&narrow, width);
        return width;
    }
    if (n % 3 == 0) {
        wide = n;
    }
    memcpy(out, &wide, width < 8 ? width : 8);
    if (type.id == WEIR_TYPE_DECIMAL && wide >> 63) {
        memset(out + 8, 255, 8);
    }
    return width;
}

// What is equal for equal keys: a text of the row's key columns.
static void key_text(const struct weir_batch *batch, uint32_t first_column, uint32_t count,
                     uint32_t row, char *text, size_t size)
{
    size_t at = 0;
    for (uint32_t c = first_column; c < first_column + count; c++) {
        const struct weir_column *column = &batch->columns[c];
        const uint8_t *value = column->values;
        uint32_t length = weir_type_width(column->type);
        uint8_t scratch[16];
        if (weir_is_null(column, row)) {
            at += (size_t)snprintf(text + at, size - at, "|null");
            continue;
        }
        if (weir_type_is_text(column->type)) {
            value = (const uint8_t *)weir_text(column, row, &length);
        } else if (column->type.id == WEIR_TYPE_BOOL) {
            scratch[0] = (uint8_t)weir_bit(value, row);
            value = scratch;
            length = 1;
        } else {
            value += (size_t)row * length;
        }
        if (column->type.id == WEIR_TYPE_FLOAT64) {
            double number;
            memcpy(&number, value, 8);
            at +=
                (size_t)snprintf(text + at, size - at, "|%a", isnan(number) ? -1.0 : number + 0.0);
            continue;
        }
        if (column->type.id == WEIR_TYPE_FLOAT32) {
            float number;
            memcpy(&number, value, 4);
            at += (size_t)snprintf(text + at, size - at, "|%a",
                                   isnan(number) ? -1.0 : (double)number + 0.0);
            continue;
        }
        at += (size_t)snprintf(text + at, size - at, "|%u:", length);
        for (uint32_t i = 0; i < length; i++) {
            at += (size_t)snprintf(text + at, size - at, "%02x", value[i]);
        }
    }
    snprintf(text + at, size - at, "|");
}

static struct weir_schema make_schema(struct weir_field *fields, uint32_t count)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (uint32_t i = 0; i < count; i++) {
        fields[i].name = names[i];
    }
    return (struct weir_schema){sizeof(struct weir_schema), count, fields};
}

static const struct weir_batch *make_batch(const struct weir_schema *schema, uint32_t rows,
                                           uint32_t variety, uint32_t nulls_of_8)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    uint8_t value[64];
    if (batch_builder_create(schema, rows, &builder) != 0) {
        abort();
    }
    for (uint32_t c = 0; c < schema->field_count; c++) {
        struct weir_type type = schema->fields[c].type;
        int is_text = weir_type_is_text(type);
        uint8_t *values = is_text ? NULL : batch_builder_values(builder, c);
        for (uint32_t row = 0; row < rows; row++) {
            uint32_t length = make_value(type, variety, value);
            int is_null = below(8) < nulls_of_8;
            if (is_text && is_null) {
                batch_builder_append_null(builder, c);
            } else if (is_text) {
                batch_builder_append(builder, c, value, length);
            } else if (type.id == WEIR_TYPE_BOOL) {
                weir_bit_set(values, row, value[0]);
            } else {
                memcpy(values + (size_t)row * length, value, length);
            }
            if (!is_text && is_null) {
                weir_bit_set(batch_builder_validity(builder, c), row, 0);
            }
        }
    }
    if (batch_builder_finish(builder, rows, &batch) != 0) {
        abort();
    }
    return batch;
}

// --- The model ---

struct entry {
    int64_t space;
    int64_t count;
    int64_t id;
    int is_live;
    char key[600];
};

struct model {
    struct entry *entries;
    uint32_t count;
    uint32_t capacity;
};

static struct entry *model_find(struct model *model, int64_t space, const char *key)
{
    for (uint32_t i = 0; i < model->count; i++) {
        struct entry *entry = &model->entries[i];
        if (entry->is_live && entry->space == space && strcmp(entry->key, key) == 0) {
            return entry;
        }
    }
    return NULL;
}

static struct entry *model_add(struct model *model, int64_t space, const char *key)
{
    if (model->count == model->capacity) {
        model->capacity = model->capacity * 2 + 64;
        model->entries = realloc(model->entries, model->capacity * sizeof *model->entries);
    }
    struct entry *entry = &model->entries[model->count];
    *entry = (struct entry){.space = space, .id = model->count + 1, .is_live = 1};
    model->count++;
    snprintf(entry->key, sizeof entry->key, "%s", key);
    return entry;
}

struct slot {
    int64_t count;
    int64_t id;
    int64_t mark;
};

static const struct slot initial_slot = {0, 0, 4711};
static const struct weir_state_field slot_fields[] = {
    {"count", {WEIR_TYPE_INT64, 0, 0, 0, 0}, 0, 8},
    {"id", {WEIR_TYPE_INT64, 0, 0, 0, 0}, 8, 8},
    {"mark", {WEIR_TYPE_INT64, 0, 0, 0, 0}, 16, 8},
};
static const struct weir_state_layout slot_layout = {
    sizeof slot_layout, 3, "counts", sizeof(struct slot), 3, slot_fields, &initial_slot};

static struct slot *slot_at(struct state_table *table, uint32_t slot)
{
    struct weir_state *state = (struct weir_state *)table;
    return (struct slot *)(void *)(state->slots + (uint64_t)slot * state->stride);
}

static struct state_table *open_table(const struct weir_schema *schema, uint32_t column_count,
                                      uint32_t group_count)
{
    static const uint32_t columns[] = {0, 1, 2, 3, 4};
    struct state_options options = {.schema = schema,
                                    .columns = columns,
                                    .column_count = column_count,
                                    .group_count = group_count};
    struct state_table *table = NULL;
    struct error error;
    CHECK_INT(state_table_create(&slot_layout, &options, &table, &error), 0);
    return table;
}

static void apply(struct state_table *table, struct model *model, const struct weir_batch *batch,
                  int64_t space, const int64_t *spaces)
{
    uint32_t slots[2048];
    char key[600];
    CHECK_INT(state_table_slots(table, batch, space, spaces, slots), 0);
    for (uint32_t row = 0; row < batch->row_count; row++) {
        int64_t row_space = spaces != NULL ? spaces[row] : space;
        key_text(batch, 0, batch->column_count, row, key, sizeof key);
        struct entry *entry = model_find(model, row_space, key);
        struct slot *slot = slot_at(table, slots[row]);
        if (entry == NULL) {
            entry = model_add(model, row_space, key);
            CHECK_INT(slot->id, 0);
            CHECK_INT(slot->mark, 4711);
            slot->id = entry->id;
        }
        CHECK_INT(slot->id, entry->id);
        slot->count++;
        entry->count++;
        if (test_has_failed()) {
            return;
        }
    }
}

// Everything that the table holds is in the model and the other way round.
static void compare(struct state_table *table, struct model *model,
                    const struct weir_schema *schema, uint32_t group_count)
{
    int64_t spaces[64];
    uint32_t space_count = state_table_spaces(table, spaces, 64), live = 0, seen = 0, slots[100];
    for (uint32_t i = 0; i < model->count; i++) {
        live += (uint32_t)model->entries[i].is_live;
    }
    CHECK_INT(state_table_count(table), live);
    for (uint32_t s = 0; s < space_count && s < 64; s++) {
        uint64_t cursor = 0;
        uint32_t count;
        CHECK(s == 0 || spaces[s] > spaces[s - 1]);
        while ((count = state_table_scan(table, spaces[s], &cursor, slots, 1 + below(100))) > 0) {
            struct batch_builder *builder;
            const struct weir_batch *batch;
            uint32_t groups[100], columns[] = {0, 1, 2, 3, 4};
            char key[600];
            REQUIRE(batch_builder_create(schema, count, &builder) == 0);
            CHECK_INT(state_table_keys(table, slots, count, builder, 0), 0);
            REQUIRE(batch_builder_finish(builder, count, &batch) == 0);
            key_groups(batch, columns, schema->field_count, group_count, groups);
            for (uint32_t i = 0; i < count; i++) {
                key_text(batch, 0, schema->field_count, i, key, sizeof key);
                struct entry *entry = model_find(model, spaces[s], key);
                REQUIRE(entry != NULL);
                CHECK_INT(slot_at(table, slots[i])->id, entry->id);
                CHECK_INT(slot_at(table, slots[i])->count, entry->count);
                CHECK_INT(groups[i], cursor >> 32);
            }
            seen += count;
            batch_unref(batch);
        }
    }
    CHECK_INT(seen, live);
}

static void erase_some(struct state_table *table, struct model *model)
{
    int64_t spaces[64];
    uint32_t slots[50], chosen[50], count = 0;
    uint32_t space_count = state_table_spaces(table, spaces, 64);
    uint64_t cursor = 0;
    if (space_count == 0) {
        return;
    }
    uint32_t found = state_table_scan(table, spaces[below(space_count)], &cursor, slots, 50);
    for (uint32_t i = 0; i < found; i++) {
        if (below(2) == 0) {
            model->entries[slot_at(table, slots[i])->id - 1].is_live = 0;
            chosen[count++] = slots[i];
        }
    }
    CHECK_INT(state_table_erase(table, chosen, count), 0);
}

static void drop_one(struct state_table *table, struct model *model)
{
    int64_t spaces[64];
    uint32_t space_count = state_table_spaces(table, spaces, 64);
    if (space_count > 0) {
        int64_t space = spaces[below(space_count)];
        CHECK_INT(state_table_drop(table, space), 0);
        for (uint32_t i = 0; i < model->count; i++) {
            model->entries[i].is_live &= model->entries[i].space != space;
        }
    }
}

static int64_t random_space(void)
{
    return (int64_t)below(6) * 60000000 - 120000000;
}

static void run_model(uint32_t column_count, uint32_t rounds)
{
    struct weir_field fields[5];
    struct weir_schema schema = make_schema(fields, column_count == 0 ? 1 : column_count);
    struct model model = {0};
    for (uint32_t c = 0; c < schema.field_count; c++) {
        fields[c].type = random_type();
    }
    uint32_t group_count = below(2) == 0 ? 128 : 1 + below(300);
    uint64_t used = memory_used();
    struct state_table *table = open_table(&schema, column_count, group_count);
    for (uint32_t round = 0; round < rounds && !test_has_failed(); round++) {
        const struct weir_batch *batch =
            make_batch(&schema, 1 + below(700), 1 + below(400), below(3));
        int64_t spaces[2048];
        for (uint32_t i = 0; i < batch->row_count; i++) {
            spaces[i] = random_space();
        }
        apply(table, &model, batch, random_space(), below(2) == 0 ? NULL : spaces);
        batch_unref(batch);
        if (below(3) == 0) {
            erase_some(table, &model);
        }
        if (below(4) == 0) {
            drop_one(table, &model);
        }
        compare(table, &model, &schema, group_count);
    }
    state_table_destroy(table);
    CHECK_INT(memory_used(), used);
    free(model.entries);
}

TEST(slots_follow_a_model_for_keys_of_one_column_of_any_type)
{
    for (uint32_t i = 0; i < 40; i++) {
        run_model(1, 6);
    }
}

TEST(slots_follow_a_model_for_keys_of_several_columns)
{
    for (uint32_t i = 0; i < 20; i++) {
        run_model(2 + below(4), 6);
    }
}

TEST(without_key_columns_a_space_has_one_slot)
{
    struct weir_field field = {"a", {WEIR_TYPE_INT32, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct state_table *table = open_table(&schema, 0, 128);
    const struct weir_batch *batch = make_batch(&schema, 1000, 500, 1);
    int64_t spaces[1000];
    uint32_t slots[1000];
    for (uint32_t i = 0; i < 1000; i++) {
        spaces[i] = i % 3;
    }

    CHECK_INT(state_table_slots(table, batch, 0, spaces, slots), 0);

    CHECK_INT(state_table_count(table), 3);
    CHECK_INT(slots[0], slots[999]);
    CHECK(slots[0] != slots[1]);
    batch_unref(batch);
    state_table_destroy(table);
}

// Batches of int32 keys `first` to `first + rows - 1`.
static const struct weir_batch *count_batch(const struct weir_schema *schema, int32_t first,
                                            uint32_t rows)
{
    struct batch_builder *builder;
    const struct weir_batch *batch = NULL;
    if (batch_builder_create(schema, rows, &builder) != 0) {
        abort();
    }
    int32_t *values = batch_builder_values(builder, 0);
    for (uint32_t i = 0; i < rows; i++) {
        values[i] = first + (int32_t)i;
    }
    batch_builder_finish(builder, rows, &batch);
    return batch;
}

TEST(the_bucket_of_a_batch_stands_for_its_key_group)
{
    struct weir_field field = {"a", {WEIR_TYPE_INT32, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct state_options options = {.schema = &schema,
                                    .columns = (uint32_t[]){0},
                                    .column_count = 1,
                                    .group_count = 16,
                                    .bucket_is_group = 1};
    struct state_table *table;
    const struct weir_batch *all = count_batch(&schema, 0, 4096);
    uint32_t groups[4096], slots[4096], again[4096], rows[4096];
    REQUIRE(state_table_create(&slot_layout, &options, &table, NULL) == 0);
    key_groups(all, options.columns, 1, 16, groups);
    CHECK_INT(state_table_slots(table, all, 7, NULL, slots), 0);

    for (uint32_t g = 0; g < 16; g++) {
        struct batch_builder *builder;
        const struct weir_batch *batch;
        uint32_t count = 0;
        for (uint32_t i = 0; i < 4096; i++) {
            if (groups[i] == g) {
                rows[count++] = i;
            }
        }
        REQUIRE(batch_builder_create(&schema, count, &builder) == 0);
        batch_builder_gather(builder, 0, all, 0, rows, count);
        batch_builder_times(builder, (int32_t)g, WEIR_TIME_NONE, WEIR_TIME_NONE, 0);
        REQUIRE(batch_builder_finish(builder, count, &batch) == 0);
        CHECK_INT(state_table_slots(table, batch, 7, NULL, again), 0);
        for (uint32_t i = 0; i < count; i++) {
            CHECK_INT(again[i], slots[rows[i]]);
        }
        batch_unref(batch);
    }
    CHECK_INT(state_table_count(table), 4096);
    batch_unref(all);
    state_table_destroy(table);
}

TEST(memory_does_not_grow_under_key_churn)
{
    struct weir_field field = {"a", {WEIR_TYPE_STRING, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct state_table *table = open_table(&schema, 1, 8);
    uint64_t early = 0;
    uint32_t slots[500];
    for (uint32_t round = 0; round < 300; round++) {
        const struct weir_batch *batch = make_batch(&schema, 500, 1000000, 0);
        uint64_t cursor = 0;
        uint32_t count;
        CHECK_INT(state_table_slots(table, batch, 0, NULL, slots), 0);
        batch_unref(batch);
        while (state_table_count(table) > 300 &&
               (count = state_table_scan(table, 0, &cursor, slots, 20)) > 0) {
            CHECK_INT(state_table_erase(table, slots, count), 0);
            cursor = (cursor >> 32) % 8 << 32;
        }
        early = round == 100 ? state_table_bytes(table) : early;
    }
    CHECK(state_table_bytes(table) < early + early / 2);
    state_table_destroy(table);
}

TEST(dropping_a_space_gives_its_memory_back)
{
    struct weir_field field = {"a", {WEIR_TYPE_INT32, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct state_table *table = open_table(&schema, 1, 128);
    const struct weir_batch *batch = count_batch(&schema, 0, 60000);
    uint32_t *slots = calloc(60000, sizeof *slots);
    uint64_t bytes = 0;
    for (int64_t space = 0; space < 20; space++) {
        CHECK_INT(state_table_slots(table, batch, space, NULL, slots), 0);
        if (space > 0) {
            CHECK_INT(state_table_drop(table, space - 1), 0);
        }
        bytes = space == 2 ? state_table_bytes(table) : bytes;
    }
    CHECK_INT(state_table_bytes(table), bytes);
    CHECK_INT(state_table_drop(table, 19), 0);
    CHECK_INT(state_table_count(table), 0);
    CHECK(state_table_bytes(table) < bytes / 8);
    free(slots);
    batch_unref(batch);
    state_table_destroy(table);
}

TEST(a_budget_that_is_used_up_gives_enomem_and_breaks_nothing)
{
    struct weir_field fields[2] = {{"a", {WEIR_TYPE_INT32, 0, 0, 1, 0}},
                                   {"b", {WEIR_TYPE_STRING, 0, 0, 1, 0}}};
    struct weir_schema schema = make_schema(fields, 2);
    uint32_t slots[600];
    for (uint64_t fail_at = 1; fail_at < 400; fail_at += 1 + fail_at / 20) {
        struct model model = {0};
        struct state_table *table = open_table(&schema, 1 + (uint32_t)fail_at % 2, 16);
        const struct weir_batch *batch = make_batch(&schema, 600, 500, 1);
        memory_fail_at(fail_at);
        int rc = state_table_slots(table, batch, 5, NULL, slots);
        memory_fail_at(0);
        CHECK(rc == 0 || rc == -ENOMEM);
        if (fail_at % 2 == 1) {
            apply(table, &model, batch, 5, NULL);
            compare(table, &model, &schema, 16);
        }
        batch_unref(batch);
        state_table_destroy(table);
        free(model.entries);
    }
}

TEST(a_table_keeps_to_its_own_limit)
{
    struct weir_field field = {"a", {WEIR_TYPE_INT32, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct state_options options = {.schema = &schema,
                                    .columns = (uint32_t[]){0},
                                    .column_count = 1,
                                    .group_count = 16,
                                    .byte_limit = 1 << 20};
    struct state_table *table;
    const struct weir_batch *batch = count_batch(&schema, 0, 65536);
    uint32_t *slots = calloc(65536, sizeof *slots);
    REQUIRE(state_table_create(&slot_layout, &options, &table, NULL) == 0);

    CHECK_INT(state_table_slots(table, batch, 0, NULL, slots), -ENOMEM);

    CHECK(state_table_bytes(table) <= 1 << 20);
    CHECK(state_table_count(table) > 10000);
    free(slots);
    batch_unref(batch);
    state_table_destroy(table);
}

// --- Snapshots ---

struct block {
    uint32_t group;
    uint64_t byte_count;
    uint8_t *bytes;
};

struct blocks {
    struct block at[512];
    uint32_t count;
};

static int keep_block(void *sink, uint32_t group, const void *bytes, uint64_t byte_count)
{
    struct blocks *blocks = sink;
    struct block *block = &blocks->at[blocks->count++];
    *block = (struct block){group, byte_count, malloc(byte_count)};
    memcpy(block->bytes, bytes, byte_count);
    return 0;
}

static void free_blocks(struct blocks *blocks)
{
    for (uint32_t i = 0; i < blocks->count; i++) {
        free(blocks->at[i].bytes);
    }
    blocks->count = 0;
}

struct writer {
    struct state_snapshot *snapshot;
    struct blocks blocks;
    int rc;
};

static void *write_snapshot(void *argument)
{
    struct writer *writer = argument;
    struct error error;
    writer->rc = state_snapshot_write(writer->snapshot, keep_block, &writer->blocks, &error);
    return NULL;
}

static void fill(struct state_table *table, struct model *model, const struct weir_schema *schema,
                 uint32_t rounds)
{
    for (uint32_t round = 0; round < rounds; round++) {
        const struct weir_batch *batch = make_batch(schema, 300, 200, 1);
        apply(table, model, batch, random_space(), NULL);
        batch_unref(batch);
        if (below(3) == 0) {
            erase_some(table, model);
        }
        if (below(6) == 0) {
            drop_one(table, model);
        }
    }
}

static void run_snapshot(uint32_t column_count)
{
    struct weir_field fields[5];
    struct weir_schema schema = make_schema(fields, column_count);
    struct model model = {0};
    struct writer writer = {0};
    pthread_t thread;
    for (uint32_t c = 0; c < column_count; c++) {
        fields[c].type = random_type();
    }
    struct state_table *table = open_table(&schema, column_count, 64);
    fill(table, &model, &schema, 8);
    struct model then = {malloc(model.capacity * sizeof *model.entries), model.count,
                         model.capacity};
    memcpy(then.entries, model.entries, model.count * sizeof *model.entries);

    REQUIRE(state_snapshot_begin(table, &writer.snapshot, NULL) == 0);
    pthread_create(&thread, NULL, write_snapshot, &writer);
    fill(table, &model, &schema, 12);
    pthread_join(thread, NULL);
    state_snapshot_end(writer.snapshot);
    CHECK_INT(writer.rc, 0);
    compare(table, &model, &schema, 64);
    state_table_destroy(table);

    struct state_table *restored = open_table(&schema, column_count, 64);
    struct error error = {0};
    for (uint32_t i = 0; i < writer.blocks.count; i++) {
        const struct block *block = &writer.blocks.at[i];
        CHECK_INT(state_table_restore(restored, block->bytes, block->byte_count, &error), 0);
    }
    compare(restored, &then, &schema, 64);
    state_table_destroy(restored);
    free_blocks(&writer.blocks);
    free(model.entries);
    free(then.entries);
}

TEST(a_snapshot_under_writes_is_the_state_at_its_beginning)
{
    for (uint32_t i = 0; i < 15 && !test_has_failed(); i++) {
        run_snapshot(1 + i % 3);
    }
}

TEST(blocks_go_to_whoever_owns_their_key_group)
{
    struct weir_field field = {"a", {WEIR_TYPE_STRING, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct model model = {0};
    struct blocks blocks = {0};
    struct state_table *table = open_table(&schema, 1, 64), *parts[3];
    uint64_t live = 0;
    fill(table, &model, &schema, 5);
    CHECK_INT(state_table_snapshot(table, keep_block, &blocks, NULL), 0);

    for (uint32_t p = 0; p < 3; p++) {
        parts[p] = open_table(&schema, 1, 64);
    }
    for (uint32_t i = 0; i < blocks.count; i++) {
        CHECK_INT(state_table_restore(parts[blocks.at[i].group * 3 / 64], blocks.at[i].bytes,
                                      blocks.at[i].byte_count, NULL),
                  0);
    }

    for (uint32_t p = 0; p < 3; p++) {
        uint32_t slots[64];
        for (int64_t space = -120000000; space <= 240000000; space += 60000000) {
            for (uint64_t cursor = 0; state_table_scan(parts[p], space, &cursor, slots, 64) > 0;) {
                CHECK_INT((cursor >> 32) * 3 / 64, p);
            }
        }
        live += state_table_count(parts[p]);
        state_table_destroy(parts[p]);
    }
    CHECK_INT(live, state_table_count(table));
    state_table_destroy(table);
    free_blocks(&blocks);
    free(model.entries);
}

// The one block of a small table.
static void small_block(struct blocks *blocks, const struct weir_schema *schema)
{
    struct state_table *table = open_table(schema, 1, 1);
    const struct weir_batch *batch = make_batch(schema, 20, 100, 1);
    uint32_t slots[20];
    CHECK_INT(state_table_slots(table, batch, 0, NULL, slots), 0);
    CHECK_INT(state_table_snapshot(table, keep_block, blocks, NULL), 0);
    CHECK_INT(blocks->count, 1);
    batch_unref(batch);
    state_table_destroy(table);
}

static void check_refused(const struct blocks *blocks, const struct weir_state_layout *layout,
                          struct state_options options, int rc, const char *sentence)
{
    struct state_table *table;
    struct error error = {0};
    REQUIRE(state_table_create(layout, &options, &table, NULL) == 0);
    CHECK_INT(state_table_restore(table, blocks->at[0].bytes, blocks->at[0].byte_count, &error),
              rc);
    CHECK_TEXT(error.text, sentence);
    CHECK_INT(state_table_count(table), 0);
    state_table_destroy(table);
}

TEST(a_block_of_another_table_is_refused_by_name)
{
    struct weir_field field = {"a", {WEIR_TYPE_STRING, 0, 0, 1, 0}};
    struct weir_field other = {"a", {WEIR_TYPE_INT64, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1), other_schema = make_schema(&other, 1);
    struct weir_state_field fields[3];
    struct weir_state_layout layout = slot_layout;
    struct state_options options = {
        .schema = &schema, .columns = (uint32_t[]){0, 0}, .column_count = 1, .group_count = 1};
    struct blocks blocks = {0};
    small_block(&blocks, &schema);

    layout.name = "sums";
    check_refused(&blocks, &layout, options, -EINVAL,
                  "state `sums`: the snapshot is of state `counts`");
    layout = slot_layout;
    layout.version = 4;
    check_refused(&blocks, &layout, options, -EINVAL,
                  "state `counts`: the snapshot has version 3, here it is version 4");
    memcpy(fields, slot_fields, sizeof fields);
    fields[1].name = "other";
    layout = slot_layout;
    layout.fields = fields;
    check_refused(&blocks, &layout, options, -EINVAL,
                  "state `counts`: field 2 of the snapshot is `id`, here it is `other`; the stage "
                  "has changed since and cannot go on from this snapshot");
    layout = slot_layout;
    layout.field_count = 2;
    check_refused(&blocks, &layout, options, -EINVAL,
                  "state `counts`: field 3 of the snapshot is `mark`, here it is `(none)`; the "
                  "stage has changed since and cannot go on from this snapshot");
    options.group_count = 2;
    check_refused(&blocks, &slot_layout, options, -EINVAL,
                  "state `counts`: the snapshot was cut into 1 key groups, here there are 2");
    options.group_count = 1;
    options.schema = &other_schema;
    check_refused(&blocks, &slot_layout, options, -EINVAL,
                  "state `counts`: key column 1 of the snapshot is string, here it is int64");
    options.column_count = 2;
    check_refused(&blocks, &slot_layout, options, -EINVAL,
                  "state `counts`: the key of the snapshot has 1 columns, here it has 2");
    free_blocks(&blocks);
}

TEST(a_damaged_block_is_refused_wherever_the_damage_is)
{
    struct weir_field field = {"a", {WEIR_TYPE_STRING, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct blocks blocks = {0};
    small_block(&blocks, &schema);
    for (uint64_t at = 0; at < blocks.at[0].byte_count; at++) {
        struct state_table *table = open_table(&schema, 1, 1);
        struct error error = {0};
        blocks.at[0].bytes[at] ^= 16;
        CHECK(state_table_restore(table, blocks.at[0].bytes, blocks.at[0].byte_count, &error) < 0);
        CHECK(error.text[0] != '\0');
        blocks.at[0].bytes[at] ^= 16;
        CHECK_INT(state_table_restore(table, blocks.at[0].bytes, at, &error), -EBADMSG);
        CHECK_INT(state_table_count(table), 0);
        state_table_destroy(table);
    }
    free_blocks(&blocks);
}

TEST(a_block_is_restored_once)
{
    struct weir_field field = {"a", {WEIR_TYPE_STRING, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct blocks blocks = {0};
    struct error error;
    small_block(&blocks, &schema);
    struct state_table *table = open_table(&schema, 1, 1);
    const struct block *block = &blocks.at[0];

    CHECK_INT(state_table_restore(table, block->bytes, block->byte_count, &error), 0);
    CHECK_INT(state_table_restore(table, block->bytes, block->byte_count, &error), -EEXIST);

    CHECK_TEXT(error.text, "state `counts`: key group 0 was restored before");
    state_table_destroy(table);
    free_blocks(&blocks);
}

TEST(a_snapshot_without_memory_for_copies_fails_and_the_task_goes_on)
{
    struct weir_field field = {"a", {WEIR_TYPE_INT64, 0, 0, 1, 0}};
    struct weir_schema schema = make_schema(&field, 1);
    struct model model = {0};
    struct state_table *table = open_table(&schema, 1, 4);
    struct state_snapshot *snapshot;
    struct blocks blocks = {0};
    struct error error;
    const struct weir_batch *batch = make_batch(&schema, 300, 200, 1);
    apply(table, &model, batch, 0, NULL);
    REQUIRE(state_snapshot_begin(table, &snapshot, NULL) == 0);
    CHECK_INT(state_snapshot_begin(table, &snapshot, &error), -EBUSY);

    memory_fail_at(1);
    apply(table, &model, batch, 0, NULL);
    memory_fail_at(0);

    CHECK_INT(state_snapshot_write(snapshot, keep_block, &blocks, &error), -ENOMEM);
    CHECK_TEXT(error.text, "state `counts`: no memory for a snapshot");
    state_snapshot_end(snapshot);
    compare(table, &model, &schema, 4);
    batch_unref(batch);
    state_table_destroy(table);
    free_blocks(&blocks);
    free(model.entries);
}
