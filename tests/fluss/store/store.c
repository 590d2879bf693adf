// A whole store: what was put is there after any stop, and only then.
#include "store/store.h"

#include <string.h>

#include "support/definition.h"
#include "support/disk_memory.h"
#include "support/store.h"
#include "support/test.h"

#define ROWS 1000u

static void check_values(struct store_test *test, struct table *table, int64_t round)
{
    static int64_t values[ROWS];
    CHECK_INT(store_test_rows(test, table, values, ROWS), ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        if (values[i] != (int64_t)i * 1000 + round) {
            test_fail(__FILE__, __LINE__, "row %u has %lld", i, (long long)values[i]);
            return;
        }
    }
}

static struct table *reopened(struct store_test *test, const char *name)
{
    struct table *table = NULL;
    CHECK_INT(store_test_open(test), WEIR_OK);
    CHECK_TEXT(test->failure.text, "");
    if (test->store != NULL) {
        CHECK_INT(store_table(test->store, name, &table, &test->failure), WEIR_OK);
    }
    return table;
}

TEST(rows_are_there_after_a_clean_stop)
{
    struct store_test test;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);
    struct table *table = store_test_table(&test, "iot.t", 8, 1);
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 1), WEIR_OK);
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 2), WEIR_OK);
    store_test_close(&test);

    table = reopened(&test, "iot.t");

    REQUIRE(table != NULL);
    check_values(&test, table, 2);
    CHECK_TEXT(test.talk, "");
    store_test_finish(&test);
}

TEST(rows_are_there_after_a_kill_with_and_without_a_snapshot)
{
    struct store_test test;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);
    struct table *table = store_test_table(&test, "iot.t", 8, 1);
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 1), WEIR_OK);
    store_test_kill(&test);
    table = reopened(&test, "iot.t");
    REQUIRE(table != NULL);
    check_values(&test, table, 1);
    CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 2), WEIR_OK);
    store_test_kill(&test);

    table = reopened(&test, "iot.t");

    REQUIRE(table != NULL);
    check_values(&test, table, 2);
    CHECK_TEXT(test.talk, "");
    store_test_finish(&test);
}

TEST(a_snapshot_and_the_changelog_say_the_same)
{
    static int64_t rows[ROWS], replayed[ROWS];
    struct store_test test;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);
    struct table *table = store_test_table(&test, "iot.t", 8, 1);
    for (int64_t round = 0; round < 5; round++) {
        CHECK_INT(store_test_commit(&test, table, (int32_t)round * 100, 500, round), WEIR_OK);
        CHECK_INT(store_test_commit(&test, table, (int32_t)round * 70, 20, -1), WEIR_OK);
    }
    store_test_close(&test);
    table = reopened(&test, "iot.t");
    REQUIRE(table != NULL);

    int64_t count = store_test_rows(&test, table, rows, ROWS);

    CHECK(count > 0);
    CHECK_INT(store_test_replay(&test, table, replayed, ROWS), count);
    CHECK(memcmp(rows, replayed, sizeof rows) == 0);
    store_test_finish(&test);
}

TEST(a_table_is_made_once_and_another_definition_is_refused_with_the_difference)
{
    struct store_test test;
    struct table *table;
    struct table_definition t = definition_of("iot.t", "id int32;value int64", "id");
    int existed;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);

    CHECK_INT(store_create(test.store, &t, &existed, &table, &test.failure), WEIR_OK);
    CHECK_INT(existed, 0);
    CHECK_INT(store_create(test.store, &t, &existed, &table, &test.failure), WEIR_OK);
    CHECK_INT(existed, 1);
    t.bucket_count = 7;
    CHECK_INT(store_create(test.store, &t, &existed, &table, &test.failure), WEIR_ERROR_CONFIG);
    CHECK_HAS(test.failure.text, "its buckets is 128, not 7");
    CHECK_INT(store_table(test.store, "iot.tt", &table, &test.failure), WEIR_ERROR_CONFIG);
    CHECK_HAS(test.failure.text, "has no table iot.tt; did you mean iot.t?");
    table_definition_finish(&t);
    store_test_finish(&test);
}

TEST(a_column_that_is_added_is_null_in_the_rows_that_are_there)
{
    struct store_test test;
    struct table_column column = {.name = (char[]){"note"}, .type = weir_type_of(WEIR_TYPE_STRING)};
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);
    struct table *table = store_test_table(&test, "iot.t", 4, 1);
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 3), WEIR_OK);

    CHECK_INT(store_alter(test.store, "iot.t", &column, &test.failure), WEIR_OK);

    for (int i = 0; i < 2; i++) {
        CHECK_INT(store_table(test.store, "iot.t", &table, &test.failure), WEIR_OK);
        CHECK_INT(table_definition(table)->schema_id, 2);
        CHECK_INT(table_definition(table)->column_count, 3);
        check_values(&test, table, 3);
        struct bucket_rows rows;
        uint64_t end_offset, position;
        CHECK_INT(bucket_scan(table_bucket(table, 0), 10, 1, &rows, &end_offset, &position,
                              &test.failure),
                  WEIR_OK);
        CHECK_INT(rows.column_count, 3);
        CHECK_INT(rows.columns[2].null_count, rows.row_count);
        bucket_rows_finish(&rows);
        if (i == 0) {
            store_test_kill(&test);
            CHECK_INT(store_test_open(&test), WEIR_OK);
        }
    }
    CHECK_INT(store_alter(test.store, "iot.t", &column, &test.failure), WEIR_ERROR_CONFIG);
    CHECK_HAS(test.failure.text, "two columns are called `note`");
    column.type.nullable = 0;
    CHECK_INT(store_alter(test.store, "iot.t", &column, &test.failure), WEIR_ERROR_CONFIG);
    CHECK_HAS(test.failure.text, "must allow nulls");
    store_test_finish(&test);
}

