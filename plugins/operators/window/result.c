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

static const uint8_t *place(const struct aggregates *aggregates, const struct output *output,
                            const uint8_t *slot)
{
    return slot + aggregates->accumulators[output->accumulator].at;
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

// Writes results of a class into a column of the output's type.
static void write_int(struct weir_type type, void *values, uint32_t row, int64_t value)
{
    switch (weir_type_width(type)) {
    case 1:
        ((int8_t *)values)[row] = (int8_t)value;
        break;
    case 2:
        ((int16_t *)values)[row] = (int16_t)value;
        break;
    case 4:
        ((int32_t *)values)[row] = (int32_t)value;
        break;
    case 8:
        ((int64_t *)values)[row] = value;
        break;
    default:
        weir_bit_set(values, row, (int32_t)value);
    }
}

static void write_wide(struct weir_type type, void *values, uint32_t row, wide value)
{
    if (type.id == WEIR_TYPE_DECIMAL) {
        ((wide *)values)[row] = value;
    } else {
        struct weir_timestamp *at = (struct weir_timestamp *)values + row;
        *at = (struct weir_timestamp){(int64_t)(value >> 32), (int32_t)(uint32_t)value, 0};
    }
}

static double average(const struct aggregates *aggregates, const struct output *output,
                      const uint8_t *slot)
{
    const struct argument *argument = &aggregates->arguments[output->argument];
    const uint8_t *at = place(aggregates, output, slot);
    double count = (double)value_count(aggregates, output, slot);
    if (argument->class == CLASS_FLOAT) {
        return *(const double *)(const void *)at / count;
    }
    double sum = (double)*(const wide *)(const void *)at;
    return argument->class == CLASS_WIDE ? sum / pow(10, argument->expression->type.scale) / count
                                         : sum / count;
}

static void write_value(const struct aggregates *aggregates, const struct output *output,
                        const uint8_t *slot, void *values, uint32_t row)
{
    const uint8_t *at = place(aggregates, output, slot);
    switch (aggregates->arguments[output->argument].class) {
    case CLASS_FLOAT:
        if (output->type.id == WEIR_TYPE_FLOAT32) {
            ((float *)values)[row] = (float)*(const double *)(const void *)at;
        } else {
            ((double *)values)[row] = *(const double *)(const void *)at;
        }
        break;
    case CLASS_WIDE:
        write_wide(output->type, values, row, *(const wide *)(const void *)at);
        break;
    default:
        if (output->function == WEIR_AGGREGATE_SUM) {
            ((int64_t *)values)[row] = (int64_t) * (const wide *)(const void *)at;
        } else {
            write_int(output->type, values, row, *(const int64_t *)(const void *)at);
        }
    }
}

static void write_row(const struct aggregates *aggregates, const struct output *output,
                      const uint8_t *slot, void *values, uint32_t row)
{
    const double *deviation;
    switch (output->function) {
    case WEIR_AGGREGATE_COUNT:
        ((int64_t *)values)[row] = value_count(aggregates, output, slot);
        break;
    case WEIR_AGGREGATE_AVG:
        ((double *)values)[row] = average(aggregates, output, slot);
        break;
    case WEIR_AGGREGATE_STDDEV:
        deviation = (const double *)(const void *)place(aggregates, output, slot);
        ((double *)values)[row] = sqrt(deviation[2] / (deviation[0] - 1));
        break;
    case WEIR_AGGREGATE_DISTINCT:
        ((int64_t *)values)[row] = distinct_estimate(place(aggregates, output, slot));
        break;
    default:
        write_value(aggregates, output, slot, values, row);
    }
}

static int32_t write_text(struct weir_context *context, const struct aggregates *aggregates,
                          const struct output *output, uint8_t *const *slots, uint32_t slot_count,
                          struct weir_builder *builder, uint32_t column)
{
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < slot_count; i++) {
        const struct text_value *value =
            (const struct text_value *)(const void *)place(aggregates, output, slots[i]);
        rc = value->length == TEXT_NONE
                 ? weir_builder_append_null(context, builder, column)
                 : weir_builder_append(context, builder, column,
                                       text_bytes(aggregates->texts, value), value->length);
    }
    return rc;
}

static int32_t write_column(struct weir_context *context, const struct aggregates *aggregates,
                            const struct output *output, uint8_t *const *slots, uint32_t slot_count,
                            struct weir_builder *builder, uint32_t column)
{
    uint8_t *validity = NULL;
    if (weir_type_is_text(output->type)) {
        return write_text(context, aggregates, output, slots, slot_count, builder, column);
    }
    void *values = weir_builder_values(context, builder, column);
    if (values == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the rows of a window");
    }
    for (uint32_t i = 0; i < slot_count; i++) {
        if (!is_null(aggregates, output, slots[i])) {
            write_row(aggregates, output, slots[i], values, i);
            continue;
        }
        if (validity == NULL &&
            (validity = weir_builder_validity(context, builder, column)) == NULL) {
            return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the rows of a window");
        }
        weir_bit_set(validity, i, 0);
    }
    return WEIR_OK;
}

int32_t aggregates_write(struct weir_context *context, const struct aggregates *aggregates,
                         uint8_t *const *slots, uint32_t slot_count, struct weir_builder *builder,
                         uint32_t first_column)
{
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; rc == WEIR_OK && i < aggregates->output_count; i++) {
        rc = write_column(context, aggregates, &aggregates->outputs[i], slots, slot_count, builder,
                          first_column + i);
    }
    return rc;
}
