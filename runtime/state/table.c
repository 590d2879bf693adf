#include "state/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/batch.h"
#include "data/key.h"

#define PROBE_ROWS 512u // rows that are probed at a time
#define CHUNK_BYTES_MIN 256u
#define CHUNK_BYTES_MAX (64u << 10)
#define RESERVED_BYTES_MIN (16u << 20)

struct state_scratch {
    const struct index *indexes[PROBE_ROWS];
    struct space *spaces[PROBE_ROWS];
    uint64_t keys[PROBE_ROWS];
    uint32_t hashes[PROBE_ROWS];
    uint32_t key_ends[PROBE_ROWS + 1];
};

// --- Memory ---

static int table_reserve(struct state_table *table, uint64_t byte_count)
{
    uint64_t limit = table->options.byte_limit;
    if ((limit != 0 && byte_count > limit - (table->bytes < limit ? table->bytes : limit)) ||
        memory_reserve(byte_count) != 0) {
        return -ENOMEM;
    }
    __atomic_store_n(&table->bytes, table->bytes + byte_count, __ATOMIC_RELAXED);
    return 0;
}

static void table_unreserve(struct state_table *table, uint64_t byte_count)
{
    memory_unreserve(byte_count);
    __atomic_store_n(&table->bytes, table->bytes - byte_count, __ATOMIC_RELAXED);
}

void *table_allocate(struct state_table *table, uint64_t byte_count)
{
    if (table_reserve(table, byte_count) != 0) {
        return NULL;
    }
    void *memory = aligned_alloc(64, (byte_count + 63) / 64 * 64);
    if (memory == NULL) {
        table_unreserve(table, byte_count);
    }
    return memory;
}

void table_release(struct state_table *table, void *memory, uint64_t byte_count)
{
    if (memory != NULL) {
        free(memory);
        table_unreserve(table, byte_count);
    }
}

static void *index_allocate(void *table, uint64_t byte_count)
{
    return table_allocate(table, byte_count);
}

static void index_release(void *table, void *memory, uint64_t byte_count)
{
    table_release(table, memory, byte_count);
}

// An array of at least `needed` items, its contents kept. -ENOMEM.
static int grow(struct state_table *table, void *array, uint32_t *capacity, uint32_t needed,
                uint32_t item_bytes)
{
    void *old, *larger;
    if (needed <= *capacity) {
        return 0;
    }
    uint32_t wanted = *capacity < 4 ? 4 : *capacity * 2;
    wanted = wanted < needed ? needed : wanted;
    larger = table_allocate(table, (uint64_t)wanted * item_bytes);
    if (larger == NULL) {
        return -ENOMEM;
    }
    memcpy(&old, array, sizeof old);
    if (old != NULL) {
        memcpy(larger, old, (uint64_t)*capacity * item_bytes);
    }
    table_release(table, old, (uint64_t)*capacity * item_bytes);
    memcpy(array, &larger, sizeof larger);
    *capacity = wanted;
    return 0;
}

// --- Pages ---

static uint64_t page_meta_bytes(const struct state_table *table)
{
    return sizeof(struct page) + table_page_slots(table) / 8 +
           table_page_slots(table) * table_key_bytes(table);
}

static int page_numbers_grow(struct state_table *table)
{
    int rc = grow(table, &table->pages, &table->page_capacity, table->page_count + 1,
                  sizeof *table->pages);
    return rc != 0
               ? rc
               : grow(table, &table->free_pages, &table->free_capacity, table->page_count + 1, 4);
}

// A page of memory for a shard.
static int page_create(struct state_table *table, struct shard *shard)
{
    uint32_t number;
    if (grow(table, &shard->pages, &shard->page_capacity, shard->page_count + 1, 4) != 0) {
        return -ENOMEM;
    }
    if (table->free_count == 0 && page_numbers_grow(table) != 0) {
        return -ENOMEM;
    }
    number = table->free_count > 0 ? table->free_pages[table->free_count - 1] : table->page_count;
    if ((number + (uint64_t)1) * table->page_bytes > table->reserved_bytes ||
        table_reserve(table, table->page_bytes) != 0) {
        return -ENOMEM;
    }
    struct page *page = table_allocate(table, page_meta_bytes(table));
    if (page == NULL) {
        table_unreserve(table, table->page_bytes);
        return -ENOMEM;
    }
    memset(page, 0, page_meta_bytes(table));
    page->shard = shard;
    page->keys = page->live + table_page_slots(table) / 64;
    if (table->free_count > 0) {
        table->free_count--;
    } else {
        table->page_count++;
    }
    table->pages[number] = page;
    shard->pages[shard->page_count++] = number;
    return 0;
}

