#include "expr/reason.h"

#include <ctype.h>
#include <stdio.h>

#include "data/schema.h"
#include "expr/calendar.h"
#include "expr/number.h"

#define TEXT_SHOWN 60u

uint32_t value_format(struct weir_type type, const union value *value, char *text)
{
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        return (uint32_t)sprintf(text, "%s", value->integer & 1 ? "true" : "false");
    case WEIR_TYPE_INT8:
        return int64_format((int8_t)value->bytes[0], text);
    case WEIR_TYPE_INT16:
        return int64_format((int16_t)value->int32, text);
    case WEIR_TYPE_INT32:
        return int64_format(value->int32, text);
    case WEIR_TYPE_INT64:
        return int64_format(value->integer, text);
    case WEIR_TYPE_FLOAT32:
        return float32_format(value->float32, text);
    case WEIR_TYPE_FLOAT64:
        return float64_format(value->number, text);
    case WEIR_TYPE_DATE:
        return date_format(value->int32, text);
    case WEIR_TYPE_TIME:
        return time_format(value->int32, type.precision, text);
    case WEIR_TYPE_DECIMAL:
        return decimal_format(value->decimal, type.scale, text);
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return timestamp_format(timestamp_load(type, value), type, text);
    default:
        return (uint32_t)sprintf(text, "null");
    }
}

// Text in quotes, shortened, with bytes that are no characters as \x..; the rest as it is.
static const char *show(struct weir_type type, const union value *value, char *text, size_t size)
{
    if (!weir_type_is_text(type)) {
        value_format(type, value, text);
        return text;
    }
    size_t used = (size_t)snprintf(text, size, type.id == WEIR_TYPE_BYTES ? "bytes '" : "'");
    uint32_t length = value->text.length, shown = length < TEXT_SHOWN ? length : TEXT_SHOWN;
    while (shown < length && shown > 0 && ((unsigned char)value->text.at[shown] & 0xc0) == 0x80) {
        shown--;
    }
    for (uint32_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)value->text.at[i];
        int is_plain = c >= ' ' && c != 127 && (type.id == WEIR_TYPE_STRING || c < 128);
        used += (size_t)snprintf(text + used, size - used, is_plain ? "%c" : "\\x%02x", c);
    }
    snprintf(text + used, size - used, shown < length ? "...'" : "'");
    return text;
}

void reason_format(enum failure failure, const char *name, uint32_t argument_count,
                   const struct weir_type *types, const union value *operands,
                   struct weir_type result, char *reason, size_t size)
{
    char a[TEXT_SHOWN * 4 + 32], b[TEXT_SHOWN * 4 + 32], from[32], to[32];
    show(types[0], &operands[0], a, sizeof a);
    show(types[1], &operands[1], b, sizeof b);
    type_name(types[0], from, sizeof from);
    type_name(result, to, sizeof to);
    int is_sign = !isalpha((unsigned char)name[0]);
    switch (failure) {
    case FAILURE_DIVISION:
        snprintf(reason, size, "division by zero: %s %s %s", a, name, b);
        return;
    case FAILURE_CAST:
        snprintf(reason, size, "cannot cast %s (%s) to %s", a, from, to);
        return;
    case FAILURE_SIZE:
        snprintf(reason, size,
                 "the result of `%s` is too long: a value has at most 16 MiB, all results of a "
                 "batch 64 MiB",
                 name);
        return;
    default:
        break;
    }
    const char *cause = failure == FAILURE_OVERFLOW ? "overflows"
                        : failure == FAILURE_DOMAIN ? "is not defined"
                                                    : "has an argument that it does not take";
    const char *tail = failure == FAILURE_OVERFLOW ? to : "";
    const char *space = failure == FAILURE_OVERFLOW ? " " : "";
    if (is_sign && argument_count == 2) {
        snprintf(reason, size, "%s %s %s %s%s%s", a, name, b, cause, space, tail);
    } else if (is_sign || argument_count == 1) {
        snprintf(reason, size, "%s(%s) %s%s%s", name, a, cause, space, tail);
    } else {
        snprintf(reason, size, "%s(%s, %s%s) %s%s%s", name, a, b, argument_count > 2 ? ", ..." : "",
                 cause, space, tail);
    }
}
