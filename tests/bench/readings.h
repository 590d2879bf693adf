// The eight columns of the sensor readings, which the figures of several benches are of.
#ifndef TESTS_BENCH_READINGS_H
#define TESTS_BENCH_READINGS_H

#include "weir/schema.h"

static const struct weir_field readings_fields[] = {
    {"sensor_id", {WEIR_TYPE_INT32, 0, 0, 1, 0}},
    {"sensor_type", {WEIR_TYPE_INT32, 0, 0, 1, 0}},
    {"temperature", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"humidity", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"pressure", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"battery_level", {WEIR_TYPE_FLOAT64, 0, 0, 1, 0}},
    {"status", {WEIR_TYPE_INT32, 0, 0, 1, 0}},
    {"timestamp", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
};
#define READINGS_FIELD_COUNT (sizeof readings_fields / sizeof *readings_fields)
static const struct weir_schema readings_schema = {sizeof readings_schema, READINGS_FIELD_COUNT,
                                                   readings_fields};

#endif
