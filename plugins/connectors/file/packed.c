#include "packed.h"

#include <stdlib.h>

#define ZONE_BYTES 8192u

int packed_init(struct packed *packed, const struct rows *rows, const char *kind_name)
{
    memset(packed, 0, sizeof *packed);
    packed->has_zone = msgpack_zone_init(&packed->zone, ZONE_BYTES);
    return packed->has_zone ? ndjson_init(&packed->names, rows, kind_name) : VALUE_NO_MEMORY;
}

void packed_finish(struct packed *packed)
{
    if (packed->has_zone) {
        msgpack_zone_destroy(&packed->zone);
    }
    ndjson_finish(&packed->names);
    memset(packed, 0, sizeof *packed);
}

// --- Measuring ---

struct header {
    size_t size;    // of the header and of bytes that follow it
    uint64_t items; // values inside it
    int is_container;
};

static uint64_t read_big(const uint8_t *bytes, uint32_t count)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

// A header whose length or count takes `count` bytes. 1: those are not all there.
static int sized_header(const uint8_t *bytes, size_t left, uint32_t count, uint32_t extra,
                        uint32_t items_each, struct header *header)
{
    if (left < 1 + count) {
        return 1;
    }
    uint64_t length = read_big(bytes + 1, count);
    header->is_container = items_each != 0;
    header->items = length * items_each;
    header->size = 1 + count + extra + (items_each == 0 ? length : 0);
    return 0;
}

// 0, 1 if the header is not all there, -1 if it is none.
static int read_header(const uint8_t *bytes, size_t left, struct header *header)
{
    static const uint8_t fixed[] = {
        1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 5,  9, 2,
        3, 5, 9, 2, 3, 5, 9, 3, 4, 6, 10, 18}; // 0xc0 to 0xd8; 0: by length
    uint8_t first = bytes[0];
    *header = (struct header){1, 0, 0};
    if (first <= 0x7f || first >= 0xe0) {
        return 0;
    }
    if (first <= 0x9f) { // fixmap, fixarray
        header->is_container = 1;
        header->items = first <= 0x8f ? 2u * (first & 15) : first & 15;
        return 0;
    }
    if (first <= 0xbf) { // fixstr
        header->size = 1u + (first & 31);
        return 0;
    }
    if (first == 0xc1) {
        return -1;
    }
    if (first <= 0xd8 && fixed[first - 0xc0] != 0) {
        header->size = fixed[first - 0xc0];
        return 0;
    }
    if (first <= 0xc6) { // bin
        return sized_header(bytes, left, 1u << (first - 0xc4), 0, 0, header);
    }
    if (first <= 0xc9) { // ext: its type is one more byte
        return sized_header(bytes, left, 1u << (first - 0xc7), 1, 0, header);
    }
    if (first <= 0xdb) { // str
        return sized_header(bytes, left, 1u << (first - 0xd9), 0, 0, header);
    }
    return sized_header(bytes, left, first & 1 ? 4 : 2, 0, first <= 0xdd ? 1 : 2, header);
}

int packed_measure(const uint8_t *bytes, size_t size, size_t *value_size, const char **reason)
{
    uint64_t open[PACKED_DEPTH_MAX + 1] = {1}; // values still to come on each level
    uint64_t total = 0;
    uint32_t depth = 0;
    size_t at = 0;
    for (;;) {
        while (open[depth] == 0) {
            if (depth == 0) {
                *value_size = at;
                return 0;
            }
            depth--;
        }
        if (at >= size) {
            return 1;
        }
        struct header header;
        int rc = read_header(bytes + at, size - at, &header);
        if (rc != 0) {
            *reason = "this is not msgpack";
            return rc;
        }
        if (header.size > PARSE_RECORD_BYTES_MAX || at > PARSE_RECORD_BYTES_MAX) {
            *reason = "the record is longer than 16842752 bytes, the most allowed";
            return -1;
        }
        total += header.items;
        if (total > PACKED_ITEMS_MAX || (header.is_container && depth == PACKED_DEPTH_MAX)) {
            *reason = total > PACKED_ITEMS_MAX ? "the record has more than 262144 values"
                                               : "the record nests deeper than 16 levels";
            return -1;
        }
        if (header.size > size - at) {
            return 1;
        }
        at += header.size;
        open[depth]--;
        if (header.is_container) {
            open[++depth] = header.items;
        }
    }
}

