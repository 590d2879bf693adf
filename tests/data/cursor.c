#include "data/cursor.h"

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "support/test.h"

static uint64_t state = 1;

static uint64_t random_next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

// Packs one random value of depth levels at most; containers hold up to 20 values.
static void pack_random(msgpack_packer *packer, uint32_t depth)
{
    static char bytes[70000];
    uint64_t bits = random_next() >> random_next() % 64;
    size_t length = random_next() % 50 == 0 ? bits % sizeof bits : bits % 300;
    size_t count = random_next() % 20;
    switch (random_next() % (depth == 0 ? 8 : 10)) {
    case 0:
        msgpack_pack_nil(packer);
        return;
    case 1:
        bits % 2 ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
        return;
    case 2:
        msgpack_pack_uint64(packer, bits);
        return;
    case 3:
        msgpack_pack_int64(packer, -(int64_t)(bits >> 1));
        return;
    case 4:
        bits % 2 ? msgpack_pack_float(packer, 1.5f) : msgpack_pack_double(packer, 2.5);
        return;
    case 5:
        msgpack_pack_str(packer, length);
        msgpack_pack_str_body(packer, bytes, length);
        return;
    case 6:
        msgpack_pack_bin(packer, length);
        msgpack_pack_bin_body(packer, bytes, length);
        return;
    case 7:
        length = bits % 3 == 0 ? (size_t)1 << bits % 5 : length;
        msgpack_pack_ext(packer, length, 5);
        msgpack_pack_ext_body(packer, bytes, length);
        return;
    case 8:
        msgpack_pack_array(packer, count);
        for (size_t i = 0; i < count; i++) {
            pack_random(packer, depth - 1);
        }
        return;
    default:
        msgpack_pack_map(packer, count);
        for (size_t i = 0; i < 2 * count; i++) {
            pack_random(packer, depth - 1);
        }
    }
}

TEST(what_msgpack_c_packs_is_skipped_to_its_end_and_no_further)
{
    for (int i = 0; i < 2000; i++) {
        msgpack_sbuffer buffer;
        msgpack_packer packer;
        struct error error = {0};
        msgpack_sbuffer_init(&buffer);
        msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
        pack_random(&packer, 3);
        struct cursor cursor;
        cursor_init(&cursor, (const uint8_t *)buffer.data, buffer.size, "value", &error);
        cursor_skip(&cursor, 3);
        cursor_finish(&cursor);
        CHECK_TEXT(error.text, "");
        size_t cut = random_next() % buffer.size;
        cursor_init(&cursor, (const uint8_t *)buffer.data, cut, "value", &error);
        cursor_skip(&cursor, 3);
        CHECK_INT(cursor.rc, -EBADMSG);
        msgpack_sbuffer_destroy(&buffer);
    }
}

TEST(what_msgpack_c_packs_is_read_as_it_was)
{
    static char bytes[70000];
    for (int i = 0; i < 5000; i++) {
        uint64_t number = random_next() >> random_next() % 64;
        int64_t negative = -(int64_t)(number >> 1);
        size_t length = random_next() % 100 == 0 ? number % sizeof bytes : number % 300;
        msgpack_sbuffer buffer;
        msgpack_packer packer;
        struct cursor cursor;
        uint32_t size;
        memset(bytes, (int)(number % 256), length);
        msgpack_sbuffer_init(&buffer);
        msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
        msgpack_pack_array(&packer, 6);
        msgpack_pack_uint64(&packer, number);
        msgpack_pack_int64(&packer, negative);
        msgpack_pack_str(&packer, length);
        msgpack_pack_str_body(&packer, bytes, length);
        msgpack_pack_bin(&packer, length);
        msgpack_pack_bin_body(&packer, bytes, length);
        msgpack_pack_map(&packer, 0);
        msgpack_pack_true(&packer);
        cursor_init(&cursor, (const uint8_t *)buffer.data, buffer.size, "value", NULL);
        CHECK_INT(cursor_array(&cursor), 6);
        CHECK(cursor_uint(&cursor, UINT64_MAX) == number);
        CHECK_INT(cursor_int(&cursor), negative);
        const char *text = cursor_text(&cursor, &size);
        CHECK(size == length && text != NULL && memcmp(text, bytes, length) == 0);
        const uint8_t *bin = cursor_bin(&cursor, &size);
        CHECK(size == length && bin != NULL && memcmp(bin, bytes, length) == 0);
        CHECK_INT(cursor_map(&cursor), 0);
        CHECK_INT(cursor_nil(&cursor), 0);
        CHECK_INT(cursor_bool(&cursor), 1);
        cursor_finish(&cursor);
        CHECK_INT(cursor.rc, 0);
        msgpack_sbuffer_destroy(&buffer);
    }
}

