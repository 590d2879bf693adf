// The source and the sink as operators: what they read and write, and every sentence that they say
// when something is wrong.
#include "file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "options.h"
#include "output.h"
#include "support/kit.h"

static const struct weir_operator *const sources[] = {&file_source};
static const struct weir_operator *const sinks[] = {&file_sink};
static const struct weir_plugin source_plugin = {.size = sizeof source_plugin,
                                                 .abi_version = WEIR_ABI_VERSION,
                                                 .operator_count = 1,
                                                 .name = "file",
                                                 .operators = sources};
static const struct weir_plugin sink_plugin = {.size = sizeof sink_plugin,
                                               .abi_version = WEIR_ABI_VERSION,
                                               .operator_count = 1,
                                               .name = "file",
                                               .operators = sinks};

// A path in the folder of the test; good for the next few calls.
static const char *path_of(const char *name)
{
    static char paths[8][4096];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 4096, "%s/%s", test_folder(), name);
    return path;
}

static void write_text(const char *name, const char *text, const char *mode)
{
    FILE *file = fopen(path_of(name), mode);
    REQUIRE(file != NULL);
    fputs(text, file);
    fclose(file);
}

static char *read_text(const char *name)
{
    static char text[65536];
    FILE *file = fopen(path_of(name), "r");
    text[0] = '\0';
    if (file != NULL) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    return file != NULL ? text : NULL;
}

__attribute__((format(printf, 2, 3))) static struct weir_kit *
open_kit(const struct weir_plugin *plugin, const char *format, ...)
{
    char options[16384];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(options, sizeof options, format, arguments);
    va_end(arguments);
    return weir_kit_open_plugin(plugin, "file", options);
}

// What a sentence says behind the folder of the test.
static void check_error(struct weir_kit *kit, const char *expected)
{
    char text[4096] = "";
    size_t length = 0;
    const char *error = weir_kit_error(kit), *folder = test_folder();
    for (const char *p = error == NULL ? "no error" : error; *p != '\0';) {
        if (strncmp(p, folder, strlen(folder)) == 0) {
            p += strlen(folder);
        } else {
            text[length++] = *p++;
        }
    }
    CHECK_TEXT(text, expected);
}

// --- Source ---

