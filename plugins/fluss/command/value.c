#include "command/value.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/type.h"

__extension__ typedef __int128 wide_int;
__extension__ typedef unsigned __int128 wide_uint;

#define DAY_SECONDS INT64_C(86400)
#define REFUSE(...) failure_set(failure, WEIR_ERROR_DATA, __VA_ARGS__)

// --- Dates ---

// Howard Hinnant's days_from_civil and civil_from_days (chrono-compatible low-level date
// algorithms).
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + (int64_t)year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - 719468;
}

static void date_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * years + years / 4 - years / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)years + era * 400 + (*month <= 2);
}

// Takes `count` digits; -1: they are not there.
static int64_t take_digits(const char **at, int count)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (!isdigit((unsigned char)**at)) {
            return -1;
        }
        value = value * 10 + (**at - '0');
    }
    return value;
}

static int take_date(const char **at, int64_t *days)
{
    static const unsigned lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_negative = **at == '-';
    *at += is_negative;
    int64_t year = take_digits(at, 4);
    int64_t month = *(*at)++ == '-' ? take_digits(at, 2) : -1;
    int64_t day = month < 1 || month > 12 ? -1 : *(*at)++ == '-' ? take_digits(at, 2) : -1;
    year = is_negative ? -year : year;
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > lengths[month - 1] || (month == 2 && day == 29 && !is_leap)) {
        return 0;
    }
    *days = days_of(year, (unsigned)month, (unsigned)day);
    return 1;
}

// "12:34:56" and a fraction of at most `digits` digits.
static int take_time(const char **at, int digits, int64_t *seconds, int64_t *nanoseconds)
{
    int64_t hour = take_digits(at, 2);
    int64_t minute = hour >= 0 && *(*at)++ == ':' ? take_digits(at, 2) : -1;
    int64_t second = minute >= 0 && *(*at)++ == ':' ? take_digits(at, 2) : -1;
    if (second < 0 || hour > 23 || minute > 59 || second > 59) {
        return 0;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    *nanoseconds = 0;
    if (**at == '.') {
        int64_t unit = 100000000;
        (*at)++;
        for (int i = 0; isdigit((unsigned char)**at); i++, (*at)++, unit /= 10) {
            if (i == digits && **at != '0') {
                return 0;
            }
            *nanoseconds += (**at - '0') * unit;
        }
    }
    return 1;
}

// --- Reading ---

static int read_date(const char *text, void *out)
{
    int64_t days;
    if (!take_date(&text, &days) || *text != '\0') {
        return 0;
    }
    int32_t value = (int32_t)days;
    memcpy(out, &value, sizeof value);
    return 1;
}

static int read_time(const char *text, void *out)
{
    int64_t seconds, nanoseconds;
    if (!take_time(&text, 3, &seconds, &nanoseconds) || *text != '\0') {
        return 0;
    }
    int32_t value = (int32_t)(seconds * 1000 + nanoseconds / 1000000);
    memcpy(out, &value, sizeof value);
    return 1;
}

static int read_timestamp(struct weir_type type, const char *text, void *out)
{
    int64_t days, seconds, nanoseconds, value;
    int digits = type.precision;
    if (!take_date(&text, &days) || (*text != 'T' && *text != ' ')) {
        return 0;
    }
    text++;
    if (!take_time(&text, digits, &seconds, &nanoseconds)) {
        return 0;
    }
    if (type.id == WEIR_TYPE_TIMESTAMP_LTZ && *text++ != 'Z') {
        return 0;
    }
    if (*text != '\0') {
        return 0;
    }
    seconds += days * DAY_SECONDS;
    if (type.precision > 6) {
        struct weir_timestamp wide = {seconds * 1000 + nanoseconds / 1000000,
                                      (int32_t)(nanoseconds % 1000000), 0};
        memcpy(out, &wide, sizeof wide);
        return 1;
    }
    value = type.precision > 3 ? seconds * 1000000 + nanoseconds / 1000
                               : seconds * 1000 + nanoseconds / 1000000;
    memcpy(out, &value, sizeof value);
    return 1;
}

static int read_decimal(struct weir_type type, const char *text, void *out)
{
    wide_uint value = 0;
    int digits = 0, fraction = -1, is_negative = *text == '-';
    for (text += is_negative; *text != '\0'; text++) {
        if (*text == '.' && fraction < 0) {
            fraction = 0;
        } else if (isdigit((unsigned char)*text)) {
            digits += digits > 0 || *text != '0';
            fraction += fraction >= 0;
            value = value * 10 + (unsigned)(*text - '0');
        } else {
            return 0;
        }
        if (digits > type.precision || fraction > type.scale) {
            return 0;
        }
    }
    for (fraction = fraction < 0 ? 0 : fraction; fraction < type.scale; fraction++) {
        digits += digits > 0;
        value *= 10;
    }
    if (digits > type.precision) {
        return 0;
    }
    value = is_negative ? -value : value;
    memcpy(out, &value, sizeof value);
    return 1;
}

static int read_float(const json_t *value, double *out)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity", "-0.0"};
    const double values[] = {NAN, INFINITY, -INFINITY, -0.0};
    const char *text = json_string_value(value);
    if (json_is_number(value)) {
        *out = json_number_value(value);
        return 1;
    }
    for (int i = 0; text != NULL && i < 4; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = values[i];
            return 1;
        }
    }
    return 0;
}

