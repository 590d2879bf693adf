// Indexes on disk: one database of sorted pairs for all buckets of a data directory, which share
// its memory. The log is the write-ahead log: rows wait in memory until their record is durable,
// then go to the database together with the offset up to which it has the bucket. At start the
// database is as it was at some time, and the log is replayed from there.
#ifndef FLUSS_ENGINE_INDEX_DISK_H
#define FLUSS_ENGINE_INDEX_DISK_H

#include "engine/index.h"
#include "engine/snapshot.h"

#define INDEX_DISK_MEMORY (256ull << 20) // of a table that names no budget

struct index_database;

struct index_database_settings {
    const char *path; // folder of the database, made if it is missing
    const char
        *library; // shared object; NULL: fluss_rocksdb.so.1 beside this one, or in its `fluss`
    const struct store_memory *memory;
    uint64_t memory_bytes; // for everything: caches, buffers of writes, rows that wait
    // [any] The log is fsynced up to here.
    uint64_t (*durable)(void *owner);
    void *owner;
    int is_read_only; // replayed rows stay in memory
    int has_thread;   // that writes back by itself; else index_database_write_back is to be called
};

// UNSUPPORTED: there is no shared object or no RocksDB; says which file and which package.
int32_t index_database_open(const struct index_database_settings *settings,
                            struct index_database **out, struct failure *failure);
// Stops the thread: from now on nothing asks for what is durable by itself.
void index_database_stop(struct index_database *database);
// After the buckets. What has not been flushed comes back from the log. NULL is fine.
void index_database_close(struct index_database *database);

// [any] Gives the database what is durable. RETRY: it could not take it; nothing is lost.
int32_t index_database_write_back(struct index_database *database, struct failure *failure);
// [any] Writes back, then makes all of it durable: before a snapshot, and at a clean stop.
int32_t index_database_flush(struct index_database *database, struct failure *failure);
// [any] The log position below which the database needs nothing any more: retention keeps what is
// at it or behind it. UINT64_MAX: it needs nothing.
uint64_t index_database_needed(struct index_database *database);
// [any] Another budget, when a table comes or goes.
void index_database_set_memory(struct index_database *database, uint64_t memory_bytes);
// [any] Forgets a table, whose buckets have been destroyed.
int32_t index_database_drop(struct index_database *database, uint32_t table_id,
                            struct failure *failure);

struct index_place {
    uint32_t table_id;
    uint32_t partition_id;
    uint32_t bucket;
    uint32_t schema_id;
};

// The index of a bucket. *section (lent until the next call with the index; NULL: none) says how
// far the database has it.
int32_t index_disk_create(struct index_database *database, const struct index_place *place,
                          const struct row_layout *layout, struct index **out,
                          const struct snapshot_section **section, struct failure *failure);

#endif
