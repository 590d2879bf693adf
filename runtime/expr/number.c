#include "expr/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/reason.h"

struct slice slice_trim(struct slice text)
{
    while (text.length > 0 && strchr(" \t\r\n", text.at[0]) != NULL && text.at[0] != '\0') {
        text.at++;
        text.length--;
    }
    while (text.length > 0 && text.at[text.length - 1] != '\0' &&
           strchr(" \t\r\n", text.at[text.length - 1]) != NULL) {
        text.length--;
    }
    return text;
}

static uint32_t format_digits(uint128 magnitude, int is_negative, uint32_t scale, char *text)
{
    const uint64_t step = 1000000000000000000u; // as many digits at a time as 64 bits hold
    char digits[64];
    uint32_t at = sizeof digits, count = 0;
    do {
        int is_last = magnitude <= UINT64_MAX;
        uint64_t part = (uint64_t)(is_last ? magnitude : magnitude % step);
        magnitude = is_last ? 0 : magnitude / step;
        for (uint32_t i = 0; is_last ? part != 0 || count <= scale : i < 18; i++) {
            if (scale > 0 && count == scale) {
                digits[--at] = '.';
            }
            digits[--at] = (char)('0' + part % 10);
            part /= 10;
            count++;
        }
    } while (magnitude != 0);
    if (is_negative) {
        digits[--at] = '-';
    }
    memcpy(text, digits + at, sizeof digits - at);
    text[sizeof digits - at] = '\0';
    return (uint32_t)sizeof digits - at;
}

uint32_t int64_format(int64_t number, char *text)
{
    char digits[24];
    uint32_t at = sizeof digits;
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude != 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    memcpy(text, digits + at, sizeof digits - at);
    text[sizeof digits - at] = '\0';
    return (uint32_t)sizeof digits - at;
}

uint32_t decimal_format(int128 number, uint32_t scale, char *text)
{
    uint128 magnitude = number < 0 ? 0 - (uint128)number : (uint128)number;
    return format_digits(magnitude, number < 0, scale, text);
}

// The fewest digits of a number of common size, in exact integer arithmetic: number = mantissa *
// 2^exponent is written as digits * 10^-scale with 17 or 18 digits, and digits are dropped as long
// as what is left lies nearer than half the gap to the next float.
static int format_common(double number, char *text)
{
    double magnitude = fabs(number);
    int exponent, scale;
    if (magnitude == 0) {
        return (int)format_digits(0, signbit(number) != 0, 1, text);
    }
    if (!(magnitude >= 1e-4 && magnitude < 9007199254740992.0)) {
        return 0;
    }
    uint64_t mantissa = (uint64_t)ldexp(frexp(magnitude, &exponent), 53);
    scale = 17 - (int)floor(log10(magnitude));
    uint128 gap = (uint128)decimal_power((uint32_t)scale), exact = 2 * gap * mantissa;
    unsigned shift = (unsigned)(54 - exponent);
    uint64_t digits = (uint64_t)((exact + ((uint128)1 << (shift - 1))) >> shift), best = digits;
    gap = mantissa == 1ull << 52 ? gap / 2 : gap; // the float below a power of two is nearer
    for (uint64_t unit = 10; scale > 1; unit *= 10, scale--) {
        uint64_t rounded = (digits + unit / 2) / unit;
        uint128 near = (uint128)(rounded * unit) << shift;
        if ((near > exact ? near - exact : exact - near) >= gap) {
            break;
        }
        best = rounded;
    }
    return (int)format_digits(best, signbit(number) != 0, (uint32_t)scale, text);
}

// snprintf's %g has no point in whole numbers.
static uint32_t mark_float(char *text)
{
    uint32_t length = (uint32_t)strlen(text);
    if (strpbrk(text, ".e") == NULL) {
        memcpy(text + length, ".0", 3);
        length += 2;
    }
    return length;
}

static int format_special(double number, char *text)
{
    if (isnan(number)) {
        return sprintf(text, "NaN");
    }
    return isinf(number) ? sprintf(text, "%s", number < 0 ? "-Infinity" : "Infinity") : 0;
}

