#include "generator.h"

#include <stdlib.h>

#include "weir/plugin.h"

static const char *const orders[] = {"random", "round_robin", NULL};
static const char *const batches[] = {"mixed", "bucket", NULL};

static const struct weir_option options[] = {
    {.name = "devices",
     .summary = "Devices of all instances together, numbered from 0",
     .type = WEIR_OPTION_INT,
     .initial = "100000",
     .unit = "devices",
     .min = 1,
     .max = INT32_MAX,
     .since = "0.1"},
    {.name = "instance",
     .summary = "Which instance this is, from 0; each has its own range of devices, the last one "
                "the remainder, too",
     .type = WEIR_OPTION_INT,
     .initial = "0",
     .min = 0,
     .max = INT32_MAX,
     .since = "0.1"},
    {.name = "of",
     .summary = "How many instances there are",
     .type = WEIR_OPTION_INT,
     .initial = "1",
     .unit = "instances",
     .min = 1,
     .max = INT32_MAX,
     .since = "0.1"},
    {.name = "order",
     .summary = "How a reading's device is chosen: drawn uniformly, or one after the other",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"random\"",
     .choices = orders,
     .since = "0.1"},
    {.name = "rate",
     .summary = "Readings of this instance, all tasks together; absent: as fast as they are taken",
     .type = WEIR_OPTION_FLOAT,
     .unit = "readings/s",
     .min = 1e-6,
     .max = 1e9,
     .since = "0.1"},
    {.name = "start",
     .summary = "When the first reading is due, ms since 1970; absent: now",
     .type = WEIR_OPTION_INT,
     .unit = "ms",
     .min = -1e15,
     .max = 1e15,
     .since = "0.1"},
    {.name = "paced",
     .summary = "Emits no reading before it is due; false: timestamps go by the rate, rows come at "
                "once",
     .type = WEIR_OPTION_BOOL,
     .initial = "true",
     .since = "0.1"},
    {.name = "max_rows",
     .summary = "Ends after so many readings of all tasks together; absent: never",
     .type = WEIR_OPTION_INT,
     .unit = "readings",
     .min = 0,
     .max = 1e15,
     .since = "0.1"},
    {.name = "seed",
     .summary = "The same seed gives the same readings, at any parallelism",
     .type = WEIR_OPTION_INT,
     .initial = "1",
     .since = "0.1"},
    {.name = "changelog",
     .summary = "Emits the changelog of a table with one row per device: +I, then pairs of -U and "
                "+U",
     .type = WEIR_OPTION_BOOL,
     .initial = "false",
     .since = "0.1"},
    {.name = "deletes",
     .summary = "With `changelog`: one reading in 64 deletes its device (-D), which returns as +I",
     .type = WEIR_OPTION_BOOL,
     .initial = "false",
     .since = "0.1"},
    {.name = "replay",
     .summary = "For measuring: makes so many rows before the start, then repeats them as fast as "
                "they are taken",
     .type = WEIR_OPTION_INT,
     .unit = "rows",
     .min = 2,
     .max = 4e9,
     .since = "0.1"},
    {.name = "batches",
     .summary = "With `replay`: batches of one key group each, group after group, or of any keys",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"mixed\"",
     .choices = batches,
     .since = "0.1"},
};

// The range of devices of an instance, as the benchmark's producer computes it.
static int32_t generator_range(struct weir_context *context, struct generator *generator)
{
    int64_t devices = weir_option_int(context, "devices", 0);
    int64_t instance = weir_option_int(context, "instance", 0);
    int64_t of = weir_option_int(context, "of", 1);
    int64_t first = instance * (devices / of);
    int64_t end = instance == of - 1 ? devices : first + devices / of;
    if (instance >= of) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "instance %lld of %lld would have the devices %lld to %lld, but there are "
                         "only 0 to %lld; `instance` goes from 0 to %lld",
                         (long long)instance, (long long)of, (long long)first, (long long)end - 1,
                         (long long)devices - 1, (long long)of - 1);
    }
    if (first == end) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "instance %lld of %lld has the devices from %lld to before %lld, so none: "
                         "%lld devices are too few for so many instances",
                         (long long)instance, (long long)of, (long long)first, (long long)end,
                         (long long)devices);
    }
    readings_init(&generator->readings, (uint64_t)weir_option_int(context, "seed", 1),
                  (uint32_t)instance, (int32_t)first, (uint32_t)(end - first),
                  weir_option(context, "order")->choice == 1);
    return WEIR_OK;
}

