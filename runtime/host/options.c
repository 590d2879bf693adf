#include "host/options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/schema.h"
#include "host/literal.h"
#include "host/options_body.h"

// What one call of options_create works with.
struct maker {
    struct options *options;
    const struct options_request *request;
    struct diagnostics *diagnostics;
};

// --- Places and messages ---

static int read_place(const json_t *json, struct place *place)
{
    const char *file = json_string_value(json_object_get(json, "file"));
    if (json == NULL || file == NULL) {
        return 0;
    }
    *place =
        (struct place){(char *)file, (uint32_t)json_integer_value(json_object_get(json, "line")),
                       (uint32_t)json_integer_value(json_object_get(json, "column")),
                       (uint32_t)json_integer_value(json_object_get(json, "end"))};
    return 1;
}

struct place options_place_of(const struct options *options, const char *path)
{
    struct place place;
    char *part = strdup(path);
    for (size_t length = part != NULL ? strlen(part) : 0; length > 0; length--) {
        if (path[length] == '\0' || path[length] == '.') {
            part[length] = '\0';
            if (read_place(json_object_get(options->places, part), &place)) {
                free(part);
                return place;
            }
        }
    }
    free(part);
    return options->place;
}

struct diagnostic *options_report(const struct options *options, struct diagnostics *diagnostics,
                                  const char *code, const char *path, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct place place = options_place_of(options, path);
    struct diagnostic *diagnostic = diagnostic_add(diagnostics, code, &place, "%s", text);
    if (options->stage != NULL) {
        diagnostic_set(&diagnostic->stage, "%s", options->stage);
    }
    diagnostic_set(&diagnostic->option, "%s", path);
    return diagnostic;
}

// What a person wrote, in a few words: `"fast"`, `3`, `a list`.
static const char *describe(const json_t *json, char *buffer, size_t size)
{
    if (json_is_string(json)) {
        snprintf(buffer, size, "the text \"%.60s\"", json_string_value(json));
    } else if (json_is_integer(json)) {
        snprintf(buffer, size, "the number %" JSON_INTEGER_FORMAT, json_integer_value(json));
    } else if (json_is_real(json)) {
        snprintf(buffer, size, "the number %g", json_real_value(json));
    } else if (json_is_boolean(json)) {
        snprintf(buffer, size, "%s", json_is_true(json) ? "true" : "false");
    } else if (json_is_array(json)) {
        snprintf(buffer, size, "a list");
    } else if (json_object_get(json, "map") != NULL) {
        snprintf(buffer, size, "a table of names");
    } else if (json_object_get(json, "aggregate") != NULL) {
        snprintf(buffer, size, "an aggregate");
    } else if (json_object_get(json, "resource") != NULL) {
        snprintf(buffer, size, "the resource `%s`",
                 json_string_value(json_object_get(json, "resource")));
    } else if (json_object_get(json, "stage") != NULL) {
        snprintf(buffer, size, "a stage");
    } else {
        snprintf(buffer, size, "nothing");
    }
    return buffer;
}

static const char *expectation(uint32_t type)
{
    static const char *const texts[] = {
        [WEIR_OPTION_BOOL] = "true or false",
        [WEIR_OPTION_INT] = "a whole number",
        [WEIR_OPTION_FLOAT] = "a number",
        [WEIR_OPTION_STRING] = "text",
        [WEIR_OPTION_DURATION] = "a duration like \"250ms\", \"30s\", \"5m\", \"2h\" or \"7d\"",
        [WEIR_OPTION_BYTES] = "a size like \"64KiB\" or \"2MB\"",
        [WEIR_OPTION_ENUM] = "text",
        [WEIR_OPTION_COLUMN] = "the name of a column",
        [WEIR_OPTION_COLUMNS] = "a list of column names",
        [WEIR_OPTION_EXPRESSION] = "an expression in quotes",
        [WEIR_OPTION_AGGREGATES] = "aggregates by name, like { total = w.sum \"x\" }",
        [WEIR_OPTION_RESOURCE] = "a resource that the pipeline declares",
        [WEIR_OPTION_LIST] = "a list",
        [WEIR_OPTION_MAP] = "a table of names, like { name = ... }",
        [WEIR_OPTION_SCHEMA] = "a list of columns, like { \"id int64 not null\", \"name string\" }",
    };
    return type < sizeof texts / sizeof *texts && texts[type] != NULL ? texts[type] : "nothing";
}

