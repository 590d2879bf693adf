// What a pipeline file becomes: values, order, places, references.
#include <sys/stat.h>

#include "base/diagnostic_json.h"
#include "lua/support.h"

#define BEGIN "local w = require \"weir\"\n"

static json_t *description;
static struct diagnostics diagnostics;

static void describe(const char *source)
{
    write_file("a.lua", source);
    json_decref(description);
    diagnostics_finish(&diagnostics);
    description = describe_file("a.lua", NULL, &diagnostics);
    char *text = printed(&diagnostics);
    CHECK_TEXT(text, "");
    free(text);
}

static json_t *stage(size_t position)
{
    return json_array_get(json_object_get(description, "stages"), position);
}

static void check_json(int line, const json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text != NULL) {
        cut_folder(text);
    }
    test_check_text(__FILE__, line, "the JSON", text == NULL ? "" : text, expected);
    free(text);
}

#define CHECK_JSON(json, expected) check_json(__LINE__, json, expected)

// "line:text", the text being what stands at the place in its file.
static void check_place(int line, const json_t *owner, const char *option, const char *expected)
{
    const json_t *json = option == NULL
                             ? json_object_get(owner, "place")
                             : json_object_get(json_object_get(owner, "option_places"), option);
    struct place place = place_from_json(json);
    char found[512] = "", text[512] = "";
    FILE *file = fopen(place.file == NULL ? "" : place.file, "r");
    for (uint32_t i = 0; file != NULL && i < place.line; i++) {
        text[0] = '\0';
        if (fgets(text, sizeof text, file) == NULL) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    uint32_t column = place.column == 0 || place.column > strlen(text) ? 1 : place.column;
    uint32_t end = place.end < column ? column : place.end;
    snprintf(found, sizeof found, "%u:%.*s", place.line, (int)(end - column), text + column - 1);
    test_check_text(__FILE__, line, option == NULL ? "the place" : option, found, expected);
}

#define CHECK_PLACE(owner, option, expected) check_place(__LINE__, owner, option, expected)

TEST(stages_come_in_order_with_verb_name_and_options)
{
    describe(BEGIN "return w.pipeline \"x\" {\n"
                   "  parallelism = 2,\n"
                   "  w.source \"s\" { use = \"generator.sensors\", rate = 2.0, paced = false },\n"
                   "  w.map.c \"m\" {},\n"
                   "  w.sink \"l\" { use = \"log\", every = 20000 },\n"
                   "}\n");

    CHECK_JSON(json_object_get(description, "name"), "\"x\"");
    CHECK_JSON(json_object_get(description, "file"), "\"a.lua\"");
    CHECK_JSON(json_object_get(description, "options"), "{\"parallelism\":2}");
    CHECK_JSON(json_object_get(description, "resources"), "[]");
    CHECK_INT(json_array_size(json_object_get(description, "stages")), 3);
    CHECK_JSON(json_object_get(stage(0), "options"),
               "{\"paced\":false,\"rate\":2.0,\"use\":\"generator.sensors\"}");
    CHECK_JSON(json_object_get(stage(1), "verb"), "\"map.c\"");
    CHECK_PLACE(stage(1), "use", "5:map.c");
    CHECK_PLACE(stage(2), "use", "6:log");
    CHECK_JSON(json_object_get(stage(1), "options"), "{}");
    CHECK_JSON(json_object_get(stage(2), "verb"), "\"sink\"");
    CHECK_JSON(json_object_get(stage(2), "name"), "\"l\"");
}

TEST(named_columns_come_in_name_order_and_pairs_in_theirs)
{
    describe(BEGIN
             "return w.pipeline \"x\" {\n"
             "  w.map \"a\" { set = { z = \"1\", b = \"2\", m = { n = 3 } } },\n"
             "  w.map \"b\" { set = { { \"z\", \"1\" }, { \"b\", \"2\" } } },\n"
             "  w.map \"c\" { keep = { \"z\", \"b\" }, empty = {}, nested = { { \"a\" } } },\n"
             "}\n");

    CHECK_JSON(json_object_get(stage(0), "options"),
               "{\"set\":{\"map\":[[\"b\",\"2\"],[\"m\",{\"map\":[[\"n\",3]]}],[\"z\",\"1\"]]}}");
    CHECK_JSON(json_object_get(stage(1), "options"),
               "{\"set\":{\"map\":[[\"z\",\"1\"],[\"b\",\"2\"]]}}");
    CHECK_JSON(json_object_get(stage(2), "options"),
               "{\"empty\":[],\"keep\":[\"z\",\"b\"],\"nested\":[[\"a\"]]}");
}

TEST(aggregates_are_values)
{
    describe(BEGIN
             "return w.pipeline \"x\" {\n"
             "  w.window \"a\" { set = {\n"
             "    a = w.count(), b = w.count \"c\", d = w.stddev \"x * 2\",\n"
             "    e = w.first \"s\", f = w.last(\"s\", { by = \"t\" }), g = w.distinct \"k\" } },\n"
             "}\n");

    CHECK_JSON(
        json_object_get(stage(0), "options"),
        "{\"set\":{\"map\":["
        "[\"a\",{\"aggregate\":{\"function\":\"count\",\"argument\":null,\"by\":null}}],"
        "[\"b\",{\"aggregate\":{\"function\":\"count\",\"argument\":\"c\",\"by\":null}}],"
        "[\"d\",{\"aggregate\":{\"function\":\"stddev\",\"argument\":\"x * 2\",\"by\":null}}],"
        "[\"e\",{\"aggregate\":{\"function\":\"first\",\"argument\":\"s\",\"by\":null}}],"
        "[\"f\",{\"aggregate\":{\"function\":\"last\",\"argument\":\"s\",\"by\":\"t\"}}],"
        "[\"g\",{\"aggregate\":{\"function\":\"distinct\",\"argument\":\"k\",\"by\":null}}]]}}");
    CHECK_PLACE(stage(0), "set.d", "4:w.stddev \"x * 2\"");
    CHECK_PLACE(stage(0), "set.d.argument", "4:x * 2");
    CHECK_PLACE(stage(0), "set.f.argument", "5:s");
    CHECK_PLACE(stage(0), "set.f.by", "5:t");
}

TEST(stats_becomes_named_aggregates_in_order)
{
    describe(BEGIN "return w.pipeline \"x\" {\n"
                   "  w.window \"a\" { by = \"k\",\n"
                   "    w.stats { \"t\", \"h\",\n"
                   "      compute = { \"sum\", \"avg\" }, as = \"{column}_{fn}\" },\n"
                   "    w.stats { \"t\", compute = { \"min\" } } },\n"
                   "}\n");

    CHECK_JSON(
        json_object_get(json_object_get(stage(0), "options"), ""),
        "[{\"map\":["
        "[\"t_sum\",{\"aggregate\":{\"function\":\"sum\",\"argument\":\"t\",\"by\":null}}],"
        "[\"t_avg\",{\"aggregate\":{\"function\":\"avg\",\"argument\":\"t\",\"by\":null}}],"
        "[\"h_sum\",{\"aggregate\":{\"function\":\"sum\",\"argument\":\"h\",\"by\":null}}],"
        "[\"h_avg\",{\"aggregate\":{\"function\":\"avg\",\"argument\":\"h\",\"by\":null}}]]},"
        "{\"map\":["
        "[\"min_t\",{\"aggregate\":{\"function\":\"min\",\"argument\":\"t\",\"by\":null}}]]}]");
    CHECK_PLACE(stage(0), ".1", "4:w.stats { \"t\", \"h\",");
    CHECK_PLACE(stage(0), ".1.h_avg.argument", "4:h");
    CHECK_PLACE(stage(0), ".2.min_t.argument", "6:t");
}

TEST(references_are_not_resolved_here)
{
    describe(BEGIN "return w.pipeline \"x\" {\n"
                   "  w.sink \"a\" { url = w.env \"URL\", list = { w.secret \"KEY\" } },\n"
                   "}\n");

    CHECK_JSON(json_object_get(stage(0), "options"),
               "{\"list\":[{\"secret\":\"KEY\"}],\"url\":{\"env\":\"URL\"}}");
}

TEST(what_is_used_as_a_value_is_a_resource_and_listed_once)
{
    describe(BEGIN "local store = w.disk \"fast\" { path = \"/x\" }\n"
                   "local readings = w.table \"iot.readings\" { buckets = 8, on = store }\n"
                   "return w.pipeline \"x\" {\n"
                   "  w.sink \"a\" { use = \"fluss\", table = readings },\n"
                   "  w.source \"b\" { use = \"fluss\", table = readings },\n"
                   "}\n");

    CHECK_JSON(json_object_get(stage(0), "options"),
               "{\"table\":{\"resource\":\"iot.readings\"},\"use\":\"fluss\"}");
    json_t *resources = json_object_get(description, "resources");
    CHECK_INT(json_array_size(resources), 2);
    CHECK_JSON(json_object_get(json_array_get(resources, 0), "name"), "\"fast\"");
    json_t *readings = json_array_get(resources, 1);
    CHECK_JSON(json_object_get(readings, "type"), "\"table\"");
    CHECK_JSON(json_object_get(readings, "options"),
               "{\"buckets\":8,\"on\":{\"resource\":\"fast\"}}");
    CHECK_PLACE(readings, NULL, "3:iot.readings");
    CHECK_PLACE(readings, "buckets", "3:8");
}

TEST(a_stage_handle_stands_for_its_name)
{
    describe(BEGIN "local a = w.source \"a\" { use = \"file\" }\n"
                   "return w.pipeline \"x\" {\n"
                   "  a,\n"
                   "  w.map \"b\" { from = a },\n"
                   "  w.join \"c\" { inputs = { l = a, r = \"b\" } },\n"
                   "  w.union \"d\" { inputs = { a, \"b.rejected\" } },\n"
                   "}\n");

    CHECK_JSON(json_object_get(stage(1), "options"), "{\"from\":{\"stage\":\"a\"}}");
    CHECK_JSON(json_object_get(stage(2), "options"),
               "{\"inputs\":{\"map\":[[\"l\",{\"stage\":\"a\"}],[\"r\",\"b\"]]}}");
    CHECK_JSON(json_object_get(stage(3), "options"),
               "{\"inputs\":[{\"stage\":\"a\"},\"b.rejected\"]}");
}

TEST(lists_of_stages_are_flattened_in_order)
{
    describe(BEGIN "local function pair(i)\n"
                   "  return { w.map(\"m\" .. i) {}, { w.filter(\"f\" .. i) {} } }\n"
                   "end\n"
                   "return w.pipeline \"x\" { pair(1), w.map \"b\" {}, pair(2) }\n");

    const char *names[] = {"m1", "f1", "b", "m2", "f2"};
    CHECK_INT(json_array_size(json_object_get(description, "stages")), 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_TEXT(json_string_value(json_object_get(stage(i), "name")), names[i]);
    }
}

TEST(places_point_at_values_without_their_quotes)
{
    describe(BEGIN "return w.pipeline \"x\" {\n"
                   "  -- w.map \"a\" { where = \"in a comment\" }\n"
                   "  w.map \"a\" { where = \"t > 1\", set = { b = 'x', ['c d'] = [[y]] },\n"
                   "    keep = { \"one\",\n"
                   "      \"two\" }, n = -1, sum = 1 + 2, f = (function() return 1, 2 end)() },\n"
                   "  w.map(\"b\")({ where = \"u\" .. \"v\" }),\n"
                   "}\n");

    CHECK_PLACE(description, NULL, "2:x");
    CHECK_PLACE(stage(0), NULL, "4:a");
    CHECK_PLACE(stage(0), "where", "4:t > 1");
    CHECK_PLACE(stage(0), "where=", "4:where");
    CHECK_PLACE(stage(0), "set", "4:{ b = 'x', ['c d'] = [[y]] }");
    CHECK_PLACE(stage(0), "set.b", "4:x");
    CHECK_PLACE(stage(0), "set.c d", "4:y");
    CHECK_PLACE(stage(0), "keep.1", "5:one");
    CHECK_PLACE(stage(0), "keep.2", "6:two");
    CHECK_PLACE(stage(0), "n", "6:-1");
    CHECK_PLACE(stage(0), "sum", "6:1 + 2");
    CHECK_PLACE(stage(0), "f", "6:(function() return 1, 2 end)()");
    CHECK_PLACE(stage(1), NULL, "7:b");
    CHECK_PLACE(stage(1), "where", "7:\"u\" .. \"v\"");
}

TEST(two_stages_in_one_line_have_places_of_their_own)
{
    describe(BEGIN "return w.pipeline \"x\" { w.map \"a\" { v = 1 }, w.map \"b\" { v = 2 } }\n");

    CHECK_PLACE(stage(0), "v", "2:1");
    CHECK_PLACE(stage(1), "use", "2:map");
    CHECK_PLACE(stage(1), NULL, "2:b");
    CHECK_PLACE(stage(1), "v", "2:2");
}

TEST(computed_options_have_the_place_of_what_computes_them)
{
    describe(BEGIN "local options = { where = \"x\" }\n"
                   "return w.pipeline \"x\" {\n"
                   "  w.map \"a\" (options),\n"
                   "  w.map \"b\" { set = options },\n"
                   "}\n");

    CHECK_PLACE(stage(0), "where", "4:a");
    CHECK_PLACE(stage(1), "set.where", "5:options");
}

TEST(stages_of_functions_name_those_who_called)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s/lib", test_folder());
    mkdir(folder, 0755);
    write_file("lib/site.lua", BEGIN "return function(name)\n"
                                     "  local made = w.filter(name) { where = \"x\" }\n"
                                     "  return made\n"
                                     "end\n");
    describe(BEGIN "local site = require \"lib.site\"\n"
                   "local list = {}\n"
                   "for i = 1, 2 do\n"
                   "  list[i] = site(\"s\" .. i)\n"
                   "end\n"
                   "return w.pipeline \"x\" { list }\n");

    CHECK_JSON(json_object_get(stage(1), "name"), "\"s2\"");
    CHECK_PLACE(stage(1), NULL, "3:name");
    CHECK_PLACE(stage(1), "where", "3:x");
    CHECK_PLACE(stage(1), "use", "3:filter");
    CHECK_JSON(json_object_get(stage(1), "from"), "[{\"file\":\"a.lua\",\"line\":5}]");
    CHECK_JSON(json_object_get(json_object_get(stage(1), "place"), "file"), "\"lib/site.lua\"");
}

