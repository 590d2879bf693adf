// The window alone: 12 aggregates over four float64 columns, count, first and last, 100,000 int32
// keys, one core. Rows all differ; batches come from memory, in batches of one bucket and with keys
// mixed. usage: bench_window [LIMIT]
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/readings.h"
#include "data/batch.h"
#include "data/key.h"
#include "host/instance.h"
#include "host/negotiation.h"
#include "lua/lua.h"

#define KEY_COUNT 100000u
#define GROUP_COUNT 128u
#define BATCH_ROWS 16384u
#define BATCH_COUNT 512u // 8 M rows
#define ROUNDS 5

static const char *const twelve =
    "by = 'sensor_id', tumbling = '1m', time = 'processing', "
    "w.stats { 'temperature', 'humidity', 'pressure', 'battery_level', "
    "compute = { 'sum', 'min', 'max', 'avg' }, as = '{fn}_{column}' }, "
    "set = { count = w.count(), first = w.min 'timestamp', last = w.max 'timestamp' }";
static const char *const sensor_job =
    "by = 'sensor_id', tumbling = '1m', time = 'processing', "
    "w.stats { 'temperature', 'humidity', 'pressure', 'battery_level', "
    "compute = { 'sum', 'min', 'max', 'avg' }, as = '{fn}_{column}' }, "
    "set = { count = w.count(), first = w.min 'timestamp', last = w.max 'timestamp', "
    "sensor_type = w.first 'sensor_type', status = w.last('status', { by = 'timestamp' }) }";

struct work {
    const struct weir_operator *description;
    struct options *options;
    struct negotiation *negotiation;
    struct instance *instance;
    struct manual_clock clock;
    const struct weir_batch *const *batches;
    uint64_t emitted; // rows in, by the counts of what came out
};

static void require(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench window: %s\n", what);
        exit(1);
    }
}

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 7;
    state ^= state >> 9;
    return state;
}

// --- Rows ---

static const struct weir_batch *make_mixed(uint32_t number)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    require(batch_builder_create(&readings_schema, BATCH_ROWS, &builder) == 0,
            "no memory for rows");
    for (uint32_t c = 0; c < READINGS_FIELD_COUNT; c++) {
        void *values = batch_builder_values(builder, c);
        for (uint32_t i = 0; i < BATCH_ROWS; i++) {
            if (c == 0) {
                ((int32_t *)values)[i] = (int32_t)(next_random() % KEY_COUNT);
            } else if (c == READINGS_FIELD_COUNT - 1) {
                ((int64_t *)values)[i] = 1700000000000 + (number * (int64_t)BATCH_ROWS + i) / 2000;
            } else if (readings_fields[c].type.id == WEIR_TYPE_INT32) {
                ((int32_t *)values)[i] = (int32_t)(next_random() % 8) + 1;
            } else {
                ((double *)values)[i] = (double)(next_random() >> 11) * 0x1p-53 * 30 + 10;
            }
        }
    }
    require(batch_builder_finish(builder, BATCH_ROWS, &batch) == 0, "no memory for rows");
    return batch;
}

// The rows of one key group out of GROUP_COUNT mixed batches, about as many as one of them has.
static const struct weir_batch *make_bucket(const struct weir_batch *const *mixed,
                                            uint32_t *const *groups, uint32_t group)
{
    static uint32_t rows[BATCH_ROWS];
    struct batch_builder *builder;
    const struct weir_batch *batch;
    uint32_t total = 0, capacity = BATCH_ROWS * 2;
    require(batch_builder_create(&readings_schema, capacity, &builder) == 0, "no memory for rows");
    for (uint32_t b = 0; b < GROUP_COUNT; b++) {
        uint32_t count = 0;
        for (uint32_t i = 0; i < BATCH_ROWS; i++) {
            rows[count] = i;
            count += groups[b][i] == group;
        }
        for (uint32_t c = 0; c < READINGS_FIELD_COUNT; c++) {
            require(batch_builder_gather(builder, c, mixed[b], c, rows, count) == 0, "no memory");
        }
        total += count;
    }
    batch_builder_times(builder, (int32_t)group, WEIR_TIME_NONE, WEIR_TIME_NONE, 0);
    require(batch_builder_finish(builder, total, &batch) == 0, "no memory for rows");
    return batch;
}

// The same rows in batches of one bucket.
static void make_buckets(const struct weir_batch *const *mixed, const struct weir_batch **out)
{
    uint32_t *groups[GROUP_COUNT], key = 0;
    for (uint32_t b = 0; b < GROUP_COUNT; b++) {
        groups[b] = malloc(BATCH_ROWS * sizeof *groups[b]);
        require(groups[b] != NULL, "no memory for rows");
    }
    for (uint32_t first = 0; first < BATCH_COUNT; first += GROUP_COUNT) {
        for (uint32_t b = 0; b < GROUP_COUNT; b++) {
            key_groups(mixed[first + b], &key, 1, GROUP_COUNT, groups[b]);
        }
        for (uint32_t g = 0; g < GROUP_COUNT; g++) {
            out[first + g] = make_bucket(mixed + first, groups, g);
        }
    }
    for (uint32_t b = 0; b < GROUP_COUNT; b++) {
        free(groups[b]);
    }
}

