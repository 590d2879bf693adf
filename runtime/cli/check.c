#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"

// check and explain: everything that run does, up to opening anything.
static int build_only(int count, char **arguments,
                      void (*show)(const struct plan *plan, const char *path))
{
    struct flag_list words = {{NULL}, 0}, folders = {{NULL}, 0}, overrides = {{NULL}, 0},
                     ffi = {{NULL}, 0};
    uint32_t workers = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    const struct flag flags[] = {{"--plugin-path", FLAG_LIST, &folders},
                                 {"--set", FLAG_LIST, &overrides},
                                 {"--workers", FLAG_NUMBER, &workers},
                                 {"--ffi-allow", FLAG_LIST, &ffi},
                                 {NULL, 0, NULL}};
    struct plugins plugins = {0};
    if (arguments_read(count, arguments, flags, &words) != 0) {
        return EXIT_USAGE;
    }
    if (words.count != 1) {
        fprintf(stderr, "weir %s: name one pipeline file\n", arguments[0]);
        return EXIT_USAGE;
    }
    int code = cli_load_plugins(&folders, &plugins);
    if (code == 0) {
        cli_allow_ffi(&ffi);
        cli_set_data_directory(NULL);
        struct plan_settings settings = {
            .workers = workers, .overrides = overrides.items, .extension = cli_extension};
        struct plan *plan = cli_build_plan(words.items[0], &plugins, &settings, &code);
        if (plan != NULL) {
            show(plan, words.items[0]);
        }
        plan_destroy(plan);
    }
    plugins_finish(&plugins);
    return code;
}

static void show_good(const struct plan *plan, const char *path)
{
    printf("%s: pipeline %s is fine: %u stages in %u chains\n", path, plan->name, plan->stage_count,
           plan->chain_count);
}

static void show_plan(const struct plan *plan, const char *path)
{
    (void)path;
    plan_explain(plan, stdout);
}

int command_check(int count, char **arguments)
{
    return build_only(count, arguments, show_good);
}

int command_explain(int count, char **arguments)
{
    return build_only(count, arguments, show_plan);
}
