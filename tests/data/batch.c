#include "data/batch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "support/test.h"

static const struct weir_field fields[] = {
    {"number", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
    {"flag", {WEIR_TYPE_BOOL, 0, 0, 1, 0}},
    {"text", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
};
static const struct weir_schema schema = {sizeof schema, 3, fields};
static const struct weir_field strict_field = {"number", {WEIR_TYPE_INT64, 0, 0, 0, 0}};
static const struct weir_schema strict_schema = {sizeof schema, 1, &strict_field};

// number: 0, 10, 20, ... with every third null; flag: true for even rows; text: "t<row>", row 1
// null.
static const struct weir_batch *make(uint32_t row_count)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    CHECK_INT(batch_builder_create(&schema, row_count, &builder), 0);
    int64_t *numbers = batch_builder_values(builder, 0);
    uint8_t *validity = batch_builder_validity(builder, 0);
    uint8_t *flags = batch_builder_values(builder, 1);
    for (uint32_t i = 0; i < row_count; i++) {
        char text[16];
        numbers[i] = i * 10;
        weir_bit_set(validity, i, i % 3 != 2);
        weir_bit_set(flags, i, i % 2 == 0);
        snprintf(text, sizeof text, "t%u", i);
        CHECK_INT(i == 1 ? batch_builder_append_null(builder, 2)
                         : batch_builder_append(builder, 2, text, (uint32_t)strlen(text)),
                  0);
    }
    memset(batch_builder_kinds(builder), WEIR_KIND_UPDATE_AFTER, row_count);
    batch_builder_times(builder, 7, 100, 200, 50);
    CHECK_INT(batch_builder_finish(builder, row_count, &batch), 0);
    return batch;
}

static void check_row(const struct weir_batch *batch, uint32_t at, uint32_t row)
{
    char text[16];
    uint32_t length;
    snprintf(text, sizeof text, "t%u", row);
    CHECK_INT(weir_is_null(&batch->columns[0], at), row % 3 == 2);
    CHECK_INT(((const int64_t *)batch->columns[0].values)[at], row % 3 == 2 ? 0 : row * 10);
    CHECK_INT(weir_bit(batch->columns[1].values, at), row % 2 == 0);
    CHECK_INT(weir_is_null(&batch->columns[2], at), row == 1);
    const char *bytes = weir_text(&batch->columns[2], at, &length);
    CHECK_INT(length, row == 1 ? 0 : strlen(text));
    CHECK(memcmp(bytes, text, length) == 0);
    CHECK_INT(weir_kind(batch, at), WEIR_KIND_UPDATE_AFTER);
}

TEST(a_built_batch_holds_what_was_put_in)
{
    const struct weir_batch *batch = make(100);
    CHECK_INT(batch->row_count, 100);
    CHECK_INT(batch->columns[0].null_count, 33);
    CHECK(batch->columns[1].validity == NULL);
    CHECK_INT(batch->bucket, 7);
    CHECK_INT((uintptr_t)batch->columns[0].values % 64, 0);
    for (uint32_t i = 0; i < 100; i++) {
        check_row(batch, i, i);
    }
    // 100 int64 with 13 bytes of validity, 13 bytes of bits, the text, and 100 kinds
    CHECK_INT(batch_bytes(batch), 800 + 13 + 13 + (101 * 4 + 13 + 10 * 2 - 2 + 90 * 3) + 100);
    batch_unref(batch);
}

TEST(memory_goes_back_when_the_last_reference_goes)
{
    uint64_t before = memory_used();
    const struct weir_batch *batch = make(1000), *renamed;
    static const struct weir_field others[] = {
        {"a", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
        {"b", {WEIR_TYPE_BOOL, 0, 0, 1, 0}},
        {"c", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
    };
    static const struct weir_schema other = {sizeof other, 3, others};
    CHECK_INT(batch_rename(batch, &other, &renamed), 0);
    CHECK(renamed->columns[0].values == batch->columns[0].values);
    batch_unref(batch);
    check_row(renamed, 999, 999);
    CHECK_INT(renamed->time_max_us, 200);
    batch_unref(renamed);
    CHECK_INT(memory_used(), before);
    batch_unref(NULL);
}

TEST(select_takes_rows_in_any_order)
{
    const struct weir_batch *batch = make(100), *selected;
    const uint32_t rows[] = {99, 1, 1, 50, 2, 0, 64, 63, 65};
    CHECK_INT(batch_select(batch, rows, 9, &selected), 0);
    batch_unref(batch);
    CHECK_INT(selected->row_count, 9);
    CHECK_INT(selected->entered_us, 50);
    for (uint32_t i = 0; i < 9; i++) {
        check_row(selected, i, rows[i]);
    }
    batch_unref(selected);
}

TEST(select_of_every_row_is_the_batch_itself)
{
    const struct weir_batch *batch = make(70), *selected;
    uint32_t rows[70];
    for (uint32_t i = 0; i < 70; i++) {
        rows[i] = i;
    }
    CHECK_INT(batch_select(batch, rows, 70, &selected), 0);
    CHECK(selected == batch);
    batch_unref(selected);
    CHECK_INT(batch_select(batch, rows, 0, &selected), 0);
    CHECK_INT(selected->row_count, 0);
    batch_unref(selected);
    batch_unref(batch);
}

TEST(a_slice_shares_where_it_can_and_copies_elsewhere)
{
    const struct weir_batch *batch = make(200), *shared, *copied;
    CHECK_INT(batch_slice(batch, 64, 136, &shared), 0);
    CHECK_INT(batch_slice(batch, 63, 70, &copied), 0);
    CHECK_INT(batch_slice(batch, 150, 51, &copied), -EINVAL);
    CHECK(shared->columns[0].values == (const int64_t *)batch->columns[0].values + 64);
    batch_unref(batch);
    for (uint32_t i = 0; i < 136; i++) {
        check_row(shared, i, 64 + i);
    }
    for (uint32_t i = 0; i < 70; i++) {
        check_row(copied, i, 63 + i);
    }
    CHECK_INT(shared->columns[0].null_count, 45);
    CHECK_INT(copied->columns[0].null_count, 23);
    batch_unref(shared);
    batch_unref(copied);
}

TEST(a_column_left_alone_is_null_and_an_absent_one_has_nothing)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    CHECK_INT(batch_builder_create(&schema, 10, &builder), 0);
    batch_builder_absent(builder, 1);
    CHECK_INT(batch_builder_finish(builder, 10, &batch), 0);
    CHECK_INT(batch->columns[0].null_count, 10);
    CHECK_INT(((const int64_t *)batch->columns[0].values)[9], 0);
    CHECK_INT(batch->columns[1].encoding, WEIR_ENCODING_ABSENT);
    CHECK(batch->columns[1].values == NULL);
    CHECK_INT(batch->columns[2].null_count, 10);
    CHECK_INT(batch->columns[2].offsets[10], 0);
    CHECK(batch->kinds == NULL);
    batch_unref(batch);
}

TEST(gather_appends_rows_of_several_batches)
{
    const struct weir_batch *one = make(20), *two = make(30), *batch;
    const uint32_t first[] = {3, 1, 2}, second[] = {29, 0, 11, 12, 13, 14, 15, 16, 17, 18};
    struct batch_builder *builder;
    CHECK_INT(batch_builder_create(&schema, 16, &builder), 0);
    memset(batch_builder_kinds(builder), WEIR_KIND_UPDATE_AFTER, 16);
    for (uint32_t column = 0; column < 3; column++) {
        CHECK_INT(batch_builder_gather(builder, column, one, column, first, 3), 0);
        CHECK_INT(batch_builder_gather(builder, column, two, column, second, 10), 0);
    }
    CHECK_INT(batch_builder_finish(builder, 13, &batch), 0);
    for (uint32_t i = 0; i < 13; i++) {
        check_row(batch, i, i < 3 ? first[i] : second[i - 3]);
    }
    batch_unref(one);
    batch_unref(two);
    batch_unref(batch);
}

TEST(a_mistake_of_the_caller_is_refused)
{
    const struct weir_batch *other = make(5), *batch = NULL;
    struct batch_builder *builder;
    CHECK_INT(batch_builder_create(&schema, 0, &builder), -EMSGSIZE);
    CHECK_INT(batch_builder_create(&schema, WEIR_BATCH_ROWS_MAX + 1, &builder), -EMSGSIZE);
    CHECK_INT(batch_builder_create(&schema, 4, &builder), 0);
    CHECK(batch_builder_values(builder, 2) == NULL);
    CHECK_INT(batch_builder_append(builder, 0, "x", 1), -EINVAL);
    CHECK_INT(batch_builder_share(builder, 0, other, 1), -EINVAL);
    CHECK_INT(batch_builder_share(builder, 0, other, 0), 0);
    CHECK(batch_builder_values(builder, 0) == NULL);
    CHECK_INT(batch_builder_append(builder, 2, "x", 1), 0);
    // one row of text and a shared column of five rows
    CHECK_INT(batch_builder_finish(builder, 4, &batch), -EINVAL);
    CHECK_INT(batch_builder_create(&strict_schema, 4, &builder), 0);
    CHECK_INT(batch_builder_finish(builder, 1, &batch), -EINVAL);
    CHECK(batch == NULL);
    batch_unref(other);
}

static int finish_text(int32_t middle, int32_t last)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    int32_t *offsets;
    CHECK_INT(batch_builder_create(&schema, 2, &builder), 0);
    uint8_t *bytes = batch_builder_text(builder, 2, 8000, &offsets);
    memset(bytes, 'x', 8000);
    offsets[0] = 0;
    offsets[1] = middle;
    offsets[2] = last;
    int rc = batch_builder_finish(builder, 2, &batch);
    if (rc == 0) {
        batch_unref(batch);
    }
    return rc;
}

TEST(offsets_that_a_caller_writes_are_checked)
{
    CHECK_INT(finish_text(3, 8000), 0);
    CHECK_INT(finish_text(4, 3), -EINVAL);
    CHECK_INT(finish_text(-1, 3), -EINVAL);
    CHECK_INT(finish_text(3, 8001), -EINVAL);
    CHECK_INT(finish_text(INT32_MIN, INT32_MAX), -EINVAL);
}

TEST(a_value_or_batch_beyond_its_limit_is_refused)
{
    static uint8_t bytes[WEIR_VALUE_BYTES_MAX + 1];
    struct batch_builder *builder;
    const struct weir_batch *batch;
    CHECK_INT(batch_builder_create(&schema, 10, &builder), 0);
    CHECK_INT(batch_builder_append(builder, 2, bytes, sizeof bytes), -EMSGSIZE);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(batch_builder_append(builder, 2, bytes, WEIR_VALUE_BYTES_MAX), 0);
    }
    CHECK_INT(batch_builder_append(builder, 2, bytes, WEIR_VALUE_BYTES_MAX), -EMSGSIZE);
    CHECK_INT(batch_builder_append(builder, 2, "end", 3), 0);
    CHECK_INT(batch_builder_finish(builder, 4, &batch), 0);
    CHECK(batch_bytes(batch) <= WEIR_BATCH_BYTES_MAX);
    batch_unref(batch);
}

