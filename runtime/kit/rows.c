// Rows as text: reading them into batches and writing them back.
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/schema.h"
#include "host/show.h"
#include "kit/kit_body.h"

// --- Writing ---

static int needs_quotes(const char *text, size_t length)
{
    return length == 0 || isspace((unsigned char)text[0]) ||
           isspace((unsigned char)text[length - 1]) || strcasecmp(text, "null") == 0 ||
           memchr(text, '|', length) != NULL || memchr(text, '"', length) != NULL ||
           memchr(text, '\n', length) != NULL;
}

static void write_text(struct text *text, const char *value, size_t length)
{
    if (!needs_quotes(value, length)) {
        text_add(text, value, length);
        return;
    }
    text_add(text, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        text_add(text, value[i] == '"' ? "\"\"" : &value[i], value[i] == '"' ? 2 : 1);
    }
    text_add(text, "\"", 1);
}

static void write_value(struct text *text, const struct weir_column *column, uint32_t row)
{
    struct text shown = {0};
    if (column->encoding == WEIR_ENCODING_PLAIN && weir_is_null(column, row)) {
        text_add(text, "null", 4);
        return;
    }
    text_add(&shown, "", 0);
    show_value(&shown, column, row);
    if (column->type.id == WEIR_TYPE_STRING && column->encoding == WEIR_ENCODING_PLAIN) {
        write_text(text, shown.at, shown.length);
    } else {
        text_add(text, shown.at, shown.length);
    }
    text_finish(&shown);
}

void kit_write_row(struct text *text, const struct weir_batch *batch, uint32_t row)
{
    text_print(text, "%s ", show_kind(weir_kind(batch, row)));
    for (uint32_t i = 0; i < batch->column_count; i++) {
        if (i > 0) {
            text_add(text, "|", 1);
        }
        write_value(text, &batch->columns[i], row);
    }
}

// --- Reading ---

struct cell {
    struct text text;
    int32_t is_null;
};

static const char *read_quoted(const char *at, struct text *text)
{
    for (at++; *at != '\0'; at++) {
        if (at[0] == '"' && at[1] != '"') {
            return at + 1 + strspn(at + 1, " ");
        }
        at += at[0] == '"';
        text_add(text, at, 1);
    }
    return at;
}

// Reads one value; returns what follows it: '|' or the end.
static const char *read_cell(const char *at, struct cell *cell)
{
    at += strspn(at, " ");
    cell->text.length = 0;
    text_add(&cell->text, "", 0);
    cell->is_null = 0;
    if (*at == '"') {
        return read_quoted(at, &cell->text);
    }
    size_t length = strcspn(at, "|"), kept = length;
    while (kept > 0 && at[kept - 1] == ' ') {
        kept--;
    }
    text_add(&cell->text, at, kept);
    cell->is_null = strcasecmp(cell->text.at, "null") == 0;
    return at + length;
}

static const char *read_kind(const char *row, uint8_t *kind)
{
    for (uint32_t k = WEIR_KIND_INSERT; k <= WEIR_KIND_DELETE; k++) {
        if (strncmp(row, show_kind(k), 2) == 0 && row[2] == ' ') {
            *kind = (uint8_t)k;
            return row + 3;
        }
    }
    *kind = WEIR_KIND_INSERT;
    return row;
}

