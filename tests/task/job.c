#include "task/job.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "support/test.h"

// A plugin of the test: numbers 0..count-1 with key = number mod 100; a counter per key; a
// collector.

struct numbers {
    int64_t count;
    int64_t next;
    int64_t ahead; // rows per batch
    uint32_t index, tasks;
};

static int32_t numbers_create(struct weir_context *context, void **instance)
{
    struct numbers *numbers = calloc(1, sizeof *numbers);
    numbers->count = weir_option_int(context, "count", INT64_MAX);
    numbers->ahead = weir_option_int(context, "batch", 100);
    numbers->index = context->task_index;
    numbers->tasks = context->task_count;
    *instance = numbers;
    return WEIR_OK;
}

static int64_t numbers_opened_us[8]; // by task

static int32_t numbers_open(void *instance, struct weir_context *context)
{
    (void)instance;
    numbers_opened_us[context->task_index] = weir_now_us(context);
    return WEIR_OK;
}

static int32_t numbers_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct weir_field fields[2] = {{"key", weir_type_of(WEIR_TYPE_INT32)},
                                   {"value", weir_type_of(WEIR_TYPE_INT64)}};
    struct numbers *numbers = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        weir_negotiation_bounded(negotiation, numbers->count != INT64_MAX);
        return weir_negotiation_output(negotiation, 0, fields, 2);
    }
    return WEIR_OK;
}

// Task t of n makes the numbers whose hundred is t modulo n.
static int32_t numbers_poll(void *instance, struct weir_context *context)
{
    struct numbers *numbers = instance;
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, 0, (uint32_t)numbers->ahead, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    int32_t *keys = weir_builder_values(context, builder, 0);
    int64_t *values = weir_builder_values(context, builder, 1);
    uint32_t made = 0;
    for (; made < numbers->ahead && numbers->next < numbers->count; numbers->next++) {
        if (numbers->next / 100 % numbers->tasks == numbers->index) {
            keys[made] = (int32_t)(numbers->next % 100);
            values[made++] = numbers->next;
        }
    }
    rc = made == 0 ? (weir_builder_discard(context, builder), WEIR_OK)
                   : weir_emit_built(context, 0, builder, made);
    return rc != WEIR_OK ? rc : numbers->next >= numbers->count ? WEIR_END : WEIR_MORE;
}

static int32_t numbers_save(void *instance, struct weir_context *context,
                            struct weir_state_writer *writer)
{
    struct numbers *numbers = instance;
    return weir_state_write(context, writer, numbers->index, &numbers->next, 8);
}

static int32_t numbers_load(void *instance, struct weir_context *context, uint32_t version,
                            uint32_t split, const void *bytes, uint64_t byte_count)
{
    struct numbers *numbers = instance;
    (void)context, (void)version, (void)split, (void)byte_count;
    memcpy(&numbers->next, bytes, 8);
    return WEIR_OK;
}

static const void *numbers_extension(const char *id)
{
    static const struct weir_state_table state = {
        .size = sizeof state, .version = 1, .save = numbers_save, .load = numbers_load};
    return strcmp(id, WEIR_STATE_1) == 0 ? &state : NULL;
}

static const struct weir_option numbers_options[] = {
    {.name = "count", .summary = "How many", .type = WEIR_OPTION_INT},
    {.name = "batch", .summary = "Rows per batch", .type = WEIR_OPTION_INT}};

static const struct weir_operator numbers_operator = {.size = sizeof(struct weir_operator),
                                                      .kind = WEIR_OPERATOR_SOURCE,
                                                      .name = "test.numbers",
                                                      .summary = "Numbers",
                                                      .options = numbers_options,
                                                      .option_count = 2,
                                                      .create = numbers_create,
                                                      .negotiate = numbers_negotiate,
                                                      .open = numbers_open,
                                                      .poll = numbers_poll,
                                                      .destroy = free,
                                                      .extension = numbers_extension};

// Sums per key in host state; at the end one row per key.
struct sums {
    struct weir_state *state;
    uint32_t *slots;
};

