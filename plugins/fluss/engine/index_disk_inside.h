// What the files of indexes on disk share.
#ifndef FLUSS_ENGINE_INDEX_DISK_INSIDE_H
#define FLUSS_ENGINE_INDEX_DISK_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/index_disk.h"
#include "engine/overlay.h"
#include "engine/pairs.h"

// Keys of the database: table, partition and bucket, each 4 bytes, high ones first; KEY_SECTION
// alone, or KEY_ROW and the encoded key.
#define KEY_PREFIX 13u
#define KEY_SECTION 0
#define KEY_ROW 1

struct index_disk {
    struct index base;
    struct index_database *database;
    struct index_disk *next; // of the database
    const struct row_layout *layout;
    uint8_t prefix[KEY_PREFIX]; // of rows

    pthread_mutex_t lock; // guards what follows
    struct overlay overlay;
    struct overlay_block *pending; // prepared
    uint64_t row_count;
    uint64_t replayed; // position up to which replay has shown the log to be durable
    uint8_t *resume;   // key where a visit goes on
    uint32_t resume_bytes;
    uint64_t resume_number;

    // What the database has of the bucket; guarded by `writing` of the database.
    struct snapshot_section written;
    struct writers writers;
    uint64_t noted; // sequence of the last block in `written`
    uint64_t flushed_offset;
    uint64_t flushed_position;
    uint8_t *section; // as it was found, section_room bytes
    uint64_t section_room;
};

struct index_database {
    const struct store_memory *memory;
    uint64_t (*durable)(void *owner);
    void *owner;
    void *library;
    const struct pairs_table *table;
    struct pairs *pairs;
    pthread_mutex_t writing; // one writes back at a time; outside of the locks of indexes
    struct index_disk *first;
    int is_dirty;                 // written to since it was flushed or opened
    atomic_uint_fast64_t waiting; // bytes of rows that wait
    atomic_uint_fast64_t waiting_max;
    pthread_mutex_t wake_lock;
    pthread_cond_t wake;
    pthread_t thread;
    int has_thread;
    int is_read_only;
    int is_stopping;
    char why[512]; // the last write back failed; "": it did not
};

// Charges the budget. 0: it is used up, and the thread has been woken.
int database_charge(struct index_database *database, uint64_t bytes);
void database_discharge(struct index_database *database, uint64_t bytes);
void database_wake(struct index_database *database);
// Makes what has been written durable, so that what is read can be relied on.
int32_t database_settle(struct index_database *database, struct failure *failure);
void database_add(struct index_database *database, struct index_disk *index);
void database_remove(struct index_database *database, struct index_disk *index);

#endif
