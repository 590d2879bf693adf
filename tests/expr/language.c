#include "expr/support.h"
#include "support/test.h"

TEST(literals_have_their_types_and_values)
{
    CHECK_VALUE("42", "42");
    CHECK_VALUE("-9223372036854775808", "-9223372036854775808");
    CHECK_VALUE("1.5", "1.5");
    CHECK_VALUE("1e3", "1000.0");
    CHECK_VALUE("'it''s'", "it's");
    CHECK_VALUE("''", "");
    CHECK_VALUE("true", "true");
    CHECK_VALUE("5s + 250ms", "5250");
    CHECK_VALUE("1d - 1h - 1m", "82740000");
}

TEST(operators_bind_as_in_sql)
{
    CHECK_VALUE("1 + 2 * 3", "7");
    CHECK_VALUE("(1 + 2) * 3", "9");
    CHECK_VALUE("10 - 4 - 3", "3");
    CHECK_VALUE("- 2 + 3", "1");
    CHECK_VALUE("not false and false", "false");
    CHECK_VALUE("true or false and false", "true");
    CHECK_VALUE("1 + 1 = 2 and not 3 < 2", "true");
    CHECK_VALUE("-5::int8", "-5");
    CHECK_VALUE("1 + '2'::int64 * 3", "7");
    CHECK_VALUE("'a' || 'b' || 1", "ab1");
    CHECK_VALUE("3 between 1 and 5 and true", "true");
    CHECK_VALUE("3 not between 1 and 5 or false", "false");
}

TEST(columns_are_read_by_name_quoted_or_not)
{
    struct table table;
    table_begin(&table, 3);
    COLUMN(&table, "two words", "int32", "1", "2", NULL);
    COLUMN(&table, "select", "string", "a", "b", "c");
    CHECK_ROWS(&table, "\"two words\"", "1|2|null");
    CHECK_ROWS(&table, "\"two words\" + 1", "2|3|null");
    CHECK_ROWS(&table, "select || '!'", "a!|b!|c!");
    CHECK_ROWS(&table, "\"two words\" is null", "false|false|true");
    table_finish(&table);
}

TEST(nulls_follow_three_valued_logic)
{
    struct table table;
    table_begin(&table, 9);
    COLUMN(&table, "a", "bool", "true", "true", "true", "false", "false", "false", NULL, NULL,
           NULL);
    COLUMN(&table, "b", "bool", "true", "false", NULL, "true", "false", NULL, "true", "false",
           NULL);
    CHECK_ROWS(&table, "a and b", "true|false|null|false|false|false|null|false|null");
    CHECK_ROWS(&table, "a or b", "true|true|true|true|false|null|true|null|null");
    CHECK_ROWS(&table, "not a", "false|false|false|true|true|true|null|null|null");
    CHECK_ROWS(&table, "a = b", "true|false|null|false|true|null|null|null|null");
    CHECK_ROWS(&table, "a is not null", "true|true|true|true|true|true|false|false|false");
    CHECK_ROWS(&table, "a and null", "null|null|null|false|false|false|null|null|null");
    CHECK_ROWS(&table, "null or b", "true|null|null|true|null|null|true|null|null");
    CHECK_ROWS(&table, "a in (b, null)", "true|null|null|null|true|null|null|null|null");
    table_finish(&table);
}

TEST(rows_that_overflow_or_divide_by_zero_fail_with_the_values)
{
    struct table table;
    table_begin(&table, 4);
    COLUMN(&table, "a", "int64", "9223372036854775807", "7", NULL, "-9223372036854775808");
    COLUMN(&table, "b", "int64", "1", "0", "0", "-1");
    CHECK_ROWS(&table, "a + b",
               "!9223372036854775807 + 1 overflows int64|7|null|"
               "!-9223372036854775808 + -1 overflows int64");
    CHECK_ROWS(&table, "a / b",
               "9223372036854775807|!division by zero: 7 / 0|null|"
               "!-9223372036854775808 / -1 overflows int64");
    CHECK_ROWS(&table, "a % b", "0|!division by zero: 7 % 0|null|0");
    CHECK_ROWS(&table, "a * 2",
               "!9223372036854775807 * 2 overflows int64|14|null|"
               "!-9223372036854775808 * 2 overflows int64");
    CHECK_ROWS(&table, "-a",
               "-9223372036854775807|-7|null|!-(-9223372036854775808) overflows int64");
    CHECK_ROWS(&table, "a / 0.0",
               "!division by zero: 9.223372036854776e+18 / 0.0|!division by zero: 7.0 / 0.0|null|"
               "!division by zero: -9.223372036854776e+18 / 0.0");
    table_finish(&table);
}

