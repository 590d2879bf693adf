#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>

#include "call.h"
#include "operators.h"
#include "pass.h"
#include "weir/ffi.h"

// What a parameter of the function gets.
#define SCRATCH_BYTES ((uint64_t)8 * WEIR_BATCH_ROWS_MAX)
#define ROLE_ARGUMENT 0u // scalar form: the row's value; vector form: the column of the argument
#define ROLE_CONSTANT 1u // vector form: the value of a constant argument
#define ROLE_VALIDITY 2u // vector form: the validity bits of the column before it
#define ROLE_OUT 3u      // vector form: the column that it fills
#define ROLE_ROWS 4u     // vector form: the number of rows

struct map_c_parameter {
    uint32_t role;
    uint32_t base;                            // C_*
    const struct weir_expression *expression; // ARGUMENT, CONSTANT
    void *scratch;                            // the argument in the parameter's C type
};

struct map_c {
    struct declaration declaration;
    struct map_c_parameter parameters[DECLARATION_PARAMETERS_MAX];
    int32_t is_vector; // one call per batch, over columns
    int32_t is_wanted; // somebody reads the column
    int32_t propagates_null;
    int32_t is_threadsafe;
    int64_t ok;
    struct weir_type type; // of the column
    uint32_t column;       // its number in the output
    uint32_t input_columns;
    uint8_t *wanted; // by column of the output
    struct call call;
    void *library;
    uint8_t *validity; // of the result
    struct pass_scratch scratch;
};

// Functions are called by one task at a time unless the pipeline vouches for them.
static pthread_mutex_t map_c_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const null_choices[] = {"propagate", "zero", NULL};

static const struct weir_option options[] = {
    {.name = "lib",
     .summary = "Shared library, by the very name that the node allows with --ffi-allow",
     .type = WEIR_OPTION_STRING,
     .flags = WEIR_OPTION_REQUIRED,
     .since = "0.1"},
    {.name = "decl",
     .summary = "C declaration of the function: over numbers (called per row) or over pointers to "
                "columns (called per batch)",
     .type = WEIR_OPTION_STRING,
     .flags = WEIR_OPTION_REQUIRED,
     .since = "0.1"},
    {.name = "args",
     .summary = "Expressions for the parameters, in order; of the vector form only for columns "
                "(const T *) and constants",
     .type = WEIR_OPTION_LIST,
     .flags = WEIR_OPTION_REQUIRED,
     .element = WEIR_OPTION_EXPRESSION,
     .since = "0.1"},
    {.name = "into",
     .summary = "Column for the result; one of this name is replaced",
     .type = WEIR_OPTION_STRING,
     .flags = WEIR_OPTION_REQUIRED,
     .since = "0.1"},
    {.name = "nulls",
     .summary = "Where an argument is null: the result is null and no call is made for the row, or "
                "null counts as 0",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"propagate\"",
     .choices = null_choices,
     .since = "0.1"},
    {.name = "ok",
     .summary = "Vector form that returns int: what it returns when all is well",
     .type = WEIR_OPTION_INT,
     .initial = "0",
     .min = INT32_MIN,
     .max = INT32_MAX,
     .since = "0.1"},
    {.name = "threadsafe",
     .summary = "The function may be called by several threads at once",
     .type = WEIR_OPTION_BOOL,
     .initial = "false",
     .since = "0.1"},
};

static int32_t map_c_check_allowed(struct weir_context *context)
{
    const char *library = weir_option_string(context, "lib");
    const struct weir_ffi_table *ffi =
        context->host->extension == NULL ? NULL : context->host->extension(context, WEIR_FFI_1);
    if (ffi != NULL && ffi->allowed(context, library)) {
        return WEIR_OK;
    }
    return weir_fail(context, WEIR_ERROR_CONFIG,
                     "option `lib`: this node does not allow calls into `%s`; whoever runs it can "
                     "allow them with --ffi-allow %s",
                     library, library);
}

