#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

static const char *const kind_names[] = {"", "source", "transform", "sink", "service"};

static const char *type_text(uint32_t type)
{
    static const char *const names[] = {"",         "bool",     "int",        "float",
                                        "string",   "duration", "bytes",      "enum",
                                        "column",   "columns",  "expression", "aggregates",
                                        "resource", "list",     "map",        "columns with types"};
    return type < sizeof names / sizeof *names ? names[type] : "?";
}

static void print_type(struct text *text, const struct weir_option *option)
{
    text_print(text, "%s", type_text(option->type));
    if (option->type == WEIR_OPTION_LIST || option->type == WEIR_OPTION_MAP) {
        text_print(text, " of %s", type_text(option->element));
    }
    if ((option->flags & WEIR_OPTION_MONTHS) != 0) {
        text_print(text, " or months");
    }
    for (uint32_t i = 0; option->choices != NULL && option->choices[i] != NULL; i++) {
        text_print(text, "%s%s", i == 0 ? ": " : ", ", option->choices[i]);
    }
    if (option->unit != NULL) {
        text_print(text, ", %s", option->unit);
    }
    if (option->min < option->max) {
        double factor = option->type == WEIR_OPTION_DURATION ? 1e-6 : 1;
        text_print(text, ", %.15g to %.15g%s", option->min * factor, option->max * factor,
                   option->type == WEIR_OPTION_DURATION ? " s" : "");
    }
}

static void print_options(const struct weir_option *options, uint32_t count, int is_markdown)
{
    if (is_markdown) {
        printf("| option | type | default | what |\n|---|---|---|---|\n");
    }
    for (uint32_t i = 0; i < count; i++) {
        struct text type = {0};
        const char *name = options[i].name[0] == '\0' ? "(items)" : options[i].name;
        const char *otherwise = (options[i].flags & WEIR_OPTION_REQUIRED) != 0 ? "required"
                                : options[i].initial == NULL                   ? ""
                                                                               : options[i].initial;
        print_type(&type, &options[i]);
        if (is_markdown) {
            printf("| `%s` | %s | %s%s%s | %s |\n", name, type.at, otherwise[0] == '\0' ? "" : "`",
                   otherwise, otherwise[0] == '\0' ? "" : "`", options[i].summary);
        } else {
            printf("  %-18s %s%s%s\n  %-18s   %s\n", name, type.at,
                   otherwise[0] == '\0'                             ? ""
                   : (options[i].flags & WEIR_OPTION_REQUIRED) != 0 ? "; "
                                                                    : "; default ",
                   otherwise, "", options[i].summary);
        }
        text_finish(&type);
    }
}

static void print_operator(const struct weir_operator *description, const struct plugin *plugin,
                           int is_markdown)
{
    if (is_markdown) {
        printf("### `%s`\n\n%s. A %s.\n\n", description->name, description->summary,
               kind_names[description->kind]);
    } else {
        printf("%s: %s\n  a %s of plugin %s %s (%s)\n", description->name, description->summary,
               kind_names[description->kind], plugin->description->name,
               plugin->description->version, plugin->path);
    }
    if (description->outputs != NULL && description->outputs[0] != NULL) {
        printf(is_markdown ? "Side outputs:" : "  side outputs:");
        for (uint32_t i = 0; description->outputs[i] != NULL; i++) {
            printf(is_markdown ? " `%s`" : " %s", description->outputs[i]);
        }
        printf(is_markdown ? ".\n\n" : "\n");
    }
    if (!is_markdown) {
        printf("options:\n");
    }
    print_options(description->options, description->option_count, is_markdown);
    printf("\n");
}

static void print_all(const struct plugins *plugins)
{
    printf("### Every stage\n\n");
    print_options(plan_common_options, plan_common_option_count, 1);
    printf("\n");
    for (uint32_t kind = WEIR_OPERATOR_SOURCE; kind <= WEIR_OPERATOR_SERVICE; kind++) {
        const char **names = plugins_operator_names(plugins, kind);
        for (uint32_t i = 0; names != NULL && names[i] != NULL; i++) {
            const struct plugin *plugin;
            const struct weir_operator *description =
                plugins_operator(plugins, names[i], kind, &plugin);
            print_operator(description, plugin, 1);
        }
        free(names);
    }
}

// All operators of a name, of any kind; how many there are.
static int print_named(const struct plugins *plugins, const char *name, int is_markdown)
{
    int count = 0;
    for (uint32_t kind = WEIR_OPERATOR_SOURCE; kind <= WEIR_OPERATOR_SERVICE; kind++) {
        const struct plugin *plugin;
        const struct weir_operator *description = plugins_operator(plugins, name, kind, &plugin);
        if (description != NULL) {
            print_operator(description, plugin, is_markdown);
            count++;
        }
    }
    return count;
}

