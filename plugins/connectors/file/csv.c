#include "csv.h"

#include <stdlib.h>

#include "number.h"
#include "scan.h"

// How a field is read on the fast path; anything unusual goes to the careful one.
#define STEP_CAREFUL 0u
#define STEP_SKIP 1u
#define STEP_INT32 2u
#define STEP_INT64 3u
#define STEP_FLOAT64 4u
#define STEP_STRING 5u

const char csv_open[] = "a quoted field is not closed";
const char csv_no_memory[] = "no memory";

static uint8_t step_of(const struct rows *rows, int32_t field)
{
    if (field == CSV_KIND) {
        return STEP_CAREFUL;
    }
    if (field == CSV_SKIP || !rows->columns[field].is_wanted) {
        return STEP_SKIP;
    }
    switch (rows->columns[field].type.id) {
    case WEIR_TYPE_INT32:
        return STEP_INT32;
    case WEIR_TYPE_INT64:
        return STEP_INT64;
    case WEIR_TYPE_FLOAT64:
        return STEP_FLOAT64;
    case WEIR_TYPE_STRING:
        return STEP_STRING;
    default:
        return STEP_CAREFUL;
    }
}

int csv_init(struct csv *csv, struct csv_dialect dialect, const struct rows *rows,
             const int32_t *fields, uint32_t field_count)
{
    memset(csv, 0, sizeof *csv);
    csv->dialect = dialect;
    csv->null_size = strlen(dialect.null_text);
    csv->field_count = field_count;
    csv->fields = malloc((field_count + 1) * sizeof *csv->fields);
    csv->steps = malloc(field_count + 1);
    if (csv->fields == NULL || csv->steps == NULL) {
        return VALUE_NO_MEMORY;
    }
    for (uint32_t i = 0; i < field_count; i++) {
        csv->fields[i] = fields[i];
        csv->steps[i] = step_of(rows, fields[i]);
    }
    return 0;
}

void csv_finish(struct csv *csv)
{
    free(csv->fields);
    free(csv->steps);
    free(csv->scratch);
    memset(csv, 0, sizeof *csv);
}

// --- One field, carefully ---

static int scratch_reserve(struct csv *csv, size_t size)
{
    if (size <= csv->scratch_capacity) {
        return 0;
    }
    char *scratch = realloc(csv->scratch, size * 2);
    if (scratch == NULL) {
        return VALUE_NO_MEMORY;
    }
    csv->scratch = scratch;
    csv->scratch_capacity = size * 2;
    return 0;
}

// p is behind the opening quote.
static const char *quoted_field(struct csv *csv, const char *p, const char *end,
                                struct csv_text *field)
{
    char quote = csv->dialect.quote;
    const char *start = p;
    size_t size = 0; // in scratch; used from the first doubled quote on
    int has_scratch = 0;
    for (;;) {
        const char *close = memchr(p, quote, (size_t)(end - p));
        if (close == NULL) {
            return csv_open;
        }
        int is_doubled = close[1] == quote;
        size_t piece = (size_t)(close - p) + (size_t)is_doubled;
        for (const char *line = p; (line = memchr(line, '\n', (size_t)(close - line))) != NULL;
             line++) {
            field->lines++;
        }
        if (is_doubled || has_scratch) {
            if (scratch_reserve(csv, size + piece + PARSE_PADDING) != 0) {
                return csv_no_memory;
            }
            memcpy(csv->scratch + size, p, piece);
            size += piece;
            has_scratch = 1;
        }
        p = close + 1 + is_doubled;
        if (!is_doubled) {
            field->text = has_scratch ? csv->scratch : start;
            field->size = has_scratch ? size : (size_t)(close - start);
            break;
        }
    }
    p += *p == '\r' && p[1] == '\n';
    field->end = p;
    return *p == csv->dialect.delimiter || *p == '\n'
               ? NULL
               : "there is text after the closing quote of a field";
}

const char *csv_field(struct csv *csv, const char *p, const char *end, struct csv_text *field)
{
    char quote = csv->dialect.quote;
    field->lines = 0;
    field->is_ascii = 0;
    field->is_quoted = quote != 0 && *p == quote;
    if (field->is_quoted) {
        return quoted_field(csv, p + 1, end, field);
    }
    field->text = p;
    field->end = scan_text(p, csv->dialect.delimiter, quote != 0 ? quote : '\n', &field->is_ascii);
    if (quote != 0 && *field->end == quote) {
        return "there is a quote inside a field that does not begin with one";
    }
    field->size = (size_t)(field->end - p);
    if (*field->end == '\n' && field->size > 0 && field->end[-1] == '\r') {
        field->size--;
    }
    return NULL;
}

void csv_line_finish(struct csv_line *line)
{
    for (uint32_t i = 0; i < line->count; i++) {
        free(line->texts[i]);
    }
    free(line->texts);
    free(line->are_quoted);
    memset(line, 0, sizeof *line);
}

