#include "state/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "data/schema.h"

// A block, little endian: magic, format, crc32c over all that follows it, byte count of the block,
// key group, number of key groups; then version, slot bytes, name and fields of the layout, the
// types of the key columns; then sections, each of one space: its number, how many slots, and for
// each the length of its key (as keys_encode has it), the key, and the slot.
#define BLOCK_MAGIC "weirstat"
#define BLOCK_FORMAT 1u
#define BLOCK_CRC_AT 12u
#define BLOCK_CRC_FROM 16u

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
            memcpy(live, page->live, words * 8);
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
    struct state_snapshot *snapshot;
    int rc = state_snapshot_begin(table, &snapshot, error);
    if (rc == 0) {
        rc = state_snapshot_write(snapshot, write, sink, error);
        state_snapshot_end(snapshot);
    }
    return rc;
}

// --- Reading blocks ---

struct reader {
    const uint8_t *at;
    uint64_t left;
};

// The next byte_count bytes, or NULL if there are fewer.
static const uint8_t *take(struct reader *reader, uint64_t byte_count)
{
    const uint8_t *at = reader->at;
    if (reader->left < byte_count) {
        return NULL;
    }
    reader->at += byte_count;
    reader->left -= byte_count;
    return at;
}

static int take_32(struct reader *reader, uint32_t *value)
{
    const uint8_t *at = take(reader, 4);
    if (at != NULL) {
        memcpy(value, at, 4);
    }
    return at != NULL;
}

// Whether the next bytes are a text, which is put into buffer, cut if need be.
static int take_text(struct reader *reader, char *buffer, uint32_t size)
{
    uint32_t length;
    const uint8_t *at = take_32(reader, &length) ? take(reader, length) : NULL;
    if (at != NULL) {
        length = length < size - 1 ? length : size - 1;
        memcpy(buffer, at, length);
        buffer[length] = '\0';
    }
    return at != NULL;
}

static int damaged(const struct state_table *table, struct error *error, const char *what)
{
    return error_set(error, -EBADMSG, "state `%s`: the snapshot is damaged (%s); use an older one",
                     table->layout.name, what);
}

static int check_fields(const struct state_table *table, struct reader *reader, struct error *error)
{
    const struct weir_state_layout *layout = &table->layout;
    uint32_t count, offset, bytes;
    char name[256];
    if (!take_32(reader, &count)) {
        return damaged(table, error, "its fields are cut off");
    }
    for (uint32_t i = 0; i < count || i < layout->field_count; i++) {
        const uint8_t *type = NULL;
        if (i < count && !(take_text(reader, name, sizeof name) &&
                           (type = take(reader, sizeof(struct weir_type))) != NULL &&
                           take_32(reader, &offset) && take_32(reader, &bytes))) {
            return damaged(table, error, "its fields are cut off");
        }
        const struct weir_state_field *field = i < layout->field_count ? &layout->fields[i] : NULL;
        if (i >= count || field == NULL || strcmp(name, field->name) != 0 ||
            memcmp(type, &field->type, sizeof field->type) != 0 || offset != field->offset ||
            bytes != field->bytes) {
            return error_set(error, -EINVAL,
                             "state `%s`: field %u of the snapshot is `%s`, here it is `%s`; the "
                             "stage has changed since and cannot go on from this snapshot",
                             layout->name, i + 1, i < count ? name : "(none)",
                             field != NULL ? field->name : "(none)");
        }
    }
    return 0;
}

static int check_keys(const struct state_table *table, struct reader *reader, struct error *error)
{
    uint32_t count;
    if (!take_32(reader, &count)) {
        return damaged(table, error, "its key is cut off");
    }
    if (count != table->keys.column_count) {
        return error_set(error, -EINVAL,
                         "state `%s`: the key of the snapshot has %u columns, here it has %u",
                         table->layout.name, count, table->keys.column_count);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct weir_type type;
        const uint8_t *at = take(reader, sizeof type);
        char was[32], is[32];
        if (at == NULL) {
            return damaged(table, error, "its key is cut off");
        }
        memcpy(&type, at, sizeof type);
        if (!type_equal(type, table->keys.types[i])) {
            return error_set(error, -EINVAL,
                             "state `%s`: key column %u of the snapshot is %s, here it is %s",
                             table->layout.name, i + 1, type_name(type, was, sizeof was),
                             type_name(table->keys.types[i], is, sizeof is));
        }
    }
    return 0;
}