static int32_t read_int(struct weir_type type, const json_t *value, void *out,
                        struct failure *failure)
{
    char name[TABLE_TYPE_NAME_BYTES];
    uint32_t width = weir_type_width(type);
    json_int_t number = json_integer_value(value);
    assert(width >= 1 && width <= 8);
    if (!json_is_integer(value)) {
        return REFUSE("it is no whole number");
    }
    if (width < 8 &&
        (number < -(INT64_C(1) << (width * 8 - 1)) || number >= INT64_C(1) << (width * 8 - 1))) {
        return REFUSE("%" JSON_INTEGER_FORMAT " is beyond the range of %s", number,
                      table_type_name(type, name));
    }
    memcpy(out, &number, width);
    return WEIR_OK;
}

static const char *form_of(uint8_t id)
{
    switch (id) {
    case WEIR_TYPE_DATE:
        return "\"2026-11-22\"";
    case WEIR_TYPE_TIME:
        return "\"12:34:56.789\"";
    case WEIR_TYPE_TIMESTAMP:
        return "\"2026-11-22T12:34:56.789\", with no more digits than the column keeps";
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return "\"2026-11-22T12:34:56.789Z\", with no more digits than the column keeps";
    default:
        return "\"12.34\", with no more digits than the column keeps";
    }
}

static int32_t read_worded(struct weir_type type, const json_t *value, void *out,
                           struct failure *failure)
{
    char name[TABLE_TYPE_NAME_BYTES];
    const char *text = json_string_value(value);
    int is_good = 0;
    if (text != NULL && type.id == WEIR_TYPE_DATE) {
        is_good = read_date(text, out);
    } else if (text != NULL && type.id == WEIR_TYPE_TIME) {
        is_good = read_time(text, out);
    } else if (text != NULL && type.id == WEIR_TYPE_DECIMAL) {
        is_good = read_decimal(type, text, out);
    } else if (text != NULL) {
        is_good = read_timestamp(type, text, out);
    }
    return is_good ? WEIR_OK
                   : REFUSE("%s%.60s%s is no %s; write it as %s", text == NULL ? "it" : "`",
                            text == NULL ? "" : text, text == NULL ? "" : "`",
                            table_type_name(type, name), form_of(type.id));
}

