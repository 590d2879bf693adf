// All histories of tests/fluss/oracle through the engine: what a real Apache Fluss server
// acknowledged, logged, kept and refused, ours does too; again after a snapshot was loaded, and
// after a replay of the whole log. (The vectors of keys and buckets are in tests/sdk/key.c.)
#include "engine/bucket.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/body.h"
#include "support/memory_log.h"
#include "support/on_disk.h"
#include "support/test.h"
#include "support/values.h"
#include "weir/key.h"

__extension__ typedef __int128 int128;

enum { COLUMNS_MAX = 32, BUCKETS_MAX = 8, OPS_MAX = 256 };

// One history, its table and its buckets.
struct history {
    json_t *json;
    const char *name;
    struct table_definition definition;
    struct table_column columns[COLUMNS_MAX];
    struct weir_field fields[COLUMNS_MAX];
    struct weir_type types[COLUMNS_MAX];
    struct bucket_table table;
    struct memory_log log;
    struct bucket *buckets[BUCKETS_MAX];
    uint64_t next_id;
    int64_t writer;
    int32_t sequences[BUCKETS_MAX];
    struct on_disk *disk; // NULL: the index is in memory
    const char *phase;    // for messages
};

#define FAIL(history, ...)                                                                     \
    do {                                                                                       \
        char text_[400];                                                                       \
        snprintf(text_, sizeof text_, __VA_ARGS__);                                            \
        test_fail(__FILE__, __LINE__, "%s, %s: %s", (history)->name, (history)->phase, text_); \
    } while (0)

// --- Values and types ---

static int128 decimal_of(const char *text)
{
    int128 value = 0;
    int is_negative = *text == '-';
    for (; *text != 0; text++) {
        if (*text >= '0' && *text <= '9') {
            value = value * 10 + (*text - '0');
        }
    }
    return is_negative ? -value : value;
}

static struct value timestamp_of(struct weir_type type, const char *text)
{
    struct value value = {0};
    long long ms = 0;
    int ns = 0;
    sscanf(text, "%lld:%d", &ms, &ns);
    if (type.precision <= 3) {
        return value_int(type, ms);
    }
    if (type.precision <= 6) {
        return value_int(type, ms * 1000 + ns / 1000);
    }
    struct weir_timestamp wide = {ms, ns, 0};
    memcpy(value.fixed, &wide, sizeof wide);
    return value;
}

static struct value bytes_of(const char *hex)
{
    char bytes[400];
    uint32_t length = (uint32_t)strlen(hex) / 2;
    for (uint32_t i = 0; i < length; i++) {
        unsigned byte = 0;
        sscanf(hex + (size_t)i * 2, "%2x", &byte);
        bytes[i] = (char)byte;
    }
    return value_text(bytes, length);
}

static double double_of(const json_t *json)
{
    return json_is_string(json) ? strtod(json_string_value(json), NULL) : json_number_value(json);
}

static struct value value_of(struct weir_type type, const json_t *json)
{
    struct value value = {0};
    int128 decimal;
    if (json_is_null(json)) {
        return value_null();
    }
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        return value_int(type, json_is_true(json));
    case WEIR_TYPE_FLOAT32:
    case WEIR_TYPE_FLOAT64:
        return value_double(type, double_of(json));
    case WEIR_TYPE_STRING:
        return value_text(json_string_value(json), (uint32_t)json_string_length(json));
    case WEIR_TYPE_BYTES:
        return bytes_of(json_string_value(json));
    case WEIR_TYPE_DECIMAL:
        decimal = decimal_of(json_string_value(json));
        memcpy(value.fixed, &decimal, sizeof decimal);
        return value;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return timestamp_of(type, json_string_value(json));
    default:
        return value_int(type, json_integer_value(json));
    }
}

