// Showing values to people: in messages, in the test kit, in taps.
#ifndef HOST_SHOW_H
#define HOST_SHOW_H

#include "base/text.h"
#include "weir/batch.h"

// One value: NULL, true, 12, 1.5, text as it is, bytes as 0x..., 2026-11-22, 12:00:00.000,
// 2026-11-22 12:00:00.000, 12.30. An absent column shows as "-".
void show_value(struct text *text, const struct weir_column *column, uint32_t row);

// "name = value, ..." of a row, cut after about `most` bytes (0: not).
void show_row(struct text *text, const struct weir_batch *batch, uint32_t row, size_t most);

// "+I", "-U", "+U", "-D".
const char *show_kind(uint32_t kind);

#endif
