#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch_memory.h"
#include "data/cursor.h"
#include "data/schema.h"
#include "data/wire.h"

#define MAGIC "weir1"

#define KEY_ROWS 1u
#define KEY_BUCKET 2u
#define KEY_TIMES 4u
#define KEY_ENTERED 8u
#define KEY_KINDS 16u
#define KEY_SCHEMA 32u
#define KEY_COLUMNS 64u

static const struct {
    const char *name;
    uint32_t key;
} keys[] = {
    {"rows", KEY_ROWS},   {"columns", KEY_COLUMNS}, {"kinds", KEY_KINDS},   {"bucket", KEY_BUCKET},
    {"times", KEY_TIMES}, {"entered", KEY_ENTERED}, {"schema", KEY_SCHEMA},
};

struct head {
    uint32_t seen; // KEY_*
    uint32_t row_count;
    int32_t bucket;
    int64_t time_min_us;
    int64_t time_max_us;
    int64_t entered_us;
    uint64_t kinds;            // offset in the body
    const uint8_t *kinds_at;   // in the message
    const uint8_t *schema_at;  //
    const uint8_t *columns_at; //
    const uint8_t *schema_end; //
    const uint8_t *body;
    uint32_t body_bytes;
};

static uint32_t find_key(const char *name, uint32_t length)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strlen(keys[i].name) == length && memcmp(keys[i].name, name, length) == 0) {
            return (uint32_t)i;
        }
    }
    return UINT32_MAX;
}

static void read_times(struct cursor *cursor, struct head *head)
{
    const uint8_t *at = cursor->at;
    if (cursor_array(cursor) != 2) {
        cursor_fail(cursor, at, "expected an array of 2");
    }
    head->time_min_us = cursor_int(cursor);
    head->time_max_us = cursor_int(cursor);
    if (cursor->rc == 0 && head->time_min_us > head->time_max_us) {
        cursor_fail(cursor, at, "the first is after the last");
    }
}

static void read_value(struct cursor *cursor, uint32_t key, struct head *head)
{
    const uint8_t *at = cursor->at;
    switch (key) {
    case KEY_ROWS:
        head->row_count = (uint32_t)cursor_uint(cursor, WEIR_BATCH_ROWS_MAX);
        return;
    case KEY_BUCKET:
        head->bucket = (int32_t)cursor_uint(cursor, INT32_MAX);
        return;
    case KEY_TIMES:
        read_times(cursor, head);
        return;
    case KEY_ENTERED:
        head->entered_us = cursor_int(cursor);
        return;
    case KEY_KINDS:
        head->kinds_at = at;
        head->kinds = cursor_uint(cursor, UINT32_MAX);
        return;
    default: // needs what may come later: read when all is there
        cursor_skip(cursor, 2);
        if (key == KEY_SCHEMA) {
            head->schema_at = at;
            head->schema_end = cursor->at;
        } else {
            head->columns_at = at;
        }
    }
}

static void read_head(struct cursor *cursor, struct head *head)
{
    uint32_t count = cursor_map(cursor), length;
    for (uint32_t i = 0; cursor->rc == 0 && i < count; i++) {
        cursor->place = "header";
        const uint8_t *at = cursor->at;
        const char *name = cursor_text(cursor, &length);
        uint32_t index = name == NULL ? UINT32_MAX : find_key(name, length);
        if (index == UINT32_MAX) { // of a newer minor version
            cursor_skip(cursor, 2);
            continue;
        }
        cursor->place = keys[index].name;
        if (head->seen & keys[index].key) {
            cursor_fail(cursor, at, "there twice");
        }
        head->seen |= keys[index].key;
        read_value(cursor, keys[index].key, head);
    }
    cursor->place = "header";
    if (cursor->rc == 0 && !(head->seen & KEY_ROWS)) {
        cursor_fail(cursor, cursor->at, "`rows` is missing");
    } else if (cursor->rc == 0 && !(head->seen & KEY_COLUMNS)) {
        cursor_fail(cursor, cursor->at, "`columns` is missing");
    }
}