static int wrong_type(struct maker *maker, uint32_t type, const char *path, const json_t *json)
{
    char got[96];
    options_report(maker->options, maker->diagnostics, "W0202", path,
                   "option `%s` must be %s, not %s", path, expectation(type),
                   describe(json, got, sizeof got));
    return -EINVAL;
}

// --- Single values ---

static const char *show_limit(const struct weir_option *descriptor, double limit, char *buffer)
{
    if (descriptor->type == WEIR_OPTION_DURATION) {
        return literal_from_duration((int64_t)limit, buffer);
    }
    if (descriptor->type == WEIR_OPTION_BYTES) {
        return text_bytes(buffer, 32, (uint64_t)limit);
    }
    snprintf(buffer, 32, "%.15g", limit);
    return buffer;
}

static int check_range(struct maker *maker, const struct weir_option *descriptor, const char *path,
                       double value)
{
    char got[32], min[32], max[32];
    if (!(descriptor->min < descriptor->max) ||
        (value >= descriptor->min && value <= descriptor->max)) {
        return 0;
    }
    show_limit(descriptor, value, got);
    show_limit(descriptor, descriptor->min, min);
    show_limit(descriptor, descriptor->max, max);
    const char *unit = descriptor->unit != NULL ? descriptor->unit : "";
    const char *space = descriptor->unit != NULL ? " " : "";
    if (isinf(descriptor->max) || descriptor->max >= 9.2e18) {
        options_report(maker->options, maker->diagnostics, "W0203", path,
                       "option `%s` is %s, but must be at least %s%s%s", path, got, min, space,
                       unit);
    } else {
        options_report(maker->options, maker->diagnostics, "W0203", path,
                       "option `%s` is %s, but must be from %s to %s%s%s", path, got, min, max,
                       space, unit);
    }
    return -EINVAL;
}

static int set_number(struct maker *maker, const struct weir_option *descriptor, uint32_t type,
                      const char *path, const json_t *json, struct weir_value *value)
{
    double number = json_number_value(json);
    int is_whole = json_is_integer(json) ||
                   (json_is_real(json) && number == floor(number) && fabs(number) < 9e18);
    if (!json_is_number(json) || (type == WEIR_OPTION_INT && !is_whole)) {
        return wrong_type(maker, type, path, json);
    }
    if (type == WEIR_OPTION_INT) {
        value->type = WEIR_VALUE_INT;
        value->as.integer = json_is_integer(json) ? json_integer_value(json) : (int64_t)number;
    } else {
        value->type = WEIR_VALUE_FLOAT;
        value->as.number = number;
    }
    return check_range(maker, descriptor, path, number);
}

static int set_quantity(struct maker *maker, const struct weir_option *descriptor, uint32_t type,
                        const char *path, const json_t *json, struct weir_value *value)
{
    const char *text = json_string_value(json);
    int rc;
    if (text == NULL && type == WEIR_OPTION_BYTES && json_is_integer(json)) {
        value->as.integer = json_integer_value(json);
        value->type = WEIR_VALUE_INT;
        return check_range(maker, descriptor, path, (double)value->as.integer);
    }
    if (text == NULL) {
        return wrong_type(maker, type, path, json);
    }
    value->type = WEIR_VALUE_MONTHS;
    if (type == WEIR_OPTION_DURATION && literal_months(text, &value->as.integer) == 0) {
        if (descriptor->flags & WEIR_OPTION_MONTHS) {
            return 0;
        }
        options_report(maker->options, maker->diagnostics, "W0206", path,
                       "option `%s` cannot be counted in months", path);
        return -EINVAL;
    }
    value->type = WEIR_VALUE_INT;
    rc = type == WEIR_OPTION_DURATION ? literal_duration(text, &value->as.integer)
                                      : literal_bytes(text, &value->as.integer);
    if (rc != 0) {
        options_report(maker->options, maker->diagnostics, "W0206", path,
                       "option `%s` must be %s, not \"%s\"", path, expectation(type), text);
        return rc;
    }
    return check_range(maker, descriptor, path, (double)value->as.integer);
}