TEST(what_the_plan_finds_in_them_names_both_lines)
{
    describe(BEGIN "local function make(name)\n"
                   "  local made = w.filter(name) { where = \"x\" }\n"
                   "  return made\n"
                   "end\n"
                   "return w.pipeline \"x\" { make(\"a\"), w.map \"b\" {} }\n");
    struct diagnostics found = {0};
    diagnostic_set(&diagnostic_add(&found, "W0312", NULL, "one")->stage, "a");
    diagnostic_set(&diagnostic_add(&found, "W0312", NULL, "two")->stage, "b");
    diagnostic_add(&found, "W0312", NULL, "three");

    lua_note_callers(description, &found);

    char *text = printed(&found);
    CHECK_TEXT(text, "error[W0312]: one\n --> stage `a`\n  = note: called from a.lua:6\n"
                     "\nerror[W0312]: two\n --> stage `b`\n"
                     "\nerror[W0312]: three\n");
    free(text);
    diagnostics_finish(&found);
}

TEST(two_runs_give_the_same_description)
{
    describe(BEGIN
             "return w.pipeline \"x\" { w.map \"a\" { a = 1, b = 2, c = 3, d = { e = 4, f = 5 } } "
             "}\n");
    struct diagnostics none = {0};
    json_t *again = describe_file("a.lua", NULL, &none);

    char *one = json_dumps(description, 0), *other = json_dumps(again, 0);
    CHECK_TEXT(other, one);
    free(one);
    free(other);
    json_decref(again);
}

