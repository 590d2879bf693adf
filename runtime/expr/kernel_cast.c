// Casts. Pairs that have no kernel of their own go by way of int64, float64 or a string.
#include <math.h>

#include "base/dispatch.h"
#include "expr/calendar.h"
#include "expr/kernels.h"
#include "expr/number.h"
#include "expr/reason.h"

#define DEFINE_WIDEN(name, from, to)                           \
    DISPATCH_AVX2 static void name(struct call *call)          \
    {                                                          \
        const from *xs = call->arguments[0]->values;           \
        to *values = call->values;                             \
        for (uint32_t row = 0; row < call->row_count; row++) { \
            values[row] = (to)xs[row];                         \
        }                                                      \
    }

DEFINE_WIDEN(int8_to_int64, int8_t, int64_t)
DEFINE_WIDEN(int16_to_int64, int16_t, int64_t)
DEFINE_WIDEN(int32_to_int64, int32_t, int64_t)
DEFINE_WIDEN(int64_to_float64, int64_t, double)
DEFINE_WIDEN(int32_to_float64, int32_t, double)
DEFINE_WIDEN(float32_to_float64, float, double)
DEFINE_WIDEN(float64_to_float32, double, float)

// Narrowing: a flag for all rows, the rows only if it is set.
#define DEFINE_NARROW(name, to)                                         \
    DISPATCH_AVX2 static int name##_rows(struct call *call)             \
    {                                                                   \
        const int64_t *xs = call->arguments[0]->values;                 \
        to *values = call->values;                                      \
        int flags = 0;                                                  \
        for (uint32_t row = 0; row < call->row_count; row++) {          \
            values[row] = (to)xs[row];                                  \
            flags |= (int64_t)(to)xs[row] != xs[row];                   \
        }                                                               \
        return flags;                                                   \
    }                                                                   \
    static void name(struct call *call)                                 \
    {                                                                   \
        const int64_t *xs = call->arguments[0]->values;                 \
        int flags = name##_rows(call);                                  \
        for (uint32_t row = 0; flags && row < call->row_count; row++) { \
            if ((int64_t)(to)xs[row] != xs[row]) {                      \
                call_fail(call, row, FAILURE_CAST);                     \
            }                                                           \
        }                                                               \
    }

DEFINE_NARROW(int64_to_int8, int8_t)
DEFINE_NARROW(int64_to_int16, int16_t)
DEFINE_NARROW(int64_to_int32, int32_t)

// Rounds toward zero; what int64 does not hold, NaN too, fails.
static void float64_to_int64(struct call *call)
{
    const double *xs = call->arguments[0]->values;
    int64_t *values = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        int is_good = xs[row] >= -9223372036854775808.0 && xs[row] < 9223372036854775808.0;
        values[row] = (int64_t)(is_good ? xs[row] : 0);
        if (!is_good) {
            call_fail(call, row, FAILURE_CAST);
        }
    }
}

static void bool_to_int64(struct call *call)
{
    int64_t *values = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        values[row] = vector_bit(call->arguments[0], row);
    }
}

static void int64_to_bool(struct call *call)
{
    const int64_t *xs = call->arguments[0]->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        weir_bit_set(call->values, row, xs[row] != 0);
    }
}

static void float64_to_bool(struct call *call)
{
    const double *xs = call->arguments[0]->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        weir_bit_set(call->values, row, xs[row] != 0);
        if (isnan(xs[row])) {
            call_fail(call, row, FAILURE_CAST);
        }
    }
}

// --- Casts one row at a time: `convert` gives 1, or 0 where the value does not fit ---

typedef int convert_row(const struct call *call, const union value *from, union value *to);

static inline void convert_rows(struct call *call, uint32_t from_width, uint32_t to_width,
                                convert_row *convert)
{
    const char *from = call->arguments[0]->values;
    char *to = call->values;
    for (uint32_t row = 0; row < call->row_count; row++) {
        union value in, out = {0};
        if (call_is_valid(call, row)) {
            memcpy(&in, from + (size_t)row * from_width, from_width);
            if (!convert(call, &in, &out)) {
                call_fail(call, row, FAILURE_CAST);
            }
        }
        memcpy(to + (size_t)row * to_width, &out, to_width);
    }
}