TEST(columns_are_told_from_the_header_and_the_first_rows)
{
    write_text("told.csv",
               "id,zip,price,is_new,day,at,seen,big,\"a \"\"name\"\"\"\n"
               "1,01234,1.5,true,2024-02-29,2024-02-29T10:00:00,2024-02-29T10:00:00.123456Z,"
               "99999999999999999999,x\n"
               "-7,,2,false,,,,,\n",
               "w");
    struct weir_kit *kit = open_kit(&source_plugin, "path = '%s'", path_of("told.csv"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_END);
    CHECK_TEXT(weir_kit_columns(kit, ""),
               "id int64, zip string, price float64, is_new bool, day date, at timestamp(3), "
               "seen timestamp_ltz(6), big string, a \"name\" string");
    CHECK_ROWS(kit, "id", 1, -7);
    CHECK_ROWS(kit, "zip", "01234", null);
    CHECK_ROWS(kit, "price", 1.5, 2);
    weir_kit_close(kit);
}

TEST(columns_of_ndjson_are_told_from_its_members)
{
    write_text("told.ndjson",
               "{\"a\":1,\"b\":\"x\"}\n{\"b\":null,\"c\":true,\"a\":2.5}\n{\"d\":null}\n", "w");
    struct weir_kit *kit = open_kit(&source_plugin, "path = '%s'", path_of("told.ndjson"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_END);
    CHECK_TEXT(weir_kit_columns(kit, ""), "a float64, b string, c bool, d string");
    CHECK_OUTPUT(kit, "", "+I 1|x|null|null", "+I 2.5|null|true|null", "+I null|null|null|null");
    weir_kit_close(kit);

    write_text("mixed.ndjson", "{\"a\":1}\n{\"a\":\"x\"}\n", "w");
    kit = open_kit(&source_plugin, "path = '%s'", path_of("mixed.ndjson"));
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_CONFIG);
    check_error(
        kit, "W0221: cannot tell the type of `a` in record 2 of /mixed.ndjson: its values are of "
             "several types; name the columns you need, with their types, in `columns`");
    weir_kit_close(kit);
}

TEST(a_header_in_another_order_with_more_fields_is_fine)
{
    write_text("order.csv",
               "\xef\xbb\xbf"
               "c,a,more,b\r\n3,1,x,2\r\n6,4,y,5",
               "w");
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = '%s', columns = { 'a int32', 'b int32', 'c int32' }",
                 path_of("order.csv"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_END);
    CHECK_OUTPUT(kit, "", "+I 1|2|3", "+I 4|5|6");
    weir_kit_close(kit);
}

TEST(a_header_without_a_column_is_refused)
{
    write_text("lacking.csv", "a,c\n1,2\n", "w");
    struct weir_kit *kit = open_kit(
        &source_plugin, "path = '%s', columns = { 'a int32', 'b int32' }", path_of("lacking.csv"));
    CHECK_INT(weir_kit_poll(kit), WEIR_ERROR_FATAL);
    check_error(kit, "/lacking.csv:1: there is no field for column `b`; the header has: a, c");
    weir_kit_close(kit);
}

TEST(bad_rows_are_rejected_with_file_line_column_and_reason)
{
    write_text("bad.csv", "a,b\n1,x\ntwo,y\n3\n4,z,z\n5,\xff\n300,v\n6,w\n", "w");
    struct weir_kit *kit =
        open_kit(&source_plugin,
                 "path = '%s', columns = { 'a int8', 'b string not null' }, on_error = 'reject'",
                 path_of("bad.csv"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_END);
    CHECK_OUTPUT(kit, "", "+I 1|x", "+I 6|w");
    CHECK_INT(weir_kit_rejected(kit), 5);
    const char *rejected = weir_kit_rows(kit, "rejected");
    CHECK_HAS(rejected, "bad.csv:3, column `a`");
    CHECK_HAS(rejected, "`two` is not an int8");
    CHECK_HAS(rejected, "bad.csv:4");
    CHECK_HAS(rejected, "the line has 1 field, expected 2");
    CHECK_HAS(rejected, "bad.csv:5");
    CHECK_HAS(rejected, "the line has 3 fields, expected 2");
    CHECK_HAS(rejected, "bad.csv:6, column `b`");
    CHECK_HAS(rejected, "the text is not valid UTF-8 (byte 1 of it)");
    CHECK_HAS(rejected, "bad.csv:7, column `a`");
    CHECK_HAS(rejected, "`300` is out of the range of int8");
    weir_kit_close(kit);
}

TEST(a_bad_row_fails_the_job_with_the_same_sentence)
{
    write_text("fail.ndjson", "{\"a\":1}\n{\"a\":\"x\"}\n", "w");
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = '%s', columns = { 'a int32' }", path_of("fail.ndjson"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_ERROR_DATA);
    check_error(kit, "/fail.ndjson:2, column `a`: this is a string, expected int32; with on_error "
                     "= \"reject\" it is set aside");
    weir_kit_close(kit);
}

TEST(a_file_that_cannot_be_read_is_told_with_the_remedy)
{
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = '%s', columns = { 'a int32' }", path_of("missing.csv"));
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_FATAL);
    check_error(kit, "cannot read /missing.csv: No such file or directory: check the option `path` "
                     "(a relative path starts at the folder weir runs in)");
    weir_kit_close(kit);

    kit = open_kit(&source_plugin, "path = '%s'", path_of("missing.csv"));
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_CONFIG);
    weir_kit_error(kit);
    weir_kit_close(kit);

    mkdir(path_of("folder.csv"), 0777);
    kit = open_kit(&source_plugin, "path = '%s', columns = { 'a int32' }", path_of("folder.csv"));
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_FATAL);
    check_error(kit,
                "cannot read /folder.csv: Is a directory: name a file, or several by a pattern "
                "like `folder/*.csv`");
    weir_kit_close(kit);

    kit = open_kit(&source_plugin, "path = '%s'", path_of("none*.csv"));
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_CONFIG);
    check_error(
        kit, "W0221: no file fits the pattern /none*.csv: check the option `path` (a relative path "
             "starts at the folder weir runs in)");
    weir_kit_close(kit);

    kit = open_kit(&source_plugin, "path = '%s'", path_of("rows.xml"));
    check_error(kit,
                "the name /rows.xml does not tell the format: say format = \"csv\", \"ndjson\" "
                "or \"msgpack\"");
    weir_kit_close(kit);
}

