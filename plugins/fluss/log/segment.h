// Segment files of a log: their names and geometry.
//
// A segment of S bytes: a RECORD_SEGMENT, records, padding, and in its last index_bytes the
// RECORD_INDEX. The two blocks before the index are for padding and end records alone.
#ifndef FLUSS_LOG_SEGMENT_H
#define FLUSS_LOG_SEGMENT_H

#include <stdint.h>

#include "base/disk.h"
#include "base/failure.h"
#include "log/marks.h"

#define END_COUNT 2u // end records of a clean stop, so that damage to one of them is seen
#define SEGMENT_FOLDER "log"
#define SEGMENT_PATH_BYTES 32u
#define SEGMENT_BYTES_MIN (64u << 10)
#define SEGMENT_BYTES_MAX (1ull << 36)
#define SEGMENT_BYTES_DEFAULT (256ull << 20)
#define SEGMENT_SPARES_MAX 4u // kept for reuse; others are unlinked

struct segment {
    uint64_t begin;   // stream position
    uint8_t was_used; // the file was a segment before
    struct marks marks;
    struct disk_file *file; // the writer's; NULL if it does not write there
};

// Segments by position without a gap between them, and files that wait for a new life.
struct segments {
    uint64_t segment_bytes;
    uint64_t index_bytes;
    struct segment *items;
    uint32_t count;
    uint32_t capacity;
    uint64_t spares[SEGMENT_SPARES_MAX]; // begins of their former lives
    uint32_t spare_count;
};

void segment_path(uint64_t begin, char path[SEGMENT_PATH_BYTES]);
void segment_spare_path(uint64_t begin, char path[SEGMENT_PATH_BYTES]);
// What a file's name in the log folder says it is; 0: it is not of the log. begin as the name says.
enum { SEGMENT_NAME_LIVE = 1, SEGMENT_NAME_SPARE = 2 };
int segment_parse_name(const char *name, uint64_t *begin);
uint64_t segment_index_bytes(uint64_t segment_bytes);
int segment_bytes_are_good(uint64_t segment_bytes);

// What the log folder of a disk holds: segments in order, with gaps perhaps. An empty folder, or
// none, has none. segment_bytes: as the segments say, else as given.
int32_t segments_list(struct disk *disk, uint64_t segment_bytes, struct segments *segments,
                      struct failure *failure);
void segments_finish(struct disk *disk, struct segments *segments);
// Adds one at the end; NULL: no memory.
struct segment *segments_add(struct segments *segments, uint64_t begin);
// The segment that holds a position; NULL: none.
struct segment *segments_at(struct segments *segments, uint64_t position);

static inline uint64_t segment_begin_of(const struct segments *segments, uint64_t position)
{
    return position / segments->segment_bytes * segments->segment_bytes;
}

// Where the index of the segment that holds a position begins.
static inline uint64_t segment_index_of(const struct segments *segments, uint64_t position)
{
    return segment_begin_of(segments, position) + segments->segment_bytes - segments->index_bytes;
}

#endif
