// Three-valued logic and the functions that choose between values. A row that has failed counts as
// unknown here too, but its failure stays unless another argument decides.
#include "base/dispatch.h"
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

// --- case and coalesce: values are laid over each other, the one that comes first last ---

// Values of any type of that width.
typedef uint16_t __attribute__((may_alias)) two_bytes;
typedef uint32_t __attribute__((may_alias)) four_bytes;
typedef uint64_t __attribute__((may_alias)) eight_bytes;
struct sixteen_bytes {
    eight_bytes halves[2];
} __attribute__((may_alias));

// Writes the values of the rows whose bit in mask is set, 32 rows at a time.
#define DEFINE_LAY(name, type)                                                     \
    DISPATCH_AVX2 static void name(struct call *call, const struct vector *vector, \
                                   const uint8_t *mask)                            \
    {                                                                              \
        const type *from = vector->values;                                         \
        uint32_t is_constant = vector->mask == 0;                                  \
        type constant[32];                                                         \
        for (uint32_t i = 0; is_constant && i < 32; i++) {                         \
            constant[i] = from[0];                                                 \
        }                                                                          \
        for (uint32_t first = 0; first < call->row_count; first += 32) {           \
            type *to = (type *)call->values + first;                               \
            const type *at = is_constant ? constant : from + first;                \
            uint32_t left = call->row_count - first, word;                         \
            memcpy(&word, mask + first / 8, sizeof word);                          \
            if (left >= 32 && word != 0) {                                         \
                for (uint32_t i = 0; i < 32; i++) {                                \
                    to[i] = word >> i & 1 ? at[i] : to[i];                         \
                }                                                                  \
            } else if (word != 0) {                                                \
                for (uint32_t i = 0; i < left; i++) {                              \
                    to[i] = word >> i & 1 ? at[i] : to[i];                         \
                }                                                                  \
            }                                                                      \
        }                                                                          \
    }

DEFINE_LAY(lay1, uint8_t)
DEFINE_LAY(lay2, two_bytes)
DEFINE_LAY(lay4, four_bytes)
DEFINE_LAY(lay8, eight_bytes)
DEFINE_LAY(lay16, struct sixteen_bytes)

static void lay_bits(struct call *call, const struct vector *vector, const uint8_t *mask)
{
    uint8_t *to = call->values;
    for (uint32_t i = 0; i < weir_bit_bytes(call->row_count); i++) {
        to[i] = (uint8_t)((byte_of(vector, i) & mask[i]) | (to[i] & ~mask[i]));
    }
}

static void lay_values(struct call *call, const struct vector *vector, const uint8_t *mask)
{
    switch (vector_width(call->out->type)) {
    case 1:
        lay1(call, vector, mask);
        break;
    case 2:
        lay2(call, vector, mask);
        break;
    case 4:
        lay4(call, vector, mask);
        break;
    case 8:
        lay8(call, vector, mask);
        break;
    case 16:
        lay16(call, vector, mask);
        break;
    default:
        lay_bits(call, vector, mask);
    }
}

static void lay_errors(struct call *call, const struct vector *vector, const uint8_t *mask)
{
    if (vector->errors == NULL && call->out->errors == NULL) {
        return;
    }
    uint32_t *errors = call_errors(call);
    for (uint32_t row = 0; errors != NULL && row < call->row_count; row++) {
        if (weir_bit(mask, row)) {
            errors[row] = vector->errors == NULL ? 0 : vector->errors[row & vector->mask];
        }
    }
}

// The rows of mask take what vector has there: value, null or failure.
static void lay(struct call *call, const struct vector *vector, const uint8_t *mask)
{
    lay_values(call, vector, mask);
    lay_errors(call, vector, mask);
    if (vector->validity != NULL || call->out->validity != NULL) {
        uint8_t *validity = call_validity(call);
        for (uint32_t i = 0; i < weir_bit_bytes(call->row_count); i++) {
            validity[i] =
                (uint8_t)((valid_byte_of(vector, i) & mask[i]) | (validity[i] & ~mask[i]));
        }
    }
}

// The rows that have failed turn null with their failure.
static void lay_failures(struct call *call, const struct vector *vector)
{
    uint32_t *errors = vector->errors == NULL ? NULL : call_errors(call);
    for (uint32_t row = 0; errors != NULL && row < call->row_count; row++) {
        uint32_t error = vector->errors[row & vector->mask];
        if (error != 0) {
            errors[row] = error;
            call_set_null(call, row);
        }
    }
}

#define MASK_BYTES (CHUNK_ROWS / 8)

// Arguments: condition, value, condition, value, ..., value of else.
void kernel_case(struct call *call)
{
    uint8_t mask[MASK_BYTES];
    uint32_t otherwise = call->argument_count - 1;
    memset(mask, 0xff, sizeof mask);
    lay(call, call->arguments[otherwise], mask);
    for (uint32_t index = otherwise; index >= 2; index -= 2) {
        const struct vector *condition = call->arguments[index - 2];
        for (uint32_t i = 0; i < weir_bit_bytes(call->row_count); i++) {
            mask[i] = byte_of(condition, i) & valid_byte_of(condition, i);
        }
        lay(call, call->arguments[index - 1], mask);
        lay_failures(call, condition);
    }
}

// The first argument that is not null.
void kernel_coalesce(struct call *call)
{
    uint8_t mask[MASK_BYTES];
    uint32_t last = call->argument_count - 1;
    memset(mask, 0xff, sizeof mask);
    lay(call, call->arguments[last], mask);
    for (uint32_t index = last; index > 0; index--) {
        const struct vector *value = call->arguments[index - 1];
        for (uint32_t i = 0; i < weir_bit_bytes(call->row_count); i++) {
            mask[i] = valid_byte_of(value, i);
        }
        lay(call, value, mask);
        lay_failures(call, value);
    }
}
