// The operators of the storage set in the test kit, over a store on the disk of the machine.
#include "operators/operator.h"

#include <string.h>

#include "weir/node.h"

#define PEOPLE                                                                                    \
    "columns = { 'id int32 not null', 'name string', 'age int64' }, primary_key = 'id', buckets " \
    "= 4"
#define LOG "columns = { 'id int32 not null', 'name string' }, buckets = 2"
#define INPUT "id int32 not null, name string, age int64"

// A data directory of its own for the running test; operators opened from now on use it.
static void use_directory(const char *name)
{
    static char path[4096];
    static struct weir_node_table node = {.size = sizeof node, .data_directory = path};
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    weir_kit_extension(WEIR_NODE_1, &node);
}

static struct weir_kit *open_with(const char *operator_name, const char *table, const char *options)
{
    char all[1024];
    snprintf(all, sizeof all, "table = w.table 'test.t' {}%s%s", options[0] != '\0' ? ", " : "",
             options);
    struct weir_kit *kit = operator_open("fluss", operator_name, all);
    weir_kit_resource(kit, "table", "test.t", table);
    return kit;
}

static struct weir_kit *open_sink(const char *table, const char *options)
{
    struct weir_kit *kit = open_with("sink fluss", table, options);
    weir_kit_input(kit, INPUT);
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    return kit;
}

// Three people; the second one is renamed, the third one goes.
static void write_people(void)
{
    struct weir_kit *kit = open_sink(PEOPLE, "");
    weir_kit_send(kit, 0, "1|ann|30", "2|bob|40", "3|cid|null");
    weir_kit_send(kit, 0, "+U 2|ben|41", "-D 3|null|null");
    CHECK_INT(weir_kit_end(kit), WEIR_OK);
    weir_kit_close(kit);
}

// The rows of an output, sorted, as the buckets' order is nobody's business.
static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *sorted_rows(struct weir_kit *kit)
{
    static char text[8192];
    char copy[8192], *lines[256] = {NULL}, *at = copy;
    uint32_t count = 0;
    snprintf(copy, sizeof copy, "%s", weir_kit_rows(kit, ""));
    for (char *line = strtok_r(at, "\n", &at); line != NULL && count < 256;
         line = strtok_r(NULL, "\n", &at)) {
        lines[count++] = line;
    }
    qsort(lines, count, sizeof *lines, by_text);
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", lines[i]);
    }
    return text;
}

// What a bounded source gives, sorted.
static const char *read_all(const char *table, const char *options)
{
    char all[256];
    snprintf(all, sizeof all, "bounded = true%s%s", options[0] != '\0' ? ", " : "", options);
    struct weir_kit *kit = open_with("source fluss", table, all);
    CHECK_INT(weir_kit_run(kit, 1000), WEIR_END);
    const char *rows = sorted_rows(kit);
    weir_kit_close(kit);
    return rows;
}

TEST(what_was_put_is_read_with_the_kinds_of_a_full_changelog)
{
    use_directory("kinds");
    write_people();
    CHECK_TEXT(read_all(PEOPLE, ""), "+I 1|ann|30\n+I 2|bob|40\n+I 3|cid|null\n+U 2|ben|41\n"
                                     "-D 3|cid|null\n-U 2|bob|40\n");
}

TEST(a_full_read_begins_with_the_rows_that_there_are)
{
    use_directory("full");
    write_people();
    CHECK_TEXT(read_all(PEOPLE, "start = 'full'"), "+I 1|ann|30\n+I 2|ben|41\n");
}

TEST(a_read_may_begin_within_a_record_or_at_the_end)
{
    use_directory("offset");
    struct weir_kit *kit = open_with("sink fluss", "columns = { 'id int64' }, buckets = 1", "");
    weir_kit_input(kit, "id int64");
    weir_kit_send(kit, 0, "10", "11", "12", "13");
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_all("columns = { 'id int64' }, buckets = 1", "start = 'offset', offset = 2"),
               "+I 12\n+I 13\n");
    CHECK_TEXT(read_all("columns = { 'id int64' }, buckets = 1", "start = 'latest'"), "");
}

