#include "task/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct worker {
    const struct clock *clock;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    _Atomic uint64_t wake_count; // moves whenever there may be something to do
    _Atomic int is_asleep;
    int is_started;
    uint32_t runnable_count;
    uint32_t runnable_capacity;
    struct runnable *runnables[];
};

struct worker *worker_create(const struct clock *clock, uint32_t runnable_capacity)
{
    pthread_condattr_t attributes;
    struct worker *worker =
        calloc(1, sizeof *worker + runnable_capacity * sizeof(struct runnable *));
    if (worker == NULL) {
        return NULL;
    }
    worker->clock = clock;
    worker->runnable_capacity = runnable_capacity;
    pthread_mutex_init(&worker->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    return worker;
}

void worker_destroy(struct worker *worker)
{
    if (worker != NULL) {
        pthread_cond_destroy(&worker->woken);
        pthread_mutex_destroy(&worker->lock);
        free(worker);
    }
}

void worker_add(struct worker *worker, struct runnable *runnable)
{
    worker->runnables[worker->runnable_count++] = runnable;
}

void worker_wake(struct worker *worker)
{
    atomic_fetch_add(&worker->wake_count, 1);
    if (atomic_load(&worker->is_asleep)) {
        pthread_mutex_lock(&worker->lock);
        pthread_cond_signal(&worker->woken);
        pthread_mutex_unlock(&worker->lock);
    }
}

// Sleeps until woken since seen_count was read, or until the wall clock shows wake_at_us.
static void worker_sleep(struct worker *worker, uint64_t seen_count, int64_t wake_at_us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (wake_at_us != WAKE_NEVER) {
        int64_t wait_us = wake_at_us - clock_now_us(worker->clock);
        int64_t ns = until.tv_nsec + (wait_us > 0 ? wait_us % 1000000 * 1000 : 0);
        until.tv_sec += (wait_us > 0 ? wait_us / 1000000 : 0) + ns / 1000000000;
        until.tv_nsec = ns % 1000000000;
    }
    pthread_mutex_lock(&worker->lock);
    atomic_store(&worker->is_asleep, 1);
    int rc = 0;
    while (atomic_load(&worker->wake_count) == seen_count && rc != ETIMEDOUT) {
        rc = wake_at_us == WAKE_NEVER
                 ? pthread_cond_wait(&worker->woken, &worker->lock)
                 : pthread_cond_timedwait(&worker->woken, &worker->lock, &until);
    }
    atomic_store(&worker->is_asleep, 0);
    pthread_mutex_unlock(&worker->lock);
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    uint32_t done_count = 0;
    while (done_count < worker->runnable_count) {
        uint64_t seen_count = atomic_load(&worker->wake_count);
        int64_t wake_at_us = WAKE_NEVER;
        int has_progressed = 0;
        for (uint32_t i = 0; i < worker->runnable_count; i++) {
            struct runnable *runnable = worker->runnables[i];
            int64_t wake = WAKE_NEVER;
            if (runnable->is_done) {
                continue;
            }
            int step = runnable->step(runnable, &wake);
            runnable->is_done = step == STEP_DONE;
            done_count += step == STEP_DONE;
            has_progressed |= step != STEP_IDLE;
            wake_at_us = wake < wake_at_us ? wake : wake_at_us;
        }
        if (!has_progressed) {
            worker_sleep(worker, seen_count, wake_at_us);
        }
    }
    return NULL;
}

int worker_start(struct worker *worker, struct error *error)
{
    int rc = pthread_create(&worker->thread, NULL, worker_run, worker);
    if (rc != 0) {
        return error_set(error, -rc, "cannot start a worker thread: %s", strerror(rc));
    }
    worker->is_started = 1;
    return 0;
}

void worker_join(struct worker *worker)
{
    if (worker->is_started) {
        pthread_join(worker->thread, NULL);
        worker->is_started = 0;
    }
}

int64_t worker_cpu_ns(const struct worker *worker)
{
    clockid_t id;
    struct timespec time;
    if (!worker->is_started || pthread_getcpuclockid(worker->thread, &id) != 0 ||
        clock_gettime(id, &time) != 0) {
        return 0;
    }
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