TEST(a_file_that_vanishes_while_others_are_read_is_told)
{
    write_text("first.csv", "a\n1\n", "w");
    write_text("second.csv", "a\n2\n", "w");
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = { '%s', '%s' }, columns = { 'a int32' }",
                 path_of("first.csv"), path_of("second.csv"));
    CHECK_INT(weir_kit_poll(kit), WEIR_MORE);
    remove(path_of("second.csv"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_ERROR_FATAL);
    check_error(kit, "cannot read /second.csv: No such file or directory: check the option `path` "
                     "(a relative path starts at the folder weir runs in)");
    weir_kit_close(kit);
}

TEST(compressed_data_that_end_early_are_told)
{
    static const uint8_t cut[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b};
    int descriptor = open(path_of("cut.csv.gz"), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    CHECK_INT(write(descriptor, cut, sizeof cut), sizeof cut);
    close(descriptor);
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = '%s', columns = { 'a int32' }", path_of("cut.csv.gz"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_ERROR_FATAL);
    check_error(kit, "cannot read /cut.csv.gz: the compressed data end early: the file is cut off "
                     "(after 0 bytes of content)");
    weir_kit_close(kit);
}

TEST(tasks_share_the_files)
{
    for (int i = 0; i < 5; i++) {
        char name[32], text[32];
        snprintf(name, sizeof name, "part%d.csv", i);
        snprintf(text, sizeof text, "a\n%d\n%d\n", i, i + 10);
        write_text(name, text, "w");
    }
    struct weir_kit *kit = open_kit(&source_plugin, "path = '%s'", path_of("part?.csv"));
    weir_kit_task(kit, 1, 2);
    CHECK_INT(weir_kit_run(kit, 10), WEIR_END);
    CHECK_ROWS(kit, "a", 1, 11, 3, 13);
    weir_kit_close(kit);
}

TEST(columns_that_nobody_reads_are_left_out)
{
    write_text("wanted.csv", "a,b,c\n1,not a number,x\n2,neither,y\n", "w");
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = '%s', columns = { 'a int32', 'b int32', 'c string' }",
                 path_of("wanted.csv"));
    weir_kit_want(kit, "", "a, c");
    CHECK_INT(weir_kit_run(kit, 10), WEIR_END);
    CHECK_ROWS(kit, "a", 1, 2);
    CHECK_ROWS(kit, "c", "x", "y");
    weir_kit_close(kit);
}

TEST(an_empty_file_and_a_header_alone_give_no_rows)
{
    write_text("empty.csv", "", "w");
    write_text("header.csv", "a", "w");
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = { '%s', '%s' }, columns = { 'a int32' }",
                 path_of("empty.csv"), path_of("header.csv"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_END);
    CHECK_NO_OUTPUT(kit, "");
    weir_kit_close(kit);

    kit = open_kit(&source_plugin, "path = '%s'", path_of("empty.csv"));
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_CONFIG);
    check_error(
        kit, "W0221: cannot tell the columns of /empty.csv: there is no record in its first 1 MiB; "
             "name them, with their types, in `columns`");
    weir_kit_close(kit);
}

