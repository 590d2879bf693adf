// Inside of state tables, shared by table.c and snapshot.c.
//
// Slots live in pages of page_slots; a page belongs to one shard, a shard is one key group of one
// space. Page p lies at slots + p * page_bytes in the reserved range; page numbers that no shard
// has are kept on a stack and their memory is given back.
#ifndef STATE_TABLE_H
#define STATE_TABLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "state/index.h"
#include "state/keys.h"
#include "state/state.h"

// Key bytes of a shard (KEYS_BYTES), one after the other, each after its length (uint32_t).
struct chunk {
    struct chunk *next;
    uint32_t capacity;
    uint32_t used;
    uint8_t bytes[];
};

struct shard {
    struct space *space;
    uint32_t group;
    uint32_t live_count;
    uint32_t null_slot; // of the null key of one column, or of the one key without columns
    uint32_t page_count;
    uint32_t page_capacity;
    uint32_t open_page; // pages before it are full
    uint32_t *pages;    // page numbers
    struct chunk *chunks;
    uint64_t key_bytes; // in chunks
    uint64_t dead_bytes;
};

struct space {
    int64_t value;
    uint64_t live_count;
    struct index *indexes; // by key group
    struct shard **shards; // by key group; NULL: no slots yet
};

struct page {
    struct shard *shard;
    uint32_t live_count;
    atomic_uchar is_pending; // the snapshot has not taken it yet
    void *keys;              // uint32_t, uint64_t or uint8_t *, by shape
    uint64_t live[];         // bit per slot
};

struct state_table {
    struct weir_state head;
    struct weir_state_layout layout; // a copy, fields and names too
    uint8_t *initial;                // stride bytes
    struct keys keys;
    struct state_options options; // without schema and columns
    int is_wide;                  // index entries

    uint32_t page_shift; // page_slots = 1 << page_shift
    uint64_t page_bytes;
    uint64_t reserved_bytes;
    struct page **pages; // by number
    uint32_t page_count; // numbers given out so far
    uint32_t page_capacity;
    uint32_t *free_pages;
    uint32_t free_count;
    uint32_t free_capacity; // always enough for every number given out

    struct space **spaces; // ascending
    uint32_t space_count;
    uint32_t space_capacity;
    struct space *last_space;

    uint64_t bytes; // counted
    uint64_t live_count;
    uint32_t *groups; // scratch
    uint32_t group_capacity;
    struct state_scratch *scratch;
    uint8_t *key_scratch;
    uint64_t key_capacity;
    struct state_snapshot *snapshot; // NULL: none under way
};

void *table_allocate(struct state_table *table, uint64_t byte_count);
void table_release(struct state_table *table, void *memory, uint64_t byte_count);

static inline uint32_t table_page_slots(const struct state_table *table)
{
    return 1u << table->page_shift;
}

static inline uint64_t table_key_bytes(const struct state_table *table)
{
    return table->keys.shape == KEYS_NONE ? 0 : table->keys.shape == KEYS_NARROW ? 4 : 8;
}

// The slot of a key, made if it is not there. bytes is in keys_encode's form. *is_created says
// which. -ENOMEM.
int table_insert(struct state_table *table, int64_t space, uint32_t group, const uint8_t *bytes,
                 uint32_t byte_count, uint32_t *slot, int *is_created);

// Copies a page that the snapshot has not taken yet, before it changes.
void snapshot_keep(struct state_snapshot *snapshot, uint32_t page);
// A chunk of key bytes is no longer needed by the table; 1 if the snapshot takes care of it.
int snapshot_retire(struct state_snapshot *snapshot, struct chunk *chunk);

static inline void table_touch(struct state_table *table, uint32_t slot)
{
    uint32_t number = slot >> table->page_shift;
    if (atomic_load_explicit(&table->pages[number]->is_pending, memory_order_acquire)) {
        snapshot_keep(table->snapshot, number);
    }
}

#endif
