// Tables made, shown, changed and dropped.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "command/command.h"
#include "command/rows.h"
#include "operators/units.h"
#include "table/type.h"

// --- What a command line says ---

static int32_t read_columns(const struct command_line *line, struct table_definition *definition,
                            struct failure *failure)
{
    definition->columns = calloc(line->columns.count + 1, sizeof *definition->columns);
    if (definition->columns == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory");
    }
    for (uint32_t i = 0; i < line->columns.count; i++) {
        int32_t rc = table_column_parse(line->columns.items[i], &definition->columns[i], failure);
        if (rc != WEIR_OK) {
            return rc;
        }
        definition->column_count++;
    }
    return WEIR_OK;
}

// "COLUMN=sum", or "COLUMN=listagg(;)".
static int32_t read_aggregate(struct table_definition *definition, const char *text,
                              struct failure *failure)
{
    char column_name[WEIR_FIELD_NAME_BYTES_MAX + 1], function[64], delimiter[64];
    const char *equals = strchr(text, '=');
    size_t length = strlen(text);
    uint32_t column;
    if (equals == NULL || (size_t)(equals - text) >= sizeof column_name ||
        strlen(equals) > sizeof function) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "--aggregate %.80s: write COLUMN=FUNCTION, as in temperature=max", text);
    }
    snprintf(column_name, sizeof column_name, "%.*s", (int)(equals - text), text);
    size_t name = strcspn(equals + 1, "(");
    int has_delimiter = equals[1 + name] == '(';
    if (has_delimiter && text[length - 1] != ')') {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "--aggregate %.80s: the delimiter stands in parentheses, as in "
                           "listagg(;)",
                           text);
    }
    snprintf(function, sizeof function, "%.*s", (int)name, equals + 1);
    if (has_delimiter) {
        snprintf(delimiter, sizeof delimiter, "%.*s", (int)(text + length - equals - name - 3),
                 equals + name + 2);
    }
    int32_t rc = table_definition_column(definition, column_name, &column, failure);
    return rc != WEIR_OK ? rc
                         : table_column_aggregate(&definition->columns[column], function,
                                                  has_delimiter ? delimiter : NULL, failure);
}

static const char *const properties[] = {
    "changelog",      "merge",          "version",    "delete",
    "compression",    "durability",     "index",      "memory",
    "retention.time", "retention.size", "ttl.time",   "ttl.column",
    "replication",    "kv_format",      "log_format", NULL,
};

static int32_t wants(const char *property, const char *value, const char *what,
                     struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_CONFIG, "`%s` cannot be `%.60s`; give %s", property,
                       value, what);
}

