// JSON objects that a command line gives: as words, from a file, or from stdin.
#ifndef FLUSS_COMMAND_INPUT_H
#define FLUSS_COMMAND_INPUT_H

#include <jansson.h>

#include "command/command.h"

// Calls take() for every object: those of the words if there are any, else the lines of --file, or
// of stdin. DATA: a line that is no JSON, or the first that take() refuses, with its number.
int32_t input_objects(const struct command_line *line,
                      int32_t (*take)(void *owner, const json_t *object, struct failure *failure),
                      void *owner, struct failure *failure);

#endif