// --- Snapshots ---

// Reads a file of many batches, taking a snapshot after `polls` polls; the rows before it and those
// that a fresh instance reads from it are all the rows, once.
static void check_snapshot(const char *name, int polls, int64_t expected)
{
    struct weir_kit *first = open_kit(&source_plugin, "path = '%s'", path_of(name));
    struct weir_kit *second = open_kit(&source_plugin, "path = '%s'", path_of(name));
    for (int i = 0; i < polls; i++) {
        weir_kit_poll(first);
    }
    struct weir_kit_snapshot *snapshot = weir_kit_save(first);
    CHECK_INT(weir_kit_load(second, snapshot), WEIR_OK);
    CHECK_INT(weir_kit_run(second, 1000), WEIR_END);
    CHECK_INT(weir_kit_row_count(first, "") + weir_kit_row_count(second, ""), expected);
    int64_t sum = 0, rows = 0;
    for (int k = 0; k < 2; k++) {
        const struct weir_batch *batch;
        for (uint32_t i = 0; (batch = weir_kit_batch(k == 0 ? first : second, "", i)) != NULL;
             i++) {
            const int64_t *values = batch->columns[0].values;
            for (uint32_t row = 0; row < batch->row_count; row++) {
                CHECK(values[row] == rows++);
                sum += values[row];
            }
        }
    }
    CHECK_INT(sum, expected * (expected - 1) / 2);
    weir_kit_snapshot_destroy(snapshot);
    weir_kit_close(first);
    weir_kit_close(second);
}

static void write_numbers(const char *name, const char *start, const char *format, int count)
{
    char line[256], sentence[FILE_SENTENCE_MAX] = "";
    struct output *output;
    REQUIRE(output_open(path_of(name), file_compression_of(name), 1, &output, sentence) == 0);
    CHECK_INT(output_write(output, start, strlen(start), sentence), 0);
    for (int i = 0; i < count; i++) {
        int size = snprintf(line, sizeof line, format, i, i);
        CHECK_INT(output_write(output, line, (size_t)size, sentence), 0);
    }
    CHECK_INT(output_publish(output, sentence), 0);
}

TEST(reading_goes_on_exactly_where_a_snapshot_left_it)
{
    static const char line[] = "%d,\"a \"\"quoted\"\"\nline %d\"\n";
    write_numbers("many.csv", "n,text\n", line, 40000);
    write_numbers("many.csv.gz", "n,text\n", line, 40000);
    write_numbers("many.csv.zst", "n,text\n", line, 40000);
    write_numbers("many.ndjson", "", "{\"n\":%d,\"t\":\"%d\"}\n", 40000);
    for (int polls = 0; polls < 8; polls += 2) {
        check_snapshot("many.csv", polls, 40000);
        check_snapshot("many.ndjson", polls, 40000);
        check_snapshot("many.csv.gz", polls, 40000);
        check_snapshot("many.csv.zst", polls, 40000);
    }
}

TEST(a_snapshot_of_another_file_is_refused)
{
    write_text("one.csv", "n\n1\n", "w");
    write_text("other.csv", "n\n1\n", "w");
    struct weir_kit *first = open_kit(&source_plugin, "path = '%s'", path_of("one.csv"));
    struct weir_kit *second = open_kit(&source_plugin, "path = '%s'", path_of("other.csv"));
    weir_kit_run(first, 10);
    struct weir_kit_snapshot *snapshot = weir_kit_save(first);
    CHECK_INT(weir_kit_load(second, snapshot), WEIR_ERROR_FATAL);
    check_error(second,
                "file 1 of the snapshot was /one.csv, now it is another one: give `path` the "
                "files of that time, in that order, or start without the snapshot");
    weir_kit_snapshot_destroy(snapshot);
    weir_kit_close(first);
    weir_kit_close(second);
}

