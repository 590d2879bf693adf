// Going through the records of a log in order, for a start and for verification: which of them
// follow on each other, and what is to be thought of a place where none does.
#ifndef FLUSS_LOG_WALK_H
#define FLUSS_LOG_WALK_H

#include "log/scan.h"

#define WALK_BYTES_BEHIND_STOP \
    (16u << 20) // looked at behind a clean stop, for what may be there after all

struct walk {
    struct segments *segments;
    struct scan scan;
    uint64_t position; // of the next record
    uint64_t end;      // of the last segment file
    // What the last record said.
    uint64_t durable;
    uint64_t number;
    uint32_t crc;
    uint32_t epoch;
    uint32_t end_count; // RECORD_END records in a row
    int must_follow;    // the next record must be the very next one
    int is_thorough;    // look at all that lies behind a clean stop too
};

// A place where no record follows.
struct walk_damage {
    char path[SEGMENT_PATH_BYTES];
    uint64_t offset; // in that file
    int error;       // negative errno: it cannot be read
    char why[160];
    // Something behind it was written when this place was durable already. If not, it is the end of
    // the log, and what lies there was not finished.
    int is_corrupt;
    uint64_t next;     // where a whole record begins again; 0: nowhere
    uint64_t torn_end; // behind what was not finished
};

// Begins at the first segment; at `otherwise` if there is none.
void walk_init(struct walk *walk, struct disk *disk, struct chunk_pool *pool,
               struct segments *segments, uint64_t otherwise);
void walk_finish(struct walk *walk);
// 1: the next record. 0: none follows, *damage says why. -ENODATA: behind the last file. -ENOMEM.
int walk_next(struct walk *walk, const struct record_header **record, struct walk_damage *damage);
// Goes on behind damage.
void walk_skip(struct walk *walk, uint64_t position);
// Goes on behind a full segment whose index record this is.
void walk_take(struct walk *walk, const struct record_header *record);

#endif
