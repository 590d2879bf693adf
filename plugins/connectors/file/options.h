// What the options of the source and of the sink have in common: the format and its dialect.
#ifndef FILE_OPTIONS_H
#define FILE_OPTIONS_H

#include "csv.h"
#include "input.h"
#include "weir/operator.h"

#define FORMAT_CSV 0u
#define FORMAT_NDJSON 1u
#define FORMAT_MSGPACK 2u
#define FORMAT_UNKNOWN 3u

struct file_options {
    uint32_t format;
    uint32_t compression;
    int has_header;
    struct csv_dialect dialect;
    const char *kind; // name of the field that holds the change kind, or NULL
};

extern const char *const file_formats[];
extern const char *const file_compressions[];

// The format by the ending of a name (a.csv, a.tsv, a.ndjson.gz ...), or FORMAT_UNKNOWN.
uint32_t file_format_of(const char *path);
// The compression by the ending of a name.
uint32_t file_compression_of(const char *path);

// Reads them; path gives the format if it is not said. CONFIG with a sentence.
int32_t file_options_read(struct weir_context *context, const char *path,
                          struct file_options *options);

#endif
