// What a table is: its columns, keys and properties, as a pipeline or `weir table create` states
// them and as the catalog keeps them.
#ifndef FLUSS_TABLE_DEFINITION_H
#define FLUSS_TABLE_DEFINITION_H

#include "base/failure.h"
#include "weir/schema.h"

#define TABLE_NAME_BYTES_MAX 255u // "database.table"
#define TABLE_BUCKETS_MAX 4096u
#define TABLE_KEY_COLUMNS_MAX 16u

enum table_changelog { TABLE_CHANGELOG_FULL, TABLE_CHANGELOG_WAL };
enum table_merge {
    TABLE_MERGE_LAST_ROW,
    TABLE_MERGE_FIRST_ROW,
    TABLE_MERGE_VERSIONED,
    TABLE_MERGE_AGGREGATION
};
enum table_delete {
    TABLE_DELETE_ALLOW,
    TABLE_DELETE_IGNORE,
    TABLE_DELETE_DISABLE,
    TABLE_DELETE_DEFAULT, // before table_definition_check: what suits the merge engine
};
enum table_compression { TABLE_COMPRESSION_NONE, TABLE_COMPRESSION_LZ4, TABLE_COMPRESSION_ZSTD };
enum table_durability { TABLE_DURABILITY_FSYNC, TABLE_DURABILITY_OS };
enum table_index { TABLE_INDEX_MEMORY, TABLE_INDEX_ROCKSDB };
enum table_aggregate {
    TABLE_AGGREGATE_LAST_VALUE_IGNORE_NULLS, // the default
    TABLE_AGGREGATE_LAST_VALUE,
    TABLE_AGGREGATE_FIRST_VALUE, // acts like the next
    TABLE_AGGREGATE_FIRST_VALUE_IGNORE_NULLS,
    TABLE_AGGREGATE_SUM,
    TABLE_AGGREGATE_PRODUCT,
    TABLE_AGGREGATE_MAX,
    TABLE_AGGREGATE_MIN,
    TABLE_AGGREGATE_LISTAGG, // and string_agg
    TABLE_AGGREGATE_BOOL_AND,
    TABLE_AGGREGATE_BOOL_OR,
};

#define TABLE_DELIMITER_BYTES_MAX 15u

struct table_column {
    char *name;
    struct weir_type type;
    enum table_aggregate aggregate;                // TABLE_MERGE_AGGREGATION
    char delimiter[TABLE_DELIMITER_BYTES_MAX + 1]; // of LISTAGG
    uint8_t is_auto_increment;
};

// Plain values, owned. A log table has key_count 0.
struct table_definition {
    char name[TABLE_NAME_BYTES_MAX + 1];
    uint32_t table_id;  // given by the catalog, never used again; 0 before
    uint32_t schema_id; // of the newest schema: 1, then one more for every column added
    uint32_t column_count;
    uint32_t first_column_count; // columns of schema 1; schema n has first_column_count + n - 1
    struct table_column *columns;
    uint32_t key_count;
    uint32_t key[TABLE_KEY_COLUMNS_MAX]; // column numbers, in key order
    uint32_t bucket_key_count;
    uint32_t bucket_key[TABLE_KEY_COLUMNS_MAX];
    uint32_t bucket_count;
    enum table_changelog changelog;
    enum table_merge merge;
    int32_t version_column; // TABLE_MERGE_VERSIONED; else -1
    enum table_delete delete_behaviour;
    enum table_compression compression;
    enum table_durability durability;
    enum table_index index;
    int64_t retention_us;     // of the log, by time; 0: for ever
    uint64_t retention_bytes; // by size; 0: no limit
    int64_t ttl_us;           // of rows; 0: none
    int32_t ttl_column;       // the timestamp column it counts from; -1: the time of the write
    uint64_t memory_bytes;    // budget of an index that may leave memory; 0: none
    uint32_t replication;     // copies; this build keeps 1 and refuses more; 0: 1
};

// Names of the values above, as pipelines and commands write them; NULL-terminated.
extern const char *const table_changelog_names[];
extern const char *const table_merge_names[];
extern const char *const table_delete_names[];
extern const char *const table_compression_names[];
extern const char *const table_durability_names[];
extern const char *const table_index_names[];
extern const char *const table_aggregate_names[];

// All defaults: 128 buckets, full changelog, last row, retention of 7 days, no time to live.
void table_definition_init(struct table_definition *definition);
// The column of this name. CONFIG: there is none; names the nearest.
int32_t table_definition_column(const struct table_definition *definition, const char *name,
                                uint32_t *column, struct failure *failure);
// Sets the aggregate function of a column by its name ("sum", "string_agg"). delimiter: of listagg;
// NULL: a comma. CONFIG: no such function, or a delimiter that is empty or too long.
int32_t table_column_aggregate(struct table_column *column, const char *function,
                               const char *delimiter, struct failure *failure);
// The number of a name in one of the lists above. CONFIG: not one of them; says which there are.
int32_t table_choice(const char *property, const char *const *names, const char *value,
                     uint32_t *choice, struct failure *failure);

// Frees what it holds; zeroed is fine.
void table_definition_finish(struct table_definition *definition);
// A deep copy. FATAL: no memory.
int32_t table_definition_copy(const struct table_definition *from, struct table_definition *to,
                              struct failure *failure);
// Whether a definition can be honoured: names, types, keys, functions, behaviours, as
// docs/tables.md lists them. CONFIG or UNSUPPORTED with the remedy. Fills in defaults that depend
// on others (bucket key, delete behaviour of first_row, versioned and aggregation).
int32_t table_definition_check(struct table_definition *definition, struct failure *failure);
// CONFIG with the first difference in words, if a table that exists is not what is wanted.
int32_t table_definition_same(const struct table_definition *existing,
                              const struct table_definition *wanted, struct failure *failure);

#endif
