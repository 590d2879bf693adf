// Output: every batch is checked against what its stage has negotiated before anybody else sees it.
#include "data/schema.h"
#include "host/instance_body.h"

static int32_t misfit(struct instance *instance, const struct port *port, uint32_t output,
                      const struct weir_batch *batch)
{
    char who[256], declared[32], got[32];
    const struct weir_schema *schema = port->schema;
    instance_who(instance, who, sizeof who);
    for (uint32_t i = 0; i < schema->field_count && i < batch->column_count; i++) {
        const struct weir_field *field = &schema->fields[i], *other = &batch->schema->fields[i];
        if (!type_equal(field->type, other->type) || strcmp(field->name, other->name) != 0) {
            return instance_fail(
                instance, WEIR_ERROR_FATAL,
                "%s emitted a batch that does not fit output %u of stage `%s`: column %u is `%s "
                "%s`, declared was `%s %s`; this is the plugin's fault",
                who, output, instance->context.stage, i + 1, other->name,
                type_name(other->type, got, sizeof got), field->name,
                type_name(field->type, declared, sizeof declared));
        }
    }
    return instance_fail(instance, WEIR_ERROR_FATAL,
                         "%s emitted a batch of %u columns to output %u of stage `%s`, declared "
                         "were %u; this is the plugin's fault",
                         who, batch->column_count, output, instance->context.stage,
                         schema->field_count);
}

static int is_fitting(struct port *port, const struct weir_batch *batch)
{
    const struct weir_schema *schema = port->schema, *other = batch->schema;
    if (other == schema || other == port->accepted) {
        return 1;
    }
    if (other->field_count != schema->field_count) {
        return 0;
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (!type_equal(schema->fields[i].type, other->fields[i].type) ||
            strcmp(schema->fields[i].name, other->fields[i].name) != 0) {
            return 0;
        }
    }
    port->accepted = other;
    return 1;
}

static int32_t check_columns(struct instance *instance, const struct port *port, uint32_t output,
                             const struct weir_batch *batch)
{
    char who[256];
    for (uint32_t i = 0; i < batch->column_count; i++) {
        const struct weir_column *column = &batch->columns[i];
        const char *wrong = NULL;
        if (column->encoding == WEIR_ENCODING_ABSENT) {
            wrong = weir_bit(port->wanted, i) ? "is absent, but a later stage reads it" : NULL;
        } else if (column->null_count > 0 && !port->schema->fields[i].type.nullable) {
            wrong = "has nulls, but was declared `not null`";
        }
        if (wrong != NULL) {
            return instance_fail(instance, WEIR_ERROR_FATAL,
                                 "%s emitted to output %u of stage `%s` a batch whose column `%s` "
                                 "%s; this is the plugin's fault",
                                 instance_who(instance, who, sizeof who), output,
                                 instance->context.stage, port->schema->fields[i].name, wrong);
        }
    }
    return WEIR_OK;
}

static int32_t check(struct instance *instance, uint32_t output, const struct weir_batch *batch)
{
    char who[256];
    struct instance_body *body = instance->body;
    if (batch == NULL || output >= body->port_count || body->ports[output].schema == NULL) {
        return instance_fail(instance, WEIR_ERROR_FATAL,
                             "%s emitted %s to output %u of stage `%s`, which it does not have; "
                             "this is the plugin's fault",
                             instance_who(instance, who, sizeof who),
                             batch == NULL ? "no batch" : "a batch", output,
                             instance->context.stage);
    }
    if (!is_fitting(&body->ports[output], batch)) {
        return misfit(instance, &body->ports[output], output, batch);
    }
    return check_columns(instance, &body->ports[output], output, batch);
}

int32_t instance_emit(struct instance *instance, uint32_t output, const struct weir_batch *batch)
{
    struct instance_body *body = instance->body;
    int32_t rc = check(instance, output, batch);
    if (rc != WEIR_OK || instance->hooks->emit == NULL) {
        batch_unref(batch);
    } else {
        instance->emitted_rows += batch->row_count;
        instance->emitted_bytes += batch_bytes(batch);
        rc = instance->hooks->emit(instance, output, batch);
        instance->is_downstream |= rc != WEIR_OK && body->emit_rc == WEIR_OK;
    }
    body->emit_rc = body->emit_rc == WEIR_OK ? rc : body->emit_rc;
    return rc;
}
