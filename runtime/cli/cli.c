#include "cli/cli.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/crash.h"
#include "lua/lua.h"
#include "task/extension.h"

#define FOLDERS_MAX (FLAG_LIST_MAX + 64)

// The folder that this program lies in.
static const char *program_folder(void)
{
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) {
        return ".";
    }
    path[length] = '\0';
    return dirname(path);
}

int cli_load_plugins(const struct flag_list *folders, struct plugins *plugins)
{
    const char *search[FOLDERS_MAX + 3] = {NULL};
    char in_place[PATH_MAX], installed[PATH_MAX], *list = NULL;
    uint32_t count = 0;
    struct error error = {0};
    int rc = plugins_search(plugins, folders->items, &error);
    for (const struct plugin *plugin = plugins->first; plugin != NULL; plugin = plugin->next) {
        if (plugin->refusal != NULL) {
            fprintf(stderr, "weir: plugin %s is refused: %s\n", plugin->path, plugin->refusal);
            return EXIT_PLUGIN;
        }
    }
    const char *path = getenv("WEIR_PLUGIN_PATH");
    if (path != NULL && (list = strdup(path)) != NULL) {
        char *rest = list;
        for (char *folder; count < FOLDERS_MAX && (folder = strsep(&rest, ":")) != NULL;) {
            if (folder[0] != '\0') {
                search[count++] = folder;
            }
        }
    }
    snprintf(in_place, sizeof in_place, "%s/plugins", program_folder());
    snprintf(installed, sizeof installed, "%s/" WEIR_PLUGIN_FOLDER, program_folder());
    search[count++] = access(in_place, X_OK) == 0 ? in_place : installed;
    rc = rc != 0 ? rc : plugins_search(plugins, search, &error);
    free(list);
    if (rc != 0) {
        fprintf(stderr, "weir: %s\n", error.text);
        return EXIT_PLUGIN;
    }
    return 0;
}

static int has_refused(const struct plugins *plugins)
{
    int count = 0;
    for (const struct plugin *plugin = plugins->first; plugin != NULL; plugin = plugin->next) {
        count += plugin->refusal != NULL;
    }
    return count;
}

struct plan *cli_build_plan(const char *path, const struct plugins *plugins,
                            const struct plan_settings *settings, int *exit_code)
{
    struct diagnostics diagnostics = {0};
    struct plan *plan = NULL;
    crash_catch();
    json_t *description = lua_describe(path, &lua_default_limits, &diagnostics);
    if (description != NULL) {
        crash_watch(SETUP_WARNING_S);
        plan = plan_build(json_incref(description), plugins, settings, &diagnostics);
        crash_watch(0);
        lua_note_callers(description, &diagnostics);
        json_decref(description);
    }
    diagnostics_print(&diagnostics, stderr);
    if (plan == NULL) {
        int misses_operator = 0;
        for (const struct diagnostic *at = diagnostics.first; at != NULL; at = at->next) {
            misses_operator |= strcmp(at->code, "W0403") == 0 || strcmp(at->code, "W0401") == 0;
        }
        if (misses_operator && has_refused(plugins)) {
            for (const struct plugin *plugin = plugins->first; plugin != NULL;
                 plugin = plugin->next) {
                if (plugin->refusal != NULL) {
                    fprintf(stderr, "note: plugin %s is refused: %s\n", plugin->path,
                            plugin->refusal);
                }
            }
        }
        *exit_code = misses_operator && has_refused(plugins) ? EXIT_PLUGIN : EXIT_PIPELINE;
    }
    diagnostics_finish(&diagnostics);
    return plan;
}