static struct weir_type type_of(const char *text)
{
    static const struct {
        const char *name;
        uint8_t id;
    } types[] = {
        {"BOOLEAN", WEIR_TYPE_BOOL},
        {"TINYINT", WEIR_TYPE_INT8},
        {"SMALLINT", WEIR_TYPE_INT16},
        {"INT", WEIR_TYPE_INT32},
        {"BIGINT", WEIR_TYPE_INT64},
        {"FLOAT", WEIR_TYPE_FLOAT32},
        {"DOUBLE", WEIR_TYPE_FLOAT64},
        {"CHAR", WEIR_TYPE_STRING},
        {"STRING", WEIR_TYPE_STRING},
        {"BINARY", WEIR_TYPE_BYTES},
        {"BYTES", WEIR_TYPE_BYTES},
        {"DATE", WEIR_TYPE_DATE},
        {"TIME", WEIR_TYPE_TIME},
        {"TIMESTAMP", WEIR_TYPE_TIMESTAMP},
        {"TIMESTAMP_LTZ", WEIR_TYPE_TIMESTAMP_LTZ},
        {"DECIMAL", WEIR_TYPE_DECIMAL},
    };
    char name[32];
    unsigned first = 0, second = 0;
    struct weir_type type = {0};
    if (sscanf(text, "%31[A-Z_](%u, %u)", name, &first, &second) >= 1) {
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
            type.id = strcmp(name, types[i].name) == 0 ? types[i].id : type.id;
        }
    }
    if (weir_type_is_text(type)) {
        type.length = first;
    } else if (type.id == WEIR_TYPE_DECIMAL || type.id >= WEIR_TYPE_TIMESTAMP) {
        type.precision = (uint8_t)first;
        type.scale = (uint8_t)second;
    }
    return type;
}

// --- Tables ---