static int32_t map_c_refuse(struct weir_context *context, const char *reason)
{
    return weir_fail(context, WEIR_ERROR_CONFIG, "option `decl`: %s", reason);
}

// The type of column that holds numbers of a C type; id 0 if there is none.
static struct weir_type column_type_of(uint32_t base)
{
    static const uint8_t ids[] = {
        0, WEIR_TYPE_INT8,    WEIR_TYPE_INT16,  WEIR_TYPE_INT32, WEIR_TYPE_INT64, 0, 0, 0,
        0, WEIR_TYPE_FLOAT32, WEIR_TYPE_FLOAT64};
    return weir_type_of(ids[base]);
}

static int32_t map_c_check_number(struct weir_context *context, const struct map_c *map,
                                  uint32_t base, const char *what)
{
    char reason[256];
    if (column_type_of(base).id != 0) {
        return WEIR_OK;
    }
    if (base == C_VOID) {
        snprintf(reason, sizeof reason, "`%s` returns nothing that could go into a column",
                 map->declaration.name);
    } else {
        snprintf(reason, sizeof reason,
                 "%s is %s, but columns hold signed numbers; declare it as the signed type of the "
                 "same width",
                 what, c_type_name(base));
    }
    return map_c_refuse(context, reason);
}

// Gives each parameter of the vector form its role.
static int32_t map_c_assign_vector(struct weir_context *context, struct map_c *map)
{
    const struct declaration *declaration = &map->declaration;
    uint32_t rows = 0, outs = 0;
    for (uint32_t i = 0; i < declaration->parameter_count; i++) {
        struct c_type type = declaration->parameters[i].type;
        uint32_t *role = &map->parameters[i].role;
        int32_t rc = WEIR_OK;
        if (type.passing == C_POINTER_CONST && type.base == C_UINT8) {
            *role = ROLE_VALIDITY;
            if (i == 0 || map->parameters[i - 1].role != ROLE_ARGUMENT) {
                return map_c_refuse(context, "`const uint8_t *` gets the validity bits of the "
                                             "column before it, but no column stands there");
            }
        } else if (type.passing == C_POINTER) {
            *role = ROLE_OUT;
            outs++;
            map->type = column_type_of(type.base);
            rc = map_c_check_number(context, map, type.base, "the result");
        } else if (type.passing == C_VALUE && type.is_size) {
            *role = ROLE_ROWS;
            rows++;
        } else {
            *role = type.passing == C_VALUE ? ROLE_CONSTANT : ROLE_ARGUMENT;
            rc = map_c_check_number(context, map, type.base, "a parameter");
        }
        if (rc != WEIR_OK) {
            return rc;
        }
    }
    if (outs != 1 || rows != 1) {
        return map_c_refuse(context, "a function over columns needs one pointer without const for "
                                     "its result and one `size_t` for the number of rows");
    }
    if (declaration->result.passing != C_VALUE ||
        (declaration->result.base != C_VOID && declaration->result.base != C_INT32)) {
        return map_c_refuse(context,
                            "a function over columns returns void, or int to say that it failed");
    }
    return WEIR_OK;
}

static int32_t map_c_assign(struct weir_context *context, struct map_c *map)
{
    const struct declaration *declaration = &map->declaration;
    for (uint32_t i = 0; i < declaration->parameter_count; i++) {
        map->parameters[i].base = declaration->parameters[i].type.base;
        map->is_vector |= declaration->parameters[i].type.passing != C_VALUE;
    }
    if (map->is_vector) {
        return map_c_assign_vector(context, map);
    }
    if (declaration->result.passing != C_VALUE) {
        return map_c_refuse(context, "a pointer that a function returns is no number");
    }
    int32_t rc = map_c_check_number(context, map, declaration->result.base, "the result");
    for (uint32_t i = 0; rc == WEIR_OK && i < declaration->parameter_count; i++) {
        rc = map_c_check_number(context, map, map->parameters[i].base, "a parameter");
    }
    map->type = column_type_of(declaration->result.base);
    return rc;
}

