#include "ndjson.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "connectors/drive.h"
#include "support/test.h"

static int parse_ndjson(void *parser, struct parse *parse, struct rows *rows)
{
    return ndjson_parse(parser, parse, rows);
}

static char *read_step(const char *columns, const uint8_t *wanted, const char *kind,
                       const char *bytes, size_t size, size_t step)
{
    struct weir_field fields[32];
    struct rows rows;
    struct ndjson ndjson;
    uint32_t count = drive_fields(columns, fields, 32);
    CHECK_INT(rows_init(&rows, fields, count, wanted, 64, kind != NULL), 0);
    CHECK_INT(ndjson_init(&ndjson, &rows, kind), 0);
    char *text = drive(parse_ndjson, &ndjson, &rows, bytes, size, step);
    ndjson_finish(&ndjson);
    rows_finish(&rows);
    return text;
}

static void check_wanted(const char *columns, const uint8_t *wanted, const char *kind,
                         const char *bytes, const char *expected)
{
    static const size_t steps[] = {0, 1, 13};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char *text = read_step(columns, wanted, kind, bytes, strlen(bytes), steps[i]);
        CHECK_TEXT(text, expected);
        free(text);
    }
}

static void check_rows(const char *columns, const char *bytes, const char *expected)
{
    check_wanted(columns, NULL, NULL, bytes, expected);
}

TEST(members_go_to_columns_by_name_in_any_order)
{
    check_rows("id int32; name string; value float64; at int64",
               "{\"id\":7,\"name\":\"alpha\",\"value\":1.5,\"at\":1700000000123}\n"
               "{ \"at\" : -1 , \"value\":2 ,\"name\":\"beta\",\"id\":-8 }\r\n"
               "{\"other\":[1,{\"x\":null}],\"id\":9,\"name\":\"c\"}\n\n{}\n",
               "7|alpha|1.5|1700000000123\n-8|beta|2|-1\n9|c|~|~\n~|~|~|~\n");
}

TEST(every_type_has_its_json_form)
{
    check_rows(
        "a bool; b int8; c float32; d bytes; e date; f time; g decimal(10,2); h timestamp(6)",
        "{\"a\":true,\"b\":-128,\"c\":0.1,\"d\":\"AQID\",\"e\":\"2024-02-29\","
        "\"f\":\"10:00:00.5\",\"g\":\"-1.5\",\"h\":\"2024-02-29T00:00:00.000001\"}\n"
        "{\"a\":false,\"g\":12345678.90,\"c\":\"NaN\"}\n",
        "true|-128|0.1|\x01\x02\x03|2024-02-29|10:00:00.500|-1.50|"
        "2024-02-29T00:00:00.000001\nfalse|~|NaN|~|~|~|12345678.90|~\n");
}

TEST(escapes_become_utf8)
{
    check_rows(
        "a string",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}\n{\"a\":\"x\\u00e9\\u20ac\\ud83d\\ude00y\"}\n"
        "{\"\\u0061\":\"key\"}\n{\"a\":\"\\ud83d\"}\n{\"a\":\"\\x\"}\n",
        "\"\\/\b\f\n\r\t\nx\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80y\nkey\n"
        "!4:: not valid JSON at byte 7: there is a bad escape inside a string "
        "[{\"a\":\"\\ud83d\"}]\n"
        "!5:: not valid JSON at byte 7: there is a bad escape inside a string "
        "[{\"a\":\"\\x\"}]\n");
}

TEST(a_column_whose_name_needs_escapes_is_found_by_them_alone)
{
    check_rows("a\"b int32", "{\"a\\\"b\":1}\n{\"a\"b\":2}\n{\"a\\u0022b\":3}\n",
               "1\n!2:: not valid JSON at byte 5: `:` is expected [{\"a\"b\":2}]\n3\n");
}

TEST(broken_lines_are_rejected_with_the_byte)
{
    check_rows("a int32",
               "{\"a\":1\n{\"a\":1}}\n{\"a\" 1}\n[1]\n{\"a\":01}\n{\"a\":1,}\n{\"a\":tru}\n"
               "{\"b\":\"x}\n{\"a\":2}\n",
               "!1:: not valid JSON at byte 7: `,` or `}` is expected [{\"a\":1]\n"
               "!2:: not valid JSON at byte 8: there is text behind the object [{\"a\":1}}]\n"
               "!3:: not valid JSON at byte 6: `:` is expected [{\"a\" 1}]\n"
               "!4:: not valid JSON at byte 1: an object is expected [[1]]\n"
               "!5:: not valid JSON at byte 6: a number does not begin as one [{\"a\":01}]\n"
               "!6:: not valid JSON at byte 8: a key is expected [{\"a\":1,}]\n"
               "!7:: not valid JSON at byte 6: this is not a value [{\"a\":tru}]\n"
               "!8:: not valid JSON at byte 9: a string is not closed [{\"b\":\"x}]\n2\n");
}

