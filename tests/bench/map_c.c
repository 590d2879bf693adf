// What calling C from a pipeline costs: per row in typed loops and through libffi, beside the same
// loop compiled in; and the vector form beside a direct call.
#include "bench/bench.h"

#include <string.h>

#include "operators/call.h"

#define ROWS 8192u
#define REPEAT 20u

static double a[ROWS], b[ROWS], c[ROWS], out[ROWS];
static struct call typed, prepared, vector;

__attribute__((noinline)) static double dew_point(double x, double y, double z)
{
    return x * y + z;
}

__attribute__((noinline)) static void dew_points(const double *x, const double *y, const double *z,
                                                 double *result, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        result[i] = x[i] * y[i] / (z[i] + 1);
    }
}

static void compiled_in(void *argument)
{
    static double (*volatile function)(double, double, double) = dew_point;
    (void)argument;
    for (uint32_t round = 0; round < REPEAT; round++) {
        double (*direct)(double, double, double) = function;
        for (uint32_t i = 0; i < ROWS; i++) {
            out[i] = direct(a[i], b[i], c[i]);
        }
    }
}

static void by_row(void *argument)
{
    struct call_rows rows = {.values = {a, b, c}, .row_count = ROWS, .out = out};
    for (uint32_t round = 0; round < REPEAT; round++) {
        call_run(argument, &rows);
    }
}

// The same call again and again: what libffi itself takes.
static void libffi_alone(void *argument)
{
    struct call *call = argument;
    double result;
    void *values[] = {a, b, c};
    for (uint32_t i = 0; i < ROWS * REPEAT; i++) {
        ffi_call(&call->cif, call->function, &result, values);
    }
}

static void direct_vector(void *argument)
{
    (void)argument;
    for (uint32_t round = 0; round < REPEAT; round++) {
        dew_points(a, b, c, out, ROWS);
    }
}

static void by_batch(void *argument)
{
    const void *pointers[] = {a, b, c, out};
    uint64_t count = ROWS;
    const void *values[] = {&pointers[0], &pointers[1], &pointers[2], &pointers[3], &count};
    for (uint32_t round = 0; round < REPEAT; round++) {
        call_once(argument, values);
    }
}

static void prepare(struct call *call, const char *text, call_function function)
{
    struct declaration declaration;
    char reason[256];
    if (declaration_parse(text, &declaration, reason, sizeof reason) != 0 ||
        call_prepare(call, &declaration, function) != 0) {
        fprintf(stderr, "cannot prepare %s\n", text);
    }
}

int main(void)
{
    for (uint32_t i = 0; i < ROWS; i++) {
        a[i] = i;
        b[i] = i % 7;
        c[i] = i % 11;
    }
    prepare(&typed, "double f(double, double, double)", (call_function)dew_point);
    prepared = typed;
    call_without_loop(&prepared);
    prepare(&vector, "void f(const double *, const double *, const double *, double *, size_t)",
            (call_function)dew_points);
    double per_row = 1e9 / (ROWS * REPEAT);
    double direct = bench_best(compiled_in, NULL, 30) * per_row;
    bench_print("map_c.typed_loop", bench_best(by_row, &typed, 30) * per_row, "ns", direct);
    bench_print("map_c.prepared_call", bench_best(by_row, &prepared, 30) * per_row, "ns",
                bench_best(libffi_alone, &prepared, 30) * per_row);
    bench_print("map_c.vector", bench_best(by_batch, &vector, 30) * per_row, "ns",
                bench_best(direct_vector, NULL, 30) * per_row);
    return 0;
}