// --- The operator on the host ---

static const struct weir_operator *find_operator(void)
{
    char path[4096];
    const char *root = getenv("WEIR_BUILD_ROOT");
    snprintf(path, sizeof path, "%s/plugins/operators.so", root != NULL ? root : "build");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    require(library != NULL, "build/plugins/operators.so is not there");
    const struct weir_plugin *(*entry)(uint32_t) = NULL;
    void *symbol = dlsym(library, "weir_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    const struct weir_plugin *plugin = entry(WEIR_ABI_VERSION);
    for (uint32_t i = 0; i < plugin->operator_count; i++) {
        if (strcmp(plugin->operators[i]->name, "window") == 0) {
            return plugin->operators[i];
        }
    }
    require(0, "operators.so has no window");
    return NULL;
}

static int32_t count_rows(struct instance *instance, uint32_t output,
                          const struct weir_batch *batch)
{
    struct work *work = instance->owner;
    int32_t column = weir_schema_find(batch->schema, "count");
    for (uint32_t i = 0; output == 0 && i < batch->row_count; i++) {
        work->emitted += (uint64_t)((const int64_t *)batch->columns[column].values)[i];
    }
    batch_unref(batch);
    return WEIR_OK;
}

static const struct instance_hooks hooks = {.emit = count_rows};

static void open_window(struct work *work, const char *text)
{
    struct diagnostics diagnostics = {0};
    struct error error = {0};
    json_t *values = lua_options(text, &error);
    require(values != NULL, error.text);
    struct options_request request = {.descriptors = work->description->options,
                                      .descriptor_count = work->description->option_count,
                                      .values = values,
                                      .owner = "operator `window`",
                                      .stage = "window"};
    manual_clock_init(&work->clock, 1700000000000000);
    work->options = options_create(&request, &diagnostics);
    struct instance_request instance = {.host = &host_weir,
                                        .description = work->description,
                                        .plugin = "operators",
                                        .stage = "window",
                                        .options = work->options,
                                        .hooks = &hooks,
                                        .owner = work,
                                        .clock = &work->clock.clock};
    if (work->options == NULL || instance_create(&instance, &work->instance, &error) != WEIR_OK) {
        diagnostics_print(&diagnostics, stderr);
        require(0, error.text);
    }
    work->negotiation = negotiation_create(work->instance, 1);
    negotiation_set_input(work->negotiation, 0, &readings_schema, WEIR_KINDS_INSERT, -1, 0);
    work->negotiation->inputs[0].bucket_is_group = 1;
    if (negotiation_schemas(work->negotiation, work->options, &diagnostics) != 0) {
        diagnostics_print(&diagnostics, stderr);
        require(0, "the options do not fit");
    }
    negotiation_want_output(work->negotiation, 0, NULL, WEIR_KINDS_ALL);
    require(negotiation_wants(work->negotiation, &diagnostics) == 0, "negotiation");
    require(instance_open(work->instance, work->negotiation) == WEIR_OK,
            work->instance->error.text);
    json_decref(values);
}

static void close_window(struct work *work)
{
    instance_destroy(work->instance);
    negotiation_destroy(work->negotiation);
    options_destroy(work->options);
}

static void pass_all(void *argument)
{
    struct work *work = argument;
    for (uint32_t b = 0; b < BATCH_COUNT; b++) {
        require(instance_process(work->instance, 0, work->batches[b]) == WEIR_OK,
                work->instance->error.text);
    }
}

static double measure(struct work *work, const struct weir_batch *const *batches, const char *text)
{
    work->batches = batches;
    work->emitted = 0;
    open_window(work, text);
    pass_all(work); // makes the slots
    double best = bench_best(pass_all, work, ROUNDS);
    int32_t rc = WEIR_MORE;
    while (rc == WEIR_MORE) {
        rc = instance_end_input(work->instance, 0);
    }
    require(rc == WEIR_OK, work->instance->error.text);
    require(work->emitted == (uint64_t)(ROUNDS + 1) * BATCH_COUNT * BATCH_ROWS,
            "the counts do not add up to the rows");
    close_window(work);
    return BATCH_COUNT * BATCH_ROWS / best / 1e6;
}

int main(int count, char **arguments)
{
    static const struct weir_batch *mixed[BATCH_COUNT], *buckets[BATCH_COUNT];
    struct work work = {.description = find_operator()};
    double limit = count > 1 ? atof(arguments[1]) : 0;
    for (uint32_t b = 0; b < BATCH_COUNT; b++) {
        mixed[b] = make_mixed(b);
    }
    make_buckets(mixed, buckets);
    bench_print("window.sensor_job.mixed", measure(&work, mixed, sensor_job), "M rows/s", limit);
    bench_print("window.sensor_job.bucket", measure(&work, buckets, sensor_job), "M rows/s", limit);
    bench_print("window.mixed", measure(&work, mixed, twelve), "M rows/s", limit);
    bench_print("window.bucket", measure(&work, buckets, twelve), "M rows/s", limit);
    for (uint32_t b = 0; b < BATCH_COUNT; b++) {
        batch_unref(mixed[b]);
        batch_unref(buckets[b]);
    }
    return 0;
}
