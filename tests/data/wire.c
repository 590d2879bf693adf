#include "data/wire.h"

#include <errno.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "support/random_batch.h"

static int released;

static void release(void *owner)
{
    released++;
    free(owner);
}

// The message of a batch in memory of its own, exactly as large as it must be.
static uint8_t *encode(const struct weir_batch *batch, int with_schema, uint64_t *size)
{
    *size = wire_bytes(batch, with_schema);
    uint8_t *message = aligned_alloc(64, (*size + 63) / 64 * 64);
    CHECK_INT(wire_encode(batch, with_schema, message), *size);
    return message;
}

static const struct weir_batch *decode(uint8_t *message, uint64_t size,
                                       const struct weir_schema *schema)
{
    struct error error = {0};
    const struct weir_batch *batch = NULL;
    int before = released;
    if (wire_decode(message, size, schema, release, message, &batch, &error) != 0) {
        test_fail(__FILE__, __LINE__, "%s", error.text);
        return NULL;
    }
    CHECK_INT(released, before);
    return batch;
}

static void check_round_trip(const struct weir_batch *batch, int with_schema)
{
    uint64_t size;
    uint8_t *message = encode(batch, with_schema, &size);
    const struct weir_batch *decoded = decode(message, size, with_schema ? NULL : batch->schema);
    REQUIRE(decoded != NULL);
    check_same_batch(batch, decoded);
    check_is_clean(decoded);
    for (uint32_t i = 0; with_schema && i < batch->column_count; i++) {
        const struct weir_field *a = &batch->schema->fields[i], *b = &decoded->schema->fields[i];
        CHECK_TEXT(b->name, a->name);
        CHECK(memcmp(&a->type, &b->type, sizeof a->type) == 0);
    }
    int before = released;
    batch_unref(decoded);
    CHECK_INT(released, before + 1);
}

TEST(random_batches_come_back_as_they_were)
{
    struct random random = {1};
    uint64_t before = memory_used();
    for (int i = 0; i < 200; i++) {
        const struct weir_batch *batch = random_batch(&random, random_below(&random, 300), 1);
        check_round_trip(batch, i % 2);
        batch_unref(batch);
    }
    CHECK_INT(memory_used(), before);
}

TEST(slices_come_back_as_they_were)
{
    struct random random = {2};
    for (int i = 0; i < 50; i++) {
        const struct weir_batch *batch = random_batch(&random, 500, 1), *slice;
        uint32_t first = random_below(&random, 7) * 64;
        CHECK_INT(batch_slice(batch, first, 500 - first, &slice), 0);
        check_round_trip(slice, 1);
        batch_unref(slice);
        batch_unref(batch);
    }
}

TEST(the_largest_batch_comes_back)
{
    struct random random = {3};
    const struct weir_batch *batch = random_batch(&random, WEIR_BATCH_ROWS_MAX, 0);
    check_round_trip(batch, 1);
    batch_unref(batch);
}

TEST(columns_are_read_in_place_where_they_are_aligned)
{
    struct random random = {4};
    const struct weir_batch *batch = random_batch(&random, 1000, 0), *decoded;
    uint64_t size = wire_bytes(batch, 0);
    uint8_t *memory = aligned_alloc(64, (size + 127) / 64 * 64);
    wire_encode(batch, 0, memory);
    CHECK_INT(wire_decode(memory, size, batch->schema, NULL, NULL, &decoded, NULL), 0);
    const uint8_t *values = decoded->columns[4].values;
    CHECK(values > memory && values < memory + size);
    CHECK_INT((uintptr_t)decoded->columns[0].values % 8, 0);
    batch_unref(decoded);
    memmove(memory + 3, memory, size);
    CHECK_INT(wire_decode(memory + 3, size, batch->schema, NULL, NULL, &decoded, NULL), 0);
    values = decoded->columns[4].values;
    CHECK(values < memory || values >= memory + size + 3);
    check_same_batch(batch, decoded);
    batch_unref(decoded);
    batch_unref(batch);
    free(memory);
}

