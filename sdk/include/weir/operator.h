// Operators: what a plugin provides, and the calls that its functions can make.
//
// In brackets stands who calls, or may call, a function: [setup] before the first batch or after
// the last, [task] while rows flow, never two calls at once for one instance, [any] any thread at
// any time.
#ifndef WEIR_OPERATOR_H
#define WEIR_OPERATOR_H

#include <stdarg.h>
#include <stdio.h>

#include "weir/host.h"

#define WEIR_OPERATOR_SOURCE 1u
#define WEIR_OPERATOR_TRANSFORM 2u
#define WEIR_OPERATOR_SINK 3u
#define WEIR_OPERATOR_SERVICE 4u

// Flags of an operator.
#define WEIR_OPERATOR_BLOCKING 1u    // its calls may block: it gets a thread of its own
#define WEIR_OPERATOR_SINGLE 2u      // one task only, whatever the parallelism
#define WEIR_OPERATOR_MANY_INPUTS 4u // takes any number of inputs, all of the schema of the first

#define WEIR_OUTPUT_MAIN 0u

// What every call of an operator gets: the public head of the host's record of one instance.
struct weir_context {
    uint32_t size;
    uint32_t task_index;  // which of the stage's tasks this is
    uint32_t task_count;  // how many there are
    uint32_t group_first; // key groups that this task owns: group_first to group_end - 1 ...
    uint32_t group_end;
    uint32_t group_count; // ... of group_count
    const struct weir_host *host;
    const char *stage; // name in the pipeline
};

#define WEIR_NEGOTIATE_SCHEMAS 1u // downwards: given the inputs, say what comes out
#define WEIR_NEGOTIATE_WANTS \
    2u // upwards: given what is wanted of the outputs, say what is wanted of the inputs

// The public head of one negotiation. `context` serves weir_option and weir_fail.
struct weir_negotiation {
    uint32_t size;
    uint32_t pass; // WEIR_NEGOTIATE_*
    uint32_t input_count;
    uint32_t output_count;
    struct weir_context *context;
};

// An operator: its description and its few functions. NULL is fine for every function but create
// and process (poll for a source).
struct weir_operator {
    uint32_t size;
    uint32_t kind;  // WEIR_OPERATOR_SOURCE ...
    uint32_t flags; // WEIR_OPERATOR_BLOCKING ...
    uint32_t option_count;
    const char *name;    // as `use` has it
    const char *summary; // one sentence, no full stop
    const struct weir_option *options;
    const char *const
        *outputs; // names of side outputs 1, 2, ... after the main one; NULL-terminated, or NULL

    // [setup] Makes the instance from its options. No I/O. On failure leaves nothing behind.
    int32_t (*create)(struct weir_context *context, void **instance);
    // [setup] What comes out, given what comes in; then what is wanted of it. Pure and repeatable,
    // also on instances that never run. NULL: output 0 is like input 0, every column and kind is
    // wanted.
    int32_t (*negotiate)(void *instance, struct weir_negotiation *negotiation);
    // [setup] Before the first batch: open files, state, metrics.
    int32_t (*open)(void *instance, struct weir_context *context);
    // [task] Transforms and sinks: consumes one batch, lent until return; ref it to keep it longer.
    // WEIR_MORE: call again with the same batch; WEIR_WAIT: call again with it once woken
    // (weir_wake, weir_wake_at); until then no rows are brought, and the stages above wait.
    int32_t (*process)(void *instance, struct weir_context *context, uint32_t input,
                       const struct weir_batch *batch);
    // [task] Sources: emits what there is, some 10,000 rows at most; WEIR_MORE, WEIR_WAIT or
    // WEIR_END.
    int32_t (*poll)(void *instance, struct weir_context *context);
    // [task] No more rows on this input. After the last input, what is held back must be emitted;
    // WEIR_MORE: call again; WEIR_WAIT: call again once woken.
    int32_t (*end_input)(void *instance, struct weir_context *context, uint32_t input);
    // [setup] After the last batch, also after a failure; not if open failed.
    void (*close)(void *instance, struct weir_context *context);
    // [setup] Frees the instance; NULL is fine.
    void (*destroy)(void *instance);
    // [any] Optional tables: WEIR_WATERMARK_1, WEIR_TIMER_1, ... NULL where there is none.
    const void *(*extension)(const char *id);
};

// --- Errors, talk, time ---

