#include "data/schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "weir/batch.h"

static const char *const type_names[] = {
    "bool",  "int8", "int16", "int32",     "int64",         "float32", "float64", "string",
    "bytes", "date", "time",  "timestamp", "timestamp_ltz", "decimal", NULL,
};

static const char available[] = "bool, int8, int16, int32, int64, float32, float64, string, bytes, "
                                "date, time, timestamp, timestamp_ltz, decimal";

// Names that other systems have for the same types, and those of nested ones (no second).
static const struct {
    const char *foreign;
    const char *ours;
} aliases[] = {
    {"boolean", "bool"},
    {"tinyint", "int8"},
    {"smallint", "int16"},
    {"int", "int32"},
    {"integer", "int32"},
    {"bigint", "int64"},
    {"long", "int64"},
    {"float", "float32"},
    {"real", "float32"},
    {"double", "float64"},
    {"char", "string"},
    {"varchar", "string"},
    {"text", "string"},
    {"binary", "bytes"},
    {"varbinary", "bytes"},
    {"datetime", "timestamp"},
    {"timestamptz", "timestamp_ltz"},
    {"numeric", "decimal"},
    {"array", NULL},
    {"list", NULL},
    {"map", NULL},
    {"row", NULL},
    {"struct", NULL},
};

static int same_name(const struct weir_field *a, const struct weir_field *b)
{
    return strcmp(a->name, b->name) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct weir_field *const *)a)->name,
                  (*(const struct weir_field *const *)b)->name);
}

static int check_names(const struct weir_field *fields, uint32_t field_count, struct error *error)
{
    const struct weir_field **sorted = malloc(field_count * sizeof *sorted);
    if (sorted == NULL) {
        return error_set(error, -ENOMEM, "no memory for a schema");
    }
    for (uint32_t i = 0; i < field_count; i++) {
        size_t length = strlen(fields[i].name);
        if (length == 0 || length > WEIR_FIELD_NAME_BYTES_MAX) {
            free(sorted);
            return length == 0
                       ? error_set(error, -EINVAL, "column %u has an empty name", i + 1)
                       : error_set(error, -EINVAL,
                                   "column %u has a name of %zu bytes; at most %u are allowed",
                                   i + 1, length, WEIR_FIELD_NAME_BYTES_MAX);
        }
        sorted[i] = &fields[i];
    }
    qsort(sorted, field_count, sizeof *sorted, by_name);
    int rc = 0;
    for (uint32_t i = 1; rc == 0 && i < field_count; i++) {
        if (same_name(sorted[i - 1], sorted[i])) {
            rc = error_set(error, -EINVAL, "two columns are called `%s`", sorted[i]->name);
        }
    }
    free(sorted);
    return rc;
}

struct weir_schema *schema_create(const struct weir_field *fields, uint32_t field_count,
                                  struct error *error)
{
    if (field_count == 0 || field_count > WEIR_SCHEMA_FIELDS_MAX) {
        error_set(error, -EINVAL, "a schema has 1 to %u columns, not %u", WEIR_SCHEMA_FIELDS_MAX,
                  field_count);
        return NULL;
    }
    if (check_names(fields, field_count, error) != 0) {
        return NULL;
    }
    size_t size = sizeof(struct weir_schema) + field_count * sizeof(struct weir_field);
    for (uint32_t i = 0; i < field_count; i++) {
        size += strlen(fields[i].name) + 1;
    }
    struct weir_schema *schema = malloc(size);
    if (schema == NULL) {
        error_set(error, -ENOMEM, "no memory for a schema");
        return NULL;
    }
    struct weir_field *copies = (struct weir_field *)(schema + 1);
    char *names = (char *)(copies + field_count);
    for (uint32_t i = 0; i < field_count; i++) {
        copies[i] = (struct weir_field){names, fields[i].type};
        names = stpcpy(names, fields[i].name) + 1;
    }
    *schema = (struct weir_schema){sizeof *schema, field_count, copies};
    return schema;
}

