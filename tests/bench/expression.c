// Operations per second of compiled expressions over batches of 65,536 and 4,096 rows, beside a
// plain loop of C that does the same over the same memory (fused: one pass, no intermediate
// results).
#include "bench/bench.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/dispatch.h"
#include "expr/expr.h"

#define ROWS 65536u
#define REPEAT 40u

static double a[ROWS], b[ROWS], out[ROWS + 64];
static int64_t i[ROWS], j[ROWS], sums[ROWS + 64];
static int32_t n[ROWS];
static char text[ROWS * 12];
static int32_t offsets[ROWS + 1];
static uint8_t bits[ROWS];
static uint32_t rows[ROWS];

DISPATCH_AVX2 static void plain_fahrenheit(uint32_t count)
{
    for (uint32_t row = 0; row < count; row++) {
        out[row] = a[row] * 1.8 + 32;
    }
}

DISPATCH_AVX2 static void plain_compare(uint32_t count)
{
    for (uint32_t row = 0; row < count; row++) {
        bits[row] = a[row] > b[row];
    }
}

DISPATCH_AVX2 static void plain_both(uint32_t count)
{
    for (uint32_t row = 0; row < count; row++) {
        bits[row] = (a[row] > 20) & (b[row] < 50);
    }
}

DISPATCH_AVX2 static void plain_narrow(uint32_t count)
{
    for (uint32_t row = 0; row < count; row++) {
        bits[row] = n[row] == 3;
    }
}

DISPATCH_AVX2 static void plain_add(uint32_t count)
{
    uint64_t flags = 0;
    for (uint32_t row = 0; row < count; row++) {
        uint64_t sum = (uint64_t)i[row] + (uint64_t)j[row];
        flags |= ((uint64_t)i[row] ^ sum) & ((uint64_t)j[row] ^ sum);
        sums[row] = (int64_t)sum;
    }
    sums[0] += (int64_t)(flags >> 63);
}

DISPATCH_AVX2 static void plain_choose(uint32_t count)
{
    for (uint32_t row = 0; row < count; row++) {
        out[row] = a[row] > 30 ? b[row] : a[row];
    }
}

DISPATCH_AVX2 static void plain_lag(uint32_t count)
{
    for (uint32_t row = 0; row < count; row++) {
        sums[row] = 1700000000000 - i[row];
    }
}

static void plain_rows(uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t row = 0; row < count; row++) {
        rows[found] = row;
        found += a[row] > 25;
    }
    sums[0] = found;
}

struct run {
    const char *name;
    const char *text;
    uint32_t operations;
    void (*plain)(uint32_t count);
    struct expression *expression;
    struct evaluator *evaluator;
    struct weir_batch *batch;
    int takes_rows;
};

static void run_plain(void *argument)
{
    struct run *run = argument;
    for (uint32_t round = 0; round < REPEAT; round++) {
        run->plain(run->batch->row_count);
        __asm__ volatile("" : : "r"(out), "r"(bits), "r"(sums), "r"(rows) : "memory");
    }
}

static void run_expression(void *argument)
{
    struct run *run = argument;
    struct weir_column result;
    const struct expr_failure *failures;
    uint32_t failure_count;
    for (uint32_t round = 0; round < REPEAT; round++) {
        if (expression_evaluate(run->expression, run->evaluator, run->batch, 1700000000000, &result,
                                &failures, &failure_count) != 0) {
            abort();
        }
        if (run->takes_rows) {
            condition_rows(&result, run->batch->row_count, rows);
        }
        evaluator_reset(run->evaluator);
    }
}

static void measure(struct run *run, uint32_t row_count)
{
    char name[64];
    double done = (double)row_count * REPEAT * run->operations / 1e6;
    run->batch->row_count = row_count;
    double limit = run->plain == NULL ? 0 : done / bench_best(run_plain, run, 7);
    double value = done / bench_best(run_expression, run, 7);
    snprintf(name, sizeof name, "expression.%s_%u", run->name, row_count);
    bench_print(name, value, "M operations/s", limit);
}

