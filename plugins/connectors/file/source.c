#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "file.h"
#include "infer.h"
#include "paths.h"
#include "reader.h"

#define STEPS_MAX 32 // pieces of a file read in one poll, if its rows do not fill a batch
#define STATE_VERSION 1u

// A file that this task reads.
struct split {
    uint32_t file; // its number among all files; also the number of its split in snapshots
    const char *path;
    struct reader *reader;
    struct reader_place place; // as of the last emitted batch
    int is_finishing;          // followed: the file was replaced, what is left of it is read
    int is_awaited;            // followed: it has been said that the file is not there
};

struct source {
    struct file_options options;
    int is_followed;
    int64_t pause_us;
    uint32_t sample_rows;
    struct infer infer; // if the columns are not declared
    const struct weir_field *fields;
    struct weir_field *declared;
    uint32_t field_count;
    uint8_t *wanted;
    struct paths paths;
    struct split *splits;
    uint32_t split_count;
    uint32_t current;
    struct rows rows;
    char sentence[FILE_SENTENCE_MAX];
};

static const struct weir_option options[] = {
    {.name = "path",
     .summary = "File or list of files; `*`, `?` and `[...]` are patterns; `-` is standard input",
     .type = WEIR_OPTION_LIST,
     .flags = WEIR_OPTION_REQUIRED,
     .element = WEIR_OPTION_STRING,
     .since = "0.1"},
    {.name = "format",
     .summary = "What the files hold; told from the name of the first if not said",
     .type = WEIR_OPTION_ENUM,
     .choices = file_formats,
     .since = "0.1"},
    {.name = "columns",
     .summary = "Names and types of the columns; told from the first file if not said",
     .type = WEIR_OPTION_SCHEMA,
     .since = "0.1"},
    {.name = "sample_rows",
     .summary = "Rows of the first file from which the columns are told",
     .type = WEIR_OPTION_INT,
     .initial = "1000",
     .unit = "rows",
     .min = 1,
     .max = 1000000,
     .since = "0.1"},
    {.name = "compression",
     .summary = "How the files are compressed; told from their first bytes if not said",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"auto\"",
     .choices = file_compressions,
     .since = "0.1"},
    FILE_DIALECT_OPTIONS,
    {.name = "follow",
     .summary = "Goes on reading as the files grow, are cut off or replaced",
     .type = WEIR_OPTION_BOOL,
     .initial = "false",
     .since = "0.1"},
    {.name = "pause",
     .summary = "How long a followed file is left alone at its end",
     .type = WEIR_OPTION_DURATION,
     .initial = "\"100ms\"",
     .min = 1000,
     .max = 3600e6,
     .since = "0.1"},
};

// --- Set-up ---

static void source_destroy(void *instance)
{
    struct source *source = instance;
    if (source == NULL) {
        return;
    }
    infer_finish(&source->infer);
    paths_finish(&source->paths);
    free(source->declared);
    free(source->wanted);
    free(source);
}

static int32_t no_memory(struct weir_context *context)
{
    return weir_fail(context, WEIR_ERROR_FATAL, "no memory for rows");
}

static int32_t source_declare(struct source *source, const struct weir_value *columns)
{
    source->declared = calloc(columns->count + 1, sizeof *source->declared);
    if (source->declared == NULL) {
        return WEIR_ERROR_FATAL;
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        source->declared[i].name = columns->as.items[i].name;
        source->declared[i].type = columns->as.items[i].as.field;
    }
    source->fields = source->declared;
    source->field_count = columns->count;
    return WEIR_OK;
}

static int32_t source_check_followed(struct source *source, struct weir_context *context,
                                     const struct weir_value *paths)
{
    int is_compressed = source->options.compression == COMPRESSION_GZIP ||
                        source->options.compression == COMPRESSION_ZSTD;
    for (uint32_t i = 0; i < paths->count; i++) {
        const char *path = paths->as.items[i].as.string;
        if (is_compressed || file_compression_of(path) != COMPRESSION_NONE) {
            return weir_fail(context, WEIR_ERROR_CONFIG,
                             "%s is compressed, and only plain files can be followed: leave out "
                             "follow = true, or name the plain file",
                             path);
        }
    }
    source->options.compression = COMPRESSION_NONE;
    return WEIR_OK;
}

