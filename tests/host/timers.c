#include "host/timers.h"

#include <stdlib.h>

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

TEST(many_timers_set_cancelled_and_set_again_come_once_each)
{
    struct timers timers = {0};
    struct timer timer, *list;
    uint32_t seed = 1, wanted = 0;
    static uint8_t is_wanted[5000];
    for (uint32_t i = 0; i < 100000; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t which = (seed >> 8) % 5000;
        if (seed >> 31) {
            CHECK_INT(timers_set(&timers, which / 7, which), 0);
            is_wanted[which] = 1;
        } else {
            timers_cancel(&timers, which / 7, which);
            is_wanted[which] = 0;
        }
    }
    for (uint32_t i = 0; i < 5000; i++) {
        wanted += is_wanted[i];
    }
    CHECK_INT(timers.count, wanted);
    CHECK(timers.heap_count <= 2 * wanted + 16);
    list = malloc(wanted * sizeof *list);
    timers_list(&timers, list);
    for (uint32_t i = 0; i < wanted; i++) {
        CHECK(is_wanted[list[i].tag]);
    }
    free(list);
    int64_t last = -1;
    while (timers_pop(&timers, 1000, &timer)) {
        CHECK(timer.tag > last);
        CHECK(is_wanted[timer.tag]);
        is_wanted[timer.tag] = 0;
        last = timer.tag;
        wanted--;
    }
    CHECK_INT(wanted, 0);
    CHECK_INT(timers.heap_count, 0);
    timers_finish(&timers);
}
