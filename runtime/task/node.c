#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/batch.h"
#include "task/extension.h"
#include "task/job_internal.h"
#include "task/service.h"

#define RETRY_FIRST_US 10000
#define RETRY_LAST_US 1000000
#define RETRIES_LONGER 8u // from this one on the wait grows no more
#define RETRIES_MAX 60u

// --- Accounting: each call of an operator is timed without the calls that it causes downstream ---

struct call {
    struct node *outer;
    const char *outer_name;
};

static struct call call_begin(struct node *node, const char *name)
{
    struct task *task = node->task;
    struct call call = {task->current, NULL};
    int64_t now = clock_monotonic_ns(&system_clock);
    if (call.outer != NULL) {
        struct node_counters *outer = &call.outer->counters;
        __atomic_store_n(&outer->busy_ns, outer->busy_ns + now - task->call_since_ns,
                         __ATOMIC_RELAXED);
    }
    task->call_since_ns = now;
    __atomic_store_n(&task->current, node, __ATOMIC_RELAXED);
    __atomic_store_n(&node->counters.call, name, __ATOMIC_RELAXED);
    __atomic_store_n(&node->counters.call_since_ns, now, __ATOMIC_RELAXED);
    return call;
}

static void call_end(struct node *node, struct call call)
{
    struct task *task = node->task;
    int64_t now = clock_monotonic_ns(&system_clock);
    __atomic_store_n(&node->counters.busy_ns, node->counters.busy_ns + now - task->call_since_ns,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&node->counters.call_since_ns, 0, __ATOMIC_RELAXED);
    task->call_since_ns = now;
    __atomic_store_n(&task->current, call.outer, __ATOMIC_RELAXED);
}

// What a verb of the instance returned: errors of its own fail the job; those from downstream have.
static int32_t checked(struct node *node, int32_t rc)
{
    if (rc < 0 && !node->instance->is_downstream) {
        job_fail(node->task->job, node->stage, rc, node->instance->error.text);
    }
    return rc;
}

static int32_t give_up(struct node *node, int32_t rc)
{
    char text[sizeof node->instance->error.text + 64];
    snprintf(text, sizeof text, "%s (gave up after %u attempts)", node->instance->error.text,
             RETRIES_MAX);
    job_fail(node->task->job, node->stage, rc, text);
    return rc;
}

// WEIR_ERROR_RETRY: the call is made again after a while, longer each time, but not for ever.
static int32_t retried(struct node *node, int32_t rc)
{
    int64_t now_us = clock_now_us(node->task->job->clock);
    if (rc != WEIR_ERROR_RETRY || node->instance->is_downstream) {
        node->retry_count = rc < 0 ? node->retry_count : 0;
        return checked(node, rc);
    }
    if (++node->retry_count == RETRIES_MAX) {
        return give_up(node, rc);
    }
    node->retry_at_us =
        now_us + (node->retry_count < RETRIES_LONGER ? RETRY_FIRST_US << (node->retry_count - 1)
                                                     : RETRY_LAST_US);
    job_log(node->stage, WEIR_LOG_WARNING, "%s (attempt %u of %u)", node->instance->error.text,
            node->retry_count, RETRIES_MAX);
    return WEIR_MORE;
}

// --- Output ---

static int32_t out_of_memory(struct node *node)
{
    char why[256], text[320];
    snprintf(text, sizeof text, "no memory for what it emits: %s",
             memory_explain_refused(why, sizeof why));
    job_fail(node->task->job, node->stage, -ENOMEM, text);
    return -ENOMEM;
}

// Hands an item to everything that reads an output.
static int32_t hand_on(struct node *node, uint32_t output, const struct item *item)
{
    int32_t rc = 0;
    for (uint32_t i = 0; rc >= 0 && i < node->outputs[output].edge_count; i++) {
        struct node_edge *edge = &node->outputs[output].edges[i];
        if (edge->child != NULL) {
            rc = node_receive(edge->child, item, 0);
        } else if (item->kind == ITEM_BATCH) {
            rc = exchange_send(edge->exchange, item->batch) != 0 ? out_of_memory(node) : 0;
        } else {
            rc = exchange_broadcast(edge->exchange, item) != 0 ? out_of_memory(node) : 0;
        }
    }
    return rc < 0 ? rc : 0;
}

static int32_t hand_on_everywhere(struct node *node, const struct item *item)
{
    int32_t rc = 0;
    for (uint32_t o = 0; rc == 0 && o < node->stage->negotiation->output_count; o++) {
        rc = hand_on(node, o, item);
    }
    return rc;
}

static int32_t hand_on_watermark(struct node *node, int64_t time_us)
{
    if (time_us <= node->watermark_us) {
        return 0;
    }
    node->watermark_us = time_us;
    return hand_on_everywhere(node, &(struct item){.kind = ITEM_WATERMARK, .time_us = time_us});
}

