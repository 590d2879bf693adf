// Builders as plugins see them: those of the data module, with every argument checked, columns that
// nobody wants left absent, and event times filled in.
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "data/schema.h"
#include "host/host_calls.h"
#include "host/instance_body.h"

// How a column is filled; each in one way only.
enum way {
    UNFILLED,
    BY_VALUES,
    BY_TEXT,
    BY_APPEND,
    BY_SHARE,
    BY_GATHER,
    BY_COPY,
    BY_STATE,
    BY_OWNER
};

struct weir_builder {
    struct instance *instance;
    struct batch_builder *inner;
    const struct port *port;
    uint32_t column_count;
    uint32_t shared_rows; // rows of the batches that columns are shared with
    int32_t has_shared;
    int32_t has_times; // given by hand
    const uint8_t *kinds;
    int32_t has_owner;
    int32_t has_adopted;
    int32_t rc;        // the first fault
    uint8_t columns[]; // enum way of each
};

__attribute__((format(printf, 2, 3))) static int32_t fault(struct weir_builder *builder,
                                                           const char *format, ...)
{
    char text[512], who[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (builder->rc == WEIR_OK) {
        builder->rc = instance_fail(builder->instance, WEIR_ERROR_FATAL,
                                    "%s, making a batch for stage `%s`: %s; this is the plugin's "
                                    "fault",
                                    instance_who(builder->instance, who, sizeof who),
                                    builder->instance->context.stage, text);
    }
    return builder->rc;
}

static int32_t check_errno(struct weir_builder *builder, int rc)
{
    if (rc == 0) {
        return WEIR_OK;
    }
    int32_t result = instance_errno(builder->instance, rc, "a batch");
    if (result != WEIR_ERROR_DATA && builder->rc == WEIR_OK) {
        builder->rc = result;
    }
    return result;
}

static struct weir_type type_of(const struct weir_builder *builder, uint32_t column)
{
    return builder->port->schema->fields[column].type;
}

static int has_column(struct weir_builder *builder, uint32_t column)
{
    if (column >= builder->column_count) {
        fault(builder, "there is no column %u, only %u of them", column, builder->column_count);
        return 0;
    }
    return 1;
}

static int is_filled(struct weir_builder *builder, uint32_t column, enum way way)
{
    if (builder->columns[column] != UNFILLED && builder->columns[column] != way) {
        fault(builder, "column `%s` is filled in two ways",
              builder->port->schema->fields[column].name);
        return 0;
    }
    builder->columns[column] = (uint8_t)way;
    return 1;
}

static int is_text(struct weir_builder *builder, uint32_t column, int wanted, enum way way)
{
    char name[32];
    if (!has_column(builder, column)) {
        return 0;
    }
    if ((weir_type_is_text(type_of(builder, column)) != 0) != wanted) {
        fault(builder, "column `%s` is %s, which is filled by %s",
              builder->port->schema->fields[column].name,
              type_name(type_of(builder, column), name, sizeof name),
              wanted ? "weir_builder_values" : "weir_builder_text or weir_builder_append");
        return 0;
    }
    return is_filled(builder, column, way);
}

int32_t host_builder_create(struct weir_context *context, uint32_t output, uint32_t row_capacity,
                            struct weir_builder **out)
{
    struct instance *instance = (struct instance *)context;
    char who[256];
    if (output >= instance->body->port_count || instance->body->ports[output].schema == NULL ||
        row_capacity == 0 || row_capacity > WEIR_BATCH_ROWS_MAX) {
        return instance_fail(instance, WEIR_ERROR_FATAL,
                             "%s begins a batch of %u rows for output %u of stage `%s`: there is "
                             "no such output, or rows are not 1 to 65536; this is the plugin's "
                             "fault",
                             instance_who(instance, who, sizeof who), row_capacity, output,
                             context->stage);
    }
    const struct port *port = &instance->body->ports[output];
    struct weir_builder *builder = calloc(1, sizeof *builder + port->schema->field_count);
    if (builder == NULL) {
        return instance_errno(instance, -ENOMEM, "a batch");
    }
    int rc = batch_builder_create(port->schema, row_capacity, &builder->inner);
    if (rc != 0) {
        free(builder);
        return instance_errno(instance, rc, "a batch");
    }
    builder->instance = instance;
    builder->port = port;
    builder->column_count = port->schema->field_count;
    *out = builder;
    return WEIR_OK;
}

void *host_builder_values(struct weir_builder *builder, uint32_t column)
{
    if (!is_text(builder, column, 0, BY_VALUES)) {
        return NULL;
    }
    void *values = batch_builder_values(builder->inner, column);
    if (values == NULL) {
        check_errno(builder, -ENOMEM);
    }
    return values;
}

uint8_t *host_builder_validity(struct weir_builder *builder, uint32_t column)
{
    if (!has_column(builder, column)) {
        return NULL;
    }
    uint8_t *validity = batch_builder_validity(builder->inner, column);
    if (validity == NULL) {
        check_errno(builder, -ENOMEM);
    }
    return validity;
}

uint8_t *host_builder_kinds(struct weir_builder *builder)
{
    uint8_t *kinds = batch_builder_kinds(builder->inner);
    if (kinds == NULL) {
        check_errno(builder, -ENOMEM);
    }
    builder->kinds = kinds;
    return kinds;
}

uint8_t *host_builder_text(struct weir_builder *builder, uint32_t column, uint64_t byte_count,
                           int32_t **offsets)
{
    if (!is_text(builder, column, 1, BY_TEXT)) {
        return NULL;
    }
    uint8_t *bytes = batch_builder_text(builder->inner, column, byte_count, offsets);
    if (bytes == NULL) {
        check_errno(builder, byte_count > WEIR_BATCH_BYTES_MAX ? -EMSGSIZE : -ENOMEM);
    }
    return bytes;
}

int32_t host_builder_append(struct weir_builder *builder, uint32_t column, const void *bytes,
                            uint32_t byte_count)
{
    if (!is_text(builder, column, 1, BY_APPEND)) {
        return builder->rc;
    }
    return check_errno(builder, batch_builder_append(builder->inner, column, bytes, byte_count));
}

int32_t host_builder_append_null(struct weir_builder *builder, uint32_t column)
{
    if (!is_text(builder, column, 1, BY_APPEND)) {
        return builder->rc;
    }
    return check_errno(builder, batch_builder_append_null(builder->inner, column));
}

static int32_t check_source(struct weir_builder *builder, uint32_t column,
                            const struct weir_batch *batch, uint32_t from, enum way way)
{
    char mine[32], other[32];
    if (!has_column(builder, column) || !is_filled(builder, column, way)) {
        return builder->rc;
    }
    if (from >= batch->column_count) {
        return fault(builder, "column %u is taken from column %u of a batch that has %u", column,
                     from, batch->column_count);
    }
    if (!type_equal(type_of(builder, column), batch->schema->fields[from].type)) {
        return fault(builder, "column `%s` is %s, but the column `%s` it is taken from is %s",
                     builder->port->schema->fields[column].name,
                     type_name(type_of(builder, column), mine, sizeof mine),
                     batch->schema->fields[from].name,
                     type_name(batch->schema->fields[from].type, other, sizeof other));
    }
    return WEIR_OK;
}

int32_t host_builder_share(struct weir_builder *builder, uint32_t column,
                           const struct weir_batch *batch, uint32_t from)
{
    int32_t rc = check_source(builder, column, batch, from, BY_SHARE);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (builder->has_shared && builder->shared_rows != batch->row_count) {
        return fault(builder, "shares columns of batches with %u and %u rows", builder->shared_rows,
                     batch->row_count);
    }
    builder->has_shared = 1;
    builder->shared_rows = batch->row_count;
    return check_errno(builder, batch_builder_share(builder->inner, column, batch, from));
}

int32_t host_builder_gather(struct weir_builder *builder, uint32_t column,
                            const struct weir_batch *batch, uint32_t from, const uint32_t *rows,
                            uint32_t row_count)
{
    int32_t rc = check_source(builder, column, batch, from, BY_GATHER);
    return rc != WEIR_OK ? rc
                         : check_errno(builder, batch_builder_gather(builder->inner, column, batch,
                                                                     from, rows, row_count));
}

int32_t host_builder_adopt(struct weir_builder *builder, uint32_t column,
                           const struct weir_column *view)
{
    char mine[32], other[32];
    if (!has_column(builder, column) || !is_filled(builder, column, BY_OWNER)) {
        return builder->rc;
    }
    builder->has_adopted = 1;
    if (batch_builder_adopt(builder->inner, column, view) == 0) {
        return WEIR_OK;
    }
    return fault(builder,
                 "column `%s` is %s and cannot be a view of %s: a view has the same type, plain "
                 "encoding, 8-byte aligned memory, and offsets only for text",
                 builder->port->schema->fields[column].name,
                 type_name(type_of(builder, column), mine, sizeof mine),
                 type_name(view->type, other, sizeof other));
}

int32_t host_builder_adopt_kinds(struct weir_builder *builder, const uint8_t *kinds)
{
    if (builder->kinds != NULL) {
        return fault(builder, "the kinds are given in two ways");
    }
    builder->has_adopted = 1;
    builder->kinds = kinds;
    batch_builder_adopt_kinds(builder->inner, kinds);
    return WEIR_OK;
}

int32_t host_builder_owner(struct weir_builder *builder, void (*release)(void *owner), void *owner)
{
    if (builder->has_owner) {
        return fault(builder, "it is given a second owner");
    }
    builder->has_owner = 1;
    batch_builder_owner(builder->inner, release, owner);
    return WEIR_OK;
}

int32_t host_builder_evaluate(struct weir_builder *builder, uint32_t column,
                              const struct weir_expression *expression,
                              const struct weir_batch *batch)
{
    char mine[32], other[32];
    struct weir_column view;
    if (!has_column(builder, column)) {
        return builder->rc;
    }
    if (expression->column >= 0 &&
        (!builder->has_shared || builder->shared_rows == batch->row_count)) {
        return host_builder_share(builder, column, batch, (uint32_t)expression->column);
    }
    if (!type_equal(type_of(builder, column), expression->type)) {
        return fault(builder, "column `%s` is %s, but the expression `%s` gives %s",
                     builder->port->schema->fields[column].name,
                     type_name(type_of(builder, column), mine, sizeof mine), expression->text,
                     type_name(expression->type, other, sizeof other));
    }
    int32_t rc = is_filled(builder, column, BY_COPY)
                     ? host_evaluate(&builder->instance->context, expression, batch, &view)
                     : builder->rc;
    return rc != WEIR_OK ? rc
                         : check_errno(builder, batch_builder_copy(builder->inner, column, &view,
                                                                   batch->row_count));
}

void host_builder_inherit(struct weir_builder *builder, const struct weir_batch *batch)
{
    batch_builder_inherit(builder->inner, batch);
}

void host_builder_times(struct weir_builder *builder, int32_t bucket, int64_t time_min_us,
                        int64_t time_max_us, int64_t entered_us)
{
    builder->has_times = time_min_us != WEIR_TIME_NONE;
    batch_builder_times(builder->inner, bucket, time_min_us, time_max_us, entered_us);
}

struct batch_builder *builder_inner(struct weir_builder *builder, uint32_t first_column,
                                    uint32_t column_count)
{
    if (first_column + column_count > builder->column_count) {
        fault(builder, "%u key columns do not fit at column %u of %u", column_count, first_column,
              builder->column_count);
        return NULL;
    }
    memset(builder->columns + first_column, BY_STATE, column_count);
    return builder->inner;
}

// --- Finish ---

// All kinds that were written must be kinds, and ones that the output was declared to carry.
static int32_t check_kinds(struct weir_builder *builder, uint32_t row_count)
{
    static const char *const names[] = {"+I", "-U", "+U", "-D"};
    uint32_t seen = 0;
    uint8_t above = 0, first = 0, second = 0, third = 0, fourth = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        uint8_t kind = builder->kinds[i];
        above |= kind & 0xfc;
        first |= kind == 0;
        second |= kind == 1;
        third |= kind == 2;
        fourth |= kind == 3;
    }
    seen = (uint32_t)(first | second << 1 | third << 2 | fourth << 3);
    if (above != 0) {
        return fault(builder, "a change kind is above %u", WEIR_KIND_DELETE);
    }
    for (uint32_t kind = 0; kind < 4; kind++) {
        if ((seen & ~builder->port->kinds) >> kind & 1) {
            return fault(builder, "a row is %s, but the output was not declared to carry it",
                         names[kind]);
        }
    }
    return WEIR_OK;
}

