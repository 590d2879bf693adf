#include "log/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARE_PREFIX "spare-"

void segment_path(uint64_t begin, char path[SEGMENT_PATH_BYTES])
{
    snprintf(path, SEGMENT_PATH_BYTES, SEGMENT_FOLDER "/%016" PRIx64, begin);
}

void segment_spare_path(uint64_t begin, char path[SEGMENT_PATH_BYTES])
{
    snprintf(path, SEGMENT_PATH_BYTES, SEGMENT_FOLDER "/" SPARE_PREFIX "%016" PRIx64, begin);
}

uint64_t segment_index_bytes(uint64_t segment_bytes)
{
    uint64_t bytes = segment_bytes / 256 / DISK_BLOCK * DISK_BLOCK;
    return bytes < DISK_BLOCK ? DISK_BLOCK : bytes;
}

int segment_bytes_are_good(uint64_t segment_bytes)
{
    return segment_bytes >= SEGMENT_BYTES_MIN && segment_bytes <= SEGMENT_BYTES_MAX &&
           segment_bytes % DISK_BLOCK == 0;
}

struct segment *segments_add(struct segments *segments, uint64_t begin)
{
    if (segments->count == segments->capacity) {
        uint32_t capacity = segments->capacity == 0 ? 16 : 2 * segments->capacity;
        struct segment *items = realloc(segments->items, capacity * sizeof *items);
        if (items == NULL) {
            return NULL;
        }
        segments->items = items;
        segments->capacity = capacity;
    }
    struct segment *segment = &segments->items[segments->count++];
    *segment = (struct segment){.begin = begin};
    return segment;
}

struct segment *segments_at(struct segments *segments, uint64_t position)
{
    for (uint32_t i = segments->count; i > 0; i--) {
        struct segment *segment = &segments->items[i - 1];
        if (segment->begin <= position) {
            return position - segment->begin < segments->segment_bytes ? segment : NULL;
        }
    }
    return NULL;
}

void segments_finish(struct disk *disk, struct segments *segments)
{
    for (uint32_t i = 0; i < segments->count; i++) {
        marks_finish(&segments->items[i].marks);
        if (segments->items[i].file != NULL) {
            disk->table->close(segments->items[i].file);
        }
    }
    free(segments->items);
    *segments = (struct segments){0};
}

// The position that a name of 16 hexadecimal digits says; 0 if it is none.
static int parse_name(const char *name, uint64_t *begin)
{
    if (strlen(name) != 16 || strspn(name, "0123456789abcdef") != 16) {
        return 0;
    }
    *begin = strtoull(name, NULL, 16);
    return 1;
}

int segment_parse_name(const char *name, uint64_t *begin)
{
    size_t prefix = strlen(SPARE_PREFIX);
    if (strncmp(name, SPARE_PREFIX, prefix) == 0) {
        return parse_name(name + prefix, begin) ? SEGMENT_NAME_SPARE : 0;
    }
    return parse_name(name, begin) ? SEGMENT_NAME_LIVE : 0;
}

static int note_name(void *owner, const char *name)
{
    struct segments *segments = owner;
    uint64_t begin;
    int kind = segment_parse_name(name, &begin);
    if (kind == SEGMENT_NAME_LIVE) {
        struct segment *segment = segments_add(segments, begin);
        if (segment == NULL) {
            return -ENOMEM;
        }
        segment->was_used = 1; // until its head says otherwise
        return 0;
    }
    if (kind == SEGMENT_NAME_SPARE && segments->spare_count < SEGMENT_SPARES_MAX) {
        segments->spares[segments->spare_count++] = begin;
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

// What a file says of the size of its segments: by its first record, else by its own size; 0 if it
// says nothing.
static uint64_t size_by_file(struct disk *disk, uint64_t begin, int by_record)
{
    char path[SEGMENT_PATH_BYTES];
    struct disk_file *file;
    struct record_segment head;
    const char *why;
    segment_path(begin, path);
    if (disk->table->open(disk, path, 0, &file) != 0) {
        return 0;
    }
    uint64_t bytes = 0;
    int64_t got = disk->table->read(file, &head, sizeof head, 0);
    if (!by_record) {
        int64_t size = disk->table->size(file);
        bytes = size > 0 ? (uint64_t)size : 0;
    } else if (got == sizeof head && head.header.kind == RECORD_SEGMENT &&
               record_check_head(&head, sizeof head, head.header.position, &why)) {
        bytes = head.segment_bytes;
    }
    disk->table->close(file);
    return segment_bytes_are_good(bytes) ? bytes : 0;
}

static uint64_t size_by_files(struct disk *disk, const struct segments *segments)
{
    uint64_t bytes = 0;
    for (int by_record = 1; bytes == 0 && by_record >= 0; by_record--) {
        for (uint32_t i = 0; bytes == 0 && i < segments->count; i++) {
            bytes = size_by_file(disk, segments->items[i].begin, by_record);
        }
    }
    return bytes;
}

int32_t segments_list(struct disk *disk, uint64_t segment_bytes, struct segments *segments,
                      struct failure *failure)
{
    *segments = (struct segments){0};
    int rc = disk->table->list(disk, SEGMENT_FOLDER, note_name, segments);
    if (rc != 0 && rc != -ENOENT) {
        segments_finish(disk, segments);
        return failure_set(failure, WEIR_ERROR_FATAL, "%s/%s: cannot list the segments: %s",
                           disk->path, SEGMENT_FOLDER, strerror(-rc));
    }
    if (segments->count > 0) {
        qsort(segments->items, segments->count, sizeof *segments->items, compare);
    }
    uint64_t found = size_by_files(disk, segments);
    segments->segment_bytes = found != 0 ? found : segment_bytes;
    segments->index_bytes = segment_index_bytes(segments->segment_bytes);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < segments->count; i++) {
        if (segments->items[i].begin % segments->segment_bytes == 0) {
            segments->items[kept++] = segments->items[i];
        }
    }
    segments->count = kept;
    return WEIR_OK;
}
