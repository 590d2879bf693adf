#include "command/command.h"
#include "operators/operators.h"
#include "operators/resource.h"

static const struct weir_operator *const operators[] = {&fluss_source, &fluss_sink, &fluss_lookup};
static const struct weir_resource_type *const resources[] = {&fluss_table_type};
static const struct weir_command *const commands[] = {&command_table};

static const struct weir_plugin plugin = {
    .size = sizeof plugin,
    .abi_version = WEIR_ABI_VERSION,
    .host_version_min = WEIR_ABI_VERSION,
    .operator_count = sizeof operators / sizeof *operators,
    .resource_count = sizeof resources / sizeof *resources,
    .command_count = sizeof commands / sizeof *commands,
    .name = "fluss",
    .version = "0.1",
    .licence = "Apache-2.0",
    .operators = operators,
    .resources = resources,
    .commands = commands,
};

const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    (void)host_version;
    return &plugin;
}
