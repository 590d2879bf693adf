// What is said about each mistake in a pipeline file, to the letter.
#include "lua/support.h"

TEST(a_syntax_error_names_line_and_word)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"a\" { where = \"x\" },\n"
                  "  w.map \"b\" where = \"x\" },\n"
                  "}\n",
                  "error[W0102]: syntax error: '}' expected (to close '{' at line 2) near 'where'\n"
                  " --> a.lua:4:13\n"
                  "  |\n"
                  "4 |   w.map \"b\" where = \"x\" },\n"
                  "  |             ^^^^^\n"
                  "  = help: is a comma or a `{` missing before it?\n");
}

TEST(a_table_that_is_not_closed_names_where_it_began)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"a\" {\n",
                  "error[W0102]: syntax error: unexpected symbol near <eof>\n"
                  " --> a.lua:4\n");
}

TEST(an_unknown_global_name_is_an_error)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  filter \"a\" { where = \"x\" },\n"
                  "}\n",
                  "error[W0109]: unknown name `filter`\n"
                  " --> a.lua:3:3\n"
                  "  |\n"
                  "3 |   filter \"a\" { where = \"x\" },\n"
                  "  |   ^^^^^^\n"
                  "  = help: declare it with `local`; stages are made by `w.filter`\n");
}

TEST(an_unknown_name_near_a_local_one_is_suggested)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local readings = w.table \"r\" {}\n"
                  "local other = reading\n",
                  "error[W0109]: unknown name `reading`\n"
                  " --> a.lua:3:15\n"
                  "  |\n"
                  "3 | local other = reading\n"
                  "  |               ^^^^^^^\n"
                  "  = help: did you mean `readings`?\n");
}

TEST(an_unknown_library_function_is_suggested)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local s = string.uper(\"x\")\n",
                  "error[W0109]: unknown name `string.uper`\n"
                  " --> a.lua:2:18\n"
                  "  |\n"
                  "2 | local s = string.uper(\"x\")\n"
                  "  |                  ^^^^\n"
                  "  = help: did you mean `string.upper`?\n");
}

TEST(names_of_lua_that_are_left_out_say_why)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local t = os.time()\n",
                  "error[W0109]: `os` does not exist in pipeline files\n"
                  " --> a.lua:2:11\n"
                  "  |\n"
                  "2 | local t = os.time()\n"
                  "  |           ^^\n"
                  "  = help: a pipeline file only describes, and the same each time: it has no "
                  "files, programs, clocks or random numbers\n");
}

TEST(random_numbers_are_left_out)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local t = math.random(3)\n",
                  "error[W0109]: `math.random` does not exist in pipeline files\n"
                  " --> a.lua:2:16\n"
                  "  |\n"
                  "2 | local t = math.random(3)\n"
                  "  |                ^^^^^^\n"
                  "  = help: a pipeline file only describes, and the same each time: it has no "
                  "files, programs, clocks or random numbers\n");
}

TEST(globals_are_read_only)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "stages = {}\n",
                  "error[W0110]: `stages` cannot be set: all global names are read-only\n"
                  " --> a.lua:2:1\n"
                  "  |\n"
                  "2 | stages = {}\n"
                  "  | ^^^^^^\n"
                  "  = help: write `local stages = ...`\n");
}

TEST(libraries_are_read_only)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "string.upper = nil\n",
                  "error[W0110]: `string.upper` cannot be set: all global names are read-only\n"
                  " --> a.lua:2:8\n"
                  "  |\n"
                  "2 | string.upper = nil\n"
                  "  |        ^^^^^\n");
}

TEST(load_refuses_bytecode)
{
    CHECK_PRINTED("local f = load(\"\\27Lua\")\n",
                  "error[W0103]: load was given bytecode; only Lua text is read\n"
                  " --> a.lua:1\n"
                  "  |\n"
                  "1 | local f = load(\"\\27Lua\")\n"
                  "  = help: keep the Lua text instead\n");
}

TEST(an_error_of_the_file_keeps_its_message)
{
    CHECK_PRINTED("local function check(n)\n"
                  "  error(\"no such zone: \" .. n)\n"
                  "end\n"
                  "check(\"north\")\n",
                  "error[W0111]: no such zone: north\n"
                  " --> a.lua:2\n"
                  "  |\n"
                  "2 |   error(\"no such zone: \" .. n)\n"
                  "  = note: called from a.lua:4\n");
}