// What the expression language makes of a text, for types that have a notation of their own.
static int cast(const char *text, struct weir_type type, uint8_t *out)
{
    char name[32];
    struct text source = {0};
    struct expr_error error;
    struct weir_column result;
    const struct weir_batch *batch = NULL;
    const struct expr_failure *failures;
    uint32_t failure_count = 1;
    struct weir_field field = {"x", weir_type_of(WEIR_TYPE_INT64)};
    struct weir_schema *schema = schema_create(&field, 1, NULL);
    struct batch_builder *builder;
    text_print(&source, "cast('%s' as %s)", text, type_name(type, name, sizeof name));
    struct expression *expression = expression_compile(source.at, schema, 0, &error);
    struct evaluator *evaluator = evaluator_create();
    if (expression != NULL && batch_builder_create(schema, 1, &builder) == 0 &&
        batch_builder_finish(builder, 1, &batch) == 0 &&
        expression_evaluate(expression, evaluator, batch, 0, &result, &failures, &failure_count) ==
            0 &&
        failure_count == 0 && !weir_is_null(&result, 0)) {
        memcpy(out, result.values, weir_type_width(type));
    } else {
        failure_count = 1;
    }
    batch_unref(batch);
    evaluator_destroy(evaluator);
    expression_destroy(expression);
    text_finish(&source);
    free(schema);
    return failure_count == 0 ? 0 : -EINVAL;
}

static int store_integer(const char *text, uint32_t width, uint8_t *out)
{
    char *end;
    errno = 0;
    int64_t value = strtoll(text, &end, 10);
    assert(width >= 1 && width <= 8);
    int64_t limit = width < 8 ? (int64_t)1 << (width * 8 - 1) : INT64_MAX;
    if (*text == '\0' || *end != '\0' || errno != 0 ||
        (width < 8 && (value < -limit || value >= limit))) {
        return -EINVAL;
    }
    memcpy(out, &value, width);
    return 0;
}

static int store_fixed(const char *text, struct weir_type type, uint8_t *out)
{
    char *end;
    uint32_t width = weir_type_width(type);
    double wide = strtod(text, &end);
    float narrow = (float)wide;
    switch (type.id) {
    case WEIR_TYPE_FLOAT32:
        memcpy(out, &narrow, 4);
        return *text != '\0' && *end == '\0' ? 0 : -EINVAL;
    case WEIR_TYPE_FLOAT64:
        memcpy(out, &wide, 8);
        return *text != '\0' && *end == '\0' ? 0 : -EINVAL;
    case WEIR_TYPE_DECIMAL:
        return cast(text, type, out);
    default:
        return width <= 8 && store_integer(text, width, out) == 0 ? 0 : cast(text, type, out);
    }
}

static int append_bytes(struct batch_builder *builder, uint32_t column, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(text, "0x", 2) != 0 || length % 2 != 0) {
        return -EINVAL;
    }
    uint8_t *bytes = malloc(length);
    int rc = 0;
    for (size_t i = 2; i < length; i += 2) {
        char pair[3] = {text[i], text[i + 1], '\0'}, *end;
        bytes[i / 2 - 1] = (uint8_t)strtoul(pair, &end, 16);
        rc |= *end != '\0' ? -EINVAL : 0;
    }
    if (rc == 0) {
        rc = batch_builder_append(builder, column, bytes, (uint32_t)(length / 2 - 1));
    }
    free(bytes);
    return rc;
}

static int store(struct batch_builder *builder, uint32_t column, uint32_t row,
                 const struct cell *cell)
{
    struct weir_type type = batch_builder_schema(builder)->fields[column].type;
    const char *text = cell->text.at;
    if (weir_type_is_text(type)) {
        return cell->is_null ? batch_builder_append_null(builder, column)
               : type.id == WEIR_TYPE_BYTES
                   ? append_bytes(builder, column, text)
                   : batch_builder_append(builder, column, text, (uint32_t)cell->text.length);
    }
    uint8_t *values = batch_builder_values(builder, column);
    uint32_t width = weir_type_width(type);
    if (values == NULL) {
        return -ENOMEM;
    }
    if (cell->is_null) {
        uint8_t *validity = batch_builder_validity(builder, column);
        memset(values + (size_t)row * width, 0, width);
        weir_bit_set(validity, row, 0);
        return 0;
    }
    if (type.id == WEIR_TYPE_BOOL) {
        int is_true = strcmp(text, "true") == 0;
        weir_bit_set(values, row, is_true);
        return is_true || strcmp(text, "false") == 0 ? 0 : -EINVAL;
    }
    return store_fixed(text, type, values + (size_t)row * width);
}

