#include "data/key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "support/test.h"
#include "weir/key.h"

#define ROWS 3000u

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t z = random_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

// A column of every type, in the order of their numbers; timestamps and decimals of every layout.
static const struct weir_field fields[] = {
    {"bool", {WEIR_TYPE_BOOL, 0, 0, 1, 0}},
    {"int8", {WEIR_TYPE_INT8, 0, 0, 1, 0}},
    {"int16", {WEIR_TYPE_INT16, 0, 0, 1, 0}},
    {"int32", {WEIR_TYPE_INT32, 0, 0, 1, 0}},
    {"int64", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
    {"small_int64", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
    {"float32", {WEIR_TYPE_FLOAT32, 0, 0, 1, 0}},
    {"float64", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"string", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
    {"bytes", {WEIR_TYPE_BYTES, 0, 0, 1, 0}},
    {"date", {WEIR_TYPE_DATE, 0, 0, 1, 0}},
    {"time", {WEIR_TYPE_TIME, 0, 0, 1, 0}},
    {"timestamp_ms", {WEIR_TYPE_TIMESTAMP, 3, 0, 1, 0}},
    {"timestamp_us", {WEIR_TYPE_TIMESTAMP, 6, 0, 1, 0}},
    {"timestamp_ns", {WEIR_TYPE_TIMESTAMP_LTZ, 9, 0, 1, 0}},
    {"small_decimal", {WEIR_TYPE_DECIMAL, 18, 2, 1, 0}},
    {"large_decimal", {WEIR_TYPE_DECIMAL, 38, 2, 1, 0}},
};
#define COLUMNS (sizeof fields / sizeof *fields)
static const struct weir_schema schema = {sizeof schema, COLUMNS, fields};

// A number of a random count of bits, so that varints of every length occur.
static uint64_t random_bits(void)
{
    uint64_t value = random_next() >> random_next() % 64;
    return random_next() % 4 == 0 ? 0 - value : value;
}

static void fill_text(struct batch_builder *builder, uint32_t column)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        uint8_t text[300];
        uint32_t length = (uint32_t)(random_next() % (i % 100 == 0 ? 300 : 20));
        for (uint32_t k = 0; k < length; k++) {
            text[k] = (uint8_t)random_next();
        }
        CHECK_INT(random_next() % 8 == 0 ? batch_builder_append_null(builder, column)
                                         : batch_builder_append(builder, column, text, length),
                  0);
    }
}

static void fill_special_floats(void *values, uint32_t width)
{
    static const double specials[] = {0.0, -0.0, 1.5, -1e300};
    double nans[] = {__builtin_nan(""), -__builtin_nan("5")};
    for (uint32_t i = 0; i < 6; i++) {
        double value = i < 4 ? specials[i] : nans[i - 4];
        float narrow = (float)value;
        memcpy((uint8_t *)values + i * width, width == 8 ? (void *)&value : (void *)&narrow, width);
    }
}

static const struct weir_batch *make(int with_nulls)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    CHECK_INT(batch_builder_create(&schema, ROWS, &builder), 0);
    for (uint32_t c = 0; c < COLUMNS; c++) {
        uint32_t width = weir_type_width(fields[c].type);
        if (weir_type_is_text(fields[c].type)) {
            fill_text(builder, c);
            continue;
        }
        uint8_t *values = batch_builder_values(builder, c);
        for (uint32_t i = 0; i < ROWS * (width == 0 ? 1 : width) / 8; i++) {
            uint64_t value =
                strncmp(fields[c].name, "small", 5) == 0 ? random_next() >> 33 : random_bits();
            memcpy(values + i * 8, &value, width == 0 ? i < ROWS / 64 ? 8 : 0 : 8);
        }
        if (fields[c].type.id == WEIR_TYPE_FLOAT32 || fields[c].type.id == WEIR_TYPE_FLOAT64) {
            fill_special_floats(values, width);
        }
        for (uint32_t i = 0; with_nulls && i < ROWS; i++) {
            weir_bit_set(batch_builder_validity(builder, c), i, random_next() % 8 != 0);
        }
    }
    CHECK_INT(batch_builder_finish(builder, ROWS, &batch), 0);
    return batch;
}

