#include "host/timers.h"

#include <errno.h>
#include <stdlib.h>

static int is_before(struct timer a, struct timer b)
{
    return a.time_us != b.time_us ? a.time_us < b.time_us : a.tag < b.tag;
}

static int is_same(struct timer a, struct timer b)
{
    return a.time_us == b.time_us && a.tag == b.tag;
}

static void swap(struct timer *a, struct timer *b)
{
    struct timer c = *a;
    *a = *b;
    *b = c;
}

static void sift_up(struct timers *timers, uint32_t i)
{
    while (i > 0 && is_before(timers->heap[i], timers->heap[(i - 1) / 2])) {
        swap(&timers->heap[i], &timers->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sift_down(struct timers *timers, uint32_t i)
{
    for (;;) {
        uint32_t least = i;
        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < timers->count; child++) {
            least = is_before(timers->heap[child], timers->heap[least]) ? child : least;
        }
        if (least == i) {
            return;
        }
        swap(&timers->heap[i], &timers->heap[least]);
        i = least;
    }
}

// An operator has few timers at a time (one for each open window), so a search is a short loop.
static uint32_t find(const struct timers *timers, struct timer timer)
{
    uint32_t i = 0;
    while (i < timers->count && !is_same(timers->heap[i], timer)) {
        i++;
    }
    return i;
}

int timers_set(struct timers *timers, int64_t time_us, int64_t tag)
{
    struct timer timer = {time_us, tag};
    if (find(timers, timer) < timers->count) {
        return 0;
    }
    if (timers->count == timers->capacity) {
        uint32_t capacity = timers->capacity == 0 ? 8 : timers->capacity * 2;
        struct timer *heap = realloc(timers->heap, capacity * sizeof *heap);
        if (heap == NULL) {
            return -ENOMEM;
        }
        timers->heap = heap;
        timers->capacity = capacity;
    }
    timers->heap[timers->count] = timer;
    sift_up(timers, timers->count++);
    return 0;
}

static void remove_at(struct timers *timers, uint32_t i)
{
    timers->heap[i] = timers->heap[--timers->count];
    if (i < timers->count) {
        sift_up(timers, i);
        sift_down(timers, i);
    }
}

void timers_cancel(struct timers *timers, int64_t time_us, int64_t tag)
{
    uint32_t i = find(timers, (struct timer){time_us, tag});
    if (i < timers->count) {
        remove_at(timers, i);
    }
}

int64_t timers_next(const struct timers *timers)
{
    return timers->count == 0 ? TIMER_NONE : timers->heap[0].time_us;
}

int timers_pop(struct timers *timers, int64_t time_us, struct timer *out)
{
    if (timers->count == 0 || timers->heap[0].time_us > time_us) {
        return 0;
    }
    *out = timers->heap[0];
    remove_at(timers, 0);
    return 1;
}

void timers_finish(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}
