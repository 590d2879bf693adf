#include "host/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"
#include "weir/expression.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const orders[] = {"random", "round_robin", NULL};
static const struct weir_option descriptors[] = {
    {.name = "paced", .summary = "Keep time", .type = WEIR_OPTION_BOOL, .initial = "true"},
    {.name = "rows",
     .summary = "Rows",
     .type = WEIR_OPTION_INT,
     .unit = "rows",
     .min = 1,
     .max = 4096},
    {.name = "share", .summary = "Share", .type = WEIR_OPTION_FLOAT, .min = 0, .max = INFINITY},
    {.name = "path", .summary = "Path", .type = WEIR_OPTION_STRING},
    {.name = "every",
     .summary = "Time",
     .type = WEIR_OPTION_DURATION,
     .flags = WEIR_OPTION_MONTHS,
     .initial = "\"1m\"",
     .min = 1000,
     .max = 86400e6},
    {.name = "wait", .summary = "Time", .type = WEIR_OPTION_DURATION},
    {.name = "buffer", .summary = "Size", .type = WEIR_OPTION_BYTES, .min = 1024, .max = 1 << 20},
    {.name = "order",
     .summary = "Order",
     .type = WEIR_OPTION_ENUM,
     .choices = orders,
     .initial = "random"},
    {.name = "key", .summary = "Key", .type = WEIR_OPTION_COLUMN},
    {.name = "keep", .summary = "Columns", .type = WEIR_OPTION_COLUMNS},
    {.name = "where",
     .summary = "Condition",
     .type = WEIR_OPTION_EXPRESSION,
     .element = WEIR_TYPE_BOOL},
    {.name = "set",
     .summary = "New columns",
     .type = WEIR_OPTION_MAP,
     .element = WEIR_OPTION_EXPRESSION},
    {.name = "compute", .summary = "Aggregates", .type = WEIR_OPTION_AGGREGATES},
    {.name = "table", .summary = "Table", .type = WEIR_OPTION_RESOURCE},
    {.name = "files",
     .summary = "Files",
     .type = WEIR_OPTION_LIST,
     .element = WEIR_OPTION_STRING,
     .initial = "{ \"a\", 'b' }"},
    {.name = "columns", .summary = "Columns", .type = WEIR_OPTION_SCHEMA},
    {.name = "old",
     .summary = "use rows",
     .type = WEIR_OPTION_INT,
     .flags = WEIR_OPTION_DEPRECATED},
};

static const struct weir_field fields[] = {{"id", {WEIR_TYPE_INT32, 0, 0, 0, 0}},
                                           {"value", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
                                           {"name", {WEIR_TYPE_STRING, 0, 0, 1, 0}}};
static const struct weir_schema schema = {sizeof schema, 3, fields};
static const struct weir_schema *const inputs[] = {&schema};

static const char *reference(void *owner, const char *kind, const char *name)
{
    (void)owner;
    return strcmp(kind, "env") == 0 && strcmp(name, "ROWS") == 0      ? "12"
           : strcmp(kind, "secret") == 0 && strcmp(name, "PATH") == 0 ? "12"
                                                                      : NULL;
}

static struct options *make(const char *json, const char *places, struct diagnostics *diagnostics)
{
    static const char *const others[] = {"use", "from", NULL};
    json_error_t error;
    json_t *values = json_loads(json, 0, &error),
           *where = places != NULL ? json_loads(places, 0, &error) : NULL;
    if (values == NULL) {
        test_fail(__FILE__, __LINE__, "%s: %s", json, error.text);
    }
    struct options *options =
        options_create(&(struct options_request){.descriptors = descriptors,
                                                 .descriptor_count = COUNT(descriptors),
                                                 .values = values,
                                                 .places = where,
                                                 .owner = "operator `trial`",
                                                 .stage = "first",
                                                 .place = {(char *)"a.lua", 3, 0, 0},
                                                 .others = others,
                                                 .reference = reference},
                       diagnostics);
    json_decref(values);
    json_decref(where);
    return options;
}

// What is wrong with these options, a line each: "code: message; available; help".
static const char *complaints(const char *json)
{
    static char text[4096];
    struct diagnostics diagnostics = {0};
    struct options *options = make(json, NULL, &diagnostics);
    text[0] = '\0';
    if (options != NULL) {
        options_resolve(options, inputs, 1, &diagnostics);
    }
    for (const struct diagnostic *at = diagnostics.first; at != NULL; at = at->next) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s: %s%s%s%s%s", used > 0 ? "\n" : "",
                 at->code, at->message, at->available != NULL ? "; " : "",
                 at->available != NULL ? at->available : "", at->help != NULL ? "; " : "",
                 at->help != NULL ? at->help : "");
    }
    diagnostics_finish(&diagnostics);
    options_destroy(options);
    return text;
}