TEST(an_error_that_is_no_text_is_reported)
{
    CHECK_PRINTED("error({})\n", "error[W0111]: an error was raised that is no text\n"
                                 " --> a.lua:1\n"
                                 "  |\n"
                                 "1 | error({})\n");
}

TEST(a_field_of_nil_names_the_field_and_both_lines)
{
    CHECK_PRINTED("local function f(site) return site.zone.name end\n"
                  "local t = { name = f({}) }\n",
                  "error[W0111]: attempt to index a nil value (field 'zone')\n"
                  " --> a.lua:1:36\n"
                  "  |\n"
                  "1 | local function f(site) return site.zone.name end\n"
                  "  |                                    ^^^^\n"
                  "  = note: called from a.lua:2\n");
}

TEST(endless_recursion_is_reported_as_such)
{
    CHECK_PRINTED("local function f() return f() + 1 end\n"
                  "f()\n",
                  "error[W0111]: functions call each other without end (stack overflow)\n"
                  " --> a.lua:1\n"
                  "  |\n"
                  "1 | local function f() return f() + 1 end\n");
}

TEST(finalizers_are_refused)
{
    CHECK_PRINTED("setmetatable({}, { __gc = print })\n",
                  "error[W0111]: a pipeline file has no finalizers (__gc)\n"
                  " --> a.lua:1\n"
                  "  |\n"
                  "1 | setmetatable({}, { __gc = print })\n");
}

TEST(require_finds_no_file_outside_the_project)
{
    CHECK_PRINTED("require \"../secret\"\n",
                  "error[W0112]: require: `../secret` is not the name of a module of this project\n"
                  " --> a.lua:1\n"
                  "  |\n"
                  "1 | require \"../secret\"\n"
                  "  = help: write the path below the pipeline file's folder with dots: require "
                  "\"families.sensors\"\n");
}

TEST(require_names_the_file_that_is_missing)
{
    CHECK_PRINTED(
        "require \"families.sensors\"\n",
        "error[W0112]: require: cannot read families/sensors.lua: No such file or directory\n"
        " --> a.lua:1\n"
        "  |\n"
        "1 | require \"families.sensors\"\n"
        "  = help: require finds files of the pipeline's project only\n");
}

TEST(files_that_require_each_other_are_refused)
{
    write_file("b.lua", "return require \"c\"\n");
    write_file("c.lua", "return require \"b\"\n");
    CHECK_PRINTED(
        "require \"b\"\n",
        "error[W0112]: require: `b` is being loaded already: files require each other in a circle\n"
        " --> c.lua:1:17\n"
        "  |\n"
        "1 | return require \"b\"\n"
        "  |                 ^\n"
        "  = help: move what both need into a third file\n"
        "  = note: called from b.lua:1\n"
        "  = note: called from a.lua:1\n");
}

TEST(a_syntax_error_of_a_required_file_names_both_lines)
{
    write_file("b.lua", "return {\n"
                        "  1 2\n"
                        "}\n");
    CHECK_PRINTED("local b = 1\n"
                  "local c = require \"b\"\n",
                  "error[W0102]: syntax error: '}' expected (to close '{' at line 1) near '2'\n"
                  " --> b.lua:2\n"
                  "  |\n"
                  "2 |   1 2\n"
                  "  = help: is a comma or a `{` missing before it?\n"
                  "  = note: required from a.lua:2\n");
}

TEST(a_file_that_returns_nothing_is_no_pipeline)
{
    CHECK_PRINTED("local w = require \"weir\"\n",
                  "error[W0113]: the file returns nothing, not a pipeline\n"
                  " --> a.lua\n"
                  "  = help: end the file with: return w.pipeline \"name\" { ... }\n");
}

TEST(a_file_that_returns_a_table_is_no_pipeline)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return { w.map \"a\" {} }\n",
                  "error[W0113]: the file returns a table, not a pipeline\n"
                  " --> a.lua\n"
                  "  = help: end the file with: return w.pipeline \"name\" { ... }\n");
}

