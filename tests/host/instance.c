#include "host/instance.h"

#include <stdio.h>
#include <string.h>

#include "data/batch.h"
#include "host/negotiation.h"
#include "support/test.h"

// An operator whose functions each test fills in.
static int32_t (*on_process)(struct weir_context *context, const struct weir_batch *batch);
static int32_t (*on_negotiate)(struct weir_negotiation *negotiation);
static int32_t (*on_poll)(struct weir_context *context);
static uint32_t negotiate_calls;

static int32_t play_create(struct weir_context *context, void **instance)
{
    *instance = context;
    return WEIR_OK;
}

static int32_t play_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    negotiate_calls++;
    return on_negotiate != NULL ? on_negotiate(negotiation)
                                : weir_negotiation_output_like(negotiation, 0, 0);
}

static int32_t play_process(void *instance, struct weir_context *context, uint32_t input,
                            const struct weir_batch *batch)
{
    (void)instance;
    (void)input;
    return on_process(context, batch);
}

static int32_t play_poll(void *instance, struct weir_context *context)
{
    (void)instance;
    return on_poll(context);
}

static const struct weir_operator transform = {.size = sizeof transform,
                                               .kind = WEIR_OPERATOR_TRANSFORM,
                                               .name = "play",
                                               .create = play_create,
                                               .negotiate = play_negotiate,
                                               .process = play_process};
static const struct weir_operator silent = {.size = sizeof silent,
                                            .kind = WEIR_OPERATOR_TRANSFORM,
                                            .name = "silent",
                                            .create = play_create,
                                            .process = play_process};
static const struct weir_operator source = {.size = sizeof source,
                                            .kind = WEIR_OPERATOR_SOURCE,
                                            .name = "well",
                                            .create = play_create,
                                            .negotiate = play_negotiate,
                                            .poll = play_poll};

static const struct weir_field fields[] = {{"id", {WEIR_TYPE_INT64, 0, 0, 0, 0}},
                                           {"at", {WEIR_TYPE_TIMESTAMP, 3, 0, 1, 0}},
                                           {"name", {WEIR_TYPE_STRING, 0, 0, 1, 0}}};
static const struct weir_schema schema = {sizeof schema, 3, fields};

// What the hooks have seen.
static struct {
    const struct weir_batch *batches[8];
    uint32_t outputs[8];
    uint32_t count;
    int32_t answer;
    char log[1024];
    uint32_t log_count;
} seen;

static int32_t keep_batch(struct instance *instance, uint32_t output,
                          const struct weir_batch *batch)
{
    (void)instance;
    seen.outputs[seen.count] = output;
    seen.batches[seen.count++] = batch;
    return seen.answer;
}

static void keep_log(struct instance *instance, uint32_t level, const char *text)
{
    (void)instance;
    (void)level;
    seen.log_count++;
    snprintf(seen.log, sizeof seen.log, "%s", text);
}

static const struct instance_hooks hooks = {.emit = keep_batch, .log = keep_log};
static struct manual_clock hands;

static struct instance *make(const struct weir_operator *description, uint32_t on_error)
{
    struct instance *instance = NULL;
    struct error error;
    on_process = NULL;
    on_negotiate = NULL;
    on_poll = NULL;
    memset(&seen, 0, sizeof seen);
    manual_clock_init(&hands, 1000000);
    instance_create(&(struct instance_request){.host = &host_weir,
                                               .description = description,
                                               .plugin = "tests",
                                               .stage = "stage",
                                               .hooks = &hooks,
                                               .clock = &hands.clock,
                                               .on_error = on_error},
                    &instance, &error);
    return instance;
}

