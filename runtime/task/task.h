// Tasks: one running copy of a chain of stages. The head takes items from channels (or is a
// source); a batch then goes from stage to stage by calls, and leaves by exchanges.
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <stdatomic.h>

#include "task/exchange.h"
#include "task/job.h"
#include "task/worker.h"

struct task;

// Where the rows of an output go: a stage of the same task, or an exchange.
struct node_edge {
    struct node *child;
    struct exchange *exchange;
};

struct node_output {
    struct node_edge *edges;
    uint32_t edge_count;
};

// Counters of one stage in one task, written by its task and read by anybody: relaxed atomics.
struct node_counters {
    uint64_t rows_in, rows_out, bytes_in, bytes_out, rows_aside;
    int64_t busy_ns;
    int64_t call_since_ns; // 0: not in a call
    const char *call;      // "process", ...
};

// Work that a stage has not finished (it returned WEIR_MORE or WEIR_WAIT), and what came behind it.
struct node_work {
    struct item *items;
    uint32_t count;
    uint32_t capacity;
    uint32_t head;
};

// One stage in one task.
struct node {
    struct task *task;
    const struct plan_stage *stage;
    struct instance *instance;
    struct node_output *outputs;
    struct node_work work;
    int64_t time_max_us;  // stages that name the event time: largest seen
    int64_t watermark_us; // handed on last
    uint32_t ended_input_count;
    int waits;              // the work at its head returned WEIR_WAIT ...
    int64_t waits_until_us; // ... and goes on then at the latest, or when woken
    _Atomic int is_woken;
    uint32_t retry_count; // of the call that returned WEIR_ERROR_RETRY
    int64_t retry_at_us;
    struct weir_metric *lag;   // us
    struct weir_metric *delay; // us
    struct node_counters counters;
};

// One channel that ends in this task.
struct task_channel {
    struct channel *channel;
    uint32_t input;
    int64_t watermark_us;
    int has_ended;
    uint64_t barrier; // that it waits at; 0: flows
};

// What a round of a task, or job_serve, came to.
#define ROUND_MORE 1          // did something
#define ROUND_IDLE 2          // nothing to do
#define ROUND_BACKPRESSURED 3 // nobody takes what it would make

#define TASK_BUSY 0u
#define TASK_IDLE 1u
#define TASK_BACKPRESSURED 2u

struct task {
    struct runnable runnable; // first
    struct job *job;
    struct worker *worker;
    uint32_t index;
    uint32_t node_count;
    struct node *nodes; // head first, each before those it hands rows to
    struct exchange **exchanges;
    uint32_t exchange_count;
    struct task_channel *channels;
    uint32_t channel_count;
    uint32_t next_channel;
    uint64_t barrier_done; // last snapshot this task has taken part in
    int has_ended;         // handed END downstream
    int is_reported;       // the job knows that it has ended
    int64_t watermark_us;  // given to the head last
    int64_t wake_at_us;
    int64_t short_since_ns; // its source waits for memory since then; 0: it does not
    int64_t stuck_since_ns; // and since then nothing in the job has moved
    int shortage_is_told;   //
    _Atomic int waits;      // for others or for memory: nothing to do, now or later
    uint32_t state;         // TASK_BUSY ...
    int64_t state_since_ns;
    int64_t state_ns[3];     // read by others
    struct service *service; // what a service listens at; else NULL
    struct node *current;    // whose call runs (innermost)
    int64_t call_since_ns;   // since it, or a call that it caused, began or returned
};

// Lays out the task of a chain: nodes and instances, not yet open. -ENOMEM or the operator's error.
int task_init(struct task *task, struct job *job, uint32_t chain, uint32_t index,
              struct error *error);
void task_finish(struct task *task);
// Opens its instances, upstream last, and gives them their share of a snapshot.
// In open the clock shows now_us.
int task_open(struct task *task, int64_t now_us, struct error *error);

int task_step(struct runnable *runnable, int64_t *wake_at_us);

// Verbs of nodes, in task/node.c. 0, or a negative code; then the job has failed already.
int32_t node_receive(struct node *node, const struct item *item, uint32_t input);
int node_has_work(const struct node *node);
// 1 while the work at its head waits to be woken.
int node_waits(struct node *node);
int32_t node_resume(struct node *node);
int32_t node_poll(struct node *node);
int32_t node_fire_timers(struct node *node);
int32_t node_end_source(struct node *node);
int32_t node_barrier(struct node *node, uint64_t barrier); // of a source or service
int32_t node_save(struct node *node);
void node_close(struct node *node);
int32_t node_load(struct node *node, const struct snapshot *snapshot);
extern const struct instance_hooks node_hooks;

// A channel item that stands for "processing timers are due" in a node's work.
#define ITEM_TIMERS 100u

static inline void counter_add(uint64_t *counter, uint64_t amount)
{
    __atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

#endif
