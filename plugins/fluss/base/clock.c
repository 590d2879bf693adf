#include "base/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec time;
    clock_gettime(id, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t system_now_us(const struct store_clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_REALTIME) / 1000;
}

static int64_t system_monotonic_ns(const struct store_clock *clock)
{
    (void)clock;
    return read_ns(CLOCK_MONOTONIC);
}

const struct store_clock store_system_clock = {system_now_us, system_monotonic_ns};
