#include "engine/writers.h"

#include <string.h>

void writers_finish(struct writers *writers)
{
    const struct store_memory *memory = writers->memory;
    if (writers->list != NULL) {
        memory->release(memory, writers->list, writers->capacity * sizeof *writers->list);
    }
    if (writers->sources != NULL) {
        memory->release(memory, writers->sources,
                        writers->source_capacity * sizeof *writers->sources);
    }
    *writers = (struct writers){.memory = memory};
}

// Where a writer is in the list, or would be.
static uint32_t find_writer(const struct writers *writers, int64_t id)
{
    uint32_t low = 0, high = writers->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (writers->list[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint32_t find_source(const struct writers *writers, uint64_t source)
{
    uint32_t low = 0, high = writers->source_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (writers->sources[middle].source < source) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static const struct writer *writer_of(const struct writers *writers, int64_t id)
{
    uint32_t at = find_writer(writers, id);
    return at < writers->count && writers->list[at].id == id ? &writers->list[at] : NULL;
}

int32_t writers_check(const struct writers *writers, int64_t writer, int32_t sequence,
                      struct bucket_ack *ack, struct failure *failure)
{
    const struct writer *known = writer_of(writers, writer);
    int64_t expected = 0;
    if (known != NULL) {
        for (uint64_t i = 0; i < known->batch_count; i++) {
            const struct writer_batch *batch = &known->batches[i];
            if (batch->sequence == sequence) {
                *ack =
                    (struct bucket_ack){batch->base_offset, batch->end_offset, batch->position, 1};
                return 1;
            }
        }
        int32_t last = known->batches[known->batch_count - 1].sequence;
        expected = last == INT32_MAX ? 0 : (int64_t)last + 1;
    }
    if (sequence == expected) {
        return 0;
    }
    return failure_set(failure, WEIR_ERROR_DATA,
                       "writer %lld sent batch %d, expected is %lld: batches of a writer come in "
                       "order, and only the last %u can be sent again; start with a new writer",
                       (long long)writer, sequence, (long long)expected, BUCKET_WRITERS_REMEMBERED);
}

// A larger list with the same contents. NULL: no memory, the old one stays.
static void *grow(const struct writers *writers, void *list, uint32_t *capacity,
                  uint64_t item_bytes)
{
    uint32_t more = *capacity == 0 ? 8 : *capacity * 2;
    void *larger = writers->memory->allocate(writers->memory, more * item_bytes);
    if (larger == NULL) {
        return NULL;
    }
    if (list != NULL) {
        memcpy(larger, list, *capacity * item_bytes);
        writers->memory->release(writers->memory, list, *capacity * item_bytes);
    }
    *capacity = more;
    return larger;
}

static void forget_silent(struct writers *writers, int64_t now_us)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < writers->count; i++) {
        if (now_us - writers->list[i].last_us < WRITERS_EXPIRE_US) {
            writers->list[kept++] = writers->list[i];
        }
    }
    writers->count = kept;
}

int32_t writers_reserve(struct writers *writers, int64_t now_us, struct failure *failure)
{
    if (writers->count == writers->capacity) {
        forget_silent(writers, now_us);
    }
    if (writers->count == writers->capacity) {
        void *list = grow(writers, writers->list, &writers->capacity, sizeof *writers->list);
        if (list == NULL) {
            return failure_set(failure, WEIR_ERROR_RETRY, "no memory for another writer");
        }
        writers->list = list;
    }
    if (writers->source_count == writers->source_capacity) {
        void *list =
            grow(writers, writers->sources, &writers->source_capacity, sizeof *writers->sources);
        if (list == NULL) {
            return failure_set(failure, WEIR_ERROR_RETRY, "no memory for another source");
        }
        writers->sources = list;
    }
    return WEIR_OK;
}

void writers_note(struct writers *writers, int64_t id, int64_t now_us,
                  const struct writer_batch *batch)
{
    uint32_t at = find_writer(writers, id);
    struct writer *writer = &writers->list[at];
    if (at == writers->count || writer->id != id) {
        memmove(writer + 1, writer, (writers->count - at) * sizeof *writer);
        memset(writer, 0, sizeof *writer);
        writer->id = id;
        writers->count++;
    }
    if (writer->batch_count == BUCKET_WRITERS_REMEMBERED) {
        memmove(writer->batches, writer->batches + 1,
                (BUCKET_WRITERS_REMEMBERED - 1) * sizeof *batch);
        writer->batch_count--;
    }
    writer->batches[writer->batch_count++] = *batch;
    writer->last_us = now_us;
}

void writers_note_source(struct writers *writers, uint64_t source, uint64_t end)
{
    uint32_t at = find_source(writers, source);
    struct writer_source *entry = &writers->sources[at];
    if (at == writers->source_count || entry->source != source) {
        memmove(entry + 1, entry, (writers->source_count - at) * sizeof *entry);
        entry->source = source;
        writers->source_count++;
    }
    entry->end = end;
}

uint64_t writers_source(const struct writers *writers, uint64_t source)
{
    uint32_t at = find_source(writers, source);
    return at < writers->source_count && writers->sources[at].source == source
               ? writers->sources[at].end
               : 0;
}
