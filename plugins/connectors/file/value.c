#include "value.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "number.h"
#include "weir/batch.h"

#define DAY_MS 86400000

__extension__ typedef __int128 int128;

int64_t value_days_from_date(int64_t year, uint32_t month, uint32_t day)
{
    // http://howardhinnant.github.io/date_algorithms.html
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

void value_date_from_days(int64_t days, int64_t *year, uint32_t *month, uint32_t *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t part = (uint32_t)((5 * day_of_year + 2) / 153);
    *day = (uint32_t)day_of_year - (153 * part + 2) / 5 + 1;
    *month = part < 10 ? part + 3 : part - 9;
    *year = year_of_era + era * 400 + (*month <= 2);
}

// --- Parsing ---

struct text {
    const char *at;
    const char *end;
};

static int text_take(struct text *text, char c)
{
    if (text->at < text->end && *text->at == c) {
        text->at++;
        return 1;
    }
    return 0;
}

static int text_is_digit(const struct text *text)
{
    return text->at < text->end && (uint8_t)(*text->at - '0') <= 9;
}

// Exactly `count` digits.
static int text_digits(struct text *text, uint32_t count, int64_t *value)
{
    *value = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!text_is_digit(text)) {
            return VALUE_SYNTAX;
        }
        *value = *value * 10 + (*text->at++ - '0');
    }
    return 0;
}

static int parse_whole(const char *text, size_t size, int64_t min, int64_t max, int64_t *value)
{
    struct text rest = {text, text + size};
    int is_negative = text_take(&rest, '-');
    if (!is_negative) {
        text_take(&rest, '+');
    }
    if (!text_is_digit(&rest)) {
        return VALUE_SYNTAX;
    }
    int64_t total = 0; // negative, as that side reaches further
    int is_beyond = 0;
    for (; text_is_digit(&rest); rest.at++) {
        is_beyond |= __builtin_mul_overflow(total, 10, &total);
        is_beyond |= __builtin_sub_overflow(total, *rest.at - '0', &total);
    }
    if (rest.at != rest.end) {
        return VALUE_SYNTAX;
    }
    if (is_beyond || (!is_negative && total == INT64_MIN)) {
        return VALUE_RANGE;
    }
    *value = is_negative ? total : -total;
    return *value < min || *value > max ? VALUE_RANGE : 0;
}

static int parse_int(struct weir_type type, const char *text, size_t size, void *out)
{
    uint32_t width = weir_type_width(type);
    assert(width >= 1 && width <= 8);
    int64_t max = INT64_MAX >> (64 - 8 * width), value;
    int rc = parse_whole(text, size, -max - 1, max, &value);
    if (rc == 0) {
        memcpy(out, &value, width); // little-endian
    }
    return rc;
}

static int parse_bool(const char *text, size_t size, uint8_t *out)
{
    if ((size == 4 && strncasecmp(text, "true", 4) == 0) || (size == 1 && *text == '1')) {
        *out = 1;
        return 0;
    }
    if ((size == 5 && strncasecmp(text, "false", 5) == 0) || (size == 1 && *text == '0')) {
        *out = 0;
        return 0;
    }
    return VALUE_SYNTAX;
}

// [+-]YYYY-MM-DD; with a sign a year may have up to nine digits.
static int take_date(struct text *text, int64_t *days)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_negative = text_take(text, '-');
    int is_signed = is_negative || text_take(text, '+');
    int64_t year, month, day;
    if (text_digits(text, 4, &year) != 0) {
        return VALUE_SYNTAX;
    }
    for (uint32_t i = 0; is_signed && i < 5 && text_is_digit(text); i++) {
        year = year * 10 + (*text->at++ - '0');
    }
    if (!text_take(text, '-') || text_digits(text, 2, &month) != 0 || !text_take(text, '-') ||
        text_digits(text, 2, &day) != 0) {
        return VALUE_SYNTAX;
    }
    year = is_negative ? -year : year;
    int is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 ||
        day > month_days[month - 1] + (month == 2 && is_leap)) {
        return VALUE_RANGE;
    }
    *days = value_days_from_date(year, (uint32_t)month, (uint32_t)day);
    return 0;
}

