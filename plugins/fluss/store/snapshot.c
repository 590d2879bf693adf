#include "store/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failpoint.h"
#include "store/records.h"
#include "store/store_body.h"

#define TEMPORARY_PATH SNAPSHOT_FOLDER "/new"
#define SUFFIX ".snapshot"
#define WAIT_US INT64_C(1000000)

static void path_of(uint64_t number, char path[RECORDS_PATH_BYTES])
{
    snprintf(path, RECORDS_PATH_BYTES, SNAPSHOT_FOLDER "/%020" PRIu64 SUFFIX, number);
}

// --- Taking ---

struct taking {
    struct records_writer writer;
    uint64_t covers;
    uint64_t bucket_count;
};

static int32_t add_record(void *owner, struct record_header *record, struct failure *failure)
{
    return records_add(owner, record, failure);
}

// Adds a record of our own and frees it.
static int32_t add_own(struct taking *taking, struct record_header *record, struct failure *failure)
{
    if (record == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for a snapshot");
    }
    record_close(record);
    int32_t rc = records_add(&taking->writer, record, failure);
    free(record);
    return rc;
}

static int32_t add_head(struct store *store, struct taking *taking, const struct snapshot *snapshot,
                        struct failure *failure)
{
    struct record_header *record = record_new(RECORD_SNAPSHOT, sizeof(struct snapshot_head), 0);
    if (record != NULL) {
        struct snapshot_head *head = (struct snapshot_head *)record;
        head->number = snapshot->number;
        head->directory = store->catalog.directory;
        head->replay_from = snapshot->replay_from;
        head->created_us = store->clock->now_us(store->clock);
    }
    return add_own(taking, record, failure);
}

static int32_t add_fenced(const struct table *table, uint32_t bucket, struct taking *taking,
                          struct failure *failure)
{
    const char *why = table->health[bucket].why == NULL ? "" : table->health[bucket].why;
    size_t length = strlen(why);
    struct record_header *record =
        record_new(RECORD_FENCED, sizeof(struct snapshot_fenced), length);
    if (record != NULL) {
        struct snapshot_fenced *head = (struct snapshot_fenced *)record;
        head->table_id = table->entry->definition.table_id;
        head->bucket = bucket;
        head->text_bytes = (uint32_t)length;
        memcpy(head + 1, why, length);
    }
    return add_own(taking, record, failure);
}

static int32_t add_buckets(const struct table *table, struct taking *taking,
                           struct failure *failure)
{
    for (uint32_t i = 0; i < table->entry->definition.bucket_count; i++) {
        uint64_t end_offset, position = 0;
        int32_t rc = table->health[i].is_fenced
                         ? add_fenced(table, i, taking, failure)
                         : bucket_save(table->buckets[i], add_record, &taking->writer, &end_offset,
                                       &position, failure);
        if (rc != WEIR_OK) {
            return rc;
        }
        taking->covers = position > taking->covers ? position : taking->covers;
        taking->bucket_count++;
    }
    return WEIR_OK;
}

static int32_t add_finish(struct taking *taking, struct failure *failure)
{
    struct record_header *record = record_new(RECORD_FINISH, sizeof(struct snapshot_finish), 0);
    if (record != NULL) {
        struct snapshot_finish *head = (struct snapshot_finish *)record;
        head->covers = taking->covers;
        head->bucket_count = taking->bucket_count;
    }
    return add_own(taking, record, failure);
}

// The images may be ahead of what is durable: a snapshot must not.
static int32_t wait_durable(struct store *store, uint64_t position, struct failure *failure)
{
    int32_t rc;
    while ((rc = stream_sync(store->stream, position, WAIT_US)) == 0) {
    }
    return rc == 1 ? WEIR_OK
                   : failure_set(failure, rc, "no snapshot: writing to the log has failed");
}

static int32_t write_snapshot(struct store *store, struct snapshot *snapshot, struct taking *taking,
                              struct failure *failure)
{
    char path[RECORDS_PATH_BYTES];
    int32_t rc = add_head(store, taking, snapshot, failure);
    for (uint32_t i = 0; rc == WEIR_OK && i < store->table_count; i++) {
        rc = add_buckets(store->tables[i], taking, failure);
    }
    rc = rc != WEIR_OK ? rc : add_finish(taking, failure);
    rc = rc != WEIR_OK ? rc : wait_durable(store, taking->covers, failure);
    snapshot->covers = taking->covers;
    snapshot->file_bytes = taking->writer.position;
    failpoint_reach(FAILPOINT_SNAPSHOT_WRITTEN);
    rc = rc != WEIR_OK ? rc : records_sync(&taking->writer, failure);
    if (rc == WEIR_OK) {
        failpoint_reach(FAILPOINT_SNAPSHOT_SYNCED);
        path_of(snapshot->number, path);
        rc = records_commit(&taking->writer, path, failure);
        failpoint_reach(FAILPOINT_SNAPSHOT_RENAMED);
    }
    return rc;
}