static void read_envelope(struct cursor *cursor, struct head *head)
{
    uint32_t length;
    const uint8_t *at = cursor->at;
    uint32_t count = cursor_array(cursor);
    if (count != 4) {
        cursor_fail(cursor, at, "expected an array of 4, found one of %u", count);
    }
    cursor->place = "format";
    at = cursor->at;
    const char *magic = cursor_text(cursor, &length);
    if (magic != NULL && (length != strlen(MAGIC) || memcmp(magic, MAGIC, length) != 0)) {
        cursor_fail(cursor, at, "this is `%.*s`; this program reads `" MAGIC "`",
                    (int)(length < 32 ? length : 32), magic);
    }
    cursor->place = "header";
    read_head(cursor, head);
    cursor->place = "pad";
    cursor_bin(cursor, &length);
    cursor->place = "body";
    head->body = cursor_bin(cursor, &head->body_bytes);
    cursor_finish(cursor);
}

// One field of the schema: its name goes to *names, which moves on.
static void read_field(struct cursor *cursor, struct weir_field *field, char **names)
{
    char text[32];
    uint32_t length;
    struct error cause;
    const uint8_t *at = cursor->at;
    if (cursor_array(cursor) != 3) {
        cursor_fail(cursor, at, "expected an array of 3");
    }
    at = cursor->at;
    const char *name = cursor_text(cursor, &length);
    if (name != NULL && memchr(name, '\0', length) != NULL) {
        cursor_fail(cursor, at, "a name has a zero byte");
    }
    if (name == NULL || cursor->rc != 0) {
        return;
    }
    memcpy(*names, name, length);
    (*names)[length] = '\0';
    field->name = *names;
    *names += length + 1;
    at = cursor->at;
    const char *type = cursor_text(cursor, &length);
    if (type == NULL) {
        return;
    }
    length = length < sizeof text ? length : sizeof text - 1;
    memcpy(text, type, length);
    text[length] = '\0';
    if (type_parse(text, &field->type, &cause) != 0) {
        cursor_fail(cursor, at, "%s", cause.text);
    }
    field->type.nullable = (uint8_t)cursor_bool(cursor);
}

// malloc'd; NULL with cursor->rc set.
static struct weir_schema *read_schema(struct cursor *cursor, const struct head *head)
{
    struct weir_schema *schema = NULL;
    struct error cause;
    cursor->at = head->schema_at;
    cursor->place = "schema";
    uint32_t count = cursor_array(cursor);
    if (count == 0 || count > WEIR_SCHEMA_FIELDS_MAX) {
        cursor_fail(cursor, head->schema_at, "a schema has 1 to %u columns, not %u",
                    WEIR_SCHEMA_FIELDS_MAX, count);
        return NULL;
    }
    // A name takes at least as many bytes in the message as here with its end.
    struct weir_field *fields = calloc(count, sizeof *fields);
    char *names = malloc((size_t)(head->schema_end - head->schema_at)), *next = names;
    if (fields == NULL || names == NULL) {
        cursor->rc = error_set(cursor->error, -ENOMEM, "no memory for a schema");
        free(fields);
        free(names);
        return NULL;
    }
    for (uint32_t i = 0; cursor->rc == 0 && i < count; i++) {
        read_field(cursor, &fields[i], &next);
    }
    if (cursor->rc == 0) {
        schema = schema_create(fields, count, &cause);
        if (schema == NULL) {
            cursor_fail(cursor, head->schema_at, "%s", cause.text);
        }
    }
    free(fields);
    free(names);
    return schema;
}

static void check_schema(struct cursor *cursor, const struct head *head,
                         const struct weir_schema *found, const struct weir_schema *agreed)
{
    char here[32], there[32];
    cursor->place = "schema";
    if (found->field_count != agreed->field_count) {
        cursor_fail(cursor, head->schema_at, "%u columns, but %u were agreed", found->field_count,
                    agreed->field_count);
    }
    for (uint32_t i = 0; cursor->rc == 0 && i < agreed->field_count; i++) {
        const struct weir_field *a = &found->fields[i], *b = &agreed->fields[i];
        if (strcmp(a->name, b->name) != 0 || !type_equal(a->type, b->type) ||
            a->type.nullable > b->type.nullable) {
            cursor_fail(cursor, head->schema_at, "column %u is `%s %s%s`, but `%s %s%s` was agreed",
                        i + 1, a->name, type_name(a->type, there, sizeof there),
                        a->type.nullable ? "" : " not null", b->name,
                        type_name(b->type, here, sizeof here), b->type.nullable ? "" : " not null");
        }
    }
}

