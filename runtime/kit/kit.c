#include "weir/kit.h"

#include <assert.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "data/schema.h"
#include "kit/kit_body.h"
#include "lua/lua.h"

#define CALLS_MAX 1000000u // of one operator with one batch: it never ends
#define WAKE_SECONDS 10

static uint64_t fail_at_open;

// --- Errors ---

int32_t kit_fail(struct weir_kit *kit, int32_t error_class, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (kit->error_class == 0) {
        kit->error_class = error_class;
        text_print(&kit->error, "%s", text);
    }
    return error_class;
}

static void fail_diagnostics(struct weir_kit *kit, const struct diagnostics *diagnostics)
{
    struct text text = {0};
    for (const struct diagnostic *at = diagnostics->first; at != NULL; at = at->next) {
        text_print(&text, "%s%s: %s", text.length > 0 ? "\n" : "", at->code, at->message);
        if (at->available != NULL) {
            text_print(&text, "; available: %s", at->available);
        }
        if (at->help != NULL) {
            text_print(&text, "; %s", at->help);
        }
    }
    kit_fail(kit, WEIR_ERROR_CONFIG, "%s", text.at != NULL ? text.at : "refused");
    text_finish(&text);
}

void kit_enter(struct weir_kit *kit)
{
    ledger_activate(&kit->ledger);
    memory_fail_at(kit->fail_at);
}

int32_t kit_leave(struct weir_kit *kit, int32_t rc)
{
    kit->fail_at = memory_fail_left();
    memory_fail_at(0);
    ledger_settle(&kit->ledger);
    if (kit->ledger.fault[0] != '\0') {
        return kit_fail(kit, WEIR_ERROR_FATAL, "%s", kit->ledger.fault);
    }
    return rc < 0 ? kit_fail(kit, rc, "%s", kit->instance->error.text) : rc;
}

// --- What the operator says ---

static int32_t hook_emit(struct instance *instance, uint32_t output, const struct weir_batch *batch)
{
    struct weir_kit *kit = instance->owner;
    struct kit_output *out = &kit->outputs[output];
    const struct weir_batch **batches =
        realloc(out->batches, (out->count + 1) * sizeof(const struct weir_batch *));
    if (batches == NULL) {
        abort();
    }
    out->batches = batches;
    batches[out->count++] = batch;
    return WEIR_OK;
}

static void hook_log(struct instance *instance, uint32_t level, const char *text)
{
    static const char *const names[] = {"", "debug", "info", "warning", "error"};
    struct weir_kit *kit = instance->owner;
    text_print(&kit->log, "%s: %s\n", level <= WEIR_LOG_ERROR ? names[level] : "?", text);
}

// Optional tables that kits offer.
static struct {
    const char *id;
    const void *table;
} extensions[8];

void weir_kit_extension(const char *id, const void *table)
{
    uint32_t at = 0;
    while (extensions[at].id != NULL && strcmp(extensions[at].id, id) != 0) {
        at++;
        assert(at < sizeof extensions / sizeof extensions[0]);
    }
    extensions[at].id = id;
    extensions[at].table = table;
}

const void *kit_hook_extension(struct instance *instance, const char *id)
{
    (void)instance;
    for (uint32_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        if (extensions[i].id != NULL && strcmp(extensions[i].id, id) == 0) {
            return extensions[i].table;
        }
    }
    return NULL;
}

static void hook_wake(struct instance *instance);

static const struct instance_hooks hooks = {.emit = hook_emit,
                                            .wake = hook_wake,
                                            .log = hook_log,
                                            .resource = kit_hook_resource,
                                            .listen = kit_hook_listen,
                                            .extension = kit_hook_extension};

// --- Opening ---