TEST(a_second_pipeline_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local a = w.pipeline \"a\" { w.map \"m\" {} }\n"
                  "return w.pipeline \"b\" { w.map \"n\" {} }\n",
                  "error[W0113]: `b` is a second pipeline; a file describes one\n"
                  " --> a.lua:3:20\n"
                  "  |\n"
                  "3 | return w.pipeline \"b\" { w.map \"n\" {} }\n"
                  "  |                    ^\n"
                  "  = help: write a file for each\n");
}

TEST(a_pipeline_without_stages_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {}\n",
                  "error[W0117]: the pipeline has no stages\n"
                  " --> a.lua:2:20\n"
                  "  |\n"
                  "2 | return w.pipeline \"x\" {}\n"
                  "  |                    ^\n");
}

TEST(a_stage_without_a_name_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.filter { where = \"x\" },\n"
                  "}\n",
                  "error[W0114]: `w.filter` needs a name before its table, not a table\n"
                  " --> a.lua:3:5\n"
                  "  |\n"
                  "3 |   w.filter { where = \"x\" },\n"
                  "  |     ^^^^^^\n"
                  "  = help: write w.filter \"name\" { ... }\n");
}

TEST(a_bad_name_is_refused)
{
    CHECK_PRINTED(
        "local w = require \"weir\"\n"
        "return w.pipeline \"x\" {\n"
        "  w.filter \"a b\" { where = \"x\" },\n"
        "}\n",
        "error[W0114]: `a b` cannot be the name of a stage or resource\n"
        " --> a.lua:3:13\n"
        "  |\n"
        "3 |   w.filter \"a b\" { where = \"x\" },\n"
        "  |             ^^^\n"
        "  = help: a name has 1 to 100 letters, digits, `_`, `-` and, for resources, `.`\n");
}

TEST(the_name_of_a_stage_has_no_dots)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.filter \"a.b\" { where = \"x\" },\n"
                  "}\n",
                  "error[W0114]: the name of a stage has no dots: `a.b`\n"
                  " --> a.lua:3:13 (stage `a.b`)\n"
                  "  |\n"
                  "3 |   w.filter \"a.b\" { where = \"x\" },\n"
                  "  |             ^^^\n"
                  "  = help: \"stage.output\" names an output of a stage\n");
}

TEST(a_stage_takes_a_table)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.filter \"a\" \"value > 3\",\n"
                  "}\n",
                  "error[W0115]: `a` needs a table of options, not text\n"
                  " --> a.lua:3:13\n"
                  "  |\n"
                  "3 |   w.filter \"a\" \"value > 3\",\n"
                  "  |             ^\n"
                  "  = help: write its options in braces: { ... }, or {} for none\n");
}

TEST(the_table_of_a_stage_follows_its_name)
{
    CHECK_PRINTED(
        "local w = require \"weir\"\n"
        "return w.pipeline \"x\" {\n"
        "  w.filter(\"a\", { where = \"x\" }),\n"
        "}\n",
        "error[W0115]: `w.filter` takes the name alone; the table follows in a call of its own\n"
        " --> a.lua:3:5\n"
        "  |\n"
        "3 |   w.filter(\"a\", { where = \"x\" }),\n"
        "  |     ^^^^^^\n"
        "  = help: write w.filter \"name\" { ... }\n");
}

TEST(a_stage_without_its_table_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.filter \"a\",\n"
                  "}\n",
                  "error[W0115]: item 1 of the pipeline is `a` (without its table)\n"
                  " --> a.lua:3:3\n"
                  "  |\n"
                  "3 |   w.filter \"a\",\n"
                  "  |   ^^^^^^^^^^^^\n"
                  "  = help: a table of options follows the name: { ... }, or {}\n");
}

TEST(an_unknown_option_of_the_pipeline_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  paralelism = 2,\n"
                  "  w.map \"a\" {},\n"
                  "}\n",
                  "error[W0116]: a pipeline has no option `paralelism`\n"
                  " --> a.lua:3:3 (option `paralelism`)\n"
                  "  |\n"
                  "3 |   paralelism = 2,\n"
                  "  |   ^^^^^^^^^^\n"
                  "  = available: parallelism, checkpoint\n"
                  "  = help: did you mean `parallelism`?\n");
}

TEST(an_item_that_is_nil_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local function make() w.map \"a\" {} end\n"
                  "return w.pipeline \"x\" {\n"
                  "  make(), w.map \"b\" {},\n"
                  "}\n",
                  "error[W0117]: item 1 of the pipeline is nil, not a stage\n"
                  " --> a.lua:4:3\n"
                  "  |\n"
                  "4 |   make(), w.map \"b\" {},\n"
                  "  |   ^^^^^^\n"
                  "  = help: did a function that makes it forget its return?\n");
}

