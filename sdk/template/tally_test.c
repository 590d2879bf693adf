// Drives the operator without a runtime: rows in, rows out, and a clock that moves when it is told
// to.
#include <weir/kit.h>

static struct weir_kit *open_tally(const char *plugin, const char *options)
{
    struct weir_kit *kit = weir_kit_open(plugin, "tally", options);
    weir_kit_input(kit, "name string, value int64");
    return kit;
}

static void counts_are_told_when_the_time_has_come(const char *plugin)
{
    struct weir_kit *kit = open_tally(plugin, "by = 'name', every = '1s'");
    weir_kit_send(kit, 0, "a|1", "b|2", "a|3");
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_advance(kit, 1000000);
    CHECK_OUTPUT(kit, "", "+I b|1", "+I a|2");
    CHECK_METRIC(kit, "rows", 3);
    weir_kit_close(kit);
}

static void counting_starts_anew_after_it_was_told(const char *plugin)
{
    struct weir_kit *kit = open_tally(plugin, "by = 'name', every = '1s'");
    weir_kit_send(kit, 0, "a|1", "a|2");
    weir_kit_advance(kit, 1000000);
    weir_kit_clear(kit);
    weir_kit_send(kit, 0, "a|3");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I a|1");
    weir_kit_close(kit);
}

static void only_the_key_is_read(const char *plugin)
{
    struct weir_kit *kit = open_tally(plugin, "by = 'name'");
    weir_kit_start(kit);
    CHECK_TRUE(weir_kit_reads(kit, 0)[0] == 'n');
    weir_kit_close(kit);
}

static void a_snapshot_keeps_the_counts(const char *plugin)
{
    struct weir_kit *kit = open_tally(plugin, "by = 'name', every = '1s'");
    weir_kit_send(kit, 0, "a|1", "a|2");
    struct weir_kit_snapshot *snapshot = weir_kit_save(kit);
    weir_kit_close(kit);

    kit = open_tally(plugin, "by = 'name', every = '1s'");
    weir_kit_load(kit, snapshot);
    weir_kit_send(kit, 0, "a|3");
    weir_kit_end(kit);
    CHECK_OUTPUT(kit, "", "+I a|3");
    weir_kit_close(kit);
    weir_kit_snapshot_destroy(snapshot);
}

static void a_wrong_option_is_told(const char *plugin)
{
    struct weir_kit *kit = open_tally(plugin, "by = 'nmae'");
    weir_kit_start(kit);
    CHECK_ERROR(kit, "nmae");
    weir_kit_close(kit);
}

int main(int count, char **arguments)
{
    const char *plugin = count > 1 ? arguments[1] : "./tally.so";
    counts_are_told_when_the_time_has_come(plugin);
    counting_starts_anew_after_it_was_told(plugin);
    only_the_key_is_read(plugin);
    a_snapshot_keeps_the_counts(plugin);
    a_wrong_option_is_told(plugin);
    return weir_kit_result();
}