static char *join(const char *const *names)
{
    struct text text = {0};
    for (; names != NULL && *names != NULL; names++) {
        text_print(&text, "%s%s", text.length > 0 ? ", " : "", *names);
    }
    return text.at;
}

static void suggest(struct diagnostic *diagnostic, const char *name, const char *const *names)
{
    const char *nearest = text_nearest(name, names);
    char *available = join(names);
    if (available != NULL) {
        diagnostic_set(&diagnostic->available, "%s", available);
    }
    if (nearest != NULL) {
        diagnostic_set(&diagnostic->help, "did you mean `%s`?", nearest);
    }
    free(available);
}

static void set_string(struct maker *maker, const char *text, struct weir_value *value)
{
    value->type = WEIR_VALUE_STRING;
    value->as.string = blocks_copy(&maker->options->blocks, text);
    value->count = (uint32_t)strlen(text);
}

static int set_choice(struct maker *maker, const struct weir_option *descriptor, const char *path,
                      const char *text, struct weir_value *value)
{
    for (int32_t i = 0; descriptor->choices != NULL && descriptor->choices[i] != NULL; i++) {
        if (strcmp(descriptor->choices[i], text) == 0) {
            set_string(maker, text, value);
            value->choice = i;
            return 0;
        }
    }
    struct diagnostic *diagnostic =
        options_report(maker->options, maker->diagnostics, "W0204", path,
                       "option `%s` cannot be \"%s\"", path, text);
    if (descriptor->choices != NULL) {
        suggest(diagnostic, text, descriptor->choices);
    }
    return -EINVAL;
}

static struct unresolved *add_unresolved(struct maker *maker, const struct weir_option *descriptor,
                                         uint32_t type, const char *path, struct weir_value *value)
{
    struct options *options = maker->options;
    struct unresolved *unresolved = blocks_add(&options->blocks, sizeof *unresolved);
    unresolved->descriptor = descriptor;
    unresolved->value = value;
    unresolved->path = blocks_copy(&options->blocks, path);
    unresolved->type = type;
    *options->last = unresolved;
    options->last = &unresolved->next;
    return unresolved;
}

static int set_text(struct maker *maker, const struct weir_option *descriptor, uint32_t type,
                    const char *path, const json_t *json, struct weir_value *value)
{
    const char *text = json_string_value(json);
    if (text == NULL) {
        return wrong_type(maker, type, path, json);
    }
    switch (type) {
    case WEIR_OPTION_ENUM:
        return set_choice(maker, descriptor, path, text, value);
    case WEIR_OPTION_COLUMN:
        set_string(maker, text, value);
        add_unresolved(maker, descriptor, type, path, value)->text =
            blocks_copy(&maker->options->blocks, text);
        return 0;
    case WEIR_OPTION_EXPRESSION:
        value->type = WEIR_VALUE_EXPRESSION;
        add_unresolved(maker, descriptor, type, path, value)->text =
            blocks_copy(&maker->options->blocks, text);
        return 0;
    default:
        set_string(maker, text, value);
        return 0;
    }
}

static int set_resource(struct maker *maker, const char *path, const json_t *json,
                        struct weir_value *value)
{
    const char *name = json_string_value(json_object_get(json, "resource"));
    if (name == NULL) {
        return wrong_type(maker, WEIR_OPTION_RESOURCE, path, json);
    }
    set_string(maker, name, value);
    value->type = WEIR_VALUE_RESOURCE;
    return 0;
}

static int set_field(struct maker *maker, const char *path, const json_t *json,
                     struct weir_value *value)
{
    struct error error;
    struct weir_field field;
    if (!json_is_string(json)) {
        return wrong_type(maker, WEIR_OPTION_SCHEMA, path, json);
    }
    if (field_parse(json_string_value(json), &field, &error) != 0) {
        options_report(maker->options, maker->diagnostics, "W0206", path, "%s", error.text);
        return -EINVAL;
    }
    value->type = WEIR_VALUE_FIELD;
    value->name = blocks_copy(&maker->options->blocks, field.name);
    value->as.field = field.type;
    free((char *)field.name);
    return 0;
}

