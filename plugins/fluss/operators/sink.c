// The sink `fluss`: rows into a table, by the kind of each.
//
// Rows are collected until there are enough of them, or until the first has waited for `linger`;
// then they are sorted by bucket, and every bucket gets its rows in one put. A put is acknowledged
// once the log is durable behind it. Where something is full the sink waits, and with it all that
// comes before: the buffers of the log, the bytes under way (`buffer`), or the puts of a bucket
// (`in_flight`).
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "operators/operators.h"
#include "operators/resource.h"
#include "operators/stage.h"
#include "weir/timer.h"

#define STAGE_ROWS 32768u
#define PUT_ROWS 32768u   // of one put: it may make twice as many
#define DIRECT_ROWS 8192u // a batch of so many rows is put as it is
#define WAIT_US 100000    // a sink that waits looks at least this often
#define TELL_US 10000000
#define SAVE_WAITS_MAX 300u
#define PUTS_UNDER_WAY_MAX 4096u

static const struct weir_option options[] = {
    RESOURCE_OPTION,
    {.name = "batch",
     .summary = "Bytes for one bucket, on average, after which the rows collected are put",
     .type = WEIR_OPTION_BYTES,
     .initial = "\"16KiB\"",
     .min = 1,
     .max = 16777216,
     .since = "0.1"},
    {.name = "linger",
     .summary = "How long the first row collected waits for others",
     .type = WEIR_OPTION_DURATION,
     .initial = "\"2ms\"",
     .min = 0,
     .max = 60e6,
     .since = "0.1"},
    {.name = "buffer",
     .summary = "Bytes put and not yet acknowledged, at which its source waits",
     .type = WEIR_OPTION_BYTES,
     .initial = "\"64MiB\"",
     .min = 1,
     .max = 1e12,
     .since = "0.1"},
    {.name = "in_flight",
     .summary = "Puts of one bucket that are not yet acknowledged, at most",
     .type = WEIR_OPTION_INT,
     .initial = "5",
     .unit = "puts",
     .min = 1,
     .max = BUCKET_WRITERS_REMEMBERED,
     .since = "0.1"},
};

// What this task has under way with a bucket.
struct bucket_writer {
    int32_t sequence; // of the next put
    uint32_t count;   // puts under way
    uint64_t positions[BUCKET_WRITERS_REMEMBERED];
};

struct under_way {
    uint64_t position;
    uint64_t byte_count;
};

// Rows that are being put: sorted by bucket, from `next` on still to do.
struct putting {
    int is_active;
    const struct weir_batch *batch;
    uint64_t byte_count;
    uint32_t next; // bucket
    uint32_t done; // rows of it that are put
};

struct sink {
    struct weir_context *context;
    const struct table_definition *definition;
    struct weir_field *fields;
    struct weir_schema schema;
    int32_t *from;    // per column of the table: of the input, or -1
    uint8_t *targets; // per column: 1 if the input has it
    int is_partial;
    struct table *table;
    struct stream *stream;
    struct stream_listener listener;
    int is_listening;
    _Atomic int waits; // wake it after a group
    struct stage stage;
    int64_t staged_at_us; // the first row
    uint64_t put_bytes;   // at which the rows collected are put
    int64_t linger_us;
    uint64_t buffer_bytes;
    uint32_t in_flight;
    int64_t writer;
    struct bucket_writer *writers;
    uint32_t *groups; // of STAGE_ROWS or WEIR_BATCH_ROWS_MAX rows
    uint32_t *rows;   // sorted by bucket
    uint32_t *starts; // per bucket and one more: where its rows begin
    struct weir_column *columns;
    struct weir_batch view; // of a batch that is put as it is
    struct putting putting;
    int is_taken;                                   // the batch in process: only its puts are left
    struct under_way under_way[PUTS_UNDER_WAY_MAX]; // a ring
    uint32_t under_way_first, under_way_count;
    uint64_t under_way_bytes;
    uint64_t last_position;
    int has_put;
    uint32_t input_count, ended_count;
    uint32_t round; // of a log without a key: its puts go to all buckets in turn
    int64_t told_us;
    struct weir_metric *full, *put_rows, *puts;
};

