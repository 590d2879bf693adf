#include "host/rejects.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/schema.h"
#include "host/instance_body.h"
#include "host/show.h"

#define RECORD_ROWS 1024u
#define LOG_EVERY_US (10 * 1000000LL)
#define SET_ASIDE "; with on_error = \"reject\" it is set aside"

static struct port *rejected_port(struct instance *instance)
{
    struct instance_body *body = instance->body;
    return body->port_count > 0 ? &body->ports[body->port_count - 1] : NULL;
}

static int is_read(struct instance *instance)
{
    const struct port *port = rejected_port(instance);
    return port != NULL && port->schema != NULL && port->wanted_kinds != 0;
}

// Rejects that nobody reads are talked about now and then, so that they are not overlooked.
static void count(struct instance *instance, const char *reason)
{
    struct rejects *rejects = &instance->body->rejects;
    uint64_t total = __atomic_load_n(&instance->rejected_rows, __ATOMIC_RELAXED) + 1;
    char text[1024];
    __atomic_store_n(&instance->rejected_rows, total, __ATOMIC_RELAXED);
    if (is_read(instance)) {
        return;
    }
    rejects->unlogged++;
    if (total == 1 || instance->now_us >= rejects->logged_us + LOG_EVERY_US) {
        snprintf(text, sizeof text,
                 "rejected %" PRIu64 " row%s so far that nobody reads (from = \"%s.rejected\" "
                 "would); the last: %s",
                 total, total == 1 ? "" : "s", instance->context.stage, reason);
        rejects->logged_us = instance->now_us;
        rejects->unlogged = 0;
        instance->context.host->log(&instance->context, WEIR_LOG_WARNING, text);
    }
}

void rejects_clear(struct rejects *rejects)
{
    batch_unref(rejects->batch);
    rejects->batch = NULL;
    rejects->count = 0;
    rejects->reasons.length = 0;
    if (rejects->records != NULL) {
        batch_builder_discard(rejects->records);
        rejects->records = NULL;
    }
    rejects->record_count = 0;
}

static void free_rows(struct rejects *rejects)
{
    memory_free(rejects->bits, weir_bit_bytes(rejects->capacity));
    memory_free(rejects->kept, rejects->capacity * sizeof *rejects->kept);
    memory_free(rejects->rows, rejects->capacity * sizeof *rejects->rows);
    rejects->bits = NULL;
    rejects->kept = rejects->rows = NULL;
    rejects->capacity = 0;
}

void rejects_finish(struct rejects *rejects)
{
    rejects_clear(rejects);
    free_rows(rejects);
    text_finish(&rejects->reasons);
}

static int make_room(struct rejects *rejects, uint32_t row_count)
{
    if (rejects->capacity >= row_count) {
        return 0;
    }
    free_rows(rejects);
    rejects->capacity = row_count;
    rejects->bits = memory_allocate(weir_bit_bytes(row_count));
    rejects->kept = memory_allocate(row_count * sizeof *rejects->kept);
    rejects->rows = memory_allocate(row_count * sizeof *rejects->rows);
    return rejects->bits != NULL && rejects->kept != NULL && rejects->rows != NULL ? 0 : -ENOMEM;
}

// Turns to another batch; what was booked for the one before leaves first.
static int32_t turn_to(struct instance *instance, const struct weir_batch *batch)
{
    struct rejects *rejects = &instance->body->rejects;
    if (rejects->batch == batch) {
        return WEIR_OK;
    }
    int32_t rc = rejects_flush(instance);
    if (rc == WEIR_OK && make_room(rejects, batch->row_count) != 0) {
        rc = instance_errno(instance, -ENOMEM, "rejected rows");
    }
    if (rc == WEIR_OK) {
        batch_ref(batch);
        rejects->batch = batch;
        memset(rejects->bits, 0, weir_bit_bytes(batch->row_count));
    }
    return rc;
}

static int32_t refuse_row(struct instance *instance, const struct weir_batch *batch, uint32_t row,
                          const char *reason)
{
    struct text text = {0};
    show_row(&text, batch, row, 300);
    int32_t rc = instance_fail(instance, WEIR_ERROR_DATA, "%s, in the row (%s)" SET_ASIDE, reason,
                               text.at != NULL ? text.at : "");
    text_finish(&text);
    return rc;
}

