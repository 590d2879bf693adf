// Drives a parser of the file plugin over bytes that arrive in pieces, and prints what comes out: a
// line per row, values with `|` between them, null as `~`; and for a bad record `!line:column:
// reason [record]`.
#ifndef TESTS_CONNECTORS_DRIVE_H
#define TESTS_CONNECTORS_DRIVE_H

#include "parse.h"

typedef int (*drive_parse)(void *parser, struct parse *parse, struct rows *rows);

// Feeds `step` bytes at a time (0: all at once). Returns the text, to be freed.
char *drive(drive_parse function, void *parser, struct rows *rows, const char *bytes, size_t size,
            size_t step);

// Whatever these bytes are, `read` must print the same of them in one piece and in pieces of `step`
// bytes; aborts otherwise. A line end is added where there is none, as the reader does.
void drive_in_pieces(char *(*read)(uint8_t choice, const char *bytes, size_t size, size_t step),
                     uint8_t choice, const char *bytes, size_t size, size_t step);

// Fields from texts like "a int32; b decimal(10,2) not null"; names point into a static buffer.
uint32_t drive_fields(const char *text, struct weir_field *fields, uint32_t capacity);

#endif