static int32_t sums_create(struct weir_context *context, void **instance)
{
    struct sums *sums = calloc(1, sizeof *sums);
    (void)context;
    sums->slots = calloc(WEIR_BATCH_ROWS_MAX, sizeof(uint32_t));
    *instance = sums;
    return WEIR_OK;
}

static int32_t sums_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    static const uint32_t key = 0;
    struct weir_field fields[2] = {{"key", weir_type_of(WEIR_TYPE_INT32)},
                                   {"sum", weir_type_of(WEIR_TYPE_INT64)}};
    (void)instance;
    if (negotiation->pass == WEIR_NEGOTIATE_WANTS) {
        weir_negotiation_want(negotiation, 0, 0);
        weir_negotiation_want(negotiation, 0, 1);
        return WEIR_OK;
    }
    int32_t rc = weir_negotiation_partition(negotiation, 0, &key, 1);
    rc = rc != WEIR_OK ? rc : weir_negotiation_output(negotiation, 0, fields, 2);
    weir_negotiation_origin(negotiation, 0, 0, 0, 0);
    return rc;
}

static int32_t sums_open(void *instance, struct weir_context *context)
{
    static const struct weir_state_field field = {"sum", {WEIR_TYPE_INT64, 0, 0, 0, 0}, 0, 8};
    static const struct weir_state_layout layout = {.size = sizeof layout,
                                                    .version = 1,
                                                    .name = "sums",
                                                    .slot_bytes = 8,
                                                    .field_count = 1,
                                                    .fields = &field};
    struct sums *sums = instance;
    return weir_state_open(context, 0, &layout, &sums->state);
}

static int32_t sums_process(void *instance, struct weir_context *context, uint32_t input,
                            const struct weir_batch *batch)
{
    struct sums *sums = instance;
    const int64_t *values = batch->columns[1].values;
    (void)input;
    int32_t rc = weir_state_slots(context, sums->state, batch, 0, NULL, sums->slots);
    for (uint32_t i = 0; rc == WEIR_OK && i < batch->row_count; i++) {
        *(int64_t *)(sums->state->slots + (size_t)sums->slots[i] * sums->state->stride) +=
            values[i];
    }
    return rc;
}

static int32_t sums_emit(struct sums *sums, struct weir_context *context, const uint32_t *slots,
                         uint32_t count)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, 0, count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    int64_t *values = weir_builder_values(context, builder, 1);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = *(int64_t *)(sums->state->slots + (size_t)slots[i] * sums->state->stride);
    }
    rc = weir_state_keys(context, sums->state, slots, count, builder, 0);
    return rc != WEIR_OK ? rc : weir_emit_built(context, 0, builder, count);
}

static int32_t sums_end(void *instance, struct weir_context *context, uint32_t input)
{
    struct sums *sums = instance;
    uint64_t cursor = 0;
    uint32_t slots[1000], count;
    int32_t rc = WEIR_OK;
    (void)input;
    while (rc == WEIR_OK &&
           (count = (uint32_t)weir_state_scan(context, sums->state, 0, &cursor, slots, 1000)) > 0) {
        rc = sums_emit(sums, context, slots, count);
    }
    return rc;
}

static void sums_destroy(void *instance)
{
    struct sums *sums = instance;
    if (sums != NULL) {
        free(sums->slots);
    }
    free(sums);
}

static const struct weir_operator sums_operator = {.size = sizeof(struct weir_operator),
                                                   .kind = WEIR_OPERATOR_TRANSFORM,
                                                   .name = "test.sums",
                                                   .summary = "Sums",
                                                   .create = sums_create,
                                                   .negotiate = sums_negotiate,
                                                   .open = sums_open,
                                                   .process = sums_process,
                                                   .end_input = sums_end,
                                                   .destroy = sums_destroy};

// Emits every batch `times` times, one a call, with WEIR_MORE.
struct repeat {
    int64_t times, done;
};

static int32_t repeat_create(struct weir_context *context, void **instance)
{
    struct repeat *repeat = calloc(1, sizeof *repeat);
    repeat->times = weir_option_int(context, "times", 2);
    *instance = repeat;
    return WEIR_OK;
}

