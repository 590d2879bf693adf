// What the sink writes, the source reads back: random rows of all types through every format and
// compression.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/drive.h"
#include "encode.h"
#include "output.h"
#include "reader.h"
#include "support/test.h"

#define ROWS 300u

static const char *const types[] = {"bool",
                                    "int8",
                                    "int16",
                                    "int32",
                                    "int64",
                                    "float32",
                                    "float64",
                                    "string",
                                    "bytes",
                                    "date",
                                    "time",
                                    "timestamp(0)",
                                    "timestamp(3)",
                                    "timestamp(6)",
                                    "timestamp(9)",
                                    "timestamp_ltz(3)",
                                    "timestamp_ltz(9)",
                                    "decimal(38,0)",
                                    "decimal(10,2)",
                                    "decimal(38,38)",
                                    "string(5)"};
#define TYPE_COUNT (sizeof types / sizeof *types)

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static size_t random_text(char *out, struct weir_type type)
{
    static const char *const pieces[] = {
        "a", "\"", ",",    "\n", "\r", "\\", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        " ", "0",  "\x01", "NA", "\t", "/"};
    size_t size = 0, count = next_random() % (type.length != 0 ? type.length : 12);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[next_random() % (sizeof pieces / sizeof *pieces)];
        if (type.length != 0 && piece[0] == 'N') {
            piece = "x";
        }
        memcpy(out + size, piece, strlen(piece));
        size += strlen(piece);
    }
    return size;
}

static void random_decimal(char *out, struct weir_type type)
{
    *out = '-';
    out += next_random() & 1;
    uint32_t digits = (uint32_t)(next_random() % type.precision) + 1;
    uint32_t whole = (uint32_t)type.precision - type.scale;
    for (uint32_t i = 0; i < (digits < whole ? digits : whole); i++) {
        *out++ = (char)('0' + next_random() % 10);
    }
    if (whole == 0) {
        *out++ = '0';
    }
    if (type.scale > 0) {
        *out++ = '.';
        for (uint32_t i = 0; i < type.scale; i++) {
            *out++ = (char)('0' + next_random() % 10);
        }
    }
    *out = '\0';
}

static void set_random(struct rows *rows, struct rows_column *column)
{
    struct weir_type type = column->type;
    char text[128];
    uint64_t bits = next_random() >> (next_random() % 64);
    uint8_t *value = column->values + (size_t)rows->count * weir_type_width(type);
    struct weir_timestamp timestamp = {(int64_t)(bits >> 8) * ((bits & 1) ? 1 : -1),
                                       (int32_t)(next_random() % 1000000), 0};
    if (next_random() % 5 == 0) {
        rows_set_null(rows, column);
        return;
    }
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        weir_bit_set(column->values, rows->count, bits & 1);
        return;
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        CHECK_INT(rows_set_text(rows, column, text, random_text(text, type)), 0);
        return;
    case WEIR_TYPE_TIME:
        bits %= 86400000;
        break;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        if (type.precision > 6) {
            memcpy(value, &timestamp, sizeof timestamp);
            return;
        }
        bits = (uint64_t)(type.precision == 0 ? timestamp.ms / 1000 * 1000 : timestamp.ms);
        break;
    case WEIR_TYPE_DECIMAL:
        random_decimal(text, type);
        CHECK_INT(rows_set(rows, column, text, strlen(text)), 0);
        return;
    default:
        break;
    }
    memcpy(value, &bits, weir_type_width(type));
}

// A batch that looks at the rows.
static void view_rows(const struct rows *rows, struct weir_batch *batch,
                      struct weir_column *columns)
{
    for (uint32_t i = 0; i < rows->column_count; i++) {
        const struct rows_column *column = &rows->columns[i];
        columns[i] =
            (struct weir_column){.type = column->type,
                                 .null_count = column->null_count,
                                 .validity = column->null_count > 0 ? column->validity : NULL,
                                 .values = column->values,
                                 .offsets = column->offsets};
    }
    batch->size = sizeof *batch;
    batch->row_count = rows->count;
    batch->column_count = rows->column_count;
    batch->columns = columns;
    batch->kinds = rows->kinds;
}

static int value_differs(const struct rows_column *a, const struct rows_column *b, uint32_t row)
{
    uint32_t width = weir_type_width(a->type);
    if (weir_bit(a->validity, row) != weir_bit(b->validity, row)) {
        return 1;
    }
    if (!weir_bit(a->validity, row)) {
        return 0;
    }
    if (a->type.id == WEIR_TYPE_BOOL) {
        return weir_bit(a->values, row) != weir_bit(b->values, row);
    }
    if (a->offsets != NULL) {
        int32_t size = a->offsets[row + 1] - a->offsets[row];
        return size != b->offsets[row + 1] - b->offsets[row] ||
               memcmp(a->values + a->offsets[row], b->values + b->offsets[row], (size_t)size) != 0;
    }
    if (a->type.id == WEIR_TYPE_FLOAT64 || a->type.id == WEIR_TYPE_FLOAT32) {
        double x, y;
        float f, g;
        memcpy(&x, a->values + row * 8, width == 8 ? 8 : 0);
        memcpy(&y, b->values + row * 8, width == 8 ? 8 : 0);
        if (width == 4) {
            memcpy(&f, a->values + row * 4, 4);
            memcpy(&g, b->values + row * 4, 4);
            x = (double)f;
            y = (double)g;
        }
        if (x != x || y != y) {
            return x == x || y == y;
        }
    }
    return memcmp(a->values + (size_t)row * width, b->values + (size_t)row * width, width) != 0;
}

