#include "window.h"

#include <stdlib.h>
#include <string.h>

#include "../operators.h"
#include "add.h"

static const char *const time_choices[] = {"event", "processing", NULL};

static const struct weir_option options[] = {
    {.name = "by",
     .summary = "Columns whose values make the key; without it all rows have one",
     .type = WEIR_OPTION_COLUMNS,
     .since = "0.1"},
    {.name = "tumbling",
     .summary = "Length of a window: a duration or a number of months",
     .type = WEIR_OPTION_DURATION,
     .flags = WEIR_OPTION_REQUIRED | WEIR_OPTION_MONTHS,
     .since = "0.1"},
    {.name = "time",
     .summary = "What ends a window: the watermark of the event time, or the clock",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"event\"",
     .choices = time_choices,
     .since = "0.1"},
    {.name = "allowed_lateness",
     .summary = "How long after its end a window still takes rows, and is emitted again for them",
     .type = WEIR_OPTION_DURATION,
     .initial = "\"0s\"",
     .since = "0.1"},
    {.name = "offset",
     .summary = "Shift of the windows: with 6h, days begin at six o'clock",
     .type = WEIR_OPTION_DURATION,
     .initial = "\"0s\"",
     .since = "0.1"},
    {.name = "timezone",
     .summary = "IANA name of the zone whose clock windows are aligned to",
     .type = WEIR_OPTION_STRING,
     .initial = "\"UTC\"",
     .since = "0.1"},
    {.name = "set",
     .summary = "Columns to compute, beside those of w.stats",
     .type = WEIR_OPTION_AGGREGATES,
     .since = "0.1"},
};

static const char *const outputs[] = {"late", NULL};

// --- Setting up ---

static void window_destroy(void *instance)
{
    struct window *window = instance;
    if (window != NULL) {
        zone_close(window->zone);
        aggregates_finish(&window->aggregates);
        free(window->by);
        free(window);
    }
}

static int32_t read_length(struct weir_context *context, struct window *window)
{
    const struct weir_value *length = weir_option(context, "tumbling");
    if (length->type == WEIR_VALUE_MONTHS) {
        window->calendar.months = length->as.integer;
    } else {
        window->calendar.size_us = length->as.integer;
    }
    window->calendar.offset_us = weir_option_int(context, "offset", 0);
    window->lateness_us = weir_option_int(context, "allowed_lateness", 0);
    if (window->calendar.months < 0 || window->calendar.size_us < 0 ||
        window->calendar.months + window->calendar.size_us == 0 ||
        window->calendar.size_us % 1000 != 0 || window->calendar.offset_us % 1000 != 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "`tumbling` and `offset` are whole milliseconds, `tumbling` at least one");
    }
    if (window->calendar.size_us > CALENDAR_TIME_MAX / 16 || window->calendar.months > 12000 ||
        window->lateness_us > CALENDAR_TIME_MAX / 16 || window->lateness_us < 0 ||
        window->calendar.offset_us > CALENDAR_TIME_MAX / 16 ||
        window->calendar.offset_us < -CALENDAR_TIME_MAX / 16) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "`tumbling`, `offset` and `allowed_lateness` are below 4,000 years");
    }
    if (!window->is_event && window->lateness_us > 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "`allowed_lateness` is for time = \"event\": by the clock no row is late");
    }
    return WEIR_OK;
}

static int32_t window_create(struct weir_context *context, void **instance)
{
    struct window *window = calloc(1, sizeof *window);
    if (window == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    window->is_event = weir_option(context, "time")->choice == 0;
    window->watermark = WEIR_TIME_NONE;
    int32_t rc = read_length(context, window);
    if (rc != WEIR_OK) {
        window_destroy(window);
        return rc;
    }
    *instance = window;
    return WEIR_OK;
}

// Zones are read here and not in create, which does no I/O.
static int32_t read_zone(struct weir_context *context, struct window *window)
{
    const char *name = weir_option_string(context, "timezone");
    char error[256];
    if (window->zone != NULL || name == NULL || strcmp(name, "UTC") == 0) {
        return WEIR_OK;
    }
    window->zone = zone_open(name, error, sizeof error);
    window->calendar.zone = window->zone;
    return window->zone != NULL ? WEIR_OK
                                : weir_fail(context, WEIR_ERROR_CONFIG, "`timezone`: %s", error);
}

static int32_t check_input(struct weir_context *context, struct window *window,
                           const struct weir_input *input)
{
    if (input->kinds & (1u << WEIR_KIND_UPDATE_BEFORE | 1u << WEIR_KIND_DELETE)) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "the rows that come in can be -U or -D, which a window cannot take back; "
                         "put a changelog_filter before it: w.changelog_filter \"fresh\" { keep = "
                         "{ \"+I\", \"+U\" } }");
    }
    if (!window->is_event) {
        return WEIR_OK;
    }
    if (input->event_time < 0) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "windows by event time need one: name a column with `event_time` in the "
                         "source or in a map, or say time = \"processing\"");
    }
    const struct weir_field *field = &input->schema->fields[input->event_time];
    window->event_time = input->event_time;
    window->time_type = field->type;
    switch (field->type.id) {
    case WEIR_TYPE_INT64:
    case WEIR_TYPE_DATE:
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return WEIR_OK;
    default:
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "the event time `%s` must be int64 (milliseconds), a date or a timestamp",
                         field->name);
    }
}

