#include "log/marks.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_FIRST 64u

void marks_finish(struct marks *marks)
{
    free(marks->shares);
    free(marks->items);
    *marks = (struct marks){0};
}

void mark_buckets_finish(struct mark_buckets *buckets)
{
    free(buckets->items);
    *buckets = (struct mark_buckets){0};
}

static int grow(void **items, uint32_t *capacity, uint32_t wanted, size_t item_bytes)
{
    if (wanted <= *capacity) {
        return 1;
    }
    uint32_t larger = *capacity == 0 ? ITEMS_FIRST : 2 * *capacity;
    larger = larger < wanted ? wanted : larger;
    void *grown = realloc(*items, larger * item_bytes);
    if (grown == NULL) {
        return 0;
    }
    *items = grown;
    *capacity = larger;
    return 1;
}

static uint32_t place_of(const struct mark_buckets *buckets, uint32_t table_id, uint32_t bucket)
{
    uint64_t hash = (((uint64_t)table_id << 32) | bucket) * 0x9e3779b97f4a7c15u;
    uint32_t place = (uint32_t)(hash >> 32) & (buckets->capacity - 1);
    while (buckets->items[place].table_id != 0 &&
           (buckets->items[place].table_id != table_id || buckets->items[place].bucket != bucket)) {
        place = (place + 1) & (buckets->capacity - 1);
    }
    return place;
}

static int grow_buckets(struct mark_buckets *buckets)
{
    struct mark_buckets larger = {.capacity =
                                      buckets->capacity == 0 ? ITEMS_FIRST : 2 * buckets->capacity};
    larger.items = calloc(larger.capacity, sizeof *larger.items);
    if (larger.items == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < buckets->capacity; i++) {
        const struct mark_bucket *item = &buckets->items[i];
        if (item->table_id != 0) {
            larger.items[place_of(&larger, item->table_id, item->bucket)] = *item;
        }
    }
    larger.count = buckets->count;
    free(buckets->items);
    *buckets = larger;
    return 1;
}

// The bucket's entry, made if need be; NULL: no memory.
static struct mark_bucket *entry_of(struct mark_buckets *buckets, uint32_t table_id,
                                    uint32_t bucket)
{
    if (2 * buckets->count >= buckets->capacity && !grow_buckets(buckets)) {
        return NULL;
    }
    struct mark_bucket *entry = &buckets->items[place_of(buckets, table_id, bucket)];
    if (entry->table_id == 0) {
        *entry = (struct mark_bucket){table_id, bucket, UINT64_MAX, INT64_MIN};
        buckets->count++;
    }
    return entry;
}

static struct stream_share *share_of(struct marks *marks, uint32_t table_id)
{
    for (uint32_t i = 0; i < marks->share_count; i++) {
        if (marks->shares[i].table_id == table_id) {
            return &marks->shares[i];
        }
    }
    if (!grow((void **)&marks->shares, &marks->share_capacity, marks->share_count + 1,
              sizeof *marks->shares)) {
        return NULL;
    }
    struct stream_share *share = &marks->shares[marks->share_count++];
    *share = (struct stream_share){.table_id = table_id, .newest_us = INT64_MIN};
    return share;
}

void marks_add(struct marks *marks, struct mark_buckets *buckets, uint64_t segment_begin,
               uint64_t body_bytes, const struct record_batch *batch)
{
    struct mark_bucket *entry = entry_of(buckets, batch->table_id, batch->bucket);
    struct stream_share *share = share_of(marks, batch->table_id);
    if (entry == NULL || share == NULL ||
        !grow((void **)&marks->items, &marks->capacity, marks->count + 1, sizeof *marks->items)) {
        marks->has_lost = 1;
        return;
    }
    uint64_t position = batch->header.position;
    uint64_t stretch = segment_begin + (position - segment_begin) / MARK_BYTES;
    int is_first = entry->stretch < segment_begin || entry->stretch == UINT64_MAX;
    if (is_first ||
        (entry->stretch != stretch && marks->count < body_bytes / sizeof(struct mark) / 2)) {
        marks->items[marks->count++] = (struct mark){batch->table_id, batch->bucket, position,
                                                     batch->base_offset, entry->newest_us};
        entry->stretch = stretch;
    }
    share->bytes += batch->header.record_bytes;
    if (batch->timestamp_us > share->newest_us) {
        share->newest_us = batch->timestamp_us;
    }
    if (batch->timestamp_us > entry->newest_us) {
        entry->newest_us = batch->timestamp_us;
    }
}

