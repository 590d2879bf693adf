// What a bucket reads from disk: log records, and sections and rows of a snapshot. Any bytes behind
// a good checksum are refused, or make a bucket whose rows can be scanned and saved.
#include <stdlib.h>
#include <string.h>

#include "engine/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

enum { COLUMNS = 6 };

static void must(int condition)
{
    if (!condition) {
        abort();
    }
}

static int32_t forget(void *owner, struct record_header *record, struct failure *failure)
{
    (void)owner;
    (void)record;
    (void)failure;
    return WEIR_OK;
}

static int64_t no_time(const struct store_clock *clock)
{
    (void)clock;
    return 1000;
}

static const struct store_clock still_clock = {no_time, no_time};
static const struct weir_field fields[COLUMNS] = {
    {"id", {WEIR_TYPE_INT32, 0, 0, 0, 0}},     {"name", {WEIR_TYPE_STRING, 0, 0, 0, 0}},
    {"flag", {WEIR_TYPE_BOOL, 0, 0, 1, 0}},    {"text", {WEIR_TYPE_BYTES, 0, 0, 1, 0}},
    {"real", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}}, {"exact", {WEIR_TYPE_DECIMAL, 20, 2, 1, 0}},
};

// variant 0: keys of one integer; 1: of two columns, and rows that expire by the time of the write.
static struct table_definition make_definition(struct table_column *columns, int variant)
{
    struct table_definition definition;
    struct failure failure;
    table_definition_init(&definition);
    strcpy(definition.name, "fuzz.table");
    for (uint32_t i = 0; i < COLUMNS; i++) {
        columns[i] = (struct table_column){.name = (char *)(uintptr_t)fields[i].name,
                                           .type = fields[i].type};
    }
    definition.columns = columns;
    definition.column_count = definition.first_column_count = COLUMNS;
    definition.key_count = variant == 0 ? 1 : 2;
    definition.key[1] = 1;
    definition.ttl_us = variant == 0 ? 0 : 1;
    must(table_definition_check(&definition, &failure) == WEIR_OK);
    return definition;
}

static void use(struct bucket *bucket)
{
    struct bucket_rows rows = {0};
    struct failure failure;
    uint64_t end, position;
    if (bucket_scan(bucket, UINT32_MAX, 1, &rows, &end, &position, &failure) == WEIR_OK) {
        must(rows.row_count <= 1u << 20);
    }
    bucket_rows_finish(&rows);
    must(bucket_save(bucket, forget, NULL, &end, &position, &failure) == WEIR_OK);
}

// Rows are taken only after a section that expects them.
static void expect_rows(struct bucket *bucket, const struct record_batch *rows)
{
    struct snapshot_section section = {.header = {.kind = RECORD_SECTION,
                                                  .head_bytes = sizeof section,
                                                  .record_bytes = sizeof section},
                                       .row_count = rows->row_count};
    struct failure failure;
    must(bucket_load(bucket, &section.header, &failure) == WEIR_OK);
}

static void feed(const struct record_header *record, int variant)
{
    struct table_column columns[COLUMNS];
    struct table_definition definition = make_definition(columns, variant);
    struct bucket_table table = {.definition = &definition,
                                 .fields = fields,
                                 .memory = &store_system_memory,
                                 .clock = &still_clock};
    struct bucket *bucket;
    struct failure failure;
    must(bucket_create(&table, 0, &bucket, &failure) == WEIR_OK);
    if (record->kind == RECORD_ROWS) {
        expect_rows(bucket, (const struct record_batch *)record);
    }
    int32_t code = record->kind == RECORD_BATCH
                       ? bucket_replay(bucket, (const struct record_batch *)record, &failure)
                       : bucket_load(bucket, record, &failure);
    must(code == WEIR_OK || code == WEIR_ERROR_DATA || code == WEIR_ERROR_FATAL);
    use(bucket);
    bucket_destroy(bucket);
}

// The stream has checked magic, length and checksums of a record; the rest is the bucket's matter.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    size_t record_bytes = byte_count / RECORD_ALIGN * RECORD_ALIGN;
    if (record_bytes < sizeof(struct record_batch) || record_bytes > 1u << 20) {
        return 0;
    }
    struct record_header *record = aligned_alloc(RECORD_ALIGN, record_bytes);
    must(record != NULL);
    memcpy(record, bytes, record_bytes);
    record->magic = RECORD_MAGIC;
    record->version = RECORD_VERSION;
    record->record_bytes = (uint32_t)record_bytes;
    feed(record, 0);
    feed(record, 1);
    free(record);
    return 0;
}
