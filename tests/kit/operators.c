#include "kit/operators.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

// --- doubling: every value twice as large; overflow is for the rejects ---

static const struct weir_option doubling_options[] = {
    {.name = "column",
     .summary = "The column to double",
     .type = WEIR_OPTION_COLUMN,
     .flags = WEIR_OPTION_REQUIRED},
    {.name = "where",
     .summary = "Only rows for which it is true",
     .type = WEIR_OPTION_EXPRESSION,
     .element = WEIR_TYPE_BOOL},
};

static int32_t doubling_create(struct weir_context *context, void **instance)
{
    *instance = context;
    return WEIR_OK;
}

static int32_t doubling_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    struct weir_context *context = negotiation->context;
    const struct weir_value *column = weir_option(context, "column");
    const struct weir_value *where = weir_option(context, "where");
    const struct weir_schema *schema = weir_negotiation_input(negotiation, 0)->schema;
    if (schema->fields[column->column].type.id != WEIR_TYPE_INT64) {
        return weir_fail(context, WEIR_ERROR_CONFIG, "option `column`: `%s` is no int64",
                         column->as.string);
    }
    weir_negotiation_want(negotiation, 0, (uint32_t)column->column);
    if (where->type != WEIR_VALUE_NONE) {
        weir_negotiation_want_expression(negotiation, 0, where->as.expression);
        weir_negotiation_want_rows(negotiation, 0, where->as.expression);
    }
    return weir_negotiation_output(negotiation, 0, &schema->fields[column->column], 1);
}

static int32_t double_rows(struct weir_context *context, const struct weir_batch *batch,
                           struct weir_builder *builder, uint32_t column, const uint32_t *rows,
                           uint32_t row_count)
{
    const int64_t *in = batch->columns[column].values;
    int64_t *out = weir_builder_values(context, builder, 0);
    if (out == NULL) {
        return WEIR_ERROR_FATAL;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t row = rows != NULL ? rows[i] : i;
        if (__builtin_add_overflow(in[row], in[row], &out[i])) {
            int32_t rc = weir_reject(context, batch, row, "twice the value is no int64");
            if (rc != WEIR_OK) {
                return rc;
            }
            out[i] = 0;
        }
    }
    return WEIR_OK;
}

