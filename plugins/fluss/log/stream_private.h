// Inside of a stream, for the files of this module.
//
// One lock. Appenders take it to get room and to publish; the writer to close a group and to end
// it; neither does I/O under it. What lies below `acknowledged` never changes, so readers need it
// only to find their chunk.
#ifndef FLUSS_LOG_STREAM_PRIVATE_H
#define FLUSS_LOG_STREAM_PRIVATE_H

#include <pthread.h>

#include "log/chunk.h"
#include "log/scan.h"
#include "log/segment.h"
#include "log/stream.h"

#define PAD_BYTES_MAX (64u << 10)

struct stream {
    struct stream_settings settings;
    struct chunk_pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t work;     // for the writer
    pthread_cond_t progress; // for those who wait for durability
    pthread_cond_t room;     // for the keeper
    pthread_t writer;
    pthread_t keeper;
    int has_writer;
    int has_keeper;

    // Chunks in order of position: durable ones for readers, then those being filled.
    struct chunk *oldest;
    struct chunk *current;
    uint64_t chunk_bytes; // capacity of all of them

    uint64_t begin;
    uint64_t position;      // where the next record goes
    uint64_t group_begin;   // of the group being filled
    uint64_t acknowledged;  // everything before it is as durable as was asked for
    uint64_t synced;        // everything before it is durable
    uint64_t sync_wanted;   // somebody waits for this to be synced
    uint32_t group;         // number of the group being filled
    uint32_t open[2];       // rooms not yet published, of this group and of the one before
    int has_published;      // the group being filled has a record
    int needs_sync;         // the group being filled has a record that must be synced
    int closing_needs_sync; // so has the group before it
    int is_stopping;
    int is_ended; // nothing was appended since the last clean stop
    int has_failed;
    char why[512];

    struct segments segments; // changed under both locks, read under either
    int wants_segment;
    int room_error; // of the last try to make room for a segment; 0: it worked

    // The writer's own.
    uint64_t number;
    uint32_t previous_crc;
    uint32_t epoch;
    uint32_t end_count; // end records written

    pthread_mutex_t retire_lock; // one retires at a time
    pthread_mutex_t marks_lock;  // of the marks of all segments, and of buckets
    struct mark_buckets buckets;

    pthread_mutex_t listeners_lock;
    struct stream_listener *listeners;

    struct stream_reader *readers; // under lock
};

// log/recover.c: reads what is there, fills in segments, begin, position, number, previous_crc,
// epoch.
int32_t recover_run(struct stream *stream, const struct stream_replay *replay,
                    struct stream_found *found, struct failure *failure);

// log/append.c: [lock] room for one record; what goes before it (padding, index, head of a segment)
// is placed first.
int32_t append_place(struct stream *stream, uint32_t record_bytes, struct stream_room *room,
                     struct failure *failure);
// [lock] Pads up to a whole block.
void append_pad(struct stream *stream);
// [lock] Places the end record. 0: no room or memory for it.
int append_end(struct stream *stream);

// log/writer.c
void *writer_run(void *stream);

// log/keeper.c: makes segment files ready ahead of need.
void *keeper_run(void *stream);
// [setup] Makes room for the next segment and adds it. 0 or a negative errno.
int keeper_prepare(struct stream *stream);

#endif
