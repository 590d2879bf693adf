// Reading a log from its segment files in large pieces, by stream position. Believes nothing that
// it has not checked.
#ifndef FLUSS_LOG_SCAN_H
#define FLUSS_LOG_SCAN_H

#include "log/chunk.h"
#include "log/segment.h"

// One caller at a time.
struct scan {
    struct disk *disk;
    struct chunk_pool *pool;
    uint64_t segment_bytes;
    uint64_t limit;         // what lies there or behind is not looked at; a multiple of DISK_BLOCK
    struct chunk *chunk;    // what was read last: from begin to end of it
    struct disk_file *file; // of the segment that begins at file_begin
    uint64_t file_begin;
    uint64_t file_bytes;
    char path[SEGMENT_PATH_BYTES]; // of the file looked at last
    char reason[160];              // room for *why
};

void scan_init(struct scan *scan, struct disk *disk, struct chunk_pool *pool,
               uint64_t segment_bytes);
void scan_finish(struct scan *scan);
// Forgets what was read: the files have changed.
void scan_forget(struct scan *scan);

// The record at a position, head and body checked: 1, and *record lies in scan->chunk, which a ref
// keeps. 0: there is none, *why says what is there instead. Negative errno: it cannot be read (why
// too); -ENOMEM: no memory.
int scan_record(struct scan *scan, uint64_t position, const struct record_header **record,
                const char **why);
// The first position from *position on, below `to` and in the same segment, where a record with a
// good head may begin: 1. 0: none; *end is then behind the last byte that is not zero.
int scan_search(struct scan *scan, uint64_t *position, uint64_t to, uint64_t *end);
// Offset in its file of a position.
static inline uint64_t scan_offset(const struct scan *scan, uint64_t position)
{
    return position % scan->segment_bytes;
}

#endif
