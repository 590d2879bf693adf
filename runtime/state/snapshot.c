#include "state/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/memory.h"

// What a page was when the snapshot began.
struct kept_page {
    uint32_t number;
    uint32_t group;
    int64_t space;
    uint32_t null_slot;
    struct page *page; // while there is no copy
    uint8_t *copy;     // slots, then keys; NULL: still in place
    uint64_t *live;    // bit per slot
};

struct state_snapshot {
    struct state_table *table;
    pthread_mutex_t mutex; // guards kept pages and their marks against the other thread
    struct kept_page *pages;
    uint32_t page_count;
    uint64_t *live;        // of all pages
    uint32_t *position;    // page number to position in pages
    uint32_t number_count; // page numbers when it began
    struct chunk *retired;
    int error; // a copy failed for want of memory
};

static uint64_t copy_bytes(const struct state_table *table)
{
    return table->page_bytes + table_page_slots(table) * table_key_bytes(table);
}

// --- On the task's side ---

void snapshot_keep(struct state_snapshot *snapshot, uint32_t number)
{
    struct state_table *table = snapshot->table;
    struct page *page = table->pages[number];
    pthread_mutex_lock(&snapshot->mutex);
    if (atomic_load_explicit(&page->is_pending, memory_order_relaxed)) {
        uint8_t *copy = snapshot->error != 0 ? NULL : memory_allocate(copy_bytes(table));
        if (copy == NULL) {
            snapshot->error = -ENOMEM;
        } else {
            memcpy(copy, table->head.slots + number * table->page_bytes, table->page_bytes);
            memcpy(copy + table->page_bytes, page->keys,
                   table_page_slots(table) * table_key_bytes(table));
        }
        snapshot->pages[snapshot->position[number]].copy = copy;
        atomic_store_explicit(&page->is_pending, 0, memory_order_release);
    }
    pthread_mutex_unlock(&snapshot->mutex);
}

int snapshot_retire(struct state_snapshot *snapshot, struct chunk *chunk)
{
    chunk->next = snapshot->retired;
    snapshot->retired = chunk;
    return 1;
}

static int compare_pages(const void *a, const void *b)
{
    const struct kept_page *left = a, *right = b;
    if (left->group != right->group) {
        return left->group < right->group ? -1 : 1;
    }
    if (left->space != right->space) {
        return left->space < right->space ? -1 : 1;
    }
    return left->number < right->number ? -1 : left->number > right->number;
}

// Notes every page and marks it.
static void note_pages(struct state_snapshot *snapshot)
{
    struct state_table *table = snapshot->table;
    uint32_t words = table_page_slots(table) / 64;
    for (uint32_t number = 0; number < table->page_count; number++) {
        struct page *page = table->pages[number];
        if (page != NULL) {
            uint64_t *live = snapshot->live + (uint64_t)snapshot->page_count * words;
            memcpy(live, page->live, (size_t)words * 8);
            snapshot->pages[snapshot->page_count++] = (struct kept_page){number,
                                                                         page->shard->group,
                                                                         page->shard->space->value,
                                                                         page->shard->null_slot,
                                                                         page,
                                                                         NULL,
                                                                         live};
            atomic_store_explicit(&page->is_pending, 1, memory_order_release);
        }
    }
    qsort(snapshot->pages, snapshot->page_count, sizeof *snapshot->pages, compare_pages);
    for (uint32_t i = 0; i < snapshot->page_count; i++) {
        snapshot->position[snapshot->pages[i].number] = i;
    }
}

