// The test kit inside the project's own tests: its failed checks fail the running test.
#ifndef TESTS_SUPPORT_KIT_H
#define TESTS_SUPPORT_KIT_H

#include "support/test.h"
#include "weir/kit.h"

static void report_kit_failure(const char *file, int32_t line, const char *text)
{
    test_fail(file, line, "%s", text);
}

__attribute__((constructor)) static void connect_kit(void)
{
    weir_kit_on_failure(report_kit_failure);
}

#endif
