#include "operators/resource.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operators/units.h"
#include "weir/node.h"

struct table_resource {
    struct table_definition definition;
    struct store *store; // NULL: not open
    struct table *table;
};

static const struct weir_option options[] = {
    {.name = "columns",
     .summary = "Names and types of the columns",
     .type = WEIR_OPTION_SCHEMA,
     .flags = WEIR_OPTION_REQUIRED,
     .since = "0.1"},
    {.name = "primary_key",
     .summary = "Columns that name a row; a table without them is a log",
     .type = WEIR_OPTION_LIST,
     .element = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "bucket_key",
     .summary = "Columns whose hash names the bucket; those of the primary key if not said",
     .type = WEIR_OPTION_LIST,
     .element = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "buckets",
     .summary = "How many hash slices it has",
     .type = WEIR_OPTION_INT,
     .initial = "128",
     .unit = "buckets",
     .min = 1,
     .max = TABLE_BUCKETS_MAX,
     .since = "0.1"},
    {.name = "changelog",
     .summary = "Whether an update brings the old row, too (full), or only the new one (wal)",
     .type = WEIR_OPTION_ENUM,
     .choices = table_changelog_names,
     .initial = "\"full\"",
     .since = "0.1"},
    {.name = "merge",
     .summary = "What becomes of a row whose key is there already",
     .type = WEIR_OPTION_ENUM,
     .choices = table_merge_names,
     .initial = "\"last_row\"",
     .since = "0.1"},
    {.name = "version",
     .summary = "Column that says which of two rows is newer, with merge = \"versioned\"",
     .type = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "aggregates",
     .summary =
         "Columns and their functions, with merge = \"aggregation\": \"sum\", \"listagg(;)\"",
     .type = WEIR_OPTION_MAP,
     .element = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "auto_increment",
     .summary = "Column that is numbered by the table where a writer leaves it out",
     .type = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "delete",
     .summary = "What a -D does: allow, ignore or disable; what suits the merge if not said",
     .type = WEIR_OPTION_ENUM,
     .choices = table_delete_names,
     .since = "0.1"},
    {.name = "retention",
     .summary = "How long, and how much, of the log is kept: { time = \"7d\", size = \"4GB\" }",
     .type = WEIR_OPTION_MAP,
     .element = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "ttl",
     .summary = "How long rows live: { time = \"1h\", column = \"at\" }, or since the write",
     .type = WEIR_OPTION_MAP,
     .element = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "compression",
     .summary = "How the columns of the log are packed",
     .type = WEIR_OPTION_ENUM,
     .choices = table_compression_names,
     .initial = "\"none\"",
     .since = "0.1"},
    {.name = "durability",
     .summary = "When a row is acknowledged: once on the disk (fsync), or once written (os)",
     .type = WEIR_OPTION_ENUM,
     .choices = table_durability_names,
     .initial = "\"fsync\"",
     .since = "0.1"},
    {.name = "index",
     .summary = "Where the rows of a table with a primary key lie",
     .type = WEIR_OPTION_ENUM,
     .choices = table_index_names,
     .initial = "\"memory\"",
     .since = "0.1"},
    {.name = "memory",
     .summary = "Budget of an index that may leave memory",
     .type = WEIR_OPTION_BYTES,
     .since = "0.1"},
    {.name = "replication",
     .summary = "Copies of the table; this build keeps one",
     .type = WEIR_OPTION_INT,
     .initial = "1",
     .since = "0.1"},
};

int32_t resource_fail(struct weir_context *context, const struct failure *failure)
{
    return weir_fail(context, failure->code, "%s", failure->text);
}

// --- The definition ---

static int32_t read_columns(struct table_definition *definition, const struct weir_value *columns,
                            struct failure *failure)
{
    definition->columns = calloc(columns->count + 1, sizeof *definition->columns);
    for (uint32_t i = 0; definition->columns != NULL && i < columns->count; i++) {
        struct table_column *column = &definition->columns[i];
        column->name = strdup(columns->as.items[i].name);
        column->type = columns->as.items[i].as.field;
        definition->column_count += column->name != NULL;
    }
    definition->first_column_count = definition->column_count;
    return definition->columns != NULL && definition->column_count == columns->count
               ? WEIR_OK
               : failure_set(failure, WEIR_ERROR_FATAL, "no memory");
}

static int32_t read_key(const struct table_definition *definition, const struct weir_value *names,
                        const char *option, uint32_t *columns, uint32_t *count,
                        struct failure *failure)
{
    uint32_t named = names->type == WEIR_VALUE_LIST ? names->count : 0;
    if (named > TABLE_KEY_COLUMNS_MAX) {
        return failure_set(failure, WEIR_ERROR_CONFIG, "option `%s` has %u columns, at most %u do",
                           option, named, TABLE_KEY_COLUMNS_MAX);
    }
    for (*count = 0; *count < named; ++*count) {
        int32_t rc = table_definition_column(definition, names->as.items[*count].as.string,
                                             &columns[*count], failure);
        if (rc != WEIR_OK) {
            return failure_wrap(failure, "option `%s`", option);
        }
    }
    return WEIR_OK;
}

