// What a segment holds, by bucket and by table: marks, where to begin reading for an offset or a
// time, and shares, for retention. Kept in memory for every segment, and on disk as the
// RECORD_INDEX at the end of a full one.
#ifndef FLUSS_LOG_MARKS_H
#define FLUSS_LOG_MARKS_H

#include <stdint.h>

#include "log/record.h"
#include "log/stream.h"

#define MARK_BYTES (16u << 20) // of log between two marks of a bucket

// One mark of one bucket. On disk as here.
struct mark {
    uint32_t table_id;
    uint32_t bucket;
    uint64_t position; // of the bucket's first record in this stretch of the log
    uint64_t offset;   // its base offset
    int64_t newest_us; // newest append of the bucket (or of its table) before it, or INT64_MIN
};
_Static_assert(sizeof(struct mark) == 32, "format");

// Head of the body of a RECORD_INDEX; then the shares, then the marks by position.
struct marks_index {
    uint64_t begin; // of the segment
    uint64_t end;   // of what it covers: the index record itself, or less (RECORD_INDEX of a stop)
    uint32_t share_count;
    uint32_t mark_count;
    uint32_t is_complete; // 0: there was no room; the segment must be read through
    uint32_t zero;
};
_Static_assert(sizeof(struct marks_index) == 32, "format");

// Of one segment. Zeroed is empty.
struct marks {
    struct stream_share *shares;
    uint32_t share_count;
    uint32_t share_capacity;
    struct mark *items; // by position
    uint32_t count;
    uint32_t capacity;
    int has_lost; // memory ran out: there are more than these
};

// The buckets that the stream has seen.
struct mark_bucket {
    uint32_t table_id; // 0: free place
    uint32_t bucket;
    uint64_t stretch; // of its newest mark
    int64_t newest_us;
};
struct mark_buckets {
    struct mark_bucket *items;
    uint32_t count;
    uint32_t capacity; // a power of two
};

void marks_finish(struct marks *marks);
void mark_buckets_finish(struct mark_buckets *buckets);
// Notes a batch of the segment that begins at segment_begin. When half of the body_bytes that the
// index has are full, only the first mark of a bucket is made.
void marks_add(struct marks *marks, struct mark_buckets *buckets, uint64_t segment_begin,
               uint64_t body_bytes, const struct record_batch *batch);
// Writes the body of a RECORD_INDEX, body_bytes of it, the rest zeros.
void marks_encode(const struct marks *marks, uint64_t segment_begin, uint64_t end, uint8_t *body,
                  uint64_t body_bytes);
// Bytes of the body that marks_encode needs to keep all.
uint64_t marks_bytes(const struct marks *marks);
// Reads such a body, of an index record at index_position. 1, and *end is behind what it covers; 0
// if it is not complete or makes no sense: then the segment must be read through.
int marks_decode(struct marks *marks, struct mark_buckets *buckets, uint64_t segment_begin,
                 uint64_t index_position, const uint8_t *body, uint64_t body_bytes, uint64_t *end);

#endif
