// Host extensions: optional tables that the program offers to plugins by id (weir_host.extension).
#ifndef TASK_EXTENSION_H
#define TASK_EXTENSION_H

// [setup] Offers a table under an id; both must outlive every job.
void extension_offer(const char *id, const void *table);
// [any] NULL if there is none.
const void *extension_find(const char *id);

#endif
