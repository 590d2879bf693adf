// Columns in words, as pipelines and `weir table create` write them.
#include "table/type.h"

#include <stdlib.h>

#include "support/test.h"

TEST(columns_are_read_and_printed_as_pipelines_write_them)
{
    static const struct {
        const char *text;
        const char *name;
        const char *type;
        int nullable;
    } columns[] = {
        {"a int32", "a", "int32", 1},
        {"  a   int64  NOT  NULL ", "a", "int64", 0},
        {"\"two \"\"words\" string(20) not null", "two \"words", "string(20)", 0},
        {"price decimal( 10 , 2 )", "price", "decimal(10,2)", 1},
        {"at timestamp", "at", "timestamp(3)", 1},
        {"at timestamp_ltz(6)", "at", "timestamp_ltz(6)", 1},
        {"b bytes", "b", "bytes", 1},
        {"not_null bool not null", "not_null", "bool", 0},
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        struct table_column column;
        struct failure failure = {0};
        char type[TABLE_TYPE_NAME_BYTES];

        CHECK_INT(table_column_parse(columns[i].text, &column, &failure), WEIR_OK);

        CHECK_TEXT(column.name, columns[i].name);
        CHECK_TEXT(table_type_name(column.type, type), columns[i].type);
        CHECK_INT(column.type.nullable, columns[i].nullable);
        free(column.name);
    }
}

TEST(what_cannot_be_read_is_refused_with_the_remedy)
{
    static const struct {
        const char *text;
        const char *reason;
    } columns[] = {
        {"", "cannot read the column"},
        {"a", "column `a`: its type is missing; there are bool, int8"},
        {"a,b int32", "cannot read the column `a,b int32`: write a name"},
        {"\"a int32", "cannot read the column"},
        {"a bigint", "did you mean `int64`?"},
        {"a flaot32", "did you mean `float32`?"},
        {"a array<int32>", "there is no type `array`"},
        {"a int32(3)", "`int32` takes no arguments"},
        {"a string(0)", "takes one length"},
        {"a decimal", "`decimal` takes a precision"},
        {"a decimal(39,2)", "`decimal` takes a precision"},
        {"a decimal(4,-2)", "its arguments are whole numbers"},
        {"a timestamp(10)", "takes one precision, 0 to 9"},
        {"a int32 null", "leave out `null`"},
    };
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        struct table_column column;
        struct failure failure = {0};

        CHECK_INT(table_column_parse(columns[i].text, &column, &failure), WEIR_ERROR_CONFIG);

        CHECK_HAS(failure.text, columns[i].reason);
    }
}