// --- Aggregates ---

static const char *const aggregate_names[] = {
    [WEIR_AGGREGATE_COUNT - 1] = "count",       [WEIR_AGGREGATE_SUM - 1] = "sum",
    [WEIR_AGGREGATE_MIN - 1] = "min",           [WEIR_AGGREGATE_MAX - 1] = "max",
    [WEIR_AGGREGATE_AVG - 1] = "avg",           [WEIR_AGGREGATE_FIRST - 1] = "first",
    [WEIR_AGGREGATE_LAST - 1] = "last",         [WEIR_AGGREGATE_STDDEV - 1] = "stddev",
    [WEIR_AGGREGATE_DISTINCT - 1] = "distinct", [WEIR_AGGREGATE_DISTINCT] = NULL};

static int set_aggregate(struct maker *maker, const struct weir_option *descriptor,
                         const char *path, const char *name, const json_t *json,
                         struct weir_value *value)
{
    const json_t *aggregate = json_object_get(json, "aggregate");
    const char *function = json_string_value(json_object_get(aggregate, "function"));
    if (function == NULL) {
        return wrong_type(maker, WEIR_OPTION_AGGREGATES, path, json);
    }
    for (uint32_t i = 0; aggregate_names[i] != NULL; i++) {
        if (strcmp(aggregate_names[i], function) == 0) {
            struct unresolved *unresolved =
                add_unresolved(maker, descriptor, WEIR_OPTION_AGGREGATES, path, value);
            unresolved->function = i + 1;
            unresolved->text = blocks_copy(
                &maker->options->blocks, json_string_value(json_object_get(aggregate, "argument")));
            unresolved->by = blocks_copy(&maker->options->blocks,
                                         json_string_value(json_object_get(aggregate, "by")));
            value->type = WEIR_VALUE_AGGREGATE;
            value->name = blocks_copy(&maker->options->blocks, name);
            return 0;
        }
    }
    suggest(options_report(maker->options, maker->diagnostics, "W0212", path,
                           "there is no aggregate `%s`", function),
            function, aggregate_names);
    return -EINVAL;
}

// A positional item of a stage is a map of aggregates; so is the option itself. Their entries
// become one list, in order.
static size_t entries_of(const json_t *json)
{
    return json_array_size(json_object_get(json, "map"));
}

static int set_aggregates(struct maker *maker, const struct weir_option *descriptor,
                          const json_t *positional, const json_t *json, struct weir_value *value)
{
    int rc = 0;
    size_t i, j, count = entries_of(json), made = 0;
    json_t *item, *entry;
    char path[512];
    if (json != NULL && json_object_get(json, "map") == NULL) {
        return wrong_type(maker, WEIR_OPTION_AGGREGATES, descriptor->name, json);
    }
    json_array_foreach(positional, i, item)
    {
        count += entries_of(item);
        if (json_object_get(item, "map") == NULL) {
            snprintf(path, sizeof path, ".%zu", i + 1);
            rc = wrong_type(maker, WEIR_OPTION_AGGREGATES, path, item);
        }
    }
    struct weir_value *items = blocks_add(&maker->options->blocks, (count + 1) * sizeof *items);
    for (i = 0; i <= json_array_size(positional); i++) {
        int is_own = i == json_array_size(positional);
        json_array_foreach(json_object_get(is_own ? json : json_array_get(positional, i), "map"), j,
                           entry)
        {
            const char *name = json_string_value(json_array_get(entry, 0));
            if (is_own) {
                snprintf(path, sizeof path, "%s.%s", descriptor->name, name);
            } else {
                snprintf(path, sizeof path, ".%zu.%s", i + 1, name);
            }
            items[made].column = items[made].choice = -1;
            rc |= set_aggregate(maker, descriptor, path, name, json_array_get(entry, 1),
                                &items[made]);
            made++;
        }
    }
    value->type = WEIR_VALUE_LIST;
    value->as.items = items;
    value->count = (uint32_t)made;
    return rc;
}

