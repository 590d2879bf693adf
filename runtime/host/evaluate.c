// Expressions over batches, with the rows that fail booked as rejected.
#include "base/memory.h"
#include "host/host_calls.h"
#include "host/instance_body.h"

#include <errno.h>
#include <stdlib.h>

// weir_expression is the head of the expression module's own struct.
static int32_t evaluate(struct instance *instance, const struct weir_expression *expression,
                        const struct weir_batch *batch, struct weir_column *result)
{
    const struct expr_failure *failures = NULL;
    uint32_t failure_count = 0;
    int64_t now_us = instance->now_us;
    int64_t now_ms = now_us / 1000 - (now_us % 1000 < 0);
    instance->body->is_evaluator_used = 1;
    int rc = expression_evaluate((const struct expression *)expression, instance->body->evaluator,
                                 batch, now_ms, result, &failures, &failure_count);
    if (rc != 0) {
        return instance_errno(instance, rc, expression->text);
    }
    int32_t booked = WEIR_OK;
    for (uint32_t i = 0; booked == WEIR_OK && i < failure_count; i++) {
        booked = rejects_row(instance, batch, failures[i].row, failures[i].reason);
    }
    return booked;
}

int32_t host_evaluate(struct weir_context *context, const struct weir_expression *expression,
                      const struct weir_batch *batch, struct weir_column *result)
{
    return evaluate((struct instance *)context, expression, batch, result);
}

// A buffer for row numbers that stays untouched until the call ends.
static uint32_t *next_buffer(struct instance_body *body, uint32_t row_count)
{
    if (body->buffers_used == body->buffer_count) {
        struct row_buffer *buffers =
            realloc(body->buffers, (body->buffer_count + 1) * sizeof *buffers);
        if (buffers == NULL) {
            return NULL;
        }
        body->buffers = buffers;
        body->buffers[body->buffer_count++] = (struct row_buffer){NULL, 0};
    }
    struct row_buffer *buffer = &body->buffers[body->buffers_used];
    if (buffer->capacity < row_count) {
        uint32_t capacity = row_count < 1024 ? 1024 : row_count;
        memory_free(buffer->rows, buffer->capacity * sizeof *buffer->rows);
        buffer->rows = memory_allocate(capacity * sizeof *buffer->rows);
        buffer->capacity = buffer->rows != NULL ? capacity : 0;
    }
    body->buffers_used += buffer->rows != NULL;
    return buffer->rows;
}

int32_t host_evaluate_condition(struct weir_context *context,
                                const struct weir_expression *expression,
                                const struct weir_batch *batch, const uint32_t **rows,
                                uint32_t *row_count)
{
    struct instance *instance = (struct instance *)context;
    struct weir_column condition;
    int32_t rc = evaluate(instance, expression, batch, &condition);
    if (rc != WEIR_OK) {
        return rc;
    }
    uint32_t *buffer = next_buffer(instance->body, batch->row_count);
    if (buffer == NULL) {
        return instance_errno(instance, -ENOMEM, expression->text);
    }
    *row_count = condition_rows(&condition, batch->row_count, buffer);
    *rows = *row_count == batch->row_count ? NULL : buffer;
    return WEIR_OK;
}
