#include "operators/units.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    double factor;
};

static int measure(const char *text, const struct unit *units, double *out)
{
    char *rest;
    double number = strtod(text, &rest);
    if (rest == text || !isfinite(number) || number < 0) {
        return -1;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(rest, units->name) == 0) {
            *out = number * units->factor;
            return *out < 9e18 ? 0 : -1;
        }
    }
    return -1;
}

int units_duration(const char *text, int64_t *us)
{
    static const struct unit units[] = {{"us", 1},     {"ms", 1e3},    {"s", 1e6},      {"m", 60e6},
                                        {"h", 3600e6}, {"d", 86400e6}, {"w", 604800e6}, {NULL, 0}};
    double number;
    if (measure(text, units, &number) != 0) {
        return -1;
    }
    *us = (int64_t)number;
    return 0;
}

int units_bytes(const char *text, uint64_t *byte_count)
{
    static const struct unit units[] = {{"", 1},
                                        {"B", 1},
                                        {"KB", 1e3},
                                        {"MB", 1e6},
                                        {"GB", 1e9},
                                        {"TB", 1e12},
                                        {"KiB", 1024},
                                        {"MiB", 1048576},
                                        {"GiB", 1073741824},
                                        {"TiB", 1099511627776},
                                        {"K", 1024},
                                        {"M", 1048576},
                                        {"G", 1073741824},
                                        {NULL, 0}};
    double number;
    if (measure(text, units, &number) != 0) {
        return -1;
    }
    *byte_count = (uint64_t)number;
    return 0;
}
