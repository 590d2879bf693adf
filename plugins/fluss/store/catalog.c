#include "store/catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "store/records.h"

#define TEMPORARY_PATH "catalog.new"

void catalog_init(struct catalog *catalog, uint64_t directory)
{
    *catalog = (struct catalog){.directory = directory, .next_writer = 1, .next_table_id = 1};
}

void catalog_table_free(struct catalog_table *table)
{
    if (table != NULL) {
        table_definition_finish(&table->definition);
        free(table);
    }
}

void catalog_finish(struct catalog *catalog)
{
    for (uint32_t i = 0; i < catalog->table_count; i++) {
        catalog_table_free(catalog->tables[i]);
    }
    free(catalog->tables);
    *catalog = (struct catalog){0};
}

// Takes over the table.
static int32_t append(struct catalog *catalog, struct catalog_table *table, struct failure *failure)
{
    struct catalog_table **tables =
        realloc(catalog->tables, (catalog->table_count + 1) * sizeof *tables);
    if (tables == NULL) {
        catalog_table_free(table);
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for the catalog");
    }
    catalog->tables = tables;
    tables[catalog->table_count++] = table;
    return WEIR_OK;
}

int32_t catalog_add(struct catalog *catalog, const struct table_definition *definition,
                    struct catalog_table **out, struct failure *failure)
{
    struct catalog_table *table = calloc(1, sizeof *table);
    if (table == NULL ||
        table_definition_copy(definition, &table->definition, failure) != WEIR_OK) {
        free(table);
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for the catalog");
    }
    table->definition.table_id = catalog->next_table_id;
    table->definition.schema_id = 1;
    table->definition.first_column_count = definition->column_count;
    table->next_auto_increment = 1;
    int32_t rc = append(catalog, table, failure);
    if (rc == WEIR_OK) {
        catalog->next_table_id++;
        *out = table;
    }
    return rc;
}

void catalog_remove(struct catalog *catalog, struct catalog_table *table)
{
    uint32_t i = 0;
    while (catalog->tables[i] != table) {
        i++;
    }
    memmove(catalog->tables + i, catalog->tables + i + 1,
            (catalog->table_count - i - 1) * sizeof(struct catalog_table *));
    catalog->table_count--;
    catalog_table_free(table);
}

// --- Writing ---

static uint64_t text_bytes(const struct table_definition *definition)
{
    uint64_t byte_count = strlen(definition->name);
    for (uint32_t i = 0; i < definition->column_count; i++) {
        byte_count += strlen(definition->columns[i].name);
        byte_count += strlen(definition->columns[i].delimiter);
    }
    return byte_count;
}

