// Opens operators of the built plugins in the test kit, whose failed checks become those of the
// running test.
#ifndef TESTS_OPERATORS_OPERATOR_H
#define TESTS_OPERATORS_OPERATOR_H

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"
#include "weir/kit.h"

static inline void operator_failed(const char *file, int32_t line, const char *text)
{
    test_fail(file, line, "%s", text);
}

static inline struct weir_kit *operator_open(const char *plugin, const char *name,
                                             const char *options)
{
    char path[4096];
    const char *root = getenv("WEIR_BUILD_ROOT");
    snprintf(path, sizeof path, "%s/plugins/%s.so", root != NULL ? root : "build", plugin);
    weir_kit_on_failure(operator_failed);
    return weir_kit_open(path, name, options);
}

#endif