// Frees a page but for its memory, which pages_give_back returns.
static void page_destroy(struct state_table *table, uint32_t number)
{
    struct page *page = table->pages[number];
    if (atomic_load_explicit(&page->is_pending, memory_order_acquire)) {
        snapshot_keep(table->snapshot, number);
    }
    table_release(table, page, page_meta_bytes(table));
    table->pages[number] = NULL;
    table->free_pages[table->free_count++] = number;
}

static int compare_descending(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? 1 : left > right ? -1 : 0;
}

// Returns the memory of free_pages[from ...] to the system, neighbours together.
static void pages_give_back(struct state_table *table, uint32_t from)
{
    uint32_t count = table->free_count - from;
    if (count == 0) {
        return;
    }
    uint32_t *freed = table->free_pages + from;
    qsort(freed, count, sizeof *freed, compare_descending);
    for (uint32_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && freed[next] == freed[next - 1] - 1; next++) {
        }
        madvise(table->head.slots + freed[next - 1] * table->page_bytes,
                (next - i) * table->page_bytes, MADV_DONTNEED);
    }
    table_unreserve(table, count * table->page_bytes);
}

// --- Spaces and shards ---

// Where a space is, or would be.
static uint32_t space_position(const struct state_table *table, int64_t value)
{
    uint32_t low = 0, high = table->space_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (table->spaces[middle]->value < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct space *space_find(struct state_table *table, int64_t value)
{
    if (table->last_space != NULL && table->last_space->value == value) {
        return table->last_space;
    }
    uint32_t position = space_position(table, value);
    if (position == table->space_count || table->spaces[position]->value != value) {
        return NULL;
    }
    return table->last_space = table->spaces[position];
}

static uint64_t space_bytes(const struct state_table *table)
{
    return sizeof(struct space) +
           (uint64_t)table->options.group_count * (sizeof(struct index) + sizeof(struct shard *));
}

static struct space *space_demand(struct state_table *table, int64_t value)
{
    struct space *space = space_find(table, value);
    if (space != NULL) {
        return space;
    }
    if (grow(table, &table->spaces, &table->space_capacity, table->space_count + 1,
             sizeof *table->spaces) != 0) {
        return NULL;
    }
    space = table_allocate(table, space_bytes(table));
    if (space == NULL) {
        return NULL;
    }
    memset(space, 0, space_bytes(table));
    space->value = value;
    space->indexes = (struct index *)(void *)(space + 1);
    space->shards = (struct shard **)(void *)(space->indexes + table->options.group_count);
    for (uint32_t g = 0; g < table->options.group_count; g++) {
        index_init(&space->indexes[g], table->is_wide);
    }
    uint32_t position = space_position(table, value);
    memmove(table->spaces + position + 1, table->spaces + position,
            (table->space_count - position) * sizeof *table->spaces);
    table->spaces[position] = space;
    table->space_count++;
    return table->last_space = space;
}

static struct shard *shard_demand(struct state_table *table, struct space *space, uint32_t group)
{
    struct shard *shard = space->shards[group];
    if (shard != NULL) {
        return shard;
    }
    shard = table_allocate(table, sizeof *shard);
    if (shard != NULL) {
        memset(shard, 0, sizeof *shard);
        shard->space = space;
        shard->group = group;
        shard->null_slot = SLOT_NONE;
        space->shards[group] = shard;
    }
    return shard;
}

static void chunks_release(struct state_table *table, struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        if (table->snapshot == NULL || !snapshot_retire(table->snapshot, chunk)) {
            table_release(table, chunk, sizeof *chunk + chunk->capacity);
        }
        chunk = next;
    }
}

static void shard_destroy(struct state_table *table, struct shard *shard)
{
    struct index *index = &shard->space->indexes[shard->group];
    for (uint32_t i = 0; i < shard->page_count; i++) {
        page_destroy(table, shard->pages[i]);
    }
    chunks_release(table, shard->chunks);
    if (index_bytes(index, table->is_wide) > 0) {
        table_release(table, index->buckets, index_bytes(index, table->is_wide));
    }
    table_release(table, shard->pages, (uint64_t)shard->page_capacity * 4);
    table_release(table, shard, sizeof *shard);
}

static void space_destroy(struct state_table *table, struct space *space)
{
    uint32_t position = space_position(table, space->value), from = table->free_count;
    for (uint32_t g = 0; g < table->options.group_count; g++) {
        if (space->shards[g] != NULL) {
            shard_destroy(table, space->shards[g]);
        }
    }
    pages_give_back(table, from);
    table->live_count -= space->live_count;
    table->space_count--;
    memmove(table->spaces + position, table->spaces + position + 1,
            (table->space_count - position) * sizeof *table->spaces);
    table->last_space = NULL;
    table_release(table, space, space_bytes(table));
}

// --- Slots ---

static uint32_t slot_of(const struct state_table *table, uint32_t page, uint32_t bit)
{
    return (page << table->page_shift) + bit;
}

// A free slot of a shard, marked live, with the initial bytes.
static int slot_take(struct state_table *table, struct shard *shard, uint32_t *slot)
{
    uint32_t page_slots = table_page_slots(table), bit = 0;
    while (shard->open_page < shard->page_count &&
           table->pages[shard->pages[shard->open_page]]->live_count == page_slots) {
        shard->open_page++;
    }
    if (shard->open_page == shard->page_count && page_create(table, shard) != 0) {
        return -ENOMEM;
    }
    uint32_t number = shard->pages[shard->open_page];
    struct page *page = table->pages[number];
    while (page->live[bit / 64] == UINT64_MAX) {
        bit += 64;
    }
    bit += (uint32_t)__builtin_ctzll(~page->live[bit / 64]);
    *slot = slot_of(table, number, bit);
    table_touch(table, *slot);
    page->live[bit / 64] |= (uint64_t)1 << bit % 64;
    page->live_count++;
    shard->live_count++;
    shard->space->live_count++;
    table->live_count++;
    memcpy(table->head.slots + (uint64_t)*slot * table->head.stride, table->initial,
           table->head.stride);
    return 0;
}

// Room for the bytes of a key, already written as length and bytes.
static uint8_t *key_store(struct state_table *table, struct shard *shard, const uint8_t *bytes,
                          uint32_t byte_count)
{
    struct chunk *chunk = shard->chunks;
    uint64_t needed = 4 + (uint64_t)byte_count;
    if (chunk == NULL || chunk->capacity - chunk->used < needed) {
        uint64_t capacity = chunk == NULL ? CHUNK_BYTES_MIN : (uint64_t)chunk->capacity * 2;
        capacity = capacity > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : capacity;
        capacity = capacity < needed ? needed : capacity;
        chunk = table_allocate(table, sizeof *chunk + capacity);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->capacity = (uint32_t)capacity;
        chunk->used = 0;
        chunk->next = shard->chunks;
        shard->chunks = chunk;
    }
    uint8_t *at = chunk->bytes + chunk->used;
    memcpy(at, &byte_count, 4);
    memcpy(at + 4, bytes, byte_count);
    chunk->used += (uint32_t)needed;
    shard->key_bytes += needed;
    return at;
}

static uint8_t **bytes_key(const struct state_table *table, uint32_t slot)
{
    const struct page *page = table->pages[slot >> table->page_shift];
    return &((uint8_t **)page->keys)[slot & (table_page_slots(table) - 1)];
}

static uint64_t bits_key(const struct state_table *table, uint32_t slot)
{
    const struct page *page = table->pages[slot >> table->page_shift];
    uint32_t i = slot & (table_page_slots(table) - 1);
    return table->keys.shape == KEYS_NARROW ? ((const uint32_t *)page->keys)[i]
                                            : ((const uint64_t *)page->keys)[i];
}

// Moves the keys of a shard together once half of their bytes are dead. Without memory they stay.
static void keys_compact(struct state_table *table, struct shard *shard)
{
    if (table->snapshot != NULL || shard->dead_bytes < 2 * CHUNK_BYTES_MIN ||
        shard->dead_bytes < shard->key_bytes / 2) {
        return;
    }
    struct shard fresh = {0};
    uint64_t live_bytes = shard->key_bytes - shard->dead_bytes;
    struct chunk *chunk = table_allocate(table, sizeof *chunk + live_bytes);
    if (chunk == NULL || live_bytes > UINT32_MAX) {
        table_release(table, chunk, sizeof *chunk + live_bytes);
        return;
    }
    chunk->next = NULL;
    chunk->capacity = (uint32_t)live_bytes;
    chunk->used = 0;
    fresh.chunks = chunk;
    for (uint32_t p = 0; p < shard->page_count; p++) {
        struct page *page = table->pages[shard->pages[p]];
        for (uint32_t bit = 0; bit < table_page_slots(table); bit++) {
            if (page->live[bit / 64] >> bit % 64 & 1) {
                uint8_t **key = &((uint8_t **)page->keys)[bit];
                uint32_t length;
                memcpy(&length, *key, 4);
                *key = key_store(table, &fresh, *key + 4, length);
            }
        }
    }
    chunks_release(table, shard->chunks);
    shard->chunks = fresh.chunks;
    shard->key_bytes = live_bytes;
    shard->dead_bytes = 0;
}

// Takes a slot out of its page and its shard, not out of the index.
static void slot_free(struct state_table *table, struct shard *shard, uint32_t slot)
{
    uint32_t number = slot >> table->page_shift, bit = slot & (table_page_slots(table) - 1), i = 0;
    struct page *page = table->pages[number];
    page->live[bit / 64] &= ~((uint64_t)1 << bit % 64);
    page->live_count--;
    shard->live_count--;
    shard->space->live_count--;
    table->live_count--;
    while (shard->pages[i] != number) {
        i++;
    }
    if (page->live_count == 0) {
        page_destroy(table, number);
        pages_give_back(table, table->free_count - 1);
        shard->pages[i] = shard->pages[--shard->page_count];
    }
    shard->open_page = i < shard->open_page ? i : shard->open_page;
}

// --- Keys to slots ---

// What identifies a key: bits for narrow and wide ones, bytes and their hash for the others.
struct key {
    int is_null; // or there are no columns
    uint64_t bits;
    const uint8_t *bytes;
    uint32_t byte_count;
};

static uint32_t find_bytes(const struct state_table *table, const struct index *index,
                           uint32_t hash, const uint8_t *bytes, uint32_t byte_count)
{
    uint64_t position = 0;
    uint32_t slot, length;
    while ((slot = index_next(index, hash, &position)) != SLOT_NONE) {
        const uint8_t *stored = *bytes_key(table, slot);
        memcpy(&length, stored, 4);
        if (length == byte_count && memcmp(stored + 4, bytes, length) == 0) {
            return slot;
        }
    }
    return SLOT_NONE;
}

static uint32_t find_key(const struct state_table *table, const struct space *space, uint32_t group,
                         const struct key *key)
{
    const struct index *index = &space->indexes[group];
    if (key->is_null) {
        return space->shards[group] == NULL ? SLOT_NONE : space->shards[group]->null_slot;
    }
    if (table->keys.shape == KEYS_BYTES) {
        return find_bytes(table, index, (uint32_t)key->bits, key->bytes, key->byte_count);
    }
    return table->is_wide ? index_find_wide(index, key->bits)
                          : index_find_narrow(index, (uint32_t)key->bits);
}

// Makes the slot of a key that has none.
static int make_key(struct state_table *table, struct space *space, uint32_t group,
                    const struct key *key, uint32_t *slot)
{
    struct index *index = &space->indexes[group];
    struct shard *shard = shard_demand(table, space, group);
    uint8_t *stored = NULL;
    if (shard == NULL ||
        (!key->is_null &&
         index_reserve(index, table->is_wide, index_allocate, index_release, table) != 0) ||
        slot_take(table, shard, slot) != 0) {
        return -ENOMEM;
    }
    if (key->is_null) {
        shard->null_slot = *slot;
        return 0;
    }
    uint32_t i = *slot & (table_page_slots(table) - 1);
    struct page *page = table->pages[*slot >> table->page_shift];
    if (table->keys.shape == KEYS_BYTES) {
        stored = key_store(table, shard, key->bytes, key->byte_count);
        if (stored == NULL) {
            slot_free(table, shard, *slot);
            return -ENOMEM;
        }
        ((uint8_t **)page->keys)[i] = stored;
    } else if (table->is_wide) {
        ((uint64_t *)page->keys)[i] = key->bits;
    } else {
        ((uint32_t *)page->keys)[i] = (uint32_t)key->bits;
    }
    index_insert(index, table->is_wide, key->bits, *slot);
    return 0;
}

int table_insert(struct state_table *table, int64_t space_value, uint32_t group,
                 const uint8_t *bytes, uint32_t byte_count, uint32_t *slot, int *is_created)
{
    struct key key = {.bytes = bytes, .byte_count = byte_count};
    struct space *space = space_demand(table, space_value);
    if (space == NULL) {
        return -ENOMEM;
    }
    if (table->keys.shape == KEYS_NONE) {
        key.is_null = 1;
    } else if (table->keys.shape == KEYS_BYTES) {
        key.bits = keys_hash(bytes, byte_count);
    } else {
        key.bits = keys_decode_bits(&table->keys, bytes, &key.is_null);
    }
    *slot = find_key(table, space, group, &key);
    *is_created = *slot == SLOT_NONE;
    return *is_created ? make_key(table, space, group, &key, slot) : 0;
}

// One call of state_table_slots, PROBE_ROWS at a time.
struct probe {
    struct state_table *table;
    const struct weir_batch *batch;
    struct space *space;    // of all rows, or NULL
    const int64_t *spaces;  // of each row, or NULL
    const uint32_t *groups; // of each row, or NULL:
    uint32_t group;         // of all rows
    uint32_t *slots;
    uint32_t first; // of this round
    uint32_t count;
};

static struct space *row_space(const struct probe *probe, uint32_t i)
{
    return probe->space != NULL ? probe->space : probe->table->scratch->spaces[i];
}

static uint32_t row_group(const struct probe *probe, uint32_t i)
{
    return probe->groups == NULL ? probe->group : probe->groups[probe->first + i];
}

// The index that each row's key belongs in.
static int find_indexes(struct probe *probe)
{
    struct state_scratch *scratch = probe->table->scratch;
    if (probe->space != NULL && probe->groups != NULL) {
        for (uint32_t i = 0; i < probe->count; i++) {
            scratch->indexes[i] = &probe->space->indexes[probe->groups[probe->first + i]];
        }
        return 0;
    }
    for (uint32_t i = 0; i < probe->count; i++) {
        if (probe->space == NULL) {
            scratch->spaces[i] = space_demand(probe->table, probe->spaces[probe->first + i]);
            if (scratch->spaces[i] == NULL) {
                return -ENOMEM;
            }
        }
        scratch->indexes[i] = &row_space(probe, i)->indexes[row_group(probe, i)];
    }
    return 0;
}

static struct key row_key(const struct probe *probe, uint32_t i)
{
    const struct state_table *table = probe->table;
    const struct state_scratch *scratch = table->scratch;
    uint32_t row = probe->first + i;
    struct key key = {0};
    if (table->keys.shape == KEYS_BYTES) {
        key.bits = scratch->hashes[i];
        key.bytes = table->key_scratch + scratch->key_ends[i];
        key.byte_count = scratch->key_ends[i + 1] - scratch->key_ends[i];
        return key;
    }
    key.is_null = table->keys.shape == KEYS_NONE ||
                  weir_is_null(&probe->batch->columns[table->keys.columns[0]], row);
    if (!key.is_null && table->is_wide) {
        key.bits = keys_wide(&table->keys, probe->batch, row, 1, &key.bits)[0];
    } else if (!key.is_null) {
        uint32_t bits;
        key.bits = keys_narrow(&table->keys, probe->batch, row, 1, &bits)[0];
    }
    return key;
}

// Rows that have no slot yet get one.
static int make_missing(struct probe *probe)
{
    uint32_t *slots = probe->slots + probe->first;
    for (uint32_t i = 0; i < probe->count; i++) {
        if (slots[i] == SLOT_NONE) {
            struct key key = row_key(probe, i);
            struct space *space = row_space(probe, i);
            uint32_t group = row_group(probe, i), slot = find_key(probe->table, space, group, &key);
            if (slot == SLOT_NONE && make_key(probe->table, space, group, &key, &slot) != 0) {
                return -ENOMEM;
            }
            slots[i] = slot;
        }
    }
    return 0;
}

// Rows with a null key, which find_bits took for others.
static uint32_t find_nulls(struct probe *probe)
{
    const struct weir_column *column = &probe->batch->columns[probe->table->keys.columns[0]];
    uint32_t *slots = probe->slots + probe->first, missing = 0;
    for (uint32_t i = 0; i < probe->count; i++) {
        if (weir_is_null(column, probe->first + i)) {
            const struct shard *shard = row_space(probe, i)->shards[row_group(probe, i)];
            slots[i] = shard == NULL ? SLOT_NONE : shard->null_slot;
        }
        missing += slots[i] == SLOT_NONE;
    }
    return missing;
}

static int probe_bits(struct probe *probe)
{
    struct state_table *table = probe->table;
    struct state_scratch *scratch = table->scratch;
    uint32_t *slots = probe->slots + probe->first, missing;
    int is_one = probe->space != NULL && probe->groups == NULL && !table->is_wide;
    if (!is_one && find_indexes(probe) != 0) {
        return -ENOMEM;
    }
    if (table->is_wide) {
        missing = index_find_wide_each(
            scratch->indexes,
            keys_wide(&table->keys, probe->batch, probe->first, probe->count, scratch->keys),
            probe->count, slots);
    } else {
        const uint32_t *keys = keys_narrow(&table->keys, probe->batch, probe->first, probe->count,
                                           (uint32_t *)scratch->keys);
        missing = is_one ? index_find_narrow_all(&probe->space->indexes[probe->group], keys,
                                                 probe->count, slots)
                         : index_find_narrow_each(scratch->indexes, keys, probe->count, slots);
    }
    if (probe->batch->columns[table->keys.columns[0]].validity != NULL) {
        missing = find_nulls(probe);
    }
    return missing > 0 ? make_missing(probe) : 0;
}

static int encode_rows(struct probe *probe)
{
    struct state_table *table = probe->table;
    struct state_scratch *scratch = table->scratch;
    uint64_t needed = 0;
    for (uint32_t i = 0; i < probe->count; i++) {
        needed += keys_bytes_max(&table->keys, probe->batch, probe->first + i);
    }
    if (needed > table->key_capacity) {
        uint8_t *larger = needed > UINT32_MAX ? NULL : table_allocate(table, needed * 2);
        if (larger == NULL) {
            return -ENOMEM;
        }
        table_release(table, table->key_scratch, table->key_capacity);
        table->key_scratch = larger;
        table->key_capacity = needed * 2;
    }
    scratch->key_ends[0] = 0;
    for (uint32_t i = 0; i < probe->count; i++) {
        uint8_t *at = table->key_scratch + scratch->key_ends[i];
        uint32_t length = keys_encode(&table->keys, probe->batch, probe->first + i, at);
        scratch->key_ends[i + 1] = scratch->key_ends[i] + length;
        scratch->hashes[i] = keys_hash(at, length);
        const struct index *index = scratch->indexes[i];
        __builtin_prefetch((const struct index_narrow *)index->buckets +
                           index_home_narrow(index, scratch->hashes[i]));
    }
    return 0;
}

static int probe_bytes(struct probe *probe)
{
    uint32_t *slots = probe->slots + probe->first, missing = 0;
    if (find_indexes(probe) != 0 || encode_rows(probe) != 0) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < probe->count; i++) {
        struct key key = row_key(probe, i);
        slots[i] = find_bytes(probe->table, probe->table->scratch->indexes[i], (uint32_t)key.bits,
                              key.bytes, key.byte_count);
        missing += slots[i] == SLOT_NONE;
    }
    return missing > 0 ? make_missing(probe) : 0;
}

