#include "task/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int snapshot_add(struct snapshot *snapshot, const char *stage, const struct instance_part *part)
{
    if (snapshot->part_count == snapshot->part_capacity) {
        uint32_t capacity = snapshot->part_capacity * 2 + 64;
        struct snapshot_part *parts = realloc(snapshot->parts, capacity * sizeof *parts);
        if (parts == NULL) {
            return -ENOMEM;
        }
        snapshot->parts = parts;
        snapshot->part_capacity = capacity;
    }
    struct snapshot_part *copy = &snapshot->parts[snapshot->part_count];
    *copy =
        (struct snapshot_part){.stage = strdup(stage), .name = strdup(part->name), .part = *part};
    copy->bytes = malloc(part->byte_count + 1);
    if (copy->stage == NULL || copy->name == NULL || copy->bytes == NULL) {
        free(copy->stage);
        free(copy->name);
        free(copy->bytes);
        return -ENOMEM;
    }
    memcpy(copy->bytes, part->bytes, part->byte_count);
    copy->part.name = copy->name;
    copy->part.bytes = copy->bytes;
    snapshot->part_count++;
    snapshot->byte_count += part->byte_count;
    return 0;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    for (uint32_t i = 0; snapshot != NULL && i < snapshot->part_count; i++) {
        free(snapshot->parts[i].stage);
        free(snapshot->parts[i].name);
        free(snapshot->parts[i].bytes);
    }
    if (snapshot != NULL) {
        free(snapshot->parts);
        free(snapshot);
    }
}
