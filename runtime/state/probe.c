// From keys to slots.
#include <errno.h>
#include <string.h>

#include "data/key.h"
#include "state/table.h"

static void *index_allocate(void *table, uint64_t byte_count)
{
    return table_allocate(table, byte_count);
}

static void index_release(void *table, void *memory, uint64_t byte_count)
{
    table_release(table, memory, byte_count);
}

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
        if (length == byte_count && (length == 0 || memcmp(stored + 4, bytes, length) == 0)) {
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
    struct shard *shard = table_shard(table, space, group);
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
    struct space *space = table_space(table, space_value);
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
            scratch->spaces[i] = table_space(probe->table, probe->spaces[probe->first + i]);
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
    }
    return 0;
}

// A slot whose hash is right for each row, and the bytes of its key: step by step, so that the
// memory of many rows is on its way at a time.
static void find_candidates(struct probe *probe)
{
    const struct state_table *table = probe->table;
    struct state_scratch *scratch = probe->table->scratch;
    uint32_t *slots = probe->slots + probe->first;
    index_find_narrow_each(scratch->indexes, scratch->hashes, probe->count, slots);
    for (uint32_t i = 0; i < probe->count; i++) {
        if (slots[i] != SLOT_NONE) {
            __builtin_prefetch(bytes_key(table, slots[i]));
        }
    }
    for (uint32_t i = 0; i < probe->count; i++) {
        if (slots[i] != SLOT_NONE) {
            scratch->stored[i] = *bytes_key(table, slots[i]);
            __builtin_prefetch(scratch->stored[i]);
        }
    }
}

static int is_key(const uint8_t *stored, const struct key *key)
{
    uint32_t length;
    memcpy(&length, stored, 4);
    return length == key->byte_count &&
           (length == 0 || memcmp(stored + 4, key->bytes, length) == 0);
}

static int probe_bytes(struct probe *probe)
{
    struct state_table *table = probe->table;
    uint32_t *slots = probe->slots + probe->first, missing = 0;
    if (find_indexes(probe) != 0 || encode_rows(probe) != 0) {
        return -ENOMEM;
    }
    find_candidates(probe);
    for (uint32_t i = 0; i < probe->count; i++) {
        struct key key = row_key(probe, i);
        if (slots[i] != SLOT_NONE && !is_key(table->scratch->stored[i], &key)) {
            slots[i] = find_bytes(table, table->scratch->indexes[i], (uint32_t)key.bits, key.bytes,
                                  key.byte_count);
        }
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
    if (table_grow(table, &table->groups, &table->group_capacity, batch->row_count, 4) != 0 ||
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
    if (rc == 0 && spaces == NULL && (probe.space = table_space(table, space)) == NULL) {
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