TEST(values_of_another_type_are_rejected_with_both)
{
    check_rows("a int32; b string; c float64; d bool",
               "{\"a\":\"1\"}\n{\"b\":1}\n{\"c\":true}\n{\"d\":0}\n{\"a\":[1]}\n{\"a\":1.5}\n"
               "{\"a\":3000000000}\n{\"c\":1e999}\n{\"a\":1,\"b\":\"x\",\"c\":1e2,\"d\":true}\n",
               "!1:a: this is a string, expected int32 [{\"a\":\"1\"}]\n"
               "!2:b: this is a number, expected string [{\"b\":1}]\n"
               "!3:c: this is a boolean, expected float64 [{\"c\":true}]\n"
               "!4:d: this is a number, expected bool [{\"d\":0}]\n"
               "!5:a: this is an array or object, expected int32 [{\"a\":[1]}]\n"
               "!6:a: `1.5` is not an int32 [{\"a\":1.5}]\n"
               "!7:a: `3000000000` is out of the range of int32 [{\"a\":3000000000}]\n"
               "!8:c: `1e999` is out of the range of float64 [{\"c\":1e999}]\n1|x|100|true\n");
}

TEST(nulls_and_missing_members_are_rejected_in_columns_that_are_not_null)
{
    check_rows("a int32 not null; b string", "{\"a\":null}\n{\"b\":\"x\"}\n{\"a\":1,\"b\":null}\n",
               "!1:a: null, but the column is not null [{\"a\":null}]\n"
               "!2:a: missing, but the column is not null [{\"b\":\"x\"}]\n1|~\n");
}

TEST(a_key_that_is_there_twice_is_rejected)
{
    check_rows("a int32; b int32", "{\"a\":1,\"a\":2}\n{\"a\":1,\"b\":2}\n",
               "!1:a: the key is there twice [{\"a\":1,\"a\":2}]\n1|2\n");
}

TEST(invalid_utf8_is_rejected)
{
    check_rows("a string", "{\"a\":\"\xff\"}\n{\"b\":\"\xc0\x80\"}\n{\"a\":\"\xc3\xa9\"}\n",
               "!1:: not valid JSON at byte 7: a string is not valid UTF-8 [{\"a\":\"\xff\"}]\n"
               "!2:: not valid JSON at byte 7: a string is not valid UTF-8 [{\"b\":\"\xc0\x80\"}]\n"
               "\xc3\xa9\n");
}

TEST(the_change_kind_comes_from_its_member)
{
    check_wanted("a int32", NULL, "op",
                 "{\"op\":\"+U\",\"a\":1}\n{\"a\":2}\n{\"op\":\"x\",\"a\":3}\n",
                 "+U 1\n!2:: the change kind is missing [{\"a\":2}]\n"
                 "!3:: the change kind is not one of \"+I\", \"-U\", \"+U\", \"-D\" "
                 "[{\"op\":\"x\",\"a\":3}]\n");
}

TEST(members_that_nobody_wants_are_checked_for_syntax_alone)
{
    uint8_t wanted[] = {0, 1};
    check_wanted("a int32; b int32", wanted, NULL, "{\"a\":\"x\",\"b\":1}\n{\"a\":x,\"b\":1}\n",
                 "-|1\n!2:: not valid JSON at byte 6: a value is expected [{\"a\":x,\"b\":1}]\n");
}

TEST(deep_nesting_is_refused_without_recursing_into_it)
{
    char line[4096] = "{\"a\":";
    memset(line + 5, '[', 2000);
    strcpy(line + 2005, "\n");
    char *text = read_step("b int32", NULL, NULL, line, strlen(line), 0);
    CHECK_HAS(text, "!1:: not valid JSON at byte 69: arrays and objects nest too deep");
    free(text);
}

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 20) % limit);
}

// 1 if jansson takes the line as an object; -1 if it cannot hold a number of it.
static int jansson_takes(const char *line, size_t size)
{
    json_error_t error;
    json_t *value = json_loadb(line, size, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    int takes =
        value == NULL && strstr(error.text, "overflow") != NULL ? -1 : json_is_object(value);
    json_decref(value);
    return takes;
}

TEST(exactly_the_lines_that_jansson_takes_are_read)
{
    static const char *const seeds[] = {
        "{\"a\":1,\"b\":[true,false,null],\"c\":{\"d\":\"e\\u00e9\"}}",
        "{\"x\":-0.5e-3,\"y\":\"\\ud83d\\ude00\\n\",\"z\":[]}", "{ \"k\" : [ { } , [ 1 , 2 ] ] }"};
    static const char signs[] = "{}[]:,\"\\ 0123eE+-.ntfu\xc3\xa9\x01";
    int taken = 0, refused = 0;
    for (uint32_t i = 0; i < 60000 && !test_has_failed(); i++) {
        char line[128];
        strcpy(line, seeds[random_below(3)]);
        size_t size = strlen(line);
        for (uint32_t n = 1 + random_below(3); n > 0; n--) {
            line[random_below((uint32_t)size)] = signs[random_below(sizeof signs - 1)];
        }
        int expected = jansson_takes(line, size);
        line[size] = '\n';
        char *text = read_step("never int32", NULL, NULL, line, size + 1, 0);
        if (expected >= 0 && (text[0] == '~') != expected) {
            test_fail(__FILE__, __LINE__, "jansson says %d for %.*s, this %s", expected, (int)size,
                      line, text);
        }
        taken += expected == 1;
        refused += expected == 0;
        free(text);
    }
    CHECK(taken > 1000);
    CHECK(refused > 5000);
}
