// Values of the column types as text: parsing with a reason when it fails, and printing. The text
// forms are those of CSV, NDJSON and msgpack alike (README.md lists them).
#ifndef FILE_VALUE_H
#define FILE_VALUE_H

#include <stddef.h>

#include "weir/type.h"

// Why a text is not a value of its type.
#define VALUE_SYNTAX (-1)     // not of that form
#define VALUE_RANGE (-2)      // beyond what the type holds
#define VALUE_ZONE (-3)       // a zone in a local timestamp
#define VALUE_PRECISION (-4)  // more digits of fraction than the type keeps
#define VALUE_ENCODING (-5)   // not UTF-8
#define VALUE_LENGTH (-6)     // longer than the column's length
#define VALUE_TOO_LARGE (-7)  // longer than WEIR_VALUE_BYTES_MAX
#define VALUE_NO_MEMORY (-12) // not the value's fault

#define VALUE_TEXT_MAX 64u    // bytes that value_print needs at most
#define VALUE_REASON_MAX 256u // room for a reason

// Parses a text as a value of a fixed-width type (bool: one byte, 0 or 1) into out. 0 or VALUE_*.
// 32 bytes after the text must be readable.
int value_parse(struct weir_type type, const char *text, size_t size, void *out);

// The sentence for a failed value_parse, rows_set or rows_set_text.
void value_reason(int code, struct weir_type type, const char *text, size_t size,
                  char reason[VALUE_REASON_MAX]);

// Prints a value of a fixed-width type (bool: one byte). Returns the end; not NUL-terminated.
char *value_print(struct weir_type type, const void *value, char *out);

// The type as a pipeline writes it: "decimal(10,2)". Returns out.
char *value_type_name(struct weir_type type, char out[32]);

// The length of valid UTF-8 at the start of bytes: size if all of it is.
size_t value_utf8(const char *bytes, size_t size);
// Characters of valid UTF-8.
size_t value_utf8_count(const char *bytes, size_t size);

// Base64 (RFC 4648, with padding). out takes value_base64_size(size) bytes; decode writes at most
// size / 4 * 3 and returns how many, or -1.
static inline size_t value_base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}
void value_base64_encode(const uint8_t *bytes, size_t size, char *out);
int64_t value_base64_decode(const char *text, size_t size, uint8_t *out);

// Days since 1970-01-01 of a date of the Gregorian calendar, and back.
int64_t value_days_from_date(int64_t year, uint32_t month, uint32_t day);
void value_date_from_days(int64_t days, int64_t *year, uint32_t *month, uint32_t *day);

#endif
