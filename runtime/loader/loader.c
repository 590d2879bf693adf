#include "loader/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define MACHINE_NAME "arm64"
#else
#error "name this machine's ELF architecture here"
#endif

#define SEARCH_DEPTH 2

static struct plugin *plugin_append(struct plugins *plugins, const char *path)
{
    struct plugin *plugin = calloc(1, sizeof *plugin);
    if (plugin == NULL || (plugin->path = strdup(path)) == NULL) {
        free(plugin);
        return NULL;
    }
    if (plugins->last == NULL) {
        plugins->first = plugin;
    } else {
        plugins->last->next = plugin;
    }
    plugins->last = plugin;
    return plugin;
}

static const char *machine_name(uint16_t machine)
{
    switch (machine) {
    case EM_X86_64:
        return "x86-64";
    case EM_AARCH64:
        return "arm64";
    case EM_386:
        return "32-bit x86";
    case EM_ARM:
        return "32-bit arm";
    case EM_RISCV:
        return "risc-v";
    default:
        return "an unknown architecture";
    }
}

// Looks at the file before anything of it runs.
static int check_file(const char *path, struct error *error)
{
    Elf64_Ehdr header;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return error_set(error, -errno, "cannot open it: %s", strerror(errno));
    }
    ssize_t got = read(file, &header, sizeof header);
    close(file);
    if (got < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return error_set(
            error, -ENOEXEC,
            "it is not a shared object (no ELF file); build it with `cc -shared -fPIC`");
    }
    if (got < (ssize_t)sizeof header || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_machine != MACHINE) {
        return error_set(error, -ENOEXEC,
                         "it is built for %s and this is " MACHINE_NAME
                         "; build it for this machine",
                         got < (ssize_t)sizeof header ? "nothing (the file is cut off)"
                                                      : machine_name(header.e_machine));
    }
    if (header.e_type != ET_DYN) {
        return error_set(error, -ENOEXEC,
                         "it is an ELF file but no shared object; link it with `-shared`");
    }
    return 0;
}

static int check_size(const char *what, const char *name, uint32_t size, size_t least,
                      struct error *error)
{
    if (size < least) {
        return error_set(
            error, -EPROTO,
            "its %s%s%s%s says it has %u bytes, the first version has %zu; set `size` to "
            "sizeof the struct",
            what, name[0] == '\0' ? "" : " `", name, name[0] == '\0' ? "" : "`", size, least);
    }
    return 0;
}

static int check_operator(const struct weir_operator *description, struct error *error)
{
    int rc = check_size("operator",
                        description->size < offsetof(struct weir_operator, options) ||
                                description->name == NULL
                            ? "?"
                            : description->name,
                        description->size, sizeof *description, error);
    if (rc != 0) {
        return rc;
    }
    if (description->name == NULL || description->name[0] == '\0' ||
        description->kind < WEIR_OPERATOR_SOURCE || description->kind > WEIR_OPERATOR_SERVICE) {
        return error_set(error, -EPROTO, "an operator in it has no name or an unknown kind (%u)",
                         description->kind);
    }
    int is_complete = description->create != NULL &&
                      (description->kind == WEIR_OPERATOR_SERVICE ||
                       (description->kind == WEIR_OPERATOR_SOURCE ? description->poll != NULL
                                                                  : description->process != NULL));
    if (!is_complete) {
        return error_set(error, -EPROTO, "its operator `%s` lacks create or %s", description->name,
                         description->kind == WEIR_OPERATOR_SOURCE ? "poll" : "process");
    }
    for (uint32_t i = 0; i < description->option_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(description->options[i].name, description->options[j].name) == 0) {
                return error_set(error, -EPROTO, "its operator `%s` declares option `%s` twice",
                                 description->name, description->options[i].name);
            }
        }
    }
    return 0;
}

static int refuse_taken(const char *what, const char *name, const struct plugin *other,
                        struct error *error)
{
    return error_set(error, -EEXIST,
                     "it brings %s `%s`, which %s brings already, so nothing of it can be used; "
                     "rename it in one of the two, or remove one of them",
                     what, name, other->path);
}

#define VERSION_ARGUMENTS(version) (version) >> 16, (version)&0xffff

