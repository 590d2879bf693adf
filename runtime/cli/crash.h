// Crashes: before the process ends, one line names plugin, stage, function and batch.
#ifndef CLI_CRASH_H
#define CLI_CRASH_H

// [setup] For SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT; the signal then takes its course.
void crash_catch(void);

#endif