static int32_t doubling_process(void *instance, struct weir_context *context, uint32_t input,
                                const struct weir_batch *batch)
{
    (void)instance;
    (void)input;
    const struct weir_value *where = weir_option(context, "where");
    uint32_t column = (uint32_t)weir_option(context, "column")->column;
    const uint32_t *rows = NULL;
    uint32_t row_count = batch->row_count;
    struct weir_builder *builder;
    int32_t rc = WEIR_OK;
    if (where->type != WEIR_VALUE_NONE) {
        rc = weir_evaluate_condition(context, where->as.expression, batch, &rows, &row_count);
    }
    if (rc == WEIR_OK) {
        rc = weir_builder_create(context, 0, batch->row_count, &builder);
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = double_rows(context, batch, builder, column, rows, row_count);
    if (rc != WEIR_OK) {
        weir_builder_discard(context, builder);
        return rc;
    }
    weir_builder_inherit(context, builder, batch);
    const uint32_t *kept;
    uint32_t kept_count;
    if (!weir_rejected(context, &kept, &kept_count)) {
        return weir_emit_built(context, 0, builder, row_count);
    }
    const struct weir_batch *all, *good;
    rc = weir_builder_finish(context, builder, row_count, &all);
    if (rc == WEIR_OK) {
        rc = weir_batch_select(context, all, kept, kept_count, &good);
        weir_batch_unref(context, all);
    }
    return rc == WEIR_OK ? weir_emit(context, 0, good) : rc;
}

static const struct weir_operator doubling = {
    .size = sizeof doubling,
    .kind = WEIR_OPERATOR_TRANSFORM,
    .option_count = COUNT(doubling_options),
    .name = "doubling",
    .summary = "Doubles a column",
    .options = doubling_options,
    .create = doubling_create,
    .negotiate = doubling_negotiate,
    .process = doubling_process,
};

// --- counting: rows per key; a timer tells all of them a second after the first row ---

struct counting {
    struct weir_state *state;
    struct weir_metric *keys;
    struct weir_metric *rows;
};

static const struct weir_option counting_options[] = {
    {.name = "by",
     .summary = "The key",
     .type = WEIR_OPTION_COLUMNS,
     .flags = WEIR_OPTION_REQUIRED},
    {.name = "every",
     .summary = "Time between tellings",
     .type = WEIR_OPTION_DURATION,
     .initial = "\"1s\"",
     .min = 1000,
     .max = 3600e6},
    {.name = "time",
     .summary = "Which clock",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"processing\"",
     .choices = (const char *const[]){"processing", "event", NULL}},
};

static const struct weir_state_field count_fields[] = {
    {"count", {WEIR_TYPE_INT64, 0, 0, 0, 0}, 0, 8}};
static const struct weir_state_layout count_layout = {.size = sizeof count_layout,
                                                      .version = 1,
                                                      .name = "counts",
                                                      .slot_bytes = 8,
                                                      .field_count = 1,
                                                      .fields = count_fields};

static int32_t counting_create(struct weir_context *context, void **instance)
{
    (void)context;
    *instance = calloc(1, sizeof(struct counting));
    return *instance != NULL ? WEIR_OK : WEIR_ERROR_FATAL;
}

static int32_t counting_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    const struct weir_value *by = weir_option(negotiation->context, "by");
    const struct weir_schema *schema = weir_negotiation_input(negotiation, 0)->schema;
    struct weir_field fields[8];
    uint32_t columns[8];
    for (uint32_t i = 0; i < by->count; i++) {
        columns[i] = (uint32_t)by->as.items[i].column;
        fields[i] = schema->fields[columns[i]];
    }
    fields[by->count].name = "count";
    fields[by->count].type = weir_type_of(WEIR_TYPE_INT64);
    fields[by->count].type.nullable = 0;
    weir_negotiation_kinds(negotiation, 0, WEIR_KINDS_INSERT);
    int32_t rc = weir_negotiation_partition(negotiation, 0, columns, by->count);
    return rc == WEIR_OK ? weir_negotiation_output(negotiation, 0, fields, by->count + 1) : rc;
}

static int32_t counting_open(void *instance, struct weir_context *context)
{
    struct counting *self = instance;
    self->keys = weir_metric_register(context, WEIR_METRIC_GAUGE, "keys", "keys", "Keys told last");
    self->rows = weir_metric_register(context, WEIR_METRIC_COUNTER, "rows", "rows", "Rows counted");
    return self->keys == NULL || self->rows == NULL
               ? weir_fail(context, WEIR_ERROR_FATAL, "no memory for metrics")
               : weir_state_open(context, 0, &count_layout, &self->state);
}

static int32_t counting_process(void *instance, struct weir_context *context, uint32_t input,
                                const struct weir_batch *batch)
{
    (void)input;
    struct counting *self = instance;
    int64_t every = weir_option_int(context, "every", 1);
    uint64_t bytes = batch->row_count * sizeof(uint32_t);
    uint32_t clock =
        weir_option(context, "time")->choice == 0 ? WEIR_TIME_PROCESSING : WEIR_TIME_EVENT;
    uint32_t *slots = weir_allocate(context, bytes);
    if (slots == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for %u slots", batch->row_count);
    }
    int32_t rc = weir_state_slots(context, self->state, batch, 0, NULL, slots);
    for (uint32_t i = 0; rc == WEIR_OK && i < batch->row_count; i++) {
        int64_t *count =
            (int64_t *)(void *)(self->state->slots + (size_t)slots[i] * self->state->stride);
        *count += 1;
    }
    weir_release(context, slots, bytes);
    weir_counter_add(self->rows, batch->row_count);
    int64_t now = clock == WEIR_TIME_EVENT ? batch->time_min_us : weir_now_us(context);
    return rc == WEIR_OK ? weir_timer_set(context, clock, (now / every + 1) * every, 0) : rc;
}

