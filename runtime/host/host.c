// The host table: what a plugin's calls end in.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/batch.h"
#include "data/key.h"
#include "host/host_calls.h"
#include "host/instance_body.h"

#define YIELD_ROWS 65536u
#define YIELD_BYTES (4u << 20)

static struct instance *of(struct weir_context *context)
{
    return (struct instance *)context;
}

// --- Memory, talk, time ---

static void *host_allocate(struct weir_context *context, uint64_t byte_count)
{
    void *memory = memory_allocate(byte_count);
    if (memory != NULL) {
        __atomic_fetch_add(&of(context)->memory_bytes, byte_count, __ATOMIC_RELAXED);
    }
    return memory;
}

static void host_release(struct weir_context *context, void *memory, uint64_t byte_count)
{
    if (memory != NULL) {
        __atomic_fetch_sub(&of(context)->memory_bytes, byte_count, __ATOMIC_RELAXED);
        memory_free(memory, byte_count);
    }
}

static void host_log(struct weir_context *context, uint32_t level, const char *text)
{
    struct instance *instance = of(context);
    if (instance->hooks->log != NULL) {
        instance->hooks->log(instance, level, text);
    } else if (level > WEIR_LOG_DEBUG) {
        fprintf(stderr, "%s: %s\n", context->stage, text);
    }
}

static int32_t host_fail(struct weir_context *context, int32_t error_class, const char *text)
{
    return instance_fail(of(context), error_class, "%s", text);
}

// One reading for a whole call of the operator; other threads of a plugin read the clock itself.
static int64_t host_now_us(struct weir_context *context)
{
    const struct instance *instance = of(context);
    return instance_current != NULL && instance_current->instance == instance
               ? instance->now_us
               : clock_now_us(instance->clock);
}

static int64_t host_monotonic_ns(struct weir_context *context)
{
    return clock_monotonic_ns(of(context)->clock);
}

// --- Options and resources ---

static const struct weir_value *host_option(struct weir_context *context, const char *name)
{
    static const struct weir_value none = {.column = -1, .choice = -1};
    const struct weir_value *value = options_find(of(context)->options, name);
    return value != NULL ? value : &none;
}

static int32_t host_resource(struct weir_context *context, const char *option,
                             const char *interface_id, const void **table, void **out)
{
    struct instance *instance = of(context);
    const struct weir_value *value = host_option(context, option);
    if (value->type != WEIR_VALUE_RESOURCE) {
        return instance_fail(instance, WEIR_ERROR_CONFIG, "option `%s` names no resource", option);
    }
    struct instance *resource = instance->hooks->resource != NULL
                                    ? instance->hooks->resource(instance, value->as.string)
                                    : NULL;
    if (resource == NULL || resource->resource == NULL) {
        return instance_fail(instance, WEIR_ERROR_CONFIG,
                             "option `%s`: there is no resource `%s` here", option,
                             value->as.string);
    }
    if (strcmp(resource->resource->interface_id, interface_id) != 0) {
        return instance_fail(instance, WEIR_ERROR_CONFIG,
                             "option `%s` needs a resource that is a %s, but `%s` is a %s", option,
                             interface_id, value->as.string, resource->resource->interface_id);
    }
    *table = resource->resource->table;
    *out = resource->self;
    return WEIR_OK;
}

// --- Output ---

// The rows that were left out may have been the oldest: the old row of an update is as old as its
// key's last change.
static void narrow_times(const struct instance *instance, const struct weir_batch *selected)
{
    const struct port *port = instance->body->port_count > 0 ? &instance->body->ports[0] : NULL;
    if (port == NULL || port->schema == NULL || port->event_time < 0 ||
        selected->time_min_us == WEIR_TIME_NONE) {
        return;
    }
    uint32_t column = (uint32_t)port->event_time;
    if (column < selected->column_count &&
        selected->columns[column].encoding == WEIR_ENCODING_PLAIN &&
        strcmp(selected->schema->fields[column].name, port->schema->fields[column].name) == 0) {
        struct weir_batch *own = (struct weir_batch *)(uintptr_t)selected; // nobody else has it yet
        batch_time_range(own, column, &own->time_min_us, &own->time_max_us);
    }
}

