#include "support/kit.h"

#include <stdlib.h>
#include <string.h>

#include "kit/operators.h"

static struct weir_kit *open_kit(const char *name, const char *options)
{
    return weir_kit_open_plugin(&test_plugin, name, options);
}

// --- A mapper ---

TEST(a_batch_of_numbers_goes_in_and_comes_out_doubled)
{
    struct weir_kit *kit = open_kit("doubling", "column = 'value'");
    weir_kit_send_int64(kit, "value", 3, (int64_t[]){5, -1, 1LL << 40});
    CHECK_ROWS(kit, "value", 10, -2, 2199023255552);
    CHECK_OUTPUT(kit, "", "+I 10", "+I -2", "+I 2199023255552");
    CHECK_NO_OUTPUT(kit, "rejected");
    CHECK_INT(weir_kit_row_count(kit, ""), 3);
    weir_kit_close(kit);
}

TEST(a_condition_is_compiled_against_the_input)
{
    struct weir_kit *kit = open_kit("doubling", "column = 'value', where = 'name like \"a%\"'");
    weir_kit_input(kit, "id int32, value int64, name string");
    weir_kit_send(kit, 0, "1|10|abc", "2|20|b", "3|30|null", "4|40|a");
    CHECK_TEXT(weir_kit_error(kit),
               "W0312: column `a%` does not exist; available: id, value, name");
    weir_kit_close(kit);

    kit = open_kit("doubling", "column = 'value', where = \"name like 'a%'\"");
    weir_kit_input(kit, "id int32, value int64, name string");
    weir_kit_send(kit, 0, "1|10|abc", "2|20|b", "3|30|null", "4|40|a");
    CHECK_ROWS(kit, "value", 20, 80);
    CHECK_TEXT(weir_kit_reads(kit, 0), "value, name");
    CHECK_TEXT(weir_kit_columns(kit, ""), "value int64");
    weir_kit_close(kit);
}

TEST(kinds_and_times_are_inherited)
{
    struct weir_kit *kit = open_kit("doubling", "column = 'value'");
    weir_kit_input(kit, "value int64, at timestamp(3)");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    weir_kit_input_time(kit, 0, "at");
    weir_kit_bucket(kit, 3);
    weir_kit_send(kit, 0, "-U 1|1970-01-01 00:00:01", "+U 2|5000", "-D 3|2000", "4|3000");
    CHECK_OUTPUT(kit, "", "-U 2", "+U 4", "-D 6", "+I 8");
    const struct weir_batch *batch = weir_kit_batch(kit, "", 0);
    REQUIRE(batch != NULL);
    CHECK_INT(batch->time_min_us, 1000000);
    CHECK_INT(batch->time_max_us, 5000000);
    CHECK_INT(batch->bucket, 3);
    CHECK_INT(batch->entered_us, WEIR_KIT_START_US);
    CHECK(weir_kit_batch(kit, "", 1) == NULL);
    weir_kit_close(kit);
}

TEST(a_bad_row_fails_the_job_and_is_shown)
{
    struct weir_kit *kit = open_kit("doubling", "column = 'value'");
    weir_kit_input(kit, "value int64, name string");
    weir_kit_send(kit, 0, "1|a", "9223372036854775807|b");
    CHECK_TEXT(weir_kit_error(kit),
               "twice the value is no int64, in the row (value = "
               "9223372036854775807, name = b); with on_error = \"reject\" it is set aside");
    CHECK_INT(weir_kit_error_class(kit), WEIR_ERROR_DATA);
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_close(kit);
}

TEST(a_bad_row_goes_to_the_rejects_with_its_kind_and_reason)
{
    struct weir_kit *kit = open_kit("doubling", "column = 'value', on_error = 'reject'");
    weir_kit_input(kit, "value int64, name string");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    weir_kit_send(kit, 0, "1|a", "-D 9223372036854775807|b", "3|c", "-9223372036854775807|null");
    CHECK_OUTPUT(kit, "", "+I 2", "+I 6");
    CHECK_OUTPUT(kit, "rejected", "-D 9223372036854775807|b|twice the value is no int64",
                 "+I -9223372036854775807|null|twice the value is no int64");
    CHECK_TEXT(weir_kit_columns(kit, "rejected"), "value int64, name string, reject_reason string");
    CHECK_INT(weir_kit_rejected(kit), 2);
    CHECK_TEXT(weir_kit_log(kit), "");
    weir_kit_close(kit);
}

