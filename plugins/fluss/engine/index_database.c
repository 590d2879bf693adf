// The database that the indexes on disk of a data directory share: opening it, and writing back.
#include <assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/index_disk_inside.h"

#define LIBRARY "fluss_rocksdb.so.1"
#define WRITE_BYTES (4ull << 20) // of one bucket in one batch, about
#define IDLE_NS 250000000l       // between looks when little waits
#define BUSY_NS 2000000l         // and when much waits
#define WAITING_SHARE 8          // of the budget: one part in so many

// --- The budget of what waits ---

int database_charge(struct index_database *database, uint64_t bytes)
{
    uint64_t before = atomic_fetch_add(&database->waiting, bytes);
    uint64_t most = atomic_load(&database->waiting_max);
    if (before > most / 2) {
        database_wake(database);
    }
    if (before > 0 && before + bytes > most) {
        atomic_fetch_sub(&database->waiting, bytes);
        return 0;
    }
    return 1;
}

void database_discharge(struct index_database *database, uint64_t bytes)
{
    atomic_fetch_sub(&database->waiting, bytes);
}

void database_wake(struct index_database *database)
{
    pthread_cond_signal(&database->wake);
}

void database_add(struct index_database *database, struct index_disk *index)
{
    pthread_mutex_lock(&database->writing);
    index->next = database->first;
    database->first = index;
    pthread_mutex_unlock(&database->writing);
}

void database_remove(struct index_database *database, struct index_disk *index)
{
    pthread_mutex_lock(&database->writing);
    struct index_disk **at = &database->first;
    while (*at != index) {
        at = &(*at)->next;
    }
    *at = index->next;
    pthread_mutex_unlock(&database->writing);
}

// --- Writing back ---

struct cut {
    struct overlay_block *first;
    struct overlay_block *last;
    uint64_t entry_count;
};

// The first blocks whose records are durable.
static struct cut find_cut(struct index_disk *index, uint64_t durable)
{
    struct cut cut = {0};
    uint64_t bytes = 0;
    pthread_mutex_lock(&index->lock);
    durable = index->replayed > durable ? index->replayed : durable;
    cut.first = index->overlay.first;
    for (struct overlay_block *block = cut.first;
         block != NULL && block->mark.position <= durable && bytes < WRITE_BYTES;
         block = block->next) {
        cut.last = block;
        cut.entry_count += block->entry_count;
        bytes += block->byte_count;
    }
    pthread_mutex_unlock(&index->lock);
    return cut;
}

static int32_t note_block(struct index_disk *index, const struct overlay_block *block,
                          struct failure *failure)
{
    const struct index_mark *mark = &block->mark;
    int32_t code = writers_reserve(&index->writers, mark->timestamp_us, failure);
    if (code != WEIR_OK) {
        return code;
    }
    if (mark->writer != RECORD_WRITER_NONE) {
        struct writer_batch batch = {mark->base_offset, mark->end_offset, mark->position,
                                     mark->sequence, 0};
        writers_note(&index->writers, mark->writer, mark->timestamp_us, &batch);
    }
    if (mark->source != RECORD_SOURCE_NONE) {
        writers_note_source(&index->writers, mark->source, mark->source_end);
    }
    struct snapshot_section *written = &index->written;
    written->end_offset = mark->end_offset;
    written->position = mark->position;
    written->newest_us =
        mark->timestamp_us > written->newest_us ? mark->timestamp_us : written->newest_us;
    if (mark->auto_increment != 0) {
        written->auto_increment = mark->auto_increment;
    }
    written->row_count += (uint64_t)block->row_change;
    index->noted = block->sequence;
    return WEIR_OK;
}

// The state after the cut. What a write that failed has noted is noted once.
static int32_t note_cut(struct index_disk *index, const struct cut *cut, struct failure *failure)
{
    int32_t code = WEIR_OK;
    for (const struct overlay_block *block = cut->first; code == WEIR_OK; block = block->next) {
        if (block->sequence > index->noted) {
            code = note_block(index, block, failure);
        }
        if (block == cut->last) {
            break;
        }
    }
    return code;
}

// The newest entry of every key, and the section. Returns how many.
static uint64_t list_changes(struct cut *cut, struct pairs_change *changes)
{
    uint64_t count = 0;
    for (struct overlay_block *block = cut->first;; block = block->next) {
        struct overlay_entry *entry = (struct overlay_entry *)block->entries;
        for (uint32_t i = 0; i < block->entry_count; i++, entry = overlay_next(entry)) {
            uint64_t newer = __atomic_load_n(&entry->newer, __ATOMIC_RELAXED);
            if (newer != 0 && newer <= cut->last->sequence) {
                continue;
            }
            struct pairs_change *change = &changes[count++];
            change->key = (struct pairs_bytes){entry->bytes, entry->key_bytes};
            change->value = (struct pairs_bytes){0};
            if (entry->value_bytes != OVERLAY_GONE) {
                change->value =
                    (struct pairs_bytes){entry->bytes + entry->key_bytes, entry->value_bytes};
            }
        }
        if (block == cut->last) {
            return count;
        }
    }
}

