// The files that the option `path` of the source names.
#ifndef FILE_PATHS_H
#define FILE_PATHS_H

#include "input.h"
#include "weir/option.h"

struct paths {
    char **items;
    uint32_t count;
};

// Looks up patterns (`*`, `?`, `[...]`), in name order; other names stand for themselves. 0, or
// negative errno and a sentence: a pattern that no file fits.
int paths_find(const struct weir_value *value, struct paths *paths,
               char sentence[FILE_SENTENCE_MAX]);
void paths_finish(struct paths *paths);

// Sees whether a file can be read, without reading it. 0, or negative errno and a sentence.
int paths_check(const char *path, char sentence[FILE_SENTENCE_MAX]);

#endif
