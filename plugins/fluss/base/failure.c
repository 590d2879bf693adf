#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int32_t failure_set(struct failure *failure, int32_t code, const char *format, ...)
{
    if (failure != NULL) {
        va_list arguments;
        va_start(arguments, format);
        // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is the line before
        vsnprintf(failure->text, sizeof failure->text, format, arguments);
        va_end(arguments);
        failure->code = code;
    }
    return code;
}

int32_t failure_wrap(struct failure *failure, const char *format, ...)
{
    char text[sizeof failure->text];
    va_list arguments;
    va_start(arguments, format);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is the line before
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof text) {
        snprintf(text + length, sizeof text - (size_t)length, ": %s", failure->text);
    }
    memcpy(failure->text, text, sizeof text);
    return failure->code;
}