static int unknown_type(const char *name, struct error *error)
{
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (strcasecmp(name, aliases[i].foreign) == 0) {
            return aliases[i].ours == NULL
                       ? error_set(error, -EINVAL,
                                   "nested types are not supported: `%s`; there are %s", name,
                                   available)
                       : error_set(error, -EINVAL,
                                   "there is no type `%s`; there are %s; did you mean `%s`?", name,
                                   available, aliases[i].ours);
        }
    }
    const char *nearest = text_nearest(name, type_names);
    return nearest == NULL
               ? error_set(error, -EINVAL, "there is no type `%s`; there are %s", name, available)
               : error_set(error, -EINVAL,
                           "there is no type `%s`; there are %s; did you mean `%s`?", name,
                           available, nearest);
}

// Reads "(a)" or "(a,b)" at text, of which there may be none; *count says how many there were.
static int parse_arguments(const char *text, const char *whole, uint32_t *values, uint32_t *count,
                           struct error *error)
{
    int end = 0;
    int is_signed = strpbrk(text, "+-") != NULL;
    *count = 0;
    if (*text == '\0') {
        return 0;
    }
    if (!is_signed && sscanf(text, " ( %9u ) %n", &values[0], &end) == 1 && end != 0 &&
        text[end] == '\0') {
        *count = 1;
    } else if (!is_signed && sscanf(text, " ( %9u , %9u ) %n", &values[0], &values[1], &end) == 2 &&
               end != 0 && text[end] == '\0') {
        *count = 2;
    } else {
        return error_set(error, -EINVAL,
                         "cannot read the type `%s`: its arguments are whole numbers in "
                         "parentheses, as in decimal(10,2)",
                         whole);
    }
    return 0;
}

static int apply_arguments(struct weir_type *type, const char *name, const uint32_t *values,
                           uint32_t count, struct error *error)
{
    switch (type->id) {
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        if (count > 1 || (count == 1 && (values[0] == 0 || values[0] > WEIR_VALUE_BYTES_MAX))) {
            return error_set(error, -EINVAL, "`%s` takes one length, 1 to %u, as in %s(20)", name,
                             WEIR_VALUE_BYTES_MAX, name);
        }
        type->length = count == 1 ? values[0] : 0;
        return 0;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        if (count > 1 || (count == 1 && values[0] > 9)) {
            return error_set(error, -EINVAL, "`%s` takes one precision, 0 to 9, as in %s(3)", name,
                             name);
        }
        type->precision = count == 1 ? (uint8_t)values[0] : 3;
        return 0;
    case WEIR_TYPE_DECIMAL:
        if (count == 0 || values[0] == 0 || values[0] > 38 ||
            (count == 2 && values[1] > values[0])) {
            return error_set(error, -EINVAL,
                             "`decimal` takes a precision, 1 to 38, and a scale, 0 to the "
                             "precision, as in decimal(10,2)");
        }
        type->precision = (uint8_t)values[0];
        type->scale = count == 2 ? (uint8_t)values[1] : 0;
        return 0;
    default:
        return count == 0 ? 0 : error_set(error, -EINVAL, "`%s` takes no arguments", name);
    }
}

int type_parse(const char *text, struct weir_type *type, struct error *error)
{
    char name[32];
    uint32_t values[2] = {0, 0}, count;
    text += strspn(text, " \t");
    size_t length = strcspn(text, " \t(<");
    if (length == 0) {
        return error_set(error, -EINVAL, "a type is missing; there are %s", available);
    }
    if (length >= sizeof name) {
        return error_set(error, -EINVAL, "there is no type `%.40s...`; there are %s", text,
                         available);
    }
    memcpy(name, text, length);
    name[length] = '\0';
    uint8_t id = 0;
    while (type_names[id] != NULL && strcmp(type_names[id], name) != 0) {
        id++;
    }
    if (type_names[id] == NULL) {
        return unknown_type(name, error);
    }
    const char *rest = text + length + strspn(text + length, " \t");
    int rc = parse_arguments(rest, text, values, &count, error);
    struct weir_type parsed = {.id = (uint8_t)(id + 1), .nullable = 1};
    if (rc == 0) {
        rc = apply_arguments(&parsed, name, values, count, error);
    }
    if (rc == 0) {
        *type = parsed;
    }
    return rc;
}

