// Files that do not end, need too much, or are not Lua: each is stopped and named.
#include <sys/stat.h>
#include <unistd.h>

#include "lua/support.h"

static const struct lua_limits short_time = {64 * 1024 * 1024, 30, 500};
static const struct lua_limits short_cpu = {64 * 1024 * 1024, 1, 60000};

TEST(an_endless_loop_is_stopped_at_its_line)
{
    write_file("a.lua", "local w = require \"weir\"\n"
                        "local n = 0\n"
                        "while true do n = n + 1 end\n");
    CHECK_FILE("a.lua", &short_time,
               "error[W0104]: the file did not end within 500 ms\n"
               " --> a.lua:3\n"
               "  |\n"
               "3 | while true do n = n + 1 end\n"
               "  = help: a pipeline file is evaluated in milliseconds; look for a loop that does "
               "not end\n");
}

TEST(an_endless_loop_uses_up_its_processor_time)
{
    write_file("a.lua", "while true do end\n");
    CHECK_FILE("a.lua", &short_cpu,
               "error[W0104]: the file did not end within 1 s of processor time\n"
               " --> a.lua:1\n"
               "  |\n"
               "1 | while true do end\n"
               "  = help: a pipeline file is evaluated in milliseconds; look for a loop that does "
               "not end\n");
}

TEST(pcall_does_not_catch_a_limit)
{
    write_file("a.lua", "local function spin() while true do end end\n"
                        "while true do pcall(spin) end\n");
    CHECK_FILE("a.lua", &short_time,
               "error[W0104]: the file did not end within 500 ms\n"
               " --> a.lua:2\n"
               "  |\n"
               "2 | while true do pcall(spin) end\n"
               "  = help: a pipeline file is evaluated in milliseconds; look for a loop that does "
               "not end\n");
}

TEST(a_pattern_bomb_is_stopped_by_the_wall_clock)
{
    write_file("a.lua", "local pattern = (\".-\"):rep(12) .. \"b\"\n"
                        "local found =\n"
                        "  string.find((\"a\"):rep(40), pattern)\n");
    CHECK_FILE("a.lua", &short_time,
               "error[W0105]: string.find did not return within 500 ms\n"
               " --> a.lua:3\n"
               "  |\n"
               "3 |   string.find((\"a\"):rep(40), pattern)\n"
               "  = help: a pattern with many `-` or `*` tries every way to match; make it "
               "simpler\n");
}

TEST(a_pattern_bomb_is_stopped_by_its_processor_time)
{
    write_file("a.lua", "local found = (\"a\"):rep(40):match((\".-\"):rep(12) .. \"b\")\n");
    CHECK_FILE("a.lua", &short_cpu,
               "error[W0105]: string.match did not return within 1 s of processor time\n"
               " --> a.lua:1\n"
               "  |\n"
               "1 | local found = (\"a\"):rep(40):match((\".-\"):rep(12) .. \"b\")\n"
               "  = help: a pattern with many `-` or `*` tries every way to match; make it "
               "simpler\n");
}

TEST(a_library_function_that_never_returns_is_named)
{
    write_file("a.lua", "table.move({}, 1, math.maxinteger - 1, 2)\n");
    CHECK_FILE("a.lua", &short_time,
               "error[W0105]: table.move did not return within 500 ms\n"
               " --> a.lua:1\n"
               "  |\n"
               "1 | table.move({}, 1, math.maxinteger - 1, 2)\n"
               "  = help: a pipeline file is evaluated in milliseconds; look for a loop that does "
               "not end\n");
}

TEST(a_text_of_ten_gigabytes_is_refused)
{
    CHECK_PRINTED("local text = (\"x\"):rep(10 * 1024 * 1024 * 1024)\n",
                  "error[W0106]: the file needs more than 64.0 MiB of memory (a text of more than "
                  "2 GiB was asked for)\n"
                  " --> a.lua:1\n"
                  "  |\n"
                  "1 | local text = (\"x\"):rep(10 * 1024 * 1024 * 1024)\n"
                  "  = help: a pipeline file only describes; keep data in files that a source "
                  "reads\n");
}

