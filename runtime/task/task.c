#include "task/task.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/batch.h"
#include "task/job_internal.h"
#include "task/service.h"
#include "task/shortage.h"

#define STEP_NS 1000000      // a task gives way to others after this long
#define MEMORY_RETRY_US 1000 // how often a task looks whether there is memory again

// --- Layout ---

static const struct plan_stage *chain_stage(const struct plan *plan, uint32_t chain,
                                            uint32_t position)
{
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        if (plan->stages[i].chain == chain && plan->stages[i].chain_position == position) {
            return &plan->stages[i];
        }
    }
    return NULL;
}

static int node_init(struct task *task, struct node *node, const struct plan_stage *stage,
                     struct error *error)
{
    struct job *job = task->job;
    struct instance_request request = {
        .host = &host_weir,
        .description = stage->description,
        .plugin = stage->plugin->description->name,
        .stage = stage->name,
        .options = stage->options,
        .hooks = &node_hooks,
        .owner = node,
        .clock = job->clock,
        .metrics = job->metrics,
        .on_error = stage->on_error,
        .task_index = task->index,
        .task_count = stage->parallelism,
        .group_first = (uint32_t)((uint64_t)task->index * stage->group_count / stage->parallelism),
        .group_end =
            (uint32_t)((uint64_t)(task->index + 1) * stage->group_count / stage->parallelism),
        .group_count = stage->group_count,
    };
    node->task = task;
    node->stage = stage;
    node->time_max_us = WEIR_TIME_NONE;
    node->watermark_us = WEIR_TIME_NONE;
    node->outputs = calloc(stage->negotiation->output_count, sizeof *node->outputs);
    node->lag = metrics_register(job->metrics, stage->name, task->index, WEIR_METRIC_HISTOGRAM,
                                 "lag_us", "us", "taken in, after the event time of the row");
    node->delay = metrics_register(job->metrics, stage->name, task->index, WEIR_METRIC_HISTOGRAM,
                                   "delay_us", "us", "taken in, after the row entered the job");
    if (node->outputs == NULL || node->lag == NULL || node->delay == NULL) {
        char why[256], text[320];
        snprintf(text, sizeof text, "no memory to start with: %s",
                 memory_explain_refused(why, sizeof why));
        return job_stage_error(job, stage, -ENOMEM, text, error);
    }
    struct error reason = {0};
    int rc = instance_create(&request, &node->instance, &reason);
    return rc == 0 ? 0 : job_stage_error(job, stage, rc, reason.text, error);
}

int task_init(struct task *task, struct job *job, uint32_t chain, uint32_t index,
              struct error *error)
{
    const struct plan *plan = job->plan;
    uint32_t node_count = 0;
    while (chain_stage(plan, chain, node_count) != NULL) {
        node_count++;
    }
    task->job = job;
    task->index = index;
    task->wake_at_us = WAKE_NEVER;
    task->nodes = calloc(node_count, sizeof *task->nodes);
    if (task->nodes == NULL) {
        return error_set(error, -ENOMEM, "no memory for the tasks");
    }
    for (; task->node_count < node_count; task->node_count++) {
        int rc = node_init(task, &task->nodes[task->node_count],
                           chain_stage(plan, chain, task->node_count), error);
        if (rc != 0) {
            task->node_count++;
            return rc;
        }
    }
    return 0;
}

void task_finish(struct task *task)
{
    service_close(task->service);
    for (uint32_t i = 0; i < task->node_count; i++) {
        struct node *node = &task->nodes[i];
        instance_destroy(node->instance);
        for (uint32_t j = 0; j < node->work.count; j++) {
            batch_unref(node->work.items[(node->work.head + j) % node->work.capacity].batch);
        }
        free(node->work.items);
        for (uint32_t o = 0; node->outputs != NULL && o < node->stage->negotiation->output_count;
             o++) {
            free(node->outputs[o].edges);
        }
        free(node->outputs);
    }
    for (uint32_t i = 0; i < task->exchange_count; i++) {
        exchange_destroy(task->exchanges[i]);
    }
    free(task->nodes);
    free(task->exchanges);
    free(task->channels);
}

int task_open(struct task *task, int64_t now_us, struct error *error)
{
    for (uint32_t i = task->node_count; i > 0; i--) {
        struct node *node = &task->nodes[i - 1];
        node->instance->open_us = now_us;
        int rc = instance_open(node->instance, node->stage->negotiation);
        if (rc == 0 && task->job->settings.restore != NULL) {
            rc = node_load(node, task->job->settings.restore);
        }
        if (rc != 0) {
            return job_stage_error(task->job, node->stage, rc, node->instance->error.text, error);
        }
    }
    return 0;
}

// --- Running ---

static void set_state(struct task *task, uint32_t state)
{
    if (state != task->state) {
        int64_t now = clock_monotonic_ns(&system_clock);
        __atomic_store_n(&task->state_ns[task->state],
                         task->state_ns[task->state] + now - task->state_since_ns,
                         __ATOMIC_RELAXED);
        __atomic_store_n(&task->state_since_ns, now, __ATOMIC_RELAXED);
        __atomic_store_n(&task->state, state, __ATOMIC_RELAXED);
    }
}

