// For micro-benchmarks: the best of some rounds, printed as the object that ./dev bench reads.
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdio.h>
#include <time.h>

static inline double bench_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// The shortest time, in seconds, that `run` took in `rounds` rounds.
static inline double bench_best(void (*run)(void *argument), void *argument, int rounds)
{
    double best = 1e300;
    for (int round = 0; round < rounds; round++) {
        double start = bench_now();
        run(argument);
        double took = bench_now() - start;
        best = took < best ? took : best;
    }
    return best;
}

// One figure. limit is what the machine allows for it, in the same unit; 0: nothing says.
static inline void bench_print(const char *name, double value, const char *unit, double limit)
{
    printf("{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"limit\": ", name, value, unit);
    if (limit > 0) {
        printf("%.6g, \"ratio\": %.3g}\n", limit, value / limit);
    } else {
        printf("null, \"ratio\": null}\n");
    }
    fflush(stdout);
}

#endif