// 1 if it goes by this name, or by its kind and this name: "sink file".
static int is_called(const struct weir_operator *description, const char *name)
{
    static const char *const kinds[] = {"", "source ", "transform ", "sink ", "service "};
    const char *kind = kinds[description->kind <= WEIR_OPERATOR_SERVICE ? description->kind : 0];
    size_t length = strlen(kind);
    return strcmp(description->name, name) == 0 ||
           (strncmp(name, kind, length) == 0 && strcmp(description->name, name + length) == 0);
}

static const struct weir_operator *find_operator(struct weir_kit *kit, const char *name)
{
    struct text names = {0};
    for (uint32_t i = 0; i < kit->plugin->operator_count; i++) {
        const struct weir_operator *description = kit->plugin->operators[i];
        if (is_called(description, name)) {
            text_finish(&names);
            return description;
        }
        text_print(&names, "%s%s", i > 0 ? ", " : "", description->name);
    }
    kit_fail(kit, WEIR_ERROR_CONFIG, "plugin `%s` has no operator `%s`; available: %s",
             kit->plugin->name, name, names.at != NULL ? names.at : "none");
    text_finish(&names);
    return NULL;
}

static const char *environment(void *owner, const char *kind, const char *name)
{
    (void)owner;
    return kind[0] == 'e' ? getenv(name) : NULL;
}

// The options that are the host's in a pipeline, too.
static const char *const host_options[] = {"on_error", "event_time", NULL};

static void take_host_options(struct weir_kit *kit, const json_t *values)
{
    const char *on_error = json_string_value(json_object_get(values, "on_error"));
    const char *event_time = json_string_value(json_object_get(values, "event_time"));
    kit->on_error =
        on_error != NULL && strcmp(on_error, "reject") == 0 ? ON_ERROR_REJECT : ON_ERROR_FAIL;
    kit->event_time = event_time != NULL ? strdup(event_time) : NULL;
}

struct options *kit_options(struct weir_kit *kit, const char *what, const char *name,
                            const struct weir_option *descriptors, uint32_t descriptor_count,
                            const char *text, json_t **values)
{
    struct error error = {0};
    struct diagnostics diagnostics = {0};
    char owner[256];
    *values = lua_options(text != NULL ? text : "", &error);
    if (*values == NULL) {
        kit_fail(kit, WEIR_ERROR_CONFIG, "cannot read the options `%s`: %s", text, error.text);
        return NULL;
    }
    snprintf(owner, sizeof owner, "%s `%s`", what, name);
    struct options *options =
        options_create(&(struct options_request){.descriptors = descriptors,
                                                 .descriptor_count = descriptor_count,
                                                 .values = *values,
                                                 .owner = owner,
                                                 .stage = name,
                                                 .others = host_options,
                                                 .reference = environment},
                       &diagnostics);
    if (options == NULL) {
        fail_diagnostics(kit, &diagnostics);
    }
    diagnostics_finish(&diagnostics);
    return options;
}

static int32_t make_options(struct weir_kit *kit, const char *text)
{
    const struct weir_operator *description = kit->description;
    json_t *values;
    kit->options = kit_options(kit, "operator", description->name, description->options,
                               description->option_count, text, &values);
    if (values != NULL) {
        take_host_options(kit, values);
    }
    json_decref(values);
    return kit->error_class;
}

static int32_t make_instance(struct weir_kit *kit)
{
    struct error error = {0};
    uint32_t count = WEIR_KEY_GROUPS;
    struct instance_request request = {.host = &kit->host,
                                       .description = kit->description,
                                       .plugin = kit->plugin->name,
                                       .stage = kit->description->name,
                                       .options = kit->options,
                                       .hooks = &hooks,
                                       .owner = kit,
                                       .clock = &kit->clock.clock,
                                       .metrics = kit->metrics,
                                       .on_error = kit->on_error,
                                       .task_index = kit->task_index,
                                       .task_count = kit->task_count,
                                       .group_first = kit->task_index * count / kit->task_count,
                                       .group_end = (kit->task_index + 1) * count / kit->task_count,
                                       .group_count = count};
    kit_enter(kit);
    int32_t rc = instance_create(&request, &kit->instance, &error);
    if (rc != WEIR_OK) {
        kit_fail(kit, rc, "%s", error.text);
    }
    return kit_leave(kit, WEIR_OK) != WEIR_OK ? kit->error_class : rc;
}

