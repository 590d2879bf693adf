// Jobs: a plan at work in this process. A job makes the tasks of each chain, the channels between
// them and the workers that run them; it starts, drains, aborts, snapshots and counts them.
#ifndef TASK_JOB_H
#define TASK_JOB_H

#include "base/clock.h"
#include "plan/plan.h"
#include "task/snapshot.h"

struct job;

struct job_settings {
    const struct clock *clock;      // NULL: the system's
    uint32_t worker_count;          // at least 1
    uint64_t channel_bytes;         // limit of one channel; 0: JOB_CHANNEL_BYTES
    int until_end;                  // unbounded sources end at what is there
    const struct snapshot *restore; // start from this; NULL: from nothing
    const char *const
        *ffi_allow; // libraries that operators may call into; NULL-terminated, or NULL
    // A batch leaves a stage. [task]; NULL: nobody looks.
    void (*tap)(void *owner, const struct plan_stage *stage, uint32_t output,
                const struct weir_batch *batch);
    void *tap_owner;
};

#define JOB_CHANNEL_BYTES (4u << 20)

// Makes and opens everything, starts nothing. The plan must outlive the job. 0, or a negative code
// with a sentence.
int job_create(const struct plan *plan, const struct job_settings *settings, struct job **out,
               struct error *error);
int job_start(struct job *job, struct error *error);

// [any] Ends the input: sources end, what is under way is finished, open windows fire. Sources that
// read what this job writes follow their writers.
void job_drain(struct job *job);
// [any] 1 from a drain, a failure or the end of all sources' rows on.
int job_is_ending(const struct job *job);
// [any] Stops at once; what is under way is dropped. The job ends with -ECANCELED.
void job_abort(struct job *job);

// Waits until the job has ended, at most timeout_ms. 1 if it has.
int job_wait(struct job *job, int timeout_ms);
// After the end: 0, or a negative code with the first error.
int job_result(const struct job *job, struct error *error);
// Stops it first if need be. NULL is fine.
void job_destroy(struct job *job);

// Takes a snapshot of the running job (or of an ended one that is not yet destroyed), consistent
// over all tasks, and waits for it. -ECANCELED if the job fails meanwhile.
int job_snapshot(struct job *job, struct snapshot **out, struct error *error);

// --- What people see ---

struct job_percentiles {
    int is_known;
    double p50_ms;
    double p99_ms;
    double max_ms;
};

struct job_task_stats {
    uint64_t rows_in;
    uint64_t rows_out;
    double busy; // share of the time since the start
};

struct job_stage_stats {
    const struct plan_stage *stage;
    uint64_t rows_in;
    uint64_t rows_out; // by all outputs but `rejected`
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t rejected;
    uint64_t late; // rows that left by a side output
    double busy;   // shares of the time since the start, mean over tasks
    double idle;
    double backpressured;
    uint64_t memory_bytes;
    uint64_t queue_bytes; // in the channels before it
    struct job_percentiles lag;
    struct job_percentiles delay;
    uint32_t task_count;
    struct job_task_stats *tasks;
    // A call that has not returned for a while; NULL: none.
    const char *stuck_function;
    double stuck_s;
};

struct job_stats {
    double duration_s;
    double cpu_s; // of the whole process
    uint32_t stage_count;
    struct job_stage_stats *stages; // in the order of the pipeline
};

// [any] What has been counted so far. -ENOMEM.
int job_stats(struct job *job, struct job_stats *stats);
void job_stats_finish(struct job_stats *stats);
struct metrics *job_metrics(struct job *job);

#endif
