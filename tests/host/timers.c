#include "host/timers.h"

#include "support/test.h"

TEST(timers_come_in_the_order_of_time_then_tag)
{
    struct timers timers = {0};
    struct timer timer;
    for (int64_t i = 0; i < 1000; i++) {
        CHECK_INT(timers_set(&timers, i * 7919 % 1000, i % 3), 0);
    }
    CHECK_INT(timers_next(&timers), 0);
    int64_t last_time = -1, count = 0;
    while (timers_pop(&timers, 999, &timer)) {
        CHECK(timer.time_us > last_time);
        last_time = timer.time_us;
        count++;
    }
    CHECK_INT(count, 1000);
    CHECK_INT(timers_next(&timers), TIMER_NONE);
    timers_finish(&timers);
}

TEST(the_same_timer_twice_is_one_timer)
{
    struct timers timers = {0};
    struct timer timer;
    timers_set(&timers, 10, 1);
    timers_set(&timers, 10, 1);
    timers_set(&timers, 10, 2);
    CHECK_INT(timers_pop(&timers, 9, &timer), 0);
    CHECK_INT(timers_pop(&timers, 10, &timer), 1);
    CHECK_INT(timer.tag, 1);
    CHECK_INT(timers_pop(&timers, 10, &timer), 1);
    CHECK_INT(timer.tag, 2);
    CHECK_INT(timers_pop(&timers, 10, &timer), 0);
    timers_finish(&timers);
}

TEST(a_cancelled_timer_does_not_come)
{
    struct timers timers = {0};
    struct timer timer;
    for (int64_t i = 0; i < 100; i++) {
        timers_set(&timers, i, 0);
    }
    for (int64_t i = 0; i < 100; i += 2) {
        timers_cancel(&timers, i, 0);
    }
    timers_cancel(&timers, 1000, 0);
    for (int64_t i = 1; i < 100; i += 2) {
        CHECK_INT(timers_pop(&timers, 1000, &timer), 1);
        CHECK_INT(timer.time_us, i);
    }
    CHECK_INT(timers_pop(&timers, 1000, &timer), 0);
    timers_finish(&timers);
}
