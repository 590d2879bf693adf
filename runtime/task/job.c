#include "task/job.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "task/extension.h"
#include "task/job_internal.h"
#include "task/writers.h"

// --- News from tasks ---

static void wake_all(struct job *job)
{
    for (uint32_t i = 0; i < job->worker_count; i++) {
        worker_wake(job->workers[i]);
    }
}

static void set_over(struct job *job)
{
    atomic_store(&job->is_over, 1);
    wake_all(job);
}

int job_stage_error(const struct job *job, const struct plan_stage *stage, int code,
                    const char *text, struct error *error)
{
    return error_set(error, code, "%s:%u: stage `%s`: %s",
                     stage->place.file == NULL ? job->plan->name : stage->place.file,
                     stage->place.line, stage->name, text);
}

void job_fail(struct job *job, const struct plan_stage *stage, int code, const char *text)
{
    pthread_mutex_lock(&job->lock);
    if (job->error.code == 0) {
        job_stage_error(job, stage, code, text, &job->error);
    }
    pthread_mutex_unlock(&job->lock);
    set_over(job);
}

void job_log(const struct plan_stage *stage, uint32_t level, const char *format, ...)
{
    static const char *const names[] = {"", "debug: ", "", "warning: ", "error: "};
    char text[1200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s: %s%s\n", stage->name, names[level <= WEIR_LOG_ERROR ? level : 0], text);
}

struct instance *job_resource(struct job *job, const char *name)
{
    for (uint32_t i = 0; i < job->plan->resource_count; i++) {
        if (strcmp(job->plan->resources[i].name, name) == 0) {
            return job->resources[i].instance;
        }
    }
    return NULL;
}

void job_stage_ended(struct job *job, const struct plan_stage *stage)
{
    uint32_t number = (uint32_t)(stage - job->plan->stages);
    if (atomic_fetch_add(&job->stage_ended_counts[number], 1) + 1 == stage->parallelism) {
        wake_all(job); // a source may have waited for its writers
    }
}

static const uint8_t *writers_of(const struct job *job, const struct plan_stage *stage)
{
    return &job->writers[(size_t)(stage - job->plan->stages) * job->plan->stage_count];
}

int job_follows_writers(const struct job *job, const struct plan_stage *stage)
{
    return memchr(writers_of(job, stage), 1, job->plan->stage_count) != NULL;
}

int job_writers_have_ended(struct job *job, const struct plan_stage *stage)
{
    const uint8_t *writers = writers_of(job, stage);
    for (uint32_t i = 0; i < job->plan->stage_count; i++) {
        if (writers[i] &&
            atomic_load(&job->stage_ended_counts[i]) != job->plan->stages[i].parallelism) {
            return 0;
        }
    }
    return 1;
}

int job_save_part(struct job *job, const struct plan_stage *stage, const struct instance_part *part)
{
    pthread_mutex_lock(&job->lock);
    int rc = job->snapshot == NULL ? 0 : snapshot_add(job->snapshot, stage->name, part);
    pthread_mutex_unlock(&job->lock);
    return rc;
}

void job_node_saved(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    job->snapshot_node_count--;
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->lock);
}

void job_task_ended(struct job *job)
{
    if (atomic_fetch_sub(&job->busy_task_count, 1) == 1) {
        set_over(job);
    }
}

void job_task_closed(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    if (--job->open_task_count == 0) {
        atomic_store(&job->ended_ns, clock_monotonic_ns(&system_clock));
    }
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->lock);
}

// --- Making ---

static struct task *task_of(const struct job *job, const struct plan_stage *stage, uint32_t index)
{
    return &job->tasks[job->chain_tasks[stage->chain] + index];
}

static const void *resource_extension(struct instance *instance, const char *id)
{
    (void)instance;
    return extension_find(id);
}

static const struct instance_hooks resource_hooks = {.extension = resource_extension};

static int make_resources(struct job *job, struct error *error)
{
    const struct plan *plan = job->plan;
    job->resources = calloc(plan->resource_count + 1, sizeof *job->resources);
    if (job->resources == NULL) {
        return error_set(error, -ENOMEM, "no memory for the job");
    }
    for (uint32_t i = 0; i < plan->resource_count; i++) {
        struct job_resource *resource = &job->resources[i];
        resource->plan = &plan->resources[i];
        struct instance_request request = {
            .host = &host_weir,
            .resource = resource->plan->type,
            .plugin = resource->plan->plugin->description->name,
            .stage = resource->plan->name,
            .options = resource->plan->options,
            .hooks = &resource_hooks,
            .owner = job,
            .clock = job->clock,
            .metrics = job->metrics,
        };
        int rc = instance_create(&request, &resource->instance, error);
        if (rc != 0) {
            return rc;
        }
        rc = instance_open(resource->instance, NULL);
        if (rc != 0) {
            const struct place *place = &resource->plan->place;
            return error_set(error, rc, "%s:%u: resource `%s`: %s",
                             place->file == NULL ? plan->name : place->file, place->line,
                             resource->plan->name, resource->instance->error.text);
        }
    }
    return 0;
}

