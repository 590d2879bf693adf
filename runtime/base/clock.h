// Clocks. A task reads time through a struct clock, so that tests can turn the hands.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*now_us)(const struct clock *clock);       // wall clock, us since 1970 UTC
    int64_t (*monotonic_ns)(const struct clock *clock); // never goes back
};

extern const struct clock system_clock;

// A clock that stands still until it is told to move.
struct manual_clock {
    struct clock clock;
    int64_t time_us;
};

void manual_clock_init(struct manual_clock *manual, int64_t time_us);

static inline int64_t clock_now_us(const struct clock *clock)
{
    return clock->now_us(clock);
}

static inline int64_t clock_monotonic_ns(const struct clock *clock)
{
    return clock->monotonic_ns(clock);
}

#endif
