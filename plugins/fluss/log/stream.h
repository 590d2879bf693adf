// The log of a data directory: one stream of records of all tables and buckets, in segments of one
// size, made durable in groups by a thread of its own.
//
// Appenders reserve room in a chunk of memory, fill it in place and publish it; the writer seals
// what is published in order, writes whole blocks, syncs once for all of them, then calls
// `durable`. What was written last stays in memory (the tail) for readers, without a copy.
#ifndef FLUSS_LOG_STREAM_H
#define FLUSS_LOG_STREAM_H

#include "base/clock.h"
#include "base/disk.h"
#include "base/failure.h"
#include "base/memory.h"
#include "log/record.h"

struct stream;
struct chunk; // counted memory that holds records

struct stream_settings {
    struct disk *disk;
    const struct store_clock *clock;
    const struct store_memory *memory;
    uint64_t segment_bytes; // of a new directory; an old one keeps its own
    uint64_t buffer_bytes;  // of records not yet durable, at most: beyond it reserve says RETRY
    uint64_t tail_bytes;    // of durable records kept in memory
    int is_read_only;
    // [writer thread] Everything before `position` is acknowledged (stream_durable). Called after
    // every group.
    void (*durable)(void *owner, uint64_t position);
    // [writer thread] Final: a write or sync failed; records from `position` on are lost to this
    // process, and nothing will be durable any more. Every bucket in them must be fenced.
    void (*failed)(void *owner, uint64_t position, const char *why);
    void *owner;
};

// What a start found. Sentences name file, offset and bytes.
struct stream_found {
    uint64_t begin;      // position of the first record kept
    uint64_t end;        // where appending goes on
    int was_clean;       // the last stop was a clean one
    uint64_t torn_bytes; // cut from the end: a torn tail
    char report[512];    // what was cut, in words; empty if nothing was
};

// Opens the segments, tells a torn tail (cut and reported) from corruption. Calls record() for
// every BATCH record from `from` on (a position that a snapshot named; at least begin), in order,
// header and body checked. Corruption does not fail the open: corrupt() gets the file, the offset
// in it, the range of stream positions that cannot be read, and the cause; reading goes on at the
// next good record.
struct stream_replay {
    uint64_t from;
    int32_t (*record)(void *owner, const struct record_header *record, struct failure *failure);
    void (*corrupt)(void *owner, const char *path, uint64_t file_offset, uint64_t from, uint64_t to,
                    const char *why);
    void *owner;
};
int32_t stream_open(const struct stream_settings *settings, const struct stream_replay *replay,
                    struct stream **out, struct stream_found *found, struct failure *failure);
// A clean stop: writes what is left and the end record, joins the writer. After a failure writes
// nothing.
void stream_close(struct stream *stream);

// --- Appending ---

struct stream_room {
    struct chunk *chunk;
    uint8_t *bytes;    // record_bytes of them, 64-byte aligned, not initialised
    uint64_t position; // in the stream: known at once
    uint32_t group;    // the stream's
};

// [any] Room for one record of record_bytes (a multiple of RECORD_ALIGN). Positions ascend in the
// order of the calls. RETRY: buffers are full, or the disk is (then failure says so): nothing has
// changed, come back when `durable` was called, or after a while. FATAL: the stream has failed.
// DATA: larger than a segment takes.
int32_t stream_reserve(struct stream *stream, uint32_t record_bytes, struct stream_room *room,
                       struct failure *failure);
