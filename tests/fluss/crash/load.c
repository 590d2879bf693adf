// The load of the crash campaigns: writers put rows into every table of a directory until they are
// killed, and tell what was acknowledged on stdout, one line a put, written before the next put of
// that writer:
//   W <writer>                                              a writer begins
//   A <writer> <table> <bucket> <sequence> <base> <end>     a put is acknowledged
//   E <sentence>                                            the store refuses to go on
// usage: crash_load FOLDER SEED [retain]                      retain: the log is kept by size
//        crash_load --failpoints                              the names of all failpoints, a line
//        each
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "rows.h"
#include "store/store.h"
#include "weir/key.h"

enum { WRITERS = 3, WAIT_US = 100000 };

struct load {
    struct store *store;
    struct table *tables[CRASH_TABLES];
    int64_t keys[CRASH_BUCKETS][CRASH_KEYS];
    uint32_t key_count[CRASH_BUCKETS];
};

struct writer {
    struct load *load;
    uint64_t random;
    int64_t id;
    int32_t sequences[CRASH_TABLES][CRASH_BUCKETS];
    int64_t values[4][CRASH_ROWS_MAX];
    char text[CRASH_ROWS_MAX * 24];
    int32_t offsets[CRASH_ROWS_MAX + 1];
    uint8_t kinds[CRASH_ROWS_MAX];
    uint32_t rows[CRASH_ROWS_MAX];
};

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (write(STDOUT_FILENO, line, (size_t)length) != length) {
        _exit(1);
    }
}

static void sort_keys(struct load *load)
{
    for (int64_t key = 0; key < CRASH_KEYS; key++) {
        uint8_t bytes[WEIR_KEY_FIXED_BYTES_MAX];
        uint32_t hash = weir_key_hash(bytes, weir_key_varint((uint64_t)key, bytes));
        uint32_t bucket = weir_key_bucket(hash, CRASH_BUCKETS);
        load->keys[bucket][load->key_count[bucket]++] = key;
    }
}

static void fill(struct writer *writer, int table, uint32_t bucket, int64_t sequence,
                 uint32_t row_count)
{
    const struct load *load = writer->load;
    for (uint32_t i = 0; i < row_count; i++) {
        int64_t key = load->keys[bucket][crash_random(&writer->random) % load->key_count[bucket]];
        writer->values[0][i] = key;
        writer->values[1][i] = writer->id;
        writer->values[2][i] = sequence;
        writer->values[3][i] = crash_mark(key, writer->id, sequence);
        int length = snprintf(writer->text + writer->offsets[i], 24, "%016llx",
                              (unsigned long long)writer->values[3][i]);
        writer->offsets[i + 1] = writer->offsets[i] + length;
        int is_delete = table == CRASH_TABLE_FULL && crash_random(&writer->random) % 8 == 0;
        writer->kinds[i] = is_delete ? WEIR_KIND_DELETE : WEIR_KIND_INSERT;
        writer->rows[i] = i;
    }
}

