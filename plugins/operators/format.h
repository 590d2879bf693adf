// Values as text for people.
#ifndef OPERATORS_FORMAT_H
#define OPERATORS_FORMAT_H

#include "weir/batch.h"

// The most bytes that format_value writes for a value that is neither string nor bytes, with NUL.
#define FORMAT_VALUE_BYTES_MAX 64u

// Writes the value of a row as text, NUL-terminated and cut (at a character, with "..." at the end)
// to fit `capacity` bytes, 8 at least: numbers in their shortest exact form, dates and times as ISO
// 8601, bytes as hexadecimal digits, null as "null". Returns its length.
uint32_t format_value(const struct weir_column *column, uint32_t row, char *out, uint32_t capacity);

// "+I", "-U", "+U" or "-D".
const char *format_kind(uint32_t kind);

// Characters (code points) of a text.
uint32_t format_width(const char *text);

#endif
