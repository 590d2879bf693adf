#include "weir/plugin.h"

const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    (void)host_version;
    return NULL;
}