static int probe_none(struct probe *probe)
{
    if (find_indexes(probe) != 0) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < probe->count; i++) {
        const struct shard *shard = row_space(probe, i)->shards[row_group(probe, i)];
        probe->slots[probe->first + i] = shard == NULL ? SLOT_NONE : shard->null_slot;
    }
    return make_missing(probe);
}

static int find_groups(struct probe *probe)
{
    struct state_table *table = probe->table;
    const struct weir_batch *batch = probe->batch;
    if (table->options.bucket_is_group && batch->bucket >= 0 &&
        (uint32_t)batch->bucket < table->options.group_count) {
        probe->group = (uint32_t)batch->bucket;
        return 0;
    }
    if (grow(table, &table->groups, &table->group_capacity, batch->row_count, 4) != 0 ||
        key_groups(batch, table->keys.columns, table->keys.column_count, table->options.group_count,
                   table->groups) != 0) {
        return -ENOMEM;
    }
    probe->groups = table->groups;
    return 0;
}

int state_table_slots(struct state_table *table, const struct weir_batch *batch, int64_t space,
                      const int64_t *spaces, uint32_t *slots)
{
    struct probe probe = {.table = table, .batch = batch, .spaces = spaces, .slots = slots};
    int rc = find_groups(&probe);
    if (rc == 0 && spaces == NULL && (probe.space = space_demand(table, space)) == NULL) {
        rc = -ENOMEM;
    }
    for (; rc == 0 && probe.first < batch->row_count; probe.first += PROBE_ROWS) {
        uint32_t left = batch->row_count - probe.first;
        probe.count = left < PROBE_ROWS ? left : PROBE_ROWS;
        rc = table->keys.shape == KEYS_NONE    ? probe_none(&probe)
             : table->keys.shape == KEYS_BYTES ? probe_bytes(&probe)
                                               : probe_bits(&probe);
    }
    if (rc == 0 && table->snapshot != NULL) {
        for (uint32_t i = 0; i < batch->row_count; i++) {
            table_touch(table, slots[i]);
        }
    }
    return rc;
}

