#include "host/negotiation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "data/schema.h"
#include "host/host_calls.h"
#include "host/instance_body.h"

static int is_source(const struct negotiation *negotiation)
{
    return negotiation->instance->description->kind == WEIR_OPERATOR_SOURCE;
}

static int has_main_output(const struct weir_operator *description)
{
    return description->kind == WEIR_OPERATOR_SOURCE ||
           description->kind == WEIR_OPERATOR_TRANSFORM;
}

uint32_t operator_rejected_output(const struct weir_operator *description)
{
    uint32_t output = 1;
    while (description->outputs != NULL && description->outputs[output - 1] != NULL) {
        output++;
    }
    return output;
}

int32_t operator_output(const struct weir_operator *description, const char *name)
{
    uint32_t rejected = operator_rejected_output(description);
    if (name == NULL || name[0] == '\0') {
        return has_main_output(description) ? 0 : -1;
    }
    for (uint32_t i = 1; i < rejected; i++) {
        if (strcmp(description->outputs[i - 1], name) == 0) {
            return (int32_t)i;
        }
    }
    return strcmp(name, "rejected") == 0 ? (int32_t)rejected : -1;
}

static uint8_t *new_set(struct negotiation *negotiation, const struct weir_schema *schema)
{
    return blocks_add(&negotiation->blocks,
                      schema != NULL ? weir_bit_bytes(schema->field_count) + 1 : 1);
}

struct negotiation *negotiation_create(struct instance *instance, uint32_t input_count)
{
    struct negotiation *negotiation = calloc(1, sizeof *negotiation);
    if (negotiation == NULL) {
        return NULL;
    }
    uint32_t rejected = operator_rejected_output(instance->description);
    negotiation->head = (struct weir_negotiation){.size = sizeof negotiation->head,
                                                  .input_count = input_count,
                                                  .output_count = rejected,
                                                  .context = &instance->context};
    negotiation->instance = instance;
    negotiation->output_count = rejected + 1;
    negotiation->inputs = calloc(input_count + 1, sizeof *negotiation->inputs);
    negotiation->outputs = calloc(rejected + 1, sizeof *negotiation->outputs);
    negotiation->schemas = calloc(rejected + 1, sizeof *negotiation->schemas);
    negotiation->resources =
        calloc(instance->description->option_count + 1, sizeof *negotiation->resources);
    if (negotiation->inputs == NULL || negotiation->outputs == NULL ||
        negotiation->schemas == NULL || negotiation->resources == NULL) {
        negotiation_destroy(negotiation);
        return NULL;
    }
    return negotiation;
}

// Forgets what came out of the passes.
static void reset(struct negotiation *negotiation)
{
    for (uint32_t i = 0; negotiation->schemas != NULL && i < negotiation->output_count; i++) {
        free(negotiation->schemas[i]);
        negotiation->schemas[i] = NULL;
    }
    blocks_finish(&negotiation->blocks);
    negotiation->resource_count = 0;
}

void negotiation_destroy(struct negotiation *negotiation)
{
    if (negotiation == NULL) {
        return;
    }
    reset(negotiation);
    free(negotiation->inputs);
    free(negotiation->outputs);
    free(negotiation->schemas);
    free(negotiation->resources);
    free(negotiation);
}

void negotiation_set_input(struct negotiation *negotiation, uint32_t input,
                           const struct weir_schema *schema, uint32_t kinds, int32_t event_time,
                           int32_t is_bounded)
{
    negotiation->inputs[input].input =
        (struct weir_input){sizeof(struct weir_input), kinds, schema, event_time, is_bounded};
}

// --- What the plugin says, through the host table ---

// Notes the first thing that a plugin has said and that cannot be.
__attribute__((format(printf, 2, 3))) static int32_t fault(struct negotiation *negotiation,
                                                           const char *format, ...)
{
    if (negotiation->fault.code == 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(negotiation->fault.text, sizeof negotiation->fault.text, format, arguments);
        va_end(arguments);
        negotiation->fault.code = WEIR_ERROR_FATAL;
    }
    return WEIR_ERROR_FATAL;
}

