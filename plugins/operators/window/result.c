// From slots to output columns.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "add.h"

static int64_t row_count(const struct aggregates *aggregates, const uint8_t *slot)
{
    return *(const int64_t *)(const void *)(slot + aggregates->count_at);
}

// Rows of a slot whose argument is not null.
static int64_t value_count(const struct aggregates *aggregates, const struct output *output,
                           const uint8_t *slot)
{
    int64_t count = row_count(aggregates, slot);
    if (output->argument != AT_NONE &&
        aggregates->arguments[output->argument].nulls_at != AT_NONE) {
        count -=
            *(const uint32_t *)(const void *)(slot +
                                              aggregates->arguments[output->argument].nulls_at);
    }
    return count;
}

static int is_null(const struct aggregates *aggregates, const struct output *output,
                   const uint8_t *slot)
{
    if (output->accumulator == AT_NONE || output->function == WEIR_AGGREGATE_DISTINCT) {
        return 0;
    }
    const struct accumulator *accumulator = &aggregates->accumulators[output->accumulator];
    if (accumulator->by != AT_NONE) {
        return slot[accumulator->flag_at] == 0;
    }
    return value_count(aggregates, output, slot) < (output->function == WEIR_AGGREGATE_STDDEV) + 1;
}

// --- Sums that their type cannot hold ---

static int sum_fits(const struct aggregates *aggregates, const struct output *output,
                    const uint8_t *slot)
{
    const struct accumulator *accumulator = &aggregates->accumulators[output->accumulator];
    uint32_t class = aggregates->arguments[accumulator->argument].class;
    if (class == CLASS_FLOAT) {
        return 1;
    }
    wide sum = *(const wide *)(const void *)(slot + accumulator->at);
    if (class == CLASS_INT) {
        return sum >= INT64_MIN && sum <= INT64_MAX;
    }
    wide limit = (wide)10000000000000000000u * 10000000000000000000u; // 10^38
    return slot[accumulator->flag_at] == 0 && sum > -limit && sum < limit;
}

int32_t aggregates_fit(const struct aggregates *aggregates, const uint8_t *slot, char *reason,
                       uint32_t reason_size)
{
    for (uint32_t i = 0; i < aggregates->output_count; i++) {
        const struct output *output = &aggregates->outputs[i];
        if (output->function == WEIR_AGGREGATE_SUM && !sum_fits(aggregates, output, slot)) {
            int is_wide = output->type.id == WEIR_TYPE_DECIMAL;
            snprintf(reason, reason_size, "sum of `%s` in column `%s` does not fit %s%s",
                     aggregates->arguments[output->argument].expression->text, output->name,
                     is_wide ? "decimal(38)" : "int64",
                     is_wide ? "" : "; sum cast(... as decimal(38)) or as float64");
            return 0;
        }
    }
    return 1;
}

// --- Columns ---

// Runs `code` for every slot, with `at` (where its accumulator is) and `row`.
#define EACH_SLOT(code)                                                      \
    for (uint32_t row = 0; row < part->count; row++) {                       \
        const uint8_t *at = part->slots[row] + accumulator_at(part, output); \
        code                                                                 \
    }

#define AS(type, place) (*(const type *)(const void *)(place))

// Some slots on their way into rows first, first + 1, ... of a builder.
struct part {
    const struct aggregates *aggregates;
    uint8_t *const *slots;
    uint32_t count;
    uint32_t first;
};

static uint32_t accumulator_at(const struct part *part, const struct output *output)
{
    return output->accumulator == AT_NONE ? 0
                                          : part->aggregates->accumulators[output->accumulator].at;
}

// Integers, as their type has them.
static void write_ints(const struct part *part, const struct output *output, void *values)
{
    switch (weir_type_width(output->type)) {
    case 1:
        EACH_SLOT({ ((int8_t *)values)[part->first + row] = (int8_t)AS(int64_t, at); })
        break;
    case 2:
        EACH_SLOT({ ((int16_t *)values)[part->first + row] = (int16_t)AS(int64_t, at); })
        break;
    case 4:
        EACH_SLOT({ ((int32_t *)values)[part->first + row] = (int32_t)AS(int64_t, at); })
        break;
    case 8:
        EACH_SLOT({ ((int64_t *)values)[part->first + row] = AS(int64_t, at); })
        break;
    default:
        EACH_SLOT({ weir_bit_set(values, part->first + row, (int32_t)AS(int64_t, at)); })
    }
}

static void write_wides(const struct part *part, const struct output *output, void *values)
{
    if (output->type.id == WEIR_TYPE_DECIMAL) {
        EACH_SLOT({ ((wide *)values)[part->first + row] = AS(wide, at); })
        return;
    }
    EACH_SLOT({
        struct weir_timestamp *time = (struct weir_timestamp *)values + part->first + row;
        time->ms = (int64_t)(AS(wide, at) >> 32);
        time->nanoseconds = (int32_t)(uint32_t)AS(wide, at);
        time->zero = 0;
    })
}