static int check_description(const struct plugins *plugins, const struct weir_plugin *description,
                             struct error *error)
{
    const struct plugin *other;
    if (description == NULL) {
        return error_set(error, -EPROTO, "its weir_plugin_entry returned NULL");
    }
    int rc = check_size("struct weir_plugin", "", description->size, sizeof *description, error);
    if (rc != 0) {
        return rc;
    }
    if (description->abi_version >> 16 != WEIR_ABI_MAJOR) {
        return error_set(
            error, -EPROTO,
            "it is built for plugin ABI %u.%u and this weir speaks %u.%u; rebuild it with "
            "this weir's headers",
            VERSION_ARGUMENTS(description->abi_version), VERSION_ARGUMENTS(WEIR_ABI_VERSION));
    }
    if (description->host_version_min > WEIR_ABI_VERSION) {
        return error_set(
            error, -EPROTO,
            "it needs a host with plugin ABI %u.%u and this weir has %u.%u; upgrade weir, or "
            "build the plugin for the older one",
            VERSION_ARGUMENTS(description->host_version_min), VERSION_ARGUMENTS(WEIR_ABI_VERSION));
    }
    if (description->name == NULL || description->version == NULL) {
        return error_set(error, -EPROTO, "it has no name or no version");
    }
    for (uint32_t i = 0; i < description->operator_count; i++) {
        if ((rc = check_operator(description->operators[i], error)) != 0) {
            return rc;
        }
        if (plugins_operator(plugins, description->operators[i]->name,
                             description->operators[i]->kind, &other) != NULL) {
            return refuse_taken("an operator", description->operators[i]->name, other, error);
        }
    }
    for (uint32_t i = 0; i < description->resource_count; i++) {
        const struct weir_resource_type *type = description->resources[i];
        if ((rc = check_size("resource type", "", type->size, sizeof *type, error)) != 0) {
            return rc;
        }
        if (plugins_resource(plugins, type->name, &other) != NULL) {
            return refuse_taken("a resource type", type->name, other, error);
        }
    }
    for (uint32_t i = 0; i < description->command_count; i++) {
        const struct weir_command *command = description->commands[i];
        if ((rc = check_size("command", "", command->size, sizeof *command, error)) != 0) {
            return rc;
        }
        if (plugins_command(plugins, command->name, &other) != NULL) {
            return refuse_taken("a command", command->name, other, error);
        }
    }
    return 0;
}

static int open_library(const char *path, const struct weir_plugin **description,
                        struct error *error)
{
    const struct weir_plugin *(*entry)(uint32_t);
    int rc = check_file(path, error);
    if (rc != 0) {
        return rc;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) {
        const char *why = dlerror();
        size_t prefix = strlen(path);
        if (strncmp(why, path, prefix) == 0 && why[prefix] == ':') {
            why += prefix + 2;
        }
        return error_set(error, -ELIBACC, "%s", why);
    }
    void *symbol = dlsym(library, "weir_plugin_entry");
    if (symbol == NULL) {
        return error_set(
            error, -EPROTO,
            "it does not export weir_plugin_entry; define it with WEIR_EXPORT (weir/plugin.h)");
    }
    memcpy(&entry, &symbol, sizeof entry);
    *description = entry(WEIR_ABI_VERSION);
    return 0;
}

int plugins_load(struct plugins *plugins, const char *path, struct error *error)
{
    struct error reason = {0};
    const struct weir_plugin *description = NULL;
    struct plugin *plugin = plugin_append(plugins, path);
    if (plugin == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory", path);
    }
    int rc = open_library(path, &description, &reason);
    if (rc == 0) {
        rc = check_description(plugins, description, &reason);
    }
    if (rc != 0) {
        plugin->refusal = strdup(reason.text);
        return error_set(error, rc, "plugin %s is refused: %s", path, reason.text);
    }
    plugin->description = description;
    return 0;
}

int plugins_add(struct plugins *plugins, const struct weir_plugin *description, struct error *error)
{
    int rc = check_description(plugins, description, error);
    if (rc != 0) {
        return rc;
    }
    struct plugin *plugin = plugin_append(plugins, description->name);
    if (plugin == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory", description->name);
    }
    plugin->description = description;
    return 0;
}

