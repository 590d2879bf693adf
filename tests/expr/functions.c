#include "expr/support.h"
#include "support/test.h"

TEST(text_functions_take_nulls_and_empty_text)
{
    struct table table;
    table_begin(&table, 4);
    COLUMN(&table, "s", "string", "", NULL, "äbc", "  x ");
    COLUMN(&table, "n", "int32", "1", "2", NULL, "-1");
    CHECK_ROWS(&table, "lower(s)", "|null|äbc|  x ");
    CHECK_ROWS(&table, "upper(s)", "|null|äBC|  X ");
    CHECK_ROWS(&table, "length(s)", "0|null|3|4");
    CHECK_ROWS(&table, "octet_length(s)", "0|null|4|4");
    CHECK_ROWS(&table, "reverse(s)", "|null|cbä| x  ");
    CHECK_ROWS(&table, "trim(s)", "|null|äbc|x");
    CHECK_ROWS(&table, "concat(s, '-', n)", "-1|null|null|  x --1");
    CHECK_ROWS(&table, "substr(s, n)", "|null|null|  x ");
    CHECK_ROWS(&table, "left(s, n)", "|null|null|  x");
    CHECK_ROWS(&table, "right(s, n)", "|null|null| x ");
    CHECK_ROWS(&table, "replace(s, 'b', 'BB')", "|null|äBBc|  x ");
    CHECK_ROWS(&table, "s like '_b%'", "false|null|true|false");
    CHECK_ROWS(&table, "s < 'a'", "true|null|false|true");
    CHECK_ROWS(&table, "position('c', s)", "0|null|3|0");
    CHECK_ROWS(&table, "lpad(s, 2, 'ü')", "üü|null|äb|  ");
    CHECK_ROWS(&table, "repeat(s, n)", "|null|null|");
    CHECK_ROWS(&table, "initcap(s)", "|null|äbc|  X ");
    table_finish(&table);
}

TEST(text_functions_at_their_edges)
{
    CHECK_VALUE("substr('abc', 0)", "abc");
    CHECK_VALUE("substr('abc', -1, 3)", "a");
    CHECK_VALUE("substr('abc', 4)", "");
    CHECK_VALUE("substr('abc', 2, 9223372036854775807)", "bc");
    CHECK_VALUE("substr('abc', -9223372036854775808, 2)", "");
    CHECK_VALUE("substr('abc', 1, -1)",
                "!substr('abc', 1, ...) has an argument that it does not take");
    CHECK_VALUE("left('abc', -9223372036854775808)", "");
    CHECK_VALUE("right('abc', -9223372036854775808)", "");
    CHECK_VALUE("right('abc', 9223372036854775807)", "abc");
    CHECK_VALUE("replace('aaa', 'aa', 'b')", "ba");
    CHECK_VALUE("replace('abc', '', 'x')", "abc");
    CHECK_VALUE("replace('abc', 'abc', '')", "");
    CHECK_VALUE("trim('', 'x')", "");
    CHECK_VALUE("trim('ääxää', 'ä')", "x");
    CHECK_VALUE("split_part('a,b', ',', 3)", "");
    CHECK_VALUE("split_part('a,b', ',', -2)", "a");
    CHECK_VALUE("split_part('a,b', ',', -3)", "");
    CHECK_VALUE("split_part('a,b', '', 1)", "a,b");
    CHECK_VALUE("split_part('a,b', ',', 0)",
                "!split_part('a,b', ',', ...) has an argument that it does not take");
    CHECK_VALUE("lpad('abc', 0)", "");
    CHECK_VALUE("lpad('abc', 5, '')", "abc");
    CHECK_VALUE("rpad('abc', 8, 'xy')", "abcxyxyx");
    CHECK_VALUE("position('', 'abc')", "1");
    CHECK_VALUE("starts_with('abc', '') and ends_with('abc', '') and contains('', '')", "true");
    CHECK_VALUE("starts_with('a', 'abc') or ends_with('a', 'abc') or contains('a', 'abc')",
                "false");
    CHECK_VALUE("chr(128512)", "😀");
    CHECK_VALUE("chr(55296)", "!chr(55296) has an argument that it does not take");
    CHECK_VALUE("'abc' like ''", "false");
    CHECK_VALUE("'' like '%%'", "true");
    CHECK_VALUE("'a_b' like 'a\\_b' escape '\\'", "true");
    CHECK_VALUE("'ab' like 'ab' escape 'xy'",
                "!like('ab', 'ab', ...) has an argument that it does not take");
}