static int is_name_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 128;
}

// Reads a plain or quoted name into name, which has room for all of text; returns what follows it.
static const char *parse_name(const char *text, char *name, struct error *error)
{
    const char *at = text;
    if (*at != '"') {
        while (is_name_byte(*at)) {
            *name++ = *at++;
        }
        *name = '\0';
        if (at == text || (*at != '\0' && *at != ' ' && *at != '\t')) {
            error_set(error, -EINVAL,
                      "cannot read the column `%s`: a name with spaces or signs is written in "
                      "double quotes, as in \"\\\"two words\\\" int32\"",
                      text);
            return NULL;
        }
        return at;
    }
    for (at++; *at != '"' || at[1] == '"'; at++) {
        if (*at == '\0') {
            error_set(error, -EINVAL, "cannot read the column `%s`: the quote is not closed", text);
            return NULL;
        }
        at += *at == '"'; // two quotes stand for one
        *name++ = *at;
    }
    *name = '\0';
    return at + 1;
}

// Cuts "not null" (any case, any blanks) off the end of text; 1 if it was there.
static int cut_not_null(char *text)
{
    static const char *const words[] = {"null", "not"};
    size_t length = strlen(text);
    for (int i = 0; i < 2; i++) {
        size_t size = strlen(words[i]);
        while (length > 0 && isspace((unsigned char)text[length - 1])) {
            length--;
        }
        if (length <= size || strncasecmp(text + length - size, words[i], size) != 0 ||
            is_name_byte(text[length - size - 1])) {
            return 0;
        }
        length -= size;
    }
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    text[length] = '\0';
    return 1;
}

int field_parse(const char *text, struct weir_field *field, struct error *error)
{
    size_t size = strlen(text) + 1;
    char *name = malloc(size), *rest = malloc(size);
    struct weir_type type;
    int rc = -EINVAL;
    if (name == NULL || rest == NULL) {
        rc = error_set(error, -ENOMEM, "no memory for a column");
        goto fail;
    }
    const char *after = parse_name(text + strspn(text, " \t"), name, error);
    if (after == NULL) {
        goto fail;
    }
    memcpy(rest, after, strlen(after) + 1);
    int is_not_null = cut_not_null(rest);
    if (name[0] == '\0' || strlen(name) > WEIR_FIELD_NAME_BYTES_MAX) {
        rc = error_set(error, -EINVAL, "cannot read the column `%.60s`: a name has 1 to %u bytes",
                       text, WEIR_FIELD_NAME_BYTES_MAX);
        goto fail;
    }
    rc = type_parse(rest, &type, error);
    if (rc != 0) {
        if (error != NULL) {
            error_wrap(error, "column `%s`", name);
        }
        goto fail;
    }
    type.nullable = !is_not_null;
    *field = (struct weir_field){name, type};
    free(rest);
    return 0;
fail:
    free(name);
    free(rest);
    return rc;
}

const char *type_name(struct weir_type type, char *buffer, size_t size)
{
    const char *name = type.id >= 1 && type.id <= WEIR_TYPE_DECIMAL ? type_names[type.id - 1] : "?";
    if (weir_type_is_text(type) && type.length != 0) {
        snprintf(buffer, size, "%s(%u)", name, type.length);
    } else if (type.id == WEIR_TYPE_TIMESTAMP || type.id == WEIR_TYPE_TIMESTAMP_LTZ) {
        snprintf(buffer, size, "%s(%u)", name, type.precision);
    } else if (type.id == WEIR_TYPE_DECIMAL) {
        snprintf(buffer, size, "%s(%u,%u)", name, type.precision, type.scale);
    } else {
        snprintf(buffer, size, "%s", name);
    }
    return buffer;
}

int type_equal(struct weir_type a, struct weir_type b)
{
    return a.id == b.id && (a.id == WEIR_TYPE_TIME || a.precision == b.precision) &&
           a.scale == b.scale;
}
