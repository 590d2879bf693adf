// A store that was damaged: nothing wrong is ever served, what is wrong is named, and what can be
// rebuilt is.
#include <stdio.h>
#include <string.h>

#include "store/verify.h"
#include "support/disk_memory.h"
#include "support/store.h"
#include "support/test.h"

#define ROWS 64u
#define BUCKETS 4u
#define LOG_PATH "log/0000000000000000"

static const char *const catalogs[] = {"catalog", "catalog.copy"};

struct found {
    int count;
    char first[1024];
};

static void note_finding(void *owner, const char *sentence)
{
    struct found *found = owner;
    if (found->count++ == 0) {
        snprintf(found->first, sizeof found->first, "%s", sentence);
    }
}

static struct found verify(struct disk *disk)
{
    struct found found = {0};
    const struct store_verification to = {note_finding, NULL, &found};
    int64_t count = store_verify(disk, &store_system_memory, &to);
    CHECK_INT(count, found.count);
    return found;
}

static uint64_t written; // end of the log that make() wrote

// Two snapshots, rows in both and rows behind them. Stopped cleanly, or killed. What rows there are
// goes to truth.
static void make(struct store_test *test, int is_clean, int64_t *truth)
{
    store_test_init(test);
    test->settings.segment_bytes = 128u << 10;
    CHECK_INT(store_test_open(test), WEIR_OK);
    struct table *table = store_test_table(test, "iot.t", BUCKETS, 1);
    for (int64_t round = 0; round < 3; round++) {
        CHECK_INT(store_test_commit(test, table, 0, ROWS, round), WEIR_OK);
        CHECK_INT(store_snapshot(test->store, &test->failure), WEIR_OK);
    }
    CHECK_INT(store_test_commit(test, table, 5, 9, -1), WEIR_OK);
    CHECK_INT(store_test_commit(test, table, 20, 30, 7), WEIR_OK);
    CHECK_INT(store_test_rows(test, table, truth, ROWS), ROWS - 9);
    written = stream_end(table_stream(table));
    CHECK(written > 4096 && written < 100u << 10);
    if (is_clean) {
        store_test_close(test);
    } else {
        store_test_kill(test);
    }
}

// Every bucket serves what was there, or refuses. Returns how many refuse, -1 if the store does, -2
// if the damage cannot be told from the end of a write that a kill cut off, which is said.
static int check_served(struct store_test *test, const int64_t *truth)
{
    struct table *table;
    int refused = 0;
    if (store_test_open(test) != WEIR_OK) {
        return -1;
    }
    if (strstr(test->talk, "torn tail") != NULL) {
        return -2;
    }
    CHECK_INT(store_table(test->store, "iot.t", &table, &test->failure), WEIR_OK);
    for (uint32_t i = 0; i < BUCKETS; i++) {
        struct bucket_rows rows;
        uint64_t end_offset, position;
        int32_t rc = bucket_scan(table_bucket(table, i), UINT32_MAX, 1, &rows, &end_offset,
                                 &position, &test->failure);
        if (rc != WEIR_OK) {
            refused++;
            continue;
        }
        for (uint32_t row = 0; row < rows.row_count; row++) {
            int32_t id = ((const int32_t *)rows.columns[0].values)[row];
            int64_t value = ((const int64_t *)rows.columns[1].values)[row];
            CHECK(id >= 0 && (uint32_t)id < ROWS && truth[id] == value);
        }
        bucket_rows_finish(&rows);
    }
    return refused;
}

static int64_t count_rows(struct store_test *test)
{
    static int64_t values[ROWS];
    struct table *table;
    CHECK_INT(store_table(test->store, "iot.t", &table, &test->failure), WEIR_OK);
    return store_test_rows(test, table, values, ROWS);
}

static int note_first(void *owner, const char *name)
{
    char *first = owner;
    if (strlen(name) < 60 && (first[0] == '\0' || strcmp(name, first) > 0)) {
        strcpy(first, name); // the newest
    }
    return 0;
}

