// The constants of a long `in` list.
#ifndef EXPR_VALUE_SET_H
#define EXPR_VALUE_SET_H

#include "expr/arena.h"
#include "expr/kernels.h"

// Lists that are shorter are compared value by value.
#define VALUE_SET_LEAST 8u

struct value_set;

// 1 if there can be a set of values of this type.
int value_set_takes(struct weir_type type);
// With room for count values; NULL without memory. Text stays where it is.
struct value_set *value_set_create(struct arena *arena, struct weir_type type, uint32_t count);
void value_set_add(struct value_set *set, const union value *value, int is_null);

// The set of the instruction that runs.
const struct value_set *call_set(const struct call *call);

// Whether the argument is in the set: null if it is not, but null is.
kernel kernel_in;

#endif
