// Random batches of every type for property tests: seeded, so that a failure comes again.
#ifndef TESTS_SUPPORT_RANDOM_BATCH_H
#define TESTS_SUPPORT_RANDOM_BATCH_H

#include <string.h>

#include "data/batch.h"
#include "support/test.h"

struct random {
    uint64_t state;
};

// splitmix64
static inline uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static inline uint32_t random_below(struct random *random, uint32_t end)
{
    return (uint32_t)(random_next(random) % end);
}

// A column of every type and layout, some not null.
static const struct weir_field random_fields[] = {
    {"bool", {WEIR_TYPE_BOOL, 0, 0, 1, 0}},
    {"int8", {WEIR_TYPE_INT8, 0, 0, 1, 0}},
    {"int16", {WEIR_TYPE_INT16, 0, 0, 1, 0}},
    {"int32", {WEIR_TYPE_INT32, 0, 0, 1, 0}},
    {"int64", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
    {"float32", {WEIR_TYPE_FLOAT32, 0, 0, 1, 0}},
    {"float64", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"string", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
    {"some \"bytes\"", {WEIR_TYPE_BYTES, 0, 0, 1, 40}},
    {"date", {WEIR_TYPE_DATE, 0, 0, 1, 0}},
    {"time", {WEIR_TYPE_TIME, 0, 0, 1, 0}},
    {"timestamp_ms", {WEIR_TYPE_TIMESTAMP, 3, 0, 1, 0}},
    {"timestamp_us", {WEIR_TYPE_TIMESTAMP_LTZ, 6, 0, 1, 0}},
    {"timestamp_ns", {WEIR_TYPE_TIMESTAMP, 9, 0, 1, 0}},
    {"decimal", {WEIR_TYPE_DECIMAL, 20, 4, 1, 0}},
    {"int64_not_null", {WEIR_TYPE_INT64, 0, 0, 0, 0}},
    {"string_not_null", {WEIR_TYPE_STRING, 0, 0, 0, 0}},
    {"bool_not_null", {WEIR_TYPE_BOOL, 0, 0, 0, 0}},
};
#define RANDOM_COLUMNS (sizeof random_fields / sizeof *random_fields)
static const struct weir_schema random_schema = {sizeof random_schema, RANDOM_COLUMNS,
                                                 random_fields};

static inline void random_text(struct random *random, struct batch_builder *builder,
                               uint32_t column, uint32_t row_count, uint32_t null_share)
{
    uint8_t text[200];
    uint32_t longest = random_below(random, 4) == 0 ? 200 : 20;
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t length = random_below(random, longest + 1);
        for (uint32_t k = 0; k < length; k++) {
            text[k] = (uint8_t)random_next(random);
        }
        CHECK_INT(random_below(random, 100) < null_share
                      ? batch_builder_append_null(builder, column)
                      : batch_builder_append(builder, column, text, length),
                  0);
    }
}

static inline void random_values(struct random *random, struct batch_builder *builder,
                                 uint32_t column, uint32_t row_count, uint32_t null_share)
{
    uint32_t width = weir_type_width(random_fields[column].type);
    uint8_t *values = batch_builder_values(builder, column), *validity;
    for (uint32_t i = 0; i < row_count; i++) {
        uint64_t halves[2] = {random_next(random) >> random_below(random, 64), 0};
        halves[1] = halves[0] % 5 == 0 ? UINT64_MAX : 0;
        if (width == 0) {
            weir_bit_set(values, i, (int32_t)(halves[0] & 1));
        } else {
            memcpy(values + (size_t)i * width, halves, width);
        }
    }
    if (null_share != 0) {
        validity = batch_builder_validity(builder, column);
        for (uint32_t i = 0; i < row_count; i++) {
            weir_bit_set(validity, i, random_below(random, 100) >= null_share);
        }
    }
}

// A batch of random_schema; some columns absent if may_lack.
static inline const struct weir_batch *random_batch(struct random *random, uint32_t row_count,
                                                    int may_lack)
{
    static const uint32_t null_shares[] = {0, 0, 5, 50, 95, 100};
    struct batch_builder *builder;
    const struct weir_batch *batch = NULL;
    CHECK_INT(batch_builder_create(&random_schema, row_count == 0 ? 1 : row_count, &builder), 0);
    for (uint32_t c = 0; c < RANDOM_COLUMNS; c++) {
        uint32_t null_share =
            random_fields[c].type.nullable ? null_shares[random_below(random, 6)] : 0;
        if (may_lack && random_below(random, 8) == 0) {
            batch_builder_absent(builder, c);
        } else if (weir_type_is_text(random_fields[c].type)) {
            random_text(random, builder, c, row_count, null_share);
        } else {
            random_values(random, builder, c, row_count, null_share);
        }
    }
    if (random_below(random, 2) == 0) {
        uint8_t *kinds = batch_builder_kinds(builder);
        for (uint32_t i = 0; i < row_count; i++) {
            kinds[i] = (uint8_t)random_below(random, 4);
        }
    }
    if (random_below(random, 2) == 0) {
        int64_t time = (int64_t)random_next(random) >> random_below(random, 62);
        batch_builder_times(builder, (int32_t)random_below(random, 128), time,
                            time == INT64_MAX ? time : time + 1, -time);
    }
    CHECK_INT(batch_builder_finish(builder, row_count, &batch), 0);
    return batch;
}

// Row a of one column against row b of another of the same type.
static inline int random_same_value(const struct weir_column *x, uint32_t a,
                                    const struct weir_column *y, uint32_t b)
{
    uint32_t width = weir_type_width(x->type), x_length, y_length;
    if (x->encoding != y->encoding || x->encoding == WEIR_ENCODING_ABSENT) {
        return x->encoding == y->encoding;
    }
    if (weir_is_null(x, a) || weir_is_null(y, b)) {
        return weir_is_null(x, a) == weir_is_null(y, b);
    }
    if (weir_type_is_text(x->type)) {
        const char *one = weir_text(x, a, &x_length), *two = weir_text(y, b, &y_length);
        return x_length == y_length && (x_length == 0 || memcmp(one, two, x_length) == 0);
    }
    if (width == 0) {
        return weir_bit(x->values, a) == weir_bit(y->values, b);
    }
    return memcmp((const uint8_t *)x->values + (size_t)a * width,
                  (const uint8_t *)y->values + (size_t)b * width, width) == 0;
}

// All rows, kinds, and the head of two batches.
static inline void check_same_batch(const struct weir_batch *x, const struct weir_batch *y)
{
    CHECK_INT(x->row_count, y->row_count);
    CHECK_INT(x->column_count, y->column_count);
    CHECK_INT(x->bucket, y->bucket);
    CHECK_INT(x->time_min_us, y->time_min_us);
    CHECK_INT(x->time_max_us, y->time_max_us);
    CHECK_INT(x->entered_us, y->entered_us);
    for (uint32_t c = 0; c < x->column_count && !test_has_failed(); c++) {
        CHECK_INT(x->columns[c].null_count, y->columns[c].null_count);
        for (uint32_t i = 0; i < x->row_count; i++) {
            if (!random_same_value(&x->columns[c], i, &y->columns[c], i) ||
                weir_kind(x, i) != weir_kind(y, i)) {
                test_fail(__FILE__, __LINE__, "row %u of column %s differs", i,
                          x->schema->fields[c].name);
                return;
            }
        }
    }
}

// What every batch promises: zero under nulls and in padding, counts that are true.
static inline void check_is_clean(const struct weir_batch *batch)
{
    for (uint32_t c = 0; c < batch->column_count; c++) {
        const struct weir_column *column = &batch->columns[c];
        uint32_t width = weir_type_width(column->type), null_count = 0, rows = batch->row_count;
        if (column->encoding == WEIR_ENCODING_ABSENT) {
            continue;
        }
        for (uint32_t i = 0; i < rows; i++) {
            static const uint8_t zeros[16];
            int is_null = weir_is_null(column, i);
            null_count += (uint32_t)is_null;
            if (is_null && width != 0) {
                CHECK(memcmp((const uint8_t *)column->values + (size_t)i * width, zeros, width) ==
                      0);
            } else if (is_null && column->offsets == NULL) {
                CHECK(!weir_bit(column->values, i));
            }
        }
        CHECK_INT(column->null_count, null_count);
        CHECK_INT(column->validity == NULL, null_count == 0);
        for (uint32_t i = rows; i % 8 != 0; i++) {
            CHECK(column->validity == NULL || !weir_bit(column->validity, i));
            CHECK(column->type.id != WEIR_TYPE_BOOL || !weir_bit(column->values, i));
        }
    }
}

#endif