// Puts one batch and waits until it is acknowledged. 0 when the store does not go on.
static int put(struct writer *writer, int table, uint32_t bucket)
{
    int32_t sequence = writer->sequences[table][bucket]++;
    uint32_t row_count = 1 + (uint32_t)(crash_random(&writer->random) % CRASH_ROWS_MAX);
    fill(writer, table, bucket, sequence, row_count);
    struct weir_column columns[CRASH_COLUMNS] = {0};
    for (uint32_t i = 0; i < 4; i++) {
        columns[i].type = weir_type_of(WEIR_TYPE_INT64);
        columns[i].values = writer->values[i];
    }
    columns[4].type = weir_type_of(WEIR_TYPE_STRING);
    columns[4].values = writer->text;
    columns[4].offsets = writer->offsets;
    struct weir_batch batch = {
        .size = sizeof batch,
        .row_count = row_count,
        .column_count = CRASH_COLUMNS,
        .bucket = (int32_t)bucket,
        .columns = columns,
        .kinds = writer->kinds,
        .time_min_us = WEIR_TIME_NONE,
        .time_max_us = WEIR_TIME_NONE,
        .entered_us = WEIR_TIME_NONE,
    };
    struct bucket_put request = {
        .batch = &batch,
        .rows = writer->rows,
        .row_count = row_count,
        .writer = writer->id,
        .sequence = sequence,
    };
    struct table *into = writer->load->tables[table];
    struct bucket_ack ack;
    struct failure failure = {0};
    int32_t rc;
    while ((rc = bucket_put(table_bucket(into, bucket), &request, &ack, &failure)) ==
           WEIR_ERROR_RETRY) {
        stream_wait(table_stream(into), stream_durable(table_stream(into)) + 1, WAIT_US);
    }
    while (rc == WEIR_OK && stream_durable(table_stream(into)) <= ack.position) {
        rc = stream_wait(table_stream(into), ack.position + 1, WAIT_US) < 0 ? WEIR_ERROR_FATAL : rc;
    }
    if (rc != WEIR_OK) {
        tell("E %s\n", failure.text);
        return 0;
    }
    tell("A %lld %d %u %d %llu %llu\n", (long long)writer->id, table, bucket, sequence,
         (unsigned long long)ack.base_offset, (unsigned long long)ack.end_offset);
    return 1;
}

static void *run_writer(void *argument)
{
    struct writer *writer = argument;
    writer->id = table_writer(writer->load->tables[0]);
    tell("W %lld\n", (long long)writer->id);
    while (put(writer, (int)(crash_random(&writer->random) % CRASH_TABLES),
               (uint32_t)(crash_random(&writer->random) % CRASH_BUCKETS))) {
    }
    return NULL;
}

static void say(void *owner, uint32_t level, const char *text)
{
    (void)owner;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

static int open_store(const char *folder, int is_retained, struct load *load,
                      struct failure *failure)
{
    struct store_settings settings = {
        .segment_bytes =
            8u << 20, // small, so that segments end and snapshots are taken in a short life
        .snapshot_bytes = 4u << 20,
        .log = say,
    };
    int rc = disk_open(folder, 0, &settings.disk);
    if (rc != 0) {
        return failure_set(failure, WEIR_ERROR_FATAL, "%s: %s", folder, strerror(-rc));
    }
    rc = store_open(&settings, &load->store, failure);
    for (int i = 0; rc == WEIR_OK && i < CRASH_TABLES; i++) {
        struct table_definition definition;
        int existed;
        crash_definition(i, is_retained ? CRASH_RETENTION_BYTES : 0, &definition);
        rc = store_create(load->store, &definition, &existed, &load->tables[i], failure);
        table_definition_finish(&definition);
    }
    return rc;
}

int main(int argc, char **argv)
{
    static struct load load;
    static struct writer writers[WRITERS];
    pthread_t threads[WRITERS];
    struct failure failure = {0};
    int is_retained = argc == 4 && strcmp(argv[3], "retain") == 0;
    if (argc == 2 && strcmp(argv[1], "--failpoints") == 0) {
        for (int i = 0; i < FAILPOINT_COUNT; i++) {
            printf("%s\n", failpoint_name((enum failpoint)i));
        }
        return 0;
    }
    if (argc != 3 && !is_retained) {
        fprintf(stderr, "usage: crash_load FOLDER SEED [retain]\n");
        return 2;
    }
    if (open_store(argv[1], is_retained, &load, &failure) != WEIR_OK) {
        tell("E %s\n", failure.text);
        return 1;
    }
    sort_keys(&load);
    tell("R ready\n");
    for (int i = 0; i < WRITERS; i++) {
        writers[i].load = &load;
        writers[i].random = strtoull(argv[2], NULL, 10) * 2654435761u + (uint64_t)i * 40503u + 1;
        if (pthread_create(&threads[i], NULL, run_writer, &writers[i]) != 0) {
            return 1;
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    store_close(load.store);
    return 1;
}