TEST(a_text_of_one_gigabyte_is_refused)
{
    CHECK_PRINTED("local text = (\"x\"):rep(1024 * 1024 * 1024)\n",
                  "error[W0106]: the file needs more than 64.0 MiB of memory (1.0 GiB were asked "
                  "for at once)\n"
                  " --> a.lua:1\n"
                  "  |\n"
                  "1 | local text = (\"x\"):rep(1024 * 1024 * 1024)\n"
                  "  = help: a pipeline file only describes; keep data in files that a source "
                  "reads\n");
}

TEST(memory_that_grows_step_by_step_is_refused)
{
    CHECK_PRINTED("local text = \"x\"\n"
                  "for i = 1, 100 do\n"
                  "  text = text .. text\n"
                  "end\n",
                  "error[W0106]: the file needs more than 64.0 MiB of memory (64.0 MiB were asked "
                  "for at once)\n"
                  " --> a.lua:3\n"
                  "  |\n"
                  "3 |   text = text .. text\n"
                  "  = help: a pipeline file only describes; keep data in files that a source "
                  "reads\n");
}

TEST(a_pipeline_with_too_much_text_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"a\" { set = { b = (\"x\"):rep(9 * 1024 * 1024) } },\n"
                  "}\n",
                  "error[W0107]: the pipeline is too large: it may have 200000 values and 8 MiB of "
                  "text\n"
                  " --> a.lua:3:10 (stage `a`)\n"
                  "  |\n"
                  "3 |   w.map \"a\" { set = { b = (\"x\"):rep(9 * 1024 * 1024) } },\n"
                  "  |          ^\n"
                  "  = help: keep data in files that a source reads\n");
}

TEST(a_pipeline_with_too_many_values_is_refused)
{
    CHECK_PRINTED("local w = require \"weir\"\n"
                  "local list = {}\n"
                  "for i = 1, 200001 do list[i] = i end\n"
                  "return w.pipeline \"x\" {\n"
                  "  w.map \"a\" { list = list },\n"
                  "}\n",
                  "error[W0107]: the pipeline is too large: it may have 200000 values and 8 MiB of "
                  "text\n"
                  " --> a.lua:5:10 (stage `a`)\n"
                  "  |\n"
                  "5 |   w.map \"a\" { list = list },\n"
                  "  |          ^\n"
                  "  = help: keep data in files that a source reads\n");
}

TEST(bytecode_is_refused)
{
    CHECK_PRINTED("\033LuaT", "error[W0103]: a.lua is bytecode; only Lua text is read\n"
                              " --> a.lua\n"
                              "  = help: keep the Lua text instead\n");
}

TEST(a_file_that_is_missing_is_named)
{
    CHECK_FILE("none.lua", NULL,
               "error[W0101]: cannot read none.lua: No such file or directory\n"
               " --> none.lua\n");
}

TEST(a_folder_is_no_file)
{
    CHECK_FILE(".", NULL,
               "error[W0101]: cannot read .: it is not a regular file\n"
               " --> .\n");
}

TEST(a_file_above_one_megabyte_is_refused)
{
    char *text = malloc(1024 * 1024 + 2);
    memset(text, '\n', 1024 * 1024 + 1);
    text[1024 * 1024 + 1] = '\0';
    write_file("a.lua", text);
    free(text);
    CHECK_FILE("a.lua", NULL,
               "error[W0101]: cannot read a.lua: it is larger than 1 MiB\n"
               " --> a.lua\n");
}

TEST(a_link_that_leads_out_of_the_project_is_refused)
{
    char link[512], folder[512];
    snprintf(folder, sizeof folder, "%s/project", test_folder());
    snprintf(link, sizeof link, "%s/outside.lua", folder);
    mkdir(folder, 0755);
    write_file("secret.lua", "return 1\n");
    CHECK_INT(symlink("../secret.lua", link), 0);
    write_file("project/a.lua", "require \"outside\"\n");
    CHECK_FILE("project/a.lua", NULL,
               "error[W0112]: require: project/outside.lua leads out of the project\n"
               " --> project/a.lua:1\n"
               "  |\n"
               "1 | require \"outside\"\n"
               "  = help: copy the file into the project\n");
}
