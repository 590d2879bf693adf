// What the tests of the Lua front end share: a file is written, evaluated, and its description or
// its diagnostics compared.
#ifndef TESTS_LUA_SUPPORT_H
#define TESTS_LUA_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/lua.h"
#include "support/test.h"

// Writes test_folder()/name.
static inline void write_file(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        test_fail(__FILE__, __LINE__, "cannot write %s", path);
    }
}

static inline json_t *describe_file(const char *name, const struct lua_limits *limits,
                                    struct diagnostics *diagnostics)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    return lua_describe(path, limits, diagnostics);
}

// The text with the folder of the test cut out of all paths.
static inline void cut_folder(char *text)
{
    size_t length = strlen(test_folder()) + 1;
    for (char *at; (at = strstr(text, test_folder())) != NULL;) {
        memmove(at, at + length, strlen(at + length) + 1);
    }
}

// The diagnostics as a person sees them. Freed by the caller.
static inline char *printed(const struct diagnostics *diagnostics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    diagnostics_print(diagnostics, file);
    fclose(file);
    cut_folder(text);
    return text;
}

// Evaluates test_folder()/name and compares all that is wrong with it.
static inline void check_file(const char *file, int line, const char *name,
                              const struct lua_limits *limits, const char *expected)
{
    struct diagnostics diagnostics = {0};
    json_t *description = describe_file(name, limits, &diagnostics);
    char *text = printed(&diagnostics);
    test_check_text(file, line, name, text, expected);
    if ((description == NULL) != (diagnostics.error_count > 0)) {
        test_fail(file, line, "%s: a description and errors exclude each other", name);
    }
    free(text);
    json_decref(description);
    diagnostics_finish(&diagnostics);
}

#define CHECK_FILE(name, limits, expected) check_file(__FILE__, __LINE__, name, limits, expected)

// The same for a file of this text.
#define CHECK_PRINTED(source, expected)      \
    do {                                     \
        write_file("a.lua", source);         \
        CHECK_FILE("a.lua", NULL, expected); \
    } while (0)

#endif
