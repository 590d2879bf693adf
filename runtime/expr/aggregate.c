#include <errno.h>

#include "data/schema.h"
#include "expr/expr.h"

static const char *const names[] = {
    "", "count", "sum", "min", "max", "avg", "first", "last", "stddev", "distinct",
};

static int needs_number(uint32_t function, const struct weir_type *argument, struct error *error)
{
    char name[32];
    if (argument->id >= WEIR_TYPE_INT8 && argument->id <= WEIR_TYPE_FLOAT64) {
        return 0;
    }
    return argument->id == WEIR_TYPE_DECIMAL
               ? 0
               : error_set(error, -EINVAL, "%s needs a number, but its argument is %s",
                           names[function], type_name(*argument, name, sizeof name));
}

static struct weir_type sum_type(struct weir_type argument)
{
    struct weir_type type = weir_type_of(WEIR_TYPE_INT64);
    if (argument.id == WEIR_TYPE_FLOAT32 || argument.id == WEIR_TYPE_FLOAT64) {
        type.id = WEIR_TYPE_FLOAT64;
    } else if (argument.id == WEIR_TYPE_DECIMAL) {
        type = argument;
        type.precision = 38;
    }
    return type;
}

int aggregate_type(uint32_t function, const struct weir_type *argument, struct weir_type *type,
                   struct error *error)
{
    if (function < WEIR_AGGREGATE_COUNT || function > WEIR_AGGREGATE_DISTINCT) {
        return error_set(error, -EINVAL, "there is no aggregate function number %u", function);
    }
    if (argument == NULL && function != WEIR_AGGREGATE_COUNT) {
        return error_set(error, -EINVAL, "%s needs an argument", names[function]);
    }
    int rc = 0;
    switch (function) {
    case WEIR_AGGREGATE_COUNT:
    case WEIR_AGGREGATE_DISTINCT:
        *type = weir_type_of(WEIR_TYPE_INT64);
        type->nullable = 0;
        return 0;
    case WEIR_AGGREGATE_SUM:
        rc = needs_number(function, argument, error);
        *type = rc == 0 ? sum_type(*argument) : *type;
        break;
    case WEIR_AGGREGATE_AVG:
    case WEIR_AGGREGATE_STDDEV:
        rc = needs_number(function, argument, error);
        *type = rc == 0 ? weir_type_of(WEIR_TYPE_FLOAT64) : *type;
        break;
    default:
        *type = *argument;
        return 0;
    }
    if (rc == 0) {
        // The deviation of one value is null even where no value is.
        type->nullable = function == WEIR_AGGREGATE_STDDEV ? 1 : argument->nullable;
    }
    return rc;
}