static struct negotiation *of(struct weir_negotiation *head)
{
    return (struct negotiation *)head;
}

const struct weir_input *host_negotiation_input(struct weir_negotiation *head, uint32_t input)
{
    static const struct weir_schema no_columns = {sizeof no_columns, 0, NULL};
    static const struct weir_input no_input = {sizeof no_input, 0, &no_columns, -1, 1};
    if (input >= head->input_count) {
        fault(of(head), "asks for input %u of %u", input, head->input_count);
        return &no_input;
    }
    return &of(head)->inputs[input].input;
}

// The schema of an input if it has exactly these fields.
static const struct weir_schema *same_schema(const struct negotiation *negotiation,
                                             const struct weir_schema *schema)
{
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        const struct weir_schema *other = negotiation->inputs[i].input.schema;
        uint32_t column = 0;
        while (other->field_count == schema->field_count && column < schema->field_count &&
               type_equal(other->fields[column].type, schema->fields[column].type) &&
               other->fields[column].type.nullable == schema->fields[column].type.nullable &&
               strcmp(other->fields[column].name, schema->fields[column].name) == 0) {
            column++;
        }
        if (other->field_count == schema->field_count && column == schema->field_count) {
            return other;
        }
    }
    return NULL;
}

static void set_schema(struct negotiation *negotiation, uint32_t output, struct weir_schema *schema)
{
    struct negotiation_output *out = &negotiation->outputs[output];
    const struct weir_schema *same = same_schema(negotiation, schema);
    free(negotiation->schemas[output]);
    negotiation->schemas[output] = same != NULL ? NULL : schema;
    if (same != NULL) {
        free(schema);
    }
    out->schema = same != NULL ? same : schema;
    size_t origin_count = (size_t)negotiation->head.input_count * out->schema->field_count;
    out->origins = blocks_add(&negotiation->blocks, (origin_count + 1) * sizeof *out->origins);
    memset(out->origins, 0xff, origin_count * sizeof *out->origins);
    out->wanted = new_set(negotiation, out->schema);
}

int32_t host_negotiation_output(struct weir_negotiation *head, uint32_t output,
                                const struct weir_field *fields, uint32_t field_count)
{
    struct error error;
    if (head->pass != WEIR_NEGOTIATE_SCHEMAS) {
        return WEIR_OK;
    }
    if (output >= head->output_count) {
        return fault(of(head), "declares output %u of %u", output, head->output_count);
    }
    struct weir_schema *schema = schema_create(fields, field_count, &error);
    if (schema == NULL) {
        return head->context->host->fail(head->context, WEIR_ERROR_CONFIG, error.text);
    }
    set_schema(of(head), output, schema);
    return WEIR_OK;
}

void host_negotiation_origin(struct weir_negotiation *head, uint32_t output, uint32_t column,
                             uint32_t input, uint32_t from)
{
    struct negotiation *negotiation = of(head);
    if (head->pass != WEIR_NEGOTIATE_SCHEMAS) {
        return;
    }
    if (output >= head->output_count || negotiation->outputs[output].schema == NULL ||
        column >= negotiation->outputs[output].schema->field_count || input >= head->input_count ||
        from >= negotiation->inputs[input].input.schema->field_count) {
        fault(negotiation, "names column %u of input %u as the origin of column %u of output %u",
              from, input, column, output);
        return;
    }
    struct negotiation_output *out = &negotiation->outputs[output];
    out->origins[input * out->schema->field_count + column] = (int32_t)from;
}

void host_negotiation_kinds(struct weir_negotiation *head, uint32_t output, uint32_t kinds)
{
    if (head->pass == WEIR_NEGOTIATE_SCHEMAS && output < head->output_count) {
        of(head)->outputs[output].kinds = kinds & WEIR_KINDS_ALL;
    }
}

void host_negotiation_bounded(struct weir_negotiation *head, int32_t is_bounded)
{
    for (uint32_t i = 0; head->pass == WEIR_NEGOTIATE_SCHEMAS && i < head->output_count; i++) {
        of(head)->outputs[i].is_bounded = is_bounded != 0;
    }
}

