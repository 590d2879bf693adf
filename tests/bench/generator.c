// What a reading of the generator costs, all eight columns, beside a plain copy of its 52 bytes.
#include "bench/bench.h"

#include <string.h>

#include "generator/readings.h"
#include "generator/schedule.h"

#define ROWS 8192u
#define REPEAT 20u

static struct readings readings;
static struct schedule schedule = {0, 0.5};
static int64_t numbers[ROWS], timestamps[ROWS];
static int32_t integers[3][ROWS];
static double measures[4][ROWS];
static char from[52 * ROWS], to[52 * ROWS];

static void make(void *argument)
{
    (void)argument;
    for (uint32_t round = 0; round < REPEAT; round++) {
        for (uint32_t i = 0; i < ROWS; i++) {
            numbers[i] = (int64_t)round * ROWS + i;
        }
        readings_draw(&readings, numbers, ROWS, integers[0], integers[1], integers[2]);
        for (uint32_t i = 0; i < 4; i++) {
            readings_measure(&readings, READINGS_TEMPERATURE + i, numbers, ROWS, measures[i]);
        }
        schedule_timestamps(&schedule, 0, numbers, ROWS, timestamps);
    }
}

static void copy(void *argument)
{
    (void)argument;
    for (uint32_t round = 0; round < REPEAT; round++) {
        from[round] = (char)round;
        memcpy(to, from, sizeof to);
        __asm__ volatile("" : : "r"(to) : "memory");
    }
}

int main(void)
{
    readings_init(&readings, 1, 0, 0, 100000, 0);
    double per_row = 1e9 / (ROWS * REPEAT);
    double limit = bench_best(copy, NULL, 20) * per_row;
    bench_print("generator.row", bench_best(make, NULL, 20) * per_row, "ns", limit);
    return 0;
}
