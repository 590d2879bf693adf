#include "cli/crash.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/instance.h"

static void on_crash(int number)
{
    // Only what is safe in a signal handler: a line put together by hand (snprintf of integers and
    // strings does not allocate in glibc), one write, and the signal again.
    char line[1024];
    const struct instance_call *call = instance_current;
    if (call != NULL) {
        int length = snprintf(
            line, sizeof line,
            "weir: %s in plugin %s, stage `%s`, operator `%s`, function %s, batch of %u rows: this "
            "is the plugin's fault\n",
            sigabbrev_np(number), call->instance->plugin, call->instance->context.stage,
            call->instance->description == NULL ? "-" : call->instance->description->name,
            call->function, call->batch == NULL ? 0 : call->batch->row_count);
        ssize_t written = write(STDERR_FILENO, line, (size_t)length);
        (void)written;
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void on_alarm(int number)
{
    char line[1024];
    const struct instance_call *call = instance_current;
    (void)number;
    if (call != NULL) {
        int length =
            snprintf(line, sizeof line,
                     "weir: waiting for operator `%s` of plugin %s, stage `%s`, to return "
                     "from %s\n",
                     call->instance->description == NULL ? "-" : call->instance->description->name,
                     call->instance->plugin, call->instance->context.stage, call->function);
        ssize_t written = write(STDERR_FILENO, line, (size_t)length);
        (void)written;
    }
}

void crash_watch(unsigned seconds)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
}

void crash_catch(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaction(signals[i], &action, NULL);
    }
}