TEST(an_item_that_is_no_stage_is_refused)
{
    CHECK_PRINTED(
        "local w = require \"weir\"\n"
        "return w.pipeline \"x\" {\n"
        "  { w.map \"a\" {}, { \"b\" } },\n"
        "  w.sum \"x\",\n"
        "}\n",
        "error[W0117]: item 1.2.1 of the pipeline is text, not a stage\n"
        " --> a.lua:3:22\n"
        "  |\n"
        "3 |   { w.map \"a\" {}, { \"b\" } },\n"
        "  |                      ^\n"
        "  = help: items are stages: w.NAME \"name\" { ... }, or lists of stages\n"
        "\n"
        "error[W0117]: item 2 of the pipeline is an operator, aggregate or reference, not a stage\n"
        " --> a.lua:4:3\n"
        "  |\n"
        "4 |   w.sum \"x\",\n"
        "  |   ^^^^^^^^^\n"
        "  = help: items are stages: w.NAME \"name\" { ... }, or lists of stages\n");
}

TEST(two_stages_of_one_name_are_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"a\" {},\n"
                  "  w.filter \"a\" { where = \"x\" },\n"
                  "}\n",
                  "error[W0118]: two stages are called `a`\n"
                  " --> a.lua:4:13 (stage `a`)\n"
                  "  |\n"
                  "4 |   w.filter \"a\" { where = \"x\" },\n"
                  "  |             ^\n"
                  "  = help: give one of them another name\n"
                  "  = note: the other is at a.lua:3\n");
}

TEST(a_stage_used_twice_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local a = w.map \"a\" {}\n"
                  "return w.pipeline \"x\" {\n"
                  "  a,\n"
                  "  w.map \"b\" {},\n"
                  "  { a },\n"
                  "}\n",
                  "error[W0119]: stage `a` stands in the pipeline twice\n"
                  " --> a.lua:6:5\n"
                  "  |\n"
                  "6 |   { a },\n"
                  "  |     ^\n"
                  "  = help: another stage reads the same rows by from = \"...\"\n");
}

TEST(two_resources_of_one_name_are_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local a = w.table \"r\" {}\n"
                  "local b = w.table \"r\" { buckets = 2 }\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.sink \"s\" { use = \"fluss\", table = a },\n"
                  "  w.sink \"t\" { use = \"fluss\", table = b },\n"
                  "}\n",
                  "error[W0120]: two resources are called `r`\n"
                  " --> a.lua:3:20 (stage `r`)\n"
                  "  |\n"
                  "3 | local b = w.table \"r\" { buckets = 2 }\n"
                  "  |                    ^\n"
                  "  = help: give one of them another name\n"
                  "  = note: the other is at a.lua:2\n");
}

TEST(a_source_cannot_be_a_resource)
{
    CHECK_PRINTED(
        "local w = require \"weir\"\n"
        "return w.pipeline \"x\" {\n"
        "  w.sink \"s\" { use = \"fluss\", table = w.source \"t\" { use = \"file\" } },\n"
        "}\n",
        "error[W0130]: `t` is not in the pipeline, and a source cannot be a resource\n"
        " --> a.lua:3:39 (stage `s`, option `table`)\n"
        "  |\n"
        "3 |   w.sink \"s\" { use = \"fluss\", table = w.source \"t\" { use = \"file\" } },\n"
        "  |                                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n");
}

TEST(a_stage_that_is_read_must_be_in_the_pipeline)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local clean = w.map \"clean\" {}\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.sink \"s\" { use = \"log\", from = clean },\n"
                  "  w.join \"j\" { inputs = { left = clean } },\n"
                  "}\n",
                  "error[W0130]: stage `clean` is not in the pipeline\n"
                  " --> a.lua:4:36 (stage `s`, option `from`)\n"
                  "  |\n"
                  "4 |   w.sink \"s\" { use = \"log\", from = clean },\n"
                  "  |                                    ^^^^^\n"
                  "  = help: add it to the items of w.pipeline\n"
                  "\n"
                  "error[W0130]: stage `clean` is not in the pipeline\n"
                  " --> a.lua:5:34 (stage `j`, option `inputs.left`)\n"
                  "  |\n"
                  "5 |   w.join \"j\" { inputs = { left = clean } },\n"
                  "  |                                  ^^^^^\n"
                  "  = help: add it to the items of w.pipeline\n");
}

