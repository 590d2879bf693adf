#include "metrics/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

// One task's metric. Allocated on cache lines of its own, so tasks do not disturb each other.
struct slot {
    struct weir_metric metric;
    uint32_t task;
    struct slot *next;
};

struct series {
    char *stage;
    char *name;
    char *unit;
    char *summary;
    uint32_t kind;
    struct slot *slots;
    struct series *next;
};

struct metrics {
    pthread_mutex_t lock; // guards the lists, not the values
    struct series *first;
    struct series **last;
};

struct metrics *metrics_create(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics != NULL) {
        pthread_mutex_init(&metrics->lock, NULL);
        metrics->last = &metrics->first;
    }
    return metrics;
}

static void series_destroy(struct series *series)
{
    while (series->slots != NULL) {
        struct slot *slot = series->slots;
        series->slots = slot->next;
        free(slot);
    }
    free(series->stage);
    free(series->name);
    free(series->unit);
    free(series->summary);
    free(series);
}

void metrics_destroy(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    while (metrics->first != NULL) {
        struct series *series = metrics->first;
        metrics->first = series->next;
        series_destroy(series);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static struct series *series_create(const char *stage, uint32_t kind, const char *name,
                                    const char *unit, const char *summary)
{
    struct series *series = calloc(1, sizeof *series);
    if (series == NULL) {
        return NULL;
    }
    series->stage = strdup(stage);
    series->name = strdup(name);
    series->unit = strdup(unit != NULL ? unit : "");
    series->summary = strdup(summary != NULL ? summary : "");
    series->kind = kind;
    if (series->stage == NULL || series->name == NULL || series->unit == NULL ||
        series->summary == NULL) {
        series_destroy(series);
        return NULL;
    }
    return series;
}

static struct slot *slot_create(uint32_t kind, uint32_t task)
{
    size_t head = (sizeof(struct slot) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    size_t counts = kind == WEIR_METRIC_HISTOGRAM ? WEIR_HISTOGRAM_BUCKETS * sizeof(uint64_t) : 0;
    struct slot *slot = aligned_alloc(CACHE_LINE, head + counts);
    if (slot != NULL) {
        memset(slot, 0, head + counts);
        slot->metric.size = sizeof slot->metric;
        slot->metric.kind = kind;
        slot->metric.counts = counts != 0 ? (uint64_t *)((char *)slot + head) : NULL;
        slot->task = task;
    }
    return slot;
}

static struct series *series_find(const struct metrics *metrics, const char *stage,
                                  const char *name)
{
    for (struct series *series = metrics->first; series != NULL; series = series->next) {
        if (strcmp(series->stage, stage) == 0 && strcmp(series->name, name) == 0) {
            return series;
        }
    }
    return NULL;
}

static struct series *series_add(struct metrics *metrics, const char *stage, uint32_t kind,
                                 const char *name, const char *unit, const char *summary)
{
    struct series *series = series_create(stage, kind, name, unit, summary);
    if (series != NULL) {
        *metrics->last = series;
        metrics->last = &series->next;
    }
    return series;
}

static struct weir_metric *slot_of(struct series *series, uint32_t task)
{
    struct slot **at = &series->slots;
    for (; *at != NULL; at = &(*at)->next) {
        if ((*at)->task == task) {
            return &(*at)->metric;
        }
    }
    *at = slot_create(series->kind, task);
    return *at != NULL ? &(*at)->metric : NULL;
}

struct weir_metric *metrics_register(struct metrics *metrics, const char *stage, uint32_t task,
                                     uint32_t kind, const char *name, const char *unit,
                                     const char *summary)
{
    struct weir_metric *metric = NULL;
    if (kind < WEIR_METRIC_COUNTER || kind > WEIR_METRIC_HISTOGRAM) {
        return NULL;
    }
    pthread_mutex_lock(&metrics->lock);
    struct series *series = series_find(metrics, stage, name);
    if (series == NULL) {
        series = series_add(metrics, stage, kind, name, unit, summary);
    }
    if (series != NULL && series->kind == kind) {
        metric = slot_of(series, task);
    }
    pthread_mutex_unlock(&metrics->lock);
    return metric;
}

const struct weir_metric *metrics_find(struct metrics *metrics, const char *stage, uint32_t task,
                                       const char *name)
{
    const struct weir_metric *metric = NULL;
    pthread_mutex_lock(&metrics->lock);
    const struct series *series = series_find(metrics, stage, name);
    for (struct slot *slot = series != NULL ? series->slots : NULL; slot != NULL;
         slot = slot->next) {
        metric = slot->task == task ? &slot->metric : metric;
    }
    pthread_mutex_unlock(&metrics->lock);
    return metric;
}

static int64_t load(const int64_t *value)
{
    return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static void add_slot(struct metric_sum *sum, const struct weir_metric *metric)
{
    int64_t value = load(&metric->value), max = load(&metric->max);
    if (sum->kind == WEIR_METRIC_GAUGE) {
        sum->value = sum->task_count == 0 || value > sum->value ? value : sum->value;
    } else {
        sum->value = (int64_t)((uint64_t)sum->value + (uint64_t)value);
    }
    sum->count += load(&metric->count);
    sum->max = max > sum->max ? max : sum->max;
    for (uint32_t i = 0; metric->counts != NULL && i < WEIR_HISTOGRAM_BUCKETS; i++) {
        sum->counts[i] += __atomic_load_n(&metric->counts[i], __ATOMIC_RELAXED);
    }
    sum->task_count++;
}

static void sum_series(const struct series *series, struct metric_sum *sum)
{
    *sum = (struct metric_sum){.stage = series->stage,
                               .name = series->name,
                               .unit = series->unit,
                               .summary = series->summary,
                               .kind = series->kind};
    for (const struct slot *slot = series->slots; slot != NULL; slot = slot->next) {
        add_slot(sum, &slot->metric);
    }
}

int metrics_sum(struct metrics *metrics, const char *stage, const char *name,
                struct metric_sum *sum)
{
    pthread_mutex_lock(&metrics->lock);
    const struct series *series = series_find(metrics, stage, name);
    if (series != NULL) {
        sum_series(series, sum);
    }
    pthread_mutex_unlock(&metrics->lock);
    return series != NULL;
}

void metrics_each(struct metrics *metrics, void (*visit)(void *owner, const struct metric_sum *sum),
                  void *owner)
{
    struct metric_sum sum;
    pthread_mutex_lock(&metrics->lock);
    for (const struct series *series = metrics->first; series != NULL; series = series->next) {
        sum_series(series, &sum);
        visit(owner, &sum);
    }
    pthread_mutex_unlock(&metrics->lock);
}

int64_t metric_percentile(const uint64_t *counts, int64_t max, double quantile)
{
    uint64_t total = 0, seen = 0;
    for (uint32_t i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++) {
        total += counts[i];
    }
    uint64_t wanted = (uint64_t)(quantile * (double)total + 0.999999);
    wanted = wanted == 0 ? 1 : wanted;
    for (uint32_t i = 0; i < WEIR_HISTOGRAM_BUCKETS; i++) {
        seen += counts[i];
        if (total != 0 && seen >= wanted) {
            int64_t above = i + 1 < WEIR_HISTOGRAM_BUCKETS ? weir_histogram_floor(i + 1) - 1 : max;
            return above < max ? above : max;
        }
    }
    return 0;
}