static int32_t repeat_process(void *instance, struct weir_context *context, uint32_t input,
                              const struct weir_batch *batch)
{
    struct repeat *repeat = instance;
    (void)input;
    weir_batch_ref(context, batch);
    int32_t rc = weir_emit(context, 0, batch);
    if (rc != WEIR_OK) {
        return rc;
    }
    repeat->done = (repeat->done + 1) % repeat->times;
    return repeat->done == 0 ? WEIR_OK : WEIR_MORE;
}

static const struct weir_option repeat_options[] = {
    {.name = "times", .summary = "How often", .type = WEIR_OPTION_INT}};

static const struct weir_operator repeat_operator = {.size = sizeof(struct weir_operator),
                                                     .kind = WEIR_OPERATOR_TRANSFORM,
                                                     .name = "test.repeat",
                                                     .summary = "Repeats",
                                                     .options = repeat_options,
                                                     .option_count = 1,
                                                     .create = repeat_create,
                                                     .process = repeat_process,
                                                     .destroy = free};

// Adds up what comes into the process-wide totals; `fail_at` returns `code` once so many rows came.
static _Atomic int64_t collected_rows, collected_sum, collected_by_key[100];
static _Atomic int gate_is_shut; // while shut, the collector waits: a slow sink

struct collect {
    int64_t fail_at, code, rows;
};

static int32_t collect_create(struct weir_context *context, void **instance)
{
    struct collect *collect = calloc(1, sizeof *collect);
    collect->fail_at = weir_option_int(context, "fail_at", INT64_MAX);
    collect->code = weir_option_int(context, "code", 0);
    *instance = collect;
    return WEIR_OK;
}

static int32_t collect_process(void *instance, struct weir_context *context, uint32_t input,
                               const struct weir_batch *batch)
{
    struct collect *collect = instance;
    const int32_t *keys = batch->columns[0].values;
    const int64_t *values = batch->columns[1].values;
    (void)input;
    collect->rows += batch->row_count;
    if (collect->rows >= collect->fail_at) {
        return weir_fail(context, (int32_t)collect->code, "row %lld is not to my taste",
                         (long long)collect->rows);
    }
    while (atomic_load(&gate_is_shut)) {
    }
    for (uint32_t i = 0; i < batch->row_count; i++) {
        collected_sum += values[i];
        collected_by_key[keys[i]] += values[i];
    }
    collected_rows += batch->row_count;
    return WEIR_OK;
}

static const struct weir_option collect_options[] = {
    {.name = "fail_at", .summary = "Row", .type = WEIR_OPTION_INT},
    {.name = "code",
     .summary = "What it returns",
     .type = WEIR_OPTION_INT,
     .min = -2000,
     .max = 0}};

static const struct weir_operator collect_operator = {.size = sizeof(struct weir_operator),
                                                      .kind = WEIR_OPERATOR_SINK,
                                                      .name = "test.collect",
                                                      .summary = "Collects",
                                                      .options = collect_options,
                                                      .option_count = 2,
                                                      .create = collect_create,
                                                      .process = collect_process,
                                                      .destroy = free};

// A sink whose rows are acknowledged by a thread of its own, one batch at a time: it waits while
// one is under way, and at the end until the last is acknowledged.
struct acked {
    struct weir_context *context;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t rows_under_way;
    int is_over;
};

static _Atomic int64_t acked_rows, acked_waits;
static _Atomic int acks_are_held; // while set, nothing is acknowledged

static void *acknowledge(void *argument)
{
    struct acked *acked = argument;
    pthread_mutex_lock(&acked->lock);
    while (!acked->is_over) {
        if (acked->rows_under_way == 0 || atomic_load(&acks_are_held)) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 1000000;
            until.tv_sec += until.tv_nsec / 1000000000;
            until.tv_nsec %= 1000000000;
            pthread_cond_timedwait(&acked->changed, &acked->lock, &until);
            continue;
        }
        acked_rows += acked->rows_under_way;
        acked->rows_under_way = 0;
        weir_wake(acked->context);
    }
    pthread_mutex_unlock(&acked->lock);
    return NULL;
}

static int32_t acked_create(struct weir_context *context, void **instance)
{
    (void)context;
    *instance = calloc(1, sizeof(struct acked));
    return WEIR_OK;
}