static uint8_t *put_text(uint8_t *at, const char *text)
{
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static void put_body(const struct table_definition *definition, uint8_t *body)
{
    struct catalog_column *columns = (struct catalog_column *)body;
    uint8_t *at = put_text((uint8_t *)(columns + definition->column_count), definition->name);
    for (uint32_t i = 0; i < definition->column_count; i++) {
        const struct table_column *column = &definition->columns[i];
        columns[i] = (struct catalog_column){
            .type = column->type.id,
            .precision = column->type.precision,
            .scale = column->type.scale,
            .nullable = column->type.nullable,
            .length = column->type.length,
            .aggregate = (uint8_t)column->aggregate,
            .is_auto_increment = column->is_auto_increment,
            .name_bytes = (uint8_t)strlen(column->name),
            .delimiter_bytes = (uint8_t)strlen(column->delimiter),
        };
        at = put_text(put_text(at, column->name), column->delimiter);
    }
}

static struct record_header *encode_table(const struct catalog_table *table)
{
    const struct table_definition *t = &table->definition;
    struct record_header *record =
        record_new(RECORD_TABLE, sizeof(struct catalog_definition),
                   t->column_count * sizeof(struct catalog_column) + text_bytes(t));
    if (record == NULL) {
        return NULL;
    }
    struct catalog_definition *head = (struct catalog_definition *)record;
    head->table_id = t->table_id;
    head->schema_id = t->schema_id;
    head->column_count = t->column_count;
    head->first_column_count = t->first_column_count;
    head->key_count = t->key_count;
    head->bucket_key_count = t->bucket_key_count;
    head->bucket_count = t->bucket_count;
    head->name_bytes = (uint32_t)strlen(t->name);
    head->version_column = t->version_column;
    head->ttl_column = t->ttl_column;
    head->changelog = (uint8_t)t->changelog;
    head->merge = (uint8_t)t->merge;
    head->delete_behaviour = (uint8_t)t->delete_behaviour;
    head->compression = (uint8_t)t->compression;
    head->durability = (uint8_t)t->durability;
    head->index = (uint8_t)t->index;
    head->retention_us = t->retention_us;
    head->retention_bytes = t->retention_bytes;
    head->ttl_us = t->ttl_us;
    head->memory_bytes = t->memory_bytes;
    head->next_auto_increment = table->next_auto_increment;
    memcpy(head->key, t->key, sizeof head->key);
    memcpy(head->bucket_key, t->bucket_key, sizeof head->bucket_key);
    put_body(t, (uint8_t *)(head + 1));
    return record;
}

static struct record_header *encode_directory(const struct catalog *catalog)
{
    struct record_header *record =
        record_new(RECORD_DIRECTORY, sizeof(struct catalog_directory), 0);
    if (record != NULL) {
        struct catalog_directory *head = (struct catalog_directory *)record;
        head->change = catalog->change;
        head->directory = catalog->directory;
        head->next_writer = catalog->next_writer;
        head->next_table_id = catalog->next_table_id;
        head->table_count = catalog->table_count;
    }
    return record;
}

// Adds a record and frees it.
static int32_t add(struct records_writer *writer, struct record_header *record,
                   struct failure *failure)
{
    int32_t rc = record == NULL
                     ? failure_set(failure, WEIR_ERROR_RETRY, "no memory to write the catalog")
                     : WEIR_OK;
    if (rc == WEIR_OK) {
        record_close(record);
        rc = records_add(writer, record, failure);
    }
    free(record);
    return rc;
}

static int32_t write_file(struct disk *disk, const struct store_memory *memory,
                          const struct catalog *catalog, const char *path, struct failure *failure)
{
    struct records_writer writer;
    int32_t rc = records_create(disk, memory, TEMPORARY_PATH, 0, &writer, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = add(&writer, encode_directory(catalog), failure);
    for (uint32_t i = 0; rc == WEIR_OK && i < catalog->table_count; i++) {
        rc = add(&writer, encode_table(catalog->tables[i]), failure);
    }
    if (rc == WEIR_OK) {
        rc = add(&writer, record_new(RECORD_FINISH, sizeof(struct record_header), 0), failure);
    }
    rc = rc != WEIR_OK ? rc : records_sync(&writer, failure);
    if (rc == WEIR_OK) {
        failpoint_reach(FAILPOINT_CATALOG_WRITTEN);
        rc = records_commit(&writer, path, failure);
        failpoint_reach(FAILPOINT_CATALOG_RENAMED);
    }
    records_abandon(&writer);
    return rc;
}

int32_t catalog_write(struct disk *disk, const struct store_memory *memory, struct catalog *catalog,
                      struct failure *failure)
{
    catalog->change++;
    int32_t rc = write_file(disk, memory, catalog, CATALOG_PATH, failure);
    return rc != WEIR_OK ? rc : write_file(disk, memory, catalog, CATALOG_COPY_PATH, failure);
}

// --- Reading ---

// Takes `length` bytes of text as a string; NULL: they leave the body, or hold a NUL, or no memory.
static char *take_text(const char **at, const char *end, uint32_t length)
{
    if ((uint64_t)(end - *at) < length || memchr(*at, '\0', length) != NULL) {
        return NULL;
    }
    char *text = strndup(*at, length);
    *at += length;
    return text;
}

// Columns and texts of a body. NULL, or what is wrong.
static const char *take_body(const struct catalog_definition *head, struct table_definition *out)
{
    const uint8_t *body = (const uint8_t *)head + head->header.head_bytes;
    const char *end = (const char *)head + head->header.record_bytes;
    uint64_t room = (uint64_t)(end - (const char *)body) / sizeof(struct catalog_column);
    if (head->column_count > WEIR_SCHEMA_FIELDS_MAX || head->column_count > room) {
        return "it has more columns than bytes";
    }
    const struct catalog_column *columns = (const struct catalog_column *)body;
    const char *at = (const char *)(columns + head->column_count);
    char *name =
        head->name_bytes > TABLE_NAME_BYTES_MAX ? NULL : take_text(&at, end, head->name_bytes);
    out->columns = calloc(head->column_count + 1, sizeof *out->columns);
    if (name == NULL || out->columns == NULL) {
        free(name);
        return "its name cannot be read";
    }
    memcpy(out->name, name, strlen(name) + 1);
    free(name);
    for (uint32_t i = 0; i < head->column_count; i++) {
        const struct catalog_column *from = &columns[i];
        struct table_column *to = &out->columns[i];
        to->type = (struct weir_type){from->type, from->precision, from->scale, from->nullable,
                                      from->length};
        to->aggregate = (enum table_aggregate)from->aggregate;
        to->is_auto_increment = from->is_auto_increment;
        to->name = take_text(&at, end, from->name_bytes);
        char *delimiter = from->delimiter_bytes > TABLE_DELIMITER_BYTES_MAX
                              ? NULL
                              : take_text(&at, end, from->delimiter_bytes);
        out->column_count += to->name != NULL;
        if (to->name == NULL || delimiter == NULL) {
            free(delimiter);
            return "a name of a column cannot be read";
        }
        memcpy(to->delimiter, delimiter, strlen(delimiter) + 1);
        free(delimiter);
    }
    return NULL;
}

static const char *check_numbers(const struct catalog_definition *head,
                                 const struct catalog *catalog)
{
    if (head->key_count > TABLE_KEY_COLUMNS_MAX || head->bucket_key_count > TABLE_KEY_COLUMNS_MAX) {
        return "it has too many key columns";
    }
    if (head->first_column_count == 0 || head->first_column_count > head->column_count ||
        head->schema_id != head->column_count - head->first_column_count + 1) {
        return "its schemas do not count up to its columns";
    }
    if (head->table_id == 0 || head->table_id >= catalog->next_table_id) {
        return "its id was never given";
    }
    for (uint32_t i = 0; i < catalog->table_count; i++) {
        if (catalog->tables[i]->definition.table_id == head->table_id) {
            return "its id is that of another table";
        }
    }
    return head->partition_key_count == 0 ? NULL : "it has partitions";
}

static void take_numbers(const struct catalog_definition *head, struct table_definition *out)
{
    out->table_id = head->table_id;
    out->schema_id = head->schema_id;
    out->first_column_count = head->first_column_count;
    out->key_count = head->key_count;
    out->bucket_key_count = head->bucket_key_count;
    out->bucket_count = head->bucket_count;
    out->version_column = head->version_column;
    out->ttl_column = head->ttl_column;
    out->changelog = (enum table_changelog)head->changelog;
    out->merge = (enum table_merge)head->merge;
    out->delete_behaviour = (enum table_delete)head->delete_behaviour;
    out->compression = (enum table_compression)head->compression;
    out->durability = (enum table_durability)head->durability;
    out->index = (enum table_index)head->index;
    out->retention_us = head->retention_us;
    out->retention_bytes = head->retention_bytes;
    out->ttl_us = head->ttl_us;
    out->memory_bytes = head->memory_bytes;
    out->replication = 1;
    memcpy(out->key, head->key, sizeof out->key);
    memcpy(out->bucket_key, head->bucket_key, sizeof out->bucket_key);
}

static int32_t decode_table(const struct record_header *record, struct catalog *catalog,
                            struct failure *failure)
{
    const struct catalog_definition *head = (const struct catalog_definition *)record;
    struct catalog_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for the catalog");
    }
    const char *why = record->head_bytes != sizeof *head ? "its head has another length"
                                                         : check_numbers(head, catalog);
    if (why == NULL) {
        take_numbers(head, &table->definition);
        table->next_auto_increment = head->next_auto_increment;
        why = take_body(head, &table->definition);
    }
    if (why != NULL) {
        catalog_table_free(table);
        return failure_set(failure, WEIR_ERROR_DATA, "%s", why);
    }
    int32_t rc = table_definition_check(&table->definition, failure);
    for (uint32_t i = 0; rc == WEIR_OK && i < catalog->table_count; i++) {
        if (strcmp(catalog->tables[i]->definition.name, table->definition.name) == 0) {
            rc = failure_set(failure, WEIR_ERROR_DATA, "two tables are called %s",
                             table->definition.name);
        }
    }
    if (rc != WEIR_OK) {
        catalog_table_free(table);
        return rc;
    }
    return append(catalog, table, failure);
}

static int32_t read_records(struct records_reader *reader, struct catalog *out,
                            struct failure *failure)
{
    const struct record_header *record;
    int32_t rc = records_next(reader, &record, failure);
    if (rc < 0) {
        return rc;
    }
    const struct catalog_directory *head = (const struct catalog_directory *)record;
    if (rc == WEIR_END || record->kind != RECORD_DIRECTORY || record->head_bytes != sizeof *head) {
        return failure_set(failure, WEIR_ERROR_DATA, "%s/%s is no catalog", reader->disk->path,
                           reader->path);
    }
    uint32_t table_count = head->table_count;
    *out = (struct catalog){.change = head->change,
                            .directory = head->directory,
                            .next_writer = head->next_writer,
                            .next_table_id = head->next_table_id};
    while ((rc = records_next(reader, &record, failure)) == WEIR_OK &&
           record->kind == RECORD_TABLE) {
        uint64_t at = record->position;
        if (decode_table(record, out, failure) != WEIR_OK) {
            failure_set(failure, WEIR_ERROR_DATA, "%s/%s: the table at byte %" PRIu64 ": %.500s",
                        reader->disk->path, reader->path, at, failure->text);
            return WEIR_ERROR_DATA;
        }
    }
    if (rc < 0) {
        return rc;
    }
    if (rc == WEIR_END || record->kind != RECORD_FINISH || reader->position != reader->size ||
        out->table_count != table_count || out->next_writer < 1) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "%s/%s: it does not end where it should, after %u tables",
                           reader->disk->path, reader->path, table_count);
    }
    return WEIR_OK;
}

