#include "store/records.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (UINT64_C(1) << 20)

static int32_t cannot(struct failure *failure, const struct disk *disk, const char *path,
                      const char *what, int64_t code)
{
    return failure_set(failure, WEIR_ERROR_FATAL, "%s/%s: cannot %s: %s", disk->path, path, what,
                       strerror((int)-code));
}

int32_t records_create(struct disk *disk, const struct store_memory *memory, const char *path,
                       uint32_t epoch, struct records_writer *writer, struct failure *failure)
{
    *writer = (struct records_writer){.disk = disk, .memory = memory, .epoch = epoch};
    snprintf(writer->path, sizeof writer->path, "%s", path);
    writer->block = memory->allocate(memory, BUFFER_BYTES + DISK_BLOCK);
    if (writer->block == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "%s/%s: no memory to write it", disk->path,
                           path);
    }
    uintptr_t at = ((uintptr_t)writer->block + DISK_BLOCK - 1) & ~(uintptr_t)(DISK_BLOCK - 1);
    writer->buffer = (uint8_t *)at;
    disk->table->unlink(disk, path);
    int rc = disk->table->open(disk, path, DISK_CREATE | DISK_WRITE | DISK_DIRECT, &writer->file);
    if (rc != 0) {
        writer->file = NULL;
        records_abandon(writer);
        return cannot(failure, disk, path, "make it", rc);
    }
    return WEIR_OK;
}

static int32_t flush(struct records_writer *writer, uint64_t byte_count, struct failure *failure)
{
    int rc = writer->disk->table->write(writer->file, writer->buffer, byte_count, writer->written);
    if (rc != 0) {
        return cannot(failure, writer->disk, writer->path, "write", rc);
    }
    writer->written += byte_count;
    return WEIR_OK;
}

int32_t records_add(struct records_writer *writer, struct record_header *record,
                    struct failure *failure)
{
    record->position = writer->position;
    record->durable = writer->position;
    record->number = ++writer->number;
    record->epoch = writer->epoch;
    record->previous_crc = writer->previous_crc;
    record_seal(record);
    writer->previous_crc = record->header_crc;
    const uint8_t *from = (const uint8_t *)record;
    for (uint64_t left = record->record_bytes; left > 0;) {
        uint64_t used = writer->position - writer->written;
        uint64_t part = left < BUFFER_BYTES - used ? left : BUFFER_BYTES - used;
        memcpy(writer->buffer + used, from, part);
        writer->position += part;
        from += part;
        left -= part;
        if (used + part == BUFFER_BYTES) {
            int32_t rc = flush(writer, BUFFER_BYTES, failure);
            if (rc != WEIR_OK) {
                return rc;
            }
        }
    }
    return WEIR_OK;
}

int32_t records_sync(struct records_writer *writer, struct failure *failure)
{
    const struct disk_table *disk = writer->disk->table;
    uint64_t left = writer->position - writer->written;
    uint64_t whole = (left + DISK_BLOCK - 1) & ~(uint64_t)(DISK_BLOCK - 1);
    memset(writer->buffer + left, 0, whole - left);
    int32_t failed = whole == 0 ? WEIR_OK : flush(writer, whole, failure);
    if (failed != WEIR_OK) {
        return failed;
    }
    int rc = disk->truncate(writer->file, writer->position);
    if (rc == 0) {
        rc = disk->sync(writer->file);
    }
    return rc == 0 ? WEIR_OK : cannot(failure, writer->disk, writer->path, "make it durable", rc);
}

int32_t records_commit(struct records_writer *writer, const char *path, struct failure *failure)
{
    writer->disk->table->close(writer->file);
    writer->file = NULL;
    int rc = writer->disk->table->rename(writer->disk, writer->path, path);
    if (rc != 0) {
        return cannot(failure, writer->disk, writer->path, "give it its name", rc);
    }
    writer->path[0] = '\0';
    records_abandon(writer);
    return WEIR_OK;
}

void records_abandon(struct records_writer *writer)
{
    if (writer->file != NULL) {
        writer->disk->table->close(writer->file);
    }
    if (writer->path[0] != '\0') {
        writer->disk->table->unlink(writer->disk, writer->path);
    }
    if (writer->block != NULL) {
        writer->memory->release(writer->memory, writer->block, BUFFER_BYTES + DISK_BLOCK);
    }
    *writer = (struct records_writer){0};
}

struct record_header *record_new(uint8_t kind, uint16_t head_bytes, uint64_t body_bytes)
{
    uint64_t byte_count = record_padded(head_bytes + body_bytes);
    struct record_header *record =
        byte_count > UINT32_MAX ? NULL : aligned_alloc(RECORD_ALIGN, byte_count);
    if (record != NULL) {
        memset(record, 0, byte_count);
        record->kind = kind;
        record->head_bytes = head_bytes;
        record->record_bytes = (uint32_t)byte_count;
    }
    return record;
}

