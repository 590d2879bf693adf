#include <errno.h>
#include <pthread.h>

#include "base/memory.h"
#include "expr/support.h"
#include "support/test.h"

static struct weir_column result;
static const struct expr_failure *failures;
static uint32_t failure_count;

static struct expression *compile(const struct table *table, const char *text)
{
    struct expr_error error;
    struct expression *expression = expression_compile(text, &table->schema, 0, &error);
    if (expression == NULL) {
        test_fail(__FILE__, __LINE__, "%s: %s", text, error.error.text);
    }
    return expression;
}

static int run(const struct expression *expression, struct evaluator *evaluator,
               const struct table *table)
{
    return expression_evaluate(expression, evaluator, &table->batch, 0, &result, &failures,
                               &failure_count);
}

TEST(a_bare_column_is_a_view_without_a_copy)
{
    struct table table;
    table_begin(&table, 2);
    COLUMN(&table, "a", "int64", "1", "2");
    COLUMN(&table, "b", "int64", "1", "2");
    struct evaluator *evaluator = evaluator_create();
    struct expression *expression = compile(&table, "(b)");
    REQUIRE(expression != NULL);
    CHECK_INT(expression_view(expression)->column, 1);
    CHECK_INT(expression_view(expression)->column_count, 1);
    CHECK_INT(expression_view(expression)->columns[0], 1);
    CHECK_INT(run(expression, evaluator, &table), 0);
    CHECK(result.values == table.columns[1].values);
    expression_destroy(expression);
    evaluator_destroy(evaluator);
    table_finish(&table);
}

TEST(the_head_tells_columns_type_and_constants)
{
    struct table table;
    table_begin(&table, 1);
    COLUMN(&table, "a", "int64", "1");
    COLUMN(&table, "b", "int64", "1");
    COLUMN(&table, "c", "int64", "1");
    struct expression *expression = compile(&table, "c + a > 5 or c is null");
    const struct weir_expression *view = expression_view(expression);
    CHECK_INT(view->size, sizeof *view);
    CHECK_INT(view->type.id, WEIR_TYPE_BOOL);
    CHECK_INT(view->column_count, 2);
    CHECK_INT(view->columns[0], 0);
    CHECK_INT(view->columns[1], 2);
    CHECK_INT(view->column, -1);
    CHECK_INT(view->is_constant, 0);
    CHECK_TEXT(view->text, "c + a > 5 or c is null");
    expression_destroy(expression);
    expression = compile(&table, "1 + 2 * 3");
    CHECK_INT(expression_view(expression)->is_constant, 1);
    CHECK_INT(expression_view(expression)->column_count, 0);
    expression_destroy(expression);
    expression = compile(&table, "now_ms()");
    CHECK_INT(expression_view(expression)->is_constant, 0);
    expression_destroy(expression);
    table_finish(&table);
}

TEST(absent_columns_are_not_touched_unless_named)
{
    struct table table;
    table_begin(&table, 2);
    COLUMN(&table, "a", "int64", "1", "2");
    COLUMN(&table, "b", "string", "1", "2");
    table.columns[1] =
        (struct weir_column){.type = table.columns[1].type, .encoding = WEIR_ENCODING_ABSENT};
    struct evaluator *evaluator = evaluator_create();
    CHECK_ROWS(&table, "a * 2", "2|4");
    struct expression *expression = compile(&table, "b || 'x'");
    CHECK_INT(run(expression, evaluator, &table), -EINVAL);
    expression_destroy(expression);
    evaluator_destroy(evaluator);
    table_finish(&table);
}

TEST(results_live_until_the_reset)
{
    struct table table;
    table_begin(&table, 2);
    COLUMN(&table, "a", "int64", "1", "2");
    struct evaluator *evaluator = evaluator_create();
    struct expression *one = compile(&table, "a + 1"), *two = compile(&table, "a || 'x'");
    CHECK_INT(run(one, evaluator, &table), 0);
    struct weir_column first = result;
    CHECK_INT(run(two, evaluator, &table), 0);
    CHECK_INT(((const int64_t *)first.values)[1], 3);
    CHECK(memcmp(result.values, "1x2x", 4) == 0);
    evaluator_reset(evaluator);
    CHECK_INT(run(one, evaluator, &table), 0);
    CHECK(result.values == first.values);
    expression_destroy(one);
    expression_destroy(two);
    evaluator_destroy(evaluator);
    table_finish(&table);
}

TEST(bytes_under_nulls_and_behind_the_rows_are_zero)
{
    struct table table;
    table_begin(&table, 3);
    COLUMN(&table, "a", "int64", "1", NULL, "3");
    struct evaluator *evaluator = evaluator_create();
    struct expression *sum = compile(&table, "a + 1"), *test = compile(&table, "a > 0");
    CHECK_INT(run(sum, evaluator, &table), 0);
    CHECK_INT(((const int64_t *)result.values)[1], 0);
    CHECK_INT(result.null_count, 1);
    CHECK_INT(result.validity[0], 5);
    CHECK_INT(run(test, evaluator, &table), 0);
    CHECK_INT(((const uint8_t *)result.values)[0], 5);
    expression_destroy(sum);
    expression_destroy(test);
    evaluator_destroy(evaluator);
    table_finish(&table);
}

TEST(an_empty_batch_gives_an_empty_column)
{
    struct table table;
    table_begin(&table, 0);
    table_add(&table, "a", "int64", NULL);
    table_add(&table, "s", "string", NULL);
    CHECK_ROWS(&table, "concat(s, '')", "");
    CHECK_ROWS(&table, "1 / a", "");
    table_finish(&table);
}

