#include "table/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

const char *const table_changelog_names[] = {"full", "wal", NULL};
const char *const table_merge_names[] = {"last_row", "first_row", "versioned", "aggregation", NULL};
const char *const table_delete_names[] = {"allow", "ignore", "disable", NULL};
const char *const table_compression_names[] = {"none", "lz4", "zstd", NULL};
const char *const table_durability_names[] = {"fsync", "os", NULL};
const char *const table_index_names[] = {"memory", "rocksdb", NULL};
const char *const table_aggregate_names[] = {"last_value_ignore_nulls",
                                             "last_value",
                                             "first_value",
                                             "first_value_ignore_nulls",
                                             "sum",
                                             "product",
                                             "max",
                                             "min",
                                             "listagg",
                                             "bool_and",
                                             "bool_or",
                                             NULL};

#define DAY_US (INT64_C(86400) * 1000000)

void table_definition_init(struct table_definition *definition)
{
    *definition = (struct table_definition){
        .bucket_count = 128,
        .version_column = -1,
        .delete_behaviour = TABLE_DELETE_DEFAULT,
        .retention_us = 7 * DAY_US,
        .ttl_column = -1,
        .replication = 1,
    };
}

void table_definition_finish(struct table_definition *definition)
{
    for (uint32_t i = 0; i < definition->column_count; i++) {
        free(definition->columns[i].name);
    }
    free(definition->columns);
    definition->columns = NULL;
    definition->column_count = 0;
}

int32_t table_definition_copy(const struct table_definition *from, struct table_definition *to,
                              struct failure *failure)
{
    struct table_definition copy = *from;
    copy.column_count = 0;
    copy.columns = calloc(from->column_count + 1, sizeof *copy.columns);
    for (uint32_t i = 0; copy.columns != NULL && i < from->column_count; i++) {
        copy.columns[i] = from->columns[i];
        copy.columns[i].name = strdup(from->columns[i].name);
        if (copy.columns[i].name == NULL) {
            break;
        }
        copy.column_count++;
    }
    if (copy.columns == NULL || copy.column_count != from->column_count) {
        table_definition_finish(&copy);
        return failure_set(failure, WEIR_ERROR_FATAL, "table %s: no memory", from->name);
    }
    *to = copy;
    return WEIR_OK;
}

int32_t table_definition_column(const struct table_definition *definition, const char *name,
                                uint32_t *column, struct failure *failure)
{
    for (uint32_t i = 0; i < definition->column_count; i++) {
        if (strcmp(definition->columns[i].name, name) == 0) {
            *column = i;
            return WEIR_OK;
        }
    }
    const char **names = calloc(definition->column_count + 1, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < definition->column_count; i++) {
        names[i] = definition->columns[i].name;
    }
    const char *meant = names == NULL ? NULL : nearest_name(name, names);
    free(names);
    failure_set(failure, WEIR_ERROR_CONFIG, "table %s has no column `%.80s`", definition->name,
                name);
    if (failure != NULL && meant != NULL) {
        size_t length = strlen(failure->text);
        snprintf(failure->text + length, sizeof failure->text - length, "; did you mean `%s`?",
                 meant);
    }
    return WEIR_ERROR_CONFIG;
}

int32_t table_choice(const char *property, const char *const *names, const char *value,
                     uint32_t *choice, struct failure *failure)
{
    char list[256] = "";
    for (uint32_t i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], value) == 0) {
            *choice = i;
            return WEIR_OK;
        }
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    const char *meant = nearest_name(value, names);
    return failure_set(failure, WEIR_ERROR_CONFIG, "`%s` cannot be `%.80s`%s%s%s; there are: %s",
                       property, value, meant == NULL ? "" : "; did you mean `",
                       meant == NULL ? "" : meant, meant == NULL ? "" : "`?", list);
}

int32_t table_column_aggregate(struct table_column *column, const char *function,
                               const char *delimiter, struct failure *failure)
{
    uint32_t choice;
    const char *name = strcmp(function, "string_agg") == 0 ? "listagg" : function;
    if (table_choice("aggregate", table_aggregate_names, name, &choice, failure) != WEIR_OK) {
        return failure == NULL ? WEIR_ERROR_CONFIG
                               : failure_wrap(failure, "column `%s`", column->name);
    }
    if (delimiter != NULL && choice != TABLE_AGGREGATE_LISTAGG) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "column `%s`: `%s` takes no delimiter; only listagg does", column->name,
                           function);
    }
    if (delimiter != NULL &&
        (*delimiter == '\0' || strlen(delimiter) > TABLE_DELIMITER_BYTES_MAX)) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "column `%s`: the delimiter of %s has 1 to %u bytes; leave it out for a "
                           "comma",
                           column->name, function, TABLE_DELIMITER_BYTES_MAX);
    }
    column->aggregate = (enum table_aggregate)choice;
    if (choice == TABLE_AGGREGATE_LISTAGG) {
        snprintf(column->delimiter, sizeof column->delimiter, "%s",
                 delimiter == NULL ? "," : delimiter);
    }
    return WEIR_OK;
}
