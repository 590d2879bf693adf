#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "store/store_body.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)
#define SECOND_US INT64_C(1000000)

static void fill_defaults(struct store_settings *settings)
{
#define DEFAULT(field, value) settings->field = settings->field == 0 ? (value) : settings->field
    DEFAULT(segment_bytes, 256 * MIB);
    DEFAULT(buffer_bytes, 64 * MIB);
    DEFAULT(tail_bytes, 64 * MIB);
    DEFAULT(snapshot_bytes, GIB);
    DEFAULT(snapshot_delay_us, 60 * SECOND_US);
    if (settings->clock == NULL) {
        settings->clock = &store_system_clock;
    }
    if (settings->memory == NULL) {
        settings->memory = &store_system_memory;
    }
#undef DEFAULT
}

static int32_t take_lock(struct store *store, struct failure *failure)
{
    char note[128], holder[128] = "";
    snprintf(note, sizeof note, "process %ld", (long)getpid());
    int rc = store->disk->table->lock(store->disk, note, holder, sizeof holder);
    if (rc == -EWOULDBLOCK) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "%s is in use by %s; stop it first, or give another directory",
                           store->disk->path, holder[0] == '\0' ? "another process" : holder);
    }
    if (rc == -EROFS || rc == -EACCES || rc == -EPERM) {
        return store->is_read_only
                   ? WEIR_OK
                   : failure_set(failure, WEIR_ERROR_CONFIG, "%s cannot be written: %s",
                                 store->disk->path, strerror(-rc));
    }
    return rc == 0 ? WEIR_OK
                   : failure_set(failure, WEIR_ERROR_FATAL, "%s: cannot take its lock: %s",
                                 store->disk->path, strerror(-rc));
}

static int note_entry(void *owner, const char *name)
{
    int *count = owner;
    (void)name;
    (*count)++;
    return 0;
}

// A directory without a catalog must be a new one.
static int32_t make_catalog(struct store *store, struct failure *failure)
{
    int in_log = 0, in_snapshots = 0;
    store->disk->table->list(store->disk, "log", note_entry, &in_log);
    store->disk->table->list(store->disk, SNAPSHOT_FOLDER, note_entry, &in_snapshots);
    if (in_log + in_snapshots > 0) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "%s has log segments or snapshots, but `" CATALOG_PATH
                           "` and `" CATALOG_COPY_PATH
                           "` are missing; restore a backup of the directory",
                           store->disk->path);
    }
    if (store->is_read_only) {
        return failure_set(failure, WEIR_ERROR_CONFIG, "there is no store in %s",
                           store->disk->path);
    }
    int rc = store->disk->table->make_folder(store->disk, SNAPSHOT_FOLDER);
    if (rc != 0) {
        return failure_set(failure, WEIR_ERROR_CONFIG, "%s: cannot make `" SNAPSHOT_FOLDER "`: %s",
                           store->disk->path, strerror(-rc));
    }
    uint64_t directory = (uint64_t)store->clock->now_us(store->clock) * 0x9e3779b97f4a7c15u ^
                         (uint64_t)store->clock->monotonic_ns(store->clock) ^ (uint64_t)getpid();
    catalog_init(&store->catalog, directory);
    return catalog_write(store->disk, store->memory, &store->catalog, failure);
}

static int32_t open_catalog(struct store *store, struct failure *failure)
{
    struct failure report;
    int32_t rc = catalog_read(store->disk, store->memory, &store->catalog, &report, failure);
    if (rc == WEIR_ERROR_RETRY) {
        rc = make_catalog(store, failure);
    } else if (rc == WEIR_OK && report.code != WEIR_OK) {
        store_log(store, STORE_LOG_WARNING, "%s; the other copy of the catalog is good%s",
                  report.text, store->is_read_only ? "" : ", and replaces it");
        rc = store->is_read_only
                 ? WEIR_OK
                 : catalog_write(store->disk, store->memory, &store->catalog, failure);
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    store->next_writer = store->catalog.next_writer;
    store->tables = calloc(store->catalog.table_count + 1, sizeof(struct table *));
    if (store->tables == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for tables");
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < store->catalog.table_count; i++) {
        rc = table_open(store, store->catalog.tables[i], &store->tables[i], failure);
        store->table_count += rc == WEIR_OK;
    }
    return rc;
}

static struct store *make_store(const struct store_settings *settings)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return NULL;
    }
    store->settings = *settings;
    fill_defaults(&store->settings);
    store->disk = settings->disk;
    store->clock = store->settings.clock;
    store->memory = store->settings.memory;
    store->is_read_only = settings->is_read_only;
    pthread_rwlock_init(&store->shape, NULL);
    pthread_mutex_init(&store->catalog_lock, NULL);
    pthread_mutex_init(&store->upkeep_lock, NULL);
    pthread_mutex_init(&store->wake_lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return store;
}

