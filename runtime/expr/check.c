// Types: every node gets one, calls get their kernels, casts are added where values are converted.
#include "expr/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "data/schema.h"
#include "expr/kernels.h"

#define SHOWN_BYTES 40

struct node *call_of(struct compilation *compilation, const char *name, struct node *origin,
                     uint32_t argument_count, struct node *const *arguments)
{
    struct node *node =
        node_call(compilation, name, origin->start, origin->end, argument_count, arguments);
    return node != NULL && check_node(compilation, node) == 0 ? node : NULL;
}

static struct weir_type merge_decimals(struct weir_type a, struct weir_type b)
{
    static const uint8_t digits[] = {0, 0, 3, 5, 10, 19};
    uint8_t a_whole = type_is_integer(a) ? digits[a.id] : (uint8_t)(a.precision - a.scale);
    uint8_t b_whole = type_is_integer(b) ? digits[b.id] : (uint8_t)(b.precision - b.scale);
    struct weir_type type = weir_type_of(WEIR_TYPE_DECIMAL);
    type.scale = a.scale > b.scale ? a.scale : b.scale;
    int precision = (a_whole > b_whole ? a_whole : b_whole) + type.scale;
    type.precision = (uint8_t)(precision > 38 ? 38 : precision);
    return type;
}

// The type that holds values of both.
static int merge_types(struct weir_type a, struct weir_type b, struct weir_type *type)
{
    int is_number = type_is_number(a) && type_is_number(b);
    if (type_equal(a, b)) {
        *type = a;
        type->length = a.length == b.length ? a.length : 0;
    } else if (type_is_integer(a) && type_is_integer(b)) {
        *type = a.id > b.id ? a : b;
    } else if (is_number && (type_is_float(a) || type_is_float(b))) {
        *type = weir_type_of(WEIR_TYPE_FLOAT64);
    } else if (is_number) {
        *type = merge_decimals(a, b);
    } else if (type_is_timestamp(a) && (a.id == b.id || b.id == WEIR_TYPE_DATE)) {
        *type = a;
        type->precision = b.id == a.id && b.precision > a.precision ? b.precision : a.precision;
    } else if (type_is_timestamp(b) && a.id == WEIR_TYPE_DATE) {
        *type = b;
    } else {
        return -EINVAL;
    }
    return 0;
}

static int64_t integer_limit(uint8_t id)
{
    return INT64_MAX >> (64 - (8 << (id - WEIR_TYPE_INT8)));
}

// A literal that takes the type of the others without a loss.
static int adapts(const struct node *node, struct weir_type type)
{
    if (node->kind != NODE_LITERAL) {
        return 0;
    }
    if (node->type.id == WEIR_TYPE_STRING) {
        return type_is_moment(type) || type.id == WEIR_TYPE_BYTES;
    }
    if (node->type.id == WEIR_TYPE_INT64 && type_is_integer(type)) {
        int64_t limit = integer_limit(type.id);
        return node->value.integer <= limit && node->value.integer >= -limit - 1;
    }
    return node->type.id == WEIR_TYPE_INT64 && type.id == WEIR_TYPE_DECIMAL;
}

int common_type(struct compilation *compilation, struct node *const *nodes, uint32_t count,
                struct weir_type *type)
{
    (void)compilation;
    struct weir_type found = {0};
    for (int literals = 0; literals < 2; literals++) {
        for (uint32_t i = 0; i < count; i++) {
            const struct node *node = nodes[i];
            if (node->type.id == 0 || (node->kind == NODE_LITERAL) != literals ||
                (found.id != 0 && adapts(node, found))) {
                continue;
            }
            if (found.id == 0) {
                found = node->type;
            } else if (merge_types(found, node->type, &found) != 0) {
                return -EINVAL;
            }
        }
    }
    found.nullable = 1;
    *type = found;
    return 0;
}