TEST(defaults_are_filled_in)
{
    struct diagnostics diagnostics = {0};
    struct options *options = make("{}", NULL, &diagnostics);
    REQUIRE(options != NULL);
    CHECK_INT(options_find(options, "paced")->as.integer, 1);
    CHECK_INT(options_find(options, "rows")->type, WEIR_VALUE_NONE);
    CHECK_INT(options_find(options, "every")->as.integer, 60000000);
    CHECK_INT(options_find(options, "order")->choice, 0);
    const struct weir_value *files = options_find(options, "files");
    CHECK_INT(files->count, 2);
    CHECK_TEXT(files->as.items[0].as.string, "a");
    CHECK_TEXT(files->as.items[1].as.string, "b");
    CHECK(options_find(options, "nothing") == NULL);
    options_destroy(options);
}

TEST(values_are_typed_by_their_descriptors)
{
    struct diagnostics diagnostics = {0};
    struct options *options =
        make("{\"paced\": false, \"rows\": 2e3, \"share\": 1, \"path\": \"x\", \"every\": \"2 "
             "months\", \"wait\": \"1.5s\", \"buffer\": \"64KiB\", \"order\": \"round_robin\", "
             "\"table\": {\"resource\": \"readings\"}, \"files\": \"one\", "
             "\"columns\": [\"id int64 not null\", \"n decimal(10,2)\"], \"from\": 3}",
             NULL, &diagnostics);
    REQUIRE(options != NULL);
    CHECK_INT(options_find(options, "paced")->type, WEIR_VALUE_BOOL);
    CHECK_INT(options_find(options, "paced")->as.integer, 0);
    CHECK_INT(options_find(options, "rows")->as.integer, 2000);
    CHECK_FLOAT(options_find(options, "share")->as.number, 1);
    CHECK_INT(options_find(options, "path")->count, 1);
    CHECK_INT(options_find(options, "every")->type, WEIR_VALUE_MONTHS);
    CHECK_INT(options_find(options, "every")->as.integer, 2);
    CHECK_INT(options_find(options, "wait")->as.integer, 1500000);
    CHECK_INT(options_find(options, "buffer")->as.integer, 65536);
    CHECK_INT(options_find(options, "order")->choice, 1);
    CHECK_TEXT(options_find(options, "order")->as.string, "round_robin");
    CHECK_INT(options_find(options, "table")->type, WEIR_VALUE_RESOURCE);
    CHECK_TEXT(options_find(options, "table")->as.string, "readings");
    CHECK_INT(options_find(options, "files")->count, 1);
    const struct weir_value *columns = options_find(options, "columns");
    CHECK_INT(columns->count, 2);
    CHECK_TEXT(columns->as.items[0].name, "id");
    CHECK_INT(columns->as.items[0].as.field.nullable, 0);
    CHECK_INT(columns->as.items[1].as.field.id, WEIR_TYPE_DECIMAL);
    CHECK_INT(columns->as.items[1].as.field.scale, 2);
    options_destroy(options);
}

TEST(all_that_is_wrong_is_told_at_once)
{
    CHECK_TEXT(complaints("{\"rows\": 0, \"orde\": 1, \"path\": true, \"wait\": \"soon\"}"),
               "W0201: operator `trial` has no option `orde`; paced, rows, share, path, every, "
               "wait, buffer, order, key, keep, where, set, compute, table, files, columns, old, "
               "use, from; did you mean `order`?\n"
               "W0203: option `rows` is 0, but must be from 1 to 4096 rows\n"
               "W0202: option `path` must be text, not true\n"
               "W0206: option `wait` must be a duration like \"250ms\", \"30s\", \"5m\", \"2h\" or "
               "\"7d\", not \"soon\"");
}

