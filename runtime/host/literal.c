#include "host/literal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/options.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"us", 1},       {"ms", 1000},        {"s", 1000000},
    {"m", 60000000}, {"h", 3600000000LL}, {"d", 86400000000LL},
};
static const struct unit byte_units[] = {
    {"", 1},
    {"B", 1},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {"KiB", 1LL << 10},
    {"MiB", 1LL << 20},
    {"GiB", 1LL << 30},
    {"TiB", 1LL << 40},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static int parse(const char *text, const struct unit *units, size_t unit_count, int64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)text[0])) {
        return -EINVAL;
    }
    double number = strtod(text, &end);
    while (*end == ' ') {
        end++;
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (strcmp(end, units[i].name) == 0) {
            double value = number * (double)units[i].factor;
            if (!(value < 9.2e18)) {
                return -EINVAL;
            }
            *out = (int64_t)(value + 0.5);
            return 0;
        }
    }
    return -EINVAL;
}

int literal_duration(const char *text, int64_t *time_us)
{
    return parse(text, duration_units, COUNT(duration_units), time_us);
}

int literal_bytes(const char *text, int64_t *byte_count)
{
    return parse(text, byte_units, COUNT(byte_units), byte_count);
}

int literal_months(const char *text, int64_t *months)
{
    char *end = (char *)text;
    long count = isdigit((unsigned char)text[0]) ? strtol(text, &end, 10) : 1;
    while (*end == ' ') {
        end++;
    }
    if ((strcmp(end, "month") != 0 && strcmp(end, "months") != 0) || count < 1 || count > 1200) {
        return -EINVAL;
    }
    *months = count;
    return 0;
}

const char *literal_from_duration(int64_t time_us, char *buffer)
{
    for (size_t i = COUNT(duration_units); i-- > 0;) {
        if (time_us % duration_units[i].factor == 0 && (time_us != 0 || i == 2)) {
            snprintf(buffer, 32, "%" PRId64 "%s", time_us / duration_units[i].factor,
                     duration_units[i].name);
            break;
        }
    }
    return buffer;
}

// --- Lua literals ---

static json_t *parse_value(const char **at);

static void skip_space(const char **at)
{
    *at += strspn(*at, " \t\n");
}

static int take(const char **at, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0 || isalnum((unsigned char)(*at)[length])) {
        return 0;
    }
    *at += length;
    return 1;
}

static json_t *parse_text(const char **at)
{
    char quote = *(*at)++, *text = malloc(strlen(*at) + 1);
    size_t length = 0;
    while (text != NULL && **at != quote && **at != '\0') {
        if (**at == '\\' && (*at)[1] != '\0') {
            (*at)++;
            text[length++] = (char)(**at == 'n' ? '\n' : **at == 't' ? '\t' : **at);
        } else {
            text[length++] = **at;
        }
        (*at)++;
    }
    json_t *value = text != NULL && **at == quote ? json_stringn(text, length) : NULL;
    *at += value != NULL;
    free(text);
    return value;
}

static json_t *parse_number(const char **at)
{
    char *end_integer, *end_real;
    errno = 0;
    long long integer = strtoll(*at, &end_integer, 10);
    int overflow = errno == ERANGE;
    double real = strtod(*at, &end_real);
    if (end_real == *at || isalpha((unsigned char)*end_real)) {
        return NULL;
    }
    *at = end_real;
    return end_integer == end_real && !overflow ? json_integer(integer) : json_real(real);
}

static char *parse_name(const char **at)
{
    const char *name = *at, *after;
    while (isalnum((unsigned char)**at) || **at == '_') {
        (*at)++;
    }
    size_t length = (size_t)(*at - name);
    after = *at;
    skip_space(&after);
    if (length == 0 || isdigit((unsigned char)name[0]) || *after != '=') {
        *at = name;
        return NULL;
    }
    *at = after + 1;
    return strndup(name, length);
}

// { value, ... } is a list, { name = value, ... } a map.
static json_t *parse_table(const char **at)
{
    json_t *items = json_array(), *value = NULL;
    int is_map = 0;
    (*at)++;
    for (skip_space(at); **at != '}'; skip_space(at)) {
        char *name = parse_name(at);
        value = parse_value(at);
        if (value == NULL) {
            free(name);
            json_decref(items);
            return NULL;
        }
        is_map |= name != NULL;
        json_array_append_new(items, name != NULL ? json_pack("[so]", name, value) : value);
        free(name);
        skip_space(at);
        *at += **at == ',';
    }
    (*at)++;
    return is_map ? json_pack("{so}", "map", items) : items;
}

static json_t *parse_value(const char **at)
{
    skip_space(at);
    if (**at == '"' || **at == '\'') {
        return parse_text(at);
    }
    if (**at == '{') {
        return parse_table(at);
    }
    if (take(at, "true")) {
        return json_true();
    }
    if (take(at, "false")) {
        return json_false();
    }
    return parse_number(at);
}

json_t *options_literal(const char *text)
{
    json_t *value = parse_value(&text);
    skip_space(&text);
    if (value != NULL && *text != '\0') {
        json_decref(value);
        return NULL;
    }
    return value;
}

static int takes_text(const struct weir_option *descriptor)
{
    switch (descriptor->type) {
    case WEIR_OPTION_BOOL:
    case WEIR_OPTION_INT:
    case WEIR_OPTION_FLOAT:
        return 0;
    default:
        return 1;
    }
}

json_t *options_from_text(const struct weir_option *descriptor, const char *text)
{
    json_t *value = options_literal(text);
    if (value == NULL ||
        (takes_text(descriptor) && !json_is_string(value) && !json_is_array(value) &&
         !json_is_object(value) && descriptor->type != WEIR_OPTION_BYTES)) {
        json_decref(value);
        value = json_string(text);
    }
    return value;
}