static void write_rows(const char *path, const struct file_options *options,
                       const struct weir_schema *schema, const struct rows *rows)
{
    struct weir_batch batch = {.schema = schema};
    struct weir_column columns[TYPE_COUNT];
    struct encoder encoder;
    struct output *output;
    char sentence[FILE_SENTENCE_MAX];
    uint32_t column;
    view_rows(rows, &batch, columns);
    REQUIRE(encoder_init(&encoder, options, schema) == 0);
    REQUIRE(output_open(path, options->compression, 1, &output, sentence) == 0);
    CHECK_INT(encoder_start(&encoder), 0);
    for (uint32_t row = 0; row < rows->count; row++) {
        CHECK_INT(encoder_row(&encoder, &batch, row, &column), 0);
        CHECK_INT(output_write(output, encoder.bytes, encoder.size, sentence), 0);
        encoder.size = 0;
    }
    CHECK_INT(output_publish(output, sentence), 0);
    encoder_finish(&encoder);
}

static void check_rows(const struct rows *actual, const struct rows *expected, const char *path)
{
    CHECK_INT(actual->count, expected->count);
    for (uint32_t i = 0; i < expected->column_count; i++) {
        for (uint32_t row = 0; row < actual->count; row++) {
            if (value_differs(&actual->columns[i], &expected->columns[i], row)) {
                test_fail(__FILE__, __LINE__, "%s: row %u of %s differs", path, row, types[i]);
                return;
            }
        }
    }
    if (expected->kinds != NULL) {
        CHECK_INT(memcmp(actual->kinds, expected->kinds, expected->count), 0);
    }
}

static void check_round_trip(struct file_options options, const struct weir_schema *schema,
                             const struct rows *rows)
{
    char path[4096], sentence[FILE_SENTENCE_MAX] = "";
    struct reader_place start = {0};
    struct rows read;
    struct reader *reader;
    snprintf(path, sizeof path, "%s/%u-%u", test_folder(), options.format, options.compression);
    write_rows(path, &options, schema, rows);
    options.compression = COMPRESSION_AUTO;
    REQUIRE(rows_init(&read, schema->fields, schema->field_count, NULL, ROWS + 1,
                      options.kind != NULL) == 0);
    REQUIRE(reader_open(&options, path, &read, &start, 0, &reader, sentence) == 0);
    int status;
    while ((status = reader_read(reader, sentence)) == READER_MORE || status == READER_BAD) {
        if (status == READER_BAD) {
            test_fail(__FILE__, __LINE__, "%s:%llu: column %d: %s", path,
                      (unsigned long long)reader_bad(reader)->line, reader_bad(reader)->column,
                      reader_bad(reader)->reason);
        }
    }
    CHECK_INT(status, READER_END);
    check_rows(&read, rows, path);
    reader_close(reader);
    rows_finish(&read);
}

static void check_all(const char *kind, struct csv_dialect dialect)
{
    char text[1024] = "";
    struct weir_field fields[TYPE_COUNT];
    struct rows rows;
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        sprintf(text + strlen(text), "c%zu %s;", i, types[i]);
    }
    struct weir_schema schema = {sizeof schema, drive_fields(text, fields, TYPE_COUNT), fields};
    CHECK_INT(schema.field_count, TYPE_COUNT);
    REQUIRE(rows_init(&rows, fields, schema.field_count, NULL, ROWS, kind != NULL) == 0);
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t i = 0; i < schema.field_count; i++) {
            set_random(&rows, &rows.columns[i]);
        }
        if (kind != NULL) {
            rows.kinds[row] = (uint8_t)(next_random() % 4);
        }
        rows_end_row(&rows);
    }
    for (uint32_t format = FORMAT_CSV; format <= FORMAT_MSGPACK; format++) {
        for (uint32_t compression = COMPRESSION_NONE; compression <= COMPRESSION_ZSTD;
             compression++) {
            check_round_trip((struct file_options){format, compression, 1, dialect, kind}, &schema,
                             &rows);
        }
    }
    rows_finish(&rows);
}

TEST(random_rows_of_all_types_come_back_the_same)
{
    for (int i = 0; i < 5; i++) {
        check_all(NULL, (struct csv_dialect){',', '"', ""});
    }
}

TEST(change_kinds_come_back_too)
{
    check_all("op", (struct csv_dialect){',', '"', ""});
}

TEST(other_dialects_come_back_too)
{
    check_all(NULL, (struct csv_dialect){'\t', '\'', "NA"});
}
