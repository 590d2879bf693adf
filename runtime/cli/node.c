#include <string.h>

#include "cli/cli.h"
#include "task/extension.h"
#include "weir/ffi.h"
#include "weir/node.h"

static const struct flag_list *allowed_libraries;

static int32_t is_allowed(struct weir_context *context, const char *library)
{
    (void)context;
    for (uint32_t i = 0; i < allowed_libraries->count; i++) {
        if (strcmp(allowed_libraries->items[i], library) == 0) {
            return 1;
        }
    }
    return 0;
}

static const struct weir_ffi_table ffi = {.size = sizeof ffi, .allowed = is_allowed};

void cli_allow_ffi(const struct flag_list *libraries)
{
    allowed_libraries = libraries;
    extension_offer(WEIR_FFI_1, &ffi);
}

static struct weir_node_table node = {.size = sizeof node, .data_directory = "./weir-data"};

void cli_set_data_directory(const char *path)
{
    if (path != NULL) {
        node.data_directory = path;
    }
    extension_offer(WEIR_NODE_1, &node);
}

const void *cli_extension(struct instance *instance, const char *id)
{
    (void)instance;
    return extension_find(id);
}