TEST(a_file_shorter_than_the_snapshot_says_is_refused)
{
    write_numbers("short.csv", "n\n", "%d\n", 40000);
    struct weir_kit *first = open_kit(&source_plugin, "path = '%s'", path_of("short.csv"));
    weir_kit_poll(first);
    weir_kit_poll(first);
    struct weir_kit_snapshot *snapshot = weir_kit_save(first);
    write_text("short.csv", "n\n1\n", "w");
    struct weir_kit *second = open_kit(&source_plugin, "path = '%s'", path_of("short.csv"));
    CHECK_INT(weir_kit_load(second, snapshot), WEIR_OK);
    CHECK_INT(weir_kit_run(second, 10), WEIR_ERROR_FATAL);
    CHECK_HAS(weir_kit_error(second), "where the snapshot left it: the file has only 4");
    weir_kit_snapshot_destroy(snapshot);
    weir_kit_close(first);
    weir_kit_close(second);
}

// --- Following ---

TEST(a_followed_file_grows_is_cut_off_and_is_replaced)
{
    write_text("log.csv", "n\n1\n2", "w");
    struct weir_kit *kit = open_kit(
        &source_plugin, "path = '%s', columns = { 'n int32' }, follow = true", path_of("log.csv"));
    CHECK_INT(weir_kit_run(kit, 5), WEIR_WAIT);
    CHECK_ROWS(kit, "n", 1);
    write_text("log.csv", "2\n3\n", "a");
    weir_kit_run(kit, 5);
    CHECK_ROWS(kit, "n", 1, 22, 3);
    weir_kit_clear(kit);

    write_text("log.csv", "n\n4\n", "w");
    weir_kit_run(kit, 5);
    CHECK_ROWS(kit, "n", 4);
    CHECK_HAS(weir_kit_log(kit), "was cut off: reading it from its start again");
    weir_kit_clear(kit);

    write_text("log.csv", "5\n6", "a");
    CHECK_INT(rename(path_of("log.csv"), path_of("log.csv.1")), 0);
    weir_kit_run(kit, 5);
    CHECK_ROWS(kit, "n", 5);
    write_text("log.csv", "n\n7\n", "w");
    weir_kit_run(kit, 10);
    CHECK_ROWS(kit, "n", 5, 6, 7);
    weir_kit_close(kit);
}

TEST(a_followed_file_may_come_later)
{
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = '%s', columns = { 'n int32' }, follow = true",
                 path_of("later.csv"));
    CHECK_INT(weir_kit_run(kit, 3), WEIR_WAIT);
    CHECK_HAS(weir_kit_log(kit), "later.csv is not there yet: waiting for it");
    write_text("later.csv", "n", "w");
    CHECK_INT(weir_kit_run(kit, 3), WEIR_WAIT);
    write_text("later.csv", "\n1\n", "a");
    weir_kit_run(kit, 3);
    CHECK_ROWS(kit, "n", 1);
    weir_kit_close(kit);
}

TEST(compressed_files_cannot_be_followed)
{
    struct weir_kit *kit =
        open_kit(&source_plugin, "path = 'a.csv.gz', columns = { 'n int32' }, follow = true");
    check_error(kit,
                "a.csv.gz is compressed, and only plain files can be followed: leave out follow = "
                "true, or name the plain file");
    weir_kit_close(kit);
}

// --- Sink ---

TEST(rows_are_written_under_another_name_until_all_are_there)
{
    struct weir_kit *kit = open_kit(&sink_plugin, "path = '%s'", path_of("out.csv"));
    weir_kit_input(kit, "a int32, b string, c float64");
    weir_kit_send(kit, 0, "1|x|0.1", "null|\"two, \"\"2\"\"\"|null", "3|\"\"|1e300");
    CHECK(read_text("out.csv") == NULL);
    CHECK(read_text("out.csv.partial") != NULL);
    weir_kit_end(kit);
    CHECK_TEXT(read_text("out.csv"), "a,b,c\n1,x,0.1\n,\"two, \"\"2\"\"\",\n3,\"\",1e+300\n");
    CHECK(read_text("out.csv.partial") == NULL);
    weir_kit_close(kit);
}