static int shown_length(const struct compilation *compilation, const struct node *node)
{
    (void)compilation;
    uint32_t length = node->end - node->start;
    return length > SHOWN_BYTES ? SHOWN_BYTES : (int)length;
}

static const char *describe_type(const struct node *node, char *buffer, size_t size)
{
    if (node->type.id == 0) {
        snprintf(buffer, size, "null");
        return buffer;
    }
    return type_name(node->type, buffer, size);
}

int fail_argument(struct compilation *compilation, const struct node *call, uint32_t argument,
                  const char *wanted)
{
    const struct node *node = call->arguments[argument];
    char type[32];
    return compilation_fail(compilation, EXPR_ARGUMENTS, node->start, node->end,
                            "`%s` takes %s, but `%.*s` is %s: %s", call->function->name, wanted,
                            shown_length(compilation, node), compilation->text + node->start,
                            describe_type(node, type, sizeof type), call->function->signature);
}

int fail_types(struct compilation *compilation, const struct node *call, const struct node *a,
               const struct node *b)
{
    char a_type[32], b_type[32];
    int rc =
        compilation_fail(compilation, EXPR_TYPE, call->start, call->end,
                         "`%s` does not go with `%.*s` (%s) and `%.*s` (%s)", call->function->name,
                         shown_length(compilation, a), compilation->text + a->start,
                         describe_type(a, a_type, sizeof a_type), shown_length(compilation, b),
                         compilation->text + b->start, describe_type(b, b_type, sizeof b_type));
    snprintf(compilation->error->help, sizeof compilation->error->help,
             "cast one of them, as in cast(%.*s as %s)", shown_length(compilation, a),
             compilation->text + a->start, b_type);
    return rc;
}

static int add_cast(struct compilation *compilation, struct node **node, struct weir_type type,
                    kernel *run)
{
    struct node *operand = *node;
    struct node *cast = node_call(compilation, "cast", operand->start, operand->end, 1, &operand);
    if (cast == NULL) {
        return -EINVAL;
    }
    cast->kind = NODE_CAST;
    cast->is_checked = 1;
    cast->must_fold = operand->kind == NODE_LITERAL;
    cast->type = type;
    cast->type.nullable = operand->type.nullable;
    cast->kernel = run;
    *node = cast;
    return 0;
}

static int convert_null(struct compilation *compilation, struct node **node, struct weir_type type)
{
    struct node *null = node_create(compilation, NODE_LITERAL, (*node)->start, (*node)->end);
    if (null == NULL) {
        return -EINVAL;
    }
    null->type = type;
    null->type.nullable = 1;
    null->is_null = null->is_checked = 1;
    *node = null;
    return 0;
}

// Casts of several steps, each of which fails where its value does not fit.
static int add_casts(struct compilation *compilation, struct node **node, struct weir_type type,
                     int is_try)
{
    struct node *origin = *node;
    while (!type_equal((*node)->type, type)) {
        struct weir_type via;
        kernel *run = cast_kernel((*node)->type, type, &via);
        if (run == NULL) {
            char from[32], to[32];
            return compilation_fail(compilation, EXPR_CAST, origin->start, origin->end,
                                    "there is no cast from %s to %s",
                                    type_name(origin->type, from, sizeof from),
                                    type_name(type, to, sizeof to));
        }
        if (add_cast(compilation, node, via, run) != 0) {
            return -EINVAL;
        }
        (*node)->target = type;
        (*node)->is_try = is_try;
        (*node)->type.nullable |= (uint8_t)is_try;
    }
    if (weir_type_is_text(type) && type.length != 0 && (*node)->type.length != type.length) {
        struct weir_type via;
        return add_cast(compilation, node, type, cast_kernel((*node)->type, type, &via));
    }
    return 0;
}

int convert(struct compilation *compilation, struct node **node, struct weir_type type)
{
    return (*node)->type.id == 0 ? convert_null(compilation, node, type)
                                 : add_casts(compilation, node, type, 0);
}