static int is_known(const struct plugins *plugins, const char *name)
{
    for (const struct plugin *plugin = plugins->first; plugin != NULL; plugin = plugin->next) {
        const char *slash = strrchr(plugin->path, '/');
        if (strcmp(slash == NULL ? plugin->path : slash + 1, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int search_folder(struct plugins *plugins, const char *folder, int depth,
                         struct error *error)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, by_name), rc = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat info;
        const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (rc == 0 && name[0] != '.' && stat(path, &info) == 0) {
            if (S_ISDIR(info.st_mode) && depth > 0) {
                rc = search_folder(plugins, path, depth - 1, error);
            } else if (S_ISREG(info.st_mode) && dot != NULL && strcmp(dot, ".so") == 0 &&
                       !is_known(plugins, name) && plugins_load(plugins, path, error) == -ENOMEM) {
                rc = -ENOMEM;
            }
        }
        free(entries[i]);
    }
    if (count >= 0) {
        free(entries);
    }
    return rc;
}

int plugins_search(struct plugins *plugins, const char *const *folders, struct error *error)
{
    int rc = 0;
    for (; rc == 0 && *folders != NULL; folders++) {
        struct text searched = {0};
        text_print(&searched, "%s%s%s", plugins->searched == NULL ? "" : plugins->searched,
                   plugins->searched == NULL ? "" : ", ", *folders);
        free(plugins->searched);
        plugins->searched = searched.at;
        rc = search_folder(plugins, *folders, SEARCH_DEPTH, error);
    }
    return rc;
}

void plugins_finish(struct plugins *plugins)
{
    for (struct plugin *plugin = plugins->first, *next; plugin != NULL; plugin = next) {
        next = plugin->next;
        free(plugin->path);
        free(plugin->refusal);
        free(plugin);
    }
    free(plugins->searched);
    *plugins = (struct plugins){0};
}

// The three kinds of things in a plugin are looked up alike; MEMBER is the array, COUNT its length.
#define DEFINE_FIND(function, type, member, count, parameters, condition)                      \
    const struct type *function parameters                                                     \
    {                                                                                          \
        for (const struct plugin *at = plugins->first; at != NULL; at = at->next) {            \
            for (uint32_t i = 0; at->description != NULL && i < at->description->count; i++) { \
                if (strcmp(at->description->member[i]->name, name) == 0 && (condition)) {      \
                    if (plugin != NULL) {                                                      \
                        *plugin = at;                                                          \
                    }                                                                          \
                    return at->description->member[i];                                         \
                }                                                                              \
            }                                                                                  \
        }                                                                                      \
        return NULL;                                                                           \
    }
DEFINE_FIND(plugins_operator, weir_operator, operators, operator_count,
            (const struct plugins *plugins, const char *name, uint32_t kind,
             const struct plugin **plugin),
            kind == 0 || at->description->operators[i]->kind == kind)
DEFINE_FIND(plugins_resource, weir_resource_type, resources, resource_count,
            (const struct plugins *plugins, const char *name, const struct plugin **plugin), 1)
DEFINE_FIND(plugins_command, weir_command, commands, command_count,
            (const struct plugins *plugins, const char *name, const struct plugin **plugin), 1)

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Sorts names and leaves out those that come twice (a source and a sink may share one).
static void sort_names(const char **names, size_t count)
{
    size_t kept = 0;
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0) {
            names[kept++] = names[i];
        }
    }
    names[kept] = NULL;
}

#define DEFINE_NAMES(function, member, count, parameters, condition)                           \
    const char **function parameters                                                           \
    {                                                                                          \
        size_t name_count = 0, total = 1;                                                      \
        for (const struct plugin *at = plugins->first; at != NULL; at = at->next) {            \
            total += at->description == NULL ? 0 : at->description->count;                     \
        }                                                                                      \
        const char **names = calloc(total, sizeof *names);                                     \
        for (const struct plugin *at = plugins->first; names != NULL && at != NULL;            \
             at = at->next) {                                                                  \
            for (uint32_t i = 0; at->description != NULL && i < at->description->count; i++) { \
                if (condition) {                                                               \
                    names[name_count++] = at->description->member[i]->name;                    \
                }                                                                              \
            }                                                                                  \
        }                                                                                      \
        if (names != NULL) {                                                                   \
            sort_names(names, name_count);                                                     \
        }                                                                                      \
        return names;                                                                          \
    }
DEFINE_NAMES(plugins_operator_names, operators, operator_count,
             (const struct plugins *plugins, uint32_t kind),
             kind == 0 || at->description->operators[i]->kind == kind)
DEFINE_NAMES(plugins_resource_names, resources, resource_count, (const struct plugins *plugins), 1)
DEFINE_NAMES(plugins_command_names, commands, command_count, (const struct plugins *plugins), 1)