// --- Values of any type ---

static int set_value(struct maker *maker, const struct weir_option *descriptor, uint32_t type,
                     const char *path, const json_t *json, struct weir_value *value);

static int set_list(struct maker *maker, const struct weir_option *descriptor, uint32_t element,
                    const char *path, const json_t *json, struct weir_value *value)
{
    int rc = 0, is_single = json_is_string(json) || json_is_number(json);
    size_t count = is_single ? 1 : json_array_size(json);
    if (!is_single && !json_is_array(json)) {
        return wrong_type(maker, descriptor->type, path, json);
    }
    struct weir_value *items = blocks_add(&maker->options->blocks, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        char item_path[512];
        snprintf(item_path, sizeof item_path, is_single ? "%s" : "%s.%zu", path, i + 1);
        rc |= set_value(maker, descriptor, element, item_path,
                        is_single ? json : json_array_get(json, i), &items[i]);
    }
    value->type = WEIR_VALUE_LIST;
    value->count = (uint32_t)count;
    value->as.items = items;
    return rc;
}

static int set_map(struct maker *maker, const struct weir_option *descriptor, const char *path,
                   const json_t *json, struct weir_value *value)
{
    int rc = 0;
    const json_t *entries = json_object_get(json, "map");
    size_t count = json_array_size(entries), i;
    json_t *entry;
    if (entries == NULL && !(json_is_array(json) && json_array_size(json) == 0)) {
        return wrong_type(maker, WEIR_OPTION_MAP, path, json);
    }
    struct weir_value *items = blocks_add(&maker->options->blocks, (count + 1) * sizeof *items);
    json_array_foreach(entries, i, entry)
    {
        const char *name = json_string_value(json_array_get(entry, 0));
        char item_path[512];
        snprintf(item_path, sizeof item_path, "%s.%s", path, name);
        rc |= set_value(maker, descriptor, descriptor->element, item_path, json_array_get(entry, 1),
                        &items[i]);
        items[i].name = blocks_copy(&maker->options->blocks, name);
    }
    value->type = WEIR_VALUE_MAP;
    value->count = (uint32_t)count;
    value->as.items = items;
    return rc;
}

static int set_plain(struct maker *maker, const struct weir_option *descriptor, uint32_t type,
                     const char *path, const json_t *json, struct weir_value *value)
{
    switch (type) {
    case WEIR_OPTION_BOOL:
        if (!json_is_boolean(json)) {
            return wrong_type(maker, type, path, json);
        }
        value->type = WEIR_VALUE_BOOL;
        value->as.integer = json_is_true(json);
        return 0;
    case WEIR_OPTION_INT:
    case WEIR_OPTION_FLOAT:
        return set_number(maker, descriptor, type, path, json, value);
    case WEIR_OPTION_DURATION:
    case WEIR_OPTION_BYTES:
        return set_quantity(maker, descriptor, type, path, json, value);
    case WEIR_OPTION_COLUMNS:
        return set_list(maker, descriptor, WEIR_OPTION_COLUMN, path, json, value);
    case WEIR_OPTION_LIST:
        return set_list(maker, descriptor, descriptor->element, path, json, value);
    case WEIR_OPTION_MAP:
        return set_map(maker, descriptor, path, json, value);
    case WEIR_OPTION_RESOURCE:
        return set_resource(maker, path, json, value);
    default:
        return set_text(maker, descriptor, type, path, json, value);
    }
}

// The value that a reference stands for, new; NULL if it is not set, which is reported.
static json_t *dereference(struct maker *maker, const struct weir_option *descriptor,
                           const char *path, const json_t *json)
{
    const char *kind = json_object_get(json, "env") != NULL ? "env" : "secret";
    const char *name = json_string_value(json_object_get(json, kind));
    const struct options_request *request = maker->request;
    const char *text = request->reference == NULL
                           ? NULL
                           : request->reference(request->reference_owner, kind, name);
    if (text == NULL) {
        struct diagnostic *diagnostic =
            options_report(maker->options, maker->diagnostics, "W0207", path,
                           "option `%s` refers to the %s %s, which is not set", path,
                           kind[0] == 'e' ? "environment variable" : "secret", name);
        if (kind[0] == 'e') {
            diagnostic_set(&diagnostic->help, "set it where the pipeline runs: %s=... weir run",
                           name);
        }
        return NULL;
    }
    return options_from_text(descriptor, text);
}

