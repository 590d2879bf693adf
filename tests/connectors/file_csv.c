#include "csv.h"

#include <stdio.h>
#include <stdlib.h>

#include "connectors/drive.h"
#include "support/test.h"

#define FIELDS_MAX 32

static int parse_csv(void *parser, struct parse *parse, struct rows *rows)
{
    return csv_parse(parser, parse, rows);
}

struct reading {
    struct csv_dialect dialect;
    const char *columns;
    const int32_t *fields; // NULL: column after column
    uint32_t field_count;
    const uint8_t *wanted;
    uint32_t capacity;
    int has_kinds;
};

static const struct reading plain = {.dialect = {',', '"', ""}, .capacity = 64};

static char *read_step(const struct reading *reading, const char *bytes, size_t size, size_t step)
{
    struct weir_field fields[FIELDS_MAX];
    int32_t straight[FIELDS_MAX];
    struct rows rows;
    struct csv csv;
    uint32_t count = drive_fields(reading->columns, fields, FIELDS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        straight[i] = (int32_t)i;
    }
    CHECK_INT(
        rows_init(&rows, fields, count, reading->wanted, reading->capacity, reading->has_kinds), 0);
    const int32_t *map = reading->fields != NULL ? reading->fields : straight;
    CHECK_INT(csv_init(&csv, reading->dialect, &rows, map,
                       reading->fields != NULL ? reading->field_count : count),
              0);
    char *text = drive(parse_csv, &csv, &rows, bytes, size, step);
    csv_finish(&csv);
    rows_finish(&rows);
    return text;
}

// The rows must not depend on the pieces in which the bytes arrive.
static void check_reading(const struct reading *reading, const char *bytes, const char *expected)
{
    static const size_t steps[] = {0, 1, 7, 64};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char *text = read_step(reading, bytes, strlen(bytes), steps[i]);
        CHECK_TEXT(text, expected);
        free(text);
    }
}

static void check_rows(const char *columns, const char *bytes, const char *expected)
{
    struct reading reading = plain;
    reading.columns = columns;
    check_reading(&reading, bytes, expected);
}

TEST(typed_columns_come_from_plain_fields)
{
    check_rows("id int32; name string; value float64; at int64",
               "7,alpha,1.5,1700000000123\n-8,beta,-0.25,-1\n",
               "7|alpha|1.5|1700000000123\n-8|beta|-0.25|-1\n");
}

TEST(every_type_has_its_text_form)
{
    check_rows("a bool; b int8; c int16; d float32; e bytes; f date; g time; h decimal(10,2)",
               "true,-128,32767,0.1,AQID,1969-12-31,23:59:59.999,-12345678.90\n",
               "true|-128|32767|0.1|\x01\x02\x03|1969-12-31|23:59:59.999|-12345678.90\n");
    check_rows("a timestamp(0); b timestamp(3); c timestamp(6); d timestamp(9); e timestamp_ltz(3)",
               "1969-12-31T23:59:59,2026-11-22 10:00:00.5,2026-11-22T10:00:00.123456,"
               "1600-02-29T00:00:00.123456789,2026-11-22T10:00:00+02:00\n",
               "1969-12-31T23:59:59|2026-11-22T10:00:00.500|2026-11-22T10:00:00.123456|"
               "1600-02-29T00:00:00.123456789|2026-11-22T08:00:00.000Z\n");
}

TEST(quoted_fields_hold_delimiters_quotes_and_line_ends)
{
    check_rows("a string; b int32; c string",
               "\"x,y\",\"12\",\"he said \"\"no\"\"\"\n\"two\nlines\",3,\"\"\"\"\nplain,4,\"\"\n",
               "x,y|12|he said \"no\"\ntwo\nlines|3|\"\nplain|4|\n");
}

TEST(lines_may_end_in_crlf_and_empty_lines_are_skipped)
{
    check_rows("a int32; b string; c int32", "1,x,2\r\n\r\n\n3,\"y\",4\r\n5,z,\"6\"\r\nbad,z,1\r\n",
               "1|x|2\n3|y|4\n5|z|6\n!6:a: `bad` is not an int32 [bad,z,1\r]\n");
}