TEST(a_selection_outlives_the_message_that_brought_its_schema)
{
    struct random random = {5};
    const struct weir_batch *batch = random_batch(&random, 10, 0), *selected;
    const uint32_t rows[] = {3, 7};
    uint64_t size;
    uint8_t *message = encode(batch, 1, &size);
    const struct weir_batch *decoded = decode(message, size, NULL);
    REQUIRE(decoded != NULL);
    CHECK_INT(batch_select(decoded, rows, 2, &selected), 0);
    batch_unref(decoded);
    CHECK_TEXT(selected->schema->fields[3].name, "int32");
    batch_unref(selected);
    batch_unref(batch);
}

// The hex dump in docs/formats/wire.md.
static uint64_t read_example(uint8_t *message)
{
    char path[4096], line[256];
    uint64_t size = 0;
    int is_inside = 0;
    snprintf(path, sizeof path, "%s/docs/formats/wire.md", getenv("WEIR_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        unsigned place, byte;
        int length, at = 0;
        is_inside = strcmp(line, "```hex\n") == 0 || (is_inside && strncmp(line, "```", 3) != 0);
        if (is_inside && sscanf(line, "%4x %n", &place, &at) == 1) {
            CHECK_INT(place, size);
            for (; sscanf(line + at, "%2x %n", &byte, &length) == 1; at += length) {
                message[size++] = (uint8_t)byte;
            }
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return size;
}

TEST(the_example_of_the_format_page_is_true)
{
    static const struct weir_field example_fields[] = {
        {"id", {WEIR_TYPE_INT32, 0, 0, 0, 0}},
        {"name", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
    };
    static const struct weir_schema example = {sizeof example, 2, example_fields};
    static _Alignas(64) uint8_t page[1024], message[1024];
    struct batch_builder *builder;
    const struct weir_batch *batch, *decoded;
    CHECK_INT(batch_builder_create(&example, 3, &builder), 0);
    memcpy(batch_builder_values(builder, 0), (int32_t[]){1, 2, 300}, 12);
    CHECK_INT(batch_builder_append(builder, 1, "Ada", 3), 0);
    CHECK_INT(batch_builder_append_null(builder, 1), 0);
    CHECK_INT(batch_builder_append(builder, 1, "Grace", 5), 0);
    memcpy(batch_builder_kinds(builder), (uint8_t[]){0, 3, 2}, 3);
    batch_builder_times(builder, 5, WEIR_TIME_NONE, WEIR_TIME_NONE, 1000000);
    CHECK_INT(batch_builder_finish(builder, 3, &batch), 0);
    uint64_t size = read_example(page);
    REQUIRE(size == wire_bytes(batch, 1));
    wire_encode(batch, 1, message);
    CHECK(memcmp(page, message, size) == 0);
    CHECK_INT(wire_decode(page, size, NULL, NULL, NULL, &decoded, NULL), 0);
    check_same_batch(batch, decoded);
    batch_unref(decoded);
    batch_unref(batch);
}

// --- What any msgpack library reads ---

static const msgpack_object *lookup(const msgpack_object *map, const char *name)
{
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *key = &map->via.map.ptr[i].key;
        if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == strlen(name) &&
            memcmp(key->via.str.ptr, name, key->via.str.size) == 0) {
            return &map->via.map.ptr[i].val;
        }
    }
    return NULL;
}

static int64_t integer(const msgpack_object *object)
{
    CHECK(object != NULL && (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
                             object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER));
    return object == NULL ? 0 : object->via.i64;
}

// The column as the header of the message describes it.
static struct weir_column foreign_column(const msgpack_object *entry, const char *body,
                                         struct weir_type type)
{
    struct weir_column column = {.type = type, .encoding = WEIR_ENCODING_ABSENT};
    if (entry->type == MSGPACK_OBJECT_NIL) {
        return column;
    }
    const msgpack_object *parts = entry->via.array.ptr;
    CHECK_INT(entry->via.array.size, 5);
    column.encoding = WEIR_ENCODING_PLAIN;
    column.null_count = (uint32_t)integer(&parts[0]);
    if (parts[1].type != MSGPACK_OBJECT_NIL) {
        column.validity = (const uint8_t *)body + integer(&parts[1]);
    }
    column.values = body + integer(&parts[2]);
    if (parts[4].type != MSGPACK_OBJECT_NIL) {
        column.offsets = (const int32_t *)(const void *)(body + integer(&parts[4]));
        CHECK_INT(column.offsets[0], 0);
    }
    return column;
}

static void check_foreign(const struct weir_batch *batch, const msgpack_object *message)
{
    const msgpack_object *parts = message->via.array.ptr, *header = &parts[1];
    REQUIRE(message->type == MSGPACK_OBJECT_ARRAY && message->via.array.size == 4);
    CHECK(parts[0].via.str.size == 5 && memcmp(parts[0].via.str.ptr, "weir1", 5) == 0);
    REQUIRE(header->type == MSGPACK_OBJECT_MAP);
    struct weir_column columns[RANDOM_COLUMNS];
    struct weir_batch foreign = *batch;
    const char *body = parts[3].via.bin.ptr;
    const msgpack_object *entries = lookup(header, "columns"), *schema = lookup(header, "schema");
    REQUIRE(entries != NULL && entries->via.array.size == RANDOM_COLUMNS);
    REQUIRE(schema != NULL && schema->via.array.size == RANDOM_COLUMNS);
    for (uint32_t i = 0; i < RANDOM_COLUMNS; i++) {
        const msgpack_object *field = schema->via.array.ptr[i].via.array.ptr;
        columns[i] = foreign_column(&entries->via.array.ptr[i], body, batch->columns[i].type);
        CHECK_INT(field[0].via.str.size, strlen(batch->schema->fields[i].name));
        CHECK_INT(field[2].via.boolean, batch->schema->fields[i].type.nullable);
    }
    const msgpack_object *kinds = lookup(header, "kinds"), *times = lookup(header, "times");
    foreign.row_count = (uint32_t)integer(lookup(header, "rows"));
    foreign.columns = columns;
    foreign.kinds = kinds == NULL ? NULL : (const uint8_t *)body + integer(kinds);
    if (times != NULL) {
        foreign.time_min_us = integer(&times->via.array.ptr[0]);
        foreign.time_max_us = integer(&times->via.array.ptr[1]);
        foreign.entered_us = integer(lookup(header, "entered"));
        foreign.bucket = (int32_t)integer(lookup(header, "bucket"));
    }
    check_same_batch(batch, &foreign);
}

TEST(msgpack_c_reads_the_same_values)
{
    struct random random = {6};
    for (int i = 0; i < 100; i++) {
        const struct weir_batch *batch = random_batch(&random, random_below(&random, 200), 1);
        uint64_t size;
        size_t at = 0;
        uint8_t *message = encode(batch, 1, &size);
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        CHECK_INT(msgpack_unpack_next(&unpacked, (const char *)message, size, &at),
                  MSGPACK_UNPACK_SUCCESS);
        CHECK_INT(at, size);
        check_foreign(batch, &unpacked.data);
        msgpack_unpacked_destroy(&unpacked);
        free(message);
        batch_unref(batch);
    }
}

// --- Bad messages ---

static const struct weir_field two_fields[] = {
    {"id", {WEIR_TYPE_INT32, 0, 0, 0, 0}},
    {"text", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
};
static const struct weir_schema two_columns = {sizeof two_columns, 2, two_fields};

static const char *refusal(const uint8_t *message, uint64_t size, const struct weir_schema *schema)
{
    static struct error error;
    const struct weir_batch *batch = NULL;
    uint8_t *copy = malloc(size); // so that the address sanitizer sees every byte beyond
    if (size != 0) {
        memcpy(copy, message, size);
    }
    int before = released, rc = wire_decode(copy, size, schema, release, copy, &batch, &error);
    CHECK_INT(rc, -EBADMSG);
    if (rc == 0) {
        batch_unref(batch);
        return "accepted";
    }
    CHECK_INT(released, before + 1);
    CHECK_INT(error.code, -EBADMSG);
    return error.text;
}

TEST(a_message_cut_at_any_byte_is_refused_where_it_ends)
{
    struct random random = {7};
    const struct weir_batch *batch = random_batch(&random, 20, 1);
    uint64_t size;
    uint8_t *message = encode(batch, 1, &size);
    for (uint64_t cut = 0; cut < size; cut++) {
        char ends[64];
        const char *text = refusal(message, cut, NULL);
        snprintf(ends, sizeof ends, ": the message ends at byte %llu, ", (unsigned long long)cut);
        if (strstr(text, ends) == NULL && strstr(text, "bytes are left") == NULL) {
            test_fail(__FILE__, __LINE__, "cut at %llu: %s", (unsigned long long)cut, text);
        }
        CHECK(strncmp(text, "wire message, byte ", 19) == 0);
    }
    free(message);
    batch_unref(batch);
}

// A message made by hand: text is copied, "#" and two hex digits stand for a byte.
static const char *refusal_of(const char *text)
{
    uint8_t message[1024];
    uint64_t size = 0;
    while (*text != '\0') {
        unsigned byte = (unsigned char)*text++;
        if (byte == '#' && sscanf(text, "%2x", &byte) == 1) {
            text += 2;
        }
        message[size++] = (uint8_t)byte;
    }
    return refusal(message, size, &two_columns);
}

TEST(what_is_no_message_is_refused)
{
    CHECK_TEXT(refusal_of(""), "wire message, byte 0: the message ends at byte 0, 1 more needed");
    CHECK_TEXT(refusal_of("{\"a\":1}"),
               "wire message, byte 0: expected an array, found an integer");
    CHECK_TEXT(refusal_of("#93#a5weir1#80"),
               "wire message, byte 0: expected an array of 4, found one of 3");
    CHECK_TEXT(refusal_of("#94#a5weir2#80#c4#00#c4#00"),
               "wire message, byte 1, format: this is `weir2`; this program reads `weir1`");
    CHECK_TEXT(refusal_of("#94#05#80#c4#00#c4#00"),
               "wire message, byte 1, format: expected a string, found an integer");
    CHECK_TEXT(refusal_of("#94#a5weir1#a3map#c4#00#c4#00"),
               "wire message, byte 7, header: expected a map, found a string");
    CHECK_TEXT(refusal_of("#94#a5weir1#80#c4#00#c4#00"),
               "wire message, byte 8, header: `rows` is missing");
    CHECK_TEXT(refusal_of("#94#a5weir1#81#a4rows#01#c4#00#c4#00"),
               "wire message, byte 14, header: `columns` is missing");
}

TEST(huge_counts_cost_nothing)
{
    uint64_t peak = memory_peak();
    CHECK_TEXT(refusal_of("#dd#ff#ff#ff#ff"),
               "wire message, byte 0: a count of 4294967295, but 0 bytes are left");
    CHECK_TEXT(refusal_of("#94#a5weir1#df#7f#ff#ff#ff#a4rows"),
               "wire message, byte 7, header: a count of 2147483647, but 5 bytes are left");
    CHECK_TEXT(refusal_of("#94#db#ff#ff#ff#ff"),
               "wire message, byte 1, format: the message ends at byte 6, 4294967295 more needed");
    CHECK_TEXT(refusal_of("#94#a5weir1#81#a7columns#dc#ff#ff#c0"),
               "wire message, byte 16, columns: a count of 65535, but 1 bytes are left");
    CHECK_TEXT(refusal_of("#94#a5weir1#82#a4rows#01#a7columns#90#c4#00#c6#ff#ff#ff#f0#00"),
               "wire message, byte 25, body: the message ends at byte 31, 4294967279 more needed");
    CHECK_INT(memory_peak(), peak);
}

TEST(wrong_values_in_the_header_are_refused)
{
#define BEGIN "#94#a5weir1"
#define END "#c4#00#c4#00"
    CHECK_TEXT(refusal_of(BEGIN "#81#a4rows#ce#00#01#00#01" END),
               "wire message, byte 13, rows: 65537 is more than 65536");
    CHECK_TEXT(refusal_of(BEGIN "#81#a4rows#ff" END), "wire message, byte 13, rows: -1 is below 0");
    CHECK_TEXT(refusal_of(BEGIN "#81#a4rows#ca#00#00#00#00" END),
               "wire message, byte 13, rows: expected an integer, found a float");
    CHECK_TEXT(refusal_of(BEGIN "#82#a4rows#01#a4rows#01" END),
               "wire message, byte 14, rows: there twice");
    CHECK_TEXT(refusal_of(BEGIN "#81#a6bucket#ff" END),
               "wire message, byte 15, bucket: -1 is below 0");
    CHECK_TEXT(refusal_of(BEGIN "#81#a5times#91#00" END),
               "wire message, byte 14, times: expected an array of 2");
    CHECK_TEXT(refusal_of(BEGIN "#81#a5times#92#01#00" END),
               "wire message, byte 14, times: the first is after the last");
    CHECK_TEXT(refusal_of(BEGIN "#81#a5times#92#cf#80#00#00#00#00#00#00#00#00" END),
               "wire message, byte 15, times: 9223372036854775808 is more than "
               "9223372036854775807");
    CHECK_TEXT(refusal_of(BEGIN "#81#a3new#91#91#91#00" END),
               "wire message, byte 14, header: arrays and maps are nested too deep");
    CHECK_TEXT(refusal_of(BEGIN "#81#a3new#c1" END),
               "wire message, byte 12, header: the byte 0xc1 begins no value");
    CHECK_TEXT(refusal_of(BEGIN "#82#a4rows#01#a7columns#90"
                                "#a0"
                                "#c4#00"),
               "wire message, byte 23, pad: expected bytes, found a string");
    CHECK_TEXT(refusal_of(BEGIN "#82#a4rows#01#a7columns#90" END "x"),
               "wire message, byte 27: 1 more bytes follow the message");
}

// One row, id 7 and text "ab": the body is 16 bytes of offsets and values and 8 of id.
#define ROWS "#82#a4rows#01#a7columns"
#define BODY "#c4#00#c4#18#07#00#00#00#00#00#00#00#00#00#00#00#02#00#00#00ab#00#00#00#00#00#00"
#define ID "#95#00#c0#00#04#c0"
#define TEXT_ "#95#00#c0#10#02#08"

static void check_columns(const char *columns, const char *expected)
{
    char text[1024];
    snprintf(text, sizeof text, BEGIN ROWS "%s" BODY, columns);
    CHECK_TEXT(refusal_of(text), expected);
}

TEST(the_message_made_by_hand_is_right)
{
    static const char hand[] = "\x94\xa5weir1\x82\xa4rows\x01\xa7"
                               "columns\x92\x95\x00\xc0\x00\x04\xc0\x95\x00\xc0\x10\x02\x08\xc4"
                               "\x00\xc4\x18\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                               "\x02\x00\x00\x00"
                               "ab\x00\x00\x00\x00\x00";
    const struct weir_batch *batch;
    struct error error = {0};
    CHECK_INT(
        wire_decode((const uint8_t *)hand, sizeof hand, &two_columns, NULL, NULL, &batch, &error),
        0);
    CHECK_TEXT(error.text, "");
    CHECK_INT(((const int32_t *)batch->columns[0].values)[0], 7);
    batch_unref(batch);
}

TEST(columns_that_do_not_fit_are_refused)
{
    check_columns("#91" ID, "wire message, byte 22, columns: 1 columns, but the schema has 2");
    check_columns("#92" ID "#94#00#c0#10#02",
                  "wire message, byte 29, entry of column `text`: expected an array of 5, found "
                  "one of 4");
    check_columns("#92" ID "#95#02#c0#10#02#08",
                  "wire message, byte 30, null count of column `text`: 2 is more than 1");
    check_columns("#92" ID "#95#01#c0#10#02#08",
                  "wire message, byte 31, validity of column `text`: missing, but the header says "
                  "1 nulls");
    check_columns("#92#95#01#00#00#04#c0" TEXT_,
                  "wire message, byte 25, validity of column `id`: 1 nulls, but its type is not "
                  "null");
    check_columns("#92" ID "#95#00#00#10#02#08",
                  "wire message, byte 31, validity of column `text`: bits are set after the last "
                  "row");
    check_columns("#92" ID "#95#01#08#10#02#08",
                  "wire message, byte 31, values of column `text`: the null in row 0 is not zero");
    check_columns("#92" ID "#95#00#08#10#02#08",
                  "wire message, byte 31, values of column `text`: the null in row 0 is not zero");
}

TEST(offsets_outside_the_body_are_refused)
{
    check_columns("#92#95#00#c0#04#04#c0" TEXT_,
                  "wire message, byte 26, values of column `id`: offset 4 is no multiple of 8");
    check_columns("#92#95#00#c0#18#04#c0" TEXT_,
                  "wire message, byte 26, values of column `id`: 4 bytes at offset 24 leave the "
                  "body of 24 bytes");
    check_columns(
        "#92#95#00#c0#ce#ff#ff#ff#f8#04#c0" TEXT_,
        "wire message, byte 26, values of column `id`: 4 bytes at offset 4294967288 leave "
        "the body of 24 bytes");
    check_columns("#92#95#00#c0#cf#ff#ff#ff#ff#ff#ff#ff#f8#04#c0" TEXT_,
                  "wire message, byte 26, values of column `id`: 18446744073709551608 is more than "
                  "4294967295");
    check_columns("#92#95#00#c0#00#05#c0" TEXT_,
                  "wire message, byte 26, values of column `id`: 5 bytes, expected 4 for 1 rows");
    check_columns("#92#95#00#c0#00#04#00" TEXT_,
                  "wire message, byte 28, offsets of column `id`: only columns of texts have "
                  "offsets");
    check_columns("#92" ID "#95#00#c0#10#02#c0",
                  "wire message, byte 34, offsets of column `text`: a column of texts has offsets");
    check_columns("#92" ID "#95#00#c0#10#02#18",
                  "wire message, byte 34, offsets of column `text`: 8 bytes at offset 24 leave the "
                  "body of 24 bytes");
    check_columns(
        "#92" ID "#95#00#c0#10#03#08",
        "wire message, byte 34, offsets of column `text`: from 0 to 2, expected from 0 to "
        "3");
    check_columns("#92" ID "#95#00#c0#10#09#08",
                  "wire message, byte 32, values of column `text`: 9 bytes at offset 16 leave the "
                  "body of 24 bytes");
    check_columns(
        "#92" ID "#95#00#c0#10#02#00",
        "wire message, byte 34, offsets of column `text`: from 7 to 0, expected from 0 to "
        "2");
}

TEST(offsets_that_fall_are_refused)
{
    struct random random = {8};
    const struct weir_batch *batch = random_batch(&random, 50, 0);
    uint64_t size;
    uint8_t *message = encode(batch, 0, &size);
    struct weir_batch *decoded = (struct weir_batch *)decode(message, size, batch->schema);
    REQUIRE(decoded != NULL);
    int32_t *offsets = (int32_t *)decoded->columns[16].offsets;
    offsets[20] = -1;
    char expected[256];
    snprintf(expected, sizeof expected,
             "offsets of column `string_not_null`: fall from %d to -1 in row 19", offsets[19]);
    CHECK_HAS(refusal(message, size, batch->schema), expected);
    batch_unref(decoded);
    batch_unref(batch);
}

TEST(kinds_that_are_none_are_refused)
{
#define KINDS "#83#a4rows#01#a5kinds#08#a7columns#92#c0#c0"
    CHECK_TEXT(refusal_of(BEGIN KINDS "#c4#00#c4#10#00#00#00#00#00#00#00#00#04#00#00#00#00#00#00"
                                      "#00"),
               "wire message, byte 20, kinds: a kind is none of 0 to 3");
    CHECK_TEXT(refusal_of(BEGIN KINDS "#c4#00#c4#08#00#00#00#00#00#00#00#00"),
               "wire message, byte 20, kinds: 1 bytes at offset 8 leave the body of 8 bytes");
}

static const char *schema_refusal(const char *schema, const struct weir_schema *agreed)
{
    uint8_t message[1024];
    uint64_t size = (uint64_t)snprintf((char *)message, sizeof message,
                                       "\x94\xa5weir1\x83\xa4rows\x01\xa6schema%s\xa7"
                                       "columns\x92\xc0\xc0\xc4",
                                       schema);
    static const uint8_t end[] = {0x00, 0xc4, 0x00};
    memcpy(message + size, end, sizeof end);
    return refusal(message, size + sizeof end, agreed);
}

#define INT32_ID "\x93\xa2id\xa5int32\xc2"

TEST(schemas_that_do_not_fit_are_refused)
{
    CHECK_TEXT(schema_refusal("\x91" INT32_ID, &two_columns),
               "wire message, byte 21, schema: 1 columns, but 2 were agreed");
    CHECK_TEXT(schema_refusal("\x92" INT32_ID "\x93\xa4text\xa5"
                              "bytes\xc3",
                              &two_columns),
               "wire message, byte 21, schema: column 2 is `text bytes`, but `text string` was "
               "agreed");
    CHECK_TEXT(
        schema_refusal("\x92\x93\xa2id\xa5int32\xc3\x93\xa4text\xa6string\xc3", &two_columns),
        "wire message, byte 21, schema: column 1 is `id int32`, but `id int32 not null` was "
        "agreed");
    CHECK_TEXT(schema_refusal("\x92" INT32_ID INT32_ID, NULL),
               "wire message, byte 21, schema: two columns are called `id`");
    CHECK_TEXT(schema_refusal("\x90", NULL),
               "wire message, byte 21, schema: a schema has 1 to 4096 columns, not 0");
    CHECK_HAS(schema_refusal("\x91\x93\xa2id\xa5int33\xc2", NULL),
              "wire message, byte 26, schema: there is no type `int33`; there are bool, ");
    CHECK_TEXT(schema_refusal("\x91\x92\xa2id\xa5int32", NULL),
               "wire message, byte 22, schema: expected an array of 3");
    CHECK_TEXT(schema_refusal("\x91\x93\xa2id\xa5int32\x01", NULL),
               "wire message, byte 32, schema: expected a bool, found an integer");
    CHECK_TEXT(refusal((const uint8_t *)"\x94\xa5weir1\x82\xa4rows\x00\xa7"
                                        "columns\x90\xc4\x00\xc4\x00",
                       27, NULL),
               "wire message, byte 27, header: no schema, and none was agreed before");
}

TEST(a_batch_that_is_too_large_by_repetition_is_refused)
{
    enum { COLUMNS = 300 };
    static struct weir_field fields[COLUMNS];
    static char names[COLUMNS][8];
    static uint8_t message[65536 * 4 + 10000];
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        fields[i] = (struct weir_field){names[i], weir_type_of(WEIR_TYPE_INT32)};
    }
    struct weir_schema schema = {sizeof schema, COLUMNS, fields};
    uint64_t size = 0;
    static const char head[] = "\x94\xa5weir1\x82\xa4rows\xce\x00\x01\x00\x00\xa7"
                               "columns\xdc\x01\x2c";
    static const uint8_t entry[] = {0x95, 0, 0xc0, 0, 0xce, 0, 4, 0, 0, 0xc0};
    static const uint8_t body[] = {0xc4, 0, 0xc6, 0, 4, 0, 0};
    memcpy(message, head, sizeof head - 1);
    size = sizeof head - 1;
    for (int i = 0; i < COLUMNS; i++, size += sizeof entry) { // all read the same bytes of the body
        memcpy(message + size, entry, sizeof entry);
    }
    memcpy(message + size, body, sizeof body);
    size += sizeof body + 65536 * 4;
    CHECK_TEXT(refusal(message, size, &schema),
               "wire message, byte 2589, entry of column `c256`: the batch is larger than 67108864 "
               "bytes");
}

TEST(unknown_keys_of_a_newer_version_are_skipped)
{
    static const char hand[] =
        "\x94\xa5weir1\x83\xa4rows\x00\xa3new\x82\x01\xc0\xa1x\x93\xcb\x00\x00\x00\x00\x00\x00\x00"
        "\x00\xc7\x01\x05\x00\xd4\x05\x00\xa7"
        "columns\x92\xc0\xc0\xc4\x00\xc4";
    const struct weir_batch *batch;
    CHECK_INT(
        wire_decode((const uint8_t *)hand, sizeof hand, &two_columns, NULL, NULL, &batch, NULL), 0);
    CHECK_INT(batch->row_count, 0);
    batch_unref(batch);
}

TEST(random_damage_is_refused_or_harmless)
{
    struct random random = {9};
    uint64_t before = memory_used();
    uint32_t accepted = 0;
    for (int i = 0; i < 20000; i++) {
        static uint8_t *message;
        static uint64_t size;
        static const struct weir_batch *batch;
        if (i % 100 == 0) {
            batch = random_batch(&random, random_below(&random, 40), 1);
            message = encode(batch, 1, &size);
        }
        uint8_t *copy = malloc(size);
        memcpy(copy, message, size);
        for (uint32_t k = random_below(&random, 4) + 1; k > 0; k--) {
            uint32_t at = random_below(&random, random_below(&random, 2) ? (uint32_t)size : 400);
            copy[at % size] = (uint8_t)random_next(&random);
        }
        const struct weir_batch *decoded;
        if (wire_decode(copy, size, i % 2 ? &random_schema : NULL, release, copy, &decoded, NULL) ==
            0) {
            check_is_clean(decoded);
            check_round_trip(decoded, 1);
            batch_unref(decoded);
            accepted++;
        }
        if (i % 100 == 99) {
            free(message);
            batch_unref(batch);
        }
    }
    CHECK(accepted > 1000 && accepted < 19000);
    CHECK_INT(memory_used(), before);
}

TEST(each_failing_allocation_gives_the_message_back)
{
    struct random random = {10};
    const struct weir_batch *batch = random_batch(&random, 10, 0), *decoded = NULL;
    uint64_t size = wire_bytes(batch, 1), before;
    uint8_t *message = malloc(size + 1);
    wire_encode(batch, 1, message + 1);
    before = memory_used();
    int rc = -ENOMEM;
    for (uint64_t n = 1; rc == -ENOMEM && n < 10; n++) {
        memory_fail_at(n);
        rc = wire_decode(message + 1, size, NULL, NULL, NULL, &decoded, NULL);
        CHECK(rc == 0 || memory_used() == before);
    }
    memory_fail_at(0);
    CHECK_INT(rc, 0);
    batch_unref(decoded);
    batch_unref(batch);
    free(message);
}
