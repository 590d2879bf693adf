#include "table/type.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "weir/batch.h"

static const char *const type_names[] = {
    "bool",  "int8", "int16", "int32",     "int64",         "float32", "float64", "string",
    "bytes", "date", "time",  "timestamp", "timestamp_ltz", "decimal", NULL,
};

static const char available[] = "bool, int8, int16, int32, int64, float32, float64, string, bytes, "
                                "date, time, timestamp, timestamp_ltz, decimal";

// What other systems call them.
static const char *const aliases[][2] = {
    {"boolean", "bool"},       {"tinyint", "int8"},
    {"smallint", "int16"},     {"int", "int32"},
    {"integer", "int32"},      {"bigint", "int64"},
    {"long", "int64"},         {"float", "float32"},
    {"double", "float64"},     {"char", "string"},
    {"varchar", "string"},     {"text", "string"},
    {"binary", "bytes"},       {"varbinary", "bytes"},
    {"datetime", "timestamp"}, {"timestamptz", "timestamp_ltz"},
    {"numeric", "decimal"},
};

const char *table_type_name(struct weir_type type, char *buffer)
{
    const char *name = type.id >= 1 && type.id <= WEIR_TYPE_DECIMAL ? type_names[type.id - 1] : "?";
    if (weir_type_is_text(type) && type.length != 0) {
        snprintf(buffer, TABLE_TYPE_NAME_BYTES, "%s(%u)", name, type.length);
    } else if (type.id == WEIR_TYPE_TIMESTAMP || type.id == WEIR_TYPE_TIMESTAMP_LTZ) {
        snprintf(buffer, TABLE_TYPE_NAME_BYTES, "%s(%u)", name, type.precision);
    } else if (type.id == WEIR_TYPE_DECIMAL) {
        snprintf(buffer, TABLE_TYPE_NAME_BYTES, "%s(%u,%u)", name, type.precision, type.scale);
    } else {
        snprintf(buffer, TABLE_TYPE_NAME_BYTES, "%s", name);
    }
    return buffer;
}

int table_type_same(struct weir_type a, struct weir_type b)
{
    return a.id == b.id && a.scale == b.scale && a.length == b.length &&
           (a.id == WEIR_TYPE_TIME || a.precision == b.precision);
}

static int32_t unknown_type(const char *name, struct failure *failure)
{
    const char *meant = nearest_name(name, type_names);
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        meant = strcasecmp(name, aliases[i][0]) == 0 ? aliases[i][1] : meant;
    }
    if (meant == NULL) {
        return failure_set(failure, WEIR_ERROR_CONFIG, "there is no type `%s`; there are %s", name,
                           available);
    }
    return failure_set(failure, WEIR_ERROR_CONFIG,
                       "there is no type `%s`; did you mean `%s`? There are %s", name, meant,
                       available);
}

// Reads "(a)" or "(a,b)" at text, of which there may be none. How many there were, or -1.
static int parse_arguments(const char *text, uint32_t values[2])
{
    int end = 0;
    if (*text == '\0') {
        return 0;
    }
    if (strpbrk(text, "+-") != NULL) {
        return -1;
    }
    if (sscanf(text, " ( %9u ) %n", &values[0], &end) == 1 && end != 0 && text[end] == '\0') {
        return 1;
    }
    end = 0;
    if (sscanf(text, " ( %9u , %9u ) %n", &values[0], &values[1], &end) == 2 && end != 0 &&
        text[end] == '\0') {
        return 2;
    }
    return -1;
}

static int32_t apply_arguments(struct weir_type *type, const uint32_t values[2], int count,
                               struct failure *failure)
{
    const char *name = type_names[type->id - 1];
    switch (type->id) {
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        if (count > 1 || (count == 1 && (values[0] == 0 || values[0] > WEIR_VALUE_BYTES_MAX))) {
            return failure_set(failure, WEIR_ERROR_CONFIG,
                               "`%s` takes one length, 1 to %u, as in %s(20)", name,
                               WEIR_VALUE_BYTES_MAX, name);
        }
        type->length = values[0];
        return WEIR_OK;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        if (count > 1 || values[0] > 9) {
            return failure_set(failure, WEIR_ERROR_CONFIG,
                               "`%s` takes one precision, 0 to 9, as in %s(3)", name, name);
        }
        type->precision = count == 1 ? (uint8_t)values[0] : 3;
        return WEIR_OK;
    case WEIR_TYPE_DECIMAL:
        if (count == 0 || values[0] == 0 || values[0] > 38 || values[1] > values[0]) {
            return failure_set(failure, WEIR_ERROR_CONFIG,
                               "`decimal` takes a precision, 1 to 38, and a scale, 0 to the "
                               "precision, as in decimal(10,2)");
        }
        type->precision = (uint8_t)values[0];
        type->scale = (uint8_t)values[1];
        return WEIR_OK;
    default:
        return count == 0
                   ? WEIR_OK
                   : failure_set(failure, WEIR_ERROR_CONFIG, "`%s` takes no arguments", name);
    }
}