int32_t value_read(struct weir_type type, const json_t *value, void *out, struct failure *failure)
{
    double number;
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        *(uint8_t *)out = json_is_true(value);
        return json_is_boolean(value) ? WEIR_OK : REFUSE("it is neither true nor false");
    case WEIR_TYPE_INT8:
    case WEIR_TYPE_INT16:
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_INT64:
        return read_int(type, value, out, failure);
    case WEIR_TYPE_FLOAT32:
    case WEIR_TYPE_FLOAT64:
        if (!read_float(value, &number)) {
            return REFUSE("it is no number, and none of \"NaN\", \"Infinity\", \"-Infinity\"");
        }
        if (type.id == WEIR_TYPE_FLOAT32) {
            float narrow = (float)number;
            memcpy(out, &narrow, sizeof narrow);
        } else {
            memcpy(out, &number, sizeof number);
        }
        return WEIR_OK;
    default:
        return read_worded(type, value, out, failure);
    }
}

static int digit_of(char sign)
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = sign == '\0' ? NULL : strchr(signs, sign);
    return at == NULL ? -1 : (int)(at - signs);
}

// Bytes of base64 with padding, in place; -1: it is none.
static int64_t decode_base64(char *text, size_t length)
{
    size_t pad = length >= 1 && text[length - 1] == '=';
    pad += pad == 1 && length >= 2 && text[length - 2] == '=';
    uint32_t bits = 0;
    size_t count = 0;
    if (length % 4 != 0) {
        return -1;
    }
    for (size_t i = 0; i < length; i++) {
        int digit = i >= length - pad ? 0 : digit_of(text[i]);
        if (digit < 0) {
            return -1;
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 == 3) {
            text[count++] = (char)(bits >> 16);
            text[count++] = (char)(bits >> 8);
            text[count++] = (char)bits;
        }
    }
    return (int64_t)(count - pad);
}

static char *encode_base64(const uint8_t *bytes, uint32_t length)
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = calloc((size_t)(length + 2) / 3 * 4 + 1, 1), *at = text;
    for (uint32_t i = 0; text != NULL && i < length; i += 3) {
        uint32_t left = length - i;
        uint32_t bits = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (left > 2 ? bytes[i + 2] : 0);
        *at++ = signs[bits >> 18];
        *at++ = signs[bits >> 12 & 63];
        *at++ = left > 1 ? signs[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? signs[bits & 63] : '=';
    }
    return text;
}

int32_t value_read_text(struct weir_type type, const json_t *value, char **bytes, uint32_t *length,
                        struct failure *failure)
{
    if (!json_is_string(value)) {
        return REFUSE("it is no text");
    }
    size_t size = json_string_length(value), characters = 0;
    if (size > WEIR_VALUE_BYTES_MAX) {
        return REFUSE("it has %zu bytes; a value has at most %u", size, WEIR_VALUE_BYTES_MAX);
    }
    char *copy = malloc(size + 1);
    if (copy == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory");
    }
    memcpy(copy, json_string_value(value), size);
    for (size_t i = 0; i < size; i++) {
        characters += ((uint8_t)copy[i] & 0xc0) != 0x80;
    }
    if (type.id == WEIR_TYPE_BYTES) {
        int64_t decoded = decode_base64(copy, size);
        characters = size = (size_t)decoded;
        if (decoded < 0) {
            free(copy);
            return REFUSE("it is no base64");
        }
    }
    if (type.length != 0 && characters > type.length) {
        free(copy);
        return REFUSE("it has a length of %zu; the column keeps %u", characters, type.length);
    }
    *bytes = copy;
    *length = (uint32_t)size;
    return WEIR_OK;
}

// --- Writing ---

static json_t *write_float(double value)
{
    return isnan(value)   ? json_string("NaN")
           : isinf(value) ? json_string(value < 0 ? "-Infinity" : "Infinity")
                          : json_real(value);
}

static json_t *write_date(int64_t days)
{
    int64_t year;
    unsigned month, day;
    date_of(days, &year, &month, &day);
    return json_sprintf("%s%04" PRId64 "-%02u-%02u", year < 0 ? "-" : "", year < 0 ? -year : year,
                        month, day);
}

// The fraction as text: a dot and `digits` digits, or nothing.
static const char *fraction_of(int64_t nanoseconds, int digits, char buffer[16])
{
    buffer[0] = '\0';
    if (digits > 0) {
        snprintf(buffer, 16, ".%09d", (int)nanoseconds);
        buffer[1 + digits] = '\0';
    }
    return buffer;
}

