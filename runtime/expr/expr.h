// Expressions: SQL-like text, typed against a schema, compiled to kernels that run over a batch at
// a time. docs/expressions.md describes the language.
#ifndef EXPR_EXPR_H
#define EXPR_EXPR_H

#include "base/error.h"
#include "weir/batch.h"
#include "weir/expression.h"

// Where in the text something is wrong, for a caret. Bytes from the start of the text.
struct expr_error {
    struct error error;   // the cause, in one sentence or two
    const char *code;     // stable: "W0312"; docs/expressions.md lists them
    char available[1024]; // columns or functions that there are, comma-separated; may be empty
    char help[256];       // "did you mean `temperature`?"; empty if there is nothing to say
    uint32_t start;
    uint32_t end;
};

// Compiles text against schema. wanted is the type id the result must have (WEIR_TYPE_*), or 0 for
// any. The result begins with struct weir_expression, is read-only and may be evaluated by many
// threads, each with its own evaluator. NULL with the error.
struct expression;
struct expression *expression_compile(const char *text, const struct weir_schema *schema,
                                      uint32_t wanted, struct expr_error *error);
void expression_destroy(struct expression *expression);
const struct weir_expression *expression_view(const struct expression *expression);

// The result type of an aggregate over an argument type (NULL: none). -EINVAL with the cause ("sum
// needs a number, `name` is string").
int aggregate_type(uint32_t function, const struct weir_type *argument, struct weir_type *type,
                   struct error *error);

// Scratch memory for evaluating; one per task, reused for every batch, grows to what its largest
// batch needs.
struct evaluator;
struct evaluator *evaluator_create(void);
void evaluator_destroy(struct evaluator *evaluator);

// A row that an expression could not compute: overflow, division by zero, a failed cast.
struct expr_failure {
    uint32_t row;
    const char *reason; // one sentence that names the value; lent until the next evaluation
};

// Evaluates over all rows of batch. The result's buffers belong to the evaluator (or to the batch,
// for a bare column) until evaluator_reset. Rows that fail are null in the result; *failures (lent,
// ascending by row) and *failure_count tell them. now_ms is what now_ms() gives. -ENOMEM.
int expression_evaluate(const struct expression *expression, struct evaluator *evaluator,
                        const struct weir_batch *batch, int64_t now_ms, struct weir_column *result,
                        const struct expr_failure **failures, uint32_t *failure_count);
// Forgets the results of all evaluations since the last reset; keeps the memory for reuse.
void evaluator_reset(struct evaluator *evaluator);

// The rows for which a bool column is true (null is not), ascending, into rows (room for
// row_count); returns how many.
uint32_t condition_rows(const struct weir_column *condition, uint32_t row_count, uint32_t *rows);

#endif
