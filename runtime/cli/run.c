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

struct run {
    struct flag_list words, folders, overrides, taps, ffi;
    int64_t for_us;
    int until_end;
    int json;
    uint32_t workers;
    uint64_t memory;
    const struct plan_stage *warned_of;
};

static volatile sig_atomic_t signal_count;

static void on_signal(int number)
{
    (void)number;
    signal_count++;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
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

// Warns of an operator that does not return; gives up on it when the job is to end.
static void look_for_stuck(struct run *run, struct job *job, double draining_s)
{
    const struct plan_stage *stage = NULL;
    const char *function = "";
    double stuck_s = report_stuck(job, &stage, &function);
    if (stuck_s > STUCK_WARNING_S && stage != run->warned_of) {
        run->warned_of = stage;
        fprintf(stderr,
                "%s:%u: warning: stage `%s`: operator `%s` of plugin %s has not returned from %s "
                "for %.0f s\n",
                stage->place.file, stage->place.line, stage->name, stage->description->name,
                stage->plugin->description->name, function, stuck_s);
    }
    if (draining_s > STUCK_END_S && stuck_s > STUCK_END_S) {
        fprintf(stderr,
                "%s:%u: stage `%s`: operator `%s` of plugin %s never returned from %s: the job "
                "cannot end and is "
                "killed; rows under way are lost\n",
                stage->place.file, stage->place.line, stage->name, stage->description->name,
                stage->plugin->description->name, function);
        _exit(EXIT_JOB);
    }
}

// Watches the job until it has ended.
static void watch(struct run *run, const struct plan *plan, struct job *job)
{
    struct report_sample sample = {0};
    int is_terminal = isatty(STDERR_FILENO) && !run->json;
    int64_t start_ns = clock_monotonic_ns(&system_clock), drain_ns = 0;
    int64_t line_ns = (is_terminal ? TERMINAL_LINE_MS : PLAIN_LINE_MS) * 1000000LL,
            next_line_ns = start_ns + line_ns;
    int64_t next_look_ns = start_ns + 1000000000;
    while (!job_wait(job, LOOK_MS)) {
        int64_t now = clock_monotonic_ns(&system_clock);
        int is_time = run->for_us > 0 && now - start_ns >= run->for_us * 1000;
        if (drain_ns == 0 && (signal_count > 0 || is_time)) {
            if (signal_count > 0) {
                fprintf(stderr, "%sdraining; once more aborts\n", is_terminal ? "\n" : "");
            }
            drain_ns = now;
            job_drain(job);
        }
        if (signal_count > 1) {
            job_abort(job);
            if (!job_wait(job, 1000)) {
                _exit(EXIT_JOB);
            }
            break;
        }
        if (now >= next_line_ns) {
            report_line(job, plan, &sample, is_terminal);
            next_line_ns = now + line_ns;
        }
        if (now >= next_look_ns) {
            look_for_stuck(run, job, drain_ns == 0 ? 0 : (double)(now - drain_ns) / 1e9);
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
    int rc = job_create(plan, &settings, &job, &error);
    if (rc != 0) {
        fprintf(stderr, "%s\n", error.text);
        return EXIT_JOB;
    }
    rc = job_start(job, &error);
    if (rc == 0) {
        watch(run, plan, job);
        rc = job_result(job, &error);
    }
    if (job_stats(job, &stats) == 0) {
        if (run->json) {
            report_json(&stats);
        } else {
            report_table(&stats);
        }
        job_stats_finish(&stats);
    }
    if (rc != 0) {
        fprintf(stderr, "job failed: %s\n", error.text);
    }
    job_destroy(job);
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
    const struct flag flags[] = {
        {"--for", FLAG_DURATION, &run.for_us}, {"--until-end", FLAG_SWITCH, &run.until_end},
        {"--set", FLAG_LIST, &run.overrides},  {"--workers", FLAG_NUMBER, &run.workers},
        {"--memory", FLAG_SIZE, &run.memory},  {"--plugin-path", FLAG_LIST, &run.folders},
        {"--tap", FLAG_LIST, &run.taps},       {"--ffi-allow", FLAG_LIST, &run.ffi},
        {"--json", FLAG_SWITCH, &run.json},    {NULL, 0, NULL}};
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
        struct plan_settings settings = {
            .workers = run.workers, .overrides = run.overrides.items, .hooks = &cli_plan_hooks};
        struct plan *plan = cli_build_plan(run.words.items[0], &plugins, &settings, &code);
        memory_set_budget(run.memory);
        crash_catch();
        catch_signals();
        code = plan != NULL ? run_job(&run, plan) : code;
        plan_destroy(plan);
    }
    plugins_finish(&plugins);
    return code;
}
