// Snapshots of a data directory: one file each, which holds the index, offsets, writers and sources
// of every bucket; docs/formats/snapshot.md. The two newest good ones are kept.
#ifndef FLUSS_STORE_SNAPSHOT_H
#define FLUSS_STORE_SNAPSHOT_H

#include "base/failure.h"
#include "log/record.h"

struct store;

#define SNAPSHOT_FOLDER "snapshots"
#define SNAPSHOTS_KEPT 2u

// Head of the first record. Frozen.
struct snapshot_head {
    struct record_header header;
    uint64_t number;      // as in the name of the file
    uint64_t directory;   // of the catalog
    uint64_t replay_from; // stream position: all batches before it are in the snapshot
    int64_t created_us;
    uint64_t zero[4];
};
_Static_assert(sizeof(struct snapshot_head) == 128, "format");

// Head of the record of a bucket that was found corrupt; the reason follows as text. Frozen.
struct snapshot_fenced {
    struct record_header header;
    uint32_t table_id;
    uint32_t partition_id;
    uint32_t bucket;
    uint32_t text_bytes;
    uint64_t zero[6];
};
_Static_assert(sizeof(struct snapshot_fenced) == 128, "format");

// Head of the last record. Frozen.
struct snapshot_finish {
    struct record_header header;
    uint64_t covers; // stream position: no batch at or behind it is in the snapshot
    uint64_t bucket_count;
    uint64_t zero[6];
};
_Static_assert(sizeof(struct snapshot_finish) == 128, "format");

struct snapshot {
    uint64_t number;
    uint64_t replay_from;
    uint64_t covers;
    uint64_t file_bytes;
    int is_good; // read from front to back after it was written
};

// Takes one. FATAL: the stream has failed; RETRY: no room on the disk, or no memory.
int32_t snapshot_take(struct store *store, struct failure *failure);
// Loads the newest that is good into the buckets of the store, which are new; *found is 0 if there
// is none at all. A damaged one is told and left as it is. DATA: there are some and none is good;
// then the buckets are empty.
int32_t snapshot_load(struct store *store, int *found, struct failure *failure);

#endif