static int make_tasks(struct job *job, struct error *error)
{
    const struct plan *plan = job->plan;
    job->chain_tasks = calloc(plan->chain_count + 1, sizeof *job->chain_tasks);
    job->stage_ended_counts = calloc(plan->stage_count, sizeof *job->stage_ended_counts);
    job->writers = writers_find(plan);
    if (job->chain_tasks == NULL || job->stage_ended_counts == NULL || job->writers == NULL) {
        return error_set(error, -ENOMEM, "no memory for the job");
    }
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        if (plan->stages[i].chain_position == 0) {
            job->chain_tasks[plan->stages[i].chain + 1] = plan->stages[i].parallelism;
        }
    }
    for (uint32_t c = 0; c < plan->chain_count; c++) {
        job->chain_tasks[c + 1] += job->chain_tasks[c];
    }
    job->task_count = job->chain_tasks[plan->chain_count];
    job->tasks = calloc(job->task_count, sizeof *job->tasks);
    if (job->tasks == NULL) {
        return error_set(error, -ENOMEM, "no memory for %u tasks", job->task_count);
    }
    for (uint32_t c = 0; c < plan->chain_count; c++) {
        uint32_t first = job->chain_tasks[c];
        for (uint32_t t = first; t < job->chain_tasks[c + 1]; t++) {
            int rc = task_init(&job->tasks[t], job, c, t - first, error);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

static int is_blocking(const struct task *task)
{
    return (task->nodes[0].stage->description->flags & WEIR_OPERATOR_BLOCKING) != 0;
}

// Task i of every chain goes to the same worker, so that aligned tasks share a cache; chains of one
// task are spread. A blocking task gets a worker of its own.
static int make_workers(struct job *job, struct error *error)
{
    uint32_t shared = job->settings.worker_count, count = shared;
    for (uint32_t t = 0; t < job->task_count; t++) {
        count += (uint32_t)is_blocking(&job->tasks[t]);
    }
    job->workers = calloc(count, sizeof *job->workers);
    for (uint32_t i = 0; job->workers != NULL && i < count; i++) {
        job->workers[i] = worker_create(job->clock, i < shared ? job->task_count : 1);
        if (job->workers[i] == NULL) {
            return error_set(error, -ENOMEM, "no memory for %u workers", count);
        }
        job->worker_count++;
    }
    if (job->workers == NULL) {
        return error_set(error, -ENOMEM, "no memory for %u workers", count);
    }
    uint32_t next = shared;
    assert(shared > 0);
    for (uint32_t t = 0; t < job->task_count; t++) {
        struct task *task = &job->tasks[t];
        const struct plan_stage *stage = task->nodes[0].stage;
        uint32_t number = task->index + (stage->parallelism == 1 ? stage->chain : 0);
        task->worker = job->workers[is_blocking(task) ? next++ : number % shared];
        task->runnable.step = task_step;
        worker_add(task->worker, &task->runnable);
    }
    return 0;
}

static int add_edge(struct node *node, uint32_t output, struct node_edge edge)
{
    struct node_output *out = &node->outputs[output];
    struct node_edge *edges = realloc(out->edges, (out->edge_count + 1) * sizeof *edges);
    if (edges == NULL) {
        return -ENOMEM;
    }
    out->edges = edges;
    out->edges[out->edge_count++] = edge;
    return 0;
}

static void wake_worker(void *worker)
{
    worker_wake(worker);
}

// A channel from one task to another; it belongs to the job.
static struct channel *make_channel(struct job *job, struct task *from, struct task *to,
                                    uint32_t input)
{
    struct channel_events events = {wake_worker, wake_worker, to->worker, from->worker};
    if (job->channel_count == job->channel_capacity) {
        uint32_t capacity = job->channel_capacity * 2 + 16;
        struct channel **channels = realloc(job->channels, capacity * sizeof(struct channel *));
        if (channels == NULL) {
            return NULL;
        }
        job->channels = channels;
        job->channel_capacity = capacity;
    }
    struct task_channel *inputs =
        realloc(to->channels, (to->channel_count + 1) * sizeof *to->channels);
    if (inputs == NULL) {
        return NULL;
    }
    to->channels = inputs;
    struct channel *channel = channel_create(job->settings.channel_bytes, &events);
    if (channel != NULL) {
        job->channels[job->channel_count++] = channel;
        to->channels[to->channel_count++] = (struct task_channel){
            .channel = channel, .input = input, .watermark_us = WEIR_TIME_NONE};
    }
    return channel;
}

static int connect_exchange(struct job *job, const struct plan_edge *edge, uint32_t index)
{
    const struct plan_stage *from = &job->plan->stages[edge->from],
                            *to = &job->plan->stages[edge->to];
    int is_to_one = edge->exchange == EXCHANGE_FORWARD || edge->exchange == EXCHANGE_GATHER;
    uint32_t count = is_to_one ? 1 : to->parallelism;
    struct task *task = task_of(job, from, index);
    struct channel **channels = calloc(count, sizeof(struct channel *));
    struct exchange **exchanges =
        realloc(task->exchanges, (task->exchange_count + 1) * sizeof(struct exchange *));
    task->exchanges = exchanges != NULL ? exchanges : task->exchanges;
    struct exchange *exchange = NULL;
    int is_good = channels != NULL && exchanges != NULL;
    for (uint32_t i = 0; is_good && i < count; i++) {
        uint32_t target = edge->exchange == EXCHANGE_FORWARD ? index : i;
        channels[i] = make_channel(job, task, task_of(job, to, target), edge->to_input);
        is_good = channels[i] != NULL;
    }
    if (is_good) {
        exchange = exchange_create(job->plan, edge, index, channels, count);
    }
    free(channels);
    if (exchange == NULL) {
        return -ENOMEM;
    }
    task->exchanges[task->exchange_count++] = exchange;
    return add_edge(&task->nodes[from->chain_position], edge->from_output,
                    (struct node_edge){.exchange = exchange});
}

static int connect_tasks(struct job *job, struct error *error)
{
    for (uint32_t e = 0; e < job->plan->edge_count; e++) {
        const struct plan_edge *edge = &job->plan->edges[e];
        const struct plan_stage *from = &job->plan->stages[edge->from];
        const struct plan_stage *to = &job->plan->stages[edge->to];
        for (uint32_t i = 0; i < from->parallelism; i++) {
            struct task *task = task_of(job, from, i);
            int rc = edge->exchange == EXCHANGE_CHAINED
                         ? add_edge(&task->nodes[from->chain_position], edge->from_output,
                                    (struct node_edge){.child = &task->nodes[to->chain_position]})
                         : connect_exchange(job, edge, i);
            if (rc != 0) {
                return error_set(error, rc, "no memory for the channels of the job");
            }
        }
    }
    return 0;
}

// Downstream first. All tasks of a stage open at the same moment, so that what they count from it
// fits together.
static int open_tasks(struct job *job, struct error *error)
{
    int64_t now_us = 0;
    int rc = 0;
    for (uint32_t t = job->task_count; rc == 0 && t > 0; t--) {
        struct task *task = &job->tasks[t - 1];
        if (task->index + 1 == task->nodes[0].stage->parallelism) {
            now_us = clock_now_us(job->clock);
        }
        rc = task_open(task, now_us, error);
    }
    return rc;
}

static void count_tasks(struct job *job)
{
    uint32_t services = 0;
    for (uint32_t t = 0; t < job->task_count; t++) {
        services += job->tasks[t].nodes[0].stage->description->kind == WEIR_OPERATOR_SERVICE;
    }
    job->services_only = services == job->task_count;
    job->busy_task_count = job->services_only ? services : job->task_count - services;
    job->open_task_count = job->task_count;
}

int job_create(const struct plan *plan, const struct job_settings *settings, struct job **out,
               struct error *error)
{
    pthread_condattr_t attributes;
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return error_set(error, -ENOMEM, "no memory for the job");
    }
    job->plan = plan;
    job->settings = *settings;
    job->clock = settings->clock == NULL ? &system_clock : settings->clock;
    job->settings.channel_bytes =
        settings->channel_bytes == 0 ? JOB_CHANNEL_BYTES : settings->channel_bytes;
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&job->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    job->metrics = metrics_create();
    int rc = job->metrics == NULL ? error_set(error, -ENOMEM, "no memory for the job") : 0;
    rc = rc != 0 ? rc : make_resources(job, error);
    rc = rc != 0 ? rc : make_tasks(job, error);
    rc = rc != 0 ? rc : make_workers(job, error);
    rc = rc != 0 ? rc : connect_tasks(job, error);
    rc = rc != 0 ? rc : open_tasks(job, error);
    if (rc != 0) {
        job_destroy(job);
        return rc;
    }
    count_tasks(job);
    *out = job;
    return 0;
}

void job_destroy(struct job *job)
{
    if (job == NULL) {
        return;
    }
    if (job->is_started) {
        job_abort(job);
        for (uint32_t i = 0; i < job->worker_count; i++) {
            worker_join(job->workers[i]);
        }
    }
    for (uint32_t t = 0; job->tasks != NULL && t < job->task_count; t++) {
        task_finish(&job->tasks[t]);
    }
    for (uint32_t i = 0; i < job->channel_count; i++) {
        channel_destroy(job->channels[i]);
    }
    for (uint32_t i = 0; i < job->worker_count; i++) {
        worker_destroy(job->workers[i]);
    }
    for (uint32_t i = 0; job->resources != NULL && i < job->plan->resource_count; i++) {
        instance_destroy(job->resources[i].instance);
    }
    metrics_destroy(job->metrics);
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    snapshot_destroy(job->snapshot);
    free(job->resources);
    free(job->tasks);
    free(job->chain_tasks);
    free((void *)job->stage_ended_counts);
    free(job->writers);
    free(job->channels);
    free(job->workers);
    free(job);
}

// --- Running ---

int64_t process_cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int job_start(struct job *job, struct error *error)
{
    job->started_ns = clock_monotonic_ns(&system_clock);
    job->started_cpu_ns = process_cpu_ns();
    job->is_started = 1;
    for (uint32_t i = 0; i < job->worker_count; i++) {
        int rc = worker_start(job->workers[i], error);
        if (rc != 0) {
            set_over(job);
            return rc;
        }
    }
    return 0;
}

void job_drain(struct job *job)
{
    atomic_store(&job->is_draining, 1);
    wake_all(job);
}

int job_is_ending(const struct job *job)
{
    return atomic_load(&job->is_draining) || atomic_load(&job->is_over);
}

void job_abort(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    if (job->error.code == 0 && job->open_task_count > 0) {
        error_set(&job->error, -ECANCELED, "the job was stopped before it had ended");
    }
    pthread_mutex_unlock(&job->lock);
    set_over(job);
}

static struct timespec deadline(int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000 + (until.tv_nsec + timeout_ms % 1000 * 1000000L) / 1000000000;
    until.tv_nsec = (until.tv_nsec + timeout_ms % 1000 * 1000000L) % 1000000000;
    return until;
}

int job_wait(struct job *job, int timeout_ms)
{
    struct timespec until = deadline(timeout_ms);
    pthread_mutex_lock(&job->lock);
    int rc = 0;
    while (job->open_task_count > 0 && rc != ETIMEDOUT) {
        rc = pthread_cond_timedwait(&job->changed, &job->lock, &until);
    }
    int is_done = job->open_task_count == 0;
    pthread_mutex_unlock(&job->lock);
    return is_done;
}

int job_result(const struct job *job, struct error *error)
{
    if (job->error.code != 0 && error != NULL) {
        *error = job->error;
    }
    return job->error.code;
}

int job_snapshot(struct job *job, struct snapshot **out, struct error *error)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        return error_set(error, -ENOMEM, "no memory for a snapshot");
    }
    pthread_mutex_lock(&job->lock);
    job->snapshot = snapshot;
    job->snapshot_node_count = 0;
    for (uint32_t t = 0; t < job->task_count; t++) {
        job->snapshot_node_count += job->tasks[t].node_count;
    }
    atomic_fetch_add(&job->barrier, 1);
    pthread_mutex_unlock(&job->lock);
    wake_all(job);
    pthread_mutex_lock(&job->lock);
    while (job->snapshot_node_count > 0 && job->open_task_count > 0) {
        pthread_cond_wait(&job->changed, &job->lock);
    }
    int is_complete = job->snapshot_node_count == 0;
    job->snapshot = NULL;
    pthread_mutex_unlock(&job->lock);
    if (!is_complete) {
        snapshot_destroy(snapshot);
        return error_set(error, -ECANCELED, "the job ended before its snapshot was complete");
    }
    *out = snapshot;
    return 0;
}

struct metrics *job_metrics(struct job *job)
{
    return job->metrics;
}
