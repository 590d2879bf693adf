// Plugins that crash, or do not return while a job is set up: one line names plugin, stage and
// function.
#ifndef CLI_CRASH_H
#define CLI_CRASH_H

// [setup] For SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT; the signal then takes its course.
void crash_catch(void);

// [setup] Says once what this thread waits for if it takes long: from now, until called with 0.
void crash_watch(unsigned seconds);

#endif
