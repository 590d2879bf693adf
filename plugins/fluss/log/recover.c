// What a start makes of the segments: the records that follow on each other, and where they end.
//
// Damage at P is corruption if a whole record behind it was written when everything up to beyond P
// was durable already. Otherwise P lies in the last group, which nobody was told of: a torn tail.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/failpoint.h"
#include "log/stream_private.h"
#include "log/walk.h"

struct recovery {
    struct stream *stream;
    const struct stream_replay *replay;
    struct stream_found *found;
    struct walk walk;
    uint64_t covered; // the marks of what lies before are known
    // A part of a segment was passed by, and no record has been read since: what the last one said
    // is not known.
    int has_passed_by;
    int must_follow; // there
    uint64_t passed_from;
};

// Tells the stream of a record, and the one who replays.
static int32_t use(struct recovery *recovery, const struct record_header *record,
                   struct failure *failure)
{
    struct stream *stream = recovery->stream;
    struct segment *segment = segments_at(&stream->segments, record->position);
    if (record->kind != RECORD_BATCH) {
        return WEIR_OK;
    }
    if (record->position >= recovery->covered) {
        marks_add(&segment->marks, &stream->buckets, segment->begin,
                  stream->segments.index_bytes - sizeof *record, (const void *)record);
    }
    if (recovery->replay->record == NULL || record->position < recovery->replay->from) {
        return WEIR_OK;
    }
    return recovery->replay->record(recovery->replay->owner, record, failure);
}

static void report_torn(struct recovery *recovery, const struct walk_damage *damage)
{
    struct stream_found *found = recovery->found;
    found->torn_bytes = damage->torn_end - recovery->walk.position;
    if (found->torn_bytes > 0) {
        snprintf(found->report, sizeof found->report,
                 "%s/%s: torn tail: %" PRIu64 " bytes at offset %" PRIu64
                 " cut (%s; nothing behind it was ever acknowledged)",
                 recovery->stream->settings.disk->path, damage->path, found->torn_bytes,
                 damage->offset, damage->why);
    }
}

static int32_t out_of_memory(struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_FATAL, "no memory to read the log");
}

// Deals with a place where no record follows. *at_end: the log ends there.
static int32_t handle_damage(struct recovery *recovery, const struct walk_damage *damage,
                             int *at_end, struct failure *failure)
{
    const struct stream_replay *replay = recovery->replay;
    if (damage->is_corrupt) {
        if (replay->corrupt != NULL) {
            replay->corrupt(replay->owner, damage->path, damage->offset, recovery->walk.position,
                            damage->next, damage->why);
        }
        walk_skip(&recovery->walk, damage->next);
        return WEIR_OK;
    }
    if (damage->error != 0) {
        return failure_set(failure, WEIR_ERROR_FATAL, "%s/%s, offset %" PRIu64 ": %s",
                           recovery->stream->settings.disk->path, damage->path, damage->offset,
                           damage->why);
    }
    *at_end = 1;
    report_torn(recovery, damage);
    return WEIR_OK;
}

// Nothing follows on what was passed by: whoever goes on there must know the last record, so it is
// read after all.
static void go_back(struct recovery *recovery)
{
    recovery->walk.position = recovery->passed_from;
    recovery->walk.must_follow = recovery->must_follow;
    recovery->has_passed_by = 0;
}

static int32_t read_records(struct recovery *recovery, struct failure *failure)
{
    int at_end = 0;
    int32_t result = WEIR_OK;
    while (result == WEIR_OK && !at_end) {
        const struct record_header *record;
        struct walk_damage damage;
        int rc = walk_next(&recovery->walk, &record, &damage);
        if (rc == -ENOMEM) {
            return out_of_memory(failure);
        }
        if (rc == 1) {
            recovery->has_passed_by = 0;
            result = use(recovery, record, failure);
        } else if (recovery->has_passed_by) {
            go_back(recovery);
        } else if (rc == 0) {
            result = handle_damage(recovery, &damage, &at_end, failure);
        } else {
            at_end = 1;
        }
    }
    recovery->found->was_clean = recovery->walk.end_count > 0;
    return result;
}