// Negotiates with all columns of all outputs wanted, but for `rejected` unless asked for.
static struct negotiation *negotiate(struct instance *instance, uint32_t input_count,
                                     int wants_rejected)
{
    struct diagnostics diagnostics = {0};
    struct negotiation *negotiation = negotiation_create(instance, input_count);
    for (uint32_t i = 0; i < input_count; i++) {
        negotiation_set_input(negotiation, i, &schema, WEIR_KINDS_ALL, 1, 1);
    }
    CHECK_INT(negotiation_schemas(negotiation, NULL, &diagnostics), 0);
    for (uint32_t i = 0; i + !wants_rejected < negotiation->output_count; i++) {
        negotiation_want_output(negotiation, i, NULL, WEIR_KINDS_ALL);
    }
    CHECK_INT(negotiation_wants(negotiation, &diagnostics), 0);
    diagnostics_finish(&diagnostics);
    return negotiation;
}

static const struct weir_batch *make_batch(uint32_t row_count)
{
    struct batch_builder *builder;
    const struct weir_batch *batch = NULL;
    if (batch_builder_create(&schema, row_count, &builder) != 0) {
        return NULL;
    }
    int64_t *ids = batch_builder_values(builder, 0), *times = batch_builder_values(builder, 1);
    for (uint32_t i = 0; i < row_count; i++) {
        ids[i] = i;
        times[i] = 10 * (int64_t)i;
        batch_builder_append(builder, 2, "abc", 1 + i % 3);
    }
    batch_builder_times(builder, 7, 0, 10000 * ((int64_t)row_count - 1), 42);
    batch_builder_finish(builder, row_count, &batch);
    return batch;
}

static void release(struct instance *instance, struct negotiation *negotiation,
                    const struct weir_batch *batch)
{
    for (uint32_t i = 0; i < seen.count; i++) {
        batch_unref(seen.batches[i]);
    }
    batch_unref(batch);
    instance_destroy(instance);
    negotiation_destroy(negotiation);
}

static int32_t pass_on(struct weir_context *context, const struct weir_batch *batch)
{
    weir_batch_ref(context, batch);
    return weir_emit(context, 0, batch);
}

TEST(an_operator_without_a_word_gives_what_it_gets_and_reads_all_of_it)
{
    struct instance *instance = make(&silent, ON_ERROR_FAIL);
    struct negotiation *negotiation = negotiate(instance, 1, 0);
    const struct weir_batch *batch = make_batch(4);
    CHECK(negotiation->outputs[0].schema == &schema);
    CHECK_INT(negotiation->outputs[0].kinds, WEIR_KINDS_ALL);
    CHECK_INT(negotiation->outputs[0].event_time, 1);
    CHECK_INT(negotiation->inputs[0].wanted[0], 7);
    on_process = pass_on;
    CHECK_INT(instance_open(instance, negotiation), WEIR_OK);
    CHECK_INT(instance_process(instance, 0, batch), WEIR_OK);
    REQUIRE(seen.count == 1);
    CHECK(seen.batches[0] == batch);
    release(instance, negotiation, batch);
}

TEST(an_error_from_downstream_passes_through_untouched)
{
    struct instance *instance = make(&transform, ON_ERROR_FAIL);
    struct negotiation *negotiation = negotiate(instance, 1, 0);
    const struct weir_batch *batch = make_batch(4);
    on_process = pass_on;
    instance_open(instance, negotiation);
    seen.answer = WEIR_ERROR_DATA;
    CHECK_INT(instance_process(instance, 0, batch), WEIR_ERROR_DATA);
    CHECK_INT(instance->is_downstream, 1);
    seen.answer = WEIR_OK;
    CHECK_INT(instance_process(instance, 0, batch), WEIR_OK);
    CHECK_INT(instance->is_downstream, 0);
    release(instance, negotiation, batch);
}

static int32_t ignore_errors(struct weir_context *context, const struct weir_batch *batch)
{
    pass_on(context, batch);
    return WEIR_OK;
}

TEST(an_operator_cannot_hide_an_error_from_downstream)
{
    struct instance *instance = make(&transform, ON_ERROR_FAIL);
    struct negotiation *negotiation = negotiate(instance, 1, 0);
    const struct weir_batch *batch = make_batch(4);
    on_process = ignore_errors;
    instance_open(instance, negotiation);
    seen.answer = WEIR_ERROR_FATAL;
    CHECK_INT(instance_process(instance, 0, batch), WEIR_ERROR_FATAL);
    release(instance, negotiation, batch);
}