static int unknown_operator(const struct plugins *plugins, const char *name)
{
    const char **names = plugins_operator_names(plugins, 0);
    const char *near = names == NULL ? NULL : text_nearest(name, names);
    fprintf(stderr, "weir inspect: there is no operator `%s`", name);
    fprintf(stderr, near == NULL ? "; there are:" : "; did you mean `%s`? There are:", near);
    for (uint32_t i = 0; names != NULL && names[i] != NULL; i++) {
        fprintf(stderr, "%s%s", i == 0 ? " " : ", ", names[i]);
    }
    fprintf(stderr, "\n");
    free(names);
    return EXIT_USAGE;
}

int command_inspect(int count, char **arguments)
{
    struct flag_list words = {{NULL}, 0}, folders = {{NULL}, 0};
    int is_markdown = 0;
    const struct flag flags[] = {{"--plugin-path", FLAG_LIST, &folders},
                                 {"--markdown", FLAG_SWITCH, &is_markdown},
                                 {NULL, 0, NULL}};
    struct plugins plugins = {0};
    if (arguments_read(count, arguments, flags, &words) != 0) {
        return EXIT_USAGE;
    }
    if (words.count == 0 && !is_markdown) {
        fprintf(stderr, "weir inspect: name an operator; `weir plugins` lists them\n");
        return EXIT_USAGE;
    }
    int code = cli_load_plugins(&folders, &plugins);
    if (code == 0 && words.count == 0) {
        print_all(&plugins);
    }
    for (uint32_t i = 0; code == 0 && i < words.count; i++) {
        if (print_named(&plugins, words.items[i], is_markdown) == 0) {
            code = unknown_operator(&plugins, words.items[i]);
        } else if (!is_markdown) {
            printf("options of every stage:\n");
            print_options(plan_common_options, plan_common_option_count, 0);
        }
    }
    plugins_finish(&plugins);
    return code;
}

int command_plugins(int count, char **arguments)
{
    struct flag_list words = {{NULL}, 0}, folders = {{NULL}, 0};
    const struct flag flags[] = {{"--plugin-path", FLAG_LIST, &folders}, {NULL, 0, NULL}};
    struct plugins plugins = {0};
    if (arguments_read(count, arguments, flags, &words) != 0) {
        return EXIT_USAGE;
    }
    int code = cli_load_plugins(&folders, &plugins);
    for (const struct plugin *plugin = plugins.first; code == 0 && plugin != NULL;
         plugin = plugin->next) {
        if (plugin->refusal != NULL) {
            continue;
        }
        printf("%s %s (%s, ABI %u.%u) %s\n", plugin->description->name,
               plugin->description->version,
               plugin->description->licence == NULL ? "no licence" : plugin->description->licence,
               plugin->description->abi_version >> 16, plugin->description->abi_version & 0xffff,
               plugin->path);
        for (uint32_t i = 0; i < plugin->description->operator_count; i++) {
            const struct weir_operator *description = plugin->description->operators[i];
            printf("  %-10s %-18s %s\n", kind_names[description->kind], description->name,
                   description->summary);
        }
        for (uint32_t i = 0; i < plugin->description->resource_count; i++) {
            printf("  %-10s %-18s %s\n", "resource", plugin->description->resources[i]->name,
                   plugin->description->resources[i]->summary);
        }
        for (uint32_t i = 0; i < plugin->description->command_count; i++) {
            printf("  %-10s %-18s %s\n", "command", plugin->description->commands[i]->name,
                   plugin->description->commands[i]->summary);
        }
    }
    for (const struct plugin *plugin = plugins.first; plugin != NULL; plugin = plugin->next) {
        if (plugin->refusal != NULL && code != EXIT_PLUGIN) {
            printf("REFUSED %s: %s\n", plugin->path, plugin->refusal);
            code = EXIT_FINDINGS;
        }
    }
    if (plugins.first == NULL) {
        printf("no plugins in %s\n", plugins.searched);
    }
    plugins_finish(&plugins);
    return code;
}

int command_version(int count, char **arguments)
{
    (void)count;
    (void)arguments;
    printf("weir %s (plugin ABI %u.%u, Apache-2.0)\n", WEIR_VERSION_TEXT, WEIR_ABI_MAJOR,
           WEIR_ABI_MINOR);
    return EXIT_FINE;
}
