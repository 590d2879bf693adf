#include "base/diagnostic.h"

#include <stdlib.h>
#include <string.h>

#include "base/diagnostic_json.h"
#include "support/test.h"

static char path[512];

static void write_source(const char *text)
{
    snprintf(path, sizeof path, "%s/sensors.lua", test_folder());
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

// What is printed, with the folder of the test cut out of the path.
static char *printed(const struct diagnostics *diagnostics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    diagnostics_print(diagnostics, file);
    fclose(file);
    size_t folder = strlen(test_folder()) + 1;
    for (char *at; (at = strstr(text, test_folder())) != NULL;) {
        memmove(at, at + folder, strlen(at + folder) + 1);
    }
    return text;
}

static void check_printed(struct diagnostics *diagnostics, const char *expected)
{
    char *text = printed(diagnostics);
    CHECK_TEXT(text, expected);
    free(text);
    diagnostics_finish(diagnostics);
}

TEST(an_error_shows_place_source_carets_what_is_available_and_help)
{
    write_source("one\ntwo\n    set = { temp_f = \"temprature * 1.8 + 32\" },\n");
    struct diagnostics diagnostics = {0};
    struct place place = {path, 3, 23, 33};

    struct diagnostic *diagnostic =
        diagnostic_add(&diagnostics, "W0312", &place, "column `%s` does not exist", "temprature");
    diagnostic_set(&diagnostic->stage, "clean");
    diagnostic_set(&diagnostic->option, "set.%s", "temp_f");
    diagnostic_set(&diagnostic->available, "temperature, humidity");
    diagnostic_set(&diagnostic->help, "did you mean `temperature`?");

    check_printed(&diagnostics, "error[W0312]: column `temprature` does not exist\n"
                                " --> sensors.lua:3:23 (stage `clean`, option `set.temp_f`)\n"
                                "  |\n"
                                "3 |     set = { temp_f = \"temprature * 1.8 + 32\" },\n"
                                "  |                       ^^^^^^^^^^\n"
                                "  = available: temperature, humidity\n"
                                "  = help: did you mean `temperature`?\n");
}

TEST(notes_come_last_one_line_each)
{
    struct diagnostics diagnostics = {0};
    struct diagnostic *diagnostic = diagnostic_add(&diagnostics, "W0111", NULL, "no place");

    diagnostic_note(diagnostic, "called from families.lua:%d", 12);
    diagnostic_note(diagnostic, "called from families.lua:30");

    check_printed(&diagnostics, "error[W0111]: no place\n"
                                "  = note: called from families.lua:12\n"
                                "  = note: called from families.lua:30\n");
}

TEST(carets_stand_under_the_text_behind_tabs_and_letters_of_many_bytes)
{
    write_source("\tname = \"Z\xc3\xbcrich \xe2\x82\xac\", bad = 1\n");
    struct diagnostics diagnostics = {0};
    struct place place = {path, 1, 26, 29};

    diagnostic_add(&diagnostics, "W0001", &place, "unknown option");

    check_printed(&diagnostics, "error[W0001]: unknown option\n"
                                " --> sensors.lua:1:26\n"
                                "  |\n"
                                "1 | \tname = \"Z\xc3\xbcrich \xe2\x82\xac\", bad = 1\n"
                                "  | \t                     ^^^\n");
}

TEST(a_place_beyond_the_file_is_shown_without_an_excerpt)
{
    write_source("one\n");
    struct diagnostics diagnostics = {0};
    struct place far_line = {path, 100, 4, 5}, far_column = {path, 1, 90, 95};

    diagnostic_add(&diagnostics, "W0001", &far_line, "a");
    diagnostic_add(&diagnostics, "W0001", &far_column, "b");

    check_printed(&diagnostics, "error[W0001]: a\n"
                                "   --> sensors.lua:100:4\n"
                                "\n"
                                "error[W0001]: b\n"
                                " --> sensors.lua:1:90\n"
                                "  |\n"
                                "1 | one\n"
                                "  |    ^\n");
}

TEST(of_a_very_long_line_the_part_around_the_place_is_shown)
{
    char source[1001];
    memset(source, 'a', 1000);
    source[1000] = '\0';
    source[600] = 'X';
    write_source(source);
    struct diagnostics diagnostics = {0};
    struct place place = {path, 1, 601, 602};

    diagnostic_add(&diagnostics, "W0001", &place, "long");

    char *text = printed(&diagnostics);
    char *excerpt = strstr(text, "1 | "), *carets = strstr(text, "\n  |  ");
    REQUIRE(excerpt != NULL && carets != NULL);
    CHECK_INT(strcspn(excerpt, "X"), strcspn(carets + 1, "^"));
    CHECK(strlen(text) < 500);
    free(text);
    diagnostics_finish(&diagnostics);
}

TEST(errors_come_before_warnings_and_at_most_twenty_are_shown)
{
    struct diagnostics diagnostics = {0};
    diagnostic_add_warning(&diagnostics, "W0002", NULL, "a warning");
    for (int i = 0; i < 22; i++) {
        diagnostic_add(&diagnostics, "W0001", NULL, "number %d", i);
    }

    char *text = printed(&diagnostics);

    CHECK_INT(diagnostics.error_count, 22);
    CHECK_INT(diagnostics.warning_count, 1);
    CHECK_HAS(text, "error[W0001]: number 19\n\nand 3 more\n");
    CHECK(strstr(text, "number 20") == NULL);
    CHECK(strstr(text, "warning") == NULL);
    free(text);
    diagnostics_finish(&diagnostics);
}

TEST(a_warning_says_so)
{
    struct diagnostics diagnostics = {0};
    diagnostic_add_warning(&diagnostics, "W0131", NULL, "stage `x` is not used");
    check_printed(&diagnostics, "warning[W0131]: stage `x` is not used\n");
}

TEST(moved_diagnostics_keep_their_order_and_counts)
{
    struct diagnostics all = {0}, more = {0};
    diagnostic_add(&all, "W0001", NULL, "first");
    diagnostic_add(&more, "W0002", NULL, "second");
    diagnostic_add_warning(&more, "W0003", NULL, "third");

    diagnostics_move(&all, &more);

    CHECK(more.first == NULL);
    CHECK_INT(all.warning_count, 1);
    check_printed(&all, "error[W0001]: first\n\nerror[W0002]: second\n\nwarning[W0003]: third\n");
}

TEST(sorted_diagnostics_follow_the_text)
{
    struct diagnostics all = {0};
    struct place b2 = {(char *)"b", 2, 1, 0}, b1 = {(char *)"b", 1, 9, 0};
    struct place a9 = {(char *)"a", 9, 9, 0}, line = {(char *)"b", 1, 0, 0};
    diagnostic_add(&all, "W0001", &b2, "fifth");
    diagnostic_add_warning(&all, "W0002", &b1, "third");
    diagnostic_add(&all, "W0001", &b1, "fourth");
    diagnostic_add(&all, "W0001", &a9, "first");
    diagnostic_add(&all, "W0001", &line, "second");
    diagnostic_set(&all.first->next->next->option, "by");

    diagnostics_sort(&all);

    const char *expected[] = {"first", "second", "third", "fourth", "fifth"};
    struct diagnostic *at = all.first;
    for (int i = 0; i < 5 && at != NULL; i++, at = at->next) {
        CHECK_TEXT(at->message, expected[i]);
    }
    CHECK(at == NULL);
    CHECK_INT(all.error_count, 4);
    diagnostics_finish(&all);
}

TEST(diagnostics_survive_the_way_through_json)
{
    struct diagnostics diagnostics = {0}, copy = {0};
    struct place place = {(char *)"none.lua", 3, 23, 33};
    struct diagnostic *diagnostic = diagnostic_add(&diagnostics, "W0312", &place, "message");
    diagnostic_set(&diagnostic->stage, "clean");
    diagnostic_set(&diagnostic->help, "help");
    diagnostic_note(diagnostic, "one");
    diagnostic_note(diagnostic, "two");
    diagnostic_add_warning(&diagnostics, "W0131", NULL, "second");

    json_t *array = diagnostics_to_json(&diagnostics);
    CHECK_INT(diagnostics_add_json(&copy, array), 0);

    char *text = json_dumps(array, JSON_COMPACT);
    CHECK_TEXT(text,
               "[{\"code\":\"W0312\",\"severity\":\"error\",\"message\":\"message\",\"place\":{"
               "\"file\":\"none.lua\",\"line\":3,\"column\":23,\"end\":33},\"stage\":\"clean\","
               "\"help\":\"help\",\"notes\":[\"one\",\"two\"]},{\"code\":\"W0131\",\"severity\":"
               "\"warning\",\"message\":\"second\",\"place\":{}}]");
    char *one = printed(&diagnostics), *other = printed(&copy);
    CHECK_TEXT(other, one);
    free(one);
    free(other);
    free(text);
    json_decref(array);
    diagnostics_finish(&diagnostics);
    diagnostics_finish(&copy);
}

TEST(json_that_is_no_list_of_diagnostics_is_refused)
{
    struct diagnostics diagnostics = {0};
    json_t *array = json_pack("[{s:i}]", "code", 3);
    CHECK(diagnostics_add_json(&diagnostics, array) < 0);
    CHECK(diagnostics_add_json(&diagnostics, NULL) < 0);
    json_decref(array);
}

TEST(a_message_with_bytes_that_are_no_utf8_becomes_json_all_the_same)
{
    struct diagnostics diagnostics = {0};
    diagnostic_add(&diagnostics, "W0102", NULL, "near '\xff'");
    json_t *array = diagnostics_to_json(&diagnostics);
    json_t *first = json_array_get(array, 0);
    CHECK_TEXT(json_string_value(json_object_get(first, "message")), "near '?'");
    json_decref(array);
    diagnostics_finish(&diagnostics);
}
