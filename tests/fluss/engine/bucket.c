// What a bucket promises beside the semantics of the oracle: who may write what, what it remembers,
// and what it says when it refuses.
#include "engine/bucket.h"

#include <stdlib.h>
#include <string.h>

#include "support/definition.h"
#include "support/memory_log.h"
#include "support/test.h"
#include "support/values.h"

enum { COLUMNS_MAX = 4, ROWS_MAX = 30000 };

static int64_t clock_us;

static int64_t manual_now(const struct store_clock *clock)
{
    (void)clock;
    return clock_us;
}

static const struct store_clock manual_clock = {manual_now, manual_now};

// A bucket with its table and log.
struct fixture {
    struct table_definition definition;
    struct weir_field fields[COLUMNS_MAX];
    struct weir_type types[COLUMNS_MAX];
    struct memory_log log;
    struct bucket_table table;
    struct bucket *bucket;
    uint64_t next_range;
    struct failure failure;
};

static uint64_t draw_range(void *owner)
{
    struct fixture *fixture = owner;
    uint64_t first = fixture->next_range;
    fixture->next_range += BUCKET_RANGE;
    return first;
}

static struct bucket *make_bucket(struct fixture *fixture)
{
    struct bucket *bucket = NULL;
    for (uint32_t i = 0; i < fixture->definition.column_count; i++) {
        fixture->types[i] = fixture->definition.columns[i].type;
        fixture->fields[i] =
            (struct weir_field){fixture->definition.columns[i].name, fixture->types[i]};
    }
    fixture->table = (struct bucket_table){.definition = &fixture->definition,
                                           .fields = fixture->fields,
                                           .memory = &store_system_memory,
                                           .clock = &manual_clock,
                                           .log = &fixture->log.log,
                                           .draw_range = draw_range,
                                           .range_owner = fixture};
    CHECK_INT(bucket_create(&fixture->table, 0, &bucket, &fixture->failure), WEIR_OK);
    return bucket;
}

static void open_fixture(struct fixture *fixture, const char *columns, const char *key)
{
    memset(fixture, 0, sizeof *fixture);
    clock_us = 1000000;
    fixture->definition = definition_of("test.bucket", columns, key);
    CHECK_INT(table_definition_check(&fixture->definition, &fixture->failure), WEIR_OK);
    fixture->next_range = 1;
    memory_log_init(&fixture->log);
    fixture->bucket = make_bucket(fixture);
}

static void close_fixture(struct fixture *fixture)
{
    bucket_destroy(fixture->bucket);
    memory_log_finish(&fixture->log);
    table_definition_finish(&fixture->definition);
    values_forget();
}

static uint32_t every_row[ROWS_MAX];

static int32_t put_values(struct fixture *fixture, const struct value *values, uint32_t row_count,
                          const struct bucket_put *put, struct bucket_ack *ack)
{
    struct weir_column *columns =
        values_columns(fixture->types, fixture->definition.column_count, values, row_count);
    struct weir_batch batch = {.size = sizeof batch,
                               .row_count = row_count,
                               .column_count = fixture->definition.column_count,
                               .columns = columns};
    for (uint32_t i = 0; i < row_count; i++) {
        every_row[i] = i;
    }
    struct bucket_put whole = *put;
    whole.batch = &batch;
    whole.rows = every_row;
    whole.row_count = row_count;
    int32_t code = bucket_put(fixture->bucket, &whole, ack, &fixture->failure);
    values_columns_finish(columns, fixture->definition.column_count);
    return code;
}

// A row of integers.
static int32_t put_row(struct fixture *fixture, int64_t key, int64_t value,
                       const struct bucket_put *put, struct bucket_ack *ack)
{
    struct value values[2] = {value_int(fixture->types[0], key),
                              value_int(fixture->types[1], value)};
    return put_values(fixture, values, 1, put, ack);
}

static struct bucket_put by_writer(int64_t writer, int32_t sequence)
{
    return (struct bucket_put){.writer = writer, .sequence = sequence};
}