// --- The other calls ---

static uint32_t scan_shard(struct state_table *table, const struct shard *shard, uint32_t *position,
                           uint32_t *slots, uint32_t capacity)
{
    uint32_t count = 0, page_slots = table_page_slots(table);
    while (count < capacity && *position / page_slots < shard->page_count) {
        uint32_t number = shard->pages[*position / page_slots], bit = *position % page_slots;
        uint64_t live = table->pages[number]->live[bit / 64] >> bit % 64;
        if (live == 0) {
            *position += 64 - bit % 64;
            continue;
        }
        *position += (uint32_t)__builtin_ctzll(live);
        slots[count++] = slot_of(table, number, *position % page_slots);
        ++*position;
    }
    return count;
}

uint32_t state_table_scan(struct state_table *table, int64_t space_value, uint64_t *cursor,
                          uint32_t *slots, uint32_t capacity)
{
    struct space *space = space_find(table, space_value);
    uint32_t count = 0, position = (uint32_t)*cursor;
    for (uint64_t group = *cursor >> 32; space != NULL && group < table->options.group_count;
         group++, position = 0) {
        if (space->shards[group] != NULL) {
            count = scan_shard(table, space->shards[group], &position, slots, capacity);
        }
        if (count > 0) {
            *cursor = group << 32 | position;
            break;
        }
    }
    for (uint32_t i = 0; table->snapshot != NULL && i < count; i++) {
        table_touch(table, slots[i]);
    }
    return count;
}

