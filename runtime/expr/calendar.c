#include "expr/calendar.h"

#include <stdio.h>

#include "expr/number.h"

struct reader {
    const char *at;
    const char *end;
};

uint32_t days_of_month(int64_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (uint32_t)(month == 2 && is_leap);
}

uint32_t date_format(int32_t days, char *text)
{
    struct civil civil = civil_from_days(days);
    return (uint32_t)sprintf(text, "%s%04lld-%02u-%02u", civil.year < 0 ? "-" : "",
                             (long long)(civil.year < 0 ? -civil.year : civil.year), civil.month,
                             civil.day);
}

// The first digits of nine that stand behind the point.
static uint32_t fraction_format(uint32_t nanoseconds, uint32_t precision, char *text)
{
    if (precision == 0) {
        return 0;
    }
    char digits[16];
    snprintf(digits, sizeof digits, "%09u", nanoseconds);
    text[0] = '.';
    memcpy(text + 1, digits, precision);
    text[1 + precision] = '\0';
    return 1 + precision;
}

static uint32_t clock_format(uint32_t ms, uint32_t nanoseconds, uint32_t precision, char *text)
{
    uint32_t seconds = ms / 1000;
    uint32_t length = (uint32_t)sprintf(text, "%02u:%02u:%02u", seconds / 3600 % 24,
                                        seconds / 60 % 60, seconds % 60);
    return length + fraction_format(ms % 1000 * 1000000 + nanoseconds, precision, text + length);
}

uint32_t time_format(int32_t ms, uint32_t precision, char *text)
{
    uint32_t shown = precision == 0 && ms % 1000 != 0 ? 3 : precision;
    return clock_format((uint32_t)ms, 0, shown > 3 ? 3 : shown, text);
}

uint32_t timestamp_format(struct weir_timestamp timestamp, struct weir_type type, char *text)
{
    int64_t days = floor_divide(timestamp.ms, DAY_MS);
    struct civil civil = civil_from_days(days);
    uint32_t length = (uint32_t)sprintf(text, "%s%04lld-%02u-%02u ", civil.year < 0 ? "-" : "",
                                        (long long)(civil.year < 0 ? -civil.year : civil.year),
                                        civil.month, civil.day);
    length += clock_format((uint32_t)floor_modulo(timestamp.ms, DAY_MS),
                           (uint32_t)timestamp.nanoseconds, type.precision, text + length);
    if (type.id == WEIR_TYPE_TIMESTAMP_LTZ) {
        memcpy(text + length, "Z", 2);
        length++;
    }
    return length;
}

// Between least and most digits.
static int read_digits(struct reader *reader, uint32_t least, uint32_t most, int64_t *number)
{
    uint32_t count = 0;
    *number = 0;
    while (count < most && reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
        *number = *number * 10 + (*reader->at++ - '0');
        count++;
    }
    return count >= least;
}

static int read_char(struct reader *reader, char c)
{
    if (reader->at < reader->end && *reader->at == c) {
        reader->at++;
        return 1;
    }
    return 0;
}

static int make_days(int64_t year, int64_t month, int64_t day, int64_t *days)
{
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, (uint32_t)month)) {
        return 0;
    }
    *days = days_from_civil(year, (uint32_t)month, (uint32_t)day);
    return 1;
}

static int read_date(struct reader *reader, int64_t *days)
{
    int64_t year, month, day;
    int is_negative = read_char(reader, '-');
    return read_digits(reader, 4, 7, &year) && read_char(reader, '-') &&
           read_digits(reader, 1, 2, &month) && read_char(reader, '-') &&
           read_digits(reader, 1, 2, &day) &&
           make_days(is_negative ? -year : year, month, day, days);
}

// HH:MM[:SS[.fraction]] in ms and ns.
static int read_clock(struct reader *reader, int64_t *ms, int32_t *nanoseconds)
{
    int64_t hour, minute, second = 0, fraction = 0;
    if (!read_digits(reader, 1, 2, &hour) || !read_char(reader, ':') ||
        !read_digits(reader, 2, 2, &minute) ||
        (read_char(reader, ':') && !read_digits(reader, 2, 2, &second))) {
        return 0;
    }
    if (read_char(reader, '.')) {
        const char *start = reader->at;
        if (!read_digits(reader, 1, 9, &fraction)) {
            return 0;
        }
        for (int64_t i = reader->at - start; i < 9; i++) {
            fraction *= 10;
        }
        while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') {
            reader->at++;
        }
    }
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction / 1000000;
    *nanoseconds = (int32_t)(fraction % 1000000);
    return hour < 24 && minute < 60 && second < 60;
}