// One row at a time, by weir/key.h.
static uint32_t expected_group(const struct weir_batch *batch, const uint32_t *columns,
                               uint32_t column_count, uint32_t row, uint32_t group_count)
{
    uint8_t key[4096];
    uint32_t length = 0;
    for (uint32_t k = 0; k < column_count; k++) {
        struct weir_column column = batch->columns[columns[k]];
        double number;
        float narrow;
        if (!weir_is_null(&column, row) && column.type.id == WEIR_TYPE_FLOAT64) {
            number = weir_key_normalise(((const double *)column.values)[row]);
            memcpy(key + length, &number, 8);
            length += 8;
        } else if (!weir_is_null(&column, row) && column.type.id == WEIR_TYPE_FLOAT32) {
            narrow = (float)weir_key_normalise(((const float *)column.values)[row]);
            memcpy(key + length, &narrow, 4);
            length += 4;
        } else {
            length += weir_key_encode(&column, row, key + length);
        }
    }
    return weir_key_bucket(weir_key_hash(key, length), group_count);
}

static void check_groups(const struct weir_batch *batch, const uint32_t *columns,
                         uint32_t column_count, uint32_t group_count)
{
    static uint32_t groups[ROWS];
    CHECK_INT(key_groups(batch, columns, column_count, group_count, groups), 0);
    for (uint32_t i = 0; i < batch->row_count; i++) {
        uint32_t expected = expected_group(batch, columns, column_count, i, group_count);
        if (groups[i] != expected) {
            test_fail(__FILE__, __LINE__, "row %u of %s... is in group %u of %u, expected %u", i,
                      fields[columns[0]].name, groups[i], group_count, expected);
            return;
        }
    }
}

static const uint32_t group_counts[] = {1, 2, 3, 7, 128, 1000, 65536, 1000003, INT32_MAX};

TEST(key_groups_of_a_column_are_those_of_its_rows)
{
    random_state = 1;
    for (int with_nulls = 0; with_nulls < 2; with_nulls++) {
        const struct weir_batch *batch = make(with_nulls);
        for (uint32_t column = 0; column < COLUMNS; column++) {
            for (size_t g = 0; g < sizeof group_counts / sizeof *group_counts; g++) {
                check_groups(batch, &column, 1, group_counts[g]);
            }
        }
        batch_unref(batch);
    }
}

TEST(key_groups_of_several_columns_are_those_of_their_rows)
{
    random_state = 2;
    const struct weir_batch *batch = make(1);
    for (int i = 0; i < 100; i++) {
        uint32_t columns[4];
        for (int k = 0; k < 4; k++) {
            columns[k] = (uint32_t)(random_next() % COLUMNS);
        }
        check_groups(batch, columns, (uint32_t)(random_next() % 5), 128);
    }
    batch_unref(batch);
}

// Every length of a varint, at both ends.
TEST(key_groups_hold_at_the_edges_of_varints)
{
    static const struct weir_field edge = {"int64", {WEIR_TYPE_INT64, 0, 0, 1, 0}};
    static const struct weir_schema edges = {sizeof edges, 1, &edge};
    struct batch_builder *builder;
    const struct weir_batch *batch;
    uint32_t column = 0, row_count = 0;
    CHECK_INT(batch_builder_create(&edges, 64 * 3, &builder), 0);
    uint64_t *values = batch_builder_values(builder, 0);
    for (uint32_t bit = 0; bit < 64; bit++) {
        for (uint64_t d = 0; d < 3; d++) {
            values[row_count++] = (UINT64_C(1) << bit) + d - 1;
        }
    }
    CHECK_INT(batch_builder_finish(builder, row_count, &batch), 0);
    check_groups(batch, &column, 1, 1000);
    batch_unref(batch);
}

TEST(a_key_that_cannot_be_read_is_refused)
{
    static const struct weir_field absent = {"a", {WEIR_TYPE_INT64, 0, 0, 1, 0}};
    static const struct weir_schema one = {sizeof one, 1, &absent};
    struct batch_builder *builder;
    const struct weir_batch *batch;
    uint32_t column = 0, groups[1];
    CHECK_INT(batch_builder_create(&one, 1, &builder), 0);
    batch_builder_absent(builder, 0);
    CHECK_INT(batch_builder_finish(builder, 1, &batch), 0);
    CHECK_INT(key_groups(batch, &column, 1, 128, groups), -EINVAL);
    CHECK_INT(key_groups(batch, &column, 0, 0, groups), -EINVAL);
    CHECK_INT(key_groups(batch, &column, 0, UINT32_MAX, groups), -EINVAL);
    batch_unref(batch);
}
