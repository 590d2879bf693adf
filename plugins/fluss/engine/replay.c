// What comes from disk: snapshot sections and log records become the bucket again. Nothing in them
// is believed that was not checked.
#include "engine/inside.h"
#include "engine/snapshot.h"
#include "log/body.h"

#include <assert.h>
#include <string.h>

// A batch that was read, as columns of the newest schema.
struct source {
    const struct record_batch *batch;
    struct body_view view;
    struct weir_column *columns;
    const int64_t *written; // RECORD_ROWS of tables whose rows expire by the time of the write
};

static int32_t no_memory(struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_FATAL, "no memory to load a bucket");
}

static int32_t open_column(const struct source *source, uint32_t column, struct weir_type type,
                           struct weir_column *out, struct arena *arena, struct failure *failure)
{
    uint64_t scratch_bytes = body_column_scratch(&source->view, column);
    uint8_t *scratch = scratch_bytes == 0 ? NULL : arena_get(arena, scratch_bytes);
    if (scratch_bytes > 0 && scratch == NULL) {
        return no_memory(failure);
    }
    return body_column(&source->view, column, type, scratch, out, failure);
}

// has_written: one column more than the table has, the time of the write.
static int32_t open_source(const struct bucket *bucket, const struct record_batch *batch,
                           int has_written, struct source *source, struct arena *arena,
                           struct failure *failure)
{
    uint32_t count = bucket->layout->column_count;
    struct weir_field *fields = arena_get(arena, (count + 1) * sizeof *fields);
    source->columns = arena_get(arena, (count + 1) * sizeof *source->columns);
    if (fields == NULL || source->columns == NULL) {
        return no_memory(failure);
    }
    memcpy(fields, bucket->table->fields, count * sizeof *fields);
    uint32_t own = has_written && batch->column_count > 0 ? batch->column_count - 1 : count;
    if (own > count) {
        return failure_set(failure, WEIR_ERROR_DATA, "%u columns, but the table has %u",
                           batch->column_count, count);
    }
    fields[own] = (struct weir_field){"", weir_type_of(WEIR_TYPE_INT64)};
    int32_t code = body_open(batch, fields, has_written ? own + 1 : count, &source->view, failure);
    if (code == WEIR_OK && has_written) {
        code = open_column(source, own, fields[own].type, &source->columns[own], arena, failure);
        source->written = source->columns[own].values;
        source->view.column_count = batch->column_count > 0 ? own : 0;
    }
    for (uint32_t i = 0; i < count && code == WEIR_OK; i++) {
        code =
            open_column(source, i, bucket->layout->types[i], &source->columns[i], arena, failure);
    }
    if (code == WEIR_OK && has_written && source->written == NULL) {
        code = failure_set(failure, WEIR_ERROR_DATA, "rows without the time of their write");
    }
    return code;
}

static int32_t check_key_nulls(const struct bucket *bucket, const struct source *source,
                               struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    for (uint32_t i = 0; i < definition->key_count; i++) {
        const struct weir_column *column = &source->columns[definition->key[i]];
        if (column->encoding == WEIR_ENCODING_ABSENT || column->null_count > 0) {
            return failure_set(failure, WEIR_ERROR_DATA,
                               "batch at offset %llu: key column %s has "
                               "nulls",
                               (unsigned long long)source->batch->base_offset,
                               bucket->table->fields[definition->key[i]].name);
        }
    }
    return WEIR_OK;
}

static struct index_mark mark_of(const struct record_batch *batch)
{
    return (struct index_mark){
        .base_offset = batch->base_offset,
        .end_offset = batch->end_offset,
        .position = batch->header.position + batch->header.record_bytes,
        .timestamp_us = batch->timestamp_us,
        .auto_increment = batch->auto_increment,
        .writer = batch->writer,
        .source = batch->source,
        .source_end = batch->source_end,
        .sequence = batch->sequence,
        .is_replayed = 1,
    };
}

// An index on disk may first have to be given what is waiting.
static int32_t prepare(struct work *work)
{
    struct index *index = work->bucket->index;
    int32_t code = work_prepare(work);
    if (code == WEIR_ERROR_RETRY && index->table->drain != NULL) {
        code = index->table->drain(index, work->failure);
        code = code == WEIR_OK ? work_prepare(work) : code;
    }
    return code;
}

