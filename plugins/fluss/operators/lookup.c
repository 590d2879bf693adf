// The transform `fluss.lookup`: to every row the row of a table that has its key, a batch at a
// time.
//
// The rows of a batch are sorted by bucket, each bucket is asked once, and what was found is put
// together column by column. A row is handed on once what it found is durable.
#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "operators/operators.h"
#include "operators/resource.h"

#define WAIT_US 100000
#define MISSING UINT32_MAX

enum missing { MISSING_KEEP, MISSING_DROP };
static const char *const missing_names[] = {"keep", "drop", NULL};

static const struct weir_option options[] = {
    RESOURCE_OPTION,
    {.name = "by",
     .summary = "Columns of the input that hold the primary key, in its order",
     .type = WEIR_OPTION_COLUMNS,
     .flags = WEIR_OPTION_REQUIRED,
     .since = "0.1"},
    {.name = "columns",
     .summary = "Columns of the table that are added; all that are not of its key if not said",
     .type = WEIR_OPTION_LIST,
     .element = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "prefix",
     .summary = "Put before the names of the columns that are added",
     .type = WEIR_OPTION_STRING,
     .initial = "\"\"",
     .since = "0.1"},
    {.name = "missing",
     .summary = "What becomes of a row whose key is not in the table: kept with nulls, or dropped",
     .type = WEIR_OPTION_ENUM,
     .choices = missing_names,
     .initial = "\"keep\"",
     .since = "0.1"},
};

// Where a row of the batch found its row.
struct place {
    uint32_t bucket;
    uint32_t row; // of the bucket's result, or MISSING
};

struct lookup {
    struct weir_context *context;
    const struct table_definition *definition;
    enum missing missing;
    uint32_t by[TABLE_KEY_COLUMNS_MAX];        // of the input, in key order
    uint32_t bucket_by[TABLE_KEY_COLUMNS_MAX]; // the same, in the order of the bucket key
    uint32_t *added;                           // columns of the table
    uint32_t added_count;
    uint32_t input_count;
    char *names; // of the columns that are added, one behind the other
    uint8_t *wanted;
    struct table *table;
    struct stream *stream;
    struct stream_listener listener;
    int is_listening;
    _Atomic int waits;
    struct bucket_rows *results; // per bucket
    uint32_t *starts;            // per bucket, and of the rows without a key
    uint32_t *groups, *rows, *found;
    struct place *places;
    uint64_t position; // where all that was found is durable
    int is_found;      // the batch in process: its rows are there, but not yet durable
    struct weir_metric *missed;
};

static int32_t no_memory(struct weir_context *context)
{
    return weir_fail(context, WEIR_ERROR_FATAL, "no memory for lookups");
}

static int32_t lookup_create(struct weir_context *context, void **instance)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL) {
        return no_memory(context);
    }
    lookup->missing = (enum missing)weir_option(context, "missing")->choice;
    *instance = lookup;
    return WEIR_OK;
}

static void lookup_destroy(void *instance)
{
    struct lookup *lookup = instance;
    if (lookup != NULL) {
        free(lookup->added);
        free(lookup->names);
        free(lookup->wanted);
        free(lookup);
    }
}

// --- Negotiation ---

static int is_key(const struct table_definition *definition, uint32_t column)
{
    for (uint32_t i = 0; i < definition->key_count; i++) {
        if (definition->key[i] == column) {
            return 1;
        }
    }
    return 0;
}

static int32_t read_key(struct lookup *lookup, struct weir_context *context,
                        const struct weir_schema *input)
{
    const struct table_definition *definition = lookup->definition;
    const struct weir_value *by = weir_option(context, "by");
    if (definition->key_count == 0 || by->count != definition->key_count) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         definition->key_count == 0
                             ? "table %s has no primary key to look rows up by"
                             : "option `by`: the primary key of table %s has another number of "
                               "columns",
                         definition->name);
    }
    for (uint32_t i = 0; i < by->count; i++) {
        const struct table_column *column = &definition->columns[definition->key[i]];
        struct weir_type type = input->fields[by->as.items[i].column].type;
        type.nullable = column->type.nullable;
        if (memcmp(&type, &column->type, sizeof type) != 0) {
            return weir_fail(context, WEIR_ERROR_CONFIG,
                             "option `by`: `%s` is of another type than `%s` of table %s; cast it "
                             "in a w.map before",
                             by->as.items[i].as.string, column->name, definition->name);
        }
        lookup->by[i] = (uint32_t)by->as.items[i].column;
    }
    for (uint32_t b = 0; b < definition->bucket_key_count; b++) {
        for (uint32_t i = 0; i < definition->key_count; i++) {
            if (definition->key[i] == definition->bucket_key[b]) {
                lookup->bucket_by[b] = lookup->by[i];
            }
        }
    }
    return WEIR_OK;
}

