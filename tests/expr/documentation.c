// Every example of docs/expressions.md, so that it cannot drift.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr/support.h"
#include "support/test.h"

#define ARROW " \xe2\x86\x92 " // →

static char *read_document(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/docs/expressions.md", getenv("WEIR_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    size_t size = 1 << 20;
    char *text = malloc(size);
    if (file == NULL || text == NULL) {
        abort();
    }
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void make_table(struct table *table)
{
    table_begin(table, 1);
    COLUMN(table, "temperature", "float64", "21.5");
    COLUMN(table, "sensor_id", "int32", "7");
    COLUMN(table, "name", "string", "Büro 1");
    COLUMN(table, "at", "timestamp(3)", "2026-03-14 15:09:26.535");
    COLUMN(table, "made", "date", "2025-12-31");
    COLUMN(table, "price", "decimal(10,2)", "9.99");
    COLUMN(table, "two words", "int64", NULL);
    COLUMN(table, "ok", "bool", "true");
}

// Compares one `expression` → `result`, → fails `reason` or → error `code`.
static void check_example(const struct table *table, const char *expression, const char *kind,
                          const char *expected)
{
    char wanted[1024];
    const char *actual = evaluate(table, expression);
    snprintf(wanted, sizeof wanted, "%s%s", kind, expected);
    size_t length = strcmp(kind, "error ") == 0 ? strlen(wanted) : strlen(actual);
    if (strncmp(actual, wanted, length) != 0 || strlen(wanted) != length) {
        test_fail("docs/expressions.md", 0, "`%s` is `%s`, but the document says `%s`", expression,
                  actual, wanted);
    }
}

TEST(every_example_of_the_document_is_true)
{
    struct table table;
    char *text = read_document();
    int count = 0;
    make_table(&table);
    for (char *arrow = text; (arrow = strstr(arrow, "`" ARROW)) != NULL; arrow++) {
        char *start = arrow, *end = arrow, *result = arrow + strlen("`" ARROW);
        while (start[-1] != '`') {
            start--;
        }
        const char *kind = "";
        if (strncmp(result, "fails ", 6) == 0) {
            kind = "!";
            result += 6;
        } else if (strncmp(result, "error ", 6) == 0) {
            kind = "error ";
            result += 6;
        }
        char *result_end = *result == '`' ? strchr(result + 1, '`') : NULL;
        if (strncmp(start, "expression`", 11) == 0) {
            continue; // the sentence that explains the notation
        }
        REQUIRE(result_end != NULL);
        *end = *result_end = '\0';
        check_example(&table, start, kind, result + 1);
        *end = *result_end = '`';
        count++;
    }
    CHECK(count > 150);
    table_finish(&table);
    free(text);
}
