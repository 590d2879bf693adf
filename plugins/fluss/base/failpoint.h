// Failpoints: named places at which a test ends the process as a crash would. WEIR_FAILPOINT=NAME:N
// kills it the N-th time that place is reached. Unset, a failpoint is one test of a variable.
#ifndef FLUSS_BASE_FAILPOINT_H
#define FLUSS_BASE_FAILPOINT_H

enum failpoint {
    FAILPOINT_GROUP_SEALED,     // a group is about to be written
    FAILPOINT_GROUP_PIECE,      // a piece of it is written, others may follow
    FAILPOINT_GROUP_WRITTEN,    // all of it is written, nothing is synced
    FAILPOINT_GROUP_SYNCED,     // it is durable, nobody knows
    FAILPOINT_SEGMENT_FULL,     // the index of a full segment is about to be written
    FAILPOINT_SEGMENT_MADE,     // the next segment's file is there
    FAILPOINT_SEGMENT_RETIRED,  // a file was given up or renamed for reuse
    FAILPOINT_TAIL_CUT,         // at start: a torn tail was found and is about to be cut
    FAILPOINT_SNAPSHOT_WRITTEN, // a snapshot is written, not synced
    FAILPOINT_SNAPSHOT_SYNCED,  // and synced, not renamed
    FAILPOINT_SNAPSHOT_RENAMED, // and renamed, the old one is still there
    FAILPOINT_SNAPSHOT_DROPPED, // an old one is gone
    FAILPOINT_CATALOG_WRITTEN,  // a new catalog is written, not renamed
    FAILPOINT_CATALOG_RENAMED,
    FAILPOINT_COUNT,
};

// 1 when a failpoint is armed: read once, at the first use of the environment.
extern int failpoint_is_armed;

const char *failpoint_name(enum failpoint failpoint);
// Reads the environment. Called by whoever opens a store; more than once is fine.
void failpoint_arm(void);
// Counts, and kills the process when it is time. [any]
void failpoint_count(enum failpoint failpoint);

static inline void failpoint_reach(enum failpoint failpoint)
{
    if (__builtin_expect(failpoint_is_armed, 0)) {
        failpoint_count(failpoint);
    }
}

#endif
