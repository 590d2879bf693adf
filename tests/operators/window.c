// The window operator, driven by the test kit.
#include <math.h>
#include <string.h>

#include "operator.h"

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static struct weir_kit *open_window(const char *options)
{
    return operator_open("operators", "window", options);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// The rows of an output in the order of their text: keys of several groups come in no useful one.
static const char *sorted(struct weir_kit *kit, const char *output)
{
    static char text[1 << 20];
    static char *lines[20000];
    uint32_t count = 0;
    char *rest, *copy = strdup(weir_kit_rows(kit, output));
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        lines[count++] = line;
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    text[0] = '\0';
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i > 0 ? "\n" : "", lines[i]);
    }
    free(copy);
    return text;
}

// --- Aggregates ---

#define ALL_BUT_NUMBERS                                                                    \
    "n = w.count(), c = w.count 'v', d = w.distinct 'v', lo = w.min 'v', hi = w.max 'v', " \
    "a = w.first 'v', z = w.last 'v'"
#define NUMBERS "s = w.sum 'v', m = w.avg 'v', x = w.stddev 'v', "

// Sends five values of one type, and compares what comes out behind the bounds of the window.
static void check_type(const char *type, const char *const *values, const char *aggregates,
                       const char *expected)
{
    char options[600], columns[100];
    snprintf(options, sizeof options, "tumbling = '1m', time = 'processing', set = { %s }",
             aggregates);
    snprintf(columns, sizeof columns, "v %s", type);
    struct weir_kit *kit = open_window(options);
    weir_kit_input(kit, columns);
    weir_kit_send(kit, 0, values[0], values[1], values[2]);
    weir_kit_send(kit, 0, values[3], values[4]);
    weir_kit_end(kit);
    const char *row = strstr(weir_kit_rows(kit, ""), "00:01:00.000Z|");
    char actual[500] = "";
    if (row != NULL) {
        snprintf(actual, sizeof actual, "%s: %.*s", type, (int)strcspn(row + 14, "\n"), row + 14);
    }
    CHECK_TEXT(actual, expected);
    weir_kit_close(kit);
}

TEST(every_aggregate_takes_integers_and_ignores_nulls)
{
    static const char *const values[] = {"3", "-7", "null", "5", "3"};
    static const char *const types[] = {"int8", "int16", "int32", "int64"};
    for (uint32_t i = 0; i < 4; i++) {
        char expected[200];
        // a, c, d, hi, lo, m, n, s, x, z: in the order of names
        snprintf(expected, sizeof expected, "%s: 3|4|3|5|-7|1|5|4|5.41602560309064|3", types[i]);
        check_type(types[i], values, NUMBERS ALL_BUT_NUMBERS, expected);
    }
}

TEST(every_aggregate_takes_floats)
{
    static const char *const values[] = {"0.5", "-7", "null", "5.25", "0.5"};
    check_type("float64", values, NUMBERS ALL_BUT_NUMBERS,
               "float64: 0.5|4|3|5.25|-7|-0.1875|5|-0.75|5.0636572751322735|0.5");
    check_type("float32", values, NUMBERS ALL_BUT_NUMBERS,
               "float32: 0.5|4|3|5.25|-7|-0.1875|5|-0.75|5.0636572751322735|0.5");
}

TEST(every_aggregate_takes_decimals)
{
    static const char *const values[] = {"3.25", "-7.00", "null", "5.50", "3.25"};
    check_type("decimal(10,2)", values, NUMBERS ALL_BUT_NUMBERS,
               "decimal(10,2): 3.25|4|3|5.50|-7.00|1.25|5|5.00|5.60133912560202|3.25");
    static const char *const large[] = {"99999999999999999999999999999999999999",
                                        "-99999999999999999999999999999999999999", "null", "1",
                                        "-2"};
    check_type("decimal(38,0)", large, "s = w.sum 'v', lo = w.min 'v', hi = w.max 'v'",
               "decimal(38,0): 99999999999999999999999999999999999999|"
               "-99999999999999999999999999999999999999|-1");
}

