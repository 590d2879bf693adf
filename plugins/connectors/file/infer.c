#include "infer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ndjson.h"
#include "packed.h"

#define SAMPLE_BYTES (1u << 20)

// What the values of a column could be; every value removes what it is not.
#define CAN_BOOL 1u
#define CAN_INT 2u
#define CAN_FLOAT 4u
#define CAN_DATE 8u
#define CAN_LOCAL 16u
#define CAN_INSTANT 32u
#define CAN_ALL 63u

struct column {
    char *name;
    uint32_t can;
    uint32_t precision; // digits after the seconds of timestamps
    int is_seen;        // it had a value
    int kind;           // NDJSON_*, of named members
};

struct columns {
    struct column *items;
    uint32_t count;
    const char *path;
    const char *kind; // name of the change kind's field
    uint64_t row;
    char *sentence;
};

size_t infer_mark_size(const char *bytes, size_t size)
{
    return size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

static struct column *add_column(struct columns *columns, const char *name, size_t size)
{
    struct column *items = realloc(columns->items, (columns->count + 1) * sizeof *columns->items);
    if (items == NULL) {
        return NULL;
    }
    columns->items = items;
    struct column *column = &items[columns->count];
    *column = (struct column){.name = strndup(name, size), .can = CAN_ALL, .kind = NDJSON_NULL};
    if (column->name == NULL) {
        return NULL;
    }
    columns->count++;
    return column;
}

static void free_columns(struct columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        free(columns->items[i].name);
    }
    free(columns->items);
}

static int no_memory(struct columns *columns)
{
    snprintf(columns->sentence, FILE_SENTENCE_MAX, "no memory to read the columns of %s",
             columns->path);
    return -ENOMEM;
}

// --- CSV: from texts ---

static int is_number_text(const char *text)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') {
        return 0; // a code, like 02134
    }
    return (*digits >= '0' && *digits <= '9') || *digits == '.' || strcmp(text, "NaN") == 0 ||
           strcmp(digits, "Infinity") == 0;
}

static void look_at_timestamp(struct column *column, const char *text, size_t size)
{
    struct weir_timestamp value;
    struct weir_type type = {WEIR_TYPE_TIMESTAMP, 9, 0, 1, 0};
    int local = value_parse(type, text, size, &value);
    type.id = WEIR_TYPE_TIMESTAMP_LTZ;
    if (local != 0) {
        column->can &= ~CAN_LOCAL;
    }
    if (local != VALUE_ZONE || value_parse(type, text, size, &value) != 0) {
        column->can &= ~CAN_INSTANT;
    }
    const char *point = strchr(text, '.');
    uint32_t digits = point == NULL ? 0 : (uint32_t)strspn(point + 1, "0123456789");
    column->precision = digits > column->precision ? digits : column->precision;
}

static void look_at_text(struct column *column, const char *text, size_t size)
{
    uint8_t value[16];
    struct weir_type type = {WEIR_TYPE_INT64, 0, 0, 1, 0};
    column->is_seen = 1;
    int whole = value_parse(type, text, size, value);
    if (whole != 0 || !is_number_text(text)) {
        column->can &= ~CAN_INT;
    }
    type.id = WEIR_TYPE_FLOAT64;
    if (whole == VALUE_RANGE || !is_number_text(text) ||
        value_parse(type, text, size, value) != 0) {
        column->can &= ~CAN_FLOAT;
    }
    type.id = WEIR_TYPE_BOOL;
    if (size < 4 || value_parse(type, text, size, value) != 0) {
        column->can &= ~CAN_BOOL;
    }
    type.id = WEIR_TYPE_DATE;
    if (value_parse(type, text, size, value) != 0) {
        column->can &= ~CAN_DATE;
    }
    look_at_timestamp(column, text, size);
}

static struct weir_type type_from_can(const struct column *column)
{
    static const uint8_t ids[] = {WEIR_TYPE_BOOL, WEIR_TYPE_INT64,     WEIR_TYPE_FLOAT64,
                                  WEIR_TYPE_DATE, WEIR_TYPE_TIMESTAMP, WEIR_TYPE_TIMESTAMP_LTZ};
    for (uint32_t i = 0; column->is_seen && i < sizeof ids; i++) {
        if (column->can & 1u << i) {
            struct weir_type type = weir_type_of(ids[i]);
            if (i >= 4) {
                type.precision = column->precision <= 3 ? 3 : column->precision <= 6 ? 6 : 9;
            }
            return type;
        }
    }
    return weir_type_of(WEIR_TYPE_STRING);
}

static int csv_names(struct columns *columns, const struct csv_line *line, int has_header)
{
    for (uint32_t i = 0; i < line->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "column_%u", i + 1);
        const char *text = has_header ? line->texts[i] : name;
        if (*text == '\0') {
            snprintf(
                columns->sentence, FILE_SENTENCE_MAX,
                "field %u of the first line of %s has no name: name the columns in the file, or "
                "say header = false",
                i + 1, columns->path);
            return -EINVAL;
        }
        if (add_column(columns, text, strlen(text)) == NULL) {
            return no_memory(columns);
        }
    }
    return 0;
}