TEST(appended_rows_beyond_the_end_are_left_out)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    CHECK_INT(batch_builder_create(&schema, 4, &builder), 0);
    CHECK_INT(batch_builder_append(builder, 2, "one", 3), 0);
    CHECK_INT(batch_builder_append(builder, 2, "half a row", 10), 0);
    CHECK_INT(batch_builder_finish(builder, 1, &batch), 0);
    CHECK_INT(batch->columns[2].offsets[1], 3);
    CHECK_INT(((const uint8_t *)batch->columns[2].values)[3], 0);
    batch_unref(batch);
}

TEST(inherit_takes_times_and_kinds)
{
    const struct weir_batch *one = make(5), *batch;
    struct batch_builder *builder;
    CHECK_INT(batch_builder_create(&schema, 5, &builder), 0);
    batch_builder_inherit(builder, one);
    CHECK_INT(batch_builder_share(builder, 0, one, 0), 0);
    CHECK_INT(batch_builder_copy(builder, 1, &one->columns[1], 5), 0);
    CHECK_INT(batch_builder_copy(builder, 2, &one->columns[2], 5), 0);
    CHECK_INT(batch_builder_finish(builder, 5, &batch), 0);
    batch_unref(one);
    CHECK_INT(batch->time_min_us, 100);
    for (uint32_t i = 0; i < 5; i++) {
        check_row(batch, i, i);
    }
    batch_unref(batch);
}