TEST(each_mistake_has_its_sentence)
{
    CHECK_TEXT(complaints("{\"rows\": 1.5}"),
               "W0202: option `rows` must be a whole number, not the number 1.5");
    CHECK_TEXT(complaints("{\"share\": -1}"),
               "W0203: option `share` is -1, but must be at least 0");
    CHECK_TEXT(complaints("{\"every\": \"2d\"}"),
               "W0203: option `every` is 2d, but must be from 1ms to 1d");
    CHECK_TEXT(complaints("{\"every\": 5}"), "W0202: option `every` must be a duration like "
                                             "\"250ms\", \"30s\", \"5m\", \"2h\" or \"7d\", not "
                                             "the number 5");
    CHECK_TEXT(complaints("{\"wait\": \"month\"}"),
               "W0206: option `wait` cannot be counted in months");
    CHECK_TEXT(complaints("{\"buffer\": \"4GB\"}"),
               "W0203: option `buffer` is 3.7 GiB, but must be from 1.0 KiB to 1.0 MiB");
    CHECK_TEXT(complaints("{\"order\": \"randm\"}"),
               "W0204: option `order` cannot be \"randm\"; random, round_robin; did you mean "
               "`random`?");
    CHECK_TEXT(complaints("{\"key\": \"nam\"}"),
               "W0312: column `nam` does not exist; id, value, name; did you mean `name`?");
    CHECK_TEXT(complaints("{\"keep\": [\"id\", 7]}"),
               "W0202: option `keep.2` must be the name of a column, not the number 7");
    CHECK_TEXT(complaints("{\"table\": \"readings\"}"),
               "W0202: option `table` must be a resource that the pipeline declares, not the text "
               "\"readings\"");
    CHECK_TEXT(complaints("{\"set\": [1]}"), "W0202: option `set` must be a table of names, like "
                                             "{ name = ... }, not a list");
    CHECK_HAS(complaints("{\"columns\": [\"id int46\"]}"),
              "W0206: column `id`: there is no type `int46`");
    CHECK_TEXT(complaints("{\"\": [1]}"), "W0202: option `.1` must be aggregates by name, like { "
                                          "total = w.sum \"x\" }, not the number 1");
    CHECK_TEXT(complaints("{\"path\": {\"env\": \"NOWHERE\"}}"),
               "W0207: option `path` refers to the environment variable NOWHERE, which is not "
               "set; set it where the pipeline runs: NOWHERE=... weir run");
    CHECK_TEXT(complaints("{\"old\": 3}"), "W0208: option `old` is deprecated: use rows");
}

TEST(references_are_resolved_and_typed)
{
    struct diagnostics diagnostics = {0};
    struct options *options = make(
        "{\"rows\": {\"env\": \"ROWS\"}, \"path\": {\"secret\": \"PATH\"}}", NULL, &diagnostics);
    REQUIRE(options != NULL);
    CHECK_INT(options_find(options, "rows")->as.integer, 12);
    CHECK_TEXT(options_find(options, "path")->as.string, "12");
    options_destroy(options);
}

TEST(columns_expressions_and_aggregates_meet_the_schema)
{
    struct diagnostics diagnostics = {0};
    struct options *options = make(
        "{\"key\": \"name\", \"keep\": [\"value\", \"id\"], \"where\": \"value > 1\", "
        "\"set\": {\"map\": [[\"twice\", \"value * 2\"], [\"one\", \"1\"]]}, "
        "\"\": [{\"map\": [[\"sum_value\", {\"aggregate\": {\"function\": \"sum\", \"argument\": "
        "\"value\", \"by\": null}}]]}], "
        "\"compute\": {\"map\": [[\"n\", {\"aggregate\": {\"function\": \"count\", \"argument\": "
        "null, \"by\": null}}], [\"last\", {\"aggregate\": {\"function\": \"last\", \"argument\": "
        "\"name\", \"by\": \"id\"}}]]}}",
        NULL, &diagnostics);
    REQUIRE(options != NULL);
    CHECK_INT(options_find(options, "key")->column, -1);
    for (int i = 0; i < 2; i++) {
        REQUIRE(options_resolve(options, inputs, 1, &diagnostics) == 0);
        CHECK_INT(options_find(options, "key")->column, 2);
        CHECK_INT(options_find(options, "keep")->as.items[0].column, 1);
        CHECK_INT(options_find(options, "keep")->as.items[1].column, 0);
        CHECK_INT(options_find(options, "where")->as.expression->type.id, WEIR_TYPE_BOOL);
        const struct weir_value *set = options_find(options, "set");
        CHECK_TEXT(set->as.items[0].name, "twice");
        CHECK_TEXT(set->as.items[0].as.expression->text, "value * 2");
        CHECK_INT(set->as.items[1].as.expression->is_constant, 1);
        const struct weir_value *compute = options_find(options, "compute");
        REQUIRE(compute->count == 3);
        CHECK_TEXT(compute->as.items[0].as.aggregate->name, "sum_value");
        CHECK_INT(compute->as.items[0].as.aggregate->type.id, WEIR_TYPE_FLOAT64);
        CHECK(compute->as.items[1].as.aggregate->argument == NULL);
        CHECK_INT(compute->as.items[1].as.aggregate->type.id, WEIR_TYPE_INT64);
        CHECK_INT(compute->as.items[2].as.aggregate->by->column, 0);
    }
    options_destroy(options);
}

