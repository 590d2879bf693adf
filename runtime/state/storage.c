// Where slots lie: pages, shards and spaces, and the bytes of keys.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/memory.h"
#include "state/table.h"

#define CHUNK_BYTES_MIN 256u
#define CHUNK_BYTES_MAX (64u << 10)

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

// An array of at least `needed` items, its contents kept. -ENOMEM.
int table_grow(struct state_table *table, void *array, uint32_t *capacity, uint32_t needed,
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
    int rc = table_grow(table, &table->pages, &table->page_capacity, table->page_count + 1,
                        sizeof *table->pages);
    return rc != 0 ? rc
                   : table_grow(table, &table->free_pages, &table->free_capacity,
                                table->page_count + 1, 4);
}

// A page of memory for a shard.
static int page_create(struct state_table *table, struct shard *shard)
{
    uint32_t number;
    if (table_grow(table, &shard->pages, &shard->page_capacity, shard->page_count + 1, 4) != 0) {
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

struct space *table_space_find(struct state_table *table, int64_t value)
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

struct space *table_space(struct state_table *table, int64_t value)
{
    struct space *space = table_space_find(table, value);
    if (space != NULL) {
        return space;
    }
    if (table_grow(table, &table->spaces, &table->space_capacity, table->space_count + 1,
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

struct shard *table_shard(struct state_table *table, struct space *space, uint32_t group)
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

void table_space_drop(struct state_table *table, struct space *space)
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

// A free slot of a shard, marked live, with the initial bytes.
int slot_take(struct state_table *table, struct shard *shard, uint32_t *slot)
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
uint8_t *key_store(struct state_table *table, struct shard *shard, const uint8_t *bytes,
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

// Moves the keys of a shard together once half of their bytes are dead. Without memory they stay.
void keys_compact(struct state_table *table, struct shard *shard)
{
    if (table->snapshot != NULL || shard->dead_bytes < (uint64_t)2 * CHUNK_BYTES_MIN ||
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
void slot_free(struct state_table *table, struct shard *shard, uint32_t slot)
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