int state_table_keys(struct state_table *table, const uint32_t *slots, uint32_t slot_count,
                     struct batch_builder *builder, uint32_t first_column)
{
    int rc = 0;
    if (table->keys.shape == KEYS_NONE || slot_count == 0) {
        return 0;
    }
    uint64_t *keys = table_allocate(table, (uint64_t)slot_count * 9);
    if (keys == NULL) {
        return -ENOMEM;
    }
    if (table->keys.shape == KEYS_BYTES) {
        const uint8_t **bytes = (const uint8_t **)keys;
        for (uint32_t i = 0; i < slot_count; i++) {
            bytes[i] = *bytes_key(table, slots[i]) + 4;
        }
        rc = keys_write_bytes(&table->keys, bytes, slot_count, builder, first_column);
    } else {
        uint8_t *nulls = (uint8_t *)(keys + slot_count);
        for (uint32_t i = 0; i < slot_count; i++) {
            const struct page *page = table->pages[slots[i] >> table->page_shift];
            keys[i] = bits_key(table, slots[i]);
            nulls[i] = slots[i] == page->shard->null_slot;
        }
        rc = keys_write_bits(&table->keys, keys, nulls, slot_count, builder, first_column);
    }
    table_release(table, keys, (uint64_t)slot_count * 9);
    return rc;
}

