// Numbers from text and back, exact and fast. The readers look at eight bytes at a time, so up to
// 32 bytes after the text must be readable (what they hold does not matter).
#ifndef FILE_NUMBER_H
#define FILE_NUMBER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NUMBER_BYTES_MAX 32u // the most that a printed number takes

#ifdef __cplusplus
extern "C" {
#endif

// How many of the eight bytes, first one lowest, are digits before the first that is not.
static inline uint32_t number_digit_count(uint64_t chunk)
{
    uint64_t low = chunk ^ 0x3030303030303030u; // digits become 0 to 9
    uint64_t other = ((low + 0x7676767676767676u) | low) & 0x8080808080808080u;
    return other == 0 ? 8 : (uint32_t)__builtin_ctzll(other) >> 3;
}

// The value of the first `count` (1 to 8) digits of the eight bytes.
static inline uint64_t number_digits(uint64_t chunk, uint32_t count)
{
    uint64_t low = (chunk ^ 0x3030303030303030u) << (64 - 8 * count);
    low = low * 10 + (low >> 8);
    return ((low & 0x000000ff000000ffu) * 0x000f424000000064u +
            ((low >> 16) & 0x000000ff000000ffu) * 0x0000271000000001u) >>
           32;
}

static inline uint64_t number_load(const char *text)
{
    uint64_t chunk;
    memcpy(&chunk, text, sizeof chunk);
    return chunk;
}

// Reads a whole number of up to 16 digits with or without `-`. Returns its end, or NULL: not such a
// number, or a longer one.
static inline const char *number_whole(const char *text, int64_t *value)
{
    static const uint32_t powers[] = {1,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
    int32_t is_negative = *text == '-';
    text += is_negative;
    uint64_t chunk = number_load(text);
    uint32_t count = number_digit_count(chunk);
    if (count == 0) {
        return NULL;
    }
    uint64_t total = number_digits(chunk, count);
    text += count;
    if (count == 8) {
        chunk = number_load(text);
        count = number_digit_count(chunk);
        if (count != 0) {
            total = total * powers[count] + number_digits(chunk, count);
            text += count;
            if (count == 8 && (uint8_t)(*text - '0') <= 9) {
                return NULL;
            }
        }
    }
    *value = is_negative ? -(int64_t)total : (int64_t)total;
    return text;
}

// Reads a decimal number as JSON writes it, but with leading zeros: [-]digits[.digits], of up to 19
// digits and without exponent. Returns its end, or NULL: not such a number; then number_parse_*
// decide.
const char *number_real(const char *text, double *value);

// Reads a whole text as a number: decimal or scientific, nan, inf and infinity in any case, a
// leading +. 0, or -1 if it is none, or -2 if it is beyond the range of the type.
int number_parse_double(const char *text, size_t size, double *value);
int number_parse_float(const char *text, size_t size, float *value);

// Prints the shortest text that reads back as the same number; NaN, Infinity and -Infinity by name.
// Returns its end.
char *number_print_double(char *out, double value);
char *number_print_float(char *out, float value);
char *number_print_int(char *out, int64_t value);

#ifdef __cplusplus
}
#endif

#endif