static int32_t read_by(struct weir_context *context, struct window *window)
{
    const struct weir_value *by = weir_option(context, "by");
    uint32_t count = by->type == WEIR_VALUE_LIST ? by->count : by->type == WEIR_VALUE_STRING;
    free(window->by);
    window->by_count = 0;
    window->by = calloc(count + 1, sizeof *window->by);
    if (window->by == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    for (; window->by_count < count; window->by_count++) {
        const struct weir_value *item =
            by->type == WEIR_VALUE_LIST ? &by->as.items[window->by_count] : by;
        window->by[window->by_count] = (uint32_t)item->column;
    }
    return WEIR_OK;
}

// The type of window_start and window_end: local if the event time is.
static struct weir_type bound_type(const struct window *window)
{
    int is_local = window->is_event && (window->time_type.id == WEIR_TYPE_TIMESTAMP ||
                                        window->time_type.id == WEIR_TYPE_DATE);
    struct weir_type type = weir_type_of(is_local ? WEIR_TYPE_TIMESTAMP : WEIR_TYPE_TIMESTAMP_LTZ);
    type.nullable = 0;
    return type;
}

static int32_t declare_output(struct weir_negotiation *negotiation, const struct window *window,
                              const struct weir_schema *schema)
{
    const struct aggregates *aggregates = &window->aggregates;
    uint32_t count = window->by_count + 2 + aggregates->output_count, n = 0;
    struct weir_field *fields = calloc(count, sizeof *fields);
    if (fields == NULL) {
        return weir_fail(negotiation->context, WEIR_ERROR_FATAL, "no memory");
    }
    for (; n < window->by_count; n++) {
        fields[n] = schema->fields[window->by[n]];
    }
    fields[n++] = (struct weir_field){"window_start", bound_type(window)};
    fields[n++] = (struct weir_field){"window_end", bound_type(window)};
    for (uint32_t i = 0; i < aggregates->output_count; i++, n++) {
        const struct output *output = &aggregates->outputs[i];
        fields[n] = (struct weir_field){output->name, output->type};
        fields[n].type.nullable =
            output->function != WEIR_AGGREGATE_COUNT && output->function != WEIR_AGGREGATE_DISTINCT;
    }
    int32_t rc = weir_negotiation_output(negotiation, WEIR_OUTPUT_MAIN, fields, count);
    free(fields);
    for (uint32_t i = 0; rc == WEIR_OK && i < window->by_count; i++) {
        weir_negotiation_origin(negotiation, WEIR_OUTPUT_MAIN, i, 0, window->by[i]);
    }
    return rc;
}

static int32_t negotiate_schemas(struct window *window, struct weir_negotiation *negotiation)
{
    struct weir_context *context = negotiation->context;
    const struct weir_input *input = weir_negotiation_input(negotiation, 0);
    int32_t rc = check_input(context, window, input);
    rc = rc == WEIR_OK ? read_zone(context, window) : rc;
    rc = rc == WEIR_OK ? read_by(context, window) : rc;
    if (rc == WEIR_OK) {
        aggregates_finish(&window->aggregates);
        rc = aggregates_plan(context, weir_option(context, "set"), window->lateness_us > 0,
                             &window->aggregates);
    }
    rc = rc == WEIR_OK ? declare_output(negotiation, window, input->schema) : rc;
    rc = rc == WEIR_OK ? weir_negotiation_output_like(negotiation, OUTPUT_LATE, 0) : rc;
    if (rc == WEIR_OK) {
        weir_negotiation_kinds(negotiation, WEIR_OUTPUT_MAIN, WEIR_KINDS_INSERT);
        rc = weir_negotiation_partition(negotiation, 0, window->by, window->by_count);
    }
    return rc;
}

static int32_t window_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct window *window = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        return negotiate_schemas(window, negotiation);
    }
    const struct weir_schema *schema = weir_negotiation_input(negotiation, 0)->schema;
    for (uint32_t i = 0; i < window->by_count; i++) {
        weir_negotiation_want(negotiation, 0, window->by[i]);
    }
    for (uint32_t i = 0; i < window->aggregates.argument_count; i++) {
        weir_negotiation_want_expression(negotiation, 0,
                                         window->aggregates.arguments[i].expression);
    }
    if (window->is_event) {
        weir_negotiation_want(negotiation, 0, (uint32_t)window->event_time);
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (weir_negotiation_wanted(negotiation, OUTPUT_LATE, i)) {
            weir_negotiation_want(negotiation, 0, i);
        }
    }
    return WEIR_OK;
}