TEST(other_types_have_an_order_too)
{
    static const char *const texts[] = {"pear", "a rather long name of a fruit", "null",
                                        "zebra fruit, also long", "pear"};
    check_type("string", texts, ALL_BUT_NUMBERS,
               "string: pear|4|3|zebra fruit, also long|a rather long name of a fruit|5|pear");
    static const char *const bytes[] = {"0x10", "0xff00", "null", "0x", "0x10"};
    check_type("bytes", bytes, ALL_BUT_NUMBERS, "bytes: 0x10|4|3|0xff00|0x|5|0x10");
    static const char *const bools[] = {"true", "false", "null", "true", "true"};
    check_type("bool", bools, ALL_BUT_NUMBERS, "bool: true|4|2|true|false|5|true");
    static const char *const dates[] = {"2024-02-29", "1969-12-31", "null", "2030-01-01",
                                        "2024-02-29"};
    check_type("date", dates, ALL_BUT_NUMBERS,
               "date: 2024-02-29|4|3|2030-01-01|1969-12-31|5|2024-02-29");
    static const char *const times[] = {"10:00:00.000", "23:59:59.999", "null", "00:00:00.001",
                                        "10:00:00.000"};
    check_type("time", times, ALL_BUT_NUMBERS,
               "time: 10:00:00.000|4|3|23:59:59.999|00:00:00.001|5|10:00:00.000");
    static const char *const stamps[] = {"2024-02-29 10:00:00.000", "1969-12-31 23:59:59.500",
                                         "null", "2030-01-01 00:00:00.000",
                                         "2024-02-29 10:00:00.000"};
    check_type("timestamp(3)", stamps, ALL_BUT_NUMBERS,
               "timestamp(3): 2024-02-29 10:00:00.000|4|3|2030-01-01 00:00:00.000|"
               "1969-12-31 23:59:59.500|5|2024-02-29 10:00:00.000");
    static const char *const fine[] = {
        "2024-02-29 10:00:00.000000002", "2024-02-29 10:00:00.000000001", "null",
        "1960-01-01 00:00:00.999999999", "2024-02-29 10:00:00.000000002"};
    check_type("timestamp(9)", fine, ALL_BUT_NUMBERS,
               "timestamp(9): 2024-02-29 10:00:00.000000002|4|3|2024-02-29 10:00:00.000000002|"
               "1960-01-01 00:00:00.999999999|5|2024-02-29 10:00:00.000000002");
}

TEST(without_values_results_are_null_and_counts_zero)
{
    static const char *const values[] = {"null", "null", "null", "null", "null"};
    static const char *const types[] = {"int32", "float64", "decimal(5,1)"};
    char expected[200];
    for (uint32_t i = 0; i < 3; i++) {
        snprintf(expected, sizeof expected, "%s: null|0|0|null|null|null|5|null|null|null",
                 types[i]);
        check_type(types[i], values, NUMBERS ALL_BUT_NUMBERS, expected);
    }
    check_type("string", values, ALL_BUT_NUMBERS, "string: null|0|0|null|null|5|null");
}

TEST(nan_sorts_last_and_infinities_are_numbers)
{
    static const char *const some[] = {"NaN", "2", "null", "-inf", "1"};
    check_type("float64", some, "lo = w.min 'v', hi = w.max 'v', s = w.sum 'v'",
               "float64: NaN|-inf|NaN");
    static const char *const all[] = {"NaN", "NaN", "null", "NaN", "NaN"};
    check_type("float32", all, "lo = w.min 'v', hi = w.max 'v', d = w.distinct 'v'",
               "float32: 1|NaN|NaN");
    static const char *const inf[] = {"inf", "inf", "null", "inf", "inf"};
    check_type("float64", inf, "lo = w.min 'v', hi = w.max 'v'", "float64: inf|inf");
}

TEST(first_and_last_go_by_a_column)
{
    struct weir_kit *kit = open_window(
        "by = 'k', tumbling = '1m', time = 'processing', set = { a = w.first('v', { by = 'o' }), "
        "z = w.last('v', { by = 'o' }) }");
    weir_kit_input(kit, "k int32, v string, o int64");
    weir_kit_send(kit, 0, "1|b|2", "1|a, which is a little longer|1", "1|c|1", "1|y|9", "1|z|9",
                  "1|no|null", "1|null|10", "1|null|0", "1|x|5");
    weir_kit_send(kit, 0, "2|only|null");
    weir_kit_end(kit);
    CHECK_TEXT(sorted(kit, ""),
               "+I 1|2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|a, which is a little "
               "longer|z\n"
               "+I 2|2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|null|null");
    weir_kit_close(kit);
}

TEST(first_and_last_go_by_columns_of_any_type)
{
    static const char *const orders[][4] = {
        {"float64", "NaN", "-0.5", "3"},
        {"float32", "inf", "-inf", "0"},
        {"string", "zz, and so on and on", "a", "b"},
        {"decimal(20,3)", "99999999999999999.000", "-1.000", "0.000"},
        {"timestamp(9)", "2024-01-01 00:00:00.000000002", "1969-01-01 00:00:00.000000001",
         "2024-01-01 00:00:00.000000001"},
        {"date", "2024-01-01", "1900-01-01", "2023-12-31"},
        {"bool", "true", "false", "false"},
        {"int8", "127", "-128", "0"},
    };
    for (uint32_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        char columns[100], rows[3][100];
        struct weir_kit *kit = open_window(
            "tumbling = '1m', time = 'processing', set = { a = w.first('v', { by = 'o' }), z = "
            "w.last('v', { by = 'o' }), b = w.first('f', { by = 'o' }) }");
        snprintf(columns, sizeof columns, "v int32, f float64, o %s", orders[i][0]);
        weir_kit_input(kit, columns);
        snprintf(rows[0], sizeof rows[0], "1|1.5|%s", orders[i][1]);
        snprintf(rows[1], sizeof rows[1], "2|2.5|%s", orders[i][2]);
        snprintf(rows[2], sizeof rows[2], "3|3.5|%s", orders[i][3]);
        weir_kit_send(kit, 0, rows[0], rows[1], rows[2]);
        weir_kit_end(kit);
        CHECK_OUTPUT(kit, "", "+I 2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|2|2.5|1");
        weir_kit_close(kit);
    }
}