// [any] Notes what is wrong, in one sentence that names option, row or file and says what to do.
// Returns error_class, so that a function can end with `return weir_fail(context,
// WEIR_ERROR_CONFIG, "...")`.
__attribute__((format(printf, 3, 4))) static inline int32_t
weir_fail(struct weir_context *context, int32_t error_class, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return context->host->fail(context, error_class, text);
}

// [any] One line of talk on stderr, with the name of the stage before it. Not per row.
__attribute__((format(printf, 3, 4))) static inline void
weir_log(struct weir_context *context, uint32_t level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    context->host->log(context, level, text);
}

// [any] The wall clock, microseconds since 1970. Manual in tests; the same within one call of an
// operator, and in open for all tasks of a stage.
static inline int64_t weir_now_us(struct weir_context *context)
{
    return context->host->now_us(context);
}

// [any] Memory, 64-byte aligned, counted against the budget; NULL when there is none. Released with
// its size.
static inline void *weir_allocate(struct weir_context *context, uint64_t byte_count)
{
    return context->host->allocate(context, byte_count);
}

static inline void weir_release(struct weir_context *context, void *memory, uint64_t byte_count)
{
    context->host->release(context, memory, byte_count);
}

// --- Options ---

// [any] The value of an option; type WEIR_VALUE_NONE if it is not set and has no default. Never
// NULL for a name that the operator declares. Columns, expressions and aggregates are resolved from
// the first negotiation on.
static inline const struct weir_value *weir_option(struct weir_context *context, const char *name)
{
    return context->host->option(context, name);
}

static inline int32_t weir_option_is_set(struct weir_context *context, const char *name)
{
    return weir_option(context, name)->type != WEIR_VALUE_NONE;
}

// The whole number, boolean (0 or 1), size in bytes, or duration in microseconds; otherwise when it
// is not set.
static inline int64_t weir_option_int(struct weir_context *context, const char *name,
                                      int64_t otherwise)
{
    const struct weir_value *value = weir_option(context, name);
    return value->type == WEIR_VALUE_NONE ? otherwise : value->as.integer;
}

static inline double weir_option_float(struct weir_context *context, const char *name,
                                       double otherwise)
{
    const struct weir_value *value = weir_option(context, name);
    return value->type == WEIR_VALUE_FLOAT ? value->as.number : otherwise;
}

// The text; NULL when it is not set.
static inline const char *weir_option_string(struct weir_context *context, const char *name)
{
    const struct weir_value *value = weir_option(context, name);
    return value->type == WEIR_VALUE_STRING ? value->as.string : NULL;
}

// [setup] The resource that an option names, by the interface that its plugin documents. CONFIG if
// it has another. From open on it is open; in negotiate it is only made (create), so that what its
// options say can be asked for.
static inline int32_t weir_resource(struct weir_context *context, const char *option,
                                    const char *interface_id, const void **table, void **instance)
{
    return context->host->resource(context, option, interface_id, table, instance);
}

// --- Negotiation (inside negotiate only) ---

// What comes into an input: schema, kinds, event time.
static inline const struct weir_input *weir_negotiation_input(struct weir_negotiation *negotiation,
                                                              uint32_t input)
{
    return negotiation->context->host->negotiation_input(negotiation, input);
}

// SCHEMAS: the columns of an output; names and fields are copied. CONFIG with the reason if the
// schema is not a valid one (two columns of one name, an empty name, too many).
static inline int32_t weir_negotiation_output(struct weir_negotiation *negotiation, uint32_t output,
                                              const struct weir_field *fields, uint32_t field_count)
{
    return negotiation->context->host->negotiation_output(negotiation, output, fields, field_count);
}

// SCHEMAS: output column `column` holds the values of column `from` of an input, unchanged. Lets
// the host follow event times, keys and partitioning through a rename. Whatever is not said is a
// new column.
static inline void weir_negotiation_origin(struct weir_negotiation *negotiation, uint32_t output,
                                           uint32_t column, uint32_t input, uint32_t from)
{
    negotiation->context->host->negotiation_origin(negotiation, output, column, input, from);
}

// SCHEMAS: an output is like an input, column by column.
static inline int32_t weir_negotiation_output_like(struct weir_negotiation *negotiation,
                                                   uint32_t output, uint32_t input)
{
    const struct weir_schema *schema = weir_negotiation_input(negotiation, input)->schema;
    int32_t rc = weir_negotiation_output(negotiation, output, schema->fields, schema->field_count);
    for (uint32_t i = 0; rc == WEIR_OK && i < schema->field_count; i++) {
        weir_negotiation_origin(negotiation, output, i, input, i);
    }
    return rc;
}