static int32_t make_time(struct weir_negotiation *negotiation)
{
    const struct weir_field out[] = {{"id", {WEIR_TYPE_INT64, 0, 0, 0, 0}},
                                     {"made", {WEIR_TYPE_INT64, 0, 0, 0, 0}},
                                     {"extra", {WEIR_TYPE_STRING, 0, 0, 1, 0}}};
    int32_t rc = weir_negotiation_output(negotiation, 0, out, 3);
    weir_negotiation_origin(negotiation, 0, 0, 0, 0);
    weir_negotiation_kinds(negotiation, 0, WEIR_KINDS_INSERT);
    return rc;
}

static int32_t fill_made(struct weir_context *context, const struct weir_batch *batch)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, 0, batch->row_count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    weir_builder_share(context, builder, 0, batch, 0);
    int64_t *made = weir_builder_values(context, builder, 1);
    for (uint32_t i = 0; i < batch->row_count; i++) {
        made[i] = 5000 + i;
    }
    weir_builder_inherit(context, builder, batch);
    return weir_emit_built(context, 0, builder, batch->row_count);
}

TEST(an_event_time_that_the_operator_makes_is_read_from_its_column)
{
    struct instance *instance = make(&transform, ON_ERROR_FAIL);
    struct negotiation *negotiation = negotiation_create(instance, 1);
    struct diagnostics diagnostics = {0};
    const struct weir_batch *batch = make_batch(4);
    const uint8_t first = 1;
    on_negotiate = make_time;
    on_process = fill_made;
    negotiation_set_input(negotiation, 0, &schema, WEIR_KINDS_INSERT, 1, 1);
    CHECK_INT(negotiation_schemas(negotiation, NULL, &diagnostics), 0);
    CHECK_INT(negotiation->outputs[0].event_time, -1);
    negotiation->outputs[0].event_time = 1;
    negotiation_want_output(negotiation, 0, &first, WEIR_KINDS_ALL);
    CHECK_INT(negotiation_wants(negotiation, &diagnostics), 0);
    CHECK_INT(negotiation->outputs[0].wanted[0], 3);
    CHECK_INT(instance_open(instance, negotiation), WEIR_OK);
    CHECK_INT(instance_process(instance, 0, batch), WEIR_OK);
    REQUIRE(seen.count == 1);
    CHECK_INT(seen.batches[0]->time_min_us, 5000000);
    CHECK_INT(seen.batches[0]->time_max_us, 5003000);
    CHECK_INT(seen.batches[0]->bucket, 7);
    CHECK_INT(seen.batches[0]->entered_us, 42);
    CHECK_INT(seen.batches[0]->columns[2].encoding, WEIR_ENCODING_ABSENT);
    release(instance, negotiation, batch);
}

TEST(every_instance_of_a_stage_hears_both_passes)
{
    struct instance *first = make(&transform, ON_ERROR_FAIL),
                    *second = make(&transform, ON_ERROR_FAIL);
    struct negotiation *negotiation = negotiate(first, 1, 0);
    negotiate_calls = 0;
    CHECK_INT(instance_open(first, negotiation), WEIR_OK);
    CHECK_INT(negotiate_calls, 0);
    CHECK_INT(instance_open(second, negotiation), WEIR_OK);
    CHECK_INT(negotiate_calls, 2);
    instance_destroy(second);
    release(first, negotiation, NULL);
}

static int32_t reject_even(struct weir_context *context, const struct weir_batch *batch)
{
    for (uint32_t row = batch->row_count; row-- > 0;) {
        int32_t rc = row % 2 == 0 ? weir_reject(context, batch, row, "even") : WEIR_OK;
        if (rc != WEIR_OK) {
            return rc;
        }
    }
    const uint32_t *kept;
    uint32_t count = 0;
    CHECK_INT(weir_rejected(context, &kept, &count), 1);
    CHECK_INT(count, batch->row_count / 2);
    CHECK_INT(kept[0], 1);
    return WEIR_OK;
}

