// The functions of the host table that live outside host.c.
#ifndef HOST_HOST_CALLS_H
#define HOST_HOST_CALLS_H

#include "weir/operator.h"

// negotiation.c
const struct weir_input *host_negotiation_input(struct weir_negotiation *head, uint32_t input);
int32_t host_negotiation_output(struct weir_negotiation *head, uint32_t output,
                                const struct weir_field *fields, uint32_t field_count);
void host_negotiation_origin(struct weir_negotiation *head, uint32_t output, uint32_t column,
                             uint32_t input, uint32_t from);
void host_negotiation_kinds(struct weir_negotiation *head, uint32_t output, uint32_t kinds);
void host_negotiation_bounded(struct weir_negotiation *head, int32_t is_bounded);
int32_t host_negotiation_partition(struct weir_negotiation *head, uint32_t input,
                                   const uint32_t *columns, uint32_t column_count);
void host_negotiation_partitioned(struct weir_negotiation *head, uint32_t output,
                                  const uint32_t *columns, uint32_t column_count,
                                  uint32_t group_count);
int32_t host_negotiation_wanted(struct weir_negotiation *head, uint32_t output, uint32_t column);
uint32_t host_negotiation_wanted_kinds(struct weir_negotiation *head, uint32_t output);
void host_negotiation_want(struct weir_negotiation *head, uint32_t input, uint32_t column);
void host_negotiation_want_kinds(struct weir_negotiation *head, uint32_t input, uint32_t kinds);
void host_negotiation_want_rows(struct weir_negotiation *head, uint32_t input,
                                const struct weir_expression *condition);
void host_negotiation_resource(struct weir_negotiation *head, const char *option,
                               int32_t is_written);

// builder.c
int32_t host_builder_create(struct weir_context *context, uint32_t output, uint32_t row_capacity,
                            struct weir_builder **out);
void *host_builder_values(struct weir_builder *builder, uint32_t column);
uint8_t *host_builder_validity(struct weir_builder *builder, uint32_t column);
uint8_t *host_builder_kinds(struct weir_builder *builder);
uint8_t *host_builder_text(struct weir_builder *builder, uint32_t column, uint64_t byte_count,
                           int32_t **offsets);
int32_t host_builder_append(struct weir_builder *builder, uint32_t column, const void *bytes,
                            uint32_t byte_count);
int32_t host_builder_append_null(struct weir_builder *builder, uint32_t column);
int32_t host_builder_share(struct weir_builder *builder, uint32_t column,
                           const struct weir_batch *batch, uint32_t from);
int32_t host_builder_gather(struct weir_builder *builder, uint32_t column,
                            const struct weir_batch *batch, uint32_t from, const uint32_t *rows,
                            uint32_t row_count);
int32_t host_builder_evaluate(struct weir_builder *builder, uint32_t column,
                              const struct weir_expression *expression,
                              const struct weir_batch *batch);
int32_t host_builder_adopt(struct weir_builder *builder, uint32_t column,
                           const struct weir_column *view);
int32_t host_builder_adopt_kinds(struct weir_builder *builder, const uint8_t *kinds);
int32_t host_builder_owner(struct weir_builder *builder, void (*release)(void *owner), void *owner);
void host_builder_inherit(struct weir_builder *builder, const struct weir_batch *batch);
void host_builder_times(struct weir_builder *builder, int32_t bucket, int64_t time_min_us,
                        int64_t time_max_us, int64_t entered_us);
int32_t host_builder_finish(struct weir_builder *builder, uint32_t row_count,
                            const struct weir_batch **out);
void host_builder_discard(struct weir_builder *builder);
// The builder of the data module inside, for state tables; marks columns as filled. NULL after a
// fault.
struct batch_builder *builder_inner(struct weir_builder *builder, uint32_t first_column,
                                    uint32_t column_count);

// evaluate.c
int32_t host_evaluate(struct weir_context *context, const struct weir_expression *expression,
                      const struct weir_batch *batch, struct weir_column *result);
int32_t host_evaluate_condition(struct weir_context *context,
                                const struct weir_expression *expression,
                                const struct weir_batch *batch, const uint32_t **rows,
                                uint32_t *row_count);

// keyed.c
int32_t host_state_open(struct weir_context *context, uint32_t input,
                        const struct weir_state_layout *layout, struct weir_state **out);
int32_t host_state_slots(struct weir_context *context, struct weir_state *state,
                         const struct weir_batch *batch, int64_t space, const int64_t *spaces,
                         uint32_t *slots);
uint64_t host_state_scan(struct weir_context *context, struct weir_state *state, int64_t space,
                         uint64_t *cursor, uint32_t *slots, uint32_t capacity);
int32_t host_state_keys(struct weir_context *context, struct weir_state *state,
                        const uint32_t *slots, uint32_t slot_count, struct weir_builder *builder,
                        uint32_t first_column);
int32_t host_state_drop(struct weir_context *context, struct weir_state *state, int64_t space);
int32_t host_state_erase(struct weir_context *context, struct weir_state *state,
                         const uint32_t *slots, uint32_t slot_count);
uint32_t host_state_spaces(struct weir_context *context, struct weir_state *state, int64_t *spaces,
                           uint32_t capacity);
int32_t host_state_write(struct weir_state_writer *writer, uint32_t split, const void *bytes,
                         uint64_t byte_count);

#endif