uint32_t float64_format(double number, char *text)
{
    int length = format_special(number, text);
    if (length == 0) {
        length = format_common(number, text);
    }
    if (length != 0) {
        return (uint32_t)length;
    }
    for (int digits = fabs(number) < 1e-300 ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, VALUE_TEXT_BYTES, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
    return mark_float(text);
}

// The fewest digits that give the float back are those of a double nearby.
uint32_t float32_format(float number, char *text)
{
    for (int digits = 6; isfinite(number) && digits <= 9; digits++) {
        snprintf(text, VALUE_TEXT_BYTES, "%.*g", digits, (double)number);
        if (strtof(text, NULL) == number) {
            return float64_format(strtod(text, NULL), text);
        }
    }
    return float64_format((double)number, text);
}

int int64_parse(struct slice text, int64_t *number)
{
    text = slice_trim(text);
    uint32_t at = text.length > 0 && (text.at[0] == '-' || text.at[0] == '+');
    int is_negative = at == 1 && text.at[0] == '-';
    uint64_t magnitude = 0;
    if (at == text.length) {
        return 0;
    }
    for (; at < text.length; at++) {
        unsigned digit = (unsigned)(text.at[at] - '0');
        if (digit > 9 || __builtin_mul_overflow(magnitude, 10, &magnitude) ||
            __builtin_add_overflow(magnitude, digit, &magnitude)) {
            return 0;
        }
    }
    if (magnitude > (uint64_t)INT64_MAX + (uint64_t)is_negative) {
        return 0;
    }
    *number = (int64_t)(is_negative ? 0 - magnitude : magnitude);
    return 1;
}

// Up to 15 digits and a small power of ten are exact in a double: then one division is exact too.
static int parse_short(struct slice text, double *number)
{
    static const double powers[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    uint32_t at = text.at[0] == '-' || text.at[0] == '+', digits = 0, decimals = 0;
    uint64_t magnitude = 0;
    int has_point = 0;
    for (uint32_t i = at; i < text.length; i++) {
        if (text.at[i] == '.' && !has_point) {
            has_point = 1;
            continue;
        }
        unsigned digit = (unsigned)(text.at[i] - '0');
        if (digit > 9 || ++digits > 15) {
            return 0;
        }
        magnitude = magnitude * 10 + digit;
        decimals += (uint32_t)has_point;
    }
    *number = (double)magnitude / powers[decimals];
    *number = text.at[0] == '-' ? -*number : *number;
    return digits > 0;
}

static int is_word(struct slice text, const char *word)
{
    if (text.length > 0 && (text.at[0] == '-' || text.at[0] == '+')) {
        text.at++;
        text.length--;
    }
    for (uint32_t i = 0; i < text.length; i++) {
        if ((text.at[i] | 0x20) != word[i]) {
            return 0;
        }
    }
    return word[text.length] == '\0';
}

int float64_parse(struct slice text, double *number)
{
    char copy[512];
    text = slice_trim(text);
    if (text.length == 0 || text.length >= sizeof copy) {
        return 0;
    }
    if (parse_short(text, number)) {
        return 1;
    }
    if (is_word(text, "nan")) {
        *number = NAN;
        return 1;
    }
    if (is_word(text, "inf") || is_word(text, "infinity")) {
        *number = text.at[0] == '-' ? -INFINITY : INFINITY;
        return 1;
    }
    for (uint32_t i = 0; i < text.length; i++) {
        if (strchr("0123456789+-.eE", text.at[i]) == NULL || text.at[i] == '\0') {
            return 0; // strtod takes hexadecimal numbers and more
        }
    }
    memcpy(copy, text.at, text.length);
    copy[text.length] = '\0';
    char *end = NULL;
    *number = strtod(copy, &end);
    return *end == '\0' && isfinite(*number);
}

int128 decimal_power(uint32_t exponent)
{
    static const uint64_t powers[] = {1ull,
                                      10ull,
                                      100ull,
                                      1000ull,
                                      10000ull,
                                      100000ull,
                                      1000000ull,
                                      10000000ull,
                                      100000000ull,
                                      1000000000ull,
                                      10000000000ull,
                                      100000000000ull,
                                      1000000000000ull,
                                      10000000000000ull,
                                      100000000000000ull,
                                      1000000000000000ull,
                                      10000000000000000ull,
                                      100000000000000000ull,
                                      1000000000000000000ull};
    int128 power = powers[exponent < 18 ? exponent : 18];
    for (uint32_t i = 18; i < exponent; i += 18) {
        power *= powers[exponent - i < 18 ? exponent - i : 18];
    }
    return power;
}

int128 decimal_divide(int128 numerator, int128 denominator)
{
    int128 quotient = numerator / denominator, rest = numerator % denominator;
    int128 rest_size = rest < 0 ? -rest : rest, size = denominator < 0 ? -denominator : denominator;
    if (rest_size >= size - rest_size) {
        quotient += (numerator < 0) == (denominator < 0) ? 1 : -1;
    }
    return quotient;
}

int decimal_rescale(int128 number, uint32_t from, uint32_t scale, uint32_t precision, int128 *out)
{
    if (scale < from) {
        *out = decimal_divide(number, decimal_power(from - scale));
    } else if (__builtin_mul_overflow(number, decimal_power(scale - from), out)) {
        return 0;
    }
    return decimal_fits(*out, precision);
}

// Digits with a point and an exponent into number * 10^-decimals; digits beyond 38 decide rounding.
static int read_decimal(struct slice text, int128 *number, int64_t *decimals)
{
    uint32_t at = text.length > 0 && (text.at[0] == '-' || text.at[0] == '+');
    int has_point = 0;
    uint32_t digits = 0, significant = 0;
    *number = 0;
    *decimals = 0;
    for (; at < text.length && (text.at[at] | 0x20) != 'e'; at++) {
        unsigned digit = (unsigned)(text.at[at] - '0');
        if (text.at[at] == '.' && !has_point) {
            has_point = 1;
            continue;
        }
        if (digit > 9) {
            return 0;
        }
        digits++;
        significant += *number != 0 || digit != 0;
        if (significant <= 38) {
            *number = *number * 10 + digit;
            *decimals += has_point;
        } else {
            *decimals -= !has_point;
        }
    }
    int64_t exponent = 0;
    if (at < text.length) {
        struct slice rest = {text.at + at + 1, text.length - at - 1};
        if (!int64_parse(rest, &exponent) || exponent > 1000 || exponent < -1000) {
            return 0;
        }
    }
    *decimals -= exponent;
    *number = text.at[0] == '-' ? -*number : *number;
    return digits > 0;
}

int decimal_parse(struct slice text, uint32_t precision, uint32_t scale, int128 *number)
{
    int64_t decimals;
    int128 read;
    text = slice_trim(text);
    if (text.length == 0 || text.length > 4096 || !read_decimal(text, &read, &decimals)) {
        return 0;
    }
    int64_t shift = (int64_t)scale - decimals;
    if (read == 0 || shift < -38) {
        *number = 0;
        return 1;
    }
    if (shift > 38) {
        return 0;
    }
    if (shift < 0) {
        *number = decimal_divide(read, decimal_power((uint32_t)-shift));
    } else if (__builtin_mul_overflow(read, decimal_power((uint32_t)shift), number)) {
        return 0;
    }
    return decimal_fits(*number, precision);
}