static int are_columns(const struct weir_schema *schema, const uint32_t *columns,
                       uint32_t column_count)
{
    for (uint32_t i = 0; i < column_count; i++) {
        if (schema == NULL || columns[i] >= schema->field_count) {
            return 0;
        }
    }
    return 1;
}

static uint32_t *keep_columns(struct negotiation *negotiation, const uint32_t *columns,
                              uint32_t column_count)
{
    uint32_t *kept = blocks_add(&negotiation->blocks, (column_count + 1) * sizeof *kept);
    if (column_count > 0) {
        memcpy(kept, columns, column_count * sizeof *kept);
    }
    return kept;
}

int32_t host_negotiation_partition(struct weir_negotiation *head, uint32_t input,
                                   const uint32_t *columns, uint32_t column_count)
{
    struct negotiation *negotiation = of(head);
    if (head->pass != WEIR_NEGOTIATE_SCHEMAS) {
        return WEIR_OK;
    }
    if (input >= head->input_count ||
        !are_columns(negotiation->inputs[input].input.schema, columns, column_count)) {
        return fault(negotiation, "partitions input %u by columns that it does not have", input);
    }
    negotiation->inputs[input].is_partitioned = 1;
    negotiation->inputs[input].partition = keep_columns(negotiation, columns, column_count);
    negotiation->inputs[input].partition_count = column_count;
    return WEIR_OK;
}

void host_negotiation_partitioned(struct weir_negotiation *head, uint32_t output,
                                  const uint32_t *columns, uint32_t column_count,
                                  uint32_t group_count)
{
    struct negotiation *negotiation = of(head);
    if (head->pass != WEIR_NEGOTIATE_SCHEMAS) {
        return;
    }
    if (output >= head->output_count ||
        !are_columns(negotiation->outputs[output].schema, columns, column_count)) {
        fault(negotiation, "promises output %u by columns that it does not have", output);
        return;
    }
    negotiation->outputs[output].group_count = group_count;
    negotiation->outputs[output].partitioned = keep_columns(negotiation, columns, column_count);
    negotiation->outputs[output].partitioned_count = column_count;
}

int32_t host_negotiation_wanted(struct weir_negotiation *head, uint32_t output, uint32_t column)
{
    const struct negotiation_output *out = &of(head)->outputs[output];
    if (output >= head->output_count || out->schema == NULL || column >= out->schema->field_count) {
        fault(of(head), "asks for column %u of output %u", column, output);
        return 0;
    }
    return head->pass == WEIR_NEGOTIATE_SCHEMAS || weir_bit(out->wanted, column);
}

uint32_t host_negotiation_wanted_kinds(struct weir_negotiation *head, uint32_t output)
{
    if (output >= head->output_count) {
        fault(of(head), "asks for output %u of %u", output, head->output_count);
        return 0;
    }
    return head->pass == WEIR_NEGOTIATE_SCHEMAS ? WEIR_KINDS_ALL
                                                : of(head)->outputs[output].wanted_kinds;
}

void host_negotiation_want(struct weir_negotiation *head, uint32_t input, uint32_t column)
{
    struct negotiation *negotiation = of(head);
    if (head->pass != WEIR_NEGOTIATE_WANTS) {
        return;
    }
    if (input >= head->input_count ||
        column >= negotiation->inputs[input].input.schema->field_count) {
        fault(negotiation, "wants column %u of input %u", column, input);
        return;
    }
    weir_bit_set(negotiation->inputs[input].wanted, column, 1);
}

void host_negotiation_want_kinds(struct weir_negotiation *head, uint32_t input, uint32_t kinds)
{
    if (head->pass == WEIR_NEGOTIATE_WANTS && input < head->input_count) {
        of(head)->inputs[input].wanted_kinds = kinds & WEIR_KINDS_ALL;
    }
}

