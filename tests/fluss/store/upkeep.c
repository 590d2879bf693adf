// What a store does by itself, and what it does while others write: snapshots, retention, rows
// whose time is over.
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "support/definition.h"
#include "support/disk_memory.h"
#include "support/store.h"
#include "support/test.h"

#define ROWS 512u

static _Atomic int64_t wall_us = 1000000;

static int64_t manual_now_us(const struct store_clock *clock)
{
    (void)clock;
    return wall_us;
}

static int64_t system_monotonic_ns(const struct store_clock *clock)
{
    (void)clock;
    return store_system_clock.monotonic_ns(&store_system_clock);
}

static const struct store_clock manual_clock = {manual_now_us, system_monotonic_ns};

struct writing {
    struct store_test test; // failure and store alone are used
    struct table *table;
    int32_t first;
};

static void *write_rounds(void *argument)
{
    struct writing *writing = argument;
    for (int64_t round = 0; round < 40; round++) {
        CHECK_INT(
            store_test_commit(&writing->test, writing->table, writing->first, ROWS / 2, round),
            WEIR_OK);
    }
    return NULL;
}

TEST(snapshots_and_retention_while_rows_are_put_lose_nothing)
{
    static int64_t values[ROWS];
    struct store_test test;
    struct writing writings[2];
    pthread_t threads[2];
    struct table_definition t = definition_of("iot.t", "id int32;value int64", "id");
    struct table *table;
    int existed;
    t.bucket_count = 4;
    t.retention_bytes = 4u << 20;
    store_test_init(&test);
    REQUIRE(store_test_open(&test) == WEIR_OK);
    REQUIRE(store_create(test.store, &t, &existed, &table, &test.failure) == WEIR_OK);
    for (int i = 0; i < 2; i++) {
        writings[i] =
            (struct writing){{.store = test.store}, table, i == 0 ? 0 : (int32_t)(ROWS / 2)};
        pthread_create(&threads[i], NULL, write_rounds, &writings[i]);
    }
    for (int i = 0; i < 20; i++) {
        CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
        CHECK_INT(store_retain(test.store, &test.failure), WEIR_OK);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    store_test_kill(&test);

    REQUIRE(store_test_open(&test) == WEIR_OK);
    CHECK_INT(store_table(test.store, "iot.t", &table, &test.failure), WEIR_OK);
    CHECK_INT(store_test_rows(&test, table, values, ROWS), ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        CHECK_INT(values[i], (int64_t)i * 1000 + 39);
    }
    CHECK_TEXT(test.talk, "");
    table_definition_finish(&t);
    store_test_finish(&test);
}

static int count_name(void *owner, const char *name)
{
    *(int *)owner += strstr(name, ".snapshot") != NULL;
    return 0;
}

TEST(a_store_takes_snapshots_by_itself_once_there_is_enough_log)
{
    struct store_test test;
    int count = 0;
    store_test_init(&test);
    test.settings.is_manual = 0;
    test.settings.snapshot_bytes = 64u << 10;
    REQUIRE(store_test_open(&test) == WEIR_OK);
    struct table *table = store_test_table(&test, "iot.t", 4, 1);
    for (int64_t round = 0; count == 0 && round < 20000; round++) {
        CHECK_INT(store_test_commit(&test, table, 0, 64, round), WEIR_OK);
        test.disk->table->list(test.disk, "snapshots", count_name, &count);
    }
    CHECK(count > 0);
    store_test_finish(&test);
}

TEST(rows_whose_time_is_over_are_invisible_at_once_and_deleted_by_upkeep)
{
    static int64_t values[ROWS];
    struct store_test test;
    struct table_definition t = definition_of("iot.t", "id int32;value int64", "id");
    struct table *table;
    int existed;
    t.bucket_count = 4;
    t.ttl_us = 60 * 1000000;
    store_test_init(&test);
    test.settings.clock = &manual_clock;
    REQUIRE(store_test_open(&test) == WEIR_OK);
    REQUIRE(store_create(test.store, &t, &existed, &table, &test.failure) == WEIR_OK);
    CHECK_INT(store_test_commit(&test, table, 0, 100, 1), WEIR_OK);
    wall_us += 50 * 1000000;
    CHECK_INT(store_test_commit(&test, table, 50, 100, 2), WEIR_OK);
    CHECK_INT(store_test_rows(&test, table, values, ROWS), 150);

    wall_us += 11 * 1000000;
    CHECK_INT(store_test_rows(&test, table, values, ROWS), 100);
    CHECK_INT(values[49], INT64_MIN);
    CHECK_INT(values[50], 50002);
    CHECK_INT(store_retain(test.store, &test.failure), WEIR_OK);
    stream_wait(table_stream(table), stream_end(table_stream(table)), 1000000);
    CHECK_INT(store_test_replay(&test, table, values, ROWS), 100);
    store_test_close(&test);

    REQUIRE(store_test_open(&test) == WEIR_OK);
    CHECK_INT(store_table(test.store, "iot.t", &table, &test.failure), WEIR_OK);
    CHECK_INT(store_test_rows(&test, table, values, ROWS), 100);
    table_definition_finish(&t);
    store_test_finish(&test);
}
