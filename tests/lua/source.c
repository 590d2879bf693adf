// Reading places out of source text, also of text that is hardly Lua.
#include "lua/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/diagnostic_json.h"
#include "support/test.h"

static struct source *source;

static void read_text(const char *text)
{
    source_close(source);
    source = source_make("a.lua", text, strlen(text));
}

// What stands at the place, or "" where only the line is known.
static const char *text_at(struct place place)
{
    static char found[256];
    const char *line = source->text;
    for (uint32_t i = 1; i < place.line; i++) {
        line = strchr(line, '\n') + 1;
    }
    found[0] = '\0';
    if (place.column != 0) {
        snprintf(found, sizeof found, "%.*s", (int)(place.end - place.column),
                 line + place.column - 1);
    }
    return found;
}

static const char *value_at(size_t open, const char *name)
{
    json_t *places = source_places(source, open);
    const char *text = json_object_get(places, name) == NULL
                           ? "(none)"
                           : text_at(place_from_json(json_object_get(places, name)));
    json_decref(places);
    return text;
}

TEST(comments_and_long_texts_are_no_declarations)
{
    size_t open;
    read_text("--[[ w.map \"a\" { v = 1 } ]] --[==[ ]] ]==] w.map \"a\" { v = 2 }\n"
              "local text = [=[ w.map \"b\" { v = 3 } ]=]\n");

    CHECK_TEXT(text_at(source_declaration(source, 1, "map", "a", &open)), "a");
    CHECK_TEXT(value_at(open, "v"), "2");
    CHECK_TEXT(text_at(source_declaration(source, 2, "map", "b", &open)), "");
    CHECK_INT(open, 0);
}

TEST(a_declaration_may_be_called_by_another_name)
{
    size_t open;
    read_text("local map = w.map\nlocal a = map 'a' { v = 1 }\n");

    CHECK_TEXT(text_at(source_declaration(source, 2, "map", "a", &open)), "a");
    CHECK_TEXT(value_at(open, "v"), "1");
    CHECK_TEXT(text_at(source_declaration(source, 2, "filter", "a", &open)), "a");
}

TEST(two_computed_names_in_a_line_are_not_guessed)
{
    size_t open;
    read_text("local a, b = w.map(x) { v = 1 }, w.map(y) { v = 2 }\n");

    CHECK_TEXT(text_at(source_declaration(source, 1, "map", "m1", &open)), "");
    CHECK_INT(open, 0);
}

TEST(values_end_where_the_expression_ends)
{
    read_text("{ a = f(1, { 2, 3 }), b = function(x) if x then return 1, 2 end end, c = t[1],\n"
              "  d = \"x\" .. 'y', [k] = 1, [\"e\"] = -- why\n"
              "  2 ; f = (function() repeat until x, y end)(), g = not x == y }\n");

    CHECK_TEXT(value_at(0, "a"), "f(1, { 2, 3 })");
    CHECK_TEXT(value_at(0, "b"), "function(x) if x then return 1, 2 end end");
    CHECK_TEXT(value_at(0, "c"), "t[1]");
    CHECK_TEXT(value_at(0, "d"), "\"x\" .. 'y'");
    CHECK_TEXT(value_at(0, "e"), "2");
    CHECK_TEXT(value_at(0, "g"), "not x == y");
    CHECK_TEXT(value_at(0, "k"), "(none)");
}

TEST(a_value_over_several_lines_is_marked_in_its_first)
{
    read_text("{ a = {\n  1,\n  2 }, b = [[one\ntwo]] }\n");

    CHECK_TEXT(value_at(0, "a"), "{");
    CHECK_TEXT(value_at(0, "a.2"), "2");
    CHECK_TEXT(value_at(0, "b"), "one");
}

TEST(text_that_is_hardly_lua_is_read_to_its_end)
{
    static const char *const texts[] = {
        "",         "{",     "{ a =",    "{ a = \"x",       "{ a = [==[ x",
        "{ [",      "{ a",   "{ , }",    "{ = = }",         "{ function ( }",
        "--[==[ x", "\\ \"", "{ a = }}", "{ [\"x\"] \"y\"", "{ { \"a\", } }"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t open;
        read_text(texts[i]);
        if (source->tokens[0].kind == '{') {
            json_decref(source_places(source, 0));
        }
        source_declaration(source, 1, "a", "x", &open);
        CHECK_INT(source->tokens[source->token_count - 1].kind, TOKEN_END);
    }
    source_close(source);
    source = NULL;
}
