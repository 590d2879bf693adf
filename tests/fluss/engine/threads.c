// One bucket and many threads: a writer, readers and a snapshot at once. What a reader gets is a
// state that the bucket had (ThreadSanitizer watches the rest).
#include "engine/bucket.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "support/definition.h"
#include "support/memory_log.h"
#include "support/test.h"

enum { KEYS = 200, PUTS = 300, READERS = 2 };

struct shared {
    struct bucket *bucket;
    atomic_int has_ended;
    atomic_int failures;
};

// Every put gives all its keys the same two numbers, a and b = 2 * a, and a text of a.
static void fill(int32_t *keys, int64_t *a, int64_t *b, int32_t *offsets, char *text, int64_t n)
{
    offsets[0] = 0;
    for (int32_t i = 0; i < KEYS; i++) {
        keys[i] = i;
        a[i] = n;
        b[i] = 2 * n;
        memset(text + offsets[i], 'a' + (int)(n % 26), 20);
        offsets[i + 1] = offsets[i] + 20;
    }
}

static void *write_all(void *argument)
{
    struct shared *shared = argument;
    static int32_t keys[KEYS], offsets[KEYS + 1];
    static int64_t a[KEYS], b[KEYS];
    static char text[20 * KEYS];
    uint32_t rows[KEYS];
    for (uint32_t i = 0; i < KEYS; i++) {
        rows[i] = i;
    }
    for (int n = 0; n < PUTS; n++) {
        fill(keys, a, b, offsets, text, n);
        struct weir_column columns[4] = {
            {.type = weir_type_of(WEIR_TYPE_INT32), .values = keys},
            {.type = weir_type_of(WEIR_TYPE_INT64), .values = a},
            {.type = weir_type_of(WEIR_TYPE_INT64), .values = b},
            {.type = weir_type_of(WEIR_TYPE_STRING), .values = text, .offsets = offsets},
        };
        struct weir_batch batch = {
            .size = sizeof batch, .row_count = KEYS, .column_count = 4, .columns = columns};
        struct bucket_put put = {.batch = &batch,
                                 .rows = rows,
                                 .row_count = KEYS,
                                 .writer = 1,
                                 .sequence = n,
                                 .source = 9,
                                 .source_first = (uint64_t)n,
                                 .source_end = (uint64_t)n + 1};
        struct bucket_ack ack;
        struct failure failure;
        atomic_fetch_add(&shared->failures,
                         bucket_put(shared->bucket, &put, &ack, &failure) != WEIR_OK);
    }
    atomic_store(&shared->has_ended, 1);
    return NULL;
}

static int is_one_state(const struct bucket_rows *rows)
{
    const int64_t *a = rows->columns[1].values, *b = rows->columns[2].values;
    uint32_t length;
    for (uint32_t i = 0; i < rows->row_count; i++) {
        const char *text = weir_text(&rows->columns[3], i, &length);
        if (a[i] != a[0] || b[i] != 2 * a[0] || length != 20 || text[19] != 'a' + a[0] % 26) {
            return 0;
        }
    }
    return rows->row_count == 0 || rows->row_count == KEYS;
}

static void *read_all(void *argument)
{
    struct shared *shared = argument;
    struct weir_column keys = {.type = weir_type_of(WEIR_TYPE_INT32)};
    int32_t values[KEYS];
    uint32_t rows[KEYS], found[KEYS];
    for (int32_t i = 0; i < KEYS; i++) {
        values[i] = i;
        rows[i] = (uint32_t)i;
    }
    keys.values = values;
    uint64_t last_end = 0;
    while (!atomic_load(&shared->has_ended)) {
        struct bucket_rows scanned = {0}, looked_up = {0};
        struct failure failure;
        uint64_t end = 0, position;
        int32_t code =
            bucket_scan(shared->bucket, UINT32_MAX, 1, &scanned, &end, &position, &failure);
        int is_good = code == WEIR_OK && end >= last_end && is_one_state(&scanned);
        last_end = end;
        code = bucket_lookup(shared->bucket, &keys, rows, KEYS, 0, &looked_up, found, &position,
                             &failure);
        is_good = is_good && code == WEIR_OK && is_one_state(&looked_up);
        atomic_fetch_add(&shared->failures, !is_good);
        bucket_rows_finish(&scanned);
        bucket_rows_finish(&looked_up);
    }
    return NULL;
}

