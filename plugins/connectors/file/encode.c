#include "encode.h"

#include <errno.h>
#include <stdlib.h>

#include "number.h"
#include "parse.h"
#include "value.h"

#define FIRST_BYTES (256u << 10)

static int reserve(struct encoder *encoder, size_t size)
{
    size_t need = encoder->size + size;
    if (need <= encoder->capacity) {
        return 0;
    }
    size_t capacity = encoder->capacity == 0 ? FIRST_BYTES : encoder->capacity;
    while (capacity < need) {
        capacity *= 2;
    }
    char *bytes = realloc(encoder->bytes, capacity);
    if (bytes == NULL) {
        return -ENOMEM;
    }
    encoder->bytes = bytes;
    encoder->capacity = capacity;
    return 0;
}

static int pack(void *owner, const char *bytes, size_t size)
{
    struct encoder *encoder = owner;
    if (reserve(encoder, size) != 0) {
        encoder->has_failed = 1;
        return -1;
    }
    memcpy(encoder->bytes + encoder->size, bytes, size);
    encoder->size += size;
    return 0;
}

static void put(struct encoder *encoder, const char *bytes, size_t size)
{
    memcpy(encoder->bytes + encoder->size, bytes, size);
    encoder->size += size;
}

static void put_sign(struct encoder *encoder, char sign)
{
    encoder->bytes[encoder->size++] = sign;
}

// --- Strings ---

// Room for 6 * size + 2 bytes is there.
static void put_json_string(struct encoder *encoder, const char *text, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *out = encoder->bytes + encoder->size;
    *out++ = '"';
    for (size_t i = 0; i < size; i++) {
        uint8_t c = (uint8_t)text[i];
        const char *name = c >= 32 ? NULL : strchr("\bb\ff\nn\rr\tt", c);
        if (c >= 32 && c != '"' && c != '\\') {
            *out++ = (char)c;
        } else if (c >= 32 || (c != 0 && name != NULL)) {
            *out++ = '\\';
            *out++ = c >= 32 ? (char)c : name[1];
        } else {
            memcpy(out, "\\u00", 4);
            out[4] = digits[c >> 4];
            out[5] = digits[c & 15];
            out += 6;
        }
    }
    *out++ = '"';
    encoder->size = (size_t)(out - encoder->bytes);
}

static int csv_needs_quotes(const struct csv_dialect *dialect, const char *text, size_t size)
{
    if (size == strlen(dialect->null_text) && memcmp(text, dialect->null_text, size) == 0) {
        return 1;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] == dialect->delimiter || text[i] == '\n' || text[i] == '\r' ||
            (dialect->quote != 0 && text[i] == dialect->quote)) {
            return 1;
        }
    }
    return 0;
}

// Room for 2 * size + 2 bytes is there. -EINVAL: it needs quotes, but there are none.
static int put_csv_text(struct encoder *encoder, const char *text, size_t size)
{
    const struct csv_dialect *dialect = &encoder->options->dialect;
    if (!csv_needs_quotes(dialect, text, size)) {
        put(encoder, text, size);
        return 0;
    }
    if (dialect->quote == 0) {
        return -EINVAL;
    }
    char *out = encoder->bytes + encoder->size;
    *out++ = dialect->quote;
    for (size_t i = 0; i < size; i++) {
        *out = dialect->quote;
        out += text[i] == dialect->quote;
        *out++ = text[i];
    }
    *out++ = dialect->quote;
    encoder->size = (size_t)(out - encoder->bytes);
    return 0;
}

// --- Set-up ---

static int key_init(struct encoder *encoder, struct encoder_key *key, const char *name)
{
    size_t size = strlen(name), start = encoder->size;
    if (reserve(encoder, size * 6 + 8) != 0) {
        return -ENOMEM;
    }
    if (encoder->options->format == FORMAT_NDJSON) {
        put_sign(encoder, key == encoder->keys ? '{' : ',');
        put_json_string(encoder, name, size);
        put_sign(encoder, ':');
    } else if (encoder->options->format == FORMAT_MSGPACK) {
        msgpack_pack_str(&encoder->packer, size);
        msgpack_pack_str_body(&encoder->packer, name, size);
    } else if (key != encoder->keys) {
        put_sign(encoder, encoder->options->dialect.delimiter);
    }
    key->size = encoder->size - start;
    key->text = malloc(key->size + 1);
    if (key->text == NULL) {
        return -ENOMEM;
    }
    memcpy(key->text, encoder->bytes + start, key->size);
    encoder->size = start;
    encoder->row_bytes += key->size + VALUE_TEXT_MAX;
    return 0;
}