// A line that does not fit is left to the reading proper, which rejects it.
static void csv_look(const struct csv_dialect *dialect, struct columns *columns,
                     const struct csv_line *line)
{
    for (uint32_t i = 0; line->count == columns->count && i < line->count; i++) {
        if (line->are_quoted[i] || strcmp(line->texts[i], dialect->null_text) != 0) {
            look_at_text(&columns->items[i], line->texts[i], strlen(line->texts[i]));
        }
    }
}

static int infer_csv(const struct file_options *options, const char *bytes, size_t size,
                     uint32_t row_count, struct columns *columns)
{
    struct csv csv;
    struct rows none = {0};
    const char *p = bytes + infer_mark_size(bytes, size), *reason;
    const char *last = memrchr(bytes, '\n', size), *end = last == NULL ? bytes : last + 1;
    int rc = csv_init(&csv, options->dialect, &none, NULL, 0);
    uint32_t row = 0, first = options->has_header ? 1 : 0;
    while (rc == 0 && p < end && row < row_count + first) {
        struct csv_line line;
        rc = csv_split(&csv, p, end, &line, &reason);
        if (rc == VALUE_SYNTAX && row > 0) { // left to the reading proper
            p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
            rc = 0;
            continue;
        }
        if (rc == VALUE_SYNTAX) {
            snprintf(columns->sentence, FILE_SENTENCE_MAX, "%s:1: %s", columns->path, reason);
            rc = -EINVAL;
            break;
        }
        p = line.next;
        if (rc == 0 && row == 0) {
            rc = csv_names(columns, &line, options->has_header);
        }
        if (rc == 0 && row >= first) {
            csv_look(&options->dialect, columns, &line);
        }
        csv_line_finish(&line);
        row++;
    }
    csv_finish(&csv);
    return rc == VALUE_NO_MEMORY ? no_memory(columns) : rc;
}

// --- NDJSON and msgpack: from named members ---

static int look_at_member(void *argument, const char *key, size_t key_size, int kind)
{
    struct columns *columns = argument;
    struct column *column = NULL;
    for (uint32_t i = 0; column == NULL && i < columns->count; i++) {
        const char *name = columns->items[i].name;
        column = strlen(name) == key_size && memcmp(name, key, key_size) == 0 ? &columns->items[i]
                                                                              : NULL;
    }
    if (column == NULL && columns->count == WEIR_SCHEMA_FIELDS_MAX) {
        snprintf(columns->sentence, FILE_SENTENCE_MAX,
                 "the records of %s have more than %u members: name those you need in `columns`",
                 columns->path, WEIR_SCHEMA_FIELDS_MAX);
        return -EINVAL;
    }
    column = column != NULL ? column : add_column(columns, key, key_size);
    if (column == NULL) {
        return no_memory(columns);
    }
    if (kind == NDJSON_NULL || kind == column->kind) {
        return 0;
    }
    int are_numbers = (kind == NDJSON_WHOLE || kind == NDJSON_REAL) &&
                      (column->kind == NDJSON_WHOLE || column->kind == NDJSON_REAL);
    if (kind == NDJSON_NESTED || (column->kind != NDJSON_NULL && !are_numbers)) {
        snprintf(
            columns->sentence, FILE_SENTENCE_MAX,
            "cannot tell the type of `%s` in record %llu of %s: %s; name the columns you need, "
            "with their types, in `columns`",
            column->name, (unsigned long long)columns->row, columns->path,
            kind == NDJSON_NESTED ? "it holds an array or object"
                                  : "its values are of several types");
        return -EINVAL;
    }
    column->kind = are_numbers ? NDJSON_REAL : kind;
    return 0;
}

static struct weir_type type_from_kind(const struct column *column)
{
    switch (column->kind) {
    case NDJSON_BOOL:
        return weir_type_of(WEIR_TYPE_BOOL);
    case NDJSON_WHOLE:
        return weir_type_of(WEIR_TYPE_INT64);
    case NDJSON_REAL:
        return weir_type_of(WEIR_TYPE_FLOAT64);
    default:
        return weir_type_of(WEIR_TYPE_STRING);
    }
}

static int infer_ndjson(const char *bytes, size_t size, uint32_t row_count, struct columns *columns)
{
    struct ndjson ndjson;
    struct rows none = {0};
    const char *p = bytes + infer_mark_size(bytes, size), *end = bytes + size, *next;
    int rc = ndjson_init(&ndjson, &none, NULL);
    if (rc != 0) {
        rc = no_memory(columns);
    }
    for (;
         rc == 0 && columns->row < row_count && (next = memchr(p, '\n', (size_t)(end - p))) != NULL;
         p = next + 1) {
        columns->row++;
        columns->sentence[0] = '\0';
        ndjson_each(&ndjson, p, look_at_member, columns);
        rc = columns->sentence[0] != '\0' ? -EINVAL : 0; // broken lines are left to the reading
    }
    ndjson_finish(&ndjson);
    return rc;
}