static int32_t source_create(struct weir_context *context, void **instance)
{
    struct source *source = calloc(1, sizeof *source);
    const struct weir_value *paths = weir_option(context, "path");
    const struct weir_value *columns = weir_option(context, "columns");
    if (source == NULL) {
        return no_memory(context);
    }
    source->is_followed = weir_option_int(context, "follow", 0) != 0;
    source->pause_us = weir_option_int(context, "pause", 100000);
    source->sample_rows = (uint32_t)weir_option_int(context, "sample_rows", 1000);
    int32_t rc = WEIR_OK;
    if (paths->count == 0) {
        rc = weir_fail(context, WEIR_ERROR_CONFIG, "option `path` names no file");
    }
    if (rc == WEIR_OK) {
        rc = file_options_read(context, paths->as.items[0].as.string, &source->options);
    }
    if (rc == WEIR_OK && source->is_followed) {
        rc = source_check_followed(source, context, paths);
    }
    if (rc == WEIR_OK && columns->type != WEIR_VALUE_NONE) {
        rc = source_declare(source, columns) == WEIR_OK ? WEIR_OK : no_memory(context);
    }
    if (rc != WEIR_OK) {
        source_destroy(source);
        return rc;
    }
    *instance = source;
    return WEIR_OK;
}

// Tells the columns from the first file, once.
static int32_t source_infer(struct source *source, struct weir_context *context)
{
    struct paths paths;
    int rc = paths_find(weir_option(context, "path"), &paths, source->sentence);
    if (rc == 0 && strcmp(paths.items[0], "-") == 0) {
        snprintf(source->sentence, FILE_SENTENCE_MAX,
                 "the columns of standard input are not known before it is read: name them, with "
                 "their types, in `columns`");
        rc = -EINVAL;
    }
    if (rc == 0) {
        rc = infer_file(&source->options, paths.items[0], source->sample_rows, &source->infer,
                        source->sentence);
    }
    paths_finish(&paths);
    if (rc != 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG, "%s", source->sentence);
    }
    source->fields = source->infer.fields;
    source->field_count = source->infer.field_count;
    return WEIR_OK;
}

static int32_t source_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct source *source = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_WANTS) {
        free(source->wanted);
        source->wanted = calloc(1, source->field_count + 1);
        for (uint32_t i = 0; source->wanted != NULL && i < source->field_count; i++) {
            source->wanted[i] = weir_negotiation_wanted(negotiation, 0, i) != 0;
        }
        return source->wanted != NULL ? WEIR_OK : no_memory(negotiation->context);
    }
    int32_t rc = source->fields != NULL ? WEIR_OK : source_infer(source, negotiation->context);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (source->options.kind != NULL) {
        weir_negotiation_kinds(negotiation, 0, WEIR_KINDS_ALL);
    }
    weir_negotiation_bounded(negotiation, !source->is_followed);
    return weir_negotiation_output(negotiation, 0, source->fields, source->field_count);
}

static void source_close(void *instance, struct weir_context *context)
{
    struct source *source = instance;
    (void)context;
    for (uint32_t i = 0; i < source->split_count; i++) {
        reader_close(source->splits[i].reader);
    }
    free(source->splits);
    source->splits = NULL;
    source->split_count = source->current = 0;
    rows_finish(&source->rows);
    paths_finish(&source->paths);
}

// File n belongs to task n modulo the number of tasks, as its split in a snapshot does.
static int32_t source_deal(struct source *source, struct weir_context *context)
{
    source->splits = calloc(source->paths.count, sizeof *source->splits);
    if (source->splits == NULL) {
        return no_memory(context);
    }
    for (uint32_t i = context->task_index; i < source->paths.count; i += context->task_count) {
        struct split *split = &source->splits[source->split_count++];
        split->file = i;
        split->path = source->paths.items[i];
        int rc = paths_check(split->path, source->sentence);
        if (rc != 0 && !(rc == -ENOENT && source->is_followed)) {
            return weir_fail(context, WEIR_ERROR_FATAL, "%s", source->sentence);
        }
    }
    return WEIR_OK;
}

