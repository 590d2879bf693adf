// An open-addressing index from keys to slots, in buckets of eight so that one comparison of
// vectors settles a probe. Narrow indexes hold 32 bits of key, wide ones 64; where the key is
// longer, they hold a hash and the caller compares the rest.
#ifndef STATE_INDEX_H
#define STATE_INDEX_H

#include <stdint.h>

#define SLOT_NONE UINT32_MAX

#define INDEX_ENTRIES 8u // of a bucket; used ones first, the others have SLOT_NONE

struct index_narrow {
    uint32_t keys[INDEX_ENTRIES];
    uint32_t slots[INDEX_ENTRIES];
};

struct index_wide {
    uint64_t keys[INDEX_ENTRIES];
    uint32_t slots[INDEX_ENTRIES];
};

// 2^(32 - shift) buckets. A full bucket goes on in the next one.
struct index {
    void *buckets;
    uint32_t shift;
    uint32_t count; // entries
};

static inline uint32_t index_home_narrow(const struct index *index, uint32_t key)
{
    return (uint32_t)((uint64_t)((key ^ key >> 15) * 0x9e3779b1u) >> index->shift);
}

static inline uint32_t index_home_wide(const struct index *index, uint64_t key)
{
    return (uint32_t)(((key ^ key >> 32) * 0x9e3779b97f4a7c15u >> 32) >> index->shift);
}

// An index without entries and memory; finding in it works.
void index_init(struct index *index, int is_wide);
uint64_t index_bytes(const struct index *index, int is_wide); // of memory it holds

// Makes room for one more entry; may move everything. allocate and release are the owner's.
// -ENOMEM leaves it as it was.
int index_reserve(struct index *index, int is_wide, void *(*allocate)(void *owner, uint64_t),
                  void (*release)(void *owner, void *memory, uint64_t), void *owner);
// Adds an entry, after index_reserve.
void index_insert(struct index *index, int is_wide, uint64_t key, uint32_t slot);
// Removes the entry with this key and slot.
void index_erase(struct index *index, int is_wide, uint64_t key, uint32_t slot);

// The slot of a key, or SLOT_NONE.
uint32_t index_find_narrow(const struct index *index, uint32_t key);
uint32_t index_find_wide(const struct index *index, uint64_t key);
// The next slot whose key is `key`; *position starts as 0 and goes on from call to call.
uint32_t index_next(const struct index *index, uint32_t key, uint64_t *position);

// The slots of many keys; returns how many have none. `each` finds keys[i] in *indexes[i].
uint32_t index_find_narrow_all(const struct index *index, const uint32_t *keys, uint32_t count,
                               uint32_t *slots);
uint32_t index_find_narrow_each(const struct index *const *indexes, const uint32_t *keys,
                                uint32_t count, uint32_t *slots);
uint32_t index_find_wide_each(const struct index *const *indexes, const uint64_t *keys,
                              uint32_t count, uint32_t *slots);

#endif