static int line_add(struct csv_line *line, const struct csv_text *text)
{
    if ((line->count & (line->count - 1)) == 0) { // a power of two, or the first
        size_t room = line->count == 0 ? 1 : line->count * (size_t)2;
        char **texts = realloc(line->texts, room * sizeof *texts);
        if (texts == NULL) {
            return VALUE_NO_MEMORY;
        }
        line->texts = texts;
        uint8_t *are_quoted = realloc(line->are_quoted, room);
        if (are_quoted == NULL) {
            return VALUE_NO_MEMORY;
        }
        line->are_quoted = are_quoted;
    }
    char *copy = calloc(1, text->size + PARSE_PADDING);
    if (copy == NULL) {
        return VALUE_NO_MEMORY;
    }
    memcpy(copy, text->text, text->size);
    line->texts[line->count] = copy;
    line->are_quoted[line->count++] = (uint8_t)text->is_quoted;
    return 0;
}

int csv_split(struct csv *csv, const char *p, const char *end, struct csv_line *line,
              const char **reason)
{
    struct csv_text text = {.end = p - 1};
    int rc = 0;
    memset(line, 0, sizeof *line);
    do {
        *reason = csv_field(csv, text.end + 1, end, &text);
        rc = *reason == csv_no_memory ? VALUE_NO_MEMORY
             : *reason != NULL        ? VALUE_SYNTAX
                                      : line_add(line, &text);
        line->lines += text.lines;
    } while (rc == 0 && *text.end != '\n');
    line->lines++;
    line->next = text.end + 1;
    if (rc != 0) {
        csv_line_finish(line);
    }
    return rc;
}

// --- One record ---

struct record {
    const char *start;
    const char *p;   // the field to be read
    const char *end; // of all complete lines
    uint64_t lines;  // line ends inside fields so far
};

// Notes a record whose quotes are broken: it ends at the first line end, as the quote that went
// wrong may be its first.
static int fail_quotes(struct csv *csv, struct parse *parse, struct rows *rows,
                       struct record *record, uint32_t field, const char *reason)
{
    if (reason == csv_no_memory) {
        return PARSE_NO_MEMORY;
    }
    size_t left = parse->size - (size_t)(record->start - parse->bytes);
    if (reason == csv_open && !parse->is_last && left <= PARSE_RECORD_BYTES_MAX) {
        rows_drop_row(rows);
        return PARSE_INPUT;
    }
    record->p =
        (const char *)memchr(record->start, '\n', (size_t)(record->end - record->start)) + 1;
    record->lines = 0;
    int32_t column = csv->fields[field < csv->field_count ? field : csv->field_count - 1];
    if (field < csv->field_count && column >= 0) {
        return parse_fail(parse, rows, column, "%s", reason);
    }
    return parse_fail(parse, rows, PARSE_NO_COLUMN, "%s (field %u)", reason, field + 1);
}

// Goes to the end of a record whose fields from number `field` on are not read, and counts them.
// NULL, or what is wrong with its quotes.
static const char *skip_fields(struct csv *csv, struct record *record, uint32_t *field)
{
    for (;;) {
        struct csv_text text;
        const char *reason = csv_field(csv, record->p, record->end, &text);
        if (reason != NULL) {
            return reason;
        }
        record->lines += text.lines;
        record->p = text.end + 1;
        *field += 1;
        if (*text.end == '\n') {
            return NULL;
        }
    }
}

static int fail_count(struct csv *csv, struct parse *parse, struct rows *rows, uint32_t count)
{
    return parse_fail(parse, rows, PARSE_NO_COLUMN, "the line has %u field%s, expected %u", count,
                      count == 1 ? "" : "s", csv->field_count);
}

// Sets a field's value; record->p is still at the field.
static int set_field(struct csv *csv, struct parse *parse, struct rows *rows, int32_t column,
                     const struct csv_text *text)
{
    int is_null = !text->is_quoted && text->size == csv->null_size &&
                  memcmp(text->text, csv->dialect.null_text, csv->null_size) == 0;
    if (column == CSV_KIND) {
        int32_t kind = parse_kind(text->text, text->size);
        if (kind < 0) {
            return parse_fail(parse, rows, PARSE_NO_COLUMN,
                              "the change kind is not one of +I, -U, +U, -D");
        }
        rows->kinds[rows->count] = (uint8_t)kind;
        return 0;
    }
    struct rows_column *target = &rows->columns[column];
    if (is_null) {
        return rows_set_null(rows, target) == 0
                   ? 0
                   : parse_fail(parse, rows, column, "null, but the column is not null");
    }
    int rc = rows_set(rows, target, text->text, text->size);
    return rc == 0 ? 0 : parse_fail_value(parse, rows, column, rc, text->text, text->size);
}