TEST(an_expression_that_fails_books_its_row)
{
    struct weir_kit *kit =
        open_kit("doubling", "column = 'value', where = '10 / value > 0', on_error = 'reject'");
    weir_kit_send_int64(kit, "value", 3, (int64_t[]){5, 0, 2});
    CHECK_INT(weir_kit_rejected(kit), 1);
    CHECK_INT(weir_kit_row_count(kit, "rejected"), 1);
    CHECK_HAS(weir_kit_rows(kit, "rejected"), "+I 0|division by zero");
    weir_kit_close(kit);
}

// --- Keyed state, timers, metrics ---

TEST(counts_are_told_by_a_timer)
{
    struct weir_kit *kit = open_kit("counting", "by = 'name'");
    weir_kit_input(kit, "name string, value int64");
    weir_kit_send(kit, 0, "a|1", "b|2", "a|3", "null|4");
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_advance(kit, 999999);
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_advance(kit, 1);
    CHECK_INT(weir_kit_row_count(kit, ""), 3);
    CHECK_HAS(weir_kit_rows(kit, ""), "+I a|2\n");
    CHECK_HAS(weir_kit_rows(kit, ""), "+I b|1\n");
    CHECK_HAS(weir_kit_rows(kit, ""), "+I null|1\n");
    CHECK_METRIC(kit, "keys", 3);
    CHECK_METRIC(kit, "rows", 4);
    CHECK_TEXT(weir_kit_columns(kit, ""), "name string, count int64 not null");
    CHECK_TEXT(weir_kit_reads(kit, 0), "name");
    weir_kit_close(kit);
}

TEST(event_timers_wait_for_the_watermark)
{
    struct weir_kit *kit = open_kit("counting", "by = 'name', time = 'event', every = '10s'");
    weir_kit_input(kit, "name string, at timestamp(3)");
    weir_kit_input_time(kit, 0, "at");
    weir_kit_send(kit, 0, "a|1000", "a|2000");
    weir_kit_advance(kit, 3600000000);
    weir_kit_watermark(kit, 9999999);
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_watermark(kit, 10000000);
    CHECK_OUTPUT(kit, "", "+I a|2");
    weir_kit_close(kit);
}

static uint64_t count_rows_of(struct weir_kit *kit)
{
    weir_kit_end(kit);
    return weir_kit_row_count(kit, "");
}

TEST(a_snapshot_is_dealt_out_to_another_number_of_tasks)
{
    struct weir_kit *one = open_kit("counting", "by = 'name'");
    weir_kit_input(one, "name string");
    weir_kit_send(one, 0, "a", "b", "c", "d", "e", "f", "g", "h", "a", "a");
    struct weir_kit_snapshot *snapshot = weir_kit_save(one);
    uint64_t total = 0;
    int64_t all = 0;
    for (uint32_t task = 0; task < 3; task++) {
        struct weir_kit *kit = open_kit("counting", "by = 'name'");
        weir_kit_task(kit, task, 3);
        weir_kit_input(kit, "name string");
        CHECK_INT(weir_kit_load(kit, snapshot), WEIR_OK);
        weir_kit_advance(kit, 1000000);
        uint64_t fired = weir_kit_row_count(kit, "");
        weir_kit_clear(kit);
        CHECK_INT(count_rows_of(kit), fired);
        total += fired;
        for (uint32_t i = 0; weir_kit_batch(kit, "", i) != NULL; i++) {
            const struct weir_batch *batch = weir_kit_batch(kit, "", i);
            for (uint32_t row = 0; row < batch->row_count; row++) {
                all += ((const int64_t *)batch->columns[1].values)[row];
            }
        }
        weir_kit_close(kit);
    }
    CHECK_INT(total, 8);
    CHECK_INT(all, 10);
    weir_kit_snapshot_destroy(snapshot);
    weir_kit_close(one);
}

// --- A source ---

TEST(a_source_is_polled_and_the_clock_moves_to_its_wishes)
{
    struct weir_kit *kit = open_kit("numbers", "count = 3, event_time = 'at'");
    CHECK_INT(weir_kit_poll(kit), WEIR_WAIT);
    CHECK_OUTPUT(kit, "", "+I 0|2026-01-01 00:00:00.000000Z");
    CHECK_INT(weir_kit_batch(kit, "", 0)->time_max_us, WEIR_KIT_START_US);
    CHECK_INT(weir_kit_run(kit, 100), WEIR_END);
    CHECK_OUTPUT(kit, "", "+I 0|2026-01-01 00:00:00.000000Z", "+I 1|2026-01-01 00:00:00.000000Z",
                 "+I 2|2026-01-01 00:00:00.500000Z");
    weir_kit_close(kit);
}