// HH:MM[:SS[.digits]] as nanoseconds of the day. `digits` of the fraction are kept; others must be
// zero.
static int take_time(struct text *text, uint32_t digits, int64_t *nanoseconds)
{
    int64_t hour, minute, second = 0, fraction = 0;
    uint32_t count = 0;
    int is_cut = 0;
    if (text_digits(text, 2, &hour) != 0 || !text_take(text, ':') ||
        text_digits(text, 2, &minute) != 0) {
        return VALUE_SYNTAX;
    }
    if (text_take(text, ':')) {
        if (text_digits(text, 2, &second) != 0) {
            return VALUE_SYNTAX;
        }
        if (text_take(text, '.') && !text_is_digit(text)) {
            return VALUE_SYNTAX;
        }
        for (; text_is_digit(text); text->at++, count++) {
            if (count < digits) {
                fraction = fraction * 10 + (*text->at - '0');
            } else {
                is_cut |= *text->at != '0';
            }
        }
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return VALUE_RANGE;
    }
    for (uint32_t i = count < digits ? count : digits; i < 9; i++) {
        fraction *= 10;
    }
    *nanoseconds = ((hour * 60 + minute) * 60 + second) * 1000000000 + fraction;
    return is_cut ? VALUE_PRECISION : 0;
}

// Nothing, Z, or an offset from UTC: seconds, and whether there was one.
static int take_zone(struct text *text, int64_t *seconds, int *is_there)
{
    *seconds = 0;
    *is_there = 1;
    if (text->at == text->end) {
        *is_there = 0;
        return 0;
    }
    if (text_take(text, 'Z') || text_take(text, 'z')) {
        return 0;
    }
    int64_t hours, minutes = 0;
    int is_negative = text_take(text, '-');
    if ((!is_negative && !text_take(text, '+')) || text_digits(text, 2, &hours) != 0) {
        return VALUE_SYNTAX;
    }
    if (text->at < text->end) {
        text_take(text, ':');
        if (text_digits(text, 2, &minutes) != 0) {
            return VALUE_SYNTAX;
        }
    }
    if (hours > 18 || minutes > 59) {
        return VALUE_RANGE;
    }
    *seconds = (hours * 60 + minutes) * (is_negative ? -60 : 60);
    return 0;
}

static int parse_date(const char *text, size_t size, int32_t *out)
{
    struct text rest = {text, text + size};
    int64_t days;
    int rc = take_date(&rest, &days);
    if (rc != 0 || rest.at != rest.end) {
        return rc != 0 ? rc : VALUE_SYNTAX;
    }
    *out = (int32_t)days;
    return *out == days ? 0 : VALUE_RANGE;
}

static int parse_time(const char *text, size_t size, int32_t *out)
{
    struct text rest = {text, text + size};
    int64_t nanoseconds = 0;
    int rc = take_time(&rest, 3, &nanoseconds);
    if (rest.at != rest.end && rc != VALUE_RANGE) {
        return VALUE_SYNTAX;
    }
    *out = (int32_t)(nanoseconds / 1000000);
    return rc;
}

static int timestamp_store(struct weir_type type, int64_t seconds, int64_t nanoseconds, void *out)
{
    int64_t unit = type.precision <= 3 ? 1000 : 1000000, value;
    if (type.precision <= 6) {
        if (__builtin_mul_overflow(seconds, unit, &value) ||
            __builtin_add_overflow(value, nanoseconds / (1000000000 / unit), &value)) {
            return VALUE_RANGE;
        }
        memcpy(out, &value, sizeof value);
        return 0;
    }
    if (__builtin_mul_overflow(seconds, 1000, &value)) {
        return VALUE_RANGE;
    }
    struct weir_timestamp timestamp = {value + nanoseconds / 1000000,
                                       (int32_t)(nanoseconds % 1000000), 0};
    memcpy(out, &timestamp, sizeof timestamp);
    return 0;
}

static int parse_timestamp(struct weir_type type, const char *text, size_t size, void *out)
{
    struct text rest = {text, text + size};
    int64_t days, nanoseconds = 0, zone;
    int has_zone = 0, rc = take_date(&rest, &days);
    if (rc == 0 && rest.at < rest.end) { // a date alone is its midnight
        uint32_t digits = type.precision <= 3 ? 3 : type.precision <= 6 ? 6 : 9;
        if (*rest.at != 'T' && *rest.at != 't' && *rest.at != ' ') {
            return VALUE_SYNTAX;
        }
        rest.at++;
        rc = take_time(&rest, digits, &nanoseconds);
        int zone_rc = rc == VALUE_SYNTAX ? rc : take_zone(&rest, &zone, &has_zone);
        rc = zone_rc != 0 ? zone_rc : rc;
        if (rc != VALUE_SYNTAX && rest.at != rest.end) {
            return VALUE_SYNTAX;
        }
    }
    if (rc != 0) {
        return rc;
    }
    if (has_zone && type.id == WEIR_TYPE_TIMESTAMP) {
        return VALUE_ZONE;
    }
    int64_t seconds = days * 86400 + nanoseconds / 1000000000 - (has_zone ? zone : 0);
    return timestamp_store(type, seconds, nanoseconds % 1000000000, out);
}