int32_t records_open(struct disk *disk, const struct store_memory *memory, const char *path,
                     struct records_reader *reader, struct failure *failure)
{
    *reader = (struct records_reader){.disk = disk, .memory = memory};
    snprintf(reader->path, sizeof reader->path, "%s", path);
    int rc = disk->table->open(disk, path, 0, &reader->file);
    if (rc != 0) {
        reader->file = NULL;
        cannot(failure, disk, path, "open it", rc);
        return rc == -ENOENT ? WEIR_ERROR_RETRY : WEIR_ERROR_FATAL;
    }
    int64_t size = disk->table->size(reader->file);
    if (size < 0) {
        records_close(reader);
        return cannot(failure, disk, path, "read its size", size);
    }
    reader->size = (uint64_t)size;
    return WEIR_OK;
}

// Has `byte_count` bytes from the position of the next record on in the buffer.
static int32_t fill(struct records_reader *reader, uint64_t byte_count, struct failure *failure)
{
    uint64_t start = reader->position - reader->first;
    if (reader->filled - start >= byte_count) {
        return WEIR_OK;
    }
    uint64_t wanted = byte_count > BUFFER_BYTES ? byte_count : BUFFER_BYTES;
    uint64_t kept = reader->filled - start;
    if (wanted > reader->capacity) {
        uint8_t *larger = reader->memory->allocate(reader->memory, wanted);
        if (larger == NULL) {
            return failure_set(failure, WEIR_ERROR_FATAL,
                               "%s/%s: no memory to read %" PRIu64 " bytes", reader->disk->path,
                               reader->path, wanted);
        }
        if (reader->buffer != NULL) {
            memcpy(larger, reader->buffer + start, kept);
            reader->memory->release(reader->memory, reader->buffer, reader->capacity);
        }
        reader->buffer = larger;
        reader->capacity = wanted;
    } else {
        memmove(reader->buffer, reader->buffer + start, kept);
    }
    reader->first = reader->position;
    reader->filled = kept;
    int64_t read = reader->disk->table->read(reader->file, reader->buffer + kept,
                                             reader->capacity - kept, reader->first + kept);
    if (read < 0) {
        return cannot(failure, reader->disk, reader->path, "read", read);
    }
    reader->filled += (uint64_t)read;
    if (reader->filled < byte_count) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "%s/%s: it ends at byte %" PRIu64 ", inside of a record",
                           reader->disk->path, reader->path, reader->first + reader->filled);
    }
    return WEIR_OK;
}

static int32_t corrupt(struct records_reader *reader, const char *why, struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_DATA, "%s/%s: corrupt at byte %" PRIu64 ": %s",
                       reader->disk->path, reader->path, reader->position, why);
}

// Whether a head of another version is whole: then its version is no damage.
static int is_other_version(const struct record_header *record)
{
    uint64_t words[512];
    struct record_header *copy = (struct record_header *)words;
    if (record->version == RECORD_VERSION || record->head_bytes < sizeof *copy ||
        record->head_bytes > sizeof words || record->head_bytes > record->record_bytes) {
        return 0;
    }
    memcpy(words, record, record->head_bytes);
    record_seal(copy);
    return copy->header_crc == record->header_crc;
}

int32_t records_next(struct records_reader *reader, const struct record_header **record,
                     struct failure *failure)
{
    const char *why = "";
    if (reader->position == reader->size) {
        return WEIR_END;
    }
    int32_t rc = fill(reader, sizeof(struct record_header), failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    const struct record_header *head =
        (const void *)(reader->buffer + (reader->position - reader->first));
    uint64_t left = reader->size - reader->position;
    if (head->magic != RECORD_MAGIC || head->record_bytes < sizeof *head ||
        head->record_bytes % RECORD_ALIGN != 0 || head->record_bytes > left) {
        return corrupt(reader, "no record begins here", failure);
    }
    rc = fill(reader, head->record_bytes, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    head = (const void *)(reader->buffer + (reader->position - reader->first));
    if (is_other_version(head)) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "%s/%s is of format version %u, and this weir knows version %u; use the "
                           "weir that wrote it, or a newer one",
                           reader->disk->path, reader->path, head->version, RECORD_VERSION);
    }
    if (!record_check(head, reader->filled - (reader->position - reader->first), reader->position,
                      1, &why)) {
        return corrupt(reader, why, failure);
    }
    if (head->number != reader->number + 1 || head->previous_crc != reader->previous_crc) {
        return corrupt(reader, "the record does not follow on the one before it", failure);
    }
    reader->number = head->number;
    reader->previous_crc = head->header_crc;
    reader->position += head->record_bytes;
    *record = head;
    return WEIR_OK;
}

void records_close(struct records_reader *reader)
{
    if (reader->file != NULL) {
        reader->disk->table->close(reader->file);
    }
    if (reader->buffer != NULL) {
        reader->memory->release(reader->memory, reader->buffer, reader->capacity);
    }
    *reader = (struct records_reader){0};
}