TEST(a_broken_record_goes_to_the_rejects)
{
    struct weir_kit *kit = open_kit("numbers", "count = 3, bad = 1, on_error = 'reject'");
    CHECK_INT(weir_kit_run(kit, 100), WEIR_END);
    CHECK_ROWS(kit, "n", 0, 2);
    CHECK_OUTPUT(kit, "rejected", "+I numbers:3|is no number|0x78797a");
    weir_kit_close(kit);

    kit = open_kit("numbers", "count = 3, bad = 1");
    CHECK_INT(weir_kit_run(kit, 100), WEIR_ERROR_DATA);
    CHECK_TEXT(weir_kit_error(kit),
               "numbers:3: is no number; with on_error = \"reject\" it is set aside");
    weir_kit_close(kit);
}

TEST(opaque_state_goes_to_the_task_of_its_split)
{
    struct weir_kit *kit = open_kit("numbers", "count = 9");
    weir_kit_run(kit, 5);
    struct weir_kit_snapshot *snapshot = weir_kit_save(kit);
    weir_kit_close(kit);

    struct weir_kit *first = open_kit("numbers", "count = 9"), *second = open_kit("numbers", "");
    weir_kit_task(first, 0, 2);
    weir_kit_task(second, 1, 2);
    weir_kit_load(first, snapshot);
    weir_kit_load(second, snapshot);
    weir_kit_poll(first);
    weir_kit_poll(second);
    CHECK_ROWS(first, "n", 5);
    CHECK_ROWS(second, "n", 0);
    weir_kit_close(first);
    weir_kit_close(second);
    weir_kit_snapshot_destroy(snapshot);
}

// --- Rows as text ---

TEST(every_type_reads_and_writes_as_text)
{
    struct weir_kit *kit = open_kit("both", NULL);
    weir_kit_input(kit,
                   "a bool, b int8, c int16, d int32, e int64, f float32, g float64, h string, "
                   "i bytes, j date, k time, l timestamp(3), m timestamp_ltz(9), n decimal(10,2)");
    const char *row = "+I true|-128|32767|-5|9223372036854775807|0.1|-2.5e-07|two words|0x00ff|"
                      "2026-11-22|12:34:56.789|1969-12-31 23:59:59.999|2026-01-01 "
                      "00:00:00.000000001Z|-12.30";
    const char *nulls = "+I null|null|null|null|null|null|null|null|null|null|null|null|null|null";
    const char *texts = "+I false|0|0|0|0|0|0|\"a|\"\"b\"|0x|1970-01-01|00:00:00.000|1970-01-01 "
                        "00:00:00.000|1970-01-01 00:00:00.000000000Z|0.05";
    weir_kit_send(kit, 0, row, nulls, texts);
    CHECK_OUTPUT(kit, "", row, nulls, texts);
    CHECK_ROWS(kit, "h", "two words", null, "a|\"b");
    weir_kit_close(kit);
}

TEST(rows_that_do_not_fit_are_refused_by_name)
{
    struct weir_kit *kit = open_kit("both", NULL);
    weir_kit_input(kit, "a int8, b string");
    weir_kit_send(kit, 0, "128|x");
    CHECK_TEXT(weir_kit_error(kit), "row `128|x`: cannot read `128` as `a int8`");
    weir_kit_close(kit);

    kit = open_kit("both", NULL);
    weir_kit_input(kit, "a int8, b string");
    weir_kit_send(kit, 0, "1");
    CHECK_TEXT(weir_kit_error(kit), "row `1`: there must be 2 values");
    weir_kit_close(kit);
}

// --- Set-up that is refused ---

TEST(an_unknown_operator_is_refused_with_what_there_is)
{
    struct weir_kit *kit = open_kit("doubleing", NULL);
    CHECK_TEXT(weir_kit_error(kit), "plugin `testing` has no operator `doubleing`; available: "
                                    "doubling, counting, numbers, naughty, both, echo");
    CHECK_INT(weir_kit_send_int64(kit, "value", 0, NULL), WEIR_ERROR_CONFIG);
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_close(kit);
}

