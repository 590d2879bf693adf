// The source `fluss`: the changelog of a table, from where it is told to.
//
// Each task owns some buckets. It reads the stream of the data directory from the first position
// that any of them needs, and leaves out records of other tables and buckets; what it hands on are
// views of the records. Its state is the next offset of every bucket.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operators/collect.h"
#include "operators/lend.h"
#include "operators/operators.h"
#include "operators/resource.h"

#define VIEWS_MAX 256u

struct scan;

enum start { START_EARLIEST, START_LATEST, START_OFFSET, START_TIMESTAMP, START_FULL };
static const char *const start_names[] = {"earliest",  "latest", "offset",
                                          "timestamp", "full",   NULL};
enum lost { LOST_FAIL, LOST_SKIP };
static const char *const lost_names[] = {"fail", "skip", NULL};

static const struct weir_option options[] = {
    RESOURCE_OPTION,
    {.name = "start",
     .summary = "Where it begins; full: the rows that there are, then what changes them",
     .type = WEIR_OPTION_ENUM,
     .choices = start_names,
     .initial = "\"earliest\"",
     .since = "0.1"},
    {.name = "offset",
     .summary = "With start = \"offset\": the first offset of every bucket",
     .type = WEIR_OPTION_INT,
     .min = 0,
     .max = 9e18,
     .since = "0.1"},
    {.name = "timestamp",
     .summary = "With start = \"timestamp\": ms since 1970; rows written before are left out",
     .type = WEIR_OPTION_INT,
     .unit = "ms",
     .since = "0.1"},
    {.name = "bounded",
     .summary = "Ends at what is there when it starts",
     .type = WEIR_OPTION_BOOL,
     .initial = "false",
     .since = "0.1"},
    {.name = "on_lost",
     .summary = "What becomes of it if retention has taken rows that it has not read",
     .type = WEIR_OPTION_ENUM,
     .choices = lost_names,
     .initial = "\"fail\"",
     .since = "0.1"},
};

// A bucket that this task owns.
struct bucket_state {
    uint32_t number;
    int is_started;  // `next` holds
    int is_scanned;  // with start = full: its rows have been handed out
    uint64_t next;   // offset
    uint64_t end;    // where a bounded source stops
    int64_t from_us; // START_TIMESTAMP: records before are left out; else INT64_MIN
};

struct source {
    struct weir_context *context;
    const struct table_definition *definition;
    struct weir_field *fields;
    uint8_t *wanted;
    uint32_t wanted_kinds;
    enum start start;
    enum lost on_lost;
    int is_bounded;
    int is_partitioned; // task t owns a range of the buckets, else every n-th
    struct lend lend;
    struct collect collect;
    struct table *table;
    uint32_t table_id;
    uint64_t opened_at; // position of the stream: a bucket without records has them from here on
    struct stream *stream;
    struct stream_listener listener;
    int is_listening;
    struct bucket_state *buckets;
    uint32_t bucket_count;
    uint32_t next_scan;     // bucket whose rows come next, with start = full
    struct scan *scan;      // its rows, not yet durable; NULL: not asked for
    uint64_t scan_position; // where they are durable
    int32_t *slots;         // of every bucket of the table: its place in buckets, or -1
    struct stream_reader *reader;
    struct stream_view views[VIEWS_MAX];
    uint32_t view_count, view_next;
    struct weir_metric *lost;
};

// The rows of a bucket, and how many batches read them.
struct scan {
    struct bucket_rows rows;
    _Atomic uint32_t reader_count;
};

static void leave_scan(void *owner)
{
    struct scan *scan = owner;
    if (atomic_fetch_sub(&scan->reader_count, 1) == 1) {
        bucket_rows_finish(&scan->rows);
        free(scan);
    }
}

static int32_t no_memory(struct weir_context *context)
{
    return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the source of a table");
}

static void source_destroy(void *instance)
{
    struct source *source = instance;
    if (source != NULL) {
        free(source->fields);
        free(source->wanted);
        free(source);
    }
}

static int32_t source_create(struct weir_context *context, void **instance)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        return no_memory(context);
    }
    source->start = (enum start)weir_option(context, "start")->choice;
    source->on_lost = (enum lost)weir_option(context, "on_lost")->choice;
    source->is_bounded = (int)weir_option_int(context, "bounded", 0);
    if ((source->start == START_OFFSET) != weir_option_is_set(context, "offset") ||
        (source->start == START_TIMESTAMP) != weir_option_is_set(context, "timestamp")) {
        free(source);
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "options `offset` and `timestamp` go with start = \"offset\" and start = "
                         "\"timestamp\"");
    }
    *instance = source;
    return WEIR_OK;
}

