// Upserts of sensor readings into the buckets of a table over a log in memory: what the engine
// costs without disk, threads and operators. 100,000 devices, 128 buckets, rows by random device.
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "engine/bucket.h"
#include "weir/key.h"

enum { BUCKETS = 128, DEVICES = 100000, COLUMNS = 8, BATCHES = 16, LOG_BYTES = 64 << 20 };

// Records follow each other in a ring; what is published is forgotten.
struct ring {
    struct bucket_log log;
    uint8_t *bytes;
    uint64_t position;
};

// Rows of one batch, in the order of their buckets.
struct input {
    struct weir_batch batch;
    struct weir_column columns[COLUMNS];
    uint32_t *rows;
    uint32_t begin[BUCKETS + 1];
};

struct work {
    struct table_definition definition;
    struct weir_field fields[COLUMNS];
    struct table_column columns[COLUMNS];
    struct bucket_table table;
    struct ring ring;
    struct bucket *buckets[BUCKETS];
    struct input inputs[BATCHES];
};

static void require(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench bucket: %s\n", what);
        exit(1);
    }
}

static int32_t reserve(void *owner, uint32_t record_bytes, uint8_t **bytes, uint64_t *position,
                       void **room, struct failure *failure)
{
    struct ring *ring = owner;
    (void)failure;
    if (ring->position % LOG_BYTES + record_bytes > LOG_BYTES) {
        ring->position += LOG_BYTES - ring->position % LOG_BYTES;
    }
    *bytes = ring->bytes + ring->position % LOG_BYTES;
    *position = ring->position;
    *room = *bytes;
    ring->position += record_bytes;
    return WEIR_OK;
}

static void publish(void *owner, void *room)
{
    (void)owner;
    (void)room;
}

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 7;
    state ^= state >> 9;
    return state;
}

static uint32_t bucket_of(int32_t id)
{
    uint8_t bytes[WEIR_KEY_FIXED_BYTES_MAX];
    return weir_key_bucket(weir_key_hash(bytes, weir_key_varint((uint32_t)id, bytes)), BUCKETS);
}

static void fill_columns(struct input *input, const struct weir_field *fields, uint32_t row_count)
{
    for (uint32_t c = 0; c < COLUMNS; c++) {
        uint32_t width = weir_type_width(fields[c].type);
        uint8_t *values = aligned_alloc(64, ((size_t)width * row_count + 63) & ~(size_t)63);
        require(values != NULL, "no memory");
        for (uint32_t i = 0; i < row_count; i++) {
            int64_t integer = (int64_t)(c == 0 ? next_random() % DEVICES : next_random() % 100);
            double real = (double)integer;
            const void *value =
                fields[c].type.id == WEIR_TYPE_FLOAT64 ? (const void *)&real : &integer;
            memcpy(values + (size_t)i * width, value, width);
        }
        input->columns[c] = (struct weir_column){.type = fields[c].type, .values = values};
    }
}

static void make_input(struct input *input, const struct weir_field *fields, uint32_t row_count)
{
    uint32_t next[BUCKETS + 1] = {0};
    fill_columns(input, fields, row_count);
    input->batch = (struct weir_batch){.size = sizeof input->batch,
                                       .row_count = row_count,
                                       .column_count = COLUMNS,
                                       .columns = input->columns,
                                       .time_min_us = WEIR_TIME_NONE,
                                       .time_max_us = WEIR_TIME_NONE};
    input->rows = calloc(row_count, sizeof *input->rows);
    uint32_t *buckets = calloc(row_count, sizeof *buckets);
    require(input->rows != NULL && buckets != NULL, "no memory");
    for (uint32_t i = 0; i < row_count; i++) {
        buckets[i] = bucket_of(((const int32_t *)input->columns[0].values)[i]);
        next[buckets[i] + 1]++;
    }
    for (uint32_t b = 0; b < BUCKETS; b++) {
        next[b + 1] += next[b];
    }
    memcpy(input->begin, next, sizeof next);
    for (uint32_t i = 0; i < row_count; i++) {
        input->rows[next[buckets[i]]++] = i;
    }
    free(buckets);
}

static void start(struct work *work, enum table_changelog changelog, uint32_t row_count)
{
    static const char *const names[COLUMNS] = {"sensor_id", "sensor_type", "temperature",
                                               "humidity",  "pressure",    "battery_level",
                                               "status",    "timestamp"};
    static const uint8_t types[COLUMNS] = {WEIR_TYPE_INT32,   WEIR_TYPE_INT32,   WEIR_TYPE_FLOAT64,
                                           WEIR_TYPE_FLOAT64, WEIR_TYPE_FLOAT64, WEIR_TYPE_FLOAT64,
                                           WEIR_TYPE_INT32,   WEIR_TYPE_INT64};
    struct failure failure;
    table_definition_init(&work->definition);
    snprintf(work->definition.name, sizeof work->definition.name, "bench.readings");
    work->definition.columns = work->columns;
    work->definition.column_count = work->definition.first_column_count = COLUMNS;
    work->definition.key_count = work->definition.bucket_key_count = 1;
    work->definition.changelog = changelog;
    for (uint32_t c = 0; c < COLUMNS; c++) {
        work->fields[c] = (struct weir_field){names[c], weir_type_of(types[c])};
        work->fields[c].type.nullable = c > 0;
        work->columns[c].name = (char *)(uintptr_t)names[c];
        work->columns[c].type = work->fields[c].type;
    }
    require(table_definition_check(&work->definition, &failure) == WEIR_OK, failure.text);
    work->ring = (struct ring){{reserve, publish, &work->ring}, aligned_alloc(64, LOG_BYTES), 0};
    require(work->ring.bytes != NULL, "no memory");
    memset(work->ring.bytes, 0, LOG_BYTES);
    work->table = (struct bucket_table){.definition = &work->definition,
                                        .fields = work->fields,
                                        .memory = &store_system_memory,
                                        .clock = &store_system_clock,
                                        .log = &work->ring.log};
    for (uint32_t b = 0; b < BUCKETS; b++) {
        require(bucket_create(&work->table, b, &work->buckets[b], &failure) == WEIR_OK,
                failure.text);
    }
    for (uint32_t i = 0; i < BATCHES; i++) {
        make_input(&work->inputs[i], work->fields, row_count);
    }
}

