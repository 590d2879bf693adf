// The plugin `file`: rows from and to files.
#include "weir/plugin.h"

static const struct weir_plugin plugin = {
    .size = sizeof plugin,
    .abi_version = WEIR_ABI_VERSION,
    .host_version_min = WEIR_ABI_VERSION,
    .name = "file",
    .version = "0.1.0",
    .licence = "Apache-2.0",
};

const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    (void)host_version;
    return &plugin;
}
