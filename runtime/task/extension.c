#include "task/extension.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define EXTENSIONS_MAX 16

static struct {
    const char *id;
    const void *table;
} extensions[EXTENSIONS_MAX];
static unsigned extension_count;

void extension_offer(const char *id, const void *table)
{
    assert(extension_count < EXTENSIONS_MAX);
    extensions[extension_count].id = id;
    extensions[extension_count++].table = table;
}

const void *extension_find(const char *id)
{
    for (unsigned i = 0; i < extension_count; i++) {
        if (strcmp(extensions[i].id, id) == 0) {
            return extensions[i].table;
        }
    }
    return NULL;
}