// SCHEMAS: the kinds that an output can carry. Unsaid: those of all inputs; +I for a source.
static inline void weir_negotiation_kinds(struct weir_negotiation *negotiation, uint32_t output,
                                          uint32_t kinds)
{
    negotiation->context->host->negotiation_kinds(negotiation, output, kinds);
}

// SCHEMAS: whether a source ends by itself. Unsaid: it does.
static inline void weir_negotiation_bounded(struct weir_negotiation *negotiation,
                                            int32_t is_bounded)
{
    negotiation->context->host->negotiation_bounded(negotiation, is_bounded);
}

// SCHEMAS: rows of one key must all reach the same task: the key of state, and of the exchange
// before this stage.
static inline int32_t weir_negotiation_partition(struct weir_negotiation *negotiation,
                                                 uint32_t input, const uint32_t *columns,
                                                 uint32_t column_count)
{
    return negotiation->context->host->negotiation_partition(negotiation, input, columns,
                                                             column_count);
}

// SCHEMAS: a source's promise: task t of n emits only rows whose key (these columns) falls into the
// key groups that weir_context shows as its own, of group_count.
static inline void weir_negotiation_partitioned(struct weir_negotiation *negotiation,
                                                uint32_t output, const uint32_t *columns,
                                                uint32_t column_count, uint32_t group_count)
{
    negotiation->context->host->negotiation_partitioned(negotiation, output, columns, column_count,
                                                        group_count);
}

// WANTS: whether anybody reads a column of an output. An unwanted one may be left absent.
static inline int32_t weir_negotiation_wanted(struct weir_negotiation *negotiation, uint32_t output,
                                              uint32_t column)
{
    return negotiation->context->host->negotiation_wanted(negotiation, output, column);
}

// WANTS: the kinds that anybody takes from an output. Rows of others need not be made.
static inline uint32_t weir_negotiation_wanted_kinds(struct weir_negotiation *negotiation,
                                                     uint32_t output)
{
    return negotiation->context->host->negotiation_wanted_kinds(negotiation, output);
}

// WANTS: this operator reads a column of an input. Columns not named come absent.
static inline void weir_negotiation_want(struct weir_negotiation *negotiation, uint32_t input,
                                         uint32_t column)
{
    negotiation->context->host->negotiation_want(negotiation, input, column);
}

// WANTS: all columns that an expression reads.
static inline void weir_negotiation_want_expression(struct weir_negotiation *negotiation,
                                                    uint32_t input,
                                                    const struct weir_expression *expression)
{
    for (uint32_t i = 0; i < expression->column_count; i++) {
        weir_negotiation_want(negotiation, input, expression->columns[i]);
    }
}

// WANTS: the kinds that this operator takes. Unsaid: all. The others may still come.
static inline void weir_negotiation_want_kinds(struct weir_negotiation *negotiation, uint32_t input,
                                               uint32_t kinds)
{
    negotiation->context->host->negotiation_want_kinds(negotiation, input, kinds);
}

// WANTS: rows for which condition is not true are dropped here anyway. They may still come.
static inline void weir_negotiation_want_rows(struct weir_negotiation *negotiation, uint32_t input,
                                              const struct weir_expression *condition)
{
    negotiation->context->host->negotiation_want_rows(negotiation, input, condition);
}

// SCHEMAS: this operator reads or writes the resource that an option names; a drain follows it.
static inline void weir_negotiation_resource(struct weir_negotiation *negotiation,
                                             const char *option, int32_t is_written)
{
    negotiation->context->host->negotiation_resource(negotiation, option, is_written);
}

// --- Batches ---

// [any] Keeps a batch beyond the call that lent it; every ref needs one unref.
static inline void weir_batch_ref(struct weir_context *context, const struct weir_batch *batch)
{
    context->host->batch_ref(batch);
}

static inline void weir_batch_unref(struct weir_context *context, const struct weir_batch *batch)
{
    context->host->batch_unref(batch);
}

// [task] Begins a batch for an output, with room for row_capacity rows (1 to WEIR_BATCH_ROWS_MAX).
// Then for each column one of: values, text or append, share, gather, evaluate, adopt; a column
// left alone is absent if nobody wants it, otherwise all null. End with weir_builder_finish or
// weir_builder_discard. FATAL: no memory.
static inline int32_t weir_builder_create(struct weir_context *context, uint32_t output,
                                          uint32_t row_capacity, struct weir_builder **builder)
{
    return context->host->builder_create(context, output, row_capacity, builder);
}