TEST(a_sum_that_int64_cannot_hold_fails_with_a_sentence)
{
    const char *options = "tumbling = '1m', time = 'processing', set = { s = w.sum 'v' }";
    struct weir_kit *kit = open_window(options);
    weir_kit_input(kit, "v int64");
    weir_kit_send(kit, 0, "9223372036854775807", "1");
    weir_kit_end(kit);
    CHECK_ERROR(kit, "sum of `v` in column `s` does not fit int64");
    weir_kit_close(kit);

    kit = open_window(options);
    weir_kit_input(kit, "v int64");
    weir_kit_send(kit, 0, "9223372036854775807", "1", "-1"); // only the result counts
    weir_kit_end(kit);
    CHECK_ROWS(kit, "s", 9223372036854775807);
    weir_kit_close(kit);

    kit =
        open_window("by = 'k', tumbling = '1m', time = 'processing', on_error = 'reject', set = { "
                    "s = w.sum 'v' }");
    weir_kit_input(kit, "k int32, v int64");
    weir_kit_send(kit, 0, "1|-9223372036854775808", "1|-1", "2|7");
    weir_kit_end(kit);
    CHECK_ROWS(kit, "s", 7);
    CHECK_INT(weir_kit_rejected(kit), 1);
    weir_kit_close(kit);
}

TEST(distinct_is_near_the_truth)
{
    static int64_t values[40000];
    static const uint32_t counts[] = {1, 10, 100, 1000, 10000, 40000};
    for (uint32_t c = 0; c < 6; c++) {
        struct weir_kit *kit =
            open_window("tumbling = '1m', time = 'processing', set = { d = w.distinct 'v' }");
        for (uint32_t i = 0; i < 40000; i++) {
            values[i] = (int64_t)(i % counts[c]) * 1000003;
        }
        weir_kit_send_int64(kit, "v", 40000, values);
        weir_kit_end(kit);
        const struct weir_batch *batch = weir_kit_batch(kit, "", 0);
        REQUIRE(batch != NULL);
        double estimate = (double)((const int64_t *)batch->columns[2].values)[0];
        CHECK(fabs(estimate - counts[c]) <= counts[c] * 0.1);
        weir_kit_close(kit);
    }
}

TEST(stddev_is_sound_far_from_zero)
{
    struct weir_kit *kit =
        open_window("tumbling = '1m', time = 'processing', set = { x = w.stddev 'v' }");
    weir_kit_input(kit, "v float64");
    weir_kit_send(kit, 0, "1000000001", "1000000002", "1000000003");
    weir_kit_end(kit);
    CHECK_ROWS(kit, "x", 1);
    weir_kit_close(kit);
    static const char *const one[] = {"5", "null", "null", "null", "null"};
    check_type("int32", one, "x = w.stddev 'v'", "int32: null");
}

TEST(arguments_may_be_expressions_and_their_failures_are_rejected)
{
    struct weir_kit *kit = open_window("tumbling = '1m', time = 'processing', on_error = 'reject', "
                                       "set = { s = w.sum '100 / v', n = w.count() }");
    weir_kit_input(kit, "v int64");
    weir_kit_send(kit, 0, "5", "0", "10");
    weir_kit_end(kit);
    CHECK_ROWS(kit, "n", 2);
    CHECK_ROWS(kit, "s", 30);
    CHECK_INT(weir_kit_rejected(kit), 1);
    weir_kit_close(kit);
}

// --- Windows ---

#define EVENTS(options) open_events("by = 'k', tumbling = " options ", set = { n = w.count() }")

static struct weir_kit *open_events(const char *options)
{
    struct weir_kit *kit = open_window(options);
    weir_kit_input(kit, "k int32, t timestamp_ltz(3)");
    weir_kit_input_time(kit, 0, "t");
    return kit;
}

static int64_t us(int64_t seconds)
{
    return WEIR_KIT_START_US + seconds * SECOND;
}

