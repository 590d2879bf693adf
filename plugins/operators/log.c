#include <pthread.h>
#include <stdlib.h>

#include "format.h"
#include "operators.h"

// Rows of a stage are counted over all its tasks, so tasks of one stage share a counter: those that
// have the same host and stage name. It lives from the first create to the last destroy.
struct log_counter {
    struct log_counter *next;
    const struct weir_host *host;
    int64_t row_count;
    uint32_t user_count;
    char stage[256];
};

struct log {
    struct log_counter *counter;
    struct weir_metric *records_out;
    int64_t every;
};

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_counter *log_counters;

static const struct weir_option options[] = {
    {.name = "every",
     .summary = "Logs one row of so many, counted over all tasks of the stage",
     .type = WEIR_OPTION_INT,
     .initial = "20000",
     .unit = "rows",
     .min = 1,
     .max = 1e15,
     .since = "0.1"},
};

static struct log_counter *log_counter_get(const struct weir_context *context)
{
    char stage[sizeof log_counters->stage];
    snprintf(stage, sizeof stage, "%s", context->stage == NULL ? "" : context->stage);
    pthread_mutex_lock(&log_lock);
    struct log_counter *counter = log_counters;
    while (counter != NULL &&
           (counter->host != context->host || strcmp(counter->stage, stage) != 0)) {
        counter = counter->next;
    }
    if (counter == NULL && (counter = calloc(1, sizeof *counter)) != NULL) {
        memcpy(counter->stage, stage, sizeof stage);
        counter->host = context->host;
        counter->next = log_counters;
        log_counters = counter;
    }
    if (counter != NULL) {
        counter->user_count++;
    }
    pthread_mutex_unlock(&log_lock);
    return counter;
}

static void log_counter_put(struct log_counter *counter)
{
    pthread_mutex_lock(&log_lock);
    if (--counter->user_count == 0) {
        struct log_counter **at = &log_counters;
        while (*at != counter) {
            at = &(*at)->next;
        }
        *at = counter->next;
        free(counter);
    }
    pthread_mutex_unlock(&log_lock);
}

static int32_t log_create(struct weir_context *context, void **instance)
{
    struct log *log = calloc(1, sizeof *log);
    struct log_counter *counter = log == NULL ? NULL : log_counter_get(context);
    if (counter == NULL) {
        free(log);
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    log->counter = counter;
    log->every = weir_option_int(context, "every", 20000);
    *instance = log;
    return WEIR_OK;
}

static int32_t log_open(void *instance, struct weir_context *context)
{
    struct log *log = instance;
    log->records_out = weir_metric_register(context, WEIR_METRIC_COUNTER, "records_out", "rows",
                                            "Rows that the sink has taken");
    return log->records_out != NULL ? WEIR_OK : weir_fail(context, WEIR_ERROR_FATAL, "no memory");
}

static void log_row(struct weir_context *context, const struct weir_batch *batch, uint32_t row,
                    int64_t number)
{
    char line[1000], value[200];
    uint32_t at = (uint32_t)snprintf(line, sizeof line, "row %lld %s", (long long)number,
                                     format_kind(weir_kind(batch, row)));
    for (uint32_t i = 0; i < batch->column_count && at < sizeof line - 1; i++) {
        format_value(&batch->columns[i], row, value, sizeof value);
        int length =
            snprintf(line + at, sizeof line - at, " %s=%s", batch->schema->fields[i].name, value);
        at += (uint32_t)length;
    }
    weir_log(context, WEIR_LOG_INFO, "%s", line);
}

static int32_t log_process(void *instance, struct weir_context *context, uint32_t input,
                           const struct weir_batch *batch)
{
    struct log *log = instance;
    (void)input;
    weir_counter_add(log->records_out, batch->row_count);
    int64_t before =
        __atomic_fetch_add(&log->counter->row_count, batch->row_count, __ATOMIC_RELAXED);
    int64_t next = before - before % log->every + log->every;
    for (; next <= before + batch->row_count; next += log->every) {
        log_row(context, batch, (uint32_t)(next - before - 1), next);
    }
    return WEIR_OK;
}

static void log_destroy(void *instance)
{
    struct log *log = instance;
    if (log != NULL) {
        log_counter_put(log->counter);
        free(log);
    }
}

const struct weir_operator log_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_SINK,
    .name = "log",
    .summary = "Counts all rows and logs one of many",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = log_create,
    .open = log_open,
    .process = log_process,
    .destroy = log_destroy,
};