// The rows' event times come from the column that holds them, unless they were given; what is
// inherited holds only if the operator does not make that column itself.
static void fill_times(const struct weir_builder *builder, struct weir_batch *batch)
{
    const struct port *port = builder->port;
    if (batch->entered_us == WEIR_TIME_NONE) {
        batch->entered_us = builder->instance->now_us;
    }
    if (port->event_time < 0 || builder->has_times ||
        (batch->time_min_us != WEIR_TIME_NONE && !port->is_own_time)) {
        return;
    }
    if (batch->columns[port->event_time].encoding == WEIR_ENCODING_PLAIN) {
        batch_time_range(batch, (uint32_t)port->event_time, &batch->time_min_us,
                         &batch->time_max_us);
    }
}

// Says what is wrong with a column that the data module has refused.
static int32_t refuse_column(struct weir_builder *builder, uint32_t column, uint32_t row_count)
{
    const struct weir_field *field = &builder->port->schema->fields[column];
    if (builder->columns[column] == BY_TEXT) {
        return fault(builder,
                     "the offsets of column `%s` must start at 0, rise and end within its bytes",
                     field->name);
    }
    if (!field->type.nullable) {
        return fault(builder,
                     "column `%s` has nulls (or nothing at all), but was declared `not "
                     "null`",
                     field->name);
    }
    return fault(builder, "column `%s` has fewer rows than the %u of the batch", field->name,
                 row_count);
}

