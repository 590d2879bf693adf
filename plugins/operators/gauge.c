#include "gauge.h"

#include <math.h>

#define GAUGE_CHUNK 1024u

int32_t gauge_takes(struct weir_type type)
{
    return type.id >= WEIR_TYPE_BOOL && type.id <= WEIR_TYPE_FLOAT64;
}

static int64_t gauge_round(double value)
{
    return value >= 0x1p62 ? INT64_MAX / 2 : value <= -0x1p62 ? -(INT64_MAX / 2) : llrint(value);
}

static int64_t gauge_value(const struct weir_column *column, uint32_t row)
{
    const void *values = column->values;
    switch (column->type.id) {
    case WEIR_TYPE_BOOL:
        return weir_bit(values, row);
    case WEIR_TYPE_INT8:
        return ((const int8_t *)values)[row];
    case WEIR_TYPE_INT16:
        return ((const int16_t *)values)[row];
    case WEIR_TYPE_INT32:
        return ((const int32_t *)values)[row];
    case WEIR_TYPE_INT64:
        return ((const int64_t *)values)[row];
    case WEIR_TYPE_FLOAT32:
        return gauge_round((double)((const float *)values)[row]);
    default:
        return gauge_round(((const double *)values)[row]);
    }
}

static int32_t gauge_is_value(const struct weir_column *column, uint32_t row)
{
    return !weir_is_null(column, row) &&
           !(column->type.id == WEIR_TYPE_FLOAT64 &&
             isnan(((const double *)column->values)[row])) &&
           !(column->type.id == WEIR_TYPE_FLOAT32 && isnan(((const float *)column->values)[row]));
}

// Values of a batch lie close together, so most chunks fall into one bucket of the histogram: then
// it is bumped once, with the exact maximum and sum.
static void gauge_spread(struct weir_metric *spread, const int64_t *values, uint32_t count)
{
    int64_t min = values[0], max = values[0];
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
        sum += (uint64_t)values[i];
    }
    if (count < 2 || weir_histogram_bucket(min) != weir_histogram_bucket(max)) {
        for (uint32_t i = 0; i < count; i++) {
            weir_histogram_record(spread, values[i], 1);
        }
        return;
    }
    weir_histogram_record(spread, max, 1);
    weir_histogram_record(spread, (int64_t)(sum - (uint64_t)max) / (count - 1), count - 1);
}

void gauge_record(struct weir_metric *last, struct weir_metric *spread,
                  const struct weir_column *column, uint32_t row_count)
{
    int64_t chunk[GAUGE_CHUNK];
    uint32_t count = 0;
    for (uint32_t row = 0; row < row_count; row++) {
        if (column->type.id == WEIR_TYPE_INT64 && column->validity == NULL) {
            const int64_t *values = (const int64_t *)column->values + row;
            uint32_t left = row_count - row < GAUGE_CHUNK ? row_count - row : GAUGE_CHUNK;
            gauge_spread(spread, values, left);
            weir_gauge_set(last, values[left - 1]);
            row += left - 1;
            continue;
        }
        if (gauge_is_value(column, row)) {
            chunk[count++] = gauge_value(column, row);
        }
        if (count == GAUGE_CHUNK || (row + 1 == row_count && count > 0)) {
            gauge_spread(spread, chunk, count);
            weir_gauge_set(last, chunk[count - 1]);
            count = 0;
        }
    }
}