TEST(results_that_are_too_long_fail_the_row)
{
    CHECK_VALUE("repeat('x', 16777217)",
                "!the result of `repeat` is too long: a value has at most 16 MiB, all results of a "
                "batch 64 MiB");
    CHECK_VALUE("lpad('x', 9223372036854775807)",
                "!the result of `lpad` is too long: a value has at most 16 MiB, all results of a "
                "batch 64 MiB");
    CHECK_VALUE("length(repeat('x', 16777216))", "16777216");
    struct table table;
    table_begin(&table, 6);
    COLUMN(&table, "n", "int64", "16777216", "16777216", "16777216", "16777216", "1", "0");
    CHECK_ROWS(&table, "length(repeat('x', n))", "16777216|16777216|16777216|16777216|1|0");
    CHECK_HAS(evaluate(&table, "repeat('x', n)"),
              "x|!the results of this batch are longer than the 64 MiB that a batch may have|");
    table_finish(&table);
}

TEST(number_functions_keep_their_types_and_fail_outside_their_domain)
{
    struct table table;
    table_begin(&table, 4);
    COLUMN(&table, "i", "int8", "-128", "127", NULL, "0");
    COLUMN(&table, "x", "float64", "-2.5", "NaN", NULL, "Infinity");
    COLUMN(&table, "p", "decimal(5,2)", "-2.50", "999.99", NULL, "0.49");
    CHECK_ROWS(&table, "abs(i)", "128|127|null|0");
    CHECK_ROWS(&table, "abs(x)", "2.5|NaN|null|Infinity");
    CHECK_ROWS(&table, "abs(p)", "2.50|999.99|null|0.49");
    CHECK_ROWS(&table, "sign(i)", "-1|1|null|0");
    CHECK_ROWS(&table, "sign(p)", "-1|1|null|1");
    CHECK_ROWS(&table, "floor(p)", "-3|999|null|0");
    CHECK_ROWS(&table, "ceil(p)", "-2|1000|null|1");
    CHECK_ROWS(&table, "round(p)", "-3|1000|null|0");
    CHECK_ROWS(&table, "round(p, 1)", "-2.5|1000.0|null|0.5");
    CHECK_ROWS(&table, "round(x)", "-3.0|NaN|null|Infinity");
    CHECK_ROWS(&table, "floor(i)", "-128|127|null|0");
    CHECK_ROWS(&table, "is_nan(x)", "false|true|null|false");
    CHECK_ROWS(&table, "sqrt(x)", "!sqrt(-2.5) is not defined|NaN|null|Infinity");
    CHECK_ROWS(&table, "ln(i)",
               "!ln(-128.0) is not defined|4.844187086458591|null|"
               "!ln(0.0) is not defined");
    CHECK_ROWS(&table, "power(x, 2)", "6.25|NaN|null|Infinity");
    CHECK_ROWS(&table, "power(x, 0.5)", "!power(-2.5, 0.5) is not defined|NaN|null|Infinity");
    CHECK_ROWS(&table, "power(0, -1)",
               "!power(0.0, -1.0) is not defined|"
               "!power(0.0, -1.0) is not defined|"
               "!power(0.0, -1.0) is not defined|"
               "!power(0.0, -1.0) is not defined");
    CHECK_ROWS(&table, "round(x, 1)", "-2.5|NaN|null|Infinity");
    CHECK_ROWS(&table, "shift_left(1, i)",
               "!shift_left(1, -128) has an argument that it does not take|"
               "!shift_left(1, 127) has an argument that it does not take|null|1");
    CHECK_ROWS(&table, "i % 0",
               "!division by zero: -128 % 0|!division by zero: 127 % 0|null|"
               "!division by zero: 0 % 0");
    CHECK_ROWS(&table, "x % 2", "-0.5|NaN|null|NaN");
    table_finish(&table);
    CHECK_VALUE("round(2.675, 2)", "2.68");
    CHECK_VALUE("round(-1.5)", "-2.0");
    CHECK_VALUE("round(123456789012345680.0, 2)", "1.2345678901234568e+17");
}

TEST(decimals_are_exact_and_fail_beyond_their_digits)
{
    struct table table;
    table_begin(&table, 3);
    COLUMN(&table, "p", "decimal(10,2)", "0.10", "-99999999.99", NULL);
    COLUMN(&table, "q", "decimal(38,0)", "99999999999999999999999999999999999999", "-3", "0");
    CHECK_ROWS(&table, "p + p + p", "0.30|-299999999.97|null");
    CHECK_ROWS(&table, "p - 1", "-0.90|-100000000.99|null");
    CHECK_ROWS(&table, "p * 3", "0.30|-299999999.97|null");
    CHECK_ROWS(&table, "p * p", "0.0100|9999999998000000.0001|null");
    CHECK_ROWS(&table, "p / 3", "0.033333|-33333333.330000|null");
    CHECK_ROWS(&table, "2 / p", "20.000000|0.000000|null");
    CHECK_ROWS(&table, "p % 0.03::decimal(3,2)", "0.01|0.00|null");
    CHECK_ROWS(&table, "-p", "-0.10|99999999.99|null");
    CHECK_ROWS(&table, "p = 0.1", "true|false|null");
    CHECK_ROWS(&table, "p > 0", "true|false|null");
    CHECK_ROWS(&table, "q + 1",
               "!99999999999999999999999999999999999999 + 1 overflows decimal(38,0)|-2|1");
    CHECK_ROWS(&table, "q * 10",
               "!99999999999999999999999999999999999999 * 10 overflows decimal(38,0)|-30|0");
    CHECK_ROWS(&table, "7 / q", "0.000000|-2.333333|!division by zero: 7 / 0");
    CHECK_ROWS(&table, "p + 0.5", "0.6|-99999999.49|null");
    table_finish(&table);
}

