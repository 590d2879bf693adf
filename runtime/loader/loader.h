// Plugins: finds shared objects on the search path, refuses with a reason what cannot be loaded,
// and finds operators, resource types and commands by name. A loaded plugin stays loaded until the
// process ends.
#ifndef LOADER_LOADER_H
#define LOADER_LOADER_H

#include "base/error.h"
#include "weir/plugin.h"

struct plugin {
    char *path;
    const struct weir_plugin *description; // NULL: refused
    char *refusal;                         // a sentence with the remedy; NULL: loaded
    struct plugin *next;
};

struct plugins {
    struct plugin *first;
    struct plugin *last;
    char *searched; // the folders that were searched, comma-separated, for messages
};

// Loads every *.so of each folder in `folders` (and of the folders in it, two deep), in the order
// of names. A file of a name that an earlier folder brought is skipped. NULL ends the list; a
// folder that is not there counts as empty.
int plugins_search(struct plugins *plugins, const char *const *folders, struct error *error);

// Loads one file. 0, or a negative code with the reason; the refusal is listed in both cases.
int plugins_load(struct plugins *plugins, const char *path, struct error *error);

// Adds a plugin that is linked in (tests).
int plugins_add(struct plugins *plugins, const struct weir_plugin *description,
                struct error *error);

void plugins_finish(struct plugins *plugins);

// By name; NULL: no such. *plugin (may be NULL) tells who brings it. A source and a sink may have
// the same name: kind says which operator is meant; 0: the first of any kind.
const struct weir_operator *plugins_operator(const struct plugins *plugins, const char *name,
                                             uint32_t kind, const struct plugin **plugin);
const struct weir_resource_type *plugins_resource(const struct plugins *plugins, const char *name,
                                                  const struct plugin **plugin);
const struct weir_command *plugins_command(const struct plugins *plugins, const char *name,
                                           const struct plugin **plugin);

// The names of all operators (of one kind; 0: any), resource types or commands, sorted and
// NULL-terminated, for messages. Freed with free(); the names are the plugins'. NULL: no memory.
const char **plugins_operator_names(const struct plugins *plugins, uint32_t kind);
const char **plugins_resource_names(const struct plugins *plugins);
const char **plugins_command_names(const struct plugins *plugins);

// Member of a sized struct of a plugin, or NULL if the plugin was built before there was one.
#define PLUGIN_HAS(object, member) \
    ((object)->size >= offsetof(__typeof__(*(object)), member) + sizeof((object)->member))

#endif