TEST(rejected_rows_leave_in_their_order)
{
    struct instance *instance = make(&transform, ON_ERROR_REJECT);
    struct negotiation *negotiation = negotiate(instance, 1, 1);
    const struct weir_batch *batch = make_batch(6);
    on_process = reject_even;
    instance_open(instance, negotiation);
    CHECK_INT(instance_process(instance, 0, batch), WEIR_OK);
    REQUIRE(seen.count == 1);
    CHECK_INT(seen.outputs[0], 1);
    const struct weir_batch *rejected = seen.batches[0];
    CHECK_INT(rejected->row_count, 3);
    CHECK_INT(((const int64_t *)rejected->columns[0].values)[1], 2);
    CHECK_INT(rejected->entered_us, 42);
    uint32_t length;
    CHECK(strncmp(weir_text(&rejected->columns[3], 2, &length), "even", 4) == 0);
    CHECK_INT(seen.log_count, 0);
    CHECK_INT(instance_process(instance, 0, batch), WEIR_OK);
    CHECK_INT(seen.count, 2);
    CHECK_INT(instance->rejected_rows, 6);
    release(instance, negotiation, batch);
}

TEST(rejects_that_nobody_reads_are_counted_and_told_now_and_then)
{
    struct instance *instance = make(&transform, ON_ERROR_REJECT);
    struct negotiation *negotiation = negotiate(instance, 1, 0);
    const struct weir_batch *batch = make_batch(6);
    on_process = reject_even;
    instance_open(instance, negotiation);
    for (int i = 0; i < 100; i++) {
        CHECK_INT(instance_process(instance, 0, batch), WEIR_OK);
    }
    CHECK_INT(seen.log_count, 1);
    CHECK_TEXT(seen.log, "rejected 1 row so far that nobody reads (from = \"stage.rejected\" "
                         "would); the last: even");
    hands.time_us += 10000000;
    CHECK_INT(instance_process(instance, 0, batch), WEIR_OK);
    CHECK_INT(seen.log_count, 2);
    CHECK_HAS(seen.log, "rejected 301 rows so far");
    CHECK_INT(instance->rejected_rows, 303);
    CHECK_INT(seen.count, 0);
    release(instance, negotiation, batch);
}

static uint32_t more_calls;

static int32_t reject_and_call_again(struct weir_context *context, const struct weir_batch *batch)
{
    weir_reject(context, batch, 0, "first");
    return ++more_calls < 3 ? WEIR_MORE : WEIR_OK;
}

TEST(a_row_is_booked_once_however_often_its_batch_comes_again)
{
    struct instance *instance = make(&transform, ON_ERROR_REJECT);
    struct negotiation *negotiation = negotiate(instance, 1, 1);
    const struct weir_batch *batch = make_batch(2);
    more_calls = 0;
    on_process = reject_and_call_again;
    instance_open(instance, negotiation);
    CHECK_INT(instance_process(instance, 0, batch), WEIR_MORE);
    CHECK_INT(instance_process(instance, 0, batch), WEIR_MORE);
    CHECK_INT(seen.count, 0);
    CHECK_INT(instance_process(instance, 0, batch), WEIR_OK);
    REQUIRE(seen.count == 1);
    CHECK_INT(seen.batches[0]->row_count, 1);
    CHECK_INT(instance->rejected_rows, 1);
    release(instance, negotiation, batch);
}

static int32_t well_columns(struct weir_negotiation *negotiation)
{
    const uint32_t key = 0;
    int32_t rc = weir_negotiation_output(negotiation, 0, fields, 3);
    weir_negotiation_bounded(negotiation, 0);
    weir_negotiation_partitioned(negotiation, 0, &key, 1, 16);
    return rc;
}

static int32_t well_poll(struct weir_context *context)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, 0, 40000, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    memset(weir_builder_values(context, builder, 0), 0, 40000 * 8);
    CHECK_INT(weir_should_yield(context), seen.count >= 2);
    rc = weir_emit_built(context, 0, builder, 40000);
    weir_wake_at(context, 2000000);
    weir_wake_at(context, 3000000);
    weir_watermark(context, 5);
    weir_watermark(context, 4);
    return rc == WEIR_OK && seen.count < 3 ? well_poll(context) : rc == WEIR_OK ? WEIR_WAIT : rc;
}

