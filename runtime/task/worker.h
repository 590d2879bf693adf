// Workers: threads that run tasks. A task is pinned to one worker, which steps its tasks in turn
// and sleeps when none of them can go on; whoever makes one able to go on wakes the worker. Nothing
// spins.
#ifndef TASK_WORKER_H
#define TASK_WORKER_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

#define STEP_PROGRESS 1 // did something: step it again
#define STEP_IDLE 2     // nothing to do until woken, or until *wake_at_us
#define STEP_DONE 3     // never step it again

#define WAKE_NEVER INT64_MAX

struct worker;

// One thing that a worker steps.
struct runnable {
    int (*step)(struct runnable *runnable, int64_t *wake_at_us);
    int is_done;
};

// [setup] A worker for up to runnable_capacity tasks; threads start with worker_start. NULL: no
// memory.
struct worker *worker_create(const struct clock *clock, uint32_t runnable_capacity);
void worker_add(struct worker *worker, struct runnable *runnable);
int worker_start(struct worker *worker, struct error *error);
void worker_join(struct worker *worker);    // returns when all its tasks are done
void worker_destroy(struct worker *worker); // NULL is fine

// [any] Something that one of its tasks waits for has happened.
void worker_wake(struct worker *worker);

// [any] CPU time of the worker's thread so far.
int64_t worker_cpu_ns(const struct worker *worker);

#endif