TEST(a_sink_that_is_closed_early_leaves_the_unfinished_file)
{
    struct weir_kit *kit = open_kit(&sink_plugin, "path = '%s'", path_of("early.ndjson"));
    weir_kit_input(kit, "a int32");
    weir_kit_send(kit, 0, "1");
    weir_kit_close(kit);
    CHECK(read_text("early.ndjson") == NULL);
    CHECK(read_text("early.ndjson.partial") != NULL);
}

TEST(change_kinds_need_a_field)
{
    struct weir_kit *kit = open_kit(&sink_plugin, "path = '%s'", path_of("kinds.ndjson"));
    weir_kit_input(kit, "a int32");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_CONFIG);
    check_error(
        kit,
        "W0221: the rows are changes (-U, +U, -D can come), which a file shows only if each row "
        "says so: add kind = \"op\", or put a changelog_filter before this stage");
    weir_kit_close(kit);

    kit = open_kit(&sink_plugin, "path = '%s', kind = 'op'", path_of("kinds.ndjson"));
    weir_kit_input(kit, "a int32");
    weir_kit_input_kinds(kit, 0, WEIR_KINDS_ALL);
    weir_kit_send(kit, 0, "+I 1", "-U 1", "+U 2", "-D 2");
    weir_kit_end(kit);
    CHECK_TEXT(read_text("kinds.ndjson"), "{\"op\":\"+I\",\"a\":1}\n{\"op\":\"-U\",\"a\":1}\n"
                                          "{\"op\":\"+U\",\"a\":2}\n{\"op\":\"-D\",\"a\":2}\n");
    weir_kit_close(kit);

    kit = open_kit(&source_plugin, "path = '%s', kind = 'op'", path_of("kinds.ndjson"));
    CHECK_INT(weir_kit_run(kit, 10), WEIR_END);
    CHECK_OUTPUT(kit, "", "+I 1", "-U 1", "+U 2", "-D 2");
    weir_kit_close(kit);
}

TEST(a_full_disk_is_told_with_path_bytes_and_remedy)
{
    struct weir_kit *kit = open_kit(&sink_plugin, "path = '/dev/full', format = 'csv'");
    weir_kit_input(kit, "a int32");
    CHECK_INT(weir_kit_send(kit, 0, "1"), WEIR_ERROR_FATAL);
    check_error(kit, "cannot write /dev/full: No space left on device after 0 bytes: make "
                     "room there or point `path` elsewhere, then run again");
    weir_kit_close(kit);
}

TEST(a_folder_that_is_not_there_is_told_before_the_first_row)
{
    struct weir_kit *kit = open_kit(&sink_plugin, "path = '%s'", path_of("nowhere/out.csv"));
    weir_kit_input(kit, "a int32");
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_FATAL);
    check_error(kit, "cannot write /nowhere/out.csv.partial: No such file or directory: check the "
                     "option `path` (a relative path starts at the folder weir runs in)");
    weir_kit_close(kit);
}

TEST(a_file_that_is_there_is_replaced_or_refused)
{
    write_text("there.csv", "old\n", "w");
    struct weir_kit *kit =
        open_kit(&sink_plugin, "path = '%s', exists = 'fail'", path_of("there.csv"));
    weir_kit_input(kit, "a int32");
    CHECK_INT(weir_kit_start(kit), WEIR_ERROR_FATAL);
    check_error(kit, "/there.csv is there already: move it away, or say exists = \"replace\"");
    weir_kit_close(kit);
    CHECK_TEXT(read_text("there.csv"), "old\n");

    kit = open_kit(&sink_plugin, "path = '%s'", path_of("there.csv"));
    weir_kit_input(kit, "a int32");
    weir_kit_send(kit, 0, "1");
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_text("there.csv"), "a\n1\n");
}