// Flips one bit of every byte of a file: each is found, and told with the file.
static void check_every_byte(struct store_test *test, const char *path, uint64_t byte_count)
{
    uint64_t size;
    uint8_t *bytes = disk_memory_bytes(test->disk, path, &size);
    CHECK(bytes != NULL && size >= byte_count);
    for (uint64_t i = 0; bytes != NULL && i < byte_count; i++) {
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        struct found found = verify(test->disk);
        CHECK(found.count > 0);
        CHECK_HAS(found.first, path);
        bytes[i] ^= (uint8_t)(1u << (i % 8));
    }
}

// A copy of a store with one bit flipped.
static void hurt_copy(struct store_test *hurt, const struct store_test *test, const char *path,
                      uint64_t at)
{
    uint64_t byte_count;
    store_test_init_on(hurt, disk_memory_copy(test->disk));
    disk_memory_bytes(hurt->disk, path, &byte_count)[at] ^= (uint8_t)(1u << (at % 8));
}

TEST(every_byte_of_the_catalog_that_flips_is_found_and_nothing_is_lost)
{
    struct store_test test;
    int64_t truth[ROWS];
    make(&test, 1, truth);
    for (int file = 0; file < 2; file++) {
        uint64_t byte_count;
        disk_memory_bytes(test.disk, catalogs[file], &byte_count);
        check_every_byte(&test, catalogs[file], byte_count);
        for (uint64_t i = 0; i < byte_count; i += 17) {
            struct store_test hurt;
            hurt_copy(&hurt, &test, catalogs[file], i);
            CHECK_INT(check_served(&hurt, truth), 0);
            CHECK_INT(count_rows(&hurt), ROWS - 9);
            CHECK_HAS(hurt.talk, "the other copy of the catalog is good, and replaces it");
            CHECK_INT(verify(hurt.disk).count, 0);
            store_test_finish(&hurt);
        }
    }
    store_test_finish(&test);
}

TEST(every_byte_of_a_snapshot_that_flips_is_found_and_the_index_is_rebuilt)
{
    struct store_test test;
    int64_t truth[ROWS];
    char name[64] = "", path[96];
    uint64_t byte_count;
    make(&test, 1, truth);
    test.disk->table->list(test.disk, "snapshots", note_first, name);
    snprintf(path, sizeof path, "snapshots/%s", name);
    REQUIRE(disk_memory_bytes(test.disk, path, &byte_count) != NULL);
    check_every_byte(&test, path, byte_count);
    for (uint64_t i = 0; i < byte_count; i += 29) {
        struct store_test hurt;
        hurt_copy(&hurt, &test, path, i);
        int refused = check_served(&hurt, truth);
        CHECK_INT(refused, 0);
        if (refused == 0) {
            CHECK_INT(count_rows(&hurt), ROWS - 9);
            CHECK_HAS(hurt.talk, "an older snapshot and the log take its place");
        }
        store_test_finish(&hurt);
    }
    store_test_finish(&test);
}

TEST(a_snapshot_under_another_name_or_of_another_directory_is_not_taken)
{
    struct store_test test, other;
    int64_t truth[ROWS];
    uint64_t byte_count;
    make(&test, 1, truth);
    make(&other, 1, truth);
    uint8_t *bytes =
        disk_memory_bytes(other.disk, "snapshots/00000000000000000004.snapshot", &byte_count);
    REQUIRE(bytes != NULL);
    disk_memory_put(test.disk, "snapshots/00000000000000000009.snapshot", bytes, byte_count);

    CHECK_INT(check_served(&test, truth), 0);

    CHECK_INT(count_rows(&test), ROWS - 9);
    CHECK_HAS(test.talk, "it does not begin as snapshot 9 of this store");
    store_test_finish(&test);
    store_test_finish(&other);
}

TEST(without_its_catalog_a_directory_is_refused_and_nothing_is_made)
{
    struct store_test test;
    int64_t truth[ROWS];
    make(&test, 1, truth);
    test.disk->table->unlink(test.disk, "catalog");
    test.disk->table->unlink(test.disk, "catalog.copy");

    CHECK_INT(store_test_open(&test), WEIR_ERROR_CONFIG);

    CHECK_HAS(test.failure.text, "are missing; restore a backup of the directory");
    store_test_finish(&test);
}

