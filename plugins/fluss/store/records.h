// Files of records, read and written from front to back: catalogs and snapshots. The position of a
// record is its offset in the file, numbers count from 1, every record names the one before it.
#ifndef FLUSS_STORE_RECORDS_H
#define FLUSS_STORE_RECORDS_H

#include "base/disk.h"
#include "base/failure.h"
#include "base/memory.h"
#include "log/record.h"

#define RECORDS_PATH_BYTES 64u

// --- Writing ---

struct records_writer {
    struct disk *disk;
    const struct store_memory *memory;
    struct disk_file *file;
    char path[RECORDS_PATH_BYTES];
    uint32_t epoch;
    uint32_t previous_crc;
    uint64_t number;
    uint64_t position; // where the next record goes
    uint64_t written;  // of it: what the file has; a multiple of DISK_BLOCK
    void *block;
    uint8_t *buffer; // within block, aligned to DISK_BLOCK
};

// Makes a file; one of that name is replaced.
int32_t records_create(struct disk *disk, const struct store_memory *memory, const char *path,
                       uint32_t epoch, struct records_writer *writer, struct failure *failure);
// Appends a record that is complete but for what stream_publish names (log/stream.h); fills that
// in.
int32_t records_add(struct records_writer *writer, struct record_header *record,
                    struct failure *failure);
// Makes it durable. Nothing may be added any more.
int32_t records_sync(struct records_writer *writer, struct failure *failure);
// Gives it its name, once it is durable. After a failure, call records_abandon.
int32_t records_commit(struct records_writer *writer, const char *path, struct failure *failure);
// Removes what was written; after a commit does nothing.
void records_abandon(struct records_writer *writer);

// A record of zeros, record_padded(head_bytes + body_bytes) long, with kind and lengths in place;
// NULL: no memory. Freed with free().
struct record_header *record_new(uint8_t kind, uint16_t head_bytes, uint64_t body_bytes);

// --- Reading ---

struct records_reader {
    const struct store_memory *memory;
    struct disk_file *file;
    struct disk *disk;
    char path[RECORDS_PATH_BYTES];
    uint64_t size;     // of the file
    uint64_t position; // of the next record
    uint64_t number;
    uint32_t previous_crc;
    uint8_t *buffer;
    uint64_t capacity;
    uint64_t first; // position of buffer[0]
    uint64_t filled;
};

// RETRY: there is no such file. FATAL: it cannot be read.
int32_t records_open(struct disk *disk, const struct store_memory *memory, const char *path,
                     struct records_reader *reader, struct failure *failure);
// The next record, checked; valid until the next call. WEIR_END after the last one. DATA: names
// file, offset and cause. CONFIG: another version wrote it.
int32_t records_next(struct records_reader *reader, const struct record_header **record,
                     struct failure *failure);
void records_close(struct records_reader *reader);

#endif