static int32_t read_added(struct lookup *lookup, struct weir_context *context)
{
    const struct table_definition *definition = lookup->definition;
    const struct weir_value *columns = weir_option(context, "columns");
    struct failure failure = {0};
    free(lookup->added);
    lookup->added_count = 0;
    lookup->added = calloc(definition->column_count + columns->count, sizeof *lookup->added);
    if (lookup->added == NULL) {
        return no_memory(context);
    }
    if (columns->type != WEIR_VALUE_LIST) {
        for (uint32_t i = 0; i < definition->column_count; i++) {
            if (!is_key(definition, i)) {
                lookup->added[lookup->added_count++] = i;
            }
        }
        return WEIR_OK;
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        if (table_definition_column(definition, columns->as.items[i].as.string,
                                    &lookup->added[lookup->added_count++], &failure) != WEIR_OK) {
            failure_wrap(&failure, "option `columns`");
            return resource_fail(context, &failure);
        }
    }
    return WEIR_OK;
}

// The names of the columns that are added, with the prefix.
static int32_t name_columns(struct lookup *lookup, struct weir_context *context,
                            struct weir_field *fields)
{
    const char *prefix = weir_option_string(context, "prefix");
    size_t bytes = 1;
    for (uint32_t i = 0; i < lookup->added_count; i++) {
        bytes += strlen(prefix) + strlen(lookup->definition->columns[lookup->added[i]].name) + 1;
    }
    free(lookup->names);
    lookup->names = malloc(bytes);
    if (lookup->names == NULL) {
        return no_memory(context);
    }
    char *at = lookup->names;
    for (uint32_t i = 0; i < lookup->added_count; i++) {
        const struct table_column *column = &lookup->definition->columns[lookup->added[i]];
        fields[i] = (struct weir_field){at, column->type};
        fields[i].type.nullable |= lookup->missing == MISSING_KEEP;
        at += sprintf(at, "%s%s", prefix, column->name) + 1;
    }
    return WEIR_OK;
}

static int32_t say_schema(struct lookup *lookup, struct weir_negotiation *negotiation)
{
    struct weir_context *context = negotiation->context;
    const struct weir_schema *input = weir_negotiation_input(negotiation, 0)->schema;
    int32_t rc = resource_definition(context, &lookup->definition);
    rc = rc != WEIR_OK ? rc : read_key(lookup, context, input);
    rc = rc != WEIR_OK ? rc : read_added(lookup, context);
    if (rc != WEIR_OK) {
        return rc;
    }
    uint32_t count = input->field_count + lookup->added_count;
    struct weir_field *fields = calloc(count, sizeof *fields);
    free(lookup->wanted);
    lookup->wanted = calloc(1, weir_bit_bytes(count));
    rc = fields == NULL || lookup->wanted == NULL
             ? no_memory(context)
             : name_columns(lookup, context, fields + input->field_count);
    if (rc == WEIR_OK) {
        assert(fields != NULL);
        memcpy(fields, input->fields, input->field_count * sizeof *fields);
        rc = weir_negotiation_output(negotiation, WEIR_OUTPUT_MAIN, fields, count);
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < input->field_count; i++) {
        weir_negotiation_origin(negotiation, WEIR_OUTPUT_MAIN, i, 0, i);
    }
    free(fields);
    lookup->input_count = input->field_count;
    weir_negotiation_resource(negotiation, "table", 0);
    return rc;
}

