// Kernels: each computes one operation for a chunk of rows, a column at a time.
//
// A kernel reads vectors and fills call->values. Before a strict kernel runs, a row of the result
// is null where an argument is null, and failed where an argument has failed; the kernel may write
// anything there. Other kernels (and, case, coalesce, is null) see to nulls and failures
// themselves.
#ifndef EXPR_KERNEL_H
#define EXPR_KERNEL_H

#include <string.h>

#include "weir/batch.h"

#define CHUNK_ROWS 2048u // at a time, so that intermediate results stay in the cache

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

struct slice {
    const char *at;
    uint32_t length;
};

// One value, in the layout of its column; text is a slice, a bool the lowest bit.
union value {
    int64_t integer;
    int32_t int32;
    double number;
    float float32;
    int128 decimal;
    struct slice text;
    struct weir_timestamp timestamp;
    uint8_t bytes[16];
};

// The rows of a chunk, or one value for all of them.
struct vector {
    struct weir_type type;
    uint32_t mask;           // row & mask is the index of its value: all ones, or 0 for a constant
    const void *values;      // as in a column, text as struct slice
    const uint8_t *validity; // bits; NULL: no nulls
    const uint32_t *errors;  // per row: 0, or the number of its failure; NULL: none
};

struct frame;
struct instruction;

struct call {
    struct frame *frame;
    const struct instruction *instruction;
    uint32_t row_count;
    uint32_t argument_count;
    const struct vector *const *arguments;
    void *values;       // room for the result's values (bool: bits, in whole 64-bit words)
    struct vector *out; // validity and errors of the result
    uint8_t *validity;  // room for out->validity
};

typedef void kernel(struct call *call);

enum failure {
    FAILURE_OVERFLOW = 1, // of an operator
    FAILURE_DIVISION,     // by zero
    FAILURE_CAST,         // the value is not of that type
    FAILURE_DOMAIN,       // a function has no value there
    FAILURE_SIZE,         // text longer than a value may be
    FAILURE_ARGUMENT,     // an argument that the function does not take
};

// The row of the result fails; its arguments are kept for the reason.
void call_fail(struct call *call, uint32_t row, enum failure failure);

// out->validity as bits that the kernel may clear; all ones if there were no nulls.
uint8_t *call_validity(struct call *call);

// Room for byte_count bytes of text that live as long as the chunk. NULL: the row has failed.
char *call_text(struct call *call, uint32_t row, uint64_t byte_count);

// Errors per row that the kernel may set; zero if there were none. NULL without memory.
uint32_t *call_errors(struct call *call);

// What now_ms() gives.
int64_t call_now_ms(const struct call *call);

static inline int call_is_valid(const struct call *call, uint32_t row)
{
    return call->out->validity == NULL || weir_bit(call->out->validity, row);
}

static inline void call_set_null(struct call *call, uint32_t row)
{
    weir_bit_set(call_validity(call), row, 0);
}

static inline int vector_is_constant(const struct vector *vector)
{
    return vector->mask == 0;
}

static inline int vector_is_valid(const struct vector *vector, uint32_t row)
{
    return vector->validity == NULL || weir_bit(vector->validity, row & vector->mask);
}

static inline int vector_bit(const struct vector *vector, uint32_t row)
{
    return weir_bit(vector->values, row & vector->mask);
}

static inline struct slice vector_text(const struct vector *vector, uint32_t row)
{
    return ((const struct slice *)vector->values)[row & vector->mask];
}

static inline int64_t vector_int64(const struct vector *vector, uint32_t row)
{
    return ((const int64_t *)vector->values)[row & vector->mask];
}

static inline int128 vector_decimal(const struct vector *vector, uint32_t row)
{
    int128 value; // columns are aligned to 8 only
    memcpy(&value, (const char *)vector->values + 16 * (size_t)(row & vector->mask), sizeof value);
    return value;
}

// Bytes of one value inside a vector; 0 for bool.
static inline uint32_t vector_width(struct weir_type type)
{
    return weir_type_is_text(type) ? (uint32_t)sizeof(struct slice) : weir_type_width(type);
}

#endif