// Reads a file from front to back.
static int32_t verify(struct store *store, struct snapshot *snapshot, struct failure *failure)
{
    char path[RECORDS_PATH_BYTES];
    struct records_reader reader;
    const struct record_header *record;
    path_of(snapshot->number, path);
    int32_t rc = records_open(store->disk, store->memory, path, &reader, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    while ((rc = records_next(&reader, &record, failure)) == WEIR_OK) {
    }
    snapshot->is_good = rc == WEIR_END;
    records_close(&reader);
    return snapshot->is_good ? WEIR_OK : rc;
}

struct names {
    struct store *store;
    uint64_t numbers[256]; // largest first
    uint32_t count;
};

static int note_name(void *owner, const char *name)
{
    struct names *names = owner;
    uint64_t number;
    char path[RECORDS_PATH_BYTES];
    if (sscanf(name, "%" SCNu64, &number) != 1) {
        return 0;
    }
    path_of(number, path);
    if (strcmp(path + sizeof SNAPSHOT_FOLDER, name) != 0) {
        return 0; // not one of ours: left alone
    }
    uint32_t at = names->count;
    while (at > 0 && names->numbers[at - 1] < number) {
        at--;
    }
    if (at < 256) {
        uint32_t kept = names->count < 255 ? names->count : 255;
        memmove(names->numbers + at + 1, names->numbers + at, (kept - at) * sizeof(uint64_t));
        names->numbers[at] = number;
        names->count = kept + 1;
    }
    return 0;
}

// Removes what is older than the oldest that is kept.
static void remove_older(struct store *store)
{
    struct names names = {.store = store};
    char path[RECORDS_PATH_BYTES];
    if (store->snapshot_count < SNAPSHOTS_KEPT) {
        return;
    }
    store->disk->table->list(store->disk, SNAPSHOT_FOLDER, note_name, &names);
    for (uint32_t i = 0; i < names.count; i++) {
        if (names.numbers[i] < store->snapshots[SNAPSHOTS_KEPT - 1].number) {
            path_of(names.numbers[i], path);
            store->disk->table->unlink(store->disk, path);
            failpoint_reach(FAILPOINT_SNAPSHOT_DROPPED);
        }
    }
}

static void keep(struct store *store, const struct snapshot *snapshot)
{
    memmove(store->snapshots + 1, store->snapshots,
            (SNAPSHOTS_KEPT - 1) * sizeof store->snapshots[0]);
    store->snapshots[0] = *snapshot;
    store->snapshot_count += store->snapshot_count < SNAPSHOTS_KEPT;
    remove_older(store);
}

static int32_t take(struct store *store, struct failure *failure)
{
    struct taking taking = {0};
    struct snapshot snapshot = {.number = store->snapshot_number + 1,
                                .replay_from = stream_durable(store->stream)};
    taking.covers = snapshot.replay_from;
    int32_t rc = index_flush(store, snapshot.replay_from, failure);
    rc = rc != WEIR_OK ? rc
                       : records_create(store->disk, store->memory, TEMPORARY_PATH, 0,
                                        &taking.writer, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    pthread_rwlock_rdlock(&store->shape);
    rc = write_snapshot(store, &snapshot, &taking, failure);
    pthread_rwlock_unlock(&store->shape);
    records_abandon(&taking.writer);
    if (rc != WEIR_OK) {
        return rc;
    }
    store->snapshot_number = snapshot.number;
    rc = verify(store, &snapshot, failure);
    if (rc == WEIR_OK) {
        keep(store, &snapshot);
    }
    return rc;
}

int32_t snapshot_take(struct store *store, struct failure *failure)
{
    pthread_mutex_lock(&store->upkeep_lock);
    int32_t rc = take(store, failure);
    pthread_mutex_unlock(&store->upkeep_lock);
    return rc;
}

// --- Loading ---

// Hands a record on to its bucket. Records of tables that were dropped are skipped.
static int32_t load_record(struct store *store, const struct record_header *record,
                           struct failure *failure)
{
    const struct record_batch *head = (const struct record_batch *)record;
    const struct snapshot_fenced *fenced = (const struct snapshot_fenced *)record;
    if (record->kind == RECORD_FENCED) {
        struct table *table =
            record->head_bytes == sizeof *fenced ? store_find(store, fenced->table_id) : NULL;
        if (table != NULL && fenced->bucket < table->entry->definition.bucket_count &&
            fenced->text_bytes <= record->record_bytes - sizeof *fenced) {
            char why[512];
            snprintf(why, sizeof why, "%.*s", (int)fenced->text_bytes, (const char *)(fenced + 1));
            table_condemn(table, fenced->bucket, why);
        }
        return WEIR_OK;
    }
    if ((record->kind != RECORD_SECTION && record->kind != RECORD_ROWS) ||
        record->head_bytes < 80) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "a record of kind %u, which is none of a "
                           "snapshot",
                           record->kind);
    }
    struct table *table = store_find(store, head->table_id);
    if (table == NULL) {
        return head->table_id < store->catalog.next_table_id
                   ? WEIR_OK
                   : failure_set(failure, WEIR_ERROR_DATA, "rows of table %u, which never was",
                                 head->table_id);
    }
    if (head->bucket >= table->entry->definition.bucket_count) {
        return failure_set(failure, WEIR_ERROR_DATA, "bucket %u of table %s, which has %u",
                           head->bucket, table->entry->definition.name,
                           table->entry->definition.bucket_count);
    }
    return bucket_load(table->buckets[head->bucket], record, failure);
}

