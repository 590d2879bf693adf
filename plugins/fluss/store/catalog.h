// The catalog of a data directory: its tables and the numbers that are never given twice. Two files
// of records (store/records.h), the same but for a crash between them; docs/formats/catalog.md.
#ifndef FLUSS_STORE_CATALOG_H
#define FLUSS_STORE_CATALOG_H

#include "base/disk.h"
#include "base/failure.h"
#include "base/memory.h"
#include "log/record.h"
#include "table/definition.h"

#define CATALOG_PATH "catalog"
#define CATALOG_COPY_PATH "catalog.copy"

// Head of the first record. Frozen.
struct catalog_directory {
    struct record_header header;
    uint64_t change;    // one more each time the catalog is written
    uint64_t directory; // number of this data directory, drawn when it was made
    int64_t next_writer;
    uint32_t next_table_id;
    uint32_t table_count;
    uint64_t zero[4];
};
_Static_assert(sizeof(struct catalog_directory) == 128, "format");

// Head of a table's record; its body is an array of struct catalog_column, then the names and
// delimiters one after the other, without ends: the table's name, then for every column its name
// and its delimiter. Frozen.
struct catalog_definition {
    struct record_header header;
    uint32_t table_id;
    uint32_t schema_id;
    uint32_t column_count;
    uint32_t first_column_count;
    uint32_t key_count;
    uint32_t bucket_key_count;
    uint32_t bucket_count;
    uint32_t name_bytes;
    int32_t version_column;
    int32_t ttl_column;
    uint8_t changelog;
    uint8_t merge;
    uint8_t delete_behaviour;
    uint8_t compression;
    uint8_t durability;
    uint8_t index;
    uint8_t zero[2];
    int64_t retention_us;
    uint64_t retention_bytes;
    int64_t ttl_us;
    uint64_t memory_bytes;
    uint64_t next_auto_increment;
    uint32_t key[TABLE_KEY_COLUMNS_MAX];
    uint32_t bucket_key[TABLE_KEY_COLUMNS_MAX];
    uint32_t partition_key_count; // 0
    uint32_t more_zero[9];
};
_Static_assert(sizeof(struct catalog_definition) == 320, "format");

// Frozen.
struct catalog_column {
    uint8_t type;
    uint8_t precision;
    uint8_t scale;
    uint8_t nullable;
    uint32_t length;
    uint8_t aggregate;
    uint8_t is_auto_increment;
    uint8_t name_bytes;
    uint8_t delimiter_bytes;
    uint32_t zero;
};
_Static_assert(sizeof(struct catalog_column) == 16, "format");

struct catalog_table {
    struct table_definition definition;
    uint64_t next_auto_increment; // first id that no bucket has drawn; from 1
};

struct catalog {
    uint64_t change;
    uint64_t directory;
    int64_t next_writer; // first writer id that may not have been given
    uint32_t next_table_id;
    uint32_t table_count;
    struct catalog_table **tables; // in the order in which they were made
};

// An empty catalog of a new directory.
void catalog_init(struct catalog *catalog, uint64_t directory);
void catalog_finish(struct catalog *catalog);

// Reads the newer of the two files that is whole. RETRY: there is neither. DATA: none is whole.
// CONFIG: another version wrote it. What is wrong with the other one stands in *report (empty if
// nothing is).
int32_t catalog_read(struct disk *disk, const struct store_memory *memory, struct catalog *out,
                     struct failure *report, struct failure *failure);
// Writes both, each to another name and renamed, and counts `change` up. On a failure the
// directory has the old one or the new one, whole.
int32_t catalog_write(struct disk *disk, const struct store_memory *memory, struct catalog *catalog,
                      struct failure *failure);

// Adds a table, which is copied; gives it its id. FATAL: no memory.
int32_t catalog_add(struct catalog *catalog, const struct table_definition *definition,
                    struct catalog_table **out, struct failure *failure);
void catalog_table_free(struct catalog_table *table); // NULL is fine
// Takes a table out and frees it.
void catalog_remove(struct catalog *catalog, struct catalog_table *table);

#endif