static int32_t check_before(struct weir_builder *builder, uint32_t row_count)
{
    if (row_count > batch_builder_capacity(builder->inner)) {
        return fault(builder, "%u rows are more than the %u that it began with", row_count,
                     batch_builder_capacity(builder->inner));
    }
    if (builder->has_shared && builder->shared_rows != row_count) {
        return fault(builder, "it ends with %u rows, but shares columns of a batch with %u",
                     row_count, builder->shared_rows);
    }
    if (builder->has_adopted && !builder->has_owner) {
        return fault(builder, "it has columns that are views, but no owner (weir_builder_owner)");
    }
    if (builder->rc == WEIR_OK && builder->kinds != NULL) {
        return check_kinds(builder, row_count);
    }
    return builder->rc;
}

int32_t host_builder_finish(struct weir_builder *builder, uint32_t row_count,
                            const struct weir_batch **out)
{
    const struct weir_batch *batch = NULL;
    int32_t rc = check_before(builder, row_count);
    if (rc != WEIR_OK) {
        host_builder_discard(builder);
        return rc;
    }
    for (uint32_t i = 0; i < builder->column_count; i++) {
        if (builder->columns[i] == UNFILLED && !weir_bit(builder->port->wanted, i)) {
            batch_builder_absent(builder->inner, i);
        }
    }
    uint32_t wrong;
    int finished = batch_builder_finish_checked(builder->inner, row_count, &batch, &wrong);
    if (finished == -EINVAL && wrong < builder->column_count) {
        rc = refuse_column(builder, wrong, row_count);
    } else {
        rc = check_errno(builder, finished);
    }
    if (rc == WEIR_OK) {
        fill_times(builder, (struct weir_batch *)batch); // ours until it is handed out
        *out = batch;
    }
    free(builder);
    return rc;
}

void host_builder_discard(struct weir_builder *builder)
{
    if (builder != NULL) {
        batch_builder_discard(builder->inner);
        free(builder);
    }
}
