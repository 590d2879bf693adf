#include "host/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show_date(struct text *text, int64_t days)
{
    // Howard Hinnant, days_from_civil turned round:
    // http://howardhinnant.github.io/date_algorithms.html
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    text_print(text, "%04" PRId64 "-%02" PRId64 "-%02" PRId64,
               year_of_era + era * 400 + (month <= 2), month, day);
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void show_seconds(struct text *text, int64_t seconds)
{
    text_print(text, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600, seconds / 60 % 60,
               seconds % 60);
}

static void show_fraction(struct text *text, int64_t nanoseconds, uint32_t digits)
{
    char fraction[16];
    snprintf(fraction, sizeof fraction, "%09" PRId64, nanoseconds);
    if (digits > 0) {
        text_print(text, ".%.*s", (int)digits, fraction);
    }
}

static void show_timestamp(struct text *text, struct weir_type type, const void *at)
{
    int64_t wide, seconds, nanoseconds;
    memcpy(&wide, at, 8);
    if (type.precision > 6) {
        struct weir_timestamp timestamp;
        memcpy(&timestamp, at, sizeof timestamp);
        seconds = floor_divide(timestamp.ms, 1000);
        nanoseconds = (timestamp.ms - seconds * 1000) * 1000000 + timestamp.nanoseconds;
    } else {
        int64_t scale = type.precision > 3 ? 1000000 : 1000;
        seconds = floor_divide(wide, scale);
        nanoseconds = (wide - seconds * scale) * (1000000000 / scale);
    }
    int64_t days = floor_divide(seconds, 86400);
    show_date(text, days);
    text_add(text, " ", 1);
    show_seconds(text, seconds - days * 86400);
    show_fraction(text, nanoseconds, type.precision);
    if (type.id == WEIR_TYPE_TIMESTAMP_LTZ) {
        text_add(text, "Z", 1);
    }
}

static void show_decimal(struct text *text, struct weir_type type, const void *at)
{
    __extension__ unsigned __int128 value;
    char digits[48];
    uint32_t n = sizeof digits, made = 0;
    memcpy(&value, at, sizeof value);
    int is_negative = (int)(value >> 127);
    value = is_negative ? -value : value;
    while (made <= type.scale || value != 0) {
        if (made == type.scale && made > 0) {
            digits[--n] = '.';
        }
        digits[--n] = (char)('0' + (int)(value % 10));
        value /= 10;
        made++;
    }
    if (is_negative) {
        digits[--n] = '-';
    }
    text_add(text, digits + n, sizeof digits - n);
}

// The shortest text that reads back as the same number.
static void show_float(struct text *text, double value, int is_narrow)
{
    char shown[40];
    for (int digits = is_narrow ? 6 : 15; digits <= 17; digits++) {
        snprintf(shown, sizeof shown, "%.*g", digits, value);
        double back = strtod(shown, NULL);
        if (back == value || (is_narrow && (float)back == (float)value)) {
            break;
        }
    }
    text_print(text, "%s", value != value ? "NaN" : shown);
}

static void show_text(struct text *text, const struct weir_column *column, uint32_t row)
{
    uint32_t length;
    const char *bytes = weir_text(column, row, &length);
    if (column->type.id == WEIR_TYPE_STRING) {
        text_add(text, bytes, length);
        return;
    }
    text_add(text, "0x", 2);
    for (uint32_t i = 0; i < length; i++) {
        text_print(text, "%02x", (unsigned char)bytes[i]);
    }
}

static int64_t load_integer(const void *at, uint32_t width)
{
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    switch (width) {
    case 1:
        memcpy(&i8, at, 1);
        return i8;
    case 2:
        memcpy(&i16, at, 2);
        return i16;
    case 4:
        memcpy(&i32, at, 4);
        return i32;
    default:
        memcpy(&i64, at, 8);
        return i64;
    }
}

static void show_fixed(struct text *text, struct weir_type type, const void *at)
{
    float narrow;
    double wide;
    switch (type.id) {
    case WEIR_TYPE_FLOAT32:
        memcpy(&narrow, at, 4);
        show_float(text, (double)narrow, 1);
        break;
    case WEIR_TYPE_FLOAT64:
        memcpy(&wide, at, 8);
        show_float(text, wide, 0);
        break;
    case WEIR_TYPE_DATE:
        show_date(text, load_integer(at, 4));
        break;
    case WEIR_TYPE_TIME: {
        int64_t ms = load_integer(at, 4);
        show_seconds(text, ms / 1000);
        show_fraction(text, ms % 1000 * 1000000, 3);
        break;
    }
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        show_timestamp(text, type, at);
        break;
    case WEIR_TYPE_DECIMAL:
        show_decimal(text, type, at);
        break;
    default:
        text_print(text, "%" PRId64, load_integer(at, weir_type_width(type)));
        break;
    }
}

void show_value(struct text *text, const struct weir_column *column, uint32_t row)
{
    if (column->encoding == WEIR_ENCODING_ABSENT) {
        text_add(text, "-", 1);
    } else if (weir_is_null(column, row)) {
        text_add(text, "NULL", 4);
    } else if (column->type.id == WEIR_TYPE_BOOL) {
        text_print(text, "%s", weir_bit(column->values, row) ? "true" : "false");
    } else if (weir_type_is_text(column->type)) {
        show_text(text, column, row);
    } else {
        const uint8_t *values = column->values;
        show_fixed(text, column->type, values + (size_t)row * weir_type_width(column->type));
    }
}

void show_row(struct text *text, const struct weir_batch *batch, uint32_t row, size_t most)
{
    size_t start = text->length;
    for (uint32_t i = 0; i < batch->column_count; i++) {
        if (batch->columns[i].encoding == WEIR_ENCODING_ABSENT) {
            continue;
        }
        if (most != 0 && text->length - start > most) {
            text_print(text, ", ...");
            return;
        }
        text_print(text, "%s%s = ", text->length > start ? ", " : "",
                   batch->schema->fields[i].name);
        show_value(text, &batch->columns[i], row);
    }
}

const char *show_kind(uint32_t kind)
{
    static const char *const names[] = {"+I", "-U", "+U", "-D"};
    return kind < 4 ? names[kind] : "??";
}
