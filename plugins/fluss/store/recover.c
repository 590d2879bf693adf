// Recovery: what a snapshot does not have comes from the log. Damage of the log hits only buckets
// that may have had a batch in it: a later batch that follows on what a bucket has proves that it
// had none.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_body.h"

static struct table *table_of(struct store *store, uint32_t table_id)
{
    struct table *table = store->replay_table;
    if (table == NULL || table->entry->definition.table_id != table_id) {
        table = store->replay_table = store_find(store, table_id);
    }
    return table;
}

static int32_t replay(void *owner, const struct record_header *record, struct failure *failure)
{
    struct store *store = owner;
    const struct record_batch *batch = (const struct record_batch *)record;
    struct failure reason = {0};
    if (record->kind != RECORD_BATCH) {
        return WEIR_OK;
    }
    struct table *table = table_of(store, batch->table_id);
    if (table == NULL) {
        return WEIR_OK; // dropped since
    }
    if (batch->bucket >= table->entry->definition.bucket_count) {
        store_log(store, STORE_LOG_ERROR,
                  "log position %" PRIu64 ": bucket %u of table %s, which "
                  "has %u",
                  record->position, batch->bucket, table->entry->definition.name,
                  table->entry->definition.bucket_count);
        return WEIR_OK;
    }
    struct bucket_health *health = &table->health[batch->bucket];
    if (health->is_fenced) {
        return WEIR_OK;
    }
    int32_t rc = bucket_replay(table->buckets[batch->bucket], batch, &reason);
    if (rc == WEIR_ERROR_FATAL) {
        return failure_set(failure, rc, "%s", reason.text);
    }
    if (rc != WEIR_OK) {
        char why[512];
        snprintf(why, sizeof why, "at log position %" PRIu64 ": %.200s%s%.200s", record->position,
                 reason.text, health->damage == 0 ? "" : "; before it, ",
                 health->damage == 0 ? "" : store->damages[health->damage - 1].text);
        table_condemn(table, batch->bucket, why);
    }
    health->damage = 0;
    store->replayed++;
    return WEIR_OK;
}

static void note_damage(void *owner, const char *path, uint64_t file_offset, uint64_t from,
                        uint64_t to, const char *why)
{
    struct store *store = owner;
    struct damage *damages = realloc(store->damages, (store->damage_count + 1) * sizeof *damages);
    store_log(store, STORE_LOG_ERROR,
              "%s/%s: corrupt at byte %" PRIu64 " (log positions %" PRIu64 " to %" PRIu64 "): %s",
              store->disk->path, path, file_offset, from, to, why);
    if (damages != NULL) {
        store->damages = damages;
        struct damage *damage = &damages[store->damage_count++];
        *damage = (struct damage){.from = from, .to = to};
        snprintf(damage->text, sizeof damage->text, "%s is corrupt at byte %" PRIu64 ": %s", path,
                 file_offset, why);
    }
    for (uint32_t i = 0; i < store->table_count; i++) {
        struct table *table = store->tables[i];
        for (uint32_t j = 0; j < table->entry->definition.bucket_count; j++) {
            table->health[j].damage = store->damage_count;
        }
    }
}

// Fences every bucket that a damage may have hit.
static void settle(struct store *store)
{
    for (uint32_t i = 0; i < store->table_count; i++) {
        struct table *table = store->tables[i];
        for (uint32_t j = 0; j < table->entry->definition.bucket_count; j++) {
            if (table->health[j].damage != 0) {
                char why[560];
                snprintf(why, sizeof why, "its last batches may have been lost: %s",
                         store->damages[table->health[j].damage - 1].text);
                table_condemn(table, j, why);
            }
        }
    }
    free(store->damages);
    store->damages = NULL;
    store->damage_count = 0;
}

// An index on disk that was lost or put back has less than the snapshot and the log.
static void check_indexes(struct store *store)
{
    for (uint32_t i = 0; i < store->table_count; i++) {
        struct table *table = store->tables[i];
        for (uint32_t j = 0; j < table->entry->definition.bucket_count; j++) {
            struct failure failure;
            if (!table->health[j].is_fenced &&
                bucket_replay_end(table->buckets[j], &failure) != WEIR_OK) {
                table_condemn(table, j, failure.text);
            }
        }
    }
}

