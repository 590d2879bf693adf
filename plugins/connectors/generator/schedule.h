// When readings are due: reading i at start + i / rate.
#ifndef GENERATOR_SCHEDULE_H
#define GENERATOR_SCHEDULE_H

#include <stdint.h>

struct schedule {
    int64_t start_us;
    double period_us; // 0: no rate; a reading is due when it is made
};

static inline int64_t schedule_due_us(const struct schedule *schedule, int64_t index)
{
    return schedule->start_us + (int64_t)((double)index * schedule->period_us);
}

// How many readings are due at now_us. Needs a rate.
static inline int64_t schedule_count(const struct schedule *schedule, int64_t now_us)
{
    if (now_us < schedule->start_us) {
        return 0;
    }
    int64_t count = (int64_t)((double)(now_us - schedule->start_us) / schedule->period_us);
    while (schedule_due_us(schedule, count) <= now_us) {
        count++;
    }
    while (count > 0 && schedule_due_us(schedule, count - 1) > now_us) {
        count--;
    }
    return count;
}

// The timestamps (ms) of readings; `now_ms` where there is no rate.
static inline void schedule_timestamps(const struct schedule *schedule, int64_t now_ms,
                                       const int64_t *index, uint32_t count, int64_t *timestamps)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t due = schedule_due_us(schedule, index[i]);
        int64_t ms = due / 1000 - (due % 1000 < 0);
        timestamps[i] = schedule->period_us > 0 ? ms : now_ms;
    }
}

#endif