static int check_description(const struct state_table *table, struct reader *reader,
                             struct error *error)
{
    const struct weir_state_layout *layout = &table->layout;
    uint32_t version, slot_bytes;
    char name[256];
    if (!take_32(reader, &version) || !take_32(reader, &slot_bytes) ||
        !take_text(reader, name, sizeof name)) {
        return damaged(table, error, "its layout is cut off");
    }
    if (strcmp(name, layout->name) != 0) {
        return error_set(error, -EINVAL, "state `%s`: the snapshot is of state `%s`", layout->name,
                         name);
    }
    if (version != layout->version) {
        return error_set(error, -EINVAL,
                         "state `%s`: the snapshot has version %u, here it is version %u",
                         layout->name, version, layout->version);
    }
    int rc = check_fields(table, reader, error);
    if (rc == 0 && slot_bytes != layout->slot_bytes) {
        rc = error_set(error, -EINVAL, "state `%s`: a slot of the snapshot has %u bytes, here %u",
                       layout->name, slot_bytes, layout->slot_bytes);
    }
    return rc != 0 ? rc : check_keys(table, reader, error);
}

static int restore_slot(struct state_table *table, int64_t space, uint32_t group,
                        struct reader *reader, struct error *error)
{
    uint32_t length, slot;
    int is_created;
    const uint8_t *key = take_32(reader, &length) ? take(reader, length) : NULL;
    const uint8_t *bytes = key != NULL ? take(reader, table->layout.slot_bytes) : NULL;
    if (bytes == NULL || !keys_are_valid(&table->keys, key, length)) {
        return damaged(table, error, "a slot is cut off");
    }
    if (table_insert(table, space, group, key, length, &slot, &is_created) != 0) {
        return error_set(error, -ENOMEM, "state `%s`: no memory for the snapshot",
                         table->layout.name);
    }
    if (!is_created) {
        return error_set(error, -EEXIST, "state `%s`: key group %u was restored before",
                         table->layout.name, group);
    }
    table_touch(table, slot);
    memcpy(table->head.slots + (uint64_t)slot * table->head.stride, bytes,
           table->layout.slot_bytes);
    return 0;
}

static int check_head(const struct state_table *table, struct reader *reader, uint32_t *group,
                      struct error *error)
{
    uint32_t format, crc, group_count;
    uint64_t byte_count = reader->left;
    const uint8_t *magic = take(reader, 8), *size;
    if (magic == NULL || memcmp(magic, BLOCK_MAGIC, 8) != 0 || !take_32(reader, &format)) {
        return damaged(table, error, "it does not begin as one");
    }
    if (format != BLOCK_FORMAT) {
        return error_set(error, -EINVAL,
                         "state `%s`: the snapshot has format %u, this version reads format %u",
                         table->layout.name, format, BLOCK_FORMAT);
    }
    if (!take_32(reader, &crc) || checksum_crc32c(0, reader->at, reader->left) != crc ||
        (size = take(reader, 8)) == NULL || memcmp(size, &byte_count, 8) != 0 ||
        !take_32(reader, group) || !take_32(reader, &group_count)) {
        return damaged(table, error, "its checksum is wrong");
    }
    if (group_count != table->options.group_count) {
        return error_set(error, -EINVAL,
                         "state `%s`: the snapshot was cut into %u key groups, here there are %u",
                         table->layout.name, group_count, table->options.group_count);
    }
    return *group < group_count ? 0 : damaged(table, error, "its key group does not exist");
}

int state_table_restore(struct state_table *table, const void *bytes, uint64_t byte_count,
                        struct error *error)
{
    struct reader reader = {bytes, byte_count};
    uint32_t group = 0, count;
    int rc = check_head(table, &reader, &group, error);
    if (rc == 0) {
        rc = check_description(table, &reader, error);
    }
    while (rc == 0 && reader.left > 0) {
        int64_t space;
        const uint8_t *at = take(&reader, 8);
        if (at == NULL || !take_32(&reader, &count)) {
            return damaged(table, error, "a space is cut off");
        }
        memcpy(&space, at, 8);
        for (uint32_t i = 0; rc == 0 && i < count; i++) {
            rc = restore_slot(table, space, group, &reader, error);
        }
    }
    return rc;
}
