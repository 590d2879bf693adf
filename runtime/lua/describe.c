#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diagnostic_json.h"
#include "base/text.h"
#include "lua/evaluate.h"

#define DESCRIPTION_BYTES_MAX (256u << 20)
#define GRACE_MS 500 // the hook stops a loop first, and knows the line
#define HEADROOM_BYTES (512u << 20)

const struct lua_limits lua_default_limits = {
    .memory_bytes = 64 << 20, .cpu_seconds = 5, .wall_ms = 10000};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SHADOW_MEMORY 1 // of terabytes, so that the address space cannot be limited
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SHADOW_MEMORY 1
#endif
#endif
#ifndef HAS_SHADOW_MEMORY
#define HAS_SHADOW_MEMORY 0
#endif

static uint64_t address_space_used(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%llu", &pages) != 1) {
            pages = 0;
        }
        fclose(file);
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void set_limit(__rlimit_resource_t resource, uint64_t soft, uint64_t hard)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) == 0) {
        limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
        limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
        setrlimit(resource, &limit);
    }
}

static void set_limits(const struct lua_limits *limits)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    set_limit(RLIMIT_CPU, limits->cpu_seconds + 1u, limits->cpu_seconds + 2u);
    set_limit(RLIMIT_FSIZE, 0, 0);
    set_limit(RLIMIT_CORE, 0, 0);
    if (!HAS_SHADOW_MEMORY) {
        uint64_t bytes = address_space_used() + limits->memory_bytes + HEADROOM_BYTES;
        set_limit(RLIMIT_AS, bytes, bytes);
    }
}

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0) {
            return -1;
        }
        text += n;
        length -= (size_t)n;
    }
    return 0;
}

// In the child: evaluates, and sends { "description", "diagnostics", "printed" }.
__attribute__((noreturn)) static void run_child(const char *path, const struct lua_limits *limits,
                                                struct progress *progress, int fd)
{
    set_limits(limits);
    struct diagnostics diagnostics = {0};
    struct text printed = {0};
    json_t *description = evaluate(path, NULL, 0, limits, progress, &diagnostics, &printed);
    json_t *answer = json_pack("{s:o*,s:o,s:o*}", "description", description, "diagnostics",
                               diagnostics_to_json(&diagnostics), "printed",
                               printed.at == NULL ? NULL : json_string(printed.at));
    char *text = json_dumps(answer, JSON_COMPACT);
    _exit(text != NULL && write_all(fd, text, strlen(text)) == 0 ? 0 : 1);
}

static int64_t now_ms(void)
{
    return clock_monotonic_ns(&system_clock) / 1000000;
}

// Reads until the child closes its end. -ETIMEDOUT beyond the deadline, -EFBIG beyond the limit.
static int read_answer(int fd, int64_t deadline_ms, struct text *answer)
{
    char buffer[65536];
    for (;;) {
        int64_t left = deadline_ms - now_ms();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int rc = left <= 0 ? 0 : poll(&ready, 1, (int)left);
        if (rc == 0) {
            return -ETIMEDOUT;
        }
        if (rc < 0 && errno != EINTR) {
            return -errno;
        }
        ssize_t n = rc < 0 ? -1 : read(fd, buffer, sizeof buffer);
        if (n == 0) {
            return 0;
        }
        if (n > 0) {
            text_add(answer, buffer, (size_t)n);
        }
        if (answer->length > DESCRIPTION_BYTES_MAX || answer->is_short) {
            return -EFBIG;
        }
    }
}

static int take_answer(const struct text *answer, json_t **description,
                       struct diagnostics *diagnostics)
{
    json_t *json = json_loadb(answer->at == NULL ? "" : answer->at, answer->length, 0, NULL);
    int rc = diagnostics_add_json(diagnostics, json_object_get(json, "diagnostics"));
    *description = json_incref(json_object_get(json, "description"));
    const char *printed = json_string_value(json_object_get(json, "printed"));
    fputs(printed == NULL ? "" : printed, stderr);
    json_decref(json);
    return rc;
}

