// Sentences for rows that fail, and values as text.
#ifndef EXPR_REASON_H
#define EXPR_REASON_H

#include "expr/kernel.h"

#define REASON_BYTES 512u
#define VALUE_TEXT_BYTES 96u // the longest number, date or timestamp

// A value that is not text, as a cast to string gives it. Returns its length.
uint32_t value_format(struct weir_type type, const union value *value, char *text);

// Why an instruction called name failed for these arguments (the first two).
void reason_format(enum failure failure, const char *name, uint32_t argument_count,
                   const struct weir_type *types, const union value *operands,
                   struct weir_type result, char *reason, size_t size);

#endif