TEST(branches_that_are_not_taken_do_not_fail)
{
    struct table table;
    table_begin(&table, 3);
    COLUMN(&table, "a", "int64", "6", "7", "8");
    COLUMN(&table, "b", "int64", "2", "0", NULL);
    CHECK_ROWS(&table, "case when b <> 0 then a / b else -1 end", "3|-1|-1");
    CHECK_ROWS(&table, "b = 0 or a / b > 2", "true|true|null");
    CHECK_ROWS(&table, "a / b > 2 or b = 0", "true|true|null");
    CHECK_ROWS(&table, "b <> 0 and a / b > 2", "true|false|null");
    CHECK_ROWS(&table, "coalesce(b, a / 0)", "2|0|!division by zero: 8 / 0");
    CHECK_ROWS(&table, "coalesce(a / b, 5)", "3|!division by zero: 7 / 0|5");
    CHECK_ROWS(&table, "a / b is null", "false|!division by zero: 7 / 0|true");
    CHECK_ROWS(&table, "case a / b when 3 then 'three' else 'other' end",
               "three|!division by zero: 7 / 0|other");
    table_finish(&table);
}

TEST(strings_order_by_bytes_and_like_counts_characters)
{
    CHECK_VALUE("'Z' < 'a'", "true");
    CHECK_VALUE("'z' < 'é'", "true");
    CHECK_VALUE("'ab' < 'abc'", "true");
    CHECK_VALUE("'é' like '_'", "true");
    CHECK_VALUE("'Abc' like 'a%'", "false");
    CHECK_VALUE("'abc' like '%c' and 'abc' like 'a%c' and 'abc' like '%'", "true");
    CHECK_VALUE("'abc' not like '%b'", "true");
    CHECK_VALUE("'10%' like '10!%' escape '!'", "true");
    CHECK_VALUE("'10x' like '10!%' escape '!'", "false");
    CHECK_VALUE("'mississippi' like '%iss%ip%'", "true");
    struct table table;
    table_begin(&table, 5);
    COLUMN(&table, "s", "string", "abc", "", "xabcx", NULL, "äabc");
    CHECK_ROWS(&table, "s like 'abc'", "true|false|false|null|false");
    CHECK_ROWS(&table, "s like 'abc%'", "true|false|false|null|false");
    CHECK_ROWS(&table, "s like '%abc'", "true|false|false|null|true");
    CHECK_ROWS(&table, "s like '%%abc%'", "true|false|true|null|true");
    CHECK_ROWS(&table, "s like '_abc%'", "false|false|true|null|true");
    CHECK_ROWS(&table, "s like '%'", "true|true|true|null|true");
    CHECK_ROWS(&table, "s like ''", "false|true|false|null|false");
    CHECK_ROWS(&table, "s like s", "true|true|true|null|true");
    CHECK_ROWS(&table, "s like '%!abc' escape '!'", "true|false|false|null|true");
    table_finish(&table);
}

TEST(not_a_number_equals_itself_and_sorts_last)
{
    CHECK_VALUE("cast('NaN' as float64) = cast('NaN' as float64)", "true");
    CHECK_VALUE("cast('NaN' as float64) > cast('Infinity' as float64)", "true");
    CHECK_VALUE("1.0 < cast('NaN' as float64)", "true");
    CHECK_VALUE("cast('NaN' as float64) <= 1.0", "false");
    CHECK_VALUE("greatest(1.0, cast('NaN' as float64), 2.0)", "NaN");
    CHECK_VALUE("least(1.0, cast('NaN' as float64), null)", "1.0");
}

