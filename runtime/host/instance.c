#include "host/instance.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/schema.h"
#include "host/instance_body.h"
#include "state/state.h"

_Thread_local struct instance_call *instance_current;

// --- Failing ---

const char *instance_who(const struct instance *instance, char *buffer, size_t size)
{
    const char *what = instance->description != NULL ? "operator"
                       : instance->resource != NULL  ? "resource"
                                                     : "command";
    const char *name = instance->description != NULL ? instance->description->name
                       : instance->resource != NULL  ? instance->resource->name
                                                     : instance->context.stage;
    snprintf(buffer, size, "%s `%s` of plugin `%s`", what, name, instance->plugin);
    return buffer;
}

int32_t instance_fail(struct instance *instance, int32_t error_class, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(instance->error.text, sizeof instance->error.text, format, arguments);
    va_end(arguments);
    instance->error.code = error_class;
    return error_class;
}

int32_t instance_errno(struct instance *instance, int rc, const char *what)
{
    if (rc == -ENOMEM) {
        return instance_fail(instance, WEIR_ERROR_FATAL, "no memory for %s", what);
    }
    if (rc == -EMSGSIZE) {
        return instance_fail(instance, WEIR_ERROR_DATA,
                             "%s: a value is above 16 MiB or the batch above 64 MiB", what);
    }
    return instance_fail(instance, WEIR_ERROR_FATAL, "%s: %s", what, strerror(-rc));
}

// --- Calls ---

void instance_enter(struct instance *instance, struct instance_call *call, const char *function,
                    const struct weir_batch *batch)
{
    struct instance_body *body = instance->body;
    *call = (struct instance_call){instance, function, batch, instance_current};
    instance_current = call;
    memory_forget_refused();
    instance->now_us = clock_now_us(instance->clock);
    instance->wake_at_us = TIMER_NONE;
    instance->error.code = 0;
    instance->error.text[0] = '\0';
    instance->is_downstream = 0;
    instance->emitted_rows = instance->emitted_bytes = 0;
    body->emit_rc = WEIR_OK;
    body->buffers_used = 0;
    if (body->is_evaluator_used) {
        evaluator_reset(body->evaluator);
        body->is_evaluator_used = 0;
    }
}

// Of a call that failed after it was refused memory, says so: the budget is not the plugin's to
// know.
static void explain_memory(struct instance *instance)
{
    char text[sizeof instance->error.text], why[256];
    if (memory_refused() != 0) {
        memory_explain_refused(why, sizeof why);
        snprintf(text, sizeof text, "%.1700s: %s", instance->error.text, why);
        memory_forget_refused();
        memcpy(instance->error.text, text, sizeof text);
    }
}

static int is_allowed(int32_t rc, uint32_t may)
{
    switch (rc) {
    case WEIR_OK:
        return (may & MAY_NOT_OK) == 0;
    case WEIR_MORE:
        return (may & MAY_MORE) != 0;
    case WEIR_WAIT:
        return (may & MAY_WAIT) != 0;
    case WEIR_END:
        return (may & MAY_END) != 0;
    default:
        return rc <= WEIR_ERROR_CONFIG && rc >= WEIR_ERROR_UNSUPPORTED;
    }
}

int32_t instance_leave(struct instance *instance, struct instance_call *call, int32_t rc,
                       uint32_t may)
{
    char who[256];
    instance_current = call->outer;
    if (instance->body->emit_rc != WEIR_OK) {
        return instance->body->emit_rc;
    }
    if (!is_allowed(rc, may)) {
        return instance_fail(instance, WEIR_ERROR_FATAL,
                             "%s returned %d from %s, which is no result of it: this is the "
                             "plugin's fault",
                             instance_who(instance, who, sizeof who), rc, call->function);
    }
    if (rc < 0 && instance->error.code == 0) {
        instance_fail(instance, rc, "%s failed in %s and did not say why",
                      instance_who(instance, who, sizeof who), call->function);
    }
    if (rc == WEIR_ERROR_FATAL) {
        explain_memory(instance);
    }
    return rc;
}

// --- Life ---

static void fill(struct instance *instance, const struct instance_request *request)
{
    uint32_t group_count = request->group_count != 0 ? request->group_count : WEIR_KEY_GROUPS;
    instance->context = (struct weir_context){
        .size = sizeof instance->context,
        .task_index = request->task_index,
        .task_count = request->task_count != 0 ? request->task_count : 1,
        .group_first = request->group_first,
        .group_end = request->group_end != 0 ? request->group_end : group_count,
        .group_count = group_count,
        .host = request->host,
        .stage =
            blocks_copy(&instance->body->blocks, request->stage != NULL ? request->stage : "")};
    instance->description = request->description;
    instance->resource = request->resource;
    instance->plugin =
        blocks_copy(&instance->body->blocks, request->plugin != NULL ? request->plugin : "?");
    instance->options = request->options;
    instance->hooks = request->hooks;
    instance->owner = request->owner;
    instance->clock = request->clock != NULL ? request->clock : &system_clock;
    instance->metrics = request->metrics;
    instance->on_error = request->on_error;
    instance->wake_at_us = TIMER_NONE;
    instance->watermark_us = WEIR_TIME_NONE;
}

