// Definitions of tables in a line, for tests.
#ifndef TESTS_FLUSS_SUPPORT_DEFINITION_H
#define TESTS_FLUSS_SUPPORT_DEFINITION_H

#include "table/definition.h"

// A definition with all defaults; columns as a pipeline writes them, with ';' between; key: names
// of columns, with ',' between ("" for a log table). Aborts if it cannot be read.
struct table_definition definition_of(const char *name, const char *columns, const char *key);

#endif