// --- Negotiation ---

static int32_t make_fields(struct source *source, struct weir_context *context)
{
    const struct table_definition *definition = source->definition;
    if (source->fields != NULL) {
        return WEIR_OK;
    }
    source->fields = calloc(definition->column_count, sizeof *source->fields);
    source->wanted = calloc(1, weir_bit_bytes(definition->column_count));
    if (source->fields == NULL || source->wanted == NULL) {
        return no_memory(context);
    }
    for (uint32_t i = 0; i < definition->column_count; i++) {
        source->fields[i] =
            (struct weir_field){definition->columns[i].name, definition->columns[i].type};
    }
    return WEIR_OK;
}

static uint32_t kinds_of(const struct table_definition *definition)
{
    if (definition->key_count == 0) {
        return WEIR_KINDS_INSERT;
    }
    return definition->changelog == TABLE_CHANGELOG_WAL
               ? WEIR_KINDS_ALL & ~(1u << WEIR_KIND_UPDATE_BEFORE)
               : WEIR_KINDS_ALL;
}

static int32_t say_schema(struct source *source, struct weir_negotiation *negotiation)
{
    struct weir_context *context = negotiation->context;
    const struct table_definition *definition;
    int32_t rc = resource_definition(context, &definition);
    if (rc != WEIR_OK) {
        return rc;
    }
    source->definition = definition;
    if (source->start == START_FULL && definition->key_count == 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "table %s has no primary key, so start = \"full\" has no rows to begin "
                         "with; use \"earliest\"",
                         definition->name);
    }
    rc = make_fields(source, context);
    rc = rc != WEIR_OK ? rc
                       : weir_negotiation_output(negotiation, WEIR_OUTPUT_MAIN, source->fields,
                                                 definition->column_count);
    if (rc != WEIR_OK) {
        return rc;
    }
    weir_negotiation_resource(negotiation, "table", 0);
    weir_negotiation_kinds(negotiation, WEIR_OUTPUT_MAIN, kinds_of(definition));
    weir_negotiation_bounded(negotiation, source->is_bounded);
    source->is_partitioned = definition->bucket_key_count > 0;
    if (source->is_partitioned) {
        weir_negotiation_partitioned(negotiation, WEIR_OUTPUT_MAIN, definition->bucket_key,
                                     definition->bucket_key_count, definition->bucket_count);
    }
    return WEIR_OK;
}

static int32_t source_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct source *source = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        return say_schema(source, negotiation);
    }
    source->wanted_kinds = weir_negotiation_wanted_kinds(negotiation, WEIR_OUTPUT_MAIN);
    for (uint32_t i = 0; i < source->definition->column_count; i++) {
        weir_bit_set(source->wanted, i, weir_negotiation_wanted(negotiation, WEIR_OUTPUT_MAIN, i));
    }
    return WEIR_OK;
}

// --- Where to begin ---

static uint64_t end_offset(const struct source *source, uint32_t bucket)
{
    struct bucket_status status;
    bucket_status(table_bucket(source->table, bucket), &status);
    return status.end_offset;
}

static void start_bucket(const struct source *source, struct bucket_state *bucket)
{
    if (source->is_bounded) {
        bucket->end = end_offset(source, bucket->number);
    }
    if (bucket->is_started || source->start == START_FULL) {
        return;
    }
    bucket->is_started = 1;
    switch (source->start) {
    case START_LATEST:
        bucket->next = end_offset(source, bucket->number);
        return;
    case START_OFFSET:
        bucket->next = (uint64_t)weir_option_int(source->context, "offset", 0);
        return;
    case START_TIMESTAMP:
        bucket->from_us = weir_option_int(source->context, "timestamp", 0) * 1000;
        bucket->next = table_log_start(source->table, bucket->number);
        return;
    default:
        bucket->next = table_log_start(source->table, bucket->number);
        return;
    }
}

// --- Opening ---

static int owns(const struct source *source, const struct weir_context *context, uint32_t bucket)
{
    return source->is_partitioned ? bucket >= context->group_first && bucket < context->group_end
                                  : bucket % context->task_count == context->task_index;
}