static int output_is_full(const struct task *task)
{
    for (uint32_t i = 0; i < task->exchange_count; i++) {
        if (exchange_is_full(task->exchanges[i])) {
            return 1;
        }
    }
    return 0;
}

// While memory is short nothing new is made before what was made is taken.
static int waits_for_memory(struct task *task)
{
    if (!memory_is_short()) {
        return 0;
    }
    for (uint32_t i = 0; i < task->exchange_count; i++) {
        if (exchange_has_rows(task->exchanges[i])) {
            task->wake_at_us = clock_now_us(task->job->clock) + MEMORY_RETRY_US;
            return 1;
        }
    }
    return 0;
}

static int is_source(const struct task *task)
{
    return task->nodes[0].stage->description->kind == WEIR_OPERATOR_SOURCE;
}

static int is_service(const struct task *task)
{
    return task->nodes[0].stage->description->kind == WEIR_OPERATOR_SERVICE;
}

// The innermost stage that has not finished something, or NULL.
static struct node *unfinished(struct task *task)
{
    for (uint32_t i = task->node_count; i > 0; i--) {
        if (node_has_work(&task->nodes[i - 1])) {
            return &task->nodes[i - 1];
        }
    }
    return NULL;
}

// Fires what is due; notes when the next timer is.
static int fire_timers(struct task *task)
{
    int64_t now_us = 0;
    assert(task->nodes != NULL);
    for (uint32_t i = 0; i < task->node_count; i++) {
        int64_t next = instance_next_timer(task->nodes[i].instance);
        if (next == TIMER_NONE) {
            continue;
        }
        now_us = now_us == 0 ? clock_now_us(task->job->clock) : now_us;
        if (next <= now_us) {
            node_fire_timers(&task->nodes[i]);
            return ROUND_MORE;
        }
        task->wake_at_us = next < task->wake_at_us ? next : task->wake_at_us;
    }
    return ROUND_IDLE;
}

static int end_source(struct task *task)
{
    shortage_over(task);
    node_end_source(&task->nodes[0]);
    task->has_ended = 1;
    return ROUND_MORE;
}

// A source that reads what this job writes follows its writers; others end when the job drains.
static int poll_source(struct task *task)
{
    struct job *job = task->job;
    struct node *node = &task->nodes[0];
    int follows = job_follows_writers(job, node->stage);
    int ends_at_last = follows ? job_writers_have_ended(job, node->stage)
                               : job->settings.until_end && !node->stage->is_bounded;
    if (!follows && atomic_load(&job->is_draining)) {
        return end_source(task);
    }
    if (memory_is_short()) {
        shortage_wait(task);
        task->wake_at_us = clock_now_us(job->clock) + MEMORY_RETRY_US;
        return ROUND_BACKPRESSURED;
    }
    shortage_over(task);
    int32_t rc = node_poll(node);
    if (rc == WEIR_END || (rc == WEIR_WAIT && ends_at_last)) {
        return end_source(task);
    }
    if (rc == WEIR_WAIT) {
        int64_t wake_at_us = node->instance->wake_at_us;
        task->wake_at_us = wake_at_us < task->wake_at_us ? wake_at_us : task->wake_at_us;
        return ROUND_IDLE;
    }
    return ROUND_MORE;
}

static int advance_watermark(struct task *task)
{
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < task->channel_count; i++) {
        if (!task->channels[i].has_ended && task->channels[i].watermark_us < least) {
            least = task->channels[i].watermark_us;
        }
    }
    if (least != INT64_MAX && least > task->watermark_us) {
        task->watermark_us = least;
        node_receive(&task->nodes[0], &(struct item){.kind = ITEM_WATERMARK, .time_us = least}, 0);
    }
    return ROUND_MORE;
}

// When every channel that still flows has come to the barrier, the snapshot is taken and all go on.
static void align(struct task *task, uint64_t barrier)
{
    for (uint32_t i = 0; i < task->channel_count; i++) {
        if (!task->channels[i].has_ended && task->channels[i].barrier != barrier) {
            return;
        }
    }
    for (uint32_t i = 0; i < task->channel_count; i++) {
        task->channels[i].barrier = 0;
    }
    task->barrier_done = barrier;
    node_barrier(&task->nodes[0], barrier);
}

static uint64_t waiting_barrier(const struct task *task)
{
    for (uint32_t i = 0; i < task->channel_count; i++) {
        if (task->channels[i].barrier != 0) {
            return task->channels[i].barrier;
        }
    }
    return 0;
}

static int end_channel(struct task *task, struct task_channel *ended)
{
    uint32_t left_of_input = 0, left = 0;
    uint64_t barrier = waiting_barrier(task);
    ended->has_ended = 1;
    for (uint32_t i = 0; i < task->channel_count; i++) {
        left += !task->channels[i].has_ended;
        left_of_input += !task->channels[i].has_ended && task->channels[i].input == ended->input;
    }
    if (barrier != 0) {
        align(task, barrier);
    }
    if (left_of_input == 0) {
        node_receive(&task->nodes[0], &(struct item){.kind = ITEM_END}, ended->input);
    }
    task->has_ended = left == 0;
    return left == 0 ? ROUND_MORE : advance_watermark(task);
}

