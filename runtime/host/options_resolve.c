// Resolving: the options of a stage meet the schema of its input.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "host/options_body.h"

static const struct weir_schema no_columns = {sizeof no_columns, 0, NULL};

static void forget(struct options *options)
{
    for (uint32_t i = 0; i < options->expression_count; i++) {
        expression_destroy(options->expressions[i]);
    }
    free(options->expressions);
    free(options->aggregates);
    options->expressions = NULL;
    options->expression_count = 0;
    options->aggregates = NULL;
}

void options_destroy(struct options *options)
{
    if (options == NULL) {
        return;
    }
    forget(options);
    blocks_finish(&options->blocks);
    json_decref(options->places);
    free(options);
}

static int resolve_column(struct options *options, struct unresolved *unresolved,
                          const struct weir_schema *schema, struct diagnostics *diagnostics)
{
    int32_t column = weir_schema_find(schema, unresolved->text);
    unresolved->value->column = column;
    if (column >= 0 || schema == &no_columns) {
        return 0; // a source's columns are known to itself only
    }
    struct diagnostic *diagnostic = options_report(options, diagnostics, "W0312", unresolved->path,
                                                   "column `%s` does not exist", unresolved->text);
    const char **names = calloc(schema->field_count + 1, sizeof *names);
    struct text available = {0};
    for (uint32_t i = 0; names != NULL && i < schema->field_count; i++) {
        names[i] = schema->fields[i].name;
        text_print(&available, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *nearest = names != NULL ? text_nearest(unresolved->text, names) : NULL;
    if (nearest != NULL) {
        diagnostic_set(&diagnostic->help, "did you mean `%s`?", nearest);
    }
    diagnostic_set(&diagnostic->available, "%s",
                   available.at != NULL ? available.at : "no columns");
    text_finish(&available);
    free(names);
    return -EINVAL;
}

// Narrows a place to the bytes of the text that are wrong. The place of a literal spans what stands
// between its quotes; a text that has escapes, or is computed, stays marked as a whole.
static void narrow(struct place *place, const char *text, uint32_t start, uint32_t end)
{
    uint32_t length = (uint32_t)strlen(text);
    uint32_t span = place->end > place->column ? place->end - place->column : 0;
    if (place->column == 0 || span != length) {
        return;
    }
    place->end = place->column + (end > start ? end : start + 1);
    place->column += start;
}

static void report_expression(struct options *options, const char *path, const char *text,
                              const struct expr_error *error, struct diagnostics *diagnostics)
{
    struct diagnostic *diagnostic =
        options_report(options, diagnostics, error->code != NULL ? error->code : "W0300", path,
                       "%s", error->error.text);
    narrow(&diagnostic->place, text, error->start, error->end);
    if (error->available[0] != '\0') {
        diagnostic_set(&diagnostic->available, "%s", error->available);
    }
    if (error->help[0] != '\0') {
        diagnostic_set(&diagnostic->help, "%s", error->help);
    }
}

static const struct weir_expression *compile(struct options *options, const char *path,
                                             const char *text, const struct weir_schema *schema,
                                             uint32_t wanted, struct diagnostics *diagnostics)
{
    struct expr_error error = {0};
    struct expression *expression = expression_compile(text, schema, wanted, &error);
    if (expression == NULL) {
        report_expression(options, path, text, &error, diagnostics);
        return NULL;
    }
    options->expressions[options->expression_count++] = expression;
    return expression_view(expression);
}

static const struct weir_expression *
compile_part(struct options *options, const struct unresolved *unresolved, const char *part,
             const char *text, const struct weir_schema *schema, struct diagnostics *diagnostics)
{
    char path[600];
    snprintf(path, sizeof path, "%s.%s", unresolved->path, part);
    return compile(options, path, text, schema, 0, diagnostics);
}

static int resolve_aggregate(struct options *options, struct unresolved *unresolved,
                             struct weir_aggregate *aggregate, const struct weir_schema *schema,
                             struct diagnostics *diagnostics)
{
    struct error error;
    *aggregate = (struct weir_aggregate){.size = sizeof *aggregate,
                                         .function = unresolved->function,
                                         .name = unresolved->value->name};
    unresolved->value->as.aggregate = aggregate;
    if (unresolved->text != NULL) {
        aggregate->argument =
            compile_part(options, unresolved, "argument", unresolved->text, schema, diagnostics);
    }
    if (unresolved->by != NULL) {
        aggregate->by =
            compile_part(options, unresolved, "by", unresolved->by, schema, diagnostics);
    }
    if ((unresolved->text != NULL && aggregate->argument == NULL) ||
        (unresolved->by != NULL && aggregate->by == NULL)) {
        return -EINVAL;
    }
    if (aggregate_type(aggregate->function,
                       aggregate->argument != NULL ? &aggregate->argument->type : NULL,
                       &aggregate->type, &error) != 0) {
        options_report(options, diagnostics, "W0212", unresolved->path, "%s", error.text);
        return -EINVAL;
    }
    return 0;
}

static int resolve_one(struct options *options, struct unresolved *unresolved,
                       struct weir_aggregate *aggregate, const struct weir_schema *schema,
                       struct diagnostics *diagnostics)
{
    switch (unresolved->type) {
    case WEIR_OPTION_COLUMN:
        return resolve_column(options, unresolved, schema, diagnostics);
    case WEIR_OPTION_EXPRESSION:
        unresolved->value->as.expression = compile(
            options, unresolved->path, unresolved->text, schema,
            unresolved->descriptor->type == WEIR_OPTION_EXPRESSION ? unresolved->descriptor->element
                                                                   : 0,
            diagnostics);
        return unresolved->value->as.expression != NULL ? 0 : -EINVAL;
    default:
        return resolve_aggregate(options, unresolved, aggregate, schema, diagnostics);
    }
}

int options_resolve(struct options *options, const struct weir_schema *const *inputs,
                    uint32_t input_count, struct diagnostics *diagnostics)
{
    const struct weir_schema *schema = input_count > 0 ? inputs[0] : &no_columns;
    uint32_t count = 0;
    int rc = 0;
    forget(options);
    for (struct unresolved *at = options->first; at != NULL; at = at->next) {
        count++;
    }
    options->expressions = calloc(2 * count + 1, sizeof *options->expressions);
    options->aggregates = calloc(count + 1, sizeof *options->aggregates);
    if (options->expressions == NULL || options->aggregates == NULL) {
        return -ENOMEM;
    }
    struct weir_aggregate *aggregate = options->aggregates;
    for (struct unresolved *at = options->first; at != NULL; at = at->next) {
        if (resolve_one(options, at, aggregate++, schema, diagnostics) != 0) {
            rc = -EINVAL;
        }
    }
    return rc;
}
