// Operators and functions whose types follow rules of their own.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "data/schema.h"
#include "expr/check.h"
#include "expr/kernels.h"
#include "expr/value_set.h"

#define DECIMAL_DIGITS_MAX 38

// The call turns into another expression that means the same.
static int become(struct node *call, const struct node *node)
{
    if (node == NULL) {
        return -EINVAL;
    }
    uint32_t start = call->start, end = call->end;
    *call = *node;
    call->start = start;
    call->end = end;
    call->must_fold = 0;
    return 0;
}

static uint8_t any_nullable(const struct node *call)
{
    uint8_t nullable = 0;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        nullable |= call->arguments[i]->type.nullable;
    }
    return nullable;
}

static int finish_call(struct node *call, struct weir_type type, kernel *run)
{
    call->type = type;
    call->type.nullable = any_nullable(call);
    call->kernel = run;
    return 0;
}

static int convert_all(struct compilation *compilation, struct node *call, struct weir_type type)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < call->argument_count; i++) {
        rc = convert(compilation, &call->arguments[i], type);
    }
    return rc;
}

// --- Arithmetic ---

static const struct {
    const char *name;
    kernel *integer;
    kernel *number;
    kernel *decimal;
} arithmetic[] = {
    {"+", kernel_add_int64, kernel_add_float64, kernel_add_decimal},
    {"-", kernel_subtract_int64, kernel_subtract_float64, kernel_subtract_decimal},
    {"*", kernel_multiply_int64, kernel_multiply_float64, kernel_multiply_decimal},
    {"/", kernel_divide_int64, kernel_divide_float64, kernel_divide_decimal},
    {"%", kernel_modulo_int64, kernel_modulo_float64, kernel_modulo_decimal},
};

static unsigned find_arithmetic(const char *name)
{
    unsigned i = 0;
    while (strcmp(arithmetic[i].name, strcmp(name, "mod") == 0 ? "%" : name) != 0) {
        i++;
    }
    return i;
}

static struct weir_type decimal_of(int precision, int scale)
{
    struct weir_type type = weir_type_of(WEIR_TYPE_DECIMAL);
    type.precision = (uint8_t)(precision > DECIMAL_DIGITS_MAX ? DECIMAL_DIGITS_MAX : precision);
    type.scale = (uint8_t)scale;
    return type;
}

// An integer as a decimal: a literal needs only the digits that it has.
static struct weir_type as_decimal(const struct node *node)
{
    static const int digits[] = {3, 5, 10, 19};
    if (node->type.id == WEIR_TYPE_DECIMAL) {
        return node->type;
    }
    int precision = digits[node->type.id - WEIR_TYPE_INT8];
    if (node->kind == NODE_LITERAL && !node->is_null) {
        precision = 1;
        for (int64_t rest = node->value.integer / 10; rest != 0; rest /= 10) {
            precision++;
        }
    }
    return decimal_of(precision, 0);
}

static int bind_decimals(struct compilation *compilation, struct node *call, char sign)
{
    struct weir_type a = as_decimal(call->arguments[0]), b = as_decimal(call->arguments[1]);
    int scale = a.scale > b.scale ? a.scale : b.scale;
    int a_whole = a.precision - a.scale, b_whole = b.precision - b.scale;
    int whole = a_whole > b_whole ? a_whole : b_whole;
    struct weir_type type = decimal_of(whole + scale + (sign != '%'), scale);
    if (sign == '*') {
        if (a.scale + b.scale > DECIMAL_DIGITS_MAX) {
            return compilation_fail(compilation, EXPR_TYPE, call->start, call->end,
                                    "the product would have %d decimals, more than %d; cast one "
                                    "factor to a smaller scale",
                                    a.scale + b.scale, DECIMAL_DIGITS_MAX);
        }
        type = decimal_of(a.precision + b.precision, a.scale + b.scale);
    } else if (sign == '/') {
        scale = a.scale > 6 ? a.scale : 6;
        type = decimal_of(a_whole + b.scale + scale, scale);
    } else {
        a = b = decimal_of(DECIMAL_DIGITS_MAX, scale);
    }
    if (convert(compilation, &call->arguments[0], a) != 0 ||
        convert(compilation, &call->arguments[1], b) != 0) {
        return -EINVAL;
    }
    return finish_call(call, type, arithmetic[find_arithmetic(call->name)].decimal);
}

