#include "format.h"

#include <stdio.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 format_wide;

static uint32_t format_text(const char *text, uint32_t length, char *out, uint32_t capacity)
{
    if (length < capacity) {
        memcpy(out, text, length);
        out[length] = '\0';
        return length;
    }
    uint32_t end = capacity - 4;
    while (end > 0 && ((uint8_t)text[end] & 0xc0) == 0x80) {
        end--;
    }
    memcpy(out, text, end);
    memcpy(out + end, "...", 4);
    return end + 3;
}

static uint32_t format_bytes(const uint8_t *bytes, uint32_t length, char *out, uint32_t capacity)
{
    static const char digits[] = "0123456789abcdef";
    uint32_t shown = length * 2 < capacity ? length : (capacity - 4) / 2;
    for (size_t i = 0; i < shown; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    memcpy(out + 2 * (size_t)shown, shown < length ? "..." : "", shown < length ? 4 : 1);
    return 2 * shown + (shown < length ? 3 : 0);
}

static int format_float(double value, char *out, uint32_t capacity)
{
    int length = 0;
    for (int digits = 15; digits <= 17; digits++) {
        length = snprintf(out, capacity, "%.*g", digits, value);
        if (strtod(out, NULL) == value) {
            break;
        }
    }
    return length;
}

static int format_float32(float value, char *out, uint32_t capacity)
{
    int length = 0;
    for (int digits = 6; digits <= 9; digits++) {
        length = snprintf(out, capacity, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value) {
            break;
        }
    }
    return length;
}

// Proleptic Gregorian, after Howard Hinnant, chrono-Compatible Low-Level Date Algorithms.
static int format_date(int64_t days, char *out, uint32_t capacity)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    int64_t year = year_of_era + era * 400 + (month <= 2);
    return snprintf(out, capacity, "%04lld-%02lld-%02lld", (long long)year, (long long)month,
                    (long long)day);
}

static int format_time(int64_t ms, char *out, uint32_t capacity)
{
    return snprintf(out, capacity, "%02lld:%02lld:%02lld.%03lld", (long long)(ms / 3600000),
                    (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60),
                    (long long)(ms % 1000));
}

static int format_timestamp(const struct weir_column *column, uint32_t row, char *out,
                            uint32_t capacity)
{
    const int64_t day_ms = 86400000;
    int64_t ms, below = 0; // below: what a millisecond is divided into
    if (column->type.precision > 6) {
        const struct weir_timestamp *value = (const struct weir_timestamp *)column->values + row;
        ms = value->ms;
        below = value->nanoseconds;
    } else {
        ms = ((const int64_t *)column->values)[row];
        if (column->type.precision > 3) {
            below = (ms % 1000 + 1000) % 1000;
            ms = (ms - below) / 1000;
        }
    }
    int64_t in_day = (ms % day_ms + day_ms) % day_ms;
    uint32_t at = (uint32_t)format_date((ms - in_day) / day_ms, out, capacity);
    out[at++] = ' ';
    at += (uint32_t)format_time(in_day, out + at, capacity - at);
    if (column->type.precision > 3) {
        at += (uint32_t)snprintf(out + at, capacity - at, "%0*lld",
                                 column->type.precision > 6 ? 6 : 3, (long long)below);
    }
    if (column->type.id == WEIR_TYPE_TIMESTAMP_LTZ) {
        out[at++] = 'Z';
        out[at] = '\0';
    }
    return (int)at;
}

static int format_decimal(const uint8_t *bytes, uint32_t scale, char *out)
{
    format_wide value;
    memcpy(&value, bytes, sizeof value);
    int is_negative = bytes[15] >> 7;
    value = is_negative ? -value : value;
    char digits[48];
    uint32_t count = 0, at = 0;
    while (value != 0 || count <= scale) {
        digits[count++] = (char)('0' + (int)(value % 10));
        value /= 10;
    }
    if (is_negative) {
        out[at++] = '-';
    }
    while (count > 0) {
        out[at++] = digits[--count];
        if (count == scale && scale > 0) {
            out[at++] = '.';
        }
    }
    out[at] = '\0';
    return (int)at;
}

static int format_number(const struct weir_column *column, uint32_t row, char *out,
                         uint32_t capacity)
{
    const void *values = column->values;
    switch (column->type.id) {
    case WEIR_TYPE_BOOL:
        return snprintf(out, capacity, "%s", weir_bit(values, row) ? "true" : "false");
    case WEIR_TYPE_INT8:
        return snprintf(out, capacity, "%d", ((const int8_t *)values)[row]);
    case WEIR_TYPE_INT16:
        return snprintf(out, capacity, "%d", ((const int16_t *)values)[row]);
    case WEIR_TYPE_INT32:
        return snprintf(out, capacity, "%d", ((const int32_t *)values)[row]);
    case WEIR_TYPE_INT64:
        return snprintf(out, capacity, "%lld", (long long)((const int64_t *)values)[row]);
    case WEIR_TYPE_FLOAT32:
        return format_float32(((const float *)values)[row], out, capacity);
    case WEIR_TYPE_FLOAT64:
        return format_float(((const double *)values)[row], out, capacity);
    case WEIR_TYPE_DATE:
        return format_date(((const int32_t *)values)[row], out, capacity);
    case WEIR_TYPE_TIME:
        return format_time(((const int32_t *)values)[row], out, capacity);
    case WEIR_TYPE_DECIMAL:
        return format_decimal((const uint8_t *)values + 16 * (size_t)row, column->type.scale, out);
    default:
        return format_timestamp(column, row, out, capacity);
    }
}

uint32_t format_value(const struct weir_column *column, uint32_t row, char *out, uint32_t capacity)
{
    char number[FORMAT_VALUE_BYTES_MAX];
    uint32_t length;
    if (weir_is_null(column, row)) {
        return format_text("null", 4, out, capacity);
    }
    if (column->type.id == WEIR_TYPE_STRING) {
        const char *text = weir_text(column, row, &length);
        return format_text(text, length, out, capacity);
    }
    if (column->type.id == WEIR_TYPE_BYTES) {
        const char *bytes = weir_text(column, row, &length);
        return format_bytes((const uint8_t *)bytes, length, out, capacity);
    }
    length = (uint32_t)format_number(column, row, number, sizeof number);
    return format_text(number, length, out, capacity);
}

const char *format_kind(uint32_t kind)
{
    static const char *const names[] = {"+I", "-U", "+U", "-D"};
    return names[kind & 3];
}

uint32_t format_width(const char *text)
{
    uint32_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((uint8_t)*text & 0xc0) != 0x80;
    }
    return width;
}