TEST(a_window_ends_with_the_watermark_and_its_end_is_not_in_it)
{
    struct weir_kit *kit = EVENTS("'1m'");
    weir_kit_send(kit, 0, "1|2026-01-01 00:00:00.000", "1|2026-01-01 00:00:59.999",
                  "1|2026-01-01 00:01:00.000");
    weir_kit_watermark(kit, us(60) - 1);
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_watermark(kit, us(60));
    CHECK_OUTPUT(kit, "", "+I 1|2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|2");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I 1|2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|2",
                 "+I 1|2026-01-01 00:01:00.000Z|2026-01-01 00:02:00.000Z|1");
    weir_kit_close(kit);
}

TEST(by_the_clock_a_window_ends_when_it_is_time)
{
    struct weir_kit *kit = open_window(
        "by = 'k', tumbling = '1m', offset = '30s', time = 'processing', set = { n = w.count() }");
    weir_kit_input(kit, "k int32");
    weir_kit_send(kit, 0, "1", "1");
    weir_kit_advance(kit, 30 * SECOND - 1);
    weir_kit_send(kit, 0, "1");
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_advance(kit, 1);
    CHECK_OUTPUT(kit, "", "+I 1|2025-12-31 23:59:30.000Z|2026-01-01 00:00:30.000Z|3");
    weir_kit_send(kit, 0, "1");
    weir_kit_advance(kit, HOUR);
    CHECK_OUTPUT(kit, "", "+I 1|2025-12-31 23:59:30.000Z|2026-01-01 00:00:30.000Z|3",
                 "+I 1|2026-01-01 00:00:30.000Z|2026-01-01 00:01:30.000Z|1");
    weir_kit_close(kit);
}

TEST(rows_of_one_batch_may_lie_in_many_windows)
{
    struct weir_kit *kit = EVENTS("'1d', offset = '6h'");
    weir_kit_send(kit, 0, "1|1969-12-31 23:00:00.000", "2|1970-01-05 05:59:59.999",
                  "1|1969-12-31 05:59:59.999", "2|1970-01-05 06:00:00.000",
                  "1|1970-01-01 05:00:00.000");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I 1|1969-12-30 06:00:00.000Z|1969-12-31 06:00:00.000Z|1",
                 "+I 1|1969-12-31 06:00:00.000Z|1970-01-01 06:00:00.000Z|2",
                 "+I 2|1970-01-04 06:00:00.000Z|1970-01-05 06:00:00.000Z|1",
                 "+I 2|1970-01-05 06:00:00.000Z|1970-01-06 06:00:00.000Z|1");
    weir_kit_close(kit);
}

TEST(days_and_months_follow_the_clocks_of_a_place)
{
    struct weir_kit *kit = EVENTS("'1d', timezone = 'Europe/Berlin'");
    weir_kit_send(kit, 0, "1|2024-03-31 12:00:00.000", "1|2024-03-31 21:59:59.999",
                  "1|2024-03-31 22:00:00.000");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I 1|2024-03-30 23:00:00.000Z|2024-03-31 22:00:00.000Z|2",
                 "+I 1|2024-03-31 22:00:00.000Z|2024-04-01 22:00:00.000Z|1");
    weir_kit_close(kit);
    kit = EVENTS("'month', timezone = 'America/New_York'");
    weir_kit_send(kit, 0, "1|2024-03-01 04:59:59.999", "1|2024-03-01 05:00:00.000",
                  "1|2024-04-01 03:59:59.999");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I 1|2024-02-01 05:00:00.000Z|2024-03-01 05:00:00.000Z|1",
                 "+I 1|2024-03-01 05:00:00.000Z|2024-04-01 04:00:00.000Z|2");
    weir_kit_close(kit);
}

TEST(event_times_may_be_milliseconds_dates_and_timestamps)
{
    static const char *const rows[][3] = {
        {"int64", "1767225659999", "1767225600000"},
        {"date", "2026-01-01", "2026-01-01"},
        {"timestamp(0)", "2026-01-01 00:00:00", "2026-01-01 00:00:59"},
        {"timestamp(6)", "2026-01-01 00:00:59.999999", "2026-01-01 00:00:00.000001"},
        {"timestamp_ltz(9)", "2026-01-01 00:00:59.999999999", "2026-01-01 00:00:00.000000001"},
    };
    for (uint32_t i = 0; i < 5; i++) {
        char columns[60];
        struct weir_kit *kit = open_window("tumbling = '1m', set = { n = w.count() }");
        snprintf(columns, sizeof columns, "t %s", rows[i][0]);
        weir_kit_input(kit, columns);
        weir_kit_input_time(kit, 0, "t");
        weir_kit_send(kit, 0, rows[i][1], rows[i][2]);
        weir_kit_end(kit);
        CHECK_ROWS(kit, "n", 2);
        CHECK_HAS(weir_kit_rows(kit, ""), "+I 2026-01-01 00:00:00.000");
        weir_kit_close(kit);
    }
}

