// What an index on disk promises beside being an index (tests/fluss/engine/{oracle,model}.c): only
// durable rows reach it, what waits is bounded, and it says what it needs of the log.
#include "engine/index_disk.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/bucket.h"
#include "support/memory_log.h"
#include "support/on_disk.h"
#include "support/test.h"

enum { ROWS = 1000 };

struct fixture {
    struct on_disk disk;
    struct table_definition definition;
    struct table_column columns[2];
    struct weir_field fields[2];
    struct bucket_table table;
    struct memory_log log;
    struct bucket *bucket;
};

static void make_bucket(struct fixture *fixture)
{
    struct failure failure;
    fixture->table.index_database = fixture->disk.database;
    if (bucket_create(&fixture->table, 0, &fixture->bucket, &failure) != WEIR_OK) {
        test_fail(__FILE__, __LINE__, "%s", failure.text);
        exit(1);
    }
}

static void set_up_disk(struct fixture *fixture)
{
    static char names[2][8] = {"id", "value"};
    on_disk_open(&fixture->disk);
    table_definition_init(&fixture->definition);
    for (uint32_t c = 0; c < 2; c++) {
        fixture->columns[c] =
            (struct table_column){.name = names[c], .type = weir_type_of(WEIR_TYPE_INT64)};
        fixture->fields[c] = (struct weir_field){names[c], fixture->columns[c].type};
    }
    strcpy(fixture->definition.name, "index.table");
    fixture->definition.columns = fixture->columns;
    fixture->definition.column_count = fixture->definition.first_column_count = 2;
    fixture->definition.key_count = fixture->definition.bucket_key_count = 1;
    fixture->definition.bucket_count = 1;
    fixture->definition.table_id = fixture->definition.schema_id = 1;
    fixture->definition.index = TABLE_INDEX_ROCKSDB;
    memory_log_init(&fixture->log);
    fixture->table = (struct bucket_table){.definition = &fixture->definition,
                                           .fields = fixture->fields,
                                           .memory = &store_system_memory,
                                           .clock = &store_system_clock,
                                           .log = &fixture->log.log};
    make_bucket(fixture);
}

static void set_up(struct fixture *fixture, uint64_t memory_bytes)
{
    *fixture = (struct fixture){.disk.memory_bytes = memory_bytes};
    set_up_disk(fixture);
}

static void tear_down(struct fixture *fixture)
{
    bucket_destroy(fixture->bucket);
    on_disk_close(&fixture->disk);
    memory_log_finish(&fixture->log);
}

// Rows with ids from `first`, all of one value.
static int32_t put(struct fixture *fixture, int64_t first, uint32_t count, int64_t value,
                   struct failure *failure)
{
    static int64_t ids[ROWS], values[ROWS];
    static uint32_t rows[ROWS];
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = first + i;
        values[i] = value;
        rows[i] = i;
    }
    struct weir_column columns[2] = {{.type = fixture->fields[0].type, .values = ids},
                                     {.type = fixture->fields[1].type, .values = values}};
    struct weir_batch batch = {
        .size = sizeof batch, .row_count = count, .column_count = 2, .columns = columns};
    struct bucket_put put = {
        .batch = &batch, .rows = rows, .row_count = count, .writer = RECORD_WRITER_NONE};
    struct bucket_ack ack;
    return bucket_put(fixture->bucket, &put, &ack, failure);
}

// The value of an id; -1: there is none.
static int64_t look_up(struct fixture *fixture, int64_t id)
{
    struct weir_column key = {.type = fixture->fields[0].type, .values = &id};
    struct bucket_rows rows = {0};
    struct failure failure;
    uint32_t row = 0, found = UINT32_MAX;
    uint64_t position;
    int64_t value = -1;
    if (bucket_lookup(fixture->bucket, &key, &row, 1, 0, &rows, &found, &position, &failure) !=
        WEIR_OK) {
        test_fail(__FILE__, __LINE__, "%s", failure.text);
    }
    if (found != UINT32_MAX) {
        value = ((const int64_t *)rows.columns[1].values)[found];
    }
    bucket_rows_finish(&rows);
    return value;
}