static int32_t lookup_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct lookup *lookup = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        return say_schema(lookup, negotiation);
    }
    for (uint32_t i = 0; i < lookup->input_count + lookup->added_count; i++) {
        int32_t is_wanted = weir_negotiation_wanted(negotiation, WEIR_OUTPUT_MAIN, i);
        weir_bit_set(lookup->wanted, i, is_wanted);
        if (is_wanted && i < lookup->input_count) {
            weir_negotiation_want(negotiation, 0, i);
        }
    }
    for (uint32_t i = 0; i < lookup->definition->key_count; i++) {
        weir_negotiation_want(negotiation, 0, lookup->by[i]);
    }
    return WEIR_OK;
}

// --- Opening ---

static void after_group(void *owner)
{
    struct lookup *lookup = owner;
    if (atomic_load(&lookup->waits)) {
        weir_wake(lookup->context);
    }
}

static void forget_results(struct lookup *lookup)
{
    for (uint32_t b = 0; lookup->results != NULL && b < lookup->definition->bucket_count; b++) {
        if (lookup->results[b].block != NULL) {
            bucket_rows_finish(&lookup->results[b]);
            lookup->results[b] = (struct bucket_rows){0};
        }
    }
    lookup->is_found = 0;
}

static void lookup_close(void *instance, struct weir_context *context)
{
    struct lookup *lookup = instance;
    (void)context;
    if (lookup->is_listening) {
        stream_unlisten(lookup->stream, &lookup->listener);
        lookup->is_listening = 0;
    }
    forget_results(lookup);
    free(lookup->results);
    free(lookup->starts);
    free(lookup->groups);
    free(lookup->rows);
    free(lookup->found);
    free(lookup->places);
    lookup->results = NULL;
    lookup->starts = lookup->groups = lookup->rows = lookup->found = NULL;
    lookup->places = NULL;
}

static int32_t lookup_open(void *instance, struct weir_context *context)
{
    struct lookup *lookup = instance;
    uint32_t buckets = lookup->definition->bucket_count;
    lookup->context = context;
    lookup->results = calloc(buckets, sizeof *lookup->results);
    lookup->starts = calloc(buckets + 3, sizeof *lookup->starts);
    lookup->groups = calloc(WEIR_BATCH_ROWS_MAX, sizeof *lookup->groups);
    lookup->rows = calloc(WEIR_BATCH_ROWS_MAX, sizeof *lookup->rows);
    lookup->found = calloc(WEIR_BATCH_ROWS_MAX, sizeof *lookup->found);
    lookup->places = calloc(WEIR_BATCH_ROWS_MAX, sizeof *lookup->places);
    lookup->missed = weir_metric_register(context, WEIR_METRIC_COUNTER, "missed", "rows",
                                          "rows whose key was not in the table");
    int32_t rc = resource_table(context, &lookup->table);
    if (rc == WEIR_OK && (lookup->results == NULL || lookup->starts == NULL ||
                          lookup->groups == NULL || lookup->rows == NULL || lookup->found == NULL ||
                          lookup->places == NULL || lookup->missed == NULL)) {
        rc = no_memory(context);
    }
    if (rc != WEIR_OK) {
        lookup_close(lookup, context);
        return rc;
    }
    lookup->stream = table_stream(lookup->table);
    lookup->listener = (struct stream_listener){.notify = after_group, .owner = lookup};
    stream_listen(lookup->stream, &lookup->listener);
    lookup->is_listening = 1;
    return WEIR_OK;
}

// --- Finding ---

// Rows without a key find nothing: they go behind those of the last bucket.
static void set_aside_nulls(struct lookup *lookup, const struct weir_batch *batch)
{
    for (uint32_t k = 0; k < lookup->definition->key_count; k++) {
        const struct weir_column *column = &batch->columns[lookup->by[k]];
        for (uint32_t i = 0; column->null_count > 0 && i < batch->row_count; i++) {
            if (weir_is_null(column, i)) {
                lookup->groups[i] = lookup->definition->bucket_count;
                lookup->places[i] = (struct place){0, MISSING};
            }
        }
    }
}