TEST(a_row_without_event_time_is_rejected)
{
    struct weir_kit *kit =
        open_events("by = 'k', tumbling = '1m', on_error = 'reject', set = { n = w.count() }");
    weir_kit_send(kit, 0, "1|2026-01-01 00:00:00.000", "1|null", "1|9223372036854775807");
    weir_kit_end(kit);
    CHECK_ROWS(kit, "n", 1);
    CHECK_OUTPUT(kit, "rejected", "+I 1|null|the event time `t` is null",
                 "+I 1|292278994-08-17 07:12:55.807Z|the event time `t` is out of range");
    weir_kit_close(kit);
}

// --- Lateness ---

TEST(rows_of_windows_that_have_ended_go_to_late)
{
    struct weir_kit *kit = EVENTS("'1m'");
    weir_kit_send(kit, 0, "1|2026-01-01 00:00:10.000");
    weir_kit_watermark(kit, us(60));
    weir_kit_clear(kit);
    weir_kit_send(kit, 0, "1|2026-01-01 00:00:59.999", "1|2026-01-01 00:01:00.000",
                  "2|2025-12-31 00:00:00.000");
    weir_kit_send(kit, 0, "3|2026-01-01 00:00:30.000");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "late", "+I 1|2026-01-01 00:00:59.999Z", "+I 2|2025-12-31 00:00:00.000Z",
                 "+I 3|2026-01-01 00:00:30.000Z");
    CHECK_OUTPUT(kit, "", "+I 1|2026-01-01 00:01:00.000Z|2026-01-01 00:02:00.000Z|1");
    CHECK_METRIC(kit, "late_rows", 3);
    weir_kit_close(kit);
}

TEST(within_the_allowed_lateness_a_window_is_emitted_again_for_the_keys_of_late_rows)
{
    struct weir_kit *kit = EVENTS("'1m', allowed_lateness = '30s'");
    weir_kit_send(kit, 0, "1|2026-01-01 00:00:10.000", "2|2026-01-01 00:00:10.000");
    weir_kit_watermark(kit, us(60));
    CHECK_INT(weir_kit_row_count(kit, ""), 2);
    weir_kit_clear(kit);

    weir_kit_send(kit, 0, "1|2026-01-01 00:00:20.000", "1|2026-01-01 00:00:20.000",
                  "1|2026-01-01 00:01:20.000");
    CHECK_OUTPUT(kit, "", "+I 1|2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|3");
    weir_kit_clear(kit);
    weir_kit_watermark(kit, us(89));
    weir_kit_send(kit, 0, "3|2026-01-01 00:00:40.000");
    CHECK_OUTPUT(kit, "", "+I 3|2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|1");
    weir_kit_clear(kit);
    weir_kit_watermark(kit, us(90));
    weir_kit_send(kit, 0, "1|2026-01-01 00:00:20.000");
    CHECK_OUTPUT(kit, "late", "+I 1|2026-01-01 00:00:20.000Z");
    weir_kit_end(kit); // what was emitted is not emitted again
    CHECK_OUTPUT(kit, "", "+I 1|2026-01-01 00:01:00.000Z|2026-01-01 00:02:00.000Z|1");
    weir_kit_close(kit);
}

TEST(an_ended_window_that_still_takes_rows_is_not_emitted_twice_after_a_restore)
{
    struct weir_kit *kit = EVENTS("'1m', allowed_lateness = '1h'");
    weir_kit_send(kit, 0, "1|2026-01-01 00:00:10.000", "2|2026-01-01 00:01:10.000");
    weir_kit_watermark(kit, us(60));
    CHECK_INT(weir_kit_row_count(kit, ""), 1);
    struct weir_kit_snapshot *snapshot = weir_kit_save(kit);
    weir_kit_close(kit);

    kit = EVENTS("'1m', allowed_lateness = '1h'");
    weir_kit_load(kit, snapshot);
    weir_kit_watermark(kit, us(61));
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_send(kit, 0, "1|2026-01-01 00:00:20.000");
    CHECK_OUTPUT(kit, "", "+I 1|2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|2");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I 1|2026-01-01 00:00:00.000Z|2026-01-01 00:01:00.000Z|2",
                 "+I 2|2026-01-01 00:01:00.000Z|2026-01-01 00:02:00.000Z|1");
    weir_kit_snapshot_destroy(snapshot);
    weir_kit_close(kit);
}

