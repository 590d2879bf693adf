// Timers: times with tags, each pair at most once, the earliest first. Setting and cancelling cost
// the same whether there are ten or a million.
#ifndef HOST_TIMERS_H
#define HOST_TIMERS_H

#include <stdint.h>

#define TIMER_NONE INT64_MAX

struct timer {
    int64_t time_us;
    int64_t tag;
};

// Start with {0}. A heap brings the earliest; a hash set knows which ones are set, so that the heap
// may keep those that were cancelled until they come up.
struct timers {
    uint32_t count; // timers that are set
    uint32_t heap_count;
    uint32_t heap_capacity;
    uint32_t set_capacity; // a power of two, or 0
    struct timer *heap;    // its first is always set
    struct timer *set;     // open addressing, linear probing
    uint8_t *is_used;      // per place of set
};

int timers_set(struct timers *timers, int64_t time_us, int64_t tag); // 0 or -ENOMEM
void timers_cancel(struct timers *timers, int64_t time_us, int64_t tag);
int64_t timers_next(const struct timers *timers); // TIMER_NONE if there is none
// Takes the first timer if its time is at or before time_us; 1 if there was one.
int timers_pop(struct timers *timers, int64_t time_us, struct timer *out);
// All of them (count), in no order.
void timers_list(const struct timers *timers, struct timer *out);
void timers_finish(struct timers *timers);

#endif
