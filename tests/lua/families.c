// The pipeline of the project that is built by a loop, a function and a required file.
#include "base/diagnostic_json.h"
#include "lua/support.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

TEST(families_is_ten_stages_made_by_a_loop_a_function_and_a_required_file)
{
    static const char *const names[] = {"readings",    "climate",  "climate_measure",  "air",
                                        "air_measure", "presence", "presence_measure", "all",
                                        "per_minute",  "table"};
    char path[512];
    snprintf(path, sizeof path, "%s/pipelines/families.lua", getenv("WEIR_SOURCE_ROOT"));
    struct diagnostics diagnostics = {0};

    json_t *description = lua_describe(path, NULL, &diagnostics);

    char *text = printed(&diagnostics);
    CHECK_TEXT(text, "");
    free(text);
    json_t *stages = json_object_get(description, "stages");
    REQUIRE(json_array_size(stages) == 10);
    for (size_t i = 0; i < 10; i++) {
        CHECK_TEXT(text_of(json_array_get(stages, i), "name"), names[i]);
    }
    json_t *air = json_array_get(stages, 3), *all = json_array_get(stages, 7);
    struct place place = place_from_json(json_object_get(air, "place"));
    struct place caller = place_from_json(json_array_get(json_object_get(air, "from"), 0));
    CHECK_TEXT(text_of(air, "verb"), "filter");
    CHECK_TEXT(text_of(json_object_get(air, "options"), "where"), "sensor_type in (3, 6)");
    CHECK_HAS(place.file, "pipelines/families/sensors.lua");
    CHECK_HAS(caller.file, "pipelines/families.lua");
    CHECK(place.line > 0 && caller.line > 0);
    CHECK_INT(json_array_size(json_object_get(json_object_get(all, "options"), "inputs")), 3);
    json_decref(description);
    diagnostics_finish(&diagnostics);
}