static int32_t no_memory(struct weir_context *context)
{
    return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the sink of a table");
}

static int32_t sink_create(struct weir_context *context, void **instance)
{
    struct sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL) {
        return no_memory(context);
    }
    sink->linger_us = weir_option_int(context, "linger", 2000);
    sink->buffer_bytes = (uint64_t)weir_option_int(context, "buffer", 64 << 20);
    sink->in_flight = (uint32_t)weir_option_int(context, "in_flight", 5);
    *instance = sink;
    return WEIR_OK;
}

static void sink_destroy(void *instance)
{
    struct sink *sink = instance;
    if (sink != NULL) {
        free(sink->fields);
        free(sink->from);
        free(sink->targets);
        free(sink);
    }
}

// --- Negotiation ---

static int same_type(struct weir_type a, struct weir_type b)
{
    a.nullable = b.nullable = 0;
    return memcmp(&a, &b, sizeof a) == 0;
}

static int32_t map_columns(struct sink *sink, struct weir_context *context,
                           const struct weir_schema *input)
{
    const struct table_definition *definition = sink->definition;
    struct failure failure = {0};
    for (uint32_t i = 0; i < definition->column_count; i++) {
        sink->from[i] = -1;
    }
    for (uint32_t i = 0; i < input->field_count; i++) {
        uint32_t column;
        if (table_definition_column(definition, input->fields[i].name, &column, &failure) !=
            WEIR_OK) {
            return resource_fail(context, &failure);
        }
        if (!same_type(input->fields[i].type, definition->columns[column].type)) {
            return weir_fail(context, WEIR_ERROR_CONFIG,
                             "column `%s` comes as another type than table %s has it; cast it in a "
                             "w.map before",
                             input->fields[i].name, definition->name);
        }
        sink->from[column] = (int32_t)i;
    }
    return WEIR_OK;
}

static int is_key(const struct table_definition *definition, uint32_t column)
{
    for (uint32_t i = 0; i < definition->key_count; i++) {
        if (definition->key[i] == column) {
            return 1;
        }
    }
    return 0;
}

// Columns that the input does not have are left as they are (a partial update), or null.
static int32_t check_missing(struct sink *sink, struct weir_context *context)
{
    const struct table_definition *definition = sink->definition;
    sink->is_partial = 0;
    for (uint32_t i = 0; i < definition->column_count; i++) {
        const struct table_column *column = &definition->columns[i];
        sink->targets[i] = sink->from[i] >= 0;
        if (sink->from[i] >= 0 || column->is_auto_increment) {
            continue;
        }
        if (!column->type.nullable || is_key(definition, i)) {
            return weir_fail(context, WEIR_ERROR_CONFIG,
                             "table %s has a column `%s` that is %s, and no such column comes in",
                             definition->name, column->name,
                             is_key(definition, i) ? "part of its key" : "not null");
        }
        sink->is_partial |= definition->key_count > 0;
    }
    return WEIR_OK;
}

static int32_t make_schema(struct sink *sink, struct weir_context *context)
{
    const struct table_definition *definition;
    int32_t rc = resource_definition(context, &definition);
    if (rc != WEIR_OK || sink->definition == definition) {
        return rc;
    }
    free(sink->fields);
    free(sink->from);
    free(sink->targets);
    sink->definition = definition;
    sink->fields = calloc(definition->column_count, sizeof *sink->fields);
    sink->from = calloc(definition->column_count, sizeof *sink->from);
    sink->targets = calloc(definition->column_count, 1);
    if (sink->fields == NULL || sink->from == NULL || sink->targets == NULL) {
        return no_memory(context);
    }
    for (uint32_t i = 0; i < definition->column_count; i++) {
        sink->fields[i] =
            (struct weir_field){definition->columns[i].name, definition->columns[i].type};
    }
    sink->schema =
        (struct weir_schema){sizeof sink->schema, definition->column_count, sink->fields};
    return WEIR_OK;
}

