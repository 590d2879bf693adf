// Pairs of bytes on disk, sorted by key, written in batches that are atomic and in order: after a
// crash the first of them are there, up to some batch, and the others are not. What an index on
// disk stands on, behind one table, which the shared object that has the database hands out.
#ifndef FLUSS_ENGINE_PAIRS_H
#define FLUSS_ENGINE_PAIRS_H

#include "base/failure.h"

#define PAIRS_VERSION 1u

struct pairs;

struct pairs_bytes {
    const uint8_t *bytes;
    uint64_t count;
};

struct pairs_change {
    struct pairs_bytes key;
    struct pairs_bytes value; // bytes NULL: the pair goes
};

// What a reader is given; lent until return. Anything but 0 stops and is returned.
typedef int32_t pairs_each(void *owner, uint32_t i, const struct pairs_bytes *key,
                           const struct pairs_bytes *value);

// [any] All functions, any number of callers; failures name the folder and the cause.
struct pairs_table {
    uint32_t version; // PAIRS_VERSION
    // Opens a folder, makes it if it is missing (not if is_read_only). memory_bytes bounds caches
    // and buffers of writes together.
    int32_t (*open)(const char *path, uint64_t memory_bytes, int is_read_only, struct pairs **out,
                    struct failure *failure);
    void (*close)(struct pairs *pairs); // what has not been flushed is lost
    // Calls found() with i for every key that is there, in any order.
    int32_t (*get)(struct pairs *pairs, const struct pairs_bytes *keys, uint32_t count,
                   pairs_each *found, void *owner, struct failure *failure);
    // Calls each() for the pairs whose keys are at least `from` and begin with `prefix`, in the
    // order of their bytes.
    int32_t (*visit)(struct pairs *pairs, const struct pairs_bytes *from,
                     const struct pairs_bytes *prefix, pairs_each *each, void *owner,
                     struct failure *failure);
    // RETRY: nothing has changed, the disk may be full.
    int32_t (*write)(struct pairs *pairs, const struct pairs_change *changes, uint64_t count,
                     struct failure *failure);
    // Removes all whose keys begin with prefix.
    int32_t (*remove)(struct pairs *pairs, const struct pairs_bytes *prefix,
                      struct failure *failure);
    // What has been written until now survives everything. RETRY: not yet.
    int32_t (*flush)(struct pairs *pairs, struct failure *failure);
    void (*set_memory)(struct pairs *pairs, uint64_t memory_bytes);
};

// The one symbol of the shared object.
#define PAIRS_SYMBOL "fluss_pairs"
typedef const struct pairs_table *pairs_entry(void);

#endif
