// The wire form against a plain copy of the same columns: sensor readings, batch after batch,
// through memory.
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/readings.h"
#include "data/batch.h"
#include "data/wire.h"

#define BATCH_COUNT 64
#define ROW_COUNT 16384
#define ROUNDS 9

struct work {
    const struct weir_batch *batches[BATCH_COUNT];
    uint8_t *messages[BATCH_COUNT];
    uint64_t message_bytes[BATCH_COUNT];
};

static void require(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench wire: %s\n", what);
        exit(1);
    }
}

static const struct weir_batch *make_batch(void)
{
    struct batch_builder *builder;
    const struct weir_batch *batch;
    require(batch_builder_create(&readings_schema, ROW_COUNT, &builder) == 0, "no builder");
    for (uint32_t c = 0; c < READINGS_FIELD_COUNT; c++) {
        uint8_t *values = batch_builder_values(builder, c);
        for (uint32_t i = 0; i < ROW_COUNT * weir_type_width(readings_fields[c].type); i++) {
            values[i] = (uint8_t)(i * 7 + c);
        }
    }
    memset(batch_builder_kinds(builder), WEIR_KIND_UPDATE_AFTER, ROW_COUNT);
    require(batch_builder_finish(builder, ROW_COUNT, &batch) == 0, "no batch");
    return batch;
}

static void copy(void *argument)
{
    struct work *work = argument;
    for (uint32_t b = 0; b < BATCH_COUNT; b++) {
        const struct weir_batch *batch = work->batches[b];
        uint8_t *out = work->messages[b];
        memcpy(out, batch->kinds, ROW_COUNT);
        out += ROW_COUNT;
        for (uint32_t c = 0; c < READINGS_FIELD_COUNT; c++) {
            size_t byte_count = (size_t)ROW_COUNT * weir_type_width(readings_fields[c].type);
            memcpy(out, batch->columns[c].values, byte_count);
            out += byte_count;
        }
    }
}

static void encode(void *argument)
{
    struct work *work = argument;
    for (uint32_t b = 0; b < BATCH_COUNT; b++) {
        work->message_bytes[b] = wire_encode(work->batches[b], 0, work->messages[b]);
    }
}

static void keep(void *owner)
{
    (void)owner;
}

static void decode(void *argument)
{
    struct work *work = argument;
    for (uint32_t b = 0; b < BATCH_COUNT; b++) {
        const struct weir_batch *batch;
        struct error error;
        int rc = wire_decode(work->messages[b], work->message_bytes[b], &readings_schema, keep,
                             NULL, &batch, &error);
        require(rc == 0 && batch->row_count == ROW_COUNT, "the message was not read");
        batch_unref(batch);
    }
}

int main(void)
{
    struct work work;
    double rows = (double)BATCH_COUNT * ROW_COUNT;
    for (uint32_t b = 0; b < BATCH_COUNT; b++) {
        work.batches[b] = make_batch();
        work.messages[b] = aligned_alloc(64, (wire_bytes(work.batches[b], 0) + 63) / 64 * 64);
        require(work.messages[b] != NULL, "no memory");
    }
    double copied = bench_best(copy, &work, ROUNDS);
    double encoded = bench_best(encode, &work, ROUNDS);
    double decoded = bench_best(decode, &work, ROUNDS);
    bench_print("wire.encode", rows / encoded / 1e6, "M rows/s", rows / copied / 1e6);
    bench_print("wire.encode_beyond_copy", (encoded - copied) / rows * 1e9, "ns/row", 0);
    bench_print("wire.decode", decoded / rows * 1e9, "ns/row", 0);
    for (uint32_t b = 0; b < BATCH_COUNT; b++) {
        batch_unref(work.batches[b]);
        free(work.messages[b]);
    }
    return 0;
}
