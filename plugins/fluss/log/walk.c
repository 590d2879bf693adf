#include "log/walk.h"

#include <errno.h>
#include <stdio.h>

void walk_init(struct walk *walk, struct disk *disk, struct chunk_pool *pool,
               struct segments *segments, uint64_t otherwise)
{
    *walk = (struct walk){.segments = segments};
    scan_init(&walk->scan, disk, pool, segments->segment_bytes);
    walk->position = walk->end = segment_begin_of(segments, otherwise);
    if (segments->count > 0) {
        walk->position = segments->items[0].begin;
        walk->end = segments->items[segments->count - 1].begin + segments->segment_bytes;
    }
}

void walk_finish(struct walk *walk)
{
    scan_finish(&walk->scan);
}

// Whether a whole record belongs behind what was read so far, at once or later.
static int is_later(const struct walk *walk, const struct record_header *record)
{
    return record->durable <= record->position && record->epoch >= walk->epoch &&
           record->epoch <= INT32_MAX && record->number > walk->number &&
           record->number <= INT64_MAX;
}

static int follows(const struct walk *walk, const struct record_header *record, const char **why)
{
    if (!is_later(walk, record)) {
        *why = "a record of an earlier time, cut off before";
        return 0;
    }
    if (walk->must_follow &&
        (record->previous_crc != walk->crc || record->number != walk->number + 1)) {
        *why = "a record that does not follow on the one before it";
        return 0;
    }
    return 1;
}

void walk_take(struct walk *walk, const struct record_header *record)
{
    walk->durable = record->durable;
    walk->number = record->number;
    walk->crc = record->header_crc;
    walk->epoch = record->epoch;
    walk->end_count = record->kind == RECORD_END ? walk->end_count + 1 : 0;
    walk->must_follow = 1;
    walk->position = record->position + record->record_bytes;
    struct segment *segment = segments_at(walk->segments, record->position);
    if (segment != NULL && record->kind == RECORD_SEGMENT) {
        segment->was_used =
            (((const struct record_segment *)record)->flags & RECORD_SEGMENT_USED) != 0;
    }
}

void walk_skip(struct walk *walk, uint64_t position)
{
    walk->position = position;
    walk->must_follow = 0;
}

static int is_decided(const struct walk_damage *damage)
{
    return damage->is_corrupt && damage->next != 0;
}

// Looks through a part of a segment for whole records behind the damage; returns the end of what is
// not zero there.
static uint64_t judge_part(struct walk *walk, uint64_t from, uint64_t to,
                           struct walk_damage *damage)
{
    uint64_t at = from, end = from;
    const char *why;
    while (!is_decided(damage) && scan_search(&walk->scan, &at, to, &end)) {
        const struct record_header *record;
        if (scan_record(&walk->scan, at, &record, &why) == 1 && is_later(walk, record)) {
            if (at > walk->position && damage->next == 0) {
                damage->next = at;
            }
            damage->is_corrupt |= record->durable > walk->position;
            damage->torn_end = at + record->record_bytes;
        }
        at += RECORD_ALIGN;
    }
    return end;
}

static void judge_segment(struct walk *walk, uint64_t from, uint64_t to, struct walk_damage *damage)
{
    const struct segment *segment = segments_at(walk->segments, from);
    uint64_t index = segment_index_of(walk->segments, from);
    if (from < index) {
        uint64_t end = judge_part(walk, from, to < index ? to : index, damage);
        if (!segment->was_used && end > damage->torn_end) {
            damage->torn_end = end;
        }
    }
    if (to > index) {
        judge_part(walk, from > index ? from : index, to, damage); // the index of a stop is no tail
    }
}

// Whether anything of this life may be in a segment behind the damage: its first or last record is.
static int is_begun(struct walk *walk, uint64_t begin)
{
    const struct record_header *record;
    const char *why;
    return scan_record(&walk->scan, begin, &record, &why) == 1 ||
           scan_record(&walk->scan, segment_index_of(walk->segments, begin), &record, &why) == 1;
}

static void judge(struct walk *walk, struct walk_damage *damage)
{
    struct segments *segments = walk->segments;
    uint64_t stop = walk->end;
    if (walk->end_count == END_COUNT && !walk->is_thorough &&
        stop - walk->position > WALK_BYTES_BEHIND_STOP) {
        stop = walk->position + WALK_BYTES_BEHIND_STOP;
    }
    for (uint32_t i = 0; i < segments->count && !is_decided(damage); i++) {
        uint64_t begin = segments->items[i].begin, end = begin + segments->segment_bytes;
        end = end < stop ? end : stop;
        if (end <= walk->position || begin >= stop) {
            continue;
        }
        if (begin <= walk->position) {
            judge_segment(walk, walk->position, end, damage);
        } else if (is_begun(walk, begin)) {
            judge_segment(walk, begin, end, damage);
        }
    }
}

int walk_next(struct walk *walk, const struct record_header **record, struct walk_damage *damage)
{
    const char *why;
    if (walk->position >= walk->end) {
        return -ENODATA;
    }
    int rc = scan_record(&walk->scan, walk->position, record, &why);
    if (rc == 1 && follows(walk, *record, &why)) {
        walk_take(walk, *record);
        return 1;
    }
    if (rc == -ENOMEM) {
        return rc;
    }
    *damage = (struct walk_damage){.error = rc < 0 ? rc : 0,
                                   .offset = scan_offset(&walk->scan, walk->position),
                                   .torn_end = walk->position};
    snprintf(damage->why, sizeof damage->why, "%s", why);
    segment_path(segment_begin_of(walk->segments, walk->position), damage->path);
    judge(walk, damage);
    return 0;
}