int encoder_init(struct encoder *encoder, const struct file_options *options,
                 const struct weir_schema *schema)
{
    uint32_t kinds = options->kind != NULL;
    memset(encoder, 0, sizeof *encoder);
    encoder->options = options;
    encoder->schema = schema;
    encoder->row_bytes = 16;
    msgpack_packer_init(&encoder->packer, encoder, pack);
    encoder->keys = calloc(schema->field_count + kinds + 1, sizeof *encoder->keys);
    if (encoder->keys == NULL) {
        return -ENOMEM;
    }
    encoder->key_count = schema->field_count + kinds;
    for (uint32_t i = 0; i < encoder->key_count; i++) {
        const char *name = i < kinds ? options->kind : schema->fields[i - kinds].name;
        if (key_init(encoder, &encoder->keys[i], name) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

void encoder_finish(struct encoder *encoder)
{
    for (uint32_t i = 0; i < encoder->key_count; i++) {
        free(encoder->keys[i].text);
    }
    free(encoder->keys);
    free(encoder->bytes);
    memset(encoder, 0, sizeof *encoder);
}

int encoder_start(struct encoder *encoder)
{
    const struct file_options *options = encoder->options;
    uint32_t kinds = options->kind != NULL;
    for (uint32_t i = 0;
         options->format == FORMAT_CSV && options->has_header && i < encoder->key_count; i++) {
        const char *name = i < kinds ? options->kind : encoder->schema->fields[i - kinds].name;
        size_t size = strlen(name);
        if (reserve(encoder, size * 2 + 4 + encoder->keys[i].size) != 0) {
            return -ENOMEM;
        }
        put(encoder, encoder->keys[i].text, encoder->keys[i].size);
        if (put_csv_text(encoder, name, size) != 0) {
            put(encoder, name, size); // without quotes there is no better way
        }
        if (i + 1 == encoder->key_count) {
            put_sign(encoder, '\n');
        }
    }
    return 0;
}

// --- Values ---

// A bool column keeps bits; everything that prints takes a byte.
static const void *value_of(const struct weir_column *column, uint32_t row, uint8_t *truth)
{
    if (column->type.id == WEIR_TYPE_BOOL) {
        *truth = (uint8_t)weir_bit(column->values, row);
        return truth;
    }
    return (const uint8_t *)column->values + (size_t)row * weir_type_width(column->type);
}

// Room for a text of `size` bytes in its longest form, and for the rest of the row.
static int reserve_text(struct encoder *encoder, size_t size)
{
    return reserve(encoder, size * 6 + 16 + encoder->row_bytes);
}

static int put_base64(struct encoder *encoder, const char *bytes, size_t size)
{
    value_base64_encode((const uint8_t *)bytes, size, encoder->bytes + encoder->size);
    encoder->size += value_base64_size(size);
    return 0;
}

static int csv_value(struct encoder *encoder, const struct weir_column *column, uint32_t row)
{
    const char *null_text = encoder->options->dialect.null_text;
    uint32_t size;
    uint8_t truth;
    if (weir_is_null(column, row)) {
        size_t null_size = strlen(null_text);
        if (reserve_text(encoder, null_size) != 0) {
            return -ENOMEM;
        }
        put(encoder, null_text, null_size);
        return 0;
    }
    if (weir_type_is_text(column->type)) {
        const char *text = weir_text(column, row, &size);
        if (reserve_text(encoder, size) != 0) {
            return -ENOMEM;
        }
        return column->type.id == WEIR_TYPE_STRING || size == 0 ? put_csv_text(encoder, text, size)
                                                                : put_base64(encoder, text, size);
    }
    char *out = encoder->bytes + encoder->size;
    encoder->size += (size_t)(value_print(column->type, value_of(column, row, &truth), out) - out);
    return 0;
}

// NDJSON writes numbers and booleans as they are, all else as strings.
static int json_value(struct encoder *encoder, const struct weir_column *column, uint32_t row)
{
    uint32_t size;
    uint8_t truth;
    if (weir_is_null(column, row)) {
        put(encoder, "null", 4);
        return 0;
    }
    if (weir_type_is_text(column->type)) {
        const char *text = weir_text(column, row, &size);
        if (reserve_text(encoder, size) != 0) {
            return -ENOMEM;
        }
        if (column->type.id == WEIR_TYPE_STRING) {
            put_json_string(encoder, text, size);
            return 0;
        }
        put_sign(encoder, '"');
        put_base64(encoder, text, size);
        put_sign(encoder, '"');
        return 0;
    }
    char *out = encoder->bytes + encoder->size;
    char *end = value_print(column->type, value_of(column, row, &truth), out + 1);
    uint8_t id = column->type.id;
    int is_float = id == WEIR_TYPE_FLOAT32 || id == WEIR_TYPE_FLOAT64;
    if (id > WEIR_TYPE_FLOAT64 || (is_float && ((uint8_t)end[-1] > '9'))) { // NaN, Infinity
        *out = '"';
        *end++ = '"';
    } else {
        memmove(out, out + 1, (size_t)(end - out - 1));
        end--;
    }
    encoder->size += (size_t)(end - out);
    return 0;
}

static int pack_number(msgpack_packer *packer, struct weir_type type, const void *value)
{
    float single;
    double real;
    int64_t whole = 0;
    if (type.id == WEIR_TYPE_FLOAT32) {
        memcpy(&single, value, sizeof single);
        return msgpack_pack_float(packer, single);
    }
    if (type.id == WEIR_TYPE_FLOAT64) {
        memcpy(&real, value, sizeof real);
        return msgpack_pack_double(packer, real);
    }
    uint32_t width = weir_type_width(type), shift = 64 - 8 * width;
    memcpy(&whole, value, width);
    return msgpack_pack_int64(packer, (int64_t)((uint64_t)whole << shift) >> shift);
}

static void pack_value(msgpack_packer *packer, const struct weir_column *column, uint32_t row)
{
    char printed[VALUE_TEXT_MAX];
    uint32_t size;
    uint8_t truth;
    if (weir_is_null(column, row)) {
        msgpack_pack_nil(packer);
        return;
    }
    if (column->type.id == WEIR_TYPE_STRING) {
        const char *text = weir_text(column, row, &size);
        msgpack_pack_str(packer, size);
        msgpack_pack_str_body(packer, text, size);
        return;
    }
    if (column->type.id == WEIR_TYPE_BYTES) {
        const char *bytes = weir_text(column, row, &size);
        msgpack_pack_bin(packer, size);
        msgpack_pack_bin_body(packer, bytes, size);
        return;
    }
    const void *value = value_of(column, row, &truth);
    if (column->type.id == WEIR_TYPE_BOOL) {
        truth ? msgpack_pack_true(packer) : msgpack_pack_false(packer);
    } else if (column->type.id <= WEIR_TYPE_FLOAT64) {
        pack_number(packer, column->type, value);
    } else {
        size = (uint32_t)(value_print(column->type, value, printed) - printed);
        msgpack_pack_str(packer, size);
        msgpack_pack_str_body(packer, printed, size);
    }
}

// --- Rows ---

static int row_text(struct encoder *encoder, const struct weir_batch *batch, uint32_t row,
                    uint32_t *column)
{
    int is_json = encoder->options->format == FORMAT_NDJSON, rc = 0;
    uint32_t kinds = encoder->options->kind != NULL;
    if (kinds) {
        put(encoder, encoder->keys[0].text, encoder->keys[0].size);
        const char *name = parse_kind_name(weir_kind(batch, row));
        is_json ? put_json_string(encoder, name, 2) : put(encoder, name, 2);
    }
    for (uint32_t i = 0; rc == 0 && i < batch->column_count; i++) {
        const struct encoder_key *key = &encoder->keys[i + kinds];
        put(encoder, key->text, key->size);
        *column = i;
        rc = is_json ? json_value(encoder, &batch->columns[i], row)
                     : csv_value(encoder, &batch->columns[i], row);
    }
    if (is_json) {
        put_sign(encoder, '}');
    }
    put_sign(encoder, '\n');
    return rc;
}

static int row_packed(struct encoder *encoder, const struct weir_batch *batch, uint32_t row)
{
    uint32_t kinds = encoder->options->kind != NULL;
    msgpack_packer *packer = &encoder->packer;
    msgpack_pack_map(packer, encoder->key_count);
    if (kinds) {
        pack(encoder, encoder->keys[0].text, encoder->keys[0].size);
        msgpack_pack_str(packer, 2);
        msgpack_pack_str_body(packer, parse_kind_name(weir_kind(batch, row)), 2);
    }
    for (uint32_t i = 0; i < batch->column_count; i++) {
        pack(encoder, encoder->keys[i + kinds].text, encoder->keys[i + kinds].size);
        pack_value(packer, &batch->columns[i], row);
    }
    return encoder->has_failed ? -ENOMEM : 0;
}

int encoder_row(struct encoder *encoder, const struct weir_batch *batch, uint32_t row,
                uint32_t *column)
{
    size_t start = encoder->size;
    if (reserve(encoder, encoder->row_bytes) != 0) {
        return -ENOMEM;
    }
    int rc = encoder->options->format == FORMAT_MSGPACK ? row_packed(encoder, batch, row)
                                                        : row_text(encoder, batch, row, column);
    if (rc != 0) {
        encoder->size = start;
    }
    return rc;
}
