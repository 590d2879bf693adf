#include "cli/report.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/memory.h"
#include "base/text.h"

static const struct job_stage_stats *bottleneck(const struct job_stats *stats)
{
    const struct job_stage_stats *most = NULL;
    for (uint32_t i = 0; i < stats->stage_count; i++) {
        if (most == NULL || stats->stages[i].busy > most->busy) {
            most = &stats->stages[i];
        }
    }
    return most;
}

static int is_source(const struct job_stage_stats *stage)
{
    return stage->stage->description->kind == WEIR_OPERATOR_SOURCE;
}

static uint64_t source_rows(const struct job_stats *stats)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < stats->stage_count; i++) {
        rows += is_source(&stats->stages[i]) ? stats->stages[i].rows_out : 0;
    }
    return rows;
}

// The lag of the last stage that knows its rows' event time, else the delay of the last stage.
static const struct job_percentiles *last_lag(const struct job_stats *stats, const char **name)
{
    const struct job_percentiles *last = NULL;
    *name = "lag";
    for (uint32_t i = 0; i < stats->stage_count; i++) {
        last = stats->stages[i].lag.is_known ? &stats->stages[i].lag : last;
    }
    if (last == NULL) {
        *name = "delay";
        for (uint32_t i = 0; i < stats->stage_count; i++) {
            last = stats->stages[i].delay.is_known ? &stats->stages[i].delay : last;
        }
    }
    return last;
}

void report_line(struct job *job, const struct plan *plan, struct report_sample *previous,
                 int is_terminal)
{
    struct job_stats stats;
    struct text line = {0};
    char rate[32], bytes[32];
    const char *lag_name;
    if (job_stats(job, &stats) != 0) {
        return;
    }
    struct report_sample now = {stats.duration_s, source_rows(&stats)};
    double seconds = now.at_s - previous->at_s;
    const struct job_stage_stats *most = bottleneck(&stats);
    const struct job_percentiles *lag = last_lag(&stats, &lag_name);
    text_print(&line, "%s %.0f s  %s rows/s", plan->name, now.at_s,
               text_count(rate, sizeof rate,
                          seconds > 0 ? (double)(now.rows - previous->rows) / seconds : 0));
    if (lag != NULL) {
        text_print(&line, "  %s p50 %.1f ms, p99 %.1f ms", lag_name, lag->p50_ms, lag->p99_ms);
    }
    text_print(&line, "  memory %s", text_bytes(bytes, sizeof bytes, memory_used()));
    if (most != NULL) {
        text_print(&line, "  busiest: %s %.0f %%", most->stage->name, most->busy * 100);
    }
    if (line.at != NULL) {
        fprintf(stderr, is_terminal ? "\r\033[K%s" : "%s\n", line.at);
    }
    text_finish(&line);
    job_stats_finish(&stats);
    *previous = now;
}

static void print_milliseconds(const struct job_percentiles *value)
{
    if (value->is_known) {
        fprintf(stderr, " %10.1f", value->p99_ms);
    } else {
        fprintf(stderr, " %10s", "-");
    }
}

void report_table(const struct job_stats *stats)
{
    fprintf(stderr, "%-20s %14s %14s %10s %6s %6s %10s %10s %9s\n", "stage", "rows in", "rows out",
            "rows/s", "busy", "wait", "lag p99", "delay p99", "rejected");
    for (uint32_t i = 0; i < stats->stage_count; i++) {
        const struct job_stage_stats *stage = &stats->stages[i];
        char rate[32];
        uint64_t rows = is_source(stage) ? stage->rows_out : stage->rows_in;
        fprintf(stderr, "%-20s %14llu %14llu %10s %4.0f %% %4.0f %%", stage->stage->name,
                (unsigned long long)stage->rows_in, (unsigned long long)stage->rows_out,
                text_count(rate, sizeof rate, (double)rows / stats->duration_s), stage->busy * 100,
                stage->backpressured * 100);
        print_milliseconds(&stage->lag);
        print_milliseconds(&stage->delay);
        fprintf(stderr, " %9llu\n", (unsigned long long)stage->rejected);
    }
    char peak[32];
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr, "%.1f s, %.2f cores, at most %s of memory\n", stats->duration_s,
            stats->cpu_s / stats->duration_s,
            text_bytes(peak, sizeof peak, (uint64_t)usage.ru_maxrss * 1024));
}