TEST(each_failing_allocation_is_survived)
{
    uint64_t before = memory_used();
    const struct weir_batch *batch = make(100), *selected = NULL;
    const uint32_t rows[] = {5, 4, 3};
    int rc = -ENOMEM;
    for (uint64_t n = 1; rc != 0 && n < 100; n++) {
        memory_fail_at(n);
        rc = batch_select(batch, rows, 3, &selected);
        CHECK(rc == 0 || rc == -ENOMEM);
    }
    memory_fail_at(0);
    REQUIRE(selected != NULL);
    check_row(selected, 0, 5);
    batch_unref(batch);
    batch_unref(selected);
    CHECK_INT(memory_used(), before);
}

TEST(the_range_of_times_is_in_microseconds)
{
    static const struct weir_field times[] = {
        {"ms", {WEIR_TYPE_INT64, 0, 0, 1, 0}},     {"day", {WEIR_TYPE_DATE, 0, 0, 1, 0}},
        {"us", {WEIR_TYPE_TIMESTAMP, 6, 0, 1, 0}}, {"ns", {WEIR_TYPE_TIMESTAMP_LTZ, 9, 0, 1, 0}},
        {"none", {WEIR_TYPE_INT64, 0, 0, 1, 0}},   {"text", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
    };
    static const struct weir_schema time_schema = {sizeof time_schema, 6, times};
    static const int64_t expected[][2] = {{-3000, 5000},
                                          {-86400000000, 86400000000},
                                          {-7, 9},
                                          {-1000 + 999, 4000 + 1},
                                          {WEIR_TIME_NONE, WEIR_TIME_NONE},
                                          {WEIR_TIME_NONE, WEIR_TIME_NONE}};
    struct batch_builder *builder;
    const struct weir_batch *batch;
    CHECK_INT(batch_builder_create(&time_schema, 3, &builder), 0);
    memcpy(batch_builder_values(builder, 0), (int64_t[]){5, -3, 100}, 24);
    weir_bit_set(batch_builder_validity(builder, 0), 2, 0);
    memcpy(batch_builder_values(builder, 1), (int32_t[]){1, -1, 0}, 12);
    memcpy(batch_builder_values(builder, 2), (int64_t[]){9, -7, 0}, 24);
    memcpy(batch_builder_values(builder, 3),
           (struct weir_timestamp[]){{4, 1999, 0}, {0, 0, 0}, {-1, 999999, 0}}, 48);
    CHECK_INT(batch_builder_finish(builder, 3, &batch), 0);
    for (uint32_t i = 0; i < 6; i++) {
        int64_t min, max;
        batch_time_range(batch, i, &min, &max);
        CHECK_INT(min, expected[i][0]);
        CHECK_INT(max, expected[i][1]);
    }
    batch_unref(batch);
}

static uint32_t release_count;

static void count_release(void *owner)
{
    release_count += *(const uint32_t *)owner;
}

TEST(an_adopted_column_is_not_copied_and_its_owner_is_told_when_nobody_reads_it)
{
    static const _Alignas(8) int64_t numbers[4] = {1, 0, 3, 4};
    static const _Alignas(8) uint8_t validity[8] = {0xd};
    static const _Alignas(8) int32_t offsets[6] = {0, 1, 1, 3, 4};
    static const _Alignas(8) uint8_t kinds[8] = {0, 1, 2, 3};
    static const uint32_t one = 1;
    struct batch_builder *builder;
    const struct weir_batch *batch, *part;
    struct weir_column number = {
        .type = fields[0].type, .null_count = 1, .validity = validity, .values = numbers};
    struct weir_column text = {.type = fields[2].type, .values = "abbc", .offsets = offsets};
    release_count = 0;
    REQUIRE(batch_builder_create(&schema, 4, &builder) == 0);
    CHECK_INT(batch_builder_adopt(builder, 0, &number), 0);
    CHECK_INT(batch_builder_adopt(builder, 2, &text), 0);
    batch_builder_absent(builder, 1);
    batch_builder_adopt_kinds(builder, kinds);
    batch_builder_owner(builder, count_release, (void *)&one);
    REQUIRE(batch_builder_finish(builder, 4, &batch) == 0);
    CHECK(batch->columns[0].values == numbers && batch->kinds == kinds);
    CHECK(weir_is_null(&batch->columns[0], 1) && !weir_is_null(&batch->columns[0], 2));

    REQUIRE(batch_slice(batch, 0, 4, &part) == 0);
    batch_unref(batch);
    CHECK_INT(release_count, 0);
    CHECK(part->columns[2].values == text.values);
    batch_unref(part);
    CHECK_INT(release_count, 1);
}

TEST(an_adopted_column_that_is_not_what_it_must_be_is_refused)
{
    static const _Alignas(8) int64_t numbers[4] = {1, 2, 3, 4};
    static const _Alignas(8) int32_t falling[4] = {0, 3, 2};
    static const uint32_t one = 1;
    struct batch_builder *builder;
    const struct weir_batch *batch;
    struct weir_column column = {.type = strict_field.type, .values = (const char *)numbers + 4};
    release_count = 0;
    REQUIRE(batch_builder_create(&strict_schema, 2, &builder) == 0);
    batch_builder_owner(builder, count_release, (void *)&one);
    CHECK_INT(batch_builder_adopt(builder, 0, &column), -EINVAL);
    column.type.id = WEIR_TYPE_INT32;
    column.values = numbers;
    CHECK_INT(batch_builder_adopt(builder, 0, &column), -EINVAL);
    column.type = strict_field.type;
    column.null_count = 1;
    CHECK_INT(batch_builder_adopt(builder, 0, &column), 0);
    CHECK_INT(batch_builder_finish(builder, 2, &batch), -EINVAL);
    CHECK_INT(release_count, 1);

    REQUIRE(batch_builder_create(&schema, 2, &builder) == 0);
    column = (struct weir_column){.type = fields[2].type, .values = "abc", .offsets = falling};
    CHECK_INT(batch_builder_adopt(builder, 2, &column), 0);
    CHECK_INT(batch_builder_finish(builder, 2, &batch), -EINVAL);
}
