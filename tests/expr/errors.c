#include "expr/support.h"
#include "support/test.h"

static struct table table;
static struct expr_error error;

static void compile(const char *text, uint32_t wanted)
{
    if (table.schema.field_count == 0) {
        table_begin(&table, 1);
        COLUMN(&table, "temperature", "float64", "21.5");
        COLUMN(&table, "humidity", "float64", "40");
        COLUMN(&table, "name", "string(20)", "a");
        COLUMN(&table, "at", "timestamp(3)", "2026-03-14");
        COLUMN(&table, "day", "date", "2026-03-14");
    }
    struct expression *expression = expression_compile(text, &table.schema, wanted, &error);
    CHECK(expression == NULL);
    expression_destroy(expression);
}

#define CHECK_ERROR(source, expected_code, expected_start, expected_end, message) \
    do {                                                                          \
        compile(source, 0);                                                       \
        CHECK_TEXT(error.error.text, message);                                    \
        CHECK_TEXT(error.code, expected_code);                                    \
        CHECK_INT(error.start, expected_start);                                   \
        CHECK_INT(error.end, expected_end);                                       \
    } while (0)

TEST(an_unknown_column_is_named_with_those_that_exist)
{
    CHECK_ERROR("1 + temprature * 2", "W0312", 4, 14, "column `temprature` does not exist");
    CHECK_TEXT(error.help, "did you mean `temperature`?");
    CHECK_TEXT(error.available, "temperature, humidity, name, at, day");
    CHECK_ERROR("\"two words\"", "W0312", 0, 11, "column `two words` does not exist");
    CHECK_TEXT(error.help, "");
    CHECK_ERROR("now_ms - 1", "W0312", 0, 6, "column `now_ms` does not exist");
    CHECK_TEXT(error.help, "the function `now_ms` is called with parentheses");
}

TEST(an_unknown_function_is_named_with_those_that_exist)
{
    CHECK_ERROR("1 + lenght(name)", "W0311", 4, 10, "function `lenght` does not exist");
    CHECK_TEXT(error.help, "did you mean `length`?");
    CHECK_HAS(error.available, "coalesce, nullif, least");
    CHECK_HAS(error.available, "cast, try_cast");
    CHECK_ERROR("substring(name, 1)", "W0311", 0, 9, "function `substring` does not exist");
    CHECK_TEXT(error.help, "did you mean `substr`?");
    CHECK_ERROR("quaternion(name)", "W0311", 0, 10, "function `quaternion` does not exist");
    CHECK_TEXT(error.help, "");
}

TEST(types_that_do_not_go_together_are_both_named)
{
    CHECK_ERROR("name + 1 > 2", "W0313", 0, 8,
                "`+` does not go with `name` (string(20)) and `1` (int64)");
    CHECK_TEXT(error.help, "cast one of them, as in cast(name as int64)");
    CHECK_ERROR("temperature = 'hot'", "W0313", 0, 19,
                "`=` does not go with `temperature` (float64) and `'hot'` (string)");
    CHECK_ERROR("temperature in (1, 'x')", "W0313", 0, 23,
                "`in` does not go with `temperature` (float64) and `'x'` (string)");
    CHECK_ERROR("case when true then 1 else 'x' end", "W0313", 0, 34,
                "`case` does not go with `1` (int64) and `'x'` (string)");
    CHECK_ERROR("at * 2", "W0313", 0, 6,
                "`*` does not go with `at` (timestamp(3)) and `2` (int64)");
    CHECK_ERROR("day + 5s", "W0313", 0, 8,
                "a date moves by whole days, as in `day + 1`; cast it to a timestamp to move it by "
                "a duration");
    CHECK_ERROR("day + (5s - 1)", "W0313", 0, 14,
                "a date moves by whole days, as in `day + 1`; cast it to a timestamp to move it by "
                "a duration");
    CHECK_ERROR("coalesce(null, null)", "W0317", 0, 20,
                "null alone has no type; write cast(null as int64) or the like");
}

TEST(wrong_arguments_name_the_signature)
{
    CHECK_ERROR("lower(temperature)", "W0314", 6, 17,
                "`lower` takes a string, but `temperature` is float64: lower(text string) string");
    CHECK_ERROR("substr(name)", "W0314", 0, 12,
                "`substr` does not take 1 argument: substr(text string, start int64 [, length "
                "int64]) string");
    CHECK_ERROR("substr(name, 1, 2, 3)", "W0314", 0, 21,
                "`substr` does not take 4 arguments: substr(text string, start int64 [, length "
                "int64]) string");
    CHECK_ERROR("now_ms(1)", "W0314", 0, 9, "`now_ms` does not take 1 argument: now_ms() int64");
    CHECK_ERROR("not temperature", "W0314", 4, 15,
                "`not` takes a bool, but `temperature` is float64: not bool");
    CHECK_ERROR("name and true", "W0314", 0, 4,
                "`and` takes a bool, but `name` is string(20): bool and bool");
    CHECK_ERROR("abs(name)", "W0314", 4, 8,
                "`abs` takes a number, but `name` is string(20): abs(x number) number");
    CHECK_ERROR("hour(name)", "W0314", 5, 9,
                "`hour` takes a date or a time, but `name` is string(20): hour(moment) int64");
}