static void want_all(struct weir_negotiation *negotiation)
{
    for (uint32_t input = 0; input < negotiation->input_count; input++) {
        uint32_t count = weir_negotiation_input(negotiation, input)->schema->field_count;
        for (uint32_t i = 0; i < count; i++) {
            weir_negotiation_want(negotiation, input, i);
        }
        weir_negotiation_want_kinds(negotiation, input,
                                    WEIR_KINDS_ALL & ~(1u << WEIR_KIND_UPDATE_BEFORE));
    }
}

static int32_t sink_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct sink *sink = instance;
    struct weir_context *context = negotiation->context;
    uint32_t key[TABLE_KEY_COLUMNS_MAX];
    if (negotiation->pass == WEIR_NEGOTIATE_WANTS) {
        want_all(negotiation);
        return WEIR_OK;
    }
    int32_t rc = make_schema(sink, context);
    rc = rc != WEIR_OK ? rc
                       : map_columns(sink, context, weir_negotiation_input(negotiation, 0)->schema);
    rc = rc != WEIR_OK ? rc : check_missing(sink, context);
    if (rc != WEIR_OK) {
        return rc;
    }
    sink->input_count = negotiation->input_count;
    weir_negotiation_resource(negotiation, "table", 1);
    for (uint32_t i = 0; i < sink->definition->bucket_key_count; i++) {
        key[i] = (uint32_t)sink->from[sink->definition->bucket_key[i]];
    }
    // The rows of a key stay in order, so they must all come to one task.
    for (uint32_t input = 0; rc == WEIR_OK && sink->definition->bucket_key_count > 0 &&
                             input < negotiation->input_count;
         input++) {
        rc =
            weir_negotiation_partition(negotiation, input, key, sink->definition->bucket_key_count);
    }
    return rc;
}

// --- Opening ---

static void after_group(void *owner)
{
    struct sink *sink = owner;
    if (atomic_load(&sink->waits)) {
        weir_wake(sink->context);
    }
}

static void release_arrays(struct sink *sink)
{
    free(sink->writers);
    free(sink->groups);
    free(sink->rows);
    free(sink->starts);
    free(sink->columns);
    sink->writers = NULL;
    sink->groups = sink->rows = sink->starts = NULL;
    sink->columns = NULL;
}

static void sink_close(void *instance, struct weir_context *context)
{
    struct sink *sink = instance;
    if (sink->is_listening) {
        stream_unlisten(sink->stream, &sink->listener);
        sink->is_listening = 0;
    }
    stage_finish(&sink->stage, context);
    release_arrays(sink);
}

static int32_t allocate_arrays(struct sink *sink, struct weir_context *context)
{
    uint32_t buckets = sink->definition->bucket_count;
    sink->writers = calloc(buckets, sizeof *sink->writers);
    sink->groups = calloc(WEIR_BATCH_ROWS_MAX, sizeof *sink->groups);
    sink->rows = calloc(WEIR_BATCH_ROWS_MAX, sizeof *sink->rows);
    sink->starts = calloc(buckets + 2, sizeof *sink->starts);
    sink->columns = calloc(sink->definition->column_count, sizeof *sink->columns);
    return sink->writers != NULL && sink->groups != NULL && sink->rows != NULL &&
                   sink->starts != NULL && sink->columns != NULL
               ? WEIR_OK
               : no_memory(context);
}

static int32_t register_metrics(struct sink *sink, struct weir_context *context)
{
    sink->full = weir_metric_register(context, WEIR_METRIC_COUNTER, "waits", "times",
                                      "times that it waited, because something was full");
    sink->puts =
        weir_metric_register(context, WEIR_METRIC_COUNTER, "puts", "puts", "puts to buckets");
    sink->put_rows =
        weir_metric_register(context, WEIR_METRIC_COUNTER, "put_rows", "rows", "rows put");
    return sink->full != NULL && sink->puts != NULL && sink->put_rows != NULL ? WEIR_OK
                                                                              : no_memory(context);
}

