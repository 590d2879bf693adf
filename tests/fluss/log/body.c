// Bodies of batch records: what was put in comes out, statistics claim nothing that is not so, and
// what is damaged is refused.
#include "log/body.h"

#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "support/values.h"

enum { ROWS = 500, COLUMNS = 5, ROOM = 1 << 20 };

static const struct weir_field fields[COLUMNS] = {
    {"number", {WEIR_TYPE_INT32, 0, 0, 1, 0}}, {"text", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
    {"flag", {WEIR_TYPE_BOOL, 0, 0, 1, 0}},    {"real", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"none", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
};

static struct value values[ROWS * COLUMNS];

static struct weir_column *make_columns(void)
{
    struct weir_type types[COLUMNS];
    char text[40];
    memset(text, 'x', sizeof text);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        types[c] = fields[c].type;
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        struct value *row = &values[i * COLUMNS];
        row[0] = i % 7 == 3 ? value_null() : value_int(types[0], (int64_t)i - 100);
        row[1] = i % 5 == 0 ? value_null() : value_text(text, i % 40);
        row[2] = value_int(types[2], i % 3 == 0);
        row[3] = value_double(types[3], i * 0.5);
        row[4] = value_null();
    }
    return values_columns(types, COLUMNS, values, ROWS);
}

// A record with a body, in memory that the caller frees.
static struct record_batch *make_record(const struct weir_column *columns, const uint8_t *kinds,
                                        enum table_compression compression)
{
    struct record_batch *record = aligned_alloc(RECORD_ALIGN, ROOM);
    uint8_t *scratch = malloc(ROOM);
    memset(record, 0xa5, ROOM);
    uint32_t flags;
    uint64_t bytes = body_encode(columns, COLUMNS, ROWS, kinds, compression, 1,
                                 (uint8_t *)record + sizeof *record, scratch, &flags);
    uint64_t padded = record_padded(sizeof *record + bytes);
    CHECK(bytes <= body_size(columns, COLUMNS, ROWS, kinds != NULL, 1));
    *record = (struct record_batch){
        .header = {.head_bytes = sizeof *record, .record_bytes = (uint32_t)padded},
        .row_count = ROWS,
        .column_count = COLUMNS,
        .flags = flags};
    free(scratch);
    return record;
}

static void check_columns(const struct body_view *view)
{
    struct failure failure;
    for (uint32_t c = 0; c < COLUMNS; c++) {
        struct weir_column column;
        uint8_t *scratch = malloc(body_column_scratch(view, c) + 1);
        REQUIRE(body_column(view, c, fields[c].type, scratch, &column, &failure) == WEIR_OK);
        for (uint32_t i = 0; i < ROWS; i++) {
            struct value is = values_at(&column, i);
            CHECK(value_equal(fields[c].type, &is, &values[i * COLUMNS + c]));
        }
        free(scratch);
    }
}

TEST(columns_of_all_kinds_come_back_plain_and_compressed)
{
    struct weir_column *columns = make_columns();
    uint8_t kinds[ROWS];
    uint32_t plain_bytes = 0;
    memset(kinds, WEIR_KIND_UPDATE_AFTER, sizeof kinds);
    for (uint32_t compression = 0; compression <= TABLE_COMPRESSION_ZSTD; compression++) {
        struct record_batch *record = make_record(columns, kinds, compression);
        struct body_view view;
        struct failure failure;
        REQUIRE(body_open(record, fields, COLUMNS, &view, &failure) == WEIR_OK);
        CHECK(memcmp(view.kinds, kinds, ROWS) == 0);
        check_columns(&view);
        plain_bytes = compression == 0 ? record->header.record_bytes : plain_bytes;
        CHECK(compression == 0 || record->header.record_bytes < plain_bytes / 2);
        free(record);
    }
    values_columns_finish(columns, COLUMNS);
    values_forget();
}

static double as_double(int64_t bits)
{
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

TEST(statistics_are_the_ranges_of_the_values_that_are_there)
{
    struct weir_column *columns = make_columns();
    struct record_batch *record = make_record(columns, NULL, TABLE_COMPRESSION_NONE);
    struct body_view view;
    struct failure failure;
    REQUIRE(body_open(record, fields, COLUMNS, &view, &failure) == WEIR_OK);
    CHECK(view.kinds == NULL);
    CHECK_INT(view.statistics[0].min, -100);
    CHECK_INT(view.statistics[0].max, ROWS - 1 - 100);
    CHECK_INT(view.statistics[1].min, INT64_MIN);
    CHECK_INT(view.statistics[1].max, INT64_MAX);
    CHECK_FLOAT(as_double(view.statistics[3].min), 0);
    CHECK_FLOAT(as_double(view.statistics[3].max), (ROWS - 1) * 0.5);
    CHECK(view.statistics[4].min > view.statistics[4].max);
    free(record);
    values_columns_finish(columns, COLUMNS);
    values_forget();
}

TEST(statistics_with_a_nan_claim_nothing)
{
    static const struct weir_field real = {"real", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}};
    double reals[9] = {1, 2, 3, 4, __builtin_nan(""), 6, 7, 8, -9};
    for (uint32_t where = 0; where < 9; where++) {
        _Alignas(64) uint8_t body[1024];
        uint32_t offset, kinds;
        body_plan(&real, 1, 9, 0, 1, body, &offset, &kinds);
        memcpy(body + offset, reals, sizeof reals);
        body_statistics(&real, 1, 9, 0, body);
        struct record_statistics range;
        memcpy(&range, body + sizeof(struct record_column), sizeof range);
        CHECK_INT(range.min, INT64_MIN);
        CHECK_INT(range.max, INT64_MAX);
        double first = reals[0]; // turned, so that the NaN stands everywhere once
        memmove(reals, reals + 1, 8 * sizeof *reals);
        reals[8] = first;
    }
}

TEST(a_planned_body_reads_like_an_encoded_one)
{
    static const struct weir_field two[2] = {{"a", {WEIR_TYPE_INT16, 0, 0, 1, 0}},
                                             {"b", {WEIR_TYPE_INT64, 0, 0, 1, 0}}};
    int16_t a[5] = {3, -4, 5, 0, 1};
    int64_t b[5] = {1, 2, 3, INT64_MIN, INT64_MAX};
    struct weir_column columns[2] = {{.type = two[0].type, .values = a},
                                     {.type = two[1].type, .values = b}};
    uint8_t kinds[5] = {0, 1, 2, 3, 0}, encoded[1024], planned[1024];
    uint32_t flags, offsets[2], kinds_offset;
    memset(encoded, 1, sizeof encoded);
    memset(planned, 2, sizeof planned);
    uint64_t bytes =
        body_encode(columns, 2, 5, kinds, TABLE_COMPRESSION_NONE, 1, encoded, NULL, &flags);

    CHECK_INT(body_plan(two, 2, 5, 1, 1, planned, offsets, &kinds_offset), bytes);
    memcpy(planned + kinds_offset, kinds, sizeof kinds);
    memcpy(planned + offsets[0], a, sizeof a);
    memcpy(planned + offsets[1], b, sizeof b);
    body_statistics(two, 2, 5, 1, planned);

    CHECK(memcmp(encoded, planned, bytes) == 0);
}

TEST(a_directory_that_points_outside_of_its_record_is_refused)
{
    struct weir_column *columns = make_columns();
    struct record_batch *record = make_record(columns, NULL, TABLE_COMPRESSION_NONE);
    struct record_column *entries = (struct record_column *)(record + 1), good = entries[0];
    struct body_view view;
    struct failure failure;

    entries[0].offset = record->header.record_bytes;
    CHECK_INT(body_open(record, fields, COLUMNS, &view, &failure), WEIR_ERROR_DATA);
    CHECK_HAS(failure.text, "column 0");
    entries[0] = good;
    entries[0].raw_bytes = UINT32_MAX - 7;
    CHECK_INT(body_open(record, fields, COLUMNS, &view, &failure), WEIR_ERROR_DATA);
    entries[0] = good;
    entries[0].type = WEIR_TYPE_INT64;
    CHECK_INT(body_open(record, fields, COLUMNS, &view, &failure), WEIR_ERROR_DATA);
    CHECK_HAS(failure.text, "type");
    entries[0] = good;
    record->row_count++;
    CHECK_INT(body_open(record, fields, COLUMNS, &view, &failure), WEIR_ERROR_DATA);
    record->row_count--;
    int32_t *offsets = (int32_t *)((uint8_t *)entries + entries[1].offset + 64);
    offsets[ROWS] = INT32_MAX;
    struct weir_column column;
    CHECK_INT(body_open(record, fields, COLUMNS, &view, &failure), WEIR_OK);
    CHECK_INT(body_column(&view, 1, fields[1].type, NULL, &column, &failure), WEIR_ERROR_DATA);
    CHECK_HAS(failure.text, "its text does not lie inside it");
    free(record);
    values_columns_finish(columns, COLUMNS);
    values_forget();
}
