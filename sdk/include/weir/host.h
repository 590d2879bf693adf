// The host table: everything that a plugin can ask of whoever hosts it (the runtime, the test kit).
// Authors call the inline functions of weir/operator.h, which document each one; implementers fill
// this table.
//
// Grows at its end only. A plugin that needs a newer member says so in host_version_min and is
// refused by an older host.
#ifndef WEIR_HOST_H
#define WEIR_HOST_H

#include "weir/abi.h"
#include "weir/batch.h"
#include "weir/expression.h"
#include "weir/metric.h"
#include "weir/option.h"
#include "weir/state.h"

struct weir_builder;
struct weir_context;
struct weir_negotiation;
struct weir_request;

#define WEIR_LOG_DEBUG 1u
#define WEIR_LOG_INFO 2u
#define WEIR_LOG_WARNING 3u
#define WEIR_LOG_ERROR 4u

// What comes into an input, as negotiation shows it.
struct weir_input {
    uint32_t size;
    uint32_t kinds; // set of change kinds that can come (bit per kind)
    const struct weir_schema *schema;
    int32_t event_time; // column that holds the event time, or -1
    int32_t is_bounded; // 1 if it ends by itself
};

struct weir_host {
    uint32_t size;
    uint32_t abi_version;
    const char *name; // "weir", "weir-kit"
    const char *version;

    // Memory, counted against the budget of the process. 64-byte aligned; NULL when there is none.
    void *(*allocate)(struct weir_context *context, uint64_t byte_count);
    void (*release)(struct weir_context *context, void *memory, uint64_t byte_count);

    // Talk and time.
    void (*log)(struct weir_context *context, uint32_t level, const char *text);
    int32_t (*fail)(struct weir_context *context, int32_t error_class, const char *text);
    int64_t (*now_us)(struct weir_context *context);
    int64_t (*monotonic_ns)(struct weir_context *context);

    // Options.
    const struct weir_value *(*option)(struct weir_context *context, const char *name);
    int32_t (*resource)(struct weir_context *context, const char *option, const char *interface_id,
                        const void **table, void **instance);

    // Negotiation.
    const struct weir_input *(*negotiation_input)(struct weir_negotiation *negotiation,
                                                  uint32_t input);
    int32_t (*negotiation_output)(struct weir_negotiation *negotiation, uint32_t output,
                                  const struct weir_field *fields, uint32_t field_count);
    void (*negotiation_origin)(struct weir_negotiation *negotiation, uint32_t output,
                               uint32_t column, uint32_t input, uint32_t from);
    void (*negotiation_kinds)(struct weir_negotiation *negotiation, uint32_t output,
                              uint32_t kinds);
    void (*negotiation_bounded)(struct weir_negotiation *negotiation, int32_t is_bounded);
    int32_t (*negotiation_partition)(struct weir_negotiation *negotiation, uint32_t input,
                                     const uint32_t *columns, uint32_t column_count);
    void (*negotiation_partitioned)(struct weir_negotiation *negotiation, uint32_t output,
                                    const uint32_t *columns, uint32_t column_count,
                                    uint32_t group_count);
    int32_t (*negotiation_wanted)(struct weir_negotiation *negotiation, uint32_t output,
                                  uint32_t column);
    uint32_t (*negotiation_wanted_kinds)(struct weir_negotiation *negotiation, uint32_t output);
    void (*negotiation_want)(struct weir_negotiation *negotiation, uint32_t input, uint32_t column);
    void (*negotiation_want_kinds)(struct weir_negotiation *negotiation, uint32_t input,
                                   uint32_t kinds);
    void (*negotiation_want_rows)(struct weir_negotiation *negotiation, uint32_t input,
                                  const struct weir_expression *condition);
    void (*negotiation_resource)(struct weir_negotiation *negotiation, const char *option,
                                 int32_t is_written);

    // Batches.
    void (*batch_ref)(const struct weir_batch *batch);
    void (*batch_unref)(const struct weir_batch *batch);
    int32_t (*builder_create)(struct weir_context *context, uint32_t output, uint32_t row_capacity,
                              struct weir_builder **builder);
    void *(*builder_values)(struct weir_builder *builder, uint32_t column);
    uint8_t *(*builder_validity)(struct weir_builder *builder, uint32_t column);
    uint8_t *(*builder_kinds)(struct weir_builder *builder);
    uint8_t *(*builder_text)(struct weir_builder *builder, uint32_t column, uint64_t byte_count,
                             int32_t **offsets);
    int32_t (*builder_append)(struct weir_builder *builder, uint32_t column, const void *bytes,
                              uint32_t byte_count);
    int32_t (*builder_append_null)(struct weir_builder *builder, uint32_t column);
    int32_t (*builder_share)(struct weir_builder *builder, uint32_t column,
                             const struct weir_batch *batch, uint32_t from);
    int32_t (*builder_gather)(struct weir_builder *builder, uint32_t column,
                              const struct weir_batch *batch, uint32_t from, const uint32_t *rows,
                              uint32_t row_count);
    int32_t (*builder_evaluate)(struct weir_builder *builder, uint32_t column,
                                const struct weir_expression *expression,
                                const struct weir_batch *batch);
    void (*builder_inherit)(struct weir_builder *builder, const struct weir_batch *batch);
    void (*builder_times)(struct weir_builder *builder, int32_t bucket, int64_t time_min_us,
                          int64_t time_max_us, int64_t entered_us);
    int32_t (*builder_finish)(struct weir_builder *builder, uint32_t row_count,
                              const struct weir_batch **batch);
    void (*builder_discard)(struct weir_builder *builder);
    int32_t (*batch_select)(struct weir_context *context, const struct weir_batch *batch,
                            const uint32_t *rows, uint32_t row_count,
                            const struct weir_batch **out);

