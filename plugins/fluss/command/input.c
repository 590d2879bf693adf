#include "command/input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t take_text(const char *text, size_t length,
                         int32_t (*take)(void *owner, const json_t *object,
                                         struct failure *failure),
                         void *owner, struct failure *failure)
{
    json_error_t error;
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (object == NULL) {
        return failure_set(failure, WEIR_ERROR_DATA, "no JSON: %.120s (at byte %d)", error.text,
                           error.position);
    }
    int32_t rc = take(owner, object, failure);
    json_decref(object);
    return rc;
}

static int32_t take_lines(FILE *file, const char *name,
                          int32_t (*take)(void *owner, const json_t *object,
                                          struct failure *failure),
                          void *owner, struct failure *failure)
{
    char *text = NULL;
    size_t capacity = 0;
    uint64_t number = 0;
    int32_t rc = WEIR_OK;
    ssize_t length;
    while (rc == WEIR_OK && (length = getline(&text, &capacity, file)) >= 0) {
        number++;
        if (strspn(text, " \t\r\n") == (size_t)length) {
            continue;
        }
        rc = take_text(text, (size_t)length, take, owner, failure);
        if (rc != WEIR_OK) {
            failure_wrap(failure, "%s:%" PRIu64, name, number);
        }
    }
    if (rc == WEIR_OK && ferror(file)) {
        rc = failure_set(failure, WEIR_ERROR_DATA, "%s: cannot read: %s", name, strerror(errno));
    }
    free(text);
    return rc;
}

int32_t input_objects(const struct command_line *line,
                      int32_t (*take)(void *owner, const json_t *object, struct failure *failure),
                      void *owner, struct failure *failure)
{
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < line->rows.count; i++) {
        rc = take_text(line->rows.items[i], strlen(line->rows.items[i]), take, owner, failure);
        if (rc != WEIR_OK) {
            failure_wrap(failure, "row %u", i + 1);
        }
    }
    if (rc != WEIR_OK || (line->rows.count > 0 && line->file == NULL)) {
        return rc;
    }
    if (line->file == NULL || strcmp(line->file, "-") == 0) {
        return take_lines(stdin, "stdin", take, owner, failure);
    }
    FILE *file = fopen(line->file, "re");
    if (file == NULL) {
        return failure_set(failure, WEIR_ERROR_DATA, "cannot open %s: %s", line->file,
                           strerror(errno));
    }
    rc = take_lines(file, line->file, take, owner, failure);
    fclose(file);
    return rc;
}
