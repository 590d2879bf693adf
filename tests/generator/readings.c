#include "generator/readings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

#define ROWS 10000000
#define CHUNK 8192

static void sequence(int64_t *index, int64_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        index[i] = first + i;
    }
}

struct spread {
    double min, max, sum, squares;
};

// Range, mean and variance of a uniform quantity over ROWS values; 5 standard errors is chance.
static void check_uniform(const struct spread *spread, double low, double span)
{
    double mean = spread->sum / ROWS, variance = spread->squares / ROWS - mean * mean;
    double error = span / sqrt(12.0) / sqrt((double)ROWS);
    CHECK(spread->min >= low && spread->min < low + span * 1e-5);
    CHECK(spread->max <= low + span && spread->max > low + span * (1 - 1e-5));
    CHECK(fabs(mean - (low + span / 2)) < 5 * error);
    CHECK(fabs(variance / (span * span / 12) - 1) < 0.003);
}

TEST(measures_of_ten_million_readings_are_uniform_in_their_ranges)
{
    static const double lows[] = {10, 20, 980, 20}, spans[] = {30, 60, 50, 80};
    static int64_t index[CHUNK];
    static double values[CHUNK];
    struct readings readings;
    readings_init(&readings, 7, 0, 0, 100000, 0);
    for (uint32_t measure = 0; measure < 4; measure++) {
        struct spread spread = {INFINITY, -INFINITY, 0, 0};
        for (int64_t at = 0; at < ROWS; at += CHUNK) {
            uint32_t count = ROWS - at < CHUNK ? (uint32_t)(ROWS - at) : CHUNK;
            sequence(index, at, count);
            readings_measure(&readings, READINGS_TEMPERATURE + measure, index, count, values);
            for (uint32_t i = 0; i < count; i++) {
                spread.min = fmin(spread.min, values[i]);
                spread.max = fmax(spread.max, values[i]);
                spread.sum += values[i];
                spread.squares += values[i] * values[i];
            }
        }
        check_uniform(&spread, lows[measure], spans[measure]);
    }
}

TEST(devices_types_and_statuses_of_ten_million_readings_have_their_shares)
{
    static int64_t index[CHUNK], types[9], statuses[5];
    static int32_t ids[CHUNK], drawn_types[CHUNK], drawn_statuses[CHUNK];
    uint32_t *devices = calloc(100000, sizeof *devices), least = UINT32_MAX, most = 0;
    struct readings readings;
    REQUIRE(devices != NULL);
    readings_init(&readings, 7, 0, 1000, 100000, 0);
    for (int64_t at = 0; at < ROWS; at += CHUNK) {
        uint32_t count = ROWS - at < CHUNK ? (uint32_t)(ROWS - at) : CHUNK;
        sequence(index, at, count);
        readings_draw(&readings, index, count, ids, drawn_types, drawn_statuses);
        for (uint32_t i = 0; i < count; i++) {
            REQUIRE(ids[i] >= 1000 && ids[i] < 101000);
            REQUIRE(drawn_types[i] >= 1 && drawn_types[i] <= 8);
            REQUIRE(drawn_statuses[i] >= 1 && drawn_statuses[i] <= 4);
            devices[ids[i] - 1000]++;
            types[drawn_types[i]]++;
            statuses[drawn_statuses[i]]++;
        }
    }
    for (uint32_t i = 0; i < 100000; i++) {
        least = devices[i] < least ? devices[i] : least;
        most = devices[i] > most ? devices[i] : most;
    }
    CHECK(least > 100 - 60 && most < 100 + 70); // Poisson of mean 100, 100,000 draws
    for (int type = 1; type <= 8; type++) {
        CHECK(fabs((double)types[type] / ROWS - 0.125) < 0.0006);
    }
    for (int status = 1; status <= 4; status++) {
        CHECK(fabs((double)statuses[status] / ROWS - (status == 1 ? 0.85 : 0.05)) < 0.0006);
    }
    free(devices);
}

TEST(measures_use_all_53_bits)
{
    int64_t index[4096];
    double values[4096];
    uint64_t low_bits = 0;
    struct readings readings;
    readings_init(&readings, 1, 0, 0, 10, 0);
    sequence(index, 0, 4096);
    readings_measure(&readings, READINGS_BATTERY, index, 4096, values);
    for (int i = 0; i < 4096; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        low_bits |= bits & 7;
        CHECK(values[i] * 10 != floor(values[i] * 10)); // not rounded
    }
    CHECK_INT(low_bits, 7);
}

TEST(a_reading_depends_on_seed_instance_and_number_alone)
{
    int64_t forward[100], backward[100];
    double one[100], other[100];
    struct readings readings;
    for (int i = 0; i < 100; i++) {
        forward[i] = i;
        backward[i] = 99 - i;
    }
    readings_init(&readings, 3, 0, 0, 10, 0);
    readings_measure(&readings, READINGS_TEMPERATURE, forward, 100, one);
    readings_measure(&readings, READINGS_TEMPERATURE, backward, 100, other);
    for (int i = 0; i < 100; i++) {
        CHECK_FLOAT(one[i], other[99 - i]);
    }
    readings_init(&readings, 4, 0, 0, 10, 0);
    readings_measure(&readings, READINGS_TEMPERATURE, forward, 100, other);
    CHECK(one[0] != other[0] && one[50] != other[50]);
    readings_init(&readings, 3, 1, 0, 10, 0);
    readings_measure(&readings, READINGS_TEMPERATURE, forward, 100, other);
    CHECK(one[0] != other[0] && one[50] != other[50]);
}

TEST(devices_in_turn_come_one_after_the_other)
{
    int64_t index[] = {0, 1, 2, 3, 4, 300};
    int32_t ids[6];
    struct readings readings;
    readings_init(&readings, 3, 1, 30, 3, 1);
    readings_draw(&readings, index, 6, ids, NULL, NULL);
    static const int32_t expected[] = {30, 31, 32, 30, 31, 30};
    for (int i = 0; i < 6; i++) {
        CHECK_INT(ids[i], expected[i]);
    }
}

// The rows of a seed are part of what users rely on: another version must make the same ones.
TEST(rows_of_a_seed_never_change)
{
    int64_t index[] = {0, 1, 1000000007};
    int32_t ids[3], types[3], statuses[3];
    double temperature[3];
    struct readings readings;
    readings_init(&readings, 42, 0, 0, 100000, 0);
    readings_draw(&readings, index, 3, ids, types, statuses);
    readings_measure(&readings, READINGS_TEMPERATURE, index, 3, temperature);
    static const int32_t expected[3][3] = {{2791, 6, 1}, {58630, 2, 1}, {68382, 7, 1}};
    static const double degrees[] = {15.209907806328811, 35.976032244649126, 33.219687623055606};
    for (int i = 0; i < 3; i++) {
        CHECK_INT(ids[i], expected[i][0]);
        CHECK_INT(types[i], expected[i][1]);
        CHECK_INT(statuses[i], expected[i][2]);
        CHECK_FLOAT(temperature[i], degrees[i]);
    }
}
