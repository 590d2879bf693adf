#include "operators/call.h"

#include <stdlib.h>
#include <string.h>

#include "support/test.h"

#define ROWS 100

static double sum_doubles(double a, double b)
{
    return a + 2 * b;
}

static int8_t narrow(int8_t a, int16_t b)
{
    return (int8_t)(a - b);
}

static int64_t mixed(int32_t a, double b, float c)
{
    return a + (int64_t)b * 10 + (int64_t)c * 100;
}

static int scale(const double *x, const uint8_t *valid, double *out, size_t n, double by)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = weir_bit(valid, (uint32_t)i) ? x[i] * by : -1;
    }
    return n == ROWS ? 7 : -7;
}

static void prepare(struct call *call, const char *text, call_function function)
{
    struct declaration declaration;
    char reason[256] = "";
    declaration_parse(text, &declaration, reason, sizeof reason);
    CHECK_TEXT(reason, "");
    CHECK_INT(call_prepare(call, &declaration, function), 0);
}

TEST(a_typed_loop_and_libffi_give_the_same)
{
    double a[ROWS], b[ROWS], typed[ROWS] = {0}, generic[ROWS] = {0};
    struct call call;
    for (int i = 0; i < ROWS; i++) {
        a[i] = i * 0.5;
        b[i] = i * 3.25;
    }
    struct call_rows rows = {.values = {a, b}, .row_count = ROWS, .out = typed};
    prepare(&call, "double sum_doubles(double a, double b)", (call_function)sum_doubles);
    CHECK(call.loop != NULL);
    call_run(&call, &rows);
    call_without_loop(&call);
    rows.out = generic;
    call_run(&call, &rows);
    for (int i = 0; i < ROWS; i++) {
        CHECK_FLOAT(typed[i], sum_doubles(a[i], b[i]));
        CHECK_FLOAT(generic[i], typed[i]);
    }
}

TEST(narrow_and_mixed_numbers_pass_through_libffi)
{
    int8_t a[ROWS], small[ROWS] = {0};
    int16_t b[ROWS];
    int32_t c[ROWS];
    double d[ROWS];
    float e[ROWS];
    int64_t wide[ROWS] = {0};
    struct call call;
    for (int i = 0; i < ROWS; i++) {
        a[i] = (int8_t)(i - 50);
        b[i] = (int16_t)(2 * i);
        c[i] = -i;
        d[i] = i + 0.5;
        e[i] = (float)(i % 7);
    }
    prepare(&call, "int8_t narrow(int8_t a, int16_t b)", (call_function)narrow);
    CHECK(call.loop == NULL);
    call_run(&call, &(struct call_rows){.values = {a, b}, .row_count = ROWS, .out = small});
    prepare(&call, "int64_t mixed(int32_t a, double b, float c)", (call_function)mixed);
    call_run(&call, &(struct call_rows){.values = {c, d, e}, .row_count = ROWS, .out = wide});
    for (int i = 0; i < ROWS; i++) {
        CHECK_INT(small[i], narrow(a[i], b[i]));
        CHECK_INT(wide[i], mixed(c[i], d[i], e[i]));
    }
}

TEST(rows_with_null_are_not_called)
{
    int64_t a[] = {5, 0, 7}, out[] = {-1, -1, -1};
    uint8_t validity = 0x5;
    struct call call;
    struct call_rows rows = {.values = {a}, .validity = &validity, .row_count = 3, .out = out};
    prepare(&call, "long labs(long x)", (call_function)labs);
    call_run(&call, &rows);
    CHECK_INT(out[0], 5);
    CHECK_INT(out[1], -1);
    CHECK_INT(out[2], 7);
    out[0] = -1;
    call_without_loop(&call);
    call_run(&call, &rows);
    CHECK_INT(out[0], 5);
    CHECK_INT(out[1], -1);
}

TEST(the_vector_form_is_one_call)
{
    double x[ROWS], out[ROWS];
    uint8_t valid[(ROWS + 7) / 8];
    struct call call;
    for (int i = 0; i < ROWS; i++) {
        x[i] = i;
    }
    memset(valid, 0xff, sizeof valid);
    valid[0] = 0xfe;
    prepare(&call,
            "int scale(const double *x, const uint8_t *valid, double *out, size_t n, double by)",
            (call_function)scale);
    const void *pointers[] = {x, valid, out};
    uint64_t count = ROWS;
    double by = 2.5;
    const void *values[] = {&pointers[0], &pointers[1], &pointers[2], &count, &by};
    CHECK_INT(call_once(&call, values), 7);
    CHECK_FLOAT(out[0], -1);
    CHECK_FLOAT(out[99], 247.5);
    count = 3;
    CHECK_INT(call_once(&call, values), -7);
}

TEST(numbers_are_widened_to_what_the_function_takes)
{
    int8_t small[] = {-128, 0, 127};
    double wide[3];
    int64_t whole[3];
    struct weir_column column = {.type = weir_type_of(WEIR_TYPE_INT8), .values = small};
    call_convert(&column, 3, C_DOUBLE, wide);
    call_convert(&column, 3, C_INT64, whole);
    CHECK_FLOAT(wide[0], -128);
    CHECK_FLOAT(wide[2], 127);
    CHECK_INT(whole[0], -128);
}
