// The program `weir`: what its commands share.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/arguments.h"
#include "loader/loader.h"
#include "plan/plan.h"

// Exit codes.
#define EXIT_FINE 0
#define EXIT_FINDINGS 1
#define EXIT_USAGE 2
#define EXIT_PIPELINE 3
#define EXIT_PLUGIN 4
#define EXIT_JOB 6
#define EXIT_BUG 70

#define WEIR_VERSION_TEXT WEIR_VERSION

#define SETUP_WARNING_S 5 // set-up takes this long: said what it waits for

int command_run(int count, char **arguments);
int command_check(int count, char **arguments);
int command_explain(int count, char **arguments);
int command_plugins(int count, char **arguments);
int command_inspect(int count, char **arguments);
int command_version(int count, char **arguments);

// Loads the plugins: those in `folders` (a refused one there is an error), then WEIR_PLUGIN_PATH,
// then those that came with this program. 0 or an exit code, after a sentence on stderr.
int cli_load_plugins(const struct flag_list *folders, struct plugins *plugins);

// Evaluates a file and builds its plan; prints what is wrong. NULL with *exit_code.
struct plan *cli_build_plan(const char *path, const struct plugins *plugins,
                            const struct plan_settings *settings, int *exit_code);

// What plugins may ask of the program (weir_host.extension), while a plan is made and in commands.
const void *cli_extension(struct instance *instance, const char *id);

// What --ffi-allow lists; before any plan is built.
void cli_allow_ffi(const struct flag_list *libraries);
// Where plugins keep what must last (--data); NULL: ./weir-data. Before any plan is built.
void cli_set_data_directory(const char *path);

#endif
