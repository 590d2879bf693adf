#include "generator/schedule.h"

#include "support/test.h"

TEST(no_reading_counts_before_it_is_due_and_every_one_from_then_on)
{
    static const double rates[] = {2000000, 1000000.0 / 3, 20, 0.5, 7.7};
    for (int i = 0; i < 5; i++) {
        struct schedule schedule = {1760000000123456, 1e6 / rates[i]};
        for (int64_t index = 0; index < 100000; index += 1 + index / 7) {
            int64_t due = schedule_due_us(&schedule, index);
            CHECK(schedule_count(&schedule, due) > index);
            CHECK(schedule_count(&schedule, due - 1) <= index);
        }
    }
}

TEST(due_times_follow_the_rate)
{
    struct schedule schedule = {1000000, 0.5};
    CHECK_INT(schedule_due_us(&schedule, 0), 1000000);
    CHECK_INT(schedule_due_us(&schedule, 2000000), 2000000);
    CHECK_INT(schedule_count(&schedule, 999999), 0);
    CHECK_INT(schedule_count(&schedule, 1999999), 2000000);
    CHECK_INT(schedule_count(&schedule, INT64_C(100000) * 1000000), INT64_C(99999) * 2000000 + 2);
}

TEST(timestamps_are_the_millisecond_a_reading_was_due)
{
    int64_t index[] = {0, 1999, 2000, 4001}, timestamps[4];
    struct schedule schedule = {-1500, 0.5};
    schedule_timestamps(&schedule, 0, index, 4, timestamps);
    CHECK_INT(timestamps[0], -2);
    CHECK_INT(timestamps[1], -1);
    CHECK_INT(timestamps[2], -1);
    CHECK_INT(timestamps[3], 0);
    schedule.period_us = 0;
    schedule_timestamps(&schedule, 77, index, 4, timestamps);
    CHECK_INT(timestamps[3], 77);
}
