#include "operators/operator.h"

static struct weir_kit *open_map(const char *options)
{
    struct weir_kit *kit = operator_open("operators", "map", options);
    weir_kit_input(kit, "a int32 not null, b float64, name string");
    return kit;
}

TEST(map_without_options_passes_batches_on)
{
    struct weir_kit *kit = open_map(NULL);
    weir_kit_bucket(kit, 3);
    weir_kit_send(kit, 0, "1|2.5|x", "2|null|y");
    CHECK_OUTPUT(kit, "", "+I 1|2.5|x", "+I 2|null|y");
    CHECK_TEXT(weir_kit_columns(kit, ""), "a int32 not null, b float64, name string");
    CHECK_INT(weir_kit_batch(kit, "", 0)->bucket, 3);
    CHECK_METRIC(kit, "records_in", 2);
    weir_kit_close(kit);
}

TEST(map_keep_puts_columns_into_its_order)
{
    struct weir_kit *kit = open_map("keep = { 'name', 'a' }");
    weir_kit_send(kit, 0, "1|2.5|x");
    CHECK_TEXT(weir_kit_columns(kit, ""), "name string, a int32 not null");
    CHECK_OUTPUT(kit, "", "+I x|1");
    weir_kit_close(kit);
}

TEST(map_drops_renames_and_sets)
{
    struct weir_kit *kit = open_map("drop = { 'b' }, rename = { id = 'a' }, set = { { 'twice', 'a "
                                    "* 2' }, { 'name', 'upper(name)' }, "
                                    "{ 'b', 'b > 1' } }");
    weir_kit_send(kit, 0, "1|2.5|x", "2|null|null");
    CHECK_OUTPUT(kit, "", "+I 1|X|2|true", "+I 2|null|4|null");
    weir_kit_close(kit);
}

TEST(map_keeps_kinds_bucket_and_times)
{
    struct weir_kit *kit = open_map("set = { c = 'a + 1' }");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    weir_kit_bucket(kit, 9);
    weir_kit_send(kit, 0, "-U 1|0|x", "+U 2|0|x");
    CHECK_OUTPUT(kit, "", "-U 1|0|x|2", "+U 2|0|x|3");
    CHECK_INT(weir_kit_batch(kit, "", 0)->bucket, 9);
    weir_kit_close(kit);
}

TEST(map_computes_and_reads_only_what_is_wanted)
{
    struct weir_kit *kit = open_map("set = { c = '1 / (a - a)', d = 'b * 2' }");
    weir_kit_want(kit, "", "name, d");
    weir_kit_send(kit, 0, "1|2.5|x");
    CHECK_TEXT(weir_kit_reads(kit, 0), "b, name");
    CHECK_ROWS(kit, "d", 5);
    weir_kit_close(kit);
}

TEST(map_leaves_rejected_rows_out)
{
    struct weir_kit *kit = open_map("set = { c = '10 / (a - 1)' }, on_error = 'reject'");
    weir_kit_send(kit, 0, "1|0|x", "3|0|y", "1|1|z", "2|0|u");
    CHECK_ROWS(kit, "name", "y", "u");
    CHECK_INT(weir_kit_rejected(kit), 2);
    weir_kit_close(kit);
}

TEST(map_gauges_show_the_last_value_and_the_spread)
{
    struct weir_kit *kit = open_map("keep = { 'name' }, gauges = { level = 'b * 10', size = 'a' }");
    weir_kit_want(kit, "", "name");
    weir_kit_send(kit, 0, "1|2.5|x", "7|null|y");
    weir_kit_send(kit, 0, "3|4.25|x");
    CHECK_TEXT(weir_kit_reads(kit, 0), "a, b, name");
    CHECK_METRIC(kit, "size", 3);
    CHECK_METRIC(kit, "level", 42);
    CHECK_INT(weir_kit_metric(kit, "level_spread")->count, 2);
    CHECK_INT(weir_kit_metric(kit, "size_spread")->max, 7);
    weir_kit_close(kit);
}

TEST(map_refuses_what_makes_no_sense)
{
    struct weir_kit *kit = open_map("keep = { 'a' }, drop = { 'b' }");
    CHECK_ERROR(kit, "options `keep` and `drop` exclude each other");
    weir_kit_close(kit);
    kit = open_map("keep = { 'a' }, rename = { id = 'b' }");
    weir_kit_start(kit);
    CHECK_ERROR(kit, "option `rename`: column `b` is not among those that stay");
    weir_kit_close(kit);
    kit = open_map("gauges = { g = 'name' }");
    weir_kit_start(kit);
    CHECK_ERROR(kit, "option `gauges`: `g` is not a number");
    weir_kit_close(kit);
    kit = open_map("rename = { name = 'a' }");
    weir_kit_start(kit);
    CHECK_ERROR(kit, "name");
    weir_kit_close(kit);
}
