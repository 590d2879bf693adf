#include <string.h>

#include "base/checksum.h"
#include "engine/snapshot.h"

uint64_t section_bytes(const struct writers *writers)
{
    return record_padded(sizeof(struct snapshot_section) + writers->count * sizeof *writers->list +
                         writers->source_count * sizeof *writers->sources);
}

void section_write(const struct snapshot_section *fields, const struct writers *writers,
                   uint8_t *record)
{
    uint64_t bytes = section_bytes(writers), writer_bytes = writers->count * sizeof *writers->list;
    struct snapshot_section section = *fields;
    uint8_t *body = record + sizeof section;
    memset(record, 0, bytes);
    if (writers->count > 0) {
        memcpy(body, writers->list, writer_bytes);
    }
    if (writers->source_count > 0) {
        memcpy(body + writer_bytes, writers->sources,
               writers->source_count * sizeof *writers->sources);
    }
    section.writer_count = writers->count;
    section.source_count = writers->source_count;
    section.header = (struct record_header){
        .magic = RECORD_MAGIC,
        .version = RECORD_VERSION,
        .kind = RECORD_SECTION,
        .head_bytes = sizeof section,
        .record_bytes = (uint32_t)bytes,
        .body_crc = checksum_crc32c(0, body, bytes - sizeof section),
    };
    memcpy(record, &section, sizeof section);
}

static int32_t check(const struct snapshot_section *section, struct failure *failure)
{
    const struct record_header *header = &section->header;
    uint64_t room = header->record_bytes - sizeof *section;
    if (header->head_bytes != sizeof *section || header->record_bytes < sizeof *section ||
        section->writer_count > room / sizeof(struct writer) ||
        section->source_count >
            (room - section->writer_count * sizeof(struct writer)) / sizeof(struct writer_source)) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "its section of the snapshot has %llu writers and %llu sources in %u "
                           "bytes",
                           (unsigned long long)section->writer_count,
                           (unsigned long long)section->source_count, header->record_bytes);
    }
    return WEIR_OK;
}

static int32_t read_writer(const uint8_t *bytes, struct writers *writers, struct failure *failure)
{
    struct writer writer;
    memcpy(&writer, bytes, sizeof writer);
    if (writer.batch_count == 0 || writer.batch_count > BUCKET_WRITERS_REMEMBERED) {
        return failure_set(failure, WEIR_ERROR_DATA, "writer %lld has %llu batches",
                           (long long)writer.id, (unsigned long long)writer.batch_count);
    }
    int32_t code = writers_reserve(writers, writer.last_us, failure);
    for (uint64_t b = 0; b < writer.batch_count && code == WEIR_OK; b++) {
        writers_note(writers, writer.id, writer.last_us, &writer.batches[b]);
    }
    return code;
}

int32_t section_read(const struct snapshot_section *section, struct writers *writers,
                     struct failure *failure)
{
    const uint8_t *body = (const uint8_t *)section + sizeof *section;
    int32_t code = check(section, failure);
    if (code != WEIR_OK) {
        return code;
    }
    for (uint64_t i = 0; i < section->writer_count && code == WEIR_OK; i++) {
        code = read_writer(body + i * sizeof(struct writer), writers, failure);
    }
    body += section->writer_count * sizeof(struct writer);
    for (uint64_t i = 0; i < section->source_count && code == WEIR_OK; i++) {
        struct writer_source source;
        memcpy(&source, body + i * sizeof source, sizeof source);
        code = writers_reserve(writers, section->newest_us, failure);
        if (code == WEIR_OK) {
            writers_note_source(writers, source.source, source.end);
        }
    }
    return code;
}