TEST(a_read_by_time_leaves_out_what_was_written_before)
{
    use_directory("time");
    write_people();
    CHECK_TEXT(read_all(PEOPLE, "start = 'timestamp', timestamp = 4102444800000"), "");
    CHECK_TEXT(read_all(PEOPLE, "start = 'timestamp', timestamp = 0"), read_all(PEOPLE, ""));
}

TEST(a_source_that_follows_sees_rows_once_they_are_acknowledged)
{
    use_directory("follow");
    struct weir_kit *source = open_with("source fluss", PEOPLE, "");
    CHECK_INT(weir_kit_poll(source), WEIR_WAIT);
    CHECK_TEXT(weir_kit_rows(source, ""), "");
    struct weir_kit *sink = open_sink(PEOPLE, "");
    weir_kit_send(sink, 0, "1|ann|30");
    CHECK_INT(weir_kit_end(sink), WEIR_OK); // acknowledged
    weir_kit_close(sink);
    weir_kit_poll(source);
    CHECK_OUTPUT(source, "", "+I 1|ann|30");
    weir_kit_close(source);
}

TEST(a_source_makes_only_the_columns_that_are_wanted)
{
    use_directory("wanted");
    write_people();
    struct weir_kit *kit = open_with("source fluss", PEOPLE, "bounded = true");
    weir_kit_want(kit, "", "name");
    CHECK_INT(weir_kit_run(kit, 100), WEIR_END);
    const struct weir_batch *batch = weir_kit_batch(kit, "", 0);
    CHECK_INT(batch->columns[0].encoding, WEIR_ENCODING_ABSENT);
    CHECK_INT(batch->columns[1].encoding, WEIR_ENCODING_PLAIN);
    CHECK_INT(batch->columns[2].encoding, WEIR_ENCODING_ABSENT);
    weir_kit_close(kit);
}

TEST(batches_say_their_bucket_and_tasks_share_the_buckets)
{
    use_directory("tasks");
    write_people();
    uint64_t rows = 0;
    for (uint32_t task = 0; task < 3; task++) {
        struct weir_kit *kit = open_with("source fluss", PEOPLE, "bounded = true");
        weir_kit_task(kit, task, 3);
        weir_kit_start(kit);
        rows += weir_kit_run(kit, 100) == WEIR_END ? weir_kit_row_count(kit, "") : 0;
        for (uint32_t i = 0; weir_kit_batch(kit, "", i) != NULL; i++) {
            CHECK(weir_kit_batch(kit, "", i)->bucket >= 0);
        }
        weir_kit_close(kit);
    }
    CHECK(rows > 0);
}

TEST(a_source_goes_on_where_its_snapshot_was_taken)
{
    use_directory("snapshot");
    write_people();
    struct weir_kit *kit = open_with("source fluss", PEOPLE, "");
    CHECK_INT(weir_kit_run(kit, 100), WEIR_WAIT);
    CHECK_INT(weir_kit_row_count(kit, ""), 6);
    struct weir_kit_snapshot *snapshot = weir_kit_save(kit);
    weir_kit_close(kit);

    struct weir_kit *sink = open_sink(PEOPLE, "");
    weir_kit_send(sink, 0, "4|dan|20");
    weir_kit_end(sink);
    weir_kit_close(sink);

    kit = open_with("source fluss", PEOPLE, "");
    CHECK_INT(weir_kit_load(kit, snapshot), WEIR_OK);
    weir_kit_snapshot_destroy(snapshot);
    CHECK_INT(weir_kit_run(kit, 100), WEIR_WAIT);
    CHECK_OUTPUT(kit, "", "+I 4|dan|20");
    weir_kit_close(kit);
}