// Reads field number `field` at record->p. 0 and record->p behind it; PARSE_BAD and record->p
// behind the record; or PARSE_INPUT.
static int careful_field(struct csv *csv, struct parse *parse, struct rows *rows,
                         struct record *record, uint32_t field)
{
    struct csv_text text;
    const char *reason = csv_field(csv, record->p, record->end, &text);
    if (reason != NULL) {
        return fail_quotes(csv, parse, rows, record, field, reason);
    }
    int is_end = *text.end == '\n', rc = 0;
    uint32_t count = field + 1;
    if (is_end == (count == csv->field_count) && csv->steps[field] != STEP_SKIP) {
        rc = set_field(csv, parse, rows, csv->fields[field], &text);
    }
    record->p = text.end + 1;
    record->lines += text.lines;
    if (rc == 0 && !is_end && count < csv->field_count) {
        return 0;
    }
    if (rc == 0 && is_end && count == csv->field_count) {
        return 0;
    }
    if (!is_end) {
        reason = skip_fields(csv, record, &count);
        if (reason != NULL) {
            return fail_quotes(csv, parse, rows, record, count, reason);
        }
    }
    return rc != 0 ? rc : fail_count(csv, parse, rows, count);
}

static inline const char *fast_string(struct csv *csv, struct rows *rows,
                                      struct rows_column *column, const char *p)
{
    char quote = csv->dialect.quote;
    int is_ascii;
    const char *end = scan_text(p, csv->dialect.delimiter, quote != 0 ? quote : '\n', &is_ascii);
    size_t size = (size_t)(end - p);
    if (!is_ascii || size == 0 || size == csv->null_size || column->type.length != 0 ||
        end[-1] == '\r' || (*end != csv->dialect.delimiter && *end != '\n')) {
        return NULL;
    }
    return rows_set_ascii(rows, column, p, size) == 0 ? end : NULL;
}

// The common case of a field: the end of it (delimiter or LF), or NULL for the careful way.
static inline const char *fast_field(struct csv *csv, struct rows *rows, uint32_t field,
                                     const char *p)
{
    struct rows_column *column = rows->columns + (csv->fields[field] >= 0 ? csv->fields[field] : 0);
    uint32_t row = rows->count;
    int64_t whole = 0;
    int is_ascii;
    const char *end;
    switch (csv->steps[field]) {
    case STEP_INT32:
        end = number_whole(p, &whole);
        ((int32_t *)(void *)column->values)[row] = (int32_t)whole;
        return end != NULL && whole == (int32_t)whole ? end : NULL;
    case STEP_INT64:
        return number_whole(p, (int64_t *)(void *)column->values + row);
    case STEP_FLOAT64:
        return number_real(p, (double *)(void *)column->values + row);
    case STEP_STRING:
        return fast_string(csv, rows, column, p);
    case STEP_SKIP:
        end = scan_text(p, csv->dialect.delimiter,
                        csv->dialect.quote != 0 ? csv->dialect.quote : '\n', &is_ascii);
        return *end != csv->dialect.quote ? end : NULL;
    default:
        return NULL;
    }
}

// Reads the record at record->start.
static int read_record(struct csv *csv, struct parse *parse, struct rows *rows,
                       struct record *record)
{
    uint32_t last = csv->field_count - 1;
    char delimiter = csv->dialect.delimiter;
    for (uint32_t i = 0; i <= last; i++) {
        const char *end = fast_field(csv, rows, i, record->p);
        if (end != NULL && *end == (i < last ? delimiter : '\n')) {
            record->p = end + 1;
            continue;
        }
        int rc = careful_field(csv, parse, rows, record, i);
        if (rc != 0) {
            return rc;
        }
    }
    rows_end_row(rows);
    return 0;
}

static int is_empty_line(const struct csv *csv, const char *p)
{
    return csv->field_count > 1 && (*p == '\n' || (*p == '\r' && p[1] == '\n'));
}

int csv_parse(struct csv *csv, struct parse *parse, struct rows *rows)
{
    parse->used = 0;
    if (parse->is_skipping && !parse_skip_long(parse)) {
        return PARSE_INPUT;
    }
    const char *last = memrchr(parse->bytes, '\n', parse->size);
    const char *end = last == NULL ? parse->bytes : last + 1;
    struct record record = {NULL, parse->bytes + parse->used, end, 0};
    while (record.p < end) {
        if (rows_are_full(rows)) {
            return PARSE_FULL;
        }
        int rc = 0;
        record.start = record.p;
        record.lines = 0;
        if (is_empty_line(csv, record.p)) {
            record.p += 1 + (*record.p == '\r');
        } else {
            rc = read_record(csv, parse, rows, &record);
        }
        if (rc == PARSE_INPUT || rc == PARSE_NO_MEMORY) {
            return rc;
        }
        parse->bad.line = parse->line;
        parse->line += 1 + record.lines;
        parse->used = (size_t)(record.p - parse->bytes);
        if (rc == PARSE_BAD) {
            parse->bad.record = record.start;
            parse->bad.record_size = (size_t)(record.p - 1 - record.start);
            return PARSE_BAD;
        }
    }
    return parse->size - parse->used > PARSE_RECORD_BYTES_MAX ? parse_fail_long(parse, rows)
                                                              : PARSE_INPUT;
}
