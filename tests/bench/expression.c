// Expression kernels over batches of sensor readings, beside the same sum as a plain loop.
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "data/batch.h"
#include "expr/expr.h"

#define ROW_COUNT 16384
#define REPEATS 200
#define ROUNDS 9

static const struct weir_field fields[] = {
    {"temperature", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"humidity", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"status", {WEIR_TYPE_INT32, 0, 0, 1, 0}},
    {"timestamp", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
};
static const struct weir_schema schema = {sizeof schema, 4, fields};

static const struct {
    const char *name;
    const char *text;
    int operations;
} cases[] = {
    {"add_float64", "temperature + humidity", 1},
    {"add_int64", "timestamp + 1", 1},
    {"compare", "temperature > 25", 1},
    {"condition", "temperature * 2 + humidity > 80 and status = 1", 5},
    {"case", "case when status = 1 then temperature else humidity end", 2},
};

struct work {
    const struct weir_batch *batch;
    struct expression *expression;
    struct evaluator *evaluator;
    double *sums;
};

static void require(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench expression: %s\n", what);
        exit(1);
    }
}

static const struct weir_batch *make_batch(void)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    require(batch_builder_create(&schema, ROW_COUNT, &builder) == 0, "no builder");
    double *temperature = batch_builder_values(builder, 0),
           *humidity = batch_builder_values(builder, 1);
    int32_t *status = batch_builder_values(builder, 2);
    int64_t *timestamp = batch_builder_values(builder, 3);
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        temperature[i] = 10 + i * 0x9e3779b9u % 3000 / 100.0;
        humidity[i] = 20 + i * 0x85ebca6bu % 6000 / 100.0;
        status[i] = (int32_t)(1 + i * 0xc2b2ae35u % 5 / 4);
        timestamp[i] = 1700000000000 + i;
    }
    require(batch_builder_finish(builder, ROW_COUNT, &batch) == 0, "no batch");
    return batch;
}

static void evaluate(void *argument)
{
    struct work *work = argument;
    for (int i = 0; i < REPEATS; i++) {
        struct weir_column result;
        const struct expr_failure *failures;
        uint32_t failure_count;
        int rc = expression_evaluate(work->expression, work->evaluator, work->batch, 0, &result,
                                     &failures, &failure_count);
        require(rc == 0 && failure_count == 0, "an expression failed");
        evaluator_reset(work->evaluator);
    }
}

static void plain_sum(void *argument)
{
    struct work *work = argument;
    const double *temperature = work->batch->columns[0].values,
                 *humidity = work->batch->columns[1].values;
    for (int i = 0; i < REPEATS; i++) {
        for (uint32_t row = 0; row < ROW_COUNT; row++) {
            work->sums[row] = temperature[row] + humidity[row];
        }
        __asm__ volatile("" ::: "memory"); // each repeat counts
    }
}

int main(void)
{
    struct work work = {.batch = make_batch(), .evaluator = evaluator_create()};
    double operations = (double)ROW_COUNT * REPEATS / 1e6;
    work.sums = aligned_alloc(64, ROW_COUNT * sizeof *work.sums);
    require(work.evaluator != NULL && work.sums != NULL, "no memory");
    double limit = operations / bench_best(plain_sum, &work, ROUNDS);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct expr_error error;
        char name[64];
        work.expression = expression_compile(cases[i].text, &schema, 0, &error);
        require(work.expression != NULL, "an expression was refused");
        double seconds = bench_best(evaluate, &work, ROUNDS);
        snprintf(name, sizeof name, "expression.%s", cases[i].name);
        bench_print(name, operations * cases[i].operations / seconds, "M operations/s", limit);
        expression_destroy(work.expression);
    }
    evaluator_destroy(work.evaluator);
    batch_unref(work.batch);
    free(work.sums);
    return 0;
}
