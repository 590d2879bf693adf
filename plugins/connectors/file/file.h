// The operators of this plugin.
#ifndef FILE_FILE_H
#define FILE_FILE_H

#include "weir/plugin.h"

extern const struct weir_operator file_source;
extern const struct weir_operator file_sink;

#endif