TEST(without_its_snapshots_a_store_is_rebuilt_from_the_whole_log)
{
    struct store_test test;
    int64_t truth[ROWS];
    make(&test, 1, truth);
    test.disk->table->unlink(test.disk, "snapshots/00000000000000000003.snapshot");
    test.disk->table->unlink(test.disk, "snapshots/00000000000000000004.snapshot");

    CHECK_INT(check_served(&test, truth), 0);

    CHECK_INT(count_rows(&test), ROWS - 9);
    store_test_finish(&test);
}

TEST(without_its_last_segments_a_store_is_refused)
{
    struct store_test test;
    int64_t truth[ROWS];
    char name[64] = "", path[96];
    make(&test, 1, truth);
    for (int i = 0; i < 2; i++) {
        name[0] = '\0';
        test.disk->table->list(test.disk, "log", note_first, name);
        snprintf(path, sizeof path, "log/%s", name);
        test.disk->table->unlink(test.disk, path);
    }

    CHECK_INT(store_test_open(&test), WEIR_ERROR_DATA);

    CHECK_HAS(test.failure.text, "the last segments are missing; put them back");
    store_test_finish(&test);
}

TEST(every_byte_of_the_log_that_flips_is_found_and_nothing_wrong_is_served)
{
    struct store_test test;
    int64_t truth[ROWS], values[ROWS];
    struct table *table;
    make(&test, 1, truth);
    check_every_byte(&test, LOG_PATH, written);
    for (uint64_t i = 0; i < written; i += 251) {
        struct store_test hurt;
        hurt_copy(&hurt, &test, LOG_PATH, i);
        if (check_served(&hurt, truth) >= 0) {
            CHECK_INT(store_table(hurt.store, "iot.t", &table, &hurt.failure), WEIR_OK);
            CHECK(store_test_replay(&hurt, table, values, ROWS) <= (int64_t)ROWS);
        }
        store_test_finish(&hurt);
    }
    store_test_finish(&test);
}

TEST(damage_of_the_log_after_a_kill_stops_only_buckets_that_it_may_have_hit)
{
    struct store_test test;
    int64_t truth[ROWS];
    int stopped = 0, served = 0, whole = 0;
    make(&test, 0, truth);
    for (uint64_t i = 64; i < written; i += 197) {
        struct store_test hurt;
        hurt_copy(&hurt, &test, LOG_PATH, i);
        int refused = check_served(&hurt, truth);
        stopped += refused > 0;
        served += refused >= 0 && refused < (int)BUCKETS;
        whole += refused == 0 && count_rows(&hurt) == ROWS - 9;
        if (refused > 0) {
            CHECK_HAS(hurt.talk, "bucket ");
            CHECK_HAS(hurt.talk, " is stopped: ");
            CHECK_HAS(hurt.talk, LOG_PATH);
        }
        store_test_finish(&hurt);
    }
    CHECK(stopped > 0 && served > 0 && whole > 0);
    store_test_finish(&test);
}

TEST(a_bucket_that_was_stopped_stays_so_over_a_snapshot_and_a_restart)
{
    struct store_test test;
    int64_t truth[ROWS];
    uint64_t byte_count;
    make(&test, 0, truth);
    int refused = 0;
    for (uint64_t at = written - 64; refused <= 0 && at > 64; at -= 64) {
        disk_memory_bytes(test.disk, LOG_PATH, &byte_count)[at] ^= 4;
        refused = check_served(&test, truth);
        if (refused <= 0) {
            store_test_kill(&test);
            disk_memory_bytes(test.disk, LOG_PATH, &byte_count)[at] ^= 4;
        }
    }
    CHECK(refused > 0);
    CHECK_INT(store_snapshot(test.store, &test.failure), WEIR_OK);
    store_test_close(&test);

    CHECK_INT(check_served(&test, truth), refused);

    store_test_finish(&test);
}
