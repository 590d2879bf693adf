#include "operators/gauge.h"

#include <math.h>
#include <string.h>

#include "support/test.h"

struct fixture {
    struct weir_metric last;
    struct weir_metric spread;
    uint64_t counts[WEIR_HISTOGRAM_BUCKETS];
};

static struct fixture *fixture(void)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof fixture);
    fixture.spread.counts = fixture.counts;
    return &fixture;
}

TEST(gauge_books_every_value_into_its_bucket)
{
    struct fixture *f = fixture();
    int64_t values[5000], sum = 0;
    uint64_t expected[WEIR_HISTOGRAM_BUCKETS] = {0};
    for (int i = 0; i < 5000; i++) {
        values[i] = i < 2048 ? 1000 + i % 3 : i * 7;
        expected[weir_histogram_bucket(values[i])]++;
        sum += values[i];
    }
    struct weir_column column = {.type = weir_type_of(WEIR_TYPE_INT64), .values = values};

    gauge_record(&f->last, &f->spread, &column, 5000);

    CHECK_INT(f->last.value, 4999 * 7);
    CHECK_INT(f->spread.count, 5000);
    CHECK_INT(f->spread.max, 4999 * 7);
    CHECK(f->spread.value <= sum && f->spread.value > sum - 5000);
    CHECK(memcmp(expected, f->counts, sizeof expected) == 0);
}

TEST(gauge_passes_over_nulls_and_nan)
{
    struct fixture *f = fixture();
    double values[] = {1.4, NAN, 2.6, 99};
    uint8_t validity = 0x7;
    struct weir_column column = {.type = weir_type_of(WEIR_TYPE_FLOAT64),
                                 .values = values,
                                 .validity = &validity,
                                 .null_count = 1};

    gauge_record(&f->last, &f->spread, &column, 4);

    CHECK_INT(f->last.value, 3);
    CHECK_INT(f->spread.count, 2);
    CHECK_INT(f->counts[1], 1);
    CHECK_INT(f->counts[3], 1);
}

TEST(gauge_takes_numbers_only)
{
    CHECK(gauge_takes(weir_type_of(WEIR_TYPE_BOOL)));
    CHECK(gauge_takes(weir_type_of(WEIR_TYPE_FLOAT32)));
    CHECK(!gauge_takes(weir_type_of(WEIR_TYPE_STRING)));
    CHECK(!gauge_takes(weir_type_of(WEIR_TYPE_TIMESTAMP)));
}