TEST(options_are_checked_as_in_a_pipeline)
{
    struct weir_kit *kit = open_kit("counting", "b = 'name', every = '10ns', time = 'procesing'");
    CHECK_TEXT(weir_kit_error(kit),
               "W0201: operator `counting` has no option `b`; available: by, every, time, "
               "on_error, event_time; did you mean `by`?\n"
               "W0205: operator `counting` needs the option `by`: The key; add by = ..., a list of "
               "column names\n"
               "W0206: option `every` must be a duration like \"250ms\", \"30s\", \"5m\", \"2h\" "
               "or \"7d\", not \"10ns\"\n"
               "W0204: option `time` cannot be \"procesing\"; available: processing, event; did "
               "you mean `processing`?");
    weir_kit_close(kit);
}

TEST(what_the_operator_refuses_in_negotiation_is_told)
{
    struct weir_kit *kit = open_kit("doubling", "column = 'name'");
    weir_kit_input(kit, "name string");
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_CONFIG);
    CHECK_TEXT(weir_kit_error(kit), "W0221: option `column`: `name` is no int64");
    weir_kit_close(kit);
}

TEST(inputs_that_must_agree_are_compared)
{
    struct weir_kit *kit = open_kit("both", NULL);
    weir_kit_input(kit, "a int8, b string");
    weir_kit_input(kit, "a int8, b int64");
    weir_kit_start(kit);
    CHECK_HAS(weir_kit_error(kit), "W0223: inputs differ: column 2 is `b string` in input 1, but "
                                   "`b int64` in input 2");
    weir_kit_close(kit);
}

// --- What a plugin must not do ---

// Sends one row to the naughty operator; the sentence that comes, till the next call.
static const char *scold(enum naughty_deed deed)
{
    static char text[4096];
    naughty_deed = deed;
    struct weir_kit *kit = open_kit("naughty", NULL);
    weir_kit_input(kit, "id int64 not null, name string");
    weir_kit_send(kit, 0, "1|a", "2|b");
    const char *error = weir_kit_error(kit);
    snprintf(text, sizeof text, "%s", error != NULL ? error : "nothing");
    weir_kit_close(kit);
    return text;
}

TEST(values_that_are_no_result_are_the_plugins_fault)
{
    CHECK_TEXT(scold(RETURN_SEVEN), "operator `naughty` of plugin `testing` returned 7 from "
                                    "process, which is no result of it: this is the plugin's "
                                    "fault");
    CHECK_HAS(scold(RETURN_END), "returned 3 from process");
    CHECK_TEXT(scold(SAY_NOTHING), "operator `naughty` of plugin `testing` failed in process and "
                                   "did not say why");
    CHECK_TEXT(scold(RETURN_FATAL), "the disk `sda` is full");
    CHECK_HAS(scold(MORE_FOR_EVER), "has returned WEIR_MORE or WEIR_WAIT 1000000 times");
}

TEST(a_batch_may_be_a_view_of_other_memory_if_it_names_its_owner)
{
    naughty_deed = ADOPT;
    naughty_released_count = 0;
    struct weir_kit *kit = open_kit("naughty", NULL);
    weir_kit_input(kit, "id int64 not null, name string");
    weir_kit_send(kit, 0, "1|a", "2|b");
    CHECK_OUTPUT(kit, "", "+I 70|null", "+I 80|null");
    CHECK_INT(naughty_released_count, 0);
    weir_kit_close(kit);
    CHECK_INT(naughty_released_count, 1);
    CHECK_HAS(scold(ADOPT_WITHOUT_OWNER), "columns that are views, but no owner");
}

TEST(an_operator_that_waits_gets_its_batch_again_at_the_time_it_named)
{
    naughty_deed = WAIT_UNTIL_LATER;
    struct weir_kit *kit = open_kit("naughty", NULL);
    weir_kit_input(kit, "id int64 not null, name string");
    CHECK_INT(weir_kit_send(kit, 0, "1|a"), WEIR_OK);
    CHECK_INT(weir_kit_now(kit), WEIR_KIT_START_US + 5000);
    weir_kit_close(kit);
}

