// C functions for the tests of map.c: a library of its own, as a user's would be.
#include <stddef.h>
#include <stdint.h>

#define PUBLIC __attribute__((visibility("default")))

PUBLIC double add(double a, double b)
{
    return a + b;
}

PUBLIC int64_t divide(int64_t a, int64_t b)
{
    return a / b; // traps when b is 0: rows with a null must not get here
}

PUBLIC int16_t narrow(int8_t a, int16_t b)
{
    return (int16_t)(a - b);
}

PUBLIC int clamp(const double *x, const uint8_t *valid, double *out, size_t n, double limit)
{
    for (size_t i = 0; i < n; i++) {
        int is_null = valid != NULL && (valid[i / 8] >> (i % 8) & 1) == 0;
        out[i] = is_null ? 0 : x[i] > limit ? limit : x[i];
        if (x[i] < 0) {
            return 3;
        }
    }
    return 0;
}