static int32_t parse_type(const char *text, struct weir_type *type, struct failure *failure)
{
    char name[32];
    uint32_t values[2] = {0, 0};
    text += strspn(text, " \t");
    size_t length = strcspn(text, " \t(<");
    if (length == 0) {
        return failure_set(failure, WEIR_ERROR_CONFIG, "its type is missing; there are %s",
                           available);
    }
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    uint8_t id = 0;
    while (type_names[id] != NULL && strcmp(type_names[id], name) != 0) {
        id++;
    }
    if (type_names[id] == NULL) {
        return unknown_type(name, failure);
    }
    int count = parse_arguments(text + length + strspn(text + length, " \t"), values);
    if (count < 0) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "cannot read the type `%s`: its arguments are whole numbers in "
                           "parentheses, as in decimal(10,2)",
                           text);
    }
    *type = (struct weir_type){.id = (uint8_t)(id + 1), .nullable = 1};
    return apply_arguments(type, values, count, failure);
}

static int is_name_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 128;
}

// Reads a plain or quoted name into name, which has room for all of text. What follows it, or NULL.
static const char *parse_name(const char *text, char *name)
{
    if (*text != '"') {
        while (is_name_byte(*text)) {
            *name++ = *text++;
        }
        *name = '\0';
        return *text == '\0' || *text == ' ' || *text == '\t' ? text : NULL;
    }
    for (text++; *text != '"' || text[1] == '"'; text++) {
        if (*text == '\0') {
            return NULL;
        }
        text += *text == '"'; // two quotes stand for one
        *name++ = *text;
    }
    *name = '\0';
    return text + 1;
}

static void cut_blanks(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = '\0';
    }
}

static int cut_word(char *text, const char *word)
{
    size_t length = strlen(text), size = strlen(word);
    if (length <= size || strcasecmp(text + length - size, word) != 0 ||
        is_name_byte(text[length - size - 1])) {
        return 0;
    }
    text[length - size] = '\0';
    cut_blanks(text);
    return 1;
}

int32_t table_column_parse(const char *text, struct table_column *column, struct failure *failure)
{
    size_t size = strlen(text) + 1;
    struct weir_type type = {0};
    char *name = malloc(size), *rest = malloc(size);
    int32_t rc;
    if (name == NULL || rest == NULL) {
        rc = failure_set(failure, WEIR_ERROR_FATAL, "no memory for a column");
        goto fail;
    }
    const char *after = parse_name(text + strspn(text, " \t"), name);
    if (after == NULL || name[0] == '\0' || strlen(name) > WEIR_FIELD_NAME_BYTES_MAX) {
        rc = failure_set(failure, WEIR_ERROR_CONFIG,
                         "cannot read the column `%.80s`: write a name of 1 to %u bytes and a "
                         "type, as in \"temperature float64 not null\"; a name with spaces or "
                         "signs stands in double quotes",
                         text, WEIR_FIELD_NAME_BYTES_MAX);
        goto fail;
    }
    memcpy(rest, after, strlen(after) + 1);
    cut_blanks(rest);
    int is_not_null = cut_word(rest, "null");
    if (is_not_null && !cut_word(rest, "not")) {
        rc = failure_set(failure, WEIR_ERROR_CONFIG,
                         "column `%s`: leave out `null`: a column may be null unless it says `not "
                         "null`",
                         name);
        goto fail;
    }
    rc = parse_type(rest, &type, failure);
    if (rc != WEIR_OK) {
        failure_wrap(failure, "column `%.80s`", name);
        goto fail;
    }
    type.nullable = !is_not_null;
    *column = (struct table_column){.name = name, .type = type};
    free(rest);
    return WEIR_OK;
fail:
    free(name);
    free(rest);
    return rc;
}