TEST(a_batch_that_breaks_its_schema_is_stopped_by_name)
{
    CHECK_TEXT(scold(OTHER_SCHEMA),
               "operator `naughty` of plugin `testing` emitted a batch that does not fit output 1 "
               "of stage `naughty`: column 1 is `id int64`, declared was `id int32`; this is the "
               "plugin's fault");
    CHECK_HAS(scold(EMIT_NOWHERE), "emitted a batch to output 5 of stage `naughty`, which it does "
                                   "not have");
    CHECK_HAS(scold(WRONG_COLUMN_TYPE), "column `name` is string, which is filled by "
                                        "weir_builder_text or weir_builder_append");
    CHECK_HAS(scold(WRONG_SHARE),
              "column `id` is int64, but the column `name` it is taken from is string");
    CHECK_HAS(scold(NULL_IN_NOT_NULL), "column `id` has nulls (or nothing at all)");
    CHECK_HAS(scold(ABSENT_BUT_WANTED), "column `id` has nulls (or nothing at all)");
    CHECK_HAS(scold(BAD_OFFSETS), "the offsets of column `name` must start at 0, rise");
    CHECK_HAS(scold(BAD_KIND), "a change kind is above 3");
    CHECK_HAS(scold(UNDECLARED_KIND), "a row is -D, but the output was not declared to carry it");
    CHECK_HAS(scold(TOO_MANY_ROWS), "3 rows are more than the 2 that it began with");
}

TEST(what_an_operator_does_not_own_it_cannot_emit)
{
    CHECK_HAS(scold(EMIT_TWICE), "emits a batch that it does not own");
    CHECK_HAS(scold(EMIT_LENT), "emits a batch that it does not own");
    CHECK_HAS(scold(RELEASE_WRONG_SIZE), "releases 99 bytes of memory that it got as 100");
    CHECK_HAS(scold(TIMER_WITHOUT_TABLE), "sets a timer but has no weir.timer/1");
    CHECK_HAS(scold(STATE_WITHOUT_KEY), "opens the state table `counts` over an input that it has "
                                        "not asked to be partitioned");
}

static char told[1024];

static void listen(const char *file, int32_t line, const char *text)
{
    snprintf(told, sizeof told, "%s:%d: %s", file, line, text);
}

TEST(what_is_not_given_back_is_told_at_close)
{
    weir_kit_on_failure(listen);
    CHECK_TEXT(scold(KEEP_BATCH), "nothing");
    CHECK_TEXT(told, "naughty:0: the operator has not given back 1 batch(es), 0 builder(s) and 0 "
                     "bytes of memory");
    scold(KEEP_BUILDER);
    CHECK_HAS(told, "0 batch(es), 1 builder(s) and 0 bytes");
    scold(KEEP_MEMORY);
    CHECK_HAS(told, "0 batch(es), 0 builder(s) and 100 bytes");
    weir_kit_on_failure(report_kit_failure);
}

TEST(an_error_that_nobody_looked_at_is_told_at_close)
{
    weir_kit_on_failure(listen);
    naughty_deed = RETURN_FATAL;
    struct weir_kit *kit = open_kit("naughty", NULL);
    weir_kit_input(kit, "id int64 not null, name string");
    weir_kit_send(kit, 0, "1|a");
    told[0] = '\0';
    weir_kit_close(kit);
    CHECK_HAS(told, "error that nobody looked at: the disk `sda` is full");
    weir_kit_on_failure(report_kit_failure);
}

// --- Checks ---

TEST(a_check_that_fails_shows_both_sides)
{
    struct weir_kit *kit = open_kit("doubling", "column = 'value'");
    weir_kit_send_int64(kit, "value", 2, (int64_t[]){1, 2});
    weir_kit_on_failure(listen);
    CHECK_INT(CHECK_ROWS(kit, "value", 2, 5), 0);
    CHECK_HAS(told, "column `value` is 2, 4, expected 2, 5");
    CHECK_INT(CHECK_ROWS(kit, "value", 2), 0);
    CHECK_INT(CHECK_ROWS(kit, "value", 2, 4, 6), 0);
    CHECK_INT(CHECK_ROWS(kit, "value", 2, 4), 1);
    CHECK_INT(CHECK_OUTPUT(kit, "", "+I 2"), 0);
    CHECK_HAS(told, "rows of output `` are\n+I 2\n+I 4\nexpected\n+I 2\n");
    CHECK_INT(CHECK_NO_OUTPUT(kit, ""), 0);
    CHECK_INT(CHECK_METRIC(kit, "none", 1), 0);
    CHECK_HAS(told, "there is no metric `none`");
    CHECK_INT(CHECK_ERROR(kit, "x"), 0);
    CHECK_HAS(told, "the error is\nnone\nwhich lacks\nx");
    weir_kit_on_failure(report_kit_failure);
    weir_kit_close(kit);
}

