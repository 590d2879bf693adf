// What `weir run` shows: the live line while a job runs, and the account of it at the end.
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "task/job.h"

// The line of a running job; since the last call if there was one. `previous` is replaced.
struct report_sample {
    double at_s;
    uint64_t rows; // that sources have brought
};
void report_line(struct job *job, const struct plan *plan, struct report_sample *previous,
                 int is_terminal);

// The table for people on stderr, or the JSON object on stdout.
void report_table(const struct job_stats *stats);
int report_json(struct job *job, const struct job_stats *stats);

// Warns, once a stage and call, of operators that have not returned for a while. Returns the
// longest such time, in seconds, and who it is.
double report_stuck(struct job *job, const struct plan_stage **stage, const char **function);

#endif