static int parse_decimal(struct weir_type type, const char *text, size_t size, void *out)
{
    struct text rest = {text, text + size};
    int is_negative = text_take(&rest, '-');
    if (!is_negative) {
        text_take(&rest, '+');
    }
    uint32_t whole_max = (uint32_t)type.precision - type.scale, whole = 0, fraction = 0, seen = 0;
    int128 total = 0;
    int is_beyond = 0, is_cut = 0;
    for (; text_is_digit(&rest); rest.at++, seen++) {
        whole += whole > 0 || *rest.at != '0';
        is_beyond |= whole > whole_max;
        total = is_beyond ? 0 : total * 10 + (*rest.at - '0');
    }
    if (text_take(&rest, '.') && !text_is_digit(&rest)) {
        return VALUE_SYNTAX;
    }
    for (; text_is_digit(&rest); rest.at++, seen++) {
        if (fraction < type.scale) {
            total = is_beyond ? 0 : total * 10 + (*rest.at - '0');
            fraction++;
        } else {
            is_cut |= *rest.at != '0';
        }
    }
    if (seen == 0 || rest.at != rest.end) {
        return VALUE_SYNTAX;
    }
    for (; fraction < type.scale && !is_beyond; fraction++) {
        total *= 10;
    }
    total = is_negative ? -total : total;
    memcpy(out, &total, sizeof total);
    return is_beyond ? VALUE_RANGE : is_cut ? VALUE_PRECISION : 0;
}

int value_parse(struct weir_type type, const char *text, size_t size, void *out)
{
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        return parse_bool(text, size, out);
    case WEIR_TYPE_INT8:
    case WEIR_TYPE_INT16:
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_INT64:
        return parse_int(type, text, size, out);
    case WEIR_TYPE_FLOAT32:
        return number_parse_float(text, size, out);
    case WEIR_TYPE_FLOAT64:
        return number_parse_double(text, size, out);
    case WEIR_TYPE_DATE:
        return parse_date(text, size, out);
    case WEIR_TYPE_TIME:
        return parse_time(text, size, out);
    case WEIR_TYPE_DECIMAL:
        return parse_decimal(type, text, size, out);
    default:
        return parse_timestamp(type, text, size, out);
    }
}

// --- Reasons ---

char *value_type_name(struct weir_type type, char out[32])
{
    static const char *const names[] = {
        "",       "bool",  "int8", "int16", "int32",     "int64",         "float32", "float64",
        "string", "bytes", "date", "time",  "timestamp", "timestamp_ltz", "decimal"};
    const char *name = type.id <= WEIR_TYPE_DECIMAL ? names[type.id] : "?";
    if (type.id == WEIR_TYPE_DECIMAL) {
        snprintf(out, 32, "%s(%u,%u)", name, type.precision, type.scale);
    } else if (type.id == WEIR_TYPE_TIMESTAMP || type.id == WEIR_TYPE_TIMESTAMP_LTZ) {
        snprintf(out, 32, "%s(%u)", name, type.precision);
    } else if (weir_type_is_text(type) && type.length != 0) {
        snprintf(out, 32, "%s(%u)", name, type.length);
    } else {
        snprintf(out, 32, "%s", name);
    }
    return out;
}

static const char *expected_form(struct weir_type type)
{
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        return " (true, false, 1 or 0)";
    case WEIR_TYPE_BYTES:
        return " (base64)";
    case WEIR_TYPE_DATE:
        return " (YYYY-MM-DD)";
    case WEIR_TYPE_TIME:
        return " (HH:MM:SS.mmm)";
    case WEIR_TYPE_TIMESTAMP:
        return " (YYYY-MM-DDTHH:MM:SS)";
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return " (YYYY-MM-DDTHH:MM:SSZ)";
    default:
        return "";
    }
}

// The text for people: at most 40 bytes of it, valid UTF-8, on one line.
static void excerpt(const char *text, size_t size, char out[64])
{
    size_t length = size > 40 ? 40 : size;
    length = value_utf8(text, length);
    for (size_t i = 0; i < length; i++) {
        out[i] = (uint8_t)text[i] < 32 ? ' ' : text[i];
    }
    snprintf(out + length, 64 - length, "%s", length < size ? "..." : "");
}