// The section of byte_count bytes at an offset in the body that stands at `at` in the message.
static const uint8_t *section(struct cursor *cursor, const uint8_t *at, const struct head *head,
                              uint64_t offset, uint64_t byte_count)
{
    if (cursor->rc != 0) {
        return NULL;
    }
    if (offset % 8 != 0) {
        cursor_fail(cursor, at, "offset %" PRIu64 " is no multiple of 8", offset);
        return NULL;
    }
    if (offset > head->body_bytes || byte_count > head->body_bytes - offset) {
        cursor_fail(cursor, at,
                    "%" PRIu64 " bytes at offset %" PRIu64 " leave the body of %u bytes",
                    byte_count, offset, head->body_bytes);
        return NULL;
    }
    return head->body + offset;
}

// Bits from row_count to the end of their byte are 0.
static int has_tail(const uint8_t *bits, uint32_t row_count)
{
    return row_count % 8 != 0 && bits[row_count / 8] >> (row_count & 7) != 0;
}

static void check_offsets(struct cursor *cursor, const uint8_t *at, const int32_t *offsets,
                          uint32_t row_count, uint64_t value_bytes)
{
    int32_t falls = 0, longest = 0;
    cursor->place = "offsets";
    if (offsets[0] != 0 || offsets[row_count] < 0 || (uint32_t)offsets[row_count] != value_bytes) {
        cursor_fail(cursor, at, "from %d to %d, expected from 0 to %" PRIu64, offsets[0],
                    offsets[row_count], value_bytes);
        return;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        int32_t length = (int32_t)((uint32_t)offsets[i + 1] - (uint32_t)offsets[i]);
        falls |= length | offsets[i + 1];
        longest = length > longest ? length : longest;
    }
    for (uint32_t i = 0; falls < 0 && i < row_count; i++) {
        if (offsets[i + 1] < offsets[i]) {
            cursor_fail(cursor, at, "fall from %d to %d in row %u", offsets[i], offsets[i + 1], i);
        }
    }
    if (longest > (int32_t)WEIR_VALUE_BYTES_MAX) {
        cursor_fail(cursor, at, "a value of %d bytes is longer than %u", longest,
                    WEIR_VALUE_BYTES_MAX);
    }
}