static int set_value(struct maker *maker, const struct weir_option *descriptor, uint32_t type,
                     const char *path, const json_t *json, struct weir_value *value)
{
    json_t *meant = NULL;
    value->column = value->choice = -1;
    if (json_object_get(json, "env") != NULL || json_object_get(json, "secret") != NULL) {
        json = meant = dereference(maker, descriptor, path, json);
        if (meant == NULL) {
            return -EINVAL;
        }
    }
    int rc = type == WEIR_OPTION_SCHEMA && json_is_string(json)
                 ? set_field(maker, path, json, value)
             : type == WEIR_OPTION_SCHEMA
                 ? set_list(maker, descriptor, WEIR_OPTION_SCHEMA, path, json, value)
                 : set_plain(maker, descriptor, type, path, json, value);
    json_decref(meant);
    return rc;
}

// --- The whole set ---

static const char **names_of(const struct options_request *request)
{
    uint32_t others = 0, count = 0;
    while (request->others != NULL && request->others[others] != NULL) {
        others++;
    }
    const char **names = calloc(request->descriptor_count + others + 1, sizeof *names);
    for (uint32_t i = 0; names != NULL && i < request->descriptor_count; i++) {
        names[count++] = request->descriptors[i].name;
    }
    for (uint32_t i = 0; names != NULL && i < others; i++) {
        names[count++] = request->others[i];
    }
    return names;
}

static const struct weir_option *aggregates_of(const struct options_request *request)
{
    for (uint32_t i = 0; i < request->descriptor_count; i++) {
        if (request->descriptors[i].type == WEIR_OPTION_AGGREGATES) {
            return &request->descriptors[i];
        }
    }
    return NULL;
}

// The place is that of the name ("NAME=" in the description), or of the value.
static struct diagnostic *report_unknown(struct maker *maker, const char *name)
{
    struct diagnostic *diagnostic =
        options_report(maker->options, maker->diagnostics, "W0201", name, "%s has no option `%s`",
                       maker->options->owner, name);
    char key[256];
    struct place place;
    snprintf(key, sizeof key, "%s=", name);
    if (read_place(json_object_get(maker->options->places, key), &place)) {
        diagnostic->place.line = place.line;
        diagnostic->place.column = place.column;
        diagnostic->place.end = place.end;
    }
    return diagnostic;
}

static void check_names(struct maker *maker)
{
    const struct options_request *request = maker->request;
    const char **names = names_of(request), *name;
    json_t *value;
    json_object_foreach((json_t *)request->values, name, value)
    {
        uint32_t i = 0;
        while (names != NULL && names[i] != NULL && strcmp(names[i], name) != 0) {
            i++;
        }
        if (name[0] == '\0' && aggregates_of(request) == NULL) {
            options_report(maker->options, maker->diagnostics, "W0201", ".1",
                           "%s takes no values without a name", maker->options->owner);
        } else if (name[0] != '\0' && names != NULL && names[i] == NULL) {
            suggest(report_unknown(maker, name), name, names);
        }
    }
    free(names);
}

static void report_missing(struct maker *maker, const struct weir_option *descriptor)
{
    struct options *options = maker->options;
    struct diagnostic *diagnostic =
        diagnostic_add(maker->diagnostics, "W0205", &options->place, "%s needs the option `%s`: %s",
                       options->owner, descriptor->name, descriptor->summary);
    if (options->stage != NULL) {
        diagnostic_set(&diagnostic->stage, "%s", options->stage);
    }
    diagnostic_set(&diagnostic->help, "add %s = ..., %s", descriptor->name,
                   expectation(descriptor->type));
}