TEST(casts_between_numbers_and_strings)
{
    CHECK_VALUE("cast('17' as int32)", "17");
    CHECK_VALUE("cast(300 as int8)", "!cannot cast 300 (int64) to int8");
    CHECK_VALUE("cast('abc' as int64)", "!cannot cast 'abc' (string) to int64");
    CHECK_VALUE("try_cast('abc' as int64)", "null");
    CHECK_VALUE("try_cast('300' as int8)", "null");
    CHECK_VALUE("cast(2.9 as int64)", "2");
    CHECK_VALUE("cast(-2.9 as int64)", "-2");
    CHECK_VALUE("cast(1e300 as int64)", "!cannot cast 1e+300 (float64) to int64");
    CHECK_VALUE("cast(1.5 as string)", "1.5");
    CHECK_VALUE("cast('2.50' as decimal(10,1))", "2.5");
    CHECK_VALUE("concat('sensor_', 7)", "sensor_7");
    CHECK_VALUE("concat('a', null)", "null");
    CHECK_VALUE("cast('2012-01-31' as date) + 1", "2012-02-01");
}

TEST(long_batches_are_computed_in_pieces)
{
    enum { ROWS = 5000 };
    static int64_t numbers[ROWS];
    static uint8_t validity[ROWS / 8];
    struct table table;
    for (int64_t i = 0; i < ROWS; i++) {
        numbers[i] = i;
        weir_bit_set(validity, (uint32_t)i, i % 3 != 0);
    }
    table_begin(&table, ROWS);
    table_add_values(&table, "n", weir_type_of(WEIR_TYPE_INT64), numbers, validity);
    const struct expr_failure *failures;
    uint32_t failure_count, *rows = (uint32_t[ROWS]){0};
    struct weir_column result;
    struct evaluator *evaluator = evaluator_create();
    struct expression *expression =
        expression_compile("10 / (n - 4000) < 0 or n > 4990", &table.schema, WEIR_TYPE_BOOL, NULL);
    REQUIRE(expression != NULL);
    REQUIRE(expression_evaluate(expression, evaluator, &table.batch, 0, &result, &failures,
                                &failure_count) == 0);
    CHECK_INT(failure_count, 1);
    CHECK_INT(failures[0].row, 4000);
    CHECK_TEXT(failures[0].reason, "division by zero: 10 / 0");
    CHECK_INT(result.null_count, ROWS / 3 + 1 + 1);
    CHECK_INT(condition_rows(&result, ROWS, rows), 6 + 6);
    CHECK_INT(rows[0], 3991);
    CHECK_INT(rows[11], 4999);
    expression_destroy(expression);
    evaluator_destroy(evaluator);
    table_finish(&table);
}

TEST(long_lists_behave_like_short_ones)
{
    struct table table;
    table_begin(&table, 5);
    COLUMN(&table, "n", "int16", "3", "12", "-1", NULL, "300");
    COLUMN(&table, "x", "float64", "-0.0", "NaN", "2.5", NULL, "8");
    COLUMN(&table, "s", "string", "", "abcdefghi", "c", NULL, "zz");
    COLUMN(&table, "d", "date", "2026-03-14", "1969-12-31", "1970-01-01", NULL, "2026-03-15");
    CHECK_ROWS(&table, "n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -1, 1)", "true|false|true|null|false");
    CHECK_ROWS(&table, "n in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1000000)",
               "true|false|false|null|false");
    CHECK_ROWS(&table, "n not in (1, 2, 3, 4, 5, 6, 7, 8, 9, null)", "false|null|null|null|null");
    CHECK_ROWS(&table, "x in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)", "true|false|false|null|true");
    CHECK_ROWS(&table, "x in (0.5, 1, 2, 3, 4, 5, 6, 7, 2.5, 9)", "false|false|true|null|false");
    CHECK_ROWS(&table, "s in ('a', 'b', 'c', 'd', 'e', 'f', 'g', '', 'abcdefghi', 'abcdefgh')",
               "true|true|true|null|false");
    CHECK_ROWS(&table,
               "d in ('2026-03-14', '1970-01-01', '1970-01-02', '1970-01-03', '1970-01-04', "
               "'1970-01-05', '1970-01-06', '1970-01-07', '1970-01-08', '1970-01-09')",
               "true|false|true|null|false");
    CHECK_ROWS(&table, "n / 0 in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
               "!division by zero: 3 / 0|!division by zero: 12 / 0|!division by zero: -1 / 0|null|"
               "!division by zero: 300 / 0");
    CHECK_ROWS(&table, "7 in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)", "true|true|true|true|true");
    table_finish(&table);
}