static int32_t acked_open(void *instance, struct weir_context *context)
{
    struct acked *acked = instance;
    acked->context = context;
    pthread_mutex_init(&acked->lock, NULL);
    pthread_cond_init(&acked->changed, NULL);
    pthread_create(&acked->thread, NULL, acknowledge, acked);
    return WEIR_OK;
}

// Puts rows under way; with none, only asks whether all are acknowledged.
static int32_t acked_put(struct acked *acked, uint32_t row_count)
{
    pthread_mutex_lock(&acked->lock);
    int is_free = acked->rows_under_way == 0;
    acked->rows_under_way += is_free ? row_count : 0;
    acked_waits += !is_free;
    pthread_cond_signal(&acked->changed);
    pthread_mutex_unlock(&acked->lock);
    return is_free ? WEIR_OK : WEIR_WAIT;
}

static int32_t acked_process(void *instance, struct weir_context *context, uint32_t input,
                             const struct weir_batch *batch)
{
    (void)context, (void)input;
    return acked_put(instance, batch->row_count);
}

static int32_t acked_end(void *instance, struct weir_context *context, uint32_t input)
{
    (void)context, (void)input;
    return acked_put(instance, 0);
}

static void acked_close(void *instance, struct weir_context *context)
{
    struct acked *acked = instance;
    (void)context;
    pthread_mutex_lock(&acked->lock);
    acked->is_over = 1;
    pthread_cond_signal(&acked->changed);
    pthread_mutex_unlock(&acked->lock);
    pthread_join(acked->thread, NULL);
    pthread_cond_destroy(&acked->changed);
    pthread_mutex_destroy(&acked->lock);
}

static const struct weir_operator acked_operator = {.size = sizeof(struct weir_operator),
                                                    .kind = WEIR_OPERATOR_SINK,
                                                    .name = "test.acked",
                                                    .summary = "Waits for acknowledgements",
                                                    .create = acked_create,
                                                    .open = acked_open,
                                                    .process = acked_process,
                                                    .end_input = acked_end,
                                                    .close = acked_close,
                                                    .destroy = free};

static const struct weir_operator *const operators[] = {
    &numbers_operator, &sums_operator, &repeat_operator, &collect_operator, &acked_operator};
static const struct weir_plugin plugin = {.size = sizeof plugin,
                                          .abi_version = WEIR_ABI_VERSION,
                                          .host_version_min = WEIR_ABI_VERSION,
                                          .operator_count = 5,
                                          .name = "test",
                                          .version = "1",
                                          .licence = "Apache-2.0",
                                          .operators = operators};

static struct plugins plugins;

// Builds a plan from the stages of a description, or fails the test with what is wrong.
static struct plan *make_plan(uint32_t workers, const char *stages)
{
    struct diagnostics diagnostics = {0};
    struct plan_settings settings = {.workers = workers};
    struct text text = {0};
    struct error error = {0};
    if (plugins.first == NULL && plugins_add(&plugins, &plugin, &error) != 0) {
        test_fail(__FILE__, __LINE__, "%s", error.text);
        return NULL;
    }
    text_print(&text, "{\"name\": \"test\", \"options\": {}, \"resources\": [], \"stages\": [%s]}",
               stages);
    json_t *description = json_loads(text.at, 0, NULL);
    text_finish(&text);
    if (description == NULL) {
        test_fail(__FILE__, __LINE__, "the description is no JSON");
        return NULL;
    }
    struct plan *plan = plan_build(description, &plugins, &settings, &diagnostics);
    if (plan == NULL) {
        diagnostics_print(&diagnostics, stdout);
        test_fail(__FILE__, __LINE__, "the plan was refused");
    }
    diagnostics_finish(&diagnostics);
    return plan;
}

static struct job *start(const struct plan *plan, const struct job_settings *settings)
{
    struct error error = {0};
    struct job *job = NULL;
    collected_rows = collected_sum = 0;
    for (int i = 0; i < 100; i++) {
        collected_by_key[i] = 0;
    }
    if (job_create(plan, settings, &job, &error) != 0 || job_start(job, &error) != 0) {
        test_fail(__FILE__, __LINE__, "%s", error.text);
    }
    return job;
}

