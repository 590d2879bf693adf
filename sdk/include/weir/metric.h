// Metrics: registered once (weir_metric_register), then bumped inline by the task that owns them.
// The host reads them from other threads at any time, so every access is a relaxed atomic one;
// nothing here locks or allocates.
#ifndef WEIR_METRIC_H
#define WEIR_METRIC_H

#include <stdint.h>

#define WEIR_METRIC_COUNTER 1u
#define WEIR_METRIC_GAUGE 2u
#define WEIR_METRIC_HISTOGRAM 3u

// Buckets of a histogram: 16 to each power of two, so a value is known to 1/16 of itself. Values
// are 0 or more.
#define WEIR_HISTOGRAM_BUCKETS 976u

// Owned by the host; lives as long as the instance that registered it.
struct weir_metric {
    uint32_t size;
    uint32_t kind;    // WEIR_METRIC_*
    int64_t value;    // COUNTER: total; GAUGE: last value; HISTOGRAM: sum, which wraps
    int64_t count;    // HISTOGRAM: number of values
    int64_t max;      // HISTOGRAM: largest value
    uint64_t *counts; // HISTOGRAM: WEIR_HISTOGRAM_BUCKETS of them
};

// [task] Adds to a counter.
static inline void weir_counter_add(struct weir_metric *metric, int64_t amount)
{
    __atomic_store_n(&metric->value, metric->value + amount, __ATOMIC_RELAXED);
}

// [task] Sets a gauge.
static inline void weir_gauge_set(struct weir_metric *metric, int64_t value)
{
    __atomic_store_n(&metric->value, value, __ATOMIC_RELAXED);
}

static inline uint32_t weir_histogram_bucket(int64_t value)
{
    if (value < 16) {
        return value < 0 ? 0 : (uint32_t)value;
    }
    uint32_t power = 63u - (uint32_t)__builtin_clzll((unsigned long long)value);
    return (power - 3) * 16 + (uint32_t)(value >> (power - 4) & 15);
}

// The smallest value that falls into a bucket.
static inline int64_t weir_histogram_floor(uint32_t bucket)
{
    if (bucket < 16) {
        return bucket;
    }
    return (int64_t)(16 + bucket % 16) << (bucket / 16 - 1);
}

// [task] Records value as seen `times` times.
static inline void weir_histogram_record(struct weir_metric *metric, int64_t value, int64_t times)
{
    uint64_t *bucket = &metric->counts[weir_histogram_bucket(value)];
    __atomic_store_n(bucket, *bucket + (uint64_t)times, __ATOMIC_RELAXED);
    uint64_t sum = (uint64_t)metric->value + (uint64_t)value * (uint64_t)times;
    __atomic_store_n(&metric->value, (int64_t)sum, __ATOMIC_RELAXED);
    __atomic_store_n(&metric->count, metric->count + times, __ATOMIC_RELAXED);
    if (value > metric->max) {
        __atomic_store_n(&metric->max, value, __ATOMIC_RELAXED);
    }
}

#endif
