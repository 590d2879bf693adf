// The readings of the sensors. Reading i is a pure function of seed, instance and i (a
// counter-based generator: SplitMix64's finisher over i, one stream per quantity), so any task can
// make any reading at any time, and a position is just a number.
#ifndef GENERATOR_READINGS_H
#define GENERATOR_READINGS_H

#include <stdint.h>

// Columns, in order.
#define READINGS_SENSOR_ID 0u   // int32, uniform in the device range, or its devices in turn
#define READINGS_SENSOR_TYPE 1u // int32, uniform in 1..8
#define READINGS_TEMPERATURE 2u // float64, 10 + 30u; u: 53 random bits, in [0, 1)
#define READINGS_HUMIDITY 3u    // float64, 20 + 60u
#define READINGS_PRESSURE 4u    // float64, 980 + 50u
#define READINGS_BATTERY 5u     // float64, 20 + 80u
#define READINGS_STATUS 6u      // int32, 1, 2, 3, 4 with shares 85, 5, 5, 5 %
#define READINGS_TIMESTAMP 7u   // int64, ms; made by the schedule
#define READINGS_COLUMN_COUNT 8u

#define READINGS_STREAMS 6u
#define READINGS_DELETE_ONE_IN 64u // with deletes: one reading in so many deletes its device

struct readings {
    uint64_t streams[READINGS_STREAMS];
    int32_t first_device;
    uint32_t device_count; // at least 1
    int32_t is_round_robin;
};

void readings_init(struct readings *readings, uint64_t seed, uint32_t instance,
                   int32_t first_device, uint32_t device_count, int32_t is_round_robin);

// sensor_id, sensor_type and status of the readings named by index; NULL for what is not needed.
void readings_draw(const struct readings *readings, const int64_t *index, uint32_t count,
                   int32_t *sensor_ids, int32_t *sensor_types, int32_t *statuses);

// One of the four measures of the readings named by index.
void readings_measure(const struct readings *readings, uint32_t column, const int64_t *index,
                      uint32_t count, double *values);

// 1 if a reading deletes its device.
int32_t readings_is_delete(const struct readings *readings, int64_t index);

#endif
