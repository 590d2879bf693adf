// Metrics: one registry per job. Operators bump their metrics inline (weir/metric.h) from their own
// task; anybody may read at any time. Each slot has cache lines of its own. Nothing here is on a
// hot path.
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include "weir/metric.h"

struct metrics;

struct metrics *metrics_create(void); // NULL: no memory
void metrics_destroy(struct metrics *metrics);

// The metric of a stage's task; the same stage, task and name give the same one. Texts are copied.
// It lives as long as the registry. NULL: no memory, an unknown kind, or the name is taken with
// another kind.
struct weir_metric *metrics_register(struct metrics *metrics, const char *stage, uint32_t task,
                                     uint32_t kind, const char *name, const char *unit,
                                     const char *summary);

// The metric of a stage's task by name; NULL: there is none.
const struct weir_metric *metrics_find(struct metrics *metrics, const char *stage, uint32_t task,
                                       const char *name);

// A metric of a stage over all its tasks. Counters and histograms are summed; a gauge shows the
// largest of its tasks' values.
struct metric_sum {
    const char *stage;
    const char *name;
    const char *unit;
    const char *summary;
    uint32_t kind;
    uint32_t task_count;
    int64_t value;
    int64_t count;
    int64_t max;
    uint64_t counts[WEIR_HISTOGRAM_BUCKETS]; // HISTOGRAM only
};

// Sums one metric. Returns 0 if there is none of that name.
int metrics_sum(struct metrics *metrics, const char *stage, const char *name,
                struct metric_sum *sum);

// Visits every metric of every stage (summed over tasks), in the order of registration.
void metrics_each(struct metrics *metrics, void (*visit)(void *owner, const struct metric_sum *sum),
                  void *owner);

// The value at or below which a share of `quantile` (0 to 1) of the values lie, to 1/16 of itself;
// 0 if there are none. Never above max.
int64_t metric_percentile(const uint64_t *counts, int64_t max, double quantile);

#endif
