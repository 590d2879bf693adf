// Where windows begin and end, by UTC and by the clocks of places, held against the C library's own
// time zones.
#include "operators/window/calendar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/test.h"

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

// "2024-03-31 02:00:00" in UTC.
static int64_t at(const char *text)
{
    struct tm parts = {0};
    if (strptime(text, "%Y-%m-%d %H:%M:%S", &parts) == NULL) {
        test_fail(__FILE__, __LINE__, "no time: %s", text);
    }
    return timegm(&parts) * SECOND;
}

static const char *shown(int64_t time_us)
{
    static char buffers[4][32];
    static int next;
    char *buffer = buffers[next++ % 4];
    time_t seconds = (time_t)(time_us / SECOND - (time_us % SECOND < 0));
    struct tm parts;
    strftime(buffer, 32, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &parts));
    return buffer;
}

static void check_window(const struct calendar *calendar, const char *time, const char *start,
                         const char *end)
{
    CHECK_TEXT(shown(calendar_start(calendar, at(time))), start);
    CHECK_TEXT(shown(calendar_end(calendar, at(time))), end);
}

static struct zone *open_zone(const char *name)
{
    char error[256] = "";
    struct zone *zone = zone_open(name, error, sizeof error);
    CHECK_TEXT(error, "");
    return zone;
}

TEST(windows_of_utc_are_aligned_to_1970_and_floor_before_it)
{
    struct calendar calendar = {.size_us = 7 * MINUTE};
    check_window(&calendar, "1970-01-01 00:00:00", "1970-01-01 00:00:00", "1970-01-01 00:07:00");
    check_window(&calendar, "1970-01-01 00:06:59", "1970-01-01 00:00:00", "1970-01-01 00:07:00");
    check_window(&calendar, "1970-01-01 00:07:00", "1970-01-01 00:07:00", "1970-01-01 00:14:00");
    check_window(&calendar, "1969-12-31 23:59:59", "1969-12-31 23:53:00", "1970-01-01 00:00:00");
    CHECK_INT(calendar_start(&calendar, -1), -7 * MINUTE);
    CHECK_INT(calendar_start(&calendar, -7 * MINUTE), -7 * MINUTE);
    CHECK_INT(calendar_start(&calendar, -7 * MINUTE - 1), -14 * MINUTE);
}

TEST(an_offset_shifts_windows)
{
    struct calendar calendar = {.size_us = DAY, .offset_us = 6 * HOUR};
    check_window(&calendar, "2024-05-05 05:59:59", "2024-05-04 06:00:00", "2024-05-05 06:00:00");
    check_window(&calendar, "2024-05-05 06:00:00", "2024-05-05 06:00:00", "2024-05-06 06:00:00");
    check_window(&calendar, "1960-05-05 05:59:59", "1960-05-04 06:00:00", "1960-05-05 06:00:00");
}

TEST(months_have_their_own_lengths)
{
    struct calendar month = {.months = 1}, quarter = {.months = 3}, year = {.months = 12};
    check_window(&month, "2024-02-29 23:59:59", "2024-02-01 00:00:00", "2024-03-01 00:00:00");
    check_window(&month, "2023-02-28 23:59:59", "2023-02-01 00:00:00", "2023-03-01 00:00:00");
    check_window(&month, "1969-12-31 23:59:59", "1969-12-01 00:00:00", "1970-01-01 00:00:00");
    check_window(&month, "1900-02-28 12:00:00", "1900-02-01 00:00:00", "1900-03-01 00:00:00");
    check_window(&quarter, "2024-06-30 23:59:59", "2024-04-01 00:00:00", "2024-07-01 00:00:00");
    check_window(&quarter, "1969-11-11 00:00:00", "1969-10-01 00:00:00", "1970-01-01 00:00:00");
    check_window(&year, "2000-02-29 00:00:00", "2000-01-01 00:00:00", "2001-01-01 00:00:00");
    month.offset_us = 36 * HOUR;
    check_window(&month, "2024-03-02 11:59:59", "2024-02-02 12:00:00", "2024-03-02 12:00:00");
}

TEST(days_are_23_or_25_hours_long_when_clocks_change)
{
    struct zone *zone = open_zone("Europe/Berlin");
    struct calendar day = {.size_us = DAY, .zone = zone};
    check_window(&day, "2024-03-30 23:00:00", "2024-03-30 23:00:00", "2024-03-31 22:00:00");
    check_window(&day, "2024-03-31 12:00:00", "2024-03-30 23:00:00", "2024-03-31 22:00:00");
    check_window(&day, "2024-10-27 12:00:00", "2024-10-26 22:00:00", "2024-10-27 23:00:00");
    struct calendar month = {.months = 1, .zone = zone};
    check_window(&month, "2024-03-31 21:59:59", "2024-02-29 23:00:00", "2024-03-31 22:00:00");
    zone_close(zone);
}

TEST(an_hour_that_is_shown_twice_makes_two_windows)
{
    struct zone *zone = open_zone("Europe/Berlin");
    struct calendar hour = {.size_us = HOUR, .zone = zone};
    check_window(&hour, "2024-10-27 00:30:00", "2024-10-27 00:00:00", "2024-10-27 01:00:00");
    check_window(&hour, "2024-10-27 01:30:00", "2024-10-27 01:00:00", "2024-10-27 02:00:00");
    struct calendar two = {.size_us = 2 * HOUR, .zone = zone}; // 02:00 to 04:00 has three
    check_window(&two, "2024-10-27 00:30:00", "2024-10-27 00:00:00", "2024-10-27 01:00:00");
    check_window(&two, "2024-10-27 01:30:00", "2024-10-27 01:00:00", "2024-10-27 03:00:00");
    struct calendar three = {.size_us = 3 * HOUR, .zone = zone}; // 00:00 to 03:00, an hour more
    check_window(&three, "2024-10-27 01:30:00", "2024-10-26 22:00:00", "2024-10-27 02:00:00");
    zone_close(zone);
}

