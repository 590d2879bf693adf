// Arithmetic: integers as int64 with overflow checks, floats as float64, decimals on int128.
//
// The loops compute all rows, those under nulls too, and gather one flag; only if it is set are the
// rows looked for that fail.
#include <math.h>

#include "base/dispatch.h"
#include "expr/kernels.h"
#include "expr/number.h"

// Runs `statement` for every row with x and y, in loops without a test for constants.
#define EACH_PAIR(type, statement)                           \
    do {                                                     \
        const type *xs = call->arguments[0]->values;         \
        const type *ys = call->arguments[1]->values;         \
        uint32_t count = call->row_count;                    \
        if (vector_is_constant(call->arguments[1])) {        \
            const type y = ys[0];                            \
            uint32_t mask = call->arguments[0]->mask;        \
            if (mask == 0) {                                 \
                const type x = xs[0];                        \
                for (uint32_t i = 0; i < count; i++) {       \
                    statement;                               \
                }                                            \
            } else {                                         \
                for (uint32_t i = 0; i < count; i++) {       \
                    const type x = xs[i];                    \
                    statement;                               \
                }                                            \
            }                                                \
        } else if (vector_is_constant(call->arguments[0])) { \
            const type x = xs[0];                            \
            for (uint32_t i = 0; i < count; i++) {           \
                const type y = ys[i];                        \
                statement;                                   \
            }                                                \
        } else {                                             \
            for (uint32_t i = 0; i < count; i++) {           \
                const type x = xs[i], y = ys[i];             \
                statement;                                   \
            }                                                \
        }                                                    \
    } while (0)

#define EACH(type, statement)                            \
    do {                                                 \
        const type *xs = call->arguments[0]->values;     \
        for (uint32_t i = 0; i < call->row_count; i++) { \
            const type x = xs[i];                        \
            statement;                                   \
        }                                                \
    } while (0)

// Calls fail for the rows for which test(x, y) is true.
static void fail_where(struct call *call, int (*test)(int64_t x, int64_t y), enum failure failure)
{
    for (uint32_t row = 0; row < call->row_count; row++) {
        int64_t y = call->argument_count > 1 ? vector_int64(call->arguments[1], row) : 0;
        if (test(vector_int64(call->arguments[0], row), y)) {
            call_fail(call, row, failure);
        }
    }
}

static int add_overflows(int64_t x, int64_t y)
{
    int64_t sum;
    return __builtin_add_overflow(x, y, &sum);
}

static int subtract_overflows(int64_t x, int64_t y)
{
    int64_t difference;
    return __builtin_sub_overflow(x, y, &difference);
}

static int multiply_overflows(int64_t x, int64_t y)
{
    int64_t product;
    return __builtin_mul_overflow(x, y, &product);
}

static int divide_overflows(int64_t x, int64_t y)
{
    return x == INT64_MIN && y == -1;
}

static int is_zero(int64_t x, int64_t y)
{
    (void)x;
    return y == 0;
}

static int is_smallest(int64_t x, int64_t y)
{
    (void)y;
    return x == INT64_MIN;
}

DISPATCH_AVX2 static uint64_t add_rows(struct call *call)
{
    uint64_t flags = 0;
    uint64_t *values = call->values;
    EACH_PAIR(uint64_t, {
        uint64_t sum = x + y;
        values[i] = sum;
        flags |= (x ^ sum) & (y ^ sum);
    });
    return flags >> 63;
}

void kernel_add_int64(struct call *call)
{
    if (add_rows(call)) {
        fail_where(call, add_overflows, FAILURE_OVERFLOW);
    }
}

DISPATCH_AVX2 static uint64_t subtract_rows(struct call *call)
{
    uint64_t flags = 0;
    uint64_t *values = call->values;
    EACH_PAIR(uint64_t, {
        uint64_t difference = x - y;
        values[i] = difference;
        flags |= (x ^ y) & (x ^ difference);
    });
    return flags >> 63;
}

void kernel_subtract_int64(struct call *call)
{
    if (subtract_rows(call)) {
        fail_where(call, subtract_overflows, FAILURE_OVERFLOW);
    }
}

void kernel_multiply_int64(struct call *call)
{
    int flags = 0;
    int64_t *values = call->values;
    EACH_PAIR(int64_t, flags |= __builtin_mul_overflow(x, y, &values[i]));
    if (flags) {
        fail_where(call, multiply_overflows, FAILURE_OVERFLOW);
    }
}