static int32_t map_c_create(struct weir_context *context, void **instance)
{
    char reason[256];
    int32_t rc = map_c_check_allowed(context);
    if (rc != WEIR_OK) {
        return rc;
    }
    struct map_c *map = calloc(1, sizeof *map);
    if (map == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    map->propagates_null = weir_option(context, "nulls")->choice != 1;
    map->ok = weir_option_int(context, "ok", 0);
    map->is_threadsafe = (int32_t)weir_option_int(context, "threadsafe", 0);
    if (declaration_parse(weir_option_string(context, "decl"), &map->declaration, reason,
                          sizeof reason) != 0) {
        rc = map_c_refuse(context, reason);
    } else {
        rc = map_c_assign(context, map);
    }
    if (rc != WEIR_OK) {
        free(map);
        return rc;
    }
    *instance = map;
    return WEIR_OK;
}

// Whether every number of a column's type is one of the C type, too. Constants may change their
// type: whether the value fits is seen when it is there.
static int32_t map_c_widens(const struct weir_expression *expression, uint32_t base)
{
    uint8_t id = expression->type.id;
    int32_t is_integer = id >= WEIR_TYPE_INT8 && id <= WEIR_TYPE_INT64;
    if (id == column_type_of(base).id || (is_integer && expression->is_constant)) {
        return 1;
    }
    if (id == WEIR_TYPE_FLOAT64 && expression->is_constant) {
        return base == C_FLOAT;
    }
    switch (base) {
    case C_DOUBLE:
        return (is_integer && id <= WEIR_TYPE_INT32) || id == WEIR_TYPE_FLOAT32;
    case C_FLOAT:
        return is_integer && id <= WEIR_TYPE_INT16;
    default:
        return is_integer && id <= column_type_of(base).id;
    }
}

static int32_t map_c_bind_one(struct weir_context *context, struct map_c *map, uint32_t parameter,
                              const struct weir_expression *expression)
{
    struct map_c_parameter *bound = &map->parameters[parameter];
    bound->expression = expression;
    if (bound->role == ROLE_CONSTANT && !expression->is_constant) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `args`: parameter %u of `%s` is one value per batch, so `%s` must "
                         "be a constant",
                         parameter + 1, map->declaration.name, expression->text);
    }
    if (!map_c_widens(expression, bound->base)) {
        return weir_fail(
            context, WEIR_ERROR_CONFIG,
            "option `args`: `%s` is not a number that fits parameter %u of `%s`, which "
            "is %s; use cast(%s as ...)",
            expression->text, parameter + 1, map->declaration.name, c_type_name(bound->base),
            expression->text);
    }
    return WEIR_OK;
}

static int32_t map_c_bind(struct weir_context *context, struct map_c *map)
{
    const struct weir_value *args = weir_option(context, "args");
    uint32_t taken = 0, needed = 0;
    for (uint32_t i = 0; i < map->declaration.parameter_count; i++) {
        needed += map->parameters[i].role <= ROLE_CONSTANT;
    }
    if (needed != args->count) {
        return weir_fail(context, WEIR_ERROR_CONFIG, "option `args` has %u, but `%s` takes %u: %s",
                         args->count, map->declaration.name, needed,
                         weir_option_string(context, "decl"));
    }
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < map->declaration.parameter_count; i++) {
        if (map->parameters[i].role <= ROLE_CONSTANT) {
            rc = map_c_bind_one(context, map, i, args->as.items[taken++].as.expression);
        }
    }
    return rc;
}

