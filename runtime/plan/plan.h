// Plans: the checked, read-only graph made from a pipeline's description. plan_build finds
// operators, checks options, negotiates schemas downwards and wants upwards, places exchanges and
// chains stages into tasks. `check`, `explain` and `run` all stand on this very function.
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <jansson.h>
#include <stdio.h>

#include "base/diagnostic.h"
#include "host/negotiation.h"
#include "loader/loader.h"

// How rows get from one stage to the next.
#define EXCHANGE_CHAINED 1u   // a call: both stages run in one task
#define EXCHANGE_FORWARD 2u   // a channel from task i to task i
#define EXCHANGE_KEYED 3u     // to the task that owns the row's key group
#define EXCHANGE_REBALANCE 4u // whole batches in turn, where parallelism differs
#define EXCHANGE_GATHER 5u    // all to one task

struct plan_edge {
    uint32_t from; // stage
    uint32_t from_output;
    uint32_t to; // stage
    uint32_t to_input;
    uint32_t exchange; // EXCHANGE_*
    int is_aligned;    // keyed, but the rows already lie with the task of their key
};

// Rows of one key (these columns) come from the one task that owns the key's group.
struct plan_partition {
    uint32_t *columns;
    uint32_t column_count;
    uint32_t group_count; // 0: not partitioned
};

struct plan_stage {
    const char *name;
    const struct weir_operator *description;
    const struct plugin *plugin;
    struct place place;
    struct options *options; // the operator's
    struct options *common;  // those that every stage has (from, parallelism, on_error, ...)
    struct instance *prototype;
    struct negotiation *negotiation;

    uint32_t parallelism;
    uint32_t on_error;  // ON_ERROR_*
    int32_t event_time; // column of the main output that this stage names as event time, or -1
    int64_t watermark_lag_us;
    int is_bounded; // ends by itself

    uint32_t input_count;
    uint32_t *inputs; // edges, by input

    int is_keyed;                      // asked for partitioning (maybe by no column: one task)
    uint32_t group_count;              // key groups of its tasks
    struct plan_partition *partitions; // by output

    uint32_t chain;          // number of the chain it is part of
    uint32_t chain_position; // 0: the chain's head
};

struct plan_resource {
    const char *name;
    const struct weir_resource_type *type;
    const struct plugin *plugin;
    struct place place;
    struct options *options;
    struct instance *prototype; // made, never opened: what operators see while they negotiate
};

struct plan {
    json_t *description;
    const char *name;
    uint32_t parallelism;
    uint32_t stage_count;
    struct plan_stage *stages; // in the order of the pipeline
    uint32_t *order;           // upstream before downstream
    uint32_t edge_count;
    struct plan_edge *edges;
    uint32_t chain_count;
    uint32_t resource_count;
    struct plan_resource *resources;
    struct instance_hooks hooks; // of the prototypes
};

struct plan_settings {
    uint32_t workers;             // parallelism where nothing else is said
    const char *const *overrides; // "stage.option=value", NULL-terminated; NULL: none
    // Extensions that operators and resources ask for when they are made; NULL: none.
    const void *(*extension)(struct instance *instance, const char *id);
};

// NULL if there is any error; diagnostics then has all of the phase that failed. Takes over the
// description. Codes W04xx.
struct plan *plan_build(json_t *description, const struct plugins *plugins,
                        const struct plan_settings *settings, struct diagnostics *diagnostics);
void plan_destroy(struct plan *plan); // NULL is fine

// What `weir explain` prints: stages with schemas, exchanges, tasks, columns that nobody reads.
void plan_explain(const struct plan *plan, FILE *file);

// The descriptors of the options that every stage has, for inspect and the documentation.
extern const struct weir_option plan_common_options[];
extern const uint32_t plan_common_option_count;

#endif
