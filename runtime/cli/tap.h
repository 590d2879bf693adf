// --tap STAGE=N: prints the first N rows that leave a stage, with their kinds, to stderr.
#ifndef CLI_TAP_H
#define CLI_TAP_H

#include "cli/arguments.h"
#include "plan/plan.h"

// 0, or -1 after a sentence on stderr (no such stage, no number).
int tap_init(const struct flag_list *requests, const struct plan *plan);
void tap_batch(void *owner, const struct plan_stage *stage, uint32_t output,
               const struct weir_batch *batch);

#endif