#define DEFINE_CONVERT(name, from_width, to_width)                                            \
    static int name##_row(const struct call *call, const union value *from, union value *to); \
    static void name(struct call *call)                                                       \
    {                                                                                         \
        convert_rows(call, from_width, to_width, name##_row);                                 \
    }                                                                                         \
    static inline int name##_row(const struct call *call, const union value *from, union value *to)

DEFINE_CONVERT(int64_to_decimal, 8, 16)
{
    return decimal_rescale(from->integer, 0, call->out->type.scale, call->out->type.precision,
                           &to->decimal);
}

// By way of the shortest text of the number, so that 0.1 is 0.1.
DEFINE_CONVERT(float64_to_decimal, 8, 16)
{
    char text[VALUE_TEXT_BYTES];
    struct slice slice = {text, float64_format(from->number, text)};
    return isfinite(from->number) &&
           decimal_parse(slice, call->out->type.precision, call->out->type.scale, &to->decimal);
}

DEFINE_CONVERT(decimal_to_decimal, 16, 16)
{
    return decimal_rescale(from->decimal, call->arguments[0]->type.scale, call->out->type.scale,
                           call->out->type.precision, &to->decimal);
}

// Rounds toward zero, like a float.
DEFINE_CONVERT(decimal_to_int64, 16, 8)
{
    int128 whole = from->decimal / decimal_power(call->arguments[0]->type.scale);
    to->integer = (int64_t)whole;
    return whole == (int64_t)whole;
}

DEFINE_CONVERT(decimal_to_float64, 16, 8)
{
    char text[VALUE_TEXT_BYTES];
    struct slice slice = {text,
                          decimal_format(from->decimal, call->arguments[0]->type.scale, text)};
    return float64_parse(slice, &to->number);
}

DEFINE_CONVERT(string_to_int64, sizeof(struct slice), 8)
{
    (void)call;
    return int64_parse(from->text, &to->integer);
}

DEFINE_CONVERT(string_to_float64, sizeof(struct slice), 8)
{
    (void)call;
    return float64_parse(from->text, &to->number);
}

DEFINE_CONVERT(string_to_decimal, sizeof(struct slice), 16)
{
    return decimal_parse(from->text, call->out->type.precision, call->out->type.scale,
                         &to->decimal);
}

DEFINE_CONVERT(string_to_date, sizeof(struct slice), 4)
{
    (void)call;
    return date_parse(from->text, &to->int32);
}

DEFINE_CONVERT(string_to_time, sizeof(struct slice), 4)
{
    (void)call;
    return time_parse(from->text, &to->int32);
}

static int parse_timestamp(const struct call *call, const union value *from, union value *to)
{
    struct weir_timestamp timestamp;
    struct weir_type type = call->out->type;
    return timestamp_parse(from->text, type.id == WEIR_TYPE_TIMESTAMP_LTZ, &timestamp) &&
           timestamp_store(timestamp, type, to);
}

DEFINE_CONVERT(string_to_timestamp8, sizeof(struct slice), 8)
{
    return parse_timestamp(call, from, to);
}

DEFINE_CONVERT(string_to_timestamp16, sizeof(struct slice), 16)
{
    return parse_timestamp(call, from, to);
}

static int is_word(struct slice text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (text.length == strlen(*words) && strncasecmp(text.at, *words, text.length) == 0) {
            return 1;
        }
    }
    return 0;
}

static void string_to_bool(struct call *call)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "on", "1", NULL};
    static const char *const no[] = {"false", "f", "no", "n", "off", "0", NULL};
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (call_is_valid(call, row)) {
            struct slice text = slice_trim(vector_text(call->arguments[0], row));
            int is_true = is_word(text, yes);
            weir_bit_set(call->values, row, is_true);
            if (!is_true && !is_word(text, no)) {
                call_fail(call, row, FAILURE_CAST);
            }
        }
    }
}

// --- Dates, times and timestamps ---