static int32_t take_buckets(struct source *source, struct weir_context *context)
{
    uint32_t count = source->definition->bucket_count;
    source->slots = calloc(count, sizeof *source->slots);
    source->buckets = calloc(count, sizeof *source->buckets);
    source->lend.columns = calloc(source->definition->column_count, sizeof(struct weir_column));
    source->collect.values = calloc(source->definition->column_count, sizeof(uint8_t *));
    if (source->slots == NULL || source->buckets == NULL || source->lend.columns == NULL ||
        source->collect.values == NULL) {
        return no_memory(context);
    }
    for (uint32_t b = 0; b < count; b++) {
        source->slots[b] = -1;
        if (owns(source, context, b)) {
            source->slots[b] = (int32_t)source->bucket_count;
            source->buckets[source->bucket_count++] = (struct bucket_state){
                .number = b, .is_scanned = source->start != START_FULL, .from_us = INT64_MIN};
        }
    }
    return WEIR_OK;
}

static void wake(void *owner)
{
    const struct source *source = owner;
    weir_wake(source->context);
}

static void source_close(void *instance, struct weir_context *context)
{
    struct source *source = instance;
    (void)context;
    if (source->is_listening) {
        stream_unlisten(source->stream, &source->listener);
    }
    if (source->scan != NULL) {
        leave_scan(source->scan);
        source->scan = NULL;
    }
    stream_reader_close(source->reader);
    free(source->slots);
    free(source->buckets);
    free(source->lend.columns);
    free(source->collect.values);
    source->collect.values = NULL;
    source->reader = NULL;
    source->is_listening = 0;
    source->slots = NULL;
    source->buckets = NULL;
    source->lend.columns = NULL;
    source->bucket_count = 0;
}

static int32_t source_open(void *instance, struct weir_context *context)
{
    struct source *source = instance;
    source->context = context;
    source->lost = weir_metric_register(context, WEIR_METRIC_COUNTER, "lost_rows", "rows",
                                        "rows that retention took before they were read");
    int32_t rc =
        source->lost == NULL ? no_memory(context) : resource_table(context, &source->table);
    rc = rc != WEIR_OK ? rc : take_buckets(source, context);
    if (rc != WEIR_OK) {
        source_close(source, context);
        return rc;
    }
    source->lend.fields = source->fields;
    source->lend.field_count = source->definition->column_count;
    source->lend.wanted = source->wanted;
    source->collect.lend = &source->lend;
    source->collect.wanted_kinds = source->wanted_kinds;
    source->table_id = table_definition(source->table)->table_id;
    source->stream = table_stream(source->table);
    source->listener = (struct stream_listener){.notify = wake, .owner = source};
    stream_listen(source->stream, &source->listener);
    source->is_listening = 1;
    source->opened_at = stream_durable(source->stream);
    for (uint32_t i = 0; i < source->bucket_count; i++) {
        start_bucket(source, &source->buckets[i]); // before any writer of this job has begun
    }
    return WEIR_OK;
}

// --- Where to begin reading ---

// The position of the stream from which on all records of the bucket lie that it still needs.
static uint64_t position_of(const struct source *source, const struct bucket_state *bucket)
{
    struct stream_mark mark;
    int by_time = bucket->from_us != INT64_MIN;
    int found = stream_find(source->stream, source->table_id, bucket->number,
                            by_time ? UINT64_MAX : bucket->next,
                            by_time ? bucket->from_us : INT64_MIN, &mark);
    return found < 0 ? source->opened_at : mark.position;
}

// Rows that are gone before they were read: told, and counted or refused.
static int32_t lose(struct source *source, struct bucket_state *bucket, uint64_t next)
{
    uint64_t count = next - bucket->next;
    const char *name = source->definition->name;
    if (source->on_lost == LOST_FAIL) {
        return weir_fail(source->context, WEIR_ERROR_DATA,
                         "table %s, bucket %u: offsets %llu to %llu are lost, retention took them "
                         "before they were read; start later, or count them with on_lost = "
                         "\"skip\"",
                         name, bucket->number, (unsigned long long)bucket->next,
                         (unsigned long long)next - 1);
    }
    weir_counter_add(source->lost, (int64_t)count);
    weir_log(source->context, WEIR_LOG_WARNING,
             "table %s, bucket %u: offsets %llu to %llu are lost", name, bucket->number,
             (unsigned long long)bucket->next, (unsigned long long)next - 1);
    bucket->next = next;
    return WEIR_OK;
}

// Rows that retention has taken before they were read: the log's first mark of a bucket lies behind
// what it reads next. A bucket without a mark has no durable record yet.
static int32_t check_lost(struct source *source)
{
    struct stream_mark mark;
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < source->bucket_count; i++) {
        struct bucket_state *bucket = &source->buckets[i];
        if (bucket->is_started && bucket->from_us == INT64_MIN &&
            stream_find(source->stream, source->table_id, bucket->number, bucket->next, INT64_MIN,
                        &mark) == 0) {
            rc = lose(source, bucket, mark.offset);
        }
    }
    return rc;
}