static void free_store(struct store *store)
{
    upkeep_stop(store);
    index_stop(store);
    if (store->stream != NULL) {
        stream_close(store->stream);
    }
    for (uint32_t i = 0; i < store->table_count; i++) {
        table_close(store->tables[i]);
    }
    index_database_close(store->index);
    free(store->tables);
    free(store->damages);
    catalog_finish(&store->catalog);
    store->disk->table->destroy(store->disk);
    pthread_rwlock_destroy(&store->shape);
    pthread_mutex_destroy(&store->catalog_lock);
    pthread_mutex_destroy(&store->upkeep_lock);
    pthread_mutex_destroy(&store->wake_lock);
    pthread_cond_destroy(&store->wake);
    free(store->path);
    free(store);
}

int32_t store_open(const struct store_settings *settings, struct store **out,
                   struct failure *failure)
{
    int has_snapshot = 0;
    struct store *store = make_store(settings);
    failpoint_arm();
    if (store == NULL) {
        settings->disk->table->destroy(settings->disk);
        return failure_set(failure, WEIR_ERROR_FATAL, "no memory for a store");
    }
    int32_t rc = take_lock(store, failure);
    rc = rc != WEIR_OK ? rc : open_catalog(store, failure);
    rc = rc != WEIR_OK ? rc : snapshot_load(store, &has_snapshot, failure);
    rc = rc != WEIR_OK ? rc : store_recover(store, has_snapshot, failure);
    if (rc == WEIR_OK && !store->is_read_only && !settings->is_manual) {
        rc = upkeep_start(store, failure);
    }
    if (rc != WEIR_OK) {
        free_store(store);
        return rc;
    }
    *out = store;
    return WEIR_OK;
}

void store_close(struct store *store)
{
    struct failure failure = {0};
    if (store == NULL) {
        return;
    }
    upkeep_stop(store);
    int is_as_it_was = store->replayed == 0 && stream_durable(store->stream) == store->opened_at;
    if (!store->is_read_only && !is_as_it_was && snapshot_take(store, &failure) != WEIR_OK) {
        store_log(store, STORE_LOG_WARNING,
                  "no snapshot at the stop: %s; the next start replays the "
                  "log instead",
                  failure.text);
    }
    free_store(store);
}

// --- One store per directory and process ---

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct store *open_stores;

static int32_t open_path(const char *path, const struct store_settings *settings,
                         struct store **out, struct failure *failure)
{
    struct store_settings all = *settings;
    int rc = disk_open(path, settings->is_read_only, &all.disk);
    if (rc != 0) {
        return failure_set(failure, WEIR_ERROR_CONFIG, "cannot open the data directory %s: %s",
                           path, strerror(-rc));
    }
    char *whole = realpath(path, NULL);
    if (whole == NULL) {
        all.disk->table->destroy(all.disk);
        return failure_set(failure, WEIR_ERROR_CONFIG, "cannot open the data directory %s: %s",
                           path, strerror(errno));
    }
    for (struct store *store = open_stores; store != NULL; store = store->next) {
        if (strcmp(store->path, whole) == 0) {
            all.disk->table->destroy(all.disk);
            free(whole);
            store->users++;
            *out = store;
            return WEIR_OK;
        }
    }
    int32_t code = store_open(&all, out, failure);
    if (code != WEIR_OK) {
        free(whole);
        return code;
    }
    (*out)->path = whole;
    (*out)->users = 1;
    (*out)->next = open_stores;
    open_stores = *out;
    return WEIR_OK;
}

int32_t store_acquire(const char *path, const struct store_settings *settings, struct store **out,
                      struct failure *failure)
{
    pthread_mutex_lock(&open_lock);
    int32_t rc = open_path(path, settings, out, failure);
    pthread_mutex_unlock(&open_lock);
    return rc;
}

void store_release(struct store *store)
{
    if (store == NULL) {
        return;
    }
    pthread_mutex_lock(&open_lock);
    if (--store->users == 0) {
        struct store **at = &open_stores;
        while (*at != store) {
            at = &(*at)->next;
        }
        *at = store->next;
        store_close(store);
    }
    pthread_mutex_unlock(&open_lock);
}

// --- Upkeep by hand ---

int32_t store_snapshot(struct store *store, struct failure *failure)
{
    return snapshot_take(store, failure);
}

int32_t store_retain(struct store *store, struct failure *failure)
{
    pthread_mutex_lock(&store->upkeep_lock);
    int32_t rc = retain_apply(store, failure);
    rc = rc != WEIR_OK ? rc : expire_apply(store, failure);
    pthread_mutex_unlock(&store->upkeep_lock);
    return rc;
}