static struct weir_kit *new_kit(void)
{
    struct weir_kit *kit = calloc(1, sizeof *kit);
    if (kit == NULL) {
        abort();
    }
    manual_clock_init(&kit->clock, WEIR_KIT_START_US);
    ledger_install(&kit->host);
    pthread_mutex_init(&kit->lock, NULL);
    pthread_cond_init(&kit->woken, NULL);
    kit->task_count = 1;
    kit->bucket = WEIR_BUCKET_NONE;
    kit->fail_at = fail_at_open;
    kit->metrics = metrics_create();
    fail_at_open = 0;
    return kit;
}

static void open_operator(struct weir_kit *kit, const char *name, const char *options)
{
    kit->description = find_operator(kit, name);
    if (kit->description != NULL && make_options(kit, options) == WEIR_OK) {
        kit->output_count = operator_rejected_output(kit->description) + 1;
        kit->outputs = calloc(kit->output_count, sizeof *kit->outputs);
        make_instance(kit);
    }
}

struct weir_kit *weir_kit_open_plugin(const struct weir_plugin *plugin, const char *name,
                                      const char *options)
{
    struct weir_kit *kit = new_kit();
    kit->plugin = plugin;
    open_operator(kit, name, options);
    return kit;
}

struct weir_kit *weir_kit_open(const char *path, const char *name, const char *options)
{
    struct weir_kit *kit = new_kit();
    const struct weir_plugin *(*entry)(uint32_t) = NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library != NULL) {
        *(void **)&entry = dlsym(library, "weir_plugin_entry");
    }
    kit->plugin = entry != NULL ? entry(WEIR_ABI_VERSION) : NULL;
    if (library == NULL) {
        kit_fail(kit, WEIR_ERROR_CONFIG, "cannot open the plugin: %s", dlerror());
    } else if (kit->plugin == NULL) {
        kit_fail(kit, WEIR_ERROR_CONFIG,
                 entry == NULL ? "%s exports no weir_plugin_entry" : "%s refuses this host", path);
    } else if (kit->plugin->host_version_min > WEIR_ABI_VERSION) {
        kit_fail(kit, WEIR_ERROR_UNSUPPORTED, "%s needs host version %u.%u, this kit is %u.%u",
                 path, kit->plugin->host_version_min >> 16, kit->plugin->host_version_min & 0xffff,
                 WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
    } else {
        open_operator(kit, name, options);
    }
    return kit;
}

// --- Before the first row ---

static struct kit_input *add_input(struct weir_kit *kit, struct weir_schema *schema)
{
    struct kit_input *inputs = realloc(kit->inputs, (kit->input_count + 1) * sizeof *inputs);
    if (inputs == NULL) {
        abort();
    }
    kit->inputs = inputs;
    inputs[kit->input_count] = (struct kit_input){.schema = schema, .kinds = WEIR_KINDS_INSERT};
    return &inputs[kit->input_count++];
}

void weir_kit_input(struct weir_kit *kit, const char *columns)
{
    struct weir_schema *schema = kit_read_schema(kit, columns);
    if (schema != NULL) {
        add_input(kit, schema);
    }
}

static struct kit_input *input_of(struct weir_kit *kit, uint32_t input)
{
    if (input >= kit->input_count) {
        kit_fail(kit, WEIR_ERROR_CONFIG, "there is no input %u: %u declared (weir_kit_input)",
                 input, kit->input_count);
        return NULL;
    }
    return &kit->inputs[input];
}

void weir_kit_input_kinds(struct weir_kit *kit, uint32_t input, uint32_t kinds)
{
    struct kit_input *in = input_of(kit, input);
    if (in != NULL) {
        in->kinds = kinds;
    }
}

