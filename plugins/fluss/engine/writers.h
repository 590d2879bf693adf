// What a bucket remembers of those who write to it: the last batches of each idempotent writer, and
// how far each source has been applied.
#ifndef FLUSS_ENGINE_WRITERS_H
#define FLUSS_ENGINE_WRITERS_H

#include "engine/bucket.h"

#define WRITERS_EXPIRE_US (7ll * 24 * 3600 * 1000000) // of silence

// One batch of a writer. Frozen: snapshots hold it.
struct writer_batch {
    uint64_t base_offset;
    uint64_t end_offset;
    uint64_t position; // end of its record
    int32_t sequence;
    uint32_t zero;
};

// Frozen: snapshots hold it.
struct writer {
    int64_t id;
    int64_t last_us; // when it last wrote
    uint64_t batch_count;
    struct writer_batch batches[BUCKET_WRITERS_REMEMBERED]; // oldest first
};

// Frozen: snapshots hold it.
struct writer_source {
    uint64_t source;
    uint64_t end;
};

// Both sorted by their id.
struct writers {
    const struct store_memory *memory;
    struct writer *list;
    uint32_t count;
    uint32_t capacity;
    struct writer_source *sources;
    uint32_t source_count;
    uint32_t source_capacity;
};

void writers_finish(struct writers *writers);
// 1: a duplicate, *ack has the original offsets. 0: the next of this writer. DATA: out of order.
int32_t writers_check(const struct writers *writers, int64_t writer, int32_t sequence,
                      struct bucket_ack *ack, struct failure *failure);
// Room for one more of both. Forgets writers that have been silent for long, if it helps. RETRY: no
// memory.
int32_t writers_reserve(struct writers *writers, int64_t now_us, struct failure *failure);
// Notes a batch that is in the log; room must be there.
void writers_note(struct writers *writers, int64_t writer, int64_t now_us,
                  const struct writer_batch *batch);
void writers_note_source(struct writers *writers, uint64_t source, uint64_t end);
uint64_t writers_source(const struct writers *writers, uint64_t source);

#endif
