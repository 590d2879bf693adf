// The index of one bucket on disk: what waits is looked at first, then the database.
#include <stdlib.h>
#include <string.h>

#include "engine/index_disk_inside.h"
#include "engine/row_bytes.h"

#define ENTRY_OVERHEAD 32u // of the table of the overlay, per entry

static int32_t no_memory(struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_RETRY, "no memory for rows of the index on disk");
}

static int32_t malformed(struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_FATAL,
                       "the index on disk has a row that is damaged or of a newer version");
}

// --- Rows ---

// A row from its bytes, in the arena with its text. NULL: *code says why.
static uint8_t *decode(const struct index_disk *index, const struct pairs_bytes *value,
                       const struct pairs_bytes *key, struct arena *arena, int32_t *code,
                       struct failure *failure)
{
    const struct row_layout *layout = index->layout;
    uint8_t *row = arena_get(arena, layout->row_bytes), *bytes = NULL;
    if (row != NULL && layout->text_count > 0) {
        bytes = arena_get(arena, value->count + key->count);
    }
    if (row == NULL || (layout->text_count > 0 && bytes == NULL)) {
        *code = no_memory(failure);
        return NULL;
    }
    if (bytes != NULL) {
        memcpy(bytes, value->bytes, value->count);
        memcpy(bytes + value->count, key->bytes, key->count);
    }
    if (!row_bytes_read(layout, bytes != NULL ? bytes : value->bytes, value->count, row)) {
        *code = malformed(failure);
        return NULL;
    }
    if (layout->key_offset != ROW_NONE) {
        row_set_text(row + layout->key_offset, (const char *)bytes + value->count,
                     (uint32_t)key->count);
    }
    return row;
}

static struct pairs_bytes key_of_entry(const struct overlay_entry *entry)
{
    return (struct pairs_bytes){entry->bytes + KEY_PREFIX, entry->key_bytes - KEY_PREFIX};
}

static struct pairs_bytes value_of_entry(const struct overlay_entry *entry)
{
    return (struct pairs_bytes){entry->bytes + entry->key_bytes, entry->value_bytes};
}

// --- Get ---

static int compare_bytes(const uint8_t *a, uint64_t a_count, const uint8_t *b, uint64_t b_count)
{
    int order = memcmp(a, b, a_count < b_count ? a_count : b_count);
    return order != 0 ? order : (a_count > b_count) - (a_count < b_count);
}

// A key that the database may have, and its number.
struct missing {
    struct pairs_bytes key;
    uint32_t number;
};

struct get {
    struct index_disk *index;
    struct arena *arena;
    struct failure *failure;
    const uint8_t **rows;
    struct missing *missing; // not in the overlay
    uint32_t count;
};

// Keys with their prefix, as the database has them, one after the other.
static uint8_t *full_keys(const struct index_disk *index, const struct index_keys *keys,
                          struct arena *arena)
{
    uint64_t bytes = keys->offsets[keys->count] + (uint64_t)keys->count * KEY_PREFIX;
    uint8_t *full = arena_get(arena, bytes), *at = full;
    for (uint32_t k = 0; k < keys->count && full != NULL; k++) {
        uint32_t length = keys->offsets[k + 1] - keys->offsets[k];
        memcpy(at, index->prefix, KEY_PREFIX);
        memcpy(at + KEY_PREFIX, keys->bytes + keys->offsets[k], length);
        at += KEY_PREFIX + length;
    }
    return full;
}

static int32_t get_waiting(struct get *get, const struct index_keys *keys, const uint8_t *at)
{
    struct index_disk *index = get->index;
    int32_t code = WEIR_OK;
    pthread_mutex_lock(&index->lock);
    for (uint32_t k = 0; k < keys->count && code == WEIR_OK; k++) {
        uint64_t length = KEY_PREFIX + keys->offsets[k + 1] - keys->offsets[k];
        const struct overlay_entry *entry =
            overlay_find(&index->overlay, keys->words[k], at, length);
        get->rows[k] = NULL;
        if (entry == NULL) {
            get->missing[get->count++] = (struct missing){{at, length}, k};
        } else if (entry->value_bytes != OVERLAY_GONE) {
            struct pairs_bytes value = value_of_entry(entry), key = key_of_entry(entry);
            get->rows[k] = decode(index, &value, &key, get->arena, &code, get->failure);
        }
        at += length;
    }
    pthread_mutex_unlock(&index->lock);
    return code;
}

