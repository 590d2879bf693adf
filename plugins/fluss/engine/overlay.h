// Rows that an index on disk has not yet been given: blocks in the order of the records that made
// them, and a table of the newest entry of each key.
#ifndef FLUSS_ENGINE_OVERLAY_H
#define FLUSS_ENGINE_OVERLAY_H

#include "base/memory.h"
#include "engine/index.h"

#define OVERLAY_GONE UINT32_MAX // in place of value_bytes: the row goes

struct overlay_entry {
    uint64_t word;  // of its key
    uint64_t newer; // sequence of the block with the next entry of the key; 0: this is the newest
    uint32_t key_bytes;
    uint32_t value_bytes;
    uint8_t bytes[]; // key, value
};

// What one record did to the index.
struct overlay_block {
    struct overlay_block *next;
    uint64_t byte_count;
    uint64_t sequence; // 1, 2, ...
    uint64_t charge;   // of the budget of the database
    int64_t row_change;
    struct index_mark mark;
    uint32_t entry_count;
    uint32_t entry_bytes;
    _Alignas(8) uint8_t entries[];
};

struct overlay {
    const struct store_memory *memory;
    struct overlay_block *first;
    struct overlay_block *last;
    uint64_t sequence; // of the last block there was
    struct overlay_entry **cells;
    uint32_t cell_count; // a power of two
    uint32_t used;
};

static inline uint32_t overlay_entry_size(uint64_t key_bytes, uint64_t value_bytes)
{
    return (uint32_t)((sizeof(struct overlay_entry) + key_bytes + value_bytes + 7) & ~(uint64_t)7);
}

static inline struct overlay_entry *overlay_next(struct overlay_entry *entry)
{
    uint64_t value_bytes = entry->value_bytes == OVERLAY_GONE ? 0 : entry->value_bytes;
    return (struct overlay_entry *)((uint8_t *)entry +
                                    overlay_entry_size(entry->key_bytes, value_bytes));
}

void overlay_init(struct overlay *overlay, const struct store_memory *memory);
void overlay_finish(struct overlay *overlay);
// Room for so many keys more. 0: no memory.
int overlay_reserve(struct overlay *overlay, uint32_t more);
// The newest entry of a key, NULL: there is none.
struct overlay_entry *overlay_find(const struct overlay *overlay, uint64_t word, const uint8_t *key,
                                   uint64_t key_bytes);
// Appends a block; room for its keys must be there.
void overlay_add(struct overlay *overlay, struct overlay_block *block);
// Takes all blocks up to `last` out. They are the caller's, linked from the first.
struct overlay_block *overlay_take(struct overlay *overlay, struct overlay_block *last);
uint64_t overlay_memory_bytes(const struct overlay *overlay);

#endif
