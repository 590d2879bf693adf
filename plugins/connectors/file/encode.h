// Rows of batches as bytes of a file: CSV, NDJSON or msgpack.
#ifndef FILE_ENCODE_H
#define FILE_ENCODE_H

#include <msgpack.h>

#include "options.h"

struct encoder_key {
    char *text; // what stands before the value: `,"name":` in NDJSON, the packed name in msgpack
    size_t size;
};

struct encoder {
    const struct file_options *options;
    const struct weir_schema *schema;
    struct encoder_key *keys; // per column, the change kind's first if there is one
    uint32_t key_count;
    size_t row_bytes; // that a row needs without its strings and bytes
    char *bytes;      // what has been encoded
    size_t size;
    size_t capacity;
    int has_failed; // no memory
    msgpack_packer packer;
};

// 0 or -ENOMEM.
int encoder_init(struct encoder *encoder, const struct file_options *options,
                 const struct weir_schema *schema);
void encoder_finish(struct encoder *encoder);

// Appends what a file starts with: the header of CSV. 0 or -ENOMEM.
int encoder_start(struct encoder *encoder);

// Appends one row. 0; -ENOMEM; or -EINVAL if it cannot be written: then *column is the one at fault
// and nothing was appended.
int encoder_row(struct encoder *encoder, const struct weir_batch *batch, uint32_t row,
                uint32_t *column);

#endif
