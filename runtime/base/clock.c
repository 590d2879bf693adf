#include "base/clock.h"

#include <time.h>

static int64_t system_now_us(const struct clock *clock)
{
    (void)clock;
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int64_t system_monotonic_ns(const struct clock *clock)
{
    (void)clock;
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

const struct clock system_clock = {system_now_us, system_monotonic_ns};

static int64_t manual_now_us(const struct clock *clock)
{
    return ((const struct manual_clock *)clock)->time_us;
}

static int64_t manual_monotonic_ns(const struct clock *clock)
{
    return ((const struct manual_clock *)clock)->time_us * 1000;
}

void manual_clock_init(struct manual_clock *manual, int64_t time_us)
{
    manual->clock.now_us = manual_now_us;
    manual->clock.monotonic_ns = manual_monotonic_ns;
    manual->time_us = time_us;
}
