#include "readings.h"

#include <string.h>

#include "dispatch.h"

#define GOLDEN 0x9e3779b97f4a7c15ull
#define STREAM_DRAW 0u // and 1 to 4: the measures
#define STREAM_DELETE 5u
#define READINGS_CHUNK 512u

// SplitMix64's finisher (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014;
// constants of Stafford's variant 13).
static inline uint64_t readings_mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static inline uint64_t readings_word(uint64_t stream, int64_t index)
{
    return readings_mix(stream + (uint64_t)index * GOLDEN);
}

void readings_init(struct readings *readings, uint64_t seed, uint32_t instance,
                   int32_t first_device, uint32_t device_count, int32_t is_round_robin)
{
    uint64_t key = readings_mix(readings_mix(seed) + instance * GOLDEN);
    for (uint32_t i = 0; i < READINGS_STREAMS; i++) {
        readings->streams[i] = readings_mix(key + (i + 1) * GOLDEN);
    }
    readings->first_device = first_device;
    readings->device_count = device_count;
    readings->is_round_robin = is_round_robin;
}

// A word is cut into 32 bits for the device, 29 for the status and 3 for the type.
INTO_EACH void words_loop(uint64_t stream, const int64_t *index, uint32_t count,
                          uint64_t *restrict words)
{
    for (uint32_t i = 0; i < count; i++) {
        words[i] = readings_word(stream, index[i]);
    }
}

TARGET_AVX512 static void words_avx512(uint64_t stream, const int64_t *index, uint32_t count,
                                       uint64_t *restrict words)
{
    words_loop(stream, index, count, words);
}

DISPATCH static void words_base(uint64_t stream, const int64_t *index, uint32_t count,
                                uint64_t *restrict words)
{
    words_loop(stream, index, count, words);
}

static void words_of(uint64_t stream, const int64_t *index, uint32_t count, uint64_t *words)
{
    (has_avx512() ? words_avx512 : words_base)(stream, index, count, words);
}

DISPATCH static void devices_of(const uint64_t *words, uint32_t count, int32_t first,
                                uint32_t device_count, int32_t *restrict devices)
{
    for (uint32_t i = 0; i < count; i++) {
        devices[i] = first + (int32_t)((words[i] >> 32) * device_count >> 32);
    }
}

DISPATCH static void types_of(const uint64_t *words, uint32_t count, int32_t *restrict types)
{
    for (uint32_t i = 0; i < count; i++) {
        types[i] = 1 + (int32_t)((uint32_t)words[i] & 7);
    }
}

DISPATCH static void statuses_of(const uint64_t *words, uint32_t count, int32_t *restrict statuses)
{
    for (uint32_t i = 0; i < count; i++) {
        int32_t twentieth = (int32_t)(((words[i] >> 3 & 0x1fffffff) * 20) >> 29);
        statuses[i] = twentieth < 17 ? 1 : twentieth - 15;
    }
}

static void devices_in_turn(const struct readings *readings, const int64_t *index, uint32_t count,
                            int32_t *devices)
{
    for (uint32_t i = 0; i < count; i++) {
        devices[i] = readings->first_device + (int32_t)(index[i] % readings->device_count);
    }
}

void readings_draw(const struct readings *readings, const int64_t *index, uint32_t count,
                   int32_t *sensor_ids, int32_t *sensor_types, int32_t *statuses)
{
    uint64_t words[READINGS_CHUNK];
    for (uint32_t done = 0; done < count; done += READINGS_CHUNK) {
        uint32_t n = count - done < READINGS_CHUNK ? count - done : READINGS_CHUNK;
        words_of(readings->streams[STREAM_DRAW], index + done, n, words);
        if (sensor_ids != NULL && readings->is_round_robin) {
            devices_in_turn(readings, index + done, n, sensor_ids + done);
        } else if (sensor_ids != NULL) {
            devices_of(words, n, readings->first_device, readings->device_count, sensor_ids + done);
        }
        if (sensor_types != NULL) {
            types_of(words, n, sensor_types + done);
        }
        if (statuses != NULL) {
            statuses_of(words, n, statuses + done);
        }
    }
}

static inline double double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// The 53 bits become a double without the conversion that AVX2 lacks: as 2^84 + high part and
// 2^52 + low part, from which the powers are taken again. Exact.
INTO_EACH void measures_loop(uint64_t stream, const int64_t *index, uint32_t count, double base,
                             double span, double *restrict values)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits = readings_word(stream, index[i]) >> 11;
        double high = double_of_bits(bits >> 32 | 0x4530000000000000ull);
        double low = double_of_bits((bits & 0xffffffffull) | 0x4330000000000000ull);
        values[i] = base + span * (((high - 0x1.00000001p84) + low) * 0x1p-53);
    }
}

TARGET_AVX512 static void measures_avx512(uint64_t stream, const int64_t *index, uint32_t count,
                                          double base, double span, double *restrict values)
{
    measures_loop(stream, index, count, base, span, values);
}

DISPATCH static void measures_base(uint64_t stream, const int64_t *index, uint32_t count,
                                   double base, double span, double *restrict values)
{
    measures_loop(stream, index, count, base, span, values);
}

void readings_measure(const struct readings *readings, uint32_t column, const int64_t *index,
                      uint32_t count, double *values)
{
    static const double bases[] = {10, 20, 980, 20}, spans[] = {30, 60, 50, 80};
    uint32_t measure = column - READINGS_TEMPERATURE;
    (has_avx512() ? measures_avx512 : measures_base)(readings->streams[1 + measure], index, count,
                                                     bases[measure], spans[measure], values);
}

int32_t readings_is_delete(const struct readings *readings, int64_t index)
{
    return readings_word(readings->streams[STREAM_DELETE], index) % READINGS_DELETE_ONE_IN == 0;
}