static int32_t counting_tell(struct counting *self, struct weir_context *context)
{
    struct weir_builder *builder;
    uint32_t slots[1024], by = weir_option(context, "by")->count, found;
    uint64_t cursor = 0, keys = 0;
    int32_t rc = WEIR_OK;
    while (rc == WEIR_OK && (found = (uint32_t)weir_state_scan(context, self->state, 0, &cursor,
                                                               slots, COUNT(slots))) > 0) {
        rc = weir_builder_create(context, 0, found, &builder);
        if (rc != WEIR_OK) {
            return rc;
        }
        int64_t *counts = weir_builder_values(context, builder, by);
        for (uint32_t i = 0; counts != NULL && i < found; i++) {
            memcpy(&counts[i], self->state->slots + (size_t)slots[i] * self->state->stride, 8);
        }
        weir_state_keys(context, self->state, slots, found, builder, 0);
        rc = weir_emit_built(context, 0, builder, found);
        keys += found;
    }
    weir_gauge_set(self->keys, (int64_t)keys);
    return rc;
}

static int32_t counting_timer(void *instance, struct weir_context *context, uint32_t clock,
                              int64_t time_us, int64_t tag)
{
    (void)clock;
    (void)time_us;
    (void)tag;
    return counting_tell(instance, context);
}

static int32_t counting_end_input(void *instance, struct weir_context *context, uint32_t input)
{
    (void)input;
    return counting_tell(instance, context);
}

static const void *counting_extension(const char *id)
{
    static const struct weir_timer_table timer = {sizeof timer, 0, counting_timer};
    return strcmp(id, WEIR_TIMER_1) == 0 ? &timer : NULL;
}

static const struct weir_operator counting = {
    .size = sizeof counting,
    .kind = WEIR_OPERATOR_TRANSFORM,
    .option_count = COUNT(counting_options),
    .name = "counting",
    .summary = "Counts rows by key",
    .options = counting_options,
    .create = counting_create,
    .negotiate = counting_negotiate,
    .open = counting_open,
    .process = counting_process,
    .end_input = counting_end_input,
    .destroy = free,
    .extension = counting_extension,
};

// --- numbers: a source of 0, 1, 2, ...; two a second; odd multiples of `bad` are broken records
// ---

struct numbers {
    int64_t next;
};

static const struct weir_option numbers_options[] = {
    {.name = "count", .summary = "How many", .type = WEIR_OPTION_INT, .initial = "4", .max = 1e9},
    {.name = "bad", .summary = "Which one is broken", .type = WEIR_OPTION_INT, .initial = "-1"},
};

static int32_t numbers_create(struct weir_context *context, void **instance)
{
    (void)context;
    *instance = calloc(1, sizeof(struct numbers));
    return *instance != NULL ? WEIR_OK : WEIR_ERROR_FATAL;
}

static int32_t numbers_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    const struct weir_field fields[] = {{"n", {WEIR_TYPE_INT64, 0, 0, 0, 0}},
                                        {"at", {WEIR_TYPE_TIMESTAMP_LTZ, 6, 0, 0, 0}}};
    return weir_negotiation_output(negotiation, 0, fields, 2);
}