static int32_t source_open(void *instance, struct weir_context *context)
{
    struct source *source = instance;
    int32_t rc = WEIR_OK;
    if (paths_find(weir_option(context, "path"), &source->paths, source->sentence) != 0) {
        return weir_fail(context, WEIR_ERROR_FATAL, "%s", source->sentence);
    }
    uint32_t capacity = rows_capacity(source->fields, source->field_count);
    if (rows_init(&source->rows, source->fields, source->field_count, source->wanted, capacity,
                  source->options.kind != NULL) != 0) {
        rc = no_memory(context);
    }
    rc = rc == WEIR_OK ? source_deal(source, context) : rc;
    if (rc != WEIR_OK) {
        source_close(source, context);
    }
    return rc;
}

// --- Rows ---

static int32_t copy_column(struct weir_context *context, struct weir_builder *builder,
                           const struct rows *rows, uint32_t index)
{
    const struct rows_column *column = &rows->columns[index];
    uint32_t width = weir_type_width(column->type);
    if (weir_type_is_text(column->type)) {
        int32_t *offsets;
        uint64_t size = (uint64_t)column->offsets[rows->count];
        uint8_t *bytes = weir_builder_text(context, builder, index, size, &offsets);
        if (bytes == NULL) {
            return no_memory(context);
        }
        memcpy(bytes, column->values, size);
        memcpy(offsets, column->offsets, (rows->count + 1) * sizeof *offsets);
    } else {
        size_t size = width == 0 ? weir_bit_bytes(rows->count) : (size_t)rows->count * width;
        void *values = weir_builder_values(context, builder, index);
        if (values == NULL) {
            return no_memory(context);
        }
        memcpy(values, column->values, size);
    }
    if (column->null_count > 0) {
        uint8_t *validity = weir_builder_validity(context, builder, index);
        if (validity == NULL) {
            return no_memory(context);
        }
        memcpy(validity, column->validity, weir_bit_bytes(rows->count));
    }
    return WEIR_OK;
}

static int32_t emit_rows(struct source *source, struct weir_context *context)
{
    struct rows *rows = &source->rows;
    struct weir_builder *builder;
    if (rows->count == 0) {
        return WEIR_OK;
    }
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, rows->count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < rows->column_count; i++) {
        rc = rows->columns[i].is_wanted ? copy_column(context, builder, rows, i) : WEIR_OK;
    }
    if (rc == WEIR_OK && rows->kinds != NULL) {
        uint8_t *kinds = weir_builder_kinds(context, builder);
        rc = kinds == NULL ? no_memory(context) : WEIR_OK;
        if (kinds != NULL) {
            memcpy(kinds, rows->kinds, rows->count);
        }
    }
    if (rc != WEIR_OK) {
        weir_builder_discard(context, builder);
        return rc;
    }
    uint32_t count = rows->count;
    rows_clear(rows);
    return weir_emit_built(context, WEIR_OUTPUT_MAIN, builder, count);
}

static int32_t reject(struct source *source, struct weir_context *context,
                      const struct split *split)
{
    const struct parse_bad *bad = reader_bad(split->reader);
    const char *name = bad->column >= 0 ? source->fields[bad->column].name : NULL;
    char place[1024];
    snprintf(place, sizeof place, "%s%s%llu%s%s%s", split->path,
             source->options.format == FORMAT_MSGPACK ? ", record " : ":",
             (unsigned long long)bad->line, name != NULL ? ", column `" : "",
             name != NULL ? name : "", name != NULL ? "`" : "");
    return weir_reject_record(context, place, bad->reason, bad->record, (uint32_t)bad->record_size);
}