static void restart(struct fixture *fixture, int with_snapshot)
{
    struct memory_snapshot snapshot = {0};
    struct bucket *bucket = make_bucket(fixture);
    uint64_t end, position;
    if (with_snapshot) {
        CHECK_INT(bucket_save(fixture->bucket, memory_snapshot_write, &snapshot, &end, &position,
                              &fixture->failure),
                  WEIR_OK);
        CHECK_INT(memory_snapshot_load(&snapshot, bucket, &fixture->failure), WEIR_OK);
    }
    for (uint32_t i = 0; i < fixture->log.count; i++) {
        CHECK_INT(bucket_replay(bucket, fixture->log.records[i], &fixture->failure), WEIR_OK);
    }
    memory_snapshot_finish(&snapshot);
    bucket_destroy(fixture->bucket);
    fixture->bucket = bucket;
}

TEST(a_retry_of_one_of_the_last_five_batches_is_answered_with_its_offsets)
{
    for (int how = 0; how < 3; how++) {
        struct fixture fixture;
        struct bucket_ack acks[7], again;
        open_fixture(&fixture, "k int32 not null; v int64", "k");
        for (int32_t i = 0; i < 7; i++) {
            struct bucket_put put = by_writer(4, i);
            CHECK_INT(put_row(&fixture, i, i, &put, &acks[i]), WEIR_OK);
        }
        if (how > 0) {
            restart(&fixture, how == 2);
        }

        for (int32_t i = 2; i < 7; i++) {
            struct bucket_put put = by_writer(4, i);
            CHECK_INT(put_row(&fixture, i, i, &put, &again), WEIR_OK);
            CHECK_INT(again.was_duplicate, 1);
            CHECK_INT(again.base_offset, acks[i].base_offset);
            CHECK_INT(again.end_offset, acks[i].end_offset);
            CHECK_INT(again.position, acks[i].position);
        }
        struct bucket_put forgotten = by_writer(4, 1), ahead = by_writer(4, 8);
        CHECK_INT(put_row(&fixture, 1, 1, &forgotten, &again), WEIR_ERROR_DATA);
        CHECK_INT(put_row(&fixture, 1, 1, &ahead, &again), WEIR_ERROR_DATA);
        CHECK_HAS(fixture.failure.text, "writer 4 sent batch 8, expected is 7");
        CHECK_INT(fixture.log.count, 7);
        close_fixture(&fixture);
    }
}

TEST(the_first_batch_of_a_writer_is_its_batch_0)
{
    struct fixture fixture;
    struct bucket_ack ack;
    open_fixture(&fixture, "k int32 not null; v int64", "k");
    struct bucket_put late = by_writer(4, 1), first = by_writer(4, 0);

    CHECK_INT(put_row(&fixture, 1, 1, &late, &ack), WEIR_ERROR_DATA);
    CHECK_INT(put_row(&fixture, 1, 1, &first, &ack), WEIR_OK);

    close_fixture(&fixture);
}

TEST(many_writers_are_told_apart)
{
    struct fixture fixture;
    struct bucket_ack ack;
    open_fixture(&fixture, "k int32 not null; v int64", "k");
    for (int32_t sequence = 0; sequence < 3; sequence++) {
        for (int64_t writer = 100; writer > 0; writer--) {
            struct bucket_put put = by_writer(writer * 7919 % 101, sequence);
            CHECK_INT(put_row(&fixture, 1, 1, &put, &ack), WEIR_OK);
            CHECK_INT(ack.was_duplicate, 0);
        }
    }
    struct bucket_status status;
    bucket_status(fixture.bucket, &status);
    CHECK_INT(status.writer_count, 100);
    close_fixture(&fixture);
}