static int32_t map_c_schemas(struct map_c *map, struct weir_negotiation *negotiation)
{
    struct weir_context *context = negotiation->context;
    const struct weir_schema *schema = weir_negotiation_input(negotiation, 0)->schema;
    const char *into = weir_option_string(context, "into");
    int32_t rc = map_c_bind(context, map), at = weir_schema_find(schema, into);
    if (rc != WEIR_OK) {
        return rc;
    }
    map->input_columns = schema->field_count;
    map->column = at >= 0 ? (uint32_t)at : schema->field_count;
    struct weir_field *fields = calloc(schema->field_count + 1, sizeof *fields);
    if (fields == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    memcpy(fields, schema->fields, schema->field_count * sizeof *fields);
    fields[map->column] = (struct weir_field){into, map->type};
    rc = weir_negotiation_output(negotiation, WEIR_OUTPUT_MAIN, fields,
                                 schema->field_count + (at < 0));
    free(fields);
    for (uint32_t i = 0; rc == WEIR_OK && i < schema->field_count; i++) {
        if (i != map->column) {
            weir_negotiation_origin(negotiation, WEIR_OUTPUT_MAIN, i, 0, i);
        }
    }
    return rc;
}

static int32_t map_c_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct map_c *map = instance;
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        return map_c_schemas(map, negotiation);
    }
    free(map->wanted);
    map->wanted = calloc(map->input_columns + 1, 1);
    if (map->wanted == NULL) {
        return weir_fail(negotiation->context, WEIR_ERROR_FATAL, "no memory");
    }
    for (uint32_t i = 0; i < map->input_columns; i++) {
        if (i != map->column && weir_negotiation_wanted(negotiation, WEIR_OUTPUT_MAIN, i)) {
            map->wanted[i] = 1;
            weir_negotiation_want(negotiation, 0, i);
        }
    }
    map->is_wanted = weir_negotiation_wanted(negotiation, WEIR_OUTPUT_MAIN, map->column);
    for (uint32_t i = 0; map->is_wanted && i < map->declaration.parameter_count; i++) {
        if (map->parameters[i].expression != NULL) {
            weir_negotiation_want_expression(negotiation, 0, map->parameters[i].expression);
        }
    }
    weir_negotiation_want_kinds(negotiation, 0,
                                weir_negotiation_wanted_kinds(negotiation, WEIR_OUTPUT_MAIN));
    return WEIR_OK;
}

// The symbol must be of the library that was allowed, not of one that it depends on: else libm
// would give access to all of libc.
static int32_t map_c_find(struct map_c *map, struct weir_context *context, call_function *function)
{
    const char *library = weir_option_string(context, "lib"), *name = map->declaration.name;
    struct link_map *allowed = NULL, *found = NULL;
    Dl_info info;
    void *symbol = dlsym(map->library, name);
    if (symbol == NULL) {
        return weir_fail(context, WEIR_ERROR_CONFIG, "option `decl`: `%s` has no function `%s`",
                         library, name);
    }
    if (dlinfo(map->library, RTLD_DI_LINKMAP, &allowed) != 0 ||
        dladdr1(symbol, &info, (void **)&found, RTLD_DL_LINKMAP) == 0 || found != allowed) {
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `decl`: `%s` is not in `%s` itself, but in a library that it "
                         "uses; name that one in `lib`",
                         name, library);
    }
    memcpy(function, &symbol, sizeof *function);
    return WEIR_OK;
}

static void map_c_close(void *instance, struct weir_context *context)
{
    struct map_c *map = instance;
    for (uint32_t i = 0; i < map->declaration.parameter_count; i++) {
        if (map->parameters[i].scratch != NULL) {
            weir_release(context, map->parameters[i].scratch, SCRATCH_BYTES);
            map->parameters[i].scratch = NULL;
        }
    }
    if (map->validity != NULL) {
        weir_release(context, map->validity, WEIR_BATCH_ROWS_MAX / 8);
        map->validity = NULL;
    }
    pass_scratch_finish(context, &map->scratch);
    if (map->library != NULL) {
        dlclose(map->library);
        map->library = NULL;
    }
}