TEST(a_row_that_was_too_late_before_a_restore_is_too_late_after_it)
{
    struct weir_kit *kits[2];
    struct weir_kit_snapshot *snapshots[2];
    for (uint32_t i = 0; i < 2; i++) { // event time is less complete in the second task
        kits[i] = EVENTS("'1m'");
        weir_kit_task(kits[i], i, 2);
        weir_kit_start(kits[i]);
        weir_kit_watermark(kits[i], us(i == 0 ? 180 : 120));
        snapshots[i] = weir_kit_save(kits[i]);
        weir_kit_close(kits[i]);
    }

    struct weir_kit *kit = EVENTS("'1m'");
    weir_kit_load(kit, snapshots[0]);
    weir_kit_load(kit, snapshots[1]);
    weir_kit_send(kit, 0, "1|2026-01-01 00:01:59.999", "1|2026-01-01 00:02:00.000");
    CHECK_OUTPUT(kit, "late", "+I 1|2026-01-01 00:01:59.999Z");
    weir_kit_watermark(kit, us(60)); // time does not go back
    weir_kit_send(kit, 0, "2|2026-01-01 00:01:30.000");
    CHECK_OUTPUT(kit, "late", "+I 1|2026-01-01 00:01:59.999Z", "+I 2|2026-01-01 00:01:30.000Z");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I 1|2026-01-01 00:02:00.000Z|2026-01-01 00:03:00.000Z|1");
    weir_kit_snapshot_destroy(snapshots[0]);
    weir_kit_snapshot_destroy(snapshots[1]);
    weir_kit_close(kit);
}

// --- What is refused ---

static void check_refused(const char *options, const char *columns, const char *time,
                          uint32_t kinds, const char *sentence)
{
    struct weir_kit *kit = open_window(options);
    weir_kit_input(kit, columns);
    weir_kit_input_kinds(kit, 0, kinds);
    if (time != NULL) {
        weir_kit_input_time(kit, 0, time);
    }
    weir_kit_start(kit);
    CHECK_ERROR(kit, sentence);
    weir_kit_close(kit);
}

TEST(what_a_window_cannot_do_is_refused_at_plan_time)
{
    check_refused("tumbling = '1m', time = 'processing'", "v int64", NULL, WEIR_KINDS_ALL,
                  "the rows that come in can be -U or -D, which a window cannot take back; put a "
                  "changelog_filter before it: w.changelog_filter \"fresh\" { keep = { \"+I\", "
                  "\"+U\" } }");
    check_refused("tumbling = '1m'", "v int64", NULL, WEIR_KINDS_INSERT,
                  "windows by event time need one: name a column with `event_time` in the source "
                  "or in a map, or say time = \"processing\"");
    check_refused("tumbling = '1m'", "v string", "v", WEIR_KINDS_INSERT,
                  "the event time `v` must be int64 (milliseconds), a date or a timestamp");
    check_refused("tumbling = '1m', timezone = 'Mars/Base'", "v int64", "v", WEIR_KINDS_INSERT,
                  "`timezone`: there is no time zone `Mars/Base`; it wants an IANA name like "
                  "Europe/Berlin, and the package tzdata");
    check_refused("tumbling = '0s', time = 'processing'", "v int64", NULL, WEIR_KINDS_INSERT,
                  "`tumbling` and `offset` are whole milliseconds, `tumbling` at least one");
    check_refused("tumbling = '1m', time = 'processing', allowed_lateness = '1s'", "v int64", NULL,
                  WEIR_KINDS_INSERT,
                  "`allowed_lateness` is for time = \"event\": by the clock no row is late");
    check_refused("tumbling = '1m', time = 'processing', set = { s = w.sum 'v' }", "v string", NULL,
                  WEIR_KINDS_INSERT, "sum");
    check_refused("tumbling = '1m', by = 'x', time = 'processing'", "v string", NULL,
                  WEIR_KINDS_INSERT, "x");
}

// --- Snapshots ---

