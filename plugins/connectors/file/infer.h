// The columns of a file, told from its first rows (README.md has the rules).
#ifndef FILE_INFER_H
#define FILE_INFER_H

#include "options.h"

struct infer {
    struct weir_field *fields; // with names of their own
    uint32_t field_count;
};

// Reads up to row_count rows (and 1 MiB) of the file. 0; negative errno if it cannot be read;
// -EINVAL if its columns cannot be told. With a sentence.
int infer_file(const struct file_options *options, const char *path, uint32_t row_count,
               struct infer *infer, char sentence[FILE_SENTENCE_MAX]);
void infer_finish(struct infer *infer);

// Bytes at the start of a text that only mark it as UTF-8: 3 or 0.
size_t infer_mark_size(const char *bytes, size_t size);

#endif