void host_negotiation_want_rows(struct weir_negotiation *head, uint32_t input,
                                const struct weir_expression *condition)
{
    if (head->pass != WEIR_NEGOTIATE_WANTS || input >= head->input_count || condition == NULL) {
        return;
    }
    struct negotiation_input *in = &of(head)->inputs[input];
    const struct weir_expression **more =
        blocks_add(&of(head)->blocks, (in->condition_count + 1) * sizeof *more);
    if (in->condition_count > 0) {
        memcpy(more, in->conditions, in->condition_count * sizeof *more);
    }
    more[in->condition_count++] = condition;
    in->conditions = more;
}

void host_negotiation_resource(struct weir_negotiation *head, const char *option,
                               int32_t is_written)
{
    struct negotiation *negotiation = of(head);
    const struct weir_operator *description = negotiation->instance->description;
    if (head->pass != WEIR_NEGOTIATE_SCHEMAS) {
        return;
    }
    for (uint32_t i = 0; i < description->option_count; i++) {
        if (strcmp(description->options[i].name, option) == 0 &&
            negotiation->resource_count < description->option_count) {
            negotiation->resources[negotiation->resource_count++] =
                (struct negotiation_resource){description->options[i].name, is_written != 0};
            return;
        }
    }
    fault(negotiation, "names the resource of an option `%s` that it does not declare", option);
}

// --- The passes ---

static int report(const struct negotiation *negotiation, int32_t rc, const char *function,
                  struct diagnostics *diagnostics)
{
    const struct instance *instance = negotiation->instance;
    char who[256];
    struct diagnostic *diagnostic;
    if (negotiation->fault.code != 0) {
        diagnostic = diagnostic_add(diagnostics, "W0222", options_place_in(instance->options, ""),
                                    "%s %s in %s: this is the plugin's fault",
                                    instance_who(instance, who, sizeof who),
                                    negotiation->fault.text, function);
    } else {
        diagnostic = diagnostic_add(diagnostics, rc == WEIR_ERROR_FATAL ? "W0222" : "W0221",
                                    options_place_in(instance->options, instance->error.text), "%s",
                                    instance->error.text);
    }
    diagnostic_set(&diagnostic->stage, "%s", instance->context.stage);
    return -EINVAL;
}

static int32_t call_negotiate(struct negotiation *negotiation, uint32_t pass)
{
    struct instance *instance = negotiation->instance;
    struct instance_call call;
    negotiation->head.pass = pass;
    instance_enter(instance, &call, "negotiate", NULL);
    int32_t rc = instance->description->negotiate(instance->self, &negotiation->head);
    rc = instance_leave(instance, &call, rc, 0);
    return negotiation->fault.code != 0 ? WEIR_ERROR_FATAL : rc;
}

static int default_schemas(struct negotiation *negotiation)
{
    if (has_main_output(negotiation->instance->description) && negotiation->head.input_count > 0) {
        negotiation->head.pass = WEIR_NEGOTIATE_SCHEMAS;
        return weir_negotiation_output_like(&negotiation->head, 0, 0);
    }
    return 0;
}

static uint32_t all_kinds(const struct negotiation *negotiation)
{
    uint32_t kinds = is_source(negotiation) ? WEIR_KINDS_INSERT : 0;
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        kinds |= negotiation->inputs[i].input.kinds;
    }
    return kinds;
}

static int32_t all_bounded(const struct negotiation *negotiation)
{
    int32_t is_bounded = 1;
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        is_bounded &= negotiation->inputs[i].input.is_bounded != 0;
    }
    return is_bounded;
}

static void prepare_outputs(struct negotiation *negotiation)
{
    const struct weir_operator *description = negotiation->instance->description;
    for (uint32_t i = 0; i < negotiation->output_count; i++) {
        negotiation->outputs[i] = (struct negotiation_output){
            .name = i == 0                              ? ""
                    : i + 1 < negotiation->output_count ? description->outputs[i - 1]
                                                        : "rejected",
            .kinds = all_kinds(negotiation),
            .is_bounded = all_bounded(negotiation),
            .event_time = -1};
    }
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        struct negotiation_input *in = &negotiation->inputs[i];
        in->is_partitioned = 0;
        in->partition = NULL;
        in->partition_count = 0;
        in->wanted = new_set(negotiation, in->input.schema);
    }
}

