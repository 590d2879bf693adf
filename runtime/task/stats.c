#include <errno.h>
#include <stdlib.h>

#include "base/memory.h"
#include "task/job_internal.h"

#define STUCK_NS 500000000 // shorter calls are nothing to talk about

int64_t process_cpu_ns(void);

static uint64_t counted(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

// Backpressured time of a task up to now.
static int64_t backpressured_ns(const struct task *task, int64_t now)
{
    int64_t ns = __atomic_load_n(&task->state_ns[TASK_BACKPRESSURED], __ATOMIC_RELAXED);
    if (__atomic_load_n(&task->state, __ATOMIC_RELAXED) == TASK_BACKPRESSURED) {
        int64_t open = now - __atomic_load_n(&task->state_since_ns, __ATOMIC_RELAXED);
        ns += open > 0 ? open : 0;
    }
    return ns;
}

static void add_node(struct job_stage_stats *stats, const struct task *task,
                     const struct node *node, int64_t now, double duration_ns)
{
    const struct node_counters *counters = &node->counters;
    struct job_task_stats *of_task = &stats->tasks[task->index];
    of_task->rows_in = counted(&counters->rows_in);
    of_task->rows_out = counted(&counters->rows_out);
    of_task->busy = (double)__atomic_load_n(&counters->busy_ns, __ATOMIC_RELAXED) / duration_ns;
    stats->rows_in += of_task->rows_in;
    stats->rows_out += of_task->rows_out + counted(&counters->rows_aside);
    stats->late += counted(&counters->rows_aside);
    stats->bytes_in += counted(&counters->bytes_in);
    stats->bytes_out += counted(&counters->bytes_out);
    stats->rejected += __atomic_load_n(&node->instance->rejected_rows, __ATOMIC_RELAXED);
    stats->busy += of_task->busy / stats->task_count;
    stats->backpressured += (double)backpressured_ns(task, now) / duration_ns / stats->task_count;
    stats->memory_bytes += instance_memory_bytes(node->instance);
    for (uint32_t c = 0; node == task->nodes && c < task->channel_count; c++) {
        stats->queue_bytes += channel_bytes(task->channels[c].channel);
    }
    int64_t since = __atomic_load_n(&counters->call_since_ns, __ATOMIC_RELAXED);
    if (since != 0 && now - since > STUCK_NS && (double)(now - since) / 1e9 > stats->stuck_s &&
        __atomic_load_n(&task->current, __ATOMIC_RELAXED) == node) {
        stats->stuck_s = (double)(now - since) / 1e9;
        stats->stuck_function = __atomic_load_n(&counters->call, __ATOMIC_RELAXED);
    }
}

static void read_percentiles(struct job *job, const char *stage, const char *name,
                             struct metric_sum *sum, struct job_percentiles *out)
{
    if (metrics_sum(job->metrics, stage, name, sum) && sum->count > 0) {
        out->is_known = 1;
        out->p50_ms = (double)metric_percentile(sum->counts, sum->max, 0.5) / 1e3;
        out->p99_ms = (double)metric_percentile(sum->counts, sum->max, 0.99) / 1e3;
        out->max_ms = (double)sum->max / 1e3;
    }
}

int job_stats(struct job *job, struct job_stats *stats)
{
    const struct plan *plan = job->plan;
    int64_t now = clock_monotonic_ns(&system_clock);
    int64_t ended = atomic_load(&job->ended_ns);
    int64_t end = ended != 0 ? ended : now;
    double duration_ns = end > job->started_ns ? (double)(end - job->started_ns) : 1;
    struct metric_sum *sum = malloc(sizeof *sum);
    *stats = (struct job_stats){.duration_s = duration_ns / 1e9,
                                .cpu_s = (double)(process_cpu_ns() - job->started_cpu_ns) / 1e9};
    stats->stages = calloc(plan->stage_count, sizeof *stats->stages);
    if (stats->stages == NULL || sum == NULL) {
        free(sum);
        return -ENOMEM;
    }
    for (; stats->stage_count < plan->stage_count; stats->stage_count++) {
        struct job_stage_stats *stage = &stats->stages[stats->stage_count];
        stage->stage = &plan->stages[stats->stage_count];
        stage->task_count = stage->stage->parallelism;
        stage->tasks = calloc(stage->task_count, sizeof *stage->tasks);
        if (stage->tasks == NULL) {
            free(sum);
            job_stats_finish(stats);
            return -ENOMEM;
        }
        for (uint32_t t = 0; t < stage->task_count; t++) {
            const struct task *task = &job->tasks[job->chain_tasks[stage->stage->chain] + t];
            add_node(stage, task, &task->nodes[stage->stage->chain_position], now, duration_ns);
        }
        double rest = 1 - stage->busy - stage->backpressured;
        stage->idle = rest > 0 ? rest : 0;
        read_percentiles(job, stage->stage->name, "lag_us", sum, &stage->lag);
        read_percentiles(job, stage->stage->name, "delay_us", sum, &stage->delay);
    }
    free(sum);
    return 0;
}

void job_stats_finish(struct job_stats *stats)
{
    for (uint32_t i = 0; i < stats->stage_count; i++) {
        free(stats->stages[i].tasks);
    }
    free(stats->stages);
    *stats = (struct job_stats){0};
}