DEFINE_CONVERT(date_to_int64, 4, 8)
{
    (void)call;
    to->integer = from->int32;
    return 1;
}

DEFINE_CONVERT(int64_to_time, 8, 4)
{
    (void)call;
    to->int32 = (int32_t)from->integer;
    return from->integer >= 0 && from->integer < DAY_MS;
}

static int store_ms(const struct call *call, int64_t ms, union value *to)
{
    return timestamp_store((struct weir_timestamp){ms, 0, 0}, call->out->type, to);
}

DEFINE_CONVERT(date_to_timestamp8, 4, 8)
{
    return store_ms(call, from->int32 * (int64_t)DAY_MS, to);
}

DEFINE_CONVERT(date_to_timestamp16, 4, 16)
{
    return store_ms(call, from->int32 * (int64_t)DAY_MS, to);
}

DEFINE_CONVERT(int64_to_timestamp8, 8, 8)
{
    return store_ms(call, from->integer, to);
}

DEFINE_CONVERT(int64_to_timestamp16, 8, 16)
{
    return store_ms(call, from->integer, to);
}

static struct weir_timestamp load(const struct call *call, const union value *from)
{
    return timestamp_load(call->arguments[0]->type, from);
}

static int timestamp_to_date(const struct call *call, const union value *from, union value *to)
{
    int64_t days = floor_divide(load(call, from).ms, DAY_MS);
    to->int32 = (int32_t)days;
    return days == to->int32;
}

static int timestamp_to_time(const struct call *call, const union value *from, union value *to)
{
    to->int32 = (int32_t)floor_modulo(load(call, from).ms, DAY_MS);
    return 1;
}

static int timestamp_to_int64(const struct call *call, const union value *from, union value *to)
{
    to->integer = load(call, from).ms;
    return 1;
}

static int timestamp_to_timestamp(const struct call *call, const union value *from, union value *to)
{
    return timestamp_store(load(call, from), call->out->type, to);
}

static uint32_t width_of(const struct weir_type type)
{
    return weir_type_width(type);
}

#define DEFINE_FROM_TIMESTAMP(name)                                                              \
    static void name##_kernel(struct call *call)                                                 \
    {                                                                                            \
        convert_rows(call, width_of(call->arguments[0]->type), width_of(call->out->type), name); \
    }

DEFINE_FROM_TIMESTAMP(timestamp_to_date)
DEFINE_FROM_TIMESTAMP(timestamp_to_time)
DEFINE_FROM_TIMESTAMP(timestamp_to_int64)
DEFINE_FROM_TIMESTAMP(timestamp_to_timestamp)

// --- Text ---

static void cut_text(struct call *call, uint32_t row, struct slice *text)
{
    uint32_t most = call->out->type.length, characters = 0, at = 0;
    int is_bytes = call->out->type.id == WEIR_TYPE_BYTES;
    while (at < text->length) {
        characters += is_bytes || ((unsigned char)text->at[at] & 0xc0) != 0x80;
        if (most != 0 && characters > most) {
            break;
        }
        at++;
    }
    text->length = at;
    ((struct slice *)call->values)[row] = *text;
}

static void text_to_text(struct call *call)
{
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (call_is_valid(call, row)) {
            struct slice text = vector_text(call->arguments[0], row);
            cut_text(call, row, &text);
        }
    }
}

static int is_utf8(struct slice text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (uint32_t i = 0; i < text.length;) {
        unsigned char c = (unsigned char)text.at[i];
        uint32_t length = c < 0x80   ? 1
                          : c < 0xc2 ? 0
                          : c < 0xe0 ? 2
                          : c < 0xf0 ? 3
                          : c < 0xf5 ? 4
                                     : 0;
        uint32_t code = length == 1 ? c : c & (0xffu >> (length + 1));
        if (length == 0 || length > text.length - i) {
            return 0;
        }
        for (uint32_t j = 1; j < length; j++) {
            unsigned char next = (unsigned char)text.at[i + j];
            if ((next & 0xc0) != 0x80) {
                return 0;
            }
            code = code << 6 | (next & 0x3f);
        }
        if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
            return 0;
        }
        i += length;
    }
    return 1;
}

