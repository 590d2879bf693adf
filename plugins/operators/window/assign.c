#include <string.h>

#include "window.h"

#define DAY_US 86400000000LL

// The event time of a row in us; 0 if it is out of range.
static int read_time(const struct window *window, const struct weir_column *column, uint32_t row,
                     int64_t *time_us)
{
    int64_t unit = 1000, value;
    switch (window->time_type.id) {
    case WEIR_TYPE_DATE:
        value = ((const int32_t *)column->values)[row];
        unit = DAY_US;
        break;
    case WEIR_TYPE_INT64:
        value = ((const int64_t *)column->values)[row];
        break;
    default:
        if (window->time_type.precision > 6) {
            value = ((const struct weir_timestamp *)column->values)[row].ms;
        } else {
            value = ((const int64_t *)column->values)[row];
            unit = window->time_type.precision > 3 ? 1 : 1000;
        }
    }
    return !__builtin_mul_overflow(value, unit, time_us) && *time_us > -CALENDAR_TIME_MAX &&
           *time_us < CALENDAR_TIME_MAX;
}

static int has_range(const struct weir_batch *batch)
{
    return batch->time_min_us > -CALENDAR_TIME_MAX && batch->time_max_us < CALENDAR_TIME_MAX &&
           batch->time_min_us != WEIR_TIME_NONE && batch->time_max_us != WEIR_TIME_NONE;
}

int32_t window_check_times(struct weir_context *context, const struct window *window,
                           const struct weir_batch *batch)
{
    const struct weir_column *column = &batch->columns[window->event_time];
    const char *name = batch->schema->fields[window->event_time].name;
    char reason[400];
    int64_t time_us;
    int32_t rc = WEIR_OK;
    if (column->null_count == 0 && has_range(batch)) {
        return WEIR_OK;
    }
    for (uint32_t row = 0; rc == WEIR_OK && row < batch->row_count; row++) {
        int is_null = weir_is_null(column, row);
        if (is_null || !read_time(window, column, row, &time_us)) {
            snprintf(reason, sizeof reason, "the event time `%s` is %s", name,
                     is_null ? "null" : "out of range");
            rc = weir_reject(context, batch, row, reason);
        }
    }
    return rc;
}

// --- Open windows ---

// Where a window that begins at start is, or would be.
static uint32_t open_position(const struct window *window, int64_t start)
{
    uint32_t low = 0, high = window->open_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (window->open[middle].start < start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int32_t set_timers(struct weir_context *context, const struct window *window, int64_t end)
{
    int32_t rc = WEIR_OK;
    if (!window->is_event) {
        return weir_timer_set(context, WEIR_TIME_PROCESSING, end, TAG_FIRE);
    }
    if (end > window->watermark) {
        rc = weir_timer_set(context, WEIR_TIME_EVENT, end, TAG_FIRE);
    }
    if (rc == WEIR_OK && window->lateness_us > 0) {
        rc = weir_timer_set(context, WEIR_TIME_EVENT, end + window->lateness_us, TAG_DROP);
    }
    return rc;
}

static int32_t open_window(struct weir_context *context, struct window *window,
                           struct span_of_time span)
{
    uint32_t position = open_position(window, span.start);
    if (position < window->open_count && window->open[position].start == span.start) {
        return WEIR_OK;
    }
    if (window->open_count == window->open_capacity) {
        uint32_t capacity = window->open_capacity * 2 + 16;
        struct span_of_time *open = weir_allocate(context, capacity * sizeof *open);
        if (open == NULL) {
            return weir_fail(context, WEIR_ERROR_FATAL, "no memory for another open window");
        }
        if (window->open != NULL) {
            memcpy(open, window->open, window->open_count * sizeof *open);
            weir_release(context, window->open, window->open_capacity * sizeof *open);
        }
        window->open = open;
        window->open_capacity = capacity;
    }
    memmove(window->open + position + 1, window->open + position,
            (window->open_count - position) * sizeof *window->open);
    window->open[position] = span;
    window->open_count++;
    return set_timers(context, window, span.end);
}

// The window of an instant, by way of the open ones.
static struct span_of_time find_window(const struct window *window, int64_t time_us)
{
    uint32_t position = open_position(window, time_us + 1);
    if (position > 0 && window->open[position - 1].end > time_us) {
        return window->open[position - 1];
    }
    return (struct span_of_time){calendar_start(&window->calendar, time_us),
                                 calendar_end(&window->calendar, time_us)};
}

static int is_too_late(const struct window *window, int64_t end)
{
    return window->is_event && window->watermark != WEIR_TIME_NONE &&
           end + window->lateness_us <= window->watermark;
}

// --- Rows to windows ---

// All rows in the window of `time_us`.
static int32_t assign_one(struct weir_context *context, struct window *window, int64_t time_us,
                          struct assignment *assignment)
{
    struct span_of_time span = find_window(window, time_us);
    assignment->space = span.start;
    assignment->oldest_end = span.end;
    return open_window(context, window, span);
}

// Each row in a window of its own.
static int32_t assign_each(struct weir_context *context, struct window *window,
                           const struct weir_batch *batch, const uint32_t *kept,
                           uint32_t kept_count, struct assignment *assignment)
{
    struct window_scratch *scratch = window->scratch;
    const struct weir_column *column = &batch->columns[window->event_time];
    struct span_of_time span = {0, 0}; // of the row before
    int is_late = 0;
    assignment->row_count = 0;
    for (uint32_t i = 0; i < kept_count; i++) {
        uint32_t row = kept != NULL ? kept[i] : i;
        int64_t time_us = 0;
        read_time(window, column, row, &time_us);
        if (time_us < span.start || time_us >= span.end) {
            span = find_window(window, time_us);
            is_late = is_too_late(window, span.end);
            int32_t rc = is_late ? WEIR_OK : open_window(context, window, span);
            if (rc != WEIR_OK) {
                return rc;
            }
        }
        if (is_late) {
            scratch->late[assignment->late_count++] = row;
            continue;
        }
        scratch->rows[assignment->row_count] = row;
        scratch->spaces[assignment->row_count++] = span.start;
        if (span.end < assignment->oldest_end) {
            assignment->oldest_end = span.end;
        }
    }
    assignment->rows = assignment->row_count == batch->row_count ? NULL : scratch->rows;
    assignment->spaces = scratch->spaces;
    return WEIR_OK;
}

int32_t window_assign(struct weir_context *context, struct window *window,
                      const struct weir_batch *batch, const uint32_t *kept, uint32_t kept_count,
                      struct assignment *assignment)
{
    *assignment =
        (struct assignment){.rows = kept, .row_count = kept_count, .oldest_end = INT64_MAX};
    if (!window->is_event) {
        return assign_one(context, window, weir_now_us(context), assignment);
    }
    if (has_range(batch)) {
        struct span_of_time span = find_window(window, batch->time_min_us);
        if (batch->time_max_us < span.end && !is_too_late(window, span.end)) {
            return assign_one(context, window, batch->time_min_us, assignment);
        }
    }
    return assign_each(context, window, batch, kept, kept_count, assignment);
}