static int32_t sink_open(void *instance, struct weir_context *context)
{
    struct sink *sink = instance;
    uint32_t owned = context->group_end - context->group_first;
    uint64_t buckets = (uint64_t)sink->definition->bucket_count * owned / context->group_count;
    sink->context = context;
    sink->put_bytes = (uint64_t)weir_option_int(context, "batch", 16384) * (buckets + 1);
    int32_t rc = register_metrics(sink, context);
    rc = rc != WEIR_OK ? rc : resource_table(context, &sink->table);
    rc = rc != WEIR_OK ? rc : allocate_arrays(sink, context);
    rc = rc != WEIR_OK ? rc
                       : stage_init(&sink->stage, context, &sink->schema, sink->from, STAGE_ROWS);
    if (rc != WEIR_OK) {
        sink_close(sink, context);
        return rc;
    }
    sink->writer = table_writer(sink->table);
    sink->stream = table_stream(sink->table);
    sink->listener = (struct stream_listener){.notify = after_group, .owner = sink};
    stream_listen(sink->stream, &sink->listener);
    sink->is_listening = 1;
    return WEIR_OK;
}

// --- What is under way ---

static void forget_acknowledged(struct sink *sink, uint64_t durable)
{
    while (sink->under_way_count > 0) {
        struct under_way *oldest = &sink->under_way[sink->under_way_first];
        if (oldest->position > durable) {
            return;
        }
        sink->under_way_bytes -= oldest->byte_count;
        sink->under_way_first = (sink->under_way_first + 1) % PUTS_UNDER_WAY_MAX;
        sink->under_way_count--;
    }
}

static int bucket_is_full(const struct sink *sink, struct bucket_writer *writer, uint64_t durable)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < writer->count; i++) {
        if (writer->positions[i] > durable) {
            writer->positions[kept++] = writer->positions[i];
        }
    }
    writer->count = kept;
    return kept >= sink->in_flight;
}

// Says that the log's next group shall wake it. FATAL if the log has failed.
static int32_t wait_for_group(struct sink *sink)
{
    struct weir_context *context = sink->context;
    atomic_store(&sink->waits, 1);
    if (sink->has_put && stream_wait(sink->stream, sink->last_position, 0) < 0) {
        return weir_fail(context, WEIR_ERROR_FATAL,
                         "the log of table %s has failed: rows that were put and not yet "
                         "acknowledged are lost; the store says why",
                         sink->definition->name);
    }
    weir_counter_add(sink->full, 1);
    weir_wake_at(context, weir_now_us(context) + WAIT_US);
    return WEIR_WAIT;
}

// --- Putting ---

// Sorts the rows of a batch by bucket.
static int32_t sort_rows(struct sink *sink, const struct weir_batch *batch)
{
    const struct table_definition *definition = sink->definition;
    uint32_t *starts = sink->starts, bucket_count = definition->bucket_count;
    int32_t rc = WEIR_OK;
    if (definition->bucket_key_count > 0) {
        rc = weir_key_groups(sink->context, batch, definition->bucket_key,
                             definition->bucket_key_count, bucket_count, sink->groups);
    } else {
        uint32_t bucket = sink->round++ % bucket_count;
        for (uint32_t i = 0; i < batch->row_count; i++) {
            sink->groups[i] = bucket;
        }
    }
    memset(starts, 0, (bucket_count + 2) * sizeof *starts);
    for (uint32_t i = 0; rc == WEIR_OK && i < batch->row_count; i++) {
        starts[sink->groups[i] + 2]++;
    }
    for (uint32_t b = 2; b < bucket_count + 2; b++) {
        starts[b] += starts[b - 1];
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < batch->row_count; i++) {
        sink->rows[starts[sink->groups[i] + 1]++] = i;
    }
    return rc;
}

// A full disk is told, now and then; full buffers are only counted.
static void tell_of_wait(struct sink *sink, const struct failure *failure)
{
    int64_t now_us = weir_now_us(sink->context);
    if (failure->text[0] != '\0' && now_us - sink->told_us > TELL_US) {
        sink->told_us = now_us;
        weir_log(sink->context, WEIR_LOG_WARNING, "waits: %s", failure->text);
    }
}