void weir_kit_input_time(struct weir_kit *kit, uint32_t input, const char *column)
{
    struct kit_input *in = input_of(kit, input);
    if (in != NULL && weir_schema_find(in->schema, column) < 0) {
        kit_fail(kit, WEIR_ERROR_CONFIG, "input %u has no column `%s`", input, column);
    } else if (in != NULL) {
        free(in->event_time);
        in->event_time = strdup(column);
    }
}

struct kit_output *kit_output_of(struct weir_kit *kit, const char *name, uint32_t *number)
{
    int32_t output = kit->outputs != NULL ? operator_output(kit->description, name) : -1;
    if (output < 0) {
        kit_fail(kit, WEIR_ERROR_CONFIG, "the operator has no output `%s`",
                 name != NULL ? name : "");
        return NULL;
    }
    *number = (uint32_t)output;
    return &kit->outputs[output];
}

void weir_kit_want(struct weir_kit *kit, const char *output, const char *columns)
{
    uint32_t number;
    struct kit_output *out = kit_output_of(kit, output, &number);
    if (out != NULL) {
        free(out->wanted);
        out->wanted = strdup(columns);
    }
}

void weir_kit_task(struct weir_kit *kit, uint32_t index, uint32_t count)
{
    if (kit->error_class != 0) {
        return;
    }
    kit_enter(kit);
    instance_destroy(kit->instance);
    kit->instance = NULL;
    kit_leave(kit, WEIR_OK);
    kit->task_index = index;
    kit->task_count = count;
    make_instance(kit);
}

static void want(struct weir_kit *kit, uint32_t output)
{
    const struct weir_schema *schema = kit->negotiation->outputs[output].schema;
    const char *at = kit->outputs[output].wanted;
    if (at == NULL || schema == NULL) {
        negotiation_want_output(kit->negotiation, output, NULL, WEIR_KINDS_ALL);
        return;
    }
    uint8_t *columns = calloc(1, weir_bit_bytes(schema->field_count) + 1);
    for (char *name = kit_next_item(&at); name != NULL; name = kit_next_item(&at)) {
        int32_t column = weir_schema_find(schema, name);
        if (column < 0) {
            kit_fail(kit, WEIR_ERROR_CONFIG, "output %u has no column `%s`", output, name);
        } else {
            weir_bit_set(columns, (uint32_t)column, 1);
        }
        free(name);
    }
    negotiation_want_output(kit->negotiation, output, columns, WEIR_KINDS_ALL);
    free(columns);
}

static void set_event_time(struct weir_kit *kit)
{
    struct negotiation_output *out = &kit->negotiation->outputs[0];
    if (kit->event_time == NULL || out->schema == NULL) {
        return;
    }
    out->event_time = weir_schema_find(out->schema, kit->event_time);
    if (out->event_time < 0) {
        kit_fail(kit, WEIR_ERROR_CONFIG, "event_time: the output has no column `%s`",
                 kit->event_time);
    }
}

static int32_t negotiate(struct weir_kit *kit)
{
    struct diagnostics diagnostics = {0};
    kit->negotiation = negotiation_create(kit->instance, kit->input_count);
    for (uint32_t i = 0; i < kit->input_count; i++) {
        const struct kit_input *in = &kit->inputs[i];
        negotiation_set_input(
            kit->negotiation, i, in->schema, in->kinds,
            in->event_time != NULL ? weir_schema_find(in->schema, in->event_time) : -1, 1);
    }
    int rc = negotiation_schemas(kit->negotiation, kit->options, &diagnostics);
    for (uint32_t i = 0; rc == 0 && i < kit->output_count; i++) {
        want(kit, i);
    }
    if (rc == 0) {
        set_event_time(kit);
        rc = negotiation_wants(kit->negotiation, &diagnostics);
    }
    if (rc != 0) {
        fail_diagnostics(kit, &diagnostics);
    }
    diagnostics_finish(&diagnostics);
    return kit->error_class;
}

