// The operators of the core set, one file each.
#ifndef OPERATORS_OPERATORS_H
#define OPERATORS_OPERATORS_H

#include "weir/operator.h"

extern const struct weir_operator changelog_filter_operator;
extern const struct weir_operator filter_operator;
extern const struct weir_operator log_operator;
extern const struct weir_operator map_c_operator;
extern const struct weir_operator map_operator;
extern const struct weir_operator null_operator;
extern const struct weir_operator print_operator;
extern const struct weir_operator union_operator;
extern const struct weir_operator window_operator;

#endif