static const char *time_help(const char *library)
{
    static const char *const matching[] = {"string.find", "string.match", "string.gmatch",
                                           "string.gsub"};
    for (size_t i = 0; i < sizeof matching / sizeof matching[0]; i++) {
        if (strcmp(library, matching[i]) == 0) {
            return "a pattern with many `-` or `*` tries every way to match; make it simpler";
        }
    }
    return "a pipeline file is evaluated in milliseconds; look for a loop that does not end";
}

static void report_time(const struct progress *progress, const char *path, const char *limit,
                        struct diagnostics *diagnostics)
{
    const char *library = progress->library;
    struct place place = {.file = (char *)(progress->file[0] == '\0' ? path : progress->file),
                          .line = progress->line};
    struct diagnostic *added =
        library[0] == '\0'
            ? diagnostic_add(diagnostics, "W0104", &place, "the file did not end within %s", limit)
            : diagnostic_add(diagnostics, "W0105", &place, "%s did not return within %s", library,
                             limit);
    diagnostic_set(&added->help, "%s", time_help(library));
}

// Says in words why the child ended without an answer.
static void report_end(const struct progress *progress, const char *path, int status, int rc,
                       const struct lua_limits *limits, struct diagnostics *diagnostics)
{
    char limit[64];
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    struct place place = {.file = (char *)path};
    if (rc == -ETIMEDOUT) {
        snprintf(limit, sizeof limit, "%u ms", limits->wall_ms);
        report_time(progress, path, limit, diagnostics);
    } else if (signal == SIGXCPU) {
        snprintf(limit, sizeof limit, "%u s of processor time", limits->cpu_seconds);
        report_time(progress, path, limit, diagnostics);
    } else if (rc == -EFBIG) {
        diagnostic_add(diagnostics, "W0107", &place,
                       "the pipeline is too large: its description "
                       "may have 256 MiB");
    } else {
        place.line = progress->line;
        struct diagnostic *added =
            diagnostic_add(diagnostics, "W0108", &place,
                           "the process that evaluates the file ended unexpectedly (%s)",
                           signal != 0 ? strsignal(signal) : "no answer");
        diagnostic_set(&added->help, signal == SIGKILL
                                         ? "the machine may be out of memory"
                                         : "this is a fault of Weir: please report it with the "
                                           "file");
    }
}

static int wait_for(pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static json_t *run_parent(const char *path, const struct lua_limits *limits,
                          const struct progress *progress, pid_t child, int fd,
                          struct diagnostics *diagnostics)
{
    struct text answer = {0};
    json_t *description = NULL;
    int rc = read_answer(fd, now_ms() + limits->wall_ms + GRACE_MS, &answer);
    if (rc != 0) {
        kill(child, SIGKILL);
    }
    int status = wait_for(child);
    int has_answer = rc == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!has_answer || take_answer(&answer, &description, diagnostics) != 0) {
        report_end(progress, path, status, rc, limits, diagnostics);
    }
    text_finish(&answer);
    return description;
}

static json_t *fork_child(const char *path, const struct lua_limits *limits,
                          struct progress *progress, struct diagnostics *diagnostics)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        diagnostic_add(diagnostics, "W0108", NULL, "cannot make a pipe: %s", strerror(errno));
        return NULL;
    }
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        run_child(path, limits, progress, ends[1]);
    }
    close(ends[1]);
    json_t *description = NULL;
    if (child < 0) {
        diagnostic_add(diagnostics, "W0108", NULL, "cannot start a process: %s", strerror(errno));
    } else {
        description = run_parent(path, limits, progress, child, ends[0], diagnostics);
    }
    close(ends[0]);
    return description;
}

json_t *lua_describe(const char *path, const struct lua_limits *limits,
                     struct diagnostics *diagnostics)
{
    struct progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (progress == MAP_FAILED) {
        diagnostic_add(diagnostics, "W0108", NULL, "no memory to evaluate %s", path);
        return NULL;
    }
    json_t *description =
        fork_child(path, limits == NULL ? &lua_default_limits : limits, progress, diagnostics);
    munmap(progress, sizeof *progress);
    return description;
}