TEST(a_source_is_applied_once)
{
    for (int how = 0; how < 3; how++) {
        struct fixture fixture;
        struct bucket_ack ack;
        open_fixture(&fixture, "k int32 not null; v int64", "k");
        struct bucket_put put = {
            .writer = RECORD_WRITER_NONE, .source = 77, .source_first = 0, .source_end = 10};
        CHECK_INT(put_row(&fixture, 1, 1, &put, &ack), WEIR_OK);
        if (how > 0) {
            restart(&fixture, how == 2);
        }

        CHECK_INT(bucket_source(fixture.bucket, 77), 10);
        CHECK_INT(bucket_source(fixture.bucket, 78), 0);
        put.source_first = 9;
        put.source_end = 12;
        CHECK_INT(put_row(&fixture, 1, 2, &put, &ack), WEIR_ERROR_DATA);
        CHECK_HAS(fixture.failure.text, "applied up to row 10");
        put.source_first = 10;
        CHECK_INT(put_row(&fixture, 1, 2, &put, &ack), WEIR_OK);
        CHECK_INT(bucket_source(fixture.bucket, 77), 12);
        close_fixture(&fixture);
    }
}

static void put_keys(struct fixture *fixture, int64_t first, uint32_t count)
{
    static struct value values[2 * ROWS_MAX];
    static const uint8_t targets[2] = {1, 0};
    struct bucket_ack ack;
    for (uint32_t i = 0; i < count; i++) {
        values[2 * i] = value_int(fixture->types[0], first + i);
        values[2 * i + 1] = value_null();
    }
    struct bucket_put put = {.writer = RECORD_WRITER_NONE, .targets = targets};
    CHECK_INT(put_values(fixture, values, count, &put, &ack), WEIR_OK);
}

static int64_t id_of(struct fixture *fixture, int64_t key)
{
    struct value value = value_int(fixture->types[0], key);
    struct weir_column *columns = values_columns(fixture->types, 1, &value, 1);
    struct bucket_rows rows = {0};
    uint32_t row = 0, found = UINT32_MAX;
    uint64_t position;
    CHECK_INT(bucket_lookup(fixture->bucket, columns, &row, 1, 0, &rows, &found, &position,
                            &fixture->failure),
              WEIR_OK);
    int64_t id = found == UINT32_MAX ? -1 : ((const int64_t *)rows.columns[1].values)[found];
    bucket_rows_finish(&rows);
    values_columns_finish(columns, 1);
    return id;
}

TEST(a_bucket_draws_a_new_range_of_ids_when_one_is_used_up)
{
    for (int how = 0; how < 3; how++) {
        struct fixture fixture;
        struct bucket_status status;
        open_fixture(&fixture, "k int64 not null; id int64", "k");
        fixture.definition.columns[1].is_auto_increment = 1;
        bucket_destroy(fixture.bucket);
        fixture.bucket = make_bucket(&fixture);
        for (int64_t first = 0; first < 90000; first += ROWS_MAX) {
            put_keys(&fixture, first, ROWS_MAX);
        }
        put_keys(&fixture, 90000, 10000);
        CHECK_INT(id_of(&fixture, 0), 1);
        CHECK_INT(id_of(&fixture, 99999), 100000);
        fixture.next_range = 500001; // other buckets have had ranges meanwhile
        if (how > 0) {
            restart(&fixture, how == 2);
        }

        put_keys(&fixture, 200000, 2);

        CHECK_INT(id_of(&fixture, 200001), 500002);
        bucket_status(fixture.bucket, &status);
        CHECK_INT(status.auto_increment_end, 600001);
        close_fixture(&fixture);
    }
}

TEST(rows_expire_some_at_a_time)
{
    struct fixture fixture;
    struct bucket_ack ack;
    struct bucket_rows rows = {0};
    uint64_t end, position, expired = 0;
    int more = 1;
    open_fixture(&fixture, "k int32 not null; v int64", "k");
    fixture.definition.ttl_us = 500;
    bucket_destroy(fixture.bucket);
    fixture.bucket = make_bucket(&fixture);
    struct bucket_put put = {.writer = RECORD_WRITER_NONE};
    for (int64_t i = 0; i < 100; i++) {
        CHECK_INT(put_row(&fixture, i, i, &put, &ack), WEIR_OK);
    }
    clock_us += 500;
    CHECK_INT(bucket_scan(fixture.bucket, UINT32_MAX, 0, &rows, &end, &position, &fixture.failure),
              WEIR_OK);
    CHECK_INT(rows.row_count, 0);
    bucket_rows_finish(&rows);

    for (int calls = 0; more && calls < 100; calls++) {
        CHECK_INT(bucket_expire(fixture.bucket, 30, &ack, &more, &fixture.failure), WEIR_OK);
        CHECK(ack.end_offset - ack.base_offset <= 30);
        expired += ack.end_offset - ack.base_offset;
    }

    struct bucket_status status;
    bucket_status(fixture.bucket, &status);
    CHECK_INT(expired, 100);
    CHECK_INT(status.row_count, 0);
    CHECK_INT(status.end_offset, 200);
    close_fixture(&fixture);
}