int32_t kit_ready(struct weir_kit *kit)
{
    if (kit->error_class == 0 && !kit->is_started) {
        kit->is_started = 1;
        kit_enter(kit);
        int32_t rc = negotiate(kit);
        if (rc == WEIR_OK) {
            rc = instance_open(kit->instance, kit->negotiation);
        }
        kit_leave(kit, rc);
    }
    return kit->error_class;
}

int32_t weir_kit_start(struct weir_kit *kit)
{
    return kit_ready(kit);
}

// --- Driving ---

// One of the calls that an operator may ask to get again.
enum call { CALL_PROCESS, CALL_END_INPUT, CALL_TIMERS, CALL_WATERMARK };

static int32_t call_once(struct weir_kit *kit, enum call call, uint32_t input,
                         const struct weir_batch *batch, int64_t time_us)
{
    switch (call) {
    case CALL_PROCESS:
        return instance_process(kit->instance, input, batch);
    case CALL_END_INPUT:
        return instance_end_input(kit->instance, input);
    case CALL_TIMERS:
        return instance_timers(kit->instance);
    default:
        return instance_watermark(kit->instance, time_us);
    }
}

static void set_woken(struct weir_kit *kit, int is_woken)
{
    pthread_mutex_lock(&kit->lock);
    kit->is_woken = is_woken;
    pthread_cond_broadcast(&kit->woken);
    pthread_mutex_unlock(&kit->lock);
}

static void hook_wake(struct instance *instance)
{
    set_woken(instance->owner, 1);
}

// After WEIR_WAIT: until a thread of the operator wakes it, or with the clock at the time that it
// named. 0: neither came.
static int wait_for_wake(struct weir_kit *kit)
{
    struct timespec until;
    int64_t wake_at_us = kit->instance->wake_at_us;
    int rc = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAKE_SECONDS;
    pthread_mutex_lock(&kit->lock);
    while (!kit->is_woken && wake_at_us == TIMER_NONE && rc == 0) {
        rc = pthread_cond_timedwait(&kit->woken, &kit->lock, &until);
    }
    int is_woken = kit->is_woken;
    pthread_mutex_unlock(&kit->lock);
    if (!is_woken && wake_at_us != TIMER_NONE && wake_at_us > kit->clock.time_us) {
        kit->clock.time_us = wake_at_us;
    }
    return is_woken || wake_at_us != TIMER_NONE;
}

static int32_t call_through(struct weir_kit *kit, enum call call, uint32_t input,
                            const struct weir_batch *batch, int64_t time_us)
{
    int32_t rc = WEIR_MORE;
    for (uint32_t i = 0; rc == WEIR_MORE || rc == WEIR_WAIT; i++) {
        if (i == CALLS_MAX) {
            return kit_fail(kit, WEIR_ERROR_FATAL,
                            "the operator has returned WEIR_MORE or WEIR_WAIT %u times for one %s",
                            i, call == CALL_PROCESS ? "batch" : "call");
        }
        set_woken(kit, 0);
        kit_enter(kit);
        rc = kit_leave(kit, call_once(kit, call, input, batch, time_us));
        if (rc == WEIR_WAIT && !wait_for_wake(kit)) {
            return kit_fail(kit, WEIR_ERROR_FATAL,
                            "the operator returned WEIR_WAIT for a %s and was not woken for %d s",
                            call == CALL_PROCESS ? "batch" : "call", WAKE_SECONDS);
        }
    }
    return rc;
}

static int32_t process(struct weir_kit *kit, uint32_t input, const struct weir_batch *batch)
{
    return call_through(kit, CALL_PROCESS, input, batch, 0);
}

static int32_t send(struct weir_kit *kit, uint32_t input, const struct weir_batch *batch)
{
    struct kit_input *in = &kit->inputs[input];
    struct weir_batch *head = (struct weir_batch *)batch; // the kit has just made it
    head->bucket = kit->bucket;
    head->entered_us = kit->clock.time_us;
    if (in->event_time != NULL) {
        batch_time_range(batch, (uint32_t)weir_schema_find(in->schema, in->event_time),
                         &head->time_min_us, &head->time_max_us);
    }
    int32_t rc = process(kit, input, batch);
    batch_unref(batch);
    return rc;
}

