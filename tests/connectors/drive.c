#include "connectors/drive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_row(FILE *out, const struct rows *rows, uint32_t row)
{
    if (rows->kinds != NULL) {
        fprintf(out, "%s ", parse_kind_name(rows->kinds[row]));
    }
    for (uint32_t i = 0; i < rows->column_count; i++) {
        const struct rows_column *column = &rows->columns[i];
        char text[VALUE_TEXT_MAX] = "";
        fputs(i == 0 ? "" : "|", out);
        if (!column->is_wanted) {
            fputs("-", out);
        } else if (!weir_bit(column->validity, row)) {
            fputs("~", out);
        } else if (column->offsets != NULL) {
            fwrite(column->values + column->offsets[row], 1,
                   (size_t)(column->offsets[row + 1] - column->offsets[row]), out);
        } else if (column->type.id == WEIR_TYPE_BOOL) {
            fputs(weir_bit(column->values, row) ? "true" : "false", out);
        } else {
            const uint8_t *value = column->values + (size_t)row * weir_type_width(column->type);
            fwrite(text, 1, (size_t)(value_print(column->type, value, text) - text), out);
        }
    }
    fputs("\n", out);
}

static void print_rows(FILE *out, struct rows *rows)
{
    for (uint32_t row = 0; row < rows->count; row++) {
        print_row(out, rows, row);
    }
    rows_clear(rows);
}

static void print_bad(FILE *out, const struct rows *rows, const struct parse_bad *bad)
{
    const char *name = bad->column >= 0 ? rows->columns[bad->column].name : "";
    fprintf(out, "!%llu:%s: %s [%.*s]\n", (unsigned long long)bad->line, name, bad->reason,
            (int)(bad->record_size > 60 ? 60 : bad->record_size), bad->record);
}

// Runs the parser over what has arrived, bytes[0..size), in a copy of exactly that size and
// padding.
static size_t drive_window(drive_parse function, void *parser, struct rows *rows,
                           struct parse *parse, const char *bytes, size_t size, FILE *out)
{
    size_t used = 0;
    int rc;
    do {
        char *copy = malloc(size - used + PARSE_PADDING);
        if (copy == NULL) {
            abort();
        }
        memcpy(copy, bytes + used, size - used);
        memset(copy + (size - used), 'x', PARSE_PADDING);
        parse->bytes = copy;
        parse->size = size - used;
        parse->used = 0;
        rc = function(parser, parse, rows);
        used += parse->used;
        if (rc == PARSE_BAD) {
            print_rows(out, rows);
            print_bad(out, rows, &parse->bad);
        } else if (rc == PARSE_FULL) {
            print_rows(out, rows);
        }
        free(copy);
    } while (rc == PARSE_BAD || rc == PARSE_FULL);
    return used;
}

char *drive(drive_parse function, void *parser, struct rows *rows, const char *bytes, size_t size,
            size_t step)
{
    char *text = NULL;
    size_t text_size, used = 0, seen = 0;
    FILE *out = open_memstream(&text, &text_size);
    struct parse parse = {.line = 1};
    while (!parse.is_last) {
        seen = step == 0 || seen + step > size ? size : seen + step;
        parse.is_last = seen == size;
        used += drive_window(function, parser, rows, &parse, bytes + used, seen - used, out);
    }
    print_rows(out, rows);
    if (used != size) {
        fprintf(out, "%zu bytes left\n", size - used);
    }
    fclose(out);
    return text;
}

static struct weir_type type_from(char *text)
{
    char *rest;
    struct weir_type type = weir_type_of(0);
    type.nullable = strstr(text, " not null") == NULL;
    strtok_r(text, " ", &rest);
    for (uint8_t id = WEIR_TYPE_BOOL; id <= WEIR_TYPE_DECIMAL; id++) {
        char name[32];
        struct weir_type candidate = weir_type_of(id);
        uint32_t first = 0, second = 0;
        value_type_name(candidate, name);
        name[strcspn(name, "(")] = '\0';
        size_t length = strlen(name);
        if (strncmp(text, name, length) == 0 && (text[length] == '\0' || text[length] == '(')) {
            sscanf(text + length, "(%u,%u)", &first, &second);
            type.id = id;
            if (weir_type_is_text(candidate)) {
                type.length = first;
            } else {
                type.precision = text[length] == '(' ? (uint8_t)first : candidate.precision;
                type.scale = (uint8_t)second;
            }
        }
    }
    return type;
}

void drive_in_pieces(char *(*read)(uint8_t choice, const char *bytes, size_t size, size_t step),
                     uint8_t choice, const char *bytes, size_t size, size_t step)
{
    char *copy = malloc(size + 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes, size);
    if (size > 0 && copy[size - 1] != '\n') {
        copy[size++] = '\n';
    }
    char *whole = read(choice, copy, size, 0);
    char *pieces = read(choice, copy, size, step);
    if (strcmp(whole, pieces) != 0) {
        abort();
    }
    free(whole);
    free(pieces);
    free(copy);
}

uint32_t drive_fields(const char *text, struct weir_field *fields, uint32_t capacity)
{
    static char copy[4096];
    uint32_t count = 0;
    char *rest, *item;
    snprintf(copy, sizeof copy, "%s", text);
    for (item = strtok_r(copy, ";", &rest); item != NULL && count < capacity;
         item = strtok_r(NULL, ";", &rest)) {
        item += strspn(item, " ");
        char *type = item + strcspn(item, " ");
        *type++ = '\0';
        fields[count].name = item;
        fields[count++].type = type_from(type);
    }
    return count;
}
