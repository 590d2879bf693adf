// The sensor job without its table (the pipeline of `bench generator`), in event time and with a
// fixed seed: a snapshot taken under load and restored at another parallelism gives the very
// windows of the run that was not interrupted.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "host/show.h"
#include "lua/lua.h"
#include "support/test.h"
#include "task/job.h"

#define READINGS 1000000

static struct plugins plugins;

// The rows that left the window, as text.
struct windows {
    pthread_mutex_t lock;
    char **rows;
    uint32_t count;
    uint32_t capacity;
};

static void collect(void *owner, const struct plan_stage *stage, uint32_t output,
                    const struct weir_batch *batch)
{
    struct windows *windows = owner;
    if (strcmp(stage->name, "per_minute") != 0 || output != 0) {
        return;
    }
    pthread_mutex_lock(&windows->lock);
    for (uint32_t row = 0; row < batch->row_count; row++) {
        struct text text = {0};
        show_row(&text, batch, row, 0);
        if (windows->count == windows->capacity) {
            windows->capacity = windows->capacity * 2 + 1024;
            windows->rows = realloc(windows->rows, windows->capacity * sizeof(char *));
        }
        windows->rows[windows->count++] = text.at;
    }
    pthread_mutex_unlock(&windows->lock);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void windows_finish(struct windows *windows)
{
    for (uint32_t i = 0; i < windows->count; i++) {
        free(windows->rows[i]);
    }
    free(windows->rows);
    pthread_mutex_destroy(&windows->lock);
}

// The plan of the pipeline at a parallelism. 15 minutes of event time in as many rows as READINGS.
static struct plan *make_plan(uint32_t parallelism)
{
    static const char *const overrides[] = {
        "devices.seed=7",        "devices.start=1700000000000", "devices.rate=1111",
        "devices.paced=false",   "devices.max_rows=1000000",    "devices.devices=1000",
        "per_minute.time=event", "log.every=1000000",           NULL};
    struct diagnostics diagnostics = {0};
    struct error error = {0};
    char path[4200], folder[4200];
    snprintf(path, sizeof path, "%s/tests/bench/pipelines/generator.lua",
             getenv("WEIR_SOURCE_ROOT"));
    snprintf(folder, sizeof folder, "%s/plugins", getenv("WEIR_BUILD_ROOT"));
    const char *const folders[] = {folder, NULL};
    if (plugins.first == NULL) {
        plugins_search(&plugins, folders, &error);
    }
    json_t *description = lua_describe(path, &lua_default_limits, &diagnostics);
    struct plan_settings settings = {.workers = parallelism, .overrides = overrides};
    struct plan *plan =
        description == NULL ? NULL : plan_build(description, &plugins, &settings, &diagnostics);
    if (plan == NULL) {
        diagnostics_print(&diagnostics, stdout);
        test_fail(__FILE__, __LINE__, "no plan");
    }
    diagnostics_finish(&diagnostics);
    return plan;
}

static struct job *start(const struct plan *plan, struct job_settings *settings,
                         struct windows *windows)
{
    struct error error = {0};
    struct job *job = NULL;
    settings->tap = collect;
    settings->tap_owner = windows;
    if (job_create(plan, settings, &job, &error) != 0 || job_start(job, &error) != 0) {
        test_fail(__FILE__, __LINE__, "%s", error.text);
    }
    return job;
}

static void finish(struct job *job)
{
    struct error error = {0};
    CHECK(job_wait(job, 120000));
    if (job_result(job, &error) != 0) {
        test_fail(__FILE__, __LINE__, "%s", error.text);
    }
    job_destroy(job);
}

// Runs the job until a third of the rows have come, takes a snapshot, and drops the job; windows
// holds what came out before the snapshot.
static struct snapshot *interrupt(const struct plan *plan, struct windows *windows)
{
    struct job_settings settings = {.worker_count = 2};
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    uint64_t rows = 0;
    struct job *job = start(plan, &settings, windows);
    while (job != NULL && rows < READINGS / 3 && !job_wait(job, 1)) {
        struct job_stats stats;
        if (job_stats(job, &stats) == 0) {
            rows = stats.stages[0].rows_out;
            job_stats_finish(&stats);
        }
    }
    if (job != NULL && job_snapshot(job, &snapshot, &error) != 0) {
        test_fail(__FILE__, __LINE__, "%s", error.text);
    }
    if (job != NULL) {
        job_abort(job);
        job_wait(job, 60000);
        job_destroy(job);
    }
    return snapshot;
}

static void windows_are_the_same_after_a_restore(uint32_t before, uint32_t after)
{
    struct windows whole = {.lock = PTHREAD_MUTEX_INITIALIZER}, cut = whole, rest = whole;
    struct plan *plan = make_plan(before), *other = make_plan(after);
    struct job_settings settings = {.worker_count = 2};
    REQUIRE(plan != NULL && other != NULL);
    finish(start(plan, &settings, &whole));
    struct snapshot *snapshot = interrupt(plan, &cut);
    REQUIRE(snapshot != NULL);
    settings.restore = snapshot;
    finish(start(other, &settings, &rest));

    // Windows that came out between the snapshot and the end of the first run come again after it:
    // what a sink commits with the snapshot is what was out before. So the rest must hold every
    // window but those of before, and no other; together they are the whole.
    qsort(whole.rows, whole.count, sizeof(char *), by_text);
    qsort(rest.rows, rest.count, sizeof(char *), by_text);
    qsort(cut.rows, cut.count, sizeof(char *), by_text);
    CHECK(rest.count > 0 && rest.count < whole.count);
    uint32_t r = 0, missing = 0, wrong = 0;
    for (uint32_t i = 0; i < whole.count; i++) {
        int is_in_rest = r < rest.count && strcmp(rest.rows[r], whole.rows[i]) == 0;
        int is_in_cut =
            bsearch(&whole.rows[i], cut.rows, cut.count, sizeof(char *), by_text) != NULL;
        r += (uint32_t)is_in_rest;
        missing += !is_in_rest && !is_in_cut;
    }
    wrong = rest.count - r;
    CHECK_INT(missing, 0);
    CHECK_INT(wrong, 0);
    snapshot_destroy(snapshot);
    windows_finish(&whole);
    windows_finish(&cut);
    windows_finish(&rest);
    plan_destroy(plan);
    plan_destroy(other);
}

TEST(the_same_windows_after_a_restore_with_more_tasks)
{
    windows_are_the_same_after_a_restore(2, 5);
}

TEST(the_same_windows_after_a_restore_with_fewer_tasks)
{
    windows_are_the_same_after_a_restore(3, 1);
}