int state_table_drop(struct state_table *table, int64_t space_value)
{
    struct space *space = space_find(table, space_value);
    if (space != NULL) {
        space_destroy(table, space);
    }
    return 0;
}

static void erase_slot(struct state_table *table, uint32_t slot)
{
    struct shard *shard = table->pages[slot >> table->page_shift]->shard;
    struct space *space = shard->space;
    struct index *index = &space->indexes[shard->group];
    if (slot == shard->null_slot) {
        shard->null_slot = SLOT_NONE;
    } else if (table->keys.shape == KEYS_BYTES) {
        const uint8_t *stored = *bytes_key(table, slot);
        uint32_t length;
        memcpy(&length, stored, 4);
        index_erase(index, 0, keys_hash(stored + 4, length), slot);
        shard->dead_bytes += 4 + (uint64_t)length;
    } else {
        index_erase(index, table->is_wide, bits_key(table, slot), slot);
    }
    slot_free(table, shard, slot);
    if (space->live_count == 0) {
        space_destroy(table, space);
    } else if (table->keys.shape == KEYS_BYTES) {
        keys_compact(table, shard);
    }
}

int state_table_erase(struct state_table *table, const uint32_t *slots, uint32_t slot_count)
{
    for (uint32_t i = 0; i < slot_count; i++) {
        erase_slot(table, slots[i]);
    }
    return 0;
}

