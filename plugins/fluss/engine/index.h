// The index of a bucket: the newest row of every key. A put gets the rows of its keys at once,
// makes new ones, prepares (all that may fail), and applies when its record is in the log.
//
// Kinds of index are tables of functions, called once per put. index_memory keeps rows in slots; an
// index on disk (index_disk.h) decodes them into the arena of the call, and writes back what is
// durable.
#ifndef FLUSS_ENGINE_INDEX_H
#define FLUSS_ENGINE_INDEX_H

#include "base/failure.h"
#include "engine/arena.h"
#include "engine/row.h"

// Encoded keys (weir/key.h), one after the other. word is the value of a single integer key,
// otherwise a hash of the bytes.
struct index_keys {
    uint32_t count;
    int is_integer;
    const uint8_t *bytes;
    const uint32_t *offsets; // count + 1
    const uint64_t *words;
};

// What becomes of a key. `old` is what index_get gave.
struct index_change {
    uint32_t key;       // in struct index_keys
    const uint8_t *old; // NULL: there is none
    uint8_t *row;       // new row; NULL: the row goes
};

// What the record of some changes says: an index on disk keeps it with them.
struct index_mark {
    uint64_t base_offset;
    uint64_t end_offset;
    uint64_t position; // end of the record: durable up to here, the changes may be written back
    int64_t timestamp_us;
    uint64_t auto_increment;
    int64_t writer;
    uint64_t source;
    uint64_t source_end;
    int32_t sequence;
    int is_replayed; // it came from the log, so it is durable
};

// Which rows are visited, and where they may lie.
struct index_walk {
    uint64_t cursor;       // 0: from the beginning; afterwards where to go on
    const uint8_t *prefix; // of encoded keys; only an index on disk heeds it. NULL: all rows
    uint32_t prefix_length;
    struct arena *arena;
};

struct index;

struct index_table {
    // Rows come in the order of their encoded keys, and are kept without snapshots.
    int is_on_disk;
    void (*destroy)(struct index *index);
    // rows[k] becomes the row of key k, valid until the next apply, or NULL. FATAL: no memory.
    int32_t (*get)(struct index *index, const struct index_keys *keys, struct arena *arena,
                   const uint8_t **rows, struct failure *failure);
    // Keeps all that apply will need: text of the new rows is copied, and the rows refer to the
    // copy. RETRY: no memory, nothing has changed.
    int32_t (*prepare)(struct index *index, const struct index_keys *keys,
                       struct index_change *changes, uint32_t count, struct failure *failure);
    // One of the two follows prepare; neither fails.
    void (*apply)(struct index *index, const struct index_keys *keys,
                  const struct index_change *changes, uint32_t count,
                  const struct index_mark *mark);
    void (*abandon)(struct index *index, const struct index_change *changes, uint32_t count);
    // Calls each() for every row until it returns something but 0, which it returns. Rows are valid
    // until the next apply, as long as the arena. RETRY and FATAL of an index on disk.
    int32_t (*visit)(struct index *index, struct index_walk *walk,
                     int32_t (*each)(void *owner, const uint8_t *row), void *owner,
                     struct failure *failure);
    // Writes back all that is durable, so that prepare has room again. NULL in memory.
    int32_t (*drain)(struct index *index, struct failure *failure);
    uint64_t (*row_count)(const struct index *index);
    uint64_t (*memory_bytes)(const struct index *index);
};

struct index {
    const struct index_table *table;
};

// A hash of key bytes, for words.
uint64_t index_hash(const uint8_t *bytes, uint32_t byte_count);

// --- In memory ---

// is_integer: the key is one integer column, whose word is its value; else layout has a key column.
int32_t index_memory_create(const struct store_memory *memory, const struct row_layout *layout,
                            int is_integer, struct index **out, struct failure *failure);

// What the hot path uses: the slots of `count` integer keys (row rows[i] of a column of `width` 4
// or 8 bytes), in order; new slots are made, zeroed, for those that are missing, and
// was_there[i] is 0. Pointers stay valid while the index lives. Returns the number of new ones, or
// -1: no memory, nothing has changed.
int64_t index_memory_claim(struct index *index, const void *values, uint32_t width,
                           const uint32_t *rows, uint32_t count, uint8_t **slots,
                           uint8_t *was_there);
// Takes the new ones back.
void index_memory_unclaim(struct index *index, const void *values, uint32_t width,
                          const uint32_t *rows, uint32_t count, const uint8_t *was_there);

#endif