static int32_t numbers_poll(void *instance, struct weir_context *context)
{
    struct numbers *self = instance;
    struct weir_builder *builder;
    if (self->next == weir_option_int(context, "count", 0)) {
        return WEIR_END;
    }
    if (self->next == weir_option_int(context, "bad", -1)) {
        int32_t rejected = weir_reject_record(context, "numbers:3", "is no number", "xyz", 3);
        self->next++;
        return rejected == WEIR_OK ? WEIR_MORE : rejected;
    }
    int32_t rc = weir_builder_create(context, 0, 1, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    int64_t *n = weir_builder_values(context, builder, 0);
    int64_t *at = weir_builder_values(context, builder, 1);
    *n = self->next++;
    *at = weir_now_us(context);
    rc = weir_emit_built(context, 0, builder, 1);
    weir_watermark(context, weir_now_us(context));
    weir_wake_at(context, weir_now_us(context) + 500000);
    return rc == WEIR_OK ? WEIR_WAIT : rc;
}

static int32_t numbers_save(void *instance, struct weir_context *context,
                            struct weir_state_writer *writer)
{
    struct numbers *self = instance;
    return weir_state_write(context, writer, context->task_index, &self->next, sizeof self->next);
}

static int32_t numbers_load(void *instance, struct weir_context *context, uint32_t version,
                            uint32_t split, const void *bytes, uint64_t byte_count)
{
    (void)split;
    struct numbers *self = instance;
    if (version != 3 || byte_count != sizeof self->next) {
        return weir_fail(context, WEIR_ERROR_CONFIG, "position of version %u", version);
    }
    memcpy(&self->next, bytes, sizeof self->next);
    return WEIR_OK;
}

static const void *numbers_extension(const char *id)
{
    static const struct weir_state_table state = {sizeof state, 3, numbers_save, numbers_load};
    return strcmp(id, WEIR_STATE_1) == 0 ? &state : NULL;
}

static const struct weir_operator numbers = {
    .size = sizeof numbers,
    .kind = WEIR_OPERATOR_SOURCE,
    .option_count = COUNT(numbers_options),
    .name = "numbers",
    .summary = "Makes numbers",
    .options = numbers_options,
    .create = numbers_create,
    .negotiate = numbers_negotiate,
    .poll = numbers_poll,
    .destroy = free,
    .extension = numbers_extension,
};

// --- naughty: whatever a plugin should not do ---

enum naughty_deed naughty_deed;

static int32_t naughty_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    const struct weir_field fields[] = {{"id", {WEIR_TYPE_INT64, 0, 0, 0, 0}},
                                        {"name", {WEIR_TYPE_STRING, 0, 0, 1, 0}}};
    const struct weir_field other[] = {{"id", {WEIR_TYPE_INT32, 0, 0, 1, 0}},
                                       {"name", {WEIR_TYPE_STRING, 0, 0, 1, 0}}};
    for (uint32_t i = 0; i < 2; i++) {
        weir_negotiation_want(negotiation, 0, i);
    }
    int32_t rc = weir_negotiation_output(negotiation, 0, fields, 2);
    return rc == WEIR_OK ? weir_negotiation_output(negotiation, 1, other, 2) : rc;
}

static int32_t naughty_open(void *instance, struct weir_context *context)
{
    (void)instance;
    struct weir_state *state;
    return naughty_deed == STATE_WITHOUT_KEY ? weir_state_open(context, 0, &count_layout, &state)
                                             : WEIR_OK;
}

static void count_adopted(void *owner)
{
    ++*(uint32_t *)owner;
}

uint32_t naughty_released_count;

// The first column as a view of memory that is not the batch's.
static void adopt(struct weir_context *context, struct weir_builder *builder)
{
    static const _Alignas(8) int64_t ids[2] = {70, 80};
    const struct weir_column view = {.type = {WEIR_TYPE_INT64, 0, 0, 0, 0}, .values = ids};
    weir_builder_adopt(context, builder, 0, &view);
    if (naughty_deed == ADOPT) {
        weir_builder_owner(context, builder, count_adopted, &naughty_released_count);
    }
}

// Deeds with a builder; it ends with row_count rows.
static uint32_t misuse_builder(struct weir_context *context, struct weir_builder *builder,
                               const struct weir_batch *batch)
{
    int32_t *offsets;
    uint32_t row_count = batch->row_count;
    int is_adopted = naughty_deed == ADOPT || naughty_deed == ADOPT_WITHOUT_OWNER;
    int64_t *ids = naughty_deed == ABSENT_BUT_WANTED || naughty_deed == WRONG_SHARE || is_adopted
                       ? NULL
                       : weir_builder_values(context, builder, 0);
    if (ids != NULL) {
        memset(ids, 0, row_count * sizeof *ids);
    }
    switch (naughty_deed) {
    case ADOPT:
    case ADOPT_WITHOUT_OWNER:
        adopt(context, builder);
        break;
    case WRONG_COLUMN_TYPE:
        weir_builder_values(context, builder, 1);
        break;
    case WRONG_SHARE:
        weir_builder_share(context, builder, 0, batch, 1);
        break;
    case NULL_IN_NOT_NULL:
        weir_bit_set(weir_builder_validity(context, builder, 0), 0, 0);
        break;
    case BAD_OFFSETS:
        memcpy(weir_builder_text(context, builder, 1, 4, &offsets), "abcd", 4);
        for (uint32_t i = 0; i <= row_count; i++) {
            offsets[i] = (int32_t)(4 - i);
        }
        break;
    case BAD_KIND:
        weir_builder_kinds(context, builder)[0] = 9;
        break;
    case UNDECLARED_KIND:
        weir_builder_kinds(context, builder)[0] = WEIR_KIND_DELETE;
        break;
    case TOO_MANY_ROWS:
        return row_count + 1;
    default:
        break;
    }
    return row_count;
}

