// What went wrong, as a value: a class of weir/abi.h and a sentence that names table, bucket, file
// or offset, the cause and the remedy. Functions that fill one return its code.
#ifndef FLUSS_BASE_FAILURE_H
#define FLUSS_BASE_FAILURE_H

#include <stdint.h>

#include "weir/abi.h"

struct failure {
    int32_t code; // WEIR_OK or WEIR_ERROR_*
    char text[768];
};

// Sets code and sentence, returns code. failure may be NULL.
__attribute__((format(printf, 3, 4))) int32_t failure_set(struct failure *failure, int32_t code,
                                                          const char *format, ...);
// Puts "format: " before the sentence that is there. Returns its code.
__attribute__((format(printf, 2, 3))) int32_t failure_wrap(struct failure *failure,
                                                           const char *format, ...);

#endif