static int read_zone(struct reader *reader, int64_t *offset_ms)
{
    int64_t hour, minute = 0;
    *offset_ms = 0;
    if (reader->at == reader->end || read_char(reader, 'Z') || read_char(reader, 'z')) {
        return 1;
    }
    int is_west = read_char(reader, '-');
    if ((!is_west && !read_char(reader, '+')) || !read_digits(reader, 2, 2, &hour)) {
        return 0;
    }
    read_char(reader, ':');
    if (reader->at < reader->end && !read_digits(reader, 2, 2, &minute)) {
        return 0;
    }
    *offset_ms = (hour * 60 + minute) * 60000 * (is_west ? -1 : 1);
    return hour < 24 && minute < 60;
}

static struct reader read_trimmed(struct slice text)
{
    text = slice_trim(text);
    return (struct reader){text.at, text.at + text.length};
}

int date_parse(struct slice text, int32_t *days)
{
    struct reader reader = read_trimmed(text);
    int64_t read;
    if (!read_date(&reader, &read) || reader.at != reader.end || read != (int32_t)read) {
        return 0;
    }
    *days = (int32_t)read;
    return 1;
}

int time_parse(struct slice text, int32_t *ms)
{
    struct reader reader = read_trimmed(text);
    int64_t read;
    int32_t nanoseconds;
    if (!read_clock(&reader, &read, &nanoseconds) || reader.at != reader.end) {
        return 0;
    }
    *ms = (int32_t)read;
    return 1;
}

int timestamp_parse(struct slice text, int is_instant, struct weir_timestamp *timestamp)
{
    struct reader reader = read_trimmed(text);
    int64_t days, ms = 0, offset_ms = 0;
    int32_t nanoseconds = 0;
    if (!read_date(&reader, &days)) {
        return 0;
    }
    if (read_char(&reader, 'T') || read_char(&reader, ' ')) {
        if (!read_clock(&reader, &ms, &nanoseconds)) {
            return 0;
        }
    }
    if ((is_instant && !read_zone(&reader, &offset_ms)) || reader.at != reader.end) {
        return 0;
    }
    *timestamp = (struct weir_timestamp){days * DAY_MS + ms - offset_ms, nanoseconds, 0};
    return 1;
}

struct weir_timestamp timestamp_load(struct weir_type type, const void *value)
{
    struct weir_timestamp timestamp = {0};
    if (type.precision > 6) {
        memcpy(&timestamp, value, sizeof timestamp);
        return timestamp;
    }
    memcpy(&timestamp.ms, value, sizeof timestamp.ms);
    if (type.precision > 3) {
        int64_t us = timestamp.ms;
        timestamp.ms = floor_divide(us, 1000);
        timestamp.nanoseconds = (int32_t)floor_modulo(us, 1000) * 1000;
    }
    return timestamp;
}

int timestamp_store(struct weir_timestamp timestamp, struct weir_type type, void *value)
{
    static const int64_t units[] = {1000, 100, 10, 1, 100000, 10000, 1000, 100, 10, 1};
    int64_t unit = units[type.precision];
    if (type.precision <= 3) {
        int is_bad =
            __builtin_sub_overflow(timestamp.ms, floor_modulo(timestamp.ms, unit), &timestamp.ms);
        memcpy(value, &timestamp.ms, sizeof timestamp.ms);
        return !is_bad;
    }
    timestamp.nanoseconds -= (int32_t)(timestamp.nanoseconds % unit);
    if (type.precision > 6) {
        memcpy(value, &timestamp, sizeof timestamp);
        return 1;
    }
    int64_t us;
    if (__builtin_mul_overflow(timestamp.ms, 1000, &us) ||
        __builtin_add_overflow(us, timestamp.nanoseconds / 1000, &us)) {
        return 0;
    }
    memcpy(value, &us, sizeof us);
    return 1;
}

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int read_month_name(struct reader *reader, int64_t *month)
{
    for (unsigned i = 0; i < 12 && reader->end - reader->at >= 3; i++) {
        const char *name = month_names[i];
        if ((reader->at[0] | 0x20) == (name[0] | 0x20) && (reader->at[1] | 0x20) == name[1] &&
            (reader->at[2] | 0x20) == name[2]) {
            reader->at += 3;
            *month = i + 1;
            return 1;
        }
    }
    return 0;
}

struct moment {
    int64_t year, month, day, hour, minute, second, ms, day_of_year, offset_ms;
};

static int read_milliseconds(struct reader *reader, int64_t *ms)
{
    const char *start = reader->at;
    if (!read_digits(reader, 1, 3, ms)) {
        return 0;
    }
    for (int64_t i = reader->at - start; i < 3; i++) {
        *ms *= 10;
    }
    return 1;
}

