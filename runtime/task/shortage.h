// Shortage: what a source does while the memory budget is nearly used up. It waits; it says so when
// that takes long; and it ends the job when nothing under way can free any memory.
#ifndef TASK_SHORTAGE_H
#define TASK_SHORTAGE_H

#include "task/task.h"

// [task] The source of a task is not polled because memory is short.
void shortage_wait(struct task *task);
// [task] It is polled again.
void shortage_over(struct task *task);

#endif