// The number of the column that an option names, -1 if it names none.
static int32_t read_column(struct weir_context *context, const struct table_definition *definition,
                           const char *option, int32_t *column, struct failure *failure)
{
    const char *name = weir_option_string(context, option);
    uint32_t found;
    *column = -1;
    if (name == NULL) {
        return WEIR_OK;
    }
    if (table_definition_column(definition, name, &found, failure) != WEIR_OK) {
        return failure_wrap(failure, "option `%s`", option);
    }
    *column = (int32_t)found;
    return WEIR_OK;
}

// "sum", or "listagg(;)" with a delimiter.
static int32_t read_aggregate(struct table_definition *definition, const struct weir_value *value,
                              struct failure *failure)
{
    char function[64], delimiter[64];
    uint32_t column;
    size_t length = strlen(value->as.string), name = strcspn(value->as.string, "(");
    int32_t rc = table_definition_column(definition, value->name, &column, failure);
    if (rc != WEIR_OK) {
        return failure_wrap(failure, "option `aggregates`");
    }
    int has_delimiter = name < length;
    if (length >= sizeof function || (has_delimiter && value->as.string[length - 1] != ')')) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "option `aggregates`: `%.60s` is no function; write \"sum\" or "
                           "\"listagg(;)\"",
                           value->as.string);
    }
    memcpy(function, value->as.string, name);
    function[name] = '\0';
    if (has_delimiter) {
        memcpy(delimiter, value->as.string + name + 1, length - name - 2);
        delimiter[length - name - 2] = '\0';
    }
    return table_column_aggregate(&definition->columns[column], function,
                                  has_delimiter ? delimiter : NULL, failure);
}

static int32_t wrong_entry(const char *option, const struct weir_value *entry, const char *wanted,
                           struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_CONFIG, "option `%s.%s` cannot be \"%.60s\": %s", option,
                       entry->name, entry->as.string, wanted);
}

static int32_t read_retention(struct table_definition *definition, const struct weir_value *map,
                              struct failure *failure)
{
    for (uint32_t i = 0; map->type == WEIR_VALUE_MAP && i < map->count; i++) {
        const struct weir_value *entry = &map->as.items[i];
        if (strcmp(entry->name, "time") == 0) {
            if (units_duration(entry->as.string, &definition->retention_us) != 0) {
                return wrong_entry("retention", entry, "write a duration, such as \"7d\"", failure);
            }
        } else if (strcmp(entry->name, "size") == 0) {
            if (units_bytes(entry->as.string, &definition->retention_bytes) != 0) {
                return wrong_entry("retention", entry, "write a size, such as \"4GB\"", failure);
            }
        } else {
            return wrong_entry("retention", entry, "there are `time` and `size`", failure);
        }
    }
    return WEIR_OK;
}

static int32_t read_ttl(struct table_definition *definition, const struct weir_value *map,
                        struct failure *failure)
{
    for (uint32_t i = 0; map->type == WEIR_VALUE_MAP && i < map->count; i++) {
        const struct weir_value *entry = &map->as.items[i];
        uint32_t column;
        if (strcmp(entry->name, "time") == 0) {
            if (units_duration(entry->as.string, &definition->ttl_us) != 0) {
                return wrong_entry("ttl", entry, "write a duration, such as \"1h\"", failure);
            }
        } else if (strcmp(entry->name, "column") == 0) {
            if (table_definition_column(definition, entry->as.string, &column, failure) !=
                WEIR_OK) {
                return failure_wrap(failure, "option `ttl.column`");
            }
            definition->ttl_column = (int32_t)column;
        } else {
            return wrong_entry("ttl", entry, "there are `time` and `column`", failure);
        }
    }
    return WEIR_OK;
}

static int32_t read_choices(struct weir_context *context, struct table_definition *definition)
{
    definition->bucket_count = (uint32_t)weir_option_int(context, "buckets", 128);
    definition->changelog = (enum table_changelog)weir_option(context, "changelog")->choice;
    definition->merge = (enum table_merge)weir_option(context, "merge")->choice;
    definition->compression = (enum table_compression)weir_option(context, "compression")->choice;
    definition->durability = (enum table_durability)weir_option(context, "durability")->choice;
    definition->index = (enum table_index)weir_option(context, "index")->choice;
    definition->memory_bytes = (uint64_t)weir_option_int(context, "memory", 0);
    definition->replication = (uint32_t)weir_option_int(context, "replication", 1);
    if (weir_option_is_set(context, "delete")) {
        definition->delete_behaviour = (enum table_delete)weir_option(context, "delete")->choice;
    }
    return WEIR_OK;
}

