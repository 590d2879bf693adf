#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "table/definition.h"
#include "table/type.h"

#define REFUSE(...) failure_set(failure, WEIR_ERROR_CONFIG, __VA_ARGS__)

static int is_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-') {
            return 0;
        }
    }
    return length > 0;
}

static int32_t check_name(const struct table_definition *t, struct failure *failure)
{
    size_t database = strcspn(t->name, ".");
    const char *table = t->name + database + (t->name[database] == '.');
    if (!is_name(t->name, database) || !is_name(table, strlen(table))) {
        return REFUSE("a table cannot be called `%s`: write database.table, of letters, digits, "
                      "`_` and `-`, as in iot.readings",
                      t->name);
    }
    return WEIR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct table_column *const *)a)->name,
                  (*(const struct table_column *const *)b)->name);
}

static int32_t check_columns(const struct table_definition *t, struct failure *failure)
{
    if (t->column_count == 0 || t->column_count > WEIR_SCHEMA_FIELDS_MAX) {
        return REFUSE("table %s: a table has 1 to %u columns, not %u", t->name,
                      WEIR_SCHEMA_FIELDS_MAX, t->column_count);
    }
    const struct table_column **sorted = malloc(t->column_count * sizeof *sorted);
    if (sorted == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "table %s: no memory", t->name);
    }
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; i < t->column_count; i++) {
        sorted[i] = &t->columns[i];
        size_t length = strlen(t->columns[i].name);
        if (length == 0 || length > WEIR_FIELD_NAME_BYTES_MAX) {
            rc = REFUSE("table %s: the name of column %u has %zu bytes; 1 to %u are allowed",
                        t->name, i + 1, length, WEIR_FIELD_NAME_BYTES_MAX);
        } else if (t->columns[i].type.id == 0 || t->columns[i].type.id > WEIR_TYPE_DECIMAL) {
            rc = REFUSE("table %s: column `%s` has no type that a table can keep", t->name,
                        t->columns[i].name);
        }
    }
    qsort(sorted, t->column_count, sizeof *sorted, by_name);
    for (uint32_t i = 1; rc == WEIR_OK && i < t->column_count; i++) {
        if (by_name(&sorted[i - 1], &sorted[i]) == 0) {
            rc = REFUSE("table %s: two columns are called `%s`", t->name, sorted[i]->name);
        }
    }
    free(sorted);
    return rc;
}

static int contains(const uint32_t *columns, uint32_t count, uint32_t column)
{
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i] == column) {
            return 1;
        }
    }
    return 0;
}

static int32_t check_list(const struct table_definition *t, const char *what,
                          const uint32_t *columns, uint32_t count, struct failure *failure)
{
    if (count > TABLE_KEY_COLUMNS_MAX) {
        return REFUSE("table %s: a %s has at most %u columns", t->name, what,
                      TABLE_KEY_COLUMNS_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i] >= t->column_count) {
            return REFUSE("table %s: its %s names column %u of %u", t->name, what, columns[i] + 1,
                          t->column_count);
        }
        if (contains(columns, i, columns[i])) {
            return REFUSE("table %s: column `%s` is twice in its %s", t->name,
                          t->columns[columns[i]].name, what);
        }
    }
    return WEIR_OK;
}

