#include "paths.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int add(struct paths *paths, const char *path)
{
    char **items = realloc(paths->items, (paths->count + 1) * sizeof *items);
    if (items == NULL) {
        return -ENOMEM;
    }
    paths->items = items;
    items[paths->count] = strdup(path);
    if (items[paths->count] == NULL) {
        return -ENOMEM;
    }
    paths->count++;
    return 0;
}

static int add_pattern(struct paths *paths, const char *pattern, char sentence[FILE_SENTENCE_MAX])
{
    glob_t found;
    int rc = glob(pattern, GLOB_ERR, NULL, &found);
    if (rc == GLOB_NOMATCH) {
        snprintf(
            sentence, FILE_SENTENCE_MAX,
            "no file fits the pattern %s: check the option `path` (a relative path starts at the "
            "folder weir runs in)",
            pattern);
        return -ENOENT;
    }
    if (rc != 0) {
        input_explain(pattern, "look up", rc == GLOB_NOSPACE ? ENOMEM : EACCES, sentence);
        return rc == GLOB_NOSPACE ? -ENOMEM : -EACCES;
    }
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
        rc = add(paths, found.gl_pathv[i]);
    }
    globfree(&found);
    return rc;
}

int paths_find(const struct weir_value *value, struct paths *paths,
               char sentence[FILE_SENTENCE_MAX])
{
    int rc = 0;
    memset(paths, 0, sizeof *paths);
    for (uint32_t i = 0; rc == 0 && i < value->count; i++) {
        const char *path = value->as.items[i].as.string;
        rc = strpbrk(path, "*?[") != NULL ? add_pattern(paths, path, sentence) : add(paths, path);
    }
    if (rc == -ENOMEM) {
        input_explain("the files", "look up", ENOMEM, sentence);
    }
    if (rc != 0) {
        paths_finish(paths);
    }
    return rc;
}

void paths_finish(struct paths *paths)
{
    for (uint32_t i = 0; i < paths->count; i++) {
        free(paths->items[i]);
    }
    free(paths->items);
    memset(paths, 0, sizeof *paths);
}

int paths_check(const char *path, char sentence[FILE_SENTENCE_MAX])
{
    struct stat info;
    if (strcmp(path, "-") == 0) {
        return 0;
    }
    int error = stat(path, &info) != 0    ? errno
                : S_ISDIR(info.st_mode)   ? EISDIR
                : access(path, R_OK) != 0 ? errno
                                          : 0;
    if (error != 0) {
        input_explain(path, "read", error, sentence);
    }
    return -error;
}
