#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lua/evaluate.h"
#include "lua/limits.h"
#include "lua/object.h"
#include "lua/pipeline.h"
#include "lua/sandbox.h"
#include "lua/value.h"

static int read_options(lua_State *state)
{
    struct declaration *declaration = lua_touserdata(state, 1);
    lua_settop(state, 0);
    object_open(state);
    sandbox_fill(state);
    limits_hook(state);
    evaluation_load(state, 0);
    lua_call(state, 0, 1);
    declaration->options = value_options(state, declaration, 1, 1);
    return 0;
}

static json_t *evaluate_options(struct evaluation *evaluation, const char *text, size_t length)
{
    if (evaluation_init(evaluation) != 0 ||
        evaluation_add_source(evaluation, source_make("options", text, length)) < 0) {
        diagnostic_add(evaluation->diagnostics, "W0106", NULL, "no memory");
        return NULL;
    }
    struct declaration *declaration = &evaluation->declarations[evaluation->declaration_count++];
    *declaration = (struct declaration){
        .verb = strdup(""),
        .name = strdup("options"),
        .place = source_line(evaluation->sources[0], 1),
        .position = -1,
    };
    if (evaluation_call(evaluation, read_options, declaration, 0) != 0) {
        return NULL;
    }
    return pipeline_options(evaluation, declaration);
}

json_t *lua_options(const char *text, struct error *error)
{
    struct diagnostics diagnostics = {0};
    struct evaluation evaluation = {.limits = &lua_default_limits, .diagnostics = &diagnostics};
    struct text chunk = {0};
    text_print(&chunk, "local w = require \"weir\" return { %s\n}", text);
    json_t *options = chunk.is_short ? NULL : evaluate_options(&evaluation, chunk.at, chunk.length);
    if (diagnostics.error_count > 0) {
        error_set(error, -1001, "options: %s", diagnostics.first->message);
        json_decref(options);
        options = NULL;
    }
    text_finish(&evaluation.printed);
    evaluation_finish(&evaluation);
    diagnostics_finish(&diagnostics);
    text_finish(&chunk);
    return options;
}