void value_reason(int code, struct weir_type type, const char *text, size_t size,
                  char reason[VALUE_REASON_MAX])
{
    char name[32], shown[64];
    value_type_name(type, name);
    excerpt(text, size, shown);
    switch (code) {
    case VALUE_RANGE:
        snprintf(reason, VALUE_REASON_MAX, "`%s` is out of the range of %s", shown, name);
        break;
    case VALUE_ZONE:
        snprintf(reason, VALUE_REASON_MAX,
                 "`%s` has a time zone, but %s is local time: make the column timestamp_ltz", shown,
                 name);
        break;
    case VALUE_PRECISION:
        snprintf(reason, VALUE_REASON_MAX, "`%s` has more digits after the point than %s keeps",
                 shown, name);
        break;
    case VALUE_ENCODING:
        snprintf(reason, VALUE_REASON_MAX, "the text is not valid UTF-8 (byte %zu of it)",
                 value_utf8(text, size) + 1);
        break;
    case VALUE_LENGTH:
        snprintf(reason, VALUE_REASON_MAX, "`%s` is longer than %s", shown, name);
        break;
    case VALUE_TOO_LARGE:
        snprintf(reason, VALUE_REASON_MAX, "the value takes more than %u bytes, the most allowed",
                 WEIR_VALUE_BYTES_MAX);
        break;
    case VALUE_NO_MEMORY:
        snprintf(reason, VALUE_REASON_MAX, "no memory for the value");
        break;
    default:
        snprintf(reason, VALUE_REASON_MAX, "`%s` is not %s %s%s", shown,
                 type.id >= WEIR_TYPE_INT8 && type.id <= WEIR_TYPE_INT64 ? "an" : "a", name,
                 expected_form(type));
        break;
    }
}

// --- Printing ---

static char *print_digits(char *out, uint64_t value, uint32_t count)
{
    for (uint32_t i = count; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + count;
}

static char *print_date(char *out, int64_t days)
{
    int64_t year;
    uint32_t month, day;
    value_date_from_days(days, &year, &month, &day);
    uint64_t shown = (uint64_t)(year < 0 ? -year : year);
    if (year < 0 || year > 9999) {
        *out++ = year < 0 ? '-' : '+';
        out = shown > 9999 ? number_print_int(out, (int64_t)shown) : print_digits(out, shown, 4);
    } else {
        out = print_digits(out, shown, 4);
    }
    *out++ = '-';
    out = print_digits(out, month, 2);
    *out++ = '-';
    return print_digits(out, day, 2);
}

// `digits` (0 to 9) of the nanoseconds follow the seconds.
static char *print_time(char *out, int64_t seconds, int64_t nanoseconds, uint32_t digits)
{
    out = print_digits(out, (uint64_t)(seconds / 3600), 2);
    *out++ = ':';
    out = print_digits(out, (uint64_t)(seconds / 60 % 60), 2);
    *out++ = ':';
    out = print_digits(out, (uint64_t)(seconds % 60), 2);
    if (digits > 0) {
        *out++ = '.';
        char all[9];
        print_digits(all, (uint64_t)nanoseconds, 9);
        memcpy(out, all, digits);
        out += digits;
    }
    return out;
}

static char *print_timestamp(struct weir_type type, const void *value, char *out)
{
    struct weir_timestamp timestamp = {0, 0, 0};
    int64_t number;
    if (type.precision > 6) {
        memcpy(&timestamp, value, sizeof timestamp);
    } else {
        memcpy(&number, value, sizeof number);
        int64_t unit = type.precision > 3 ? 1000 : 1;
        timestamp.ms = number / unit - (number % unit < 0);
        timestamp.nanoseconds = (int32_t)((number - timestamp.ms * unit) * 1000);
    }
    int64_t days = timestamp.ms / DAY_MS - (timestamp.ms % DAY_MS < 0);
    int64_t ms = timestamp.ms - days * DAY_MS;
    out = print_date(out, days);
    *out++ = 'T';
    out = print_time(out, ms / 1000, ms % 1000 * 1000000 + timestamp.nanoseconds, type.precision);
    if (type.id == WEIR_TYPE_TIMESTAMP_LTZ) {
        *out++ = 'Z';
    }
    return out;
}

static char *print_decimal(struct weir_type type, const void *value, char *out)
{
    int128 number;
    memcpy(&number, value, sizeof number);
    __extension__ unsigned __int128 rest =
        number < 0 ? -(unsigned __int128)number : (unsigned __int128)number;
    char digits[48];
    uint32_t count = 0;
    while (rest > 0 || count <= type.scale) {
        digits[count++] = (char)('0' + (uint32_t)(rest % 10));
        rest /= 10;
    }
    if (number < 0) {
        *out++ = '-';
    }
    while (count > 0) {
        if (count == type.scale) {
            *out++ = '.';
        }
        *out++ = digits[--count];
    }
    return out;
}

static char *print_int(struct weir_type type, const void *value, char *out)
{
    int64_t number = 0;
    uint32_t width = weir_type_width(type), shift = 64 - 8 * width;
    assert(width >= 1 && width <= 8);
    memcpy(&number, value, width);
    return number_print_int(out, (int64_t)((uint64_t)number << shift) >> shift);
}

char *value_print(struct weir_type type, const void *value, char *out)
{
    int32_t narrow;
    float single;
    double real;
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        return stpcpy(out, *(const uint8_t *)value ? "true" : "false");
    case WEIR_TYPE_FLOAT32:
        memcpy(&single, value, sizeof single);
        return number_print_float(out, single);
    case WEIR_TYPE_FLOAT64:
        memcpy(&real, value, sizeof real);
        return number_print_double(out, real);
    case WEIR_TYPE_DATE:
        memcpy(&narrow, value, sizeof narrow);
        return print_date(out, narrow);
    case WEIR_TYPE_TIME:
        memcpy(&narrow, value, sizeof narrow);
        return print_time(out, narrow / 1000, (int64_t)(narrow % 1000) * 1000000, 3);
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return print_timestamp(type, value, out);
    case WEIR_TYPE_DECIMAL:
        return print_decimal(type, value, out);
    default:
        return print_int(type, value, out);
    }
}

