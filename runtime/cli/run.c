#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/crash.h"
#include "cli/report.h"
#include "cli/tap.h"

#define TERMINAL_LINE_MS 250
#define PLAIN_LINE_MS 10000
#define LOOK_MS 50
#define STUCK_WARNING_S 5.0 // an operator's call takes this long: a warning
#define STUCK_END_S 10.0    // so long after the job was told to end: given up
#define ABORT_MS 1000       // how long an abort waits for calls to return

struct run {
    struct flag_list words, folders, overrides, taps, ffi;
    int64_t for_us;
    int until_end;
    int json;
    uint32_t workers;
    uint64_t memory;
    const char *data;
    const struct plan_stage *warned_of;
};

static _Atomic int signal_count; // a signal reaches whichever thread

static void on_signal(int number)
{
    (void)number;
    signal_count++;
}

// While rows flow a signal drains the job; before and after, it ends the process at once.
static void catch_signals(void (*handler)(int number))
{
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static uint64_t read_number(const char *path)
{
    unsigned long long number = 0;
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%llu", &number) != 1) {
            number = 0;
        }
        fclose(file);
    }
    return number;
}

// Three quarters of what the machine, or the container, has.
static uint64_t default_memory(void)
{
    uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t limits[] = {read_number("/sys/fs/cgroup/memory.max"),
                         read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes")};
    for (unsigned i = 0; i < 2; i++) {
        all = limits[i] != 0 && limits[i] < all ? limits[i] : all;
    }
    return all / 4 * 3;
}

static void print_stuck(const struct plan_stage *stage, const char *function, const char *warning,
                        const char *verb, const char *consequence)
{
    fprintf(stderr, "%s:%u: %sstage `%s`: operator `%s` of plugin %s %s from %s%s\n",
            stage->place.file, stage->place.line, warning, stage->name, stage->description->name,
            stage->plugin->description->name, verb, function, consequence);
}

// The job cannot end by itself.
static void kill_job(const struct plan_stage *stage, const char *function)
{
    if (stage != NULL) {
        print_stuck(stage, function, "", "never returned",
                    ": the job cannot end and is killed; rows under way are lost");
    }
    _exit(EXIT_JOB);
}

// Warns of an operator that does not return; gives up on it when the job is to end.
static void look_for_stuck(struct run *run, struct job *job, double ending_s)
{
    const struct plan_stage *stage = NULL;
    const char *function = "";
    double stuck_s = report_stuck(job, &stage, &function);
    if (stuck_s > STUCK_WARNING_S && stage != run->warned_of) {
        char duration[32];
        run->warned_of = stage;
        snprintf(duration, sizeof duration, " for %.0f s", stuck_s);
        print_stuck(stage, function, "warning: ", "has not returned", duration);
    }
    if (ending_s > STUCK_END_S && stuck_s > STUCK_END_S) {
        kill_job(stage, function);
    }
}

static void abort_job(struct job *job)
{
    const struct plan_stage *stage = NULL;
    const char *function = "";
    job_abort(job);
    if (!job_wait(job, ABORT_MS)) {
        report_stuck(job, &stage, &function);
        kill_job(stage, function);
    }
}

// Watches the job until it has ended.
static void watch(struct run *run, const struct plan *plan, struct job *job)
{
    struct report_sample sample = {0};
    int is_terminal = isatty(STDERR_FILENO) && !run->json;
    int64_t start_ns = clock_monotonic_ns(&system_clock), ending_ns = 0;
    int is_told = 0;
    int64_t line_ns = (is_terminal ? TERMINAL_LINE_MS : PLAIN_LINE_MS) * 1000000LL,
            next_line_ns = start_ns + line_ns;
    int64_t next_look_ns = start_ns + 1000000000;
    while (!job_wait(job, LOOK_MS)) {
        int64_t now = clock_monotonic_ns(&system_clock);
        int is_time = run->for_us > 0 && now - start_ns >= run->for_us * 1000;
        if (!is_told && (signal_count > 0 || is_time)) {
            if (signal_count > 0) {
                fprintf(stderr, "%sdraining; once more aborts\n", is_terminal ? "\n" : "");
            }
            is_told = 1;
            job_drain(job);
        }
        if (signal_count > 1) {
            abort_job(job);
            break;
        }
        if (ending_ns == 0 && job_is_ending(job)) {
            ending_ns = now;
        }
        if (now >= next_line_ns) {
            report_line(job, plan, &sample, is_terminal);
            next_line_ns = now + line_ns;
        }
        if (now >= next_look_ns) {
            look_for_stuck(run, job, ending_ns == 0 ? 0 : (double)(now - ending_ns) / 1e9);
            next_look_ns = now + 1000000000;
        }
    }
    if (is_terminal) {
        fprintf(stderr, "\r\033[K");
    }
}

static int run_job(struct run *run, const struct plan *plan)
{
    struct error error = {0};
    struct job *job;
    struct job_stats stats;
    struct job_settings settings = {
        .worker_count = run->workers,
        .until_end = run->until_end,
        .tap = run->taps.count > 0 ? tap_batch : NULL,
    };
    if (tap_init(&run->taps, plan) != 0) {
        return EXIT_USAGE;
    }
    crash_watch(SETUP_WARNING_S);
    int rc = job_create(plan, &settings, &job, &error);
    crash_watch(0);
    if (rc != 0) {
        fprintf(stderr, "job failed: %s\n", error.text);
        return EXIT_JOB;
    }
    catch_signals(on_signal);
    rc = job_start(job, &error);
    if (rc == 0) {
        watch(run, plan, job);
        rc = job_result(job, &error);
    }
    if (job_stats(job, &stats) == 0) {
        if (run->json) {
            report_json(job, &stats);
        } else {
            report_table(&stats);
        }
        job_stats_finish(&stats);
    }
    if (rc != 0) {
        fprintf(stderr, "job failed: %s\n", error.text);
    }
    catch_signals(SIG_DFL);
    crash_watch(SETUP_WARNING_S);
    job_destroy(job);
    crash_watch(0);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "weir run: cannot write to stdout: %s\n", strerror(errno));
        return EXIT_JOB;
    }
    return rc != 0 ? EXIT_JOB : EXIT_FINE;
}

