// Rows read from the command line: by key, all of them, as they changed.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/input.h"
#include "command/rows.h"
#include "command/value.h"
#include "log/body.h"
#include "weir/key.h"

#define WAIT_US INT64_C(1000000)
#define VIEWS_MAX 64u

// Rows of the index may be ahead of what is durable: nobody sees them before.
static int32_t wait_durable(struct table *table, uint64_t position, struct failure *failure)
{
    int32_t rc;
    while ((rc = stream_wait(table_stream(table), position, WAIT_US)) == 0) {
    }
    return rc == 1 ? WEIR_OK : failure_set(failure, rc, "writing to the log has failed");
}

// --- Lookup ---

struct looking {
    const struct command_line *line;
    struct table *table;
    const char **names;
    struct rows keys; // the primary key, a row at a time
};

static uint32_t bucket_of(struct looking *looking, const struct weir_column *keys, uint8_t *bytes)
{
    const struct table_definition *t = table_definition(looking->table);
    uint32_t length = 0;
    for (uint32_t i = 0; i < t->bucket_key_count; i++) {
        uint32_t at = 0;
        while (t->key[at] != t->bucket_key[i]) {
            at++;
        }
        length += weir_key_encode(&keys[at], 0, bytes + length);
    }
    return weir_key_bucket(weir_key_hash(bytes, length), t->bucket_count);
}

// How many columns the key names: all of the primary key, or the bucket key as the beginning of it.
static int32_t check_key(const struct table_definition *t, const json_t *key, uint32_t *count,
                         struct failure *failure)
{
    uint32_t named = 0;
    for (uint32_t i = 0; i < t->key_count; i++) {
        const json_t *value = json_object_get(key, t->columns[t->key[i]].name);
        if (json_is_null(value)) {
            return failure_set(failure, WEIR_ERROR_DATA,
                               "table %s: the key column `%s` is null, and keys never are", t->name,
                               t->columns[t->key[i]].name);
        }
        named += value != NULL && named == i;
    }
    int is_prefix =
        named == t->bucket_key_count && memcmp(t->key, t->bucket_key, named * sizeof *t->key) == 0;
    if (named != json_object_size(key) || (named != t->key_count && !is_prefix)) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "table %s: a lookup names all %u columns of the primary key, from `%s` "
                           "on%s",
                           t->name, t->key_count, t->columns[t->key[0]].name,
                           t->bucket_key_count < t->key_count
                               ? ", or exactly those of the bucket key, if the key begins with them"
                               : "");
    }
    *count = named;
    return WEIR_OK;
}

