// A bucket in a snapshot: one RECORD_SECTION, then its rows in RECORD_ROWS records, which are
// batches (struct record_batch) of all columns, with one int64 column more, the time of the write,
// in tables whose rows expire by it. docs/formats/snapshot.md has it byte by byte.
#ifndef FLUSS_ENGINE_SNAPSHOT_H
#define FLUSS_ENGINE_SNAPSHOT_H

#include "engine/writers.h"
#include "log/record.h"

#define SNAPSHOT_ROWS 16384u              // of one record, at most
#define SNAPSHOT_TEXT_BYTES (16ull << 20) // and so much text, but for one row

// Head of a section. Frozen. The body: writer_count of struct writer, then source_count of struct
// writer_source.
struct snapshot_section {
    struct record_header header;
    uint32_t table_id;
    uint32_t partition_id;
    uint32_t bucket;
    uint32_t schema_id;
    uint64_t end_offset; // the log goes on here
    uint64_t position;   // valid only if the log is durable up to here
    uint64_t row_count;
    int64_t newest_us;       // timestamp of the last record
    uint64_t auto_increment; // as in struct record_batch
    uint64_t writer_count;
    uint64_t source_count;
    uint64_t zero[7];
};
_Static_assert(sizeof(struct snapshot_section) == 192, "format");
_Static_assert(sizeof(struct writer) == 184, "format");
_Static_assert(sizeof(struct writer_source) == 16, "format");

// Bytes of a section record with these writers.
uint64_t section_bytes(const struct writers *writers);
// Makes the record in `record`: the fields of the bucket are given, the rest is filled in.
void section_write(const struct snapshot_section *fields, const struct writers *writers,
                   uint8_t *record);
// Adds the writers and sources of a section. DATA: it is damaged. RETRY: no memory.
int32_t section_read(const struct snapshot_section *section, struct writers *writers,
                     struct failure *failure);

#endif
