// The operator `tally`: counts rows per key and says, every so often, how many came. Start your own
// from it: state per key, a timer, a metric. It compiles as C and as C++.
#include <stdlib.h>
#include <string.h>
#include <weir/plugin.h>

// One instance: one task of the stage.
struct tally {
    int64_t every_us;
    const struct weir_value *by; // the key columns
    struct weir_state *state;    // a struct slot per key, owned by the host
    struct weir_metric *rows;
    uint32_t *slots; // per row of the batch in hand
};

// What is kept per key.
struct slot {
    int64_t count;
};

// [setup] Only reads options; no I/O.
static int32_t tally_create(struct weir_context *context, void **instance)
{
    struct tally *tally = (struct tally *)calloc(1, sizeof *tally);
    uint32_t *slots = (uint32_t *)malloc(WEIR_BATCH_ROWS_MAX * sizeof *slots);
    if (tally == NULL || slots == NULL) {
        free(tally);
        free(slots);
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    tally->every_us = weir_option_int(context, "every", 0);
    tally->slots = slots;
    *instance = tally;
    return WEIR_OK;
}

static void tally_destroy(void *instance)
{
    struct tally *tally = (struct tally *)instance;
    if (tally != NULL) {
        free(tally->slots);
        free(tally);
    }
}

// Down: the key columns and the count come out, and rows of one key must meet in one task. Up: only
// the key is read.
static int32_t tally_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct tally *tally = (struct tally *)instance;
    const struct weir_schema *schema = weir_negotiation_input(negotiation, 0)->schema;
    struct weir_field fields[WEIR_SCHEMA_FIELDS_MAX];
    uint32_t key[WEIR_SCHEMA_FIELDS_MAX], key_count;
    tally->by = weir_option(negotiation->context, "by");
    key_count = tally->by->count;
    for (uint32_t i = 0; i < key_count; i++) {
        key[i] = (uint32_t)tally->by->as.items[i].column;
        fields[i] = schema->fields[key[i]];
        if (negotiation->pass == WEIR_NEGOTIATE_WANTS) {
            weir_negotiation_want(negotiation, 0, key[i]);
        }
    }
    if (negotiation->pass == WEIR_NEGOTIATE_WANTS) {
        return WEIR_OK;
    }
    fields[key_count].name = "count";
    fields[key_count].type = weir_type_of(WEIR_TYPE_INT64);
    int32_t rc = weir_negotiation_partition(negotiation, 0, key, key_count);
    if (rc == WEIR_OK) {
        rc = weir_negotiation_output(negotiation, WEIR_OUTPUT_MAIN, fields, key_count + 1);
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < key_count; i++) {
        weir_negotiation_origin(negotiation, WEIR_OUTPUT_MAIN, i, 0, key[i]);
    }
    weir_negotiation_kinds(negotiation, WEIR_OUTPUT_MAIN, WEIR_KINDS_INSERT);
    return rc;
}

// [setup] State, metric and the first timer. The layout's name and version stand in every snapshot.
static int32_t tally_open(void *instance, struct weir_context *context)
{
    static const struct weir_state_field field = {"count", {WEIR_TYPE_INT64, 0, 0, 0, 0}, 0, 8};
    static const struct weir_state_layout layout = {
        sizeof(struct weir_state_layout), 1, "tally", sizeof(struct slot), 1, &field, NULL};
    struct tally *tally = (struct tally *)instance;
    tally->rows =
        weir_metric_register(context, WEIR_METRIC_COUNTER, "rows", "rows", "Rows counted");
    if (tally->rows == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for a metric");
    }
    int32_t rc = weir_state_open(context, 0, &layout, &tally->state);
    if (rc == WEIR_OK) {
        rc = weir_timer_set(context, WEIR_TIME_PROCESSING, weir_now_us(context) + tally->every_us,
                            0);
    }
    return rc;
}

static struct slot *slot_of(const struct tally *tally, uint32_t slot)
{
    return (struct slot *)(void *)(tally->state->slots + (size_t)slot * tally->state->stride);
}

