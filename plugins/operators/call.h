// Calls of C functions over columns: by typed loops where the shape is a common one, else through
// libffi with everything prepared. Pure: knows nothing of hosts.
#ifndef OPERATORS_CALL_H
#define OPERATORS_CALL_H

#include <ffi.h>

#include "declaration.h"
#include "weir/batch.h"

typedef void (*call_function)(void);

// One round over the rows of a batch.
struct call_rows {
    const void *values[DECLARATION_PARAMETERS_MAX]; // an array of the parameter's C type each
    const uint8_t *validity; // rows whose bit is 0 are not computed; NULL: all are
    uint32_t row_count;
    void *out; // array of the result's C type
};

typedef void (*call_loop)(call_function function, const struct call_rows *rows);

struct call {
    call_function function;
    call_loop loop; // NULL: through libffi
    uint32_t parameter_count;
    uint32_t strides[DECLARATION_PARAMETERS_MAX];
    uint32_t result; // C_*
    ffi_cif cif;
    ffi_type *types[DECLARATION_PARAMETERS_MAX];
};

// Prepares calls of a function of this declaration. -1: libffi cannot do it.
int call_prepare(struct call *call, const struct declaration *declaration, call_function function);
// Forgets the typed loop, so that calls go through libffi: for tests and benchmarks.
void call_without_loop(struct call *call);

// One call per row.
void call_run(struct call *call, const struct call_rows *rows);
// One call in all, values[i] pointing at the i-th argument itself. Returns what an int function
// returned.
int64_t call_once(struct call *call, const void *const *values);

// Copies a column's numbers into an array of a C type that is wide enough for them.
void call_convert(const struct weir_column *column, uint32_t row_count, uint32_t base, void *out);

#endif