// Sums, extremes, first and last ones.
static void write_held(const struct part *part, const struct output *output, void *values)
{
    uint32_t class = part->aggregates->arguments[output->argument].class;
    if (class == CLASS_WIDE) {
        write_wides(part, output, values);
    } else if (class == CLASS_INT) {
        write_ints(part, output, values); // of a sum that fits the lower half
    } else if (output->type.id == WEIR_TYPE_FLOAT32) {
        EACH_SLOT({ ((float *)values)[part->first + row] = (float)AS(double, at); })
    } else {
        EACH_SLOT({ ((double *)values)[part->first + row] = AS(double, at); })
    }
}

static void write_averages(const struct part *part, const struct output *output, double *values)
{
    const struct aggregates *aggregates = part->aggregates;
    const struct argument *argument = &aggregates->arguments[output->argument];
    double unit = argument->class == CLASS_WIDE ? pow(10, argument->expression->type.scale) : 1;
    if (argument->class == CLASS_FLOAT) {
        EACH_SLOT({
            values[row] =
                AS(double, at) / (double)value_count(aggregates, output, part->slots[row]);
        })
        return;
    }
    EACH_SLOT({
        values[row] =
            (double)AS(wide, at) / unit / (double)value_count(aggregates, output, part->slots[row]);
    })
}

static void write_values(const struct part *part, const struct output *output, void *values)
{
    int64_t *ints = (int64_t *)values + part->first;
    double *floats = (double *)values + part->first;
    switch (output->function) {
    case WEIR_AGGREGATE_COUNT:
        for (uint32_t row = 0; row < part->count; row++) {
            ints[row] = value_count(part->aggregates, output, part->slots[row]);
        }
        break;
    case WEIR_AGGREGATE_AVG:
        write_averages(part, output, floats);
        break;
    case WEIR_AGGREGATE_STDDEV:
        EACH_SLOT({
            const double *deviation = (const double *)(const void *)at;
            floats[row] = sqrt(deviation[2] / (deviation[0] - 1));
        })
        break;
    case WEIR_AGGREGATE_DISTINCT:
        EACH_SLOT({ ints[row] = distinct_estimate(at); })
        break;
    default:
        write_held(part, output, values);
    }
}

// Marks the rows that have no result; whatever stands in their place is zeroed by the host.
static int32_t write_nulls(struct weir_context *context, const struct part *part,
                           const struct output *output, struct weir_builder *builder,
                           uint32_t column)
{
    uint8_t *validity = NULL;
    for (uint32_t row = 0; row < part->count; row++) {
        if (!is_null(part->aggregates, output, part->slots[row])) {
            continue;
        }
        if (validity == NULL) {
            validity = weir_builder_validity(context, builder, column);
        }
        if (validity == NULL) {
            return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the rows of a window");
        }
        weir_bit_set(validity, part->first + row, 0);
    }
    return WEIR_OK;
}

// Whether any row can be without a result.
static int can_be_null(const struct aggregates *aggregates, const struct output *output)
{
    return output->accumulator != AT_NONE && output->function != WEIR_AGGREGATE_DISTINCT &&
           (output->function == WEIR_AGGREGATE_STDDEV ||
            aggregates->accumulators[output->accumulator].by != AT_NONE ||
            aggregates->arguments[output->argument].nulls_at != AT_NONE);
}

static int32_t write_texts(struct weir_context *context, const struct part *part,
                           const struct output *output, struct weir_builder *builder,
                           uint32_t column)
{
    int32_t rc = WEIR_OK;
    for (uint32_t row = 0; rc == WEIR_OK && row < part->count; row++) {
        const struct text_value *value =
            (const struct text_value *)(const void *)(part->slots[row] +
                                                      accumulator_at(part, output));
        rc = value->length == TEXT_NONE
                 ? weir_builder_append_null(context, builder, column)
                 : weir_builder_append(context, builder, column,
                                       text_bytes(part->aggregates->texts, value), value->length);
    }
    return rc;
}

static int32_t write_column(struct weir_context *context, const struct part *part,
                            const struct output *output, struct weir_builder *builder,
                            uint32_t column)
{
    if (weir_type_is_text(output->type)) {
        return write_texts(context, part, output, builder, column);
    }
    void *values = weir_builder_values(context, builder, column);
    if (values == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the rows of a window");
    }
    write_values(part, output, values);
    return can_be_null(part->aggregates, output)
               ? write_nulls(context, part, output, builder, column)
               : WEIR_OK;
}

int32_t aggregates_write(struct weir_context *context, const struct aggregates *aggregates,
                         uint8_t *const *slots, uint32_t slot_count, struct weir_builder *builder,
                         uint32_t first_column)
{
    int32_t rc = WEIR_OK;
    for (uint32_t first = 0; rc == WEIR_OK && first < slot_count; first += BLOCK_ROWS) {
        uint32_t left = slot_count - first;
        struct part part = {aggregates, slots + first, left < BLOCK_ROWS ? left : BLOCK_ROWS,
                            first};
        for (uint32_t i = 0; rc == WEIR_OK && i < aggregates->output_count; i++) {
            rc = write_column(context, &part, &aggregates->outputs[i], builder, first_column + i);
        }
    }
    return rc;
}