static int32_t host_batch_select(struct weir_context *context, const struct weir_batch *batch,
                                 const uint32_t *rows, uint32_t row_count,
                                 const struct weir_batch **out)
{
    int rc = batch_select(batch, rows, row_count, out);
    if (rc != 0) {
        return instance_errno(of(context), rc, "selected rows");
    }
    narrow_times(of(context), *out);
    return WEIR_OK;
}

static int32_t host_emit(struct weir_context *context, uint32_t output,
                         const struct weir_batch *batch)
{
    return instance_emit(of(context), output, batch);
}

static int32_t host_should_yield(struct weir_context *context)
{
    struct instance *instance = of(context);
    return instance->emitted_rows >= YIELD_ROWS || instance->emitted_bytes >= YIELD_BYTES ||
           (instance->hooks->should_yield != NULL && instance->hooks->should_yield(instance));
}

static int32_t host_reject(struct weir_context *context, const struct weir_batch *batch,
                           uint32_t row, const char *reason)
{
    return rejects_row(of(context), batch, row, reason);
}

static int32_t host_reject_record(struct weir_context *context, const char *place,
                                  const char *reason, const void *record, uint32_t byte_count)
{
    return rejects_record(of(context), place, reason, record, byte_count);
}

static int32_t host_rejected(struct weir_context *context, const uint32_t **kept,
                             uint32_t *kept_count)
{
    return rejects_kept(of(context), kept, kept_count);
}

static void host_wake_at(struct weir_context *context, int64_t time_us)
{
    struct instance *instance = of(context);
    instance->wake_at_us = time_us < instance->wake_at_us ? time_us : instance->wake_at_us;
}

static int32_t host_watermark(struct weir_context *context, int64_t time_us)
{
    struct instance *instance = of(context);
    instance->watermark_us = time_us > instance->watermark_us ? time_us : instance->watermark_us;
    return WEIR_OK;
}

static void host_wake(struct weir_context *context)
{
    struct instance *instance = of(context);
    if (instance->hooks->wake != NULL) {
        instance->hooks->wake(instance);
    }
}

// --- Timers, metrics, keys ---

static int32_t host_timer_set(struct weir_context *context, uint32_t clock, int64_t time_us,
                              int64_t tag)
{
    struct instance *instance = of(context);
    char who[256];
    if (instance->timer_table == NULL || clock < WEIR_TIME_PROCESSING || clock > WEIR_TIME_EVENT) {
        return instance_fail(instance, WEIR_ERROR_FATAL,
                             "%s sets a timer %s; this is the plugin's fault",
                             instance_who(instance, who, sizeof who),
                             instance->timer_table == NULL ? "but has no weir.timer/1"
                                                           : "of a clock that there is not");
    }
    return timers_set(&instance->timers[clock - 1], time_us, tag) == 0
               ? WEIR_OK
               : instance_fail(instance, WEIR_ERROR_FATAL, "no memory for timers");
}

static void host_timer_cancel(struct weir_context *context, uint32_t clock, int64_t time_us,
                              int64_t tag)
{
    if (clock == WEIR_TIME_PROCESSING || clock == WEIR_TIME_EVENT) {
        timers_cancel(&of(context)->timers[clock - 1], time_us, tag);
    }
}

static struct weir_metric *host_metric_register(struct weir_context *context, uint32_t kind,
                                                const char *name, const char *unit,
                                                const char *summary)
{
    struct instance *instance = of(context);
    struct metrics *metrics = instance->metrics;
    if (metrics == NULL) {
        struct instance_body *body = instance->body;
        body->own_metrics = body->own_metrics != NULL ? body->own_metrics : metrics_create();
        metrics = body->own_metrics;
    }
    return metrics != NULL ? metrics_register(metrics, context->stage, context->task_index, kind,
                                              name, unit, summary)
                           : NULL;
}