TEST(syntax_errors_say_what_was_expected)
{
    CHECK_ERROR("", "W0301", 0, 0,
                "expected a column, a value or a function, but the expression ends here");
    CHECK_ERROR("1 +", "W0301", 3, 3,
                "expected a column, a value or a function, but the expression ends here");
    CHECK_ERROR("1 2", "W0301", 2, 3, "expected an operator or the end, found `2`");
    CHECK_ERROR("(1", "W0301", 2, 2, "expected `)`, but the expression ends here");
    CHECK_ERROR("lower(name", "W0301", 10, 10, "expected `,` or `)`, but the expression ends here");
    CHECK_ERROR("case 1 end", "W0301", 7, 10, "expected `when`, found `end`");
    CHECK_ERROR("case when true then 1", "W0301", 21, 21,
                "expected `when`, `else` or `end`, but the expression ends here");
    CHECK_ERROR("name is 5", "W0301", 8, 9, "expected `null` or `not null`, found `5`");
    CHECK_ERROR("name in ()", "W0301", 9, 10, "the list of `in` is empty");
    CHECK_ERROR("name not 5", "W0301", 9, 10,
                "expected `in`, `between` or `like` behind `not`, found `5`");
    CHECK_ERROR("cast(1 int64)", "W0301", 7, 12, "expected `as` and a type, found `int64`");
    CHECK_ERROR("1 between 2 or 3", "W0301", 12, 14,
                "expected `and` and the upper bound of `between`, found `or`");
}

TEST(words_that_cannot_be_read_are_pointed_at)
{
    CHECK_ERROR("name = 'abc", "W0302", 7, 11, "the string that begins here has no closing '");
    CHECK_ERROR("\"name", "W0302", 0, 5, "the quoted name that begins here has no closing \"");
    CHECK_ERROR("1 ? 2", "W0303", 2, 3, "`?` means nothing in an expression");
    CHECK_ERROR("1 \x01", "W0303", 2, 3, "byte 0x01 means nothing in an expression");
    CHECK_ERROR("5 x 3", "W0301", 2, 3, "expected an operator or the end, found `x`");
    CHECK_ERROR("5x", "W0304", 0, 2,
                "`5x` is neither a number nor a duration (units: ms, s, m, h, d)");
    CHECK_ERROR("99999999999999999999", "W0304", 0, 20,
                "99999999999999999999 does not fit int64; for a larger number cast a string, as in "
                "'99999999999999999999'::decimal(38)");
    CHECK_ERROR("9223372036854775808", "W0304", 0, 19, "9223372036854775808 does not fit int64");
    CHECK_ERROR("1e999", "W0304", 0, 5, "the number is larger than float64 holds");
    CHECK_ERROR("200000000000d", "W0304", 0, 13,
                "the duration is longer than int64 milliseconds hold");
}

TEST(casts_that_do_not_exist_are_refused)
{
    CHECK_ERROR("cast(day as float64)", "W0316", 0, 20, "there is no cast from date to float64");
    CHECK_ERROR("cast(name as flaot64)", "W0315", 13, 20,
                "there is no type `flaot64`; there are bool, int8, int16, int32, int64, float32, "
                "float64, string, bytes, date, time, timestamp, timestamp_ltz, decimal; did you "
                "mean `float64`?");
    CHECK_ERROR("day > 'tomorrow'", "W0318", 6, 16, "cannot cast 'tomorrow' (string) to date");
}

TEST(the_result_must_have_the_type_that_is_wanted)
{
    compile("temperature + 1", WEIR_TYPE_BOOL);
    CHECK_TEXT(error.code, "W0317");
    CHECK_TEXT(error.error.text, "the expression must be bool, but it is float64");
    CHECK_INT(error.start, 0);
    CHECK_INT(error.end, 15);
    CHECK_ERROR("null", "W0317", 0, 4,
                "null alone has no type; write cast(null as int64) or the like");
}

TEST(expressions_that_are_too_large_are_refused)
{
    static char text[70000];
    memset(text, '(', 60000);
    compile(text, 0);
    CHECK_TEXT(error.code, "W0305");
    memset(text, '-', 60000);
    compile(text, 0);
    CHECK_TEXT(error.code, "W0305");
    for (int i = 0; i < 60000; i += 2) {
        memcpy(text + i, "1+", 2);
    }
    compile(text, 0);
    CHECK_TEXT(error.code, "W0305");
    memset(text, ' ', sizeof text - 1);
    compile(text, 0);
    CHECK_TEXT(error.error.text, "the expression has 69999 bytes; at most 65536 are taken");
}
