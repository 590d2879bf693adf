#include "base/text.h"

#include "support/test.h"

TEST(text_grows_and_stays_terminated)
{
    struct text text = {0};
    for (int i = 0; i < 1000; i++) {
        text_print(&text, "%d,", i % 10);
    }
    CHECK_INT(text.length, 2000);
    CHECK_INT(text.at[2000], '\0');
    CHECK(text.is_short == 0);
    text_finish(&text);
    CHECK(text.at == NULL);
}

TEST(nearest_finds_a_slip_and_leaves_strangers_alone)
{
    const char *const names[] = {"temperature", "humidity", "pressure", NULL};
    CHECK_TEXT(text_nearest("temprature", names), "temperature");
    CHECK_TEXT(text_nearest("humidty", names), "humidity");
    CHECK(text_nearest("zebra", names) == NULL);
}

TEST(sizes_and_counts_are_for_people)
{
    char buffer[16];
    CHECK_TEXT(text_bytes(buffer, sizeof buffer, 812), "812 B");
    CHECK_TEXT(text_bytes(buffer, sizeof buffer, 3ull << 29), "1.5 GiB");
    CHECK_TEXT(text_count(buffer, sizeof buffer, 2000000), "2.0 M");
    CHECK_TEXT(text_count(buffer, sizeof buffer, 950), "950");
}