static int bind_numbers(struct compilation *compilation, struct node *call)
{
    struct node **arguments = call->arguments;
    unsigned index = find_arithmetic(call->name);
    if (type_is_float(arguments[0]->type) || type_is_float(arguments[1]->type)) {
        int rc = convert_all(compilation, call, weir_type_of(WEIR_TYPE_FLOAT64));
        return rc != 0
                   ? rc
                   : finish_call(call, weir_type_of(WEIR_TYPE_FLOAT64), arithmetic[index].number);
    }
    if (arguments[0]->type.id == WEIR_TYPE_DECIMAL || arguments[1]->type.id == WEIR_TYPE_DECIMAL) {
        return bind_decimals(compilation, call, arithmetic[index].name[0]);
    }
    call->is_duration = arguments[0]->is_duration || arguments[1]->is_duration;
    int rc = convert_all(compilation, call, weir_type_of(WEIR_TYPE_INT64));
    return rc != 0 ? rc
                   : finish_call(call, weir_type_of(WEIR_TYPE_INT64), arithmetic[index].integer);
}

// date - date, timestamp - timestamp, time - time.
static int bind_difference(struct compilation *compilation, struct node *call)
{
    struct weir_type type, int64 = weir_type_of(WEIR_TYPE_INT64);
    if (common_type(compilation, call->arguments, 2, &type) != 0) {
        return fail_types(compilation, call, call->arguments[0], call->arguments[1]);
    }
    int rc = convert_all(compilation, call, type);
    if (rc == 0 && !type_is_timestamp(type)) {
        return finish_call(call, int64, kernel_difference_int32);
    }
    rc = rc != 0 ? rc : convert_all(compilation, call, int64);
    return rc != 0 ? rc : finish_call(call, int64, kernel_subtract_int64);
}

// A moment moved by a number of days or milliseconds.
static int bind_move(struct compilation *compilation, struct node *call, int is_back)
{
    struct node *moment = call->arguments[0], *distance = call->arguments[1];
    struct weir_type type = moment->type, int64 = weir_type_of(WEIR_TYPE_INT64);
    if (!type_is_integer(distance->type)) {
        return fail_types(compilation, call, moment, distance);
    }
    if (type.id == WEIR_TYPE_DATE && distance->is_duration) {
        return compilation_fail(compilation, EXPR_TYPE, call->start, call->end,
                                "a date moves by whole days, as in `%.*s %c 1`; cast it to a "
                                "timestamp to move it by a duration",
                                (int)(moment->end - moment->start),
                                compilation->text + moment->start, is_back ? '-' : '+');
    }
    int rc = convert(compilation, &call->arguments[1], int64);
    if (rc != 0) {
        return rc;
    }
    if (type.id == WEIR_TYPE_TIME) {
        rc = convert(compilation, &call->arguments[0], int64);
        struct node *sum =
            rc != 0 ? NULL : call_of(compilation, is_back ? "-" : "+", call, 2, call->arguments);
        return sum == NULL || convert(compilation, &sum, type) != 0 ? -EINVAL : become(call, sum);
    }
    if (type.id == WEIR_TYPE_DATE) {
        return finish_call(call, type, is_back ? kernel_subtract_days : kernel_add_days);
    }
    return finish_call(call, type, is_back ? kernel_subtract_time : kernel_add_time);
}

static int bind_moments(struct compilation *compilation, struct node *call)
{
    struct node **arguments = call->arguments;
    int is_sum = strcmp(call->name, "+") == 0, is_difference = strcmp(call->name, "-") == 0;
    if (is_difference &&
        (type_is_moment(arguments[1]->type) || type_is_integer(arguments[0]->type) ||
         arguments[1]->type.id == WEIR_TYPE_STRING)) {
        return type_is_integer(arguments[0]->type)
                   ? fail_types(compilation, call, arguments[0], arguments[1])
                   : bind_difference(compilation, call);
    }
    if (!is_sum && !is_difference) {
        return fail_types(compilation, call, arguments[0], arguments[1]);
    }
    if (is_sum && !type_is_moment(arguments[0]->type)) {
        struct node *first = arguments[0];
        arguments[0] = arguments[1];
        arguments[1] = first;
    }
    return bind_move(compilation, call, is_difference);
}