static int32_t get_found(void *owner, uint32_t i, const struct pairs_bytes *key,
                         const struct pairs_bytes *value)
{
    struct get *get = owner;
    int32_t code = WEIR_OK;
    struct pairs_bytes own = {key->bytes + KEY_PREFIX, key->count - KEY_PREFIX};
    get->rows[get->missing[i].number] =
        decode(get->index, value, &own, get->arena, &code, get->failure);
    return code;
}

static int compare_missing(const void *a, const void *b)
{
    const struct pairs_bytes *x = &((const struct missing *)a)->key;
    const struct pairs_bytes *y = &((const struct missing *)b)->key;
    return compare_bytes(x->bytes, x->count, y->bytes, y->count);
}

// In their order, so that each block of the database is met once.
static int32_t get_missing(struct get *get)
{
    struct index_database *database = get->index->database;
    struct pairs_bytes *keys = arena_get(get->arena, (uint64_t)get->count * sizeof *keys);
    if (keys == NULL) {
        return no_memory(get->failure);
    }
    if (get->count > 1) {
        qsort(get->missing, get->count, sizeof *get->missing, compare_missing);
    }
    for (uint32_t i = 0; i < get->count; i++) {
        keys[i] = get->missing[i].key;
    }
    return database->table->get(database->pairs, keys, get->count, get_found, get, get->failure);
}

static int32_t disk_get(struct index *base, const struct index_keys *keys, struct arena *arena,
                        const uint8_t **rows, struct failure *failure)
{
    struct index_disk *index = (struct index_disk *)base;
    struct get get = {.index = index, .arena = arena, .failure = failure, .rows = rows};
    get.missing = arena_get(arena, (uint64_t)keys->count * sizeof *get.missing);
    uint8_t *full = full_keys(index, keys, arena);
    if (get.missing == NULL || full == NULL) {
        return no_memory(failure);
    }
    int32_t code = get_waiting(&get, keys, full);
    return code == WEIR_OK ? get_missing(&get) : code;
}

// --- Changes ---

static uint64_t entries_bytes(const struct index_disk *index, const struct index_keys *keys,
                              const struct index_change *changes, uint32_t count)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = changes[i].key;
        bytes += overlay_entry_size(
            KEY_PREFIX + keys->offsets[k + 1] - keys->offsets[k],
            changes[i].row == NULL ? 0 : row_bytes_size(index->layout, changes[i].row));
    }
    return bytes;
}

static void fill_block(const struct index_disk *index, const struct index_keys *keys,
                       const struct index_change *changes, uint32_t count,
                       struct overlay_block *block)
{
    struct overlay_entry *entry = (struct overlay_entry *)block->entries;
    for (uint32_t i = 0; i < count; i++, entry = overlay_next(entry)) {
        const struct index_change *change = &changes[i];
        uint32_t k = change->key, length = keys->offsets[k + 1] - keys->offsets[k];
        *entry = (struct overlay_entry){
            .word = keys->words[k], .key_bytes = KEY_PREFIX + length, .value_bytes = OVERLAY_GONE};
        memcpy(entry->bytes, index->prefix, KEY_PREFIX);
        memcpy(entry->bytes + KEY_PREFIX, keys->bytes + keys->offsets[k], length);
        if (change->row != NULL) {
            entry->value_bytes = (uint32_t)row_bytes_size(index->layout, change->row);
            row_bytes_write(index->layout, change->row, entry->bytes + entry->key_bytes);
        }
        block->row_change += (change->row != NULL) - (change->old != NULL);
    }
    block->entry_count = count;
}

static void give_up(struct index_disk *index, struct overlay_block *block)
{
    const struct store_memory *memory = index->overlay.memory;
    database_discharge(index->database, block->charge);
    memory->release(memory, block, block->byte_count);
}

static int32_t refuse(struct index_database *database, struct failure *failure)
{
    char why[sizeof database->why];
    pthread_mutex_lock(&database->wake_lock);
    memcpy(why, database->why, sizeof why);
    pthread_mutex_unlock(&database->wake_lock);
    return failure_set(failure, WEIR_ERROR_RETRY,
                       "%llu bytes of rows wait to be written to the index on disk%s%s",
                       (unsigned long long)atomic_load(&database->waiting),
                       why[0] == 0 ? "" : ", which failed: ", why);
}

