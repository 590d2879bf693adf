// A file being written: under a temporary name until it is complete, then made safe and renamed.
// `-`, devices and pipes are written directly.
#ifndef FILE_OUTPUT_H
#define FILE_OUTPUT_H

#include "input.h"

#define OUTPUT_SUFFIX ".partial" // of the temporary name

struct output;

// Begins the file. may_replace: a file of that name is replaced at the end, otherwise -EEXIST. 0,
// or negative errno and a sentence.
int output_open(const char *path, uint32_t compression, int may_replace, struct output **out,
                char sentence[FILE_SENTENCE_MAX]);

// Appends bytes; those of a direct output are written at once. 0, or negative errno and a sentence.
int output_write(struct output *output, const void *bytes, size_t size,
                 char sentence[FILE_SENTENCE_MAX]);

// Completes the file and gives it its name: writes what is held back, fsync, rename, fsync of the
// folder. The output is gone, whatever comes back; after an error the temporary file stays.
int output_publish(struct output *output, char sentence[FILE_SENTENCE_MAX]);

// Gives up: the temporary file stays as it is. NULL is fine.
void output_abandon(struct output *output);

int output_is_direct(const struct output *output);
uint64_t output_size(const struct output *output); // bytes appended, uncompressed

#endif
