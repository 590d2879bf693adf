#include "aggregate.h"

#include <math.h>
#include <string.h>

#include "add.h"

int32_t aggregates_bind(struct weir_context *context, struct aggregates *aggregates,
                        const struct weir_batch *batch)
{
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < aggregates->argument_count; i++) {
        struct argument *argument = &aggregates->arguments[i];
        if (argument->expression->column >= 0) {
            argument->column = batch->columns[argument->expression->column];
        } else {
            rc = weir_evaluate(context, argument->expression, batch, &argument->column);
        }
    }
    return rc;
}

// --- Values of a block, by class ---

static wide read_timestamp(const struct weir_column *column, uint32_t row)
{
    const struct weir_timestamp *value = (const struct weir_timestamp *)column->values + row;
    return (wide)value->ms * ((wide)1 << 32) + value->nanoseconds;
}

#define WIDEN(type, out)                                               \
    for (uint32_t i = 0; i < count; i++) {                             \
        (out)[i] = ((const type *)argument->column.values)[first + i]; \
    }

static const int64_t *block_ints(const struct argument *argument, uint32_t first, uint32_t count,
                                 int64_t *out)
{
    switch (argument->column.type.id) {
    case WEIR_TYPE_BOOL:
        for (uint32_t i = 0; i < count; i++) {
            out[i] = weir_bit(argument->column.values, first + i);
        }
        return out;
    case WEIR_TYPE_INT8:
        WIDEN(uint8_t, out)
        for (uint32_t i = 0; i < count; i++) {
            out[i] = (out[i] ^ 128) - 128; // sign extended
        }
        return out;
    case WEIR_TYPE_INT16:
        WIDEN(int16_t, out)
        return out;
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_DATE:
    case WEIR_TYPE_TIME:
        WIDEN(int32_t, out)
        return out;
    default:
        return (const int64_t *)argument->column.values + first;
    }
}

static const double *block_floats(const struct argument *argument, uint32_t first, uint32_t count,
                                  double *out)
{
    if (argument->column.type.id == WEIR_TYPE_FLOAT64) {
        return (const double *)argument->column.values + first;
    }
    WIDEN(float, out)
    return out;
}

static const wide *block_wides(const struct argument *argument, uint32_t first, uint32_t count,
                               wide *out)
{
    if (argument->column.type.id == WEIR_TYPE_DECIMAL) {
        return (const wide *)argument->column.values + first;
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = read_timestamp(&argument->column, first + i);
    }
    return out;
}

// Every number as double.
static const double *block_numbers(const struct argument *argument, uint32_t first, uint32_t count,
                                   double *out)
{
    if (argument->class == CLASS_FLOAT) {
        return block_floats(argument, first, count, out);
    }
    if (argument->class == CLASS_WIDE) {
        double unit = pow(10, argument->column.type.scale);
        for (uint32_t i = 0; i < count; i++) {
            out[i] = (double)((const wide *)argument->column.values)[first + i] / unit;
        }
        return out;
    }
    const int64_t *ints = block_ints(argument, first, count, (int64_t *)(void *)out);
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = ints[i];
        out[i] = (double)value;
    }
    return out;
}

// Integers that order as floats do, NaN last, -0.0 as 0.0.
static int64_t float_order(double value)
{
    int64_t bits;
    value = value == 0 ? 0.0 : value;
    memcpy(&bits, &value, sizeof bits);
    return value != value ? INT64_MAX : bits < 0 ? bits ^ INT64_MAX : bits;
}

// Keys that order rows, of 64 bits.
static const int64_t *block_keys(const struct argument *argument, uint32_t first, uint32_t count,
                                 int64_t *out)
{
    if (argument->class == CLASS_INT) {
        return block_ints(argument, first, count, out);
    }
    const double *values = block_floats(argument, first, count, (double *)(void *)out);
    for (uint32_t i = 0; i < count; i++) {
        out[i] = float_order(values[i]);
    }
    return out;
}

static uint64_t hash_text(const struct weir_column *column, uint32_t row)
{
    uint32_t length;
    const char *text = weir_text(column, row, &length);
    uint64_t hash = length, word;
    for (; length >= 8; length -= 8, text += 8) {
        memcpy(&word, text, 8);
        hash = distinct_hash(hash ^ word);
    }
    word = 0;
    memcpy(&word, text, length);
    return distinct_hash(hash ^ word);
}