static json_t *write_timestamp(struct weir_type type, const void *value)
{
    struct weir_timestamp wide = {0, 0, 0};
    char fraction[16];
    int64_t narrow, unit = type.precision > 3 ? 1000000 : 1000, seconds, rest;
    if (type.precision > 6) {
        memcpy(&wide, value, sizeof wide);
        narrow = wide.ms;
        unit = 1000;
    } else {
        memcpy(&narrow, value, sizeof narrow);
    }
    seconds = narrow / unit - (narrow % unit < 0);
    rest = (narrow - seconds * unit) * (1000000000 / unit) + wide.nanoseconds;
    int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
    int64_t of_day = seconds - days * DAY_SECONDS, year;
    unsigned month, day;
    date_of(days, &year, &month, &day);
    return json_sprintf("%s%04" PRId64 "-%02u-%02uT%02d:%02d:%02d%s%s", year < 0 ? "-" : "",
                        year < 0 ? -year : year, month, day, (int)(of_day / 3600),
                        (int)(of_day / 60 % 60), (int)(of_day % 60),
                        fraction_of(rest, type.precision, fraction),
                        type.id == WEIR_TYPE_TIMESTAMP_LTZ ? "Z" : "");
}

static json_t *write_decimal(struct weir_type type, const void *bytes)
{
    wide_int value;
    char digits[48], text[56];
    int count = 0, at = 0;
    memcpy(&value, bytes, sizeof value);
    int is_negative = value < 0;
    wide_uint left = is_negative ? -(wide_uint)value : (wide_uint)value;
    do {
        digits[count++] = (char)('0' + (int)(left % 10));
        left /= 10;
    } while (left != 0 || count <= type.scale);
    if (is_negative) {
        text[at++] = '-';
    }
    while (count > 0) {
        if (count == type.scale) {
            text[at++] = '.';
        }
        text[at++] = digits[--count];
    }
    return json_stringn(text, (size_t)at);
}

static json_t *write_int(const uint8_t *value, uint32_t width)
{
    int64_t number = 0;
    assert(width >= 1 && width <= 8);
    memcpy(&number, value, width);
    uint32_t unused = 64 - width * 8;
    return json_integer((json_int_t)((int64_t)((uint64_t)number << unused) >> unused));
}

static json_t *write_bytes(const struct weir_column *column, uint32_t row)
{
    uint32_t length;
    const char *bytes = weir_text(column, row, &length);
    if (column->type.id == WEIR_TYPE_STRING) {
        return json_stringn_nocheck(bytes, length);
    }
    char *text = encode_base64((const uint8_t *)bytes, length);
    json_t *value = text == NULL ? NULL : json_string(text);
    free(text);
    return value;
}

json_t *value_write(const struct weir_column *column, uint32_t row)
{
    uint32_t width = weir_type_width(column->type);
    const uint8_t *value = (const uint8_t *)column->values + (size_t)row * width;
    float narrow;
    double wide;
    int32_t number;
    if (weir_is_null(column, row)) {
        return json_null();
    }
    switch (column->type.id) {
    case WEIR_TYPE_BOOL:
        return json_boolean(weir_bit(column->values, row));
    case WEIR_TYPE_FLOAT32:
        memcpy(&narrow, value, sizeof narrow);
        return write_float((double)narrow);
    case WEIR_TYPE_FLOAT64:
        memcpy(&wide, value, sizeof wide);
        return write_float(wide);
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        return write_bytes(column, row);
    case WEIR_TYPE_DATE:
        memcpy(&number, value, sizeof number);
        return write_date(number);
    case WEIR_TYPE_TIME:
        memcpy(&number, value, sizeof number);
        return json_sprintf("%02d:%02d:%02d.%03d", number / 3600000, number / 60000 % 60,
                            number / 1000 % 60, number % 1000);
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return write_timestamp(column->type, value);
    case WEIR_TYPE_DECIMAL:
        return write_decimal(column->type, value);
    default:
        return write_int(value, width);
    }
}