static int32_t set_choice(struct table_definition *t, const char *property, const char *value,
                          struct failure *failure)
{
    uint32_t choice = 0;
    const char *const *names = strcmp(property, "changelog") == 0     ? table_changelog_names
                               : strcmp(property, "merge") == 0       ? table_merge_names
                               : strcmp(property, "delete") == 0      ? table_delete_names
                               : strcmp(property, "compression") == 0 ? table_compression_names
                               : strcmp(property, "durability") == 0  ? table_durability_names
                                                                      : table_index_names;
    int32_t rc = table_choice(property, names, value, &choice, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (names == table_changelog_names) {
        t->changelog = (enum table_changelog)choice;
    } else if (names == table_merge_names) {
        t->merge = (enum table_merge)choice;
    } else if (names == table_delete_names) {
        t->delete_behaviour = (enum table_delete)choice;
    } else if (names == table_compression_names) {
        t->compression = (enum table_compression)choice;
    } else if (names == table_durability_names) {
        t->durability = (enum table_durability)choice;
    } else {
        t->index = (enum table_index)choice;
    }
    return WEIR_OK;
}

static int32_t set_column(const struct table_definition *t, const char *value, int32_t *target,
                          struct failure *failure)
{
    uint32_t column;
    int32_t rc = table_definition_column(t, value, &column, failure);
    if (rc == WEIR_OK) {
        *target = (int32_t)column;
    }
    return rc;
}

static int32_t set_property(struct table_definition *t, const char *property, const char *value,
                            struct failure *failure)
{
    static const char *const formats[] = {"arrow", "indexed", "compacted", NULL};
    uint32_t choice;
    char *end;
    if (strcmp(property, "version") == 0) {
        return set_column(t, value, &t->version_column, failure);
    }
    if (strcmp(property, "ttl.column") == 0) {
        return set_column(t, value, &t->ttl_column, failure);
    }
    if (strcmp(property, "retention.time") == 0 || strcmp(property, "ttl.time") == 0) {
        return units_duration(value, property[0] == 'r' ? &t->retention_us : &t->ttl_us) == 0
                   ? WEIR_OK
                   : wants(property, value, "a duration such as 7d or 12h", failure);
    }
    if (strcmp(property, "retention.size") == 0 || strcmp(property, "memory") == 0) {
        return units_bytes(value, property[0] == 'r' ? &t->retention_bytes : &t->memory_bytes) == 0
                   ? WEIR_OK
                   : wants(property, value, "a size such as 4GB or 512MiB", failure);
    }
    if (strcmp(property, "replication") == 0) {
        t->replication = (uint32_t)strtoul(value, &end, 10);
        return *end == '\0' && t->replication != 0 ? WEIR_OK : wants(property, value, "1", failure);
    }
    if (strcmp(property, "kv_format") == 0 || strcmp(property, "log_format") == 0) {
        return table_choice(property, formats, value, &choice, failure);
    }
    return set_choice(t, property, value, failure);
}

static int32_t read_setting(struct table_definition *t, const char *text, struct failure *failure)
{
    char property[64];
    const char *equals = strchr(text, '=');
    if (equals == NULL || (size_t)(equals - text) >= sizeof property) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "--set %.80s: write PROPERTY=VALUE, as in changelog=wal", text);
    }
    snprintf(property, sizeof property, "%.*s", (int)(equals - text), text);
    for (uint32_t i = 0; properties[i] != NULL; i++) {
        if (strcmp(properties[i], property) == 0) {
            return set_property(t, property, equals + 1, failure);
        }
    }
    const char *meant = nearest_name(property, properties);
    return failure_set(failure, WEIR_ERROR_CONFIG,
                       "--set %.80s: a table has no property `%s`%s%s%s", text, property,
                       meant == NULL ? "" : "; did you mean `", meant == NULL ? "" : meant,
                       meant == NULL ? "" : "`?");
}

static int32_t read_buckets(const struct command_line *line, struct table_definition *t,
                            struct failure *failure)
{
    char *end;
    unsigned long count =
        line->buckets == NULL ? t->bucket_count : strtoul(line->buckets, &end, 10);
    if (line->buckets != NULL &&
        (line->buckets[0] < '0' || line->buckets[0] > '9' || *end != '\0' || count > UINT32_MAX)) {
        return failure_set(failure, WEIR_ERROR_CONFIG, "--buckets %.40s: give 1 to %u",
                           line->buckets, TABLE_BUCKETS_MAX);
    }
    t->bucket_count = (uint32_t)count;
    return WEIR_OK;
}

static int32_t read_definition(const struct command_line *line, struct table_definition *t,
                               struct failure *failure)
{
    uint32_t column;
    if (strlen(line->name) > TABLE_NAME_BYTES_MAX) {
        return failure_set(failure, WEIR_ERROR_CONFIG, "the name has more than %u bytes",
                           TABLE_NAME_BYTES_MAX);
    }
    memcpy(t->name, line->name, strlen(line->name) + 1);
    int32_t rc = read_buckets(line, t, failure);
    rc = rc != WEIR_OK ? rc : read_columns(line, t, failure);
    if (rc == WEIR_OK && line->key != NULL) {
        rc = command_columns(t, line->key, t->key, TABLE_KEY_COLUMNS_MAX, &t->key_count, failure);
    }
    if (rc == WEIR_OK && line->bucket_key != NULL) {
        rc = command_columns(t, line->bucket_key, t->bucket_key, TABLE_KEY_COLUMNS_MAX,
                             &t->bucket_key_count, failure);
    }
    if (rc == WEIR_OK && line->auto_increment != NULL) {
        rc = table_definition_column(t, line->auto_increment, &column, failure);
        if (rc == WEIR_OK) {
            t->columns[column].is_auto_increment = 1;
        }
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < line->aggregates.count; i++) {
        rc = read_aggregate(t, line->aggregates.items[i], failure);
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < line->settings.count; i++) {
        rc = read_setting(t, line->settings.items[i], failure);
    }
    return rc;
}

// --- Showing ---

