#include <string.h>

#include "base/diagnostic_json.h"
#include "lua/lua.h"

static const json_t *find_declaration(const json_t *description, const char *name)
{
    static const char *const lists[] = {"stages", "resources"};
    for (size_t list = 0; list < 2; list++) {
        size_t i;
        const json_t *declaration;
        json_array_foreach(json_object_get(description, lists[list]), i, declaration)
        {
            if (strcmp(json_string_value(json_object_get(declaration, "name")), name) == 0) {
                return declaration;
            }
        }
    }
    return NULL;
}

void lua_note_callers(const json_t *description, struct diagnostics *diagnostics)
{
    for (struct diagnostic *at = diagnostics->first; at != NULL; at = at->next) {
        const json_t *declaration = at->stage == NULL || at->notes != NULL
                                        ? NULL
                                        : find_declaration(description, at->stage);
        size_t i;
        const json_t *caller;
        json_array_foreach(json_object_get(declaration, "from"), i, caller)
        {
            struct place place = place_from_json(caller);
            diagnostic_note(at, "called from %s:%u", place.file, place.line);
        }
    }
}
