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

// The descriptors of the options that source and sink share, in the middle of a list.
#define FILE_DIALECT_OPTIONS                                                                     \
    {.name = "header",                                                                           \
     .summary = "CSV: whether the first line names the columns",                                 \
     .type = WEIR_OPTION_BOOL,                                                                   \
     .initial = "true",                                                                          \
     .since = "0.1"},                                                                            \
        {.name = "delimiter",                                                                    \
         .summary = "CSV: what separates fields; a comma, or a tab for .tsv, if not said",       \
         .type = WEIR_OPTION_STRING,                                                             \
         .since = "0.1"},                                                                        \
        {.name = "quote",                                                                        \
         .summary = "CSV: what fields are quoted with; \"\" for no quotes",                      \
         .type = WEIR_OPTION_STRING,                                                             \
         .initial = "'\"'",                                                                      \
         .since = "0.1"},                                                                        \
        {.name = "null",                                                                         \
         .summary = "CSV: the unquoted text that stands for null",                               \
         .type = WEIR_OPTION_STRING,                                                             \
         .initial = "\"\"",                                                                      \
         .since = "0.1"},                                                                        \
    {                                                                                            \
        .name = "kind", .summary = "Field that holds the change kind of a row (+I, -U, +U, -D)", \
        .type = WEIR_OPTION_STRING, .since = "0.1"                                               \
    }

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
