// A store: one data directory with its tables, open in one process. What the operators, the
// commands and later the tablet server call.
#ifndef FLUSS_STORE_STORE_H
#define FLUSS_STORE_STORE_H

#include "engine/bucket.h"
#include "log/stream.h"

struct store;
struct table;

// Levels of talk, as weir/host.h has them.
#define STORE_LOG_INFO 2u
#define STORE_LOG_WARNING 3u
#define STORE_LOG_ERROR 4u

struct store_settings {
    struct disk *disk;                 // taken over
    const struct store_clock *clock;   // NULL: the system's
    const struct store_memory *memory; // NULL: the system's
    int is_read_only;                  // commands that only look; locks if the disk lets it
    uint64_t segment_bytes;            // 0: 256 MiB
    uint64_t buffer_bytes;             // 0: 64 MiB
    uint64_t tail_bytes;               // 0: 64 MiB
    uint64_t snapshot_bytes;           // of log, until the next snapshot; 0: 1 GiB
    int64_t snapshot_delay_us;         // 0: one minute
    const char *index_library;         // object of indexes on disk; NULL: beside this one
    int is_manual; // no thread of its own: snapshots and retention come when they are called for
    void (*log)(void *owner, uint32_t level, const char *text); // talk; NULL: none
    void *log_owner;
};

// Opens a directory (makes it if it is not there): lock, version, catalog, newest good snapshot,
// replay. What was cut or is corrupt is told through log; a corrupt bucket is fenced, the others
// serve. CONFIG: locked (names the process), another version (both named), not a store, read-only.
int32_t store_open(const struct store_settings *settings, struct store **out,
                   struct failure *failure);
// A clean stop: snapshot, end record. NULL is fine.
void store_close(struct store *store);

// One store per directory and process, counted: the first opens it, the last closes it.
int32_t store_acquire(const char *path, const struct store_settings *settings, struct store **out,
                      struct failure *failure);
void store_release(struct store *store);

// --- Tables ---

// Creates it; *existed is 1 if it was there already with the same definition; CONFIG with the
// difference if with another.
int32_t store_create(struct store *store, const struct table_definition *definition, int *existed,
                     struct table **out, struct failure *failure);
// Adds a column, last and nullable. Table, buckets and fields that were handed out are gone: nobody
// may use them. CONFIG with the reason and the remedy.
int32_t store_alter(struct store *store, const char *name, const struct table_column *added,
                    struct failure *failure);
// Nobody may use the table.
int32_t store_drop(struct store *store, const char *name, struct failure *failure);
// CONFIG if there is none; names those there are, and the nearest.
int32_t store_table(struct store *store, const char *name, struct table **out,
                    struct failure *failure);
uint32_t store_table_count(struct store *store);
struct table *store_table_at(struct store *store, uint32_t i);

const struct table_definition *table_definition(struct table *table);
const struct weir_field *table_fields(struct table *table);
struct bucket *table_bucket(struct table *table, uint32_t bucket);
struct stream *table_stream(struct table *table);
// The first offset that a reader of a bucket can have.
uint64_t table_log_start(struct table *table, uint32_t bucket);
// A new writer id, never given before in this directory; negative: an error class.
int64_t table_writer(struct table *table);

struct table_usage {
    uint64_t rows;
    uint64_t log_bytes; // on disk
    uint64_t memory_bytes;
};
void table_usage(struct table *table, struct table_usage *usage);

// --- Upkeep ---

// [any] Takes a snapshot now, applies retention, expires rows: what a thread of the store does by
// itself when due.
int32_t store_snapshot(struct store *store, struct failure *failure);
int32_t store_retain(struct store *store, struct failure *failure);

#endif
