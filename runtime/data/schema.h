// Schemas and the names of types: what a pipeline writes as "temperature float64 not null".
#ifndef DATA_SCHEMA_H
#define DATA_SCHEMA_H

#include "base/error.h"
#include "weir/schema.h"

// A schema of copies of fields, in one allocation; NULL with a sentence if a name is empty, too
// long or there twice, if there are none or more than WEIR_SCHEMA_FIELDS_MAX. Freed with free().
struct weir_schema *schema_create(const struct weir_field *fields, uint32_t field_count,
                                  struct error *error);

// Parses a type with its arguments ("decimal(10,2)", "timestamp_ltz(3)", "string"), nullable.
// -EINVAL with the cause, what there is, and a suggestion. Nested types are refused by name.
int type_parse(const char *text, struct weir_type *type, struct error *error);

// Parses "name type" or "name type not null"; a name with spaces or signs is quoted as in SQL ("two
// words"). field->name is malloc'd.
int field_parse(const char *text, struct weir_field *field, struct error *error);

// The type as a pipeline writes it, without "not null"; into a buffer of 32 bytes or more, which is
// returned.
const char *type_name(struct weir_type type, char *buffer, size_t size);

// 1 if values of both have the same meaning and layout (nullability aside).
int type_equal(struct weir_type a, struct weir_type b);

#endif