int32_t weir_kit_send_rows(struct weir_kit *kit, uint32_t input, ...)
{
    const char **rows = NULL;
    uint32_t count = 0;
    const struct weir_batch *batch;
    va_list arguments;
    if (kit_ready(kit) != WEIR_OK || input_of(kit, input) == NULL) {
        return kit->error_class;
    }
    va_start(arguments, input);
    for (const char *row = va_arg(arguments, const char *); row != NULL;
         row = va_arg(arguments, const char *)) {
        rows = realloc(rows, (count + 1) * sizeof *rows);
        if (rows == NULL) {
            abort();
        }
        rows[count++] = row;
    }
    va_end(arguments);
    int rc = kit_read_rows(kit, kit->inputs[input].schema, rows, count, &batch);
    free(rows);
    return rc == 0 ? send(kit, input, batch) : kit->error_class;
}

static int32_t send_array(struct weir_kit *kit, const char *column, uint8_t type,
                          uint32_t row_count, const void *values)
{
    struct batch_builder *builder;
    const struct weir_batch *batch = NULL;
    if (kit->input_count == 0 && kit->error_class == 0) {
        struct weir_field field = {column, weir_type_of(type)};
        add_input(kit, schema_create(&field, 1, NULL));
    }
    if (kit_ready(kit) != WEIR_OK) {
        return kit->error_class;
    }
    const struct weir_schema *schema = kit->inputs[0].schema;
    if (schema->field_count != 1 || schema->fields[0].type.id != type ||
        strcmp(schema->fields[0].name, column) != 0) {
        return kit_fail(kit, WEIR_ERROR_CONFIG, "input 0 is not one column `%s` of that type",
                        column);
    }
    if (batch_builder_create(schema, row_count > 0 ? row_count : 1, &builder) != 0) {
        return kit_fail(kit, WEIR_ERROR_CONFIG, "%u rows do not fit into a batch", row_count);
    }
    if (row_count > 0) {
        memcpy(batch_builder_values(builder, 0), values, (size_t)row_count * 8);
    }
    return batch_builder_finish(builder, row_count, &batch) == 0
               ? send(kit, 0, batch)
               : kit_fail(kit, WEIR_ERROR_FATAL, "no memory for %u rows", row_count);
}

int32_t weir_kit_send_int64(struct weir_kit *kit, const char *column, uint32_t row_count,
                            const int64_t *values)
{
    return send_array(kit, column, WEIR_TYPE_INT64, row_count, values);
}

int32_t weir_kit_send_float64(struct weir_kit *kit, const char *column, uint32_t row_count,
                              const double *values)
{
    return send_array(kit, column, WEIR_TYPE_FLOAT64, row_count, values);
}

void weir_kit_bucket(struct weir_kit *kit, int32_t bucket)
{
    kit->bucket = bucket;
}

int32_t weir_kit_poll(struct weir_kit *kit)
{
    if (kit_ready(kit) != WEIR_OK) {
        return kit->error_class;
    }
    if (kit->description->kind != WEIR_OPERATOR_SOURCE || kit->description->poll == NULL) {
        return kit_fail(kit, WEIR_ERROR_CONFIG, "operator `%s` is no source",
                        kit->description->name);
    }
    kit_enter(kit);
    return kit_leave(kit, instance_poll(kit->instance));
}

int32_t weir_kit_run(struct weir_kit *kit, uint32_t calls)
{
    int32_t rc = WEIR_MORE;
    for (uint32_t i = 0; i < calls && (rc == WEIR_MORE || rc == WEIR_WAIT); i++) {
        rc = weir_kit_poll(kit);
        if (rc == WEIR_WAIT) {
            if (kit->instance->wake_at_us == TIMER_NONE) {
                break;
            }
            if (kit->instance->wake_at_us > kit->clock.time_us) {
                kit->clock.time_us = kit->instance->wake_at_us;
            }
        }
    }
    return rc;
}