static int32_t disk_prepare(struct index *base, const struct index_keys *keys,
                            struct index_change *changes, uint32_t count, struct failure *failure)
{
    struct index_disk *index = (struct index_disk *)base;
    const struct store_memory *memory = index->overlay.memory;
    uint64_t bytes = sizeof(struct overlay_block) + entries_bytes(index, keys, changes, count);
    uint64_t charge = bytes + (uint64_t)count * ENTRY_OVERHEAD;
    if (!database_charge(index->database, charge)) {
        return refuse(index->database, failure);
    }
    struct overlay_block *block = memory->allocate(memory, bytes);
    if (block == NULL) {
        database_discharge(index->database, charge);
        return no_memory(failure);
    }
    *block = (struct overlay_block){.byte_count = bytes, .charge = charge};
    fill_block(index, keys, changes, count, block);
    pthread_mutex_lock(&index->lock);
    int has_room = overlay_reserve(&index->overlay, count);
    pthread_mutex_unlock(&index->lock);
    if (!has_room) {
        give_up(index, block);
        return no_memory(failure);
    }
    index->pending = block;
    return WEIR_OK;
}

static void disk_apply(struct index *base, const struct index_keys *keys,
                       const struct index_change *changes, uint32_t count,
                       const struct index_mark *mark)
{
    struct index_disk *index = (struct index_disk *)base;
    struct overlay_block *block = index->pending;
    (void)keys;
    (void)changes;
    (void)count;
    block->mark = *mark;
    index->pending = NULL;
    pthread_mutex_lock(&index->lock);
    overlay_add(&index->overlay, block);
    index->row_count += (uint64_t)block->row_change;
    index->replayed = mark->is_replayed ? mark->position : index->replayed;
    pthread_mutex_unlock(&index->lock);
}

static void disk_abandon(struct index *base, const struct index_change *changes, uint32_t count)
{
    struct index_disk *index = (struct index_disk *)base;
    (void)changes;
    (void)count;
    give_up(index, index->pending);
    index->pending = NULL;
}

// --- Visits ---

struct visit {
    struct index_disk *index;
    struct index_walk *walk;
    int32_t (*each)(void *owner, const uint8_t *row);
    void *owner;
    struct failure *failure;
    const struct overlay_entry **waiting; // in the order of their keys
    uint64_t waiting_count;
    uint64_t at; // of waiting
};

static int compare_entries(const void *a, const void *b)
{
    const struct overlay_entry *x = *(const struct overlay_entry *const *)a;
    const struct overlay_entry *y = *(const struct overlay_entry *const *)b;
    return compare_bytes(x->bytes, x->key_bytes, y->bytes, y->key_bytes);
}

// Those of the overlay that a visit from `from` meets.
static int32_t list_waiting(struct visit *visit, const struct pairs_bytes *from,
                            const struct pairs_bytes *prefix)
{
    const struct overlay *overlay = &visit->index->overlay;
    visit->waiting = arena_get(visit->walk->arena, overlay->used * sizeof *visit->waiting);
    if (visit->waiting == NULL) {
        return no_memory(visit->failure);
    }
    for (uint32_t i = 0; i < overlay->cell_count; i++) {
        const struct overlay_entry *entry = overlay->cells[i];
        if (entry != NULL && entry->key_bytes >= prefix->count &&
            memcmp(entry->bytes, prefix->bytes, prefix->count) == 0 &&
            compare_bytes(entry->bytes, entry->key_bytes, from->bytes, from->count) >= 0) {
            visit->waiting[visit->waiting_count++] = entry;
        }
    }
    if (visit->waiting_count > 1) {
        qsort(visit->waiting, visit->waiting_count, sizeof *visit->waiting, compare_entries);
    }
    return WEIR_OK;
}

// Notes where to go on.
static int32_t stop_at(struct visit *visit, const uint8_t *key, uint64_t key_bytes)
{
    struct index_disk *index = visit->index;
    const struct store_memory *memory = index->overlay.memory;
    uint8_t *resume = memory->allocate(memory, key_bytes);
    if (resume == NULL) {
        return no_memory(visit->failure);
    }
    memcpy(resume, key, key_bytes);
    if (index->resume != NULL) {
        memory->release(memory, index->resume, index->resume_bytes);
    }
    index->resume = resume;
    index->resume_bytes = (uint32_t)key_bytes;
    visit->walk->cursor = ++index->resume_number;
    return WEIR_OK;
}