TEST(a_sink_whose_buffer_is_full_waits_and_loses_nothing)
{
    use_directory("buffer");
    struct weir_kit *kit = open_sink(PEOPLE, "batch = '1B', buffer = '1B', in_flight = 1");
    for (int i = 0; i < 50; i++) {
        char row[64];
        snprintf(row, sizeof row, "%d|x|%d", i % 5, i);
        CHECK_INT(weir_kit_send(kit, 0, row), WEIR_OK);
    }
    CHECK_INT(weir_kit_end(kit), WEIR_OK);
    weir_kit_close(kit);
    CHECK_TEXT(read_all(PEOPLE, "start = 'full'"),
               "+I 0|x|45\n+I 1|x|46\n+I 2|x|47\n+I 3|x|48\n+I 4|x|49\n");
}

TEST(rows_wait_for_others_no_longer_than_linger)
{
    use_directory("linger");
    struct weir_kit *kit = open_sink(PEOPLE, "linger = '3ms'");
    weir_kit_send(kit, 0, "1|ann|30");
    CHECK_METRIC(kit, "puts", 0);
    weir_kit_advance(kit, 2999);
    CHECK_METRIC(kit, "puts", 0);
    weir_kit_advance(kit, 1);
    CHECK_METRIC(kit, "puts", 1);
    weir_kit_close(kit);
}

TEST(columns_that_do_not_come_in_are_left_as_they_are)
{
    use_directory("partial");
    write_people();
    struct weir_kit *kit = open_with("sink fluss", PEOPLE, "");
    weir_kit_input(kit, "age int64, id int32 not null");
    weir_kit_send(kit, 0, "31|1", "50|5");
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_all(PEOPLE, "start = 'full'"), "+I 1|ann|31\n+I 2|ben|41\n+I 5|null|50\n");
}

TEST(a_row_with_a_null_in_its_key_is_rejected)
{
    use_directory("null");
    struct weir_kit *kit = open_with("sink fluss", PEOPLE, "on_error = 'reject'");
    weir_kit_input(kit, "id int32, name string, age int64");
    CHECK_INT(weir_kit_send(kit, 0, "null|ann|30", "2|bob|40"), WEIR_OK);
    CHECK_INT(weir_kit_rejected(kit), 1);
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_all(PEOPLE, ""), "+I 2|bob|40\n");
}

static void check_refused(const char *operator_name, const char *table, const char *input,
                          const char *options, const char *why)
{
    static int count;
    char name[32];
    snprintf(name, sizeof name, "refused%d", count++);
    use_directory(name);
    struct weir_kit *kit = open_with(operator_name, table, options);
    if (input != NULL) {
        weir_kit_input(kit, input);
    }
    weir_kit_start(kit);
    CHECK_ERROR(kit, why);
    weir_kit_close(kit);
}

TEST(what_cannot_be_put_is_refused_before_the_job_starts)
{
    check_refused("sink fluss", PEOPLE, "id int32, nme string", "",
                  "table test.t has no column `nme`; did you mean `name`?");
    check_refused("sink fluss", PEOPLE, "name string", "", "`id` that is part of its key");
    check_refused("sink fluss", PEOPLE, "id int64", "", "`id` comes as another type");
    check_refused("source fluss", LOG, NULL, "start = 'full'", "has no primary key");
    check_refused("source fluss", PEOPLE, NULL, "start = 'offset'", "go with start");
    check_refused("fluss.lookup", LOG, "id int32", "by = 'id'", "has no primary key");
    check_refused("fluss.lookup", PEOPLE, "id int64", "by = 'id'", "of another type than `id`");
}

TEST(a_lookup_adds_the_row_of_its_key_and_keeps_what_has_none)
{
    use_directory("lookup");
    write_people();
    struct weir_kit *kit = open_with("fluss.lookup", PEOPLE, "by = 'who', prefix = 'p_'");
    weir_kit_input(kit, "n int64, who int32");
    weir_kit_send(kit, 0, "10|2", "11|3", "12|1", "13|2", "14|null");
    CHECK_OUTPUT(kit, "", "+I 10|2|ben|41", "+I 11|3|null|null", "+I 12|1|ann|30", "+I 13|2|ben|41",
                 "+I 14|null|null|null");
    CHECK_TEXT(weir_kit_columns(kit, ""), "n int64, who int32, p_name string, p_age int64");
    CHECK_METRIC(kit, "missed", 2);
    weir_kit_close(kit);
}

