// Literals: the short texts that option values are written as.
#ifndef HOST_LITERAL_H
#define HOST_LITERAL_H

#include <stdint.h>

// "250ms", "1.5s", "2h", "7d" in microseconds; 0 or -EINVAL.
int literal_duration(const char *text, int64_t *time_us);
// "month", "3 months"; 0 or -EINVAL.
int literal_months(const char *text, int64_t *months);
// "64KiB", "2MB", "100"; 0 or -EINVAL.
int literal_bytes(const char *text, int64_t *byte_count);

// A duration as a person would write it: "1m", "250ms". Into a buffer of 32 bytes; returns it.
const char *literal_from_duration(int64_t time_us, char *buffer);

#endif
