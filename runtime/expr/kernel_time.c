// Functions of moments. A moment is int64 milliseconds since 1970-01-01 UTC here.
#include "expr/calendar.h"
#include "expr/kernels.h"

void kernel_now_ms(struct call *call)
{
    *(int64_t *)call->values = call_now_ms(call);
}

#define EACH_MOMENT(expression)                                \
    do {                                                       \
        const int64_t *moments = call->arguments[0]->values;   \
        int64_t *values = call->values;                        \
        for (uint32_t row = 0; row < call->row_count; row++) { \
            int64_t ms = moments[row];                         \
            values[row] = (expression);                        \
        }                                                      \
    } while (0)

static inline struct civil civil_of(int64_t ms)
{
    return civil_from_days(floor_divide(ms, DAY_MS));
}

void kernel_year(struct call *call)
{
    EACH_MOMENT(civil_of(ms).year);
}

void kernel_quarter(struct call *call)
{
    EACH_MOMENT((civil_of(ms).month + 2) / 3);
}

void kernel_month(struct call *call)
{
    EACH_MOMENT(civil_of(ms).month);
}

void kernel_day(struct call *call)
{
    EACH_MOMENT(civil_of(ms).day);
}

void kernel_hour(struct call *call)
{
    EACH_MOMENT(floor_modulo(ms, DAY_MS) / 3600000);
}

void kernel_minute(struct call *call)
{
    EACH_MOMENT(floor_modulo(ms, 3600000) / 60000);
}

void kernel_second(struct call *call)
{
    EACH_MOMENT(floor_modulo(ms, 60000) / 1000);
}

void kernel_millisecond(struct call *call)
{
    EACH_MOMENT(floor_modulo(ms, 1000));
}

// Monday is 1, Sunday 7 (ISO 8601).
void kernel_day_of_week(struct call *call)
{
    EACH_MOMENT(floor_modulo(floor_divide(ms, DAY_MS) + 3, 7) + 1);
}

static int64_t day_of_year(int64_t ms)
{
    int64_t days = floor_divide(ms, DAY_MS);
    return days - days_from_civil(civil_from_days(days).year, 1, 1) + 1;
}

void kernel_day_of_year(struct call *call)
{
    EACH_MOMENT(day_of_year(ms));
}

// The last day of the month, in days since 1970-01-01.
void kernel_last_day(struct call *call)
{
    const int64_t *moments = call->arguments[0]->values;
    int32_t *values = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        struct civil civil = civil_of(moments[row]);
        int64_t days =
            days_from_civil(civil.year, civil.month, days_of_month(civil.year, civil.month));
        values[row] = (int32_t)days;
        if (days != values[row]) {
            call_fail(call, row, FAILURE_OVERFLOW);
        }
    }
}

void kernel_make_date(struct call *call)
{
    int32_t *values = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        int64_t year = vector_int64(call->arguments[0], row);
        int64_t month = vector_int64(call->arguments[1], row);
        int64_t day = vector_int64(call->arguments[2], row);
        int is_good = year >= -9999999 && year <= 9999999 && month >= 1 && month <= 12 &&
                      day >= 1 && day <= days_of_month(year, (uint32_t)month);
        int64_t days = is_good ? days_from_civil(year, (uint32_t)month, (uint32_t)day) : 0;
        values[row] = (int32_t)days;
        if (!is_good || days != values[row]) {
            call_fail(call, row, FAILURE_ARGUMENT);
        }
    }
}

enum unit {
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_NONE,
};

static enum unit unit_of(struct slice name)
{
    static const char *const names[] = {"millisecond", "second", "minute",  "hour", "day",
                                        "week",        "month",  "quarter", "year"};
    for (enum unit unit = 0; unit < UNIT_NONE; unit++) {
        if (strlen(names[unit]) == name.length && memcmp(names[unit], name.at, name.length) == 0) {
            return unit;
        }
    }
    return UNIT_NONE;
}

static int64_t truncate(int64_t ms, enum unit unit)
{
    static const int64_t units[] = {1, 1000, 60000, 3600000, DAY_MS};
    if (unit <= UNIT_DAY) {
        return ms - floor_modulo(ms, units[unit]);
    }
    int64_t days = floor_divide(ms, DAY_MS);
    if (unit == UNIT_WEEK) {
        return (days - floor_modulo(days + 3, 7)) * DAY_MS;
    }
    struct civil civil = civil_from_days(days);
    uint32_t month = unit == UNIT_YEAR      ? 1
                     : unit == UNIT_QUARTER ? (civil.month - 1) / 3 * 3 + 1
                                            : civil.month;
    return days_from_civil(civil.year, month, 1) * DAY_MS;
}