// What the byte at the head of a value is, by any of the readers that does not want it.
static const char *refusal(uint8_t head, const char *wanted)
{
    static struct error error;
    uint8_t bytes[20] = {head};
    struct cursor cursor;
    uint32_t size;
    error.text[0] = '\0';
    cursor_init(&cursor, bytes, sizeof bytes, "value", &error);
    cursor.place = "place";
    cursor.name = "name";
    if (strcmp(wanted, "array") == 0) {
        cursor_array(&cursor);
    } else if (strcmp(wanted, "map") == 0) {
        cursor_map(&cursor);
    } else if (strcmp(wanted, "text") == 0) {
        cursor_text(&cursor, &size);
    } else if (strcmp(wanted, "bin") == 0) {
        cursor_bin(&cursor, &size);
    } else if (strcmp(wanted, "bool") == 0) {
        cursor_bool(&cursor);
    } else {
        cursor_int(&cursor);
    }
    return error.text;
}

TEST(a_value_of_another_type_is_named)
{
    static const struct {
        uint8_t head;
        const char *wanted;
        const char *expected;
    } cases[] = {
        {0x00, "array", "expected an array, found an integer"},
        {0xff, "array", "expected an array, found an integer"},
        {0xcf, "map", "expected a map, found an integer"},
        {0x81, "array", "expected an array, found a map"},
        {0xdf, "int", "expected an integer, found a map"},
        {0x91, "map", "expected a map, found an array"},
        {0xdc, "text", "expected a string, found an array"},
        {0xa1, "bin", "expected bytes, found a string"},
        {0xdb, "int", "expected an integer, found a string"},
        {0xc0, "int", "expected an integer, found nil"},
        {0xc1, "int", "expected an integer, found a reserved byte"},
        {0xc3, "int", "expected an integer, found a bool"},
        {0xc5, "text", "expected a string, found bytes"},
        {0xc8, "int", "expected an integer, found an extension"},
        {0xd5, "bool", "expected a bool, found an extension"},
        {0xca, "int", "expected an integer, found a float"},
        {0xcb, "bool", "expected a bool, found a float"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "value, byte 0, place of column `name`: %s",
                 cases[i].expected);
        CHECK_TEXT(refusal(cases[i].head, cases[i].wanted), expected);
    }
}

TEST(after_a_fault_nothing_more_is_read)
{
    static const uint8_t bytes[] = {0x92, 0xa1, 'x', 0x05};
    struct error error = {0};
    struct cursor cursor;
    uint32_t size = 7;
    cursor_init(&cursor, bytes, sizeof bytes, "value", &error);
    CHECK_INT(cursor_array(&cursor), 2);
    CHECK_INT(cursor_int(&cursor), 0);
    CHECK(cursor_text(&cursor, &size) == NULL);
    CHECK_INT(size, 0);
    CHECK_INT(cursor_uint(&cursor, 10), 0);
    CHECK_INT(cursor_array(&cursor), 0);
    CHECK_INT(cursor_nil(&cursor), 0);
    cursor_skip(&cursor, 4);
    cursor_finish(&cursor);
    CHECK_TEXT(error.text, "value, byte 1: expected an integer, found a string");
}

TEST(nesting_beyond_the_depth_is_refused_and_costs_no_stack)
{
    static uint8_t bytes[1 << 20];
    struct error error = {0};
    struct cursor cursor;
    memset(bytes, 0x91, sizeof bytes);
    cursor_init(&cursor, bytes, sizeof bytes, "value", &error);
    cursor_skip(&cursor, 4);
    CHECK_TEXT(error.text, "value, byte 4: arrays and maps are nested too deep");
    static const uint8_t fits[] = {0x91, 0x91, 0x91, 0x91, 0xc0};
    cursor_init(&cursor, fits, sizeof fits, "value", &error);
    cursor_skip(&cursor, 4);
    CHECK_INT(cursor.rc, 0);
}