static const uint64_t *block_hashes(const struct argument *argument, uint32_t first, uint32_t count,
                                    uint64_t *out)
{
    if (argument->class == CLASS_TEXT) {
        for (uint32_t i = 0; i < count; i++) {
            out[i] = hash_text(&argument->column, first + i);
        }
    } else if (argument->class == CLASS_WIDE) {
        for (uint32_t i = 0; i < count; i++) {
            wide value;
            block_wides(argument, first + i, 1, &value);
            const wide *at = block_wides(argument, first + i, 1, &value);
            out[i] = distinct_hash(distinct_hash((uint64_t)(*at >> 64)) ^ (uint64_t)*at);
        }
    } else {
        const int64_t *keys = block_keys(argument, first, count, (int64_t *)(void *)out);
        for (uint32_t i = 0; i < count; i++) {
            out[i] = distinct_hash((uint64_t)keys[i]);
        }
    }
    return out;
}

// --- Strings, and rows ordered by wide keys or strings: row by row ---

static int32_t add_text(struct weir_context *context, struct aggregates *aggregates,
                        const struct accumulator *accumulator, const struct span *span,
                        uint32_t first)
{
    const struct weir_column *column = &aggregates->arguments[accumulator->argument].column;
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < span->count; i++) {
        uint32_t row = first + (span->rows == NULL ? i : span->rows[i]), length;
        const uint8_t *bytes = (const uint8_t *)weir_text(column, row, &length);
        struct text_value *value = (struct text_value *)(void *)(span->slots[i] + accumulator->at);
        int takes = value->length == TEXT_NONE || accumulator->function == ACCUMULATE_LAST;
        if (!takes && accumulator->function <= ACCUMULATE_MAX) {
            int32_t order = text_compare(aggregates->texts, value, bytes, length);
            takes = accumulator->function == ACCUMULATE_MIN ? order > 0 : order < 0;
        } else if (accumulator->function == ACCUMULATE_FIRST && takes) {
            span->slots[i][accumulator->flag_at] = 1;
        }
        if (takes) {
            rc = text_set(context, aggregates->texts, aggregates->scratch->groups[row], value,
                          bytes, length);
        }
    }
    return rc;
}

// How the key that a slot holds compares with the key of a row.
static int32_t compare_keys(const struct aggregates *aggregates, const struct argument *by,
                            const uint8_t *held, uint32_t row)
{
    uint32_t length;
    wide wide_value;
    int64_t value, old;
    if (by->class == CLASS_TEXT) {
        const uint8_t *bytes = (const uint8_t *)weir_text(&by->column, row, &length);
        return text_compare(aggregates->texts, (const struct text_value *)(const void *)held, bytes,
                            length);
    }
    if (by->class == CLASS_WIDE) {
        const wide *key = block_wides(by, row, 1, &wide_value);
        return *(const wide *)(const void *)held < *key   ? -1
               : *(const wide *)(const void *)held > *key ? 1
                                                          : 0;
    }
    value = *block_keys(by, row, 1, &value);
    memcpy(&old, held, sizeof old);
    return old < value ? -1 : old > value;
}

// Puts the value of a row into a slot, as keys are held if is_key.
static int32_t put_value(struct weir_context *context, struct aggregates *aggregates,
                         const struct argument *argument, int is_key, uint32_t row, uint8_t *at)
{
    uint32_t length;
    wide wide_value;
    int64_t value;
    if (argument->class == CLASS_TEXT) {
        const uint8_t *bytes = (const uint8_t *)weir_text(&argument->column, row, &length);
        return text_set(context, aggregates->texts, aggregates->scratch->groups[row],
                        (struct text_value *)(void *)at, bytes, length);
    }
    if (argument->class == CLASS_WIDE) {
        *(wide *)(void *)at = *block_wides(argument, row, 1, &wide_value);
    } else if (argument->class == CLASS_FLOAT && !is_key) {
        double number;
        *(double *)(void *)at = *block_floats(argument, row, 1, &number);
    } else {
        *(int64_t *)(void *)at = *block_keys(argument, row, 1, &value);
    }
    return WEIR_OK;
}

