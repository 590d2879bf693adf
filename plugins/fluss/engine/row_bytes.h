// Rows as bytes, for an index on disk: a form that does not depend on the layout, so that rows that
// were written before a column was added can be read after it. docs/formats/index.md has it byte by
// byte.
#ifndef FLUSS_ENGINE_ROW_BYTES_H
#define FLUSS_ENGINE_ROW_BYTES_H

#include "engine/row.h"

uint64_t row_bytes_size(const struct row_layout *layout, const uint8_t *row);
void row_bytes_write(const struct row_layout *layout, const uint8_t *row, uint8_t *out);
// Fills a row but for its key; text refers to the bytes. Columns that the bytes do not have are
// null. 0: the bytes are no row of this layout.
int row_bytes_read(const struct row_layout *layout, const uint8_t *bytes, uint64_t byte_count,
                   uint8_t *row);

#endif