static int32_t sort_rows(struct lookup *lookup, const struct weir_batch *batch)
{
    uint32_t *starts = lookup->starts, buckets = lookup->definition->bucket_count;
    int32_t rc = weir_key_groups(lookup->context, batch, lookup->bucket_by,
                                 lookup->definition->bucket_key_count, buckets, lookup->groups);
    set_aside_nulls(lookup, batch);
    memset(starts, 0, (buckets + 3) * sizeof *starts);
    for (uint32_t i = 0; rc == WEIR_OK && i < batch->row_count; i++) {
        starts[lookup->groups[i] + 2]++;
    }
    for (uint32_t b = 2; b < buckets + 3; b++) {
        starts[b] += starts[b - 1];
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < batch->row_count; i++) {
        lookup->rows[starts[lookup->groups[i] + 1]++] = i;
    }
    return rc;
}

static int32_t find_bucket(struct lookup *lookup, const struct weir_column *keys, uint32_t bucket)
{
    uint32_t first = lookup->starts[bucket], count = lookup->starts[bucket + 1] - first;
    struct failure failure = {0};
    uint64_t position = 0;
    if (count == 0) {
        return WEIR_OK;
    }
    int32_t rc =
        bucket_lookup(table_bucket(lookup->table, bucket), keys, lookup->rows + first, count, 0,
                      &lookup->results[bucket], lookup->found + first, &position, &failure);
    if (rc != WEIR_OK) {
        return resource_fail(lookup->context, &failure);
    }
    lookup->position = position > lookup->position ? position : lookup->position;
    for (uint32_t i = first; i < first + count; i++) {
        lookup->places[lookup->rows[i]] = (struct place){bucket, lookup->found[i]};
    }
    return WEIR_OK;
}

static int32_t find(struct lookup *lookup, const struct weir_batch *batch)
{
    struct weir_column keys[TABLE_KEY_COLUMNS_MAX];
    for (uint32_t i = 0; i < lookup->definition->key_count; i++) {
        keys[i] = batch->columns[lookup->by[i]];
    }
    lookup->position = 0;
    int32_t rc = sort_rows(lookup, batch);
    for (uint32_t b = 0; rc == WEIR_OK && b < lookup->definition->bucket_count; b++) {
        rc = find_bucket(lookup, keys, b);
    }
    lookup->is_found = rc == WEIR_OK;
    return rc;
}

static int32_t wait_for_group(struct lookup *lookup)
{
    if (stream_wait(lookup->stream, lookup->position, 0) < 0) {
        return weir_fail(lookup->context, WEIR_ERROR_FATAL,
                         "the log of table %s has failed; the store says why",
                         lookup->definition->name);
    }
    weir_wake_at(lookup->context, weir_now_us(lookup->context) + WAIT_US);
    return WEIR_WAIT;
}

// --- What comes out ---

// Rows of the input that leave: all, or those that found something, in lookup->rows.
static uint32_t keep_rows(struct lookup *lookup, const struct weir_batch *batch)
{
    uint32_t kept = 0, missed = 0;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        int is_missing = lookup->places[i].row == MISSING;
        missed += (uint32_t)is_missing;
        lookup->rows[kept] = i;
        kept += !is_missing || lookup->missing == MISSING_KEEP;
    }
    weir_counter_add(lookup->missed, missed);
    return kept;
}

static const struct weir_column *column_of(const struct lookup *lookup, struct place place,
                                           uint32_t column)
{
    return &lookup->results[place.bucket].columns[column];
}

static int is_null(const struct lookup *lookup, struct place place, uint32_t column)
{
    return place.row == MISSING ||
           column_of(lookup, place, column)->encoding == WEIR_ENCODING_ABSENT ||
           weir_is_null(column_of(lookup, place, column), place.row);
}

static int32_t add_text(struct lookup *lookup, struct weir_builder *builder, uint32_t output,
                        uint32_t column, uint32_t row_count)
{
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < row_count; i++) {
        struct place place = lookup->places[lookup->rows[i]];
        uint32_t length = 0;
        if (is_null(lookup, place, column)) {
            rc = weir_builder_append_null(lookup->context, builder, output);
            continue;
        }
        const char *text = weir_text(column_of(lookup, place, column), place.row, &length);
        rc = weir_builder_append(lookup->context, builder, output, text, length);
    }
    return rc;
}

