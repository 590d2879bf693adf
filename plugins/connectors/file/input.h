// The bytes of a file, plain or compressed (gzip, zstd; told by their first bytes).
#ifndef FILE_INPUT_H
#define FILE_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FILE_SENTENCE_MAX 768u // room for the sentence that goes with a failure

#define COMPRESSION_NONE 0u
#define COMPRESSION_GZIP 1u
#define COMPRESSION_ZSTD 2u
#define COMPRESSION_AUTO 3u

struct input;

// Opens a file; `-` is standard input. 0, or negative errno and a sentence that names the path and
// what to do.
int input_open(const char *path, uint32_t compression, struct input **out,
               char sentence[FILE_SENTENCE_MAX]);
void input_close(struct input *input); // NULL is fine

uint32_t input_compression(const struct input *input);
// The file behind the descriptor, even after it was renamed.
void input_identity(const struct input *input, uint64_t *device, uint64_t *number);

// Reads up to size bytes, uncompressed. How many; 0 at the end (a plain file may grow: ask again);
// or -1 and a sentence.
int64_t input_read(struct input *input, void *bytes, size_t size, char sentence[FILE_SENTENCE_MAX]);

// At the end: 0, or -1 and a sentence if the file is shorter than it was when it was opened.
int input_check_end(const struct input *input, char sentence[FILE_SENTENCE_MAX]);

// Goes to an offset (of uncompressed bytes) of a file just opened. 0, or -1 and a sentence if the
// file is shorter.
int input_skip(struct input *input, uint64_t offset, char sentence[FILE_SENTENCE_MAX]);

// The sentence for errno `error` of an attempt to `verb` ("read", "write") a path.
void input_explain(const char *path, const char *verb, int error, char sentence[FILE_SENTENCE_MAX]);

#endif