static void find_tables(struct instance *instance)
{
    instance->timer_table = instance_extension(instance, WEIR_TIMER_1);
    instance->watermark_table = instance_extension(instance, WEIR_WATERMARK_1);
    instance->state_table = instance_extension(instance, WEIR_STATE_1);
    instance->service_table = instance_extension(instance, WEIR_SERVICE_1);
}

static int32_t call_create(struct instance *instance)
{
    struct instance_call call;
    int32_t rc = WEIR_OK;
    instance_enter(instance, &call, "create", NULL);
    if (instance->description != NULL) {
        rc = instance->description->create(&instance->context, &instance->self);
    } else if (instance->resource != NULL) {
        rc = instance->resource->create(&instance->context, &instance->self);
    }
    return instance_leave(instance, &call, rc, 0);
}

int32_t instance_create(const struct instance_request *request, struct instance **out,
                        struct error *error)
{
    static const struct instance_hooks no_hooks;
    struct instance *instance = calloc(1, sizeof *instance);
    struct instance_body *body = calloc(1, sizeof *body);
    if (instance == NULL || body == NULL) {
        free(instance);
        free(body);
        return error_set(error, WEIR_ERROR_FATAL, "no memory for stage `%s`", request->stage);
    }
    instance->body = body;
    fill(instance, request);
    instance->hooks = request->hooks != NULL ? request->hooks : &no_hooks;
    body->evaluator = evaluator_create();
    int32_t rc = body->evaluator != NULL ? call_create(instance)
                                         : instance_errno(instance, -ENOMEM, "expressions");
    if (rc != WEIR_OK) {
        error_set(error, rc, "%s", instance->error.text);
        instance->self = NULL; // a failed create has left nothing behind
        instance_destroy(instance);
        return rc;
    }
    find_tables(instance);
    *out = instance;
    return WEIR_OK;
}

static int make_ports(struct instance *instance)
{
    const struct negotiation *negotiation = instance->negotiation;
    struct instance_body *body = instance->body;
    body->port_count = negotiation->output_count;
    body->ports = blocks_add(&body->blocks, body->port_count * sizeof *body->ports);
    for (uint32_t i = 0; i < body->port_count; i++) {
        const struct negotiation_output *out = &negotiation->outputs[i];
        body->ports[i] = (struct port){.schema = out->schema,
                                       .name = out->name,
                                       .wanted = out->wanted,
                                       .wanted_kinds = out->wanted_kinds,
                                       .kinds = out->kinds,
                                       .event_time = out->event_time,
                                       .is_own_time = negotiation_is_own_time(negotiation, i)};
    }
    return 0;
}

