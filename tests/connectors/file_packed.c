#include "packed.h"

#include <stdio.h>
#include <stdlib.h>

#include "connectors/drive.h"
#include "support/test.h"

static int parse_packed(void *parser, struct parse *parse, struct rows *rows)
{
    return packed_parse(parser, parse, rows);
}

static char *read_step(const char *columns, const char *bytes, size_t size, size_t step)
{
    struct weir_field fields[32];
    struct rows rows;
    struct packed packed;
    uint32_t count = drive_fields(columns, fields, 32);
    CHECK_INT(rows_init(&rows, fields, count, NULL, 64, 0), 0);
    CHECK_INT(packed_init(&packed, &rows, NULL), 0);
    char *text = drive(parse_packed, &packed, &rows, bytes, size, step);
    packed_finish(&packed);
    rows_finish(&rows);
    return text;
}

static void check_bytes(const char *columns, const char *bytes, size_t size, const char *expected)
{
    char *text = read_step(columns, bytes, size, 0);
    CHECK_HAS(text, expected);
    free(text);
}

#define CHECK_BYTES(columns, bytes, expected) \
    check_bytes(columns, bytes, sizeof bytes - 1, expected)

// Two maps that msgpack-c has packed, with every kind of value.
static msgpack_sbuffer *pack_samples(void)
{
    msgpack_sbuffer *buffer = msgpack_sbuffer_new();
    msgpack_packer packer;
    msgpack_packer_init(&packer, buffer, msgpack_sbuffer_write);
    for (int i = 0; i < 2; i++) {
        msgpack_pack_map(&packer, 5);
        msgpack_pack_str_with_body(&packer, "a", 1);
        msgpack_pack_int64(&packer, i == 0 ? 7 : -70000);
        msgpack_pack_str_with_body(&packer, "b", 1);
        msgpack_pack_str_with_body(&packer, "text of more than thirty-one bytes", 34);
        msgpack_pack_str_with_body(&packer, "c", 1);
        msgpack_pack_double(&packer, 1.5);
        msgpack_pack_str_with_body(&packer, "other", 5);
        msgpack_pack_array(&packer, 2);
        msgpack_pack_nil(&packer);
        msgpack_pack_true(&packer);
        msgpack_pack_str_with_body(&packer, "d", 1);
        msgpack_pack_bin_with_body(&packer, "\x01\x02", 2);
    }
    return buffer;
}

static const char columns[] = "a int32; b string; c float64; d bytes";
static const char samples[] = "7|text of more than thirty-one bytes|1.5|\x01\x02\n"
                              "-70000|text of more than thirty-one bytes|1.5|\x01\x02\n";

TEST(records_that_msgpack_c_packed_are_read_in_any_pieces)
{
    msgpack_sbuffer *buffer = pack_samples();
    for (size_t step = 0; step < 20; step++) {
        char *text = read_step(columns, buffer->data, buffer->size, step);
        CHECK_TEXT(text, samples);
        free(text);
    }
    msgpack_sbuffer_free(buffer);
}

TEST(a_file_cut_off_at_any_byte_gives_its_whole_records_and_says_so)
{
    msgpack_sbuffer *buffer = pack_samples();
    size_t first = 0;
    const char *reason;
    CHECK_INT(packed_measure((const uint8_t *)buffer->data, buffer->size, &first, &reason), 0);
    for (size_t size = 1; size < buffer->size; size++) {
        char *text = read_step(columns, buffer->data, size, 0);
        if (size == first) {
            CHECK_INT(strlen(text), strchr(samples, '\n') + 1 - samples);
        } else {
            CHECK_HAS(text, "the file ends inside a record; the rest of the file is left out");
            CHECK_INT(text[0] == '7', size > first);
        }
        free(text);
    }
    msgpack_sbuffer_free(buffer);
}

