// Durations and sizes as options of maps carry them: as text.
#ifndef FLUSS_OPERATORS_UNITS_H
#define FLUSS_OPERATORS_UNITS_H

#include <stdint.h>

// "250ms", "90s", "2h", "7d" in microseconds. 0, or -1 if it is no duration.
int units_duration(const char *text, int64_t *us);
// "64KiB", "2GB", "1000" in bytes. 0, or -1 if it is no size.
int units_bytes(const char *text, uint64_t *byte_count);

#endif