int state_snapshot_begin(struct state_table *table, struct state_snapshot **out,
                         struct error *error)
{
    if (table->snapshot != NULL) {
        return error_set(error, -EBUSY, "state `%s`: a snapshot is under way", table->layout.name);
    }
    struct state_snapshot *snapshot = calloc(1, sizeof *snapshot);
    uint32_t count = table->page_count;
    if (snapshot != NULL) {
        snapshot->pages = calloc(count + 1, sizeof *snapshot->pages);
        snapshot->position = calloc(count + 1, sizeof *snapshot->position);
        snapshot->live = calloc(count + 1, table_page_slots(table) / 8);
    }
    if (snapshot == NULL || snapshot->pages == NULL || snapshot->position == NULL ||
        snapshot->live == NULL) {
        if (snapshot != NULL) {
            free(snapshot->pages);
            free(snapshot->position);
            free(snapshot->live);
            free(snapshot);
        }
        return error_set(error, -ENOMEM, "state `%s`: no memory for a snapshot",
                         table->layout.name);
    }
    pthread_mutex_init(&snapshot->mutex, NULL);
    snapshot->table = table;
    note_pages(snapshot);
    table->snapshot = snapshot;
    *out = snapshot;
    return 0;
}

void state_snapshot_end(struct state_snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    struct state_table *table = snapshot->table;
    table->snapshot = NULL;
    for (uint32_t i = 0; i < snapshot->page_count; i++) {
        struct kept_page *kept = &snapshot->pages[i];
        struct page *page = table->pages[kept->number];
        memory_free(kept->copy, copy_bytes(table));
        if (page != NULL) {
            atomic_store_explicit(&page->is_pending, 0, memory_order_relaxed);
        }
    }
    while (snapshot->retired != NULL) {
        struct chunk *chunk = snapshot->retired;
        snapshot->retired = chunk->next;
        table_release(table, chunk, sizeof *chunk + chunk->capacity);
    }
    pthread_mutex_destroy(&snapshot->mutex);
    free(snapshot->pages);
    free(snapshot->position);
    free(snapshot->live);
    free(snapshot);
}

// --- Writing blocks ---

// A block in the making.
struct block {
    uint8_t *bytes;
    uint64_t count;
    uint64_t capacity;
    int error;
};

static void block_add(struct block *block, const void *bytes, uint64_t byte_count)
{
    if (block->error == 0 && block->capacity - block->count < byte_count) {
        uint64_t capacity = (block->count + byte_count) * 2;
        uint8_t *larger = memory_allocate(capacity);
        if (larger == NULL) {
            block->error = -ENOMEM;
        } else {
            if (block->bytes != NULL) {
                memcpy(larger, block->bytes, block->count);
            }
            memory_free(block->bytes, block->capacity);
            block->bytes = larger;
            block->capacity = capacity;
        }
    }
    if (block->error == 0) {
        memcpy(block->bytes + block->count, bytes, byte_count);
        block->count += byte_count;
    }
}

static void block_add_32(struct block *block, uint32_t value)
{
    block_add(block, &value, 4);
}

static void block_add_text(struct block *block, const char *text)
{
    block_add_32(block, (uint32_t)strlen(text));
    block_add(block, text, strlen(text));
}

// The part of a block that says what is in it, from the layout on.
static void add_description(struct block *block, const struct state_table *table)
{
    const struct weir_state_layout *layout = &table->layout;
    block_add_32(block, layout->version);
    block_add_32(block, layout->slot_bytes);
    block_add_text(block, layout->name);
    block_add_32(block, layout->field_count);
    for (uint32_t i = 0; i < layout->field_count; i++) {
        block_add_text(block, layout->fields[i].name);
        block_add(block, &layout->fields[i].type, sizeof layout->fields[i].type);
        block_add_32(block, layout->fields[i].offset);
        block_add_32(block, layout->fields[i].bytes);
    }
    block_add_32(block, table->keys.column_count);
    for (uint32_t i = 0; i < table->keys.column_count; i++) {
        struct weir_type type = table->keys.types[i];
        type.nullable = 1;
        type.length = 0;
        block_add(block, &type, sizeof type);
    }
}

static void begin_block(struct block *block, const struct state_table *table, uint32_t group)
{
    uint64_t zero = 0;
    block->count = 0;
    block_add(block, BLOCK_MAGIC, 8);
    block_add_32(block, BLOCK_FORMAT);
    block_add_32(block, 0);
    block_add(block, &zero, 8);
    block_add_32(block, group);
    block_add_32(block, table->options.group_count);
    add_description(block, table);
}