TEST(a_source_resolves_columns_itself)
{
    struct diagnostics diagnostics = {0};
    struct options *options = make("{\"key\": \"anything\"}", NULL, &diagnostics);
    REQUIRE(options != NULL);
    CHECK_INT(options_resolve(options, NULL, 0, &diagnostics), 0);
    CHECK_INT(options_find(options, "key")->column, -1);
    options_destroy(options);
}

TEST(the_caret_stands_inside_the_text)
{
    struct diagnostics diagnostics = {0};
    struct options *options =
        make("{\"set\": {\"map\": [[\"temp\", \"1 + valu * 2\"]]}}",
             "{\"set\": {\"file\": \"a.lua\", \"line\": 12, \"column\": 5},"
             " \"set.temp\": {\"file\": \"a.lua\", \"line\": 12, \"column\": 23, \"end\": 35}}",
             &diagnostics);
    REQUIRE(options != NULL);
    CHECK(options_resolve(options, inputs, 1, &diagnostics) != 0);
    REQUIRE(diagnostics.first != NULL);
    CHECK_INT(diagnostics.first->place.line, 12);
    CHECK_INT(diagnostics.first->place.column, 27);
    CHECK_INT(diagnostics.first->place.end, 31);
    CHECK_TEXT(diagnostics.first->option, "set.temp");
    CHECK_TEXT(diagnostics.first->stage, "first");
    CHECK_INT(options_place(options, "set")->column, 5);
    CHECK_INT(options_place(options, "rows")->line, 3);
    diagnostics_finish(&diagnostics);
    options_destroy(options);
}

TEST(literals_are_those_of_a_pipeline)
{
    static const struct {
        const char *text, *json;
    } cases[] = {{"2", "2"},
                 {"-2.5", "-2.5"},
                 {"true", "true"},
                 {"\"1m\"", "\"1m\""},
                 {"'a \"b\"'", "\"a \\\"b\\\"\""},
                 {"{ 1, \"b\", {} }", "[1, \"b\", []]"},
                 {"{ a = 1, b = { 'c' } }", "{\"map\": [[\"a\", 1], [\"b\", [\"c\"]]]}"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *value = options_literal(cases[i].text);
        char *json = json_dumps(value, JSON_ENCODE_ANY);
        CHECK_TEXT(json, cases[i].json);
        free(json);
        json_decref(value);
    }
    const char *const no_literals[] = {"", "1m", "abc", "{1", "\"a", "1 2", "truely", "{ a = }"};
    for (size_t i = 0; i < COUNT(no_literals); i++) {
        CHECK(options_literal(no_literals[i]) == NULL);
    }
}

TEST(bare_text_is_read_as_the_option_wants_it)
{
    static const struct {
        size_t option;
        const char *text, *json;
    } cases[] = {{1, "12", "12"},          {3, "12", "\"12\""},
                 {4, "5m", "\"5m\""},      {6, "4096", "4096"},
                 {0, "true", "true"},      {7, "random", "\"random\""},
                 {14, "{'a'}", "[\"a\"]"}, {10, "value > 1", "\"value > 1\""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *value = options_from_text(&descriptors[cases[i].option], cases[i].text);
        char *json = json_dumps(value, JSON_ENCODE_ANY);
        CHECK_TEXT(json, cases[i].json);
        free(json);
        json_decref(value);
    }
}