TEST(conditions_become_row_numbers)
{
    uint8_t bits[26], validity[26];
    uint32_t rows[200];
    memset(bits, 0xff, sizeof bits);
    memset(validity, 0xff, sizeof validity);
    struct weir_column column = {.type = weir_type_of(WEIR_TYPE_BOOL), .values = bits};
    CHECK_INT(condition_rows(&column, 200, rows), 200);
    CHECK_INT(rows[199], 199);
    CHECK_INT(condition_rows(&column, 65, rows), 65);
    column.validity = validity;
    weir_bit_set(validity, 64, 0);
    weir_bit_set(bits, 3, 0);
    CHECK_INT(condition_rows(&column, 200, rows), 198);
    CHECK_INT(rows[3], 4);
    CHECK_INT(rows[62], 63);
    CHECK_INT(rows[63], 65);
    CHECK_INT(condition_rows(&column, 0, rows), 0);
}

TEST(no_memory_is_an_error_and_not_a_crash)
{
    struct table table;
    table_begin(&table, 3);
    COLUMN(&table, "a", "int64", "0", "1", "2");
    struct expression *expression = compile(&table, "repeat('x', 10 / a) || a");
    int failed = 0, succeeded = 0;
    for (uint64_t n = 1; n <= 20; n++) {
        struct evaluator *evaluator = evaluator_create();
        memory_fail_at(n);
        int rc = run(expression, evaluator, &table);
        memory_fail_at(0);
        CHECK(rc == 0 || rc == -ENOMEM);
        failed += rc == -ENOMEM;
        succeeded += rc == 0;
        CHECK_INT(run(expression, evaluator, &table), 0);
        CHECK_INT(failure_count, 1);
        evaluator_destroy(evaluator);
    }
    CHECK(failed > 4);
    CHECK(succeeded > 0);
    expression_destroy(expression);
    table_finish(&table);
}

TEST(failures_come_in_row_order_over_all_pieces_of_a_batch)
{
    enum { ROWS = 10000 };
    static int64_t numbers[ROWS];
    struct table table;
    for (int64_t i = 0; i < ROWS; i++) {
        numbers[i] = i % 1000;
    }
    table_begin(&table, ROWS);
    table_add_values(&table, "n", weir_type_of(WEIR_TYPE_INT64), numbers, NULL);
    struct evaluator *evaluator = evaluator_create();
    struct expression *expression = compile(&table, "concat(5 / n, '')");
    CHECK_INT(run(expression, evaluator, &table), 0);
    CHECK_INT(failure_count, 10);
    for (uint32_t i = 0; i < failure_count; i++) {
        CHECK_INT(failures[i].row, i * 1000);
    }
    expression_destroy(expression);
    evaluator_destroy(evaluator);
    table_finish(&table);
}

TEST(aggregates_have_the_types_of_the_design)
{
    struct weir_type type, decimal = {WEIR_TYPE_DECIMAL, 10, 2, 1, 0};
    struct weir_type integer = weir_type_of(WEIR_TYPE_INT8), real = weir_type_of(WEIR_TYPE_FLOAT32),
                     string = weir_type_of(WEIR_TYPE_STRING);
    struct error error;
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_COUNT, NULL, &type, &error), 0);
    CHECK_INT(type.id, WEIR_TYPE_INT64);
    CHECK_INT(type.nullable, 0);
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_SUM, &integer, &type, &error), 0);
    CHECK_INT(type.id, WEIR_TYPE_INT64);
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_SUM, &real, &type, &error), 0);
    CHECK_INT(type.id, WEIR_TYPE_FLOAT64);
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_SUM, &decimal, &type, &error), 0);
    CHECK_INT(type.precision, 38);
    CHECK_INT(type.scale, 2);
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_AVG, &integer, &type, &error), 0);
    CHECK_INT(type.id, WEIR_TYPE_FLOAT64);
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_MIN, &string, &type, &error), 0);
    CHECK_INT(type.id, WEIR_TYPE_STRING);
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_DISTINCT, &string, &type, &error), 0);
    CHECK_INT(type.id, WEIR_TYPE_INT64);
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_SUM, &string, &type, &error), -EINVAL);
    CHECK_TEXT(error.text, "sum needs a number, but its argument is string");
    CHECK_INT(aggregate_type(WEIR_AGGREGATE_MIN, NULL, &type, &error), -EINVAL);
    CHECK_TEXT(error.text, "min needs an argument");
}

struct share {
    const struct expression *expression;
    const struct table *table;
    int good;
};

static void *evaluate_often(void *argument)
{
    struct share *share = argument;
    struct evaluator *evaluator = evaluator_create();
    share->good = 1;
    for (int i = 0; i < 200; i++) {
        struct weir_column column;
        const struct expr_failure *failed;
        uint32_t count;
        share->good &= expression_evaluate(share->expression, evaluator, &share->table->batch, 0,
                                           &column, &failed, &count) == 0 &&
                       count == 1 && failed[0].row == 1 && memcmp(column.values, "n5n2", 4) == 0;
        evaluator_reset(evaluator);
    }
    evaluator_destroy(evaluator);
    return NULL;
}

TEST(threads_share_an_expression)
{
    struct table table;
    table_begin(&table, 3);
    COLUMN(&table, "a", "int64", "2", "0", "5");
    struct expression *expression = compile(&table, "concat('n', 10 / a)");
    struct share shares[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        shares[i] = (struct share){expression, &table, 0};
        REQUIRE(pthread_create(&threads[i], NULL, evaluate_often, &shares[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CHECK(shares[i].good);
    }
    expression_destroy(expression);
    table_finish(&table);
}