// A null takes a type that the other argument goes with.
static int type_null(struct compilation *compilation, struct node **null, const struct node *other)
{
    struct weir_type type = weir_type_of(WEIR_TYPE_INT64);
    if (type_is_number(other->type)) {
        type = other->type;
    }
    return (*null)->type.id == 0 ? convert(compilation, null, type) : 0;
}

int bind_arithmetic(struct compilation *compilation, struct node *call)
{
    struct node **arguments = call->arguments;
    if (type_null(compilation, &arguments[0], arguments[1]) != 0 ||
        type_null(compilation, &arguments[1], arguments[0]) != 0) {
        return -EINVAL;
    }
    if (type_is_number(arguments[0]->type) && type_is_number(arguments[1]->type)) {
        return bind_numbers(compilation, call);
    }
    if (type_is_moment(arguments[0]->type) || type_is_moment(arguments[1]->type)) {
        return bind_moments(compilation, call);
    }
    return fail_types(compilation, call, arguments[0], arguments[1]);
}

static const struct {
    const char *name;
    kernel *integer; // NULL: an integer stays as it is
    kernel *number;
    kernel *decimal;
} numeric[] = {
    {"-", kernel_negate_int64, kernel_negate_float64, kernel_negate_decimal},
    {"abs", kernel_absolute_int64, kernel_absolute_float64, kernel_absolute_decimal},
    {"sign", kernel_sign_int64, kernel_sign_float64, kernel_sign_decimal},
    {"floor", NULL, kernel_floor_float64, kernel_floor_decimal},
    {"ceil", NULL, kernel_ceil_float64, kernel_ceil_decimal},
    {"round", NULL, kernel_round_float64, kernel_round_decimal},
};

// One number in, one of its kind out.
int bind_number(struct compilation *compilation, struct node *call)
{
    struct node **argument = &call->arguments[0];
    unsigned index = 0;
    while (strcmp(numeric[index].name, call->function->name) != 0) {
        index++;
    }
    if ((*argument)->type.id == 0 &&
        convert(compilation, argument, weir_type_of(WEIR_TYPE_INT64)) != 0) {
        return -EINVAL;
    }
    struct weir_type type = (*argument)->type;
    if (!type_is_number(type)) {
        return fail_argument(compilation, call, 0, "a number");
    }
    if (type.id == WEIR_TYPE_DECIMAL) {
        int is_sign = numeric[index].decimal == kernel_sign_decimal;
        int is_whole = numeric[index].integer == NULL;
        struct weir_type whole = decimal_of(type.precision - type.scale + 1, 0);
        return finish_call(call,
                           is_sign    ? weir_type_of(WEIR_TYPE_INT64)
                           : is_whole ? whole
                                      : type,
                           numeric[index].decimal);
    }
    int is_integer = type_is_integer(type);
    type = weir_type_of(is_integer ? WEIR_TYPE_INT64 : WEIR_TYPE_FLOAT64);
    if (convert(compilation, argument, type) != 0) {
        return -EINVAL;
    }
    if (is_integer && numeric[index].integer == NULL) {
        return become(call, *argument);
    }
    return finish_call(call, type, is_integer ? numeric[index].integer : numeric[index].number);
}

int bind_minus(struct compilation *compilation, struct node *call)
{
    return call->argument_count == 2 ? bind_arithmetic(compilation, call)
                                     : bind_number(compilation, call);
}