static json_t *percentiles_json(const struct job_percentiles *value)
{
    return value->is_known ? json_pack("{s:f, s:f, s:f}", "p50", value->p50_ms, "p99",
                                       value->p99_ms, "max", value->max_ms)
                           : json_null();
}

// What the operator counts itself, by stage.
static void add_metric(void *owner, const struct metric_sum *sum)
{
    json_t *stages = owner, *metrics = json_object_get(stages, sum->stage);
    if (sum->kind == WEIR_METRIC_HISTOGRAM) {
        return;
    }
    if (metrics == NULL) {
        metrics = json_object();
        json_object_set_new(stages, sum->stage, metrics);
    }
    json_object_set_new(metrics, sum->name, json_integer(sum->value));
}

static json_t *stage_json(const struct job_stage_stats *stage, double duration_s,
                          const json_t *metrics)
{
    json_t *own = json_object_get(metrics, stage->stage->name);
    json_t *tasks = json_array();
    uint64_t rows = is_source(stage) ? stage->rows_out : stage->rows_in;
    for (uint32_t t = 0; t < stage->task_count; t++) {
        json_array_append_new(tasks, json_pack("{s:I, s:I, s:f}", "rows_in",
                                               (json_int_t)stage->tasks[t].rows_in, "rows_out",
                                               (json_int_t)stage->tasks[t].rows_out, "busy",
                                               stage->tasks[t].busy));
    }
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:o, s:o, s:I, s:I, s:I, s:o, s:o}",
        "name", stage->stage->name, "operator", stage->stage->description->name, "rows_in",
        (json_int_t)stage->rows_in, "rows_out", (json_int_t)stage->rows_out, "bytes_in",
        (json_int_t)stage->bytes_in, "bytes_out", (json_int_t)stage->bytes_out, "rows_per_s",
        (double)rows / duration_s, "busy", stage->busy, "idle", stage->idle, "backpressured",
        stage->backpressured, "lag_ms", percentiles_json(&stage->lag), "delay_ms",
        percentiles_json(&stage->delay), "rejected", (json_int_t)stage->rejected, "memory_bytes",
        (json_int_t)stage->memory_bytes, "queue_bytes", (json_int_t)stage->queue_bytes, "tasks",
        tasks, "metrics", own != NULL ? json_incref(own) : json_object());
}

int report_json(struct job *job, const struct job_stats *stats)
{
    struct rusage usage;
    json_t *stages = json_array(), *metrics = json_object();
    getrusage(RUSAGE_SELF, &usage);
    metrics_each(job_metrics(job), add_metric, metrics);
    for (uint32_t i = 0; i < stats->stage_count; i++) {
        json_array_append_new(stages, stage_json(&stats->stages[i], stats->duration_s, metrics));
    }
    json_t *report = json_pack("{s:f, s:I, s:f, s:o}", "duration_s", stats->duration_s,
                               "peak_memory_bytes", (json_int_t)usage.ru_maxrss * 1024, "cpu_cores",
                               stats->cpu_s / stats->duration_s, "stages", stages);
    int rc = report == NULL
                 ? -1
                 : json_dumpf(report, stdout, JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(metrics);
    json_decref(report);
    return rc;
}

double report_stuck(struct job *job, const struct plan_stage **stage, const char **function)
{
    struct job_stats stats;
    double longest = 0;
    if (job_stats(job, &stats) != 0) {
        return 0;
    }
    for (uint32_t i = 0; i < stats.stage_count; i++) {
        if (stats.stages[i].stuck_s > longest) {
            longest = stats.stages[i].stuck_s;
            *stage = stats.stages[i].stage;
            *function = stats.stages[i].stuck_function;
        }
    }
    job_stats_finish(&stats);
    return longest;
}
