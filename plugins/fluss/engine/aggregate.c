#include "engine/merge.h"

#include <string.h>

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

// --- The order of values ---

static int compare_int64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

// -0.0 below 0.0, NaN above everything.
static int compare_double(double a, double b)
{
    if (a < b || a > b) {
        return a < b ? -1 : 1;
    }
    if (a != a || b != b) {
        return (a != a) - (b != b);
    }
    return !__builtin_signbit(a) - !__builtin_signbit(b);
}

static int compare_text(const uint8_t *a, const uint8_t *b)
{
    const struct row_text *x = (const struct row_text *)a, *y = (const struct row_text *)b;
    uint32_t length = x->length < y->length ? x->length : y->length;
    int order = memcmp(row_text_bytes(x), row_text_bytes(y), length);
    return order != 0 ? order : compare_int64(x->length, y->length);
}

static int128 decimal_at(const uint8_t *cell)
{
    int128 value;
    memcpy(&value, cell, sizeof value);
    return value;
}

static int compare_decimal(const uint8_t *a, const uint8_t *b)
{
    int128 x = decimal_at(a), y = decimal_at(b);
    return (x > y) - (x < y);
}

static int compare_timestamp(const uint8_t *a, const uint8_t *b)
{
    struct weir_timestamp x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x.ms != y.ms ? compare_int64(x.ms, y.ms) : compare_int64(x.nanoseconds, y.nanoseconds);
}

static int64_t integer_at(const uint8_t *cell, uint32_t width)
{
    switch (width) {
    case 1:
        return (int8_t)*cell;
    case 2: {
        int16_t value;
        memcpy(&value, cell, sizeof value);
        return value;
    }
    case 4: {
        int32_t value;
        memcpy(&value, cell, sizeof value);
        return value;
    }
    default: {
        int64_t value;
        memcpy(&value, cell, sizeof value);
        return value;
    }
    }
}