static void join_names(const struct table_definition *t, const uint32_t *columns, uint32_t count,
                       char *out, size_t size)
{
    size_t length = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < count && length < size; i++) {
        length += (size_t)snprintf(out + length, size - length, "%s%s", i == 0 ? "" : ",",
                                   t->columns[columns[i]].name);
    }
}

static json_t *describe_column(const struct table_definition *t, uint32_t i)
{
    char type[TABLE_TYPE_NAME_BYTES];
    const struct table_column *column = &t->columns[i];
    json_t *object =
        json_pack("{s:s, s:s, s:b}", "name", column->name, "type",
                  table_type_name(column->type, type), "nullable", (int)column->type.nullable);
    if (t->merge == TABLE_MERGE_AGGREGATION) {
        json_object_set_new(object, "aggregate",
                            json_string(table_aggregate_names[column->aggregate]));
    }
    if (column->delimiter[0] != '\0') {
        json_object_set_new(object, "delimiter", json_string(column->delimiter));
    }
    if (column->is_auto_increment) {
        json_object_set_new(object, "auto_increment", json_true());
    }
    return object;
}

static json_t *name_list(const struct table_definition *t, const uint32_t *columns, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, json_string(t->columns[columns[i]].name));
    }
    return list;
}

static json_t *describe_table(struct table *table)
{
    const struct table_definition *t = table_definition(table);
    struct table_usage usage;
    json_t *columns = json_array();
    table_usage(table, &usage);
    for (uint32_t i = 0; i < t->column_count; i++) {
        json_array_append_new(columns, describe_column(t, i));
    }
    json_t *object = json_pack(
        "{s:s, s:i, s:i, s:o, s:o, s:o, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, "
        "s:i}",
        "name", t->name, "id", (int)t->table_id, "schema", (int)t->schema_id, "columns", columns,
        "primary_key", name_list(t, t->key, t->key_count), "bucket_key",
        name_list(t, t->bucket_key, t->bucket_key_count), "buckets", (int)t->bucket_count,
        "changelog", table_changelog_names[t->changelog], "merge", table_merge_names[t->merge],
        "delete", table_delete_names[t->delete_behaviour], "compression",
        table_compression_names[t->compression], "durability",
        table_durability_names[t->durability], "index", table_index_names[t->index], "retention_us",
        (json_int_t)t->retention_us, "retention_bytes", (json_int_t)t->retention_bytes, "ttl_us",
        (json_int_t)t->ttl_us, "rows", (json_int_t)usage.rows, "replication", 1);
    if (t->version_column >= 0) {
        json_object_set_new(object, "version", json_string(t->columns[t->version_column].name));
    }
    if (t->ttl_column >= 0) {
        json_object_set_new(object, "ttl_column", json_string(t->columns[t->ttl_column].name));
    }
    if (t->memory_bytes != 0) {
        json_object_set_new(object, "memory", json_integer((json_int_t)t->memory_bytes));
    }
    return object;
}

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(object);
}

static void print_column(const struct table_definition *t, uint32_t i)
{
    char type[TABLE_TYPE_NAME_BYTES];
    const struct table_column *column = &t->columns[i];
    printf("  %-24s %s%s", column->name, table_type_name(column->type, type),
           column->type.nullable ? "" : " not null");
    if (t->merge == TABLE_MERGE_AGGREGATION) {
        printf(", %s", table_aggregate_names[column->aggregate]);
        if (column->delimiter[0] != '\0') {
            printf("(%s)", column->delimiter);
        }
    }
    printf("%s\n", column->is_auto_increment ? ", auto-increment" : "");
}

static void print_duration(const char *name, int64_t us)
{
    if (us % 3600000000 == 0) {
        printf("%s %" PRId64 "h", name, us / 3600000000);
    } else {
        printf("%s %" PRId64 "us", name, us);
    }
}