static int32_t build_naughty(struct weir_context *context, const struct weir_batch *batch)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, 0, batch->row_count, &builder);
    if (rc != WEIR_OK || naughty_deed == KEEP_BUILDER) {
        return rc;
    }
    uint32_t row_count = misuse_builder(context, builder, batch);
    return weir_emit_built(context, 0, builder, row_count);
}

static int32_t misuse_batch(struct weir_context *context, const struct weir_batch *batch)
{
    const uint32_t first = 0;
    const struct weir_batch *copy;
    int32_t rc;
    switch (naughty_deed) {
    case EMIT_TWICE:
        rc = weir_batch_select(context, batch, &first, 1, &copy);
        weir_emit(context, 0, copy);
        return rc == WEIR_OK ? weir_emit(context, 0, copy) : rc;
    case EMIT_LENT:
        return weir_emit(context, 0, batch);
    case EMIT_NOWHERE:
        weir_batch_ref(context, batch);
        return weir_emit(context, 5, batch);
    case OTHER_SCHEMA:
        weir_batch_ref(context, batch);
        return weir_emit(context, 1, batch);
    default:
        weir_batch_ref(context, batch);
        return WEIR_OK;
    }
}

static int32_t naughty_process(void *instance, struct weir_context *context, uint32_t input,
                               const struct weir_batch *batch)
{
    (void)instance;
    (void)input;
    switch (naughty_deed) {
    case RETURN_SEVEN:
        return 7;
    case RETURN_END:
        return WEIR_END;
    case WAIT_UNTIL_LATER:
        weir_wake_at(context, batch->entered_us + 5000);
        return weir_now_us(context) < batch->entered_us + 5000 ? WEIR_WAIT : WEIR_OK;
    case SAY_NOTHING:
        return WEIR_ERROR_RETRY;
    case RETURN_FATAL:
        return weir_fail(context, WEIR_ERROR_FATAL, "the disk `%s` is full", "sda");
    case MORE_FOR_EVER:
        return WEIR_MORE;
    case TIMER_WITHOUT_TABLE:
        return weir_timer_set(context, WEIR_TIME_EVENT, 0, 0);
    case KEEP_MEMORY:
        return weir_allocate(context, 100) != NULL ? WEIR_OK : WEIR_ERROR_FATAL;
    case RELEASE_WRONG_SIZE:
        weir_release(context, weir_allocate(context, 100), 99);
        return WEIR_OK;
    case EMIT_TWICE:
    case EMIT_LENT:
    case EMIT_NOWHERE:
    case OTHER_SCHEMA:
    case KEEP_BATCH:
        return misuse_batch(context, batch);
    default:
        return build_naughty(context, batch);
    }
}

static const struct weir_operator naughty = {
    .size = sizeof naughty,
    .kind = WEIR_OPERATOR_TRANSFORM,
    .name = "naughty",
    .summary = "Does what it should not",
    .outputs = (const char *const[]){"other", NULL},
    .create = doubling_create,
    .negotiate = naughty_negotiate,
    .open = naughty_open,
    .process = naughty_process,
};

// --- both: passes on what comes, of any number of inputs, without a word of negotiation ---

static int32_t both_process(void *instance, struct weir_context *context, uint32_t input,
                            const struct weir_batch *batch)
{
    (void)instance;
    (void)input;
    weir_batch_ref(context, batch);
    return weir_emit(context, 0, batch);
}