uint32_t state_table_spaces(struct state_table *table, int64_t *spaces, uint32_t capacity)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->space_count; i++) {
        if (table->spaces[i]->live_count > 0) {
            if (count < capacity) {
                spaces[count] = table->spaces[i]->value;
            }
            count++;
        }
    }
    return count;
}

uint64_t state_table_bytes(const struct state_table *table)
{
    return __atomic_load_n(&table->bytes, __ATOMIC_RELAXED);
}

uint64_t state_table_count(const struct state_table *table)
{
    return table->live_count;
}

// --- Life ---

static int layout_copy(struct state_table *table, const struct weir_state_layout *layout)
{
    struct weir_state_field *fields = calloc(layout->field_count + 1, sizeof *fields);
    table->layout = *layout;
    table->layout.size = sizeof table->layout;
    table->layout.fields = fields;
    table->layout.initial = NULL;
    table->layout.name = strdup(layout->name);
    if (fields == NULL || table->layout.name == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < layout->field_count; i++) {
        fields[i] = layout->fields[i];
        fields[i].name = strdup(layout->fields[i].name);
        if (fields[i].name == NULL) {
            return -ENOMEM;
        }
    }
    table->head.stride = (layout->slot_bytes + 7) / 8 * 8;
    table->head.stride = table->head.stride == 0 ? 8 : table->head.stride;
    table->initial = calloc(1, table->head.stride);
    if (table->initial == NULL) {
        return -ENOMEM;
    }
    if (layout->initial != NULL) {
        memcpy(table->initial, layout->initial, layout->slot_bytes);
    }
    return 0;
}