static const struct {
    const char *name;
    int (*run)(int count, char **arguments);
    const char *usage;
    const char *summary;
} commands[] = {
    {"run", command_run, "run FILE [flags]", "runs a pipeline in this process"},
    {"check", command_check, "check FILE", "says whether a pipeline would run"},
    {"explain", command_explain, "explain FILE",
     "shows the plan: stages, schemas, exchanges, tasks"},
    {"plugins", command_plugins, "plugins", "lists plugins, and why any is refused"},
    {"inspect", command_inspect, "inspect OPERATOR", "shows an operator and its options"},
    {"version", command_version, "version", "prints versions"},
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void print_usage(FILE *file, const struct plugins *plugins)
{
    fprintf(file, "weir " WEIR_VERSION_TEXT ", a stream-processing runtime\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(file, "  weir %-22s %s\n", commands[i].usage, commands[i].summary);
    }
    for (const struct plugin *plugin = plugins->first; plugin != NULL; plugin = plugin->next) {
        for (uint32_t i = 0; plugin->description != NULL && i < plugin->description->command_count;
             i++) {
            const struct weir_command *command = plugin->description->commands[i];
            fprintf(file, "  weir %-22s %s (plugin %s)\n", command->name, command->summary,
                    plugin->description->name);
        }
    }
    fprintf(
        file,
        "\nflags of run, check and explain:\n"
        "  --set STAGE.OPTION=VALUE   sets an option of a stage\n"
        "  --workers N                threads that run tasks (default: the cores)\n"
        "  --plugin-path DIR          searches DIR for plugins first; may be repeated\n"
        "  --ffi-allow LIBRARY        lets stages call functions of a library; may be repeated\n"
        "flags of run:\n"
        "  --for DURATION             drains the job after this long\n"
        "  --until-end                unbounded sources end at what is there\n"
        "  --data DIR                 where tables are kept (default: ./weir-data)\n"
        "  --memory SIZE              budget of memory (default: three quarters of what there is)\n"
        "  --tap STAGE=N              prints the first N rows that leave a stage; may be repeated\n"
        "  --json                     prints one JSON object at the end\n");
}

// A command that a plugin brings.
static int run_plugin_command(const struct weir_command *command, const struct plugin *plugin,
                              int count, char **arguments)
{
    static const struct instance_hooks hooks = {.extension = cli_extension};
    struct error error = {0};
    struct instance *instance;
    struct instance_request request = {.host = &host_weir,
                                       .plugin = plugin->description->name,
                                       .stage = command->name,
                                       .hooks = &hooks};
    cli_set_data_directory(NULL);
    if (instance_create(&request, &instance, &error) != 0) {
        fprintf(stderr, "weir %s: %s\n", command->name, error.text);
        return EXIT_BUG;
    }
    int32_t code = command->run(&instance->context, count, (const char *const *)arguments);
    if (code < 0) {
        fprintf(stderr, "weir %s: %s\n", command->name, instance->error.text);
    }
    instance_destroy(instance);
    return code < 0 ? EXIT_FINDINGS : code;
}

static int run_other(int count, char **arguments)
{
    static const struct flag_list nothing = {{NULL}, 0};
    struct plugins plugins = {0};
    const struct plugin *plugin;
    int code = EXIT_USAGE,
        is_help = strcmp(arguments[0], "help") == 0 || strcmp(arguments[0], "--help") == 0;
    cli_load_plugins(&nothing, &plugins);
    const struct weir_command *command = plugins_command(&plugins, arguments[0], &plugin);
    if (command != NULL) {
        code = run_plugin_command(command, plugin, count, arguments);
    } else if (is_help) {
        print_usage(stdout, &plugins);
        code = EXIT_FINE;
    } else {
        const char **brought = plugins_command_names(&plugins);
        const char *names[128] = {NULL};
        size_t known = 0;
        for (; known < COMMAND_COUNT; known++) {
            names[known] = commands[known].name;
        }
        for (size_t i = 0; brought != NULL && brought[i] != NULL && known < 126; i++) {
            names[known++] = brought[i];
        }
        const char *near = text_nearest(arguments[0], names);
        fprintf(stderr, "weir: there is no command `%s`%s%s%s\n\n", arguments[0],
                near == NULL ? "" : "; did you mean `", near == NULL ? "" : near,
                near == NULL ? "" : "`?");
        print_usage(stderr, &plugins);
        free(brought);
    }
    plugins_finish(&plugins);
    return code;
}

int main(int count, char **arguments)
{
    static const struct plugins no_plugins = {0};
    if (count < 2) {
        print_usage(stderr, &no_plugins);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(arguments[1], commands[i].name) == 0) {
            return commands[i].run(count - 1, arguments + 1);
        }
    }
    if (strcmp(arguments[1], "--version") == 0) {
        return command_version(count - 1, arguments + 1);
    }
    return run_other(count - 1, arguments + 1);
}
