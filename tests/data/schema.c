#include "data/schema.h"

#include <errno.h>
#include <stdlib.h>

#include "support/test.h"

static const char *parsed(const char *text)
{
    static char buffer[64];
    struct weir_type type;
    return type_parse(text, &type, NULL) == 0 ? type_name(type, buffer, sizeof buffer) : "refused";
}

static const char *refusal(const char *text)
{
    static struct error error;
    struct weir_type type;
    error.text[0] = '\0';
    CHECK_INT(type_parse(text, &type, &error), -EINVAL);
    return error.text;
}

TEST(a_type_is_parsed_and_named_again)
{
    static const char *const types[] = {
        "bool",
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
        "string(20)",
        "timestamp(6)",
        "bytes(4)",
        "timestamp(0)",
        "decimal(38,38)",
        "timestamp_ltz(9)",
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        CHECK_TEXT(parsed(types[i]), types[i]);
    }
    CHECK_TEXT(parsed("timestamp"), "timestamp(3)");
    CHECK_TEXT(parsed("decimal(7)"), "decimal(7,0)");
    CHECK_TEXT(parsed("  decimal ( 10 , 2 ) "), "decimal(10,2)");
}

#define THERE_ARE                                                                        \
    "there are bool, int8, int16, int32, int64, float32, float64, string, bytes, date, " \
    "time, timestamp, timestamp_ltz, decimal"

TEST(an_unknown_type_is_refused_with_what_there_is)
{
    CHECK_TEXT(refusal("int63"), "there is no type `int63`; " THERE_ARE "; did you mean `int64`?");
    CHECK_TEXT(refusal("BIGINT"),
               "there is no type `BIGINT`; " THERE_ARE "; did you mean `int64`?");
    CHECK_TEXT(refusal("zebra"), "there is no type `zebra`; " THERE_ARE);
    CHECK_TEXT(refusal(""), "a type is missing; " THERE_ARE);
    CHECK_TEXT(refusal("array<int32>"), "nested types are not supported: `array`; " THERE_ARE);
    CHECK_HAS(refusal("a_name_that_goes_on_and_on_and_on_and_on"), "there is no type `a_name");
}

TEST(wrong_arguments_of_a_type_are_refused)
{
    CHECK_TEXT(refusal("int32(4)"), "`int32` takes no arguments");
    CHECK_TEXT(refusal("timestamp(10)"),
               "`timestamp` takes one precision, 0 to 9, as in timestamp(3)");
    CHECK_TEXT(refusal("string(0)"), "`string` takes one length, 1 to 16777216, as in string(20)");
    CHECK_HAS(refusal("decimal"), "`decimal` takes a precision, 1 to 38");
    CHECK_HAS(refusal("decimal(4,5)"), "`decimal` takes a precision, 1 to 38");
    CHECK_HAS(refusal("decimal(39,0)"), "`decimal` takes a precision, 1 to 38");
    CHECK_HAS(refusal("decimal(-1)"), "cannot read the type `decimal(-1)`");
    CHECK_HAS(refusal("string(4"), "cannot read the type `string(4`");
    CHECK_HAS(refusal("string(4) x"), "cannot read the type `string(4) x`");
}

static void check_field(const char *text, const char *name, const char *type, int nullable)
{
    struct weir_field field;
    struct error error = {0};
    char buffer[32];
    if (field_parse(text, &field, &error) != 0) {
        test_fail(__FILE__, __LINE__, "%s", error.text);
        return;
    }
    CHECK_TEXT(field.name, name);
    CHECK_TEXT(type_name(field.type, buffer, sizeof buffer), type);
    CHECK_INT(field.type.nullable, nullable);
    free((char *)field.name);
}

TEST(a_column_is_a_name_a_type_and_perhaps_not_null)
{
    check_field("temperature float64", "temperature", "float64", 1);
    check_field("  id   int64  NOT   NULL ", "id", "int64", 0);
    check_field("price decimal(10, 2)not null", "price", "decimal(10,2)", 0);
    check_field("\"two words\" string(5)", "two words", "string(5)", 1);
    check_field("\"a \"\"b\"\"\" bool", "a \"b\"", "bool", 1);
    check_field("größe int32", "größe", "int32", 1);
}

static const char *field_refusal(const char *text)
{
    static struct error error;
    struct weir_field field;
    error.text[0] = '\0';
    CHECK_INT(field_parse(text, &field, &error), -EINVAL);
    return error.text;
}

TEST(a_column_that_cannot_be_read_is_refused)
{
    CHECK_TEXT(field_refusal("a-b int32"),
               "cannot read the column `a-b int32`: a name with spaces or signs is written in "
               "double quotes, as in \"\\\"two words\\\" int32\"");
    CHECK_TEXT(field_refusal("\"open int32"),
               "cannot read the column `\"open int32`: the quote is not closed");
    CHECK_TEXT(field_refusal("\"\" int32"),
               "cannot read the column `\"\" int32`: a name has 1 to 255 bytes");
    CHECK_TEXT(field_refusal("x"), "column `x`: a type is missing; " THERE_ARE);
    CHECK_TEXT(field_refusal("x not null"), "column `x`: a type is missing; " THERE_ARE);
    CHECK_HAS(field_refusal("x strnig"), "did you mean `string`?");
}

TEST(a_schema_copies_its_fields)
{
    char name[] = "a";
    struct weir_field fields[] = {{name, weir_type_of(WEIR_TYPE_INT64)},
                                  {"b", weir_type_of(WEIR_TYPE_STRING)}};
    struct weir_schema *schema = schema_create(fields, 2, NULL);
    REQUIRE(schema != NULL);
    name[0] = 'x';
    CHECK_INT(schema->field_count, 2);
    CHECK_TEXT(schema->fields[0].name, "a");
    CHECK_INT(weir_schema_find(schema, "b"), 1);
    CHECK_INT(weir_schema_find(schema, "x"), -1);
    free(schema);
}

TEST(a_schema_that_makes_no_sense_is_refused)
{
    static struct weir_field many[WEIR_SCHEMA_FIELDS_MAX + 1];
    struct weir_field twice[] = {{"a", weir_type_of(WEIR_TYPE_INT64)},
                                 {"b", weir_type_of(WEIR_TYPE_INT64)},
                                 {"a", weir_type_of(WEIR_TYPE_STRING)}};
    struct weir_field empty[] = {{"", weir_type_of(WEIR_TYPE_INT64)}};
    struct error error = {0};
    CHECK(schema_create(twice, 3, &error) == NULL);
    CHECK_TEXT(error.text, "two columns are called `a`");
    CHECK(schema_create(empty, 1, &error) == NULL);
    CHECK_TEXT(error.text, "column 1 has an empty name");
    CHECK(schema_create(empty, 0, &error) == NULL);
    CHECK_TEXT(error.text, "a schema has 1 to 4096 columns, not 0");
    CHECK(schema_create(many, WEIR_SCHEMA_FIELDS_MAX + 1, &error) == NULL);
    CHECK_TEXT(error.text, "a schema has 1 to 4096 columns, not 4097");
}