static int32_t node_emit(struct instance *instance, uint32_t output, const struct weir_batch *batch)
{
    struct node *node = instance->owner;
    struct job *job = node->task->job;
    int is_rejected = output + 1 == node->stage->negotiation->output_count;
    if (!is_rejected) {
        counter_add(output == 0 ? &node->counters.rows_out : &node->counters.rows_aside,
                    batch->row_count);
        counter_add(&node->counters.bytes_out, batch_bytes(batch));
    }
    if (job->settings.tap != NULL) {
        job->settings.tap(job->settings.tap_owner, node->stage, output, batch);
    }
    int32_t rc = hand_on(node, output, &(struct item){.kind = ITEM_BATCH, .batch = batch});
    if (rc == 0 && output == 0 && node->stage->event_time >= 0 &&
        batch->time_max_us > node->time_max_us) {
        node->time_max_us = batch->time_max_us;
        rc = hand_on_watermark(node, node->time_max_us - node->stage->watermark_lag_us);
    }
    batch_unref(batch);
    return rc;
}

// --- Input ---

int node_has_work(const struct node *node)
{
    return node->work.count > 0;
}

static int32_t work_push(struct node *node, const struct item *item, uint32_t input)
{
    struct node_work *work = &node->work;
    if (work->count == work->capacity) {
        uint32_t capacity = work->capacity * 2 + 16;
        struct item *items = calloc(capacity, sizeof *items);
        if (items == NULL) {
            return out_of_memory(node);
        }
        for (uint32_t i = 0; i < work->count; i++) {
            items[i] = work->items[(work->head + i) % work->capacity];
        }
        free(work->items);
        work->items = items;
        work->capacity = capacity;
        work->head = 0;
    }
    struct item *kept = &work->items[(work->head + work->count++) % work->capacity];
    *kept = *item;
    kept->input = input;
    if (item->kind == ITEM_BATCH) {
        batch_ref(item->batch);
    }
    return 0;
}

static void take_in(struct node *node, const struct weir_batch *batch)
{
    int64_t now_us = clock_now_us(node->task->job->clock);
    counter_add(&node->counters.rows_in, batch->row_count);
    counter_add(&node->counters.bytes_in, batch_bytes(batch));
    if (batch->entered_us != WEIR_TIME_NONE) {
        weir_histogram_record(node->delay, now_us - batch->entered_us, batch->row_count);
    }
    if (batch->time_min_us != WEIR_TIME_NONE) {
        weir_histogram_record(node->lag, now_us - batch->time_min_us, batch->row_count);
    }
}

static int32_t save_part(struct node *node);

static int32_t end_input(struct node *node, uint32_t input)
{
    struct call call = call_begin(node, "end_input");
    int32_t rc = retried(node, instance_end_input(node->instance, input));
    call_end(node, call);
    if (rc == WEIR_OK && ++node->ended_input_count >= node->stage->input_count) {
        rc = hand_on_everywhere(node, &(struct item){.kind = ITEM_END});
        job_stage_ended(node->task->job, node->stage);
    }
    return rc;
}

// Does what an item asks for. WEIR_MORE, WEIR_WAIT: not finished.
static int32_t handle(struct node *node, const struct item *item, uint32_t input)
{
    struct call call;
    int32_t rc = 0;
    atomic_store(&node->is_woken, 0); // before the call: what happens during it is not missed
    switch (item->kind) {
    case ITEM_BATCH:
        call = call_begin(node, "process");
        rc = retried(node, instance_process(node->instance, input, item->batch));
        call_end(node, call);
        return rc;
    case ITEM_WATERMARK:
        call = call_begin(node, "watermark");
        rc = retried(node, instance_watermark(node->instance, item->time_us));
        call_end(node, call);
        if (rc == WEIR_OK && node->stage->event_time < 0) {
            rc = hand_on_watermark(node, item->time_us);
        }
        return rc;
    case ITEM_TIMERS:
        call = call_begin(node, "timer");
        rc = retried(node, instance_timers(node->instance));
        call_end(node, call);
        return rc;
    case ITEM_BARRIER:
        rc = save_part(node);
        return rc != 0 ? rc : hand_on_everywhere(node, item);
    default:
        return end_input(node, input);
    }
}

// After a call: whether it must be made again, and if so, what it waits for.
static int is_unfinished(struct node *node, int32_t rc)
{
    node->waits = rc == WEIR_WAIT;
    node->waits_until_us = node->instance->wake_at_us;
    return rc == WEIR_MORE || rc == WEIR_WAIT;
}

int32_t node_receive(struct node *node, const struct item *item, uint32_t input)
{
    if (item->kind == ITEM_BATCH) {
        take_in(node, item->batch);
    }
    if (node_has_work(node)) {
        return work_push(node, item, input);
    }
    int32_t rc = handle(node, item, input);
    return is_unfinished(node, rc) ? work_push(node, item, input) : rc;
}