// Waits until the second stage has taken in so many rows.
static void wait_for_rows(struct job *job, uint64_t count)
{
    struct job_stats stats;
    uint64_t rows = 0;
    while (rows < count) {
        REQUIRE(!job_wait(job, 1));
        REQUIRE(job_stats(job, &stats) == 0);
        rows = stats.stages[1].rows_in;
        job_stats_finish(&stats);
    }
}

// Runs a job to its end; sentence (may be NULL) is of the error that it ends with.
static void run_to(uint32_t workers, const char *stages, int result, const char *sentence)
{
    struct plan *plan = make_plan(workers, stages);
    struct job_settings settings = {.worker_count = workers, .channel_bytes = 10000};
    struct error error = {0};
    if (plan != NULL) {
        struct job *job = start(plan, &settings);
        if (job != NULL) {
            CHECK(job_wait(job, 60000));
            CHECK_INT(job_result(job, &error), result);
            if (sentence != NULL) {
                CHECK_HAS(error.text, sentence);
            }
            job_destroy(job);
        }
    }
    plan_destroy(plan);
}

static void run(uint32_t workers, const char *stages)
{
    run_to(workers, stages, 0, NULL);
}

#define SOURCE(count)                                                                              \
    "{\"verb\":\"source\",\"name\":\"in\",\"options\":{\"use\":\"test.numbers\",\"count\":" #count \
    "}}"
#define ENDLESS "{\"verb\":\"source\",\"name\":\"in\",\"options\":{\"use\":\"test.numbers\"}}"
#define SUMS "{\"verb\":\"test.sums\",\"name\":\"sums\",\"options\":{}}"
#define SINK "{\"verb\":\"sink\",\"name\":\"out\",\"options\":{\"use\":\"test.collect\"}}"
#define SUM_BELOW(n) ((int64_t)(n) * ((n)-1) / 2)

TEST(a_chain_in_one_task_passes_all_rows)
{
    run(1, SOURCE(100000) "," SINK);
    CHECK_INT(collected_rows, 100000);
    CHECK_INT(collected_sum, SUM_BELOW(100000));
}

TEST(rows_of_one_key_meet_in_one_task)
{
    run(3, SOURCE(100000) "," SUMS "," SINK);
    CHECK_INT(collected_rows, 100);
    CHECK_INT(collected_sum, SUM_BELOW(100000));
    CHECK_INT(collected_by_key[7], 7 * 1000 + 100 * SUM_BELOW(1000));
}

TEST(what_returns_more_is_called_again_before_anything_else)
{
    run(2,
        SOURCE(
            1000) ",{\"verb\":\"test.repeat\",\"name\":\"twice\",\"options\":{\"times\":5}}," SINK);
    CHECK_INT(collected_rows, 5000);
    CHECK_INT(collected_sum, 5 * SUM_BELOW(1000));
}

TEST(parallelism_may_change_from_stage_to_stage)
{
    run(2,
        "{\"verb\":\"source\",\"name\":\"in\",\"options\":{\"use\":\"test.numbers\",\"count\":5000,"
        "\"parallelism\":3}},"
        "{\"verb\":\"test.repeat\",\"name\":\"once\",\"options\":{\"times\":1,\"parallelism\":2}},"
        "{\"verb\":\"test.sums\",\"name\":\"sums\",\"options\":{\"parallelism\":5}},"
        "{\"verb\":\"sink\",\"name\":\"out\",\"options\":{\"use\":\"test.collect\",\"parallelism\":"
        "1}}");
    CHECK_INT(collected_rows, 100);
    CHECK_INT(collected_sum, SUM_BELOW(5000));
}

static int64_t tick(const struct clock *clock)
{
    static _Atomic int64_t now_us = 1000;
    (void)clock;
    return now_us++;
}