static void bytes_to_string(struct call *call)
{
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (call_is_valid(call, row)) {
            struct slice text = vector_text(call->arguments[0], row);
            if (!is_utf8(text)) {
                call_fail(call, row, FAILURE_CAST);
            } else {
                cut_text(call, row, &text);
            }
        }
    }
}

static void value_to_string(struct call *call)
{
    const struct vector *vector = call->arguments[0];
    uint32_t width = weir_type_width(vector->type);
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (!call_is_valid(call, row)) {
            continue;
        }
        union value value = {0};
        char text[VALUE_TEXT_BYTES];
        if (width == 0) {
            value.integer = vector_bit(vector, row);
        } else {
            memcpy(&value, (const char *)vector->values + (size_t)row * width, width);
        }
        uint32_t length = value_format(vector->type, &value, text);
        char *at = call_text(call, row, length);
        if (at != NULL) {
            memcpy(at, text, length);
            struct slice slice = {at, length};
            cut_text(call, row, &slice);
        }
    }
}

// --- Which kernel ---

static int is_integer(struct weir_type type)
{
    return type.id >= WEIR_TYPE_INT8 && type.id <= WEIR_TYPE_INT64;
}

static int is_timestamp(struct weir_type type)
{
    return type.id == WEIR_TYPE_TIMESTAMP || type.id == WEIR_TYPE_TIMESTAMP_LTZ;
}

static kernel *from_int64(struct weir_type to)
{
    switch (to.id) {
    case WEIR_TYPE_BOOL:
        return int64_to_bool;
    case WEIR_TYPE_INT8:
        return int64_to_int8;
    case WEIR_TYPE_INT16:
        return int64_to_int16;
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_DATE:
        return int64_to_int32;
    case WEIR_TYPE_FLOAT64:
        return int64_to_float64;
    case WEIR_TYPE_TIME:
        return int64_to_time;
    case WEIR_TYPE_DECIMAL:
        return int64_to_decimal;
    default:
        return !is_timestamp(to)  ? NULL
               : to.precision > 6 ? int64_to_timestamp16
                                  : int64_to_timestamp8;
    }
}

static kernel *from_string(struct weir_type to)
{
    switch (to.id) {
    case WEIR_TYPE_BOOL:
        return string_to_bool;
    case WEIR_TYPE_INT64:
        return string_to_int64;
    case WEIR_TYPE_FLOAT64:
        return string_to_float64;
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        return text_to_text;
    case WEIR_TYPE_DATE:
        return string_to_date;
    case WEIR_TYPE_TIME:
        return string_to_time;
    case WEIR_TYPE_DECIMAL:
        return string_to_decimal;
    default:
        return !is_timestamp(to)  ? NULL
               : to.precision > 6 ? string_to_timestamp16
                                  : string_to_timestamp8;
    }
}

static kernel *from_float64(struct weir_type to)
{
    switch (to.id) {
    case WEIR_TYPE_BOOL:
        return float64_to_bool;
    case WEIR_TYPE_INT64:
        return float64_to_int64;
    case WEIR_TYPE_FLOAT32:
        return float64_to_float32;
    case WEIR_TYPE_DECIMAL:
        return float64_to_decimal;
    default:
        return NULL;
    }
}

static kernel *from_decimal(struct weir_type to)
{
    switch (to.id) {
    case WEIR_TYPE_INT64:
        return decimal_to_int64;
    case WEIR_TYPE_FLOAT64:
        return decimal_to_float64;
    case WEIR_TYPE_DECIMAL:
        return decimal_to_decimal;
    default:
        return NULL;
    }
}

static kernel *from_date(struct weir_type to)
{
    if (is_timestamp(to)) {
        return to.precision > 6 ? date_to_timestamp16 : date_to_timestamp8;
    }
    return to.id == WEIR_TYPE_INT64 ? date_to_int64 : NULL;
}

