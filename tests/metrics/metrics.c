#include "metrics/metrics.h"

#include <stdlib.h>

#include "support/test.h"

TEST(tasks_of_a_stage_have_their_own_slots_and_are_summed)
{
    struct metrics *metrics = metrics_create();
    struct weir_metric *a =
        metrics_register(metrics, "map", 0, WEIR_METRIC_COUNTER, "rows", "rows", "Rows seen");
    struct weir_metric *b =
        metrics_register(metrics, "map", 1, WEIR_METRIC_COUNTER, "rows", "rows", "Rows seen");
    REQUIRE(a != NULL && b != NULL);
    CHECK(a != b);
    CHECK_INT((uintptr_t)a % 64, 0);
    CHECK_INT((uintptr_t)b % 64, 0);
    CHECK(a == metrics_register(metrics, "map", 0, WEIR_METRIC_COUNTER, "rows", "rows", ""));
    weir_counter_add(a, 3);
    weir_counter_add(b, 4);
    struct metric_sum sum;
    REQUIRE(metrics_sum(metrics, "map", "rows", &sum));
    CHECK_INT(sum.value, 7);
    CHECK_INT(sum.task_count, 2);
    CHECK_TEXT(sum.unit, "rows");
    CHECK_TEXT(sum.summary, "Rows seen");
    CHECK_INT(metrics_sum(metrics, "sink", "rows", &sum), 0);
    metrics_destroy(metrics);
}

TEST(a_name_keeps_its_kind)
{
    struct metrics *metrics = metrics_create();
    CHECK(metrics_register(metrics, "s", 0, WEIR_METRIC_GAUGE, "lag", "ms", "") != NULL);
    CHECK(metrics_register(metrics, "s", 0, WEIR_METRIC_COUNTER, "lag", "ms", "") == NULL);
    CHECK(metrics_register(metrics, "s", 0, 9, "other", "ms", "") == NULL);
    metrics_destroy(metrics);
}

TEST(a_gauge_shows_the_largest_of_its_tasks)
{
    struct metrics *metrics = metrics_create();
    struct metric_sum sum;
    weir_gauge_set(metrics_register(metrics, "s", 0, WEIR_METRIC_GAUGE, "lag", "ms", ""), -7);
    weir_gauge_set(metrics_register(metrics, "s", 1, WEIR_METRIC_GAUGE, "lag", "ms", ""), -3);
    REQUIRE(metrics_sum(metrics, "s", "lag", &sum));
    CHECK_INT(sum.value, -3);
    metrics_destroy(metrics);
}

TEST(percentiles_are_known_to_a_sixteenth)
{
    struct metrics *metrics = metrics_create();
    struct metric_sum sum;
    struct weir_metric *lag =
        metrics_register(metrics, "s", 0, WEIR_METRIC_HISTOGRAM, "lag", "ms", "");
    for (int64_t value = 1; value <= 1000; value++) {
        weir_histogram_record(lag, value, 1);
    }
    REQUIRE(metrics_sum(metrics, "s", "lag", &sum));
    CHECK_INT(sum.count, 1000);
    CHECK_INT(sum.value, 500500);
    CHECK_INT(sum.max, 1000);
    int64_t half = metric_percentile(sum.counts, sum.max, 0.5);
    CHECK(half >= 500 && half <= 531);
    int64_t most = metric_percentile(sum.counts, sum.max, 0.99);
    CHECK(most >= 990 && most <= 1000);
    CHECK_INT(metric_percentile(sum.counts, sum.max, 1), 1000);
    uint64_t none[WEIR_HISTOGRAM_BUCKETS] = {0};
    CHECK_INT(metric_percentile(none, 0, 0.5), 0);
    metrics_destroy(metrics);
}

static void count_visits(void *owner, const struct metric_sum *sum)
{
    *(int *)owner = *(int *)owner * 10 + (int)sum->value;
}

TEST(a_sum_beyond_its_range_wraps_and_the_rest_stays_right)
{
    struct metrics *metrics = metrics_create();
    struct metric_sum sum;
    struct weir_metric *lag =
        metrics_register(metrics, "s", 0, WEIR_METRIC_HISTOGRAM, "lag", "us", "");
    weir_histogram_record(lag, INT64_MAX, 3);
    REQUIRE(metrics_sum(metrics, "s", "lag", &sum));
    CHECK_INT(sum.value, INT64_MAX - 2);
    CHECK_INT(sum.count, 3);
    CHECK_INT(sum.max, INT64_MAX);
    metrics_destroy(metrics);
}

TEST(each_visits_in_the_order_of_registration)
{
    struct metrics *metrics = metrics_create();
    const char *const stages[] = {"b", "a", "c"};
    for (int i = 0; i < 3; i++) {
        weir_gauge_set(metrics_register(metrics, stages[i], 0, WEIR_METRIC_GAUGE, "n", "", ""),
                       i + 1);
    }
    int visits = 0;
    metrics_each(metrics, count_visits, &visits);
    CHECK_INT(visits, 123);
    metrics_destroy(metrics);
}
