// Numbers as text and back.
#ifndef EXPR_NUMBER_H
#define EXPR_NUMBER_H

#include "expr/kernel.h"

// Write the number, NUL-terminated, into a buffer of VALUE_TEXT_BYTES; return its length. Floats
// get the fewest digits that give the same value back, and `.0` where they are whole.
uint32_t int64_format(int64_t number, char *text);
uint32_t float64_format(double number, char *text);
uint32_t float32_format(float number, char *text);
uint32_t decimal_format(int128 number, uint32_t scale, char *text);

// Read the whole text, spaces around it aside. 0 if it is no number or does not fit.
int int64_parse(struct slice text, int64_t *number);
int float64_parse(struct slice text, double *number);
// Rounds half away from zero to scale; 0 also if it has more digits than precision.
int decimal_parse(struct slice text, uint32_t precision, uint32_t scale, int128 *number);

// 10^exponent, for 0 to 38.
int128 decimal_power(uint32_t exponent);
// numerator / denominator, rounded half away from zero.
int128 decimal_divide(int128 numerator, int128 denominator);
// Another scale: 0 if it does not fit precision digits.
int decimal_rescale(int128 number, uint32_t from, uint32_t scale, uint32_t precision, int128 *out);
static inline int decimal_fits(int128 number, uint32_t precision)
{
    int128 limit = decimal_power(precision);
    return number < limit && number > -limit;
}

// Without spaces at both ends.
struct slice slice_trim(struct slice text);

#endif