static void window_close(void *instance, struct weir_context *context)
{
    struct window *window = instance;
    struct aggregates *aggregates = &window->aggregates;
    texts_destroy(context, aggregates->texts);
    aggregates->texts = NULL;
    if (aggregates->scratch != NULL) {
        weir_release(context, aggregates->scratch, sizeof *aggregates->scratch);
        aggregates->scratch = NULL;
    }
    if (window->scratch != NULL) {
        weir_release(context, window->scratch, sizeof *window->scratch);
        window->scratch = NULL;
    }
    if (window->open != NULL) {
        weir_release(context, window->open, window->open_capacity * sizeof *window->open);
        window->open = NULL;
        window->open_count = window->open_capacity = 0;
    }
}

static int32_t window_open(void *instance, struct weir_context *context)
{
    struct window *window = instance;
    window->late_rows = weir_metric_register(context, WEIR_METRIC_COUNTER, "late_rows", "rows",
                                             "Rows that came after the allowed lateness");
    window->scratch = weir_allocate(context, sizeof *window->scratch);
    window->aggregates.scratch = weir_allocate(context, sizeof *window->aggregates.scratch);
    window->aggregates.texts = texts_create();
    if (window->late_rows == NULL || window->scratch == NULL ||
        window->aggregates.scratch == NULL || window->aggregates.texts == NULL) {
        window_close(window, context);
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory to work in");
    }
    int32_t rc = weir_state_open(context, 0, &window->aggregates.layout, &window->state);
    if (rc != WEIR_OK) {
        window_close(window, context);
    }
    return rc;
}

// --- Rows ---

// Adds the rows of a batch, all of which take part.
static int32_t add_rows(struct weir_context *context, struct window *window,
                        const struct weir_batch *batch, const struct assignment *assignment)
{
    struct window_scratch *scratch = window->scratch;
    int32_t rc = weir_state_slots(context, window->state, batch, assignment->space,
                                  assignment->spaces, scratch->slots);
    if (rc == WEIR_OK && window->aggregates.has_text) {
        rc = weir_key_groups(context, batch, window->by, window->by_count, context->group_count,
                             window->aggregates.scratch->groups);
    }
    if (rc == WEIR_OK) {
        rc = aggregates_add(context, &window->aggregates, batch->row_count, scratch->slots,
                            window->state);
    }
    if (rc == WEIR_OK && window->lateness_us > 0) {
        rc = window_refresh(context, window, batch, assignment);
    }
    return rc;
}

static int32_t emit_late(struct weir_context *context, struct window *window,
                         const struct weir_batch *batch, uint32_t late_count)
{
    const struct weir_batch *late;
    weir_counter_add(window->late_rows, late_count);
    int32_t rc = weir_batch_select(context, batch, window->scratch->late, late_count, &late);
    return rc == WEIR_OK ? weir_emit(context, OUTPUT_LATE, late) : rc;
}

// The same for some rows of a batch.
static int32_t add_some_rows(struct weir_context *context, struct window *window,
                             const struct weir_batch *batch, const struct assignment *assignment)
{
    const struct weir_batch *some;
    int32_t rc = weir_batch_select(context, batch, assignment->rows, assignment->row_count, &some);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = aggregates_bind(context, &window->aggregates, some);
    rc = rc == WEIR_OK ? add_rows(context, window, some, assignment) : rc;
    weir_batch_unref(context, some);
    return rc;
}

static int32_t window_process(void *instance, struct weir_context *context, uint32_t input,
                              const struct weir_batch *batch)
{
    struct window *window = instance;
    struct assignment assignment;
    const uint32_t *kept = NULL;
    uint32_t kept_count = batch->row_count;
    (void)input;
    int32_t rc = aggregates_bind(context, &window->aggregates, batch);
    rc = rc == WEIR_OK && window->is_event ? window_check_times(context, window, batch) : rc;
    if (rc != WEIR_OK || batch->row_count == 0) {
        return rc;
    }
    if (!weir_rejected(context, &kept, &kept_count)) {
        kept = NULL;
        kept_count = batch->row_count;
    }
    rc = window_assign(context, window, batch, kept, kept_count, &assignment);
    if (rc == WEIR_OK && assignment.late_count > 0) {
        rc = emit_late(context, window, batch, assignment.late_count);
    }
    if (rc != WEIR_OK || assignment.row_count == 0) {
        return rc;
    }
    return assignment.rows == NULL ? add_rows(context, window, batch, &assignment)
                                   : add_some_rows(context, window, batch, &assignment);
}

