// Snapshots in memory.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/blocks.h"
#include "kit/kit_body.h"

struct part {
    struct instance_part part;
    struct part *next;
};

struct weir_kit_snapshot {
    struct blocks blocks;
    struct part *first;
    struct part **last;
};

static int keep_part(void *sink, const struct instance_part *part)
{
    struct weir_kit_snapshot *snapshot = sink;
    struct part *kept = blocks_add(&snapshot->blocks, sizeof *kept);
    void *bytes = blocks_add(&snapshot->blocks, part->byte_count + 1);
    if (part->byte_count > 0) {
        memcpy(bytes, part->bytes, part->byte_count);
    }
    kept->part = *part;
    kept->part.bytes = bytes;
    kept->part.name = blocks_copy(&snapshot->blocks, part->name);
    *snapshot->last = kept;
    snapshot->last = &kept->next;
    return 0;
}

struct weir_kit_snapshot *weir_kit_save(struct weir_kit *kit)
{
    struct weir_kit_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        abort();
    }
    snapshot->last = &snapshot->first;
    if (kit_ready(kit) == WEIR_OK) {
        kit_enter(kit);
        kit_leave(kit, instance_save(kit->instance, keep_part, snapshot));
    }
    return snapshot;
}

int32_t weir_kit_load(struct weir_kit *kit, const struct weir_kit_snapshot *snapshot)
{
    int32_t rc = kit_ready(kit);
    for (const struct part *at = snapshot->first; rc == WEIR_OK && at != NULL; at = at->next) {
        kit_enter(kit);
        rc = kit_leave(kit, instance_load(kit->instance, &at->part));
    }
    return rc;
}

void weir_kit_snapshot_destroy(struct weir_kit_snapshot *snapshot)
{
    if (snapshot != NULL) {
        blocks_finish(&snapshot->blocks);
        free(snapshot);
    }
}
