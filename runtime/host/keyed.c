// Keyed state and snapshots of an instance.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host_calls.h"
#include "host/instance_body.h"
#include "state/state.h"

// --- The host table's calls ---

static struct instance *of(struct weir_context *context)
{
    return (struct instance *)context;
}

static struct state_table *table_of(struct weir_state *state)
{
    return (struct state_table *)state;
}

static const struct open_table *find_table(const struct instance *instance, const char *name)
{
    const struct open_table *at = instance->body->tables;
    while (at != NULL && strcmp(at->name, name) != 0) {
        at = at->next;
    }
    return at;
}

static int32_t refuse_open(struct instance *instance, const struct weir_state_layout *layout,
                           const char *why)
{
    char who[256];
    return instance_fail(instance, WEIR_ERROR_FATAL,
                         "%s opens the state table `%s` %s; this is the plugin's fault",
                         instance_who(instance, who, sizeof who), layout->name, why);
}

int32_t host_state_open(struct weir_context *context, uint32_t input,
                        const struct weir_state_layout *layout, struct weir_state **out)
{
    struct instance *instance = of(context);
    struct instance_body *body = instance->body;
    const struct negotiation *negotiation = instance->negotiation;
    struct error error = {0};
    struct state_table *table;
    if (negotiation == NULL || input >= negotiation->head.input_count ||
        !negotiation->inputs[input].is_partitioned) {
        return refuse_open(instance, layout,
                           "over an input that it has not asked to be partitioned "
                           "(weir_negotiation_partition)");
    }
    if (find_table(instance, layout->name) != NULL) {
        return refuse_open(instance, layout, "twice");
    }
    const struct negotiation_input *in = &negotiation->inputs[input];
    struct state_options options = {.schema = in->input.schema,
                                    .columns = in->partition,
                                    .column_count = in->partition_count,
                                    .group_count = context->group_count,
                                    .bucket_is_group = in->bucket_is_group};
    int rc = state_table_create(layout, &options, &table, &error);
    if (rc != 0) {
        return instance_fail(instance, WEIR_ERROR_FATAL, "state table `%s`: %s", layout->name,
                             error.text[0] != '\0' ? error.text : strerror(-rc));
    }
    struct open_table *open = blocks_add(&body->blocks, sizeof *open);
    *open = (struct open_table){table, blocks_copy(&body->blocks, layout->name), body->tables};
    body->tables = open;
    *out = (struct weir_state *)table;
    return WEIR_OK;
}

static int32_t result(struct instance *instance, int rc)
{
    return rc == 0 ? WEIR_OK : instance_errno(instance, rc, "keyed state");
}

int32_t host_state_slots(struct weir_context *context, struct weir_state *state,
                         const struct weir_batch *batch, int64_t space, const int64_t *spaces,
                         uint32_t *slots)
{
    return result(of(context), state_table_slots(table_of(state), batch, space, spaces, slots));
}

uint64_t host_state_scan(struct weir_context *context, struct weir_state *state, int64_t space,
                         uint64_t *cursor, uint32_t *slots, uint32_t capacity)
{
    (void)context;
    return state_table_scan(table_of(state), space, cursor, slots, capacity);
}

int32_t host_state_keys(struct weir_context *context, struct weir_state *state,
                        const uint32_t *slots, uint32_t slot_count, struct weir_builder *builder,
                        uint32_t first_column)
{
    struct instance *instance = of(context);
    const struct negotiation *negotiation = instance->negotiation;
    uint32_t key_count = 0;
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        key_count = negotiation->inputs[i].is_partitioned ? negotiation->inputs[i].partition_count
                                                          : key_count;
    }
    struct batch_builder *inner = builder_inner(builder, first_column, key_count);
    return inner == NULL ? instance->error.code
                         : result(instance, state_table_keys(table_of(state), slots, slot_count,
                                                             inner, first_column));
}

int32_t host_state_drop(struct weir_context *context, struct weir_state *state, int64_t space)
{
    return result(of(context), state_table_drop(table_of(state), space));
}

int32_t host_state_erase(struct weir_context *context, struct weir_state *state,
                         const uint32_t *slots, uint32_t slot_count)
{
    return result(of(context), state_table_erase(table_of(state), slots, slot_count));
}

uint32_t host_state_spaces(struct weir_context *context, struct weir_state *state, int64_t *spaces,
                           uint32_t capacity)
{
    (void)context;
    return state_table_spaces(table_of(state), spaces, capacity);
}

// --- Save ---

// Where the parts of one instance_save go.
struct saver {
    int (*write)(void *sink, const struct instance_part *part);
    void *sink;
    const char *table; // being written
    uint32_t version;
    int rc; // the first failure
};

struct weir_state_writer {
    struct saver *saver;
};

static int save_part(struct saver *saver, const struct instance_part *part)
{
    int rc = saver->rc == 0 ? saver->write(saver->sink, part) : saver->rc;
    saver->rc = rc;
    return rc;
}

static int save_group(void *sink, uint32_t group, const void *bytes, uint64_t byte_count)
{
    struct saver *saver = sink;
    return save_part(saver, &(struct instance_part){.kind = PART_TABLE,
                                                    .name = saver->table,
                                                    .split = group,
                                                    .bytes = bytes,
                                                    .byte_count = byte_count});
}

int32_t host_state_write(struct weir_state_writer *writer, uint32_t split, const void *bytes,
                         uint64_t byte_count)
{
    struct saver *saver = writer->saver;
    int rc = save_part(saver, &(struct instance_part){.kind = PART_OPAQUE,
                                                      .version = saver->version,
                                                      .name = "",
                                                      .split = split,
                                                      .bytes = bytes,
                                                      .byte_count = byte_count});
    return rc == 0 ? WEIR_OK : WEIR_ERROR_FATAL;
}

