// The operators of this plugin, by the names that pipelines use.
#ifndef FLUSS_OPERATORS_OPERATORS_H
#define FLUSS_OPERATORS_OPERATORS_H

#include "weir/plugin.h"

extern const struct weir_operator fluss_source;
extern const struct weir_operator fluss_sink;
extern const struct weir_operator fluss_lookup;

#endif
