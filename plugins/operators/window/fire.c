#include <string.h>

#include "window.h"

#define EMIT_ROWS 4096u

// Slots of one window on their way out.
struct emission {
    struct window *window;
    int64_t start;
    int64_t end;
    int32_t bucket;
    uint32_t count;
    uint32_t numbers[EMIT_ROWS];
    uint8_t *slots[EMIT_ROWS];
};

static void write_times(int64_t *times, int64_t time_us, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        times[i] = time_us / 1000;
    }
}

static int32_t fill_batch(struct weir_context *context, struct emission *emission, uint32_t first,
                          uint32_t count, struct weir_builder *builder)
{
    struct window *window = emission->window;
    uint32_t column = window->by_count;
    int32_t rc =
        weir_state_keys(context, window->state, emission->numbers + first, count, builder, 0);
    void *starts = rc == WEIR_OK ? weir_builder_values(context, builder, column) : NULL;
    void *ends = rc == WEIR_OK ? weir_builder_values(context, builder, column + 1) : NULL;
    if (rc != WEIR_OK) {
        return rc;
    }
    if (starts == NULL || ends == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the rows of a window");
    }
    write_times(starts, emission->start, count);
    write_times(ends, emission->end, count);
    return aggregates_write(context, &window->aggregates, emission->slots + first, count, builder,
                            column + 2);
}

// Emits slots first to first + count - 1, in more than one batch if one cannot hold their strings.
static int32_t emit_slots(struct weir_context *context, struct emission *emission, uint32_t first,
                          uint32_t count)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = fill_batch(context, emission, first, count, builder);
    if (rc == WEIR_OK) {
        weir_builder_times(context, builder, emission->bucket, WEIR_TIME_NONE, WEIR_TIME_NONE,
                           weir_now_us(context));
        return weir_emit_built(context, WEIR_OUTPUT_MAIN, builder, count);
    }
    weir_builder_discard(context, builder);
    if (rc != WEIR_ERROR_DATA || count == 1) {
        return rc;
    }
    rc = emit_slots(context, emission, first, count / 2);
    return rc == WEIR_OK ? emit_slots(context, emission, first + count / 2, count - count / 2) : rc;
}

// Takes a slot into the emission if there is something to emit that fits its columns.
static int32_t take_slot(struct weir_context *context, struct emission *emission, uint32_t number)
{
    struct window *window = emission->window;
    const struct aggregates *aggregates = &window->aggregates;
    uint8_t *slot = window->state->slots + (uint64_t)number * window->state->stride;
    char reason[700], place[100];
    if (aggregates->emitted_at != AT_NONE) {
        if (slot[aggregates->emitted_at] != 0) {
            return WEIR_OK;
        }
        slot[aggregates->emitted_at] = 1;
    }
    if (!aggregates_fit(aggregates, slot, reason, sizeof reason)) {
        snprintf(place, sizeof place, "the window from %lld to %lld ms",
                 (long long)(emission->start / 1000), (long long)(emission->end / 1000));
        return weir_reject_record(context, place, reason, NULL, 0);
    }
    emission->numbers[emission->count] = number;
    emission->slots[emission->count++] = slot;
    return WEIR_OK;
}

static int32_t flush(struct weir_context *context, struct emission *emission)
{
    uint32_t count = emission->count;
    emission->count = 0;
    return count > 0 ? emit_slots(context, emission, 0, count) : WEIR_OK;
}

int32_t window_fire(struct weir_context *context, struct window *window, int64_t start, int64_t end)
{
    struct emission emission = {.window = window, .start = start, .end = end};
    uint32_t numbers[EMIT_ROWS];
    uint64_t count;
    int32_t rc = WEIR_OK;
    if (!window->is_firing || window->firing_start != start) {
        window->is_firing = 1;
        window->firing_start = start;
        window->firing_cursor = 0;
    }
    while (rc == WEIR_OK &&
           (count = weir_state_scan(context, window->state, start, &window->firing_cursor, numbers,
                                    EMIT_ROWS)) > 0) {
        emission.bucket = (int32_t)(window->firing_cursor >> 32);
        for (uint64_t i = 0; rc == WEIR_OK && i < count; i++) {
            rc = take_slot(context, &emission, numbers[i]);
        }
        rc = rc == WEIR_OK ? flush(context, &emission) : rc;
        if (rc == WEIR_OK && weir_should_yield(context)) {
            return WEIR_MORE;
        }
    }
    window->is_firing = 0;
    return rc;
}

// Emits the slots of row `first` and those behind it that lie in its window.
static int32_t refresh_one(struct weir_context *context, struct window *window, int32_t bucket,
                           const struct assignment *assignment, uint32_t first)
{
    const int64_t *spaces = assignment->spaces;
    int64_t start = spaces != NULL ? spaces[first] : assignment->space;
    int64_t end = calendar_end(&window->calendar, start);
    struct emission emission = {.window = window, .start = start, .end = end, .bucket = bucket};
    int32_t rc = WEIR_OK;
    for (uint32_t i = first; rc == WEIR_OK && i < assignment->row_count; i++) {
        if (spaces != NULL && spaces[i] != start) {
            continue;
        }
        rc = take_slot(context, &emission, window->scratch->slots[i]);
        if (rc == WEIR_OK && emission.count == EMIT_ROWS) {
            rc = flush(context, &emission);
        }
    }
    return rc == WEIR_OK ? flush(context, &emission) : rc;
}

int32_t window_refresh(struct weir_context *context, struct window *window,
                       const struct weir_batch *batch, const struct assignment *assignment)
{
    int32_t rc = WEIR_OK;
    if (assignment->oldest_end > window->watermark) {
        return WEIR_OK;
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < assignment->row_count; i++) {
        int64_t start = assignment->spaces != NULL ? assignment->spaces[i] : assignment->space;
        const uint8_t *slot =
            window->state->slots + (uint64_t)window->scratch->slots[i] * window->state->stride;
        if (slot[window->aggregates.emitted_at] == 0 &&
            calendar_end(&window->calendar, start) <= window->watermark) {
            rc = refresh_one(context, window, batch->bucket, assignment, i);
        }
    }
    return rc;
}

static void release_texts(struct weir_context *context, struct window *window, int64_t start)
{
    uint32_t numbers[EMIT_ROWS];
    uint64_t cursor = 0, count;
    while ((count = weir_state_scan(context, window->state, start, &cursor, numbers, EMIT_ROWS)) >
           0) {
        for (uint64_t i = 0; i < count; i++) {
            aggregates_release(context, &window->aggregates,
                               window->state->slots + (uint64_t)numbers[i] * window->state->stride);
        }
    }
}

int32_t window_drop(struct weir_context *context, struct window *window, int64_t start, int64_t end)
{
    for (uint32_t i = 0; i < window->open_count; i++) {
        if (window->open[i].start == start) {
            window->open_count--;
            memmove(window->open + i, window->open + i + 1,
                    (window->open_count - i) * sizeof *window->open);
            break;
        }
    }
    weir_timer_cancel(context, window->is_event ? WEIR_TIME_EVENT : WEIR_TIME_PROCESSING, end,
                      TAG_FIRE);
    weir_timer_cancel(context, WEIR_TIME_EVENT, end + window->lateness_us, TAG_DROP);
    if (window->aggregates.has_text) {
        release_texts(context, window, start);
    }
    return weir_state_drop(context, window->state, start);
}