static int32_t open_split(struct source *source, struct weir_context *context, struct split *split)
{
    struct stat info;
    if (source->is_followed && split->place.number != 0 && stat(split->path, &info) == 0 &&
        (info.st_ino != split->place.number || info.st_dev != split->place.device)) {
        weir_log(context, WEIR_LOG_WARNING,
                 "%s is not the file of the snapshot: reading it from its start", split->path);
        memset(&split->place, 0, sizeof split->place);
    }
    int rc = reader_open(&source->options, split->path, &source->rows, &split->place,
                         source->is_followed, &split->reader, source->sentence);
    if (rc == -ENOENT && source->is_followed) {
        if (!split->is_awaited) {
            weir_log(context, WEIR_LOG_INFO, "%s is not there yet: waiting for it", split->path);
        }
        split->is_awaited = 1;
        return WEIR_WAIT;
    }
    split->is_awaited = 0;
    return rc == 0 ? WEIR_OK : weir_fail(context, WEIR_ERROR_FATAL, "%s", source->sentence);
}

// Reads and emits some rows of a file. WEIR_MORE; WEIR_END at its end; or an error.
static int32_t read_split(struct source *source, struct weir_context *context, struct split *split)
{
    int status = READER_MORE;
    int32_t rc = WEIR_OK;
    for (int i = 0; rc == WEIR_OK && i < STEPS_MAX && status != READER_END && status != READER_FULL;
         i++) {
        status = reader_read(split->reader, source->sentence);
        if (status == READER_BAD) {
            rc = reject(source, context, split);
        } else if (status == READER_ERROR) {
            rc = weir_fail(context, WEIR_ERROR_FATAL, "%s", source->sentence);
        }
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    reader_place(split->reader, &split->place);
    rc = emit_rows(source, context);
    return rc != WEIR_OK ? rc : status == READER_END ? WEIR_END : WEIR_MORE;
}

static int32_t poll_files(struct source *source, struct weir_context *context)
{
    while (source->current < source->split_count && source->splits[source->current].place.is_done) {
        source->current++;
    }
    if (source->current == source->split_count) {
        return WEIR_END;
    }
    struct split *split = &source->splits[source->current];
    int32_t rc = split->reader != NULL ? WEIR_OK : open_split(source, context, split);
    rc = rc == WEIR_OK ? read_split(source, context, split) : rc;
    if (rc == WEIR_END) {
        reader_close(split->reader);
        split->reader = NULL;
        split->place.is_done = 1;
        return WEIR_MORE;
    }
    return rc;
}

// --- Followed files ---

// A followed file has been read to its end: has it been replaced or cut off? WEIR_MORE if there is
// something to read at once.
static int32_t look_again(struct source *source, struct weir_context *context, struct split *split)
{
    struct stat info;
    if (split->is_finishing) { // the old file is read, the new one comes
        reader_close(split->reader);
        split->reader = NULL;
        split->is_finishing = 0;
        memset(&split->place, 0, sizeof split->place);
        return WEIR_MORE;
    }
    if (stat(split->path, &info) != 0) { // moved away, the new one is not there yet
        if (!split->is_awaited) {
            weir_log(context, WEIR_LOG_WARNING,
                     "%s is gone: reading what is still added to it, and waiting for a new one",
                     split->path);
        }
        split->is_awaited = 1;
        return WEIR_WAIT;
    }
    split->is_awaited = 0;
    if (info.st_ino != split->place.number || info.st_dev != split->place.device) {
        reader_finish_last(split->reader);
        split->is_finishing = 1;
        return WEIR_MORE;
    }
    if ((uint64_t)info.st_size < reader_seen(split->reader)) {
        weir_log(context, WEIR_LOG_WARNING, "%s was cut off: reading it from its start again",
                 split->path);
        reader_close(split->reader);
        split->reader = NULL;
        memset(&split->place, 0, sizeof split->place);
        return WEIR_MORE;
    }
    (void)source;
    return WEIR_WAIT;
}

static int32_t poll_followed(struct source *source, struct weir_context *context)
{
    int has_more = 0;
    for (uint32_t i = 0; i < source->split_count; i++) {
        struct split *split = &source->splits[i];
        int32_t rc = split->reader != NULL ? WEIR_OK : open_split(source, context, split);
        rc = rc == WEIR_OK ? read_split(source, context, split) : rc;
        rc = rc == WEIR_END ? look_again(source, context, split) : rc;
        if (rc < 0) {
            return rc;
        }
        has_more |= rc == WEIR_MORE;
    }
    if (!has_more) {
        weir_wake_at(context, weir_now_us(context) + source->pause_us);
    }
    return has_more ? WEIR_MORE : WEIR_WAIT;
}

static int32_t source_poll(void *instance, struct weir_context *context)
{
    struct source *source = instance;
    return source->is_followed ? poll_followed(source, context) : poll_files(source, context);
}

// --- Snapshots ---

// A split in a snapshot, version 1; the path follows.
struct saved_split {
    uint64_t offset;
    uint64_t line;
    uint64_t device;
    uint64_t number;
    uint32_t is_done;
    uint32_t is_skipping;
};

static int32_t source_save(void *instance, struct weir_context *context,
                           struct weir_state_writer *writer)
{
    struct source *source = instance;
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < source->split_count; i++) {
        const struct split *split = &source->splits[i];
        const struct reader_place *place = &split->place;
        struct saved_split saved = {place->offset, place->line,    place->device,
                                    place->number, place->is_done, place->is_skipping};
        size_t path_size = strlen(split->path);
        char *bytes = malloc(sizeof saved + path_size);
        if (bytes == NULL) {
            return no_memory(context);
        }
        memcpy(bytes, &saved, sizeof saved);
        memcpy(bytes + sizeof saved, split->path, path_size);
        rc = weir_state_write(context, writer, split->file, bytes, sizeof saved + path_size);
        free(bytes);
    }
    return rc;
}

