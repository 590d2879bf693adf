#include "log/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void scan_init(struct scan *scan, struct disk *disk, struct chunk_pool *pool,
               uint64_t segment_bytes)
{
    *scan = (struct scan){
        .disk = disk, .pool = pool, .segment_bytes = segment_bytes, .limit = UINT64_MAX};
}

void scan_forget(struct scan *scan)
{
    chunk_unref(scan->chunk);
    scan->chunk = NULL;
    if (scan->file != NULL) {
        scan->disk->table->close(scan->file);
        scan->file = NULL;
    }
}

void scan_finish(struct scan *scan)
{
    scan_forget(scan);
}

static int open_file(struct scan *scan, uint64_t position)
{
    uint64_t begin = position - scan_offset(scan, position);
    if (scan->file != NULL && scan->file_begin == begin) {
        return 0;
    }
    scan_forget(scan);
    segment_path(begin, scan->path);
    scan->file_begin = begin;
    int rc = scan->disk->table->open(scan->disk, scan->path, DISK_DIRECT, &scan->file);
    if (rc == 0) {
        int64_t size = scan->disk->table->size(scan->file);
        scan->file_bytes = size > 0 ? (uint64_t)size : 0;
    }
    return rc;
}

// A chunk to read into: the one there is, unless somebody holds it or it is too small.
static int prepare_chunk(struct scan *scan, uint64_t byte_count, uint64_t begin)
{
    struct chunk *chunk = scan->chunk;
    if (chunk == NULL || atomic_load(&chunk->refs) > 1 || chunk->capacity < byte_count) {
        chunk_unref(chunk);
        scan->chunk = chunk_create(scan->pool, byte_count, begin);
        return scan->chunk != NULL ? 0 : -ENOMEM;
    }
    chunk->begin = chunk->first = chunk->end = begin;
    return 0;
}

static uint64_t round_up(uint64_t byte_count)
{
    return (byte_count + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
}

// Reads from `begin` as much as the chunk holds; if that cannot be done, as little as is asked for.
static int fill(struct scan *scan, uint64_t begin, uint64_t least)
{
    uint64_t end = scan->file_begin + scan->segment_bytes;
    end = end < scan->limit ? end : scan->limit;
    uint64_t most = end - begin < scan->chunk->capacity ? end - begin : scan->chunk->capacity;
    uint64_t offset = begin - scan->file_begin;
    least = least < most ? least : most;
    int64_t got = scan->disk->table->read(scan->file, scan->chunk->bytes, most, offset);
    if (got < 0 && least < most) {
        got = scan->disk->table->read(scan->file, scan->chunk->bytes, least, offset);
    }
    scan->chunk->end = begin + (got > 0 ? (uint64_t)got : 0);
    return got < 0 ? (int)got : 0;
}

// Makes byte_count bytes from a position available, fewer at the end of the file or of the segment;
// returns how many there are.
static int64_t load(struct scan *scan, uint64_t position, uint64_t byte_count)
{
    struct chunk *chunk = scan->chunk;
    if (chunk == NULL || scan->file == NULL || position < chunk->begin ||
        position + byte_count > chunk->end) {
        if (position >= scan->limit) {
            return 0;
        }
        int rc = open_file(scan, position);
        uint64_t begin = position / DISK_BLOCK * DISK_BLOCK;
        uint64_t least = round_up(position + byte_count - begin);
        if (rc == 0 && position + byte_count - scan->file_begin > scan->file_bytes) {
            least = DISK_BLOCK; // no memory for what is not there
        }
        rc = rc != 0 ? rc : prepare_chunk(scan, least, begin);
        rc = rc != 0 ? rc : fill(scan, begin, least);
        if (rc != 0) {
            return rc;
        }
        chunk = scan->chunk;
    }
    return position < chunk->end ? (int64_t)(chunk->end - position) : 0;
}

static int unreadable(struct scan *scan, int64_t rc, const char **why)
{
    if (rc == -ENOENT) {
        *why = "the file is missing";
        return 0;
    }
    snprintf(scan->reason, sizeof scan->reason, "cannot be read: %s", strerror((int)-rc));
    *why = scan->reason;
    return (int)rc;
}

int scan_record(struct scan *scan, uint64_t position, const struct record_header **record,
                const char **why)
{
    segment_path(position - scan_offset(scan, position), scan->path);
    int64_t there = load(scan, position, sizeof(struct record_batch));
    if (there < 0) {
        return unreadable(scan, there, why);
    }
    if (there < (int64_t)sizeof **record) {
        *why = "the file ends where a record should begin";
        return 0;
    }
    const struct record_header *header = (void *)chunk_at(scan->chunk, position);
    if (!record_check_head(header, (uint64_t)there, position, why)) {
        return 0;
    }
    assert(header != NULL); // bytes that are not there have no head
    uint64_t rest = scan->segment_bytes - scan_offset(scan, position);
    if (header->record_bytes > rest) {
        *why = "a record that is longer than its segment";
        return 0;
    }
    there = load(scan, position, header->record_bytes);
    if (there < 0) {
        return unreadable(scan, there, why);
    }
    header = (void *)chunk_at(scan->chunk, position);
    if (!record_check(header, (uint64_t)there, position, 1, why)) {
        return 0;
    }
    *record = header;
    return 1;
}

static int is_zero(const uint8_t *bytes)
{
    uint64_t words[RECORD_ALIGN / 8], sum = 0;
    memcpy(words, bytes, sizeof words);
    for (uint32_t i = 0; i < RECORD_ALIGN / 8; i++) {
        sum |= words[i];
    }
    return sum == 0;
}

int scan_search(struct scan *scan, uint64_t *position, uint64_t to, uint64_t *end)
{
    uint64_t at = *position;
    while (at < to) {
        int64_t there = load(scan, at, RECORD_ALIGN);
        if (there == -ENOENT || (there >= 0 && there < RECORD_ALIGN)) {
            return 0;
        }
        if (there < 0) {
            at = (at / DISK_BLOCK + 1) * DISK_BLOCK;
            continue;
        }
        uint64_t stop = at + (uint64_t)there / RECORD_ALIGN * RECORD_ALIGN;
        for (stop = stop < to ? stop : to; at < stop; at += RECORD_ALIGN) {
            const uint8_t *bytes = chunk_at(scan->chunk, at);
            const struct record_header *header = (const void *)bytes;
            if (!is_zero(bytes)) {
                *end = at + RECORD_ALIGN;
            }
            if (header->magic == RECORD_MAGIC && header->position == at) {
                *position = at;
                return 1;
            }
        }
    }
    return 0;
}