// Room for row_capacity values of a fixed-width column, or its bits for bool; not initialised (bits
// are zero).
static inline void *weir_builder_values(struct weir_context *context, struct weir_builder *builder,
                                        uint32_t column)
{
    return context->host->builder_values(builder, column);
}

// The validity bits of a column, all 1 when first asked for. Values under a 0 are zeroed by the
// host at finish.
static inline uint8_t *weir_builder_validity(struct weir_context *context,
                                             struct weir_builder *builder, uint32_t column)
{
    return context->host->builder_validity(builder, column);
}

// The kinds of the rows, all INSERT when first asked for.
static inline uint8_t *weir_builder_kinds(struct weir_context *context,
                                          struct weir_builder *builder)
{
    return context->host->builder_kinds(builder);
}

// Room for all bytes of a string or bytes column at once; offsets (row_capacity + 1) are for the
// caller to fill. NULL: no memory, or more than a batch may hold.
static inline uint8_t *weir_builder_text(struct weir_context *context, struct weir_builder *builder,
                                         uint32_t column, uint64_t byte_count, int32_t **offsets)
{
    return context->host->builder_text(builder, column, byte_count, offsets);
}

// Appends one value to a string or bytes column, row after row. DATA: the value or the batch grows
// too large; then finish what there is and begin another batch.
static inline int32_t weir_builder_append(struct weir_context *context,
                                          struct weir_builder *builder, uint32_t column,
                                          const void *bytes, uint32_t byte_count)
{
    return context->host->builder_append(builder, column, bytes, byte_count);
}

static inline int32_t weir_builder_append_null(struct weir_context *context,
                                               struct weir_builder *builder, uint32_t column)
{
    return context->host->builder_append_null(builder, column);
}

// The column is column `from` of another batch, without a copy; that batch must have as many rows.
static inline int32_t weir_builder_share(struct weir_context *context, struct weir_builder *builder,
                                         uint32_t column, const struct weir_batch *batch,
                                         uint32_t from)
{
    return context->host->builder_share(builder, column, batch, from);
}

// The column is made of rows[0..row_count) of column `from` of another batch, appended to what was
// gathered before.
static inline int32_t weir_builder_gather(struct weir_context *context,
                                          struct weir_builder *builder, uint32_t column,
                                          const struct weir_batch *batch, uint32_t from,
                                          const uint32_t *rows, uint32_t row_count)
{
    return context->host->builder_gather(builder, column, batch, from, rows, row_count);
}

// The column is the result of an expression over a batch. Rows that fail are booked as rejected
// (weir_rejected) and null here; DATA if on_error says fail.
static inline int32_t weir_builder_evaluate(struct weir_context *context,
                                            struct weir_builder *builder, uint32_t column,
                                            const struct weir_expression *expression,
                                            const struct weir_batch *batch)
{
    return context->host->builder_evaluate(builder, column, expression, batch);
}

// The column is a view of memory that belongs to the plugin: not copied, read until the owner's
// release is called. Of the column's type, plain (or absent), 8-byte aligned, null_count counted,
// with zeros under nulls and in the padding up to 8 bytes, for at least the rows that the batch
// comes to.
static inline int32_t weir_builder_adopt(struct weir_context *context, struct weir_builder *builder,
                                         uint32_t column, const struct weir_column *view)
{
    return context->host->builder_adopt(builder, column, view);
}

// The same for the kinds of the rows, one byte each.
static inline int32_t weir_builder_adopt_kinds(struct weir_context *context,
                                               struct weir_builder *builder, const uint8_t *kinds)
{
    return context->host->builder_adopt_kinds(builder, kinds);
}

// Whose memory the adopted columns lie in: release(owner) is called once, by any thread, when
// nobody reads the batch any more, or the builder is discarded.
static inline int32_t weir_builder_owner(struct weir_context *context, struct weir_builder *builder,
                                         void (*release)(void *owner), void *owner)
{
    return context->host->builder_owner(builder, release, owner);
}

// Takes bucket, event times, entry time and (if row counts agree) kinds from the batch that this
// one is made of.
static inline void weir_builder_inherit(struct weir_context *context, struct weir_builder *builder,
                                        const struct weir_batch *batch)
{
    context->host->builder_inherit(builder, batch);
}