int32_t rejects_row(struct instance *instance, const struct weir_batch *batch, uint32_t row,
                    const char *reason)
{
    struct rejects *rejects = &instance->body->rejects;
    if (row >= batch->row_count) {
        return instance_fail(instance, WEIR_ERROR_FATAL,
                             "row %u of a batch of %u is rejected; this is the plugin's fault", row,
                             batch->row_count);
    }
    if (instance->on_error != ON_ERROR_REJECT) {
        return refuse_row(instance, batch, row, reason);
    }
    if (instance->description->kind == WEIR_OPERATOR_SOURCE) {
        struct text text = {0};
        show_row(&text, batch, row, 0);
        int32_t booked = rejects_record(instance, "row made by the source", reason,
                                        text.at != NULL ? text.at : "", (uint32_t)text.length);
        text_finish(&text);
        if (booked != WEIR_OK) {
            return booked;
        }
    }
    int32_t rc = turn_to(instance, batch);
    if (rc != WEIR_OK || weir_bit(rejects->bits, row)) {
        return rc;
    }
    weir_bit_set(rejects->bits, row, 1);
    rejects->rows[rejects->count++] = row;
    text_add(&rejects->reasons, reason, strlen(reason) + 1);
    if (instance->description->kind != WEIR_OPERATOR_SOURCE) {
        count(instance, reason);
    }
    return WEIR_OK;
}

int32_t rejects_kept(struct instance *instance, const uint32_t **kept, uint32_t *kept_count)
{
    struct rejects *rejects = &instance->body->rejects;
    if (rejects->batch == NULL || rejects->count == 0) {
        return 0;
    }
    uint32_t n = 0;
    for (uint32_t row = 0; row < rejects->batch->row_count; row++) {
        rejects->kept[n] = row;
        n += !weir_bit(rejects->bits, row);
    }
    *kept = rejects->kept;
    *kept_count = n;
    return 1;
}

// --- Records of a source ---

static int32_t flush_records(struct instance *instance)
{
    struct rejects *rejects = &instance->body->rejects;
    const struct weir_batch *batch;
    if (rejects->record_count == 0) {
        return WEIR_OK;
    }
    batch_builder_times(rejects->records, WEIR_BUCKET_NONE, WEIR_TIME_NONE, WEIR_TIME_NONE,
                        instance->now_us);
    int rc = batch_builder_finish(rejects->records, rejects->record_count, &batch);
    rejects->records = NULL;
    rejects->record_count = 0;
    return rc == 0 ? instance_emit(instance, instance->body->port_count - 1, batch)
                   : instance_errno(instance, rc, "rejected records");
}

static int append_record(struct rejects *rejects, const char *place, const char *reason,
                         const void *record, uint32_t byte_count)
{
    int rc = batch_builder_append(rejects->records, 0, place, (uint32_t)strlen(place));
    if (rc == 0) {
        rc = batch_builder_append(rejects->records, 1, reason, (uint32_t)strlen(reason));
    }
    if (rc == 0) {
        rc = record != NULL ? batch_builder_append(rejects->records, 2, record, byte_count)
                            : batch_builder_append_null(rejects->records, 2);
    }
    return rc;
}

int32_t rejects_record(struct instance *instance, const char *place, const char *reason,
                       const void *record, uint32_t byte_count)
{
    struct rejects *rejects = &instance->body->rejects;
    char sentence[1024];
    int rc = 0;
    snprintf(sentence, sizeof sentence, "%s: %s", place, reason);
    if (instance->on_error != ON_ERROR_REJECT) {
        return instance_fail(instance, WEIR_ERROR_DATA, "%s" SET_ASIDE, sentence);
    }
    count(instance, sentence);
    if (!is_read(instance) || instance->description->kind != WEIR_OPERATOR_SOURCE) {
        return WEIR_OK;
    }
    if (rejects->records == NULL) {
        rc = batch_builder_create(rejected_port(instance)->schema, RECORD_ROWS, &rejects->records);
    }
    if (rc == 0) {
        rc = append_record(rejects, place, reason, record, byte_count);
    }
    if (rc != 0) {
        return instance_errno(instance, rc, "a rejected record");
    }
    return ++rejects->record_count == RECORD_ROWS ? flush_records(instance) : WEIR_OK;
}