int32_t weir_kit_end_input(struct weir_kit *kit, uint32_t input)
{
    if (kit_ready(kit) != WEIR_OK || input_of(kit, input) == NULL) {
        return kit->error_class;
    }
    kit->inputs[input].has_ended = 1;
    return call_through(kit, CALL_END_INPUT, input, NULL, 0);
}

int32_t weir_kit_end(struct weir_kit *kit)
{
    int32_t rc = kit_ready(kit);
    for (uint32_t i = 0; rc == WEIR_OK && i < kit->input_count; i++) {
        rc = kit->inputs[i].has_ended ? WEIR_OK : weir_kit_end_input(kit, i);
    }
    return rc;
}

int64_t weir_kit_now(const struct weir_kit *kit)
{
    return kit->clock.time_us;
}

int32_t weir_kit_set_time(struct weir_kit *kit, int64_t time_us)
{
    int32_t rc = kit_ready(kit);
    while (rc == WEIR_OK && instance_next_timer(kit->instance) <= time_us) {
        int64_t next = instance_next_timer(kit->instance);
        kit->clock.time_us = next > kit->clock.time_us ? next : kit->clock.time_us;
        rc = call_through(kit, CALL_TIMERS, 0, NULL, 0);
    }
    kit->clock.time_us = time_us;
    return rc;
}

int32_t weir_kit_advance(struct weir_kit *kit, int64_t duration_us)
{
    return weir_kit_set_time(kit, kit->clock.time_us + duration_us);
}

int32_t weir_kit_watermark(struct weir_kit *kit, int64_t time_us)
{
    if (kit_ready(kit) != WEIR_OK) {
        return kit->error_class;
    }
    return call_through(kit, CALL_WATERMARK, 0, NULL, time_us);
}

void weir_kit_fail_allocation(struct weir_kit *kit, uint64_t n)
{
    *(kit != NULL ? &kit->fail_at : &fail_at_open) = n;
}

// --- Closing ---

static void free_outputs(struct weir_kit *kit)
{
    weir_kit_clear(kit);
    for (uint32_t i = 0; i < kit->output_count; i++) {
        free(kit->outputs[i].wanted);
        text_finish(&kit->outputs[i].text);
    }
    free(kit->outputs);
}

static void free_inputs(struct weir_kit *kit)
{
    for (uint32_t i = 0; i < kit->input_count; i++) {
        free(kit->inputs[i].schema);
        free(kit->inputs[i].event_time);
    }
    free(kit->inputs);
}

void weir_kit_close(struct weir_kit *kit)
{
    const char *name = kit->description != NULL ? kit->description->name : "weir_kit_close";
    if (kit->error_class != 0 && !kit->is_error_seen) {
        kit_report(name, 0, "error that nobody looked at: %s", kit->error.at);
    }
    ledger_activate(&kit->ledger);
    instance_destroy(kit->instance);
    kit_free_resources(kit);
    kit_free_requests(kit);
    if (kit->ledger.fault[0] != '\0' && kit->error_class == 0) {
        kit_report(name, 0, "%s", kit->ledger.fault);
    }
    free_outputs(kit);
    const char *leak = ledger_finish(&kit->ledger);
    if (leak != NULL) {
        kit_report(name, 0, "%s", leak);
    }
    negotiation_destroy(kit->negotiation);
    options_destroy(kit->options);
    metrics_destroy(kit->metrics);
    free_inputs(kit);
    free(kit->event_time);
    text_finish(&kit->log);
    text_finish(&kit->scratch);
    text_finish(&kit->error);
    pthread_cond_destroy(&kit->woken);
    pthread_mutex_destroy(&kit->lock);
    free(kit);
}