TEST(the_hash_is_of_what_is_said_and_not_of_where)
{
    describe(BEGIN "return w.pipeline \"x\" { w.map \"a\" { a = 1, b = 2 } }\n");
    uint64_t hash = lua_description_hash(description);
    CHECK(hash == 0x1ce52e0b8e7c199fu);
    describe(BEGIN "\n\nreturn w.pipeline \"x\" {\n  w.map \"a\" { b = 2, a = 1 } }\n");
    CHECK(lua_description_hash(description) == hash);
    describe(BEGIN "return w.pipeline \"x\" { w.map \"a\" { a = 1, b = 3 } }\n");
    CHECK(lua_description_hash(description) != hash);
}

TEST(what_lua_needs_for_building_lists_is_there)
{
    describe(
        "#!/usr/bin/env weir\n" BEGIN "local names = {}\n"
        "for name in (\"b,a,c\"):gmatch \"%w\" do names[#names + 1] = name:upper() end\n"
        "table.sort(names)\n"
        "local ok, message = pcall(function() error({ 1 }) end)\n"
        "assert(not ok and message[1] == 1)\n"
        "assert(select(2, xpcall(error, function(m) return m .. \"!\" end, \"x\")) == \"x!\")\n"
        "assert(load(\"return ...\")(7) == 7 and load(\"(\") == nil)\n"
        "assert(load(\"return x\", \"c\", \"t\", { x = 3 })() == 3)\n"
        "assert(math.floor(2.5) == 2 and utf8.char(228) == \"\\u{e4}\")\n"
        "assert(require \"weir\" == w and tostring(w) ~= nil)\n"
        "return w.pipeline \"x\" { w.map \"a\" { keep = names, n = string.format(\"%d\", 3) } }\n");
    CHECK_JSON(json_object_get(stage(0), "options"), "{\"keep\":[\"A\",\"B\",\"C\"],\"n\":\"3\"}");
}
