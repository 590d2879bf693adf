#include <string.h>

#include "cli/cli.h"
#include "task/extension.h"
#include "weir/ffi.h"

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

static const struct weir_ffi_table table = {.size = sizeof table, .allowed = is_allowed};

void cli_allow_ffi(const struct flag_list *libraries)
{
    allowed_libraries = libraries;
    extension_offer(WEIR_FFI_1, &table);
}

static const void *find_extension(struct instance *instance, const char *id)
{
    (void)instance;
    return extension_find(id);
}

const struct instance_hooks cli_plan_hooks = {.extension = find_extension};
