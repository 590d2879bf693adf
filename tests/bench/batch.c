// Batches in the nearest caches: small and large ones through the wire form, gather, key groups;
// per row of the sensor table (52 bytes in 8 columns).
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "data/batch.h"
#include "data/key.h"
#include "data/wire.h"

#define ROWS 8192u
#define SMALL_ROWS 1024u
#define REPEATS 50
#define ROUNDS 60

static const struct weir_field fields[] = {
    {"sensor_id", {WEIR_TYPE_INT32, 0, 0, 0, 0}},
    {"sensor_type", {WEIR_TYPE_INT32, 0, 0, 0, 0}},
    {"temperature", {WEIR_TYPE_FLOAT64, 0, 0, 0, 0}},
    {"humidity", {WEIR_TYPE_FLOAT64, 0, 0, 0, 0}},
    {"pressure", {WEIR_TYPE_FLOAT64, 0, 0, 0, 0}},
    {"battery_level", {WEIR_TYPE_FLOAT64, 0, 0, 0, 0}},
    {"status", {WEIR_TYPE_INT32, 0, 0, 0, 0}},
    {"timestamp", {WEIR_TYPE_INT64, 0, 0, 0, 0}},
};
static const struct weir_schema schema = {sizeof schema, 8, fields};

struct work {
    const struct weir_batch *batch;
    uint8_t *message;
    uint8_t *copy;
    uint64_t size;
    uint32_t rows[ROWS];
    uint32_t groups[ROWS];
    uint32_t column;
    int has_failed;
};

static const struct weir_batch *make(uint32_t row_count)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    if (batch_builder_create(&schema, row_count, &builder) != 0) {
        exit(1);
    }
    for (uint32_t c = 0; c < schema.field_count; c++) {
        uint32_t width = weir_type_width(fields[c].type);
        uint8_t *values = batch_builder_values(builder, c);
        for (uint32_t i = 0; i < row_count; i++) {
            int64_t value = rand() % 100000;
            memcpy(values + (size_t)i * width, &value, width);
        }
    }
    memset(batch_builder_kinds(builder), WEIR_KIND_UPDATE_AFTER, row_count);
    batch_builder_times(builder, 5, 0, 1000000, 0);
    if (batch_builder_finish(builder, row_count, &batch) != 0) {
        exit(1);
    }
    return batch;
}

static void run_copy(void *argument)
{
    struct work *work = argument;
    for (int i = 0; i < REPEATS; i++) {
        memcpy(work->copy, work->message, work->size);
        __asm__ volatile("" ::: "memory");
    }
}

static void run_encode(void *argument)
{
    struct work *work = argument;
    for (int i = 0; i < REPEATS; i++) {
        work->has_failed |= wire_bytes(work->batch, 0) != work->size;
        wire_encode(work->batch, 0, work->copy);
    }
}

static void run_decode(void *argument)
{
    struct work *work = argument;
    const struct weir_batch *batch;
    for (int i = 0; i < REPEATS; i++) {
        if (wire_decode(work->message, work->size, &schema, NULL, NULL, &batch, NULL) != 0) {
            work->has_failed = 1;
            return;
        }
        batch_unref(batch);
    }
}

static void run_select(void *argument)
{
    struct work *work = argument;
    const struct weir_batch *batch;
    for (int i = 0; i < REPEATS; i++) {
        if (batch_select(work->batch, work->rows, ROWS, &batch) != 0) {
            work->has_failed = 1;
            return;
        }
        batch_unref(batch);
    }
}

static void run_groups(void *argument)
{
    struct work *work = argument;
    for (int i = 0; i < REPEATS; i++) {
        work->has_failed |= key_groups(work->batch, &work->column, 1, 128, work->groups) != 0;
    }
}

static double per_row(void (*run)(void *), struct work *work, uint32_t row_count)
{
    return bench_best(run, work, ROUNDS) * 1e9 / REPEATS / row_count;
}

// The limit is the copy of the same bytes: encode must write them, decode reads them in place.
static void bench_wire(struct work *work, uint32_t row_count)
{
    char name[64];
    work->batch = make(row_count);
    work->size = wire_bytes(work->batch, 0);
    work->message = aligned_alloc(64, (work->size + 63) / 64 * 64);
    work->copy = aligned_alloc(64, (work->size + 63) / 64 * 64);
    wire_encode(work->batch, 0, work->message);
    memset(work->copy, 0, work->size);
    double copy = per_row(run_copy, work, row_count);
    snprintf(name, sizeof name, "batch.encode_%u", row_count);
    bench_print(name, per_row(run_encode, work, row_count) - copy, "ns/row beyond the copy", copy);
    snprintf(name, sizeof name, "batch.decode_%u", row_count);
    bench_print(name, per_row(run_decode, work, row_count), "ns/row", copy);
    free(work->message);
    free(work->copy);
}

int main(void)
{
    static struct work work;
    bench_wire(&work, SMALL_ROWS);
    batch_unref(work.batch);
    bench_wire(&work, ROWS);
    for (uint32_t i = 0; i < ROWS; i++) {
        work.rows[i] = (uint32_t)rand() % ROWS;
    }
    bench_print("batch.gather", per_row(run_select, &work, ROWS * schema.field_count), "ns/value",
                0);
    work.column = 0;
    bench_print("batch.key_groups_int32", per_row(run_groups, &work, ROWS), "ns/row", 0);
    work.column = 7;
    bench_print("batch.key_groups_int64", per_row(run_groups, &work, ROWS), "ns/row", 0);
    batch_unref(work.batch);
    return work.has_failed;
}