static int32_t write_cut(struct index_disk *index, struct cut *cut, struct failure *failure)
{
    struct index_database *database = index->database;
    const struct store_memory *memory = database->memory;
    uint64_t list_bytes = (cut->entry_count + 1) * sizeof(struct pairs_change);
    uint64_t bytes = list_bytes + section_bytes(&index->writers);
    struct pairs_change *changes = memory->allocate(memory, bytes);
    if (changes == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory to write back to an index");
    }
    uint8_t name[KEY_PREFIX], *section = (uint8_t *)changes + list_bytes;
    uint64_t count = list_changes(cut, changes);
    memcpy(name, index->prefix, sizeof name);
    name[KEY_PREFIX - 1] = KEY_SECTION;
    section_write(&index->written, &index->writers, section);
    changes[count++] =
        (struct pairs_change){{name, sizeof name}, {section, section_bytes(&index->writers)}};
    database->is_dirty = 1;
    int32_t code = database->table->write(database->pairs, changes, count, failure);
    memory->release(memory, changes, bytes);
    return code;
}

static void release_cut(struct index_disk *index, struct cut *cut)
{
    const struct store_memory *memory = index->overlay.memory;
    pthread_mutex_lock(&index->lock);
    struct overlay_block *block = overlay_take(&index->overlay, cut->last);
    pthread_mutex_unlock(&index->lock);
    while (block != NULL) {
        struct overlay_block *next = block->next;
        database_discharge(index->database, block->charge);
        memory->release(memory, block, block->byte_count);
        block = next;
    }
}

static int32_t write_index(struct index_disk *index, uint64_t durable, struct failure *failure)
{
    int32_t code = WEIR_OK;
    for (;;) {
        struct cut cut = find_cut(index, durable);
        if (cut.last == NULL) {
            return WEIR_OK;
        }
        code = note_cut(index, &cut, failure);
        if (code == WEIR_OK) {
            code = write_cut(index, &cut, failure);
        }
        if (code != WEIR_OK) {
            return code;
        }
        release_cut(index, &cut);
    }
}

static int32_t write_all(struct index_database *database, uint64_t durable, struct failure *failure)
{
    struct failure why = {.text = ""};
    int32_t code = WEIR_OK;
    for (struct index_disk *index = database->first; index != NULL && code == WEIR_OK;
         index = index->next) {
        code = write_index(index, durable, &why);
    }
    pthread_mutex_lock(&database->wake_lock);
    snprintf(database->why, sizeof database->why, "%.500s", why.text);
    pthread_mutex_unlock(&database->wake_lock);
    return code == WEIR_OK ? code : failure_set(failure, code, "%s", why.text);
}

int32_t index_database_write_back(struct index_database *database, struct failure *failure)
{
    uint64_t durable = database->durable(database->owner); // may wait: not under the lock
    pthread_mutex_lock(&database->writing);
    int32_t code = write_all(database, durable, failure);
    pthread_mutex_unlock(&database->writing);
    return code;
}

static int32_t flush_locked(struct index_database *database, struct failure *failure)
{
    int32_t code = database->table->flush(database->pairs, failure);
    for (struct index_disk *index = database->first; index != NULL && code == WEIR_OK;
         index = index->next) {
        index->flushed_offset = index->written.end_offset;
        index->flushed_position = index->written.position;
    }
    database->is_dirty = database->is_dirty && code != WEIR_OK;
    return code;
}

int32_t index_database_flush(struct index_database *database, struct failure *failure)
{
    uint64_t durable = database->durable(database->owner);
    pthread_mutex_lock(&database->writing);
    int32_t code = write_all(database, durable, failure);
    if (code == WEIR_OK) {
        code = flush_locked(database, failure);
    }
    pthread_mutex_unlock(&database->writing);
    return code;
}

int32_t database_settle(struct index_database *database, struct failure *failure)
{
    pthread_mutex_lock(&database->writing);
    int32_t code = database->is_dirty ? flush_locked(database, failure) : WEIR_OK;
    pthread_mutex_unlock(&database->writing);
    return code;
}

uint64_t index_database_needed(struct index_database *database)
{
    uint64_t needed = UINT64_MAX;
    pthread_mutex_lock(&database->writing);
    for (struct index_disk *index = database->first; index != NULL; index = index->next) {
        pthread_mutex_lock(&index->lock);
        int is_behind =
            index->overlay.first != NULL || index->written.end_offset != index->flushed_offset;
        pthread_mutex_unlock(&index->lock);
        if (is_behind && index->flushed_position < needed) {
            needed = index->flushed_position;
        }
    }
    pthread_mutex_unlock(&database->writing);
    return needed;
}

// --- The thread ---

static void wait_for_work(struct index_database *database)
{
    struct timespec until;
    int is_busy = atomic_load(&database->waiting) > atomic_load(&database->waiting_max) / 2;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += is_busy ? BUSY_NS : IDLE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&database->wake, &database->wake_lock, &until);
}