    // Output.
    int32_t (*emit)(struct weir_context *context, uint32_t output, const struct weir_batch *batch);
    int32_t (*should_yield)(struct weir_context *context);
    int32_t (*reject)(struct weir_context *context, const struct weir_batch *batch, uint32_t row,
                      const char *reason);
    int32_t (*reject_record)(struct weir_context *context, const char *place, const char *reason,
                             const void *record, uint32_t byte_count);
    int32_t (*rejected)(struct weir_context *context, const uint32_t **kept, uint32_t *kept_count);
    void (*wake_at)(struct weir_context *context, int64_t time_us);
    int32_t (*watermark)(struct weir_context *context, int64_t time_us);

    // Expressions.
    int32_t (*evaluate)(struct weir_context *context, const struct weir_expression *expression,
                        const struct weir_batch *batch, struct weir_column *result);
    int32_t (*evaluate_condition)(struct weir_context *context,
                                  const struct weir_expression *expression,
                                  const struct weir_batch *batch, const uint32_t **rows,
                                  uint32_t *row_count);

    // Keyed state.
    int32_t (*state_open)(struct weir_context *context, uint32_t input,
                          const struct weir_state_layout *layout, struct weir_state **state);
    int32_t (*state_slots)(struct weir_context *context, struct weir_state *state,
                           const struct weir_batch *batch, int64_t space, const int64_t *spaces,
                           uint32_t *slots);
    uint64_t (*state_scan)(struct weir_context *context, struct weir_state *state, int64_t space,
                           uint64_t *cursor, uint32_t *slots, uint32_t capacity);
    int32_t (*state_keys)(struct weir_context *context, struct weir_state *state,
                          const uint32_t *slots, uint32_t slot_count, struct weir_builder *builder,
                          uint32_t first_column);
    int32_t (*state_drop)(struct weir_context *context, struct weir_state *state, int64_t space);
    int32_t (*state_erase)(struct weir_context *context, struct weir_state *state,
                           const uint32_t *slots, uint32_t slot_count);
    uint32_t (*state_spaces)(struct weir_context *context, struct weir_state *state,
                             int64_t *spaces, uint32_t capacity);
    int32_t (*state_write)(struct weir_state_writer *writer, uint32_t split, const void *bytes,
                           uint64_t byte_count);

    // Timers.
    int32_t (*timer_set)(struct weir_context *context, uint32_t clock, int64_t time_us,
                         int64_t tag);
    void (*timer_cancel)(struct weir_context *context, uint32_t clock, int64_t time_us,
                         int64_t tag);

    // Metrics.
    struct weir_metric *(*metric_register)(struct weir_context *context, uint32_t kind,
                                           const char *name, const char *unit, const char *summary);

    // Keys: the key group of every row of a batch, in one call (weir/key.h has the function for one
    // key).
    int32_t (*key_groups)(struct weir_context *context, const struct weir_batch *batch,
                          const uint32_t *columns, uint32_t column_count, uint32_t group_count,
                          uint32_t *groups);

    // Services.
    int32_t (*listen)(struct weir_context *context, const char *url);
    int32_t (*reply)(struct weir_request *request, const void *bytes, uint64_t byte_count);

    // Wakes an operator that returned WEIR_WAIT. The one function here that any thread may call.
    void (*wake)(struct weir_context *context);

    // Optional tables of the host by id ("weir.ffi/1"); NULL where there is none.
    const void *(*extension)(struct weir_context *context, const char *id);

    // Batches whose columns lie in memory of the plugin.
    int32_t (*builder_adopt)(struct weir_builder *builder, uint32_t column,
                             const struct weir_column *view);
    int32_t (*builder_adopt_kinds)(struct weir_builder *builder, const uint8_t *kinds);
    int32_t (*builder_owner)(struct weir_builder *builder, void (*release)(void *owner),
                             void *owner);
};

#endif