static int32_t show(struct visit *visit, const uint8_t *key, uint64_t key_bytes,
                    const struct pairs_bytes *value)
{
    int32_t code = WEIR_OK;
    struct pairs_bytes own = {key + KEY_PREFIX, key_bytes - KEY_PREFIX};
    uint8_t *row = decode(visit->index, value, &own, visit->walk->arena, &code, visit->failure);
    if (row == NULL) {
        return code;
    }
    code = visit->each(visit->owner, row);
    if (code > 0) {
        int32_t noted = stop_at(visit, key, key_bytes);
        code = noted == WEIR_OK ? code : noted;
    }
    return code;
}

static int32_t show_entry(struct visit *visit, const struct overlay_entry *entry)
{
    struct pairs_bytes value = value_of_entry(entry);
    return entry->value_bytes == OVERLAY_GONE ? 0
                                              : show(visit, entry->bytes, entry->key_bytes, &value);
}

// A pair of the database: what waits before it comes first, and what waits under its key instead.
static int32_t show_pair(void *owner, uint32_t i, const struct pairs_bytes *key,
                         const struct pairs_bytes *value)
{
    struct visit *visit = owner;
    (void)i;
    while (visit->at < visit->waiting_count) {
        const struct overlay_entry *entry = visit->waiting[visit->at];
        int order = compare_bytes(entry->bytes, entry->key_bytes, key->bytes, key->count);
        if (order > 0) {
            break;
        }
        visit->at++;
        int32_t code = show_entry(visit, entry);
        if (code != 0 || order == 0) {
            return code;
        }
    }
    return show(visit, key->bytes, key->count, value);
}

static int32_t visit_all(struct visit *visit, const struct pairs_bytes *from,
                         const struct pairs_bytes *prefix)
{
    struct index_database *database = visit->index->database;
    int32_t code = list_waiting(visit, from, prefix);
    if (code == WEIR_OK) {
        code =
            database->table->visit(database->pairs, from, prefix, show_pair, visit, visit->failure);
    }
    while (code == 0 && visit->at < visit->waiting_count) {
        code = show_entry(visit, visit->waiting[visit->at++]);
    }
    return code;
}

static int32_t disk_visit(struct index *base, struct index_walk *walk,
                          int32_t (*each)(void *owner, const uint8_t *row), void *owner,
                          struct failure *failure)
{
    struct index_disk *index = (struct index_disk *)base;
    struct visit visit = {
        .index = index, .walk = walk, .each = each, .owner = owner, .failure = failure};
    uint64_t prefix_bytes = KEY_PREFIX + walk->prefix_length;
    uint8_t *bytes = arena_get(walk->arena, prefix_bytes);
    if (bytes == NULL) {
        return no_memory(failure);
    }
    memcpy(bytes, index->prefix, KEY_PREFIX);
    if (walk->prefix_length > 0) {
        memcpy(bytes + KEY_PREFIX, walk->prefix, walk->prefix_length);
    }
    pthread_mutex_lock(&index->lock); // so that what waits stays where it is
    struct pairs_bytes prefix = {bytes, prefix_bytes}, from = prefix;
    if (walk->cursor != 0 && walk->cursor == index->resume_number) {
        from.count = index->resume_bytes;
        uint8_t *copy = arena_get(walk->arena, from.count);
        from.bytes = copy;
        if (copy != NULL) {
            memcpy(copy, index->resume, from.count);
        }
    }
    int32_t code = from.bytes == NULL ? no_memory(failure) : visit_all(&visit, &from, &prefix);
    pthread_mutex_unlock(&index->lock);
    return code;
}

// --- The rest of the table ---

static int32_t disk_drain(struct index *base, struct failure *failure)
{
    return index_database_write_back(((struct index_disk *)base)->database, failure);
}

static uint64_t disk_row_count(const struct index *base)
{
    return ((const struct index_disk *)base)->row_count;
}

static uint64_t disk_memory_bytes(const struct index *base)
{
    struct index_disk *index = (struct index_disk *)(uintptr_t)base;
    pthread_mutex_lock(&index->lock);
    uint64_t bytes = sizeof *index + overlay_memory_bytes(&index->overlay);
    pthread_mutex_unlock(&index->lock);
    return bytes;
}

static void disk_destroy(struct index *base)
{
    struct index_disk *index = (struct index_disk *)base;
    const struct store_memory *memory = index->overlay.memory;
    database_remove(index->database, index);
    for (struct overlay_block *block = index->overlay.first; block != NULL; block = block->next) {
        database_discharge(index->database, block->charge);
    }
    overlay_finish(&index->overlay);
    writers_finish(&index->writers);
    if (index->resume != NULL) {
        memory->release(memory, index->resume, index->resume_bytes);
    }
    if (index->section != NULL) {
        memory->release(memory, index->section, index->section_room);
    }
    pthread_mutex_destroy(&index->lock);
    memory->release(memory, index, sizeof *index);
}