static int32_t add_by(struct weir_context *context, struct aggregates *aggregates,
                      const struct accumulator *accumulator, const struct span *span,
                      uint32_t first)
{
    const struct argument *argument = &aggregates->arguments[accumulator->argument];
    const struct argument *by = &aggregates->arguments[accumulator->by];
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < span->count; i++) {
        uint32_t row = first + (span->rows == NULL ? i : span->rows[i]);
        uint8_t *slot = span->slots[i];
        if (weir_is_null(&by->column, row)) {
            continue;
        }
        if (slot[accumulator->flag_at] != 0) {
            int32_t order = compare_keys(aggregates, by, slot + accumulator->key_at, row);
            if (accumulator->function == ACCUMULATE_FIRST_BY ? order <= 0 : order > 0) {
                continue;
            }
        }
        slot[accumulator->flag_at] = 1;
        rc = put_value(context, aggregates, by, 1, row, slot + accumulator->key_at);
        if (rc == WEIR_OK) {
            rc = put_value(context, aggregates, argument, 0, row, slot + accumulator->at);
        }
    }
    return rc;
}

// --- A block ---

static int is_plain_by(const struct aggregates *aggregates, const struct accumulator *accumulator)
{
    const struct argument *by = &aggregates->arguments[accumulator->by];
    uint32_t class = aggregates->arguments[accumulator->argument].class;
    return by->column.null_count == 0 && (by->class == CLASS_INT || by->class == CLASS_FLOAT) &&
           (class == CLASS_INT || class == CLASS_FLOAT);
}

static int32_t add_accumulator(struct weir_context *context, struct aggregates *aggregates,
                               const struct accumulator *accumulator, const struct span *span,
                               uint32_t first, uint32_t count)
{
    struct block_scratch *scratch = aggregates->scratch;
    const struct argument *argument = &aggregates->arguments[accumulator->argument];
    void *values = scratch->values;
    if (accumulator->function == ACCUMULATE_DISTINCT) {
        add_distinct(accumulator, span, block_hashes(argument, first, count, values));
    } else if (accumulator->function == ACCUMULATE_DEVIATION) {
        add_deviation(accumulator, span, block_numbers(argument, first, count, values));
    } else if (accumulator->by != AT_NONE && !is_plain_by(aggregates, accumulator)) {
        return add_by(context, aggregates, accumulator, span, first);
    } else if (argument->class == CLASS_TEXT) {
        return add_text(context, aggregates, accumulator, span, first);
    } else if (argument->class == CLASS_WIDE) {
        add_wide(accumulator, span, block_wides(argument, first, count, values));
    } else if (argument->class == CLASS_FLOAT && accumulator->by == AT_NONE) {
        add_float(accumulator, span, block_floats(argument, first, count, values));
    } else {
        const int64_t *ints =
            argument->class == CLASS_INT
                ? block_ints(argument, first, count, values)
                : (const int64_t *)(const void *)block_floats(argument, first, count, values);
        if (accumulator->range_at != AT_NONE) {
            add_int_range(accumulator, span, ints);
        } else if (accumulator->by == AT_NONE) {
            add_int(accumulator, span, ints);
        } else {
            add_by_int(accumulator, span, ints,
                       block_keys(&aggregates->arguments[accumulator->by], first, count,
                                  (int64_t *)(void *)scratch->keys));
        }
    }
    return WEIR_OK;
}

// The rows of the block whose value is not null; counts the others in their slots.
static int32_t find_values(struct weir_context *context, struct aggregates *aggregates,
                           const struct argument *argument, uint32_t first, uint32_t count,
                           struct span *span)
{
    struct block_scratch *scratch = aggregates->scratch;
    int is_counted = argument->nulls_at != AT_NONE;
    *span = (struct span){scratch->slots, NULL, count};
    if (argument->column.null_count == 0) {
        return WEIR_OK;
    }
    *span = (struct span){scratch->some_slots, scratch->some_rows, 0};
    for (uint32_t i = 0; i < count; i++) {
        if (weir_bit(argument->column.validity, first + i)) {
            scratch->some_slots[span->count] = scratch->slots[i];
            scratch->some_rows[span->count++] = i;
        } else if (is_counted &&
                   ++*(uint32_t *)(void *)(scratch->slots[i] + argument->nulls_at) == 0) {
            return weir_fail(context, WEIR_ERROR_FATAL,
                             "more than 4,294,967,295 nulls of `%s` in one window of one key; "
                             "filter them out before",
                             argument->expression->text);
        }
    }
    return WEIR_OK;
}

