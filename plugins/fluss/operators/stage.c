#include "operators/stage.h"

#include <string.h>

#define TEXT_BYTES_FIRST 65536u

static uint64_t padded(uint64_t byte_count)
{
    return (byte_count + 63) & ~(uint64_t)63;
}

static uint64_t value_bytes(struct weir_type type, uint32_t row_count)
{
    uint32_t width = weir_type_width(type);
    return padded(width == 0 ? weir_bit_bytes(row_count) : (uint64_t)width * row_count);
}

static uint64_t offset_bytes(uint32_t row_capacity)
{
    return padded(((uint64_t)row_capacity + 1) * sizeof(int32_t));
}

static int allocate_column(struct stage *stage, struct weir_context *context, uint32_t i)
{
    struct weir_type type = stage->schema->fields[i].type;
    struct stage_column *state = &stage->state[i];
    state->validity = weir_allocate(context, padded(weir_bit_bytes(stage->row_capacity)));
    if (weir_type_is_text(type)) {
        state->text_capacity = TEXT_BYTES_FIRST;
        state->values = weir_allocate(context, state->text_capacity);
        state->offsets = weir_allocate(context, offset_bytes(stage->row_capacity));
        if (state->offsets != NULL) {
            state->offsets[0] = 0;
        }
        return state->validity != NULL && state->values != NULL && state->offsets != NULL;
    }
    state->values = weir_allocate(context, value_bytes(type, stage->row_capacity));
    return state->validity != NULL && state->values != NULL;
}

static int32_t no_memory(struct weir_context *context)
{
    return weir_fail(context, WEIR_ERROR_FATAL,
                     "no memory to collect rows in: the budget is used up (--memory raises it)");
}

int32_t stage_init(struct stage *stage, struct weir_context *context,
                   const struct weir_schema *schema, const int32_t *from, uint32_t row_capacity)
{
    uint32_t count = schema->field_count;
    *stage = (struct stage){.schema = schema, .from = from, .row_capacity = row_capacity};
    stage->state = weir_allocate(context, count * sizeof *stage->state);
    stage->columns = weir_allocate(context, count * sizeof *stage->columns);
    stage->kinds = weir_allocate(context, padded(row_capacity));
    if (stage->state == NULL || stage->columns == NULL || stage->kinds == NULL) {
        return no_memory(context);
    }
    memset(stage->state, 0, count * sizeof *stage->state);
    for (uint32_t i = 0; i < count; i++) {
        if (from[i] >= 0 && !allocate_column(stage, context, i)) {
            return no_memory(context);
        }
        stage->columns[i] = (struct weir_column){.type = schema->fields[i].type,
                                                 .encoding = from[i] < 0 ? WEIR_ENCODING_ABSENT
                                                                         : WEIR_ENCODING_PLAIN,
                                                 .values = stage->state[i].values,
                                                 .offsets = stage->state[i].offsets};
    }
    stage_clear(stage);
    return WEIR_OK;
}

void stage_finish(struct stage *stage, struct weir_context *context)
{
    uint32_t count = stage->schema == NULL ? 0 : stage->schema->field_count;
    for (uint32_t i = 0; stage->state != NULL && i < count; i++) {
        struct stage_column *state = &stage->state[i];
        struct weir_type type = stage->schema->fields[i].type;
        weir_release(context, state->validity, padded(weir_bit_bytes(stage->row_capacity)));
        weir_release(context, state->offsets, offset_bytes(stage->row_capacity));
        weir_release(context, state->values,
                     weir_type_is_text(type) ? state->text_capacity
                                             : value_bytes(type, stage->row_capacity));
    }
    weir_release(context, stage->state, count * sizeof *stage->state);
    weir_release(context, stage->columns, count * sizeof *stage->columns);
    weir_release(context, stage->kinds, padded(stage->row_capacity));
    *stage = (struct stage){0};
}

void stage_clear(struct stage *stage)
{
    stage->byte_count = 0;
    stage->has_kinds = 0;
    for (uint32_t i = 0; i < stage->schema->field_count; i++) {
        stage->state[i].has_nulls = 0;
        stage->columns[i].null_count = 0;
        stage->columns[i].validity = NULL;
    }
    stage->batch = (struct weir_batch){.size = sizeof stage->batch,
                                       .column_count = stage->schema->field_count,
                                       .bucket = WEIR_BUCKET_NONE,
                                       .schema = stage->schema,
                                       .columns = stage->columns,
                                       .time_min_us = WEIR_TIME_NONE,
                                       .time_max_us = WEIR_TIME_NONE,
                                       .entered_us = WEIR_TIME_NONE};
}

// --- Adding ---

static void add_bits(uint8_t *to, uint32_t at, const uint8_t *from, const uint32_t *rows,
                     uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count; i++) {
        weir_bit_set(to, at + i, weir_bit(from, rows == NULL ? i : rows[i]));
    }
}

static void gather(uint8_t *to, const uint8_t *from, uint32_t width, const uint32_t *rows,
                   uint32_t row_count)
{
    for (uint32_t i = 0; i < row_count; i++) {
        memcpy(to + (size_t)i * width, from + (size_t)rows[i] * width, width);
    }
}

