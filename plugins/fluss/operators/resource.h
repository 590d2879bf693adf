// The resource `table`: what w.table in a pipeline stands for, as the operators of this plugin see
// it.
#ifndef FLUSS_OPERATORS_RESOURCE_H
#define FLUSS_OPERATORS_RESOURCE_H

#include "store/store.h"
#include "weir/plugin.h"

#define TABLE_INTERFACE "weir.fluss.table/1"

extern const struct weir_resource_type fluss_table_type;

struct table_resource;

// The definition that its options give; from its creation on. The option `table` of an operator
// names it. CONFIG: it names something else.
int32_t resource_definition(struct weir_context *context,
                            const struct table_definition **definition);
// The table itself, open; from an operator's open on.
int32_t resource_table(struct weir_context *context, struct table **table);

// Hands a failure of the store to the host. Returns its code.
int32_t resource_fail(struct weir_context *context, const struct failure *failure);

// The option `table`, which every operator of this plugin has.
#define RESOURCE_OPTION                                                              \
    {                                                                                \
        .name = "table", .summary = "The table, as w.table declares it",             \
        .type = WEIR_OPTION_RESOURCE, .flags = WEIR_OPTION_REQUIRED, .since = "0.1", \
    }

#endif