static int32_t put_bucket(struct sink *sink, uint32_t bucket, uint32_t first, uint32_t row_count)
{
    struct bucket_writer *writer = &sink->writers[bucket];
    struct failure failure = {0};
    struct bucket_ack ack;
    struct bucket_put put = {.batch = sink->putting.batch,
                             .rows = sink->rows + first,
                             .row_count = row_count,
                             .targets = sink->is_partial ? sink->targets : NULL,
                             .writer = sink->writer,
                             .sequence = writer->sequence,
                             .source = RECORD_SOURCE_NONE};
    int32_t rc = bucket_put(table_bucket(sink->table, bucket), &put, &ack, &failure);
    if (rc == WEIR_ERROR_RETRY) {
        tell_of_wait(sink, &failure);
        return WEIR_WAIT;
    }
    if (rc != WEIR_OK) {
        return resource_fail(sink->context, &failure);
    }
    writer->sequence++;
    writer->positions[writer->count++] = ack.position;
    sink->last_position = ack.position;
    sink->has_put = 1;
    weir_counter_add(sink->puts, 1);
    return WEIR_OK;
}

// Notes what was put of the rows; the bytes are those of all of them at their last position.
static void finish_putting(struct sink *sink)
{
    uint32_t at = (sink->under_way_first + sink->under_way_count++) % PUTS_UNDER_WAY_MAX;
    sink->under_way[at] = (struct under_way){sink->last_position, sink->putting.byte_count};
    sink->under_way_bytes += sink->putting.byte_count;
    weir_counter_add(sink->put_rows, sink->putting.batch->row_count);
    if (sink->putting.batch == &sink->stage.batch) {
        stage_clear(&sink->stage);
    }
    sink->putting.is_active = 0;
}

// One put of the bucket whose turn it is, or on to the next bucket.
static int32_t put_next(struct sink *sink, uint64_t durable)
{
    struct putting *putting = &sink->putting;
    uint32_t bucket = putting->next, first = sink->starts[bucket] + putting->done,
             left = sink->starts[bucket + 1] - first, count = left < PUT_ROWS ? left : PUT_ROWS;
    if (left == 0) {
        putting->next++;
        putting->done = 0;
        return WEIR_OK;
    }
    if (bucket_is_full(sink, &sink->writers[bucket], durable)) {
        return WEIR_WAIT;
    }
    int32_t rc = put_bucket(sink, bucket, first, count);
    putting->done += rc == WEIR_OK ? count : 0;
    return rc;
}

// Puts what is left. WEIR_WAIT: something is full.
static int32_t put_rest(struct sink *sink)
{
    struct putting *putting = &sink->putting;
    if (!putting->is_active) {
        return WEIR_OK;
    }
    atomic_store(&sink->waits, 1); // a group that comes during this call is not missed
    uint64_t durable = stream_durable(sink->stream);
    forget_acknowledged(sink, durable);
    if (sink->under_way_count == PUTS_UNDER_WAY_MAX ||
        (sink->under_way_bytes >= sink->buffer_bytes && sink->under_way_count > 0)) {
        return wait_for_group(sink);
    }
    while (putting->next < sink->definition->bucket_count) {
        int32_t rc = put_next(sink, durable);
        if (rc != WEIR_OK) {
            return rc == WEIR_WAIT ? wait_for_group(sink) : rc;
        }
    }
    atomic_store(&sink->waits, 0);
    finish_putting(sink);
    return WEIR_OK;
}

static int32_t put(struct sink *sink, const struct weir_batch *batch, uint64_t byte_count)
{
    if (batch->row_count == 0) {
        return WEIR_OK;
    }
    int32_t rc = sort_rows(sink, batch);
    if (rc != WEIR_OK) {
        return rc;
    }
    sink->putting = (struct putting){.is_active = 1, .batch = batch, .byte_count = byte_count};
    return put_rest(sink);
}