static uint64_t end_of(struct fixture *fixture)
{
    struct bucket_status status;
    bucket_status(fixture->bucket, &status);
    return status.end_offset;
}

static void crash(struct fixture *fixture)
{
    bucket_destroy(fixture->bucket);
    on_disk_crash(&fixture->disk);
    make_bucket(fixture);
}

TEST(a_row_is_written_back_only_when_its_record_is_durable)
{
    struct fixture fixture;
    struct failure failure;
    set_up(&fixture, 0);
    CHECK_INT(put(&fixture, 1, 2, 10, &failure), WEIR_OK);
    uint64_t first = fixture.log.position;
    CHECK_INT(put(&fixture, 2, 2, 20, &failure), WEIR_OK);
    CHECK_INT(look_up(&fixture, 2), 20);

    on_disk_flush(&fixture.disk, first);
    crash(&fixture);

    CHECK_INT(end_of(&fixture), 2);
    CHECK_INT(look_up(&fixture, 1), 10);
    CHECK_INT(look_up(&fixture, 2), 10); // as the durable part of the log has it
    CHECK_INT(look_up(&fixture, 3), -1);
    tear_down(&fixture);
}

TEST(what_was_not_flushed_comes_back_from_the_log)
{
    struct fixture fixture;
    struct failure failure;
    set_up(&fixture, 0);
    CHECK_INT(put(&fixture, 1, 2, 10, &failure), WEIR_OK);
    on_disk_flush(&fixture.disk, fixture.log.position);
    CHECK_INT(put(&fixture, 2, 2, 20, &failure), WEIR_OK);
    on_disk_write_back(&fixture.disk, fixture.log.position);
    crash(&fixture);
    CHECK_INT(end_of(&fixture), 2);

    for (uint32_t i = 0; i < fixture.log.count; i++) {
        CHECK_INT(bucket_replay(fixture.bucket, fixture.log.records[i], &failure), WEIR_OK);
    }

    CHECK_INT(end_of(&fixture), 5);
    CHECK_INT(look_up(&fixture, 1), 10);
    CHECK_INT(look_up(&fixture, 2), 20);
    CHECK_INT(look_up(&fixture, 3), 20);
    tear_down(&fixture);
}

TEST(the_log_is_needed_from_the_last_flush_on)
{
    struct fixture fixture;
    struct failure failure;
    set_up(&fixture, 0);
    CHECK(index_database_needed(fixture.disk.database) == UINT64_MAX);
    CHECK_INT(put(&fixture, 1, 1, 10, &failure), WEIR_OK);
    uint64_t first = fixture.log.position;
    CHECK_INT(index_database_needed(fixture.disk.database), 0);
    on_disk_write_back(&fixture.disk, first);
    CHECK_INT(index_database_needed(fixture.disk.database), 0); // written, but not for good
    on_disk_flush(&fixture.disk, first);
    CHECK(index_database_needed(fixture.disk.database) == UINT64_MAX);
    CHECK_INT(put(&fixture, 1, 1, 20, &failure), WEIR_OK);
    CHECK_INT(index_database_needed(fixture.disk.database), first);
    tear_down(&fixture);
}

TEST(a_put_is_told_to_come_again_when_too_much_waits)
{
    struct fixture fixture;
    struct failure failure = {.text = ""};
    int32_t code = WEIR_OK;
    uint32_t puts = 0;
    set_up(&fixture, 8u << 20); // one MiB for what waits
    for (; code == WEIR_OK && puts < 1000; puts++) {
        code = put(&fixture, (int64_t)puts * ROWS, ROWS, 1, &failure);
    }
    CHECK_INT(code, WEIR_ERROR_RETRY);
    CHECK_HAS(failure.text, "wait to be written to the index on disk");
    CHECK(puts > 2);
    uint64_t end = end_of(&fixture);
    CHECK_INT(end, (puts - 1) * (uint64_t)ROWS);

    on_disk_write_back(&fixture.disk, fixture.log.position);

    CHECK_INT(put(&fixture, (int64_t)puts * ROWS, ROWS, 1, &failure), WEIR_OK);
    CHECK_INT(look_up(&fixture, 0), 1);
    tear_down(&fixture);
}

