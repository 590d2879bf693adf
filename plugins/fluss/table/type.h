// Types and columns in words: "temperature float64 not null", as a pipeline writes them.
#ifndef FLUSS_TABLE_TYPE_H
#define FLUSS_TABLE_TYPE_H

#include <stddef.h>

#include "base/failure.h"
#include "table/definition.h"

#define TABLE_TYPE_NAME_BYTES 40u

// The type as a pipeline writes it ("decimal(10,2)"), without "not null", into a buffer of
// TABLE_TYPE_NAME_BYTES, which is returned.
const char *table_type_name(struct weir_type type, char *buffer);

// Parses "name type" or "name type not null"; a name with spaces or signs stands in double quotes.
// Name and type of column are set, the rest is zero; the name is malloc'd. CONFIG with the cause,
// what there is, and a suggestion.
int32_t table_column_parse(const char *text, struct table_column *column, struct failure *failure);

// Whether types have the same values and layout, nullability aside.
int table_type_same(struct weir_type a, struct weir_type b);

#endif