int main(void)
{
    const struct weir_field fields[] = {
        {"a", {.id = WEIR_TYPE_FLOAT64}}, {"b", {.id = WEIR_TYPE_FLOAT64}},
        {"i", {.id = WEIR_TYPE_INT64}},   {"j", {.id = WEIR_TYPE_INT64}},
        {"n", {.id = WEIR_TYPE_INT32}},   {"s", {.id = WEIR_TYPE_STRING}},
    };
    const void *values[] = {a, b, i, j, n, text};
    struct weir_column columns[6] = {{{0}}};
    struct weir_schema schema = {sizeof schema, 6, fields};
    struct weir_batch batch = {
        .size = sizeof batch, .column_count = 6, .schema = &schema, .columns = columns};
    struct run runs[] = {
        {.name = "scale_float64",
         .text = "a * 1.8 + 32",
         .operations = 2,
         .plain = plain_fahrenheit},
        {.name = "compare_float64", .text = "a > b", .operations = 1, .plain = plain_compare},
        {.name = "condition", .text = "a > 20 and b < 50", .operations = 3, .plain = plain_both},
        {.name = "condition_rows",
         .text = "a > 25",
         .operations = 1,
         .plain = plain_rows,
         .takes_rows = 1},
        {.name = "compare_int32", .text = "n = 3", .operations = 1, .plain = plain_narrow},
        {.name = "add_int64", .text = "i + j", .operations = 1, .plain = plain_add},
        {.name = "lag_int64", .text = "now_ms() - i", .operations = 1, .plain = plain_lag},
        {.name = "case",
         .text = "case when a > 30 then b else a end",
         .operations = 2,
         .plain = plain_choose},
        {.name = "text_equal", .text = "s = 'sensor_7'", .operations = 1},
        {.name = "text_like", .text = "s like '%7_'", .operations = 1},
        {.name = "text_in",
         .text = "s in ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'sensor_7', 'sensor_42')",
         .operations = 1},
        {.name = "text_concat", .text = "concat('sensor_', n)", .operations = 1},
        {.name = "text_float", .text = "cast(a as string)", .operations = 1},
        {.name = "text_to_int", .text = "cast(substr(s, 8) as int32)", .operations = 2},
        {.name = "int32_in",
         .text = "n in (11, 12, 13, 14, 15, 16, 17, 18, 19, 1, 5)",
         .operations = 1},
        {.name = "divide_int64", .text = "i / j", .operations = 1},
        {.name = "multiply_int64", .text = "n * n", .operations = 1},
        {.name = "year", .text = "year(i)", .operations = 1},
        {.name = "decimal", .text = "cast(n as decimal(10,2)) * 3", .operations = 2},
    };
    for (uint32_t row = 0; row < ROWS; row++) {
        a[row] = 10 + 30 * (rand() / (double)RAND_MAX);
        b[row] = 20 + 60 * (rand() / (double)RAND_MAX);
        i[row] = rand();
        j[row] = rand();
        n[row] = rand() % 8;
        offsets[row + 1] = offsets[row] + sprintf(text + offsets[row], "sensor_%d", rand() % 1000);
    }
    for (uint32_t column = 0; column < 6; column++) {
        columns[column] = (struct weir_column){.type = fields[column].type,
                                               .values = values[column],
                                               .offsets = column == 5 ? offsets : NULL};
    }
    for (size_t index = 0; index < sizeof runs / sizeof runs[0]; index++) {
        struct run *run = &runs[index];
        run->batch = &batch;
        run->expression = expression_compile(run->text, &schema, 0, NULL);
        run->evaluator = evaluator_create();
        if (run->expression == NULL || run->evaluator == NULL) {
            return 1;
        }
        measure(run, ROWS);
        measure(run, 4096);
        expression_destroy(run->expression);
        evaluator_destroy(run->evaluator);
    }
    return 0;
}
