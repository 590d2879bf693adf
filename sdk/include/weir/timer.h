// Timers and watermarks: how an operator learns that time has passed. Times are microseconds since
// 1970 UTC.
#ifndef WEIR_TIMER_H
#define WEIR_TIMER_H

#include <stdint.h>

struct weir_context;

#define WEIR_TIME_PROCESSING 1u // the wall clock
#define WEIR_TIME_EVENT 2u      // the watermark

// weir.timer/1: for operators that call weir_timer_set. Timers are saved with the state; after a
// restore at another parallelism every task gets all of them (a timer belongs to the operator, not
// to a key).
#define WEIR_TIMER_1 "weir.timer/1"

struct weir_timer_table {
    uint32_t size;
    uint32_t zero;
    // [task] The time has come: `time_us` is the time that was set, `tag` what was set with it.
    // Timers of one clock come in the order of time; event timers before the watermark goes on
    // downstream. WEIR_MORE: call again with the same timer; WEIR_WAIT: the same once woken.
    int32_t (*timer)(void *instance, struct weir_context *context, uint32_t clock, int64_t time_us,
                     int64_t tag);
};

// weir.watermark/1: for operators that want to see event time pass.
#define WEIR_WATERMARK_1 "weir.watermark/1"

struct weir_watermark_table {
    uint32_t size;
    uint32_t zero;
    // [task] No row before time_us will come any more on any input. The host hands the watermark on
    // downstream after this call has returned, so what is emitted here still goes before it.
    // WEIR_MORE: call again.
    int32_t (*watermark)(void *instance, struct weir_context *context, int64_t time_us);
};

#endif