// --- Values into columns ---

static const char *type_name(const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        return "a boolean";
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return "a whole number";
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return "a number";
    case MSGPACK_OBJECT_STR:
        return "a string";
    case MSGPACK_OBJECT_BIN:
        return "bytes";
    case MSGPACK_OBJECT_EXT:
        return "an extension";
    default:
        return "an array or map";
    }
}

static int fail_type(struct parse *parse, struct rows *rows, uint32_t column,
                     const msgpack_object *object)
{
    char name[32];
    return parse_fail(parse, rows, (int32_t)column, "this is %s, expected %s", type_name(object),
                      value_type_name(rows->columns[column].type, name));
}

static int fail_range(struct parse *parse, struct rows *rows, uint32_t column)
{
    char name[32];
    return parse_fail(parse, rows, (int32_t)column, "the number is out of the range of %s",
                      value_type_name(rows->columns[column].type, name));
}

static int set_number(struct parse *parse, struct rows *rows, uint32_t column,
                      const msgpack_object *object)
{
    struct rows_column *target = &rows->columns[column];
    uint8_t id = target->type.id;
    int is_real = object->type == MSGPACK_OBJECT_FLOAT64 || object->type == MSGPACK_OBJECT_FLOAT32;
    if (id < WEIR_TYPE_INT8 || id > WEIR_TYPE_FLOAT64 || (is_real && id < WEIR_TYPE_FLOAT32)) {
        return fail_type(parse, rows, column, object);
    }
    int rc = is_real ? rows_set_real(rows, target, object->via.f64)
             : object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 > INT64_MAX
                 ? (id < WEIR_TYPE_FLOAT32 ? VALUE_RANGE
                                           : rows_set_real(rows, target, (double)object->via.u64))
                 : rows_set_int(rows, target, object->via.i64);
    return rc == 0 ? 0 : fail_range(parse, rows, column);
}

// Text of strings, dates, times, timestamps and decimals; bytes of bytes columns.
static int set_bytes(struct parse *parse, struct rows *rows, uint32_t column,
                     const msgpack_object *object)
{
    struct rows_column *target = &rows->columns[column];
    int is_text = object->type == MSGPACK_OBJECT_STR;
    const char *bytes = is_text ? object->via.str.ptr : object->via.bin.ptr;
    size_t size = is_text ? object->via.str.size : object->via.bin.size;
    uint8_t id = target->type.id;
    if (is_text ? id < WEIR_TYPE_STRING || id == WEIR_TYPE_BYTES : id != WEIR_TYPE_BYTES) {
        return fail_type(parse, rows, column, object);
    }
    int rc = weir_type_is_text(target->type) ? rows_set_text(rows, target, bytes, size)
                                             : rows_set(rows, target, bytes, size);
    return rc == 0 ? 0 : parse_fail_value(parse, rows, (int32_t)column, rc, bytes, size);
}

static int set_value(struct parse *parse, struct rows *rows, uint32_t column,
                     const msgpack_object *object)
{
    struct rows_column *target = &rows->columns[column];
    if (!target->is_wanted) {
        return 0;
    }
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return rows_set_null(rows, target) == 0
                   ? 0
                   : parse_fail(parse, rows, (int32_t)column, "null, but the column is not null");
    case MSGPACK_OBJECT_BOOLEAN:
        if (target->type.id != WEIR_TYPE_BOOL) {
            return fail_type(parse, rows, column, object);
        }
        weir_bit_set(target->values, rows->count, object->via.boolean);
        return 0;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return set_number(parse, rows, column, object);
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
        return set_bytes(parse, rows, column, object);
    default:
        return fail_type(parse, rows, column, object);
    }
}

static int set_kind(struct parse *parse, struct rows *rows, const msgpack_object *object)
{
    int32_t kind = object->type == MSGPACK_OBJECT_STR
                       ? parse_kind(object->via.str.ptr, object->via.str.size)
                       : -1;
    if (kind < 0) {
        return parse_fail(parse, rows, PARSE_NO_COLUMN,
                          "the change kind is not one of \"+I\", \"-U\", \"+U\", \"-D\"");
    }
    rows->kinds[rows->count] = (uint8_t)kind;
    return 0;
}

