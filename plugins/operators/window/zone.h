// Time zones: the difference between UTC and local time over all of time, read from the TZif files
// of tzdata (RFC 8536).
#ifndef WINDOW_ZONE_H
#define WINDOW_ZONE_H

#include <stdint.h>

struct zone;

// Reads a zone by its IANA name ("Europe/Berlin") from $TZDIR or /usr/share/zoneinfo. NULL with a
// sentence.
struct zone *zone_open(const char *name, char *error, uint32_t error_size);
void zone_close(struct zone *zone); // NULL is fine

// The piece of time with one offset that an instant lies in. Times are us since 1970 UTC.
struct zone_span {
    int64_t start;  // INT64_MIN: since ever
    int64_t end;    // INT64_MAX: for ever
    int64_t offset; // local time is UTC plus this
};
struct zone_span zone_span(const struct zone *zone, int64_t time_us);

#endif