TEST(a_declaration_that_is_not_used_is_a_warning)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local clean = w.map \"clean\" {}\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.sink \"s\" { use = \"log\" },\n"
                  "}\n",
                  "warning[W0131]: `clean` is declared but stands nowhere in the pipeline\n"
                  " --> a.lua:2:22\n"
                  "  |\n"
                  "2 | local clean = w.map \"clean\" {}\n"
                  "  |                      ^^^^^\n"
                  "  = help: add it to the items of w.pipeline, or remove it\n");
}

TEST(a_function_is_no_value)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"a\" { set = { b = function(x, y) return x end, c = \"d\" } },\n"
                  "}\n",
                  "error[W0121]: a function cannot be the value of an option\n"
                  " --> a.lua:3:27 (stage `a`, option `set.b`)\n"
                  "  |\n"
                  "3 |   w.map \"a\" { set = { b = function(x, y) return x end, c = \"d\" } },\n"
                  "  |                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
                  "  = help: options are numbers, text, true and false, lists and tables; "
                  "expressions are written as text\n");
}

TEST(tables_that_cannot_be_values_are_reported_together)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local loop = {}\n"
                  "loop.self = loop\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"a\" { set = loop, keep = { 1, nil, 3 }, drop = { 1, x = 2 },\n"
                  "    f = { [1.5] = 1 }, g = { [0] = 1 }, h = { [true] = 1 } },\n"
                  "}\n",
                  "error[W0122]: the table contains itself\n"
                  " --> a.lua:5:21 (stage `a`, option `set.self`)\n"
                  "  |\n"
                  "5 |   w.map \"a\" { set = loop, keep = { 1, nil, 3 }, drop = { 1, x = 2 },\n"
                  "  |                     ^^^^\n"
                  "\n"
                  "error[W0124]: the list has a hole: one of its 3 items is nil\n"
                  " --> a.lua:5:34 (stage `a`, option `keep`)\n"
                  "  |\n"
                  "5 |   w.map \"a\" { set = loop, keep = { 1, nil, 3 }, drop = { 1, x = 2 },\n"
                  "  |                                  ^^^^^^^^^^^^^\n"
                  "\n"
                  "error[W0124]: the table has both names and positions\n"
                  " --> a.lua:5:56 (stage `a`, option `drop`)\n"
                  "  |\n"
                  "5 |   w.map \"a\" { set = loop, keep = { 1, nil, 3 }, drop = { 1, x = 2 },\n"
                  "  |                                                        ^^^^^^^^^^^^\n"
                  "  = help: make two tables of it\n"
                  "\n"
                  "error[W0124]: a key of the table is a number with a fraction\n"
                  " --> a.lua:6:9 (stage `a`, option `f`)\n"
                  "  |\n"
                  "6 |     f = { [1.5] = 1 }, g = { [0] = 1 }, h = { [true] = 1 } },\n"
                  "  |         ^^^^^^^^^^^^^\n"
                  "  = help: keys are names, or positions from 1 on\n"
                  "\n"
                  "error[W0124]: a key of the table is a position below 1\n"
                  " --> a.lua:6:28 (stage `a`, option `g`)\n"
                  "  |\n"
                  "6 |     f = { [1.5] = 1 }, g = { [0] = 1 }, h = { [true] = 1 } },\n"
                  "  |                            ^^^^^^^^^^^\n"
                  "  = help: keys are names, or positions from 1 on\n"
                  "\n"
                  "error[W0124]: a key of the table is a boolean\n"
                  " --> a.lua:6:45 (stage `a`, option `h`)\n"
                  "  |\n"
                  "6 |     f = { [1.5] = 1 }, g = { [0] = 1 }, h = { [true] = 1 } },\n"
                  "  |                                             ^^^^^^^^^^^^^^\n"
                  "  = help: keys are names, or positions from 1 on\n");
}