void kernel_divide_int64(struct call *call)
{
    int flags = 0;
    int64_t *values = call->values;
    EACH_PAIR(int64_t, {
        int is_bad = y == 0 || (y == -1 && x == INT64_MIN);
        flags |= is_bad;
        values[i] = x / (is_bad ? 1 : y);
    });
    if (flags) {
        fail_where(call, is_zero, FAILURE_DIVISION);
        fail_where(call, divide_overflows, FAILURE_OVERFLOW);
    }
}

void kernel_modulo_int64(struct call *call)
{
    int flags = 0;
    int64_t *values = call->values;
    EACH_PAIR(int64_t, {
        flags |= y == 0;
        values[i] = x % (y == 0 || y == -1 ? 1 : y);
    });
    if (flags) {
        fail_where(call, is_zero, FAILURE_DIVISION);
    }
}

DISPATCH_AVX2 static int negate_rows(struct call *call)
{
    int flags = 0;
    uint64_t *values = call->values;
    EACH(uint64_t, {
        values[i] = 0 - x;
        flags |= x == (uint64_t)INT64_MIN;
    });
    return flags;
}

void kernel_negate_int64(struct call *call)
{
    if (negate_rows(call)) {
        fail_where(call, is_smallest, FAILURE_OVERFLOW);
    }
}

DISPATCH_AVX2 static int absolute_rows(struct call *call)
{
    int flags = 0;
    uint64_t *values = call->values;
    EACH(uint64_t, {
        values[i] = x >> 63 ? 0 - x : x;
        flags |= x == (uint64_t)INT64_MIN;
    });
    return flags;
}

void kernel_absolute_int64(struct call *call)
{
    if (absolute_rows(call)) {
        fail_where(call, is_smallest, FAILURE_OVERFLOW);
    }
}

void kernel_sign_int64(struct call *call)
{
    int64_t *values = call->values;
    EACH(int64_t, values[i] = (x > 0) - (x < 0));
}

#define DEFINE_INTEGER_PAIR(name, expression)          \
    void name(struct call *call)                       \
    {                                                  \
        uint64_t *values = call->values;               \
        EACH_PAIR(uint64_t, values[i] = (expression)); \
    }

DEFINE_INTEGER_PAIR(kernel_bit_and, x &y)
DEFINE_INTEGER_PAIR(kernel_bit_or, x | y)
DEFINE_INTEGER_PAIR(kernel_bit_xor, x ^ y)

static int is_no_shift(int64_t x, int64_t y)
{
    (void)x;
    return y < 0 || y > 63;
}

void kernel_shift_left(struct call *call)
{
    uint64_t *values = call->values;
    EACH_PAIR(uint64_t, values[i] = x << (y & 63));
    fail_where(call, is_no_shift, FAILURE_ARGUMENT);
}

void kernel_shift_right(struct call *call)
{
    int64_t *values = call->values;
    EACH_PAIR(int64_t, values[i] = x >> (y & 63));
    fail_where(call, is_no_shift, FAILURE_ARGUMENT);
}

#define DEFINE_FLOAT_PAIR(name, expression)                  \
    DISPATCH_AVX2 static void name##_rows(struct call *call) \
    {                                                        \
        double *values = call->values;                       \
        EACH_PAIR(double, values[i] = (expression));         \
    }                                                        \
    void name(struct call *call)                             \
    {                                                        \
        name##_rows(call);                                   \
    }

DEFINE_FLOAT_PAIR(kernel_add_float64, x + y)
DEFINE_FLOAT_PAIR(kernel_subtract_float64, x - y)
DEFINE_FLOAT_PAIR(kernel_multiply_float64, x *y)

static void fail_zero_divisors(struct call *call)
{
    const struct vector *divisor = call->arguments[1];
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (((const double *)divisor->values)[row & divisor->mask] == 0) {
            call_fail(call, row, FAILURE_DIVISION);
        }
    }
}

DISPATCH_AVX2 static int divide_rows(struct call *call)
{
    int flags = 0;
    double *values = call->values;
    EACH_PAIR(double, {
        values[i] = x / y;
        flags |= y == 0;
    });
    return flags;
}

void kernel_divide_float64(struct call *call)
{
    if (divide_rows(call)) {
        fail_zero_divisors(call);
    }
}

void kernel_modulo_float64(struct call *call)
{
    int flags = 0;
    double *values = call->values;
    EACH_PAIR(double, {
        values[i] = fmod(x, y);
        flags |= y == 0;
    });
    if (flags) {
        fail_zero_divisors(call);
    }
}