static int kind_of_object(const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return NDJSON_NULL;
    case MSGPACK_OBJECT_BOOLEAN:
        return NDJSON_BOOL;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return NDJSON_WHOLE;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return NDJSON_REAL;
    case MSGPACK_OBJECT_STR:
        return NDJSON_STRING;
    default:
        return NDJSON_NESTED;
    }
}

static int look_at_record(struct columns *columns, const char *bytes, size_t size)
{
    msgpack_zone zone;
    msgpack_object object;
    size_t offset = 0;
    if (!msgpack_zone_init(&zone, 8192)) {
        return no_memory(columns);
    }
    int rc = 0;
    if (msgpack_unpack(bytes, size, &offset, &zone, &object) == MSGPACK_UNPACK_SUCCESS) {
        for (uint32_t i = 0;
             object.type == MSGPACK_OBJECT_MAP && rc == 0 && i < object.via.map.size; i++) {
            const msgpack_object_kv *pair = &object.via.map.ptr[i];
            if (pair->key.type == MSGPACK_OBJECT_STR) {
                rc = look_at_member(columns, pair->key.via.str.ptr, pair->key.via.str.size,
                                    kind_of_object(&pair->val));
            }
        }
        if (object.type == MSGPACK_OBJECT_ARRAY) {
            snprintf(columns->sentence, FILE_SENTENCE_MAX,
                     "the records of %s are arrays, which have no names: name the columns, with "
                     "their types, in `columns`",
                     columns->path);
            rc = -EINVAL;
        }
    }
    msgpack_zone_destroy(&zone);
    return rc;
}

static int infer_packed(const char *bytes, size_t size, uint32_t row_count, struct columns *columns)
{
    size_t at = 0, record_size;
    const char *reason;
    int rc = 0;
    while (rc == 0 && at < size && columns->row < row_count &&
           packed_measure((const uint8_t *)bytes + at, size - at, &record_size, &reason) == 0) {
        columns->row++;
        rc = look_at_record(columns, bytes + at, record_size);
        at += record_size;
    }
    return rc;
}

// --- Both ---

// The first bytes of the file, with a line end after the last line and padding.
static int read_sample(const struct file_options *options, const char *path, char *bytes,
                       size_t *size, char sentence[FILE_SENTENCE_MAX])
{
    struct input *input;
    int64_t count = 1;
    int rc = input_open(path, options->compression, &input, sentence);
    if (rc != 0) {
        return rc;
    }
    for (*size = 0; count > 0 && *size < SAMPLE_BYTES; *size += (size_t)count) {
        count = input_read(input, bytes + *size, SAMPLE_BYTES - *size, sentence);
        if (count < 0) {
            input_close(input);
            return -EIO;
        }
    }
    input_close(input);
    if (count == 0 && options->format != FORMAT_MSGPACK && *size > 0 && bytes[*size - 1] != '\n') {
        bytes[(*size)++] = '\n';
    }
    memset(bytes + *size, 0, PARSE_PADDING);
    return 0;
}

static int take_fields(struct columns *columns, uint32_t format, struct infer *infer)
{
    infer->fields = calloc(columns->count + 1, sizeof *infer->fields);
    if (infer->fields == NULL) {
        return no_memory(columns);
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        struct column *column = &columns->items[i];
        if (columns->kind != NULL && strcmp(column->name, columns->kind) == 0) {
            continue;
        }
        struct weir_field *field = &infer->fields[infer->field_count++];
        field->type = format == FORMAT_CSV ? type_from_can(column) : type_from_kind(column);
        field->name = column->name;
        column->name = NULL;
    }
    if (infer->field_count > 0) {
        return 0;
    }
    snprintf(
        columns->sentence, FILE_SENTENCE_MAX,
        "cannot tell the columns of %s: there is no record in its first 1 MiB; name them, with "
        "their types, in `columns`",
        columns->path);
    return -EINVAL;
}

int infer_file(const struct file_options *options, const char *path, uint32_t row_count,
               struct infer *infer, char sentence[FILE_SENTENCE_MAX])
{
    struct columns columns = {.path = path, .kind = options->kind, .sentence = sentence};
    size_t size = 0;
    char *bytes = malloc(SAMPLE_BYTES + 1 + PARSE_PADDING);
    memset(infer, 0, sizeof *infer);
    int rc =
        bytes == NULL ? no_memory(&columns) : read_sample(options, path, bytes, &size, sentence);
    if (rc == 0) {
        rc = options->format == FORMAT_CSV ? infer_csv(options, bytes, size, row_count, &columns)
             : options->format == FORMAT_NDJSON ? infer_ndjson(bytes, size, row_count, &columns)
                                                : infer_packed(bytes, size, row_count, &columns);
    }
    rc = rc == 0 ? take_fields(&columns, options->format, infer) : rc;
    free_columns(&columns);
    free(bytes);
    if (rc != 0) {
        infer_finish(infer);
    }
    return rc;
}

void infer_finish(struct infer *infer)
{
    for (uint32_t i = 0; i < infer->field_count; i++) {
        free((char *)(uintptr_t)infer->fields[i].name);
    }
    free(infer->fields);
    memset(infer, 0, sizeof *infer);
}