static int check_cast(struct compilation *compilation, struct node *node)
{
    struct node *operand = node->arguments[0];
    struct weir_type type = node->type;
    if (operand->type.id == 0) {
        node->kind = NODE_LITERAL;
        node->is_null = 1;
        return 0;
    }
    int rc = add_casts(compilation, &operand, type, node->is_try);
    if (rc != 0) {
        compilation->error->start = node->start;
        compilation->error->end = node->end;
        return rc;
    }
    if (operand == node->arguments[0]) {
        node->kernel = NULL; // the same type: nothing to do
        node->type.nullable = operand->type.nullable;
        return 0;
    }
    uint32_t start = node->start, end = node->end;
    *node = *operand;
    node->start = start;
    node->end = end;
    node->must_fold = 0;
    return 0;
}

// A name as it must be written.
static void add_name(struct text *list, const char *name)
{
    text_print(list, list->length == 0 ? "%s" : ", %s", name);
}

static int unknown_column(struct compilation *compilation, const struct node *node)
{
    const struct weir_schema *schema = compilation->schema;
    struct expr_error *error = compilation->error;
    const char **names = calloc(schema->field_count + 1, sizeof *names);
    struct text list = {0};
    if (names == NULL) {
        return compilation_no_memory(compilation);
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        names[i] = schema->fields[i].name;
        if (list.length + strlen(names[i]) + 8 < sizeof error->available) {
            add_name(&list, names[i]);
        }
    }
    int rc = compilation_fail(compilation, EXPR_COLUMN, node->start, node->end,
                              "column `%s` does not exist", node->name);
    const char *nearest = text_nearest(node->name, names);
    if (nearest != NULL) {
        snprintf(error->help, sizeof error->help, "did you mean `%s`?", nearest);
    } else if (function_find(node->name) != NULL) {
        snprintf(error->help, sizeof error->help, "the function `%s` is called with parentheses",
                 node->name);
    }
    snprintf(error->available, sizeof error->available, "%s", list.at == NULL ? "" : list.at);
    text_finish(&list);
    free(names);
    return rc;
}

static int unknown_function(struct compilation *compilation, const struct node *node)
{
    struct expr_error *error = compilation->error;
    struct text list = {0};
    int rc = compilation_fail(compilation, EXPR_FUNCTION, node->start,
                              node->start + (uint32_t)strlen(node->name),
                              "function `%s` does not exist", node->name);
    for (const char *const *name = function_names(); *name != NULL; name++) {
        add_name(&list, *name);
    }
    const char *nearest = function_synonym(node->name);
    if (nearest == NULL) {
        nearest = text_nearest(node->name, function_names());
    }
    if (nearest != NULL) {
        snprintf(error->help, sizeof error->help, "did you mean `%s`?", nearest);
    }
    snprintf(error->available, sizeof error->available, "%s", list.at == NULL ? "" : list.at);
    text_finish(&list);
    return rc;
}

static int check_column(struct compilation *compilation, struct node *node)
{
    int32_t index = weir_schema_find(compilation->schema, node->name);
    if (index < 0) {
        return unknown_column(compilation, node);
    }
    node->column = (uint32_t)index;
    node->type = compilation->schema->fields[index].type;
    return 0;
}

// --- Calls whose parameters stand in the table ---

struct parameter {
    char letter;
    const char *wanted;
    uint8_t type;
};

static const struct parameter parameters[] = {
    {'s', "a string", WEIR_TYPE_STRING},        {'i', "an integer", WEIR_TYPE_INT64},
    {'f', "a number", WEIR_TYPE_FLOAT64},       {'b', "a bool", WEIR_TYPE_BOOL},
    {'m', "a date or a time", WEIR_TYPE_INT64}, {'d', "a date", WEIR_TYPE_DATE},
    {'t', "a timestamp", WEIR_TYPE_TIMESTAMP},  {'x', "bytes", WEIR_TYPE_BYTES},
};

