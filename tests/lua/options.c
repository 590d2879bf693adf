// Options of one operator, as the test kit gives them.
#include "lua/support.h"

static void check_options(int line, const char *text, const char *expected)
{
    struct error error = {0};
    json_t *options = lua_options(text, &error);
    char *json = options == NULL ? strdup(error.text) : json_dumps(options, JSON_COMPACT);
    test_check_text(__FILE__, line, text, json, expected);
    free(json);
    json_decref(options);
}

#define CHECK_OPTIONS(text, expected) check_options(__LINE__, text, expected)

TEST(options_are_the_inside_of_a_table)
{
    CHECK_OPTIONS("where = 'value >= 10', every = 3", "{\"every\":3,\"where\":\"value >= 10\"}");
    CHECK_OPTIONS("", "{}");
    CHECK_OPTIONS("keep = { 'a', 'b' }, -- a comment", "{\"keep\":[\"a\",\"b\"]}");
}

TEST(aggregates_are_at_hand)
{
    CHECK_OPTIONS("set = { n = w.count() }, w.stats { 't', compute = { 'sum' } }",
                  "{\"\":[{\"map\":[[\"sum_t\",{\"aggregate\":{\"function\":\"sum\",\"argument\":"
                  "\"t\",\"by\":null}}]]}],\"set\":{\"map\":[[\"n\",{\"aggregate\":{\"function\":"
                  "\"count\",\"argument\":null,\"by\":null}}]]}}");
}

TEST(a_resource_is_a_reference)
{
    CHECK_OPTIONS("table = w.table 'a.b' {}", "{\"table\":{\"resource\":\"a.b\"}}");
}

TEST(mistakes_are_told)
{
    CHECK_OPTIONS("where = ", "options: syntax error: unexpected symbol near '}'");
    CHECK_OPTIONS("a = print", "options: a function cannot be the value of an option");
    CHECK_OPTIONS("a = b", "options: unknown name `b`");
    CHECK_OPTIONS("a = (function() while true do end end)()",
                  "options: the file did not end within 2000000 instructions");
    CHECK_OPTIONS("a = require 'b'", "options: require: `b` is not the name of a module of this "
                                     "project");
}
