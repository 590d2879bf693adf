#include "number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"
#include "value.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static int is_same(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

TEST(real_numbers_are_those_of_strtod)
{
    int read = 0;
    for (int i = 0; i < 400000 && !test_has_failed(); i++) {
        char text[128] = "", *end;
        double range = pow(10, (double)(next_random() % 12) - 4), value = 0;
        double number = ((double)(next_random() >> 11) * 0x1p-53 - 0.5) * range;
        snprintf(text, 64, "%.*f", (int)(next_random() % 20), number);
        double expected = strtod(text, &end);
        const char *stop = number_real(text, &value);
        if (stop != NULL && (stop != end || !is_same(value, expected))) {
            test_fail(__FILE__, __LINE__, "%s gives %.17g, expected %.17g", text, value, expected);
        }
        read += stop != NULL;
        CHECK_INT(number_parse_double(text, strlen(text), &value), 0);
        CHECK(is_same(value, expected));
    }
    CHECK(read > 300000);
}

TEST(numbers_half_way_between_two_doubles_go_to_the_even_one)
{
    static const char *const texts[] = {"0.500000000000000166533453694",
                                        "9007199254740993.0",
                                        "1.00000000000000011102230246251565404",
                                        "4503599627370496.5",
                                        "4503599627370497.5",
                                        "0.1",
                                        "123456.7890123456789"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[128] = "";
        double value;
        strcpy(text, texts[i]);
        CHECK_INT(number_parse_double(text, strlen(text), &value), 0);
        CHECK(is_same(value, strtod(text, NULL)));
        if (number_real(text, &value) != NULL) {
            CHECK(is_same(value, strtod(text, NULL)));
        }
    }
}

TEST(what_is_not_a_plain_number_is_left_to_the_careful_reader)
{
    static const char *const texts[] = {"",
                                        "-",
                                        ".5",
                                        "1.",
                                        "1e5",
                                        "1.5E3",
                                        "x",
                                        "+1",
                                        "nan",
                                        "12345678",
                                        "- 1",
                                        "1.2e-3",
                                        "1.23456789012345678901"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char text[64] = "";
        double value;
        strcpy(text, texts[i]);
        CHECK(number_real(text, &value) == NULL);
    }
}

TEST(whole_numbers_are_read_to_sixteen_digits)
{
    for (int i = 0; i < 200000; i++) {
        char text[64] = "";
        int64_t number = (int64_t)(next_random() >> (next_random() % 64)), value = 0;
        number = (next_random() & 1) != 0 ? -number : number;
        int size = snprintf(text, sizeof text, "%" PRId64, number);
        const char *end = number_whole(text, &value);
        uint32_t digits = (uint32_t)size - (text[0] == '-');
        CHECK_INT(end != NULL, digits <= 16);
        if (end != NULL) {
            CHECK_INT(value, number);
            CHECK_INT(end - text, size);
        }
    }
}

TEST(printed_numbers_read_back_as_the_same)
{
    for (int i = 0; i < 200000; i++) {
        char text[64] = "";
        uint64_t bits = next_random();
        double number, value;
        memcpy(&number, &bits, sizeof number);
        if (number - number == 0) {
            *number_print_double(text, number) = '\0';
            CHECK_INT(number_parse_double(text, strlen(text), &value), 0);
            CHECK(is_same(value, number));
        }
        float single, read;
        memcpy(&single, &bits, sizeof single);
        if (single - single == 0) {
            memset(text, 0, sizeof text);
            number_print_float(text, single);
            CHECK_INT(number_parse_float(text, strlen(text), &read), 0);
            CHECK(memcmp(&read, &single, sizeof read) == 0);
        }
    }
}

TEST(days_and_dates_are_each_others_inverse)
{
    for (int64_t days = -800000; days < 800000; days++) {
        int64_t year;
        uint32_t month, day;
        value_date_from_days(days, &year, &month, &day);
        CHECK_INT(value_days_from_date(year, month, day), days);
    }
    CHECK_INT(value_days_from_date(1970, 1, 1), 0);
    CHECK_INT(value_days_from_date(2000, 3, 1), 11017);
    CHECK_INT(value_days_from_date(1969, 12, 31), -1);
}