// Opens the reader at the first record that any bucket needs.
static int32_t open_reader(struct source *source)
{
    struct failure failure = {0};
    uint64_t first = stream_durable(source->stream);
    int32_t rc = check_lost(source);
    if (rc != WEIR_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < source->bucket_count; i++) {
        const struct bucket_state *bucket = &source->buckets[i];
        if (bucket->is_started) {
            uint64_t position = position_of(source, bucket);
            first = position < first ? position : first;
        }
    }
    uint64_t begin = stream_begin(source->stream);
    stream_reader_close(source->reader);
    source->reader = NULL;
    rc = stream_reader_open(source->stream, first > begin ? first : begin, &source->reader,
                            &failure);
    return rc == WEIR_OK ? rc : resource_fail(source->context, &failure);
}

// --- Records ---

// Small records are copied together, others leave as they are, behind what was copied before.
static int32_t hand_out(struct source *source, const struct stream_view *view, uint32_t first)
{
    const struct record_batch *record = (const struct record_batch *)view->record;
    int is_taken = record->row_count == 0;
    int32_t rc = is_taken
                     ? WEIR_OK
                     : collect_record(&source->collect, source->context, view, first, &is_taken);
    if (rc != WEIR_OK || is_taken) {
        return rc;
    }
    rc = collect_emit(&source->collect, source->context);
    return rc != WEIR_OK ? rc : lend_record(&source->lend, source->context, view, first);
}

static int32_t take_record(struct source *source, const struct stream_view *view)
{
    const struct record_batch *record = (const struct record_batch *)view->record;
    if (record->table_id != source->table_id ||
        record->bucket >= source->definition->bucket_count || source->slots[record->bucket] < 0) {
        return WEIR_OK;
    }
    struct bucket_state *bucket = &source->buckets[source->slots[record->bucket]];
    if (!bucket->is_started || record->end_offset <= bucket->next) {
        return WEIR_OK;
    }
    if (record->timestamp_us < bucket->from_us ||
        (source->is_bounded && bucket->next >= bucket->end)) {
        bucket->next = record->timestamp_us < bucket->from_us ? record->end_offset : bucket->next;
        return WEIR_OK;
    }
    if (record->base_offset > bucket->next && bucket->from_us == INT64_MIN) {
        int32_t rc = lose(source, bucket, record->base_offset);
        if (rc != WEIR_OK) {
            return rc;
        }
    }
    uint32_t first =
        record->base_offset < bucket->next ? (uint32_t)(bucket->next - record->base_offset) : 0;
    bucket->from_us = INT64_MIN;
    bucket->next = record->end_offset;
    return hand_out(source, view, first);
}

// --- Rows that there are, with start = full ---

static int32_t emit_scan(struct source *source, const struct bucket_state *bucket,
                         struct scan *scan)
{
    const struct weir_batch *batch;
    int64_t now_us = weir_now_us(source->context);
    const struct lend_rows rows = {.columns = scan->rows.columns,
                                   .row_count = scan->rows.row_count,
                                   .bucket = (int32_t)bucket->number,
                                   .entered_us = now_us,
                                   .release = leave_scan,
                                   .owner = scan};
    int32_t rc = WEIR_OK;
    for (uint32_t first = 0; rc == WEIR_OK && first < rows.row_count; first += LEND_ROWS_MAX) {
        uint32_t left = rows.row_count - first;
        atomic_fetch_add(&scan->reader_count, 1);
        rc = lend_build(&source->lend, source->context, &rows, first,
                        left < LEND_ROWS_MAX ? left : LEND_ROWS_MAX, &batch);
        rc = rc != WEIR_OK ? rc : weir_emit(source->context, WEIR_OUTPUT_MAIN, batch);
    }
    return rc;
}

// Hands out the rows of one more bucket, once they are durable. WEIR_WAIT: they are not yet.
static int32_t scan_bucket(struct source *source)
{
    struct bucket_state *bucket = &source->buckets[source->next_scan];
    struct failure failure = {0};
    uint64_t position;
    if (bucket->is_scanned) {
        source->next_scan++;
        return WEIR_OK;
    }
    if (source->scan == NULL) {
        source->scan = calloc(1, sizeof *source->scan);
        if (source->scan == NULL) {
            return no_memory(source->context);
        }
        atomic_store(&source->scan->reader_count, 1);
        int32_t rc = bucket_scan(table_bucket(source->table, bucket->number), UINT32_MAX, 0,
                                 &source->scan->rows, &bucket->next, &position, &failure);
        if (rc != WEIR_OK) {
            free(source->scan);
            source->scan = NULL;
            return resource_fail(source->context, &failure);
        }
        source->scan_position = position;
    }
    if (stream_durable(source->stream) < source->scan_position) {
        return WEIR_WAIT;
    }
    struct scan *scan = source->scan;
    source->scan = NULL;
    source->next_scan++;
    bucket->is_started = bucket->is_scanned = 1;
    int32_t rc = emit_scan(source, bucket, scan);
    leave_scan(scan);
    return rc;
}