// [any] The record's head and body are complete (record_close) but for position, durable, number,
// epoch, previous_crc and header_crc, which the writer fills in. Every room must be published or
// given up, and soon: the group that it belongs to waits for it.
void stream_publish(struct stream *stream, const struct stream_room *room);
// [any] The same for a record of a table with durability "os": it counts as acknowledged once it is
// written. A group of such records alone is not synced.
void stream_publish_unsynced(struct stream *stream, const struct stream_room *room);
// [any] The room becomes padding.
void stream_give_up(struct stream *stream, const struct stream_room *room, uint32_t record_bytes);
// [any] Waits until everything before position is acknowledged, at most timeout_us. 1 if it is; 0
// if time is up; FATAL if the stream has failed.
int32_t stream_wait(struct stream *stream, uint64_t position, int64_t timeout_us);
// [any] Everything before it is acknowledged: durable, or for records published unsynced at least
// written. What may be answered and served.
uint64_t stream_durable(struct stream *stream);
// [any] The position where the next record goes: all that was reserved lies before it.
uint64_t stream_end(struct stream *stream);
// [any] Makes everything before position durable for good, unsynced records too, and waits for it
// as stream_wait does: before anything else on disk (a snapshot) may build upon it.
int32_t stream_sync(struct stream *stream, uint64_t position, int64_t timeout_us);
uint64_t stream_begin(struct stream *stream);
uint64_t stream_bytes_on_disk(struct stream *stream);

// --- Reading ---

struct stream_reader;

// [any] A reader that begins at a position (that of a record, or of a segment's start; at least
// begin). Positions that readers hold are not retired under them unless they are beyond retention
// (stream_retire).
int32_t stream_reader_open(struct stream *stream, uint64_t position, struct stream_reader **out,
                           struct failure *failure);
void stream_reader_close(struct stream_reader *reader);
uint64_t stream_reader_position(struct stream_reader *reader);
// [any] The lowest position of all readers; UINT64_MAX: there is none.
uint64_t stream_oldest_reader(struct stream *stream);

struct stream_view {
    const struct record_header *record;
    struct chunk *chunk; // holds it: ref to keep it
};

// Up to `capacity` durable records of kind BATCH, in order; returns how many, 0 if there is none
// now. From the tail without a copy or a read, from the segments in large reads when the reader is
// behind it. The views are valid until the next call, or as long as their chunk is kept. DATA:
// corruption (file, offset, cause): the reader stands behind it. CONFIG: its position is gone,
// retention took it.
int32_t stream_read(struct stream_reader *reader, struct stream_view *views, uint32_t capacity,
                    uint32_t *count, struct failure *failure);

void chunk_ref(struct chunk *chunk);
void chunk_unref(struct chunk *chunk);

// [any] notify() is called by the writer after every group, until removed.
struct stream_listener {
    void (*notify)(void *owner);
    void *owner;
    struct stream_listener *next; // the stream's
};
void stream_listen(struct stream *stream, struct stream_listener *listener);
void stream_unlisten(struct stream *stream, struct stream_listener *listener);

// --- Where things are ---

// A mark about every 16 MiB of log: for each bucket that follows, its first offset and newest time.
struct stream_mark {
    uint64_t position;
    uint64_t offset;      // first offset of the bucket at or after position
    int64_t timestamp_us; // newest append before position of this bucket, or INT64_MIN
};
// [any] The last mark of a bucket whose offset is at most `offset` (or whose timestamp is below
// timestamp_us, if offset is UINT64_MAX). 0 if there is none: then mark is its first one. -1: no
// record.
int stream_find(struct stream *stream, uint32_t table_id, uint32_t bucket, uint64_t offset,
                int64_t timestamp_us, struct stream_mark *mark);

// --- Retention ---

// What one segment holds of one table.
struct stream_share {
    uint32_t table_id;
    uint32_t zero;
    uint64_t bytes;
    int64_t newest_us;
};
struct stream_segment_info {
    uint64_t begin;
    uint64_t end;
    uint32_t share_count;
    const struct stream_share *shares;
};
// [any] Calls each() for every full segment, oldest first, until it returns something but 0.
void stream_segments(struct stream *stream,
                     int (*each)(void *owner, const struct stream_segment_info *), void *owner);
// [any] Gives up all segments that end at or before position: kept for reuse up to a few, else
// unlinked.
int32_t stream_retire(struct stream *stream, uint64_t position, struct failure *failure);

// --- Verification ---

// Reads every record of every segment of a directory that need not be in good order; finding()
// names file, offset and cause of everything wrong. Returns the number of findings, or a negative
// code.
int64_t
stream_verify(struct disk *disk, const struct store_memory *memory,
              void (*finding)(void *owner, const char *path, uint64_t offset, const char *why),
              void (*record)(void *owner, const char *path, const struct record_header *record),
              void *owner);

#endif
