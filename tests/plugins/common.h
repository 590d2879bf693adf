// What the plugins of the tests share: a sink with given functions, and the plugin around it.
#ifndef TESTS_PLUGINS_COMMON_H
#define TESTS_PLUGINS_COMMON_H

#include <stdlib.h>

#include "weir/plugin.h"

static inline int32_t common_create(struct weir_context *context, void **instance)
{
    (void)context;
    *instance = malloc(1);
    return *instance == NULL ? WEIR_ERROR_FATAL : WEIR_OK;
}

#define COMMON_SINK(operator_name, process_function)                            \
    static const struct weir_operator sink = {.size = sizeof sink,              \
                                              .kind = WEIR_OPERATOR_SINK,       \
                                              .name = operator_name,            \
                                              .summary = "A sink of the tests", \
                                              .create = common_create,          \
                                              .process = process_function,      \
                                              .destroy = free};                 \
    static const struct weir_operator *const operators[] = {&sink}

// The plugin, with a size and versions of its own.
#define COMMON_PLUGIN_OF(plugin_name, size_, abi_version_, host_version_min_)        \
    static const struct weir_plugin plugin = {.size = size_,                         \
                                              .abi_version = abi_version_,           \
                                              .host_version_min = host_version_min_, \
                                              .operator_count = 1,                   \
                                              .name = plugin_name,                   \
                                              .version = "1.0",                      \
                                              .licence = "Apache-2.0",               \
                                              .operators = operators};               \
    const struct weir_plugin *weir_plugin_entry(uint32_t host_version)               \
    {                                                                                \
        (void)host_version;                                                          \
        return &plugin;                                                              \
    }

#define COMMON_PLUGIN(plugin_name) \
    COMMON_PLUGIN_OF(plugin_name, sizeof plugin, WEIR_ABI_VERSION, WEIR_ABI_VERSION)

#endif
