#include "base/failure.h"

#include <string.h>

#include "support/test.h"

TEST(failure_keeps_code_and_sentence)
{
    struct failure failure;

    int32_t rc = failure_set(&failure, WEIR_ERROR_DATA, "column `%s` is null", "id");

    CHECK_INT(rc, WEIR_ERROR_DATA);
    CHECK_INT(failure.code, WEIR_ERROR_DATA);
    CHECK_TEXT(failure.text, "column `id` is null");
}

TEST(wrapping_puts_the_place_before_the_sentence)
{
    struct failure failure;
    failure_set(&failure, WEIR_ERROR_FATAL, "no memory");

    int32_t rc = failure_wrap(&failure, "table `%s`, bucket %d", "iot.x", 7);

    CHECK_INT(rc, WEIR_ERROR_FATAL);
    CHECK_TEXT(failure.text, "table `iot.x`, bucket 7: no memory");
}

TEST(a_sentence_that_is_too_long_is_cut_not_overrun)
{
    struct failure failure;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';

    failure_set(&failure, WEIR_ERROR_FATAL, "%s", text);
    failure_wrap(&failure, "%s", text);

    CHECK_INT(strlen(failure.text), sizeof failure.text - 1);
}

TEST(no_failure_wanted_is_fine)
{
    CHECK_INT(failure_set(NULL, WEIR_ERROR_RETRY, "later"), WEIR_ERROR_RETRY);
}
