// weir.ffi/1: which shared libraries operators may call into. Calling any C function is running any
// code, so the node's owner lists the libraries (--ffi-allow LIBRARY); without the list there are
// none.
#ifndef WEIR_FFI_H
#define WEIR_FFI_H

#include <stdint.h>

#define WEIR_FFI_1 "weir.ffi/1"

struct weir_context;

// A table of the host (weir_host.extension).
struct weir_ffi_table {
    uint32_t size;
    uint32_t zero;
    // [any] 1 if the library, by the very name given to --ffi-allow, may be called into.
    int32_t (*allowed)(struct weir_context *context, const char *library);
};

#endif
