// Any text is compiled against columns of all types and, if it compiles, computed over a few rows
// with nulls and extremes. The result must be a valid column.
#include <stdlib.h>

#include "expr/support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct table *make_table(void)
{
    static struct table table;
    table_begin(&table, 4);
    COLUMN(&table, "b", "bool", "true", NULL, "false", "true");
    COLUMN(&table, "t", "int8", "127", NULL, "-128", "0");
    COLUMN(&table, "h", "int16", "32767", "-32768", NULL, "3");
    COLUMN(&table, "n", "int32", "2147483647", "-2147483648", "0", NULL);
    COLUMN(&table, "i", "int64", "9223372036854775807", "-9223372036854775808", "0", "5");
    COLUMN(&table, "f", "float32", "NaN", "-Infinity", "1.5", NULL);
    COLUMN(&table, "x", "float64", "1e308", "NaN", "-0.0", "2.5");
    COLUMN(&table, "s", "string", "", "Büro 100%_", NULL, "2026-03-14 15:09");
    COLUMN(&table, "y", "bytes", "", NULL, "\xff\xfe", "abc");
    COLUMN(&table, "d", "date", "1970-01-01", "9999-12-31", "-0001-01-01", NULL);
    COLUMN(&table, "c", "time", "00:00", "23:59:59.999", NULL, "12:00");
    COLUMN(&table, "m", "timestamp(3)", "1970-01-01", "-290000-01-01", NULL,
           "9999-12-31 23:59:59.999");
    COLUMN(&table, "u", "timestamp_ltz(6)", "1970-01-01", NULL, "2026-03-14", "9999-12-31");
    COLUMN(&table, "w", "timestamp(9)", "1970-01-01", NULL, "2026-03-14 15:09:26.535897932",
           "0001-01-01");
    COLUMN(&table, "p", "decimal(10,2)", "9.99", "-99999999.99", NULL, "0");
    COLUMN(&table, "q", "decimal(38,10)", "9999999999999999999999999999.9999999999", "-1", "0",
           NULL);
    return &table;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct table *table;
    if (table == NULL) {
        table = make_table();
    }
    char *text = malloc(size + 1);
    if (text == NULL) {
        abort();
    }
    memcpy(text, data, size);
    text[size] = '\0';
    evaluate(table, text);
    free(text);
    return 0;
}