static int take_item(struct task *task)
{
    struct item item;
    for (uint32_t i = 0; i < task->channel_count; i++) {
        struct task_channel *from = &task->channels[task->next_channel];
        task->next_channel = (task->next_channel + 1) % task->channel_count;
        if (from->barrier != 0 || from->has_ended || !channel_pop(from->channel, &item)) {
            continue;
        }
        switch (item.kind) {
        case ITEM_BATCH:
            node_receive(&task->nodes[0], &item, from->input);
            batch_unref(item.batch);
            return ROUND_MORE;
        case ITEM_WATERMARK:
            from->watermark_us = item.time_us;
            return advance_watermark(task);
        case ITEM_BARRIER:
            from->barrier = item.barrier;
            align(task, item.barrier);
            return ROUND_MORE;
        default:
            return end_channel(task, from);
        }
    }
    return ROUND_IDLE;
}

// Sources start the barrier; a task that has ended has nobody left to bring it one.
static int join_snapshot(struct task *task)
{
    uint64_t barrier = atomic_load(&task->job->barrier);
    if (barrier <= task->barrier_done || (task->channel_count > 0 && !task->has_ended)) {
        return ROUND_IDLE;
    }
    task->barrier_done = barrier;
    if (!task->has_ended) {
        node_barrier(&task->nodes[0], barrier);
        return ROUND_MORE;
    }
    for (uint32_t i = 0; i < task->node_count; i++) {
        node_save(&task->nodes[i]);
    }
    return ROUND_MORE;
}

// Services end with the rest of the job; a job of services only ends when it is drained.
static int serve(struct task *task)
{
    if (task->job->services_only && atomic_load(&task->job->is_draining)) {
        task->has_ended = 1;
        return ROUND_MORE;
    }
    return service_round(task);
}

// One thing after the other, the innermost first.
static int run_round(struct task *task)
{
    struct node *node = unfinished(task);
    task->wake_at_us = WAKE_NEVER;
    if (output_is_full(task) || waits_for_memory(task)) {
        return ROUND_BACKPRESSURED;
    }
    if (node != NULL && node->retry_at_us > 0 &&
        node->retry_at_us > clock_now_us(task->job->clock)) {
        task->wake_at_us = node->retry_at_us;
        return ROUND_IDLE;
    }
    if (node != NULL && node_waits(node)) {
        task->wake_at_us = node->waits_until_us;
        return ROUND_BACKPRESSURED;
    }
    if (node != NULL) {
        node_resume(node);
        return ROUND_MORE;
    }
    if (task->has_ended && !task->is_reported) {
        task->is_reported = 1;
        job_task_ended(task->job);
        return ROUND_MORE;
    }
    if (join_snapshot(task) == ROUND_MORE) {
        return ROUND_MORE;
    }
    if (task->has_ended) {
        return ROUND_IDLE;
    }
    if (fire_timers(task) == ROUND_MORE) {
        return ROUND_MORE;
    }
    if (is_service(task)) {
        return serve(task);
    }
    return is_source(task) ? poll_source(task) : take_item(task);
}

static int close_task(struct task *task)
{
    set_state(task, TASK_IDLE);
    service_stop(task->service);
    for (uint32_t i = 0; i < task->node_count; i++) {
        node_close(&task->nodes[i]);
    }
    service_close(task->service);
    task->service = NULL;
    job_task_closed(task->job);
    return STEP_DONE;
}

int task_step(struct runnable *runnable, int64_t *wake_at_us)
{
    struct task *task = (struct task *)runnable;
    int64_t until_ns = clock_monotonic_ns(&system_clock) + STEP_NS;
    int round = ROUND_MORE;
    if (task->state == TASK_BUSY && task->state_since_ns == 0) {
        __atomic_store_n(&task->state_since_ns, until_ns - STEP_NS, __ATOMIC_RELAXED);
    }
    while (round == ROUND_MORE) {
        if (atomic_load(&task->job->is_over)) {
            return close_task(task);
        }
        round = run_round(task);
        if (round != ROUND_MORE) {
            break;
        }
        set_state(task, TASK_BUSY);
        atomic_store(&task->waits, 0);
        if (clock_monotonic_ns(&system_clock) > until_ns) {
            return STEP_PROGRESS;
        }
    }
    set_state(task, round == ROUND_IDLE ? TASK_IDLE : TASK_BACKPRESSURED);
    if (task->short_since_ns == 0) {
        const struct node *node = unfinished(task);
        int is_woken_from_outside = node != NULL && node->waits;
        atomic_store(&task->waits, task->wake_at_us == WAKE_NEVER && !is_woken_from_outside);
    }
    *wake_at_us = task->wake_at_us;
    return STEP_IDLE;
}
