#include "state/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/batch.h"

#define RESERVED_BYTES_MIN (16u << 20)

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
    struct space *space = table_space_find(table, space_value);
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
    struct space *space = table_space_find(table, space_value);
    if (space != NULL) {
        table_space_drop(table, space);
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
        table_space_drop(table, space);
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
        table_space_drop(table, table->spaces[table->space_count - 1]);
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