TEST(a_column_that_was_added_is_null_in_old_rows)
{
    for (int with_snapshot = 0; with_snapshot < 2; with_snapshot++) {
        struct fixture old, new;
        struct bucket_ack ack;
        struct memory_snapshot snapshot = {0};
        uint64_t end, position;
        open_fixture(&old, "k string not null; v int64", "k");
        open_fixture(&new, "k string not null; v int64; w string", "k");
        struct value values[3] = {value_text("a key that is kept elsewhere", 28),
                                  value_int(old.types[1], 7)};
        struct bucket_put put = {.writer = RECORD_WRITER_NONE};
        CHECK_INT(put_values(&old, values, 1, &put, &ack), WEIR_OK);

        if (with_snapshot) {
            CHECK_INT(bucket_save(old.bucket, memory_snapshot_write, &snapshot, &end, &position,
                                  &old.failure),
                      WEIR_OK);
            CHECK_INT(memory_snapshot_load(&snapshot, new.bucket, &new.failure), WEIR_OK);
        } else {
            CHECK_INT(bucket_replay(new.bucket, old.log.records[0], &new.failure), WEIR_OK);
        }

        struct bucket_rows rows = {0};
        CHECK_INT(bucket_scan(new.bucket, 9, 1, &rows, &end, &position, &new.failure), WEIR_OK);
        REQUIRE(rows.row_count == 1);
        CHECK_INT(((const int64_t *)rows.columns[1].values)[0], 7);
        CHECK(weir_is_null(&rows.columns[2], 0));
        bucket_rows_finish(&rows);
        memory_snapshot_finish(&snapshot);
        close_fixture(&old);
        close_fixture(&new);
    }
}

TEST(what_does_not_fit_the_table_is_refused_by_name)
{
    struct fixture fixture;
    struct bucket_ack ack;
    open_fixture(&fixture, "k int32 not null; v int64 not null", "k");
    struct bucket_put put = {.writer = RECORD_WRITER_NONE};
    struct value no_key[2] = {value_null(), value_int(fixture.types[1], 1)};
    struct value no_value[2] = {value_int(fixture.types[0], 1), value_null()};

    CHECK_INT(put_values(&fixture, no_key, 1, &put, &ack), WEIR_ERROR_DATA);
    CHECK_TEXT(fixture.failure.text, "table test.bucket, bucket 0: row 0: key column k is null");
    CHECK_INT(put_values(&fixture, no_value, 1, &put, &ack), WEIR_ERROR_DATA);
    CHECK_TEXT(fixture.failure.text,
               "table test.bucket, bucket 0: row 0: NOT NULL column v is null");
    fixture.types[1] = weir_type_of(WEIR_TYPE_FLOAT64);
    CHECK_INT(put_row(&fixture, 1, 1, &put, &ack), WEIR_ERROR_DATA);
    CHECK_HAS(fixture.failure.text, "column v has another type");
    CHECK_INT(fixture.log.count, 0);
    close_fixture(&fixture);
}