TEST(a_boundary_that_no_clock_shows_is_at_the_change)
{
    struct zone *zone = open_zone("America/Sao_Paulo"); // midnight of 2018-11-04 did not exist
    struct calendar day = {.size_us = DAY, .zone = zone};
    check_window(&day, "2018-11-04 02:59:59", "2018-11-03 03:00:00", "2018-11-04 03:00:00");
    check_window(&day, "2018-11-04 03:00:00", "2018-11-04 03:00:00", "2018-11-05 02:00:00");
    zone_close(zone);
}

static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 7;
    state ^= state >> 9;
    return state;
}

// The C library's offset of local time.
static int64_t library_offset(int64_t time_us)
{
    time_t seconds = (time_t)(time_us / SECOND - (time_us % SECOND < 0));
    struct tm parts;
    localtime_r(&seconds, &parts);
    return parts.tm_gmtoff * SECOND;
}

static const char *const places[] = {
    "Europe/Berlin",       "America/New_York", "America/Sao_Paulo", "Asia/Kolkata",
    "Australia/Lord_Howe", "Pacific/Apia",     "Africa/Casablanca", "America/St_Johns",
    "Asia/Kathmandu",      "Etc/GMT+5",        "Europe/Dublin",     "Antarctica/Troll"};

TEST(offsets_are_those_of_the_c_library)
{
    for (uint32_t p = 0; p < sizeof places / sizeof *places; p++) {
        struct zone *zone = open_zone(places[p]);
        REQUIRE(zone != NULL);
        setenv("TZ", places[p], 1);
        tzset();
        for (int i = 0; i < 3000; i++) {
            int64_t time = at("1890-01-01 00:00:00") +
                           (int64_t)(next_random() % (300 * 365)) * DAY +
                           (int64_t)(next_random() % 86400) * SECOND;
            if (zone_span(zone, time).offset != library_offset(time)) {
                test_fail(__FILE__, __LINE__, "%s at %s", places[p], shown(time));
            }
        }
        zone_close(zone);
    }
    setenv("TZ", "UTC", 1);
}

TEST(windows_follow_each_other_without_gaps_and_begin_on_their_boundary)
{
    for (uint32_t i = 0; i < 4000 && !test_has_failed(); i++) {
        static struct zone *zones[sizeof places / sizeof *places];
        uint32_t p = (uint32_t)(next_random() % (sizeof places / sizeof *places));
        zones[p] = zones[p] != NULL ? zones[p] : open_zone(places[p]);
        struct calendar calendar = {.zone = zones[p]};
        const int64_t sizes[] = {MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, DAY, 7 * DAY, 0};
        calendar.size_us = sizes[next_random() % 7];
        calendar.months = calendar.size_us == 0 ? 1 + (int64_t)(next_random() % 12) : 0;
        calendar.offset_us = next_random() % 2 ? 0 : (int64_t)(next_random() % 20) * 30 * MINUTE;
        int64_t time = at("1950-01-01 00:00:00") + (int64_t)(next_random() % (150 * 365)) * DAY +
                       (int64_t)(next_random() % 86400) * SECOND;
        int64_t start = calendar_start(&calendar, time), end = calendar_end(&calendar, time);
        CHECK(start <= time && time < end);
        CHECK_INT(calendar_start(&calendar, start), start);
        CHECK_INT(calendar_start(&calendar, end - 1), start);
        CHECK_INT(calendar_start(&calendar, end), end);
        CHECK_INT(calendar_end(&calendar, start), end);
        CHECK_INT(calendar_end(&calendar, end - 1), end);
        struct zone_span span = zone_span(calendar.zone, start);
        struct calendar plain = calendar;
        plain.zone = NULL;
        CHECK(start == span.start ||
              calendar_start(&plain, start + span.offset) == start + span.offset);
    }
}

TEST(a_zone_that_does_not_exist_is_named)
{
    static const char *const bad[] = {"Europe/Berlim", "", "/etc/passwd", "../passwd", "tzdata.zi"};
    char error[256];
    for (uint32_t i = 0; i < 5; i++) {
        CHECK(zone_open(bad[i], error, sizeof error) == NULL);
        CHECK_HAS(error, bad[i]);
    }
    CHECK(zone_open("Europe/Berlim", error, sizeof error) == NULL);
    CHECK_TEXT(error, "there is no time zone `Europe/Berlim`; it wants an IANA name like "
                      "Europe/Berlin, and the package tzdata");
}

TEST(a_damaged_zone_file_is_refused)
{
    char path[4200], error[256], name[32];
    static uint8_t bytes[10000];
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    REQUIRE(file != NULL);
    size_t length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    setenv("TZDIR", test_folder(), 1);
    for (size_t cut = 0; cut + 1 < length; cut += 7) {
        snprintf(name, sizeof name, "cut%zu", cut);
        snprintf(path, sizeof path, "%s/%s", test_folder(), name);
        file = fopen(path, "wb");
        fwrite(bytes, 1, cut, file);
        fclose(file);
        struct zone *zone = zone_open(name, error, sizeof error);
        CHECK(zone == NULL);
        zone_close(zone);
    }
    unsetenv("TZDIR");
}