TEST(the_thread_writes_back_what_is_durable_while_puts_and_lookups_go_on)
{
    struct fixture fixture = {.disk = {.memory_bytes = 8u << 20, .has_thread = 1}};
    struct failure failure;
    set_up_disk(&fixture);
    for (uint32_t i = 0; i < 200; i++) {
        int64_t first = i % 50 * (ROWS / 2); // every key comes again, soon or late
        while (put(&fixture, first, ROWS, i, &failure) == WEIR_ERROR_RETRY) {
            sched_yield();
        }
        fixture.disk.durable = fixture.log.position;
        if (look_up(&fixture, first) != i || look_up(&fixture, first + ROWS - 1) != i) {
            test_fail(__FILE__, __LINE__, "after put %u", i);
        }
    }
    struct bucket_status status;
    bucket_status(fixture.bucket, &status);
    CHECK_INT(status.row_count, 51 * ROWS / 2);
    CHECK_INT(look_up(&fixture, 10 * ROWS / 2), 160); // by 160, and by 159 before
    tear_down(&fixture);
}

TEST(a_bucket_that_lacks_what_a_snapshot_had_is_refused)
{
    struct fixture fixture;
    struct failure failure;
    struct memory_snapshot snapshot = {0};
    uint64_t end, position;
    set_up(&fixture, 0);
    CHECK_INT(put(&fixture, 1, 2, 10, &failure), WEIR_OK);
    CHECK_INT(
        bucket_save(fixture.bucket, memory_snapshot_write, &snapshot, &end, &position, &failure),
        WEIR_OK);
    crash(&fixture); // nothing was flushed

    CHECK_INT(memory_snapshot_load(&snapshot, fixture.bucket, &failure), WEIR_OK);

    CHECK_INT(bucket_replay_end(fixture.bucket, &failure), WEIR_ERROR_DATA);
    CHECK_HAS(failure.text, "a snapshot of it had 2");
    CHECK_INT(bucket_replay(fixture.bucket, fixture.log.records[0], &failure), WEIR_OK);
    CHECK_INT(bucket_replay_end(fixture.bucket, &failure), WEIR_OK);
    memory_snapshot_finish(&snapshot);
    tear_down(&fixture);
}

TEST(a_table_that_is_dropped_leaves_nothing)
{
    struct fixture fixture;
    struct failure failure;
    set_up(&fixture, 0);
    CHECK_INT(put(&fixture, 1, 2, 10, &failure), WEIR_OK);
    on_disk_flush(&fixture.disk, fixture.log.position);
    bucket_destroy(fixture.bucket);
    on_disk_drop(&fixture.disk, 1);

    make_bucket(&fixture);

    CHECK_INT(end_of(&fixture), 0);
    CHECK_INT(look_up(&fixture, 1), -1);
    tear_down(&fixture);
}

static uint64_t nothing_durable(void *owner)
{
    (void)owner;
    return 0;
}

TEST(without_its_shared_object_the_index_is_refused_with_the_package)
{
    struct failure failure;
    struct index_database *database = NULL;
    struct index_database_settings settings = {.path = test_folder(),
                                               .library = "/nowhere/fluss_rocksdb.so.1",
                                               .memory = &store_system_memory,
                                               .memory_bytes = 32u << 20,
                                               .durable = nothing_durable};

    int32_t code = index_database_open(&settings, &database, &failure);

    CHECK_INT(code, WEIR_ERROR_UNSUPPORTED);
    CHECK_HAS(failure.text, "librocksdb7.8");
    CHECK(database == NULL);
}