TEST(a_source_is_told_to_yield_and_its_wishes_are_kept)
{
    struct instance *instance = make(&source, ON_ERROR_FAIL);
    on_negotiate = well_columns;
    struct negotiation *negotiation = negotiate(instance, 0, 0);
    CHECK_INT(negotiation->outputs[0].kinds, WEIR_KINDS_INSERT);
    CHECK_INT(negotiation->outputs[0].is_bounded, 0);
    CHECK_INT(negotiation->outputs[0].group_count, 16);
    CHECK_INT(negotiation->outputs[0].partitioned_count, 1);
    CHECK_INT(negotiation->outputs[1].schema->field_count, 3);
    on_poll = well_poll;
    instance_open(instance, negotiation);
    CHECK_INT(instance_poll(instance), WEIR_WAIT);
    CHECK_INT(instance->wake_at_us, 2000000);
    CHECK_INT(instance->watermark_us, 5);
    CHECK_INT(instance->emitted_rows, 120000);
    CHECK_INT(seen.batches[0]->entered_us, 1000000);
    release(instance, negotiation, NULL);
}

static int32_t poll_ok(struct weir_context *context)
{
    CHECK(instance_current != NULL && &instance_current->instance->context == context);
    CHECK_TEXT(instance_current->function, "poll");
    return WEIR_OK;
}

TEST(poll_may_not_say_ok_and_a_crash_would_name_it)
{
    struct instance *instance = make(&source, ON_ERROR_FAIL);
    on_negotiate = well_columns;
    struct negotiation *negotiation = negotiate(instance, 0, 0);
    on_poll = poll_ok;
    instance_open(instance, negotiation);
    CHECK(instance_current == NULL);
    CHECK_INT(instance_poll(instance), WEIR_ERROR_FATAL);
    CHECK(instance_current == NULL);
    CHECK_HAS(instance->error.text, "operator `well` of plugin `tests` returned 0 from poll");
    release(instance, negotiation, NULL);
}

static int32_t misname(struct weir_negotiation *negotiation)
{
    weir_negotiation_origin(negotiation, 0, 8, 0, 0);
    return WEIR_OK;
}

static int32_t twice_the_name(struct weir_negotiation *negotiation)
{
    const struct weir_field twice[] = {fields[0], fields[0]};
    return weir_negotiation_output(negotiation, 0, twice, 2);
}

static int32_t say_nothing(struct weir_negotiation *negotiation)
{
    (void)negotiation;
    return WEIR_OK;
}

static const char *objection(int32_t (*function)(struct weir_negotiation *negotiation))
{
    static char text[512];
    struct diagnostics diagnostics = {0};
    struct instance *instance = make(&transform, ON_ERROR_FAIL);
    struct negotiation *negotiation = negotiation_create(instance, 1);
    on_negotiate = function;
    negotiation_set_input(negotiation, 0, &schema, WEIR_KINDS_ALL, -1, 1);
    CHECK(negotiation_schemas(negotiation, NULL, &diagnostics) != 0);
    snprintf(text, sizeof text, "%s: %s", diagnostics.first->code, diagnostics.first->message);
    CHECK_TEXT(diagnostics.first->stage, "stage");
    diagnostics_finish(&diagnostics);
    release(instance, negotiation, NULL);
    return text;
}

TEST(what_a_plugin_says_wrongly_in_negotiation_is_its_fault)
{
    CHECK_TEXT(objection(misname),
               "W0222: operator `play` of plugin `tests` names column 0 of input 0 as the origin "
               "of column 8 of output 0 in negotiate: this is the plugin's fault");
    CHECK_TEXT(objection(say_nothing),
               "W0222: operator `play` of plugin `tests` does not say what its output 0 is in "
               "negotiate: this is the plugin's fault");
    CHECK_TEXT(objection(twice_the_name), "W0221: two columns are called `id`");
}