static int32_t map_c_prepare(struct map_c *map, struct weir_context *context)
{
    call_function function = NULL;
    int32_t rc = map_c_find(map, context, &function);
    if (rc == WEIR_OK && call_prepare(&map->call, &map->declaration, function) != 0) {
        rc = weir_fail(context, WEIR_ERROR_UNSUPPORTED, "option `decl`: libffi cannot call `%s`",
                       map->declaration.name);
    }
    map->validity = rc == WEIR_OK ? weir_allocate(context, WEIR_BATCH_ROWS_MAX / 8) : NULL;
    if (rc == WEIR_OK && map->validity == NULL) {
        rc = weir_fail(context, WEIR_ERROR_FATAL, "no memory to work in");
    }
    return rc;
}

static int32_t map_c_open(void *instance, struct weir_context *context)
{
    struct map_c *map = instance;
    const char *library = weir_option_string(context, "lib");
    map->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    int32_t rc = map->library != NULL
                     ? map_c_prepare(map, context)
                     : weir_fail(context, WEIR_ERROR_CONFIG, "option `lib`: cannot open `%s`: %s",
                                 library, dlerror());
    if (rc != WEIR_OK) {
        map_c_close(map, context);
    }
    return rc;
}

// A constant integer may be spelt wider than the parameter is.
static int32_t map_c_check_constant(const struct map_c *map, struct weir_context *context,
                                    uint32_t parameter, const struct weir_column *values,
                                    const void *converted)
{
    const struct map_c_parameter *bound = &map->parameters[parameter];
    struct weir_column back = {.type = column_type_of(bound->base), .values = converted};
    double original, returned;
    call_convert(values, 1, C_DOUBLE, &original);
    call_convert(&back, 1, C_DOUBLE, &returned);
    if (original == returned || values->type.id == WEIR_TYPE_FLOAT64) {
        return WEIR_OK;
    }
    return weir_fail(context, WEIR_ERROR_FATAL,
                     "option `args`: the constant `%s` does not fit parameter %u of `%s`, which is "
                     "%s",
                     bound->expression->text, parameter + 1, map->declaration.name,
                     c_type_name(bound->base));
}

// The values of an argument in the parameter's C type: the column itself where it has that type.
static int32_t map_c_values(struct map_c *map, struct weir_context *context,
                            const struct weir_batch *batch, uint32_t parameter,
                            struct weir_column *column, const void **values)
{
    struct map_c_parameter *bound = &map->parameters[parameter];
    int32_t rc = weir_evaluate(context, bound->expression, batch, column);
    *values = column->values;
    if (rc != WEIR_OK || column->type.id == column_type_of(bound->base).id) {
        return rc;
    }
    if (bound->scratch == NULL) {
        bound->scratch = weir_allocate(context, SCRATCH_BYTES);
    }
    if (bound->scratch == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for arguments");
    }
    call_convert(column, batch->row_count, bound->base, bound->scratch);
    *values = bound->scratch;
    return bound->expression->is_constant
               ? map_c_check_constant(map, context, parameter, column, bound->scratch)
               : WEIR_OK;
}

// Narrows the validity of the result to rows where this argument is not null. Returns the bits.
static uint8_t *map_c_narrow(struct map_c *map, uint8_t *validity, const struct weir_column *column,
                             uint32_t row_count)
{
    uint32_t bytes = weir_bit_bytes(row_count);
    if (column->validity == NULL || !map->propagates_null) {
        return validity;
    }
    if (validity == NULL) {
        memcpy(map->validity, column->validity, bytes);
        return map->validity;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        validity[i] &= column->validity[i];
    }
    return validity;
}

static int32_t map_c_call_vector(struct map_c *map, struct weir_context *context,
                                 const struct call_rows *rows, const uint8_t *const *validities)
{
    const void *arguments[DECLARATION_PARAMETERS_MAX];
    const void *pointers[DECLARATION_PARAMETERS_MAX];
    uint64_t row_count = rows->row_count;
    for (uint32_t i = 0; i < map->declaration.parameter_count; i++) {
        uint32_t role = map->parameters[i].role;
        pointers[i] = role == ROLE_OUT        ? rows->out
                      : role == ROLE_VALIDITY ? validities[i - 1]
                                              : rows->values[i];
        arguments[i] = role == ROLE_ROWS       ? (const void *)&row_count
                       : role == ROLE_CONSTANT ? rows->values[i]
                                               : &pointers[i];
    }
    int64_t result = call_once(&map->call, arguments);
    if (map->declaration.result.base == C_VOID || result == map->ok) {
        return WEIR_OK;
    }
    return weir_fail(context, WEIR_ERROR_FATAL, "`%s` of `%s` returned %lld, not %lld",
                     map->declaration.name, weir_option_string(context, "lib"), (long long)result,
                     (long long)map->ok);
}

