#include "calendar.h"

#include <stddef.h>

#define DAY_US 86400000000LL

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

// Howard Hinnant's days_from_civil and civil_from_days
// (https://howardhinnant.github.io/date_algorithms.html).
int64_t calendar_days(int64_t year, int64_t month)
{
    year -= month <= 2;
    int64_t era = floor_divide(year, 400), year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

// Months from 1970-01 to the month of a day.
static int64_t month_of(int64_t days)
{
    days += 719468;
    int64_t era = floor_divide(days, 146097), day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153, month = shifted + (shifted < 10 ? 3 : -9);
    return (year_of_era + era * 400 + (month <= 2) - 1970) * 12 + month - 1;
}

static int64_t month_start_us(int64_t months)
{
    int64_t years = floor_divide(months, 12);
    return calendar_days(1970 + years, months - years * 12 + 1) * DAY_US;
}

// The boundary at or before a local time, `steps` windows on.
static int64_t boundary(const struct calendar *calendar, int64_t local_us, int64_t steps)
{
    int64_t shifted = local_us - calendar->offset_us;
    if (calendar->months == 0) {
        return (floor_divide(shifted, calendar->size_us) + steps) * calendar->size_us +
               calendar->offset_us;
    }
    int64_t number = floor_divide(month_of(floor_divide(shifted, DAY_US)), calendar->months);
    return month_start_us((number + steps) * calendar->months) + calendar->offset_us;
}

// Whether the change of the clocks at the start of a span begins a window.
static int begins_window(const struct calendar *calendar, struct zone_span span)
{
    if (span.start == INT64_MIN) {
        return 0;
    }
    int64_t before = span.start - 1 + zone_span(calendar->zone, span.start - 1).offset;
    int64_t after = span.start + span.offset;
    int64_t boundary_after = boundary(calendar, after, 0);
    return boundary_after == after || boundary(calendar, before, 0) != boundary_after;
}

int64_t calendar_start(const struct calendar *calendar, int64_t time_us)
{
    if (calendar->zone == NULL) {
        return boundary(calendar, time_us, 0);
    }
    for (;;) {
        struct zone_span span = zone_span(calendar->zone, time_us);
        int64_t start = boundary(calendar, time_us + span.offset, 0) - span.offset;
        if (span.start == INT64_MIN || start >= span.start) {
            return start;
        }
        if (begins_window(calendar, span)) {
            return span.start;
        }
        time_us = span.start - 1;
    }
}

int64_t calendar_end(const struct calendar *calendar, int64_t time_us)
{
    if (calendar->zone == NULL) {
        return boundary(calendar, time_us, 1);
    }
    for (;;) {
        struct zone_span span = zone_span(calendar->zone, time_us);
        int64_t end = boundary(calendar, time_us + span.offset, 1) - span.offset;
        if (end < span.end) {
            return end;
        }
        span = zone_span(calendar->zone, span.end);
        if (begins_window(calendar, span)) {
            return span.start;
        }
        time_us = span.start;
    }
}