static int32_t read_definition(struct weir_context *context, struct table_definition *definition,
                               struct failure *failure)
{
    const struct weir_value *aggregates = weir_option(context, "aggregates");
    int32_t numbered = -1;
    int32_t rc = read_choices(context, definition);
    rc = rc != WEIR_OK ? rc : read_columns(definition, weir_option(context, "columns"), failure);
    rc = rc != WEIR_OK ? rc
                       : read_key(definition, weir_option(context, "primary_key"), "primary_key",
                                  definition->key, &definition->key_count, failure);
    rc = rc != WEIR_OK ? rc
                       : read_key(definition, weir_option(context, "bucket_key"), "bucket_key",
                                  definition->bucket_key, &definition->bucket_key_count, failure);
    rc = rc != WEIR_OK
             ? rc
             : read_column(context, definition, "version", &definition->version_column, failure);
    rc =
        rc != WEIR_OK ? rc : read_column(context, definition, "auto_increment", &numbered, failure);
    if (rc == WEIR_OK && numbered >= 0) {
        definition->columns[numbered].is_auto_increment = 1;
    }
    for (uint32_t i = 0;
         rc == WEIR_OK && aggregates->type == WEIR_VALUE_MAP && i < aggregates->count; i++) {
        rc = read_aggregate(definition, &aggregates->as.items[i], failure);
    }
    rc =
        rc != WEIR_OK ? rc : read_retention(definition, weir_option(context, "retention"), failure);
    rc = rc != WEIR_OK ? rc : read_ttl(definition, weir_option(context, "ttl"), failure);
    return rc != WEIR_OK ? rc : table_definition_check(definition, failure);
}

// --- The resource ---

static void table_destroy(void *instance)
{
    struct table_resource *resource = instance;
    if (resource != NULL) {
        table_definition_finish(&resource->definition);
        free(resource);
    }
}

static int32_t table_create(struct weir_context *context, void **instance)
{
    struct failure failure = {0};
    struct table_resource *resource = calloc(1, sizeof *resource);
    if (resource == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for a table");
    }
    struct table_definition *definition = &resource->definition;
    table_definition_init(definition);
    if (strlen(context->stage) > TABLE_NAME_BYTES_MAX) {
        failure_set(&failure, WEIR_ERROR_CONFIG, "the name of a table has at most %u bytes",
                    TABLE_NAME_BYTES_MAX);
    } else {
        memcpy(definition->name, context->stage, strlen(context->stage) + 1);
        read_definition(context, definition, &failure);
    }
    if (failure.code != WEIR_OK) {
        table_destroy(resource);
        return resource_fail(context, &failure);
    }
    *instance = resource;
    return WEIR_OK;
}

// The store outlives the resource that was the first to open it, so it talks without one.
static void talk(void *owner, uint32_t level, const char *text)
{
    static const char *const names[] = {"", "debug: ", "", "warning: ", "error: "};
    (void)owner;
    fprintf(stderr, "store: %s%s\n", names[level <= WEIR_LOG_ERROR ? level : 0], text);
}

static int32_t table_open(void *instance, struct weir_context *context)
{
    struct table_resource *resource = instance;
    struct failure failure = {0};
    const struct weir_node_table *node = context->host->extension(context, WEIR_NODE_1);
    const char *path = node != NULL ? node->data_directory : "./weir-data";
    struct store_settings settings = {.log = talk};
    int existed;
    int32_t rc = store_acquire(path, &settings, &resource->store, &failure);
    if (rc == WEIR_OK) {
        rc = store_create(resource->store, &resource->definition, &existed, &resource->table,
                          &failure);
        if (rc != WEIR_OK) {
            store_release(resource->store);
            resource->store = NULL;
        }
    }
    return rc == WEIR_OK ? rc : resource_fail(context, &failure);
}

static void table_close(void *instance, struct weir_context *context)
{
    struct table_resource *resource = instance;
    (void)context;
    store_release(resource->store);
    resource->store = NULL;
}

static const uint32_t interface_version = 1; // operators of other plugins get nothing but this

const struct weir_resource_type fluss_table_type = {
    .size = sizeof fluss_table_type,
    .option_count = sizeof options / sizeof *options,
    .name = "table",
    .summary = "A table of the data directory, made if it is not there",
    .options = options,
    .interface_id = TABLE_INTERFACE,
    .table = &interface_version,
    .create = table_create,
    .open = table_open,
    .close = table_close,
    .destroy = table_destroy,
};

// --- For the operators ---

static int32_t find(struct weir_context *context, struct table_resource **resource)
{
    const void *version;
    void *instance;
    int32_t rc = weir_resource(context, "table", TABLE_INTERFACE, &version, &instance);
    if (rc == WEIR_OK) {
        *resource = instance;
    }
    return rc;
}

int32_t resource_definition(struct weir_context *context,
                            const struct table_definition **definition)
{
    struct table_resource *resource;
    int32_t rc = find(context, &resource);
    if (rc == WEIR_OK) {
        *definition = &resource->definition;
    }
    return rc;
}

int32_t resource_table(struct weir_context *context, struct table **table)
{
    struct table_resource *resource;
    int32_t rc = find(context, &resource);
    if (rc == WEIR_OK) {
        *table = resource->table;
    }
    return rc;
}