// Sets them by hand. Unsaid: no bucket, event times read from the event-time column if there is
// one (so too with WEIR_TIME_NONE), entered now.
static inline void weir_builder_times(struct weir_context *context, struct weir_builder *builder,
                                      int32_t bucket, int64_t time_min_us, int64_t time_max_us,
                                      int64_t entered_us)
{
    context->host->builder_times(builder, bucket, time_min_us, time_max_us, entered_us);
}

// Ends the batch with row_count rows (at most the capacity). The builder is gone, whatever comes
// back.
static inline int32_t weir_builder_finish(struct weir_context *context,
                                          struct weir_builder *builder, uint32_t row_count,
                                          const struct weir_batch **batch)
{
    return context->host->builder_finish(builder, row_count, batch);
}

static inline void weir_builder_discard(struct weir_context *context, struct weir_builder *builder)
{
    context->host->builder_discard(builder);
}

// [task] A new batch of the given rows (ascending), all columns and kinds, schema as before; event
// times are those of the rows that stay.
static inline int32_t weir_batch_select(struct weir_context *context,
                                        const struct weir_batch *batch, const uint32_t *rows,
                                        uint32_t row_count, const struct weir_batch **out)
{
    return context->host->batch_select(context, batch, rows, row_count, out);
}

// --- Output ---

// [task] Hands a batch of the output's schema downstream; it is gone, whatever comes back. Always
// accepts. An error comes from downstream: return it.
static inline int32_t weir_emit(struct weir_context *context, uint32_t output,
                                const struct weir_batch *batch)
{
    return context->host->emit(context, output, batch);
}

// [task] Ends a builder and emits its batch.
static inline int32_t weir_emit_built(struct weir_context *context, uint32_t output,
                                      struct weir_builder *builder, uint32_t row_count)
{
    const struct weir_batch *batch;
    int32_t rc = context->host->builder_finish(builder, row_count, &batch);
    return rc == WEIR_OK ? context->host->emit(context, output, batch) : rc;
}

// [task] 1 when enough has been emitted for now: an operator that makes much from little returns
// WEIR_MORE.
static inline int32_t weir_should_yield(struct weir_context *context)
{
    return context->host->should_yield(context);
}

// [task] Books a row of the batch in process as rejected: it goes to the stage's output `rejected`
// with the reason (on_error = "reject"; the operator must leave it out of what it emits), or DATA
// comes back, which fails the job.
static inline int32_t weir_reject(struct weir_context *context, const struct weir_batch *batch,
                                  uint32_t row, const char *reason)
{
    return context->host->reject(context, batch, row, reason);
}

// [task] The same for a source that could not make a row of a record: place is "file.csv:17, column
// `x`".
static inline int32_t weir_reject_record(struct weir_context *context, const char *place,
                                         const char *reason, const void *record,
                                         uint32_t byte_count)
{
    return context->host->reject_record(context, place, reason, record, byte_count);
}

// [task] 1 if rows of the batch in process have been rejected so far; then kept are the others,
// ascending.
static inline int32_t weir_rejected(struct weir_context *context, const uint32_t **kept,
                                    uint32_t *kept_count)
{
    return context->host->rejected(context, kept, kept_count);
}

// [task] An operator that returns WEIR_WAIT is called again at this wall-clock time at the latest.
static inline void weir_wake_at(struct weir_context *context, int64_t time_us)
{
    context->host->wake_at(context, time_us);
}

// [any] Wakes an operator that returned WEIR_WAIT; if it is in the call that will return it, it is
// called again at once.
static inline void weir_wake(struct weir_context *context)
{
    context->host->wake(context);
}

// [task] Sources that know better than the option `watermark`: no row before time_us will be
// emitted any more.
static inline int32_t weir_watermark(struct weir_context *context, int64_t time_us)
{
    return context->host->watermark(context, time_us);
}

// --- Expressions ---

// [task] The result of an expression over a batch, one value a row; lent until process returns.
// Rows that fail (overflow, division by zero, a bad cast) are booked as rejected and null in the
// result; DATA if on_error says fail.
static inline int32_t weir_evaluate(struct weir_context *context,
                                    const struct weir_expression *expression,
                                    const struct weir_batch *batch, struct weir_column *result)
{
    return context->host->evaluate(context, expression, batch, result);
}

