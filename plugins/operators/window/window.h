// The tumbling window: rows by key and window, one row out for each when the window ends.
// window.c is the operator, assign.c finds each row's window, fire.c emits.
#ifndef WINDOW_WINDOW_H
#define WINDOW_WINDOW_H

#include "aggregate.h"
#include "calendar.h"
#include "weir/metric.h"
#include "weir/timer.h"

#define OUTPUT_LATE 1u
#define TAG_FIRE 0 // timers: the window has ended
#define TAG_DROP 1 // its allowed lateness has, too

// A window that this task has seen rows for.
struct span_of_time {
    int64_t start;
    int64_t end;
};

struct window {
    struct calendar calendar;
    struct zone *zone;
    int32_t is_event; // by the watermark; else by the clock
    int64_t lateness_us;
    int32_t event_time; // column
    struct weir_type time_type;
    uint32_t *by;
    uint32_t by_count;
    struct aggregates aggregates;

    struct weir_state *state;
    int64_t watermark;
    int32_t is_loaded;         // it comes from a snapshot
    struct span_of_time *open; // ascending
    uint32_t open_count;
    uint32_t open_capacity;
    int32_t is_firing; // a window has been emitted up to a cursor; the host calls again
    int64_t firing_start;
    uint64_t firing_cursor;
    struct weir_metric *late_rows;
    struct window_scratch *scratch;
};

// Memory for a batch and for emitting.
struct window_scratch {
    uint32_t slots[WEIR_BATCH_ROWS_MAX];
    uint32_t rows[WEIR_BATCH_ROWS_MAX]; // that stay
    uint32_t late[WEIR_BATCH_ROWS_MAX]; // that are too late
    int64_t spaces[WEIR_BATCH_ROWS_MAX];
};

// --- assign.c ---

// The rows of a batch that take part, and their windows.
struct assignment {
    const uint32_t *rows; // ascending; NULL: all
    uint32_t row_count;
    uint32_t late_count;   // scratch->late
    int64_t space;         // of all rows, unless
    const int64_t *spaces; // is set: of row rows[i]
    int64_t oldest_end;    // the smallest end of their windows
};

// Rejects rows whose event time is null or out of range.
int32_t window_check_times(struct weir_context *context, const struct window *window,
                           const struct weir_batch *batch);
// kept: the rows that were not rejected; NULL: all. Opens their windows.
int32_t window_assign(struct weir_context *context, struct window *window,
                      const struct weir_batch *batch, const uint32_t *kept, uint32_t kept_count,
                      struct assignment *assignment);

// --- fire.c ---

// Emits what a window holds (but for slots that are as they were emitted last). WEIR_MORE: enough
// for now, go on in the next call.
int32_t window_fire(struct weir_context *context, struct window *window, int64_t start,
                    int64_t end);
// Emits again the slots of late rows that their windows still take.
int32_t window_refresh(struct weir_context *context, struct window *window,
                       const struct weir_batch *batch, const struct assignment *assignment);
// Forgets a window.
int32_t window_drop(struct weir_context *context, struct window *window, int64_t start,
                    int64_t end);

#endif