// A column is an output's event time if it holds that of every input it comes from.
static int32_t event_time_of(const struct negotiation *negotiation,
                             const struct negotiation_output *out)
{
    for (uint32_t column = 0; column < out->schema->field_count; column++) {
        uint32_t from = 0, same = 0;
        for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
            int32_t origin = out->origins[i * out->schema->field_count + column];
            from += origin >= 0;
            same += origin >= 0 && origin == negotiation->inputs[i].input.event_time;
        }
        if (from > 0 && from == same) {
            return (int32_t)column;
        }
    }
    return -1;
}

static const char *free_name(const struct weir_schema *schema, const char *name, char *buffer,
                             size_t size)
{
    snprintf(buffer, size, "%s", name);
    for (int i = 2; weir_schema_find(schema, buffer) >= 0; i++) {
        snprintf(buffer, size, "%s_%d", name, i);
    }
    return buffer;
}

static void add_rejected(struct negotiation *negotiation)
{
    struct error error;
    struct weir_schema *schema;
    uint32_t rejected = negotiation->output_count - 1;
    if (negotiation->head.input_count == 0) {
        struct weir_field fields[] = {{"place", weir_type_of(WEIR_TYPE_STRING)},
                                      {"reason", weir_type_of(WEIR_TYPE_STRING)},
                                      {"record", weir_type_of(WEIR_TYPE_BYTES)}};
        schema = schema_create(fields, 3, &error);
        negotiation->outputs[rejected].kinds = WEIR_KINDS_INSERT;
    } else {
        const struct weir_schema *input = negotiation->inputs[0].input.schema;
        struct weir_field *fields =
            blocks_add(&negotiation->blocks, (input->field_count + 1) * sizeof *fields);
        char name[WEIR_FIELD_NAME_BYTES_MAX + 1];
        memcpy(fields, input->fields, input->field_count * sizeof *fields);
        fields[input->field_count] = (struct weir_field){
            free_name(input, "reject_reason", name, sizeof name), weir_type_of(WEIR_TYPE_STRING)};
        schema = schema_create(fields, input->field_count + 1, &error);
    }
    if (schema == NULL) {
        return; // no room for one more column: rejects are only counted
    }
    set_schema(negotiation, rejected, schema);
    uint32_t field_count = negotiation->outputs[rejected].schema->field_count;
    for (uint32_t i = 0; negotiation->head.input_count > 0 && i + 1 < field_count; i++) {
        negotiation->outputs[rejected].origins[i] = (int32_t)i;
    }
}

static int check_outputs(struct negotiation *negotiation)
{
    uint32_t first = has_main_output(negotiation->instance->description) ? 0 : 1;
    for (uint32_t i = first; i < negotiation->head.output_count; i++) {
        if (negotiation->outputs[i].schema == NULL) {
            return fault(negotiation, "does not say what its output %s%s%s is", i == 0 ? "0" : "`",
                         negotiation->outputs[i].name, i == 0 ? "" : "`");
        }
    }
    return 0;
}

static void name_input(const struct negotiation *negotiation, uint32_t input, char *buffer,
                       size_t size)
{
    if (negotiation->inputs[input].from != NULL) {
        snprintf(buffer, size, "`%s`", negotiation->inputs[input].from);
    } else {
        snprintf(buffer, size, "input %u", input + 1);
    }
}