// Arguments: unit, moment. Moments so near the smallest int64 that their unit begins before it
// fail.
void kernel_date_trunc(struct call *call)
{
    int64_t *values = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        values[row] = 0;
        if (!call_is_valid(call, row)) {
            continue;
        }
        int64_t ms = vector_int64(call->arguments[1], row);
        enum unit unit = unit_of(vector_text(call->arguments[0], row));
        if (unit == UNIT_NONE) {
            call_fail(call, row, FAILURE_ARGUMENT);
        } else if (ms < INT64_MIN + 400 * (int64_t)DAY_MS) {
            call_fail(call, row, FAILURE_OVERFLOW);
        } else {
            values[row] = truncate(ms, unit);
        }
    }
}

void kernel_parse_time(struct call *call)
{
    int64_t *values = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        values[row] = 0;
        if (call_is_valid(call, row) &&
            !calendar_parse(vector_text(call->arguments[0], row),
                            vector_text(call->arguments[1], row), &values[row])) {
            call_fail(call, row, FAILURE_ARGUMENT);
        }
    }
}

void kernel_format_time(struct call *call)
{
    struct slice *slices = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        char text[256];
        uint32_t length;
        if (!call_is_valid(call, row)) {
            continue;
        }
        if (!calendar_format(vector_int64(call->arguments[0], row),
                             vector_text(call->arguments[1], row), text, sizeof text, &length)) {
            call_fail(call, row, FAILURE_ARGUMENT);
            continue;
        }
        char *at = call_text(call, row, length);
        if (at != NULL) {
            memcpy(at, text, length);
            slices[row] = (struct slice){at, length};
        }
    }
}

// --- Arithmetic: dates move by days, timestamps and times by milliseconds ---

static void move_days(struct call *call, int is_back)
{
    int32_t *values = call->values;
    const struct vector *dates = call->arguments[0];
    for (uint32_t row = 0; row < call->row_count; row++) {
        int64_t date = ((const int32_t *)dates->values)[row & dates->mask], moved;
        int64_t days = vector_int64(call->arguments[1], row);
        int is_bad = is_back ? __builtin_sub_overflow(date, days, &moved)
                             : __builtin_add_overflow(date, days, &moved);
        values[row] = (int32_t)moved;
        if (is_bad || moved != values[row]) {
            call_fail(call, row, FAILURE_OVERFLOW);
        }
    }
}

void kernel_add_days(struct call *call)
{
    move_days(call, 0);
}

void kernel_subtract_days(struct call *call)
{
    move_days(call, 1);
}

// Between two dates in days, or two times in milliseconds.
void kernel_difference_int32(struct call *call)
{
    int64_t *values = call->values;
    const struct vector *a = call->arguments[0], *b = call->arguments[1];
    for (uint32_t row = 0; row < call->row_count; row++) {
        values[row] = (int64_t)((const int32_t *)a->values)[row & a->mask] -
                      ((const int32_t *)b->values)[row & b->mask];
    }
}

// A timestamp in its own unit, moved by milliseconds.
static void move_moment(struct call *call, int is_back)
{
    const struct vector *a = call->arguments[0];
    uint32_t width = weir_type_width(a->type);
    for (uint32_t row = 0; row < call->row_count; row++) {
        char *out = (char *)call->values + (size_t)row * width;
        memset(out, 0, width);
        if (call_is_valid(call, row)) {
            struct weir_timestamp timestamp =
                timestamp_load(a->type, (const char *)a->values + (size_t)(row & a->mask) * width);
            int64_t ms = vector_int64(call->arguments[1], row);
            int is_bad = is_back ? __builtin_sub_overflow(timestamp.ms, ms, &timestamp.ms)
                                 : __builtin_add_overflow(timestamp.ms, ms, &timestamp.ms);
            if (is_bad || !timestamp_store(timestamp, a->type, out)) {
                call_fail(call, row, FAILURE_OVERFLOW);
            }
        }
    }
}

void kernel_add_time(struct call *call)
{
    move_moment(call, 0);
}

void kernel_subtract_time(struct call *call)
{
    move_moment(call, 1);
}
