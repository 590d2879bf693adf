// Values of the column types as JSON: what `weir table` takes and prints. Text forms are those of
// the file connector: dates and times in ISO 8601, decimals with all digits, bytes in base64.
#ifndef FLUSS_COMMAND_VALUE_H
#define FLUSS_COMMAND_VALUE_H

#include <jansson.h>

#include "base/failure.h"
#include "weir/batch.h"

// Reads a fixed-width value (bool: one byte, 0 or 1) into out, of 16 bytes. DATA with the reason.
int32_t value_read(struct weir_type type, const json_t *value, void *out, struct failure *failure);
// The bytes of a string or bytes value, malloc'd. DATA with the reason.
int32_t value_read_text(struct weir_type type, const json_t *value, char **bytes, uint32_t *length,
                        struct failure *failure);
// The value of a row as JSON; NULL: no memory.
json_t *value_write(const struct weir_column *column, uint32_t row);

#endif
