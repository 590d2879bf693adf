// What functions with rules of their own need from the checker.
#ifndef EXPR_CHECK_H
#define EXPR_CHECK_H

#include "expr/function.h"

// Checks one node and those below.
int check_node(struct compilation *compilation, struct node *node);

// The type that count values share, null literals aside; literals take the type of the others where
// they can. -EINVAL without an error if there is none; id 0 if all are null.
int common_type(struct compilation *compilation, struct node *const *nodes, uint32_t count,
                struct weir_type *type);

// *node as a value of type; adds a cast where it needs one.
int convert(struct compilation *compilation, struct node **node, struct weir_type type);

// A call whose arguments are checked already.
struct node *call_of(struct compilation *compilation, const char *name, struct node *origin,
                     uint32_t argument_count, struct node *const *arguments);

// Errors: an argument has a type that the function does not take; two arguments do not go together.
int fail_argument(struct compilation *compilation, const struct node *call, uint32_t argument,
                  const char *wanted);
int fail_types(struct compilation *compilation, const struct node *call, const struct node *a,
               const struct node *b);

static inline int type_is_integer(struct weir_type type)
{
    return type.id >= WEIR_TYPE_INT8 && type.id <= WEIR_TYPE_INT64;
}

static inline int type_is_float(struct weir_type type)
{
    return type.id == WEIR_TYPE_FLOAT32 || type.id == WEIR_TYPE_FLOAT64;
}

static inline int type_is_number(struct weir_type type)
{
    return type_is_integer(type) || type_is_float(type) || type.id == WEIR_TYPE_DECIMAL;
}

static inline int type_is_timestamp(struct weir_type type)
{
    return type.id == WEIR_TYPE_TIMESTAMP || type.id == WEIR_TYPE_TIMESTAMP_LTZ;
}

static inline int type_is_moment(struct weir_type type)
{
    return type_is_timestamp(type) || type.id == WEIR_TYPE_DATE || type.id == WEIR_TYPE_TIME;
}

// Rules of their own (bind.c).
int bind_arithmetic(struct compilation *compilation, struct node *call);
int bind_minus(struct compilation *compilation, struct node *call);
int bind_comparison(struct compilation *compilation, struct node *call);
int bind_is_null(struct compilation *compilation, struct node *call);
int bind_case(struct compilation *compilation, struct node *call);
int bind_coalesce(struct compilation *compilation, struct node *call);
int bind_nullif(struct compilation *compilation, struct node *call);
int bind_in(struct compilation *compilation, struct node *call);
int bind_extreme(struct compilation *compilation, struct node *call);
int bind_concat(struct compilation *compilation, struct node *call);
int bind_number(struct compilation *compilation, struct node *call);
int bind_round(struct compilation *compilation, struct node *call);
int bind_length(struct compilation *compilation, struct node *call);
int bind_date_trunc(struct compilation *compilation, struct node *call);
int bind_to_timestamp(struct compilation *compilation, struct node *call); // to_date too
int bind_epoch_ms(struct compilation *compilation, struct node *call);

#endif