static kernel *from_timestamp(struct weir_type to)
{
    switch (to.id) {
    case WEIR_TYPE_DATE:
        return timestamp_to_date_kernel;
    case WEIR_TYPE_TIME:
        return timestamp_to_time_kernel;
    case WEIR_TYPE_INT64:
        return timestamp_to_int64_kernel;
    default:
        return is_timestamp(to) ? timestamp_to_timestamp_kernel : NULL;
    }
}

static kernel *direct_kernel(struct weir_type from, struct weir_type to)
{
    if (to.id == WEIR_TYPE_STRING && !weir_type_is_text(from)) {
        return value_to_string;
    }
    switch (from.id) {
    case WEIR_TYPE_BOOL:
        return to.id == WEIR_TYPE_INT64 ? bool_to_int64 : NULL;
    case WEIR_TYPE_INT8:
        return to.id == WEIR_TYPE_INT64 ? int8_to_int64 : NULL;
    case WEIR_TYPE_INT16:
        return to.id == WEIR_TYPE_INT64 ? int16_to_int64 : NULL;
    case WEIR_TYPE_INT32:
        return to.id == WEIR_TYPE_INT64     ? int32_to_int64
               : to.id == WEIR_TYPE_FLOAT64 ? int32_to_float64
                                            : NULL;
    case WEIR_TYPE_INT64:
        return from_int64(to);
    case WEIR_TYPE_FLOAT32:
        return to.id == WEIR_TYPE_FLOAT64 ? float32_to_float64 : NULL;
    case WEIR_TYPE_FLOAT64:
        return from_float64(to);
    case WEIR_TYPE_STRING:
        return from_string(to);
    case WEIR_TYPE_BYTES:
        return to.id == WEIR_TYPE_STRING  ? bytes_to_string
               : to.id == WEIR_TYPE_BYTES ? text_to_text
                                          : NULL;
    case WEIR_TYPE_DATE:
        return from_date(to);
    case WEIR_TYPE_TIME:
        return to.id == WEIR_TYPE_INT64 ? date_to_int64 : NULL;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return from_timestamp(to);
    case WEIR_TYPE_DECIMAL:
        return from_decimal(to);
    default:
        return NULL;
    }
}

// What a type goes by way of when it has no kernel to the other: its wide kin.
static struct weir_type wide(struct weir_type type)
{
    return weir_type_of(type.id == WEIR_TYPE_FLOAT32                    ? WEIR_TYPE_FLOAT64
                        : type.id == WEIR_TYPE_BOOL || is_integer(type) ? WEIR_TYPE_INT64
                                                                        : type.id);
}

static int is_number(struct weir_type type)
{
    return is_integer(type) || type.id == WEIR_TYPE_FLOAT32 || type.id == WEIR_TYPE_FLOAT64 ||
           type.id == WEIR_TYPE_DECIMAL || type.id == WEIR_TYPE_BOOL;
}

kernel *cast_kernel(struct weir_type from, struct weir_type to, struct weir_type *via)
{
    kernel *direct = direct_kernel(from, to);
    *via = to;
    if (direct != NULL) {
        return direct;
    }
    struct weir_type from_wide = wide(from), to_wide = wide(to);
    int to_moment = is_timestamp(to) || to.id == WEIR_TYPE_DATE || to.id == WEIR_TYPE_TIME;
    int from_moment = is_timestamp(from) || from.id == WEIR_TYPE_DATE || from.id == WEIR_TYPE_TIME;
    if ((to_moment && !is_integer(from)) || (from_moment && !is_integer(to)) ||
        weir_type_is_text(to) || from.id == WEIR_TYPE_BYTES) {
        return NULL;
    }
    if (from_wide.id != from.id) {
        *via = from_wide;
        return direct_kernel(from, from_wide);
    }
    if (to_wide.id != to.id && (is_number(from) || from.id == WEIR_TYPE_STRING || from_moment)) {
        *via = from.id == WEIR_TYPE_DECIMAL && to.id == WEIR_TYPE_BOOL
                   ? weir_type_of(WEIR_TYPE_FLOAT64)
                   : to_wide;
        return direct_kernel(from, *via);
    }
    return NULL;
}
