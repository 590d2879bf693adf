// The test harness: TEST registers, CHECK compares, test_main runs every test of the program and
// prints TAP (https://testanything.org), which the runner counts. A name on the command line runs
// that test alone.
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#include <stdint.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

void test_register(struct test *test);

// Marks the running test as failed and says why. Goes on, so that a test can show all that is
// wrong.
__attribute__((format(printf, 3, 4))) void test_fail(const char *file, int line, const char *format,
                                                     ...);
int test_has_failed(void);

// A folder of this test program's own inside the build folder, empty at the start; removed when all
// tests passed.
const char *test_folder(void);

#define TEST(test_name)                                                 \
    static void test_name(void);                                        \
    static struct test test_name##_entry = {#test_name, test_name, 0};  \
    __attribute__((constructor)) static void test_name##_register(void) \
    {                                                                   \
        test_register(&test_name##_entry);                              \
    }                                                                   \
    static void test_name(void)

#define CHECK(condition)                                               \
    do {                                                               \
        if (!(condition)) {                                            \
            test_fail(__FILE__, __LINE__, "not true: %s", #condition); \
        }                                                              \
    } while (0)

// Stops the running test when there is no point in going on.
#define REQUIRE(condition)                                             \
    do {                                                               \
        if (!(condition)) {                                            \
            test_fail(__FILE__, __LINE__, "not true: %s", #condition); \
            return;                                                    \
        }                                                              \
    } while (0)

#define CHECK_INT(actual, expected)                                                      \
    do {                                                                                 \
        long long actual_ = (long long)(actual), expected_ = (long long)(expected);      \
        if (actual_ != expected_) {                                                      \
            test_fail(__FILE__, __LINE__, "%s is %lld, expected %lld", #actual, actual_, \
                      expected_);                                                        \
        }                                                                                \
    } while (0)

#define CHECK_FLOAT(actual, expected)                                                      \
    do {                                                                                   \
        double actual_ = (double)(actual), expected_ = (double)(expected);                 \
        if (!(actual_ == expected_ || (actual_ != actual_ && expected_ != expected_))) {   \
            test_fail(__FILE__, __LINE__, "%s is %.17g, expected %.17g", #actual, actual_, \
                      expected_);                                                          \
        }                                                                                  \
    } while (0)

#define CHECK_TEXT(actual, expected) test_check_text(__FILE__, __LINE__, #actual, actual, expected)
void test_check_text(const char *file, int line, const char *what, const char *actual,
                     const char *expected);

// actual contains expected.
#define CHECK_HAS(actual, expected) test_check_has(__FILE__, __LINE__, #actual, actual, expected)
void test_check_has(const char *file, int line, const char *what, const char *actual,
                    const char *expected);

#endif
