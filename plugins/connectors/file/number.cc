#include "number.h"

#include <charconv>
#include <cmath>
#include <fast_float/fast_float.h>

namespace {

const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
const uint64_t whole_powers_of_ten[] = {1,      10,      100,      1000,     10000,
                                        100000, 1000000, 10000000, 100000000};

// Adds the digits at text to *total; at most 8.
const char *add_digits(const char *text, uint64_t *total, uint32_t *count)
{
    uint64_t chunk = number_load(text);
    *count = number_digit_count(chunk);
    if (*count != 0) {
        *total = *total * whole_powers_of_ten[*count] + number_digits(chunk, *count);
    }
    return text + *count;
}

template <typename Number> int parse(const char *text, size_t size, Number *value)
{
    const char *end = text + size;
    if (size > 1 && text[0] == '+' && text[1] != '-') {
        text++;
    }
    fast_float::from_chars_result result = fast_float::from_chars(text, end, *value);
    if (result.ec != std::errc() || result.ptr != end) {
        return -1;
    }
    const char *digit = text + (*text == '-');
    return std::isinf(*value) && *digit != 'i' && *digit != 'I' ? -2 : 0;
}

template <typename Number> char *print(char *out, Number value)
{
    const char *name = std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    if (std::isfinite(value)) {
        return std::to_chars(out, out + NUMBER_BYTES_MAX, value).ptr;
    }
    size_t size = strlen(name);
    memcpy(out, name, size);
    return out + size;
}

} // namespace

const char *number_real(const char *text, double *value)
{
    bool is_negative = *text == '-';
    uint64_t total = 0;
    uint32_t whole, count, second = 0, third = 0;
    const char *p = add_digits(text + is_negative, &total, &whole);
    if (whole == 0 || whole == 8) {
        return nullptr;
    }
    count = 0;
    if (*p == '.') {
        p = add_digits(p + 1, &total, &count);
        if (count == 0) {
            return nullptr;
        }
        if (count == 8) {
            p = add_digits(p, &total, &second);
            if (second == 8 && whole <= 3) {
                // 8 + 8 + 3 digits are what 64 bits are sure to hold
                while (whole + 16 + third < 19 && static_cast<uint8_t>(*p - '0') <= 9) {
                    total = total * 10 + static_cast<uint64_t>(*p++ - '0');
                    third++;
                }
            }
            count += second + third;
        }
    }
    if (whole + count > 19 || static_cast<uint8_t>(*p - '0') <= 9 || (*p | 32) == 'e') {
        return nullptr;
    }
    if (count <= 8 && total <= uint64_t(1)
                                   << 53) { // short numbers; long ones do not branch on size
        double number = static_cast<double>(total) / powers_of_ten[count];
        *value = is_negative ? -number : number;
        return p;
    }
    // Eisel-Lemire; a negative power2 marks the rare cases that it leaves open
    fast_float::adjusted_mantissa mantissa =
        fast_float::compute_float<fast_float::binary_format<double>>(-int64_t(count), total);
    if (mantissa.power2 < 0) {
        return nullptr;
    }
    fast_float::to_float(is_negative, mantissa, *value);
    return p;
}

int number_parse_double(const char *text, size_t size, double *value)
{
    return parse(text, size, value);
}

int number_parse_float(const char *text, size_t size, float *value)
{
    return parse(text, size, value);
}

char *number_print_double(char *out, double value)
{
    return print(out, value);
}

char *number_print_float(char *out, float value)
{
    return print(out, value);
}

char *number_print_int(char *out, int64_t value)
{
    return std::to_chars(out, out + NUMBER_BYTES_MAX, value).ptr;
}
