// Records: what log segments and snapshots are made of. A record is a header of 64 bytes, the head
// of its kind, and a body; a multiple of 64 bytes long, at a multiple of 64 bytes. All numbers are
// little endian. docs/formats/log.md has it byte by byte.
//
// A stream is an endless run of bytes; segment n holds bytes n * S to (n + 1) * S - 1 of it, S
// being the segment size of the directory. A record says where in its stream it belongs, so a block
// that was written elsewhere, or was left over from the segment's life before, is never taken for
// it.
#ifndef FLUSS_LOG_RECORD_H
#define FLUSS_LOG_RECORD_H

#include <stdint.h>

#define RECORD_MAGIC 0x52494557u // "WEIR"
#define RECORD_VERSION 1u
#define RECORD_ALIGN 64u

enum record_kind {
    RECORD_BATCH = 1,      // one put (or append) to one bucket: struct record_batch, columnar body
    RECORD_PAD = 2,        // fills up a block; body of zeros
    RECORD_END = 3,        // clean stop: nothing was written behind it
    RECORD_INDEX = 4,      // last of a full segment: what it holds, by bucket (log/marks.h)
    RECORD_SECTION = 5,    // snapshots: head of one bucket's part (engine/snapshot.h)
    RECORD_ROWS = 6,       // snapshots: rows of the index, columnar; struct record_batch
    RECORD_FINISH = 7,     // snapshots and catalogs: last record
    RECORD_SEGMENT = 8,    // first of a segment: struct record_segment
    RECORD_DIRECTORY = 16, // catalogs: first record (store/catalog.h)
    RECORD_TABLE = 17,     // catalogs: one table
    RECORD_SNAPSHOT = 18,  // snapshots: first record (store/snapshot.h)
    RECORD_FENCED = 19,    // snapshots: a bucket that was found corrupt
};

// Every record begins with it. Frozen.
struct record_header {
    uint32_t magic;
    uint8_t version;
    uint8_t kind;          // enum record_kind
    uint16_t head_bytes;   // of this header and the head of the kind
    uint32_t record_bytes; // all of it, head and body and padding
    uint32_t body_crc;     // CRC32C of the body and its padding
    uint64_t position;     // in its stream
    uint64_t durable; // stream position below which everything was durable when this was written
    uint64_t number;  // of the record in its stream, from 1
    uint32_t epoch;   // how often the directory had been opened
    uint32_t previous_crc; // header_crc of the record before it in the stream; 0 for the first
    uint8_t zero[12];
    uint32_t
        header_crc; // CRC32C of the head with this field as 0; covers the body through body_crc
};
_Static_assert(sizeof(struct record_header) == 64, "format");

#define RECORD_SEGMENT_USED \
    1u // the file was a segment before: what lies behind may be of that time

// Head of a segment. Frozen.
struct record_segment {
    struct record_header header;
    uint64_t segment_bytes; // of every segment of the directory
    uint64_t index_bytes;   // that the last record, a RECORD_INDEX, takes
    int64_t created_us;
    uint32_t flags; // RECORD_SEGMENT_*
    uint8_t zero[36];
};
_Static_assert(sizeof(struct record_segment) == 128, "format");

#define RECORD_WRITER_NONE (-1)
#define RECORD_SOURCE_NONE 0u

// Head of a batch of rows. Frozen.
struct record_batch {
    struct record_header header;
    uint32_t table_id;
    uint32_t partition_id; // 0: the table has no partitions
    uint32_t bucket;
    uint32_t schema_id;
    uint64_t base_offset;
    uint64_t end_offset;  // base_offset + rows, or + 1 for a batch that changed nothing
    int64_t timestamp_us; // wall clock of the append
    int64_t entered_us;   // when its oldest row entered the job
    int64_t writer;       // or RECORD_WRITER_NONE
    int32_t sequence;     // of the writer's batches for this bucket
    uint32_t row_count;
    uint64_t source;       // hash of the name of the source partition, or RECORD_SOURCE_NONE
    uint64_t source_first; // rows of that source which this batch covers: first ...
    uint64_t source_end;   // ... to end - 1
    uint32_t flags;        // RECORD_HAS_*
    uint32_t column_count; // entries of struct record_column at the start of the body
    int64_t time_min_us;   // event times, or WEIR_TIME_NONE
    int64_t time_max_us;
    uint64_t auto_increment; // next id of the bucket, after this batch; 0: none
    uint64_t zero;
};
_Static_assert(sizeof(struct record_batch) == 192, "format");

#define RECORD_HAS_KINDS 1u      // kinds, one byte a row, right after the columns; else all +I
#define RECORD_HAS_STATISTICS 2u // struct record_statistics for every column, after the kinds

#define RECORD_COLUMN_ABSENT 1u // no values kept: all null
#define RECORD_COLUMN_LZ4 2u    // the buffers of this column, together, are compressed
#define RECORD_COLUMN_ZSTD 4u

// Where a column lies. Its buffers follow each other, each padded to 8: validity (if null_count is
// not 0), offsets (text), values. Frozen.
struct record_column {
    uint32_t offset;    // from the start of the body, a multiple of 8
    uint32_t bytes;     // that it takes there
    uint32_t raw_bytes; // after decompression; = bytes if it is plain
    uint16_t flags;     // RECORD_COLUMN_*
    uint8_t type;       // WEIR_TYPE_*
    uint8_t has_nulls;  // 1: validity comes first
};
_Static_assert(sizeof(struct record_column) == 16, "format");

// Smallest and largest value of a fixed-width column of up to 8 bytes, as int64 or as the bits of a
// double; min > max where there is no value, and no claim (INT64_MIN, INT64_MAX) for other types.
struct record_statistics {
    int64_t min;
    int64_t max;
};

static inline uint64_t record_padded(uint64_t byte_count)
{
    return (byte_count + RECORD_ALIGN - 1) & ~(uint64_t)(RECORD_ALIGN - 1);
}

// What an appender does last: fills in magic, version and body_crc. kind, head_bytes, record_bytes
// and all of head and body must be there.
void record_close(struct record_header *record);
// Fills in header_crc. All else must be there.
void record_seal(struct record_header *record);
// 1 if `bytes` (of which `available` are there) begin with a record that belongs to this stream
// position and whose head is good; its record_bytes may be more than is available. 0 if not; then
// *why (never NULL) says in words what is wrong.
int record_check_head(const void *bytes, uint64_t available, uint64_t position, const char **why);
// The same for a record that is there whole; its body too if with_body.
int record_check(const void *bytes, uint64_t available, uint64_t position, int with_body,
                 const char **why);

#endif