static int32_t map_c_call(struct map_c *map, struct weir_context *context, struct call_rows *rows,
                          const uint8_t *const *validities)
{
    int32_t rc = WEIR_OK;
    if (!map->is_threadsafe) {
        pthread_mutex_lock(&map_c_lock);
    }
    if (map->is_vector) {
        rc = map_c_call_vector(map, context, rows, validities);
    } else {
        call_run(&map->call, rows);
    }
    if (!map->is_threadsafe) {
        pthread_mutex_unlock(&map_c_lock);
    }
    return rc;
}

static int32_t map_c_compute(struct map_c *map, struct weir_context *context,
                             const struct weir_batch *batch, struct weir_builder *builder)
{
    struct call_rows rows = {.row_count = batch->row_count};
    const uint8_t *validities[DECLARATION_PARAMETERS_MAX] = {NULL};
    uint8_t *validity = NULL;
    for (uint32_t i = 0; i < map->declaration.parameter_count; i++) {
        struct weir_column column;
        if (map->parameters[i].role > ROLE_CONSTANT) {
            continue;
        }
        int32_t rc = map_c_values(map, context, batch, i, &column, &rows.values[i]);
        if (rc != WEIR_OK) {
            return rc;
        }
        validities[i] = column.validity;
        validity = map_c_narrow(map, validity, &column, batch->row_count);
    }
    rows.validity = validity;
    rows.out = weir_builder_values(context, builder, map->column);
    if (rows.out == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the result");
    }
    int32_t rc = map_c_call(map, context, &rows, validities);
    if (rc == WEIR_OK && validity != NULL) {
        uint8_t *bits = weir_builder_validity(context, builder, map->column);
        if (bits == NULL) {
            return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the result");
        }
        memcpy(bits, validity, weir_bit_bytes(batch->row_count));
    }
    return rc;
}

static int32_t map_c_build(struct map_c *map, struct weir_context *context,
                           const struct weir_batch *batch, const struct weir_batch **out)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, batch->row_count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < map->input_columns; i++) {
        if (map->wanted[i]) {
            rc = weir_builder_share(context, builder, i, batch, i);
        }
    }
    if (rc == WEIR_OK && map->is_wanted) {
        rc = map_c_compute(map, context, batch, builder);
    }
    if (rc != WEIR_OK) {
        weir_builder_discard(context, builder);
        return rc;
    }
    weir_builder_inherit(context, builder, batch);
    return weir_builder_finish(context, builder, batch->row_count, out);
}

static int32_t map_c_process(void *instance, struct weir_context *context, uint32_t input,
                             const struct weir_batch *batch)
{
    struct map_c *map = instance;
    const struct weir_batch *mapped;
    (void)input;
    if (batch->row_count == 0) {
        return WEIR_OK;
    }
    int32_t rc = map_c_build(map, context, batch, &mapped);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = pass_rows(context, &map->scratch, mapped, NULL, 0);
    weir_batch_unref(context, mapped);
    return rc;
}

static void map_c_destroy(void *instance)
{
    struct map_c *map = instance;
    if (map != NULL) {
        free(map->wanted);
        free(map);
    }
}

const struct weir_operator map_c_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_TRANSFORM,
    .name = "map.c",
    .summary = "Computes a column with a C function of a shared library",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = map_c_create,
    .negotiate = map_c_negotiate,
    .open = map_c_open,
    .process = map_c_process,
    .close = map_c_close,
    .destroy = map_c_destroy,
};