TEST(numbers_and_texts_that_cannot_be_values_are_reported_together)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"b\" { v = 0/0, v2 = 1/0, t = \"\\xff\", z = \"a\\0b\", other = w.map, "
                  "use = w.map \"c\" },\n"
                  "}\n",
                  "error[W0123]: the number is NaN (0/0)\n"
                  " --> a.lua:3:19 (stage `b`, option `v`)\n"
                  "  |\n"
                  "3 |   w.map \"b\" { v = 0/0, v2 = 1/0, t = \"\\xff\", z = \"a\\0b\", other = "
                  "w.map, use = w.map \"c\" },\n"
                  "  |                   ^^^\n"
                  "\n"
                  "error[W0123]: the number is infinite\n"
                  " --> a.lua:3:29 (stage `b`, option `v2`)\n"
                  "  |\n"
                  "3 |   w.map \"b\" { v = 0/0, v2 = 1/0, t = \"\\xff\", z = \"a\\0b\", other = "
                  "w.map, use = w.map \"c\" },\n"
                  "  |                             ^^^\n"
                  "\n"
                  "error[W0125]: the text is not UTF-8\n"
                  " --> a.lua:3:39 (stage `b`, option `t`)\n"
                  "  |\n"
                  "3 |   w.map \"b\" { v = 0/0, v2 = 1/0, t = \"\\xff\", z = \"a\\0b\", other = "
                  "w.map, use = w.map \"c\" },\n"
                  "  |                                       ^^^^\n"
                  "  = help: save the file as UTF-8\n"
                  "\n"
                  "error[W0125]: the text has a NUL byte\n"
                  " --> a.lua:3:51 (stage `b`, option `z`)\n"
                  "  |\n"
                  "3 |   w.map \"b\" { v = 0/0, v2 = 1/0, t = \"\\xff\", z = \"a\\0b\", other = "
                  "w.map, use = w.map \"c\" },\n"
                  "  |                                                   ^^^^\n"
                  "\n"
                  "error[W0121]: the name of an operator is no value by itself\n"
                  " --> a.lua:3:66 (stage `b`, option `other`)\n"
                  "  |\n"
                  "3 |   w.map \"b\" { v = 0/0, v2 = 1/0, t = \"\\xff\", z = \"a\\0b\", other = "
                  "w.map, use = w.map \"c\" },\n"
                  "  |                                                                  ^^^^^\n"
                  "  = help: write w.NAME \"name\" { ... }\n"
                  "\n"
                  "error[W0115]: `c` has no table of options\n"
                  " --> a.lua:3:79 (stage `b`, option `use`)\n"
                  "  |\n"
                  "3 |   w.map \"b\" { v = 0/0, v2 = 1/0, t = \"\\xff\", z = \"a\\0b\", other = "
                  "w.map, use = w.map \"c\" },\n"
                  "  |                                                                             "
                  "  ^^^^^^^^^\n"
                  "  = help: write w.map \"c\" { ... }\n");
}

TEST(a_name_twice_in_a_list_of_pairs_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"a\" { set = { { \"b\", \"1\" }, { \"b\", \"2\" } } },\n"
                  "}\n",
                  "error[W0124]: the name \"b\" stands twice in the list\n"
                  " --> a.lua:3:21 (stage `a`, option `set`)\n"
                  "  |\n"
                  "3 |   w.map \"a\" { set = { { \"b\", \"1\" }, { \"b\", \"2\" } } },\n"
                  "  |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n");
}

TEST(an_error_in_a_function_names_its_line_and_the_callers)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local function stage(name)\n"
                  "  return w.map(name) { set = { a = print } }\n"
                  "end\n"
                  "local function family(name)\n"
                  "  local made = stage(name)\n"
                  "  return { made }\n"
                  "end\n"
                  "local a = family(\"one\")\n"
                  "return w.pipeline \"x\" { a }\n",
                  "error[W0121]: a function cannot be the value of an option\n"
                  " --> a.lua:3:36 (stage `one`, option `set.a`)\n"
                  "  |\n"
                  "3 |   return w.map(name) { set = { a = print } }\n"
                  "  |                                    ^^^^^\n"
                  "  = help: options are numbers, text, true and false, lists and tables; "
                  "expressions are written as text\n"
                  "  = note: called from a.lua:6\n"
                  "  = note: called from a.lua:9\n");
}

