// The database of tables whose index is on disk: opened with the first of them. A snapshot flushes
// it first, so the log from where a snapshot begins is all that it needs, too.
#include <stdio.h>

#include "engine/index_disk.h"
#include "store/store_body.h"

#define SYNC_US (INT64_C(1) * 1000000)
#define FLUSH_US (INT64_C(10) * 1000000)

static int is_on_disk(const struct table_definition *definition)
{
    return definition->index == TABLE_INDEX_ROCKSDB && definition->key_count > 0;
}

// Syncs what is only written (durability `os`). 0: not in this time.
static int sync_log(struct store *store, uint64_t position, int64_t timeout_us)
{
    uint64_t before = atomic_load(&store->synced);
    if (stream_sync(store->stream, position, timeout_us) != 1) {
        return 0;
    }
    while (before < position && !atomic_compare_exchange_weak(&store->synced, &before, position)) {
    }
    return 1;
}

// How far the log is known to be fsynced.
static uint64_t durable(void *owner)
{
    struct store *store = owner;
    if (atomic_load(&store->is_recovered)) {
        sync_log(store, stream_durable(store->stream), SYNC_US);
    }
    return atomic_load(&store->synced);
}

static uint64_t budget_of(const struct table_definition *definition)
{
    return definition->memory_bytes == 0 ? INDEX_DISK_MEMORY : definition->memory_bytes;
}

// Of all tables in the catalog.
static uint64_t budget(const struct store *store)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < store->catalog.table_count; i++) {
        const struct table_definition *definition = &store->catalog.tables[i]->definition;
        bytes += is_on_disk(definition) ? budget_of(definition) : 0;
    }
    return bytes;
}

void index_share(struct store *store)
{
    if (store->index != NULL) {
        index_database_set_memory(store->index, budget(store));
    }
}

int32_t index_open(struct store *store, const struct table_definition *definition,
                   struct index_database **out, struct failure *failure)
{
    char path[sizeof store->disk->path + 16];
    *out = NULL;
    if (!is_on_disk(definition)) {
        return WEIR_OK;
    }
    if (store->index == NULL) {
        snprintf(path, sizeof path, "%s/" INDEX_FOLDER, store->disk->path);
        struct index_database_settings settings = {
            .path = path,
            .library = store->settings.index_library,
            .memory = store->memory,
            .memory_bytes = budget_of(definition),
            .durable = durable,
            .owner = store,
            .has_thread = !store->is_read_only && !store->settings.is_manual,
            .is_read_only = store->is_read_only,
        };
        int32_t rc = index_database_open(&settings, &store->index, failure);
        if (rc != WEIR_OK) {
            return rc;
        }
    }
    index_share(store);
    *out = store->index;
    return WEIR_OK;
}

int32_t index_flush(struct store *store, uint64_t position, struct failure *failure)
{
    if (store->index == NULL) {
        return WEIR_OK;
    }
    if (!sync_log(store, position, FLUSH_US)) {
        return failure_set(failure, WEIR_ERROR_RETRY, "the log is not yet durable");
    }
    return index_database_flush(store->index, failure);
}

int32_t index_settle(struct store *store, const struct table_definition *definition,
                     struct failure *failure)
{
    return is_on_disk(definition) ? index_flush(store, stream_end(store->stream), failure)
                                  : WEIR_OK;
}

int32_t index_drop(struct store *store, uint32_t table_id, struct failure *failure)
{
    index_share(store);
    return store->index == NULL ? WEIR_OK : index_database_drop(store->index, table_id, failure);
}

void index_stop(struct store *store)
{
    if (store->index != NULL) {
        index_database_stop(store->index);
    }
}
