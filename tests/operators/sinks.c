#include <string.h>
#include <unistd.h>

#include "operators/operator.h"

TEST(log_shows_every_nth_row_and_counts_all)
{
    struct weir_kit *kit = operator_open("operators", "log", "every = 3");
    weir_kit_input(kit, "id int32, name string");
    weir_kit_send(kit, 0, "1|a", "2|b");
    weir_kit_send(kit, 0, "3|c", "4|d", "5|e", "6|null", "7|g");
    CHECK_METRIC(kit, "records_out", 7);
    CHECK_HAS(weir_kit_log(kit), "row 3 +I id=3 name=c");
    CHECK_HAS(weir_kit_log(kit), "row 6 +I id=6 name=null");
    CHECK(strstr(weir_kit_log(kit), "id=4") == NULL);
    weir_kit_close(kit);
}

TEST(null_reads_every_column)
{
    struct weir_kit *kit = operator_open("operators", "null", NULL);
    weir_kit_input(kit, "id int32, name string");
    weir_kit_send(kit, 0, "1|a", "2|b");
    CHECK_TEXT(weir_kit_reads(kit, 0), "id, name");
    weir_kit_close(kit);
}

TEST(union_passes_all_inputs_on_in_the_order_in_which_they_come)
{
    struct weir_kit *kit = operator_open("operators", "union", NULL);
    weir_kit_input(kit, "id int32, name string");
    weir_kit_input(kit, "id int32, name string");
    weir_kit_send(kit, 1, "1|a");
    weir_kit_send(kit, 0, "2|b", "3|c");
    weir_kit_send(kit, 1, "4|d");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I 1|a", "+I 2|b", "+I 3|c", "+I 4|d");
    weir_kit_close(kit);
}

// What a kit that sends rows to `print` makes it write to the standard output.
static const char *printed(const char *options, uint32_t kinds)
{
    static char text[4096];
    char path[4096];
    snprintf(path, sizeof path, "%s/printed", test_folder());
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    if (freopen(path, "w", stdout) == NULL) {
        return "";
    }
    struct weir_kit *kit = operator_open("operators", "print", options);
    weir_kit_input(kit, "id int64, town string, warm bool");
    weir_kit_input_kinds(kit, 0, kinds);
    weir_kit_send(kit, 0, "1|Zürich|true", "22|null|false");
    weir_kit_send(kit, 0, "3|Ulm|null");
    weir_kit_send(kit, 0, "4444|Seattle|true");
    weir_kit_close(kit);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    FILE *file = fopen(path, "r");
    size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    text[length] = '\0';
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

TEST(print_aligns_columns_and_widens_them_when_it_must)
{
    CHECK_TEXT(printed(NULL, WEIR_KINDS_INSERT), "id  town     warm\n"
                                                 " 1  Zürich   true\n"
                                                 "22  null    false\n"
                                                 " 3  Ulm      null\n"
                                                 "  id  town      warm\n"
                                                 "4444  Seattle   true\n");
}

TEST(print_shows_the_kinds_of_a_changelog_and_stops_at_its_number_of_rows)
{
    CHECK_TEXT(printed("rows = 3", WEIR_KINDS_ALL), "    id  town     warm\n"
                                                    "+I   1  Zürich   true\n"
                                                    "+I  22  null    false\n"
                                                    "+I   3  Ulm      null\n");
}
