#include "call.h"

#include <string.h>

// A loop over rows for one shape; the test for nulls leaves the loop when there are none.
#define LOOP(name, result, parameters, arguments)                          \
    static void name(call_function function, const struct call_rows *rows) \
    {                                                                      \
        result(*typed) parameters = (result(*) parameters)function;        \
        result *out = rows->out;                                           \
        for (uint32_t i = 0; i < rows->row_count; i++) {                   \
            if (rows->validity == NULL || weir_bit(rows->validity, i)) {   \
                out[i] = typed arguments;                                  \
            }                                                              \
        }                                                                  \
    }
#define AT(type, k) (((const type *)rows->values[k])[i])
#define LOOPS_OF(suffix, type)                                                               \
    LOOP(loop_1_##suffix, type, (type), (AT(type, 0)))                                       \
    LOOP(loop_2_##suffix, type, (type, type), (AT(type, 0), AT(type, 1)))                    \
    LOOP(loop_3_##suffix, type, (type, type, type), (AT(type, 0), AT(type, 1), AT(type, 2))) \
    LOOP(loop_4_##suffix, type, (type, type, type, type),                                    \
         (AT(type, 0), AT(type, 1), AT(type, 2), AT(type, 3)))

LOOPS_OF(double, double)
LOOPS_OF(float, float)
LOOPS_OF(int32, int32_t)
LOOPS_OF(int64, int64_t)
LOOP(loop_5_double, double, (double, double, double, double, double),
     (AT(double, 0), AT(double, 1), AT(double, 2), AT(double, 3), AT(double, 4)))
LOOP(loop_6_double, double, (double, double, double, double, double, double),
     (AT(double, 0), AT(double, 1), AT(double, 2), AT(double, 3), AT(double, 4), AT(double, 5)))
LOOP(loop_double_int32, double, (double, int32_t), (AT(double, 0), AT(int32_t, 1)))
LOOP(loop_int32_double, double, (int32_t, double), (AT(int32_t, 0), AT(double, 1)))

// Parameters as one digit each (C_*, hexadecimal), the result last.
static const struct {
    const char *shape;
    call_loop loop;
} shapes[] = {
    {"aa", loop_1_double},      {"aaa", loop_2_double},     {"aaaa", loop_3_double},
    {"aaaaa", loop_4_double},   {"aaaaaa", loop_5_double},  {"aaaaaaa", loop_6_double},
    {"99", loop_1_float},       {"999", loop_2_float},      {"9999", loop_3_float},
    {"99999", loop_4_float},    {"33", loop_1_int32},       {"333", loop_2_int32},
    {"3333", loop_3_int32},     {"33333", loop_4_int32},    {"44", loop_1_int64},
    {"444", loop_2_int64},      {"4444", loop_3_int64},     {"44444", loop_4_int64},
    {"a3a", loop_double_int32}, {"3aa", loop_int32_double},
};

static call_loop find_loop(const struct declaration *declaration)
{
    static const char digits[] = "0123456789a";
    char shape[DECLARATION_PARAMETERS_MAX + 2] = "";
    for (uint32_t i = 0; i < declaration->parameter_count; i++) {
        if (declaration->parameters[i].type.passing != C_VALUE) {
            return NULL;
        }
        shape[i] = digits[declaration->parameters[i].type.base];
    }
    shape[declaration->parameter_count] = digits[declaration->result.base];
    for (uint32_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (strcmp(shapes[i].shape, shape) == 0) {
            return shapes[i].loop;
        }
    }
    return NULL;
}

static ffi_type *ffi_type_of(struct c_type type)
{
    ffi_type *const types[] = {
        &ffi_type_void,   &ffi_type_sint8, &ffi_type_sint16, &ffi_type_sint32,
        &ffi_type_sint64, &ffi_type_uint8, &ffi_type_uint16, &ffi_type_uint32,
        &ffi_type_uint64, &ffi_type_float, &ffi_type_double,
    };
    return type.passing == C_VALUE ? types[type.base] : &ffi_type_pointer;
}

int call_prepare(struct call *call, const struct declaration *declaration, call_function function)
{
    *call = (struct call){.function = function,
                          .loop = find_loop(declaration),
                          .parameter_count = declaration->parameter_count,
                          .result = declaration->result.base};
    for (uint32_t i = 0; i < declaration->parameter_count; i++) {
        call->types[i] = ffi_type_of(declaration->parameters[i].type);
        call->strides[i] = c_type_width(declaration->parameters[i].type.base);
    }
    return ffi_prep_cif(&call->cif, FFI_DEFAULT_ABI, call->parameter_count,
                        ffi_type_of(declaration->result), call->types) == FFI_OK
               ? 0
               : -1;
}

void call_without_loop(struct call *call)
{
    call->loop = NULL;
}

// libffi widens a result narrower than a register to a whole one.
union call_result {
    ffi_arg whole;
    float number32;
    double number64;
};

static void store(uint32_t base, const union call_result *result, uint8_t *out)
{
    uint32_t width = c_type_width(base);
    if (base == C_FLOAT || base == C_DOUBLE) {
        memcpy(out, result, width);
    } else {
        memcpy(out, &result->whole, width); // little endian: the low bytes come first
    }
}

void call_run(struct call *call, const struct call_rows *rows)
{
    if (call->loop != NULL) {
        call->loop(call->function, rows);
        return;
    }
    void *values[DECLARATION_PARAMETERS_MAX];
    uint32_t width = c_type_width(call->result);
    for (uint32_t i = 0; i < rows->row_count; i++) {
        union call_result result;
        if (rows->validity != NULL && !weir_bit(rows->validity, i)) {
            continue;
        }
        for (uint32_t k = 0; k < call->parameter_count; k++) {
            values[k] = (uint8_t *)(uintptr_t)rows->values[k] + (size_t)i * call->strides[k];
        }
        ffi_call(&call->cif, call->function, &result, values);
        store(call->result, &result, (uint8_t *)rows->out + (size_t)i * width);
    }
}

int64_t call_once(struct call *call, const void *const *values)
{
    void *arguments[DECLARATION_PARAMETERS_MAX];
    union call_result result = {0};
    for (uint32_t i = 0; i < call->parameter_count; i++) {
        arguments[i] = (void *)(uintptr_t)values[i];
    }
    ffi_call(&call->cif, call->function, &result, arguments);
    return call->result == C_VOID ? 0 : (int64_t)(int32_t)result.whole;
}

#define COPY(from, to)                                          \
    for (uint32_t i = 0; i < row_count; i++) {                  \
        ((to *)out)[i] = (to)((const from *)column->values)[i]; \
    }
#define CONVERT(name, to)                                                                          \
    static void convert_to_##name(const struct weir_column *column, uint32_t row_count, void *out) \
    {                                                                                              \
        switch (column->type.id) {                                                                 \
        case WEIR_TYPE_INT8:                                                                       \
            COPY(int8_t, to);                                                                      \
            return;                                                                                \
        case WEIR_TYPE_INT16:                                                                      \
            COPY(int16_t, to);                                                                     \
            return;                                                                                \
        case WEIR_TYPE_INT32:                                                                      \
            COPY(int32_t, to);                                                                     \
            return;                                                                                \
        case WEIR_TYPE_INT64:                                                                      \
            COPY(int64_t, to);                                                                     \
            return;                                                                                \
        case WEIR_TYPE_FLOAT32:                                                                    \
            COPY(float, to);                                                                       \
            return;                                                                                \
        default:                                                                                   \
            COPY(double, to);                                                                      \
            return;                                                                                \
        }                                                                                          \
    }

CONVERT(int8, int8_t)
CONVERT(int16, int16_t)
CONVERT(int32, int32_t)
CONVERT(int64, int64_t)
CONVERT(float, float)
CONVERT(double, double)

void call_convert(const struct weir_column *column, uint32_t row_count, uint32_t base, void *out)
{
    switch (base) {
    case C_INT8:
        convert_to_int8(column, row_count, out);
        return;
    case C_INT16:
        convert_to_int16(column, row_count, out);
        return;
    case C_INT32:
        convert_to_int32(column, row_count, out);
        return;
    case C_INT64:
        convert_to_int64(column, row_count, out);
        return;
    case C_FLOAT:
        convert_to_float(column, row_count, out);
        return;
    default:
        convert_to_double(column, row_count, out);
        return;
    }
}