static const struct weir_operator both = {
    .size = sizeof both,
    .kind = WEIR_OPERATOR_TRANSFORM,
    .flags = WEIR_OPERATOR_MANY_INPUTS,
    .name = "both",
    .summary = "Passes on what comes",
    .create = doubling_create,
    .process = both_process,
};

// --- echo: a service that answers with what its store has counted ---

struct store {
    int64_t count;
    int64_t step;
};

// What the plugin promises behind "testing.store/1".
struct store_table {
    int64_t (*add)(void *instance);
};

static const struct weir_option store_options[] = {
    {.name = "step", .summary = "How far one goes", .type = WEIR_OPTION_INT, .initial = "1"}};

static int32_t store_create(struct weir_context *context, void **instance)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return WEIR_ERROR_FATAL;
    }
    store->step = weir_option_int(context, "step", 0);
    *instance = store;
    return WEIR_OK;
}

static int64_t store_add(void *instance)
{
    struct store *store = instance;
    return store->count += store->step;
}

static const struct store_table store_table = {store_add};
static const struct weir_resource_type store = {.size = sizeof store,
                                                .option_count = COUNT(store_options),
                                                .name = "store",
                                                .summary = "A number that grows",
                                                .options = store_options,
                                                .interface_id = "testing.store/1",
                                                .table = &store_table,
                                                .create = store_create,
                                                .destroy = free};

struct echo {
    const struct store_table *table;
    void *store;
};

static const struct weir_option echo_options[] = {{.name = "store",
                                                   .summary = "Where to count",
                                                   .type = WEIR_OPTION_RESOURCE,
                                                   .flags = WEIR_OPTION_REQUIRED},
                                                  {.name = "interface",
                                                   .summary = "What the store must be",
                                                   .type = WEIR_OPTION_STRING,
                                                   .initial = "\"testing.store/1\""}};

static int32_t echo_create(struct weir_context *context, void **instance)
{
    (void)context;
    *instance = calloc(1, sizeof(struct echo));
    return *instance != NULL ? WEIR_OK : WEIR_ERROR_FATAL;
}

static int32_t echo_open(void *instance, struct weir_context *context)
{
    struct echo *self = instance;
    const void *table;
    int32_t rc = weir_resource(context, "store", weir_option_string(context, "interface"), &table,
                               &self->store);
    self->table = rc == WEIR_OK ? table : NULL;
    return rc == WEIR_OK ? weir_listen(context, "ipc:///tmp/echo.sock") : rc;
}

static int32_t echo_request(void *instance, struct weir_context *context,
                            struct weir_request *request)
{
    struct echo *self = instance;
    char reply[64];
    if (request->byte_count == 0) {
        return WEIR_OK; // and no reply
    }
    snprintf(reply, sizeof reply, "%.*s %lld", (int)request->byte_count,
             (const char *)request->bytes, (long long)self->table->add(self->store));
    return weir_reply(context, request, reply, strlen(reply));
}

static const void *echo_extension(const char *id)
{
    static const struct weir_service_table service = {sizeof service, 0, echo_request};
    return strcmp(id, WEIR_SERVICE_1) == 0 ? &service : NULL;
}

static const struct weir_operator echo = {.size = sizeof echo,
                                          .kind = WEIR_OPERATOR_SERVICE,
                                          .option_count = COUNT(echo_options),
                                          .name = "echo",
                                          .summary = "Answers",
                                          .options = echo_options,
                                          .create = echo_create,
                                          .open = echo_open,
                                          .destroy = free,
                                          .extension = echo_extension};

static const struct weir_operator *const operators[] = {&doubling, &counting, &numbers,
                                                        &naughty,  &both,     &echo};
static const struct weir_resource_type *const resources[] = {&store};

const struct weir_plugin test_plugin = {.size = sizeof test_plugin,
                                        .abi_version = WEIR_ABI_VERSION,
                                        .operator_count = COUNT(operators),
                                        .resource_count = COUNT(resources),
                                        .name = "testing",
                                        .version = "1",
                                        .licence = "Apache-2.0",
                                        .operators = operators,
                                        .resources = resources};