// round(x, digits): a float at that decimal; a decimal gets that scale.
int bind_round(struct compilation *compilation, struct node *call)
{
    if (call->argument_count == 1) {
        return bind_number(compilation, call);
    }
    struct node *digits = call->arguments[1];
    struct weir_type type = call->arguments[0]->type;
    if (digits->type.id != 0 && !type_is_integer(digits->type)) {
        return fail_argument(compilation, call, 1, "an integer");
    }
    if (type.id != 0 && !type_is_number(type)) {
        return fail_argument(compilation, call, 0, "a number");
    }
    if (type.id == WEIR_TYPE_DECIMAL) {
        if (digits->kind != NODE_LITERAL || digits->is_null || digits->value.integer < 0 ||
            digits->value.integer > type.scale) {
            return fail_argument(compilation, call, 1,
                                 "a number of decimals up to the scale of the decimal");
        }
        int scale = (int)digits->value.integer;
        int rc = convert(compilation, &call->arguments[0],
                         decimal_of(type.precision - type.scale + scale + 1, scale));
        return rc != 0 ? rc : become(call, call->arguments[0]);
    }
    if (convert(compilation, &call->arguments[0], weir_type_of(WEIR_TYPE_FLOAT64)) != 0 ||
        convert(compilation, &call->arguments[1], weir_type_of(WEIR_TYPE_INT64)) != 0) {
        return -EINVAL;
    }
    return finish_call(call, weir_type_of(WEIR_TYPE_FLOAT64), kernel_round_digits);
}

// --- Comparison, choice ---

static enum comparison comparison_of(const char *name)
{
    static const char *const names[] = {"=", "!=", "<", "<=", ">", ">="};
    enum comparison comparison = 0;
    while (strcmp(names[comparison], name) != 0) {
        comparison++;
    }
    return comparison;
}

int bind_comparison(struct compilation *compilation, struct node *call)
{
    struct weir_type type;
    if (common_type(compilation, call->arguments, 2, &type) != 0) {
        return fail_types(compilation, call, call->arguments[0], call->arguments[1]);
    }
    if (type.id == 0) {
        type = weir_type_of(WEIR_TYPE_INT64);
    }
    type.length = 0;
    int rc = convert_all(compilation, call, type);
    if (rc != 0) {
        return rc;
    }
    return finish_call(call, weir_type_of(WEIR_TYPE_BOOL),
                       compare_kernels[comparison_of(call->name)][layout_of(type)]);
}

int bind_is_null(struct compilation *compilation, struct node *call)
{
    if (call->arguments[0]->type.id == 0 &&
        convert(compilation, &call->arguments[0], weir_type_of(WEIR_TYPE_INT64)) != 0) {
        return -EINVAL;
    }
    call->type = weir_type_of(WEIR_TYPE_BOOL);
    call->type.nullable = 0;
    call->kernel = call->function->kernel;
    return 0;
}

// The type of all values; id 0 if all of them are null.
static int common_value_type(struct compilation *compilation, struct node *call,
                             struct node *const *values, uint32_t count, struct weir_type *type)
{
    for (uint32_t i = 1; i <= count; i++) {
        if (common_type(compilation, values, i, type) != 0) {
            return fail_types(compilation, call, values[0], values[i - 1]);
        }
    }
    return 0;
}

// A choice between nulls is a null, whose type is open.
static int become_null(struct node *call)
{
    call->kind = NODE_LITERAL;
    call->type = (struct weir_type){.nullable = 1};
    call->is_null = 1;
    call->argument_count = 0;
    return 0;
}

int bind_case(struct compilation *compilation, struct node *call)
{
    uint32_t pair_count = call->argument_count / 2;
    struct node **values =
        arena_allocate(compilation->arena, (pair_count + 1) * sizeof(struct node *));
    if (values == NULL) {
        return compilation_no_memory(compilation);
    }
    for (uint32_t i = 0; i < pair_count; i++) {
        struct node **condition = &call->arguments[(size_t)2 * i];
        if ((*condition)->type.id != 0 && (*condition)->type.id != WEIR_TYPE_BOOL) {
            return fail_argument(compilation, call, 2 * i, "bool conditions");
        }
        if (convert(compilation, condition, weir_type_of(WEIR_TYPE_BOOL)) != 0) {
            return -EINVAL;
        }
        values[i] = call->arguments[2 * i + 1];
    }
    values[pair_count] = call->arguments[call->argument_count - 1];
    struct weir_type type;
    int rc = common_value_type(compilation, call, values, pair_count + 1, &type);
    if (rc == 0 && type.id == 0) {
        return become_null(call);
    }
    uint8_t nullable = 0;
    for (uint32_t i = 0; rc == 0 && i <= pair_count; i++) {
        struct node **value = &call->arguments[i < pair_count ? 2 * i + 1 : 2 * i];
        rc = convert(compilation, value, type);
        nullable |= (*value)->type.nullable;
    }
    call->type = type;
    call->type.nullable = nullable;
    call->kernel = kernel_case;
    return rc;
}

