// Inside a bucket: what the files of this folder share.
#ifndef FLUSS_ENGINE_INSIDE_H
#define FLUSS_ENGINE_INSIDE_H

#include <pthread.h>

#include "engine/arena.h"
#include "engine/bucket.h"
#include "engine/index.h"
#include "engine/row.h"
#include "engine/snapshot.h"
#include "engine/writers.h"

struct bucket {
    const struct bucket_table *table;
    uint32_t number;
    pthread_mutex_t lock; // guards all that follows
    struct row_layout *layout;
    struct index *index; // NULL: a log table
    struct writers writers;
    uint64_t end_offset;
    uint64_t position;  // end of the last record: what reads of the index wait for
    int64_t newest_us;  // timestamp of the last record: they never go back
    uint64_t auto_next; // next id, and the end of the range; equal: a new range is due
    uint64_t auto_end;
    int32_t auto_column;    // -1: none
    uint32_t integer_width; // 4 or 8: the key is one column of integers; 0: it is not
    int may_hold_nulls;     // some row has had one
    uint64_t expire_cursor;
    uint64_t rows_missing;    // of the snapshot that is being loaded
    uint64_t promised_offset; // a snapshot had so much: replay must reach it
    int is_fenced;
    char why[512];
};

// Locks the bucket. FATAL: it is fenced; then it is not locked.
int32_t bucket_enter(struct bucket *bucket, struct failure *failure);
void bucket_leave(struct bucket *bucket);
// Puts table and bucket before the sentence. Returns its code.
int32_t bucket_blame(const struct bucket *bucket, struct failure *failure);

// --- keys.c ---

// Encodes the keys of rows of a batch (column i is key column i), one after the other.
// is_distinct: each key once, and key_of[i] (if not NULL) is the number of the key of rows[i].
// RETRY: no memory.
int32_t keys_encode(const struct bucket *bucket, const struct weir_column *const *columns,
                    const uint32_t *rows, uint32_t row_count, uint32_t *key_of, struct arena *arena,
                    struct index_keys *keys, struct failure *failure);
// The encoded key of a row of the index: its bytes (in `room` of 16 if it is not kept), its length.
const uint8_t *keys_of_row(const struct bucket *bucket, const uint8_t *row, uint8_t *room,
                           uint32_t *length);
// Puts the key that the index keeps beside a row into a new one.
void keys_set(const struct bucket *bucket, uint8_t *row, const struct index_keys *keys, uint32_t k);

// --- changelog.c ---

// Room for one record of the log.
struct changelog_room {
    uint8_t *bytes; // of the record
    uint8_t *body;
    void *room;
    uint64_t position;
    uint32_t record_bytes;
};
// What its head says beside what the put says.
struct changelog_head {
    uint64_t end_offset;
    uint32_t row_count;
    uint32_t column_count;
    uint32_t flags;
};

// DATA: more than a record may hold.
int32_t changelog_fits(uint64_t body_bytes, struct failure *failure);
// RETRY or FATAL of the log; DATA: too large.
int32_t changelog_reserve(struct bucket *bucket, uint64_t body_bytes, struct changelog_room *room,
                          struct failure *failure);
// Fills in the head, publishes, moves the bucket's ends, notes writer and source. Cannot fail.
void changelog_publish(struct bucket *bucket, const struct bucket_put *put,
                       const struct changelog_room *room, uint64_t body_bytes,
                       const struct changelog_head *head, struct bucket_ack *ack);
// A whole record of columns: encodes, reserves. Nothing is published yet.
int32_t changelog_columns(struct bucket *bucket, const struct weir_column *columns,
                          uint32_t column_count, const uint8_t *kinds, uint32_t row_count,
                          struct arena *arena, struct changelog_room *room, uint64_t *body_bytes,
                          struct changelog_head *head, struct failure *failure);

// --- work.c: changes to rows of the index, with their records ---

struct work {
    struct bucket *bucket;
    struct arena *arena;
    struct failure *failure;
    struct index_keys keys;  // distinct
    uint32_t *key_of;        // key of each row of the put
    const uint8_t **old;     // per key: as in the index
    const uint8_t **current; // per key: after the rows so far
    uint8_t *is_changed;     // per key
    uint8_t *kinds;          // of the records so far, with their rows
    const uint8_t **rows;    //
    uint32_t record_count;   //
    struct index_change *changes;
    uint32_t change_count;
};

// Keys of the rows, and what the index has of them. Room for two records a row.
int32_t work_begin(struct work *work, const struct weir_column *const *key_columns,
                   const uint32_t *rows, uint32_t row_count);
void work_record(struct work *work, uint32_t kind, const uint8_t *row);
// Key k has this row from now on (NULL: none).
void work_set(struct work *work, uint32_t k, const uint8_t *row);
// A new row, uninitialised. NULL: no memory.
uint8_t *work_row(struct work *work);
// Prepares the index for what has become of the keys.
int32_t work_prepare(struct work *work);
void work_apply(struct work *work, const struct index_mark *mark);
void work_abandon(struct work *work);
// Prepares, logs the records, applies.
int32_t work_commit(struct work *work, const struct bucket_put *put, struct bucket_ack *ack);

// --- replay.c ---

// What a section of a snapshot, or of an index on disk, says of the bucket.
int32_t bucket_load_section(struct bucket *bucket, const struct snapshot_section *section,
                            struct failure *failure);

// --- put.c ---

// Rows of a batch as rows of the index, one after the other (what the batch lacks is null), without
// hidden columns. RETRY: no memory.
int32_t batch_rows(const struct bucket *bucket, const struct weir_batch *batch,
                   const uint32_t *rows, uint32_t row_count, struct arena *arena, uint8_t **out,
                   struct failure *failure);

int bucket_is_expired(const struct bucket *bucket, const uint8_t *row, int64_t now_us);
// All but the lock.
int32_t put_locked(struct bucket *bucket, const struct bucket_put *put, struct bucket_ack *ack,
                   struct failure *failure);
// The hot path, and whether a put can take it.
int fast_fits(const struct bucket *bucket, const struct bucket_put *put);
int32_t fast_put(struct bucket *bucket, const struct bucket_put *put, struct bucket_ack *ack,
                 struct failure *failure);
// The same for what comes from disk: columns of the table's own types, rows that are upserts in
// order. FATAL: no memory; some rows may be there.
int fast_loads(const struct bucket *bucket, const struct weir_column *columns);
int32_t fast_load(struct bucket *bucket, const struct weir_column *columns, const uint32_t *numbers,
                  uint32_t count, struct arena *arena, struct failure *failure);
// DATA: the batch does not fit the table, or the put may not be.
int32_t check_put(const struct bucket *bucket, const struct bucket_put *put,
                  struct failure *failure);

#endif