static int32_t generator_check(struct weir_context *context, const struct generator *generator)
{
    if (generator->has_deletes && !generator->has_changelog) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `deletes` needs `changelog = true`: only a changelog has -D rows");
    }
    if (generator->has_deletes && generator->replay_rows > 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `deletes` does not go with `replay`, which repeats -U/+U pairs");
    }
    if (generator->in_buckets && generator->replay_rows == 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `batches` = \"bucket\" needs `replay`");
    }
    int64_t round = generator->has_changelog ? generator->replay_rows / 2 : generator->replay_rows;
    if (round > 0 && generator->max_rows != INT64_MAX && generator->max_rows % round != 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `max_rows` is %lld, but a replay repeats whole rounds of %lld "
                         "readings; make it a multiple",
                         (long long)generator->max_rows, (long long)round);
    }
    return WEIR_OK;
}

static void generator_read_options(struct weir_context *context, struct generator *generator)
{
    double rate = weir_option_float(context, "rate", 0);
    generator->schedule.period_us = rate > 0 ? 1e6 / rate : 0;
    generator->schedule.start_us = weir_option_int(context, "start", 0) * 1000;
    generator->has_start = weir_option_is_set(context, "start");
    generator->is_paced = rate > 0 && weir_option_int(context, "paced", 1) != 0;
    generator->max_rows = weir_option_int(context, "max_rows", INT64_MAX);
    generator->has_changelog = (int32_t)weir_option_int(context, "changelog", 0);
    generator->has_deletes = (int32_t)weir_option_int(context, "deletes", 0);
    generator->replay_rows = weir_option_int(context, "replay", 0);
    generator->in_buckets = weir_option(context, "batches")->choice == 1;
    generator->start_loaded_us = INT64_MAX;
}

static int32_t generator_create(struct weir_context *context, void **instance)
{
    struct generator *generator = calloc(1, sizeof *generator);
    if (generator == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    generator_read_options(context, generator);
    int32_t rc = generator_range(context, generator);
    rc = rc == WEIR_OK ? generator_check(context, generator) : rc;
    if (rc != WEIR_OK) {
        free(generator);
        return rc;
    }
    *instance = generator;
    return WEIR_OK;
}

static uint32_t generator_kinds(const struct generator *generator)
{
    uint32_t pairs = 1u << WEIR_KIND_UPDATE_BEFORE | 1u << WEIR_KIND_UPDATE_AFTER;
    if (!generator->has_changelog) {
        return WEIR_KINDS_INSERT;
    }
    return generator->replay_rows > 0 ? pairs
           : generator->has_deletes   ? WEIR_KINDS_ALL
                                      : pairs | WEIR_KINDS_INSERT;
}

static int32_t generator_schemas(const struct generator *generator,
                                 struct weir_negotiation *negotiation)
{
    static const struct weir_field fields[READINGS_COLUMN_COUNT] = {
        {"sensor_id", {.id = WEIR_TYPE_INT32}},     {"sensor_type", {.id = WEIR_TYPE_INT32}},
        {"temperature", {.id = WEIR_TYPE_FLOAT64}}, {"humidity", {.id = WEIR_TYPE_FLOAT64}},
        {"pressure", {.id = WEIR_TYPE_FLOAT64}},    {"battery_level", {.id = WEIR_TYPE_FLOAT64}},
        {"status", {.id = WEIR_TYPE_INT32}},        {"timestamp", {.id = WEIR_TYPE_INT64}},
    };
    static const uint32_t key[] = {READINGS_SENSOR_ID};
    int32_t rc =
        weir_negotiation_output(negotiation, WEIR_OUTPUT_MAIN, fields, READINGS_COLUMN_COUNT);
    weir_negotiation_kinds(negotiation, WEIR_OUTPUT_MAIN, generator_kinds(generator));
    weir_negotiation_bounded(negotiation, generator->max_rows != INT64_MAX);
    // A mixed replay is there to be exchanged, so it is dealt out by device number instead.
    if (generator->replay_rows > 0 ? generator->in_buckets : generator->has_changelog) {
        weir_negotiation_partitioned(negotiation, WEIR_OUTPUT_MAIN, key, 1, WEIR_KEY_GROUPS);
    }
    return rc;
}

static int32_t generator_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct generator *generator = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        return generator_schemas(generator, negotiation);
    }
    for (uint32_t i = 0; i < READINGS_COLUMN_COUNT; i++) {
        generator->wanted[i] = weir_negotiation_wanted(negotiation, WEIR_OUTPUT_MAIN, i) ? 1 : 0;
    }
    return WEIR_OK;
}

