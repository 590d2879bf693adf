#include "support/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/body.h"
#include "support/definition.h"
#include "support/disk_memory.h"
#include "weir/key.h"

#define ROWS_MAX 4096u

static void must(int condition, const char *text)
{
    if (!condition) {
        fprintf(stderr, "store_test: %s\n", text);
        abort();
    }
}

static void stay(struct disk *disk)
{
    (void)disk;
}

static void note(void *owner, uint32_t level, const char *text)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // the writer of the log talks, too
    struct store_test *test = owner;
    pthread_mutex_lock(&lock);
    size_t length = strlen(test->talk);
    if (level >= STORE_LOG_WARNING) {
        snprintf(test->talk + length, sizeof test->talk - length, "%s\n", text);
    }
    pthread_mutex_unlock(&lock);
}

void store_test_init_on(struct store_test *test, struct disk *disk)
{
    *test = (struct store_test){.disk = disk, .disk_table = *disk->table};
    test->disk_table.destroy = stay;
    test->settings = (struct store_settings){.disk = test->disk,
                                             .segment_bytes = 256u << 10,
                                             .buffer_bytes = 1u << 20,
                                             .tail_bytes = 256u << 10,
                                             .is_manual = 1,
                                             .log = note,
                                             .log_owner = test};
}

void store_test_init(struct store_test *test)
{
    store_test_init_on(test, disk_memory_create());
}

int32_t store_test_open(struct store_test *test)
{
    const struct disk_table *own = test->disk->table;
    test->talk[0] = '\0';
    test->failure = (struct failure){0};
    test->store = NULL;
    if (own->destroy != stay) {
        test->disk_table = *own;
        test->disk_table.destroy = stay;
        test->disk->table = &test->disk_table;
    }
    disk_memory_heal(test->disk);
    return store_open(&test->settings, &test->store, &test->failure);
}

void store_test_close(struct store_test *test)
{
    store_close(test->store);
    test->store = NULL;
}

void store_test_kill(struct store_test *test)
{
    disk_memory_halt(test->disk);
    store_test_close(test);
    disk_memory_heal(test->disk);
}

void store_test_finish(struct store_test *test)
{
    struct disk *fresh = disk_memory_create();
    store_test_close(test);
    test->disk->table = fresh->table;
    fresh->table->destroy(fresh);
    test->disk->table->destroy(test->disk);
    test->disk = NULL;
}

struct table *store_test_table(struct store_test *test, const char *name, uint32_t buckets,
                               int has_key)
{
    struct table_definition definition =
        definition_of(name, "id int32;value int64", has_key ? "id" : "");
    struct table *table = NULL;
    int existed;
    definition.bucket_count = buckets;
    int32_t rc = store_create(test->store, &definition, &existed, &table, &test->failure);
    must(rc == WEIR_OK, test->failure.text);
    table_definition_finish(&definition);
    return table;
}

uint32_t store_test_bucket(int32_t id, uint32_t bucket_count)
{
    uint8_t key[WEIR_KEY_FIXED_BYTES_MAX];
    const int32_t ids[4] = {id, 0, 0, 0};
    const struct weir_column column = {.type = weir_type_of(WEIR_TYPE_INT32), .values = ids};
    return weir_key_bucket(weir_key_hash(key, weir_key_encode(&column, 0, key)), bucket_count);
}

int32_t store_test_put(struct store_test *test, struct table *table, int32_t id, uint32_t count,
                       int64_t round, uint64_t *position)
{
    static _Thread_local int32_t ids[ROWS_MAX];
    static _Thread_local int64_t values[ROWS_MAX];
    static _Thread_local uint8_t kinds[ROWS_MAX];
    static _Thread_local uint32_t rows[ROWS_MAX];
    const struct table_definition *t = table_definition(table);
    struct weir_schema schema = {sizeof schema, 2, table_fields(table)};
    struct weir_column columns[2] = {{.type = t->columns[0].type, .values = ids},
                                     {.type = t->columns[1].type, .values = values}};
    struct weir_batch batch = {.size = sizeof batch,
                               .row_count = count,
                               .column_count = 2,
                               .bucket = WEIR_BUCKET_NONE,
                               .schema = &schema,
                               .columns = columns,
                               .kinds = kinds,
                               .time_min_us = WEIR_TIME_NONE,
                               .time_max_us = WEIR_TIME_NONE};
    must(count <= ROWS_MAX, "too many rows");
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = id + (int32_t)i;
        values[i] = (int64_t)ids[i] * 1000 + round;
        kinds[i] = round < 0 ? WEIR_KIND_DELETE : WEIR_KIND_INSERT;
    }
    for (uint32_t bucket = 0; bucket < t->bucket_count; bucket++) {
        struct bucket_put put = {.batch = &batch,
                                 .rows = rows,
                                 .writer = RECORD_WRITER_NONE,
                                 .source = RECORD_SOURCE_NONE};
        struct bucket_ack ack;
        for (uint32_t i = 0; i < count; i++) {
            if (store_test_bucket(ids[i], t->bucket_count) == bucket) {
                rows[put.row_count++] = i;
            }
        }
        int32_t rc = put.row_count == 0 ? WEIR_OK : WEIR_ERROR_RETRY;
        for (int tries = 0; rc == WEIR_ERROR_RETRY && tries < 300; tries++) {
            rc = bucket_put(table_bucket(table, bucket), &put, &ack, &test->failure);
            if (rc == WEIR_ERROR_RETRY) {
                stream_wait(table_stream(table), UINT64_MAX, 1000); // room comes with time
            }
        }
        if (rc != WEIR_OK) {
            return rc;
        }
        *position = put.row_count > 0 && ack.position > *position ? ack.position : *position;
    }
    return WEIR_OK;
}

