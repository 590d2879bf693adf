// Timers: a heap of times with tags, each pair at most once.
#ifndef HOST_TIMERS_H
#define HOST_TIMERS_H

#include <stdint.h>

#define TIMER_NONE INT64_MAX

struct timer {
    int64_t time_us;
    int64_t tag;
};

// Start with {0}. Times come in order, equal times in the order of tags.
struct timers {
    struct timer *heap;
    uint32_t count;
    uint32_t capacity;
};

int timers_set(struct timers *timers, int64_t time_us, int64_t tag); // 0 or -ENOMEM
void timers_cancel(struct timers *timers, int64_t time_us, int64_t tag);
int64_t timers_next(const struct timers *timers); // TIMER_NONE if there is none
// Takes the first timer if its time is at or before time_us; 1 if there was one.
int timers_pop(struct timers *timers, int64_t time_us, struct timer *out);
void timers_finish(struct timers *timers);

#endif