TEST(a_lookup_may_drop_what_it_does_not_find)
{
    use_directory("drop");
    write_people();
    struct weir_kit *kit =
        open_with("fluss.lookup", PEOPLE, "by = 'who', columns = { 'age' }, missing = 'drop'");
    weir_kit_input(kit, "n int64, who int32");
    weir_kit_send(kit, 0, "10|2", "11|3", "12|1", "13|9");
    CHECK_OUTPUT(kit, "", "+I 10|2|41", "+I 12|1|30");
    weir_kit_close(kit);
}

TEST(a_table_of_another_definition_is_refused_with_the_difference)
{
    use_directory("difference");
    write_people();
    struct weir_kit *kit = operator_open("fluss", "source fluss", "table = w.table 'test.t' {}");
    weir_kit_resource(kit, "table", "test.t",
                      "columns = { 'id int32 not null', 'name string', 'age int32' }, "
                      "primary_key = 'id', buckets = 4");
    CHECK_ERROR(kit, "age");
    weir_kit_close(kit);
}

static void check_table(const char *options, const char *why)
{
    use_directory("tables");
    struct weir_kit *kit = operator_open("fluss", "source fluss", "table = w.table 'test.t' {}");
    weir_kit_resource(kit, "table", "test.t", options);
    CHECK_ERROR(kit, why);
    weir_kit_close(kit);
}

TEST(what_is_wrong_with_a_table_is_told)
{
    check_table("columns = { 'id int32' }, primary_key = 'ide'", "option `primary_key`");
    check_table("columns = { 'id int32' }, version = 'v'", "option `version`");
    check_table("columns = { 'id int32' }, retention = { time = 'long' }",
                "option `retention.time` cannot be \"long\"");
    check_table("columns = { 'id int32' }, retention = { age = '7d' }", "there are `time` and");
    check_table("columns = { 'id int32 not null', 's string' }, primary_key = 'id', "
                "merge = 'aggregation', aggregates = { s = 'summ' }",
                "`summ`");
    check_table("columns = { 'id int32 not null', 's string' }, primary_key = 'id', "
                "merge = 'aggregation', aggregates = { s = 'listagg(;' }",
                "is no function");
    check_table("columns = { 'id int32' }, replication = 3", "replication");
}

TEST(an_aggregation_table_merges_by_its_functions)
{
    const char *table = "columns = { 'id int32 not null', 'n int64', 's string' }, "
                        "primary_key = 'id', merge = 'aggregation', buckets = 2, "
                        "aggregates = { n = 'sum', s = 'listagg(;)' }";
    use_directory("aggregation");
    struct weir_kit *kit = open_with("sink fluss", table, "");
    weir_kit_input(kit, "id int32 not null, n int64, s string");
    weir_kit_send(kit, 0, "1|10|a", "1|5|b");
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_all(table, "start = 'full'"), "+I 1|15|a;b\n");
}