TEST(huge_counts_cost_nothing)
{
    CHECK_BYTES("a int32", "\xdd\xff\xff\xff\xff\x01", "the record has more than 262144 values");
    CHECK_BYTES("a int32", "\xdf\xff\xff\xff\xff\x01", "the record has more than 262144 values");
    CHECK_BYTES("a int32",
                "\xdb\xff\xff\xff\xff"
                "x",
                "the record is longer than 16842752 bytes");
    CHECK_BYTES("a int32",
                "\xc6\xff\xff\xff\xff"
                "x",
                "the record is longer than 16842752 bytes");
    CHECK_BYTES("a int32",
                "\xc9\xff\xff\xff\xff"
                "xx",
                "the record is longer than 16842752 bytes");
    CHECK_BYTES("a int32", "\xdc\xff\xff\x01", "the file ends inside a record");
}

TEST(deep_nesting_and_other_bytes_are_refused)
{
    char deep[200];
    memset(deep, 0x91, sizeof deep);
    check_bytes("a int32", deep, sizeof deep, "the record nests deeper than 16 levels");
    CHECK_BYTES("a int32", "\xc1", "this is not msgpack; the rest of the file is left out");
    CHECK_BYTES("a int32", "\x01", "!1:: the record is not a map or an array");
    CHECK_BYTES("a int32", "\x81\x01\x02", "!1:: a key of the map is not a string");
}

TEST(values_of_another_type_or_range_are_rejected)
{
    CHECK_BYTES("a int8",
                "\x81\xa1"
                "a\xcd\x01\x00",
                "!1:a: the number is out of the range of int8");
    CHECK_BYTES("a int64",
                "\x81\xa1"
                "a\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                "!1:a: the number is out of the range of int64");
    CHECK_BYTES("a int32",
                "\x81\xa1"
                "a\xa1"
                "x",
                "!1:a: this is a string, expected int32");
    CHECK_BYTES("a int32",
                "\x81\xa1"
                "a\xcb\x3f\xf0\0\0\0\0\0\0",
                "!1:a: this is a number, expected int32");
    CHECK_BYTES("a string",
                "\x81\xa1"
                "a\xc3",
                "!1:a: this is a boolean, expected string");
    CHECK_BYTES("a string",
                "\x81\xa1"
                "a\xa1\xff",
                "!1:a: the text is not valid UTF-8");
    CHECK_BYTES("a date",
                "\x81\xa1"
                "a\xa1"
                "x",
                "!1:a: `x` is not a date (YYYY-MM-DD)");
    CHECK_BYTES("a int32",
                "\x81\xa1"
                "a\x91\x01",
                "!1:a: this is an array or map, expected int32");
    CHECK_BYTES("a int32 not null",
                "\x81\xa1"
                "a\xc0",
                "!1:a: null, but the column is not null");
    CHECK_BYTES("a int32 not null", "\x80", "!1:a: missing, but the column is not null");
    CHECK_BYTES("a int32",
                "\x82\xa1"
                "a\x01\xa1"
                "a\x02",
                "!1:a: the key is there twice");
}

TEST(arrays_are_values_in_the_order_of_the_columns)
{
    CHECK_BYTES("a int32; b string", "\x92\x05\xa1x\x91\x01\x92\x06\xc0",
                "5|x\n!2:: the record has 1 values, expected 2 [");
    CHECK_BYTES("a int32; b string", "\x92\x05\xa1x\x91\x01\x92\x06\xc0", "6|~\n");
}

static uint64_t random_state = 88172645463325252u;

TEST(a_value_is_measured_as_msgpack_c_reads_it)
{
    msgpack_sbuffer *buffer = pack_samples();
    int whole = 0;
    for (int i = 0; i < 200000; i++) {
        uint8_t bytes[256];
        size_t size = 0, offset = 0, start = 0;
        const char *reason;
        msgpack_unpacked value;
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        start = (random_state >> 33) % buffer->size;
        memcpy(bytes, buffer->data + start, buffer->size - start);
        bytes[(random_state >> 50) % 4] = (uint8_t)(random_state >> 40);
        if (packed_measure(bytes, buffer->size - start, &size, &reason) != 0) {
            continue;
        }
        whole++;
        msgpack_unpacked_init(&value);
        CHECK_INT(msgpack_unpack_next(&value, (const char *)bytes, buffer->size - start, &offset),
                  MSGPACK_UNPACK_SUCCESS);
        CHECK_INT(offset, size);
        msgpack_unpacked_destroy(&value);
    }
    CHECK(whole > 1000);
    msgpack_sbuffer_free(buffer);
}