int bind_coalesce(struct compilation *compilation, struct node *call)
{
    struct weir_type type;
    int rc = common_value_type(compilation, call, call->arguments, call->argument_count, &type);
    if (rc == 0 && type.id == 0) {
        return become_null(call);
    }
    rc = rc != 0 ? rc : convert_all(compilation, call, type);
    if (rc != 0) {
        return rc;
    }
    call->type = type;
    call->type.nullable = 1;
    for (uint32_t i = 0; i < call->argument_count; i++) {
        call->type.nullable &= call->arguments[i]->type.nullable;
    }
    call->kernel = kernel_coalesce;
    return 0;
}

// nullif(a, b): case when a = b then null else a end
int bind_nullif(struct compilation *compilation, struct node *call)
{
    struct node *equal = call_of(compilation, "=", call, 2, call->arguments);
    struct node *null = node_create(compilation, NODE_LITERAL, call->start, call->end);
    if (equal == NULL || null == NULL) {
        return -EINVAL;
    }
    null->is_null = null->is_checked = 1;
    struct node *const parts[] = {equal, null, call->arguments[0]};
    return become(call, call_of(compilation, "case", call, 3, parts));
}

// A tree of ors over count comparisons with the value, as flat as it can be.
static struct node *any_equal(struct compilation *compilation, struct node *call,
                              struct node *const *list, uint32_t count)
{
    struct node *parts[2] = {call->arguments[0], list[0]};
    if (count == 1) {
        return call_of(compilation, "=", call, 2, parts);
    }
    parts[0] = any_equal(compilation, call, list, count / 2);
    parts[1] =
        parts[0] == NULL ? NULL : any_equal(compilation, call, list + count / 2, count - count / 2);
    return parts[1] == NULL ? NULL : call_of(compilation, "or", call, 2, parts);
}

static int is_constant(const struct node *node)
{
    return node->kind == NODE_LITERAL || (node->kind == NODE_CAST && node->must_fold);
}

static int is_constant_list(const struct node *call)
{
    for (uint32_t i = 1; i < call->argument_count; i++) {
        if (!is_constant(call->arguments[i])) {
            return 0;
        }
    }
    return call->argument_count > VALUE_SET_LEAST;
}

int bind_in(struct compilation *compilation, struct node *call)
{
    struct weir_type type = {0};
    int rc = common_value_type(compilation, call, call->arguments, call->argument_count, &type);
    if (rc != 0) {
        return rc;
    }
    if (type.id != 0 && is_constant_list(call) && value_set_takes(type)) {
        type.length = 0;
        rc = convert_all(compilation, call, type);
        return rc != 0 ? rc : finish_call(call, weir_type_of(WEIR_TYPE_BOOL), kernel_in);
    }
    return become(call,
                  any_equal(compilation, call, call->arguments + 1, call->argument_count - 1));
}

// least and greatest leave nulls out: case when b is null or a <= b then a else b end
int bind_extreme(struct compilation *compilation, struct node *call)
{
    struct weir_type type = {0};
    const char *sign = strcmp(call->function->name, "least") == 0 ? "<=" : ">=";
    int rc = common_value_type(compilation, call, call->arguments, call->argument_count, &type);
    if (rc == 0 && type.id == 0) {
        return become_null(call);
    }
    rc = rc != 0 ? rc : convert_all(compilation, call, type);
    struct node *best = call->arguments[0];
    for (uint32_t i = 1; rc == 0 && i < call->argument_count; i++) {
        struct node *const pair[] = {best, call->arguments[i]};
        struct node *tests[2];
        tests[0] = call_of(compilation, "is null", call, 1, &pair[1]);
        tests[1] = tests[0] == NULL ? NULL : call_of(compilation, sign, call, 2, pair);
        struct node *test = tests[1] == NULL ? NULL : call_of(compilation, "or", call, 2, tests);
        struct node *const parts[] = {test, pair[0], pair[1]};
        best = test == NULL ? NULL : call_of(compilation, "case", call, 3, parts);
        rc = best == NULL ? -EINVAL : 0;
    }
    return rc != 0 ? rc : become(call, best);
}