#define DEFINE_FLOAT(name, expression)                       \
    DISPATCH_AVX2 static void name##_rows(struct call *call) \
    {                                                        \
        double *values = call->values;                       \
        EACH(double, values[i] = (expression));              \
    }                                                        \
    void name(struct call *call)                             \
    {                                                        \
        name##_rows(call);                                   \
    }

DEFINE_FLOAT(kernel_negate_float64, -x)
DEFINE_FLOAT(kernel_absolute_float64, fabs(x))
DEFINE_FLOAT(kernel_sign_float64, x > 0 ? 1.0 : x < 0 ? -1.0 : x)
DEFINE_FLOAT(kernel_round_float64, round(x))
DEFINE_FLOAT(kernel_floor_float64, floor(x))
DEFINE_FLOAT(kernel_ceil_float64, ceil(x))
DEFINE_FLOAT(kernel_trunc_float64, trunc(x))
DEFINE_FLOAT(kernel_exp, exp(x))
DEFINE_FLOAT(kernel_atan, atan(x))

// A function that is defined where `is_defined` holds for x.
#define DEFINE_PARTIAL(name, is_defined, expression)                    \
    void name(struct call *call)                                        \
    {                                                                   \
        int flags = 0;                                                  \
        double *values = call->values;                                  \
        EACH(double, {                                                  \
            values[i] = (expression);                                   \
            flags |= !(is_defined);                                     \
        });                                                             \
        const double *xs = call->arguments[0]->values;                  \
        for (uint32_t row = 0; flags && row < call->row_count; row++) { \
            double x = xs[row];                                         \
            if (!(is_defined)) {                                        \
                call_fail(call, row, FAILURE_DOMAIN);                   \
            }                                                           \
        }                                                               \
    }

DEFINE_PARTIAL(kernel_sqrt, !(x < 0), sqrt(x))
DEFINE_PARTIAL(kernel_ln, !(x <= 0), log(x))
DEFINE_PARTIAL(kernel_log10, !(x <= 0), log10(x))
DEFINE_PARTIAL(kernel_log2, !(x <= 0), log2(x))
DEFINE_PARTIAL(kernel_sin, !isinf(x), sin(x))
DEFINE_PARTIAL(kernel_cos, !isinf(x), cos(x))
DEFINE_PARTIAL(kernel_tan, !isinf(x), tan(x))
DEFINE_PARTIAL(kernel_asin, !(fabs(x) > 1), asin(x))
DEFINE_PARTIAL(kernel_acos, !(fabs(x) > 1), acos(x))

void kernel_atan2(struct call *call)
{
    double *values = call->values;
    EACH_PAIR(double, values[i] = atan2(x, y));
}

void kernel_pi(struct call *call)
{
    *(double *)call->values = 3.14159265358979323846;
}

void kernel_power(struct call *call)
{
    int flags = 0;
    double *values = call->values;
    EACH_PAIR(double, {
        values[i] = pow(x, y);
        flags |= (x == 0 && y < 0) || (x < 0 && isfinite(y) && y != floor(y));
    });
    for (uint32_t row = 0; flags && row < call->row_count; row++) {
        const struct vector *a = call->arguments[0], *b = call->arguments[1];
        double x = ((const double *)a->values)[row & a->mask];
        double y = ((const double *)b->values)[row & b->mask];
        if ((x == 0 && y < 0) || (x < 0 && isfinite(y) && y != floor(y))) {
            call_fail(call, row, FAILURE_DOMAIN);
        }
    }
}

void kernel_is_nan(struct call *call)
{
    const double *xs = call->arguments[0]->values;
    memset(call->values, 0, weir_bit_bytes(call->row_count));
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (isnan(xs[row])) {
            weir_bit_set(call->values, row, 1);
        }
    }
}

// round(x, digits): half away from zero at that decimal. Where scaling leaves the exact range of a
// double the value has no such decimals and stays.
void kernel_round_digits(struct call *call)
{
    double *values = call->values;
    const struct vector *digits = call->arguments[1];
    const double *xs = call->arguments[0]->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        double x = xs[row & call->arguments[0]->mask];
        int64_t places = vector_int64(digits, row);
        places = places > 400 ? 400 : places < -400 ? -400 : places;
        double power = pow(10, (double)(places < 0 ? -places : places));
        double scaled = places < 0 ? x / power : x * power;
        double rounded = places < 0 ? round(scaled) * power : round(scaled) / power;
        values[row] = fabs(scaled) < 4503599627370496.0 && isfinite(rounded) ? rounded : x;
    }
}