static uint32_t column_of(const struct history *history, const char *name)
{
    for (uint32_t i = 0; i < history->definition.column_count; i++) {
        if (strcmp(history->fields[i].name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX; // a column that is not there: refused with the table
}

static const char *property(json_t *table, const char *name, const char *or_else)
{
    const json_t *value = json_object_get(json_object_get(table, "properties"), name);
    return value == NULL ? or_else : json_string_value(value);
}

static int32_t read_column(struct history *history, uint32_t i, json_t *json,
                           struct failure *failure)
{
    struct table_column *column = &history->columns[i];
    const char *function = json_string_value(json_object_get(json, "agg"));
    const json_t *delimiter = json_object_get(json_object_get(json, "agg_params"), "delimiter");
    *column = (struct table_column){
        .name = (char *)(uintptr_t)json_string_value(json_object_get(json, "name")),
        .type = type_of(json_string_value(json_object_get(json, "type"))),
        .is_auto_increment = json_is_true(json_object_get(json, "auto_increment")),
    };
    column->type.nullable = json_is_true(json_object_get(json, "nullable"));
    history->fields[i] = (struct weir_field){column->name, column->type};
    history->types[i] = column->type;
    return function == NULL
               ? WEIR_OK
               : table_column_aggregate(column, function,
                                        delimiter == NULL ? NULL : json_string_value(delimiter),
                                        failure);
}

static uint32_t read_key(const struct history *history, json_t *names, uint32_t *key)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
    {
        key[i] = column_of(history, json_string_value(name));
    }
    return (uint32_t)json_array_size(names);
}

static int32_t choose(const char *what, const char *const *names, const char *value, void *choice,
                      struct failure *failure)
{
    char lower[32] = "";
    for (uint32_t i = 0; i < sizeof lower - 1 && value[i] != 0; i++) {
        lower[i] = value[i] >= 'A' && value[i] <= 'Z' ? (char)(value[i] + 32) : value[i];
    }
    return table_choice(what, names, lower, choice, failure);
}

static int32_t read_properties(struct history *history, json_t *table, struct failure *failure)
{
    struct table_definition *definition = &history->definition;
    const char *merge = property(table, "table.merge-engine", NULL);
    const char *behaviour = property(table, "table.delete.behavior", NULL);
    const char *version = property(table, "table.merge-engine.versioned.ver-column", NULL);
    uint32_t choice = 0;
    int32_t code = choose("changelog", table_changelog_names,
                          property(table, "table.changelog.image", "full"), &choice, failure);
    definition->changelog = choice;
    if (code == WEIR_OK && merge != NULL) {
        code = choose("merge", table_merge_names, merge, &choice, failure);
        definition->merge = choice;
    }
    if (code == WEIR_OK && behaviour != NULL) {
        code = choose("delete_behavior", table_delete_names, behaviour, &choice, failure);
        definition->delete_behaviour = choice;
    }
    definition->version_column = version == NULL ? -1 : (int32_t)column_of(history, version);
    return code;
}

static uint32_t table_count;

// Reads and checks the definition, as creating the table would.
static int32_t read_table(struct history *history, struct failure *failure)
{
    struct table_definition *definition = &history->definition;
    json_t *table = json_object_get(history->json, "table"), *column;
    size_t i;
    int32_t code = WEIR_OK;
    table_definition_init(definition);
    snprintf(definition->name, sizeof definition->name, "oracle.history");
    definition->columns = history->columns;
    definition->bucket_count = (uint32_t)json_integer_value(json_object_get(table, "buckets"));
    json_array_foreach(json_object_get(table, "columns"), i, column)
    {
        code = code != WEIR_OK ? code : read_column(history, (uint32_t)i, column, failure);
        definition->column_count = (uint32_t)i + 1;
    }
    definition->first_column_count = definition->column_count;
    definition->key_count =
        read_key(history, json_object_get(table, "primary_key"), definition->key);
    definition->bucket_key_count =
        read_key(history, json_object_get(table, "bucket_key"), definition->bucket_key);
    if (code == WEIR_OK) {
        code = read_properties(history, table, failure);
    }
    definition->table_id = ++table_count;
    definition->schema_id = 1;
    definition->index = history->disk != NULL && definition->key_count > 0 ? TABLE_INDEX_ROCKSDB
                                                                           : TABLE_INDEX_MEMORY;
    return code == WEIR_OK ? table_definition_check(definition, failure) : code;
}

static uint64_t draw_range(void *owner)
{
    struct history *history = owner;
    uint64_t first = history->next_id;
    history->next_id += BUCKET_RANGE;
    return first;
}

static void make_buckets(struct history *history)
{
    struct failure failure;
    for (uint32_t b = 0; b < history->definition.bucket_count; b++) {
        if (bucket_create(&history->table, b, &history->buckets[b], &failure) != WEIR_OK) {
            FAIL(history, "%s", failure.text);
        }
    }
}

static void drop_buckets(struct history *history)
{
    for (uint32_t b = 0; b < history->definition.bucket_count; b++) {
        bucket_destroy(history->buckets[b]);
    }
}

// --- Operations ---

struct operation {
    json_t *json;
    uint32_t bucket;
    int is_refused_alone; // by the client, before anything was sent
    uint8_t targets[COLUMNS_MAX];
    int has_targets;
};

static uint32_t bucket_of(const struct history *history, const struct weir_column *columns,
                          uint32_t row)
{
    const struct table_definition *definition = &history->definition;
    uint8_t bytes[4096];
    uint32_t length = 0;
    if (definition->bucket_key_count == 0) {
        return 0;
    }
    for (uint32_t i = 0; i < definition->bucket_key_count; i++) {
        length += weir_key_encode(&columns[definition->bucket_key[i]], row, bytes + length);
    }
    return weir_key_bucket(weir_key_hash(bytes, length), definition->bucket_count);
}

static int is_error(const struct history *history, size_t batch, size_t op, const char *stage)
{
    size_t i;
    json_t *error;
    json_array_foreach(json_object_get(history->json, "errors"), i, error)
    {
        if ((size_t)json_integer_value(json_object_get(error, "batch")) == batch &&
            (size_t)json_integer_value(json_object_get(error, "op")) == op &&
            strcmp(json_string_value(json_object_get(error, "stage")), stage) == 0) {
            return 1;
        }
    }
    return 0;
}

static void read_operation(struct history *history, json_t *json, struct operation *operation)
{
    size_t i;
    json_t *name, *targets = json_object_get(json, "columns");
    *operation = (struct operation){.json = json, .has_targets = targets != NULL};
    json_array_foreach(targets, i, name)
    {
        operation->targets[column_of(history, json_string_value(name))] = 1;
    }
}

// The columns of all operations of a batch, and their kinds.
static struct weir_column *batch_columns(struct history *history,
                                         const struct operation *operations, uint32_t count,
                                         uint8_t *kinds)
{
    uint32_t column_count = history->definition.column_count;
    struct value *values = calloc((size_t)count * column_count, sizeof *values);
    for (uint32_t i = 0; i < count; i++) {
        json_t *row = json_object_get(operations[i].json, "row");
        const char *op = json_string_value(json_object_get(operations[i].json, "op"));
        kinds[i] = strcmp(op, "delete") == 0 ? WEIR_KIND_DELETE : WEIR_KIND_INSERT;
        for (uint32_t c = 0; c < column_count; c++) {
            values[i * column_count + c] = value_of(history->types[c], json_array_get(row, c));
        }
    }
    struct weir_column *columns = values_columns(history->types, column_count, values, count);
    free(values);
    return columns;
}

static int32_t put(struct history *history, const struct weir_batch *batch,
                   const struct operation *operations, const uint32_t *rows, uint32_t row_count,
                   struct bucket_ack *ack, struct failure *failure)
{
    const struct operation *first = &operations[rows[0]];
    const char *mode = json_string_value(json_object_get(first->json, "mode"));
    struct bucket_put request = {
        .batch = batch,
        .rows = rows,
        .row_count = row_count,
        .targets = first->has_targets ? first->targets : NULL,
        .mode = mode != NULL && strcmp(mode, "overwrite") == 0 ? BUCKET_OVERWRITE : BUCKET_MERGE,
        .writer = history->writer,
        .sequence = history->sequences[first->bucket],
    };
    int32_t code = bucket_put(history->buckets[first->bucket], &request, ack, failure);
    history->sequences[first->bucket] += code == WEIR_OK;
    return code;
}

static int same_targets(const struct operation *a, const struct operation *b)
{
    return a->has_targets == b->has_targets &&
           memcmp(a->targets, b->targets, sizeof a->targets) == 0;
}

// What the client refuses is refused by a put of its own, unless no put can say it: the columns of
// a partial update are those of the whole put.
static void refuse_alone(struct history *history, const struct weir_batch *batch,
                         const struct operation *operations, uint32_t i, uint32_t first)
{
    struct bucket_ack ack;
    struct failure failure = {.text = ""};
    if (first != UINT32_MAX && !same_targets(&operations[first], &operations[i])) {
        return;
    }
    int32_t code = put(history, batch, operations, &i, 1, &ack, &failure);
    if (code == WEIR_OK || failure.text[0] == 0) {
        FAIL(history, "operation %u was not refused (%d)", i, code);
    }
}

static void check_ack(struct history *history, size_t b, uint32_t i,
                      const struct operation *operation, int32_t code, const struct bucket_ack *ack,
                      const struct failure *failure)
{
    json_t *acks = json_array_get(json_object_get(history->json, "acks"), b);
    json_t *expected = json_array_get(acks, i);
    if (is_error(history, b, i, "write")) {
        if (code == WEIR_OK) {
            FAIL(history, "batch %zu, operation %u was not refused", b, i);
        }
        return;
    }
    if (code != WEIR_OK) {
        FAIL(history, "batch %zu, operation %u: %s", b, i, failure->text);
    } else if (json_is_array(expected)) {
        uint64_t end = (uint64_t)json_integer_value(json_array_get(expected, 1));
        if (operation->bucket != json_integer_value(json_array_get(expected, 0)) ||
            ack->end_offset != end) {
            FAIL(history, "batch %zu, operation %u: acknowledged %u/%llu, not %llu", b, i,
                 operation->bucket, (unsigned long long)ack->end_offset, (unsigned long long)end);
        }
    }
}

static void run_bucket(struct history *history, size_t b, const struct weir_batch *batch,
                       const struct operation *operations, uint32_t count, uint32_t bucket)
{
    uint32_t rows[OPS_MAX], row_count = 0, first = UINT32_MAX;
    struct bucket_ack ack = {0};
    struct failure failure = {.text = ""};
    for (uint32_t i = 0; i < count; i++) {
        if (operations[i].bucket != bucket) {
            continue;
        }
        if (operations[i].is_refused_alone) {
            refuse_alone(history, batch, operations, i, first);
            continue;
        }
        first = first == UINT32_MAX ? i : first;
        if (!same_targets(&operations[first], &operations[i])) {
            FAIL(history, "batch %zu, operation %u has other targets", b, i);
        }
        rows[row_count++] = i;
    }
    if (row_count == 0) {
        return;
    }
    int32_t code = put(history, batch, operations, rows, row_count, &ack, &failure);
    for (uint32_t i = 0; i < row_count; i++) {
        check_ack(history, b, rows[i], &operations[rows[i]], code, &ack, &failure);
    }
}

static void run_batch(struct history *history, size_t b, json_t *json)
{
    static struct operation operations[OPS_MAX];
    uint8_t kinds[OPS_MAX];
    uint32_t count = (uint32_t)json_array_size(json);
    for (uint32_t i = 0; i < count; i++) {
        read_operation(history, json_array_get(json, i), &operations[i]);
        operations[i].is_refused_alone = is_error(history, b, i, "submit");
    }
    struct weir_column *columns = batch_columns(history, operations, count, kinds);
    struct weir_batch batch = {
        .size = sizeof batch,
        .row_count = count,
        .column_count = history->definition.column_count,
        .columns = columns,
        .kinds = kinds,
        .time_min_us = WEIR_TIME_NONE,
        .time_max_us = WEIR_TIME_NONE,
    };
    for (uint32_t i = 0; i < count; i++) {
        operations[i].bucket = bucket_of(history, columns, i);
    }
    for (uint32_t k = 0; k < history->definition.bucket_count; k++) {
        run_bucket(history, b, &batch, operations, count, k);
    }
    values_columns_finish(columns, history->definition.column_count);
}

// --- What is there afterwards ---

static void check_row(struct history *history, const char *what, const struct weir_column *columns,
                      uint32_t r, const json_t *expected)
{
    for (uint32_t c = 0; c < history->definition.column_count; c++) {
        struct value is = values_at(&columns[c], r);
        struct value wanted = value_of(history->types[c], json_array_get(expected, c));
        char a[500], b[500];
        if (!value_equal(history->types[c], &is, &wanted)) {
            FAIL(history, "%s: column %u is %.150s, expected %.150s", what, c,
                 value_print(history->types[c], &is, a, sizeof a),
                 value_print(history->types[c], &wanted, b, sizeof b));
        }
    }
}

// Columns of a log record.
static int open_record(struct history *history, const struct record_batch *record,
                       struct body_view *view, struct weir_column *columns)
{
    struct failure failure;
    int32_t code =
        body_open(record, history->fields, history->definition.column_count, view, &failure);
    for (uint32_t c = 0; c < history->definition.column_count && code == WEIR_OK; c++) {
        code = body_column(view, c, history->types[c], NULL, &columns[c], &failure);
    }
    if (code != WEIR_OK) {
        FAIL(history, "%s", failure.text);
    }
    return code == WEIR_OK;
}

static const char *kind_name(uint32_t kind, int is_log)
{
    static const char *const names[] = {"+I", "-U", "+U", "-D"};
    return is_log ? "+A" : names[kind];
}

static void check_changelog(struct history *history)
{
    json_t *expected = json_object_get(history->json, "changelog");
    int is_partial = is_error(history, (size_t)-1, (size_t)-1, "scan");
    size_t at = 0;
    struct weir_column columns[COLUMNS_MAX];
    for (uint32_t b = 0; b < history->definition.bucket_count; b++) {
        for (uint32_t i = 0; i < history->log.count; i++) {
            const struct record_batch *record = history->log.records[i];
            struct body_view view;
            if (record->bucket != b || !open_record(history, record, &view, columns)) {
                continue;
            }
            for (uint32_t r = 0; r < record->row_count; r++, at++) {
                json_t *row = json_array_get(expected, at);
                const char *kind = kind_name(view.kinds == NULL ? 0 : view.kinds[r],
                                             history->definition.key_count == 0);
                if (row == NULL && is_partial) {
                    continue; // the scanner of the oracle stopped here: its defect, not ours
                }
                if (row == NULL || json_integer_value(json_object_get(row, "bucket")) != b ||
                    (uint64_t)json_integer_value(json_object_get(row, "offset")) !=
                        record->base_offset + r ||
                    strcmp(json_string_value(json_object_get(row, "kind")), kind) != 0) {
                    FAIL(history, "record %zu is %u/%llu %s", at, b,
                         (unsigned long long)record->base_offset + r, kind);
                    return;
                }
                check_row(history, "changelog", columns, r, json_object_get(row, "row"));
            }
        }
    }
    if (at < json_array_size(expected) || (at > json_array_size(expected) && !is_partial)) {
        FAIL(history, "%zu records, expected %zu", at, json_array_size(expected));
    }
}

static void check_log_end(struct history *history)
{
    for (uint32_t b = 0; b < history->definition.bucket_count; b++) {
        char name[16];
        struct bucket_status status;
        snprintf(name, sizeof name, "%u", b);
        json_t *end = json_object_get(json_object_get(history->json, "log_end"), name);
        bucket_status(history->buckets[b], &status);
        if (end != NULL && status.end_offset != (uint64_t)json_integer_value(end)) {
            FAIL(history, "bucket %u ends at %llu, expected %lld", b,
                 (unsigned long long)status.end_offset, (long long)json_integer_value(end));
        }
    }
}

// Key columns of one row, given by values of the key (or all columns, then row is one).
static struct weir_column *key_columns(struct history *history, const struct value *values,
                                       uint32_t count, uint32_t *bucket)
{
    const struct table_definition *definition = &history->definition;
    struct weir_type types[TABLE_KEY_COLUMNS_MAX];
    struct value row[COLUMNS_MAX];
    for (uint32_t i = 0; i < definition->column_count; i++) {
        row[i] = value_null();
    }
    for (uint32_t i = 0; i < count; i++) {
        types[i] = history->types[definition->key[i]];
        row[definition->key[i]] = values[i];
    }
    struct weir_column *columns = values_columns(history->types, definition->column_count, row, 1);
    *bucket = bucket_of(history, columns, 0);
    values_columns_finish(columns, definition->column_count);
    return values_columns(types, count, values, 1);
}

static void check_state(struct history *history)
{
    const struct table_definition *definition = &history->definition;
    json_t *state = json_object_get(history->json, "state"), *batch, *operation;
    struct value seen[OPS_MAX][TABLE_KEY_COLUMNS_MAX];
    uint32_t seen_count = 0;
    size_t at = 0, b, i;
    json_array_foreach(json_object_get(history->json, "batches"), b, batch)
    {
        json_array_foreach(batch, i, operation)
        {
            struct value key[TABLE_KEY_COLUMNS_MAX];
            int is_known = 0, has_null = 0;
            for (uint32_t c = 0; c < definition->key_count; c++) {
                uint32_t column = definition->key[c];
                key[c] = value_of(history->types[column],
                                  json_array_get(json_object_get(operation, "row"), column));
                has_null |= key[c].is_null;
            }
            for (uint32_t s = 0; s < seen_count && !is_known; s++) {
                is_known = 1;
                for (uint32_t c = 0; c < definition->key_count; c++) {
                    is_known &=
                        value_equal(history->types[definition->key[c]], &seen[s][c], &key[c]);
                }
            }
            if (is_known || has_null) {
                continue;
            }
            memcpy(seen[seen_count++], key, sizeof key);
            uint32_t bucket, row = 0, found;
            uint64_t position;
            struct bucket_rows rows = {0};
            struct failure failure;
            struct weir_column *columns = key_columns(history, key, definition->key_count, &bucket);
            if (bucket_lookup(history->buckets[bucket], columns, &row, 1, 0, &rows, &found,
                              &position, &failure) != WEIR_OK) {
                FAIL(history, "%s", failure.text);
            } else if (found != UINT32_MAX) {
                check_row(history, "state", rows.columns, found, json_array_get(state, at++));
            }
            bucket_rows_finish(&rows);
            values_columns_finish(columns, definition->key_count);
        }
    }
    if (at != json_array_size(state)) {
        FAIL(history, "%zu rows of state, expected %zu", at, json_array_size(state));
    }
}

// The last rows of a log table, read from its log.
static void check_log_tail(struct history *history, json_t *lookup)
{
    json_t *expected = json_object_get(lookup, "rows");
    uint64_t end = 0, limit = (uint64_t)json_integer_value(json_object_get(lookup, "limit"));
    uint32_t bucket = (uint32_t)json_integer_value(json_object_get(lookup, "bucket"));
    struct weir_column columns[COLUMNS_MAX];
    struct body_view view;
    size_t at = 0;
    for (uint32_t i = 0; i < history->log.count; i++) {
        end = history->log.records[i]->bucket == bucket ? history->log.records[i]->end_offset : end;
    }
    for (uint32_t i = 0; i < history->log.count; i++) {
        const struct record_batch *record = history->log.records[i];
        for (uint32_t r = 0; record->bucket == bucket && r < record->row_count; r++) {
            if (record->base_offset + r + limit >= end &&
                open_record(history, record, &view, columns)) {
                check_row(history, "limit", columns, r, json_array_get(expected, at++));
            }
        }
    }
    CHECK_INT(at, json_array_size(expected));
}

static int32_t run_lookup(struct history *history, json_t *lookup, struct bucket_rows *rows,
                          struct failure *failure)
{
    const char *kind = json_string_value(json_object_get(lookup, "kind"));
    uint64_t position, end;
    uint32_t row = 0, found, bucket;
    struct value values[TABLE_KEY_COLUMNS_MAX];
    if (strcmp(kind, "limit") == 0) {
        bucket = (uint32_t)json_integer_value(json_object_get(lookup, "bucket"));
        return bucket_scan(history->buckets[bucket],
                           (uint32_t)json_integer_value(json_object_get(lookup, "limit")), 1, rows,
                           &end, &position, failure);
    }
    json_t *key = json_object_get(lookup, "key");
    uint32_t count = (uint32_t)json_array_size(key);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = value_of(history->types[history->definition.key[i]], json_array_get(key, i));
    }
    struct weir_column *columns = key_columns(history, values, count, &bucket);
    int32_t code;
    if (strcmp(kind, "prefix") == 0) {
        code = bucket_prefix(history->buckets[bucket], columns, count, 0, rows, &position, failure);
    } else {
        code = bucket_lookup(history->buckets[bucket], columns, &row, 1,
                             json_is_true(json_object_get(lookup, "insert_if_not_exists")), rows,
                             &found, &position, failure);
    }
    values_columns_finish(columns, count);
    return code;
}

static void check_lookups(struct history *history)
{
    size_t i;
    json_t *lookup;
    json_array_foreach(json_object_get(history->json, "lookups"), i, lookup)
    {
        json_t *expected = json_object_get(lookup, "rows");
        if (history->definition.key_count == 0) {
            check_log_tail(history, lookup);
            continue;
        }
        struct bucket_rows rows = {0};
        struct failure failure;
        int32_t code = run_lookup(history, lookup, &rows, &failure);
        if (json_object_get(lookup, "error") != NULL) {
            if (code == WEIR_OK) {
                FAIL(history, "lookup %zu was not refused", i);
            }
        } else if (code != WEIR_OK) {
            FAIL(history, "lookup %zu: %s", i, failure.text);
        } else if (rows.row_count != json_array_size(expected)) {
            FAIL(history, "lookup %zu gives %u rows, expected %zu", i, rows.row_count,
                 json_array_size(expected));
        } else {
            for (uint32_t r = 0; r < rows.row_count; r++) {
                check_row(history, "lookup", rows.columns, r, json_array_get(expected, r));
            }
        }
        bucket_rows_finish(&rows);
    }
}

static void check_all(struct history *history, const char *phase)
{
    history->phase = phase;
    if (history->definition.key_count > 0) {
        check_state(history);
    }
    check_lookups(history);
}

// --- Restarts ---

static void reload(struct history *history)
{
    struct bucket *old[BUCKETS_MAX];
    memcpy(old, history->buckets, sizeof old);
    make_buckets(history);
    for (uint32_t b = 0; b < history->definition.bucket_count; b++) {
        struct memory_snapshot snapshot = {0};
        struct failure failure = {.text = ""};
        uint64_t end, position;
        if (bucket_save(old[b], memory_snapshot_write, &snapshot, &end, &position, &failure) !=
                WEIR_OK ||
            memory_snapshot_load(&snapshot, history->buckets[b], &failure) != WEIR_OK) {
            FAIL(history, "%s", failure.text);
        }
        memory_snapshot_finish(&snapshot);
        bucket_destroy(old[b]);
    }
}

static void replay(struct history *history)
{
    drop_buckets(history);
    make_buckets(history);
    for (uint32_t i = 0; i < history->log.count; i++) {
        const struct record_batch *record = history->log.records[i];
        struct failure failure;
        if (bucket_replay(history->buckets[record->bucket], record, &failure) != WEIR_OK) {
            FAIL(history, "%s", failure.text);
        }
    }
}

static void reopen(struct history *history, int crashes)
{
    drop_buckets(history);
    if (crashes) {
        on_disk_crash(history->disk);
        history->table.index_database = history->disk->database;
    }
    make_buckets(history);
}

// What was not written back is gone, and comes from the log.
static void restart_on_disk(struct history *history, int crashes)
{
    reopen(history, crashes);
    for (uint32_t i = 0; i < history->log.count; i++) {
        const struct record_batch *record = history->log.records[i];
        struct failure failure;
        if (bucket_replay(history->buckets[record->bucket], record, &failure) != WEIR_OK) {
            FAIL(history, "%s", failure.text);
        }
    }
}

// As it was at some time; all of it, from the database alone; all of it again from the log.
static void check_on_disk(struct history *history)
{
    int crashes = table_count % 20 == 0;
    restart_on_disk(history, crashes);
    check_all(history, "restarted");
    on_disk_flush(history->disk, history->log.position);
    reopen(history, crashes);
    check_all(history, "on disk");
    drop_buckets(history);
    on_disk_drop(history->disk, history->definition.table_id);
    make_buckets(history);
    restart_on_disk(history, 0);
    check_all(history, "replayed");
}

static void run_history(json_t *json, struct on_disk *disk)
{
    static struct history history;
    struct failure failure = {.text = ""};
    size_t b;
    json_t *batch;
    history = (struct history){
        .json = json,
        .name = json_string_value(json_object_get(json, "name")),
        .writer = 7,
        .next_id = 1,
        .disk = disk,
        .phase = "written",
    };
    int32_t code = read_table(&history, &failure);
    if (is_error(&history, (size_t)-1, (size_t)-1, "create")) {
        if (code == WEIR_OK || failure.text[0] == 0) {
            FAIL(&history, "the table was not refused");
        }
        return;
    }
    if (code != WEIR_OK) {
        FAIL(&history, "%s", failure.text);
        return;
    }
    memory_log_init(&history.log);
    history.table = (struct bucket_table){
        .definition = &history.definition,
        .fields = history.fields,
        .memory = &store_system_memory,
        .clock = &store_system_clock,
        .log = &history.log.log,
        .index_database = disk == NULL ? NULL : disk->database,
        .draw_range = draw_range,
        .range_owner = &history,
    };
    make_buckets(&history);
    json_array_foreach(json_object_get(json, "batches"), b, batch)
    {
        uint64_t before = history.log.position;
        run_batch(&history, b, batch);
        if (disk != NULL && b % 3 != 2) {
            on_disk_write_back(disk, before);
        }
    }
    check_changelog(&history);
    check_log_end(&history);
    check_all(&history, "written");
    if (history.definition.index == TABLE_INDEX_ROCKSDB) {
        check_on_disk(&history);
    } else {
        reload(&history);
        check_all(&history, "loaded");
        replay(&history);
        check_all(&history, "replayed");
    }
    drop_buckets(&history);
    memory_log_finish(&history.log);
    values_forget();
}

static uint32_t run_file(const char *name, struct on_disk *disk)
{
    char path[512], *line = NULL;
    size_t capacity = 0;
    uint32_t count = 0;
    snprintf(path, sizeof path, "%s/tests/fluss/oracle/%s", getenv("WEIR_SOURCE_ROOT"), name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        test_fail(__FILE__, __LINE__, "cannot read %s", path);
        return 0;
    }
    while (getline(&line, &capacity, file) > 0) {
        json_t *json = json_loads(line, JSON_ALLOW_NUL, NULL);
        if (json == NULL) {
            test_fail(__FILE__, __LINE__, "%s: line %u is no JSON", name, count + 1);
        } else {
            run_history(json, disk);
            count++;
        }
        json_decref(json);
    }
    free(line);
    fclose(file);
    return count;
}

TEST(designed_histories_end_as_they_did_on_a_real_server)
{
    CHECK_INT(run_file("designed.ndjson", NULL), 101);
}

TEST(random_histories_end_as_they_did_on_a_real_server)
{
    CHECK_INT(run_file("random.ndjson", NULL), 300);
}

TEST(designed_histories_end_the_same_with_the_index_on_disk)
{
    struct on_disk disk = {0};
    on_disk_open(&disk);
    CHECK_INT(run_file("designed.ndjson", &disk), 101);
    on_disk_close(&disk);
}

TEST(random_histories_end_the_same_with_the_index_on_disk)
{
    struct on_disk disk = {0};
    on_disk_open(&disk);
    CHECK_INT(run_file("random.ndjson", &disk), 300);
    on_disk_close(&disk);
}