static int32_t put_staged(struct sink *sink)
{
    return put(sink, &sink->stage.batch, sink->stage.byte_count);
}

// --- Taking rows in ---

// Rows with a null where the table has none are rejected.
static int32_t reject_nulls(struct sink *sink, const struct weir_batch *batch)
{
    char reason[320];
    int32_t rc = WEIR_OK;
    for (uint32_t c = 0; c < sink->schema.field_count; c++) {
        const struct weir_column *column =
            sink->from[c] < 0 ? NULL : &batch->columns[sink->from[c]];
        int may_be_null = sink->fields[c].type.nullable && !is_key(sink->definition, c);
        if (column == NULL || column->null_count == 0 || may_be_null) {
            continue;
        }
        snprintf(reason, sizeof reason, "column `%s` of table %.200s cannot be null",
                 sink->fields[c].name, sink->definition->name);
        for (uint32_t i = 0; rc == WEIR_OK && i < batch->row_count; i++) {
            rc = weir_is_null(column, i) ? weir_reject(sink->context, batch, i, reason) : WEIR_OK;
        }
    }
    return rc;
}

static uint64_t direct_bytes(const struct sink *sink, const struct weir_batch *batch)
{
    uint64_t bytes = 0;
    for (uint32_t c = 0; c < sink->schema.field_count; c++) {
        const struct weir_column *column = &sink->columns[c];
        if (sink->from[c] >= 0) {
            bytes += column->offsets != NULL
                         ? (uint32_t)(column->offsets[batch->row_count] - column->offsets[0])
                         : (uint64_t)batch->row_count * weir_type_width(column->type);
        }
    }
    return bytes;
}

// A large batch is put as it is.
static int32_t put_direct(struct sink *sink, const struct weir_batch *batch)
{
    stage_view(&sink->stage, batch, sink->columns, &sink->view);
    return put(sink, &sink->view, direct_bytes(sink, batch));
}

static int32_t collect(struct sink *sink, const struct weir_batch *batch, const uint32_t *rows,
                       uint32_t row_count)
{
    int32_t rc = WEIR_OK;
    if (sink->stage.batch.row_count == 0) {
        sink->staged_at_us = weir_now_us(sink->context);
        rc = weir_timer_set(sink->context, WEIR_TIME_PROCESSING,
                            sink->staged_at_us + sink->linger_us, 0);
    }
    rc = rc != WEIR_OK ? rc : stage_add(&sink->stage, sink->context, batch, rows, row_count);
    int is_enough = sink->stage.byte_count >= sink->put_bytes ||
                    sink->stage.batch.row_count > STAGE_ROWS - DIRECT_ROWS;
    return rc == WEIR_OK && is_enough ? put_staged(sink) : rc;
}

static int32_t take(struct sink *sink, const struct weir_batch *batch)
{
    const uint32_t *kept = NULL;
    uint32_t kept_count = batch->row_count;
    int32_t rc = reject_nulls(sink, batch);
    if (rc != WEIR_OK) {
        return rc;
    }
    int is_whole = !weir_rejected(sink->context, &kept, &kept_count);
    sink->is_taken = 1;
    if (is_whole && batch->row_count >= DIRECT_ROWS) {
        return put_direct(sink, batch);
    }
    return collect(sink, batch, is_whole ? NULL : kept, is_whole ? batch->row_count : kept_count);
}

static int32_t sink_process(void *instance, struct weir_context *context, uint32_t input,
                            const struct weir_batch *batch)
{
    struct sink *sink = instance;
    (void)context, (void)input;
    int32_t rc = put_rest(sink);
    if (rc == WEIR_OK && !sink->is_taken) {
        // A large batch is not collected behind others: their rows come first.
        int needs_room = batch->row_count >= DIRECT_ROWS ||
                         batch->row_count > STAGE_ROWS - sink->stage.batch.row_count;
        rc = needs_room ? put_staged(sink) : WEIR_OK;
        rc = rc != WEIR_OK ? rc : take(sink, batch);
    }
    sink->is_taken = rc == WEIR_WAIT && sink->is_taken;
    return rc;
}