static int read_field(struct reader *reader, char field, struct moment *moment)
{
    int64_t part = 0;
    switch (field) {
    case 'Y':
        return read_digits(reader, 4, 4, &moment->year);
    case 'y':
        if (!read_digits(reader, 2, 2, &part)) {
            return 0;
        }
        moment->year = part + (part < 70 ? 2000 : 1900);
        return 1;
    case 'm':
        return read_digits(reader, 1, 2, &moment->month);
    case 'b':
        return read_month_name(reader, &moment->month);
    case 'd':
    case 'e':
        read_char(reader, ' ');
        return read_digits(reader, 1, 2, &moment->day);
    case 'j':
        return read_digits(reader, 1, 3, &moment->day_of_year) && moment->day_of_year > 0;
    case 'H':
        return read_digits(reader, 1, 2, &moment->hour);
    case 'M':
        return read_digits(reader, 1, 2, &moment->minute);
    case 'S':
        return read_digits(reader, 1, 2, &moment->second);
    case 'L':
        return read_milliseconds(reader, &moment->ms);
    case 'z':
        return reader->at < reader->end && read_zone(reader, &moment->offset_ms);
    default:
        return field == '%' && read_char(reader, '%');
    }
}

int calendar_parse(struct slice text, struct slice format, int64_t *ms)
{
    struct reader reader = {text.at, text.at + text.length};
    struct moment moment = {.year = 1970, .month = 1, .day = 1};
    for (uint32_t i = 0; i < format.length; i++) {
        int is_field = format.at[i] == '%' && i + 1 < format.length;
        if (!(is_field ? read_field(&reader, format.at[++i], &moment)
                       : read_char(&reader, format.at[i]))) {
            return 0;
        }
    }
    int64_t days;
    if (reader.at != reader.end || moment.hour > 23 || moment.minute > 59 || moment.second > 59 ||
        !make_days(moment.year, moment.month, moment.day, &days)) {
        return 0;
    }
    if (moment.day_of_year > 0) {
        days = days_from_civil(moment.year, 1, 1) + moment.day_of_year - 1;
        if (civil_from_days(days).year != moment.year) {
            return 0;
        }
    }
    *ms = days * DAY_MS + ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000 +
          moment.ms - moment.offset_ms;
    return 1;
}

static int write_field(char field, int64_t days, int64_t of_day, char *text, size_t size)
{
    static const char *const day_names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    struct civil civil = civil_from_days(days);
    switch (field) {
    case 'Y':
        return snprintf(text, size, "%04lld", (long long)civil.year);
    case 'y':
        return snprintf(text, size, "%02lld", (long long)floor_modulo(civil.year, 100));
    case 'm':
        return snprintf(text, size, "%02u", civil.month);
    case 'b':
        return snprintf(text, size, "%s", month_names[civil.month - 1]);
    case 'd':
        return snprintf(text, size, "%02u", civil.day);
    case 'e':
        return snprintf(text, size, "%2u", civil.day);
    case 'a':
        return snprintf(text, size, "%s", day_names[floor_modulo(days + 3, 7)]);
    case 'j':
        return snprintf(text, size, "%03d", (int)(days - days_from_civil(civil.year, 1, 1) + 1));
    case 'H':
        return snprintf(text, size, "%02d", (int)(of_day / 3600000));
    case 'M':
        return snprintf(text, size, "%02d", (int)(of_day / 60000 % 60));
    case 'S':
        return snprintf(text, size, "%02d", (int)(of_day / 1000 % 60));
    case 'L':
        return snprintf(text, size, "%03d", (int)(of_day % 1000));
    case 'z':
        return snprintf(text, size, "Z");
    case '%':
        return snprintf(text, size, "%%");
    default:
        return -1;
    }
}

int calendar_format(int64_t ms, struct slice format, char *text, uint32_t size, uint32_t *length)
{
    int64_t days = floor_divide(ms, DAY_MS);
    *length = 0;
    for (uint32_t i = 0; i < format.length; i++) {
        char field[24] = {format.at[i], '\0'};
        int written = 1;
        if (format.at[i] == '%') {
            written =
                ++i < format.length
                    ? write_field(format.at[i], days, floor_modulo(ms, DAY_MS), field, sizeof field)
                    : -1;
        }
        if (written < 0 || *length + (uint32_t)written > size) {
            return 0;
        }
        memcpy(text + *length, field, (size_t)written);
        *length += (uint32_t)written;
    }
    return 1;
}