TEST(columns_are_text)
{
    CHECK_PRINTED(
        "local w = require \"weir\"\n"
        "return w.pipeline \"x\" {\n"
        "  w.filter \"a\" { where = w.col.temperature > 3 },\n"
        "}\n",
        "error[W0126]: there is no `w.col`: Lua cannot overload `and`, `<` or `==` faithfully\n"
        " --> a.lua:3:28\n"
        "  |\n"
        "3 |   w.filter \"a\" { where = w.col.temperature > 3 },\n"
        "  |                            ^^^\n"
        "  = help: write column names and expressions as text: where = \"temperature > 20\"\n");
}

TEST(comparing_is_refused_with_the_reason)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.filter \"a\" { where = w.sum \"x\" > 3 },\n"
                  "}\n",
                  "error[W0126]: an aggregate or reference cannot be computed with: Lua cannot "
                  "overload `and`, `<` or `==` faithfully\n"
                  " --> a.lua:3\n"
                  "  |\n"
                  "3 |   w.filter \"a\" { where = w.sum \"x\" > 3 },\n"
                  "  = help: write the whole expression as text: where = \"temperature > 20\"\n");
}

TEST(arithmetic_is_refused_with_the_reason)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { by = \"k\", set = { x = 2 * w.avg \"x\" } },\n"
                  "}\n",
                  "error[W0126]: an aggregate or reference cannot be computed with: Lua cannot "
                  "overload `and`, `<` or `==` faithfully\n"
                  " --> a.lua:3\n"
                  "  |\n"
                  "3 |   w.window \"a\" { by = \"k\", set = { x = 2 * w.avg \"x\" } },\n"
                  "  = help: write the whole expression as text: where = \"temperature > 20\"\n");
}

TEST(a_stage_has_no_fields)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local a = w.window \"a\" {}\n"
                  "return w.pipeline \"x\" { a, w.sink \"s\" { from = a.late } }\n",
                  "error[W0126]: `a` has no fields\n"
                  " --> a.lua:3\n"
                  "  |\n"
                  "3 | return w.pipeline \"x\" { a, w.sink \"s\" { from = a.late } }\n"
                  "  = help: an output of a stage is written as text: from = \"stage.late\"\n");
}

TEST(a_stage_cannot_be_changed)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local a = w.window \"a\" {}\n"
                  "a.by = \"k\"\n",
                  "error[W0110]: `a` cannot be changed\n"
                  " --> a.lua:3:1\n"
                  "  |\n"
                  "3 | a.by = \"k\"\n"
                  "  | ^\n"
                  "  = help: give options in the table of the declaration\n");
}

TEST(an_aggregate_needs_text)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { set = { x = w.sum(3) } },\n"
                  "}\n",
                  "error[W0127]: `w.sum` needs an expression as text, not a number\n"
                  " --> a.lua:3:32\n"
                  "  |\n"
                  "3 |   w.window \"a\" { set = { x = w.sum(3) } },\n"
                  "  |                                ^^^\n"
                  "  = help: write w.sum \"temperature\"\n");
}

TEST(an_aggregate_is_no_stage)
{
    CHECK_PRINTED(
        "local w = require \"weir\"\n"
        "return w.pipeline \"x\" {\n"
        "  w.count \"a\" { where = \"x\" },\n"
        "}\n",
        "error[W0115]: an aggregate or reference cannot be called\n"
        " --> a.lua:3\n"
        "  |\n"
        "3 |   w.count \"a\" { where = \"x\" },\n"
        "  = help: an operator of this name is used by w.transform \"name\" { use = ... }\n");
}