static int32_t sink_timer(void *instance, struct weir_context *context, uint32_t clock,
                          int64_t time_us, int64_t tag)
{
    struct sink *sink = instance;
    (void)clock, (void)time_us, (void)tag;
    int32_t rc = put_rest(sink);
    int64_t due_us = sink->staged_at_us + sink->linger_us;
    if (rc != WEIR_OK || sink->stage.batch.row_count == 0) {
        return rc;
    }
    return weir_now_us(context) < due_us ? weir_timer_set(context, WEIR_TIME_PROCESSING, due_us, 0)
                                         : put_staged(sink);
}

// The last input ends when all that was put is acknowledged.
static int32_t sink_end_input(void *instance, struct weir_context *context, uint32_t input)
{
    struct sink *sink = instance;
    (void)context, (void)input;
    if (sink->ended_count + 1 < sink->input_count) {
        sink->ended_count++;
        return WEIR_OK;
    }
    int32_t rc = put_rest(sink);
    rc = rc != WEIR_OK ? rc : put_staged(sink);
    if (rc != WEIR_OK || !sink->has_put) {
        return rc;
    }
    atomic_store(&sink->waits, 1);
    return stream_durable(sink->stream) >= sink->last_position ? WEIR_OK : wait_for_group(sink);
}

// --- Snapshots ---

// A snapshot holds nothing of a sink, so what came before it must be in the table: blocks until all
// of it is acknowledged.
static int32_t sink_save(void *instance, struct weir_context *context,
                         struct weir_state_writer *writer)
{
    struct sink *sink = instance;
    (void)writer;
    int32_t rc = put_rest(sink);
    rc = rc != WEIR_OK ? rc : put_staged(sink);
    for (uint32_t i = 0; i < SAVE_WAITS_MAX && rc == WEIR_WAIT; i++) {
        stream_wait(sink->stream, sink->last_position, WAIT_US);
        rc = put_rest(sink);
    }
    int32_t is_durable = !sink->has_put;
    for (uint32_t i = 0; i < SAVE_WAITS_MAX && rc == WEIR_OK && is_durable == 0; i++) {
        is_durable = stream_wait(sink->stream, sink->last_position, WAIT_US);
    }
    if (rc < 0 || (rc == WEIR_OK && is_durable == 1)) {
        return rc;
    }
    return weir_fail(context, WEIR_ERROR_FATAL,
                     "table %s has not taken all rows before the snapshot within 30 s; the store "
                     "says why",
                     sink->definition->name);
}

static int32_t sink_load(void *instance, struct weir_context *context, uint32_t version,
                         uint32_t split, const void *bytes, uint64_t byte_count)
{
    (void)instance, (void)version, (void)split, (void)bytes, (void)byte_count;
    return weir_fail(context, WEIR_ERROR_CONFIG,
                     "the snapshot has state of a sink that keeps none");
}

static const void *sink_extension(const char *id)
{
    static const struct weir_timer_table timer = {.size = sizeof timer, .timer = sink_timer};
    static const struct weir_state_table state = {
        .size = sizeof state, .version = 1, .save = sink_save, .load = sink_load};
    return strcmp(id, WEIR_TIMER_1) == 0   ? (const void *)&timer
           : strcmp(id, WEIR_STATE_1) == 0 ? (const void *)&state
                                           : NULL;
}

const struct weir_operator fluss_sink = {
    .size = sizeof fluss_sink,
    .kind = WEIR_OPERATOR_SINK,
    .flags = WEIR_OPERATOR_MANY_INPUTS,
    .option_count = sizeof options / sizeof *options,
    .name = "fluss",
    .summary = "Puts rows into a table, by the kind of each",
    .options = options,
    .create = sink_create,
    .negotiate = sink_negotiate,
    .open = sink_open,
    .process = sink_process,
    .end_input = sink_end_input,
    .close = sink_close,
    .destroy = sink_destroy,
    .extension = sink_extension,
};
