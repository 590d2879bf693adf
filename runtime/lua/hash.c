#include <stdlib.h>
#include <string.h>

#include "lua/lua.h"

static void remove_places(json_t *object)
{
    static const char *const members[] = {"place", "option_places", "from", "file", NULL};
    for (size_t i = 0; members[i] != NULL; i++) {
        json_object_del(object, members[i]);
    }
}

uint64_t lua_description_hash(const json_t *description)
{
    static const char *const lists[] = {"resources", "stages"};
    json_t *copy = json_deep_copy(description), *declaration;
    remove_places(copy);
    for (size_t list = 0; list < 2; list++) {
        size_t i;
        json_array_foreach(json_object_get(copy, lists[list]), i, declaration)
        {
            remove_places(declaration);
        }
    }
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    }
    free(text);
    json_decref(copy);
    return hash;
}