static int is_at_end(const struct source *source)
{
    for (uint32_t i = 0; i < source->bucket_count; i++) {
        if (source->buckets[i].next < source->buckets[i].end) {
            return 0;
        }
    }
    return 1;
}

// WEIR_MORE: none, but it goes on elsewhere.
static int32_t read_views(struct source *source)
{
    struct failure failure = {0};
    source->view_next = 0;
    int32_t rc =
        stream_read(source->reader, source->views, VIEWS_MAX, &source->view_count, &failure);
    if (rc == WEIR_OK) {
        return WEIR_OK;
    }
    source->view_count = 0;
    if (rc != WEIR_ERROR_CONFIG) {
        return resource_fail(source->context, &failure);
    }
    rc = open_reader(source); // retention has overtaken it: it knows which offsets are lost
    return rc == WEIR_OK ? WEIR_MORE : rc;
}

// Reads on until there is nothing more, or enough for now.
static int32_t read_on(struct source *source)
{
    int32_t rc = source->reader == NULL ? open_reader(source) : WEIR_OK;
    while (rc == WEIR_OK && !weir_should_yield(source->context)) {
        if (source->next_scan < source->bucket_count) {
            rc = scan_bucket(source);
            continue;
        }
        if (source->view_next == source->view_count) {
            if (source->is_bounded && is_at_end(source)) {
                return WEIR_END;
            }
            rc = read_views(source);
            if (rc == WEIR_MORE) {
                rc = WEIR_OK; // reads on elsewhere
            } else if (rc == WEIR_OK && source->view_count == 0) {
                return WEIR_WAIT; // the stream's writer wakes it
            }
            continue;
        }
        rc = take_record(source, &source->views[source->view_next++]);
    }
    return rc == WEIR_OK ? WEIR_MORE : rc;
}

static int32_t source_poll(void *instance, struct weir_context *context)
{
    struct source *source = instance;
    int32_t rc = read_on(source);
    if (rc < 0) {
        collect_discard(&source->collect, context);
        return rc;
    }
    int32_t emitted = collect_emit(&source->collect, context);
    return emitted != WEIR_OK ? emitted : rc;
}

// --- State: the next offset of every bucket ---

static int32_t source_save(void *instance, struct weir_context *context,
                           struct weir_state_writer *writer)
{
    const struct source *source = instance;
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < source->bucket_count; i++) {
        const struct bucket_state *bucket = &source->buckets[i];
        if (bucket->is_started) {
            rc = weir_state_write(context, writer, bucket->number, &bucket->next,
                                  sizeof bucket->next);
        }
    }
    return rc;
}

static int32_t source_load(void *instance, struct weir_context *context, uint32_t version,
                           uint32_t split, const void *bytes, uint64_t byte_count)
{
    struct source *source = instance;
    if (version != 1 || byte_count != sizeof(uint64_t) ||
        split >= source->definition->bucket_count || source->slots[split] < 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "the snapshot has a position of bucket %u that is not of this table",
                         split);
    }
    struct bucket_state *bucket = &source->buckets[source->slots[split]];
    memcpy(&bucket->next, bytes, sizeof bucket->next);
    bucket->is_started = bucket->is_scanned = 1;
    return WEIR_OK;
}

static const void *source_extension(const char *id)
{
    static const struct weir_state_table state = {
        .size = sizeof state, .version = 1, .save = source_save, .load = source_load};
    return strcmp(id, WEIR_STATE_1) == 0 ? &state : NULL;
}

const struct weir_operator fluss_source = {
    .size = sizeof fluss_source,
    .kind = WEIR_OPERATOR_SOURCE,
    .option_count = sizeof options / sizeof *options,
    .name = "fluss",
    .summary = "Reads what changes a table",
    .options = options,
    .create = source_create,
    .negotiate = source_negotiate,
    .open = source_open,
    .poll = source_poll,
    .close = source_close,
    .destroy = source_destroy,
    .extension = source_extension,
};