// Addresses for as many slots as there can be; memory comes page by page, when it is written.
static int range_reserve(struct state_table *table)
{
    uint64_t wanted = table->options.byte_limit != 0 ? table->options.byte_limit : memory_budget();
    if (wanted == 0) {
        wanted = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    }
    wanted = wanted < RESERVED_BYTES_MIN ? RESERVED_BYTES_MIN : wanted;
    if (wanted / table->head.stride > SLOT_NONE - table_page_slots(table)) {
        wanted = (uint64_t)(SLOT_NONE - table_page_slots(table)) * table->head.stride;
    }
    for (; wanted >= RESERVED_BYTES_MIN / 2; wanted /= 2) {
        uint64_t byte_count =
            (wanted + table->page_bytes - 1) / table->page_bytes * table->page_bytes;
        void *range = mmap(NULL, byte_count, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range != MAP_FAILED) {
            table->head.slots = range;
            table->reserved_bytes = byte_count;
            return 0;
        }
    }
    return -ENOMEM;
}

int state_table_create(const struct weir_state_layout *layout, const struct state_options *options,
                       struct state_table **out, struct error *error)
{
    int rc = -ENOMEM;
    struct state_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return error_set(error, rc, "state `%s`: no memory", layout->name);
    }
    table->head.size = sizeof table->head;
    table->options = *options;
    table->options.schema = NULL;
    table->options.columns = NULL;
    if (layout_copy(table, layout) != 0) {
        goto fail;
    }
    rc = keys_init(&table->keys, options->schema, options->columns, options->column_count);
    if (rc != 0) {
        goto fail;
    }
    table->is_wide = table->keys.shape == KEYS_WIDE;
    for (table->page_shift = 6; ((uint64_t)table->head.stride << table->page_shift) % 4096 != 0;) {
        table->page_shift++;
    }
    table->page_bytes = (uint64_t)table->head.stride << table->page_shift;
    rc = range_reserve(table);
    table->scratch = rc == 0 ? table_allocate(table, sizeof *table->scratch) : NULL;
    if (table->scratch == NULL) {
        rc = rc != 0 ? rc : -ENOMEM;
        goto fail;
    }
    *out = table;
    return 0;
fail:
    error_set(error, rc, "state `%s`: %s", layout->name,
              rc == -EINVAL ? "a key column is not in the schema" : "no memory");
    state_table_destroy(table);
    return rc;
}

void state_table_destroy(struct state_table *table)
{
    if (table == NULL) {
        return;
    }
    while (table->space_count > 0) {
        space_destroy(table, table->spaces[table->space_count - 1]);
    }
    table_release(table, table->spaces, table->space_capacity * sizeof *table->spaces);
    table_release(table, table->pages, table->page_capacity * sizeof *table->pages);
    table_release(table, table->free_pages, (uint64_t)table->free_capacity * 4);
    table_release(table, table->groups, (uint64_t)table->group_capacity * 4);
    table_release(table, table->key_scratch, table->key_capacity);
    table_release(table, table->scratch, sizeof *table->scratch);
    if (table->head.slots != NULL) {
        munmap(table->head.slots, table->reserved_bytes);
    }
    for (uint32_t i = 0; table->layout.fields != NULL && i < table->layout.field_count; i++) {
        free((char *)(uintptr_t)table->layout.fields[i].name);
    }
    free((void *)(uintptr_t)table->layout.fields);
    free((char *)(uintptr_t)table->layout.name);
    free(table->initial);
    keys_finish(&table->keys);
    free(table);
}
