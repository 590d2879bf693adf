#include "expr/function.h"

#include <pthread.h>
#include <strings.h>

#include "expr/check.h"
#include "expr/kernels.h"

#define MANY 4096

#define STRICT(name, signature, parameters, result, run)                      \
    {                                                                         \
        name, signature, parameters, result, FUNCTION_STRICT, 0, 0, NULL, run \
    }
#define BOUND(name, signature, flags, least, most, bind, run)   \
    {                                                           \
        name, signature, NULL, 0, flags, least, most, bind, run \
    }
#define OPERATOR(name, flags, least, most, bind, run)                            \
    {                                                                            \
        name, name, NULL, 0, (flags) | FUNCTION_OPERATOR, least, most, bind, run \
    }
#define COMPARISON(name) OPERATOR(name, FUNCTION_STRICT, 2, 2, bind_comparison, NULL)

static const struct function functions[] = {
    OPERATOR("+", FUNCTION_STRICT, 2, 2, bind_arithmetic, NULL),
    OPERATOR("-", FUNCTION_STRICT, 1, 2, bind_minus, NULL),
    OPERATOR("*", FUNCTION_STRICT, 2, 2, bind_arithmetic, NULL),
    OPERATOR("/", FUNCTION_STRICT, 2, 2, bind_arithmetic, NULL),
    OPERATOR("%", FUNCTION_STRICT, 2, 2, bind_arithmetic, NULL),
    COMPARISON("="),
    COMPARISON("!="),
    COMPARISON("<"),
    COMPARISON("<="),
    COMPARISON(">"),
    COMPARISON(">="),
    {"and", "bool and bool", "bb", 'b', FUNCTION_OPERATOR, 0, 0, NULL, kernel_and},
    {"or", "bool or bool", "bb", 'b', FUNCTION_OPERATOR, 0, 0, NULL, kernel_or},
    {"not", "not bool", "b", 'b', FUNCTION_OPERATOR | FUNCTION_STRICT, 0, 0, NULL, kernel_not},
    {"like", "string like string [escape string]", "ss?s", 'b', FUNCTION_OPERATOR | FUNCTION_STRICT,
     0, 0, NULL, kernel_like},
    OPERATOR("is null", 0, 1, 1, bind_is_null, kernel_is_null),
    OPERATOR("is not null", 0, 1, 1, bind_is_null, kernel_is_not_null),
    OPERATOR("in", FUNCTION_STRICT, 2, MANY, bind_in, NULL),
    OPERATOR("case", 0, 3, MANY, bind_case, NULL),

    BOUND("coalesce", "coalesce(value any, ...) any", 0, 1, MANY, bind_coalesce, NULL),
    BOUND("nullif", "nullif(value any, other any) any", 0, 2, 2, bind_nullif, NULL),
    BOUND("least", "least(value any, ...) any", 0, 1, MANY, bind_extreme, NULL),
    BOUND("greatest", "greatest(value any, ...) any", 0, 1, MANY, bind_extreme, NULL),

    BOUND("concat", "concat(value any, ...) string", FUNCTION_STRICT, 1, MANY, bind_concat, NULL),
    STRICT("lower", "lower(text string) string", "s", 's', kernel_lower),
    STRICT("upper", "upper(text string) string", "s", 's', kernel_upper),
    STRICT("initcap", "initcap(text string) string", "s", 's', kernel_initcap),
    BOUND("length", "length(text string or bytes) int64", FUNCTION_STRICT, 1, 1, bind_length,
          kernel_length),
    BOUND("octet_length", "octet_length(text string or bytes) int64", FUNCTION_STRICT, 1, 1,
          bind_length, kernel_octet_length),
    STRICT("substr", "substr(text string, start int64 [, length int64]) string", "si?i", 's',
           kernel_substr),
    STRICT("left", "left(text string, count int64) string", "si", 's', kernel_left),
    STRICT("right", "right(text string, count int64) string", "si", 's', kernel_right),
    STRICT("trim", "trim(text string [, characters string]) string", "s?s", 's', kernel_trim),
    STRICT("ltrim", "ltrim(text string [, characters string]) string", "s?s", 's', kernel_ltrim),
    STRICT("rtrim", "rtrim(text string [, characters string]) string", "s?s", 's', kernel_rtrim),
    STRICT("replace", "replace(text string, part string, by string) string", "sss", 's',
           kernel_replace),
    STRICT("starts_with", "starts_with(text string, part string) bool", "ss", 'b',
           kernel_starts_with),
    STRICT("ends_with", "ends_with(text string, part string) bool", "ss", 'b', kernel_ends_with),
    STRICT("contains", "contains(text string, part string) bool", "ss", 'b', kernel_contains),
    STRICT("position", "position(part string, text string) int64", "ss", 'i', kernel_position),
    STRICT("lpad", "lpad(text string, length int64 [, fill string]) string", "si?s", 's',
           kernel_lpad),
    STRICT("rpad", "rpad(text string, length int64 [, fill string]) string", "si?s", 's',
           kernel_rpad),
    STRICT("repeat", "repeat(text string, count int64) string", "si", 's', kernel_repeat),
    STRICT("reverse", "reverse(text string) string", "s", 's', kernel_reverse),
    STRICT("split_part", "split_part(text string, separator string, part int64) string", "ssi", 's',
           kernel_split_part),
    STRICT("ascii", "ascii(text string) int64", "s", 'i', kernel_ascii),
    STRICT("chr", "chr(code int64) string", "i", 's', kernel_chr),
    STRICT("hex", "hex(bytes bytes) string", "x", 's', kernel_hex),

    BOUND("abs", "abs(x number) number", FUNCTION_STRICT, 1, 1, bind_number, NULL),
    BOUND("sign", "sign(x number) number", FUNCTION_STRICT, 1, 1, bind_number, NULL),
    BOUND("floor", "floor(x number) number", FUNCTION_STRICT, 1, 1, bind_number, NULL),
    BOUND("ceil", "ceil(x number) number", FUNCTION_STRICT, 1, 1, bind_number, NULL),
    BOUND("round", "round(x number [, digits int64]) number", FUNCTION_STRICT, 1, 2, bind_round,
          NULL),
    BOUND("mod", "mod(x number, y number) number", FUNCTION_STRICT, 2, 2, bind_arithmetic, NULL),
    STRICT("trunc", "trunc(x float64) float64", "f", 'f', kernel_trunc_float64),
    STRICT("sqrt", "sqrt(x float64) float64", "f", 'f', kernel_sqrt),
    STRICT("exp", "exp(x float64) float64", "f", 'f', kernel_exp),
    STRICT("ln", "ln(x float64) float64", "f", 'f', kernel_ln),
    STRICT("log10", "log10(x float64) float64", "f", 'f', kernel_log10),
    STRICT("log2", "log2(x float64) float64", "f", 'f', kernel_log2),
    STRICT("power", "power(x float64, y float64) float64", "ff", 'f', kernel_power),
    STRICT("sin", "sin(x float64) float64", "f", 'f', kernel_sin),
    STRICT("cos", "cos(x float64) float64", "f", 'f', kernel_cos),
    STRICT("tan", "tan(x float64) float64", "f", 'f', kernel_tan),
    STRICT("asin", "asin(x float64) float64", "f", 'f', kernel_asin),
    STRICT("acos", "acos(x float64) float64", "f", 'f', kernel_acos),
    STRICT("atan", "atan(x float64) float64", "f", 'f', kernel_atan),
    STRICT("atan2", "atan2(y float64, x float64) float64", "ff", 'f', kernel_atan2),
    STRICT("pi", "pi() float64", "", 'f', kernel_pi),
    STRICT("is_nan", "is_nan(x float64) bool", "f", 'b', kernel_is_nan),
    STRICT("bit_and", "bit_and(x int64, y int64) int64", "ii", 'i', kernel_bit_and),
    STRICT("bit_or", "bit_or(x int64, y int64) int64", "ii", 'i', kernel_bit_or),
    STRICT("bit_xor", "bit_xor(x int64, y int64) int64", "ii", 'i', kernel_bit_xor),
    STRICT("shift_left", "shift_left(x int64, bits int64) int64", "ii", 'i', kernel_shift_left),
    STRICT("shift_right", "shift_right(x int64, bits int64) int64", "ii", 'i', kernel_shift_right),

    {"now_ms", "now_ms() int64", "", 'i', FUNCTION_STRICT | FUNCTION_PER_BATCH, 0, 0, NULL,
     kernel_now_ms},
    STRICT("year", "year(moment) int64", "m", 'i', kernel_year),
    STRICT("quarter", "quarter(moment) int64", "m", 'i', kernel_quarter),
    STRICT("month", "month(moment) int64", "m", 'i', kernel_month),
    STRICT("day", "day(moment) int64", "m", 'i', kernel_day),
    STRICT("hour", "hour(moment) int64", "m", 'i', kernel_hour),
    STRICT("minute", "minute(moment) int64", "m", 'i', kernel_minute),
    STRICT("second", "second(moment) int64", "m", 'i', kernel_second),
    STRICT("millisecond", "millisecond(moment) int64", "m", 'i', kernel_millisecond),
    STRICT("day_of_week", "day_of_week(moment) int64", "m", 'i', kernel_day_of_week),
    STRICT("day_of_year", "day_of_year(moment) int64", "m", 'i', kernel_day_of_year),
    STRICT("last_day", "last_day(moment) date", "m", 'd', kernel_last_day),
    STRICT("make_date", "make_date(year int64, month int64, day int64) date", "iii", 'd',
           kernel_make_date),
    BOUND("date_trunc", "date_trunc(unit string, moment) moment", FUNCTION_STRICT, 2, 2,
          bind_date_trunc, NULL),
    {"date_trunc of ms", "date_trunc(unit string, moment) moment", "sm", 'i',
     FUNCTION_STRICT | FUNCTION_OPERATOR, 0, 0, NULL, kernel_date_trunc},
    BOUND("to_timestamp", "to_timestamp(value any [, format string]) timestamp(3)", 0, 1, 2,
          bind_to_timestamp, NULL),
    BOUND("to_date", "to_date(value any [, format string]) date", 0, 1, 2, bind_to_timestamp, NULL),
    BOUND("parse_date", "parse_date(text string, format string) date", 0, 2, 2, bind_to_timestamp,
          NULL),
    {"to_timestamp by format", "to_timestamp(text string, format string) timestamp(3)", "ss", 't',
     FUNCTION_STRICT | FUNCTION_OPERATOR, 0, 0, NULL, kernel_parse_time},
    STRICT("format_time", "format_time(moment, format string) string", "ms", 's',
           kernel_format_time),
    BOUND("epoch_ms", "epoch_ms(moment) int64", 0, 1, 1, bind_epoch_ms, NULL),
};

#define FUNCTION_COUNT (sizeof functions / sizeof functions[0])

// Names that other systems have for the same.
static const struct {
    const char *name;
    const char *ours;
} synonyms[] = {
    {"char_length", "length"},  {"ceiling", "ceil"},         {"pow", "power"},
    {"substring", "substr"},    {"strpos", "position"},      {"ifnull", "coalesce"},
    {"to_char", "format_time"}, {"strftime", "format_time"},
};

const struct function *function_find(const char *name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (strcasecmp(functions[i].name, name) == 0) {
            return &functions[i];
        }
    }
    return NULL;
}

const char *function_synonym(const char *name)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        if (strcasecmp(synonyms[i].name, name) == 0) {
            return synonyms[i].ours;
        }
    }
    return NULL;
}

static const char *listed[FUNCTION_COUNT + 3];

static void list_names(void)
{
    size_t count = 0;
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        if (!(functions[i].flags & FUNCTION_OPERATOR)) {
            listed[count++] = functions[i].name;
        }
    }
    listed[count++] = "cast";
    listed[count++] = "try_cast";
}

const char *const *function_names(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, list_names);
    return listed;
}