uint64_t marks_bytes(const struct marks *marks)
{
    return sizeof(struct marks_index) + marks->share_count * sizeof *marks->shares +
           marks->count * sizeof *marks->items;
}

void marks_encode(const struct marks *marks, uint64_t segment_begin, uint64_t end, uint8_t *body,
                  uint64_t body_bytes)
{
    struct marks_index index = {.begin = segment_begin, .end = end};
    memset(body, 0, body_bytes);
    if (!marks->has_lost && marks_bytes(marks) <= body_bytes) {
        index.is_complete = 1;
        index.share_count = marks->share_count;
        index.mark_count = marks->count;
        uint8_t *out = body + sizeof index;
        for (uint32_t i = 0; i < marks->share_count; i++, out += sizeof *marks->shares) {
            memcpy(out, &marks->shares[i], sizeof *marks->shares);
        }
        for (uint32_t i = 0; i < marks->count; i++, out += sizeof *marks->items) {
            memcpy(out, &marks->items[i], sizeof *marks->items);
        }
    }
    memcpy(body, &index, sizeof index);
}

// What is known of buckets behind a segment that was not read: nothing newer than their table.
static void note_newest(const struct marks *marks, struct mark_buckets *buckets)
{
    for (uint32_t i = 0; i < marks->count; i++) {
        const struct mark *mark = &marks->items[i];
        struct mark_bucket *entry = entry_of(buckets, mark->table_id, mark->bucket);
        for (uint32_t s = 0; entry != NULL && s < marks->share_count; s++) {
            if (marks->shares[s].table_id == mark->table_id &&
                marks->shares[s].newest_us > entry->newest_us) {
                entry->newest_us = marks->shares[s].newest_us;
            }
        }
    }
}

int marks_decode(struct marks *marks, struct mark_buckets *buckets, uint64_t segment_begin,
                 uint64_t index_position, const uint8_t *body, uint64_t body_bytes, uint64_t *end)
{
    struct marks_index index;
    if (body_bytes < sizeof index) {
        return 0;
    }
    memcpy(&index, body, sizeof index);
    uint64_t share_bytes = index.share_count * sizeof *marks->shares;
    uint64_t mark_bytes = index.mark_count * sizeof *marks->items;
    if (!index.is_complete || index.begin != segment_begin || index.end > index_position ||
        share_bytes + mark_bytes > body_bytes - sizeof index) {
        return 0;
    }
    struct marks read = {.share_count = index.share_count, .count = index.mark_count};
    if (!grow((void **)&read.shares, &read.share_capacity, read.share_count, sizeof *read.shares) ||
        !grow((void **)&read.items, &read.capacity, read.count, sizeof *read.items)) {
        marks_finish(&read);
        return 0;
    }
    if (read.share_count > 0) {
        memcpy(read.shares, body + sizeof index, share_bytes);
    }
    if (read.count > 0) {
        memcpy(read.items, body + sizeof index + share_bytes, mark_bytes);
    }
    for (uint32_t i = 0; i < read.count; i++) {
        if (read.items[i].table_id == 0 || read.items[i].position < segment_begin ||
            read.items[i].position >= index.end) {
            marks_finish(&read);
            return 0;
        }
    }
    note_newest(&read, buckets);
    marks_finish(marks);
    *marks = read;
    *end = index.end;
    return 1;
}