static const struct index_table disk_table = {
    .is_on_disk = 1,
    .destroy = disk_destroy,
    .get = disk_get,
    .prepare = disk_prepare,
    .apply = disk_apply,
    .abandon = disk_abandon,
    .visit = disk_visit,
    .drain = disk_drain,
    .row_count = disk_row_count,
    .memory_bytes = disk_memory_bytes,
};

// --- Making one ---

static void set_prefix(uint8_t *prefix, const struct index_place *place)
{
    uint32_t parts[] = {__builtin_bswap32(place->table_id), __builtin_bswap32(place->partition_id),
                        __builtin_bswap32(place->bucket)};
    memcpy(prefix, parts, sizeof parts);
    prefix[sizeof parts] = KEY_ROW;
}

struct find {
    struct index_disk *index;
    struct failure *failure;
};

// The section that was kept, copied and looked at.
static int32_t found_section(void *owner, uint32_t i, const struct pairs_bytes *key,
                             const struct pairs_bytes *value)
{
    struct find *find = owner;
    struct index_disk *index = find->index;
    const struct store_memory *memory = index->overlay.memory;
    struct snapshot_section head;
    (void)i;
    (void)key;
    if (value->count < sizeof head) {
        return malformed(find->failure);
    }
    memcpy(&head, value->bytes, sizeof head);
    if (head.header.magic != RECORD_MAGIC || head.header.version != RECORD_VERSION ||
        head.header.record_bytes != value->count || head.table_id != index->written.table_id ||
        head.bucket != index->written.bucket) {
        return malformed(find->failure);
    }
    index->section = memory->allocate(memory, value->count);
    if (index->section == NULL) {
        return failure_set(find->failure, WEIR_ERROR_FATAL, "no memory for an index on disk");
    }
    index->section_room = value->count;
    memcpy(index->section, value->bytes, value->count);
    return WEIR_OK;
}

// What the database has of the bucket becomes the state that it goes on from.
static int32_t restore(struct index_disk *index, struct failure *failure)
{
    struct index_database *database = index->database;
    struct find find = {index, failure};
    uint8_t name[KEY_PREFIX];
    memcpy(name, index->prefix, sizeof name);
    name[KEY_PREFIX - 1] = KEY_SECTION;
    struct pairs_bytes key = {name, sizeof name};
    int32_t code = database_settle(database, failure);
    if (code == WEIR_OK) {
        code = database->table->get(database->pairs, &key, 1, found_section, &find, failure);
    }
    if (code != WEIR_OK || index->section == NULL) {
        return code;
    }
    code = section_read((const struct snapshot_section *)index->section, &index->writers, failure);
    if (code != WEIR_OK) {
        return code;
    }
    uint32_t schema_id = index->written.schema_id;
    memcpy(&index->written, index->section, sizeof index->written);
    index->written.schema_id = schema_id;
    index->row_count = index->written.row_count;
    index->flushed_offset = index->written.end_offset;
    index->flushed_position = index->written.position;
    // The rows are here already: a snapshot would have to bring them.
    ((struct snapshot_section *)index->section)->row_count = 0;
    return WEIR_OK;
}

int32_t index_disk_create(struct index_database *database, const struct index_place *place,
                          const struct row_layout *layout, struct index **out,
                          const struct snapshot_section **section, struct failure *failure)
{
    const struct store_memory *memory = database->memory;
    struct index_disk *index = memory->allocate(memory, sizeof *index);
    if (index == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for an index on disk");
    }
    *index = (struct index_disk){
        .base = {&disk_table},
        .database = database,
        .layout = layout,
        .writers = {.memory = memory},
        .written = {.table_id = place->table_id,
                    .partition_id = place->partition_id,
                    .bucket = place->bucket,
                    .schema_id = place->schema_id},
    };
    overlay_init(&index->overlay, memory);
    set_prefix(index->prefix, place);
    pthread_mutex_init(&index->lock, NULL);
    database_add(database, index);
    int32_t code = restore(index, failure);
    if (code != WEIR_OK) {
        disk_destroy(&index->base);
        return code;
    }
    *section = (const struct snapshot_section *)index->section;
    *out = &index->base;
    return WEIR_OK;
}
