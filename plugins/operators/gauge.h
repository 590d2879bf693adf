// A gauge over the values of a column: the last one, and how they are spread.
#ifndef OPERATORS_GAUGE_H
#define OPERATORS_GAUGE_H

#include "weir/batch.h"
#include "weir/metric.h"

// 1 for the types that gauge_record takes: bool, integers, floats.
int32_t gauge_takes(struct weir_type type);

// [task] Books the values of a column that are not null, floats rounded to whole numbers: the last
// one in `last` (a gauge), all of them in `spread` (a histogram).
void gauge_record(struct weir_metric *last, struct weir_metric *spread,
                  const struct weir_column *column, uint32_t row_count);

#endif