// [task] One call turns the keys of all rows into slot numbers; then a plain loop.
static int32_t tally_process(void *instance, struct weir_context *context, uint32_t input,
                             const struct weir_batch *batch)
{
    struct tally *tally = (struct tally *)instance;
    (void)input;
    int32_t rc = weir_state_slots(context, tally->state, batch, 0, NULL, tally->slots);
    if (rc != WEIR_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < batch->row_count; i++) {
        slot_of(tally, tally->slots[i])->count++;
    }
    weir_counter_add(tally->rows, batch->row_count);
    return WEIR_OK;
}

// One batch out of up to WEIR_BATCH_ROWS_MAX slots.
static int32_t emit_slots(struct tally *tally, struct weir_context *context, uint32_t count)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = weir_state_keys(context, tally->state, tally->slots, count, builder, 0);
    int64_t *counts = (int64_t *)weir_builder_values(context, builder, tally->by->count);
    if (rc != WEIR_OK || counts == NULL) {
        weir_builder_discard(context, builder);
        return rc != WEIR_OK ? rc
                             : weir_fail(context, WEIR_ERROR_FATAL, "no memory for the counts");
    }
    for (uint32_t i = 0; i < count; i++) {
        counts[i] = slot_of(tally, tally->slots[i])->count;
    }
    return weir_emit_built(context, WEIR_OUTPUT_MAIN, builder, count);
}

// Tells what was counted, key group after key group, and starts anew.
static int32_t tell(struct tally *tally, struct weir_context *context)
{
    uint64_t cursor = 0, count;
    while ((count = weir_state_scan(context, tally->state, 0, &cursor, tally->slots,
                                    WEIR_BATCH_ROWS_MAX)) > 0) {
        int32_t rc = emit_slots(tally, context, (uint32_t)count);
        if (rc != WEIR_OK) {
            return rc;
        }
    }
    return weir_state_drop(context, tally->state, 0);
}

static int32_t tally_timer(void *instance, struct weir_context *context, uint32_t clock,
                           int64_t time_us, int64_t tag)
{
    struct tally *tally = (struct tally *)instance;
    int32_t rc = tell(tally, context);
    return rc != WEIR_OK ? rc : weir_timer_set(context, clock, time_us + tally->every_us, tag);
}

static int32_t tally_end_input(void *instance, struct weir_context *context, uint32_t input)
{
    (void)input;
    return tell((struct tally *)instance, context);
}

static const void *tally_extension(const char *id)
{
    static const struct weir_timer_table timer = {sizeof(struct weir_timer_table), 0, tally_timer};
    return strcmp(id, WEIR_TIMER_1) == 0 ? &timer : NULL;
}

static const struct weir_option tally_options[] = {
    {.name = "by",
     .summary = "Columns whose values make the key",
     .type = WEIR_OPTION_COLUMNS,
     .flags = WEIR_OPTION_REQUIRED,
     .since = "1.0"},
    {.name = "every",
     .summary = "How often to tell the counts",
     .type = WEIR_OPTION_DURATION,
     .initial = "\"1s\"",
     .min = 1000,
     .max = 86400e6,
     .since = "1.0"},
};

static const struct weir_operator tally_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_TRANSFORM,
    .option_count = 2,
    .name = "tally",
    .summary = "Counts rows per key and tells the counts every so often",
    .options = tally_options,
    .create = tally_create,
    .negotiate = tally_negotiate,
    .open = tally_open,
    .process = tally_process,
    .end_input = tally_end_input,
    .destroy = tally_destroy,
    .extension = tally_extension,
};

static const struct weir_operator *const operators[] = {&tally_operator};

static const struct weir_plugin plugin = {
    .size = sizeof(struct weir_plugin),
    .abi_version = WEIR_ABI_VERSION,
    .host_version_min = WEIR_ABI_VERSION,
    .operator_count = 1,
    .name = "tally",
    .version = "1.0.0",
    .licence = "Apache-2.0",
    .operators = operators,
};

WEIR_EXPORT const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    (void)host_version;
    return &plugin;
}