static int32_t read_file(struct disk *disk, const struct store_memory *memory, const char *path,
                         struct catalog *out, struct failure *failure)
{
    struct records_reader reader;
    *out = (struct catalog){0};
    int32_t rc = records_open(disk, memory, path, &reader, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = read_records(&reader, out, failure);
    records_close(&reader);
    if (rc != WEIR_OK) {
        catalog_finish(out);
    }
    return rc;
}

int32_t catalog_read(struct disk *disk, const struct store_memory *memory, struct catalog *out,
                     struct failure *report, struct failure *failure)
{
    struct catalog copy;
    struct failure copy_failure = {0};
    *report = (struct failure){0};
    int32_t rc = read_file(disk, memory, CATALOG_PATH, out, failure);
    int32_t copy_rc = read_file(disk, memory, CATALOG_COPY_PATH, &copy, &copy_failure);
    if (rc == WEIR_ERROR_CONFIG || (rc != WEIR_OK && copy_rc != WEIR_OK)) {
        catalog_finish(&copy);
        return rc == WEIR_ERROR_RETRY && copy_rc != WEIR_ERROR_RETRY
                   ? failure_set(failure, copy_rc, "%s", copy_failure.text)
                   : rc;
    }
    if (rc != WEIR_OK) {
        *report = *failure;
        *out = copy;
        return WEIR_OK;
    }
    if (copy_rc == WEIR_OK && copy.directory != out->directory) {
        catalog_finish(&copy);
        catalog_finish(out);
        return failure_set(failure, WEIR_ERROR_DATA,
                           "%s: `" CATALOG_PATH "` and `" CATALOG_COPY_PATH
                           "` are of two data directories; put back the ones that belong here",
                           disk->path);
    }
    if (copy_rc == WEIR_OK && copy.change > out->change) {
        struct catalog older = *out;
        *out = copy;
        copy = older;
    }
    *report = copy_failure;
    catalog_finish(&copy);
    return WEIR_OK;
}
