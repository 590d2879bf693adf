// Plugins: a shared object exports one symbol, weir_plugin_entry, which returns a constant
// description of what is in it. This header is all that an author needs to include.
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include "weir/commit.h"
#include "weir/key.h"
#include "weir/operator.h"
#include "weir/service.h"
#include "weir/timer.h"

// A resource: a named thing that operators of one node share (a store, a connection pool), declared
// in a pipeline as `w.NAME "name" { options }` and handed to operators by an option of type
// resource.
struct weir_resource_type {
    uint32_t size;
    uint32_t option_count;
    const char *name; // as in w.NAME
    const char *summary;
    const struct weir_option *options;
    const char *interface_id; // "com.example.store/1": what users of it ask for
    const void *table; // the functions behind interface_id; [any] unless the plugin says otherwise
    // [setup] One instance per node and declaration; before the operators that use it, destroyed
    // after them.
    int32_t (*create)(struct weir_context *context, void **instance);
    int32_t (*open)(void *instance, struct weir_context *context);
    void (*close)(void *instance, struct weir_context *context);
    void (*destroy)(void *instance);
};

// A command: `weir NAME ARGUMENTS`.
struct weir_command {
    uint32_t size;
    uint32_t zero;
    const char *name;
    const char *summary;
    const char *usage; // one line a form, without `weir`
    // [setup] arguments[0] is the name. Data goes to stdout, talk to stderr. Returns the exit code:
    // 0 fine, 1 findings, 2 usage.
    int32_t (*run)(struct weir_context *context, int32_t argument_count,
                   const char *const *arguments);
};

struct weir_plugin {
    uint32_t size;
    uint32_t abi_version;      // WEIR_ABI_VERSION of the headers it was built with
    uint32_t host_version_min; // the oldest ABI version of a host that it can live with
    uint32_t operator_count;
    uint32_t resource_count;
    uint32_t command_count;
    const char *name;
    const char *version;
    const char *licence; // SPDX
    const struct weir_operator *const *operators;
    const struct weir_resource_type *const *resources;
    const struct weir_command *const *commands;
};

// [any] The one exported symbol. Pure: may be called many times. host_version is the host's
// WEIR_ABI_VERSION.
WEIR_EXPORT const struct weir_plugin *weir_plugin_entry(uint32_t host_version);

#endif
