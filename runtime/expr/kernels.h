// All kernels, for the table of functions and the checker.
#ifndef EXPR_KERNELS_H
#define EXPR_KERNELS_H

#include "expr/kernel.h"

// How values lie in memory, for kernels that do not care what they mean.
enum layout {
    LAYOUT_BIT,
    LAYOUT_INT8,
    LAYOUT_INT16,
    LAYOUT_INT32,
    LAYOUT_INT64,
    LAYOUT_FLOAT32,
    LAYOUT_FLOAT64,
    LAYOUT_TEXT,
    LAYOUT_TIMESTAMP, // struct weir_timestamp
    LAYOUT_DECIMAL,
    LAYOUT_COUNT,
};

enum layout layout_of(struct weir_type type);

enum comparison {
    COMPARE_EQUAL,
    COMPARE_UNEQUAL,
    COMPARE_LESS,
    COMPARE_LESS_EQUAL,
    COMPARE_GREATER,
    COMPARE_GREATER_EQUAL,
    COMPARE_COUNT,
};

// By comparison and layout.
extern kernel *const compare_kernels[COMPARE_COUNT][LAYOUT_COUNT];
// -1, 0 or 1: any two values of one layout, NaN last.
int slice_compare(struct slice a, struct slice b);

kernel kernel_and, kernel_or, kernel_not, kernel_is_null, kernel_is_not_null;
// case and coalesce move values by their width in memory.
kernel kernel_case, kernel_coalesce;

// Arithmetic.
kernel kernel_add_int64, kernel_subtract_int64, kernel_multiply_int64, kernel_divide_int64,
    kernel_modulo_int64, kernel_negate_int64, kernel_absolute_int64, kernel_sign_int64;
kernel kernel_add_float64, kernel_subtract_float64, kernel_multiply_float64, kernel_divide_float64,
    kernel_modulo_float64, kernel_negate_float64, kernel_absolute_float64, kernel_sign_float64;
kernel kernel_add_decimal, kernel_subtract_decimal, kernel_multiply_decimal, kernel_divide_decimal,
    kernel_modulo_decimal, kernel_negate_decimal, kernel_absolute_decimal, kernel_sign_decimal;
kernel kernel_round_float64, kernel_round_digits, kernel_floor_float64, kernel_ceil_float64,
    kernel_trunc_float64, kernel_round_decimal, kernel_floor_decimal, kernel_ceil_decimal;
kernel kernel_sqrt, kernel_exp, kernel_ln, kernel_log10, kernel_log2, kernel_power, kernel_is_nan,
    kernel_sin, kernel_cos, kernel_tan, kernel_asin, kernel_acos, kernel_atan, kernel_atan2,
    kernel_pi, kernel_bit_and, kernel_bit_or, kernel_bit_xor, kernel_shift_left, kernel_shift_right;

// Moments and lengths of time.
kernel kernel_add_days, kernel_subtract_days, kernel_difference_int32, kernel_add_time,
    kernel_subtract_time;
kernel kernel_now_ms, kernel_year, kernel_month, kernel_day, kernel_hour, kernel_minute,
    kernel_second, kernel_millisecond, kernel_day_of_week, kernel_day_of_year, kernel_quarter,
    kernel_date_trunc, kernel_parse_time, kernel_format_time, kernel_make_date, kernel_last_day;

// Text.
kernel kernel_concat, kernel_lower, kernel_upper, kernel_length, kernel_octet_length, kernel_substr,
    kernel_trim, kernel_ltrim, kernel_rtrim, kernel_replace, kernel_starts_with, kernel_ends_with,
    kernel_contains, kernel_position, kernel_lpad, kernel_rpad, kernel_reverse, kernel_left,
    kernel_right, kernel_split_part, kernel_repeat, kernel_like, kernel_hex, kernel_ascii,
    kernel_chr, kernel_initcap;

// The kernel that casts between two types in one step, or NULL. Some pairs need two, by way of
// *via.
kernel *cast_kernel(struct weir_type from, struct weir_type to, struct weir_type *via);

#endif
