#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint8_t type;
} columns[CRASH_COLUMNS] = {
    {"key", WEIR_TYPE_INT64},  {"writer", WEIR_TYPE_INT64}, {"sequence", WEIR_TYPE_INT64},
    {"mark", WEIR_TYPE_INT64}, {"text", WEIR_TYPE_STRING},
};

void crash_definition(int table, uint64_t retention_bytes, struct table_definition *definition)
{
    static const char *const names[CRASH_TABLES] = {"crash.full", "crash.wal", "crash.log"};
    memset(definition, 0, sizeof *definition);
    snprintf(definition->name, sizeof definition->name, "%s", names[table]);
    definition->column_count = CRASH_COLUMNS;
    definition->first_column_count = CRASH_COLUMNS;
    definition->columns = calloc(CRASH_COLUMNS, sizeof *definition->columns);
    for (uint32_t i = 0; i < CRASH_COLUMNS && definition->columns != NULL; i++) {
        definition->columns[i].name = strdup(columns[i].name);
        definition->columns[i].type = weir_type_of(columns[i].type);
        definition->columns[i].type.nullable = i != 0;
    }
    definition->key_count = table != CRASH_TABLE_LOG;
    definition->bucket_key_count = 1;
    definition->bucket_count = CRASH_BUCKETS;
    definition->changelog = table == CRASH_TABLE_WAL ? TABLE_CHANGELOG_WAL : TABLE_CHANGELOG_FULL;
    definition->retention_bytes = retention_bytes;
    definition->version_column = -1;
    definition->ttl_column = -1;
}
