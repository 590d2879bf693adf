// A bucket: one hash slice of a table, with its index (primary-key tables), offsets and writers. It
// knows neither who calls it nor where its log goes: records are made in room that `struct
// bucket_log` gives.
//
// Semantics are those of Apache Fluss as tests/fluss/oracle has them. One lock per bucket, taken
// once per call, never per row.
#ifndef FLUSS_ENGINE_BUCKET_H
#define FLUSS_ENGINE_BUCKET_H

#include "base/clock.h"
#include "base/failure.h"
#include "base/memory.h"
#include "log/record.h"
#include "table/definition.h"
#include "weir/batch.h"

struct bucket;
struct index_database;

// Where the records of a bucket go.
struct bucket_log {
    // Room for a record; as stream_reserve. RETRY and FATAL are handed to the caller of the bucket.
    int32_t (*reserve)(void *owner, uint32_t record_bytes, uint8_t **bytes, uint64_t *position,
                       void **room, struct failure *failure);
    void (*publish)(void *owner, void *room);
    // What has been given up while it was not yet published becomes padding.
    void *owner;
};

#define BUCKET_WRITERS_REMEMBERED 5u

// What all buckets of a table share. Outlives them.
struct bucket_table {
    const struct table_definition *definition;
    const struct weir_field *fields; // column_count of the definition
    const struct store_memory *memory;
    const struct store_clock *clock;
    const struct bucket_log *log;
    struct index_database *index_database; // of tables whose index is on disk
    // [any] The first id of a range of BUCKET_RANGE ids that no bucket of the table has had (1,
    // 100001, ...). NULL for tables without an auto-increment column. After recovery the next range
    // begins at or after the largest `auto_increment_end` of all buckets.
    uint64_t (*draw_range)(void *owner);
    void *range_owner;
};

#define BUCKET_RANGE 100000u

int32_t bucket_create(const struct bucket_table *table, uint32_t number, struct bucket **out,
                      struct failure *failure);
void bucket_destroy(struct bucket *bucket); // NULL is fine

// --- Writing ---

enum bucket_mode { BUCKET_MERGE, BUCKET_OVERWRITE };

#define BUCKET_PUT_ROWS_MAX 32768u // its changelog may have two records for each

// One request to one bucket, and one record of its log. Rows of kind +I and +U are upserts (appends
// in a log table), -D are deletes, -U is left out.
struct bucket_put {
    const struct weir_batch *batch; // columns as in the newest schema (fewer: the rest is null)
    const uint32_t *rows;           // rows of the batch, in order, all of this bucket
    uint32_t row_count;
    const uint8_t
        *targets; // per column of the table: 1 if the writer names it (partial update); NULL: all
    enum bucket_mode mode;
    int64_t writer; // or RECORD_WRITER_NONE
    int32_t sequence;
    uint64_t source; // RECORD_SOURCE_NONE: none
    uint64_t source_first;
    uint64_t source_end;
};

struct bucket_ack {
    uint64_t base_offset;
    uint64_t end_offset;
    uint64_t position; // end of its record: may be acknowledged once stream_durable() is at
                       // least this (stream_wait(position))
    int was_duplicate; // a retry: the offsets are the original ones, nothing was written
};

// [any] Applies a put and appends its record. Whole or not at all. RETRY: no room now, nothing has
// changed. DATA: refused (null key, wrong sequence, disabled delete, ...), names table, bucket,
// column or key, and the remedy. FATAL: the bucket is fenced. A writer's first sequence is 0.
int32_t bucket_put(struct bucket *bucket, const struct bucket_put *put, struct bucket_ack *ack,
                   struct failure *failure);

// [any] Nothing of this bucket is served or accepted any more; why is kept for every later refusal.
void bucket_fence(struct bucket *bucket, const char *why);

// [any] Looks for rows whose time to live has passed and appends their -D, at most `limit` rows of
// them; *more tells whether others wait. An expired row is invisible to lookups and scans at once.
int32_t bucket_expire(struct bucket *bucket, uint32_t limit, struct bucket_ack *ack, int *more,
                      struct failure *failure);

// --- Reading the index ---

// Rows handed out: columns of the newest schema in plain memory that the caller owns.
struct bucket_rows {
    const struct store_memory *memory;
    uint32_t row_count;
    uint32_t column_count;
    struct weir_column *columns; // plain
    void *block;                 // all of it
    uint64_t block_bytes;
};
void bucket_rows_finish(struct bucket_rows *rows);

// [any] Rows of keys: column i of keys is key column i of the table (all rows of this bucket).
// found[r] is the number of the row in rows, or UINT32_MAX. The rows may be served once all before
// stream position *position is durable. insert_missing makes rows that are not there
// (auto-increment ids included): then ack is theirs.
int32_t bucket_lookup(struct bucket *bucket, const struct weir_column *keys,
                      const uint32_t *key_rows, uint32_t key_row_count, int insert_missing,
                      struct bucket_rows *rows, uint32_t *found, uint64_t *position,
                      struct failure *failure);
// [any] All rows whose first prefix_count key columns equal those of row key_row, in the order of
// their encoded keys; prefix_count must be the bucket key's.
int32_t bucket_prefix(struct bucket *bucket, const struct weir_column *keys, uint32_t prefix_count,
                      uint32_t key_row, struct bucket_rows *rows, uint64_t *position,
                      struct failure *failure);
// [any] Rows of the index, at most `limit` (in the order of their encoded keys if is_ordered),
// consistent with *end_offset: the changelog from there on continues them.
int32_t bucket_scan(struct bucket *bucket, uint32_t limit, int is_ordered, struct bucket_rows *rows,
                    uint64_t *end_offset, uint64_t *position, struct failure *failure);

struct bucket_status {
    uint64_t end_offset;
    uint64_t row_count; // of the index
    uint64_t memory_bytes;
    uint64_t writer_count;
    uint64_t auto_increment_end; // end of the range of ids it draws from; 0: it has none
    int is_fenced;
};
void bucket_status(struct bucket *bucket, struct bucket_status *status);
// [any] The row that `source` has been applied up to (its source_end), 0 if none: where a writer
// goes on.
uint64_t bucket_source(struct bucket *bucket, uint64_t source);

// --- Recovery ---

// A log record of this bucket, in order, at start: rebuilds index, offsets, writers, sources.
// Records below the snapshot's end offset are skipped. DATA: it does not follow on what is there (a
// hole in the offsets).
int32_t bucket_replay(struct bucket *bucket, const struct record_batch *batch,
                      struct failure *failure);

// An image of the bucket for a snapshot, made in one short call under the lock: the body of a
// RECORD_SECTION and of RECORD_ROWS records. write() gets whole records but for the fields that
// stream_publish names, and is called after the lock is let go. Valid once all before stream
// position *position is durable.
int32_t bucket_save(struct bucket *bucket,
                    int32_t (*write)(void *owner, struct record_header *record,
                                     struct failure *failure),
                    void *owner, uint64_t *end_offset, uint64_t *position, struct failure *failure);
// After the last bucket_replay. DATA: index and log do not have what a snapshot had.
int32_t bucket_replay_end(struct bucket *bucket, struct failure *failure);

// The records of one bucket of a snapshot, in order, before any bucket_replay.
int32_t bucket_load(struct bucket *bucket, const struct record_header *record,
                    struct failure *failure);
// After the last of them: DATA if rows are missing.
int32_t bucket_load_end(struct bucket *bucket, struct failure *failure);

#endif