static void add_values(struct stage_column *state, uint32_t at, const struct weir_column *column,
                       const uint32_t *rows, uint32_t row_count)
{
    uint32_t width = weir_type_width(column->type);
    uint8_t *to = (uint8_t *)state->values + (size_t)at * width;
    if (width == 0) {
        add_bits(state->values, at, column->values, rows, row_count);
    } else if (rows == NULL) {
        memcpy(to, column->values, (size_t)row_count * width);
    } else {
        gather(to, column->values, width, rows, row_count);
    }
}

static int grow_text(struct stage_column *state, struct weir_context *context, uint64_t used,
                     uint64_t byte_count)
{
    uint64_t capacity = state->text_capacity;
    if (byte_count <= capacity) {
        return 1;
    }
    while (capacity < byte_count) {
        capacity *= 2;
    }
    uint8_t *grown = weir_allocate(context, capacity);
    if (grown == NULL) {
        return 0;
    }
    memcpy(grown, state->values, used);
    weir_release(context, state->values, state->text_capacity);
    state->values = grown;
    state->text_capacity = capacity;
    return 1;
}

static int add_text(struct stage_column *state, struct weir_context *context, uint32_t at,
                    const struct weir_column *column, const uint32_t *rows, uint32_t row_count)
{
    uint64_t used = (uint32_t)state->offsets[at];
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t length;
        const char *text = weir_text(column, rows == NULL ? i : rows[i], &length);
        if (!grow_text(state, context, used, used + length)) {
            return 0;
        }
        if (length > 0) {
            memcpy((uint8_t *)state->values + used, text, length);
        }
        used += length;
        state->offsets[at + i + 1] = (int32_t)used;
    }
    return 1;
}

// Bits are kept only once a null has come; those before it are then all 1.
static uint32_t add_validity(struct stage_column *state, uint32_t at,
                             const struct weir_column *column, const uint32_t *rows,
                             uint32_t row_count)
{
    uint32_t nulls = 0;
    if (column->validity == NULL && !state->has_nulls) {
        return 0;
    }
    if (!state->has_nulls) {
        memset(state->validity, 0xff, weir_bit_bytes(at));
        state->has_nulls = 1;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        int32_t is_null = weir_is_null(column, rows == NULL ? i : rows[i]);
        weir_bit_set(state->validity, at + i, !is_null);
        nulls += (uint32_t)is_null;
    }
    return nulls;
}

static void add_kinds(struct stage *stage, uint32_t at, const struct weir_batch *batch,
                      const uint32_t *rows, uint32_t row_count)
{
    if (batch->kinds == NULL && !stage->has_kinds) {
        return;
    }
    if (!stage->has_kinds) {
        memset(stage->kinds, WEIR_KIND_INSERT, at);
        stage->has_kinds = 1;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        stage->kinds[at + i] = (uint8_t)weir_kind(batch, rows == NULL ? i : rows[i]);
    }
    stage->batch.kinds = stage->kinds;
}

static void add_times(struct weir_batch *to, const struct weir_batch *batch)
{
    if (batch->entered_us != WEIR_TIME_NONE &&
        (to->entered_us == WEIR_TIME_NONE || batch->entered_us < to->entered_us)) {
        to->entered_us = batch->entered_us;
    }
    if (batch->time_min_us != WEIR_TIME_NONE &&
        (to->time_min_us == WEIR_TIME_NONE || batch->time_min_us < to->time_min_us)) {
        to->time_min_us = batch->time_min_us;
    }
    if (batch->time_max_us != WEIR_TIME_NONE && batch->time_max_us > to->time_max_us) {
        to->time_max_us = batch->time_max_us;
    }
}

int32_t stage_add(struct stage *stage, struct weir_context *context, const struct weir_batch *batch,
                  const uint32_t *rows, uint32_t row_count)
{
    uint32_t at = stage->batch.row_count;
    for (uint32_t i = 0; i < stage->schema->field_count; i++) {
        struct stage_column *state = &stage->state[i];
        if (stage->from[i] < 0) {
            continue;
        }
        const struct weir_column *column = &batch->columns[stage->from[i]];
        if (column->offsets == NULL) {
            add_values(state, at, column, rows, row_count);
            stage->byte_count += (uint64_t)row_count * weir_type_width(column->type);
        } else if (!add_text(state, context, at, column, rows, row_count)) {
            return no_memory(context);
        } else {
            stage->byte_count += (uint32_t)(state->offsets[at + row_count] - state->offsets[at]);
        }
        stage->columns[i].values = state->values;
        stage->columns[i].null_count += add_validity(state, at, column, rows, row_count);
        stage->columns[i].validity = state->has_nulls ? state->validity : NULL;
    }
    add_kinds(stage, at, batch, rows, row_count);
    add_times(&stage->batch, batch);
    stage->batch.row_count += row_count;
    return WEIR_OK;
}

void stage_view(const struct stage *stage, const struct weir_batch *input,
                struct weir_column *columns, struct weir_batch *out)
{
    static const struct weir_column absent = {.encoding = WEIR_ENCODING_ABSENT};
    *out = *input;
    out->bucket = WEIR_BUCKET_NONE;
    out->column_count = stage->schema->field_count;
    out->schema = stage->schema;
    out->columns = columns;
    for (uint32_t i = 0; i < stage->schema->field_count; i++) {
        columns[i] = stage->from[i] < 0 ? absent : input->columns[stage->from[i]];
        columns[i].type = stage->schema->fields[i].type;
    }
}
