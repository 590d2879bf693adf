#include "zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calendar.h"

#define FILE_BYTES_MAX (1u << 20)
#define SECOND_US 1000000LL
#define TIME_MAX_S (INT64_MAX / 4 / SECOND_US)
#define RULES_UNTIL 2500 // years: as far as the rule at the end of a file is spelled out

struct change {
    int64_t start; // us
    int64_t offset;
};

struct zone {
    uint32_t count; // the first has been since ever
    uint32_t capacity;
    struct change *changes;
};

static int add_span(struct zone *zone, int64_t start_s, int64_t offset_s)
{
    if (zone->count == zone->capacity) {
        uint32_t capacity = zone->capacity * 2 + 16;
        struct change *changes = realloc(zone->changes, capacity * sizeof *changes);
        if (changes == NULL) {
            return -ENOMEM;
        }
        zone->changes = changes;
        zone->capacity = capacity;
    }
    start_s = start_s < -TIME_MAX_S ? -TIME_MAX_S : start_s > TIME_MAX_S ? TIME_MAX_S : start_s;
    if (zone->count > 0 && zone->changes[zone->count - 1].offset == offset_s * SECOND_US) {
        return 0;
    }
    zone->changes[zone->count] =
        (struct change){zone->count == 0 ? INT64_MIN : start_s * SECOND_US, offset_s * SECOND_US};
    zone->count++;
    return 0;
}

// --- The rule at the end of a file: a POSIX TZ string, for times after the last transition ---

struct rule_day {
    char kind; // 'M', 'J' or '0'
    int32_t month, week, day;
    int32_t seconds; // local time of the change
};

struct rule {
    int32_t standard_s, summer_s; // offsets, east is positive
    int has_summer;
    struct rule_day start, end;
};

static int parse_number(const char **at, int32_t *out)
{
    char *end;
    if (**at < '0' || **at > '9') {
        return 0;
    }
    *out = (int32_t)strtol(*at, &end, 10);
    *at = end;
    return 1;
}

// [+-]hh[:mm[:ss]] in seconds.
static int parse_time(const char **at, int32_t *seconds)
{
    int32_t sign = **at == '-' ? -1 : 1, part, scale = 3600;
    *at += **at == '-' || **at == '+';
    *seconds = 0;
    do {
        if (!parse_number(at, &part)) {
            return 0;
        }
        *seconds += sign * part * scale;
        scale /= 60;
    } while (scale > 0 && **at == ':' && (*at)++);
    return 1;
}

static int parse_name(const char **at)
{
    const char *start = *at;
    if (**at == '<') {
        *at = strchr(start, '>');
        if (*at == NULL) {
            return 0;
        }
        ++*at;
        return 1;
    }
    *at += strcspn(start, "+-0123456789,");
    return *at > start;
}

static int parse_day(const char **at, struct rule_day *day)
{
    if (*(*at)++ != ',') {
        return 0;
    }
    day->kind = **at == 'M' || **at == 'J' ? *(*at)++ : '0';
    if (day->kind == 'M') {
        if (!parse_number(at, &day->month) || *(*at)++ != '.' || !parse_number(at, &day->week) ||
            *(*at)++ != '.' || !parse_number(at, &day->day)) {
            return 0;
        }
    } else if (!parse_number(at, &day->day)) {
        return 0;
    }
    day->seconds = 2 * 3600;
    return **at != '/' || (++*at, parse_time(at, &day->seconds));
}

static int parse_rule(const char *at, struct rule *rule)
{
    memset(rule, 0, sizeof *rule);
    if (!parse_name(&at) || !parse_time(&at, &rule->standard_s)) {
        return 0;
    }
    rule->standard_s = -rule->standard_s;
    if (*at == '\0') {
        return 1;
    }
    rule->has_summer = parse_name(&at);
    rule->summer_s = rule->standard_s + 3600;
    if (rule->has_summer && *at != ',' && *at != '\0') {
        rule->has_summer = parse_time(&at, &rule->summer_s);
        rule->summer_s = -rule->summer_s;
    }
    return rule->has_summer && parse_day(&at, &rule->start) && parse_day(&at, &rule->end);
}

// Seconds since 1970, local time, at which a rule's day falls in a year.
static int64_t rule_seconds(const struct rule_day *day, int64_t year)
{
    int64_t first = calendar_days(year, 1), days;
    if (day->kind == 'M') {
        int64_t month = calendar_days(year, day->month);
        int64_t next = calendar_days(year + day->month / 12, day->month % 12 + 1);
        int64_t weekday = ((month + 4) % 7 + 7) % 7;
        days = month + (day->day - weekday + 7) % 7 + (int64_t)(day->week - 1) * 7;
        days -= days >= next ? 7 : 0;
    } else {
        int is_leap = calendar_days(year + 1, 1) - first == 366;
        days = first + day->day - (day->kind == 'J');
        days += day->kind == 'J' && is_leap && day->day >= 60;
    }
    return days * 86400 + day->seconds;
}

