#include "ndjson.h"

#include <stdio.h>
#include <stdlib.h>

#include "number.h"
#include "scan.h"

#define MEMBERS_KNOWN 4096u // members of a record whose order is remembered

static const char *const kind_names[] = {"null",     "a boolean", "a number",
                                         "a number", "a string",  "an array or object"};

// A line being read.
struct reader {
    struct ndjson *ndjson;
    const char *start;
    const char *p;
    const char *reason; // why it is not valid JSON, once it is found not to be
};

// --- Keys ---

static uint32_t hash_text(const char *text, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    }
    return hash ^ hash >> 15;
}

static int key_init(struct ndjson *ndjson, uint32_t index, const char *name)
{
    struct ndjson_key *key = &ndjson->keys[index];
    key->size = strlen(name) + 2;
    key->text = malloc(key->size + 1);
    if (key->text == NULL) {
        return VALUE_NO_MEMORY;
    }
    snprintf(key->text, key->size + 1, "\"%s\"", name);
    key->is_plain = 1;
    for (const char *p = name; *p != '\0'; p++) {
        key->is_plain &= (uint8_t)*p > 31 && *p != '"' && *p != '\\';
    }
    uint32_t slot = hash_text(name, key->size - 2) & ndjson->table_mask;
    while (ndjson->table[slot] != ndjson->key_count) {
        slot = (slot + 1) & ndjson->table_mask;
    }
    ndjson->table[slot] = index;
    return 0;
}

int32_t ndjson_key_find(const struct ndjson *ndjson, const char *name, size_t size)
{
    uint32_t slot = hash_text(name, size) & ndjson->table_mask;
    for (; ndjson->table[slot] != ndjson->key_count; slot = (slot + 1) & ndjson->table_mask) {
        const struct ndjson_key *key = &ndjson->keys[ndjson->table[slot]];
        if (key->size == size + 2 && memcmp(key->text + 1, name, size) == 0) {
            return (int32_t)ndjson->table[slot];
        }
    }
    return -1;
}

int ndjson_init(struct ndjson *ndjson, const struct rows *rows, const char *kind_name)
{
    memset(ndjson, 0, sizeof *ndjson);
    uint32_t count = rows->column_count + (kind_name != NULL), slots = 16;
    while (slots < 2 * count) {
        slots *= 2;
    }
    ndjson->table_mask = slots - 1;
    ndjson->keys = calloc(count + 1, sizeof *ndjson->keys);
    ndjson->table = malloc(slots * sizeof *ndjson->table);
    ndjson->order = malloc(MEMBERS_KNOWN * sizeof *ndjson->order);
    if (ndjson->keys == NULL || ndjson->table == NULL || ndjson->order == NULL) {
        return VALUE_NO_MEMORY;
    }
    ndjson->key_count = count;
    ndjson->kind = kind_name != NULL ? rows->column_count : count;
    for (uint32_t i = 0; i < slots; i++) {
        ndjson->table[i] = count;
    }
    for (uint32_t i = 0; i < MEMBERS_KNOWN; i++) {
        ndjson->order[i] = i < count ? (int32_t)i : -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (key_init(ndjson, i, i == ndjson->kind ? kind_name : rows->columns[i].name) != 0) {
            return VALUE_NO_MEMORY;
        }
    }
    return 0;
}

void ndjson_finish(struct ndjson *ndjson)
{
    for (uint32_t i = 0; i < ndjson->key_count; i++) {
        free(ndjson->keys[i].text);
    }
    free(ndjson->keys);
    free(ndjson->table);
    free(ndjson->order);
    free(ndjson->scratch);
    memset(ndjson, 0, sizeof *ndjson);
}

// --- Tokens ---

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\r') {
        p++;
    }
    return p;
}

static int broken(struct reader *reader, const char *p, const char *reason)
{
    reader->p = p;
    reader->reason = reason;
    return PARSE_BAD;
}

static int scratch_reserve(struct ndjson *ndjson, size_t size)
{
    if (size <= ndjson->scratch_capacity) {
        return 0;
    }
    char *scratch = realloc(ndjson->scratch, size * 2);
    if (scratch == NULL) {
        return VALUE_NO_MEMORY;
    }
    ndjson->scratch = scratch;
    ndjson->scratch_capacity = size * 2;
    return 0;
}