static void generator_close(void *instance, struct weir_context *context)
{
    struct generator *generator = instance;
    replay_destroy(generator, context);
    history_finish(&generator->history, context);
    draft_finish(&generator->draft, context);
    free(generator->owned);
    free(generator->next);
    free(generator->splits);
    generator->owned = NULL;
    generator->next = NULL;
    generator->splits = NULL;
}

static int32_t generator_start(struct generator *generator, struct weir_context *context)
{
    // A chunk of readings makes two rows each at most, behind less than half a batch.
    int32_t rc = draft_init(&generator->draft, context, 2 * GENERATOR_BATCH_ROWS);
    if (rc != WEIR_OK || generator->replay_rows > 0) {
        return rc == WEIR_OK ? replay_create(generator, context) : rc;
    }
    rc = generator->has_changelog
             ? history_init(&generator->history, context, generator->readings.device_count)
             : WEIR_OK;
    return rc == WEIR_OK ? generator_deal(generator, context) : rc;
}

static int32_t generator_open(void *instance, struct weir_context *context)
{
    struct generator *generator = instance;
    if (!generator->has_start) {
        generator->schedule.start_us = weir_now_us(context);
    }
    int32_t rc = generator_start(generator, context);
    if (rc != WEIR_OK) {
        generator_close(generator, context);
    }
    return rc;
}

static int32_t generator_wait(const struct generator *generator, struct weir_context *context,
                              int64_t now_us)
{
    int64_t due_us = schedule_due_us(&generator->schedule, generator->at);
    int64_t next_us = now_us + GENERATOR_INTERVAL_US;
    weir_wake_at(context, due_us > next_us ? due_us : next_us);
    return WEIR_WAIT;
}

// The reading up to which rows may be made now.
static int64_t generator_limit(const struct generator *generator, int64_t now_us)
{
    int64_t due = generator->is_paced ? schedule_count(&generator->schedule, now_us) : INT64_MAX;
    return due < generator->max_rows ? due : generator->max_rows;
}

static int32_t generator_emit(struct generator *generator, struct weir_context *context)
{
    const struct weir_batch *batch;
    if (generator->draft.count == 0) {
        return WEIR_OK;
    }
    int32_t rc = draft_build(&generator->draft, context, &generator->readings, generator->wanted,
                             generator->has_changelog, &batch);
    return rc == WEIR_OK ? weir_emit(context, WEIR_OUTPUT_MAIN, batch) : rc;
}

// Drafts what is due, a good batch of it at most.
static void generator_draft_due(struct generator *generator, int64_t now_us, int64_t limit)
{
    for (uint32_t chunk = 0; chunk < GENERATOR_CHUNKS_MAX; chunk++) {
        int64_t left = limit - generator->at;
        if (left <= 0 || generator->draft.count >= GENERATOR_BATCH_ROWS / 2) {
            return;
        }
        generator_draft(generator, now_us / 1000,
                        left < GENERATOR_CHUNK ? (uint32_t)left : GENERATOR_CHUNK);
    }
}

static int32_t generator_poll(void *instance, struct weir_context *context)
{
    struct generator *generator = instance;
    if (generator->replay != NULL) {
        return replay_poll(generator, context);
    }
    if (generator->owned_count == 0) {
        return WEIR_END;
    }
    int64_t now_us = weir_now_us(context), limit = generator_limit(generator, now_us);
    generator_draft_due(generator, now_us, limit);
    int32_t rc = generator_emit(generator, context);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (generator->at >= generator->max_rows) {
        return WEIR_END;
    }
    return generator->at < limit ? WEIR_MORE : generator_wait(generator, context, now_us);
}

static const void *generator_extension(const char *id)
{
    return strcmp(id, WEIR_STATE_1) == 0 ? &generator_state_table : NULL;
}

static const struct weir_operator sensors_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_SOURCE,
    .name = "generator.sensors",
    .summary = "Makes readings of sensors at a given rate, as the benchmark's producer does",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = generator_create,
    .negotiate = generator_negotiate,
    .open = generator_open,
    .poll = generator_poll,
    .close = generator_close,
    .destroy = free,
    .extension = generator_extension,
};

static const struct weir_operator *const operators[] = {&sensors_operator};

static const struct weir_plugin plugin = {
    .size = sizeof plugin,
    .abi_version = WEIR_ABI_VERSION,
    .host_version_min = WEIR_ABI_MAJOR << 16,
    .operator_count = sizeof operators / sizeof operators[0],
    .name = "generator",
    .version = "0.1.0",
    .licence = "Apache-2.0",
    .operators = operators,
};

const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    (void)host_version;
    return &plugin;
}