static int32_t host_key_groups(struct weir_context *context, const struct weir_batch *batch,
                               const uint32_t *columns, uint32_t column_count, uint32_t group_count,
                               uint32_t *groups)
{
    int rc = key_groups(batch, columns, column_count, group_count, groups);
    return rc == 0 ? WEIR_OK : instance_errno(of(context), rc, "key groups");
}

// --- Services and extensions ---

static int32_t host_listen(struct weir_context *context, const char *url)
{
    struct instance *instance = of(context);
    return instance->hooks->listen != NULL
               ? instance->hooks->listen(instance, url)
               : instance_fail(instance, WEIR_ERROR_UNSUPPORTED,
                               "this host has no listeners, so it cannot listen on %s", url);
}

static int32_t host_reply(struct weir_request *request, const void *bytes, uint64_t byte_count)
{
    struct host_request *own = (struct host_request *)request;
    return own->reply(own, bytes, byte_count);
}

static const void *host_extension(struct weir_context *context, const char *id)
{
    struct instance *instance = of(context);
    return instance->hooks->extension != NULL ? instance->hooks->extension(instance, id) : NULL;
}

const struct weir_host host_weir = {
    .size = sizeof(struct weir_host),
    .abi_version = WEIR_ABI_VERSION,
    .name = "weir",
    .version = WEIR_VERSION,
    .allocate = host_allocate,
    .release = host_release,
    .log = host_log,
    .fail = host_fail,
    .now_us = host_now_us,
    .monotonic_ns = host_monotonic_ns,
    .option = host_option,
    .resource = host_resource,
    .negotiation_input = host_negotiation_input,
    .negotiation_output = host_negotiation_output,
    .negotiation_origin = host_negotiation_origin,
    .negotiation_kinds = host_negotiation_kinds,
    .negotiation_bounded = host_negotiation_bounded,
    .negotiation_partition = host_negotiation_partition,
    .negotiation_partitioned = host_negotiation_partitioned,
    .negotiation_wanted = host_negotiation_wanted,
    .negotiation_wanted_kinds = host_negotiation_wanted_kinds,
    .negotiation_want = host_negotiation_want,
    .negotiation_want_kinds = host_negotiation_want_kinds,
    .negotiation_want_rows = host_negotiation_want_rows,
    .negotiation_resource = host_negotiation_resource,
    .batch_ref = batch_ref,
    .batch_unref = batch_unref,
    .builder_create = host_builder_create,
    .builder_values = host_builder_values,
    .builder_validity = host_builder_validity,
    .builder_kinds = host_builder_kinds,
    .builder_text = host_builder_text,
    .builder_append = host_builder_append,
    .builder_append_null = host_builder_append_null,
    .builder_share = host_builder_share,
    .builder_gather = host_builder_gather,
    .builder_evaluate = host_builder_evaluate,
    .builder_inherit = host_builder_inherit,
    .builder_times = host_builder_times,
    .builder_finish = host_builder_finish,
    .builder_discard = host_builder_discard,
    .batch_select = host_batch_select,
    .emit = host_emit,
    .should_yield = host_should_yield,
    .reject = host_reject,
    .reject_record = host_reject_record,
    .rejected = host_rejected,
    .wake_at = host_wake_at,
    .watermark = host_watermark,
    .evaluate = host_evaluate,
    .evaluate_condition = host_evaluate_condition,
    .state_open = host_state_open,
    .state_slots = host_state_slots,
    .state_scan = host_state_scan,
    .state_keys = host_state_keys,
    .state_drop = host_state_drop,
    .state_erase = host_state_erase,
    .state_spaces = host_state_spaces,
    .state_write = host_state_write,
    .timer_set = host_timer_set,
    .timer_cancel = host_timer_cancel,
    .metric_register = host_metric_register,
    .key_groups = host_key_groups,
    .listen = host_listen,
    .reply = host_reply,
    .wake = host_wake,
    .extension = host_extension,
    .builder_adopt = host_builder_adopt,
    .builder_adopt_kinds = host_builder_adopt_kinds,
    .builder_owner = host_builder_owner,
};