// Four hex digits, or -1.
static int32_t read_hex(const char *p)
{
    int32_t value = 0;
    for (uint32_t i = 0; i < 4; i++) {
        char c = p[i];
        int32_t digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
        if (digit < 0) {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

// The escape at *p (a backslash) as bytes at out; *p goes behind it. 0 bytes: it is none.
static size_t read_escape(const char **p, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = *p + 1;
    if (*at != 'u') {
        const char *found = *at == '\0' ? NULL : strchr(from, *at);
        *p += 2;
        *out = found == NULL ? 0 : to[found - from];
        return found != NULL;
    }
    int32_t code = read_hex(at + 1);
    *p += 6;
    if (code >= 0xd800 && code < 0xdc00 && at[5] == '\\' && at[6] == 'u') {
        int32_t low = read_hex(at + 7);
        *p += 6;
        code =
            low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : -1;
    }
    return code < 0 || (code >= 0xd800 && code < 0xe000) ? 0 : put_utf8(out, (uint32_t)code);
}

// The string at reader->p (its opening quote), without escapes; lent until the next string is read.
static int read_string(struct reader *reader, const char **text, size_t *size)
{
    struct ndjson *ndjson = reader->ndjson;
    const char *p = reader->p + 1, *start = p;
    int has_scratch = 0, is_ascii, all_ascii = 1;
    size_t length = 0;
    for (;;) {
        const char *stop = scan_json(p, &is_ascii);
        all_ascii &= is_ascii;
        if (*stop != '"' && *stop != '\\') {
            return broken(reader, stop,
                          *stop == '\n' ? "a string is not closed"
                                        : "there is a control character inside a string");
        }
        if (*stop == '\\' || has_scratch) {
            size_t piece = (size_t)(stop - p);
            if (scratch_reserve(ndjson, length + piece + PARSE_PADDING) != 0) {
                return PARSE_NO_MEMORY;
            }
            memcpy(ndjson->scratch + length, p, piece);
            length += piece;
            has_scratch = 1;
        }
        if (*stop == '"') {
            *text = has_scratch ? ndjson->scratch : start;
            *size = has_scratch ? length : (size_t)(stop - start);
            reader->p = stop + 1;
            break;
        }
        p = stop;
        size_t count = read_escape(&p, ndjson->scratch + length);
        if (count == 0) {
            return broken(reader, stop, "there is a bad escape inside a string");
        }
        length += count;
    }
    if (all_ascii || value_utf8(*text, *size) == *size) {
        return 0;
    }
    const char *bad = start + value_utf8(start, (size_t)(reader->p - 1 - start));
    return broken(reader, bad, "a string is not valid UTF-8");
}

static const char *skip_digits(const char *p)
{
    while ((uint8_t)(*p - '0') <= 9) {
        p++;
    }
    return p;
}

// The number at reader->p by the grammar of JSON.
static int read_number(struct reader *reader, int *kind)
{
    const char *p = reader->p + (*reader->p == '-'), *end = skip_digits(p);
    *kind = NDJSON_WHOLE;
    if (end == p || (*p == '0' && end > p + 1)) {
        return broken(reader, p, "a number does not begin as one");
    }
    if (*end == '.') {
        *kind = NDJSON_REAL;
        p = end + 1;
        end = skip_digits(p);
        if (end == p) {
            return broken(reader, p, "a number has no digits after its point");
        }
    }
    if ((*end | 32) == 'e') {
        *kind = NDJSON_REAL;
        p = end + 1 + (end[1] == '+' || end[1] == '-');
        end = skip_digits(p);
        if (end == p) {
            return broken(reader, p, "a number has no digits in its exponent");
        }
    }
    reader->p = end;
    return 0;
}

static int read_word(struct reader *reader, const char *word)
{
    for (const char *p = reader->p;; p++, word++) {
        if (*word == '\0') {
            reader->p = p;
            return 0;
        }
        if (*p != *word) {
            return broken(reader, reader->p, "this is not a value");
        }
    }
}

static int skip_value(struct reader *reader, uint32_t depth, int *kind);

// Behind an opening bracket: all items up to the closing one.
static int skip_nested(struct reader *reader, uint32_t depth, char close)
{
    const char *text;
    size_t size;
    int kind, rc = 0;
    if (depth == NDJSON_DEPTH_MAX) {
        return broken(reader, reader->p, "arrays and objects nest too deep");
    }
    reader->p = skip_space(reader->p + 1);
    if (*reader->p == close) {
        reader->p++;
        return 0;
    }
    for (;;) {
        if (close == '}') {
            rc = *reader->p == '"' ? read_string(reader, &text, &size)
                                   : broken(reader, reader->p, "a key is expected");
            if (rc == 0) {
                reader->p = skip_space(reader->p);
                rc = *reader->p++ == ':' ? 0 : broken(reader, reader->p - 1, "`:` is expected");
            }
        }
        rc = rc != 0 ? rc : skip_value(reader, depth + 1, &kind);
        if (rc != 0) {
            return rc;
        }
        reader->p = skip_space(reader->p);
        char next = *reader->p;
        if (next != ',' && next != close) {
            return broken(reader, reader->p,
                          close == '}' ? "`,` or `}` is expected" : "`,` or `]` is expected");
        }
        reader->p = next == ',' ? skip_space(reader->p + 1) : reader->p + 1;
        if (next == close) {
            return 0;
        }
    }
}

// Goes behind the value at reader->p and says what it is.
static int skip_value(struct reader *reader, uint32_t depth, int *kind)
{
    const char *text;
    size_t size;
    reader->p = skip_space(reader->p);
    switch (*reader->p) {
    case '"':
        *kind = NDJSON_STRING;
        return read_string(reader, &text, &size);
    case '{':
    case '[':
        *kind = NDJSON_NESTED;
        return skip_nested(reader, depth, *reader->p == '{' ? '}' : ']');
    case 'n':
        *kind = NDJSON_NULL;
        return read_word(reader, "null");
    case 't':
        *kind = NDJSON_BOOL;
        return read_word(reader, "true");
    case 'f':
        *kind = NDJSON_BOOL;
        return read_word(reader, "false");
    default:
        return (uint8_t)(*reader->p - '0') <= 9 || *reader->p == '-'
                   ? read_number(reader, kind)
                   : broken(reader, reader->p, "a value is expected");
    }
}

// --- Values into columns ---

static int fail_type(struct parse *parse, struct rows *rows, uint32_t column, int kind)
{
    char name[32];
    return parse_fail(parse, rows, (int32_t)column, "this is %s, expected %s", kind_names[kind],
                      value_type_name(rows->columns[column].type, name));
}

static int set_string(struct reader *reader, struct parse *parse, struct rows *rows,
                      uint32_t column)
{
    const char *text;
    size_t size;
    int rc = read_string(reader, &text, &size);
    if (rc != 0) {
        return rc;
    }
    struct rows_column *target = &rows->columns[column];
    switch (target->type.id) {
    case WEIR_TYPE_FLOAT32:
    case WEIR_TYPE_FLOAT64: // JSON has no other way to write them
        if (!(size == 3 && memcmp(text, "NaN", 3) == 0) &&
            !(size == 8 && memcmp(text, "Infinity", 8) == 0) &&
            !(size == 9 && memcmp(text, "-Infinity", 9) == 0)) {
            return fail_type(parse, rows, column, NDJSON_STRING);
        }
        break;
    case WEIR_TYPE_BOOL:
    case WEIR_TYPE_INT8:
    case WEIR_TYPE_INT16:
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_INT64:
        return fail_type(parse, rows, column, NDJSON_STRING);
    default:
        break;
    }
    rc = rows_set(rows, target, text, size);
    return rc == 0 ? 0 : parse_fail_value(parse, rows, (int32_t)column, rc, text, size);
}

// Any value but a string.
static int set_other(struct reader *reader, struct parse *parse, struct rows *rows, uint32_t column)
{
    struct rows_column *target = &rows->columns[column];
    const char *start = reader->p;
    int kind, rc = skip_value(reader, 1, &kind);
    if (rc != 0) {
        return rc;
    }
    size_t size = (size_t)(reader->p - start);
    uint8_t id = target->type.id;
    if (kind == NDJSON_NULL) {
        return rows_set_null(rows, target) == 0
                   ? 0
                   : parse_fail(parse, rows, (int32_t)column, "null, but the column is not null");
    }
    int takes_number = (id >= WEIR_TYPE_INT8 && id <= WEIR_TYPE_FLOAT64) || id == WEIR_TYPE_DECIMAL;
    if (kind == NDJSON_BOOL ? id != WEIR_TYPE_BOOL : kind == NDJSON_NESTED || !takes_number) {
        return fail_type(parse, rows, column, kind);
    }
    rc = rows_set(rows, target, start, size);
    return rc == 0 ? 0 : parse_fail_value(parse, rows, (int32_t)column, rc, start, size);
}

// The common forms of numbers: behind the value, or NULL for the careful way.
static inline const char *fast_number(struct rows *rows, struct rows_column *column, const char *p)
{
    const char *digit = p + (*p == '-'), *end;
    int64_t whole;
    uint32_t row = rows->count;
    if (*digit == '0' && (uint8_t)(digit[1] - '0') <= 9) {
        return NULL;
    }
    switch (column->type.id) {
    case WEIR_TYPE_FLOAT64:
        return number_real(p, (double *)(void *)column->values + row);
    case WEIR_TYPE_INT64:
    case WEIR_TYPE_INT32:
        end = number_whole(p, &whole);
        if (end == NULL || *end == '.' || (*end | 32) == 'e') {
            return NULL;
        }
        return rows_set_int(rows, column, whole) == 0 ? end : NULL;
    default:
        return NULL;
    }
}

static int set_value(struct reader *reader, struct parse *parse, struct rows *rows, uint32_t column)
{
    struct rows_column *target = &rows->columns[column];
    int kind;
    if (!target->is_wanted) {
        return skip_value(reader, 1, &kind);
    }
    const char *p = reader->p, *end;
    if (*p == '"') {
        int is_ascii;
        end = scan_json(p + 1, &is_ascii);
        if (target->type.id == WEIR_TYPE_STRING && *end == '"' && is_ascii &&
            target->type.length == 0) {
            reader->p = end + 1;
            int rc = rows_set_ascii(rows, target, p + 1, (size_t)(end - p - 1));
            return rc == 0 ? 0
                           : parse_fail_value(parse, rows, (int32_t)column, rc, p + 1,
                                              (size_t)(end - p - 1));
        }
        return set_string(reader, parse, rows, column);
    }
    end = fast_number(rows, target, p);
    if (end != NULL) {
        reader->p = end;
        return 0;
    }
    return set_other(reader, parse, rows, column);
}

static int set_kind(struct reader *reader, struct parse *parse, struct rows *rows)
{
    const char *text = "";
    size_t size = 0;
    int kind,
        rc = *reader->p == '"' ? read_string(reader, &text, &size) : skip_value(reader, 1, &kind);
    if (rc != 0) {
        return rc;
    }
    int32_t change = parse_kind(text, size);
    if (change < 0) {
        return parse_fail(parse, rows, PARSE_NO_COLUMN,
                          "the change kind is not one of \"+I\", \"-U\", \"+U\", \"-D\"");
    }
    rows->kinds[rows->count] = (uint8_t)change;
    return 0;
}

// --- Records ---

// The key at reader->p, by way of what the record before had as its member number `member`.
static int read_key(struct reader *reader, uint32_t member, int32_t *key)
{
    struct ndjson *ndjson = reader->ndjson;
    const char *text;
    size_t size;
    int32_t expected = member < MEMBERS_KNOWN ? ndjson->order[member] : -1;
    const struct ndjson_key *guess = expected >= 0 ? &ndjson->keys[expected] : NULL;
    const char *p = reader->p;
    if (guess != NULL && guess->is_plain && strncmp(p, guess->text, guess->size) == 0) {
        *key = expected;
        p += guess->size;
    } else {
        int rc =
            *p == '"' ? read_string(reader, &text, &size) : broken(reader, p, "a key is expected");
        if (rc != 0) {
            return rc;
        }
        *key = ndjson_key_find(ndjson, text, size);
        p = reader->p;
        if (member < MEMBERS_KNOWN) {
            ndjson->order[member] = *key;
        }
    }
    p = skip_space(p);
    if (*p != ':') {
        return broken(reader, p, "`:` is expected");
    }
    reader->p = skip_space(p + 1);
    return 0;
}

static int read_member(struct reader *reader, struct parse *parse, struct rows *rows,
                       uint32_t member, uint32_t *found)
{
    struct ndjson *ndjson = reader->ndjson;
    int32_t key;
    int kind, rc = read_key(reader, member, &key);
    if (rc != 0) {
        return rc;
    }
    if (key < 0) {
        return skip_value(reader, 1, &kind);
    }
    if (ndjson->keys[key].seen == ndjson->record) {
        return parse_fail(parse, rows, (uint32_t)key == ndjson->kind ? PARSE_NO_COLUMN : key,
                          "the key is there twice");
    }
    ndjson->keys[key].seen = ndjson->record;
    *found += 1;
    return (uint32_t)key == ndjson->kind ? set_kind(reader, parse, rows)
                                         : set_value(reader, parse, rows, (uint32_t)key);
}

int ndjson_set_missing(struct ndjson *ndjson, struct parse *parse, struct rows *rows)
{
    for (uint32_t i = 0; i < ndjson->key_count; i++) {
        if (ndjson->keys[i].seen == ndjson->record) {
            continue;
        }
        if (i == ndjson->kind) {
            return parse_fail(parse, rows, PARSE_NO_COLUMN, "the change kind is missing");
        }
        if (rows->columns[i].is_wanted && rows_set_null(rows, &rows->columns[i]) != 0) {
            return parse_fail(parse, rows, (int32_t)i, "missing, but the column is not null");
        }
    }
    return 0;
}

static int read_record(struct reader *reader, struct parse *parse, struct rows *rows)
{
    struct ndjson *ndjson = reader->ndjson;
    uint32_t member = 0, found = 0;
    ndjson->record++;
    reader->p = skip_space(reader->p);
    if (*reader->p != '{') {
        return broken(reader, reader->p, "an object is expected");
    }
    reader->p = skip_space(reader->p + 1);
    int is_open = *reader->p != '}';
    reader->p += !is_open;
    while (is_open) {
        int rc = read_member(reader, parse, rows, member++, &found);
        if (rc != 0) {
            return rc;
        }
        reader->p = skip_space(reader->p);
        is_open = *reader->p == ',';
        if (!is_open && *reader->p != '}') {
            return broken(reader, reader->p, "`,` or `}` is expected");
        }
        reader->p = skip_space(reader->p + 1);
    }
    reader->p = skip_space(reader->p);
    if (*reader->p != '\n') {
        return broken(reader, reader->p, "there is text behind the object");
    }
    return found == ndjson->key_count ? 0 : ndjson_set_missing(ndjson, parse, rows);
}

// Reads the line from start to end (its LF).
static int read_line(struct ndjson *ndjson, struct parse *parse, struct rows *rows,
                     const char *start, const char *end)
{
    struct reader reader = {ndjson, start, start, NULL};
    if (*skip_space(start) == '\n') {
        return 0; // an empty line
    }
    int rc = read_record(&reader, parse, rows);
    if (rc == 0) {
        rows_end_row(rows);
    } else if (reader.reason != NULL) {
        size_t place = (size_t)(reader.p - start);
        size_t length = (size_t)(end - start);
        rc = parse_fail(parse, rows, PARSE_NO_COLUMN, "not valid JSON at byte %zu: %s",
                        (place < length ? place : length) + 1, reader.reason);
    }
    return rc;
}

int ndjson_parse(struct ndjson *ndjson, struct parse *parse, struct rows *rows)
{
    parse->used = 0;
    if (parse->is_skipping && !parse_skip_long(parse)) {
        return PARSE_INPUT;
    }
    for (;;) {
        const char *start = parse->bytes + parse->used;
        size_t left = parse->size - parse->used;
        const char *end = memchr(start, '\n', left);
        if (end == NULL) {
            return left > PARSE_RECORD_BYTES_MAX ? parse_fail_long(parse, rows) : PARSE_INPUT;
        }
        if (rows_are_full(rows)) {
            return PARSE_FULL;
        }
        int rc = read_line(ndjson, parse, rows, start, end);
        if (rc == PARSE_NO_MEMORY) {
            return rc;
        }
        parse->bad.line = parse->line++;
        parse->used = (size_t)(end + 1 - parse->bytes);
        if (rc == PARSE_BAD) {
            parse->bad.record = start;
            parse->bad.record_size = (size_t)(end - start);
            return PARSE_BAD;
        }
    }
}

int ndjson_each(struct ndjson *ndjson, const char *line, ndjson_member member, void *argument)
{
    struct reader reader = {ndjson, line, skip_space(line), NULL};
    const char *text;
    size_t size;
    int kind;
    if (*reader.p != '{') {
        return -1;
    }
    reader.p = skip_space(reader.p + 1);
    while (*reader.p == '"') {
        if (read_string(&reader, &text, &size) != 0) {
            return -1;
        }
        char *key = strndup(text, size);
        reader.p = skip_space(reader.p);
        int rc = key == NULL || *reader.p++ != ':' || skip_value(&reader, 1, &kind) != 0 ||
                 member(argument, key, size, kind) != 0;
        free(key);
        if (rc != 0) {
            return -1;
        }
        reader.p = skip_space(reader.p);
        if (*reader.p != ',') {
            break;
        }
        reader.p = skip_space(reader.p + 1);
    }
    return *reader.p == '}' && *skip_space(reader.p + 1) == '\n' ? 0 : -1;
}
