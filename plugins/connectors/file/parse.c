#include "parse.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const kind_names[] = {"+I", "-U", "+U", "-D"};

int parse_fail(struct parse *parse, struct rows *rows, int32_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parse->bad.reason, sizeof parse->bad.reason, format, arguments);
    va_end(arguments);
    parse->bad.column = column;
    rows_drop_row(rows);
    return PARSE_BAD;
}

int parse_fail_value(struct parse *parse, struct rows *rows, int32_t column, int code,
                     const char *text, size_t size)
{
    char reason[VALUE_REASON_MAX];
    if (code == VALUE_NO_MEMORY) {
        return PARSE_NO_MEMORY;
    }
    value_reason(code, rows->columns[column].type, text, size, reason);
    return parse_fail(parse, rows, column, "%s", reason);
}

int parse_fail_long(struct parse *parse, struct rows *rows)
{
    size_t shown = 1u << 16;
    parse->bad.line = parse->line;
    parse->bad.record = parse->bytes + parse->used;
    parse->bad.record_size = shown;
    parse->is_skipping = 1;
    parse->used = parse->size;
    return parse_fail(parse, rows, PARSE_NO_COLUMN,
                      "the line is longer than %u bytes, the most "
                      "allowed",
                      PARSE_RECORD_BYTES_MAX);
}

int parse_skip_long(struct parse *parse)
{
    const char *end = memchr(parse->bytes, '\n', parse->size);
    parse->used = end == NULL ? parse->size : (size_t)(end + 1 - parse->bytes);
    parse->line += end != NULL;
    parse->is_skipping = end == NULL;
    return end != NULL;
}

int32_t parse_kind(const char *text, size_t size)
{
    for (int32_t i = 0; i < 4; i++) {
        if (size == 2 && memcmp(text, kind_names[i], 2) == 0) {
            return i;
        }
    }
    return -1;
}

const char *parse_kind_name(uint32_t kind)
{
    return kind_names[kind & 3];
}
