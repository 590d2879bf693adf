// Retention: which segments may go, when writers have to wait, and rows whose time is over.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store/records.h"
#include "store/store_body.h"

#define EXPIRED_AT_ONCE 4096u

struct table_bytes {
    const struct table *table;
    uint64_t bytes; // in full segments that are kept
};

struct retaining {
    struct store *store;
    struct table_bytes *tables;
    uint64_t limit;  // nothing at or behind it goes
    int is_shared;   // what would go next is kept for another table
    uint64_t retire; // everything before it goes
    int64_t now_us;
};

static struct table_bytes *find(struct retaining *retaining, uint32_t table_id)
{
    for (uint32_t i = 0; i < retaining->store->table_count; i++) {
        if (retaining->tables[i].table->entry->definition.table_id == table_id) {
            return &retaining->tables[i];
        }
    }
    return NULL;
}

static int sum_up(void *owner, const struct stream_segment_info *segment)
{
    struct retaining *retaining = owner;
    for (uint32_t i = 0; i < segment->share_count; i++) {
        struct table_bytes *of = find(retaining, segment->shares[i].table_id);
        if (of != NULL) {
            of->bytes += segment->shares[i].bytes;
        }
    }
    return 0;
}

// By size, a table begins to let go at three quarters of its limit, so that writers seldom reach
// it.
static int is_over(const struct retaining *retaining, const struct table_bytes *of,
                   const struct stream_share *share)
{
    const struct table_definition *definition = &of->table->entry->definition;
    uint64_t most = definition->retention_bytes - definition->retention_bytes / 4;
    return (definition->retention_us != 0 &&
            share->newest_us < retaining->now_us - definition->retention_us) ||
           (definition->retention_bytes != 0 && of->bytes > most);
}

static int judge(void *owner, const struct stream_segment_info *segment)
{
    struct retaining *retaining = owner;
    if (segment->end > retaining->limit) {
        return 1;
    }
    for (uint32_t i = 0; i < segment->share_count; i++) {
        struct table_bytes *of = find(retaining, segment->shares[i].table_id);
        if (of != NULL && !is_over(retaining, of, &segment->shares[i])) {
            retaining->is_shared = 1;
            return 1;
        }
    }
    for (uint32_t i = 0; i < segment->share_count; i++) {
        struct table_bytes *of = find(retaining, segment->shares[i].table_id);
        if (of != NULL) {
            of->bytes -= segment->shares[i].bytes;
        }
    }
    retaining->retire = segment->end;
    return 0;
}

// Writers wait for a snapshot or a reader. For a table that keeps its rows in the same segments
// longer they would wait in vain: the log grows.
static void hold_writers(struct retaining *retaining)
{
    for (uint32_t i = 0; i < retaining->store->table_count; i++) {
        struct table *table = retaining->store->tables[i];
        uint64_t most = table->entry->definition.retention_bytes;
        int is_full = most != 0 && retaining->tables[i].bytes > most && !retaining->is_shared;
        if (is_full != atomic_exchange(&table->is_full, is_full) && is_full) {
            store_log(table->store, STORE_LOG_WARNING,
                      "table %s has %" PRIu64 " bytes of log and may have %" PRIu64
                      "; its writers wait for the next snapshot, or for a slow reader",
                      table->entry->definition.name, retaining->tables[i].bytes, most);
        }
    }
}

// Below what the second newest good snapshot covers and every reader has passed.
static uint64_t limit_of(struct store *store)
{
    if (store->snapshot_count < SNAPSHOTS_KEPT || store->fence_count > 0) {
        return 0;
    }
    uint64_t limit = store->snapshots[SNAPSHOTS_KEPT - 1].replay_from;
    uint64_t passed = stream_oldest_reader(store->stream);
    return passed < limit ? passed : limit;
}

static int32_t apply(struct store *store, struct failure *failure)
{
    struct retaining retaining = {
        .store = store, .limit = limit_of(store), .now_us = store->clock->now_us(store->clock)};
    retaining.tables = calloc(store->table_count + 1, sizeof *retaining.tables);
    if (retaining.tables == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for retention");
    }
    for (uint32_t i = 0; i < store->table_count; i++) {
        retaining.tables[i].table = store->tables[i];
    }
    stream_segments(store->stream, sum_up, &retaining);
    stream_segments(store->stream, judge, &retaining);
    int32_t rc =
        retaining.retire == 0 ? WEIR_OK : stream_retire(store->stream, retaining.retire, failure);
    hold_writers(&retaining);
    free(retaining.tables);
    return rc;
}

int32_t retain_apply(struct store *store, struct failure *failure)
{
    pthread_rwlock_rdlock(&store->shape);
    int32_t rc = apply(store, failure);
    pthread_rwlock_unlock(&store->shape);
    return rc;
}

static int32_t expire_table(struct table *table, struct failure *failure)
{
    for (uint32_t i = 0; i < table->entry->definition.bucket_count; i++) {
        int more = 1;
        while (more && !table->health[i].is_fenced) {
            struct bucket_ack ack;
            int32_t rc = bucket_expire(table->buckets[i], EXPIRED_AT_ONCE, &ack, &more, failure);
            if (rc != WEIR_OK) {
                return rc; // no room now, or the stream has failed: later
            }
        }
    }
    return WEIR_OK;
}

int32_t expire_apply(struct store *store, struct failure *failure)
{
    int32_t rc = WEIR_OK;
    pthread_rwlock_rdlock(&store->shape);
    for (uint32_t i = 0; rc == WEIR_OK && i < store->table_count; i++) {
        if (store->tables[i]->entry->definition.ttl_us != 0) {
            rc = expire_table(store->tables[i], failure);
        }
    }
    pthread_rwlock_unlock(&store->shape);
    return rc;
}