TEST(windows_go_on_after_a_restore_at_another_number_of_tasks)
{
    const char *options =
        "by = 'k', tumbling = '1m', time = 'processing', set = { n = w.count(), s "
        "= w.sum 'v', lo = w.min 't', z = w.last 't' }";
    struct weir_kit *kits[3];
    struct weir_kit_snapshot *snapshots[2];
    static char expected[200000];
    char row[100];
    struct weir_kit *whole = open_window(options);
    weir_kit_input(whole, "k int32, v float64, t string");
    for (uint32_t i = 0; i < 2; i++) {
        kits[i] = open_window(options);
        weir_kit_task(kits[i], i, 2);
        weir_kit_input(kits[i], "k int32, v float64, t string");
        weir_kit_start(kits[i]);
    }
    for (uint32_t i = 0; i < 600; i++) {
        uint8_t bytes[10];
        uint32_t key = i * 7 % 100, group;
        group = weir_key_bucket(weir_key_hash(bytes, weir_key_varint(key, bytes)), WEIR_KEY_GROUPS);
        snprintf(row, sizeof row, "%u|%u.5|%.*stext %u", key, i, (int)(i % 40),
                 "a text that is longer than what fits a slot", i);
        weir_kit_send(whole, 0, row);
        if (i < 300) {
            weir_kit_send(kits[group >= WEIR_KEY_GROUPS / 2], 0, row);
        }
        if (i == 300) {
            for (uint32_t t = 0; t < 2; t++) {
                snapshots[t] = weir_kit_save(kits[t]);
                weir_kit_close(kits[t]);
            }
            for (uint32_t t = 0; t < 3; t++) {
                kits[t] = open_window(options);
                weir_kit_task(kits[t], t, 3);
                weir_kit_input(kits[t], "k int32, v float64, t string");
                weir_kit_load(kits[t], snapshots[0]);
                weir_kit_load(kits[t], snapshots[1]);
            }
        }
        if (i >= 300) {
            uint32_t t = 0;
            while (t < 2 && group >= (t + 1) * WEIR_KEY_GROUPS / 3) {
                t++;
            }
            weir_kit_send(kits[t], 0, row);
        }
    }
    weir_kit_advance(whole, MINUTE);
    snprintf(expected, sizeof expected, "%s", sorted(whole, ""));
    weir_kit_close(whole);
    uint64_t count = 0;
    for (uint32_t t = 0; t < 3; t++) {
        weir_kit_advance(kits[t], MINUTE);
        count += weir_kit_row_count(kits[t], "");
        char *copy = strdup(weir_kit_rows(kits[t], "")), *rest;
        for (char *line = strtok_r(copy, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            if (strstr(expected, line) == NULL) {
                test_fail(__FILE__, __LINE__, "not expected: %s", line);
            }
        }
        free(copy);
    }
    CHECK_INT(count, 100);
    for (uint32_t t = 0; t < 3; t++) {
        weir_kit_close(kits[t]);
    }
    weir_kit_snapshot_destroy(snapshots[0]);
    weir_kit_snapshot_destroy(snapshots[1]);
}

// --- Random rows against a plain computation ---

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 7;
    state ^= state >> 9;
    return state;
}

#define MODEL_KEYS 40
#define MODEL_WINDOWS 5
#define MODEL_COLUMNS 5

struct cell {
    int64_t rows, values[MODEL_COLUMNS];
    double sum[MODEL_COLUMNS], min[MODEL_COLUMNS], max[MODEL_COLUMNS];
};

static void model_add(struct cell *cell, uint32_t column, double value)
{
    int is_first = cell->values[column]++ == 0;
    cell->sum[column] = (is_first ? 0 : cell->sum[column]) + value;
    double *min = &cell->min[column], *max = &cell->max[column];
    *min = is_first || isnan(*min) || value < *min ? value : *min;
    *max = is_first || isnan(value) || (!isnan(*max) && value > *max) ? value : *max;
}

// 300 rows of five float64 columns: the first four make a vector, nulls and NaN come and go.
static void send_random(struct weir_kit *kit, struct cell (*cells)[MODEL_KEYS], int has_nulls,
                        int has_nans)
{
    static char rows[300][200];
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t key = (uint32_t)(next_random() % MODEL_KEYS);
        uint32_t window = (uint32_t)(next_random() % MODEL_WINDOWS);
        struct cell *cell = &cells[window][key];
        int at =
            snprintf(rows[i], 200, "%u|%lld", key, 1767225600000LL + window * 60000LL + i * 100);
        cell->rows++;
        for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
            double value = (double)(next_random() % 1000) / 8 - 50;
            if (has_nulls && next_random() % 6 == 0) {
                at += snprintf(rows[i] + at, (size_t)(200 - at), "|null");
                continue;
            }
            value = has_nans && next_random() % 5 == 0 ? (double)NAN : value;
            model_add(cell, c, value);
            at +=
                snprintf(rows[i] + at, (size_t)(200 - at), isnan(value) ? "|NaN" : "|%.17g", value);
        }
    }
    for (uint32_t i = 0; i < 300; i += 60) { // batches of 60, in one window or in many
        struct weir_kit *to = kit;
        for (uint32_t j = i; j < i + 60; j += 10) {
            weir_kit_send(to, 0, rows[j], rows[j + 1], rows[j + 2], rows[j + 3], rows[j + 4],
                          rows[j + 5], rows[j + 6], rows[j + 7], rows[j + 8], rows[j + 9]);
        }
    }
}

static void check_value(const struct weir_column *column, uint32_t row, int64_t count,
                        double expected)
{
    CHECK_INT(weir_is_null(column, row), count == 0);
    if (count > 0) {
        CHECK_FLOAT(((const double *)column->values)[row], expected);
    }
}

static uint64_t check_batch(const struct weir_batch *batch, struct cell (*cells)[MODEL_KEYS])
{
    for (uint32_t row = 0; row < batch->row_count; row++) {
        int32_t key = ((const int32_t *)batch->columns[0].values)[row];
        int64_t start = ((const int64_t *)batch->columns[1].values)[row];
        const struct cell *cell = &cells[(start - 1767225600000LL) / 60000][key];
        // n, then avg, max, min, sum of each column
        for (uint32_t c = 0; c < MODEL_COLUMNS; c++) {
            check_value(&batch->columns[3 + c * 4], row, cell->values[c], cell->sum[c]);
            check_value(&batch->columns[4 + c * 4], row, cell->values[c], cell->min[c]);
            check_value(&batch->columns[5 + c * 4], row, cell->values[c], cell->max[c]);
            check_value(&batch->columns[6 + c * 4], row, cell->values[c],
                        cell->sum[c] / (double)cell->values[c]);
        }
        CHECK_INT(((const int64_t *)batch->columns[3 + MODEL_COLUMNS * 4].values)[row], cell->rows);
    }
    return batch->row_count;
}

