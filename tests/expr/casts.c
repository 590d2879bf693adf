// Every pair of types, with a plain value, an extreme one and a null.
#include <stdio.h>

#include "expr/number.h"
#include "expr/reason.h"
#include "expr/support.h"
#include "support/test.h"

#define TYPE_COUNT 16

// clang-format off
// The order of types is that of the rows.
static const struct {
    const char *type;
    const char *values[2];
    const char *results[TYPE_COUNT];
} pairs[TYPE_COUNT] = {
    {"bool",
     {"true", "false"},
     {
         "true|false|null",
         "1|0|null",
         "1|0|null",
         "1|0|null",
         "1|0|null",
         "1.0|0.0|null",
         "1.0|0.0|null",
         "1.00|0.00|null",
         "true|false|null",
         "error W0316 0-16: there is no cast from bool to bytes",
         "error W0316 0-15: there is no cast from bool to date",
         "error W0316 0-15: there is no cast from bool to time",
         "error W0316 0-23: there is no cast from bool to timestamp(3)",
         "error W0316 0-23: there is no cast from bool to timestamp(6)",
         "error W0316 0-23: there is no cast from bool to timestamp(9)",
         "error W0316 0-27: there is no cast from bool to timestamp_ltz(0)",
     }},
    {"int8",
     {"5", "-128"},
     {
         "true|true|null",
         "5|-128|null",
         "5|-128|null",
         "5|-128|null",
         "5|-128|null",
         "5.0|-128.0|null",
         "5.0|-128.0|null",
         "5.00|-128.00|null",
         "5|-128|null",
         "error W0316 0-16: there is no cast from int8 to bytes",
         "1970-01-06|1969-08-26|null",
         "00:00:00.005|!cannot cast -128 (int64) to time|null",
         "1970-01-01 00:00:00.005|1969-12-31 23:59:59.872|null",
         "1970-01-01 00:00:00.005000|1969-12-31 23:59:59.872000|null",
         "1970-01-01 00:00:00.005000000|1969-12-31 23:59:59.872000000|null",
         "1970-01-01 00:00:00Z|1969-12-31 23:59:59Z|null",
     }},
    {"int16",
     {"300", "-1"},
     {
         "true|true|null",
         "!cannot cast 300 (int64) to int8|-1|null",
         "300|-1|null",
         "300|-1|null",
         "300|-1|null",
         "300.0|-1.0|null",
         "300.0|-1.0|null",
         "300.00|-1.00|null",
         "300|-1|null",
         "error W0316 0-16: there is no cast from int16 to bytes",
         "1970-10-28|1969-12-31|null",
         "00:00:00.300|!cannot cast -1 (int64) to time|null",
         "1970-01-01 00:00:00.300|1969-12-31 23:59:59.999|null",
         "1970-01-01 00:00:00.300000|1969-12-31 23:59:59.999000|null",
         "1970-01-01 00:00:00.300000000|1969-12-31 23:59:59.999000000|null",
         "1970-01-01 00:00:00Z|1969-12-31 23:59:59Z|null",
     }},
    {"int32",
     {"2000000000", "0"},
     {
         "true|false|null",
         "!cannot cast 2000000000 (int64) to int8|0|null",
         "!cannot cast 2000000000 (int64) to int16|0|null",
         "2000000000|0|null",
         "2000000000|0|null",
         "2000000000.0|0.0|null",
         "2000000000.0|0.0|null",
         "!cannot cast 2000000000 (int64) to decimal(10,2)|0.00|null",
         "2000000000|0|null",
         "error W0316 0-16: there is no cast from int32 to bytes",
         "5477784-01-06|1970-01-01|null",
         "!cannot cast 2000000000 (int64) to time|00:00:00|null",
         "1970-01-24 03:33:20.000|1970-01-01 00:00:00.000|null",
         "1970-01-24 03:33:20.000000|1970-01-01 00:00:00.000000|null",
         "1970-01-24 03:33:20.000000000|1970-01-01 00:00:00.000000000|null",
         "1970-01-24 03:33:20Z|1970-01-01 00:00:00Z|null",
     }},
    {"int64",
     {"9223372036854775807", "-3"},
     {
         "true|true|null",
         "!cannot cast 9223372036854775807 (int64) to int8|-3|null",
         "!cannot cast 9223372036854775807 (int64) to int16|-3|null",
         "!cannot cast 9223372036854775807 (int64) to int32|-3|null",
         "9223372036854775807|-3|null",
         "9.223372e+18|-3.0|null",
         "9.223372036854776e+18|-3.0|null",
         "!cannot cast 9223372036854775807 (int64) to decimal(10,2)|-3.00|null",
         "9223372036854775807|-3|null",
         "error W0316 0-16: there is no cast from int64 to bytes",
         "!cannot cast 9223372036854775807 (int64) to date|1969-12-29|null",
         "!cannot cast 9223372036854775807 (int64) to time|!cannot cast -3 (int64) to time|null",
         "292278994-08-17 07:12:55.807|1969-12-31 23:59:59.997|null",
         "!cannot cast 9223372036854775807 (int64) to timestamp(6)|1969-12-31 23:59:59.997000|null",
         "292278994-08-17 07:12:55.807000000|1969-12-31 23:59:59.997000000|null",
         "292278994-08-17 07:12:55Z|1969-12-31 23:59:59Z|null",
     }},
    {"float32",
     {"1.5", "NaN"},
     {
         "true|!cannot cast NaN (float64) to bool|null",
         "1|!cannot cast NaN (float64) to int8|null",
         "1|!cannot cast NaN (float64) to int16|null",
         "1|!cannot cast NaN (float64) to int32|null",
         "1|!cannot cast NaN (float64) to int64|null",
         "1.5|NaN|null",
         "1.5|NaN|null",
         "1.50|!cannot cast NaN (float64) to decimal(10,2)|null",
         "1.5|NaN|null",
         "error W0316 0-16: there is no cast from float32 to bytes",
         "error W0316 0-15: there is no cast from float32 to date",
         "error W0316 0-15: there is no cast from float32 to time",
         "error W0316 0-23: there is no cast from float32 to timestamp(3)",
         "error W0316 0-23: there is no cast from float32 to timestamp(6)",
         "error W0316 0-23: there is no cast from float32 to timestamp(9)",
         "error W0316 0-27: there is no cast from float32 to timestamp_ltz(0)",
     }},
    {"float64",
     {"-2.75", "1e300"},
     {
         "true|true|null",
         "-2|!cannot cast 1e+300 (float64) to int8|null",
         "-2|!cannot cast 1e+300 (float64) to int16|null",
         "-2|!cannot cast 1e+300 (float64) to int32|null",
         "-2|!cannot cast 1e+300 (float64) to int64|null",
         "-2.75|Infinity|null",
         "-2.75|1e+300|null",
         "-2.75|!cannot cast 1e+300 (float64) to decimal(10,2)|null",
         "-2.75|1e+300|null",
         "error W0316 0-16: there is no cast from float64 to bytes",
         "error W0316 0-15: there is no cast from float64 to date",
         "error W0316 0-15: there is no cast from float64 to time",
         "error W0316 0-23: there is no cast from float64 to timestamp(3)",
         "error W0316 0-23: there is no cast from float64 to timestamp(6)",
         "error W0316 0-23: there is no cast from float64 to timestamp(9)",
         "error W0316 0-27: there is no cast from float64 to timestamp_ltz(0)",
     }},
    {"decimal(10,2)",
     {"2.55", "-99999999.99"},
     {
         "true|true|null",
         "2|!cannot cast -99999999 (int64) to int8|null",
         "2|!cannot cast -99999999 (int64) to int16|null",
         "2|-99999999|null",
         "2|-99999999|null",
         "2.55|-100000000.0|null",
         "2.55|-99999999.99|null",
         "2.55|-99999999.99|null",
         "2.55|-99999999.99|null",
         "error W0316 0-16: there is no cast from decimal(10,2) to bytes",
         "error W0316 0-15: there is no cast from decimal(10,2) to date",
         "error W0316 0-15: there is no cast from decimal(10,2) to time",
         "error W0316 0-23: there is no cast from decimal(10,2) to timestamp(3)",
         "error W0316 0-23: there is no cast from decimal(10,2) to timestamp(6)",
         "error W0316 0-23: there is no cast from decimal(10,2) to timestamp(9)",
         "error W0316 0-27: there is no cast from decimal(10,2) to timestamp_ltz(0)",
     }},
    {"string",
     {"12", "abc"},
     {
         "!cannot cast '12' (string) to bool|!cannot cast 'abc' (string) to bool|null",
         "12|!cannot cast 'abc' (string) to int8|null",
         "12|!cannot cast 'abc' (string) to int16|null",
         "12|!cannot cast 'abc' (string) to int32|null",
         "12|!cannot cast 'abc' (string) to int64|null",
         "12.0|!cannot cast 'abc' (string) to float32|null",
         "12.0|!cannot cast 'abc' (string) to float64|null",
         "12.00|!cannot cast 'abc' (string) to decimal(10,2)|null",
         "12|abc|null",
         "12|abc|null",
         "!cannot cast '12' (string) to date|!cannot cast 'abc' (string) to date|null",
         "!cannot cast '12' (string) to time|!cannot cast 'abc' (string) to time|null",
         "!cannot cast '12' (string) to timestamp(3)|!cannot cast 'abc' (string) to timestamp(3)|null",
         "!cannot cast '12' (string) to timestamp(6)|!cannot cast 'abc' (string) to timestamp(6)|null",
         "!cannot cast '12' (string) to timestamp(9)|!cannot cast 'abc' (string) to timestamp(9)|null",
         "!cannot cast '12' (string) to timestamp_ltz(0)|!cannot cast 'abc' (string) to timestamp_ltz(0)|null",
     }},
    {"bytes",
     {"abc", "\xff"},
     {
         "error W0316 0-15: there is no cast from bytes to bool",
         "error W0316 0-15: there is no cast from bytes to int8",
         "error W0316 0-16: there is no cast from bytes to int16",
         "error W0316 0-16: there is no cast from bytes to int32",
         "error W0316 0-16: there is no cast from bytes to int64",
         "error W0316 0-18: there is no cast from bytes to float32",
         "error W0316 0-18: there is no cast from bytes to float64",
         "error W0316 0-24: there is no cast from bytes to decimal(10,2)",
         "abc|!cannot cast bytes '\\xff' (bytes) to string|null",
         "abc|\xff|null",
         "error W0316 0-15: there is no cast from bytes to date",
         "error W0316 0-15: there is no cast from bytes to time",
         "error W0316 0-23: there is no cast from bytes to timestamp(3)",
         "error W0316 0-23: there is no cast from bytes to timestamp(6)",
         "error W0316 0-23: there is no cast from bytes to timestamp(9)",
         "error W0316 0-27: there is no cast from bytes to timestamp_ltz(0)",
     }},
    {"date",
     {"2026-03-14", "1969-12-31"},
     {
         "error W0316 0-15: there is no cast from date to bool",
         "!cannot cast 20526 (int64) to int8|-1|null",
         "20526|-1|null",
         "20526|-1|null",
         "20526|-1|null",
         "error W0316 0-18: there is no cast from date to float32",
         "error W0316 0-18: there is no cast from date to float64",
         "error W0316 0-24: there is no cast from date to decimal(10,2)",
         "2026-03-14|1969-12-31|null",
         "error W0316 0-16: there is no cast from date to bytes",
         "2026-03-14|1969-12-31|null",
         "error W0316 0-15: there is no cast from date to time",
         "2026-03-14 00:00:00.000|1969-12-31 00:00:00.000|null",
         "2026-03-14 00:00:00.000000|1969-12-31 00:00:00.000000|null",
         "2026-03-14 00:00:00.000000000|1969-12-31 00:00:00.000000000|null",
         "2026-03-14 00:00:00Z|1969-12-31 00:00:00Z|null",
     }},
    {"time",
     {"15:09:26.535", "00:00"},
     {
         "error W0316 0-15: there is no cast from time to bool",
         "!cannot cast 54566535 (int64) to int8|0|null",
         "!cannot cast 54566535 (int64) to int16|0|null",
         "54566535|0|null",
         "54566535|0|null",
         "error W0316 0-18: there is no cast from time to float32",
         "error W0316 0-18: there is no cast from time to float64",
         "error W0316 0-24: there is no cast from time to decimal(10,2)",
         "15:09:26.535|00:00:00|null",
         "error W0316 0-16: there is no cast from time to bytes",
         "error W0316 0-15: there is no cast from time to date",
         "15:09:26.535|00:00:00|null",
         "error W0316 0-23: there is no cast from time to timestamp(3)",
         "error W0316 0-23: there is no cast from time to timestamp(6)",
         "error W0316 0-23: there is no cast from time to timestamp(9)",
         "error W0316 0-27: there is no cast from time to timestamp_ltz(0)",
     }},
    {"timestamp(3)",
     {"2026-03-14 15:09:26.535", "1969-12-31 23:59:59.999"},
     {
         "error W0316 0-15: there is no cast from timestamp(3) to bool",
         "!cannot cast 1773500966535 (int64) to int8|-1|null",
         "!cannot cast 1773500966535 (int64) to int16|-1|null",
         "!cannot cast 1773500966535 (int64) to int32|-1|null",
         "1773500966535|-1|null",
         "error W0316 0-18: there is no cast from timestamp(3) to float32",
         "error W0316 0-18: there is no cast from timestamp(3) to float64",
         "error W0316 0-24: there is no cast from timestamp(3) to decimal(10,2)",
         "2026-03-14 15:09:26.535|1969-12-31 23:59:59.999|null",
         "error W0316 0-16: there is no cast from timestamp(3) to bytes",
         "2026-03-14|1969-12-31|null",
         "15:09:26.535|23:59:59.999|null",
         "2026-03-14 15:09:26.535|1969-12-31 23:59:59.999|null",
         "2026-03-14 15:09:26.535000|1969-12-31 23:59:59.999000|null",
         "2026-03-14 15:09:26.535000000|1969-12-31 23:59:59.999000000|null",
         "2026-03-14 15:09:26Z|1969-12-31 23:59:59Z|null",
     }},
    {"timestamp(6)",
     {"2026-03-14 15:09:26.535897", "-290000-01-01"},
     {
         "error W0316 0-15: there is no cast from timestamp(6) to bool",
         "!cannot cast 1773500966535 (int64) to int8|!cannot cast -9213683299200000 (int64) to int8|null",
         "!cannot cast 1773500966535 (int64) to int16|!cannot cast -9213683299200000 (int64) to int16|null",
         "!cannot cast 1773500966535 (int64) to int32|!cannot cast -9213683299200000 (int64) to int32|null",
         "1773500966535|-9213683299200000|null",
         "error W0316 0-18: there is no cast from timestamp(6) to float32",
         "error W0316 0-18: there is no cast from timestamp(6) to float64",
         "error W0316 0-24: there is no cast from timestamp(6) to decimal(10,2)",
         "2026-03-14 15:09:26.535897|-290000-01-01 00:00:00.000000|null",
         "error W0316 0-16: there is no cast from timestamp(6) to bytes",
         "2026-03-14|-290000-01-01|null",
         "15:09:26.535|00:00:00|null",
         "2026-03-14 15:09:26.535|-290000-01-01 00:00:00.000|null",
         "2026-03-14 15:09:26.535897|-290000-01-01 00:00:00.000000|null",
         "2026-03-14 15:09:26.535897000|-290000-01-01 00:00:00.000000000|null",
         "2026-03-14 15:09:26Z|-290000-01-01 00:00:00Z|null",
     }},
    {"timestamp(9)",
     {"2026-03-14 15:09:26.535897932", "1969-12-31 23:59:59.999999999"},
     {
         "error W0316 0-15: there is no cast from timestamp(9) to bool",
         "!cannot cast 1773500966535 (int64) to int8|-1|null",
         "!cannot cast 1773500966535 (int64) to int16|-1|null",
         "!cannot cast 1773500966535 (int64) to int32|-1|null",
         "1773500966535|-1|null",
         "error W0316 0-18: there is no cast from timestamp(9) to float32",
         "error W0316 0-18: there is no cast from timestamp(9) to float64",
         "error W0316 0-24: there is no cast from timestamp(9) to decimal(10,2)",
         "2026-03-14 15:09:26.535897932|1969-12-31 23:59:59.999999999|null",
         "error W0316 0-16: there is no cast from timestamp(9) to bytes",
         "2026-03-14|1969-12-31|null",
         "15:09:26.535|23:59:59.999|null",
         "2026-03-14 15:09:26.535|1969-12-31 23:59:59.999|null",
         "2026-03-14 15:09:26.535897|1969-12-31 23:59:59.999999|null",
         "2026-03-14 15:09:26.535897932|1969-12-31 23:59:59.999999999|null",
         "2026-03-14 15:09:26Z|1969-12-31 23:59:59Z|null",
     }},
    {"timestamp_ltz(0)",
     {"2026-03-14 15:09:26", "1970-01-01"},
     {
         "error W0316 0-15: there is no cast from timestamp_ltz(0) to bool",
         "!cannot cast 1773500966000 (int64) to int8|0|null",
         "!cannot cast 1773500966000 (int64) to int16|0|null",
         "!cannot cast 1773500966000 (int64) to int32|0|null",
         "1773500966000|0|null",
         "error W0316 0-18: there is no cast from timestamp_ltz(0) to float32",
         "error W0316 0-18: there is no cast from timestamp_ltz(0) to float64",
         "error W0316 0-24: there is no cast from timestamp_ltz(0) to decimal(10,2)",
         "2026-03-14 15:09:26Z|1970-01-01 00:00:00Z|null",
         "error W0316 0-16: there is no cast from timestamp_ltz(0) to bytes",
         "2026-03-14|1970-01-01|null",
         "15:09:26|00:00:00|null",
         "2026-03-14 15:09:26.000|1970-01-01 00:00:00.000|null",
         "2026-03-14 15:09:26.000000|1970-01-01 00:00:00.000000|null",
         "2026-03-14 15:09:26.000000000|1970-01-01 00:00:00.000000000|null",
         "2026-03-14 15:09:26Z|1970-01-01 00:00:00Z|null",
     }},
};
// clang-format on