// Columns of two inputs that must agree and do not; 0 if all is well.
static int compare_inputs(struct negotiation *negotiation, uint32_t input,
                          struct diagnostics *diagnostics)
{
    const struct negotiation_input *first = &negotiation->inputs[0],
                                   *other = &negotiation->inputs[input];
    const struct weir_schema *a = first->input.schema, *b = other->input.schema;
    char a_type[32], b_type[32], a_from[160], b_from[160];
    name_input(negotiation, 0, a_from, sizeof a_from);
    name_input(negotiation, input, b_from, sizeof b_from);
    struct diagnostic *diagnostic = NULL;
    for (uint32_t i = 0; diagnostic == NULL && i < a->field_count && i < b->field_count; i++) {
        type_name(a->fields[i].type, a_type, sizeof a_type);
        type_name(b->fields[i].type, b_type, sizeof b_type);
        if (strcmp(a->fields[i].name, b->fields[i].name) != 0 ||
            !type_equal(a->fields[i].type, b->fields[i].type)) {
            diagnostic = diagnostic_add(
                diagnostics, "W0223", options_place_in(negotiation->instance->options, ""),
                "inputs differ: column %u is `%s %s` in %s, but `%s %s` in %s", i + 1,
                a->fields[i].name, a_type, a_from, b->fields[i].name, b_type, b_from);
        }
    }
    if (diagnostic == NULL && a->field_count != b->field_count) {
        diagnostic = diagnostic_add(diagnostics, "W0223",
                                    options_place_in(negotiation->instance->options, ""),
                                    "inputs differ: %s has %u columns, %s has %u", a_from,
                                    a->field_count, b_from, b->field_count);
    }
    if (diagnostic != NULL) {
        diagnostic_set(&diagnostic->stage, "%s", negotiation->instance->context.stage);
        diagnostic_set(&diagnostic->help,
                       "a `map` before this stage can keep, rename and cast columns");
    }
    return diagnostic != NULL ? -EINVAL : 0;
}

static int check_inputs(struct negotiation *negotiation, struct diagnostics *diagnostics)
{
    int rc = 0;
    if (negotiation->instance->description->flags & WEIR_OPERATOR_MANY_INPUTS) {
        for (uint32_t i = 1; i < negotiation->head.input_count; i++) {
            rc = compare_inputs(negotiation, i, diagnostics) != 0 ? -EINVAL : rc;
        }
    }
    return rc;
}

static int resolve(struct negotiation *negotiation, struct options *options,
                   struct diagnostics *diagnostics)
{
    const struct weir_schema **schemas =
        blocks_add(&negotiation->blocks, (negotiation->head.input_count + 1) * sizeof *schemas);
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        schemas[i] = negotiation->inputs[i].input.schema;
    }
    return options_resolve(options, schemas, negotiation->head.input_count, diagnostics);
}

static int32_t schemas_pass(struct negotiation *negotiation)
{
    negotiation->fault.code = 0;
    prepare_outputs(negotiation);
    int32_t rc = negotiation->instance->description->negotiate != NULL
                     ? call_negotiate(negotiation, WEIR_NEGOTIATE_SCHEMAS)
                     : default_schemas(negotiation);
    if (rc == WEIR_OK) {
        rc = check_outputs(negotiation);
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    add_rejected(negotiation);
    for (uint32_t i = 0; i < negotiation->output_count; i++) {
        struct negotiation_output *out = &negotiation->outputs[i];
        out->event_time = out->schema != NULL ? event_time_of(negotiation, out) : -1;
    }
    return WEIR_OK;
}

int negotiation_schemas(struct negotiation *negotiation, struct options *options,
                        struct diagnostics *diagnostics)
{
    reset(negotiation);
    if (check_inputs(negotiation, diagnostics) != 0 ||
        (options != NULL && resolve(negotiation, options, diagnostics) != 0)) {
        return -EINVAL;
    }
    int32_t rc = schemas_pass(negotiation);
    return rc == WEIR_OK ? 0 : report(negotiation, rc, "negotiate", diagnostics);
}

void negotiation_want_output(struct negotiation *negotiation, uint32_t output,
                             const uint8_t *columns, uint32_t kinds)
{
    struct negotiation_output *out = &negotiation->outputs[output];
    for (uint32_t i = 0; out->schema != NULL && i < out->schema->field_count; i++) {
        if (columns == NULL || weir_bit(columns, i)) {
            weir_bit_set(out->wanted, i, 1);
        }
    }
    out->wanted_kinds |= kinds;
}

static void want_all(struct negotiation *negotiation)
{
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        struct negotiation_input *in = &negotiation->inputs[i];
        for (uint32_t column = 0; column < in->input.schema->field_count; column++) {
            weir_bit_set(in->wanted, column, 1);
        }
    }
}

