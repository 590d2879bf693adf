#include "operators/operator.h"

static struct weir_kit *open_filter(const char *options)
{
    struct weir_kit *kit = operator_open("operators", "filter", options);
    weir_kit_input(kit, "a int32, b int32, name string");
    return kit;
}

TEST(filter_drops_rows_for_which_the_condition_is_false_or_null)
{
    struct weir_kit *kit = open_filter("where = 'a > 2'");
    weir_kit_send(kit, 0, "1|0|x", "3|0|y", "null|0|z", "4|0|null");
    weir_kit_send(kit, 0, "1|0|x");
    weir_kit_send(kit, 0, "5|0|x");
    CHECK_OUTPUT(kit, "", "+I 3|0|y", "+I 4|0|null", "+I 5|0|x");
    weir_kit_close(kit);
}

TEST(filter_keeps_change_kinds)
{
    struct weir_kit *kit = open_filter("where = 'a > 2'");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    weir_kit_send(kit, 0, "-U 3|0|x", "+U 1|0|x", "-D 4|0|x");
    CHECK_OUTPUT(kit, "", "-U 3|0|x", "-D 4|0|x");
    weir_kit_close(kit);
}

TEST(filter_reads_what_is_wanted_and_what_its_condition_needs)
{
    struct weir_kit *kit = open_filter("where = 'a > 2'");
    weir_kit_want(kit, "", "name");
    CHECK_INT(weir_kit_start(kit), WEIR_OK);
    CHECK_TEXT(weir_kit_reads(kit, 0), "a, name");
    weir_kit_close(kit);
}

TEST(filter_leaves_out_rows_that_were_rejected_even_if_the_condition_is_true_for_null)
{
    struct weir_kit *kit = open_filter("where = 'a / b is null or a > 2', on_error = 'reject'");
    weir_kit_send(kit, 0, "1|0|x", "8|2|y", "null|1|z", "1|1|u");
    CHECK_OUTPUT(kit, "", "+I 8|2|y", "+I null|1|z");
    CHECK_INT(weir_kit_rejected(kit), 1);
    weir_kit_close(kit);
}

TEST(filter_fails_on_a_bad_row_unless_told_otherwise)
{
    struct weir_kit *kit = open_filter("where = '10 / b > 2'");
    weir_kit_send(kit, 0, "1|0|x");
    CHECK_INT(weir_kit_error_class(kit), WEIR_ERROR_DATA);
    CHECK_ERROR(kit, "zero");
    weir_kit_close(kit);
}

TEST(filter_wants_a_condition)
{
    struct weir_kit *kit = open_filter("where = 'a + 1'");
    weir_kit_start(kit);
    CHECK_ERROR(kit, "bool");
    weir_kit_close(kit);
    kit = open_filter(NULL);
    CHECK_ERROR(kit, "where");
    weir_kit_close(kit);
}