static int32_t save_tables(struct instance *instance, struct saver *saver)
{
    struct error error = {0};
    for (const struct open_table *at = instance->body->tables; at != NULL; at = at->next) {
        saver->table = at->name;
        int rc = state_table_snapshot(at->table, save_group, saver, &error);
        if (rc != 0) {
            return instance_fail(instance, WEIR_ERROR_FATAL, "state table `%s`: %s", at->name,
                                 error.text[0] != '\0' ? error.text : strerror(-rc));
        }
    }
    return WEIR_OK;
}

static int32_t save_opaque(struct instance *instance, struct saver *saver)
{
    const struct weir_state_table *table = instance->state_table;
    struct weir_state_writer writer = {saver};
    struct instance_call call;
    if (table == NULL) {
        return WEIR_OK;
    }
    saver->version = table->version;
    instance_enter(instance, &call, "save", NULL);
    int32_t rc = table->save(instance->self, &instance->context, &writer);
    return instance_leave(instance, &call, rc, 0);
}

static void save_timers(struct instance *instance, struct saver *saver)
{
    for (uint32_t clock = 0; clock < 2; clock++) {
        const struct timers *timers = &instance->timers[clock];
        struct timer *list = malloc((timers->count + 1) * sizeof *list);
        if (list == NULL) {
            saver->rc = saver->rc == 0 ? -ENOMEM : saver->rc;
            return;
        }
        timers_list(timers, list);
        if (timers->count > 0) {
            save_part(saver, &(struct instance_part){.kind = PART_TIMERS,
                                                     .name = "",
                                                     .split = clock,
                                                     .bytes = list,
                                                     .byte_count = timers->count * sizeof *list});
        }
        free(list);
    }
}

int32_t instance_save(struct instance *instance,
                      int (*write)(void *sink, const struct instance_part *part), void *sink)
{
    struct saver saver = {.write = write, .sink = sink};
    int32_t rc = save_tables(instance, &saver);
    if (rc == WEIR_OK) {
        rc = save_opaque(instance, &saver);
    }
    if (rc == WEIR_OK) {
        save_timers(instance, &saver);
        rc = saver.rc == 0 ? WEIR_OK : instance_errno(instance, saver.rc, "a snapshot");
    }
    return rc;
}

// --- Load ---

// Whether splits of opaque state are key groups: of a keyed input, or of what a source promises.
static int is_keyed(const struct instance *instance)
{
    const struct negotiation *negotiation = instance->negotiation;
    for (uint32_t i = 0; negotiation != NULL && i < negotiation->head.input_count; i++) {
        if (negotiation->inputs[i].is_partitioned) {
            return 1;
        }
    }
    return negotiation != NULL && negotiation->head.input_count == 0 &&
           negotiation->head.output_count > 0 && negotiation->outputs[0].group_count > 0;
}

static int owns_group(const struct instance *instance, uint32_t group)
{
    return group >= instance->context.group_first && group < instance->context.group_end;
}

static int32_t load_table(struct instance *instance, const struct instance_part *part)
{
    struct error error = {0};
    const struct open_table *table = find_table(instance, part->name);
    if (table == NULL) {
        return instance_fail(instance, WEIR_ERROR_CONFIG,
                             "the snapshot holds a state table `%s`, which stage `%s` does not "
                             "have now",
                             part->name, instance->context.stage);
    }
    int rc = state_table_restore(table->table, part->bytes, part->byte_count, &error);
    return rc == 0 ? WEIR_OK
                   : instance_fail(instance, WEIR_ERROR_CONFIG, "state table `%s`: %s", part->name,
                                   error.text[0] != '\0' ? error.text : strerror(-rc));
}

static int32_t load_opaque(struct instance *instance, const struct instance_part *part)
{
    struct instance_call call;
    if (instance->state_table == NULL) {
        return instance_fail(instance, WEIR_ERROR_CONFIG,
                             "the snapshot holds opaque state of stage `%s`, whose operator has "
                             "none now",
                             instance->context.stage);
    }
    instance_enter(instance, &call, "load", NULL);
    int32_t rc = instance->state_table->load(instance->self, &instance->context, part->version,
                                             part->split, part->bytes, part->byte_count);
    return instance_leave(instance, &call, rc, 0);
}

static int32_t load_timers(struct instance *instance, const struct instance_part *part)
{
    struct timer timer;
    if (part->split > 1 || part->byte_count % sizeof timer != 0 || instance->timer_table == NULL) {
        return instance_fail(instance, WEIR_ERROR_CONFIG,
                             "the snapshot holds timers that stage `%s` cannot take",
                             instance->context.stage);
    }
    for (uint64_t at = 0; at < part->byte_count; at += sizeof timer) {
        memcpy(&timer, (const uint8_t *)part->bytes + at, sizeof timer);
        if (timers_set(&instance->timers[part->split], timer.time_us, timer.tag) != 0) {
            return instance_errno(instance, -ENOMEM, "timers");
        }
    }
    return WEIR_OK;
}

int32_t instance_load(struct instance *instance, const struct instance_part *part)
{
    switch (part->kind) {
    case PART_TABLE:
        return owns_group(instance, part->split) ? load_table(instance, part) : WEIR_OK;
    case PART_OPAQUE:
        return (is_keyed(instance)
                    ? owns_group(instance, part->split)
                    : part->split % instance->context.task_count == instance->context.task_index)
                   ? load_opaque(instance, part)
                   : WEIR_OK;
    case PART_TIMERS:
        return load_timers(instance, part);
    default:
        return instance_fail(instance, WEIR_ERROR_CONFIG,
                             "the snapshot holds a part of kind %u, which this version does not "
                             "know",
                             part->kind);
    }
}