// --- Time ---

static int32_t window_timer(void *instance, struct weir_context *context, uint32_t clock,
                            int64_t time_us, int64_t tag)
{
    struct window *window = instance;
    int64_t end = tag == TAG_DROP ? time_us - window->lateness_us : time_us;
    int64_t start = calendar_start(&window->calendar, end - 1);
    (void)clock;
    int32_t rc = window_fire(context, window, start, end);
    if (rc == WEIR_OK && (tag == TAG_DROP || window->lateness_us == 0)) {
        rc = window_drop(context, window, start, end);
    }
    return rc;
}

static int32_t window_watermark(void *instance, struct weir_context *context, int64_t time_us)
{
    struct window *window = instance;
    (void)context;
    window->watermark = time_us > window->watermark ? time_us : window->watermark;
    return WEIR_OK;
}

static int32_t window_end_input(void *instance, struct weir_context *context, uint32_t input)
{
    struct window *window = instance;
    uint32_t count = weir_state_spaces(context, window->state, NULL, 0);
    int64_t *spaces = count > 0 ? weir_allocate(context, count * sizeof *spaces) : NULL;
    int32_t rc = WEIR_OK;
    (void)input;
    if (count > 0 && spaces == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the end of open windows");
    }
    weir_state_spaces(context, window->state, spaces, count);
    for (uint32_t i = 0; rc == WEIR_OK && i < count; i++) {
        int64_t end = calendar_end(&window->calendar, spaces[i]);
        rc = window_fire(context, window, spaces[i], end);
        rc = rc == WEIR_OK ? window_drop(context, window, spaces[i], end) : rc;
    }
    if (spaces != NULL) {
        weir_release(context, spaces, count * sizeof *spaces);
    }
    return rc;
}

// --- Snapshots: slots are the host's; long strings, and how complete event time is, are here ---

#define STATE_VERSION 1u

static int32_t window_save(void *instance, struct weir_context *context,
                           struct weir_state_writer *writer)
{
    const struct window *window = instance;
    int32_t rc = WEIR_OK;
    for (uint32_t group = context->group_first; rc == WEIR_OK && group < context->group_end;
         group++) {
        rc = texts_save(window->aggregates.texts, context, writer, group, &window->watermark,
                        sizeof window->watermark);
    }
    return rc;
}

// Of tasks that are joined the one counts whose event time is least complete.
static int32_t window_load(void *instance, struct weir_context *context, uint32_t version,
                           uint32_t split, const void *bytes, uint64_t byte_count)
{
    struct window *window = instance;
    int64_t watermark;
    if (version != STATE_VERSION || byte_count < sizeof watermark) {
        return weir_fail(context, WEIR_ERROR_UNSUPPORTED,
                         "the window's part of the snapshot has version %u, here it is version %u",
                         version, STATE_VERSION);
    }
    memcpy(&watermark, bytes, sizeof watermark);
    if (!window->is_loaded || watermark < window->watermark) {
        window->watermark = watermark;
    }
    window->is_loaded = 1;
    return texts_load(window->aggregates.texts, context, split,
                      (const uint8_t *)bytes + sizeof watermark, byte_count - sizeof watermark);
}

static const struct weir_timer_table timer_table = {sizeof timer_table, 0, window_timer};
static const struct weir_watermark_table watermark_table = {sizeof watermark_table, 0,
                                                            window_watermark};
static const struct weir_state_table state_table = {sizeof state_table, STATE_VERSION, window_save,
                                                    window_load};

static const void *window_extension(const char *id)
{
    return strcmp(id, WEIR_TIMER_1) == 0       ? (const void *)&timer_table
           : strcmp(id, WEIR_WATERMARK_1) == 0 ? (const void *)&watermark_table
           : strcmp(id, WEIR_STATE_1) == 0     ? (const void *)&state_table
                                               : NULL;
}

const struct weir_operator window_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_TRANSFORM,
    .name = "window",
    .summary = "Aggregates rows by key and tumbling window",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .outputs = outputs,
    .create = window_create,
    .negotiate = window_negotiate,
    .open = window_open,
    .process = window_process,
    .end_input = window_end_input,
    .close = window_close,
    .destroy = window_destroy,
    .extension = window_extension,
};