TEST(a_log_without_keys_keeps_all_rows_and_spreads_them_over_its_buckets)
{
    const char *table = "columns = { 'id int64' }, buckets = 3";
    enum { ROWS = 20000 };
    static int64_t values[ROWS];
    use_directory("log");
    struct weir_kit *kit = open_with("sink fluss", table, "");
    for (int64_t i = 0; i < ROWS; i++) {
        values[i] = i;
    }
    for (int i = 0; i < 3; i++) {
        weir_kit_send_int64(kit, "id", ROWS, values); // put as they are
    }
    weir_kit_send_int64(kit, "id", 5, values); // collected
    CHECK_INT(weir_kit_end(kit), WEIR_OK);
    CHECK_METRIC(kit, "put_rows", 3 * ROWS + 5);
    weir_kit_close(kit);

    int64_t sum = 0;
    uint32_t buckets = 0;
    kit = open_with("source fluss", table, "bounded = true");
    CHECK_INT(weir_kit_run(kit, 1000), WEIR_END);
    CHECK_INT(weir_kit_row_count(kit, ""), 3 * ROWS + 5);
    for (uint32_t b = 0; weir_kit_batch(kit, "", b) != NULL; b++) {
        const struct weir_batch *batch = weir_kit_batch(kit, "", b);
        buckets |= batch->bucket >= 0 ? 1u << batch->bucket : 0;
        for (uint32_t i = 0; i < batch->row_count; i++) {
            sum += ((const int64_t *)batch->columns[0].values)[i];
        }
    }
    CHECK_INT(sum, 3 * (int64_t)ROWS * (ROWS - 1) / 2 + 10);
    CHECK_INT(buckets, 7);
    weir_kit_close(kit);
}

TEST(rows_of_one_key_are_put_in_their_order)
{
    const char *table = "columns = { 'id int64 not null' }, primary_key = 'id', buckets = 2";
    use_directory("order");
    struct weir_kit *kit = open_with("sink fluss", table, "");
    weir_kit_input(kit, "id int64 not null");
    weir_kit_send(kit, 0, "+I 7", "+I 8");
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_all(table, ""), "+I 7\n+I 8\n");

    kit = open_with("sink fluss", table, "");
    weir_kit_input(kit, "id int64 not null");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    weir_kit_send(kit, 0, "-D 7");
    weir_kit_send(kit, 0, "+I 7");
    weir_kit_send(kit, 0, "-D 8");
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_all(table, "start = 'full'"), "+I 7\n");
}

TEST(texts_of_any_length_are_collected)
{
    const char *table = "columns = { 'id int64 not null', 't string', 'b bool' }, "
                        "primary_key = 'id', buckets = 2";
    static char rows[3][70000];
    use_directory("texts");
    struct weir_kit *kit = open_with("sink fluss", table, "");
    weir_kit_input(kit, "id int64 not null, t string, b bool");
    for (int i = 0; i < 3; i++) {
        int length = snprintf(rows[i], sizeof rows[i], "%d|", i);
        memset(rows[i] + length, 'a' + i, 60000);
        strcpy(rows[i] + length + 60000, i == 1 ? "|null" : "|true");
        CHECK_INT(weir_kit_send(kit, 0, rows[i], "9|null|false"), WEIR_OK);
    }
    weir_kit_end(kit);
    weir_kit_close(kit);
    kit = open_with("source fluss", table, "start = 'full', bounded = true");
    CHECK_INT(weir_kit_run(kit, 100), WEIR_END);
    CHECK_INT(weir_kit_row_count(kit, ""), 4);
    const char *text = weir_kit_rows(kit, "");
    for (int i = 0; i < 3; i++) {
        CHECK_HAS(text, rows[i]);
    }
    CHECK_HAS(text, "+I 9|null|false");
    weir_kit_close(kit);
}

TEST(a_snapshot_finds_all_rows_before_it_in_the_table)
{
    use_directory("save");
    struct weir_kit *kit = open_sink(PEOPLE, "");
    weir_kit_send(kit, 0, "1|ann|30", "2|bob|40");
    CHECK_METRIC(kit, "puts", 0);
    struct weir_kit_snapshot *snapshot = weir_kit_save(kit);
    weir_kit_close(kit); // without an end
    CHECK_TEXT(read_all(PEOPLE, ""), "+I 1|ann|30\n+I 2|bob|40\n");

    kit = open_sink(PEOPLE, "");
    CHECK_INT(weir_kit_load(kit, snapshot), WEIR_OK);
    weir_kit_snapshot_destroy(snapshot);
    weir_kit_close(kit);
}