static void print_table(struct table *table)
{
    const struct table_definition *t = table_definition(table);
    struct table_usage usage;
    char key[1024], bucket_key[1024];
    table_usage(table, &usage);
    join_names(t, t->key, t->key_count, key, sizeof key);
    join_names(t, t->bucket_key, t->bucket_key_count, bucket_key, sizeof bucket_key);
    printf("%s (table %u, schema %u)\n", t->name, t->table_id, t->schema_id);
    for (uint32_t i = 0; i < t->column_count; i++) {
        print_column(t, i);
    }
    printf("primary key %s; bucket key %s; %u buckets\n", key[0] == '\0' ? "none" : key,
           bucket_key[0] == '\0' ? "none" : bucket_key, t->bucket_count);
    printf("changelog %s; merge %s; delete %s; compression %s; durability %s; index %s\n",
           table_changelog_names[t->changelog], table_merge_names[t->merge],
           table_delete_names[t->delete_behaviour], table_compression_names[t->compression],
           table_durability_names[t->durability], table_index_names[t->index]);
    if (t->version_column >= 0) {
        printf("version column %s\n", t->columns[t->version_column].name);
    }
    print_duration("log kept", t->retention_us);
    printf(t->retention_us == 0 ? " (for ever)" : "");
    if (t->retention_bytes != 0) {
        printf(", at most %" PRIu64 " bytes", t->retention_bytes);
    }
    if (t->ttl_us != 0) {
        print_duration("; rows live", t->ttl_us);
        printf(" from %s", t->ttl_column < 0 ? "their write" : t->columns[t->ttl_column].name);
    }
    printf("\n%" PRIu64 " rows\n", usage.rows);
}

// --- Commands ---

int command_create(const struct command_line *line)
{
    struct failure failure = {0};
    struct table_definition definition;
    struct table *table;
    int existed, code = COMMAND_FINE;
    table_definition_init(&definition);
    int32_t rc = read_definition(line, &definition, &failure);
    rc = rc != WEIR_OK ? rc : table_definition_check(&definition, &failure);
    if (rc != WEIR_OK) {
        table_definition_finish(&definition);
        return command_refuse(line, &failure);
    }
    struct store *store = command_open(line, 0);
    if (store == NULL) {
        code = COMMAND_INVALID;
    } else if (store_create(store, &definition, &existed, &table, &failure) != WEIR_OK) {
        code = command_refuse(line, &failure);
    } else if (line->is_json) {
        json_t *object = describe_table(table);
        json_object_set_new(object, "existed", json_boolean(existed));
        print_json(object);
    } else {
        printf("%s %s\n", definition.name,
               existed ? "exists already, with this definition" : "is made");
    }
    store_release(store);
    table_definition_finish(&definition);
    return code;
}

int command_list(const struct command_line *line)
{
    struct store *store = command_open(line, 1);
    if (store == NULL) {
        return COMMAND_INVALID;
    }
    for (uint32_t i = 0; i < store_table_count(store); i++) {
        struct table *table = store_table_at(store, i);
        const struct table_definition *t = table_definition(table);
        struct table_usage usage;
        table_usage(table, &usage);
        if (line->is_json) {
            print_json(describe_table(table));
        } else {
            printf("%-40s %s, %u buckets, %" PRIu64 " rows\n", t->name,
                   t->key_count == 0 ? "log" : "primary key", t->bucket_count, usage.rows);
        }
    }
    store_release(store);
    return COMMAND_FINE;
}

int command_describe(const struct command_line *line)
{
    struct store *store = command_open(line, 1);
    struct table *table = store == NULL ? NULL : command_find(line, store);
    if (table != NULL && line->is_json) {
        print_json(describe_table(table));
    } else if (table != NULL) {
        print_table(table);
    }
    store_release(store);
    return table == NULL ? COMMAND_INVALID : COMMAND_FINE;
}

int command_alter(const struct command_line *line)
{
    struct failure failure = {0};
    int code = COMMAND_FINE;
    if (line->columns.count == 0) {
        fprintf(stderr,
                "weir table alter: give the column that is added: --column \"NAME TYPE\"\n");
        return COMMAND_USAGE;
    }
    struct store *store = command_open(line, 0);
    code = store == NULL ? COMMAND_INVALID : COMMAND_FINE;
    for (uint32_t i = 0; code == COMMAND_FINE && i < line->columns.count; i++) {
        struct table_column column = {0};
        int32_t rc = table_column_parse(line->columns.items[i], &column, &failure);
        rc = rc != WEIR_OK ? rc : store_alter(store, line->name, &column, &failure);
        code = rc == WEIR_OK ? COMMAND_FINE : command_refuse(line, &failure);
        free(column.name);
    }
    store_release(store);
    return code;
}

int command_drop(const struct command_line *line)
{
    struct failure failure = {0};
    struct store *store = command_open(line, 0);
    int code = store == NULL ? COMMAND_INVALID
               : store_drop(store, line->name, &failure) == WEIR_OK
                   ? COMMAND_FINE
                   : command_refuse(line, &failure);
    store_release(store);
    return code;
}