static void *save_all(void *argument)
{
    struct shared *shared = argument;
    while (!atomic_load(&shared->has_ended)) {
        struct memory_snapshot snapshot = {0};
        struct failure failure;
        struct bucket_status status;
        uint64_t end, position;
        int32_t code = bucket_save(shared->bucket, memory_snapshot_write, &snapshot, &end,
                                   &position, &failure);
        bucket_status(shared->bucket, &status);
        atomic_fetch_add(&shared->failures, code != WEIR_OK || status.end_offset < end ||
                                                bucket_source(shared->bucket, 9) > PUTS);
        memory_snapshot_finish(&snapshot);
    }
    return NULL;
}

TEST(readers_and_snapshots_see_whole_puts_while_a_writer_writes)
{
    struct table_definition definition =
        definition_of("test.threads", "k int32 not null; a int64; b int64; t string", "k");
    struct weir_field fields[4];
    struct memory_log log;
    struct shared shared = {0};
    struct failure failure;
    pthread_t writer, saver, readers[READERS];
    for (uint32_t i = 0; i < 4; i++) {
        fields[i] = (struct weir_field){definition.columns[i].name, definition.columns[i].type};
    }
    memory_log_init(&log);
    struct bucket_table table = {.definition = &definition,
                                 .fields = fields,
                                 .memory = &store_system_memory,
                                 .clock = &store_system_clock,
                                 .log = &log.log};
    REQUIRE(bucket_create(&table, 0, &shared.bucket, &failure) == WEIR_OK);

    pthread_create(&writer, NULL, write_all, &shared);
    pthread_create(&saver, NULL, save_all, &shared);
    for (int i = 0; i < READERS; i++) {
        pthread_create(&readers[i], NULL, read_all, &shared);
    }
    pthread_join(writer, NULL);
    pthread_join(saver, NULL);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }

    CHECK_INT(shared.failures, 0);
    CHECK_INT(log.count, PUTS);
    CHECK_INT(log.published, PUTS);
    CHECK_INT(bucket_source(shared.bucket, 9), PUTS);
    bucket_destroy(shared.bucket);
    memory_log_finish(&log);
    table_definition_finish(&definition);
}

TEST(a_fenced_bucket_serves_and_takes_nothing_and_says_why)
{
    struct table_definition definition =
        definition_of("test.fence", "k int32 not null; a int64", "k");
    struct weir_field fields[2] = {{"k", definition.columns[0].type},
                                   {"a", definition.columns[1].type}};
    struct memory_log log;
    struct bucket *bucket;
    struct failure failure;
    struct bucket_rows rows = {0};
    uint64_t end, position;
    memory_log_init(&log);
    struct bucket_table table = {.definition = &definition,
                                 .fields = fields,
                                 .memory = &store_system_memory,
                                 .clock = &store_system_clock,
                                 .log = &log.log};
    REQUIRE(bucket_create(&table, 5, &bucket, &failure) == WEIR_OK);

    bucket_fence(bucket, "the disk of its log failed");
    bucket_fence(bucket, "of something later");

    CHECK_INT(bucket_scan(bucket, 1, 0, &rows, &end, &position, &failure), WEIR_ERROR_FATAL);
    CHECK_TEXT(failure.text, "table test.fence, bucket 5: it was closed, because the disk of its "
                             "log failed");
    struct weir_batch batch = {.size = sizeof batch};
    struct bucket_put put = {.batch = &batch, .writer = RECORD_WRITER_NONE};
    struct bucket_ack ack;
    CHECK_INT(bucket_put(bucket, &put, &ack, &failure), WEIR_ERROR_FATAL);
    CHECK_INT(log.count, 0);
    bucket_destroy(bucket);
    memory_log_finish(&log);
    table_definition_finish(&definition);
}