int command_run(int count, char **arguments)
{
    struct run run = {.workers = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
                      .memory = default_memory()};
    const struct flag flags[] = {{"--for", FLAG_DURATION, &run.for_us},
                                 {"--until-end", FLAG_SWITCH, &run.until_end},
                                 {"--set", FLAG_LIST, &run.overrides},
                                 {"--workers", FLAG_NUMBER, &run.workers},
                                 {"--memory", FLAG_SIZE, &run.memory},
                                 {"--plugin-path", FLAG_LIST, &run.folders},
                                 {"--tap", FLAG_LIST, &run.taps},
                                 {"--ffi-allow", FLAG_LIST, &run.ffi},
                                 {"--json", FLAG_SWITCH, &run.json},
                                 {"--data", FLAG_TEXT, &run.data},
                                 {NULL, 0, NULL}};
    struct plugins plugins = {0};
    if (arguments_read(count, arguments, flags, &run.words) != 0) {
        return EXIT_USAGE;
    }
    if (run.words.count != 1) {
        fprintf(stderr, "weir run: name one pipeline file\n");
        return EXIT_USAGE;
    }
    int code = cli_load_plugins(&run.folders, &plugins);
    if (code == 0) {
        cli_allow_ffi(&run.ffi);
        cli_set_data_directory(run.data);
        struct plan_settings settings = {
            .workers = run.workers, .overrides = run.overrides.items, .extension = cli_extension};
        struct plan *plan = cli_build_plan(run.words.items[0], &plugins, &settings, &code);
        memory_set_budget(run.memory);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); // a file that may not grow is an error of write
        code = plan != NULL ? run_job(&run, plan) : code;
        plan_destroy(plan);
    }
    plugins_finish(&plugins);
    return code;
}