int node_waits(struct node *node)
{
    if (node->waits && (atomic_load(&node->is_woken) ||
                        node->waits_until_us <= clock_now_us(node->task->job->clock))) {
        node->waits = 0;
    }
    return node->waits;
}

int32_t node_resume(struct node *node)
{
    struct node_work *work = &node->work;
    struct item item = work->items[work->head];
    int32_t rc = handle(node, &item, item.input);
    if (is_unfinished(node, rc)) {
        return 0;
    }
    work->head = (work->head + 1) % work->capacity;
    work->count--;
    batch_unref(item.batch);
    return rc;
}

int32_t node_fire_timers(struct node *node)
{
    return node_receive(node, &(struct item){.kind = ITEM_TIMERS}, 0);
}

int32_t node_poll(struct node *node)
{
    struct call call = call_begin(node, "poll");
    int32_t rc = instance_poll(node->instance);
    if (rc == WEIR_ERROR_RETRY && retried(node, rc) == WEIR_MORE) {
        rc = WEIR_WAIT;
        node->instance->wake_at_us = node->retry_at_us;
    } else {
        rc = retried(node, rc);
    }
    call_end(node, call);
    if (rc >= 0 && node->instance->watermark_us != WEIR_TIME_NONE) {
        int32_t handed = hand_on_watermark(node, node->instance->watermark_us);
        rc = handed != 0 ? handed : rc;
    }
    return rc;
}

int32_t node_end_source(struct node *node)
{
    job_stage_ended(node->task->job, node->stage);
    return hand_on_everywhere(node, &(struct item){.kind = ITEM_END});
}

// --- Snapshots ---

static int write_part(void *sink, const struct instance_part *part)
{
    struct node *node = sink;
    return job_save_part(node->task->job, node->stage, part);
}

static int32_t save_part(struct node *node)
{
    int64_t progress[2] = {node->time_max_us, node->watermark_us};
    struct instance_part part = {
        .kind = PART_PROGRESS, .name = "", .bytes = progress, .byte_count = sizeof progress};
    int32_t rc = instance_save(node->instance, write_part, node);
    rc = rc != 0 ? rc : write_part(node, &part);
    if (rc != 0) {
        job_fail(node->task->job, node->stage, rc,
                 node->instance->error.text[0] != '\0' ? node->instance->error.text
                                                       : "cannot save its state: no memory");
        return rc;
    }
    job_node_saved(node->task->job);
    return 0;
}

int32_t node_barrier(struct node *node, uint64_t barrier)
{
    struct item item = {.kind = ITEM_BARRIER, .barrier = barrier};
    return node_receive(node, &item, 0);
}

void node_close(struct node *node)
{
    struct call call = call_begin(node, "close");
    instance_close(node->instance);
    call_end(node, call);
}

int32_t node_save(struct node *node)
{
    return save_part(node);
}

int32_t node_load(struct node *node, const struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->part_count; i++) {
        const struct snapshot_part *saved = &snapshot->parts[i];
        int64_t progress[2];
        if (strcmp(saved->stage, node->stage->name) != 0) {
            continue;
        }
        if (saved->part.kind == PART_PROGRESS) {
            // Event time is as complete as the least of the tasks knew it to be.
            memcpy(progress, saved->part.bytes, sizeof progress);
            int is_first = node->time_max_us == WEIR_TIME_NONE;
            node->time_max_us =
                is_first || progress[0] < node->time_max_us ? progress[0] : node->time_max_us;
            continue;
        }
        int32_t rc = instance_load(node->instance, &saved->part);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static void node_wake(struct instance *instance)
{
    struct node *node = instance->owner;
    atomic_store(&node->is_woken, 1);
    worker_wake(node->task->worker);
}

static void node_log(struct instance *instance, uint32_t level, const char *text)
{
    struct node *node = instance->owner;
    job_log(node->stage, level, "%s", text);
}

static struct instance *node_resource(struct instance *instance, const char *name)
{
    struct node *node = instance->owner;
    return job_resource(node->task->job, name);
}

static int32_t node_listen(struct instance *instance, const char *url)
{
    struct node *node = instance->owner;
    struct error error = {0};
    int rc = service_listen(node->task, url, &error);
    return rc == 0 ? WEIR_OK : weir_fail(&instance->context, WEIR_ERROR_CONFIG, "%s", error.text);
}

static const void *node_extension(struct instance *instance, const char *id)
{
    (void)instance;
    return extension_find(id);
}

const struct instance_hooks node_hooks = {
    .emit = node_emit,
    .wake = node_wake,
    .log = node_log,
    .resource = node_resource,
    .listen = node_listen,
    .extension = node_extension,
};