TEST(time_functions_hold_before_1970_and_at_leap_days)
{
    CHECK_VALUE("year('1969-12-31 23:59:59.999'::timestamp(3))", "1969");
    CHECK_VALUE("millisecond('1969-12-31 23:59:59.999'::timestamp(3))", "999");
    CHECK_VALUE("hour(-1)", "23");
    CHECK_VALUE("day_of_week('1969-12-31'::date)", "3");
    CHECK_VALUE("day_of_year('2024-12-31'::date)", "366");
    CHECK_VALUE("last_day('2024-02-01'::date)", "2024-02-29");
    CHECK_VALUE("last_day('1900-02-01'::date)", "1900-02-28");
    CHECK_VALUE("make_date(2023, 2, 29)",
                "!make_date(2023, 2, ...) has an argument that it does not take");
    CHECK_VALUE("'2023-02-29'::date", "!cannot cast '2023-02-29' (string) to date");
    CHECK_VALUE("'2024-02-29'::date + 365", "2025-02-28");
    CHECK_VALUE("date_trunc('week', '1970-01-01'::date)", "1969-12-29");
    CHECK_VALUE("date_trunc('quarter', '1969-12-31 10:00'::timestamp(6))",
                "1969-10-01 00:00:00.000000");
    CHECK_VALUE("date_trunc('fortnight', 0)",
                "!date_trunc of ms('fortnight', 0) has an argument that it does not take");
    CHECK_VALUE("date_trunc('day', -1)", "-86400000");
    CHECK_VALUE("to_timestamp('2026-02-30', '%Y-%m-%d')",
                "!to_timestamp by format('2026-02-30', '%Y-%m-%d') has an argument that it does "
                "not take");
    CHECK_VALUE("to_timestamp('2026-060 7:05:09.25+0130', '%Y-%j %H:%M:%S.%L%z')",
                "2026-03-01 05:35:09.250");
    CHECK_VALUE("format_time(0, '%a %e %b %y %j %H:%M:%S.%L%z 100%%')",
                "Thu  1 Jan 70 001 00:00:00.000Z 100%");
    CHECK_VALUE("format_time(0, '%q')",
                "!format_time(0, '%q') has an argument that it does not take");
    CHECK_VALUE("'12:00'::time + 1h", "13:00:00");
    CHECK_VALUE("'23:30'::time + 1h", "!cannot cast 88200000 (int64) to time");
    CHECK_VALUE("'12:00'::time - '11:00'::time", "3600000");
    CHECK_VALUE("'9999-12-31'::timestamp_ltz(9) + 1ms", "9999-12-31 00:00:00.001000000Z");
    CHECK_VALUE("now_ms()", "1780000000123");
    CHECK_VALUE("(-9223372036854775808)::timestamp(3)", "-292275055-05-16 16:47:04.192");
    CHECK_VALUE("(-9223372036854775808)::timestamp(0)",
                "!cannot cast -9223372036854775808 (int64) to timestamp(0)");
    CHECK_VALUE("(-9223372036854775808)::timestamp(9) - 1ms",
                "!-292275055-05-16 16:47:04.192000000 - 1 overflows timestamp(9)");
    CHECK_VALUE("year(-9223372036854775808)", "-292275055");
    CHECK_VALUE("day_of_year(9223372036854775807)", "229");
    CHECK_VALUE("format_time(-9223372036854775808, '%H:%M')", "16:47");
}

TEST(now_is_one_value_per_batch)
{
    struct table table;
    table_begin(&table, 3);
    COLUMN(&table, "t", "int64", "90", "100", NULL);
    CHECK_TEXT(evaluate_at(&table, "now_ms() - t", 100), "10|0|null");
    CHECK_TEXT(evaluate_at(&table, "now_ms()", 7), "7|7|7");
    CHECK_TEXT(evaluate_at(&table, "concat(now_ms(), '!', t)", 7), "7!90|7!100|null");
    CHECK_TEXT(evaluate_at(&table, "1 / (now_ms() - 7)", 7),
               "!division by zero: 1 / 0|!division by zero: 1 / 0|!division by zero: 1 / 0");
    CHECK_TEXT(evaluate_at(&table, "case when t = 90 then 1 / (now_ms() - 7) else 0 end", 7),
               "!division by zero: 1 / 0|0|0");
    table_finish(&table);
}
