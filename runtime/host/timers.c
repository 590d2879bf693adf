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

// --- The set ---

static uint32_t hash(struct timer timer, uint32_t capacity)
{
    uint64_t mixed = (uint64_t)timer.time_us * 0x9e3779b97f4a7c15u ^ (uint64_t)timer.tag;
    mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93u;
    return (uint32_t)(mixed >> 32) & (capacity - 1);
}

// The place of a timer, or the free place where it would go.
static uint32_t place_of(const struct timers *timers, struct timer timer)
{
    uint32_t at = hash(timer, timers->set_capacity);
    while (timers->is_used[at] && !is_same(timers->set[at], timer)) {
        at = (at + 1) & (timers->set_capacity - 1);
    }
    return at;
}

static int is_set(const struct timers *timers, struct timer timer)
{
    return timers->set_capacity != 0 && timers->is_used[place_of(timers, timer)];
}

static void add_to_set(struct timers *timers, struct timer timer)
{
    uint32_t at = place_of(timers, timer);
    timers->set[at] = timer;
    timers->is_used[at] = 1;
}

static int grow_set(struct timers *timers)
{
    struct timers old = *timers;
    uint32_t capacity = old.set_capacity == 0 ? 16 : old.set_capacity * 2;
    struct timer *set = malloc(capacity * sizeof *set);
    uint8_t *is_used = calloc(capacity, 1);
    if (set == NULL || is_used == NULL) {
        free(set);
        free(is_used);
        return -ENOMEM;
    }
    timers->set = set;
    timers->is_used = is_used;
    timers->set_capacity = capacity;
    for (uint32_t i = 0; i < old.set_capacity; i++) {
        if (old.is_used[i]) {
            add_to_set(timers, old.set[i]);
        }
    }
    free(old.set);
    free(old.is_used);
    return 0;
}

// Takes a timer out and moves up those behind it that would not be found any more.
static void remove_from_set(struct timers *timers, struct timer timer)
{
    uint32_t mask = timers->set_capacity - 1, hole = place_of(timers, timer);
    for (uint32_t at = (hole + 1) & mask; timers->is_used[at]; at = (at + 1) & mask) {
        uint32_t home = hash(timers->set[at], timers->set_capacity);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            timers->set[hole] = timers->set[at];
            hole = at;
        }
    }
    timers->is_used[hole] = 0;
    timers->count--;
}

// --- The heap ---

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
        for (uint32_t child = 2 * i + 1; child <= 2 * i + 2 && child < timers->heap_count;
             child++) {
            least = is_before(timers->heap[child], timers->heap[least]) ? child : least;
        }
        if (least == i) {
            return;
        }
        swap(&timers->heap[i], &timers->heap[least]);
        i = least;
    }
}

static void push(struct timers *timers, struct timer timer)
{
    timers->heap[timers->heap_count] = timer;
    sift_up(timers, timers->heap_count++);
}

static void drop_first(struct timers *timers)
{
    timers->heap[0] = timers->heap[--timers->heap_count];
    sift_down(timers, 0);
}

// Cancelled timers do not stay first, nor are they ever more than half of the heap.
static void tidy(struct timers *timers)
{
    while (timers->heap_count > 0 && !is_set(timers, timers->heap[0])) {
        drop_first(timers);
    }
    if (timers->heap_count > 2 * timers->count + 16) {
        timers->heap_count = 0;
        for (uint32_t i = 0; i < timers->set_capacity; i++) {
            if (timers->is_used[i]) {
                push(timers, timers->set[i]);
            }
        }
    }
}

static int grow_heap(struct timers *timers)
{
    uint32_t capacity = timers->heap_capacity == 0 ? 16 : timers->heap_capacity * 2;
    struct timer *heap = realloc(timers->heap, capacity * sizeof *heap);
    if (heap == NULL) {
        return -ENOMEM;
    }
    timers->heap = heap;
    timers->heap_capacity = capacity;
    return 0;
}

// --- Both ---

int timers_set(struct timers *timers, int64_t time_us, int64_t tag)
{
    struct timer timer = {time_us, tag};
    if (is_set(timers, timer)) {
        return 0;
    }
    if ((timers->heap_count == timers->heap_capacity && grow_heap(timers) != 0) ||
        (2 * timers->count >= timers->set_capacity && grow_set(timers) != 0)) {
        return -ENOMEM;
    }
    add_to_set(timers, timer);
    timers->count++;
    push(timers, timer);
    return 0;
}

void timers_cancel(struct timers *timers, int64_t time_us, int64_t tag)
{
    struct timer timer = {time_us, tag};
    if (is_set(timers, timer)) {
        remove_from_set(timers, timer);
        tidy(timers);
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
    drop_first(timers);
    remove_from_set(timers, *out);
    tidy(timers);
    return 1;
}

void timers_list(const struct timers *timers, struct timer *out)
{
    for (uint32_t i = 0, n = 0; i < timers->set_capacity; i++) {
        if (timers->is_used[i]) {
            out[n++] = timers->set[i];
        }
    }
}

void timers_finish(struct timers *timers)
{
    free(timers->heap);
    free(timers->set);
    free(timers->is_used);
    *timers = (struct timers){0};
}