static int32_t look_up(struct looking *looking, uint32_t named, struct bucket_rows *rows,
                       struct failure *failure)
{
    const struct table_definition *t = table_definition(looking->table);
    const struct weir_column *keys = rows_views(&looking->keys);
    const uint32_t first = 0;
    uint32_t found;
    uint64_t bytes = 0, position = 0;
    for (uint32_t i = 0; i < t->key_count; i++) {
        bytes += weir_key_bytes_max(&keys[i], 0);
    }
    uint8_t *key = malloc(bytes + 1);
    if (key == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory");
    }
    struct bucket *bucket = table_bucket(looking->table, bucket_of(looking, keys, key));
    free(key);
    int32_t rc = named == t->key_count
                     ? bucket_lookup(bucket, keys, &first, 1, looking->line->inserts, rows, &found,
                                     &position, failure)
                     : bucket_prefix(bucket, keys, named, 0, rows, &position, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = wait_durable(looking->table, position, failure);
    if (rc != WEIR_OK) {
        bucket_rows_finish(rows);
    }
    return rc;
}

static int32_t take_key(void *owner, const json_t *key, struct failure *failure)
{
    struct looking *looking = owner;
    const struct table_definition *t = table_definition(looking->table);
    struct bucket_rows rows = {0};
    uint32_t named = 0;
    rows_clear(&looking->keys);
    int32_t rc = rows_add(&looking->keys, key, failure);
    rc = rc != WEIR_OK ? rc : check_key(t, key, &named, failure);
    rc = rc != WEIR_OK ? rc : look_up(looking, named, &rows, failure);
    if (rc == WEIR_OK) {
        for (uint32_t i = 0; i < rows.row_count; i++) {
            rows_print(stdout, looking->names, rows.columns, rows.column_count, i);
            printf("\n");
        }
        bucket_rows_finish(&rows);
    }
    return rc;
}

static int32_t need_key(const struct table_definition *t, const char *what, struct failure *failure)
{
    return t->key_count > 0
               ? WEIR_OK
               : failure_set(failure, WEIR_ERROR_CONFIG,
                             "table %s has no primary key and so no %s; read it with `weir table "
                             "changelog`",
                             t->name, what);
}

int command_lookup(const struct command_line *line)
{
    struct failure failure = {0};
    struct store *store = command_open(line, !line->inserts);
    struct looking looking = {.line = line,
                              .table = store == NULL ? NULL : command_find(line, store)};
    int code = looking.table == NULL ? COMMAND_INVALID : COMMAND_FINE;
    if (code == COMMAND_FINE) {
        const struct table_definition *t = table_definition(looking.table);
        looking.names = rows_names(t);
        int32_t rc = need_key(t, "rows to look up", &failure);
        rc = rc != WEIR_OK ? rc : rows_init(&looking.keys, t, t->key, t->key_count, &failure);
        rc = rc != WEIR_OK ? rc : input_objects(line, take_key, &looking, &failure);
        code = rc == WEIR_OK ? COMMAND_FINE : command_refuse(line, &failure);
    }
    rows_finish(&looking.keys);
    free(looking.names);
    store_release(store);
    return code;
}

// --- What scan and changelog share ---

struct reading {
    const struct command_line *line;
    struct table *table;
    uint64_t bucket; // UINT64_MAX: all
    uint64_t limit;
    uint64_t printed;
    uint32_t shown_count;
    uint32_t *shown; // columns
    const char **names;
};

// 0, or an exit code after a sentence.
static int prepare(struct reading *reading, struct failure *failure)
{
    const struct command_line *line = reading->line;
    const struct table_definition *t = table_definition(reading->table);
    int code = command_number(line, "--bucket", line->bucket, UINT64_MAX, &reading->bucket);
    code = code != 0 ? code
                     : command_number(line, "--limit", line->limit, UINT64_MAX, &reading->limit);
    if (code != 0) {
        return code;
    }
    if (line->bucket != NULL && reading->bucket >= t->bucket_count) {
        failure_set(failure, WEIR_ERROR_CONFIG, "table %s has buckets 0 to %u, and no %s", t->name,
                    t->bucket_count - 1, line->bucket);
        return command_refuse(line, failure);
    }
    reading->shown = calloc(t->column_count, sizeof *reading->shown);
    reading->names = calloc(t->column_count, sizeof *reading->names);
    if (reading->shown == NULL || reading->names == NULL) {
        failure_set(failure, WEIR_ERROR_FATAL, "no memory");
        return command_refuse(line, failure);
    }
    if (line->columns_named != NULL) {
        if (command_columns(t, line->columns_named, reading->shown, t->column_count,
                            &reading->shown_count, failure) != WEIR_OK) {
            return command_refuse(line, failure);
        }
    } else {
        while (reading->shown_count < t->column_count) {
            reading->shown[reading->shown_count] = reading->shown_count;
            reading->shown_count++;
        }
    }
    for (uint32_t i = 0; i < reading->shown_count; i++) {
        reading->names[i] = t->columns[reading->shown[i]].name;
    }
    return 0;
}

static int reads_bucket(const struct reading *reading, uint32_t bucket)
{
    return reading->bucket == UINT64_MAX || reading->bucket == bucket;
}

static int run_reading(const struct command_line *line,
                       int32_t (*read)(struct reading *reading, struct failure *failure))
{
    struct failure failure = {0};
    struct store *store = command_open(line, 1);
    struct reading reading = {.line = line,
                              .table = store == NULL ? NULL : command_find(line, store)};
    int code = reading.table == NULL ? COMMAND_INVALID : prepare(&reading, &failure);
    if (code == 0 && read(&reading, &failure) != WEIR_OK) {
        code = command_refuse(line, &failure);
    }
    free(reading.shown);
    free(reading.names);
    store_release(store);
    return code;
}

// --- Scan ---

static int32_t scan_bucket(struct reading *reading, uint32_t bucket, struct failure *failure)
{
    uint64_t left = reading->limit - reading->printed, end_offset, position;
    struct bucket_rows rows;
    struct weir_column columns[64];
    int32_t rc = bucket_scan(table_bucket(reading->table, bucket),
                             left < UINT32_MAX ? (uint32_t)left : UINT32_MAX, 1, &rows, &end_offset,
                             &position, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = wait_durable(reading->table, position, failure);
    struct weir_column *shown =
        reading->shown_count <= 64 ? columns : calloc(reading->shown_count, sizeof *shown);
    for (uint32_t i = 0; shown != NULL && i < reading->shown_count; i++) {
        shown[i] = rows.columns[reading->shown[i]];
    }
    for (uint32_t row = 0; rc == WEIR_OK && shown != NULL && row < rows.row_count; row++) {
        rows_print(stdout, reading->names, shown, reading->shown_count, row);
        printf("\n");
        reading->printed++;
    }
    if (shown != columns) {
        free(shown);
    }
    bucket_rows_finish(&rows);
    return rc;
}

static int32_t scan(struct reading *reading, struct failure *failure)
{
    const struct table_definition *t = table_definition(reading->table);
    int32_t rc = need_key(t, "rows to scan", failure);
    for (uint32_t i = 0; rc == WEIR_OK && i < t->bucket_count; i++) {
        if (reads_bucket(reading, i) && reading->printed < reading->limit) {
            rc = scan_bucket(reading, i, failure);
        }
    }
    return rc;
}

int command_scan(const struct command_line *line)
{
    return run_reading(line, scan);
}

// --- Changelog ---

struct changes {
    struct reading *reading;
    uint64_t first_offset; // of every bucket
    int64_t first_us;      // or time of the append
    uint8_t *scratch;      // per column, one after the other
    uint64_t scratch_bytes;
    struct weir_column *columns;
};

// "earliest", "latest", an offset, or a time.
static int32_t read_start(const char *text, struct changes *changes, struct failure *failure)
{
    const struct weir_type instant = {.id = WEIR_TYPE_TIMESTAMP_LTZ, .precision = 6};
    char *end;
    changes->first_us = INT64_MIN;
    if (text == NULL || strcmp(text, "earliest") == 0) {
        return WEIR_OK;
    }
    if (strcmp(text, "latest") == 0) {
        changes->first_offset = UINT64_MAX;
        return WEIR_OK;
    }
    changes->first_offset = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0') {
        return WEIR_OK;
    }
    json_t *value = json_string(text);
    changes->first_offset = 0;
    int32_t rc = value_read(instant, value, &changes->first_us, NULL);
    json_decref(value);
    return rc == WEIR_OK ? WEIR_OK
                         : failure_set(failure, WEIR_ERROR_CONFIG,
                                       "--from %.60s: give earliest, latest, an offset, or a time "
                                       "as in 2026-11-22T12:00:00Z",
                                       text);
}

// The columns that are shown, as views into the record or into scratch.
static int32_t open_columns(struct changes *changes, const struct body_view *view,
                            struct failure *failure)
{
    const struct reading *reading = changes->reading;
    const struct table_definition *t = table_definition(reading->table);
    uint64_t needed = 0;
    for (uint32_t i = 0; i < reading->shown_count; i++) {
        needed += (body_column_scratch(view, reading->shown[i]) + 63) & ~UINT64_C(63);
    }
    if (needed > changes->scratch_bytes) {
        free(changes->scratch);
        changes->scratch = aligned_alloc(64, needed);
        changes->scratch_bytes = changes->scratch == NULL ? 0 : needed;
        if (changes->scratch == NULL) {
            return failure_set(failure, WEIR_ERROR_FATAL, "no memory");
        }
    }
    int32_t rc = WEIR_OK;
    uint64_t at = 0;
    for (uint32_t i = 0; rc == WEIR_OK && i < reading->shown_count; i++) {
        uint32_t column = reading->shown[i];
        if (column >= view->column_count) {
            changes->columns[i] = (struct weir_column){.encoding = WEIR_ENCODING_ABSENT};
            continue;
        }
        rc = body_column(view, column, t->columns[column].type,
                         changes->scratch == NULL ? NULL : changes->scratch + at,
                         &changes->columns[i], failure);
        at += (body_column_scratch(view, column) + 63) & ~UINT64_C(63);
    }
    return rc;
}

static int32_t print_changes(struct changes *changes, const struct record_batch *batch,
                             struct failure *failure)
{
    static const char *const kinds[] = {"+I", "-U", "+U", "-D"};
    struct reading *reading = changes->reading;
    const struct table_definition *t = table_definition(reading->table);
    struct body_view view;
    int32_t rc = body_open(batch, table_fields(reading->table), t->column_count, &view, failure);
    rc = rc != WEIR_OK ? rc : open_columns(changes, &view, failure);
    for (uint32_t i = 0; rc == WEIR_OK && i < batch->row_count && reading->printed < reading->limit;
         i++) {
        uint64_t offset = batch->base_offset + i;
        if (offset < changes->first_offset) {
            continue;
        }
        printf("{\"bucket\":%u,\"offset\":%" PRIu64 ",\"kind\":\"%s\",\"row\":", batch->bucket,
               offset, kinds[view.kinds == NULL ? 0 : view.kinds[i] & 3]);
        rows_print(stdout, reading->names, changes->columns, reading->shown_count, i);
        printf("}\n");
        reading->printed++;
    }
    return rc;
}

static int32_t read_changes(struct changes *changes, struct stream_reader *reader,
                            struct failure *failure)
{
    struct reading *reading = changes->reading;
    uint32_t table_id = table_definition(reading->table)->table_id, count;
    struct stream_view views[VIEWS_MAX];
    int32_t rc;
    while ((rc = stream_read(reader, views, VIEWS_MAX, &count, failure)) == WEIR_OK && count > 0) {
        for (uint32_t i = 0; i < count && rc == WEIR_OK; i++) {
            const struct record_batch *batch = (const struct record_batch *)views[i].record;
            if (batch->table_id == table_id && reads_bucket(reading, batch->bucket) &&
                batch->timestamp_us >= changes->first_us) {
                rc = print_changes(changes, batch, failure);
            }
        }
        if (rc != WEIR_OK || reading->printed >= reading->limit) {
            break;
        }
    }
    return rc;
}

static int32_t changelog(struct reading *reading, struct failure *failure)
{
    struct stream *stream = table_stream(reading->table);
    struct changes changes = {.reading = reading};
    struct stream_reader *reader;
    changes.columns = calloc(reading->shown_count + 1, sizeof *changes.columns);
    int32_t rc = changes.columns == NULL ? failure_set(failure, WEIR_ERROR_FATAL, "no memory")
                                         : read_start(reading->line->from, &changes, failure);
    rc = rc != WEIR_OK ? rc : stream_reader_open(stream, stream_begin(stream), &reader, failure);
    if (rc == WEIR_OK) {
        rc = read_changes(&changes, reader, failure);
        stream_reader_close(reader);
    }
    free(changes.scratch);
    free(changes.columns);
    return rc;
}

int command_changelog(const struct command_line *line)
{
    return run_reading(line, changelog);
}