// The newest state of every key of the batch goes to the index.
static int32_t apply_rows(struct bucket *bucket, const struct source *source, const uint32_t *rows,
                          uint32_t row_count, struct arena *arena, struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    const struct row_layout *layout = bucket->layout;
    const struct weir_column *key_columns[TABLE_KEY_COLUMNS_MAX];
    struct work work = {.bucket = bucket, .arena = arena, .failure = failure};
    for (uint32_t i = 0; i < definition->key_count; i++) {
        key_columns[i] = &source->columns[definition->key[i]];
    }
    int32_t code = work_begin(&work, key_columns, rows, row_count);
    for (uint32_t i = 0; i < row_count && code == WEIR_OK; i++) {
        uint32_t r = rows[i];
        uint8_t *row = NULL;
        if (source->view.kinds == NULL || source->view.kinds[r] != WEIR_KIND_DELETE) {
            row = work_row(&work);
            if (row == NULL) {
                return no_memory(failure);
            }
            memset(row, 0, layout->row_bytes);
            for (uint32_t c = 0; c < layout->column_count; c++) {
                row_take(layout, row, c, &source->columns[c], r);
            }
            if (layout->written_offset != ROW_NONE) {
                int64_t written =
                    source->written != NULL ? source->written[r] : source->batch->timestamp_us;
                memcpy(row + layout->written_offset, &written, sizeof written);
            }
        }
        work_set(&work, work.key_of[i], row);
    }
    if (code == WEIR_OK) {
        code = prepare(&work);
    }
    if (code == WEIR_OK) {
        assert(source->view.batch != NULL);
        struct index_mark mark = mark_of(source->view.batch);
        work_apply(&work, &mark);
    }
    return code == WEIR_ERROR_RETRY ? no_memory(failure) : code;
}

// -U says nothing that the index does not know.
static int32_t load_source(struct bucket *bucket, const struct source *source, struct arena *arena,
                           struct failure *failure)
{
    const uint8_t *kinds = source->view.kinds;
    uint32_t row_count = source->batch->row_count, count = 0;
    int has_deletes = 0;
    uint32_t *rows = arena_get(arena, (uint64_t)row_count * sizeof *rows);
    if (rows == NULL) {
        return no_memory(failure);
    }
    for (uint32_t i = 0; i < row_count; i++) {
        rows[count] = i;
        count += kinds == NULL || kinds[i] != WEIR_KIND_UPDATE_BEFORE;
        has_deletes |= kinds != NULL && kinds[i] == WEIR_KIND_DELETE;
    }
    return !has_deletes && fast_loads(bucket, source->columns)
               ? fast_load(bucket, source->columns, rows, count, arena, failure)
               : apply_rows(bucket, source, rows, count, arena, failure);
}

static int32_t load_batch(struct bucket *bucket, const struct record_batch *batch, int has_written,
                          struct failure *failure)
{
    struct arena arena;
    struct source source = {.batch = batch};
    arena_init(&arena, bucket->table->memory);
    int32_t code = open_source(bucket, batch, has_written, &source, &arena, failure);
    if (code == WEIR_OK && bucket->index != NULL) {
        code = batch->row_count == 0 ? WEIR_OK : check_key_nulls(bucket, &source, failure);
        if (code == WEIR_OK) {
            code = load_source(bucket, &source, &arena, failure);
        }
    }
    arena_finish(&arena);
    return code;
}

// Ids are drawn from ranges of BUCKET_RANGE; the next id stands for its range, unless it is the
// first: then the one before is used up.
static void set_auto(struct bucket *bucket, uint64_t next)
{
    bucket->auto_next = next;
    bucket->auto_end =
        next == 0 ? 0 : (next - 1 + BUCKET_RANGE - 1) / BUCKET_RANGE * BUCKET_RANGE + 1;
}

static int32_t check_follows(const struct bucket *bucket, const struct record_batch *batch,
                             struct failure *failure)
{
    uint64_t rows = batch->row_count > 0 ? batch->row_count : 1;
    if (batch->base_offset != bucket->end_offset) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "the next record of the log begins at offset %llu, expected is %llu",
                           (unsigned long long)batch->base_offset,
                           (unsigned long long)bucket->end_offset);
    }
    if (batch->end_offset - batch->base_offset != rows) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "the record at offset %llu ends at %llu, but has %u rows",
                           (unsigned long long)batch->base_offset,
                           (unsigned long long)batch->end_offset, batch->row_count);
    }
    return WEIR_OK;
}

static int32_t replay_locked(struct bucket *bucket, const struct record_batch *batch,
                             struct failure *failure)
{
    if (batch->end_offset <= bucket->end_offset) {
        return WEIR_OK;
    }
    int32_t code = check_follows(bucket, batch, failure);
    if (code == WEIR_OK) {
        code = load_batch(bucket, batch, 0, failure);
    }
    if (code == WEIR_OK) {
        code = writers_reserve(&bucket->writers, batch->timestamp_us, failure);
    }
    if (code != WEIR_OK) {
        return code == WEIR_ERROR_RETRY ? no_memory(failure) : code;
    }
    struct writer_batch written = {batch->base_offset, batch->end_offset,
                                   batch->header.position + batch->header.record_bytes,
                                   batch->sequence, 0};
    if (batch->writer != RECORD_WRITER_NONE) {
        writers_note(&bucket->writers, batch->writer, batch->timestamp_us, &written);
    }
    if (batch->source != RECORD_SOURCE_NONE) {
        writers_note_source(&bucket->writers, batch->source, batch->source_end);
    }
    if (batch->auto_increment != 0) {
        set_auto(bucket, batch->auto_increment);
    }
    bucket->end_offset = batch->end_offset;
    bucket->position = written.position;
    bucket->newest_us =
        batch->timestamp_us > bucket->newest_us ? batch->timestamp_us : bucket->newest_us;
    return WEIR_OK;
}