TEST(only_first_and_last_have_an_order)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { set = { x = w.sum(\"a\", { by = \"b\" }) } },\n"
                  "}\n",
                  "error[W0127]: `w.sum` takes the expression alone\n"
                  " --> a.lua:3:32\n"
                  "  |\n"
                  "3 |   w.window \"a\" { set = { x = w.sum(\"a\", { by = \"b\" }) } },\n"
                  "  |                                ^^^\n"
                  "  = help: write w.last(\"status\", { by = \"timestamp\" })\n");
}

TEST(the_order_of_last_is_text)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { set = { x = w.last(\"a\", { by = 3 }) } },\n"
                  "}\n",
                  "error[W0127]: the second argument of `w.last` must be { by = \"...\" }\n"
                  " --> a.lua:3:32\n"
                  "  |\n"
                  "3 |   w.window \"a\" { set = { x = w.last(\"a\", { by = 3 }) } },\n"
                  "  |                                ^^^^\n"
                  "  = help: write w.last(\"status\", { by = \"timestamp\" })\n");
}

TEST(the_order_of_last_is_called_by)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { set = { x = w.last(\"a\", { order = \"b\" }) } },\n"
                  "}\n",
                  "error[W0127]: `w.last` knows the option `by` alone\n"
                  " --> a.lua:3:32\n"
                  "  |\n"
                  "3 |   w.window \"a\" { set = { x = w.last(\"a\", { order = \"b\" }) } },\n"
                  "  |                                ^^^^\n"
                  "  = help: write w.last(\"status\", { by = \"timestamp\" })\n");
}

TEST(stats_knows_its_placeholders)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" {\n"
                  "    w.stats { \"t\", compute = { \"sum\" }, as = \"{col}_{fn}\" },\n"
                  "  },\n"
                  "}\n",
                  "error[W0128]: `as` knows {fn} and {column}, not {col}\n"
                  " --> a.lua:4:41\n"
                  "  |\n"
                  "4 |     w.stats { \"t\", compute = { \"sum\" }, as = \"{col}_{fn}\" },\n"
                  "  |                                         ^^\n"
                  "  = help: {fn} is the function, {column} the column\n");
}

TEST(stats_refuses_two_columns_of_one_name)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { w.stats { \"t\", compute = { \"sum\", \"min\" }, as = "
                  "\"{column}\" } },\n"
                  "}\n",
                  "error[W0128]: `w.stats` makes two columns of the name \"t\"\n"
                  " --> a.lua:3:20\n"
                  "  |\n"
                  "3 |   w.window \"a\" { w.stats { \"t\", compute = { \"sum\", \"min\" }, as = "
                  "\"{column}\" } },\n"
                  "  |                    ^^^^^\n"
                  "  = help: use both {fn} and {column} in `as`\n");
}

TEST(stats_knows_its_functions)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { w.stats { \"t\", compute = { \"median\" } } },\n"
                  "}\n",
                  "error[W0127]: `compute` has no function median\n"
                  " --> a.lua:3:33\n"
                  "  |\n"
                  "3 |   w.window \"a\" { w.stats { \"t\", compute = { \"median\" } } },\n"
                  "  |                                 ^^^^^^^\n"
                  "  = help: there are count, sum, min, max, avg, first, last, stddev, distinct\n");
}

TEST(stats_needs_functions)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { w.stats { \"t\" } },\n"
                  "}\n",
                  "error[W0127]: `compute` of w.stats must list the functions\n"
                  " --> a.lua:3\n"
                  "  |\n"
                  "3 |   w.window \"a\" { w.stats { \"t\" } },\n"
                  "  = help: there are count, sum, min, max, avg, first, last, stddev, distinct\n");
}

TEST(stats_has_no_other_options)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { w.stats { \"t\", compute = { \"sum\" }, by = \"k\" } },\n"
                  "}\n",
                  "error[W0127]: `w.stats` has no option `by`\n"
                  " --> a.lua:3:20\n"
                  "  |\n"
                  "3 |   w.window \"a\" { w.stats { \"t\", compute = { \"sum\" }, by = \"k\" } },\n"
                  "  |                    ^^^^^\n"
                  "  = help: it takes columns, compute = { ... } and as = \"...\"\n");
}

TEST(stats_needs_columns)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.window \"a\" { w.stats { compute = { \"sum\" } } },\n"
                  "}\n",
                  "error[W0127]: `w.stats` needs a list of columns\n"
                  " --> a.lua:3:20\n"
                  "  |\n"
                  "3 |   w.window \"a\" { w.stats { compute = { \"sum\" } } },\n"
                  "  |                    ^^^^^\n"
                  "  = help: write w.stats { \"temperature\", compute = { \"avg\" } }\n");
}

TEST(a_reference_needs_a_name)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.sink \"a\" { url = w.env() },\n"
                  "}\n",
                  "error[W0129]: `w.env` needs a name, not nothing\n"
                  " --> a.lua:3:24\n"
                  "  |\n"
                  "3 |   w.sink \"a\" { url = w.env() },\n"
                  "  |                        ^^^\n"
                  "  = help: write w.env \"NAME\"\n");
}