// --- UTF-8 and base64 ---

// The length of the valid character at p, or 0.
static size_t character_size(const uint8_t *p, size_t left)
{
    if (p[0] < 0x80) {
        return 1;
    }
    size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || // overlong, surrogate
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) { // overlong, above 10ffff
        return 0;
    }
    return size;
}

size_t value_utf8(const char *bytes, size_t size)
{
    size_t i = 0;
    while (i < size) {
        if (i + 8 <= size && (number_load(bytes + i) & 0x8080808080808080u) == 0) {
            i += 8;
            continue;
        }
        size_t step = character_size((const uint8_t *)bytes + i, size - i);
        if (step == 0) {
            return i;
        }
        i += step;
    }
    return size;
}

size_t value_utf8_count(const char *bytes, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += ((uint8_t)bytes[i] & 0xc0) != 0x80;
    }
    return count;
}

void value_base64_encode(const uint8_t *bytes, size_t size, char *out)
{
    static const char signs[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3, out += 4) {
        size_t left = size - i;
        uint32_t three = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        out[0] = signs[three >> 18];
        out[1] = signs[three >> 12 & 63];
        out[2] = left > 1 ? signs[three >> 6 & 63] : '=';
        out[3] = left > 2 ? signs[three & 63] : '=';
    }
}

static int32_t base64_digit(char sign)
{
    if (sign >= 'A' && sign <= 'Z') {
        return sign - 'A';
    }
    if (sign >= 'a' && sign <= 'z') {
        return sign - 'a' + 26;
    }
    if (sign >= '0' && sign <= '9') {
        return sign - '0' + 52;
    }
    return sign == '+' ? 62 : sign == '/' ? 63 : -1;
}

int64_t value_base64_decode(const char *text, size_t size, uint8_t *out)
{
    if (size % 4 != 0) {
        return -1;
    }
    int64_t count = 0;
    for (size_t i = 0; i < size; i += 4) {
        uint32_t three = 0, padding = 0;
        for (size_t j = 0; j < 4; j++) {
            int32_t digit = base64_digit(text[i + j]);
            if (digit < 0 || padding > 0) {
                if (text[i + j] != '=' || i + 4 != size || j < 2) {
                    return -1;
                }
                padding++;
                digit = 0;
            }
            three = three << 6 | (uint32_t)digit;
        }
        for (uint32_t j = 0; j < 3 - padding; j++) {
            out[count++] = (uint8_t)(three >> (16 - 8 * j));
        }
    }
    return count;
}
