// Writers: which stages a source follows because it reads a resource that they write. A drain ends
// it after them.
#ifndef TASK_WRITERS_H
#define TASK_WRITERS_H

#include "plan/plan.h"

// writers[s * stage_count + w] is 1 if stage s reads what stage w writes, and w does not itself
// wait for s (by edges or by resources): those two would wait for each other for ever. From malloc;
// NULL: no memory.
uint8_t *writers_find(const struct plan *plan);

#endif