int32_t bucket_replay(struct bucket *bucket, const struct record_batch *batch,
                      struct failure *failure)
{
    struct failure why;
    int32_t code = bucket_enter(bucket, failure);
    if (code != WEIR_OK) {
        return code;
    }
    code = replay_locked(bucket, batch, &why);
    if (code != WEIR_OK && failure != NULL) {
        *failure = why;
        bucket_blame(bucket, failure);
    }
    bucket_leave(bucket);
    return code;
}

// --- Snapshots ---

int32_t bucket_load_section(struct bucket *bucket, const struct snapshot_section *section,
                            struct failure *failure)
{
    int32_t code = section_read(section, &bucket->writers, failure);
    if (code != WEIR_OK) {
        return code;
    }
    bucket->end_offset = section->end_offset;
    bucket->position = section->position;
    bucket->newest_us = section->newest_us;
    set_auto(bucket, section->auto_increment);
    bucket->rows_missing = section->row_count;
    return WEIR_OK;
}

static int32_t load_rows(struct bucket *bucket, const struct record_batch *batch,
                         struct failure *failure)
{
    if (batch->header.head_bytes != sizeof *batch || bucket->index == NULL ||
        batch->row_count > bucket->rows_missing || (batch->flags & RECORD_HAS_KINDS) != 0) {
        return failure_set(failure, WEIR_ERROR_DATA, "%u rows of a snapshot that expects %llu more",
                           batch->row_count, (unsigned long long)bucket->rows_missing);
    }
    uint64_t before = bucket->index->table->row_count(bucket->index);
    int32_t code = load_batch(bucket, batch, bucket->layout->written_offset != ROW_NONE, failure);
    if (code == WEIR_OK &&
        bucket->index->table->row_count(bucket->index) != before + batch->row_count) {
        return failure_set(failure, WEIR_ERROR_DATA, "a key is twice in the snapshot");
    }
    bucket->rows_missing -= batch->row_count;
    return code;
}

// An index on disk knows by itself how far it is; the log must bring it at least this far.
static int32_t note_promise(struct bucket *bucket, const struct snapshot_section *section,
                            struct failure *failure)
{
    if (section->header.head_bytes != sizeof *section ||
        section->header.record_bytes < sizeof *section) {
        return failure_set(failure, WEIR_ERROR_DATA, "its section of the snapshot is cut off");
    }
    bucket->promised_offset = section->end_offset;
    return WEIR_OK;
}

int32_t bucket_load(struct bucket *bucket, const struct record_header *record,
                    struct failure *failure)
{
    struct failure why;
    int32_t code = bucket_enter(bucket, failure);
    if (code != WEIR_OK) {
        return code;
    }
    if (record->kind == RECORD_SECTION && bucket->index != NULL &&
        bucket->index->table->is_on_disk) {
        code = note_promise(bucket, (const struct snapshot_section *)record, &why);
    } else if (record->kind == RECORD_SECTION) {
        code = bucket_load_section(bucket, (const struct snapshot_section *)record, &why);
    } else if (record->kind == RECORD_ROWS) {
        code = load_rows(bucket, (const struct record_batch *)record, &why);
    } else {
        code =
            failure_set(&why, WEIR_ERROR_DATA, "a record of kind %u in a snapshot", record->kind);
    }
    if (code == WEIR_ERROR_RETRY) {
        code = no_memory(&why);
    }
    if (code != WEIR_OK && failure != NULL) {
        *failure = why;
        bucket_blame(bucket, failure);
    }
    bucket_leave(bucket);
    return code;
}

int32_t bucket_load_end(struct bucket *bucket, struct failure *failure)
{
    if (bucket->rows_missing == 0) {
        return WEIR_OK;
    }
    failure_set(failure, WEIR_ERROR_DATA, "the snapshot lacks %llu of its rows",
                (unsigned long long)bucket->rows_missing);
    return bucket_blame(bucket, failure);
}

int32_t bucket_replay_end(struct bucket *bucket, struct failure *failure)
{
    if (bucket->end_offset >= bucket->promised_offset) {
        return WEIR_OK;
    }
    failure_set(
        failure, WEIR_ERROR_DATA,
        "index and log end at offset %llu, but a snapshot of it had %llu: the index on disk "
        "is older than the log that is left; restore a backup",
        (unsigned long long)bucket->end_offset, (unsigned long long)bucket->promised_offset);
    return bucket_blame(bucket, failure);
}
