#include "operators/operator.h"

static struct weir_kit *open_filter(const char *options)
{
    struct weir_kit *kit = operator_open("operators", "changelog_filter", options);
    weir_kit_input(kit, "id int32, name string");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    return kit;
}

TEST(changelog_filter_keeps_inserts_and_new_rows_with_their_kinds)
{
    struct weir_kit *kit = open_filter(NULL);
    weir_kit_send(kit, 0, "+I 1|a", "-U 1|a", "+U 1|b", "+I 2|null", "-D 1|b");
    CHECK_OUTPUT(kit, "", "+I 1|a", "+U 1|b", "+I 2|null");
    weir_kit_close(kit);
}

TEST(changelog_filter_keeps_what_it_is_told_to)
{
    struct weir_kit *kit = open_filter("keep = { '-U', '-D' }");
    weir_kit_send(kit, 0, "+I 1|a", "-U 1|a", "+U 1|b", "-D 1|b");
    weir_kit_send(kit, 0, "3|c", "4|d");
    CHECK_OUTPUT(kit, "", "-U 1|a", "-D 1|b");
    weir_kit_close(kit);
}

TEST(changelog_filter_hands_a_batch_on_as_it_is_when_all_rows_stay)
{
    struct weir_kit *kit = open_filter(NULL);
    weir_kit_bucket(kit, 7);
    weir_kit_send(kit, 0, "+I 1|a", "+U 1|b");
    weir_kit_send(kit, 0, "+I 1|a", "-U 1|b");
    CHECK_INT(weir_kit_batch(kit, "", 0)->bucket, 7);
    CHECK_INT(weir_kit_batch(kit, "", 1)->bucket, 7);
    CHECK_OUTPUT(kit, "", "+I 1|a", "+U 1|b", "+I 1|a");
    weir_kit_close(kit);
}

TEST(changelog_filter_reads_only_what_is_wanted)
{
    struct weir_kit *kit = open_filter(NULL);
    weir_kit_want(kit, "", "name");
    CHECK_INT(weir_kit_start(kit), WEIR_OK);
    CHECK_TEXT(weir_kit_reads(kit, 0), "name");
    weir_kit_close(kit);
}

TEST(changelog_filter_that_would_pass_nothing_is_refused)
{
    struct weir_kit *kit = operator_open("operators", "changelog_filter", "keep = { '-D' }");
    weir_kit_input(kit, "id int32");
    weir_kit_start(kit);
    CHECK_ERROR(kit, "option `keep` names none of the change kinds that the input carries");
    weir_kit_close(kit);
    kit = operator_open("operators", "changelog_filter", "keep = {}");
    CHECK_ERROR(kit, "option `keep` is empty");
    weir_kit_close(kit);
    kit = operator_open("operators", "changelog_filter", "keep = { '+X' }");
    CHECK_ERROR(kit, "+X");
    weir_kit_close(kit);
}

TEST(changelog_filter_forgets_the_event_times_of_rows_that_go)
{
    struct weir_kit *kit = operator_open("operators", "changelog_filter", NULL);
    weir_kit_input(kit, "id int32, at int64");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    weir_kit_input_time(kit, 0, "at");
    weir_kit_send(kit, 0, "-U 1|10", "+U 1|2000", "-U 2|20", "+U 2|2001");
    CHECK_INT(weir_kit_batch(kit, "", 0)->time_min_us, 2000000);
    CHECK_INT(weir_kit_batch(kit, "", 0)->time_max_us, 2001000);
    weir_kit_close(kit);
}
