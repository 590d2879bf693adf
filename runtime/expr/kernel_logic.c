// Three-valued logic and the functions that choose between values. A row that has failed counts as
// unknown here too, but its failure stays unless another argument decides.
#include "expr/kernels.h"

static uint8_t byte_of(const struct vector *vector, uint32_t byte)
{
    const uint8_t *bits = vector->values;
    if (vector_is_constant(vector)) {
        return bits[0] & 1 ? 0xff : 0;
    }
    return bits[byte];
}

static uint8_t valid_byte_of(const struct vector *vector, uint32_t byte)
{
    if (vector->validity == NULL) {
        return 0xff;
    }
    if (vector_is_constant(vector)) {
        return vector->validity[0] & 1 ? 0xff : 0;
    }
    return vector->validity[byte];
}

// Failures of rows that no argument has decided.
static void keep_errors(struct call *call)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct vector *argument = call->arguments[i];
        uint32_t *errors = argument->errors == NULL ? NULL : call_errors(call);
        for (uint32_t row = 0; errors != NULL && row < call->row_count; row++) {
            if (errors[row] == 0 && !call_is_valid(call, row)) {
                errors[row] = argument->errors[row & argument->mask];
            }
        }
    }
}

// decider is the value that decides alone: 0 for and, 0xff for or.
static inline void connect(struct call *call, uint8_t decider)
{
    const struct vector *a = call->arguments[0], *b = call->arguments[1];
    uint32_t byte_count = weir_bit_bytes(call->row_count);
    uint8_t *values = call->values;
    int has_nulls = a->validity != NULL || b->validity != NULL;
    uint8_t *validity = has_nulls ? call_validity(call) : NULL;
    for (uint32_t i = 0; i < byte_count; i++) {
        uint8_t x = byte_of(a, i) ^ decider, y = byte_of(b, i) ^ decider;
        if (has_nulls) {
            uint8_t x_valid = valid_byte_of(a, i), y_valid = valid_byte_of(b, i);
            uint8_t decided = (uint8_t)((x_valid & ~x) | (y_valid & ~y));
            validity[i] = (uint8_t)((x_valid & y_valid) | decided);
            values[i] = (uint8_t)(((x & y) & ~decided) ^ decider);
        } else {
            values[i] = (uint8_t)((x & y) ^ decider);
        }
    }
    keep_errors(call);
}

// The usual case, nothing null and nothing constant, as plain loops.
static int is_plain(const struct call *call)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct vector *vector = call->arguments[i];
        if (vector->validity != NULL || vector->errors != NULL || vector_is_constant(vector)) {
            return 0;
        }
    }
    return 1;
}

void kernel_and(struct call *call)
{
    if (!is_plain(call)) {
        connect(call, 0);
        return;
    }
    const uint8_t *a = call->arguments[0]->values, *b = call->arguments[1]->values;
    uint8_t *values = call->values;
    for (uint32_t i = 0; i < weir_bit_bytes(call->row_count); i++) {
        values[i] = a[i] & b[i];
    }
}

void kernel_or(struct call *call)
{
    if (!is_plain(call)) {
        connect(call, 0xff);
        return;
    }
    const uint8_t *a = call->arguments[0]->values, *b = call->arguments[1]->values;
    uint8_t *values = call->values;
    for (uint32_t i = 0; i < weir_bit_bytes(call->row_count); i++) {
        values[i] = a[i] | b[i];
    }
}

void kernel_not(struct call *call)
{
    const uint8_t *a = call->arguments[0]->values;
    uint8_t *values = call->values;
    for (uint32_t i = 0; i < weir_bit_bytes(call->row_count); i++) {
        values[i] = (uint8_t)~a[i];
    }
}

static void is_null(struct call *call, uint8_t flip)
{
    const struct vector *argument = call->arguments[0];
    uint8_t *values = call->values;
    for (uint32_t i = 0; i < weir_bit_bytes(call->row_count); i++) {
        values[i] = valid_byte_of(argument, i) ^ flip;
    }
    uint32_t *errors = argument->errors == NULL ? NULL : call_errors(call);
    for (uint32_t row = 0; errors != NULL && row < call->row_count; row++) {
        errors[row] = argument->errors[row & argument->mask];
        if (errors[row] != 0) {
            call_set_null(call, row);
        }
    }
}