static void report_deprecated(struct maker *maker, const struct weir_option *descriptor)
{
    struct options *options = maker->options;
    struct place place = options_place_of(options, descriptor->name);
    struct diagnostic *diagnostic =
        diagnostic_add_warning(maker->diagnostics, "W0208", &place, "option `%s` is deprecated: %s",
                               descriptor->name, descriptor->summary);
    if (options->stage != NULL) {
        diagnostic_set(&diagnostic->stage, "%s", options->stage);
    }
}

static void set_option(struct maker *maker, const struct weir_option *descriptor,
                       struct weir_value *value)
{
    const json_t *json = json_object_get(maker->request->values, descriptor->name);
    value->column = value->choice = -1;
    if (descriptor->type == WEIR_OPTION_AGGREGATES) {
        const json_t *positional = aggregates_of(maker->request) == descriptor
                                       ? json_object_get(maker->request->values, "")
                                       : NULL;
        if (json != NULL || positional != NULL) {
            set_aggregates(maker, descriptor, positional, json, value);
            return;
        }
    }
    if (json != NULL && !json_is_null(json)) {
        if (descriptor->flags & WEIR_OPTION_DEPRECATED) {
            report_deprecated(maker, descriptor);
        }
        set_value(maker, descriptor, descriptor->type, descriptor->name, json, value);
    } else if (descriptor->initial != NULL) {
        json_t *initial = options_from_text(descriptor, descriptor->initial);
        set_value(maker, descriptor, descriptor->type, descriptor->name, initial, value);
        json_decref(initial);
    } else if (descriptor->flags & WEIR_OPTION_REQUIRED) {
        report_missing(maker, descriptor);
    }
}

static struct options *options_prepare(const struct options_request *request)
{
    struct options *options = calloc(1, sizeof *options);
    if (options == NULL) {
        return NULL;
    }
    options->last = &options->first;
    options->descriptors = request->descriptors;
    options->count = request->descriptor_count;
    options->values = blocks_add(&options->blocks, (options->count + 1) * sizeof *options->values);
    options->option_places =
        blocks_add(&options->blocks, (options->count + 1) * sizeof *options->option_places);
    options->places = request->places != NULL ? json_deep_copy(request->places) : NULL;
    options->owner =
        blocks_copy(&options->blocks, request->owner != NULL ? request->owner : "this stage");
    options->stage = blocks_copy(&options->blocks, request->stage);
    options->place = request->place;
    options->place.file = blocks_copy(&options->blocks, request->place.file);
    return options;
}

struct options *options_create(const struct options_request *request,
                               struct diagnostics *diagnostics)
{
    uint32_t errors_before = diagnostics->error_count;
    struct options *options = options_prepare(request);
    if (options == NULL) {
        return NULL;
    }
    struct maker maker = {options, request, diagnostics};
    check_names(&maker);
    for (uint32_t i = 0; i < options->count; i++) {
        set_option(&maker, &options->descriptors[i], &options->values[i]);
        options->option_places[i] = options_place_of(options, options->descriptors[i].name);
    }
    if (diagnostics->error_count != errors_before) {
        options_destroy(options);
        return NULL;
    }
    return options;
}

const struct weir_value *options_find(const struct options *options, const char *name)
{
    for (uint32_t i = 0; options != NULL && i < options->count; i++) {
        if (strcmp(options->descriptors[i].name, name) == 0) {
            return &options->values[i];
        }
    }
    return NULL;
}

const struct place *options_place(const struct options *options, const char *name)
{
    for (uint32_t i = 0; i < options->count; i++) {
        if (strcmp(options->descriptors[i].name, name) == 0) {
            return &options->option_places[i];
        }
    }
    return &options->place;
}

const struct place *options_place_in(const struct options *options, const char *sentence)
{
    static const struct place nowhere;
    char name[128] = "";
    const char *start = strchr(sentence, '`'), *end = start != NULL ? strchr(start + 1, '`') : NULL;
    if (end != NULL && (size_t)(end - start) <= sizeof name) {
        memcpy(name, start + 1, (size_t)(end - start - 1));
    }
    return options == NULL ? &nowhere : options_place(options, name);
}