// --- Memory ---

TEST(every_allocation_may_fail)
{
    uint64_t n = 0;
    int32_t error_class = WEIR_ERROR_FATAL;
    while (error_class != 0 && n < 1000) {
        weir_kit_fail_allocation(NULL, ++n);
        struct weir_kit *kit = open_kit("counting", "by = 'name'");
        weir_kit_input(kit, "name string");
        weir_kit_send(kit, 0, "a", "b", "a");
        weir_kit_end(kit);
        error_class = weir_kit_error_class(kit);
        if (error_class != 0) {
            CHECK_INT(error_class, WEIR_ERROR_FATAL);
            CHECK_HAS(weir_kit_error(kit), "no memory");
        }
        weir_kit_close(kit);
    }
    CHECK(n > 3 && n < 1000);
}

// --- Resources and services ---

TEST(a_service_answers_with_the_help_of_a_resource)
{
    struct weir_kit *kit = open_kit("echo", "store = w.store 'numbers' {}");
    uint64_t length;
    CHECK_INT(weir_kit_resource(kit, "store", "numbers", "step = 5"), WEIR_OK);
    CHECK_TEXT(weir_kit_request(kit, "hello", 5, &length), "hello 5");
    CHECK_INT(length, 7);
    CHECK_TEXT(weir_kit_request(kit, "again", 5, NULL), "again 10");
    CHECK_TEXT(weir_kit_log(kit), "info: listens on ipc:///tmp/echo.sock\n");
    weir_kit_close(kit);
}

TEST(a_request_without_a_reply_is_told_at_close)
{
    struct weir_kit *kit = open_kit("echo", "store = w.store 'numbers' {}");
    weir_kit_resource(kit, "store", "numbers", NULL);
    CHECK(weir_kit_request(kit, "", 0, NULL) == NULL);
    weir_kit_on_failure(listen);
    weir_kit_close(kit);
    CHECK_HAS(told, "a request was never replied to");
    weir_kit_on_failure(report_kit_failure);
}

TEST(a_resource_must_be_there_and_be_what_is_asked_for)
{
    struct weir_kit *kit = open_kit("echo", "store = w.store 'numbers' {}");
    weir_kit_start(kit);
    CHECK_TEXT(weir_kit_error(kit), "option `store`: there is no resource `numbers` here");
    weir_kit_close(kit);

    kit = open_kit("echo", "store = w.store 'numbers' {}, interface = 'testing.table/1'");
    weir_kit_resource(kit, "store", "numbers", NULL);
    weir_kit_start(kit);
    CHECK_TEXT(weir_kit_error(kit), "option `store` needs a resource that is a testing.table/1, "
                                    "but `numbers` is a testing.store/1");
    weir_kit_close(kit);

    kit = open_kit("echo", "store = w.store 'numbers' {}");
    weir_kit_resource(kit, "store", "numbers", "stp = 1");
    CHECK_TEXT(weir_kit_error(kit),
               "W0201: resource `store` has no option `stp`; available: step, on_error, "
               "event_time; did you mean `step`?");
    weir_kit_close(kit);
}

// --- Plugin files ---

TEST(a_plugin_file_is_opened_by_its_path)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/plugins/operators.so", getenv("WEIR_BUILD_ROOT"));
    struct weir_kit *kit = weir_kit_open(path, "filter", "where = 'value >= 10'");
    weir_kit_send_int64(kit, "value", 4, (int64_t[]){9, 10, 3, 11});
    CHECK_ROWS(kit, "value", 10, 11);
    weir_kit_close(kit);
}

TEST(a_file_that_is_no_plugin_is_refused)
{
    struct weir_kit *kit = weir_kit_open("/nowhere/none.so", "filter", NULL);
    CHECK_HAS(weir_kit_error(kit), "cannot open the plugin: /nowhere/none.so");
    weir_kit_close(kit);
    kit = weir_kit_open("libm.so.6", "filter", NULL);
    CHECK_TEXT(weir_kit_error(kit), "libm.so.6 exports no weir_plugin_entry");
    weir_kit_close(kit);
}
