// Keys of whole batches: key groups for the exchange and key bytes for state, a column at a time.
// One row at a time is weir/key.h, with the same results.
#ifndef DATA_KEY_H
#define DATA_KEY_H

#include "weir/batch.h"

// The key group of every row, as weir/key.h has it with normalised floats; no allocation. -EINVAL
// if a key column is absent, or group_count is 0 or above INT32_MAX.
int key_groups(const struct weir_batch *batch, const uint32_t *columns, uint32_t column_count,
               uint32_t group_count, uint32_t *groups);

#endif