static const struct parameter *find_parameter(char letter)
{
    const struct parameter *parameter = parameters;
    while (parameter->letter != letter) {
        parameter++;
    }
    return parameter;
}

static int is_accepted(const struct node *node, char letter)
{
    struct weir_type type = node->type;
    switch (letter) {
    case 'f':
        return type_is_number(type);
    case 'i':
        return type_is_integer(type);
    case 'm':
        return type.id == WEIR_TYPE_INT64 || type.id == WEIR_TYPE_DATE || type_is_timestamp(type);
    default:
        return type.id == find_parameter(letter)->type;
    }
}

static int bind_moment(struct compilation *compilation, struct node **node)
{
    if ((*node)->type.id == WEIR_TYPE_DATE) {
        int rc = convert(compilation, node, weir_type_of(WEIR_TYPE_TIMESTAMP));
        if (rc != 0) {
            return rc;
        }
    }
    return convert(compilation, node, weir_type_of(WEIR_TYPE_INT64));
}

static int wrong_count(struct compilation *compilation, const struct node *call)
{
    return compilation_fail(compilation, EXPR_ARGUMENTS, call->start, call->end,
                            "`%s` does not take %u argument%s: %s", call->function->name,
                            call->argument_count, call->argument_count == 1 ? "" : "s",
                            call->function->signature);
}

// parameters: a letter each; after `?` they may be left out, before `*` the last may come again.
static int bind_parameters(struct compilation *compilation, struct node *call)
{
    const char *letters = call->function->parameters;
    char letter = 0;
    uint32_t count = 0;
    for (; count < call->argument_count; count++) {
        letters += *letters == '?';
        if (*letters == '\0') {
            return wrong_count(compilation, call);
        }
        if (*letters != '*') {
            letter = *letters++;
        }
        struct node **argument = &call->arguments[count];
        if ((*argument)->type.id != 0 && !is_accepted(*argument, letter)) {
            return fail_argument(compilation, call, count, find_parameter(letter)->wanted);
        }
        int rc = letter == 'm'
                     ? bind_moment(compilation, argument)
                     : convert(compilation, argument, weir_type_of(find_parameter(letter)->type));
        if (rc != 0) {
            return rc;
        }
    }
    if (*letters != '\0' && *letters != '?' && *letters != '*') {
        return wrong_count(compilation, call);
    }
    call->type = weir_type_of(find_parameter(call->function->result)->type);
    call->kernel = call->function->kernel;
    return 0;
}

static int check_count(struct compilation *compilation, const struct node *call)
{
    const struct function *function = call->function;
    return call->argument_count < function->least || call->argument_count > function->most
               ? wrong_count(compilation, call)
               : 0;
}

static int check_call(struct compilation *compilation, struct node *node)
{
    node->function = function_find(node->name);
    if (node->function == NULL) {
        return unknown_function(compilation, node);
    }
    const struct function *function = node->function;
    if (function->bind == NULL) {
        int rc = bind_parameters(compilation, node);
        node->type.nullable = 0;
        for (uint32_t i = 0; i < node->argument_count; i++) {
            node->type.nullable |= node->arguments[i]->type.nullable;
        }
        return rc;
    }
    int rc = check_count(compilation, node);
    return rc != 0 ? rc : function->bind(compilation, node);
}

int check_node(struct compilation *compilation, struct node *node)
{
    if (node->is_checked) {
        return 0;
    }
    for (uint32_t i = 0; i < node->argument_count; i++) {
        int rc = check_node(compilation, node->arguments[i]);
        if (rc != 0) {
            return rc;
        }
    }
    node->is_checked = 1;
    switch (node->kind) {
    case NODE_COLUMN:
        return check_column(compilation, node);
    case NODE_CALL:
        return check_call(compilation, node);
    case NODE_CAST:
        return check_cast(compilation, node);
    default:
        node->type.nullable = (uint8_t)node->is_null;
        return 0;
    }
}

int check(struct compilation *compilation, struct node **root)
{
    return check_node(compilation, *root);
}
