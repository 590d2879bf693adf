#include "weir/key.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

__extension__ typedef __int128 int128; // for decimals

// One value as a column of one row.
struct cell {
    struct weir_column column;
    union {
        uint8_t bytes[1024];
        int64_t wide;
        int32_t narrow;
        int16_t small;
        double number;
        float short_number;
        int128 decimal;
        struct weir_timestamp time;
    } as;
    int32_t offsets[2];
};

static const struct {
    const char *name;
    uint8_t id;
} types[] = {
    {"BOOLEAN", WEIR_TYPE_BOOL},        {"TINYINT", WEIR_TYPE_INT8},
    {"SMALLINT", WEIR_TYPE_INT16},      {"INT", WEIR_TYPE_INT32},
    {"BIGINT", WEIR_TYPE_INT64},        {"FLOAT", WEIR_TYPE_FLOAT32},
    {"DOUBLE", WEIR_TYPE_FLOAT64},      {"STRING", WEIR_TYPE_STRING},
    {"CHAR", WEIR_TYPE_STRING},         {"BYTES", WEIR_TYPE_BYTES},
    {"BINARY", WEIR_TYPE_BYTES},        {"DECIMAL", WEIR_TYPE_DECIMAL},
    {"DATE", WEIR_TYPE_DATE},           {"TIME", WEIR_TYPE_TIME},
    {"TIMESTAMP", WEIR_TYPE_TIMESTAMP}, {"TIMESTAMP_LTZ", WEIR_TYPE_TIMESTAMP_LTZ},
};

static struct weir_type type_of(const char *text)
{
    struct weir_type type = {0};
    size_t length = strcspn(text, "(");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strlen(types[i].name) == length && strncmp(types[i].name, text, length) == 0) {
            type.id = types[i].id;
        }
    }
    unsigned precision = 0, scale = 0;
    sscanf(text + length, "(%u, %u)", &precision, &scale);
    if (!weir_type_is_text(type)) {
        type.precision = (uint8_t)precision;
        type.scale = (uint8_t)scale;
    }
    return type;
}

static size_t hex_decode(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (unsigned byte; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++) {
        out[n] = (uint8_t)byte;
    }
    return n;
}

static double number_of(const json_t *value)
{
    return json_is_string(value) ? strtod(json_string_value(value), NULL)
                                 : json_number_value(value);
}

static int128 decimal_of(const char *text)
{
    int128 value = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at >= '0' && *at <= '9') {
            value = value * 10 + (*at - '0');
        }
    }
    return *text == '-' ? -value : value;
}

static void set_text(struct cell *cell, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    if (cell->column.type.id == WEIR_TYPE_BYTES) {
        length = hex_decode(text, cell->as.bytes);
    } else {
        memcpy(cell->as.bytes, text, length);
    }
    cell->offsets[1] = (int32_t)length;
    cell->column.offsets = cell->offsets;
}

static void set_timestamp(struct cell *cell, const char *text)
{
    long long ms;
    int nanoseconds;
    sscanf(text, "%lld:%d", &ms, &nanoseconds);
    if (cell->column.type.precision > 6) {
        cell->as.time = (struct weir_timestamp){ms, nanoseconds, 0};
    } else {
        cell->as.wide = cell->column.type.precision > 3 ? ms * 1000 + nanoseconds / 1000 : ms;
    }
}

static void set(struct cell *cell, const char *type, const json_t *value)
{
    memset(cell, 0, sizeof *cell);
    cell->column.type = type_of(type);
    cell->column.values = &cell->as;
    switch (cell->column.type.id) {
    case WEIR_TYPE_BOOL:
        cell->as.bytes[0] = json_is_true(value);
        break;
    case WEIR_TYPE_INT8:
        cell->as.bytes[0] = (uint8_t)json_integer_value(value);
        break;
    case WEIR_TYPE_INT16:
        cell->as.small = (int16_t)json_integer_value(value);
        break;
    case WEIR_TYPE_FLOAT32:
        cell->as.short_number = (float)number_of(value);
        break;
    case WEIR_TYPE_FLOAT64:
        cell->as.number = number_of(value);
        break;
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        set_text(cell, value);
        break;
    case WEIR_TYPE_DECIMAL:
        cell->as.decimal = decimal_of(json_string_value(value));
        break;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        set_timestamp(cell, json_string_value(value));
        break;
    default:
        cell->as.wide = json_integer_value(value);
    }
}

static void check_vector(const json_t *vector, const char *line)
{
    uint8_t key[1024], expected[1024];
    uint32_t length = 0;
    size_t index;
    json_t *type, *bucket;
    const char *count;
    json_array_foreach(json_object_get(vector, "types"), index, type)
    {
        struct cell cell;
        set(&cell, json_string_value(type),
            json_array_get(json_object_get(vector, "values"), index));
        uint32_t n = weir_key_encode(&cell.column, 0, key + length);
        CHECK(n <= weir_key_bytes_max(&cell.column, 0));
        length += n;
    }
    size_t expected_length =
        hex_decode(json_string_value(json_object_get(vector, "key_bytes_hex")), expected);
    if (length != expected_length || memcmp(key, expected, length) != 0) {
        test_fail(__FILE__, __LINE__, "other key bytes for %s", line);
    }
    uint32_t hash = weir_key_hash(key, length);
    if ((int32_t)hash != json_integer_value(json_object_get(vector, "murmur"))) {
        test_fail(__FILE__, __LINE__, "other hash for %s", line);
    }
    json_object_foreach(json_object_get(vector, "buckets"), count, bucket)
    {
        CHECK_INT(weir_key_bucket(hash, (uint32_t)atoi(count)), json_integer_value(bucket));
    }
}

TEST(keys_hashes_and_buckets_are_those_of_fluss)
{
    char path[4096], line[4096];
    int count = 0;
    snprintf(path, sizeof path, "%s/tests/data/fluss-buckets.ndjson", getenv("WEIR_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *vector = json_loads(line, JSON_ALLOW_NUL, NULL);
        if (vector == NULL) {
            test_fail(__FILE__, __LINE__, "no JSON: %s", line);
            continue;
        }
        check_vector(vector, line);
        json_decref(vector);
        count++;
    }
    fclose(file);
    CHECK_INT(count, 441);
}

TEST(a_null_adds_no_bytes)
{
    int64_t value = 5;
    uint8_t validity = 0, key[WEIR_KEY_FIXED_BYTES_MAX];
    struct weir_column column = {.type = weir_type_of(WEIR_TYPE_INT64), .values = &value};
    CHECK_INT(weir_key_encode(&column, 0, key), 1);
    column.validity = &validity;
    CHECK_INT(weir_key_encode(&column, 0, key), 0);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

TEST(normalised_floats_have_one_zero_and_one_nan)
{
    CHECK(bits_of(weir_key_normalise(-0.0)) == 0);
    CHECK(bits_of(weir_key_normalise(-__builtin_nan("7"))) == bits_of(__builtin_nan("")));
    CHECK_FLOAT(weir_key_normalise(1.5), 1.5);
}

// 0x836f0755 is the hash whose second hash is the smallest integer, which has no absolute value.
TEST(the_bucket_of_the_smallest_integer_is_0)
{
    CHECK_INT(weir_key_finish(weir_key_round(0, 0x836f0755), 4), 0x80000000);
    CHECK_INT(weir_key_bucket(0x836f0755, 7), 0);
    CHECK_INT(weir_key_bucket(0x836f0755, 1000), 0);
}