TEST(every_type_casts_to_every_other_or_is_refused)
{
    for (int from = 0; from < TYPE_COUNT; from++) {
        struct table table;
        table_begin(&table, 3);
        COLUMN(&table, "v", pairs[from].type, pairs[from].values[0], pairs[from].values[1], NULL);
        for (int to = 0; to < TYPE_COUNT; to++) {
            char text[64];
            snprintf(text, sizeof text, "cast(v as %s)", pairs[to].type);
            CHECK_ROWS(&table, text, pairs[from].results[to]);
        }
        table_finish(&table);
    }
}

TEST(try_cast_gives_null_where_a_cast_fails)
{
    for (int from = 0; from < TYPE_COUNT; from++) {
        struct table table;
        table_begin(&table, 3);
        COLUMN(&table, "v", pairs[from].type, pairs[from].values[0], pairs[from].values[1], NULL);
        for (int to = 0; to < TYPE_COUNT; to++) {
            char text[64], expected[512];
            const char *result = pairs[from].results[to];
            if (result[0] == 'e') {
                continue;
            }
            const char *bar = strchr(result, '|');
            snprintf(expected, sizeof expected, "%.*s|%s",
                     result[0] == '!' ? 4 : (int)(bar - result), result[0] == '!' ? "null" : result,
                     bar[1] == '!' ? "null|null" : bar + 1);
            snprintf(text, sizeof text, "try_cast(v as %s)", pairs[to].type);
            CHECK_ROWS(&table, text, expected);
        }
        table_finish(&table);
    }
}

