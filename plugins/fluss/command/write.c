// Rows put from the command line.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command/command.h"
#include "command/input.h"
#include "command/rows.h"
#include "weir/key.h"

#define WAIT_US INT64_C(1000000)
#define TRIES 30000u // of a put that finds no room, one a millisecond

struct putting {
    const struct command_line *line;
    struct table *table;
    struct rows rows;
    struct weir_column *columns; // of the table; those that are not written are all null
    uint8_t *targets;            // NULL: all
    uint8_t *kinds;
    uint32_t *numbers; // of rows, by bucket
    uint64_t row_count;
    uint64_t position; // up to which the log must be durable
};

// --- Buckets of rows ---

// Bucket of every row, or DATA for a null in the bucket key (which names the row).
static int32_t find_buckets(struct putting *putting, uint32_t *buckets, struct failure *failure)
{
    const struct table_definition *t = table_definition(putting->table);
    uint8_t *key = NULL;
    uint64_t capacity = 0;
    int32_t rc = WEIR_OK;
    for (uint32_t row = 0; rc == WEIR_OK && row < putting->rows.row_count; row++) {
        uint64_t needed = 0;
        uint32_t length = 0;
        buckets[row] = (uint32_t)((putting->row_count + row) % t->bucket_count);
        for (uint32_t i = 0; i < t->bucket_key_count; i++) {
            needed += weir_key_bytes_max(&putting->columns[t->bucket_key[i]], row);
        }
        if (needed > capacity) {
            free(key);
            key = malloc(capacity = needed * 2);
        }
        for (uint32_t i = 0; key != NULL && rc == WEIR_OK && i < t->bucket_key_count; i++) {
            const struct weir_column *column = &putting->columns[t->bucket_key[i]];
            if (weir_is_null(column, row)) {
                rc = failure_set(
                    failure, WEIR_ERROR_DATA,
                    "table %s: row %" PRIu64 ": the key column `%s` is null; every row "
                    "needs its key",
                    t->name, putting->row_count + row + 1, t->columns[t->bucket_key[i]].name);
            } else {
                length += weir_key_encode(column, row, key + length);
            }
        }
        if (key == NULL && needed > 0) {
            rc = failure_set(failure, WEIR_ERROR_FATAL, "no memory");
        } else if (t->bucket_key_count > 0 && rc == WEIR_OK) {
            buckets[row] = weir_key_bucket(weir_key_hash(key, length), t->bucket_count);
        }
    }
    free(key);
    return rc;
}

static int32_t put_bucket(struct putting *putting, const struct weir_batch *batch, uint32_t bucket,
                          uint32_t row_count, struct failure *failure)
{
    struct bucket_put put = {.batch = batch,
                             .rows = putting->numbers,
                             .row_count = row_count,
                             .targets = putting->targets,
                             .mode = putting->line->is_overwrite ? BUCKET_OVERWRITE : BUCKET_MERGE,
                             .writer = RECORD_WRITER_NONE,
                             .source = RECORD_SOURCE_NONE};
    struct bucket_ack ack;
    int32_t rc = WEIR_ERROR_RETRY;
    for (uint32_t i = 0; rc == WEIR_ERROR_RETRY && i < TRIES; i++) {
        const struct timespec a_while = {0, i == 0 ? 0 : 1000000};
        nanosleep(&a_while, NULL);
        rc = bucket_put(table_bucket(putting->table, bucket), &put, &ack, failure);
    }
    if (rc == WEIR_OK && ack.position > putting->position) {
        putting->position = ack.position;
    }
    return rc;
}

// Puts the rows that are there, bucket by bucket.
static int32_t flush(struct putting *putting, struct failure *failure)
{
    const struct table_definition *t = table_definition(putting->table);
    struct rows *rows = &putting->rows;
    const struct weir_column *views = rows_views(rows);
    uint32_t buckets[ROWS_MAX] = {0};
    struct weir_schema schema = {sizeof schema, t->column_count, table_fields(putting->table)};
    struct weir_batch batch = {.size = sizeof batch,
                               .row_count = rows->row_count,
                               .column_count = t->column_count,
                               .bucket = WEIR_BUCKET_NONE,
                               .schema = &schema,
                               .columns = putting->columns,
                               .kinds = putting->line->is_delete ? putting->kinds : NULL,
                               .time_min_us = WEIR_TIME_NONE,
                               .time_max_us = WEIR_TIME_NONE};
    for (uint32_t i = 0; i < rows->column_count; i++) {
        putting->columns[rows->of[i]] = views[i];
    }
    int32_t rc = find_buckets(putting, buckets, failure);
    for (uint32_t bucket = 0; rc == WEIR_OK && bucket < t->bucket_count; bucket++) {
        uint32_t count = 0;
        for (uint32_t row = 0; row < rows->row_count; row++) {
            if (buckets[row] == bucket) {
                putting->numbers[count++] = row;
            }
        }
        rc = count == 0 ? WEIR_OK : put_bucket(putting, &batch, bucket, count, failure);
    }
    putting->row_count += rc == WEIR_OK ? rows->row_count : 0;
    rows_clear(rows);
    return rc;
}