TEST(a_text_that_cannot_be_written_without_quotes_is_rejected)
{
    struct weir_kit *kit = open_kit(&sink_plugin, "path = '%s', quote = '', on_error = 'reject'",
                                    path_of("unquoted.csv"));
    weir_kit_input(kit, "a int32, b string");
    weir_kit_send(kit, 0, "1|x", "2|\"y,z\"", "3|w");
    weir_kit_end(kit);
    CHECK_TEXT(read_text("unquoted.csv"), "a,b\n1,x\n3,w\n");
    CHECK_INT(weir_kit_rejected(kit), 1);
    CHECK_HAS(weir_kit_rows(kit, "rejected"),
              "column `b` holds a delimiter, a line end or the text of null, and option `quote` is "
              "empty");
    weir_kit_close(kit);
}

TEST(a_source_without_memory_fails_and_leaves_nothing_behind)
{
    write_text("memory.csv", "a,b\n1,x\n,\n", "w");
    int failed = 0;
    for (uint64_t n = 1; n < 12; n++) {
        struct weir_kit *kit = open_kit(&source_plugin, "path = '%s'", path_of("memory.csv"));
        CHECK_INT(weir_kit_start(kit), WEIR_OK);
        weir_kit_fail_allocation(kit, n);
        int32_t rc = weir_kit_run(kit, 10);
        CHECK(rc == WEIR_END || rc == WEIR_ERROR_FATAL);
        failed += rc == WEIR_ERROR_FATAL && weir_kit_error(kit) != NULL;
        weir_kit_close(kit);
    }
    CHECK(failed > 0);
}

TEST(files_are_rotated_by_size)
{
    struct weir_kit *kit =
        open_kit(&sink_plugin, "path = '%s', rotate_bytes = 6", path_of("sized.csv"));
    weir_kit_input(kit, "a int32");
    weir_kit_send(kit, 0, "1", "2", "3", "4", "5");
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_text("sized-000001.csv"), "a\n1\n2\n");
    CHECK_TEXT(read_text("sized-000002.csv"), "a\n3\n4\n");
    CHECK_TEXT(read_text("sized-000003.csv"), "a\n5\n");

    kit = open_kit(&sink_plugin, "path = '%s', rotate_bytes = 6", path_of("sized.csv"));
    weir_kit_input(kit, "a int32");
    weir_kit_send(kit, 0, "6");
    weir_kit_end(kit);
    weir_kit_close(kit);
    CHECK_TEXT(read_text("sized-000003.csv"), "a\n5\n");
    CHECK_TEXT(read_text("sized-000004.csv"), "a\n6\n");
}

TEST(files_are_rotated_by_time)
{
    struct weir_kit *kit = open_kit(&sink_plugin, "path = '%s', rotate_every = '1m'",
                                    path_of("timed-{time}-{part}.ndjson"));
    weir_kit_input(kit, "a int32");
    weir_kit_advance(kit, 5000000);
    weir_kit_send(kit, 0, "1");
    weir_kit_advance(kit, 59000000);
    weir_kit_send(kit, 0, "2");
    CHECK(read_text("timed-20260101T000005Z-000001.ndjson") == NULL);
    weir_kit_advance(kit, 1000000);
    CHECK_TEXT(read_text("timed-20260101T000005Z-000001.ndjson"), "{\"a\":1}\n{\"a\":2}\n");
    weir_kit_send(kit, 0, "3");
    weir_kit_end(kit);
    CHECK_TEXT(read_text("timed-20260101T000105Z-000002.ndjson"), "{\"a\":3}\n");
    weir_kit_close(kit);
}

TEST(a_part_that_never_ends_is_refused)
{
    struct weir_kit *kit = open_kit(&sink_plugin, "path = 'x-{part}.csv'");
    check_error(kit,
                "option `path` has {part}, but nothing says when a part ends: add rotate_bytes or "
                "rotate_every");
    weir_kit_close(kit);
}