TEST(all_tasks_of_a_stage_open_at_the_same_moment)
{
    const struct clock clock = {.now_us = tick, .monotonic_ns = system_clock.monotonic_ns};
    struct job_settings settings = {.clock = &clock, .worker_count = 3};
    struct error error = {0};
    struct plan *plan = make_plan(3, ENDLESS "," SINK);
    struct job *job = NULL;
    REQUIRE(plan != NULL);
    REQUIRE(job_create(plan, &settings, &job, &error) == 0);

    CHECK(numbers_opened_us[0] >= 1000);
    CHECK_INT(numbers_opened_us[1], numbers_opened_us[0]);
    CHECK_INT(numbers_opened_us[2], numbers_opened_us[0]);

    job_destroy(job);
    plan_destroy(plan);
}

TEST(a_branch_sees_the_same_rows)
{
    run(2, SOURCE(1000) "," SINK ",{\"verb\":\"sink\",\"name\":\"again\",\"options\":{\"use\":"
                        "\"test.collect\",\"from\":\"in\"}}");
    CHECK_INT(collected_rows, 2000);
    CHECK_INT(collected_sum, 2 * SUM_BELOW(1000));
}

TEST(an_error_of_a_stage_ends_the_job_and_names_it)
{
    run_to(2,
           ENDLESS ",{\"verb\":\"sink\",\"name\":\"out\",\"options\":{\"use\":\"test.collect\","
                   "\"fail_at\":1000,\"code\":-1004,\"chain\":false}}",
           WEIR_ERROR_FATAL, "stage `out`: row 1000 is not to my taste");
}

TEST(an_unknown_result_is_the_plugins_fault)
{
    run_to(
        1,
        SOURCE(1000) ",{\"verb\":\"sink\",\"name\":\"out\",\"options\":{\"use\":\"test.collect\","
                     "\"fail_at\":1,\"code\":-7}}",
        WEIR_ERROR_FATAL, "operator `test.collect` of plugin `test` returned -7 from process");
}

TEST(a_drain_ends_the_input_and_finishes_what_is_under_way)
{
    struct plan *plan = make_plan(2, ENDLESS "," SUMS "," SINK);
    struct job_settings settings = {.worker_count = 2, .channel_bytes = 10000};
    struct job_stats stats;
    REQUIRE(plan != NULL);
    struct job *job = start(plan, &settings);
    REQUIRE(job != NULL);
    wait_for_rows(job, 10000);
    job_drain(job);
    CHECK(job_wait(job, 60000));
    CHECK_INT(job_result(job, NULL), 0);
    CHECK_INT(collected_rows, 100);
    REQUIRE(job_stats(job, &stats) == 0);
    CHECK_INT(stats.stages[0].rows_out, stats.stages[1].rows_in);
    job_stats_finish(&stats);
    job_destroy(job);
    plan_destroy(plan);
}

TEST(a_slow_sink_stops_its_source_and_the_queue_stays_bounded)
{
    struct plan *plan = make_plan(2, ENDLESS ",{\"verb\":\"sink\",\"name\":\"out\",\"options\":{"
                                             "\"use\":\"test.collect\",\"chain\":false}}");
    struct job_settings settings = {.worker_count = 4, .channel_bytes = 10000};
    struct job_stats stats;
    uint64_t queued = 0, before = 0, now = 1;
    REQUIRE(plan != NULL);
    gate_is_shut = 1;
    struct job *job = start(plan, &settings);
    REQUIRE(job != NULL);
    while (now != before || queued == 0) {
        job_wait(job, 20);
        REQUIRE(job_stats(job, &stats) == 0);
        before = now;
        now = stats.stages[0].rows_out;
        queued = stats.stages[1].queue_bytes;
        job_stats_finish(&stats);
    }
    // Two channels of 10,000 bytes; each may go over by what one batch of 100 rows takes.
    CHECK(queued > 0 && queued < 2 * (10000 + 100 * 12 + 1000));
    gate_is_shut = 0;
    job_abort(job);
    CHECK(job_wait(job, 60000));
    CHECK_INT(job_result(job, NULL), -ECANCELED);
    job_destroy(job);
    plan_destroy(plan);
}