TEST(a_put_that_is_too_large_is_refused_and_leaves_nothing)
{
    struct fixture fixture;
    struct bucket_ack ack;
    struct bucket_status status;
    open_fixture(&fixture, "k int32 not null; v bytes", "k");
    uint32_t length = WEIR_VALUE_BYTES_MAX + 1;
    char *bytes = calloc(1, length);
    int32_t key = 1, offsets[2] = {0, (int32_t)length};
    uint32_t rows[BUCKET_PUT_ROWS_MAX + 1] = {0};
    struct weir_column columns[2] = {
        {.type = fixture.types[0], .values = &key},
        {.type = fixture.types[1], .values = bytes, .offsets = offsets},
    };
    struct weir_batch batch = {
        .size = sizeof batch, .row_count = 1, .column_count = 2, .columns = columns};
    struct bucket_put put = {
        .batch = &batch, .rows = rows, .row_count = 1, .writer = RECORD_WRITER_NONE};

    CHECK_INT(bucket_put(fixture.bucket, &put, &ack, &fixture.failure), WEIR_ERROR_DATA);
    CHECK_HAS(fixture.failure.text, "column v has 16777217 bytes");
    offsets[1] = 15 << 20;
    put.row_count = 12;
    CHECK_INT(bucket_put(fixture.bucket, &put, &ack, &fixture.failure), WEIR_ERROR_DATA);
    CHECK_HAS(fixture.failure.text, "send fewer rows at once");
    put.row_count = BUCKET_PUT_ROWS_MAX + 1;
    CHECK_INT(bucket_put(fixture.bucket, &put, &ack, &fixture.failure), WEIR_ERROR_DATA);
    CHECK_HAS(fixture.failure.text, "32769 rows in one put");
    bucket_status(fixture.bucket, &status);
    CHECK_INT(status.row_count, 0);
    CHECK_INT(status.end_offset, 0);
    free(bytes);
    close_fixture(&fixture);
}

TEST(a_hole_in_the_log_is_found_at_replay)
{
    struct fixture fixture;
    struct bucket_ack ack;
    open_fixture(&fixture, "k int32 not null; v int64", "k");
    struct bucket_put put = {.writer = RECORD_WRITER_NONE};
    for (int64_t i = 0; i < 3; i++) {
        CHECK_INT(put_row(&fixture, i, i, &put, &ack), WEIR_OK);
    }
    struct bucket *bucket = make_bucket(&fixture);

    CHECK_INT(bucket_replay(bucket, fixture.log.records[0], &fixture.failure), WEIR_OK);
    CHECK_INT(bucket_replay(bucket, fixture.log.records[2], &fixture.failure), WEIR_ERROR_DATA);
    CHECK_HAS(fixture.failure.text, "begins at offset 2, expected is 1");

    bucket_destroy(bucket);
    close_fixture(&fixture);
}

TEST(an_index_on_disk_without_a_database_is_refused)
{
    struct fixture fixture;
    struct bucket *bucket = NULL;
    open_fixture(&fixture, "k int32 not null; v int64", "k");
    fixture.definition.index = TABLE_INDEX_ROCKSDB;

    CHECK_INT(bucket_create(&fixture.table, 0, &bucket, &fixture.failure), WEIR_ERROR_UNSUPPORTED);
    CHECK_HAS(fixture.failure.text, "no database is open for it");
    CHECK(bucket == NULL);
    close_fixture(&fixture);
}

TEST(a_snapshot_that_lacks_rows_is_found)
{
    struct fixture fixture;
    struct bucket_ack ack;
    struct memory_snapshot snapshot = {0};
    uint64_t end, position;
    open_fixture(&fixture, "k int32 not null; v int64", "k");
    struct bucket_put put = {.writer = RECORD_WRITER_NONE};
    CHECK_INT(put_row(&fixture, 1, 1, &put, &ack), WEIR_OK);
    CHECK_INT(bucket_save(fixture.bucket, memory_snapshot_write, &snapshot, &end, &position,
                          &fixture.failure),
              WEIR_OK);
    struct bucket *bucket = make_bucket(&fixture);

    CHECK_INT(bucket_load(bucket, snapshot.records[0], &fixture.failure), WEIR_OK);
    CHECK_INT(bucket_load_end(bucket, &fixture.failure), WEIR_ERROR_DATA);
    CHECK_HAS(fixture.failure.text, "lacks 1 of its rows");

    bucket_destroy(bucket);
    memory_snapshot_finish(&snapshot);
    close_fixture(&fixture);
}