// 1 if the operator itself makes the column that is an output's event time.
static int is_own_time(const struct negotiation *negotiation, const struct negotiation_output *out)
{
    if (out->schema == NULL || out->event_time < 0) {
        return 0;
    }
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        int32_t origin = out->origins[i * out->schema->field_count + (uint32_t)out->event_time];
        if (origin >= 0 && origin == negotiation->inputs[i].input.event_time) {
            return 0;
        }
    }
    return 1;
}

int32_t negotiation_is_own_time(const struct negotiation *negotiation, uint32_t output)
{
    return is_own_time(negotiation, &negotiation->outputs[output]);
}

// What the host itself reads: keys, event times that the operator makes, columns of rejected rows.
static void want_for_host(struct negotiation *negotiation)
{
    const struct negotiation_output *rejected =
        &negotiation->outputs[negotiation->output_count - 1];
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        struct negotiation_input *in = &negotiation->inputs[i];
        for (uint32_t k = 0; k < in->partition_count; k++) {
            weir_bit_set(in->wanted, in->partition[k], 1);
        }
        int is_kept =
            negotiation->instance->on_error == ON_ERROR_REJECT && rejected->schema != NULL;
        for (uint32_t c = 0; is_kept && c < rejected->schema->field_count; c++) {
            int32_t origin = rejected->origins[i * rejected->schema->field_count + c];
            if (origin >= 0 && weir_bit(rejected->wanted, c)) {
                weir_bit_set(in->wanted, (uint32_t)origin, 1);
            }
        }
    }
}

static int32_t wants_pass(struct negotiation *negotiation)
{
    negotiation->fault.code = 0;
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        struct negotiation_input *in = &negotiation->inputs[i];
        memset(in->wanted, 0, weir_bit_bytes(in->input.schema->field_count));
        in->wanted_kinds = WEIR_KINDS_ALL;
        in->conditions = NULL;
        in->condition_count = 0;
    }
    for (uint32_t i = 0; i < negotiation->output_count; i++) {
        struct negotiation_output *out = &negotiation->outputs[i];
        if (is_own_time(negotiation, out)) {
            weir_bit_set(out->wanted, (uint32_t)out->event_time, 1);
        }
    }
    if (negotiation->instance->description->negotiate == NULL) {
        want_all(negotiation);
    } else {
        int32_t rc = call_negotiate(negotiation, WEIR_NEGOTIATE_WANTS);
        if (rc != WEIR_OK) {
            return rc;
        }
    }
    want_for_host(negotiation);
    return WEIR_OK;
}

int negotiation_wants(struct negotiation *negotiation, struct diagnostics *diagnostics)
{
    int32_t rc = wants_pass(negotiation);
    return rc == WEIR_OK ? 0 : report(negotiation, rc, "negotiate", diagnostics);
}

int32_t negotiation_repeat(const struct negotiation *negotiation, struct instance *instance)
{
    struct negotiation *again = negotiation_create(instance, negotiation->head.input_count);
    if (again == NULL) {
        return instance_errno(instance, -ENOMEM, "negotiation");
    }
    for (uint32_t i = 0; i < negotiation->head.input_count; i++) {
        again->inputs[i].input = negotiation->inputs[i].input;
    }
    int32_t rc = schemas_pass(again);
    for (uint32_t i = 0; rc == WEIR_OK && i < negotiation->output_count; i++) {
        const struct negotiation_output *out = &negotiation->outputs[i];
        again->outputs[i].event_time = out->event_time;
        negotiation_want_output(again, i, out->wanted, out->wanted_kinds);
    }
    rc = rc == WEIR_OK ? wants_pass(again) : rc;
    if (rc != WEIR_OK && again->fault.code != 0) {
        instance_fail(instance, WEIR_ERROR_FATAL, "%s", again->fault.text);
    }
    negotiation_destroy(again);
    return rc;
}