TEST(a_snapshot_under_load_restores_at_another_parallelism)
{
    // The source keeps its parallelism (its state is one position a task), the sums do not.
    const char *const stages[2] = {
        "{\"verb\":\"source\",\"name\":\"in\",\"options\":{\"use\":\"test.numbers\",\"count\":"
        "2000000,\"parallelism\":2}},"
        "{\"verb\":\"test.sums\",\"name\":\"sums\",\"options\":{\"parallelism\":2}}," SINK,
        "{\"verb\":\"source\",\"name\":\"in\",\"options\":{\"use\":\"test.numbers\",\"count\":"
        "2000000,\"parallelism\":2}},"
        "{\"verb\":\"test.sums\",\"name\":\"sums\",\"options\":{\"parallelism\":5}}," SINK};
    struct plan *plan = make_plan(2, stages[0]), *other = make_plan(2, stages[1]);
    struct job_settings settings = {.worker_count = 2, .channel_bytes = 10000};
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    struct job_stats stats;
    REQUIRE(plan != NULL && other != NULL);
    struct job *job = start(plan, &settings);
    REQUIRE(job != NULL);
    wait_for_rows(job, 10000);
    CHECK_INT(job_snapshot(job, &snapshot, &error), 0);
    REQUIRE(snapshot != NULL);
    job_abort(job);
    job_wait(job, 60000);
    job_destroy(job);

    settings.restore = snapshot;
    job = start(other, &settings);
    REQUIRE(job != NULL);
    CHECK(job_wait(job, 60000));
    CHECK_INT(job_result(job, &error), 0);
    CHECK_INT(collected_rows, 100);
    CHECK_INT(collected_sum, SUM_BELOW(2000000));
    REQUIRE(job_stats(job, &stats) == 0);
    CHECK(stats.stages[0].rows_out < 2000000); // it did not begin anew
    job_stats_finish(&stats);
    job_destroy(job);
    snapshot_destroy(snapshot);
    plan_destroy(plan);
    plan_destroy(other);
}

#define ACKED "{\"verb\":\"sink\",\"name\":\"out\",\"options\":{\"use\":\"test.acked\"}}"

TEST(a_sink_that_waits_is_woken_and_ends_when_all_is_acknowledged)
{
    acked_rows = 0;
    run(2, SOURCE(20000) "," ACKED);
    CHECK_INT(acked_rows, 20000);
}

TEST(a_waiting_sink_holds_its_source_without_a_busy_loop_and_counts_as_backpressured)
{
    struct plan *plan = make_plan(1, ENDLESS "," ACKED);
    struct job_settings settings = {.worker_count = 1};
    struct job_stats stats;
    double backpressured = 0;
    REQUIRE(plan != NULL);
    acked_rows = acked_waits = 0;
    acks_are_held = 1;
    struct job *job = start(plan, &settings);
    REQUIRE(job != NULL);
    while (backpressured < 0.5) {
        CHECK(!job_wait(job, 20));
        REQUIRE(job_stats(job, &stats) == 0);
        backpressured = stats.stages[1].backpressured;
        job_stats_finish(&stats);
    }
    CHECK_INT(acked_waits, 1);
    acks_are_held = 0;
    job_drain(job);
    CHECK(job_wait(job, 60000));
    CHECK_INT(job_result(job, NULL), 0);
    REQUIRE(job_stats(job, &stats) == 0);
    CHECK_INT(acked_rows, stats.stages[0].rows_out);
    job_stats_finish(&stats);
    job_destroy(job);
    plan_destroy(plan);
}

TEST(a_snapshot_and_an_abort_reach_a_sink_that_waits)
{
    struct plan *plan = make_plan(2, ENDLESS "," ACKED);
    struct job_settings settings = {.worker_count = 2};
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    REQUIRE(plan != NULL);
    acked_rows = acked_waits = 0;
    struct job *job = start(plan, &settings);
    REQUIRE(job != NULL);
    wait_for_rows(job, 10000);
    CHECK_INT(job_snapshot(job, &snapshot, &error), 0);
    snapshot_destroy(snapshot);
    acks_are_held = 1;
    job_abort(job);
    CHECK(job_wait(job, 60000));
    CHECK_INT(job_result(job, NULL), -ECANCELED);
    acks_are_held = 0;
    job_destroy(job);
    plan_destroy(plan);
}
