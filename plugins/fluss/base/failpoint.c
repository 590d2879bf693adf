#include "base/failpoint.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FAILPOINT_COUNT] = {
    [FAILPOINT_GROUP_SEALED] = "group_sealed",
    [FAILPOINT_GROUP_PIECE] = "group_piece",
    [FAILPOINT_GROUP_WRITTEN] = "group_written",
    [FAILPOINT_GROUP_SYNCED] = "group_synced",
    [FAILPOINT_SEGMENT_FULL] = "segment_full",
    [FAILPOINT_SEGMENT_MADE] = "segment_made",
    [FAILPOINT_SEGMENT_RETIRED] = "segment_retired",
    [FAILPOINT_TAIL_CUT] = "tail_cut",
    [FAILPOINT_SNAPSHOT_WRITTEN] = "snapshot_written",
    [FAILPOINT_SNAPSHOT_SYNCED] = "snapshot_synced",
    [FAILPOINT_SNAPSHOT_RENAMED] = "snapshot_renamed",
    [FAILPOINT_SNAPSHOT_DROPPED] = "snapshot_dropped",
    [FAILPOINT_CATALOG_WRITTEN] = "catalog_written",
    [FAILPOINT_CATALOG_RENAMED] = "catalog_renamed",
};

int failpoint_is_armed;
static enum failpoint armed;
static atomic_long left;

const char *failpoint_name(enum failpoint failpoint)
{
    return names[failpoint];
}

void failpoint_arm(void)
{
    const char *wanted = getenv("WEIR_FAILPOINT");
    const char *colon = wanted == NULL ? NULL : strchr(wanted, ':');
    if (failpoint_is_armed || colon == NULL) {
        return;
    }
    for (int i = 0; i < FAILPOINT_COUNT; i++) {
        size_t length = (size_t)(colon - wanted);
        if (strlen(names[i]) == length && memcmp(names[i], wanted, length) == 0) {
            armed = (enum failpoint)i;
            atomic_store(&left, strtol(colon + 1, NULL, 10));
            failpoint_is_armed = 1;
        }
    }
}

void failpoint_count(enum failpoint failpoint)
{
    if (failpoint == armed && atomic_fetch_sub(&left, 1) == 1) {
        raise(SIGKILL);
    }
}