static void finish_block(struct block *block)
{
    if (block->error == 0) {
        memcpy(block->bytes + BLOCK_CRC_FROM, &block->count, 8);
        uint32_t crc =
            checksum_crc32c(0, block->bytes + BLOCK_CRC_FROM, block->count - BLOCK_CRC_FROM);
        memcpy(block->bytes + BLOCK_CRC_AT, &crc, 4);
    }
}

static void add_key(struct block *block, const struct state_table *table,
                    const struct kept_page *kept, const void *keys, uint32_t i)
{
    uint8_t bytes[16];
    uint64_t bits = 0;
    uint32_t length = 0;
    if (table->keys.shape == KEYS_BYTES) {
        const uint8_t *stored = ((uint8_t *const *)keys)[i];
        memcpy(&length, stored, 4);
        block_add(block, stored, 4 + (uint64_t)length);
        return;
    }
    if (table->keys.shape != KEYS_NONE) {
        bits = table->is_wide ? ((const uint64_t *)keys)[i] : ((const uint32_t *)keys)[i];
        length = keys_encode_bits(
            &table->keys, kept->null_slot == (kept->number << table->page_shift) + i, bits, bytes);
    }
    block_add_32(block, length);
    block_add(block, bytes, length);
}

static void add_slots(struct block *block, const struct state_table *table,
                      const struct kept_page *kept, const uint8_t *slots, const void *keys)
{
    uint32_t words = table_page_slots(table) / 64, count = 0;
    for (uint32_t w = 0; w < words; w++) {
        count += (uint32_t)__builtin_popcountll(kept->live[w]);
    }
    block_add(block, &kept->space, 8);
    block_add_32(block, count);
    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t live = kept->live[w]; live != 0; live &= live - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(live);
            add_key(block, table, kept, keys, i);
            block_add(block, slots + (uint64_t)i * table->head.stride, table->layout.slot_bytes);
        }
    }
}

// Adds one page: its copy if there is one, else as it stands, which nobody changes meanwhile.
static int add_page(struct state_snapshot *snapshot, struct kept_page *kept, struct block *block)
{
    struct state_table *table = snapshot->table;
    pthread_mutex_lock(&snapshot->mutex);
    int rc = snapshot->error;
    if (rc == 0 && kept->copy == NULL) {
        add_slots(block, table, kept, table->head.slots + kept->number * table->page_bytes,
                  kept->page->keys);
        atomic_store_explicit(&kept->page->is_pending, 0, memory_order_release);
    }
    pthread_mutex_unlock(&snapshot->mutex);
    if (rc == 0 && kept->copy != NULL) {
        add_slots(block, table, kept, kept->copy, kept->copy + table->page_bytes);
        memory_free(kept->copy, copy_bytes(table));
        kept->copy = NULL;
    }
    return rc != 0 ? rc : block->error;
}

int state_snapshot_write(struct state_snapshot *snapshot,
                         int (*write)(void *sink, uint32_t group, const void *bytes,
                                      uint64_t byte_count),
                         void *sink, struct error *error)
{
    struct block block = {0};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < snapshot->page_count;) {
        uint32_t group = snapshot->pages[i].group;
        begin_block(&block, snapshot->table, group);
        for (; rc == 0 && i < snapshot->page_count && snapshot->pages[i].group == group; i++) {
            rc = add_page(snapshot, &snapshot->pages[i], &block);
        }
        finish_block(&block);
        if (rc == 0) {
            rc = write(sink, group, block.bytes, block.count);
        }
    }
    memory_free(block.bytes, block.capacity);
    if (rc == -ENOMEM) {
        error_set(error, rc, "state `%s`: no memory for a snapshot", snapshot->table->layout.name);
    }
    return rc;
}

int state_table_snapshot(struct state_table *table,
                         int (*write)(void *sink, uint32_t group, const void *bytes,
                                      uint64_t byte_count),
                         void *sink, struct error *error)
{
    struct state_snapshot *snapshot = NULL;
    int rc = state_snapshot_begin(table, &snapshot, error);
    if (rc == 0) {
        assert(snapshot != NULL);
        rc = state_snapshot_write(snapshot, write, sink, error);
        state_snapshot_end(snapshot);
    }
    return rc;
}