static int32_t take_row(void *owner, const json_t *row, struct failure *failure)
{
    struct putting *putting = owner;
    int32_t rc = rows_add(&putting->rows, row, failure);
    return rc == WEIR_OK && rows_are_full(&putting->rows) ? flush(putting, failure) : rc;
}

// --- Setting up ---

// Columns that are not written: all null.
static int32_t make_columns(struct putting *putting, struct failure *failure)
{
    const struct table_definition *t = table_definition(putting->table);
    static const uint8_t no_bits[ROWS_MAX / 8];
    static const uint8_t zeros[ROWS_MAX * 16];
    static const int32_t no_offsets[ROWS_MAX + 1];
    putting->columns = calloc(t->column_count, sizeof *putting->columns);
    putting->numbers = calloc(ROWS_MAX, sizeof *putting->numbers);
    putting->kinds = malloc(ROWS_MAX);
    if (putting->columns == NULL || putting->numbers == NULL || putting->kinds == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory");
    }
    memset(putting->kinds, WEIR_KIND_DELETE, ROWS_MAX);
    for (uint32_t i = 0; i < t->column_count; i++) {
        putting->columns[i] = (struct weir_column){
            .type = t->columns[i].type,
            .null_count = ROWS_MAX,
            .validity = no_bits,
            .values = zeros,
            .offsets = weir_type_is_text(t->columns[i].type) ? no_offsets : NULL};
    }
    return WEIR_OK;
}

// The columns that rows may name, and whether they are all of them.
static int32_t choose_columns(struct putting *putting, struct failure *failure)
{
    const struct table_definition *t = table_definition(putting->table);
    uint32_t count, *columns = calloc(t->column_count, sizeof *columns);
    int32_t rc;
    if (columns == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory");
    }
    if (putting->line->columns_named == NULL) {
        rc = rows_init(&putting->rows, t, NULL, t->column_count, failure);
        free(columns);
        return rc;
    }
    rc =
        command_columns(t, putting->line->columns_named, columns, t->column_count, &count, failure);
    putting->targets = calloc(t->column_count, 1);
    for (uint32_t i = 0; rc == WEIR_OK && putting->targets != NULL && i < count; i++) {
        putting->targets[columns[i]] = 1;
    }
    rc = rc != WEIR_OK ? rc : rows_init(&putting->rows, t, columns, count, failure);
    free(columns);
    return rc;
}

static int32_t put_all(struct putting *putting, struct failure *failure)
{
    int32_t rc = make_columns(putting, failure);
    rc = rc != WEIR_OK ? rc : choose_columns(putting, failure);
    rc = rc != WEIR_OK ? rc : input_objects(putting->line, take_row, putting, failure);
    if (rc == WEIR_OK && putting->rows.row_count > 0) {
        rc = flush(putting, failure);
    }
    int32_t is_durable = 0;
    while (rc == WEIR_OK && is_durable == 0 && putting->position > 0) {
        is_durable = stream_wait(table_stream(putting->table), putting->position, WAIT_US);
    }
    return is_durable < 0 ? failure_set(failure, is_durable, "writing to the log has failed") : rc;
}

static void finish(struct putting *putting)
{
    rows_finish(&putting->rows);
    free(putting->columns);
    free(putting->targets);
    free(putting->kinds);
    free(putting->numbers);
}

int command_put(const struct command_line *line)
{
    struct failure failure = {0};
    struct store *store = command_open(line, 0);
    struct putting putting = {.line = line,
                              .table = store == NULL ? NULL : command_find(line, store)};
    int code = putting.table == NULL ? COMMAND_INVALID : COMMAND_FINE;
    if (code == COMMAND_FINE) {
        if (put_all(&putting, &failure) != WEIR_OK) {
            if (putting.row_count > 0) {
                failure_wrap(&failure, "after %" PRIu64 " rows that were put", putting.row_count);
            }
            code = command_refuse(line, &failure);
        } else if (line->is_json) {
            printf("{\"rows\":%" PRIu64 "}\n", putting.row_count);
        } else {
            printf("%" PRIu64 " rows\n", putting.row_count);
        }
    }
    finish(&putting);
    store_release(store);
    return code;
}