static int set_key(struct packed *packed, struct parse *parse, struct rows *rows, uint32_t key,
                   const msgpack_object *object)
{
    return key == packed->names.kind ? set_kind(parse, rows, object)
                                     : set_value(parse, rows, key, object);
}

static int read_array(struct packed *packed, struct parse *parse, struct rows *rows,
                      const msgpack_object_array *array)
{
    if (array->size != packed->names.key_count) {
        return parse_fail(parse, rows, PARSE_NO_COLUMN, "the record has %u values, expected %u",
                          array->size, packed->names.key_count);
    }
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < array->size; i++) {
        rc = set_key(packed, parse, rows, i, &array->ptr[i]);
    }
    return rc;
}

static int read_map(struct packed *packed, struct parse *parse, struct rows *rows,
                    const msgpack_object_map *map)
{
    struct ndjson *names = &packed->names;
    names->record++;
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        if (key->type != MSGPACK_OBJECT_STR) {
            return parse_fail(parse, rows, PARSE_NO_COLUMN, "a key of the map is not a string");
        }
        int32_t found = ndjson_key_find(names, key->via.str.ptr, key->via.str.size);
        if (found < 0) {
            continue;
        }
        if (names->keys[found].seen == names->record) {
            return parse_fail(parse, rows, (uint32_t)found == names->kind ? PARSE_NO_COLUMN : found,
                              "the key is there twice");
        }
        names->keys[found].seen = names->record;
        int rc = set_key(packed, parse, rows, (uint32_t)found, &map->ptr[i].val);
        if (rc != 0) {
            return rc;
        }
    }
    return ndjson_set_missing(names, parse, rows);
}

static int read_record(struct packed *packed, struct parse *parse, struct rows *rows,
                       const char *bytes, size_t size)
{
    msgpack_object object;
    size_t offset = 0;
    msgpack_zone_clear(&packed->zone);
    msgpack_unpack_return rc = msgpack_unpack(bytes, size, &offset, &packed->zone, &object);
    if (rc == MSGPACK_UNPACK_NOMEM_ERROR) {
        return PARSE_NO_MEMORY;
    }
    if (rc == MSGPACK_UNPACK_SUCCESS && object.type == MSGPACK_OBJECT_MAP) {
        return read_map(packed, parse, rows, &object.via.map);
    }
    if (rc == MSGPACK_UNPACK_SUCCESS && object.type == MSGPACK_OBJECT_ARRAY) {
        return read_array(packed, parse, rows, &object.via.array);
    }
    return parse_fail(parse, rows, PARSE_NO_COLUMN, "the record is not a map or an array");
}

// What cannot be measured has no end: the rest of the file is lost, and said to be.
static int fail_broken(struct packed *packed, struct parse *parse, struct rows *rows,
                       const char *reason)
{
    size_t left = parse->size - parse->used;
    parse->bad.line = parse->line++;
    parse->bad.record = parse->bytes + parse->used;
    parse->bad.record_size = left < 4096 ? left : 4096;
    parse->used = parse->size;
    packed->is_broken = 1;
    return parse_fail(parse, rows, PARSE_NO_COLUMN, "%s; the rest of the file is left out", reason);
}

int packed_parse(struct packed *packed, struct parse *parse, struct rows *rows)
{
    parse->used = 0;
    if (packed->is_broken) {
        parse->used = parse->size;
    }
    while (parse->used < parse->size) {
        const char *bytes = parse->bytes + parse->used;
        const char *reason = "";
        size_t size;
        if (rows_are_full(rows)) {
            return PARSE_FULL;
        }
        int rc = packed_measure((const uint8_t *)bytes, parse->size - parse->used, &size, &reason);
        if (rc > 0 && !parse->is_last) {
            return PARSE_INPUT;
        }
        if (rc != 0) {
            return fail_broken(packed, parse, rows,
                               rc > 0 ? "the file ends inside a record" : reason);
        }
        rc = read_record(packed, parse, rows, bytes, size);
        if (rc == PARSE_NO_MEMORY) {
            return rc;
        }
        parse->bad.line = parse->line++;
        parse->used += size;
        if (rc == PARSE_BAD) {
            parse->bad.record = bytes;
            parse->bad.record_size = size;
            return PARSE_BAD;
        }
        rows_end_row(rows);
    }
    return PARSE_INPUT;
}
