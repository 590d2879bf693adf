#include "log/record.h"

#include <stddef.h>

#include "base/checksum.h"

static uint32_t head_crc(const struct record_header *record)
{
    static const uint8_t zero[sizeof record->header_crc];
    uint32_t crc = checksum_crc32c(0, record, offsetof(struct record_header, header_crc));
    crc = checksum_crc32c(crc, zero, sizeof zero);
    return checksum_crc32c(crc, record + 1, record->head_bytes - sizeof *record);
}

static uint32_t body_crc(const struct record_header *record)
{
    return checksum_crc32c(0, (const uint8_t *)record + record->head_bytes,
                           record->record_bytes - record->head_bytes);
}

void record_close(struct record_header *record)
{
    record->magic = RECORD_MAGIC;
    record->version = RECORD_VERSION;
    record->body_crc = body_crc(record);
}

void record_seal(struct record_header *record)
{
    record->header_crc = head_crc(record);
}

static uint32_t head_bytes_of(uint8_t kind)
{
    switch (kind) {
    case RECORD_BATCH:
    case RECORD_ROWS:
        return sizeof(struct record_batch);
    case RECORD_SEGMENT:
        return sizeof(struct record_segment);
    default:
        return sizeof(struct record_header);
    }
}

static int refuse(const char **why, const char *text)
{
    *why = text;
    return 0;
}

int record_check_head(const void *bytes, uint64_t available, uint64_t position, const char **why)
{
    const struct record_header *record = bytes;
    if (available < sizeof *record) {
        return refuse(why, "the file ends where a record should begin");
    }
    if (record->magic == 0 && record->record_bytes == 0) {
        return refuse(why, "zeros where a record should begin");
    }
    if (record->magic != RECORD_MAGIC) {
        return refuse(why, "no record begins here (wrong magic number)");
    }
    if (record->version == 0 || record->version > RECORD_VERSION) {
        return refuse(why, "a record of a newer format version than this build's 1");
    }
    if (record->head_bytes < head_bytes_of(record->kind) || record->head_bytes % 8 != 0 ||
        record->record_bytes < record->head_bytes || record->record_bytes % RECORD_ALIGN != 0) {
        return refuse(why, "a record head with impossible sizes");
    }
    if (record->head_bytes > available) {
        return refuse(why, "the file ends within the head of a record");
    }
    if (record->header_crc != head_crc(record)) {
        return refuse(why, "the head of the record does not match its checksum");
    }
    if (record->position != position) {
        return refuse(why, "a record that belongs elsewhere in the log");
    }
    return 1;
}

int record_check(const void *bytes, uint64_t available, uint64_t position, int with_body,
                 const char **why)
{
    const struct record_header *record = bytes;
    if (!record_check_head(bytes, available, position, why)) {
        return 0;
    }
    if (record->record_bytes > available) {
        return refuse(why, "the file ends within a record");
    }
    if (with_body && record->body_crc != body_crc(record)) {
        return refuse(why, "the body of the record does not match its checksum");
    }
    return 1;
}