// --- Rows of a batch ---

struct booked {
    uint32_t row;
    const char *reason;
};

static int by_row(const void *a, const void *b)
{
    const struct booked *x = a, *y = b;
    return x->row < y->row ? -1 : x->row > y->row;
}

// Rows in the order of the batch, whatever order they were refused in.
static struct booked *sort_booked(struct rejects *rejects)
{
    struct booked *booked = malloc(rejects->count * sizeof *booked);
    const char *reason = rejects->reasons.at;
    for (uint32_t i = 0; booked != NULL && i < rejects->count; i++) {
        booked[i] = (struct booked){rejects->rows[i], reason};
        reason += strlen(reason) + 1;
    }
    if (booked != NULL) {
        qsort(booked, rejects->count, sizeof *booked, by_row);
    }
    for (uint32_t i = 0; booked != NULL && i < rejects->count; i++) {
        rejects->rows[i] = booked[i].row;
    }
    return booked;
}

static int gather_column(struct batch_builder *builder, uint32_t column,
                         const struct rejects *rejects)
{
    const struct weir_field *field = &batch_builder_schema(builder)->fields[column];
    int32_t from = weir_schema_find(rejects->batch->schema, field->name);
    if (from < 0 || !type_equal(rejects->batch->schema->fields[from].type, field->type)) {
        return 0; // not a batch of the input: null
    }
    if (rejects->batch->columns[from].encoding == WEIR_ENCODING_ABSENT) {
        batch_builder_absent(builder, column);
        return 0;
    }
    return batch_builder_gather(builder, column, rejects->batch, (uint32_t)from, rejects->rows,
                                rejects->count);
}

static int fill_rows(struct batch_builder *builder, const struct rejects *rejects,
                     const struct booked *booked)
{
    uint32_t reason = batch_builder_schema(builder)->field_count - 1;
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < reason; i++) {
        rc = gather_column(builder, i, rejects);
    }
    for (uint32_t i = 0; rc == 0 && i < rejects->count; i++) {
        rc = batch_builder_append(builder, reason, booked[i].reason,
                                  (uint32_t)strlen(booked[i].reason));
    }
    uint8_t *kinds = rc == 0 && rejects->batch->kinds != NULL ? batch_builder_kinds(builder) : NULL;
    for (uint32_t i = 0; kinds != NULL && i < rejects->count; i++) {
        kinds[i] = rejects->batch->kinds[rejects->rows[i]];
    }
    const struct weir_batch *batch = rejects->batch;
    batch_builder_times(builder, batch->bucket, batch->time_min_us, batch->time_max_us,
                        batch->entered_us);
    return rc;
}

static int build_rows(struct instance *instance, const struct weir_batch **out)
{
    struct rejects *rejects = &instance->body->rejects;
    struct batch_builder *builder;
    struct booked *booked = sort_booked(rejects);
    int rc = booked == NULL
                 ? -ENOMEM
                 : batch_builder_create(rejected_port(instance)->schema, rejects->count, &builder);
    if (rc == 0) {
        rc = fill_rows(builder, rejects, booked);
        if (rc == 0) {
            rc = batch_builder_finish(builder, rejects->count, out);
        } else {
            batch_builder_discard(builder);
        }
    }
    free(booked);
    return rc;
}

int32_t rejects_flush(struct instance *instance)
{
    struct rejects *rejects = &instance->body->rejects;
    const struct weir_batch *batch = NULL;
    int32_t rc = flush_records(instance);
    int is_source = instance->description->kind == WEIR_OPERATOR_SOURCE;
    if (rc == WEIR_OK && rejects->count > 0 && !is_source && is_read(instance)) {
        int built = build_rows(instance, &batch);
        rc = built == 0 ? WEIR_OK : instance_errno(instance, built, "rejected rows");
    }
    rejects_clear(rejects);
    return rc == WEIR_OK && batch != NULL
               ? instance_emit(instance, instance->body->port_count - 1, batch)
               : rc;
}
