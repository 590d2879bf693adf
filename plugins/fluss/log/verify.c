#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log/stream.h"
#include "log/walk.h"

#define CHUNK_BYTES (1u << 20)

struct verification {
    struct disk *disk;
    struct segments segments;
    struct walk walk;
    void (*finding)(void *owner, const char *path, uint64_t offset, const char *why);
    void (*record)(void *owner, const char *path, const struct record_header *record);
    void *owner;
    int64_t count;
};

static void find(struct verification *verification, const char *path, uint64_t offset,
                 const char *why)
{
    verification->count++;
    if (verification->finding != NULL) {
        verification->finding(verification->owner, path, offset, why);
    }
}

static int check_name(void *owner, const char *name)
{
    struct verification *verification = owner;
    char path[512];
    uint64_t begin;
    snprintf(path, sizeof path, SEGMENT_FOLDER "/%s", name);
    if (!segment_parse_name(name, &begin)) {
        find(verification, path, 0, "not a file of the log");
    } else if (begin % verification->segments.segment_bytes != 0) {
        find(verification, path, 0, "its name is not that of a segment of this log");
    }
    return 0;
}

static void check_sizes(struct verification *verification)
{
    const struct segments *segments = &verification->segments;
    struct disk *disk = verification->disk;
    for (uint32_t i = 0; i < segments->count; i++) {
        char path[SEGMENT_PATH_BYTES], why[128];
        struct disk_file *file;
        segment_path(segments->items[i].begin, path);
        if (disk->table->open(disk, path, 0, &file) != 0) {
            continue; // reading it will say so
        }
        int64_t size = disk->table->size(file);
        disk->table->close(file);
        if (size != (int64_t)segments->segment_bytes) {
            snprintf(why, sizeof why, "the file has %" PRId64 " bytes, a segment has %" PRIu64,
                     size, segments->segment_bytes);
            find(verification, path, size > 0 ? (uint64_t)size : 0, why);
        }
    }
}

// A head that says what the directory says, an index that makes sense.
static void check_own(struct verification *verification, const struct record_header *record)
{
    const struct segments *segments = &verification->segments;
    uint64_t begin = segment_begin_of(segments, record->position);
    const struct record_segment *head = (const void *)record;
    const char *why = NULL;
    if ((record->kind == RECORD_SEGMENT) != (record->position == begin)) {
        why = "the segment does not begin with its head";
    } else if (record->kind == RECORD_SEGMENT && (head->segment_bytes != segments->segment_bytes ||
                                                  head->index_bytes != segments->index_bytes)) {
        why = "a segment of another size than the others";
    } else if ((record->kind == RECORD_INDEX) !=
               (record->position == segment_index_of(segments, begin))) {
        why = "the segment does not end with its index";
    } else if (record->kind == RECORD_INDEX) {
        struct marks marks = {0};
        struct mark_buckets buckets = {0};
        struct marks_index index;
        uint64_t end = 0;
        memcpy(&index, (const uint8_t *)record + record->head_bytes, sizeof index);
        if (index.is_complete && !marks_decode(&marks, &buckets, begin, record->position,
                                               (const uint8_t *)record + record->head_bytes,
                                               record->record_bytes - record->head_bytes, &end)) {
            why = "an index that makes no sense";
        }
        marks_finish(&marks);
        mark_buckets_finish(&buckets);
    }
    if (why != NULL) {
        find(verification, verification->walk.scan.path, record->position - begin, why);
    }
}

// Says what is wrong where the log ends, if anything is.
static void check_end(struct verification *verification, const struct walk_damage *damage)
{
    const struct walk *walk = &verification->walk;
    char why[256];
    if (damage->error != 0) {
        find(verification, damage->path, damage->offset, damage->why);
    } else if (damage->torn_end > walk->position) {
        snprintf(why, sizeof why, "%" PRIu64 " bytes behind the end of the log: a torn tail (%s)",
                 damage->torn_end - walk->position, damage->why);
        find(verification, damage->path, damage->offset, why);
    } else if (walk->end_count == 1) {
        find(verification, damage->path, damage->offset,
             "the second end record of a clean stop is missing or damaged");
    }
}

static int check_records(struct verification *verification)
{
    struct walk *walk = &verification->walk;
    for (;;) {
        const struct record_header *record;
        struct walk_damage damage;
        int rc = walk_next(walk, &record, &damage);
        if (rc == -ENODATA || rc == -ENOMEM) {
            return rc == -ENOMEM ? rc : 0;
        }
        if (rc == 1) {
            check_own(verification, record);
            if (verification->record != NULL) {
                verification->record(verification->owner, walk->scan.path, record);
            }
        } else if (damage.is_corrupt) {
            find(verification, damage.path, damage.offset, damage.why);
            walk_skip(walk, damage.next);
        } else {
            check_end(verification, &damage);
            return 0;
        }
    }
}

int64_t
stream_verify(struct disk *disk, const struct store_memory *memory,
              void (*finding)(void *owner, const char *path, uint64_t offset, const char *why),
              void (*record)(void *owner, const char *path, const struct record_header *record),
              void *owner)
{
    struct verification verification = {
        .disk = disk, .finding = finding, .record = record, .owner = owner};
    struct chunk_pool *pool = chunk_pool_create(memory, CHUNK_BYTES);
    if (pool == NULL || segments_list(disk, SEGMENT_BYTES_DEFAULT, &verification.segments, NULL)) {
        chunk_pool_unref(pool);
        return pool == NULL ? -ENOMEM : -EIO;
    }
    disk->table->list(disk, SEGMENT_FOLDER, check_name, &verification);
    check_sizes(&verification);
    walk_init(&verification.walk, disk, pool, &verification.segments, 0);
    verification.walk.is_thorough = 1;
    int rc = check_records(&verification);
    walk_finish(&verification.walk);
    segments_finish(disk, &verification.segments);
    chunk_pool_unref(pool);
    return rc != 0 ? rc : verification.count;
}