static double float_at(const uint8_t *cell, uint32_t width)
{
    float narrow;
    double wide;
    if (width == 4) {
        memcpy(&narrow, cell, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, cell, sizeof wide);
    return wide;
}

static int compare(struct weir_type type, const uint8_t *a, const uint8_t *b)
{
    uint32_t width = row_width(type);
    switch (type.id) {
    case WEIR_TYPE_FLOAT32:
    case WEIR_TYPE_FLOAT64:
        return compare_double(float_at(a, width), float_at(b, width));
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        return compare_text(a, b);
    case WEIR_TYPE_DECIMAL:
        return compare_decimal(a, b);
    default:
        return width == 16 ? compare_timestamp(a, b)
                           : compare_int64(integer_at(a, width), integer_at(b, width));
    }
}

int merge_compare_version(const struct row_layout *layout, uint32_t column, const uint8_t *a,
                          const uint8_t *b)
{
    static const struct weir_timestamp timestamp_min = {INT64_MIN, 0, 0};
    static const int64_t int64_min = INT64_MIN;
    static const int32_t int32_min = INT32_MIN;
    struct weir_type type = layout->types[column];
    uint32_t width = row_width(type);
    const void *null = width == 4   ? (const void *)&int32_min
                       : width == 8 ? (const void *)&int64_min
                                    : (const void *)&timestamp_min;
    uint32_t offset = layout->offsets[column];
    return compare(type, row_is_null(layout, a, column) ? null : a + offset,
                   row_is_null(layout, b, column) ? null : b + offset);
}

// --- Arithmetic ---

static int128 power_of_ten(uint32_t n)
{
    int128 power = 1;
    while (n-- > 0) {
        power *= 10;
    }
    return power;
}

static int32_t does_not_fit(struct work *work, uint32_t column)
{
    const struct weir_field *field = &work->bucket->table->fields[column];
    return failure_set(work->failure, WEIR_ERROR_DATA,
                       "the aggregate of column %s does not fit decimal(%u, %u)", field->name,
                       field->type.precision, field->type.scale);
}

// a * b / 10^scale, rounded half away from zero. 0: it does not fit 128 bits.
static int multiply_decimal(int128 a, int128 b, uint32_t scale, int128 *out)
{
    int is_negative = (a < 0) != (b < 0);
    uint128 x = a < 0 ? (uint128)0 - (uint128)a : (uint128)a;
    uint128 y = b < 0 ? (uint128)0 - (uint128)b : (uint128)b;
    uint64_t limbs[4] = {0};
    for (uint32_t i = 0; i < 2; i++) {
        uint128 carry = 0;
        for (uint32_t j = 0; j < 2; j++) {
            carry += (uint128)(uint64_t)(x >> (64 * i)) * (uint64_t)(y >> (64 * j)) + limbs[i + j];
            limbs[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        limbs[i + 2] = (uint64_t)carry;
    }
    for (uint32_t digit = 0; digit < scale; digit++) {
        uint128 rest = 0;
        int is_last = digit + 1 == scale;
        for (uint32_t i = 4; i-- > 0;) {
            rest = rest << 64 | limbs[i];
            limbs[i] = (uint64_t)(rest / 10);
            rest %= 10;
        }
        for (uint32_t i = 0; is_last && rest >= 5 && i < 4 && ++limbs[i] == 0; i++) {
        }
    }
    if (limbs[2] != 0 || limbs[3] != 0 || limbs[1] >> 63 != 0) {
        return 0;
    }
    int128 value = (int128)((uint128)limbs[1] << 64 | limbs[0]);
    *out = is_negative ? -value : value;
    return 1;
}

static int32_t combine_decimal(struct work *work, uint32_t column, int is_product,
                               const uint8_t *input, uint8_t *cell)
{
    struct weir_type type = work->bucket->layout->types[column];
    int128 a = decimal_at(cell), b = decimal_at(input), value = 0;
    int fits = is_product ? multiply_decimal(a, b, type.scale, &value)
                          : !__builtin_add_overflow(a, b, &value);
    int128 limit = power_of_ten(type.precision);
    if (!fits || value >= limit || value <= -limit) {
        return does_not_fit(work, column);
    }
    memcpy(cell, &value, sizeof value);
    return WEIR_OK;
}

// The processor gives NaN a sign that means nothing.
static double one_nan(double value)
{
    return value != value ? __builtin_nan("") : value;
}

static void combine_float(uint32_t width, int is_product, const uint8_t *input, uint8_t *cell)
{
    if (width == 4) {
        float a = (float)float_at(cell, 4), b = (float)float_at(input, 4);
        float value = (float)one_nan(is_product ? a * b : a + b);
        memcpy(cell, &value, sizeof value);
        return;
    }
    double a = float_at(cell, 8), b = float_at(input, 8);
    double value = one_nan(is_product ? a * b : a + b);
    memcpy(cell, &value, sizeof value);
}

// Integers wrap around: the low bytes of the 64-bit result are those of the narrow one.
static int32_t combine(struct work *work, uint32_t column, int is_product, const uint8_t *input,
                       uint8_t *cell)
{
    struct weir_type type = work->bucket->layout->types[column];
    uint32_t width = row_width(type);
    if (type.id == WEIR_TYPE_DECIMAL) {
        return combine_decimal(work, column, is_product, input, cell);
    }
    if (type.id == WEIR_TYPE_FLOAT32 || type.id == WEIR_TYPE_FLOAT64) {
        combine_float(width, is_product, input, cell);
        return WEIR_OK;
    }
    uint64_t a = (uint64_t)integer_at(cell, width), b = (uint64_t)integer_at(input, width);
    uint64_t value = is_product ? a * b : a + b;
    memcpy(cell, &value, width);
    return WEIR_OK;
}

static int32_t join(struct work *work, uint32_t column, const uint8_t *input, uint8_t *cell)
{
    const struct table_column *definition = &work->bucket->table->definition->columns[column];
    const struct row_text *a = (const struct row_text *)cell, *b = (const struct row_text *)input;
    uint64_t delimiter = strlen(definition->delimiter);
    uint64_t length = a->length + delimiter + b->length;
    if (length > WEIR_VALUE_BYTES_MAX) {
        return failure_set(work->failure, WEIR_ERROR_DATA,
                           "the list of column %s would be longer than %u bytes", definition->name,
                           WEIR_VALUE_BYTES_MAX);
    }
    char *bytes = arena_get(work->arena, length);
    if (bytes == NULL) {
        return failure_set(work->failure, WEIR_ERROR_RETRY, "no memory for a list");
    }
    memcpy(bytes, row_text_bytes(a), a->length);
    memcpy(bytes + a->length, definition->delimiter, delimiter);
    memcpy(bytes + a->length + delimiter, row_text_bytes(b), b->length);
    row_set_text(cell, bytes, (uint32_t)length);
    return WEIR_OK;
}

int32_t aggregate_column(struct work *work, uint32_t column, const uint8_t *input, uint8_t *row)
{
    const struct row_layout *layout = work->bucket->layout;
    struct weir_type type = layout->types[column];
    enum table_aggregate function = work->bucket->table->definition->columns[column].aggregate;
    const uint8_t *value = input + layout->offsets[column];
    uint8_t *cell = row + layout->offsets[column];
    if (function == TABLE_AGGREGATE_LAST_VALUE || row_is_null(layout, row, column)) {
        row_copy(layout, row, input, column);
        return WEIR_OK;
    }
    if (row_is_null(layout, input, column)) {
        return WEIR_OK;
    }
    switch (function) {
    case TABLE_AGGREGATE_LAST_VALUE:
    case TABLE_AGGREGATE_LAST_VALUE_IGNORE_NULLS:
        row_copy(layout, row, input, column);
        break;
    case TABLE_AGGREGATE_FIRST_VALUE:
    case TABLE_AGGREGATE_FIRST_VALUE_IGNORE_NULLS:
        break;
    case TABLE_AGGREGATE_SUM:
        return combine(work, column, 0, value, cell);
    case TABLE_AGGREGATE_PRODUCT:
        return combine(work, column, 1, value, cell);
    case TABLE_AGGREGATE_MAX:
    case TABLE_AGGREGATE_MIN:
        if (function == TABLE_AGGREGATE_MAX ? compare(type, value, cell) > 0
                                            : compare(type, value, cell) < 0) {
            row_copy(layout, row, input, column);
        }
        break;
    case TABLE_AGGREGATE_LISTAGG:
        return join(work, column, value, cell);
    case TABLE_AGGREGATE_BOOL_AND:
        *cell &= *value;
        break;
    case TABLE_AGGREGATE_BOOL_OR:
        *cell |= *value;
        break;
    }
    return WEIR_OK;
}