TEST(text_is_read_as_numbers_only_if_all_of_it_is_one)
{
    CHECK_VALUE("try_cast('' as int64)", "null");
    CHECK_VALUE("try_cast(' ' as float64)", "null");
    CHECK_VALUE("try_cast('-' as int64)", "null");
    CHECK_VALUE("try_cast('1 2' as int64)", "null");
    CHECK_VALUE("try_cast('0x10' as float64)", "null");
    CHECK_VALUE("try_cast('1e999' as float64)", "null");
    CHECK_VALUE("try_cast('.' as float64)", "null");
    CHECK_VALUE("try_cast('1.5.2' as float64)", "null");
    CHECK_VALUE("try_cast('1.5' as int64)", "null");
    CHECK_VALUE("try_cast('9223372036854775808' as int64)", "null");
    CHECK_VALUE("'-9223372036854775808'::int64", "-9223372036854775808");
    CHECK_VALUE("'+7'::int64", "7");
    CHECK_VALUE("'-.5'::float64", "-0.5");
    CHECK_VALUE("'-inf'::float64", "-Infinity");
    CHECK_VALUE("'nan'::float64", "NaN");
    CHECK_VALUE("'123456789.987654321'::float64", "123456789.98765433");
    CHECK_VALUE("'1.25e2'::decimal(10,1)", "125.0");
    CHECK_VALUE("'-0.005'::decimal(10,2)", "-0.01");
    CHECK_VALUE("'1e-50'::decimal(10,2)", "0.00");
    CHECK_VALUE("try_cast('123456789' as decimal(10,2))", "null");
    CHECK_VALUE("try_cast('1e' as decimal(10,2))", "null");
    CHECK_VALUE("'99999999999999999999999999999999999999'::decimal(38)",
                "99999999999999999999999999999999999999");
    CHECK_VALUE("try_cast('100000000000000000000000000000000000000' as decimal(38))", "null");
}

