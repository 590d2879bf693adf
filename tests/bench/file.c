// CSV and NDJSON of sensor readings between files in memory and typed columns, beside finding the
// ends of the same lines.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/readings.h"
#include "encode.h"
#include "reader.h"

#define ROW_COUNT 300000u
#define BATCH_ROWS 8192u
#define ROUNDS 7

struct work {
    struct file_options options;
    const struct weir_batch *batch;
    char path[64];
    const char *bytes;
    size_t size;
    uint64_t row_count;
};

static void require(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench file: %s\n", what);
        exit(1);
    }
}

static double next_uniform(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) * 0x1p-53;
}

static void fill(struct rows *rows)
{
    static const double first[] = {0, 1, 10, 20, 980, 20, 1}, range[] = {1e5, 8, 30, 60, 50, 80, 4};
    require(rows_init(rows, readings_fields, READINGS_FIELD_COUNT, NULL, BATCH_ROWS, 0) == 0,
            "no memory");
    for (uint32_t row = 0; row < BATCH_ROWS; row++) {
        for (uint32_t i = 0; i + 1 < READINGS_FIELD_COUNT; i++) {
            double value = first[i] + range[i] * next_uniform();
            int rc = readings_fields[i].type.id == WEIR_TYPE_INT32
                         ? rows_set_int(rows, &rows->columns[i], (int64_t)value)
                         : rows_set_real(rows, &rows->columns[i], value);
            require(rc == 0, "a value does not fit");
        }
        rows_set_int(rows, &rows->columns[READINGS_FIELD_COUNT - 1], 1700000000000 + row);
        rows_end_row(rows);
    }
}

// Appends all rows of the batch.
static void encode_rows(struct encoder *encoder, const struct weir_batch *batch)
{
    uint32_t column;
    for (uint32_t row = 0; row < batch->row_count; row++) {
        require(encoder_row(encoder, batch, row, &column) == 0, "a row cannot be written");
    }
}

// The rows as a file in memory.
static void make_file(struct work *work)
{
    struct encoder encoder;
    int descriptor = memfd_create("bench", 0);
    require(descriptor >= 0 && encoder_init(&encoder, &work->options, &readings_schema) == 0,
            "no memory");
    require(encoder_start(&encoder) == 0, "no memory");
    for (uint32_t written = 0; written < ROW_COUNT; written += BATCH_ROWS) {
        encode_rows(&encoder, work->batch);
        require(write(descriptor, encoder.bytes, encoder.size) == (ssize_t)encoder.size, "no room");
        work->size += encoder.size;
        encoder.size = 0;
        work->row_count += BATCH_ROWS;
    }
    encoder_finish(&encoder);
    work->bytes = mmap(NULL, work->size, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    require(work->bytes != MAP_FAILED, "cannot map the file");
    snprintf(work->path, sizeof work->path, "/proc/self/fd/%d", descriptor);
}

static void read_file(void *argument)
{
    struct work *work = argument;
    struct rows rows;
    struct reader *reader;
    struct reader_place start = {0};
    char sentence[FILE_SENTENCE_MAX];
    uint64_t count = 0;
    int status;
    require(rows_init(&rows, readings_fields, READINGS_FIELD_COUNT, NULL, BATCH_ROWS, 0) == 0,
            "no memory");
    require(reader_open(&work->options, work->path, &rows, &start, 0, &reader, sentence) == 0,
            "cannot read the file");
    do {
        status = reader_read(reader, sentence);
        require(status != READER_BAD && status != READER_ERROR, "a row is refused");
        if (status == READER_FULL || status == READER_END) {
            count += rows.count;
            rows_clear(&rows);
        }
    } while (status != READER_END);
    require(count == work->row_count, "rows are missing");
    reader_close(reader);
    rows_finish(&rows);
}

static void write_rows(void *argument)
{
    struct work *work = argument;
    struct encoder encoder;
    require(encoder_init(&encoder, &work->options, &readings_schema) == 0, "no memory");
    for (uint32_t written = 0; written < work->row_count; written += BATCH_ROWS) {
        encode_rows(&encoder, work->batch);
        encoder.size = 0;
    }
    encoder_finish(&encoder);
}

static void find_lines(void *argument)
{
    const struct work *work = argument;
    const char *p = work->bytes, *end = p + work->size;
    uint64_t lines = 0;
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
        lines++;
        p++;
    }
    require(lines >= work->row_count, "lines are missing");
}

static void bench_format(const char *name, uint32_t format, const struct weir_batch *batch)
{
    struct work work = {.options = {format, COMPRESSION_AUTO, 1, {',', '"', ""}, NULL},
                        .batch = batch};
    char title[64];
    make_file(&work);
    double megabytes = (double)work.size * 1e-6;
    double limit = megabytes / bench_best(find_lines, &work, ROUNDS);
    snprintf(title, sizeof title, "file.read_%s", name);
    bench_print(title, megabytes / bench_best(read_file, &work, ROUNDS), "MB/s", limit);
    snprintf(title, sizeof title, "file.write_%s", name);
    bench_print(title, megabytes / bench_best(write_rows, &work, ROUNDS), "MB/s", 0);
}

int main(void)
{
    struct rows rows;
    struct weir_column columns[READINGS_FIELD_COUNT];
    struct weir_batch batch = {
        .size = sizeof batch, .schema = &readings_schema, .columns = columns};
    fill(&rows);
    for (uint32_t i = 0; i < READINGS_FIELD_COUNT; i++) {
        columns[i] =
            (struct weir_column){.type = readings_fields[i].type, .values = rows.columns[i].values};
    }
    batch.row_count = rows.count;
    batch.column_count = READINGS_FIELD_COUNT;
    bench_format("csv", FORMAT_CSV, &batch);
    bench_format("ndjson", FORMAT_NDJSON, &batch);
    return 0;
}