int32_t store_test_commit(struct store_test *test, struct table *table, int32_t id, uint32_t count,
                          int64_t round)
{
    uint64_t position = 0;
    int32_t rc = store_test_put(test, table, id, count, round, &position), durable = 0;
    while (rc == WEIR_OK && durable == 0) {
        durable = stream_wait(table_stream(table), position, 1000000);
    }
    return durable < 0 ? durable : rc;
}

static void clear(int64_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        values[i] = INT64_MIN;
    }
}

int64_t store_test_rows(struct store_test *test, struct table *table, int64_t *values,
                        uint32_t count)
{
    int64_t total = 0;
    clear(values, count);
    for (uint32_t i = 0; i < table_definition(table)->bucket_count; i++) {
        struct bucket_rows rows;
        uint64_t end_offset, position;
        int32_t rc = bucket_scan(table_bucket(table, i), UINT32_MAX, 0, &rows, &end_offset,
                                 &position, &test->failure);
        if (rc != WEIR_OK) {
            return rc;
        }
        const int32_t *ids = rows.row_count == 0 ? NULL : rows.columns[0].values;
        const int64_t *found = rows.row_count == 0 ? NULL : rows.columns[1].values;
        for (uint32_t row = 0; row < rows.row_count; row++) {
            if (ids[row] >= 0 && (uint32_t)ids[row] < count) {
                values[ids[row]] = found[row];
            }
        }
        total += rows.row_count;
        bucket_rows_finish(&rows);
    }
    return total;
}

static int64_t apply(const struct record_batch *batch, struct table *table, int64_t *values,
                     uint32_t count, struct failure *failure)
{
    struct body_view view;
    struct weir_column columns[2];
    const struct table_definition *t = table_definition(table);
    int64_t change = 0;
    if (body_open(batch, table_fields(table), t->column_count, &view, failure) != WEIR_OK ||
        body_column(&view, 0, t->columns[0].type, NULL, &columns[0], failure) != WEIR_OK ||
        body_column(&view, 1, t->columns[1].type, NULL, &columns[1], failure) != WEIR_OK) {
        must(0, failure->text);
    }
    for (uint32_t row = 0; row < batch->row_count; row++) {
        uint8_t kind = view.kinds == NULL ? 0 : view.kinds[row];
        int32_t id = ((const int32_t *)columns[0].values)[row];
        change += kind == WEIR_KIND_INSERT ? 1 : kind == WEIR_KIND_DELETE ? -1 : 0;
        if (id >= 0 && (uint32_t)id < count && kind != WEIR_KIND_UPDATE_BEFORE) {
            values[id] =
                kind == WEIR_KIND_DELETE ? INT64_MIN : ((const int64_t *)columns[1].values)[row];
        }
    }
    return change;
}

int64_t store_test_replay(struct store_test *test, struct table *table, int64_t *values,
                          uint32_t count)
{
    struct stream *stream = table_stream(table);
    struct stream_reader *reader;
    struct stream_view views[16];
    uint32_t found;
    int64_t total = 0;
    int32_t rc;
    clear(values, count);
    rc = stream_reader_open(stream, stream_begin(stream), &reader, &test->failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    while ((rc = stream_read(reader, views, 16, &found, &test->failure)) == WEIR_OK && found > 0) {
        for (uint32_t i = 0; i < found; i++) {
            const struct record_batch *batch = (const struct record_batch *)views[i].record;
            if (batch->table_id == table_definition(table)->table_id) {
                total += apply(batch, table, values, count, &test->failure);
            }
        }
    }
    stream_reader_close(reader);
    return rc != WEIR_OK ? rc : total;
}