TEST(random_rows_give_what_a_plain_computation_gives)
{
    for (int round = 0; round < 8; round++) {
        static struct cell cells[MODEL_WINDOWS][MODEL_KEYS];
        memset(cells, 0, sizeof cells);
        struct weir_kit *kit = open_window(
            "by = 'k', tumbling = '1m', w.stats { 'a', 'b', 'c', 'd', 'e', compute = { 'sum', "
            "'min', 'max', 'avg' }, as = '{fn}_{column}' }, set = { n = w.count() }");
        weir_kit_input(kit, "k int32, t int64, a float64, b float64, c float64, d float64, e "
                            "float64");
        weir_kit_input_time(kit, 0, "t");
        for (int i = 0; i < 4; i++) {
            send_random(kit, cells, round & 1 && i % 2 == 0, round & 2 && i % 2 == 1);
        }
        weir_kit_end(kit);
        uint64_t count = 0, expected = 0;
        const struct weir_batch *batch;
        for (uint32_t b = 0; (batch = weir_kit_batch(kit, "", b)) != NULL; b++) {
            count += check_batch(batch, cells);
        }
        for (uint32_t i = 0; i < MODEL_WINDOWS * MODEL_KEYS; i++) {
            expected += cells[i / MODEL_KEYS][i % MODEL_KEYS].rows > 0;
        }
        CHECK_INT(count, expected);
        weir_kit_close(kit);
    }
}

// --- Memory ---

TEST(without_memory_a_window_fails_with_a_sentence_and_leaks_nothing)
{
    for (uint64_t n = 1; n < 12; n++) {
        struct weir_kit *kit =
            open_window("by = 'k', tumbling = '1m', time = 'processing', set = { z = w.last 't' }");
        weir_kit_input(kit, "k int32, t string");
        weir_kit_fail_allocation(kit, n);
        weir_kit_send(kit, 0, "1|a text that is longer than what fits a slot",
                      "2|another text that is longer than a slot");
        weir_kit_end(kit);
        const char *error = weir_kit_error(kit);
        CHECK(error == NULL || strstr(error, "memory") != NULL);
        weir_kit_close(kit);
    }
}

TEST(a_large_window_is_emitted_in_pieces_and_whole)
{
    static int64_t values[50000];
    for (int by_timer = 0; by_timer < 2; by_timer++) {
        struct weir_kit *kit =
            open_window("by = 'v', tumbling = '1m', time = 'processing', set = { n = w.count() }");
        for (int64_t first = 0; first < 200000; first += 50000) {
            for (int64_t i = 0; i < 50000; i++) {
                values[i] = first + i;
            }
            weir_kit_send_int64(kit, "v", 50000, values);
        }
        by_timer ? weir_kit_advance(kit, MINUTE) : weir_kit_end(kit);
        int64_t sum = 0;
        const struct weir_batch *batch;
        for (uint32_t b = 0; (batch = weir_kit_batch(kit, "", b)) != NULL; b++) {
            for (uint32_t i = 0; i < batch->row_count; i++) {
                sum += ((const int64_t *)batch->columns[0].values)[i];
            }
        }
        CHECK_INT(weir_kit_row_count(kit, ""), 200000);
        CHECK_INT(sum, 199999LL * 200000 / 2);
        weir_kit_close(kit);
    }
}

TEST(batches_that_come_out_belong_to_one_key_group)
{
    struct weir_kit *kit =
        open_window("by = 'k', tumbling = '1m', time = 'processing', set = { n = w.count() }");
    const struct weir_batch *batch;
    weir_kit_input(kit, "k int32");
    for (uint32_t i = 0; i < 200; i++) {
        char row[20];
        snprintf(row, sizeof row, "%u", i);
        weir_kit_send(kit, 0, row);
    }
    weir_kit_end(kit);
    for (uint32_t b = 0; (batch = weir_kit_batch(kit, "", b)) != NULL; b++) {
        for (uint32_t i = 0; i < batch->row_count; i++) {
            uint8_t bytes[20];
            uint32_t length = weir_key_encode(&batch->columns[0], i, bytes);
            CHECK_INT(batch->bucket, weir_key_bucket(weir_key_hash(bytes, length), 128));
        }
    }
    CHECK_INT(weir_kit_row_count(kit, ""), 200);
    weir_kit_close(kit);
}
