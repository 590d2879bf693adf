#include "weir/plugin.h"
#include "operators.h"

static const struct weir_operator *const operators[] = {
    &changelog_filter_operator,
    &filter_operator,
    &log_operator,
    &map_c_operator,
    &map_operator,
    &null_operator,
    &print_operator,
    &union_operator,
    &window_operator,
};

static const struct weir_plugin plugin = {
    .size = sizeof plugin,
    .abi_version = WEIR_ABI_VERSION,
    .host_version_min = WEIR_ABI_MAJOR << 16,
    .operator_count = sizeof operators / sizeof operators[0],
    .name = "operators",
    .version = "0.1.0",
    .licence = "Apache-2.0",
    .operators = operators,
};

const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    (void)host_version;
    return &plugin;
}
