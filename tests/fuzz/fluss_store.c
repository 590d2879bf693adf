// Catalogs and snapshots: any bytes as such a file. They are refused, or make a store that serves,
// takes rows and opens again. The first byte of the input says which file it is, and whether
// checksums are made good first, so that what lies behind them is reached.
#include "store/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "fluss/support/definition.h"
#include "fluss/support/disk_memory.h"
#include "fluss/support/store.h"
#include "store/snapshot.h"
#include "store/verify.h"

#define BYTES_MAX (256u << 10)
#define DIRECTORY 77u
#define IS_SNAPSHOT 1u
#define IS_REPAIRED 2u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static void must(int condition)
{
    if (!condition) {
        abort();
    }
}

// Makes every record follow on the one before it, with good checksums.
static void repair(uint8_t *file, uint64_t byte_count)
{
    uint64_t number = 0, at = 0;
    uint32_t previous = 0;
    while (at + 512 <= byte_count) {
        struct record_header *record = (void *)(file + at);
        uint64_t left = byte_count - at;
        if (record->head_bytes < sizeof *record || record->record_bytes < record->head_bytes ||
            record->record_bytes % RECORD_ALIGN != 0 || record->record_bytes > left) {
            return;
        }
        if (record->kind == RECORD_SNAPSHOT && record->head_bytes >= sizeof(struct snapshot_head)) {
            ((struct snapshot_head *)record)->number = 1;
            ((struct snapshot_head *)record)->directory = DIRECTORY;
            ((struct snapshot_head *)record)->replay_from = 0;
        }
        if (record->kind == RECORD_FINISH && record->head_bytes >= sizeof(struct snapshot_finish)) {
            ((struct snapshot_finish *)record)->covers = 0;
        }
        record->position = at;
        record->number = ++number;
        record->previous_crc = previous;
        record_close(record);
        record_seal(record);
        previous = record->header_crc;
        at += record->record_bytes;
    }
}

static void ignore(void *owner, const char *sentence)
{
    (void)owner;
    must(sentence[0] != '\0');
}

static void use_catalog(struct disk *disk)
{
    struct catalog catalog, again;
    struct failure report, failure = {0};
    int32_t rc = catalog_read(disk, &store_system_memory, &catalog, &report, &failure);
    if (rc != WEIR_OK) {
        must(failure.text[0] != '\0');
        return;
    }
    must(catalog_write(disk, &store_system_memory, &catalog, &failure) == WEIR_OK);
    must(catalog_read(disk, &store_system_memory, &again, &report, &failure) == WEIR_OK);
    must(again.change == catalog.change && again.table_count == catalog.table_count);
    for (uint32_t i = 0; i < again.table_count; i++) {
        must(table_definition_same(&again.tables[i]->definition, &catalog.tables[i]->definition,
                                   &failure) == WEIR_OK);
    }
    catalog_finish(&again);
    catalog_finish(&catalog);
}

static void make_catalog(struct disk *disk)
{
    struct catalog catalog;
    struct catalog_table *table;
    struct failure failure = {0};
    struct table_definition t = definition_of("iot.t", "id int32;value int64", "id");
    catalog_init(&catalog, DIRECTORY);
    t.bucket_count = 2;
    must(table_definition_check(&t, &failure) == WEIR_OK);
    must(catalog_add(&catalog, &t, &table, &failure) == WEIR_OK);
    must(catalog_write(disk, &store_system_memory, &catalog, &failure) == WEIR_OK);
    catalog_finish(&catalog);
    table_definition_finish(&t);
}

static void use_store(struct store_test *test)
{
    int64_t values[8];
    if (store_test_open(test) != WEIR_OK) {
        must(test->failure.text[0] != '\0');
        return;
    }
    struct table *table = store_table_at(test->store, 0);
    store_test_rows(test, table, values, 8);
    store_test_commit(test, table, 0, 8, 1);
    int64_t count = store_test_rows(test, table, values, 8);
    store_test_close(test);
    must(store_test_open(test) == WEIR_OK);
    must(store_test_rows(test, store_table_at(test->store, 0), values, 8) == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    struct store_test test;
    const struct store_verification to = {ignore, NULL, NULL};
    if (byte_count < 1 || byte_count > BYTES_MAX) {
        return 0;
    }
    uint8_t flags = bytes[0];
    uint8_t *file = aligned_alloc(64, (byte_count + 63) / 64 * 64);
    must(file != NULL);
    memcpy(file, bytes + 1, byte_count - 1);
    if ((flags & IS_REPAIRED) != 0) {
        repair(file, byte_count - 1);
    }
    store_test_init(&test);
    test.settings.segment_bytes = 64u << 10;
    if ((flags & IS_SNAPSHOT) != 0) {
        make_catalog(test.disk);
        must(test.disk->table->make_folder(test.disk, SNAPSHOT_FOLDER) == 0);
        disk_memory_put(test.disk, SNAPSHOT_FOLDER "/00000000000000000001.snapshot", file,
                        byte_count - 1);
        store_verify(test.disk, &store_system_memory, &to);
        use_store(&test);
    } else {
        disk_memory_put(test.disk, CATALOG_PATH, file, byte_count - 1);
        store_verify(test.disk, &store_system_memory, &to);
        use_catalog(test.disk);
    }
    store_test_finish(&test);
    free(file);
    return 0;
}
