// Schemas: the names and types of a batch's columns. A schema is made by the host, never changes,
// and lives as long as the job.
#ifndef WEIR_SCHEMA_H
#define WEIR_SCHEMA_H

#include <string.h>

#include "weir/type.h"

#define WEIR_SCHEMA_FIELDS_MAX 4096u
#define WEIR_FIELD_NAME_BYTES_MAX 255u

// Frozen: stands in arrays.
struct weir_field {
    const char *name; // unique within its schema
    struct weir_type type;
};

struct weir_schema {
    uint32_t size;
    uint32_t field_count;
    const struct weir_field *fields;
};

// The column called name, or -1.
static inline int32_t weir_schema_find(const struct weir_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (strcmp(schema->fields[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

#endif
