// What the files of this module share: the inside of a store and of a table.
#ifndef FLUSS_STORE_STORE_BODY_H
#define FLUSS_STORE_STORE_BODY_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/index_disk.h"
#include "store/catalog.h"
#include "store/snapshot.h"
#include "store/store.h"

// What recovery knows of a bucket.
struct bucket_health {
    uint32_t damage; // the last damage (from 1) that may have hit it; 0: none
    uint8_t is_fenced;
    char *why; // of the fence; owned
};

struct table {
    struct store *store;
    struct catalog_table *entry;
    struct weir_field *fields;
    struct bucket_table shared;
    struct bucket_log log;
    struct bucket **buckets;
    struct bucket_health *health;
    atomic_int is_full; // at its limit of retention by size: puts wait
};

struct damage {
    uint64_t from; // stream positions
    uint64_t to;
    char text[512];
};

struct store {
    struct store_settings settings;
    struct disk *disk;
    const struct store_clock *clock;
    const struct store_memory *memory;
    struct stream *stream;
    int is_read_only;

    pthread_rwlock_t shape; // written by create, alter and drop; read by all that walk tables
    struct table **tables;
    uint32_t table_count;

    pthread_mutex_t catalog_lock; // inside of shape and of buckets
    struct catalog catalog;
    int64_t next_writer; // below catalog.next_writer: what may be given without writing it

    pthread_mutex_t upkeep_lock; // one snapshot or retention at a time; outside of shape
    struct snapshot snapshots[SNAPSHOTS_KEPT]; // newest first
    uint32_t snapshot_count;
    uint64_t snapshot_number; // of the newest file there ever was
    uint64_t replayed;        // batches at open
    uint64_t opened_at;       // stream position
    uint64_t fence_count;     // buckets found corrupt

    struct index_database *index; // of tables whose index is on disk; NULL: there has been none
    atomic_int is_recovered;      // the stream says what is durable
    atomic_uint_fast64_t synced;  // of the log, as far as indexes know

    struct damage *damages;
    uint32_t damage_count;
    struct table *replay_table; // the last one, usually the next one

    pthread_t thread; // upkeep
    int has_thread;
    pthread_mutex_t wake_lock;
    pthread_cond_t wake;
    int is_stopping;
    atomic_uint_fast64_t noticed; // durable position at the last look
    int64_t snapshot_ns;          // when the last was taken, and so on
    int64_t retained_ns;
    int64_t expired_ns;

    char *path; // of store_acquire
    uint32_t users;
    struct store *next;
};

__attribute__((format(printf, 3, 4))) void store_log(struct store *store, uint32_t level,
                                                     const char *format, ...);

// Tables (store/table.c).
int32_t table_open(struct store *store, struct catalog_table *entry, struct table **out,
                   struct failure *failure);
void table_close(struct table *table);
struct table *store_find(struct store *store, uint32_t table_id); // NULL: none
// Makes all buckets anew, empty.
int32_t table_reset(struct table *table, struct failure *failure);
// Fences a bucket that was found corrupt.
void table_condemn(struct table *table, uint32_t bucket, const char *why);

// Recovery (store/recover.c): opens the stream and replays it.
int32_t store_recover(struct store *store, int has_snapshot, struct failure *failure);

// Indexes on disk (store/index.c).
#define INDEX_FOLDER "rocksdb"
// The database, opened if it is not; *out is NULL for a table whose index is in memory.
int32_t index_open(struct store *store, const struct table_definition *definition,
                   struct index_database **out, struct failure *failure);
// Shares the budget of the tables in the catalog.
void index_share(struct store *store);
// Makes the log durable up to position, and then in the database. RETRY: not now.
int32_t index_flush(struct store *store, uint64_t position, struct failure *failure);
// The same with all there is, so that buckets can be opened anew.
int32_t index_settle(struct store *store, const struct table_definition *definition,
                     struct failure *failure);
int32_t index_drop(struct store *store, uint32_t table_id, struct failure *failure);
void index_stop(struct store *store); // the stream is about to be closed

// Upkeep (store/upkeep.c).
int32_t upkeep_start(struct store *store, struct failure *failure);
void upkeep_stop(struct store *store);
void upkeep_notice(struct store *store, uint64_t durable); // from the writer of the stream

// Retention (store/retain.c), and rows whose time is over. Under upkeep_lock.
int32_t retain_apply(struct store *store, struct failure *failure);
int32_t expire_apply(struct store *store, struct failure *failure);

#endif
