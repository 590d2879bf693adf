// Catalogs: what is written comes back; what is damaged is found, and the copy helps.
#include "store/catalog.h"

#include <string.h>

#include "support/definition.h"
#include "support/disk_memory.h"
#include "support/test.h"

static struct catalog made(void)
{
    struct catalog catalog;
    struct catalog_table *table;
    struct failure failure = {0};
    catalog_init(&catalog, 77);
    struct table_definition t = definition_of(
        "iot.totals", "id int32 not null;list string;price decimal(10,2);at timestamp_ltz(6)",
        "id");
    t.merge = TABLE_MERGE_AGGREGATION;
    t.retention_bytes = 1 << 20;
    t.ttl_us = 5000000;
    t.ttl_column = 3;
    table_column_aggregate(&t.columns[1], "listagg", " | ", &failure);
    table_column_aggregate(&t.columns[2], "max", NULL, &failure);
    CHECK_INT(table_definition_check(&t, &failure), WEIR_OK);
    CHECK_INT(catalog_add(&catalog, &t, &table, &failure), WEIR_OK);
    table_definition_finish(&t);
    t = definition_of("iot.log", "a string", "");
    t.durability = TABLE_DURABILITY_OS;
    CHECK_INT(table_definition_check(&t, &failure), WEIR_OK);
    CHECK_INT(catalog_add(&catalog, &t, &table, &failure), WEIR_OK);
    table_definition_finish(&t);
    table->next_auto_increment = 200001;
    catalog.next_writer = 1025;
    return catalog;
}

static void check_same(const struct catalog *a, const struct catalog *b)
{
    struct failure failure = {0};
    CHECK_INT(a->change, b->change);
    CHECK_INT(a->directory, b->directory);
    CHECK_INT(a->next_writer, b->next_writer);
    CHECK_INT(a->next_table_id, b->next_table_id);
    CHECK_INT(a->table_count, b->table_count);
    for (uint32_t i = 0; i < a->table_count && i < b->table_count; i++) {
        const struct table_definition *x = &a->tables[i]->definition,
                                      *y = &b->tables[i]->definition;
        CHECK_TEXT(x->name, y->name);
        CHECK_INT(table_definition_same(x, y, &failure), WEIR_OK);
        CHECK_TEXT(failure.text, "");
        CHECK_INT(x->table_id, y->table_id);
        CHECK_INT(x->schema_id, y->schema_id);
        CHECK_INT(x->first_column_count, y->first_column_count);
        CHECK_INT(a->tables[i]->next_auto_increment, b->tables[i]->next_auto_increment);
    }
}

TEST(a_catalog_that_is_written_comes_back_whole)
{
    struct disk *disk = disk_memory_create();
    struct catalog catalog = made(), read;
    struct failure report, failure = {0};

    CHECK_INT(catalog_write(disk, &store_system_memory, &catalog, &failure), WEIR_OK);
    REQUIRE(catalog_read(disk, &store_system_memory, &read, &report, &failure) == WEIR_OK);

    check_same(&read, &catalog);
    CHECK_INT(report.code, WEIR_OK);
    catalog_finish(&read);
    catalog_finish(&catalog);
    disk->table->destroy(disk);
}

TEST(every_byte_of_a_catalog_that_flips_is_found_and_the_copy_takes_its_place)
{
    struct disk *disk = disk_memory_create();
    struct catalog catalog = made(), read;
    struct failure report, failure = {0};
    uint64_t byte_count;
    CHECK_INT(catalog_write(disk, &store_system_memory, &catalog, &failure), WEIR_OK);
    uint8_t *bytes = disk_memory_bytes(disk, CATALOG_PATH, &byte_count);

    for (uint64_t i = 0; i < byte_count; i++) {
        bytes[i] ^= (uint8_t)(1u << (i % 8));
        int32_t rc = catalog_read(disk, &store_system_memory, &read, &report, &failure);
        CHECK_INT(rc, WEIR_OK);
        CHECK_INT(report.code, WEIR_ERROR_DATA);
        CHECK_HAS(report.text, "/catalog: ");
        CHECK_HAS(report.text, " byte ");
        if (rc == WEIR_OK) {
            check_same(&read, &catalog);
            catalog_finish(&read);
        }
        bytes[i] ^= (uint8_t)(1u << (i % 8));
    }
    catalog_finish(&catalog);
    disk->table->destroy(disk);
}

TEST(with_both_copies_damaged_the_catalog_is_refused_with_file_and_byte)
{
    struct disk *disk = disk_memory_create();
    struct catalog catalog = made(), read;
    struct failure report, failure = {0};
    uint64_t byte_count;
    CHECK_INT(catalog_write(disk, &store_system_memory, &catalog, &failure), WEIR_OK);
    disk_memory_bytes(disk, CATALOG_PATH, &byte_count)[200] ^= 1;
    disk_memory_bytes(disk, CATALOG_COPY_PATH, &byte_count)[300] ^= 1;

    int32_t rc = catalog_read(disk, &store_system_memory, &read, &report, &failure);

    CHECK_INT(rc, WEIR_ERROR_DATA);
    CHECK_HAS(failure.text, "/catalog: corrupt at byte 128: ");
    catalog_finish(&catalog);
    disk->table->destroy(disk);
}

TEST(a_catalog_of_a_newer_format_is_refused_with_both_versions)
{
    struct disk *disk = disk_memory_create();
    struct catalog catalog = made(), read;
    struct failure report, failure = {0};
    uint64_t byte_count;
    CHECK_INT(catalog_write(disk, &store_system_memory, &catalog, &failure), WEIR_OK);
    uint8_t *bytes = disk_memory_bytes(disk, CATALOG_PATH, &byte_count);
    bytes[4] = 2;
    record_seal((struct record_header *)bytes);

    int32_t rc = catalog_read(disk, &store_system_memory, &read, &report, &failure);

    CHECK_INT(rc, WEIR_ERROR_CONFIG);
    CHECK_HAS(failure.text, "is of format version 2, and this weir knows version 1");
    catalog_finish(&catalog);
    disk->table->destroy(disk);
}

TEST(after_a_cut_of_power_at_any_call_there_is_the_old_catalog_or_the_new_one)
{
    for (uint64_t at = 1; at < 16; at++) {
        struct disk *disk = disk_memory_create();
        struct catalog catalog = made(), read;
        struct failure report, failure = {0};
        CHECK_INT(catalog_write(disk, &store_system_memory, &catalog, &failure), WEIR_OK);
        disk_memory_stop_after(disk, at);
        catalog.next_writer = 5000;
        int32_t written = catalog_write(disk, &store_system_memory, &catalog, &failure);
        disk_memory_power_cut(disk, at);

        int32_t rc = catalog_read(disk, &store_system_memory, &read, &report, &failure);

        CHECK_INT(rc, WEIR_OK);
        if (rc == WEIR_OK) {
            CHECK(read.next_writer == 5000 || (written != WEIR_OK && read.next_writer == 1025));
            CHECK_INT(read.table_count, 2);
            catalog_finish(&read);
        }
        catalog_finish(&catalog);
        disk->table->destroy(disk);
    }
}
