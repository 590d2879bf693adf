// Clocks of the store: wall clock for timestamps and retention, monotonic for delays. Replaced in
// tests.
#ifndef FLUSS_BASE_CLOCK_H
#define FLUSS_BASE_CLOCK_H

#include <stdint.h>

struct store_clock {
    int64_t (*now_us)(const struct store_clock *clock);
    int64_t (*monotonic_ns)(const struct store_clock *clock);
};

extern const struct store_clock store_system_clock;

#endif