void kernel_is_null(struct call *call)
{
    is_null(call, 0xff);
}

void kernel_is_not_null(struct call *call)
{
    is_null(call, 0);
}

// Which argument each row takes its value from; NOWHERE: the row is null or has failed.
#define NOWHERE UINT16_MAX

static void fail_as(struct call *call, uint32_t row, const struct vector *vector)
{
    uint32_t error = vector->errors == NULL ? 0 : vector->errors[row & vector->mask];
    if (error != 0) {
        uint32_t *errors = call_errors(call);
        if (errors != NULL) {
            errors[row] = error;
        }
    }
    call_set_null(call, row);
}

static int has_failed(const struct vector *vector, uint32_t row)
{
    return vector->errors != NULL && vector->errors[row & vector->mask] != 0;
}

#define DEFINE_TAKE(name, type)                                                   \
    static void name(struct call *call, const uint16_t *from)                     \
    {                                                                             \
        type *values = call->values;                                              \
        for (uint32_t row = 0; row < call->row_count; row++) {                    \
            if (from[row] != NOWHERE) {                                           \
                const struct vector *vector = call->arguments[from[row]];         \
                values[row] = ((const type *)vector->values)[row & vector->mask]; \
            }                                                                     \
        }                                                                         \
    }

// Values of any type of that width.
typedef uint16_t __attribute__((may_alias)) two_bytes;
typedef uint32_t __attribute__((may_alias)) four_bytes;
typedef uint64_t __attribute__((may_alias)) eight_bytes;
struct sixteen_bytes {
    eight_bytes halves[2];
} __attribute__((may_alias));

DEFINE_TAKE(take1, uint8_t)
DEFINE_TAKE(take2, two_bytes)
DEFINE_TAKE(take4, four_bytes)
DEFINE_TAKE(take8, eight_bytes)
DEFINE_TAKE(take16, struct sixteen_bytes)

static void take_bits(struct call *call, const uint16_t *from)
{
    memset(call->values, 0, weir_bit_bytes(call->row_count));
    for (uint32_t row = 0; row < call->row_count; row++) {
        if (from[row] != NOWHERE && vector_bit(call->arguments[from[row]], row)) {
            weir_bit_set(call->values, row, 1);
        }
    }
}

static void take(struct call *call, const uint16_t *from)
{
    switch (vector_width(call->out->type)) {
    case 1:
        take1(call, from);
        break;
    case 2:
        take2(call, from);
        break;
    case 4:
        take4(call, from);
        break;
    case 8:
        take8(call, from);
        break;
    case 16:
        take16(call, from);
        break;
    default:
        take_bits(call, from);
    }
}

// Sends a row to argument `index`, which may be null or failed there.
static void choose(struct call *call, uint32_t row, uint32_t index, uint16_t *from)
{
    const struct vector *value = call->arguments[index];
    if (vector_is_valid(value, row)) {
        from[row] = (uint16_t)index;
    } else {
        from[row] = NOWHERE;
        fail_as(call, row, value);
    }
}

// Arguments: condition, value, condition, value, ..., value of else.
void kernel_case(struct call *call)
{
    uint16_t from[CHUNK_ROWS];
    uint32_t otherwise = call->argument_count - 1;
    for (uint32_t row = 0; row < call->row_count; row++) {
        uint32_t index = 0;
        for (; index < otherwise; index += 2) {
            const struct vector *condition = call->arguments[index];
            int is_valid = vector_is_valid(condition, row);
            if ((is_valid && vector_bit(condition, row)) ||
                (!is_valid && has_failed(condition, row))) {
                break;
            }
        }
        if (index < otherwise && has_failed(call->arguments[index], row)) {
            from[row] = NOWHERE;
            fail_as(call, row, call->arguments[index]);
        } else {
            choose(call, row, index < otherwise ? index + 1 : otherwise, from);
        }
    }
    take(call, from);
}

// The first argument that is not null.
void kernel_coalesce(struct call *call)
{
    uint16_t from[CHUNK_ROWS];
    for (uint32_t row = 0; row < call->row_count; row++) {
        uint32_t index = 0;
        while (index + 1 < call->argument_count && !vector_is_valid(call->arguments[index], row) &&
               !has_failed(call->arguments[index], row)) {
            index++;
        }
        choose(call, row, index, from);
    }
    take(call, from);
}