static int32_t source_load(void *instance, struct weir_context *context, uint32_t version,
                           uint32_t number, const void *bytes, uint64_t byte_count)
{
    struct source *source = instance;
    struct saved_split saved;
    if (version != STATE_VERSION || byte_count < sizeof saved) {
        return weir_fail(context, WEIR_ERROR_FATAL,
                         "the snapshot holds positions of version %u, this plugin reads version %u",
                         version, STATE_VERSION);
    }
    memcpy(&saved, bytes, sizeof saved);
    const char *path = (const char *)bytes + sizeof saved;
    size_t path_size = byte_count - sizeof saved;
    for (uint32_t i = 0; i < source->split_count; i++) {
        struct split *split = &source->splits[i];
        if (split->file == number && strlen(split->path) == path_size &&
            memcmp(split->path, path, path_size) == 0) {
            split->place = (struct reader_place){saved.offset, saved.line,    saved.device,
                                                 saved.number, saved.is_done, saved.is_skipping};
            return WEIR_OK;
        }
    }
    return weir_fail(
        context, WEIR_ERROR_FATAL,
        "file %u of the snapshot was %.*s, now it is another one: give `path` the files "
        "of that time, in that order, or start without the snapshot",
        number + 1, (int)path_size, path);
}

static const struct weir_state_table state_table = {
    .size = sizeof state_table,
    .version = STATE_VERSION,
    .save = source_save,
    .load = source_load,
};

static const void *source_extension(const char *id)
{
    return strcmp(id, WEIR_STATE_1) == 0 ? &state_table : NULL;
}

const struct weir_operator file_source = {
    .size = sizeof file_source,
    .kind = WEIR_OPERATOR_SOURCE,
    .flags = WEIR_OPERATOR_BLOCKING,
    .option_count = sizeof options / sizeof *options,
    .name = "file",
    .summary = "Reads rows from files: CSV, NDJSON or msgpack, plain or compressed",
    .options = options,
    .create = source_create,
    .negotiate = source_negotiate,
    .open = source_open,
    .poll = source_poll,
    .close = source_close,
    .destroy = source_destroy,
    .extension = source_extension,
};
