// Where windows begin and end: time cut into pieces of one length or of whole months, aligned to
// 1970-01-01 UTC or local time, shifted by an offset. Windows follow each other without gaps, each
// instant lies in one. Times are us since 1970 UTC.
//
// Under a time zone a window begins when the local clock shows its boundary. Where clocks go back,
// a boundary that is shown twice begins a window each time, and a longer window simply has an hour
// more; where they go forward over a boundary, the window begins at the change.
#ifndef WINDOW_CALENDAR_H
#define WINDOW_CALENDAR_H

#include <stdint.h>

#include "zone.h"

// Times beyond about the years -71000 and 75000 are refused.
#define CALENDAR_TIME_MAX (INT64_MAX / 4)

struct calendar {
    int64_t size_us; // of a window, or
    int64_t months;  // the same in months
    int64_t offset_us;
    const struct zone *zone; // NULL: UTC
};

int64_t calendar_start(const struct calendar *calendar, int64_t time_us);
int64_t calendar_end(const struct calendar *calendar, int64_t time_us);

// Days from 1970-01-01 to the first of a month (1 to 12), in the Gregorian calendar of all time.
int64_t calendar_days(int64_t year, int64_t month);

#endif