// [task] The rows for which a bool expression is true, ascending; lent until process returns. *rows
// is NULL when all are.
static inline int32_t weir_evaluate_condition(struct weir_context *context,
                                              const struct weir_expression *expression,
                                              const struct weir_batch *batch, const uint32_t **rows,
                                              uint32_t *row_count)
{
    return context->host->evaluate_condition(context, expression, batch, rows, row_count);
}

// --- Keyed state (weir/state.h) ---

// [setup] In open: declares a state table over the key of an input. The host owns it, and fills it
// after a restore.
static inline int32_t weir_state_open(struct weir_context *context, uint32_t input,
                                      const struct weir_state_layout *layout,
                                      struct weir_state **state)
{
    return context->host->state_open(context, input, layout, state);
}

// [task] The slot of every row's key, made from layout->initial where there was none. All rows are
// in `space`, or row i in spaces[i] if spaces is not NULL. FATAL: the memory budget is used up.
static inline int32_t weir_state_slots(struct weir_context *context, struct weir_state *state,
                                       const struct weir_batch *batch, int64_t space,
                                       const int64_t *spaces, uint32_t *slots)
{
    return context->host->state_slots(context, state, batch, space, spaces, slots);
}

// [task] Fills up to `capacity` slot numbers of a space, key group after key group; start with
// *cursor = 0. 0 at the end. The slots of one call are all of one key group, which is *cursor >> 32
// afterwards. Between calls slots may be written and keys read, but none made or erased.
static inline uint64_t weir_state_scan(struct weir_context *context, struct weir_state *state,
                                       int64_t space, uint64_t *cursor, uint32_t *slots,
                                       uint32_t capacity)
{
    return context->host->state_scan(context, state, space, cursor, slots, capacity);
}

// [task] Writes the keys of slots into the columns first_column, first_column + 1, ... of a
// builder.
static inline int32_t weir_state_keys(struct weir_context *context, struct weir_state *state,
                                      const uint32_t *slots, uint32_t slot_count,
                                      struct weir_builder *builder, uint32_t first_column)
{
    return context->host->state_keys(context, state, slots, slot_count, builder, first_column);
}

// [task] Frees all slots of a space.
static inline int32_t weir_state_drop(struct weir_context *context, struct weir_state *state,
                                      int64_t space)
{
    return context->host->state_drop(context, state, space);
}

// [task] Frees single slots.
static inline int32_t weir_state_erase(struct weir_context *context, struct weir_state *state,
                                       const uint32_t *slots, uint32_t slot_count)
{
    return context->host->state_erase(context, state, slots, slot_count);
}

// [task] The spaces that hold slots, ascending; returns how many there are, fills at most capacity.
static inline uint32_t weir_state_spaces(struct weir_context *context, struct weir_state *state,
                                         int64_t *spaces, uint32_t capacity)
{
    return context->host->state_spaces(context, state, spaces, capacity);
}

// [task] Inside save (weir.state/1): one split of opaque state.
static inline int32_t weir_state_write(struct weir_context *context,
                                       struct weir_state_writer *writer, uint32_t split,
                                       const void *bytes, uint64_t byte_count)
{
    return context->host->state_write(writer, split, bytes, byte_count);
}

// --- Timers and metrics ---

// [task] Calls the operator's timer function (weir.timer/1) once `clock` has reached time_us.
// Setting the same clock, time and tag twice sets one timer.
static inline int32_t weir_timer_set(struct weir_context *context, uint32_t clock, int64_t time_us,
                                     int64_t tag)
{
    return context->host->timer_set(context, clock, time_us, tag);
}

static inline void weir_timer_cancel(struct weir_context *context, uint32_t clock, int64_t time_us,
                                     int64_t tag)
{
    context->host->timer_cancel(context, clock, time_us, tag);
}

// [setup] In open: a metric of this stage. The same name gives the same metric. NULL: no memory.
static inline struct weir_metric *weir_metric_register(struct weir_context *context, uint32_t kind,
                                                       const char *name, const char *unit,
                                                       const char *summary)
{
    return context->host->metric_register(context, kind, name, unit, summary);
}

// [task] The key group of every row (weir/key.h), in one call.
static inline int32_t weir_key_groups(struct weir_context *context, const struct weir_batch *batch,
                                      const uint32_t *columns, uint32_t column_count,
                                      uint32_t group_count, uint32_t *groups)
{
    return context->host->key_groups(context, batch, columns, column_count, group_count, groups);
}

#endif
