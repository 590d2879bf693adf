// The plugin `file`: rows from and to files.
#include "file.h"

static const struct weir_operator *const operators[] = {&file_source, &file_sink};

static const struct weir_plugin plugin = {
    .size = sizeof plugin,
    .abi_version = WEIR_ABI_VERSION,
    .host_version_min = WEIR_ABI_VERSION,
    .operator_count = sizeof operators / sizeof *operators,
    .name = "file",
    .version = "0.1.0",
    .licence = "Apache-2.0",
    .operators = operators,
};

const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    (void)host_version;
    return &plugin;
}
