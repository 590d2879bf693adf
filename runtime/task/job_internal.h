// What jobs, tasks and nodes share.
#ifndef TASK_JOB_INTERNAL_H
#define TASK_JOB_INTERNAL_H

#include <pthread.h>

#include "task/task.h"

// Beside the kinds of host/instance.h: how far event time has come in a stage's task.
#define PART_PROGRESS 100u

struct job_resource {
    const struct plan_resource *plan;
    struct instance *instance;
};

struct job {
    const struct plan *plan;
    struct job_settings settings;
    const struct clock *clock;
    struct metrics *metrics;
    struct job_resource *resources; // as in the plan
    struct worker **workers;
    uint32_t worker_count;
    struct task *tasks; // chain after chain
    uint32_t task_count;
    uint32_t *chain_tasks; // first task of each chain, and the end
    struct channel **channels;
    uint32_t channel_count;
    uint32_t channel_capacity;
    _Atomic uint32_t *stage_ended_counts; // tasks of each stage that have ended
    uint8_t *writers;                     // whom sources follow (task/writers.h)
    int64_t started_ns;
    int64_t started_cpu_ns;
    int is_started;
    int services_only; // a job of services runs until it is drained

    _Atomic int is_draining;
    _Atomic int is_over;              // tasks close and leave
    _Atomic uint32_t busy_task_count; // tasks that have not ended; services do not count
    _Atomic uint64_t barrier;         // of the newest snapshot asked for

    pthread_mutex_t lock; // the rest
    pthread_cond_t changed;
    uint32_t open_task_count; // workers' tasks that have not closed
    _Atomic int64_t ended_ns;
    struct error error;           // the first
    struct snapshot *snapshot;    // being taken
    uint32_t snapshot_node_count; // stages of tasks that are not yet in it
};

// Sets error to the text with the place and the name of the stage before it; returns code.
int job_stage_error(const struct job *job, const struct plan_stage *stage, int code,
                    const char *text, struct error *error);
// [any] The first failure is the job's; everything stops.
void job_fail(struct job *job, const struct plan_stage *stage, int code, const char *text);
__attribute__((format(printf, 3, 4))) void job_log(const struct plan_stage *stage, uint32_t level,
                                                   const char *format, ...);
struct instance *job_resource(struct job *job, const char *name);
// [task] A stage has handed END on in one of its tasks.
void job_stage_ended(struct job *job, const struct plan_stage *stage);
// 1 if a source follows stages of this job that write what it reads.
int job_follows_writers(const struct job *job, const struct plan_stage *stage);
// 1 when those stages have all ended.
int job_writers_have_ended(struct job *job, const struct plan_stage *stage);
int job_save_part(struct job *job, const struct plan_stage *stage,
                  const struct instance_part *part);
// [task] One more stage of a task is in the snapshot that is being taken.
void job_node_saved(struct job *job);
void job_task_ended(struct job *job);
void job_task_closed(struct job *job);

#endif
