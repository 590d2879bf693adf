#include "support/test.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct test *first, **last = &first;
static int has_failed, failed_count;
static char folder[4096];

void test_register(struct test *test)
{
    *last = test;
    last = &test->next;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("# %s:%d: ", file, line);
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    has_failed = 1;
}

int test_has_failed(void)
{
    return has_failed;
}

void test_check_text(const char *file, int line, const char *what, const char *actual,
                     const char *expected)
{
    if (actual == NULL || expected == NULL ? actual != expected : strcmp(actual, expected) != 0) {
        test_fail(file, line, "%s is\n%s\n# expected\n%s", what, actual == NULL ? "NULL" : actual,
                  expected == NULL ? "NULL" : expected);
    }
}

void test_check_has(const char *file, int line, const char *what, const char *actual,
                    const char *expected)
{
    if (actual == NULL || strstr(actual, expected) == NULL) {
        test_fail(file, line, "%s is\n%s\n# which lacks\n%s", what,
                  actual == NULL ? "NULL" : actual, expected);
    }
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

const char *test_folder(void)
{
    if (folder[0] == '\0') {
        const char *base = getenv("WEIR_TEST_FOLDER");
        snprintf(folder, sizeof folder, "%s/test-XXXXXX", base != NULL ? base : ".");
        if (mkdtemp(folder) == NULL) {
            perror(folder);
            exit(1);
        }
    }
    return folder;
}

int main(int count, char **arguments)
{
    int number = 0, total = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct test *test = first; test != NULL; test = test->next) {
        total += count < 2 || strcmp(arguments[1], test->name) == 0;
    }
    printf("1..%d\n", total);
    for (struct test *test = first; test != NULL; test = test->next) {
        if (count < 2 || strcmp(arguments[1], test->name) == 0) {
            has_failed = 0;
            test->run();
            printf("%s %d - %s\n", has_failed ? "not ok" : "ok", ++number, test->name);
            failed_count += has_failed;
        }
    }
    if (folder[0] != '\0' && failed_count == 0) {
        nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    return failed_count != 0 || total == 0;
}
