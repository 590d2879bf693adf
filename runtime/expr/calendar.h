// Days and times of the proleptic Gregorian calendar, all in UTC.
#ifndef EXPR_CALENDAR_H
#define EXPR_CALENDAR_H

#include "expr/kernel.h"

#define DAY_MS 86400000

struct civil {
    int64_t year;
    uint32_t month; // 1 to 12
    uint32_t day;   // 1 to 31
};

// Days since 1970-01-01 and back (https://howardhinnant.github.io/date_algorithms.html).
static inline int64_t days_from_civil(int64_t year, uint32_t month, uint32_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    uint32_t of_era = (uint32_t)(year - era * 400);
    uint32_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + (of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

static inline struct civil civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    uint32_t of_era = (uint32_t)(days - era * 146097);
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t shifted = (5 * of_year + 2) / 153;
    uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    return (struct civil){era * 400 + year + (month <= 2), month,
                          of_year - (153 * shifted + 2) / 5 + 1};
}

static inline int64_t floor_divide(int64_t number, int64_t divisor)
{
    return number / divisor - (number % divisor < 0);
}

static inline int64_t floor_modulo(int64_t number, int64_t divisor)
{
    int64_t rest = number % divisor;
    return rest < 0 ? rest + divisor : rest;
}

uint32_t days_of_month(int64_t year, uint32_t month);

// Text of YYYY-MM-DD, HH:MM:SS[.fff] and both; the length.
uint32_t date_format(int32_t days, char *text);
uint32_t time_format(int32_t ms, uint32_t precision, char *text);
uint32_t timestamp_format(struct weir_timestamp timestamp, struct weir_type type, char *text);

// Read the whole text, spaces around it aside; 0 if it is none. A timestamp may be a date alone,
// has a space or T in between, any number of decimals, and, if it is an instant, Z or +hh:mm.
int date_parse(struct slice text, int32_t *days);
int time_parse(struct slice text, int32_t *ms);
int timestamp_parse(struct slice text, int is_instant, struct weir_timestamp *timestamp);

// Between the storage of a timestamp type and milliseconds + nanoseconds. Storing cuts what the
// precision does not hold; 0 if it does not fit.
struct weir_timestamp timestamp_load(struct weir_type type, const void *value);
int timestamp_store(struct weir_timestamp timestamp, struct weir_type type, void *value);

// Text by a format of %Y %m %d %H %M %S %L (milliseconds) %y %b %a %e %j %z and %%; see
// docs/expressions.md.
int calendar_parse(struct slice text, struct slice format, int64_t *ms);
// 0 with a format it does not know, or that needs more than size bytes.
int calendar_format(int64_t ms, struct slice format, char *text, uint32_t size, uint32_t *length);

#endif