static int32_t check_keys(struct table_definition *t, struct failure *failure)
{
    int32_t rc = check_list(t, "primary key", t->key, t->key_count, failure);
    if (rc == WEIR_OK) {
        rc = check_list(t, "bucket key", t->bucket_key, t->bucket_key_count, failure);
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    for (uint32_t i = 0; t->key_count != 0 && i < t->bucket_key_count; i++) {
        if (!contains(t->key, t->key_count, t->bucket_key[i])) {
            return REFUSE("table %s: bucket key column `%s` is not in the primary key; a bucket "
                          "key is a part of it, or left out",
                          t->name, t->columns[t->bucket_key[i]].name);
        }
    }
    if (t->key_count != 0 && t->bucket_key_count == 0) {
        memcpy(t->bucket_key, t->key, sizeof t->key);
        t->bucket_key_count = t->key_count;
    }
    for (uint32_t i = 0; i < t->key_count; i++) {
        t->columns[t->key[i]].type.nullable = 0;
    }
    if (t->bucket_count == 0 || t->bucket_count > TABLE_BUCKETS_MAX) {
        return REFUSE("table %s: `buckets` is %u; give 1 to %u", t->name, t->bucket_count,
                      TABLE_BUCKETS_MAX);
    }
    return WEIR_OK;
}

// What only a table with a primary key can have.
static int32_t check_log_table(struct table_definition *t, struct failure *failure)
{
    const char *what =
        t->merge != TABLE_MERGE_LAST_ROW       ? "a merge engine"
        : t->changelog != TABLE_CHANGELOG_FULL ? "a changelog image"
        : t->delete_behaviour != TABLE_DELETE_DEFAULT && t->delete_behaviour != TABLE_DELETE_ALLOW
            ? "a delete behaviour"
        : t->ttl_us != 0                 ? "a time to live of rows"
        : t->index != TABLE_INDEX_MEMORY ? "an index"
                                         : NULL;
    for (uint32_t i = 0; what == NULL && i < t->column_count; i++) {
        what = t->columns[i].is_auto_increment ? "an auto-increment column" : NULL;
    }
    if (what != NULL) {
        return REFUSE("table %s has no primary key, so it is a log table and cannot have %s; name "
                      "a primary key, or leave it out",
                      t->name, what);
    }
    t->delete_behaviour = TABLE_DELETE_ALLOW;
    return WEIR_OK;
}

static int is_number(uint8_t id)
{
    return (id >= WEIR_TYPE_INT8 && id <= WEIR_TYPE_FLOAT64) || id == WEIR_TYPE_DECIMAL;
}

// What a function cannot work on, in words; NULL: it can.
static const char *function_wants(enum table_aggregate function, uint8_t id)
{
    switch (function) {
    case TABLE_AGGREGATE_SUM:
    case TABLE_AGGREGATE_PRODUCT:
        return is_number(id) ? NULL : "a number";
    case TABLE_AGGREGATE_MAX:
    case TABLE_AGGREGATE_MIN:
        return id != WEIR_TYPE_BOOL && id != WEIR_TYPE_BYTES ? NULL
                                                             : "a number, a string, a date or time";
    case TABLE_AGGREGATE_LISTAGG:
        return id == WEIR_TYPE_STRING ? NULL : "a string";
    case TABLE_AGGREGATE_BOOL_AND:
    case TABLE_AGGREGATE_BOOL_OR:
        return id == WEIR_TYPE_BOOL ? NULL : "a bool";
    default:
        return NULL;
    }
}

static int32_t check_functions(const struct table_definition *t, struct failure *failure)
{
    char type[TABLE_TYPE_NAME_BYTES];
    for (uint32_t i = 0; i < t->column_count; i++) {
        const struct table_column *column = &t->columns[i];
        if (column->aggregate == TABLE_AGGREGATE_LAST_VALUE_IGNORE_NULLS) {
            continue;
        }
        if (column->aggregate > TABLE_AGGREGATE_BOOL_OR) {
            return REFUSE("table %s: column `%s` has no aggregate function of ours", t->name,
                          column->name);
        }
        const char *function = table_aggregate_names[column->aggregate];
        const char *wants = function_wants(column->aggregate, column->type.id);
        if (t->merge != TABLE_MERGE_AGGREGATION) {
            return REFUSE("table %s: column `%s` has the aggregate function %s, which only the "
                          "merge engine `aggregation` has",
                          t->name, column->name, function);
        }
        if (contains(t->key, t->key_count, i)) {
            return REFUSE("table %s: column `%s` is part of the primary key and cannot have the "
                          "aggregate function %s",
                          t->name, column->name, function);
        }
        if (wants != NULL) {
            return REFUSE("table %s: %s of column `%s` needs %s, and it is %s", t->name, function,
                          column->name, wants, table_type_name(column->type, type));
        }
        if (column->aggregate == TABLE_AGGREGATE_LISTAGG && column->delimiter[0] == '\0') {
            return REFUSE("table %s: the delimiter of listagg of column `%s` is empty; give one, "
                          "or leave it out for a comma",
                          t->name, column->name);
        }
    }
    return WEIR_OK;
}

static int32_t check_version(const struct table_definition *t, struct failure *failure)
{
    char type[TABLE_TYPE_NAME_BYTES];
    if (t->merge != TABLE_MERGE_VERSIONED) {
        return t->version_column < 0
                   ? WEIR_OK
                   : REFUSE("table %s: a version column goes with the merge engine `versioned`",
                            t->name);
    }
    if (t->version_column < 0 || (uint32_t)t->version_column >= t->column_count) {
        return REFUSE("table %s: the merge engine `versioned` needs a version column", t->name);
    }
    const struct table_column *column = &t->columns[t->version_column];
    switch (column->type.id) {
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_INT64:
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return WEIR_OK;
    default:
        return REFUSE("table %s: the version column `%s` is %s; it must be int32, int64, timestamp "
                      "or timestamp_ltz",
                      t->name, column->name, table_type_name(column->type, type));
    }
}

static int32_t check_merge(struct table_definition *t, struct failure *failure)
{
    const char *merge = table_merge_names[t->merge];
    if (t->delete_behaviour == TABLE_DELETE_DEFAULT) {
        t->delete_behaviour =
            t->merge == TABLE_MERGE_LAST_ROW ? TABLE_DELETE_ALLOW : TABLE_DELETE_IGNORE;
    }
    if ((t->merge == TABLE_MERGE_FIRST_ROW || t->merge == TABLE_MERGE_VERSIONED) &&
        t->delete_behaviour == TABLE_DELETE_ALLOW) {
        return REFUSE("table %s: the merge engine `%s` cannot delete rows; set the delete "
                      "behaviour to `ignore` or `disable`",
                      t->name, merge);
    }
    if (t->merge == TABLE_MERGE_AGGREGATION && t->changelog == TABLE_CHANGELOG_WAL) {
        return REFUSE("table %s: the merge engine `aggregation` needs the changelog image `full`, "
                      "not `wal`",
                      t->name);
    }
    return WEIR_OK;
}

static int32_t check_auto_increment(const struct table_definition *t, struct failure *failure)
{
    char type[TABLE_TYPE_NAME_BYTES];
    const struct table_column *first = NULL;
    for (uint32_t i = 0; i < t->column_count; i++) {
        const struct table_column *column = &t->columns[i];
        if (!column->is_auto_increment) {
            continue;
        }
        if (first != NULL) {
            return REFUSE("table %s: `%s` and `%s` are both auto-increment; a table has one at "
                          "most",
                          t->name, first->name, column->name);
        }
        if (contains(t->key, t->key_count, i)) {
            return REFUSE("table %s: the auto-increment column `%s` cannot be in the primary key",
                          t->name, column->name);
        }
        if (column->type.id != WEIR_TYPE_INT32 && column->type.id != WEIR_TYPE_INT64) {
            return REFUSE("table %s: the auto-increment column `%s` is %s; it must be int32 or "
                          "int64",
                          t->name, column->name, table_type_name(column->type, type));
        }
        first = column;
    }
    return WEIR_OK;
}

static int32_t check_properties(const struct table_definition *t, struct failure *failure)
{
    if (t->changelog > TABLE_CHANGELOG_WAL || t->merge > TABLE_MERGE_AGGREGATION ||
        t->delete_behaviour > TABLE_DELETE_DEFAULT || t->compression > TABLE_COMPRESSION_ZSTD ||
        t->durability > TABLE_DURABILITY_OS || t->index > TABLE_INDEX_ROCKSDB) {
        return REFUSE("table %s: a property has a value that this build does not know", t->name);
    }
    if (t->replication > 1) {
        return failure_set(failure, WEIR_ERROR_UNSUPPORTED,
                           "table %s: `replication` is %u, and this build keeps one copy; leave it "
                           "out or set it to 1",
                           t->name, t->replication);
    }
    if (t->retention_us < 0 || t->ttl_us < 0) {
        return REFUSE("table %s: a retention or time to live cannot be negative", t->name);
    }
    if (t->ttl_column >= 0) {
        uint8_t id =
            (uint32_t)t->ttl_column < t->column_count ? t->columns[t->ttl_column].type.id : 0;
        if (t->ttl_us == 0 || (id != WEIR_TYPE_TIMESTAMP && id != WEIR_TYPE_TIMESTAMP_LTZ)) {
            return REFUSE("table %s: a time to live by a column needs a duration and a column of "
                          "type timestamp or timestamp_ltz",
                          t->name);
        }
    }
    if (t->memory_bytes != 0 && t->index == TABLE_INDEX_MEMORY) {
        return REFUSE("table %s: a memory budget goes with index = `rocksdb`; an index in memory "
                      "cannot leave it",
                      t->name);
    }
    return WEIR_OK;
}

int32_t table_definition_check(struct table_definition *t, struct failure *failure)
{
    int32_t rc = check_name(t, failure);
    rc = rc != WEIR_OK ? rc : check_columns(t, failure);
    rc = rc != WEIR_OK ? rc : check_properties(t, failure);
    rc = rc != WEIR_OK ? rc : check_keys(t, failure);
    rc = rc != WEIR_OK ? rc : check_functions(t, failure);
    rc = rc != WEIR_OK ? rc : check_version(t, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (t->key_count == 0) {
        return check_log_table(t, failure);
    }
    rc = check_merge(t, failure);
    return rc != WEIR_OK ? rc : check_auto_increment(t, failure);
}
