// Checks: what is, against what should be.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host/show.h"
#include "kit/kit_body.h"

static uint64_t check_count, failure_count;
static void (*report_to)(const char *file, int32_t line, const char *text);

void kit_report(const char *file, int32_t line, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        abort();
    }
    va_end(arguments);
    failure_count++;
    if (report_to != NULL) {
        report_to(file, line, text);
    } else if (line > 0) {
        fprintf(stderr, "%s:%d: %s\n", file, line, text);
    } else {
        fprintf(stderr, "%s: %s\n", file, text);
    }
    free(text);
}

void weir_kit_on_failure(void (*report)(const char *file, int32_t line, const char *text))
{
    report_to = report;
}

int32_t weir_kit_result(void)
{
    printf("%" PRIu64 " checks, %" PRIu64 " failed\n", check_count, failure_count);
    return failure_count != 0;
}

// An error that stands in the way of what was expected is worth more than the difference.
static const char *note_error(struct weir_kit *kit)
{
    kit->scratch.length = 0;
    text_add(&kit->scratch, "", 0);
    if (kit->error_class != 0) {
        kit->is_error_seen = 1;
        text_print(&kit->scratch, "\n  error: %s", kit->error.at);
    }
    return kit->scratch.at;
}

int32_t weir_kit_check_output(const char *file, int32_t line, struct weir_kit *kit,
                              const char *output, ...)
{
    struct text expected = {0};
    va_list arguments;
    va_start(arguments, output);
    text_add(&expected, "", 0);
    for (const char *row = va_arg(arguments, const char *); row != NULL;
         row = va_arg(arguments, const char *)) {
        text_print(&expected, "%s\n", row);
    }
    va_end(arguments);
    const char *actual = weir_kit_rows(kit, output);
    int is_same = strcmp(actual, expected.at) == 0;
    check_count++;
    if (!is_same) {
        kit_report(file, line, "rows of output `%s` are\n%sexpected\n%s%s", output, actual,
                   expected.at, note_error(kit));
    }
    text_finish(&expected);
    return is_same;
}

// A text literal of C against a text.
static int is_text(const char *literal, const char *actual)
{
    for (literal++; literal[0] != '\0' && literal[0] != '"'; literal++, actual++) {
        literal += literal[0] == '\\';
        if (literal[0] != actual[0]) {
            return 0;
        }
    }
    return actual[0] == '\0';
}

// Whole numbers are compared as they are written, others by value.
static int is_value(const char *literal, const char *actual)
{
    char *literal_end, *actual_end;
    if (literal[0] == '"') {
        return is_text(literal, actual);
    }
    double a = strtod(literal, &literal_end), b = strtod(actual, &actual_end);
    int is_number = actual_end != actual && *literal_end == '\0' && *actual_end == '\0';
    int is_whole = strpbrk(literal, ".en") == NULL && strpbrk(actual, ".en") == NULL;
    return is_number && !is_whole ? a == b : strcasecmp(literal, actual) == 0;
}

static int compare_values(struct weir_kit *kit, const char *column, const char *expected,
                          struct text *actual)
{
    int is_same = 1;
    uint32_t number;
    const struct kit_output *out = kit_output_of(kit, "", &number);
    struct text value = {0};
    for (uint32_t i = 0; out != NULL && i < out->count; i++) {
        const struct weir_batch *batch = out->batches[i];
        int32_t found = weir_schema_find(batch->schema, column);
        for (uint32_t row = 0; found >= 0 && row < batch->row_count; row++) {
            char *literal = kit_next_item(&expected);
            value.length = 0;
            show_value(&value, &batch->columns[found], row);
            is_same &= literal != NULL && is_value(literal, value.at);
            text_print(actual, "%s%s", actual->length > 0 ? ", " : "", value.at);
            free(literal);
        }
    }
    text_finish(&value);
    return is_same && expected[strspn(expected, " ")] == '\0';
}

int32_t weir_kit_check_column(const char *file, int32_t line, struct weir_kit *kit,
                              const char *column, const char *expected)
{
    struct text actual = {0};
    int is_same = compare_values(kit, column, expected, &actual);
    check_count++;
    if (!is_same) {
        kit_report(file, line, "column `%s` is %s, expected %s%s", column,
                   actual.at != NULL ? actual.at : "empty", expected, note_error(kit));
    }
    text_finish(&actual);
    return is_same;
}

int32_t weir_kit_check_error(const char *file, int32_t line, struct weir_kit *kit, const char *text)
{
    const char *error = weir_kit_error(kit);
    int is_there = error != NULL && strstr(error, text) != NULL;
    check_count++;
    if (!is_there) {
        kit_report(file, line, "the error is\n%s\nwhich lacks\n%s", error != NULL ? error : "none",
                   text);
    }
    return is_there;
}

int32_t weir_kit_check_metric(const char *file, int32_t line, struct weir_kit *kit,
                              const char *name, int64_t expected)
{
    const struct weir_metric *metric = weir_kit_metric(kit, name);
    check_count++;
    if (metric == NULL) {
        kit_report(file, line, "there is no metric `%s`%s", name, note_error(kit));
    } else if (metric->value != expected) {
        kit_report(file, line, "metric `%s` is %" PRId64 ", expected %" PRId64 "%s", name,
                   metric->value, expected, note_error(kit));
    }
    return metric != NULL && metric->value == expected;
}

int32_t weir_kit_check(const char *file, int32_t line, int32_t is_true, const char *text)
{
    check_count++;
    if (!is_true) {
        kit_report(file, line, "not true: %s", text);
    }
    return is_true;
}
