// Expressions and aggregates as operators see them: text from the pipeline that the host has
// parsed, typed against the schema of the stage's input and compiled to kernels that work on a
// batch at a time.
#ifndef WEIR_EXPRESSION_H
#define WEIR_EXPRESSION_H

#include "weir/type.h"

// The public head of a compiled expression. Evaluate it with weir_evaluate and its kin
// (weir/operator.h).
struct weir_expression {
    uint32_t size;
    struct weir_type type;   // of its result
    const char *text;        // as the pipeline has it
    uint32_t column_count;   // input columns it reads
    const uint32_t *columns; // their indexes, ascending
    int32_t column;          // index if the expression is a bare column name, else -1
    int32_t is_constant;     // 1 if it reads no column and is the same for every row and batch
};

#define WEIR_AGGREGATE_COUNT 1u    // rows, or values that are not null if it has an argument: int64
#define WEIR_AGGREGATE_SUM 2u      // integers: int64; floats: float64; decimals: decimal(38, scale)
#define WEIR_AGGREGATE_MIN 3u      // type of its argument
#define WEIR_AGGREGATE_MAX 4u      //
#define WEIR_AGGREGATE_AVG 5u      // float64
#define WEIR_AGGREGATE_FIRST 6u    // type of its argument; by arrival, or with the smallest `by`
#define WEIR_AGGREGATE_LAST 7u     // type of its argument; by arrival, or with the largest `by`
#define WEIR_AGGREGATE_STDDEV 8u   // of the sample: float64
#define WEIR_AGGREGATE_DISTINCT 9u // approximate number of different values: int64

struct weir_aggregate {
    uint32_t size;
    uint32_t function;                      // WEIR_AGGREGATE_*
    struct weir_type type;                  // of its result
    const char *name;                       // of the column it makes
    const struct weir_expression *argument; // NULL for a count of rows
    const struct weir_expression *by;       // FIRST and LAST: what orders the rows; NULL: arrival
};

#endif