// --- Decimals: the checker has brought scales to what each of these expects ---

static void store_decimal(struct call *call, uint32_t row, int128 value)
{
    memcpy((char *)call->values + 16 * (size_t)row, &value, sizeof value);
}

static void finish_decimal(struct call *call, uint32_t row, int is_good, int128 value)
{
    if (!is_good || !decimal_fits(value, call->out->type.precision)) {
        value = 0;
        call_fail(call, row, FAILURE_OVERFLOW);
    }
    store_decimal(call, row, value);
}

// Runs `expression`, which sets value and gives 1 if it fits, for all rows that are not null.
#define DEFINE_DECIMAL_PAIR(name, expression)                                         \
    void name(struct call *call)                                                      \
    {                                                                                 \
        const struct vector *a = call->arguments[0], *b = call->arguments[1];         \
        for (uint32_t row = 0; row < call->row_count; row++) {                        \
            if (call_is_valid(call, row)) {                                           \
                int128 x = vector_decimal(a, row), y = vector_decimal(b, row), value; \
                int is_good = (expression);                                           \
                finish_decimal(call, row, is_good, value);                            \
            }                                                                         \
        }                                                                             \
    }

DEFINE_DECIMAL_PAIR(kernel_add_decimal, !__builtin_add_overflow(x, y, &value))
DEFINE_DECIMAL_PAIR(kernel_subtract_decimal, !__builtin_sub_overflow(x, y, &value))
DEFINE_DECIMAL_PAIR(kernel_multiply_decimal, !__builtin_mul_overflow(x, y, &value))

static int scale_up(int128 x, uint32_t digits, int128 *scaled)
{
    return digits <= 38 && !__builtin_mul_overflow(x, decimal_power(digits), scaled);
}

void kernel_divide_decimal(struct call *call)
{
    const struct vector *a = call->arguments[0], *b = call->arguments[1];
    uint32_t digits = call->out->type.scale + b->type.scale - a->type.scale;
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (call_is_valid(call, row)) {
            int128 x = vector_decimal(a, row), y = vector_decimal(b, row), scaled = 0;
            if (y == 0) {
                call_fail(call, row, FAILURE_DIVISION);
                store_decimal(call, row, 0);
                continue;
            }
            int is_good = scale_up(x, digits, &scaled);
            finish_decimal(call, row, is_good, is_good ? decimal_divide(scaled, y) : 0);
        }
    }
}

void kernel_modulo_decimal(struct call *call)
{
    const struct vector *a = call->arguments[0], *b = call->arguments[1];
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (call_is_valid(call, row)) {
            int128 y = vector_decimal(b, row);
            if (y == 0) {
                call_fail(call, row, FAILURE_DIVISION);
            }
            store_decimal(call, row, y == 0 ? 0 : vector_decimal(a, row) % y);
        }
    }
}

#define DEFINE_DECIMAL(name, expression)                       \
    void name(struct call *call)                               \
    {                                                          \
        const struct vector *a = call->arguments[0];           \
        for (uint32_t row = 0; row < call->row_count; row++) { \
            if (call_is_valid(call, row)) {                    \
                int128 x = vector_decimal(a, row);             \
                finish_decimal(call, row, 1, (expression));    \
            }                                                  \
        }                                                      \
    }

// The whole part, rounded down; one more with up if there is a rest.
static int128 whole_part(const struct vector *vector, int128 x, int up)
{
    int128 unit = decimal_power(vector->type.scale);
    int128 whole = x / unit - (x % unit < 0);
    return up && whole * unit != x ? whole + 1 : whole;
}

DEFINE_DECIMAL(kernel_negate_decimal, -x)
DEFINE_DECIMAL(kernel_absolute_decimal, x < 0 ? -x : x)
DEFINE_DECIMAL(kernel_round_decimal, decimal_divide(x, decimal_power(a->type.scale)))
DEFINE_DECIMAL(kernel_floor_decimal, whole_part(a, x, 0))
DEFINE_DECIMAL(kernel_ceil_decimal, whole_part(a, x, 1))

void kernel_sign_decimal(struct call *call)
{
    int64_t *values = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        int128 x = call_is_valid(call, row) ? vector_decimal(call->arguments[0], row) : 0;
        values[row] = (x > 0) - (x < 0);
    }
}