TEST(an_unquoted_null_text_is_null_and_a_quoted_one_is_not)
{
    check_rows("a int32; b string; c float64; d string", "1,,,\n,\"\",2,x\n", "1|~|~|~\n~||2|x\n");
    struct reading reading = plain;
    reading.dialect.null_text = "NA";
    reading.columns = "a int32; b string";
    check_reading(&reading, "NA,NA\n1,\n2,\"NA\"\n", "~|~\n1|\n2|NA\n");
    reading.columns = "b string; a int32";
    check_reading(&reading, ",1\nx,2\n", "|1\nx|2\n");
}

TEST(a_null_in_a_column_that_is_not_null_is_rejected)
{
    check_rows("a int32 not null; b string not null", "1,x\n,y\n2,\n3,z\n",
               "1|x\n!2:a: null, but the column is not null [,y]\n"
               "!3:b: null, but the column is not null [2,]\n3|z\n");
}

TEST(a_short_and_a_long_line_are_rejected_with_both_counts)
{
    check_rows("a int32; b int32; c int32", "1,2\n1,2,3\n1,2,3,4,5\n\"1\"\n4,5,6\n",
               "!1:: the line has 2 fields, expected 3 [1,2]\n1|2|3\n"
               "!3:: the line has 5 fields, expected 3 [1,2,3,4,5]\n"
               "!4:: the line has 1 field, expected 3 [\"1\"]\n4|5|6\n");
}

TEST(broken_quotes_cost_one_line)
{
    check_rows("a string; b int32", "x\"y,1\n\"x\"y,2\n\"open,3\nok,4\n",
               "!1:a: there is a quote inside a field that does not begin with one [x\"y,1]\n"
               "!2:a: there is text after the closing quote of a field [\"x\"y,2]\n"
               "!3:a: a quoted field is not closed [\"open,3]\nok|4\n");
}

TEST(the_line_of_a_record_counts_line_ends_inside_quotes)
{
    check_rows(
        "a string; b int32", "\"1\n2\n3\",1\n\"4\n5\",x\nz,y\n",
        "1\n2\n3|1\n!4:b: `x` is not an int32 [\"4\n5\",x]\n!6:b: `y` is not an int32 [z,y]\n");
}

TEST(numbers_out_of_range_and_other_text_are_rejected_with_the_reason)
{
    check_rows("a int8", "127\n128\n-129\n1.0\n0x1\n99999999999999999999\n",
               "127\n!2:a: `128` is out of the range of int8 [128]\n"
               "!3:a: `-129` is out of the range of int8 [-129]\n"
               "!4:a: `1.0` is not an int8 [1.0]\n!5:a: `0x1` is not an int8 [0x1]\n"
               "!6:a: `99999999999999999999` is out of the range of int8 "
               "[99999999999999999999]\n");
    check_rows(
        "a int64", "9223372036854775807\n-9223372036854775808\n9223372036854775808\n+5\n",
        "9223372036854775807\n-9223372036854775808\n"
        "!3:a: `9223372036854775808` is out of the range of int64 [9223372036854775808]\n5\n");
    check_rows("a float64", "1e308\n1e309\n-inf\nNaN\n1e-400\n.5\n5.\nx\n",
               "1e+308\n!2:a: `1e309` is out of the range of float64 [1e309]\n-Infinity\nNaN\n0\n"
               "0.5\n5\n!8:a: `x` is not a float64 [x]\n");
    check_rows("a bool", "TRUE\n0\nyes\n",
               "true\nfalse\n!3:a: `yes` is not a bool (true, false, 1 or 0) [yes]\n");
}

TEST(dates_times_and_decimals_that_do_not_exist_are_rejected)
{
    check_rows("a date", "2023-02-29\n2024-02-29\n24-1-1\n",
               "!1:a: `2023-02-29` is out of the range of date [2023-02-29]\n2024-02-29\n"
               "!3:a: `24-1-1` is not a date (YYYY-MM-DD) [24-1-1]\n");
    check_rows("a timestamp(3)",
               "2024-01-01T25:00:00\n2024-01-01T00:00:00Z\n"
               "2024-01-01T00:00:00.0001\n2024-01-01\n",
               "!1:a: `2024-01-01T25:00:00` is out of the range of timestamp(3) "
               "[2024-01-01T25:00:00]\n"
               "!2:a: `2024-01-01T00:00:00Z` has a time zone, but timestamp(3) is local time: make "
               "the column timestamp_ltz [2024-01-01T00:00:00Z]\n"
               "!3:a: `2024-01-01T00:00:00.0001` has more digits after the point than timestamp(3) "
               "keeps [2024-01-01T00:00:00.0001]\n2024-01-01T00:00:00.000\n");
    check_rows("a decimal(5,2)", "123.45\n1234\n1.234\n1.230\n-0.5\n",
               "123.45\n!2:a: `1234` is out of the range of decimal(5,2) [1234]\n"
               "!3:a: `1.234` has more digits after the point than decimal(5,2) keeps [1.234]\n"
               "1.23\n-0.50\n");
}