// Takes what the index of a segment covers without reading it, up to the place to replay from; the
// index may be that of a clean stop, which covers less than the segment.
static void take_index(struct recovery *recovery, struct segment *segment)
{
    struct segments *segments = &recovery->stream->segments;
    struct walk *walk = &recovery->walk;
    const struct record_header *record;
    const char *why;
    uint64_t position = segment_index_of(segments, segment->begin), end;
    if (scan_record(&walk->scan, position, &record, &why) != 1 || record->kind != RECORD_INDEX ||
        !marks_decode(&segment->marks, &recovery->stream->buckets, segment->begin, position,
                      (const uint8_t *)record + record->head_bytes,
                      record->record_bytes - record->head_bytes, &end)) {
        return;
    }
    recovery->covered = end;
    if (end == position && position + segments->index_bytes <= recovery->replay->from) {
        walk_take(walk, record);
    } else if (recovery->replay->from > segment->begin) {
        uint64_t from = recovery->replay->from;
        recovery->has_passed_by = 1;
        recovery->must_follow = walk->must_follow;
        recovery->passed_from = walk->position;
        walk_skip(walk, from < end ? from : end);
    }
}

// What lies before the place to replay from, and is known by an index, need not be read.
static void skip_what_is_known(struct recovery *recovery)
{
    struct segments *segments = &recovery->stream->segments;
    for (uint32_t i = 0; i < segments->count; i++) {
        struct segment *segment = &segments->items[i];
        if (segment->begin != recovery->walk.position || segment->begin >= recovery->replay->from) {
            return;
        }
        take_index(recovery, segment);
    }
}

// Makes what was found durable, as it may have been read from a cache, and takes the torn tail
// away.
static int settle_segment(struct recovery *recovery, uint64_t begin, uint64_t end,
                          uint64_t torn_end)
{
    struct disk *disk = recovery->stream->settings.disk;
    uint64_t segment_bytes = recovery->stream->segments.segment_bytes;
    char path[SEGMENT_PATH_BYTES];
    struct disk_file *file;
    segment_path(begin, path);
    int rc = disk->table->open(disk, path, DISK_WRITE, &file);
    if (rc != 0) {
        return rc;
    }
    static const uint8_t zeros[DISK_BLOCK];
    uint64_t covered = recovery->covered;
    torn_end = torn_end < begin + segment_bytes ? torn_end : begin + segment_bytes;
    for (uint64_t at = end > begin ? end : begin; rc == 0 && at < torn_end;) {
        uint64_t piece = DISK_BLOCK - at % DISK_BLOCK;
        rc = disk->table->write(file, zeros, piece, at - begin);
        at += piece;
    }
    // The index of the segment that holds the end may be of records that are lost.
    if (rc == 0 && covered > end && end >= begin && end < begin + segment_bytes) {
        uint64_t index = segment_index_of(&recovery->stream->segments, begin);
        rc = disk->table->write(file, zeros, sizeof zeros, index - begin);
    }
    int64_t size = disk->table->size(file);
    if (rc == 0 && size >= 0 && (uint64_t)size < segment_bytes) {
        rc = disk->table->allocate(file, segment_bytes);
    }
    rc = rc != 0 ? rc : disk->table->sync(file);
    disk->table->close(file);
    return rc;
}

static int32_t settle(struct recovery *recovery, struct failure *failure)
{
    struct segments *segments = &recovery->stream->segments;
    struct disk *disk = recovery->stream->settings.disk;
    uint64_t torn_end = recovery->walk.position + recovery->found->torn_bytes;
    if (recovery->found->torn_bytes > 0) {
        failpoint_reach(FAILPOINT_TAIL_CUT);
    }
    for (uint32_t i = 0; i < segments->count; i++) {
        uint64_t begin = segments->items[i].begin;
        if (begin + segments->segment_bytes > recovery->walk.durable) {
            int rc = settle_segment(recovery, begin, recovery->walk.position, torn_end);
            if (rc != 0) {
                char path[SEGMENT_PATH_BYTES];
                segment_path(begin, path);
                return failure_set(failure, WEIR_ERROR_FATAL,
                                   "%s/%s: cannot make the end of the log ready for writing: %s",
                                   disk->path, path, strerror(-rc));
            }
        }
    }
    return WEIR_OK;
}

static int is_whole(struct stream *stream, const char *path)
{
    struct disk *disk = stream->settings.disk;
    struct disk_file *file;
    if (disk->table->open(disk, path, 0, &file) != 0) {
        return 0;
    }
    int64_t size = disk->table->size(file);
    disk->table->close(file);
    return size == (int64_t)stream->segments.segment_bytes;
}