static int read_row(struct weir_kit *kit, struct batch_builder *builder, const char *text,
                    uint32_t row, struct cell *cell)
{
    const struct weir_schema *schema = batch_builder_schema(builder);
    const char *at = text;
    char type[32];
    for (uint32_t i = 0; i < schema->field_count; i++) {
        at = read_cell(at, cell);
        if (store(builder, i, row, cell) != 0) {
            return kit_fail(kit, WEIR_ERROR_CONFIG, "row `%s`: cannot read `%s` as `%s %s`", text,
                            cell->text.at, schema->fields[i].name,
                            type_name(schema->fields[i].type, type, sizeof type));
        }
        int is_last = i + 1 == schema->field_count;
        if (*at != (is_last ? '\0' : '|')) {
            return kit_fail(kit, WEIR_ERROR_CONFIG, "row `%s`: there must be %u values", text,
                            schema->field_count);
        }
        at += !is_last;
    }
    return 0;
}

int kit_read_rows(struct weir_kit *kit, const struct weir_schema *schema, const char *const *rows,
                  uint32_t row_count, const struct weir_batch **out)
{
    struct batch_builder *builder;
    struct cell cell = {0};
    int rc = batch_builder_create(schema, row_count > 0 ? row_count : 1, &builder);
    if (rc != 0) {
        return kit_fail(kit, WEIR_ERROR_CONFIG, "%u rows do not fit into a batch", row_count);
    }
    uint8_t *kinds = NULL;
    for (uint32_t row = 0; rc == 0 && row < row_count; row++) {
        uint8_t kind;
        const char *values = read_kind(rows[row], &kind);
        if (kind != WEIR_KIND_INSERT && kinds == NULL) {
            kinds = batch_builder_kinds(builder);
        }
        if (kinds != NULL) {
            kinds[row] = kind;
        }
        rc = read_row(kit, builder, values, row, &cell);
    }
    text_finish(&cell.text);
    if (rc != 0) {
        batch_builder_discard(builder);
        return rc;
    }
    rc = batch_builder_finish(builder, row_count, out);
    return rc == 0 ? 0
                   : kit_fail(kit, WEIR_ERROR_CONFIG,
                              "the rows do not fit the input: a null where there must be none?");
}

// --- Schemas ---

char *kit_next_item(const char **at)
{
    const char *start = *at + strspn(*at, " \n"), *end = start;
    int depth = 0, is_quoted = 0;
    while (*end != '\0' && (*end != ',' || depth > 0 || is_quoted)) {
        is_quoted ^= *end == '"';
        depth += (*end == '(') - (*end == ')');
        end++;
    }
    *at = end + (*end == ',');
    while (end > start && isspace((unsigned char)end[-1])) {
        end--;
    }
    return end > start ? strndup(start, (size_t)(end - start)) : NULL;
}

struct weir_schema *kit_read_schema(struct weir_kit *kit, const char *columns)
{
    struct weir_field *fields = NULL;
    struct weir_schema *schema = NULL;
    struct error error = {0};
    uint32_t count = 0;
    for (char *item = kit_next_item(&columns); item != NULL; item = kit_next_item(&columns)) {
        fields = realloc(fields, (count + 1) * sizeof *fields);
        if (fields == NULL) {
            abort();
        }
        count += field_parse(item, &fields[count], &error) == 0;
        free(item);
    }
    if (error.code == 0) {
        schema = schema_create(fields, count, &error);
    }
    if (schema == NULL) {
        kit_fail(kit, WEIR_ERROR_CONFIG, "%s", error.text);
    }
    for (uint32_t i = 0; i < count; i++) {
        free((char *)fields[i].name);
    }
    free(fields);
    return schema;
}
