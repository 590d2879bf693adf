// A plain model against a whole store, with kills and cuts of power at random calls of the disk.
// What was acknowledged is there, what was not may be there; per bucket always a prefix of what was
// asked for, in its order.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/disk_memory.h"
#include "support/store.h"
#include "support/test.h"

#define ROWS 48u
#define BUCKETS 4u
#define OPERATIONS_MAX 4096u

struct operation {
    int32_t id;
    uint32_t count;
    int64_t round; // below 0: a delete
};

struct model {
    struct operation operations[OPERATIONS_MAX];
    uint32_t count;
    uint32_t acknowledged;
    int64_t settled[ROWS]; // what the last check found
    uint64_t seed;
};

static uint64_t next_random(struct model *model)
{
    model->seed ^= model->seed << 13;
    model->seed ^= model->seed >> 7;
    model->seed ^= model->seed << 17;
    return model->seed;
}

static void apply(const struct operation *operation, int64_t *values)
{
    for (uint32_t i = 0; i < operation->count; i++) {
        int32_t id = operation->id + (int32_t)i;
        values[id] = operation->round < 0 ? INT64_MIN : (int64_t)id * 1000 + operation->round;
    }
}

static int is_same(const int64_t *a, const int64_t *b, uint32_t bucket)
{
    for (uint32_t id = 0; id < ROWS; id++) {
        if (store_test_bucket((int32_t)id, BUCKETS) == bucket && a[id] != b[id]) {
            return 0;
        }
    }
    return 1;
}

// Finds, for every bucket, how many operations are there: all that were acknowledged, at least.
static void check(struct model *model, struct store_test *test, struct table *table)
{
    int64_t rows[ROWS], replayed[ROWS], expected[ROWS], settled[ROWS];
    int64_t count = store_test_rows(test, table, rows, ROWS);
    CHECK(count >= 0);
    memcpy(settled, rows, sizeof settled);
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
        uint32_t done = 0;
        memcpy(expected, model->settled, sizeof expected);
        while (done < model->acknowledged) {
            apply(&model->operations[done++], expected);
        }
        while (!is_same(rows, expected, bucket) && done < model->count) {
            apply(&model->operations[done++], expected);
        }
        if (!is_same(rows, expected, bucket)) {
            test_fail(__FILE__, __LINE__, "seed %llu: bucket %u is no prefix of what was asked for",
                      (unsigned long long)model->seed, bucket);
        }
    }
    if (stream_begin(table_stream(table)) == 0) {
        CHECK_INT(store_test_replay(test, table, replayed, ROWS), count);
        CHECK_TEXT(test->failure.text, "");
        CHECK(memcmp(rows, replayed, sizeof rows) == 0);
    }
    memcpy(model->settled, settled, sizeof settled);
    model->count = model->acknowledged = 0;
}

// Puts, deletes, snapshots and retention until the disk stops, or there were enough.
static void work(struct model *model, struct store_test *test, struct table *table, int is_doomed)
{
    for (int i = 0; i < 60; i++) {
        uint64_t choice = next_random(model) % 20;
        struct operation *operation = &model->operations[model->count];
        uint64_t position = 0;
        if (choice == 0) {
            store_snapshot(test->store, &test->failure);
            continue;
        }
        if (choice == 1) {
            store_retain(test->store, &test->failure);
            continue;
        }
        operation->id = (int32_t)(next_random(model) % (ROWS - 8));
        operation->count = 1 + (uint32_t)(next_random(model) % 8);
        operation->round = choice < 5 ? -1 : (int64_t)(next_random(model) % 1000);
        model->count++;
        int32_t rc = store_test_put(test, table, operation->id, operation->count, operation->round,
                                    &position);
        CHECK(rc == WEIR_OK || is_doomed);
        if (rc != WEIR_OK) {
            return;
        }
        if (choice % 2 == 0) {
            int32_t durable;
            while ((durable = stream_wait(table_stream(table), position, 1000000)) == 0) {
            }
            if (durable < 0) {
                return;
            }
            model->acknowledged = model->count;
        }
    }
}

static void run(uint64_t seed)
{
    struct store_test test;
    struct model *model = calloc(1, sizeof *model);
    struct table *table = NULL;
    model->seed = seed * 0x9e3779b97f4a7c15u + 1;
    for (uint32_t id = 0; id < ROWS; id++) {
        model->settled[id] = INT64_MIN;
    }
    store_test_init(&test);
    test.settings.segment_bytes = 64u << 10;
    CHECK_INT(store_test_open(&test), WEIR_OK);
    store_test_table(&test, "iot.t", BUCKETS, 1);
    store_test_close(&test);
    for (int life = 0; life < 6 && !test_has_failed(); life++) {
        int32_t rc = store_test_open(&test);
        CHECK_INT(rc, WEIR_OK);
        CHECK_TEXT(test.failure.text, "");
        if (rc != WEIR_OK) {
            break;
        }
        CHECK_INT(store_table(test.store, "iot.t", &table, &test.failure), WEIR_OK);
        check(model, &test, table);
        uint64_t stop = next_random(model) % 3;
        if (stop == 0) {
            disk_memory_stop_after(test.disk, 1 + next_random(model) % 80);
        }
        work(model, &test, table, stop == 0);
        if (stop == 0) {
            disk_memory_halt(test.disk);
            store_test_close(&test);
            disk_memory_power_cut(test.disk, next_random(model));
        } else if (stop == 1) {
            store_test_kill(&test);
        } else {
            store_test_close(&test); // nothing failed, so all of it is there
            model->acknowledged = model->count;
        }
    }
    if (test_has_failed()) {
        test_fail(__FILE__, __LINE__, "with seed %llu", (unsigned long long)seed);
    }
    store_test_finish(&test);
    free(model);
}

TEST(a_store_is_what_the_model_says_after_kills_and_cuts_of_power)
{
    const char *from = getenv("WEIR_MODEL_FROM"), *count = getenv("WEIR_MODEL_COUNT");
    uint64_t first = from == NULL ? 1 : strtoull(from, NULL, 10);
    uint64_t last = first + (count == NULL ? 150 : strtoull(count, NULL, 10));
    for (uint64_t seed = first; seed < last && !test_has_failed(); seed++) {
        run(seed);
    }
}
