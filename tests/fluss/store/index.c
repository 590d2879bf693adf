// Tables whose index is on disk in a whole store: the same promises, and an index that is lost is
// found.
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/store.h"
#include "support/definition.h"
#include "support/on_disk.h"
#include "support/store.h"
#include "support/test.h"

#define ROWS 1000u

// A store whose log is in memory and whose index is in a folder of its own.
static void set_up(struct store_test *test)
{
    static uint32_t count;
    store_test_init(test);
    test->settings.index_library = on_disk_library();
    snprintf(test->disk->path, sizeof test->disk->path, "%.900s/store-%u", test_folder(), ++count);
    mkdir(test->disk->path, 0777);
    CHECK_INT(store_test_open(test), WEIR_OK);
}

static struct table *make_table(struct store_test *test, const char *name)
{
    struct table_definition definition = definition_of(name, "id int32;value int64", "id");
    struct table *table = NULL;
    int existed;
    definition.bucket_count = 8;
    definition.index = TABLE_INDEX_ROCKSDB;
    definition.memory_bytes = 16u << 20;
    CHECK_INT(store_create(test->store, &definition, &existed, &table, &test->failure), WEIR_OK);
    table_definition_finish(&definition);
    return table;
}

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

static struct table *reopened(struct store_test *test)
{
    struct table *table = NULL;
    CHECK_INT(store_test_open(test), WEIR_OK);
    if (test->store != NULL) {
        CHECK_INT(store_table(test->store, "iot.t", &table, &test->failure), WEIR_OK);
    }
    return table;
}

TEST(rows_are_there_after_stops_and_kills)
{
    struct store_test test;
    set_up(&test);
    REQUIRE(test.store != NULL);
    struct table *table = make_table(&test, "iot.t");
    for (int64_t round = 1; round <= 6; round++) {
        CHECK_INT(store_test_commit(&test, table, 0, ROWS, round), WEIR_OK);
        if (round % 3 == 1) {
            CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
            CHECK_INT(store_test_commit(&test, table, 0, ROWS / 2, round), WEIR_OK);
        }
        if (round % 2 == 0) {
            store_test_close(&test);
        } else {
            store_test_kill(&test);
        }
        table = reopened(&test);
        REQUIRE(table != NULL);
        check_values(&test, table, round);
        CHECK_TEXT(test.talk, "");
    }
    store_test_finish(&test);
}

TEST(deletes_reach_the_index_too)
{
    struct store_test test;
    static int64_t values[ROWS];
    set_up(&test);
    REQUIRE(test.store != NULL);
    struct table *table = make_table(&test, "iot.t");
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 1), WEIR_OK);
    CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
    CHECK_INT(store_test_commit(&test, table, 0, ROWS / 2, -1), WEIR_OK);
    CHECK_INT(store_test_rows(&test, table, values, ROWS), ROWS / 2);
    store_test_close(&test);

    table = reopened(&test);

    REQUIRE(table != NULL);
    CHECK_INT(store_test_rows(&test, table, values, ROWS), ROWS / 2);
    store_test_finish(&test);
}

TEST(the_log_that_retention_removes_is_not_missed)
{
    struct store_test test;
    set_up(&test);
    REQUIRE(test.store != NULL);
    struct table_definition definition = definition_of("iot.t", "id int32;value int64", "id");
    struct table *table = NULL;
    int existed;
    definition.bucket_count = 8;
    definition.index = TABLE_INDEX_ROCKSDB;
    definition.retention_bytes = 4u << 20;
    CHECK_INT(store_create(test.store, &definition, &existed, &table, &test.failure), WEIR_OK);
    table_definition_finish(&definition);
    REQUIRE(table != NULL);
    int64_t round = 0;
    while (table_log_start(table, 0) == 0 && round < 400) {
        CHECK_INT(store_test_commit(&test, table, 0, ROWS, ++round), WEIR_OK);
        if (round % 10 == 0) {
            CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
            CHECK_INT(store_retain(test.store, &test.failure), WEIR_OK);
        }
    }
    CHECK(table_log_start(table, 0) > 0);
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, ++round), WEIR_OK);
    store_test_kill(&test);

    table = reopened(&test);

    REQUIRE(table != NULL);
    check_values(&test, table, round);
    CHECK_TEXT(test.talk, "");
    store_test_finish(&test);
}

TEST(a_column_is_added_to_rows_in_the_index)
{
    struct store_test test;
    struct table_column column = {.name = (char[]){"note"}, .type = weir_type_of(WEIR_TYPE_STRING)};
    set_up(&test);
    REQUIRE(test.store != NULL);
    struct table *table = make_table(&test, "iot.t");
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 3), WEIR_OK);

    CHECK_INT(store_alter(test.store, "iot.t", &column, &test.failure), WEIR_OK);

    CHECK_INT(store_table(test.store, "iot.t", &table, &test.failure), WEIR_OK);
    check_values(&test, table, 3);
    store_test_kill(&test);
    table = reopened(&test);
    REQUIRE(table != NULL);
    CHECK_INT(table_definition(table)->column_count, 3);
    check_values(&test, table, 3);
    store_test_finish(&test);
}

TEST(a_table_that_was_dropped_is_empty_when_it_is_made_again)
{
    struct store_test test;
    static int64_t values[ROWS];
    set_up(&test);
    REQUIRE(test.store != NULL);
    struct table *table = make_table(&test, "iot.t");
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 3), WEIR_OK);
    CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);

    CHECK_INT(store_drop(test.store, "iot.t", &test.failure), WEIR_OK);

    table = make_table(&test, "iot.t");
    CHECK_INT(store_test_rows(&test, table, values, ROWS), 0);
    store_test_finish(&test);
}

TEST(an_index_that_is_lost_stops_its_buckets)
{
    struct store_test test;
    static int64_t values[ROWS];
    set_up(&test);
    REQUIRE(test.store != NULL);
    struct table *table = make_table(&test, "iot.t");
    CHECK_INT(store_test_commit(&test, table, 0, ROWS, 3), WEIR_OK);
    store_test_close(&test); // its snapshot needs no log before it
    strcat(test.disk->path, "-other");
    mkdir(test.disk->path, 0777);

    table = reopened(&test);

    REQUIRE(table != NULL);
    CHECK(store_test_rows(&test, table, values, ROWS) < 0);
    CHECK_HAS(test.talk, "the index on disk is older than the log that is left");
    store_test_finish(&test);
}

TEST(a_missing_shared_object_is_named_when_a_table_asks_for_it)
{
    struct store_test test;
    struct table_definition definition = definition_of("iot.t", "id int32;value int64", "id");
    struct table *table = NULL;
    int existed;
    set_up(&test);
    REQUIRE(test.store != NULL);
    store_test_close(&test);
    test.settings.index_library = "/nowhere/fluss_rocksdb.so.1";
    CHECK_INT(store_test_open(&test), WEIR_OK);
    definition.index = TABLE_INDEX_ROCKSDB;

    CHECK_INT(store_create(test.store, &definition, &existed, &table, &test.failure),
              WEIR_ERROR_UNSUPPORTED);

    CHECK_HAS(test.failure.text, "librocksdb7.8");
    definition.index = TABLE_INDEX_MEMORY;
    CHECK_INT(store_create(test.store, &definition, &existed, &table, &test.failure), WEIR_OK);
    table_definition_finish(&definition);
    store_test_finish(&test);
}
