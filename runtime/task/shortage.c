#include "task/shortage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "task/job_internal.h"

#define STUCK_NS 1000000000 // nothing moves for so long: nothing will
#define TELL_NS 5000000000

static uint64_t held_by(const struct job *job, const struct plan_stage *stage)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < stage->parallelism; i++) {
        const struct task *task = &job->tasks[job->chain_tasks[stage->chain] + i];
        bytes += instance_memory_bytes(task->nodes[stage->chain_position].instance);
    }
    return bytes;
}

// The stage that holds most, or `otherwise` where none holds anything.
static const struct plan_stage *largest_holder(const struct job *job,
                                               const struct plan_stage *otherwise, uint64_t *bytes)
{
    const struct plan_stage *most = otherwise;
    *bytes = 0;
    for (uint32_t i = 0; i < job->plan->stage_count; i++) {
        uint64_t held = held_by(job, &job->plan->stages[i]);
        if (held > *bytes) {
            *bytes = held;
            most = &job->plan->stages[i];
        }
    }
    return most;
}

// No rows are under way, and no task has anything to do at any time.
static int nothing_moves(const struct job *job)
{
    for (uint32_t i = 0; i < job->channel_count; i++) {
        if (channel_bytes(job->channels[i]) > 0) {
            return 0;
        }
    }
    for (uint32_t i = 0; i < job->task_count; i++) {
        if (!atomic_load(&job->tasks[i].waits)) {
            return 0;
        }
    }
    return 1;
}

static void tell(struct task *task, int is_stuck)
{
    const struct plan_stage *source = task->nodes[0].stage;
    char held[32], budget[32], text[512];
    uint64_t bytes;
    const struct plan_stage *holder = largest_holder(task->job, source, &bytes);
    snprintf(text, sizeof text,
             "it holds %s of the memory budget of %s and no more rows can be taken in",
             text_bytes(held, sizeof held, bytes),
             text_bytes(budget, sizeof budget, memory_budget()));
    if (!is_stuck) {
        job_log(holder, WEIR_LOG_WARNING, "%s until it lets go of some; --memory raises the budget",
                text);
        return;
    }
    snprintf(text + strlen(text), sizeof text - strlen(text),
             "; nothing under way frees any: raise the budget with --memory, or keep less (fewer "
             "keys, shorter windows)");
    job_fail(task->job, holder, -ENOMEM, text);
}

void shortage_wait(struct task *task)
{
    int64_t now = clock_monotonic_ns(&system_clock);
    atomic_store(&task->waits, task->wake_at_us == WAKE_NEVER); // a timer may free memory
    if (task->short_since_ns == 0) {
        task->short_since_ns = task->stuck_since_ns = now;
    }
    if (!nothing_moves(task->job)) {
        task->stuck_since_ns = now;
    } else if (now - task->stuck_since_ns > STUCK_NS) {
        tell(task, 1);
    }
    if (now - task->short_since_ns > TELL_NS && !task->shortage_is_told) {
        task->shortage_is_told = 1;
        tell(task, 0);
    }
}

void shortage_over(struct task *task)
{
    task->short_since_ns = 0;
}
