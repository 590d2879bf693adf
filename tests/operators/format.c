#include "operators/format.h"

#include <string.h>

#include "support/test.h"

static const char *shown(struct weir_type type, const void *value, uint32_t capacity)
{
    static char text[256];
    static int32_t offsets[2];
    struct weir_column column = {.type = type, .values = value};
    if (weir_type_is_text(type)) {
        offsets[1] = (int32_t)strlen(value);
        column.offsets = offsets;
    }
    uint32_t length = format_value(&column, 0, text, capacity);
    CHECK_INT(length, strlen(text));
    return text;
}

static const char *shown_timestamp(uint8_t precision, const void *value)
{
    struct weir_type type = {.id = WEIR_TYPE_TIMESTAMP_LTZ, .precision = precision};
    return shown(type, value, 64);
}

TEST(numbers_have_their_shortest_exact_form)
{
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_FLOAT64), &(double){0.1}, 64), "0.1");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_FLOAT64), &(double){1.0 / 3}, 64),
               "0.3333333333333333");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_FLOAT32), &(float){0.1f}, 64), "0.1");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_INT8), &(int8_t){-128}, 64), "-128");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_INT64), &(int64_t){INT64_MIN}, 64),
               "-9223372036854775808");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_BOOL), &(uint8_t){1}, 64), "true");
}

TEST(times_are_iso_8601_before_1970_too)
{
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_DATE), &(int32_t){-1}, 64), "1969-12-31");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_DATE), &(int32_t){11016}, 64), "2000-02-29");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_TIME), &(int32_t){86399999}, 64), "23:59:59.999");
    CHECK_TEXT(shown_timestamp(3, &(int64_t){-1}), "1969-12-31 23:59:59.999Z");
    CHECK_TEXT(shown_timestamp(6, &(int64_t){-1}), "1969-12-31 23:59:59.999999Z");
    CHECK_TEXT(shown_timestamp(6, &(int64_t){1760000000123456}), "2025-10-09 08:53:20.123456Z");
    CHECK_TEXT(shown_timestamp(9, (&(struct weir_timestamp){1760000000123, 456789, 0})),
               "2025-10-09 08:53:20.123456789Z");
}

TEST(decimals_keep_their_scale_and_sign)
{
    struct weir_type type = {.id = WEIR_TYPE_DECIMAL, .precision = 38, .scale = 2};
    int64_t parts[2] = {-5, -1};
    CHECK_TEXT(shown(type, parts, 64), "-0.05");
    CHECK_TEXT(shown(type, ((int64_t[]){123456, 0}), 64), "1234.56");
    type.scale = 0;
    CHECK_TEXT(shown(type, ((int64_t[]){0, INT64_MIN}), 64),
               "-170141183460469231731687303715884105728");
}

TEST(long_texts_are_cut_at_a_character)
{
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_STRING), "abcdefg", 8), "abcdefg");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_STRING), "abcdefgh", 8), "abcd...");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_STRING),
                     "abc\xc3\xa9"
                     "fgh",
                     8),
               "abc...");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_BYTES), "abc", 8), "616263");
    CHECK_TEXT(shown(weir_type_of(WEIR_TYPE_BYTES), "abcd", 8), "6162...");
    CHECK_INT(format_width("caf\xc3\xa9"), 4);
}

TEST(null_is_said_by_name)
{
    char text[64];
    struct weir_column column = {
        .type = weir_type_of(WEIR_TYPE_INT32), .validity = &(uint8_t){0}, .values = &(int32_t){7}};
    CHECK_INT(format_value(&column, 0, text, sizeof text), 4);
    CHECK_TEXT(text, "null");
    CHECK_TEXT(format_kind(WEIR_KIND_UPDATE_BEFORE), "-U");
}