TEST(floats_print_the_fewest_digits_that_read_back)
{
    CHECK_VALUE("0.1 + 0.2", "0.30000000000000004");
    CHECK_VALUE("1 / 3.0", "0.3333333333333333");
    CHECK_VALUE("5e-324", "5e-324");
    CHECK_VALUE("1.7976931348623157e308", "1.7976931348623157e+308");
    CHECK_VALUE("0.0001", "0.0001");
    CHECK_VALUE("0.00001", "1e-05");
    CHECK_VALUE("123456789012345.0", "123456789012345.0");
    CHECK_VALUE("-0.0", "-0.0");
    CHECK_VALUE("9007199254740991.0", "9007199254740991.0");
    CHECK_VALUE("2251799813685248.5", "2251799813685248.5");
    CHECK_VALUE("0.3", "0.3");
    CHECK_VALUE("123.456", "123.456");
    CHECK_VALUE("100000.0", "100000.0");
    CHECK_VALUE("-99.99", "-99.99");
    CHECK_VALUE("1.0000000000000002", "1.0000000000000002");
    CHECK_VALUE("0.9999999999999999", "0.9999999999999999");
    CHECK_VALUE("5.0e-3", "0.005");
    CHECK_VALUE("16777216.0::float32", "16777216.0");
    CHECK_VALUE("0.1::float32::float64", "0.10000000149011612");
    CHECK_VALUE("3.4028235e38::float32", "3.4028235e+38");
}