static int32_t load_records(struct store *store, struct records_reader *reader,
                            struct snapshot *snapshot, struct failure *failure)
{
    const struct record_header *record;
    int32_t rc = records_next(reader, &record, failure);
    const struct snapshot_head *head = (const struct snapshot_head *)record;
    if (rc < 0) {
        return rc;
    }
    if (rc == WEIR_END || record->kind != RECORD_SNAPSHOT || record->head_bytes != sizeof *head ||
        head->number != snapshot->number) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "%s/%s: it does not begin as snapshot %" PRIu64 " of this store",
                           reader->disk->path, reader->path, snapshot->number);
    }
    if (head->directory != store->catalog.directory) {
        return failure_set(failure, WEIR_ERROR_DATA, "%s/%s: it is of another data directory",
                           reader->disk->path, reader->path);
    }
    snapshot->replay_from = head->replay_from;
    uint64_t at = reader->position;
    while ((rc = records_next(reader, &record, failure)) == WEIR_OK &&
           record->kind != RECORD_FINISH) {
        rc = load_record(store, record, failure);
        if (rc != WEIR_OK) {
            char why[512];
            snprintf(why, sizeof why, "%s", failure->text);
            return failure_set(failure, WEIR_ERROR_DATA, "%s/%s: corrupt at byte %" PRIu64 ": %s",
                               reader->disk->path, reader->path, at, why);
        }
        at = reader->position;
    }
    const struct snapshot_finish *finish = (const struct snapshot_finish *)record;
    if (rc < 0) {
        return rc;
    }
    if (rc == WEIR_END || record->head_bytes != sizeof *finish ||
        reader->position != reader->size) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "%s/%s: it ends at byte %" PRIu64 " without its last record",
                           reader->disk->path, reader->path, reader->position);
    }
    snapshot->covers = finish->covers;
    snapshot->file_bytes = reader->size;
    snapshot->is_good = 1;
    return WEIR_OK;
}

static int32_t load_file(struct store *store, struct snapshot *snapshot, struct failure *failure)
{
    char path[RECORDS_PATH_BYTES];
    struct records_reader reader;
    path_of(snapshot->number, path);
    int32_t rc = records_open(store->disk, store->memory, path, &reader, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = load_records(store, &reader, snapshot, failure);
    records_close(&reader);
    return rc;
}

static int32_t reset_tables(struct store *store, struct failure *failure)
{
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < store->table_count; i++) {
        rc = table_reset(store->tables[i], failure);
    }
    return rc;
}

int32_t snapshot_load(struct store *store, int *found, struct failure *failure)
{
    struct names names = {.store = store};
    store->disk->table->list(store->disk, SNAPSHOT_FOLDER, note_name, &names);
    *found = names.count > 0;
    store->snapshot_number = names.count > 0 ? names.numbers[0] : 0;
    for (uint32_t i = 0; i < names.count; i++) {
        struct snapshot snapshot = {.number = names.numbers[i]};
        if (store->snapshot_count > 0) {
            store->snapshots[store->snapshot_count++] = snapshot; // read when retention needs it
            break;
        }
        int32_t rc = load_file(store, &snapshot, failure);
        if (rc == WEIR_OK) {
            store->snapshots[store->snapshot_count++] = snapshot;
            continue;
        }
        if (rc == WEIR_ERROR_CONFIG) {
            return rc;
        }
        store_log(store, STORE_LOG_WARNING, "%s; an older snapshot and the log take its place",
                  failure->text);
        rc = reset_tables(store, failure);
        if (rc != WEIR_OK) {
            return rc;
        }
    }
    return WEIR_OK;
}