TEST(invalid_utf8_and_texts_that_are_too_long_are_rejected)
{
    check_rows("a string; b string(3)", "\xc3\xa9,\xc3\xa9\xc3\xa9\xc3\xa9\nx\xff,y\nz,four\n",
               "\xc3\xa9|\xc3\xa9\xc3\xa9\xc3\xa9\n"
               "!2:a: the text is not valid UTF-8 (byte 2 of it) [x\xff,y]\n"
               "!3:b: `four` is longer than string(3) [z,four]\n");
}

TEST(fields_that_nobody_wants_are_skipped_but_counted)
{
    struct reading reading = plain;
    uint8_t wanted[] = {1, 0, 1};
    reading.columns = "a int32; b int32; c string";
    reading.wanted = wanted;
    check_reading(&reading, "1,not a number,x\n2,\"quoted, too\",y\n3,z\n",
                  "1|-|x\n2|-|y\n!3:: the line has 2 fields, expected 3 [3,z]\n");
}

TEST(fields_go_to_columns_in_any_order)
{
    struct reading reading = plain;
    int32_t fields[] = {1, CSV_SKIP, CSV_KIND, 0};
    reading.columns = "a int32; b string";
    reading.fields = fields;
    reading.field_count = 4;
    reading.has_kinds = 1;
    check_reading(&reading, "x,?,-U,1\ny,?,+U,2\nz,?,up,3\n",
                  "-U 1|x\n+U 2|y\n"
                  "!3:: the change kind is not one of +I, -U, +U, -D [z,?,up,3]\n");
}

TEST(other_dialects)
{
    struct reading reading = plain;
    reading.dialect.delimiter = '\t';
    reading.dialect.quote = 0;
    reading.columns = "a string; b int32; c string";
    check_reading(&reading, "x\"y\t1\t\"\n", "x\"y|1|\"\n");
    reading.dialect = (struct csv_dialect){';', '\'', ""};
    check_reading(&reading, "'x;y';1;'it''s'\n", "x;y|1|it's\n");
}

TEST(full_rows_are_handed_over_and_the_next_go_on)
{
    struct reading reading = plain;
    reading.columns = "a int32; b string";
    reading.capacity = 2;
    check_reading(&reading, "1,a\n2,\n3,c\n4,d\n5,e\n", "1|a\n2|~\n3|c\n4|d\n5|e\n");
}

TEST(a_line_beyond_the_limit_is_dropped_and_the_next_is_read)
{
    size_t long_size = PARSE_RECORD_BYTES_MAX + (2u << 20);
    char *bytes = malloc(long_size + 100);
    REQUIRE(bytes != NULL);
    int start = sprintf(bytes, "a,1\n");
    memset(bytes + start, 'x', long_size);
    strcpy(bytes + start + long_size, "\nb,2\n");
    struct reading reading = plain;
    reading.columns = "a string; b int32";
    char *text = read_step(&reading, bytes, strlen(bytes), 1u << 20);
    CHECK_TEXT(text, "a|1\n!2:: the line is longer than 16842752 bytes, the most allowed "
                     "[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\nb|2\n");
    free(text);
    free(bytes);
}

TEST(a_quote_that_never_closes_costs_one_line_not_the_file)
{
    size_t size = PARSE_RECORD_BYTES_MAX + 200000;
    char *bytes = malloc(size + 8);
    REQUIRE(bytes != NULL);
    strcpy(bytes, "\"a,1\n");
    for (size_t i = 5; i < size; i += 4) {
        memcpy(bytes + i, "b,2\n", 5);
    }
    struct reading reading = plain;
    reading.columns = "a string; b int32";
    reading.capacity = 1u << 20;
    char *text = read_step(&reading, bytes, strlen(bytes), 1u << 18);
    CHECK_INT(strncmp(text, "!1:a: a quoted field is not closed [\"a,1]\nb|2\nb|2\n", 50), 0);
    CHECK_INT(strlen(text),
              strlen("!1:a: a quoted field is not closed [\"a,1]\n") + (size - 5 + 3) / 4 * 4);
    free(text);
    free(bytes);
}