TEST(every_float_reads_back_from_its_text)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 200000; i++) {
        char text[VALUE_TEXT_BYTES];
        double number, back = 0;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        uint64_t bits =
            i % 2 == 0 ? state : (state & 0x800fffffffffffff) | (1001 + state % 60) << 52;
        bits = i % 16 == 1 ? bits & 0xfff0000000000000 : bits; // powers of two
        memcpy(&number, &bits, sizeof number);
        struct slice slice = {text, float64_format(number, text)};
        if (number - number == 0 && (!float64_parse(slice, &back) || back != number)) {
            test_fail(__FILE__, __LINE__, "%.17g is written as %s", number, text);
            return;
        }
    }
}

TEST(dates_and_timestamps_are_read_strictly)
{
    CHECK_VALUE("try_cast('2026-13-01' as date)", "null");
    CHECK_VALUE("try_cast('2026-1-1x' as date)", "null");
    CHECK_VALUE("try_cast('20260101' as date)", "null");
    CHECK_VALUE("try_cast('24:00' as time)", "null");
    CHECK_VALUE("try_cast('12:60' as time)", "null");
    CHECK_VALUE("try_cast('2026-03-14 15' as timestamp)", "null");
    CHECK_VALUE("try_cast('2026-03-14 15:09Z' as timestamp)", "null");
    CHECK_VALUE("'2026-3-4'::date", "2026-03-04");
    CHECK_VALUE("'-0001-12-31'::date", "-0001-12-31");
    CHECK_VALUE("'2026-03-14T15:09:26.123456789'::timestamp(9)", "2026-03-14 15:09:26.123456789");
    CHECK_VALUE("'2026-03-14T15:09:26.1299'::timestamp(2)", "2026-03-14 15:09:26.12");
    CHECK_VALUE("'1969-12-31 23:59:59.9999'::timestamp(0)", "1969-12-31 23:59:59");
    CHECK_VALUE("'2026-03-14 23:30-0145'::timestamp_ltz(0)", "2026-03-15 01:15:00Z");
    CHECK_VALUE("try_cast('2026-03-14 23:30 CET' as timestamp_ltz)", "null");
}