int32_t instance_open(struct instance *instance, const struct negotiation *negotiation)
{
    struct instance_call call;
    int32_t rc = WEIR_OK;
    instance->negotiation = negotiation;
    if (negotiation != NULL) {
        make_ports(instance);
        if (negotiation->instance != instance && instance->description->negotiate != NULL) {
            rc = negotiation_repeat(negotiation, instance);
        }
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    instance_enter(instance, &call, "open", NULL);
    instance->now_us = instance->open_us != 0 ? instance->open_us : instance->now_us;
    if (instance->description != NULL && instance->description->open != NULL) {
        rc = instance->description->open(instance->self, &instance->context);
    } else if (instance->resource != NULL && instance->resource->open != NULL) {
        rc = instance->resource->open(instance->self, &instance->context);
    }
    rc = instance_leave(instance, &call, rc, 0);
    instance->is_open = rc == WEIR_OK;
    return rc;
}

static void close_tables(struct instance_body *body)
{
    for (; body->tables != NULL; body->tables = body->tables->next) {
        state_table_destroy(body->tables->table);
    }
}

void instance_close(struct instance *instance)
{
    struct instance_call call;
    if (instance->is_open) {
        instance->is_open = 0;
        instance_enter(instance, &call, "close", NULL);
        if (instance->description != NULL && instance->description->close != NULL) {
            instance->description->close(instance->self, &instance->context);
        } else if (instance->resource != NULL && instance->resource->close != NULL) {
            instance->resource->close(instance->self, &instance->context);
        }
        instance_leave(instance, &call, WEIR_OK, 0);
    }
}

static void destroy_self(struct instance *instance)
{
    struct instance_call call;
    instance_enter(instance, &call, "destroy", NULL);
    if (instance->description != NULL && instance->description->destroy != NULL) {
        instance->description->destroy(instance->self);
    } else if (instance->resource != NULL && instance->resource->destroy != NULL) {
        instance->resource->destroy(instance->self);
    }
    instance_leave(instance, &call, WEIR_OK, 0);
}

void instance_destroy(struct instance *instance)
{
    if (instance == NULL) {
        return;
    }
    struct instance_body *body = instance->body;
    instance_close(instance);
    if (instance->self != NULL) {
        destroy_self(instance);
    }
    rejects_finish(&body->rejects);
    close_tables(body);
    for (uint32_t i = 0; i < body->buffer_count; i++) {
        memory_free(body->buffers[i].rows, body->buffers[i].capacity * sizeof(uint32_t));
    }
    free(body->buffers);
    timers_finish(&instance->timers[0]);
    timers_finish(&instance->timers[1]);
    evaluator_destroy(body->evaluator);
    metrics_destroy(body->own_metrics);
    blocks_finish(&body->blocks);
    free(body);
    free(instance);
}

// --- Rows ---

// Rows that were rejected leave when the operator is done with their batch; after a failure nobody
// asks for them.
static int32_t settle(struct instance *instance, int32_t rc)
{
    if (instance->body->rejects.batch == NULL && instance->body->rejects.record_count == 0) {
        return rc;
    }
    if (rc < 0) {
        rejects_clear(&instance->body->rejects);
        return rc;
    }
    int32_t flushed = rejects_flush(instance);
    return flushed == WEIR_OK ? rc : flushed;
}

int32_t instance_process(struct instance *instance, uint32_t input, const struct weir_batch *batch)
{
    struct instance_call call;
    instance_enter(instance, &call, "process", batch);
    int32_t rc = instance->description->process(instance->self, &instance->context, input, batch);
    rc = instance_leave(instance, &call, rc, MAY_MORE | MAY_WAIT);
    return rc == WEIR_MORE || rc == WEIR_WAIT ? rc : settle(instance, rc);
}

int32_t instance_poll(struct instance *instance)
{
    struct instance_call call;
    instance_enter(instance, &call, "poll", NULL);
    int32_t rc = instance->description->poll(instance->self, &instance->context);
    rc = instance_leave(instance, &call, rc, MAY_MORE | MAY_WAIT | MAY_END | MAY_NOT_OK);
    return settle(instance, rc);
}

int32_t instance_end_input(struct instance *instance, uint32_t input)
{
    struct instance_call call;
    if (instance->description->end_input == NULL) {
        return WEIR_OK;
    }
    instance_enter(instance, &call, "end_input", NULL);
    int32_t rc = instance->description->end_input(instance->self, &instance->context, input);
    return settle(instance, instance_leave(instance, &call, rc, MAY_MORE | MAY_WAIT));
}

static int32_t fire(struct instance *instance, uint32_t clock, int64_t time_us)
{
    struct timer timer;
    int32_t rc = WEIR_OK;
    while (rc == WEIR_OK && timers_pop(&instance->timers[clock - 1], time_us, &timer)) {
        struct instance_call call;
        instance_enter(instance, &call, "timer", NULL);
        rc = instance->timer_table->timer(instance->self, &instance->context, clock, timer.time_us,
                                          timer.tag);
        rc = settle(instance, instance_leave(instance, &call, rc, MAY_MORE | MAY_WAIT));
        int is_called_again = rc == WEIR_MORE || rc == WEIR_WAIT || rc == WEIR_ERROR_RETRY;
        if (is_called_again &&
            timers_set(&instance->timers[clock - 1], timer.time_us, timer.tag) != 0) {
            rc = instance_errno(instance, -ENOMEM, "a timer");
        }
    }
    return rc;
}

int32_t instance_timers(struct instance *instance)
{
    if (instance->timers[WEIR_TIME_PROCESSING - 1].count == 0) {
        return WEIR_OK;
    }
    return fire(instance, WEIR_TIME_PROCESSING, clock_now_us(instance->clock));
}

int64_t instance_next_timer(const struct instance *instance)
{
    return timers_next(&instance->timers[WEIR_TIME_PROCESSING - 1]);
}

int32_t instance_watermark(struct instance *instance, int64_t time_us)
{
    int32_t rc = fire(instance, WEIR_TIME_EVENT, time_us);
    if (rc != WEIR_OK || instance->watermark_table == NULL) {
        return rc;
    }
    struct instance_call call;
    instance_enter(instance, &call, "watermark", NULL);
    rc = instance->watermark_table->watermark(instance->self, &instance->context, time_us);
    return settle(instance, instance_leave(instance, &call, rc, MAY_MORE | MAY_WAIT));
}

int32_t instance_answer(struct instance *instance, struct host_request *request)
{
    struct instance_call call;
    if (instance->service_table == NULL) {
        char who[256];
        return instance_fail(instance, WEIR_ERROR_UNSUPPORTED, "%s answers no requests",
                             instance_who(instance, who, sizeof who));
    }
    instance_enter(instance, &call, "request", NULL);
    int32_t rc =
        instance->service_table->request(instance->self, &instance->context, &request->request);
    return instance_leave(instance, &call, rc, 0);
}

const void *instance_extension(const struct instance *instance, const char *id)
{
    return instance->description != NULL && instance->description->extension != NULL
               ? instance->description->extension(id)
               : NULL;
}

uint64_t instance_memory_bytes(const struct instance *instance)
{
    uint64_t bytes = __atomic_load_n(&instance->memory_bytes, __ATOMIC_RELAXED);
    for (const struct open_table *at = instance->body->tables; at != NULL; at = at->next) {
        bytes += state_table_bytes(at->table);
    }
    return bytes;
}