static int32_t add_argument(struct weir_context *context, struct aggregates *aggregates,
                            uint32_t which, uint32_t first, uint32_t count, int vectors_done)
{
    const struct argument *argument = &aggregates->arguments[which];
    struct span span;
    int32_t rc = find_values(context, aggregates, argument, first, count, &span);
    for (uint32_t i = 0; rc == WEIR_OK && i < aggregates->accumulator_count; i++) {
        const struct accumulator *accumulator = &aggregates->accumulators[i];
        if (accumulator->argument == which && !accumulator->is_done_by_other &&
            !(accumulator->is_vector && vectors_done)) {
            rc = add_accumulator(context, aggregates, accumulator, &span, first, count);
        }
    }
    return rc;
}

// Whether a vector may take its arguments' values of this batch: none is null.
static int is_whole(const struct aggregates *aggregates)
{
    for (uint32_t v = 0; v < aggregates->vector_count; v++) {
        for (uint32_t lane = 0; lane < 4; lane++) {
            if (aggregates->arguments[aggregates->vectors[v].arguments[lane]].column.null_count >
                0) {
                return 0;
            }
        }
    }
    return aggregates->vector_count > 0;
}

static void add_vectors(struct aggregates *aggregates, const struct block *block, uint32_t first)
{
    for (uint32_t v = 0; v < aggregates->vector_count; v++) {
        const struct vector *vector = &aggregates->vectors[v];
        const double *values[4];
        for (uint32_t lane = 0; lane < 4; lane++) {
            values[lane] = block_floats(&aggregates->arguments[vector->arguments[lane]], first,
                                        block->count, aggregates->scratch->lanes[lane]);
        }
        if (v == 0) {
            block_begin_vector(block, vector, values);
        } else {
            block_add_vector(block, vector, values);
        }
    }
}

int32_t aggregates_add(struct weir_context *context, struct aggregates *aggregates,
                       uint32_t row_count, const uint32_t *slots, const struct weir_state *state)
{
    struct block block = {.stride = state->stride,
                          .hot_bytes = aggregates->hot_bytes,
                          .count_at = aggregates->count_at,
                          .base = state->slots,
                          .slots = aggregates->scratch->slots};
    int vectors_done = is_whole(aggregates);
    int32_t rc = WEIR_OK;
    for (uint32_t first = 0; rc == WEIR_OK && first < row_count; first += BLOCK_ROWS) {
        block.numbers = slots + first;
        block.left = row_count - first;
        block.count = block.left < BLOCK_ROWS ? block.left : BLOCK_ROWS;
        if (vectors_done) {
            add_vectors(aggregates, &block, first);
        } else {
            block_begin(&block);
        }
        for (uint32_t i = 0; rc == WEIR_OK && i < aggregates->argument_count; i++) {
            rc = add_argument(context, aggregates, i, first, block.count, vectors_done);
        }
        for (uint32_t i = 0; aggregates->emitted_at != AT_NONE && i < block.count; i++) {
            block.slots[i][aggregates->emitted_at] = 0;
        }
    }
    return rc;
}

void aggregates_release(struct weir_context *context, struct aggregates *aggregates, uint8_t *slot)
{
    for (uint32_t i = 0; i < aggregates->accumulator_count; i++) {
        const struct accumulator *accumulator = &aggregates->accumulators[i];
        if (accumulator->function != ACCUMULATE_DISTINCT &&
            aggregates->arguments[accumulator->argument].class == CLASS_TEXT) {
            text_clear(context, aggregates->texts,
                       (struct text_value *)(void *)(slot + accumulator->at));
        }
        if (accumulator->by != AT_NONE &&
            aggregates->arguments[accumulator->by].class == CLASS_TEXT) {
            text_clear(context, aggregates->texts,
                       (struct text_value *)(void *)(slot + accumulator->key_at));
        }
    }
}