static void *run(void *owner)
{
    struct index_database *database = owner;
    pthread_mutex_lock(&database->wake_lock);
    while (!database->is_stopping) {
        wait_for_work(database);
        pthread_mutex_unlock(&database->wake_lock);
        index_database_write_back(database,
                                  NULL); // a failure is told by the puts that find no room
        pthread_mutex_lock(&database->wake_lock);
    }
    pthread_mutex_unlock(&database->wake_lock);
    return NULL;
}

void index_database_stop(struct index_database *database)
{
    if (!database->has_thread) {
        return;
    }
    pthread_mutex_lock(&database->wake_lock);
    database->is_stopping = 1;
    pthread_cond_signal(&database->wake);
    pthread_mutex_unlock(&database->wake_lock);
    pthread_join(database->thread, NULL);
    database->has_thread = 0;
}

// --- Opening ---

// The object lies beside the one that has this code, or in the folder `fluss` beside it.
static void *load_beside(char *path, uint32_t path_bytes)
{
    static const char *const folders[] = {"", "fluss/"};
    Dl_info self;
    void *library = NULL;
    if (dladdr(folders, &self) == 0 || self.dli_fname == NULL) {
        return NULL;
    }
    const char *slash = strrchr(self.dli_fname, '/');
    int length = slash == NULL ? 0 : (int)(slash - self.dli_fname) + 1;
    for (uint32_t i = 0; i < 2 && library == NULL; i++) {
        snprintf(path, path_bytes, "%.*s%s%s", length, self.dli_fname, folders[i], LIBRARY);
        library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return library;
}

static int32_t load(struct index_database *database, const char *library, struct failure *failure)
{
    char path[4096] = LIBRARY;
    if (library != NULL) {
        database->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    } else {
        database->library = load_beside(path, sizeof path);
    }
    if (database->library == NULL) {
        return failure_set(failure, WEIR_ERROR_UNSUPPORTED,
                           "index = `rocksdb` needs %s and RocksDB 7.8 (package librocksdb7.8): "
                           "%.400s",
                           LIBRARY, dlerror());
    }
    void *symbol = dlsym(database->library, PAIRS_SYMBOL);
    pairs_entry *entry;
    memcpy(&entry, &symbol, sizeof entry);
    database->table = entry == NULL ? NULL : entry();
    if (database->table == NULL || database->table->version != PAIRS_VERSION) {
        return failure_set(failure, WEIR_ERROR_UNSUPPORTED,
                           "%s is of another version of this plugin: install both from one package",
                           library != NULL ? library : path);
    }
    return WEIR_OK;
}

static uint64_t waiting_share(uint64_t memory_bytes)
{
    return memory_bytes / WAITING_SHARE;
}

void index_database_set_memory(struct index_database *database, uint64_t memory_bytes)
{
    if (database->is_read_only) {
        return;
    }
    atomic_store(&database->waiting_max, waiting_share(memory_bytes));
    database->table->set_memory(database->pairs, memory_bytes - waiting_share(memory_bytes));
}

static int32_t start(struct index_database *database, struct failure *failure)
{
    if (pthread_create(&database->thread, NULL, run, database) != 0) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no thread for the index on disk");
    }
    database->has_thread = 1;
    return WEIR_OK;
}

int32_t index_database_open(const struct index_database_settings *settings,
                            struct index_database **out, struct failure *failure)
{
    const struct store_memory *memory = settings->memory;
    struct index_database *database = memory->allocate(memory, sizeof *database);
    pthread_condattr_t monotonic;
    if (database == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for the index on disk");
    }
    memset(database, 0, sizeof *database);
    database->memory = memory;
    database->durable = settings->durable;
    database->owner = settings->owner;
    database->is_read_only = settings->is_read_only;
    atomic_store(&database->waiting_max,
                 settings->is_read_only ? UINT64_MAX : waiting_share(settings->memory_bytes));
    pthread_mutex_init(&database->writing, NULL);
    pthread_mutex_init(&database->wake_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&database->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int32_t code = load(database, settings->library, failure);
    if (code == WEIR_OK) {
        assert(database->table != NULL);
        code = database->table->open(settings->path,
                                     settings->memory_bytes - waiting_share(settings->memory_bytes),
                                     settings->is_read_only, &database->pairs, failure);
    }
    if (code == WEIR_OK && settings->has_thread) {
        code = start(database, failure);
    }
    if (code != WEIR_OK) {
        index_database_close(database);
        return code;
    }
    *out = database;
    return WEIR_OK;
}

void index_database_close(struct index_database *database)
{
    if (database == NULL) {
        return;
    }
    index_database_stop(database);
    if (database->pairs != NULL) {
        assert(database->table != NULL);
        database->table->close(database->pairs);
    }
    // The object stays loaded: RocksDB keeps threads of its own until the process ends.
    pthread_cond_destroy(&database->wake);
    pthread_mutex_destroy(&database->wake_lock);
    pthread_mutex_destroy(&database->writing);
    database->memory->release(database->memory, database, sizeof *database);
}

int32_t index_database_drop(struct index_database *database, uint32_t table_id,
                            struct failure *failure)
{
    uint32_t prefix = __builtin_bswap32(table_id);
    struct pairs_bytes bytes = {(const uint8_t *)&prefix, sizeof prefix};
    return database->table->remove(database->pairs, &bytes, failure);
}
