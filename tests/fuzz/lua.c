// Any bytes as a pipeline file, in this process, with what a hook can stop: no crash, no leak, no
// hang, and either a description or an error.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "lua/evaluate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    static const struct lua_limits limits = {.memory_bytes = 4 * 1024 * 1024};
    struct diagnostics diagnostics = {0};
    struct text printed = {0};
    json_t *description = evaluate("fuzz.lua", (const char *)bytes, byte_count, &limits, NULL,
                                   &diagnostics, &printed);
    if ((description == NULL) != (diagnostics.error_count > 0)) {
        abort();
    }
    if (description != NULL) {
        lua_description_hash(description);
    }
    json_decref(description);
    diagnostics_finish(&diagnostics);
    text_finish(&printed);
    return 0;
}