// Segments behind the end that nothing was written to: they are ready for use as long as there is
// no gap, others are not needed.
static void drop_segments_behind_gap(struct recovery *recovery)
{
    struct segments *segments = &recovery->stream->segments;
    uint64_t next = segment_begin_of(segments, recovery->walk.position);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < segments->count; i++) {
        struct segment *segment = &segments->items[i];
        char path[SEGMENT_PATH_BYTES];
        segment_path(segment->begin, path);
        if (segment->begin > next ||
            (segment->begin > recovery->walk.position && !is_whole(recovery->stream, path))) {
            marks_finish(&segment->marks);
            if (!recovery->stream->settings.is_read_only) {
                recovery->stream->settings.disk->table->unlink(recovery->stream->settings.disk,
                                                               path);
            }
            continue;
        }
        if (segment->begin == next) {
            next += segments->segment_bytes;
        }
        if (segment->begin > recovery->walk.position) {
            segment->was_used = 1; // it may be
        }
        segments->items[kept++] = *segment;
    }
    segments->count = kept;
}

// The block that the log ends within, to go on in it.
static int32_t load_last_block(struct recovery *recovery, struct failure *failure)
{
    struct stream *stream = recovery->stream;
    uint64_t begin = recovery->walk.position / DISK_BLOCK * DISK_BLOCK;
    if (begin == recovery->walk.position || stream->settings.is_read_only) {
        return WEIR_OK;
    }
    struct chunk *chunk = chunk_create(stream->pool, DISK_BLOCK, begin);
    if (chunk == NULL) {
        return out_of_memory(failure);
    }
    struct segment *segment = segments_at(&stream->segments, begin);
    struct disk *disk = stream->settings.disk;
    char path[SEGMENT_PATH_BYTES];
    struct disk_file *file;
    segment_path(segment->begin, path);
    int64_t rc = disk->table->open(disk, path, 0, &file);
    if (rc == 0) {
        rc = disk->table->read(file, chunk->bytes, DISK_BLOCK, begin - segment->begin);
        disk->table->close(file);
    }
    if (rc != DISK_BLOCK) {
        chunk_unref(chunk);
        return failure_set(failure, WEIR_ERROR_FATAL, "%s/%s: cannot read its last block: %s",
                           disk->path, path, rc < 0 ? strerror((int)-rc) : "the file is too short");
    }
    chunk->first = chunk->end = recovery->walk.position;
    stream->oldest = stream->current = chunk;
    stream->chunk_bytes = chunk->capacity;
    return WEIR_OK;
}

static int32_t tell_of_what_is_missing(struct recovery *recovery, struct failure *failure)
{
    struct segments *segments = &recovery->stream->segments;
    uint64_t begin = recovery->walk.position;
    if (recovery->replay->from < begin && recovery->replay->corrupt != NULL) {
        char path[SEGMENT_PATH_BYTES];
        uint64_t from = recovery->replay->from;
        segment_path(segment_begin_of(segments, from), path);
        recovery->replay->corrupt(recovery->replay->owner, path,
                                  scan_offset(&recovery->walk.scan, from), from, begin,
                                  "the file is missing");
    }
    if (segments->count > 0 && !segment_bytes_are_good(segments->segment_bytes)) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "%s/%s: no segment says how long segments are",
                           recovery->stream->settings.disk->path, SEGMENT_FOLDER);
    }
    return WEIR_OK;
}

int32_t recover_run(struct stream *stream, const struct stream_replay *replay,
                    struct stream_found *found, struct failure *failure)
{
    struct recovery recovery = {.stream = stream, .replay = replay, .found = found};
    struct walk *walk = &recovery.walk;
    *found = (struct stream_found){0};
    walk_init(walk, stream->settings.disk, stream->pool, &stream->segments, replay->from);
    found->begin = walk->position;
    int32_t rc = tell_of_what_is_missing(&recovery, failure);
    if (rc == WEIR_OK) {
        skip_what_is_known(&recovery);
        rc = read_records(&recovery, failure);
    }
    walk_finish(walk);
    if (rc == WEIR_OK) {
        drop_segments_behind_gap(&recovery);
    }
    if (rc == WEIR_OK && !stream->settings.is_read_only) {
        rc = settle(&recovery, failure);
    }
    if (rc == WEIR_OK) {
        rc = load_last_block(&recovery, failure);
    }
    struct segment *last = segments_at(&stream->segments, walk->position);
    if (last != NULL && recovery.covered > walk->position) {
        last->marks.has_lost = 1;
    }
    found->end = walk->position;
    stream->begin = found->begin;
    stream->position = walk->position;
    stream->number = walk->number;
    stream->previous_crc = walk->crc;
    stream->epoch = walk->epoch + 1;
    stream->is_ended = found->was_clean;
    return rc;
}
