// Inside of state tables, shared by table.c, storage.c, probe.c, snapshot.c and restore.c.
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

// A block, little endian: magic, format, crc32c over all that follows it, byte count of the block,
// key group, number of key groups; then version, slot bytes, name and fields of the layout, the
// types of the key columns; then sections, each of one space: its number, how many slots, and for
// each the length of its key (as keys_encode has it), the key, and the slot.
#define BLOCK_MAGIC "weirstat"
#define BLOCK_FORMAT 1u
#define BLOCK_CRC_AT 12u
#define BLOCK_CRC_FROM 16u

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

// Memory for probing, PROBE_ROWS rows at a time.
#define PROBE_ROWS 512u
struct state_scratch {
    const struct index *indexes[PROBE_ROWS];
    struct space *spaces[PROBE_ROWS];
    uint64_t keys[PROBE_ROWS];
    uint32_t hashes[PROBE_ROWS];
    const uint8_t *stored[PROBE_ROWS]; // key bytes of a slot that may be the row's
    uint32_t key_ends[PROBE_ROWS + 1];
};

// --- storage.c ---

// Counted memory; NULL when the table's limit or the budget is used up.
void *table_allocate(struct state_table *table, uint64_t byte_count);
void table_release(struct state_table *table, void *memory, uint64_t byte_count);

// Makes the array (a pointer to the pointer) hold at least `needed` items, its contents kept.
// -ENOMEM.
int table_grow(struct state_table *table, void *array, uint32_t *capacity, uint32_t needed,
               uint32_t item_bytes);

// The space of this number; `find` gives NULL if it is not there, the other makes it (NULL: no
// memory).
struct space *table_space_find(struct state_table *table, int64_t value);
struct space *table_space(struct state_table *table, int64_t value);
void table_space_drop(struct state_table *table, struct space *space);
struct shard *table_shard(struct state_table *table, struct space *space, uint32_t group);

// A free slot of a shard, marked live, with the initial bytes. -ENOMEM.
int slot_take(struct state_table *table, struct shard *shard, uint32_t *slot);
// Takes a slot out of its page and its shard, not out of the index.
void slot_free(struct state_table *table, struct shard *shard, uint32_t slot);
// Keeps the bytes of a key; returns where, as length and bytes.
uint8_t *key_store(struct state_table *table, struct shard *shard, const uint8_t *bytes,
                   uint32_t byte_count);
// Moves the keys of a shard together once half of their bytes are dead. Without memory they stay.
void keys_compact(struct state_table *table, struct shard *shard);

static inline uint32_t table_page_slots(const struct state_table *table)
{
    return 1u << table->page_shift;
}

static inline uint64_t table_key_bytes(const struct state_table *table)
{
    return table->keys.shape == KEYS_NONE ? 0 : table->keys.shape == KEYS_NARROW ? 4 : 8;
}

static inline uint32_t slot_of(const struct state_table *table, uint32_t page, uint32_t bit)
{
    return (page << table->page_shift) + bit;
}

// Where the bytes of a slot's key are; the keys of a page lie right behind its live bits.
static inline uint8_t **bytes_key(const struct state_table *table, uint32_t slot)
{
    struct page *page = table->pages[slot >> table->page_shift];
    uint8_t **keys = (uint8_t **)(void *)(page->live + table_page_slots(table) / 64);
    return &keys[slot & (table_page_slots(table) - 1)];
}

static inline uint64_t bits_key(const struct state_table *table, uint32_t slot)
{
    const struct page *page = table->pages[slot >> table->page_shift];
    uint32_t i = slot & (table_page_slots(table) - 1);
    return table->keys.shape == KEYS_NARROW ? ((const uint32_t *)page->keys)[i]
                                            : ((const uint64_t *)page->keys)[i];
}

// --- probe.c ---

// The slot of a key, made if it is not there. bytes is in keys_encode's form. *is_created says
// which. -ENOMEM.
int table_insert(struct state_table *table, int64_t space, uint32_t group, const uint8_t *bytes,
                 uint32_t byte_count, uint32_t *slot, int *is_created);

// --- snapshot.c ---

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