TEST(a_table_that_is_dropped_does_not_come_back)
{
    struct store_test test;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);
    struct table *table = store_test_table(&test, "iot.t", 4, 1);
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 1), WEIR_OK);
    CHECK_INT(store_drop(test.store, "iot.t", &test.failure), WEIR_OK);
    store_test_kill(&test);
    CHECK_INT(store_test_open(&test), WEIR_OK);

    CHECK_INT(store_table_count(test.store), 0);
    table = store_test_table(&test, "iot.t", 4, 1);
    static int64_t values[ROWS];
    CHECK_INT(store_test_rows(&test, table, values, ROWS), 0);
    store_test_finish(&test);
}

TEST(a_writer_id_is_never_given_twice_whatever_the_stop)
{
    struct store_test test;
    int64_t last = 0;
    store_test_init(&test);
    for (int i = 0; i < 4; i++) {
        REQUIRE(store_test_open(&test) == WEIR_OK);
        struct table *table = store_test_table(&test, "iot.t", 1, 1);
        for (int j = 0; j < 700; j++) {
            int64_t writer = table_writer(table);
            CHECK(writer > last);
            last = writer;
        }
        if (i % 2 == 0) {
            store_test_kill(&test);
        } else {
            store_test_close(&test);
        }
    }
    store_test_finish(&test);
}

TEST(a_directory_is_opened_once)
{
    struct store_test test;
    struct store *second;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);

    CHECK_INT(store_open(&test.settings, &second, &test.failure), WEIR_ERROR_CONFIG);

    CHECK_HAS(test.failure.text, "is in use by process ");
    store_test_finish(&test);
}

TEST(retention_by_size_keeps_the_log_small_and_what_a_restart_needs)
{
    struct store_test test;
    struct table_definition t = definition_of("iot.t", "id int32;value int64", "id");
    struct table *table;
    int existed;
    t.bucket_count = 4;
    t.retention_bytes = 2u << 20;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);
    REQUIRE(store_create(test.store, &t, &existed, &table, &test.failure) == WEIR_OK);
    for (int64_t round = 0; round < 300; round++) {
        CHECK_INT(store_test_commit(&test, table, 0, ROWS, round), WEIR_OK);
        if (round % 10 == 0) {
            CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
            CHECK_INT(store_retain(test.store, &test.failure), WEIR_OK);
        }
    }
    CHECK(stream_begin(table_stream(table)) > 0);
    CHECK(stream_bytes_on_disk(table_stream(table)) < 4u << 20);
    CHECK(table_log_start(table, 0) > 0);
    store_test_kill(&test);

    table = reopened(&test, "iot.t");

    REQUIRE(table != NULL);
    check_values(&test, table, 299);
    CHECK_TEXT(test.talk, "");
    table_definition_finish(&t);
    store_test_finish(&test);
}

TEST(at_the_limit_of_retention_writers_wait_until_a_snapshot_lets_go)
{
    struct store_test test;
    struct table_definition t = definition_of("iot.t", "id int32;value int64", "id");
    struct table *table;
    int existed;
    uint64_t position = 0;
    t.bucket_count = 1;
    t.retention_bytes = 1u << 20;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);
    REQUIRE(store_create(test.store, &t, &existed, &table, &test.failure) == WEIR_OK);
    for (int64_t round = 0; round < 80; round++) {
        CHECK_INT(store_test_commit(&test, table, 0, ROWS, round), WEIR_OK);
    }
    CHECK_INT(store_retain(test.store, &test.failure), WEIR_OK);

    struct weir_schema schema = {sizeof schema, 2, table_fields(table)};
    const int32_t id = 1;
    const int64_t value = 2;
    const uint32_t row = 0;
    const struct weir_column columns[2] = {{.type = t.columns[0].type, .values = &id},
                                           {.type = t.columns[1].type, .values = &value}};
    const struct weir_batch batch = {.size = sizeof batch,
                                     .row_count = 1,
                                     .column_count = 2,
                                     .bucket = -1,
                                     .schema = &schema,
                                     .columns = columns};
    const struct bucket_put put = {.batch = &batch, .rows = &row, .row_count = 1, .writer = -1};
    struct bucket_ack ack;
    int32_t rc = bucket_put(table_bucket(table, 0), &put, &ack, &test.failure);
    CHECK_INT(rc, WEIR_ERROR_RETRY);
    CHECK_HAS(test.failure.text, "is at its limit of 1048576 bytes of log");
    CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
    CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
    CHECK_INT(store_retain(test.store, &test.failure), WEIR_OK);
    CHECK_INT(store_test_put(&test, table, 0, 10, 1, &position), WEIR_OK);
    table_definition_finish(&t);
    store_test_finish(&test);
}
