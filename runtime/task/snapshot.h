// Snapshots of a whole job, in memory: the state of every stage, consistent over all its tasks. A
// snapshot may be restored at any parallelism.
#ifndef TASK_SNAPSHOT_H
#define TASK_SNAPSHOT_H

#include "host/instance.h"

struct snapshot_part {
    char *stage;
    char *name;
    void *bytes;
    struct instance_part part; // its name and bytes are the two above
};

struct snapshot {
    struct snapshot_part *parts;
    uint32_t part_count;
    uint32_t part_capacity;
    uint64_t byte_count;
};

// Adds a copy of a part. -ENOMEM.
int snapshot_add(struct snapshot *snapshot, const char *stage, const struct instance_part *part);
void snapshot_destroy(struct snapshot *snapshot); // NULL is fine

#endif