static int32_t add_values(struct lookup *lookup, struct weir_builder *builder, uint32_t output,
                          uint32_t column, uint32_t row_count)
{
    uint32_t width = weir_type_width(lookup->definition->columns[column].type);
    uint8_t *values = weir_builder_values(lookup->context, builder, output);
    uint8_t *validity = NULL;
    if (values == NULL) {
        return no_memory(lookup->context);
    }
    for (uint32_t i = 0; i < row_count; i++) {
        struct place place = lookup->places[lookup->rows[i]];
        if (is_null(lookup, place, column)) {
            validity = validity != NULL ? validity
                                        : weir_builder_validity(lookup->context, builder, output);
            if (validity == NULL) {
                return no_memory(lookup->context);
            }
            weir_bit_set(validity, i, 0);
            continue;
        }
        const uint8_t *from = column_of(lookup, place, column)->values;
        if (width == 0) {
            weir_bit_set(values, i, weir_bit(from, place.row));
        } else {
            memcpy(values + (size_t)i * width, from + (size_t)place.row * width, width);
        }
    }
    return WEIR_OK;
}

static int32_t fill(struct lookup *lookup, struct weir_builder *builder,
                    const struct weir_batch *batch, uint32_t row_count)
{
    int is_whole = row_count == batch->row_count;
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < lookup->input_count; i++) {
        if (weir_bit(lookup->wanted, i)) {
            rc = is_whole ? weir_builder_share(lookup->context, builder, i, batch, i)
                          : weir_builder_gather(lookup->context, builder, i, batch, i, lookup->rows,
                                                row_count);
        }
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < lookup->added_count; i++) {
        uint32_t output = lookup->input_count + i, column = lookup->added[i];
        if (!weir_bit(lookup->wanted, output)) {
            continue;
        }
        rc = weir_type_is_text(lookup->definition->columns[column].type)
                 ? add_text(lookup, builder, output, column, row_count)
                 : add_values(lookup, builder, output, column, row_count);
    }
    return rc;
}

static int32_t emit(struct lookup *lookup, const struct weir_batch *batch)
{
    struct weir_context *context = lookup->context;
    struct weir_builder *builder;
    uint32_t row_count = keep_rows(lookup, batch);
    if (row_count == 0) {
        return WEIR_OK;
    }
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, row_count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    weir_builder_inherit(context, builder, batch);
    uint8_t *kinds = row_count < batch->row_count && batch->kinds != NULL
                         ? weir_builder_kinds(context, builder)
                         : NULL;
    for (uint32_t i = 0; kinds != NULL && i < row_count; i++) {
        kinds[i] = batch->kinds[lookup->rows[i]];
    }
    rc = fill(lookup, builder, batch, row_count);
    if (rc != WEIR_OK) {
        weir_builder_discard(context, builder);
        return rc;
    }
    return weir_emit_built(context, WEIR_OUTPUT_MAIN, builder, row_count);
}

static int32_t lookup_process(void *instance, struct weir_context *context, uint32_t input,
                              const struct weir_batch *batch)
{
    struct lookup *lookup = instance;
    (void)context, (void)input;
    atomic_store(&lookup->waits, 1); // a group that comes during this call is not missed
    int32_t rc = lookup->is_found ? WEIR_OK : find(lookup, batch);
    if (rc == WEIR_OK && stream_durable(lookup->stream) < lookup->position) {
        return wait_for_group(lookup);
    }
    rc = rc == WEIR_OK ? emit(lookup, batch) : rc;
    atomic_store(&lookup->waits, 0);
    forget_results(lookup);
    return rc;
}

const struct weir_operator fluss_lookup = {
    .size = sizeof fluss_lookup,
    .kind = WEIR_OPERATOR_TRANSFORM,
    .option_count = sizeof options / sizeof *options,
    .name = "fluss.lookup",
    .summary = "Adds to every row the columns of the row of a table that has its key",
    .options = options,
    .create = lookup_create,
    .negotiate = lookup_negotiate,
    .open = lookup_open,
    .process = lookup_process,
    .close = lookup_close,
    .destroy = lookup_destroy,
};