static int add_rule(struct zone *zone, const char *text, int64_t after_s)
{
    struct rule rule;
    if (text[0] == '\0') {
        return 0;
    }
    if (!parse_rule(text, &rule)) {
        return -EINVAL;
    }
    if (!rule.has_summer) {
        return add_span(zone, after_s, rule.standard_s);
    }
    int64_t from = after_s < 0 ? 1969 : 1969 + after_s / 31556952;
    for (int64_t year = from; year < RULES_UNTIL; year++) {
        int64_t start = rule_seconds(&rule.start, year) - rule.standard_s;
        int64_t end = rule_seconds(&rule.end, year) - rule.summer_s;
        int is_north = start < end, rc = 0;
        for (int i = 0; rc == 0 && i < 2; i++) {
            int is_start = (i == 0) == is_north;
            int64_t at = is_start ? start : end;
            if (at > after_s) {
                rc = add_span(zone, at, is_start ? rule.summer_s : rule.standard_s);
            }
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

// --- TZif ---

static int64_t read_big(const uint8_t *at, uint32_t byte_count)
{
    uint64_t value = at[0] & 128 ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < byte_count; i++) {
        value = value << 8 | at[i];
    }
    return (int64_t)value;
}

struct counts {
    uint64_t utc, standard, leap, time, type, letters;
};

// Reads a header; the bytes of the block behind it, or 0 if it is not one.
static uint64_t read_header(const uint8_t *at, uint64_t left, uint32_t time_bytes,
                            struct counts *counts)
{
    if (left < 44 || memcmp(at, "TZif", 4) != 0) {
        return 0;
    }
    uint64_t *members[] = {&counts->utc,  &counts->standard, &counts->leap,
                           &counts->time, &counts->type,     &counts->letters};
    for (uint32_t i = 0; i < 6; i++) {
        *members[i] = (uint64_t)read_big(at + 20 + (size_t)i * 4, 4);
        if (*members[i] > FILE_BYTES_MAX) {
            return 0;
        }
    }
    return counts->time * (time_bytes + 1) + counts->type * 6 + counts->letters +
           counts->leap * (time_bytes + 4) + counts->standard + counts->utc;
}

static int parse_block(struct zone *zone, const uint8_t *at, const struct counts *counts,
                       const char *rule)
{
    const uint8_t *times = at, *kinds = times + counts->time * 8, *types = kinds + counts->time;
    int64_t last = -TIME_MAX_S;
    if (counts->type == 0) {
        return -EINVAL;
    }
    int rc = add_span(zone, 0, read_big(types, 4));
    for (uint64_t i = 0; rc == 0 && i < counts->time; i++) {
        if (kinds[i] >= counts->type) {
            return -EINVAL;
        }
        last = read_big(times + i * 8, 8);
        rc = add_span(zone, last, read_big(types + (size_t)kinds[i] * 6, 4));
    }
    return rc == 0 ? add_rule(zone, rule, last) : rc;
}

static int parse_file(struct zone *zone, uint8_t *bytes, uint64_t byte_count)
{
    struct counts counts;
    bytes[byte_count] = '\0';
    uint64_t skipped = read_header(bytes, byte_count, 4, &counts) + 44;
    if (byte_count < 44 || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2' ||
        skipped >= byte_count) {
        return -EINVAL;
    }
    uint64_t block = read_header(bytes + skipped, byte_count - skipped, 8, &counts);
    if (block == 0 || byte_count - skipped - 44 < block + 2 ||
        bytes[skipped + 44 + block] != '\n') {
        return -EINVAL;
    }
    char *rule = (char *)bytes + skipped + 44 + block + 1;
    char *end = strchr(rule, '\n');
    if (end == NULL) {
        return -EINVAL;
    }
    *end = '\0';
    return parse_block(zone, bytes + skipped + 44, &counts, rule);
}

static FILE *open_file(const char *name)
{
    const char *folder = getenv("TZDIR");
    char path[512];
    if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") != NULL) {
        return NULL;
    }
    snprintf(path, sizeof path, "%s/%s", folder != NULL ? folder : "/usr/share/zoneinfo", name);
    return fopen(path, "rbe");
}

struct zone *zone_open(const char *name, char *error, uint32_t error_size)
{
    FILE *file = open_file(name);
    if (file == NULL) {
        snprintf(error, error_size,
                 "there is no time zone `%s`; it wants an IANA name like Europe/Berlin, and the "
                 "package tzdata",
                 name);
        return NULL;
    }
    struct zone *zone = calloc(1, sizeof *zone);
    uint8_t *bytes = malloc(FILE_BYTES_MAX + 1);
    int rc = zone == NULL || bytes == NULL ? -ENOMEM : 0;
    if (rc == 0) {
        rc = parse_file(zone, bytes, fread(bytes, 1, FILE_BYTES_MAX, file));
    }
    fclose(file);
    free(bytes);
    if (rc != 0) {
        snprintf(error, error_size,
                 rc == -ENOMEM ? "no memory for time zone `%s`"
                               : "the file of time zone `%s` is damaged",
                 name);
        zone_close(zone);
        return NULL;
    }
    return zone;
}

void zone_close(struct zone *zone)
{
    if (zone != NULL) {
        free(zone->changes);
        free(zone);
    }
}

struct zone_span zone_span(const struct zone *zone, int64_t time_us)
{
    uint32_t low = 0, high = zone->count; // change `low` is at or before time_us, `high` after it
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->changes[middle].start <= time_us) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (struct zone_span){zone->changes[low].start,
                              high < zone->count ? zone->changes[high].start : INT64_MAX,
                              zone->changes[low].offset};
}