static void finish(struct work *work)
{
    for (uint32_t i = 0; i < BATCHES; i++) {
        for (uint32_t c = 0; c < COLUMNS; c++) {
            free((void *)(uintptr_t)work->inputs[i].columns[c].values);
            free((void *)(uintptr_t)work->inputs[i].columns[c].validity);
        }
        free(work->inputs[i].rows);
    }
    for (uint32_t b = 0; b < BUCKETS; b++) {
        bucket_destroy(work->buckets[b]);
    }
    free(work->ring.bytes);
}

static void put_all(void *argument)
{
    struct work *work = argument;
    for (uint32_t i = 0; i < BATCHES; i++) {
        struct input *input = &work->inputs[i];
        for (uint32_t b = 0; b < BUCKETS; b++) {
            struct bucket_put put = {.batch = &input->batch,
                                     .rows = input->rows + input->begin[b],
                                     .row_count = input->begin[b + 1] - input->begin[b],
                                     .writer = RECORD_WRITER_NONE};
            struct bucket_ack ack;
            struct failure failure;
            require(bucket_put(work->buckets[b], &put, &ack, &failure) == WEIR_OK, failure.text);
        }
    }
}

static void look_all_up(void *argument)
{
    struct work *work = argument;
    static uint32_t found[65536];
    for (uint32_t i = 0; i < BATCHES; i++) {
        struct input *input = &work->inputs[i];
        for (uint32_t b = 0; b < BUCKETS; b++) {
            uint64_t position;
            struct bucket_rows rows;
            struct failure failure;
            require(bucket_lookup(work->buckets[b], input->columns, input->rows + input->begin[b],
                                  input->begin[b + 1] - input->begin[b], 0, &rows, found, &position,
                                  &failure) == WEIR_OK,
                    failure.text);
            bucket_rows_finish(&rows);
        }
    }
}

// The log of the last put_all that is still in the ring, into buckets of their own. Returns rows.
static double replay(struct work *work, double *seconds)
{
    struct bucket *buckets[BUCKETS];
    struct failure failure;
    uint64_t rows = 0, at = 0, end = work->ring.position % LOG_BYTES;
    for (uint32_t b = 0; b < BUCKETS; b++) {
        require(bucket_create(&work->table, b, &buckets[b], &failure) == WEIR_OK, failure.text);
    }
    double start_time = bench_now();
    while (at < end) {
        struct record_batch *record = (struct record_batch *)(work->ring.bytes + at);
        struct bucket_status status;
        bucket_status(buckets[record->bucket], &status);
        // The ring has forgotten what came before: each bucket begins anew.
        record->end_offset = status.end_offset + record->row_count;
        record->base_offset = status.end_offset;
        require(bucket_replay(buckets[record->bucket], record, &failure) == WEIR_OK, failure.text);
        rows += record->row_count;
        at += record->header.record_bytes;
    }
    *seconds = bench_now() - start_time;
    for (uint32_t b = 0; b < BUCKETS; b++) {
        bucket_destroy(buckets[b]);
    }
    return (double)rows;
}

// Every eighth row has no status: not what the hot path takes.
static void add_nulls(struct work *work)
{
    for (uint32_t i = 0; i < BATCHES; i++) {
        struct weir_column *status = &work->inputs[i].columns[6];
        uint32_t row_count = work->inputs[i].batch.row_count;
        uint8_t *validity = malloc(row_count / 8 + 1);
        require(validity != NULL, "no memory");
        memset(validity, 0xfe, row_count / 8 + 1);
        status->validity = validity;
        status->null_count = row_count / 8;
    }
}

static void measure(const char *name, enum table_changelog changelog, uint32_t row_count,
                    int rounds, int has_nulls)
{
    struct work *work = calloc(1, sizeof *work);
    char title[96];
    require(work != NULL, "no memory");
    start(work, changelog, row_count);
    if (has_nulls) {
        add_nulls(work);
    }
    put_all(work);
    double rows = (double)row_count * BATCHES;
    bench_print(name, rows / bench_best(put_all, work, rounds) / 1e6, "M upserts/s", 0);
    snprintf(title, sizeof title, "%s, looked up", name);
    bench_print(title, rows / bench_best(look_all_up, work, rounds) / 1e6, "M rows/s", 0);
    double seconds = 0, records = replay(work, &seconds);
    snprintf(title, sizeof title, "%s, replayed", name);
    bench_print(title, records / seconds / 1e6, "M records/s", 0);
    finish(work);
    free(work);
}

int main(void)
{
    measure("bucket, puts of 512 rows, full", TABLE_CHANGELOG_FULL, 65536, 9, 0);
    measure("bucket, puts of 30 rows, full", TABLE_CHANGELOG_FULL, 3840, 30, 0);
    measure("bucket, puts of 512 rows, wal", TABLE_CHANGELOG_WAL, 65536, 9, 0);
    measure("bucket, puts of 512 rows, full, with nulls", TABLE_CHANGELOG_FULL, 65536, 5, 1);
    return 0;
}
