#include "task/worker.h"

#include <stdatomic.h>
#include <stddef.h>

#include "support/test.h"

// Counts down, one step at a time; the last step wakes its partner.
struct counter {
    struct runnable runnable;
    int left;
    struct worker *partner;
    _Atomic int *is_released;
};

static int count_down(struct runnable *runnable, int64_t *wake_at_us)
{
    struct counter *counter = (struct counter *)runnable;
    (void)wake_at_us;
    if (counter->left > 0) {
        counter->left--;
        return STEP_PROGRESS;
    }
    atomic_store(counter->is_released, 1);
    worker_wake(counter->partner);
    return STEP_DONE;
}

static int wait_for_release(struct runnable *runnable, int64_t *wake_at_us)
{
    struct counter *counter = (struct counter *)runnable;
    (void)wake_at_us;
    counter->left++;
    return atomic_load(counter->is_released) ? STEP_DONE : STEP_IDLE;
}

TEST(a_sleeping_worker_is_woken_and_steps_little)
{
    _Atomic int is_released = 0;
    struct error error;
    struct worker *busy = worker_create(&system_clock, 1), *idle = worker_create(&system_clock, 1);
    struct counter counting = {{count_down, 0}, 100000, idle, &is_released};
    struct counter waiting = {{wait_for_release, 0}, 0, NULL, &is_released};
    REQUIRE(busy != NULL && idle != NULL);
    worker_add(busy, &counting.runnable);
    worker_add(idle, &waiting.runnable);
    CHECK_INT(worker_start(idle, &error), 0);
    CHECK_INT(worker_start(busy, &error), 0);
    worker_join(busy);
    worker_join(idle);
    CHECK_INT(counting.left, 0);
    CHECK(waiting.left < 100);
    worker_destroy(busy);
    worker_destroy(idle);
}

struct sleeper {
    struct runnable runnable;
    int64_t until_us;
    int step_count;
};

static int sleep_until(struct runnable *runnable, int64_t *wake_at_us)
{
    struct sleeper *sleeper = (struct sleeper *)runnable;
    sleeper->step_count++;
    *wake_at_us = sleeper->until_us;
    return clock_now_us(&system_clock) >= sleeper->until_us ? STEP_DONE : STEP_IDLE;
}

TEST(a_worker_sleeps_until_the_time_it_was_told)
{
    struct error error;
    struct worker *worker = worker_create(&system_clock, 1);
    struct sleeper sleeper = {{sleep_until, 0}, clock_now_us(&system_clock) + 20000, 0};
    REQUIRE(worker != NULL);
    worker_add(worker, &sleeper.runnable);
    CHECK_INT(worker_start(worker, &error), 0);
    worker_join(worker);
    CHECK(clock_now_us(&system_clock) >= sleeper.until_us);
    CHECK(sleeper.step_count < 20);
    worker_destroy(worker);
}
