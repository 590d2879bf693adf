// C declarations, as far as map.c calls what they declare: one prototype over numbers and pointers
// to numbers (LP64).
#ifndef OPERATORS_DECLARATION_H
#define OPERATORS_DECLARATION_H

#include <stdint.h>

#define C_VOID 0u
#define C_INT8 1u
#define C_INT16 2u
#define C_INT32 3u
#define C_INT64 4u
#define C_UINT8 5u
#define C_UINT16 6u
#define C_UINT32 7u
#define C_UINT64 8u
#define C_FLOAT 9u
#define C_DOUBLE 10u

#define C_VALUE 0u
#define C_POINTER_CONST 1u
#define C_POINTER 2u

#define DECLARATION_PARAMETERS_MAX 16u
#define DECLARATION_NAME_BYTES 256u

struct c_type {
    uint32_t base;    // C_VOID to C_DOUBLE
    uint32_t passing; // C_VALUE, C_POINTER_CONST, C_POINTER
    uint32_t is_size; // spelt size_t
};

struct c_parameter {
    struct c_type type;
    char name[DECLARATION_NAME_BYTES]; // "" if it has none
};

struct declaration {
    char name[DECLARATION_NAME_BYTES];
    struct c_type result;
    uint32_t parameter_count;
    struct c_parameter parameters[DECLARATION_PARAMETERS_MAX];
};

// Reads a prototype. Returns 0, or -1 with the reason, and what to do, in `reason`.
int declaration_parse(const char *text, struct declaration *declaration, char *reason,
                      uint32_t reason_bytes);

// "int32_t", "double".
const char *c_type_name(uint32_t base);

// Bytes of a value; 0 for void.
uint32_t c_type_width(uint32_t base);

#endif