static int is_zero(const uint8_t *bytes, uint64_t byte_count)
{
    uint8_t any = 0;
    for (uint64_t i = 0; i < byte_count; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

static int is_zero_row(const struct weir_column *column, uint32_t width, uint32_t row)
{
    const uint8_t *values = column->values;
    uint64_t word;
    if (width == 8) {
        memcpy(&word, values + (size_t)row * 8, 8);
        return word == 0;
    }
    if (width != 0) {
        return is_zero(values + (size_t)row * width, width);
    }
    if (column->offsets == NULL) {
        return !weir_bit(values, row);
    }
    return is_zero(values + column->offsets[row],
                   (uint32_t)(column->offsets[row + 1] - column->offsets[row]));
}

// The count of nulls is what it says, the values under them are zero.
static void check_nulls(struct cursor *cursor, const uint8_t *at, const struct weir_column *column,
                        uint32_t row_count)
{
    uint32_t width = weir_type_width(column->type), null_count = 0;
    for (uint32_t first = 0; first < row_count; first += 64) {
        uint32_t rest = row_count - first;
        uint64_t nulls = 0;
        memcpy(&nulls, column->validity + first / 8, rest < 64 ? weir_bit_bytes(rest) : 8);
        nulls = ~nulls & (rest < 64 ? (UINT64_C(1) << rest) - 1 : UINT64_MAX);
        null_count += (uint32_t)__builtin_popcountll(nulls);
        for (; nulls != 0; nulls &= nulls - 1) {
            uint32_t row = first + (uint32_t)__builtin_ctzll(nulls);
            if (!is_zero_row(column, width, row)) {
                cursor->place = "values";
                cursor_fail(cursor, at, "the null in row %u is not zero", row);
                return;
            }
        }
    }
    cursor->place = "validity";
    if (null_count != column->null_count) {
        cursor_fail(cursor, at, "%u nulls, but the header says %u", null_count, column->null_count);
    } else if (has_tail(column->validity, row_count)) {
        cursor_fail(cursor, at, "bits are set after the last row");
    }
}

// What the header says of one column, and where it says it.
struct entry {
    uint64_t validity, values, value_bytes, offsets;
    const uint8_t *at, *validity_at, *values_at, *offsets_at;
    int has_validity, has_offsets;
};

static void read_entry(struct cursor *cursor, struct entry *entry, struct weir_column *column,
                       uint32_t row_count)
{
    uint32_t count = cursor_array(cursor);
    if (count != 5) {
        cursor_fail(cursor, entry->at, "expected an array of 5, found one of %u", count);
    }
    cursor->place = "null count";
    column->null_count = (uint32_t)cursor_uint(cursor, row_count);
    cursor->place = "validity";
    entry->validity_at = cursor->at;
    entry->has_validity = !cursor_nil(cursor);
    entry->validity = entry->has_validity ? cursor_uint(cursor, UINT32_MAX) : 0;
    cursor->place = "values";
    entry->values_at = cursor->at;
    entry->values = cursor_uint(cursor, UINT32_MAX);
    entry->value_bytes = cursor_uint(cursor, UINT32_MAX);
    cursor->place = "offsets";
    entry->offsets_at = cursor->at;
    entry->has_offsets = !cursor_nil(cursor);
    entry->offsets = entry->has_offsets ? cursor_uint(cursor, UINT32_MAX) : 0;
}

static void read_values(struct cursor *cursor, const struct entry *entry, const struct head *head,
                        struct weir_column *column)
{
    uint32_t row_count = head->row_count, width = weir_type_width(column->type);
    int is_text = weir_type_is_text(column->type);
    if (cursor->rc == 0 && entry->has_offsets != is_text) {
        cursor_fail(cursor, entry->offsets_at,
                    is_text ? "a column of texts has offsets"
                            : "only columns of texts have offsets");
    }
    if (is_text) {
        const uint8_t *offsets =
            section(cursor, entry->offsets_at, head, entry->offsets, ((uint64_t)row_count + 1) * 4);
        column->offsets = (const int32_t *)(const void *)offsets;
    }
    cursor->place = "values";
    uint64_t expected = is_text      ? entry->value_bytes
                        : width != 0 ? (uint64_t)row_count * width
                                     : weir_bit_bytes(row_count);
    if (cursor->rc == 0 && entry->value_bytes != expected) {
        cursor_fail(cursor, entry->values_at, "%" PRIu64 " bytes, expected %" PRIu64 " for %u rows",
                    entry->value_bytes, expected, row_count);
    }
    column->values = section(cursor, entry->values_at, head, entry->values, entry->value_bytes);
    if (cursor->rc == 0 && is_text) {
        check_offsets(cursor, entry->offsets_at, column->offsets, row_count, entry->value_bytes);
    } else if (cursor->rc == 0 && width == 0 && has_tail(column->values, row_count)) {
        cursor_fail(cursor, entry->values_at, "bits are set after the last row");
    }
}

static void read_validity(struct cursor *cursor, const struct entry *entry, const struct head *head,
                          struct weir_column *column)
{
    cursor->place = "validity";
    if (cursor->rc == 0 && column->null_count != 0 && !entry->has_validity) {
        cursor_fail(cursor, entry->validity_at, "missing, but the header says %u nulls",
                    column->null_count);
    }
    if (cursor->rc == 0 && column->null_count != 0 && !column->type.nullable) {
        cursor_fail(cursor, entry->validity_at, "%u nulls, but its type is not null",
                    column->null_count);
    }
    if (entry->has_validity) {
        column->validity = section(cursor, entry->validity_at, head, entry->validity,
                                   weir_bit_bytes(head->row_count));
    }
    if (cursor->rc == 0 && entry->has_validity) {
        check_nulls(cursor, entry->validity_at, column, head->row_count);
        column->validity = column->null_count == 0 ? NULL : column->validity;
    }
}

static void read_columns(struct cursor *cursor, const struct head *head, struct batch *batch)
{
    uint64_t byte_count = head->seen & KEY_KINDS ? head->row_count : 0;
    cursor->at = head->columns_at;
    cursor->place = "columns";
    uint32_t count = cursor_array(cursor);
    if (count != batch->view.column_count) {
        cursor_fail(cursor, head->columns_at, "%u columns, but the schema has %u", count,
                    batch->view.column_count);
    }
    for (uint32_t i = 0; cursor->rc == 0 && i < count; i++) {
        struct weir_column *column = &batch->columns[i];
        struct entry entry = {.at = cursor->at};
        cursor->place = "entry";
        cursor->name = batch->view.schema->fields[i].name;
        if (cursor_nil(cursor)) {
            continue;
        }
        column->encoding = WEIR_ENCODING_PLAIN;
        read_entry(cursor, &entry, column, head->row_count);
        const uint8_t *next = cursor->at;
        read_values(cursor, &entry, head, column);
        read_validity(cursor, &entry, head, column);
        if (cursor->rc != 0) {
            return;
        }
        cursor->at = next;
        byte_count += batch_column_bytes(column, head->row_count);
        if (byte_count > WEIR_BATCH_BYTES_MAX) {
            cursor->place = "entry";
            cursor_fail(cursor, entry.at, "the batch is larger than %u bytes",
                        WEIR_BATCH_BYTES_MAX);
        }
    }
    cursor->name = NULL;
}

static void read_kinds(struct cursor *cursor, const struct head *head, struct batch *batch)
{
    uint8_t others = 0;
    if (!(head->seen & KEY_KINDS)) {
        return;
    }
    cursor->place = "kinds";
    const uint8_t *kinds = section(cursor, head->kinds_at, head, head->kinds, head->row_count);
    for (uint32_t i = 0; kinds != NULL && i < head->row_count; i++) {
        others |= kinds[i] & (uint8_t)~3;
    }
    if (others != 0) {
        cursor_fail(cursor, head->kinds_at, "a kind is none of 0 to 3");
    }
    batch->view.kinds = kinds;
}

// The schema that the message brings, or none; checked against the one agreed.
static struct weir_schema *own_schema(struct cursor *cursor, const struct head *head,
                                      const struct weir_schema *agreed)
{
    if (!(head->seen & KEY_SCHEMA)) {
        if (cursor->rc == 0 && agreed == NULL) {
            cursor->place = "header";
            cursor_fail(cursor, cursor->end, "no schema, and none was agreed before");
        }
        return NULL;
    }
    struct weir_schema *schema = cursor->rc == 0 ? read_schema(cursor, head) : NULL;
    if (schema != NULL && agreed != NULL) {
        check_schema(cursor, head, schema, agreed);
        free(schema);
        schema = NULL;
    }
    return schema;
}

// The body where it can be read in place, otherwise a copy that the batch owns.
static int align_body(struct cursor *cursor, struct head *head, struct batch *batch)
{
    if ((uintptr_t)head->body % 8 == 0 || head->body_bytes == 0) {
        return 0;
    }
    uint8_t *copy = batch_allocate(batch, head->body_bytes);
    if (copy == NULL) {
        return error_set(cursor->error, -ENOMEM, "no memory for a batch of %u bytes",
                         head->body_bytes);
    }
    memcpy(copy, head->body, head->body_bytes);
    head->body = copy;
    return 0;
}

// NULL with *rc set.
static struct batch *decode(const uint8_t *message, uint64_t byte_count,
                            const struct weir_schema *agreed, struct error *error, int *rc)
{
    struct cursor cursor;
    struct head head = {.bucket = WEIR_BUCKET_NONE,
                        .time_min_us = WEIR_TIME_NONE,
                        .time_max_us = WEIR_TIME_NONE,
                        .entered_us = WEIR_TIME_NONE};
    cursor_init(&cursor, message, byte_count, "wire message", error);
    read_envelope(&cursor, &head);
    struct weir_schema *schema = own_schema(&cursor, &head, agreed);
    *rc = cursor.rc;
    if (*rc != 0) {
        free(schema);
        return NULL;
    }
    struct batch *batch = batch_create(schema != NULL ? schema : agreed);
    if (batch == NULL) {
        free(schema);
        *rc = error_set(error, -ENOMEM, "no memory for a batch");
        return NULL;
    }
    batch->schema = schema;
    batch->schema_owner = schema == NULL ? NULL : batch;
    batch->view.row_count = head.row_count;
    batch->view.bucket = head.bucket;
    batch->view.time_min_us = head.time_min_us;
    batch->view.time_max_us = head.time_max_us;
    batch->view.entered_us = head.entered_us;
    *rc = align_body(&cursor, &head, batch);
    if (*rc == 0) {
        read_columns(&cursor, &head, batch);
        read_kinds(&cursor, &head, batch);
        *rc = cursor.rc;
    }
    if (*rc != 0) {
        batch_unref(&batch->view);
        return NULL;
    }
    return batch;
}

int wire_decode(const uint8_t *message, uint64_t byte_count, const struct weir_schema *schema,
                void (*release)(void *owner), void *owner, const struct weir_batch **out,
                struct error *error)
{
    int rc;
    struct batch *batch = decode(message, byte_count, schema, error, &rc);
    if (batch == NULL) {
        if (release != NULL) {
            release(owner);
        }
        return rc;
    }
    batch->release = release;
    batch->owner = owner;
    *out = &batch->view;
    return 0;
}