// --- Text and time ---

int bind_concat(struct compilation *compilation, struct node *call)
{
    int rc = convert_all(compilation, call, weir_type_of(WEIR_TYPE_STRING));
    return rc != 0 ? rc : finish_call(call, weir_type_of(WEIR_TYPE_STRING), kernel_concat);
}

int bind_length(struct compilation *compilation, struct node *call)
{
    struct node **argument = &call->arguments[0];
    if ((*argument)->type.id != 0 && !weir_type_is_text((*argument)->type)) {
        return fail_argument(compilation, call, 0, "a string or bytes");
    }
    int rc = (*argument)->type.id == 0
                 ? convert(compilation, argument, weir_type_of(WEIR_TYPE_STRING))
                 : 0;
    return rc != 0 ? rc : finish_call(call, weir_type_of(WEIR_TYPE_INT64), call->function->kernel);
}

static int is_moment(const struct node *node)
{
    return node->type.id == 0 || node->type.id == WEIR_TYPE_DATE ||
           node->type.id == WEIR_TYPE_INT64 || type_is_timestamp(node->type);
}

// By way of milliseconds, then back to the type of the argument.
int bind_date_trunc(struct compilation *compilation, struct node *call)
{
    struct node **arguments = call->arguments;
    struct weir_type type = arguments[1]->type, int64 = weir_type_of(WEIR_TYPE_INT64);
    if (arguments[0]->type.id != WEIR_TYPE_STRING) {
        return fail_argument(compilation, call, 0, "a unit such as 'hour'");
    }
    if (!is_moment(arguments[1])) {
        return fail_argument(compilation, call, 1, "a date or a timestamp");
    }
    struct node *parts[2] = {arguments[0], arguments[1]};
    if ((type.id == WEIR_TYPE_DATE &&
         convert(compilation, &parts[1], weir_type_of(WEIR_TYPE_TIMESTAMP)) != 0) ||
        convert(compilation, &parts[1], int64) != 0) {
        return -EINVAL;
    }
    struct node *whole = call_of(compilation, "date_trunc of ms", call, 2, parts);
    if (whole == NULL || type.id == 0 || type.id == WEIR_TYPE_INT64) {
        return become(call, whole);
    }
    if (type.id == WEIR_TYPE_DATE &&
        convert(compilation, &whole, weir_type_of(WEIR_TYPE_TIMESTAMP)) != 0) {
        return -EINVAL;
    }
    return convert(compilation, &whole, type) != 0 ? -EINVAL : become(call, whole);
}

int bind_to_timestamp(struct compilation *compilation, struct node *call)
{
    struct node *const *arguments = call->arguments;
    struct node *value = arguments[0];
    if (call->argument_count == 2) {
        value = call_of(compilation, "to_timestamp by format", call, 2, arguments);
    } else if (!is_moment(value) && value->type.id != WEIR_TYPE_STRING) {
        return fail_argument(compilation, call, 0, "a string, a date, a timestamp or milliseconds");
    }
    struct weir_type type = weir_type_of(
        strcmp(call->function->name, "to_timestamp") == 0 ? WEIR_TYPE_TIMESTAMP : WEIR_TYPE_DATE);
    if (value != NULL && type.id == WEIR_TYPE_DATE && type_is_integer(value->type)) {
        if (convert(compilation, &value, weir_type_of(WEIR_TYPE_TIMESTAMP)) != 0) {
            return -EINVAL;
        }
    }
    return value == NULL || convert(compilation, &value, type) != 0 ? -EINVAL : become(call, value);
}

int bind_epoch_ms(struct compilation *compilation, struct node *call)
{
    struct node *value = call->arguments[0];
    if (!is_moment(value)) {
        return fail_argument(compilation, call, 0, "a date or a timestamp");
    }
    if (value->type.id == WEIR_TYPE_DATE &&
        convert(compilation, &value, weir_type_of(WEIR_TYPE_TIMESTAMP)) != 0) {
        return -EINVAL;
    }
    return convert(compilation, &value, weir_type_of(WEIR_TYPE_INT64)) != 0 ? -EINVAL
                                                                            : become(call, value);
}