static void condemn_all(struct store *store, const char *why)
{
    store_log(store, STORE_LOG_ERROR, "%s: %s", store->disk->path, why);
    for (uint32_t i = 0; i < store->table_count; i++) {
        for (uint32_t j = 0; j < store->tables[i]->entry->definition.bucket_count; j++) {
            table_condemn(store->tables[i], j, why);
        }
    }
}

// Ranges of ids that buckets have are not given again.
static void settle_ranges(struct store *store)
{
    struct bucket_status status;
    for (uint32_t i = 0; i < store->table_count; i++) {
        struct table *table = store->tables[i];
        for (uint32_t j = 0; j < table->entry->definition.bucket_count; j++) {
            bucket_status(table->buckets[j], &status);
            if (status.auto_increment_end > table->entry->next_auto_increment) {
                table->entry->next_auto_increment = status.auto_increment_end;
            }
        }
    }
}

static void report(struct store *store)
{
    for (uint32_t i = 0; i < store->table_count; i++) {
        struct table *table = store->tables[i];
        for (uint32_t j = 0; j < table->entry->definition.bucket_count; j++) {
            if (table->health[j].is_fenced) {
                store_log(store, STORE_LOG_ERROR, "table %s, bucket %u is stopped: %s",
                          table->entry->definition.name, j, table->health[j].why);
            }
        }
    }
}

static void on_durable(void *owner, uint64_t position)
{
    upkeep_notice(owner, position);
}

static void on_failed(void *owner, uint64_t position, const char *why)
{
    struct store *store = owner;
    store_log(store, STORE_LOG_ERROR,
              "%s: writing to the log has failed at position %" PRIu64
              ": %s; nothing is accepted any more until a restart",
              store->disk->path, position, why);
    pthread_rwlock_rdlock(&store->shape);
    for (uint32_t i = 0; i < store->table_count; i++) {
        for (uint32_t j = 0; j < store->tables[i]->entry->definition.bucket_count; j++) {
            bucket_fence(store->tables[i]->buckets[j], why);
        }
    }
    pthread_rwlock_unlock(&store->shape);
}

int32_t store_recover(struct store *store, int has_snapshot, struct failure *failure)
{
    const struct store_settings *from = &store->settings;
    const struct snapshot *snapshot = store->snapshot_count > 0 ? &store->snapshots[0] : NULL;
    uint64_t replay_from = snapshot == NULL ? 0 : snapshot->replay_from;
    struct stream_settings settings = {.disk = store->disk,
                                       .clock = store->clock,
                                       .memory = store->memory,
                                       .segment_bytes = from->segment_bytes,
                                       .buffer_bytes = from->buffer_bytes,
                                       .tail_bytes = from->tail_bytes,
                                       .is_read_only = store->is_read_only,
                                       .durable = on_durable,
                                       .failed = on_failed,
                                       .owner = store};
    struct stream_replay over = {replay_from, replay, note_damage, store};
    struct stream_found found = {0};
    int32_t rc = stream_open(&settings, &over, &store->stream, &found, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (found.report[0] != '\0') {
        store_log(store, STORE_LOG_WARNING, "%s", found.report);
    }
    if (snapshot != NULL && snapshot->covers > found.end) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "%s: the log ends at position %" PRIu64 ", and snapshot %" PRIu64
                           " covers it up to %" PRIu64 ": the last segments are missing; put them "
                           "back",
                           store->disk->path, found.end, snapshot->number, snapshot->covers);
    }
    settle(store);
    check_indexes(store);
    if (found.begin > replay_from) {
        condemn_all(store, has_snapshot && snapshot == NULL
                               ? "no snapshot is good, and the log that they were made of is gone; "
                                 "restore a backup"
                           : snapshot == NULL
                               ? "there is no snapshot, and the beginning of the log is gone; put "
                                 "the snapshots back, or restore a backup"
                               : "the log between the snapshot and its first segment is missing; "
                                 "put the segments back, or restore a backup");
    }
    settle_ranges(store);
    report(store);
    store->opened_at = stream_durable(store->stream);
    atomic_store(&store->is_recovered, 1);
    return WEIR_OK;
}
