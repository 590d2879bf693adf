// Reads the blocks of a snapshot, trusting nothing.
#include <errno.h>
#include <string.h>

#include "base/checksum.h"
#include "data/schema.h"
#include "state/table.h"

struct reader {
    const uint8_t *at;
    uint64_t left;
};

// The next byte_count bytes, or NULL if there are fewer.
static const uint8_t *take(struct reader *reader, uint64_t byte_count)
{
    const uint8_t *at = reader->at;
    if (reader->left < byte_count) {
        return NULL;
    }
    reader->at += byte_count;
    reader->left -= byte_count;
    return at;
}

static int take_32(struct reader *reader, uint32_t *value)
{
    const uint8_t *at = take(reader, 4);
    if (at != NULL) {
        memcpy(value, at, 4);
    }
    return at != NULL;
}

// Whether the next bytes are a text, which is put into buffer, cut if need be.
static int take_text(struct reader *reader, char *buffer, uint32_t size)
{
    uint32_t length;
    const uint8_t *at = take_32(reader, &length) ? take(reader, length) : NULL;
    if (at != NULL) {
        length = length < size - 1 ? length : size - 1;
        memcpy(buffer, at, length);
        buffer[length] = '\0';
    }
    return at != NULL;
}

static int damaged(const struct state_table *table, struct error *error, const char *what)
{
    return error_set(error, -EBADMSG, "state `%s`: the snapshot is damaged (%s); use an older one",
                     table->layout.name, what);
}

static int check_fields(const struct state_table *table, struct reader *reader, struct error *error)
{
    const struct weir_state_layout *layout = &table->layout;
    uint32_t count, offset, bytes;
    char name[256];
    if (!take_32(reader, &count)) {
        return damaged(table, error, "its fields are cut off");
    }
    for (uint32_t i = 0; i < count || i < layout->field_count; i++) {
        const uint8_t *type = NULL;
        if (i < count && !(take_text(reader, name, sizeof name) &&
                           (type = take(reader, sizeof(struct weir_type))) != NULL &&
                           take_32(reader, &offset) && take_32(reader, &bytes))) {
            return damaged(table, error, "its fields are cut off");
        }
        const struct weir_state_field *field = i < layout->field_count ? &layout->fields[i] : NULL;
        if (i >= count || field == NULL || strcmp(name, field->name) != 0 ||
            memcmp(type, &field->type, sizeof field->type) != 0 || offset != field->offset ||
            bytes != field->bytes) {
            return error_set(error, -EINVAL,
                             "state `%s`: field %u of the snapshot is `%s`, here it is `%s`; the "
                             "stage has changed since and cannot go on from this snapshot",
                             layout->name, i + 1, i < count ? name : "(none)",
                             field != NULL ? field->name : "(none)");
        }
    }
    return 0;
}

static int check_keys(const struct state_table *table, struct reader *reader, struct error *error)
{
    uint32_t count;
    if (!take_32(reader, &count)) {
        return damaged(table, error, "its key is cut off");
    }
    if (count != table->keys.column_count) {
        return error_set(error, -EINVAL,
                         "state `%s`: the key of the snapshot has %u columns, here it has %u",
                         table->layout.name, count, table->keys.column_count);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct weir_type type;
        const uint8_t *at = take(reader, sizeof type);
        char was[32], is[32];
        if (at == NULL) {
            return damaged(table, error, "its key is cut off");
        }
        memcpy(&type, at, sizeof type);
        if (!type_equal(type, table->keys.types[i])) {
            return error_set(error, -EINVAL,
                             "state `%s`: key column %u of the snapshot is %s, here it is %s",
                             table->layout.name, i + 1, type_name(type, was, sizeof was),
                             type_name(table->keys.types[i], is, sizeof is));
        }
    }
    return 0;
}

static int check_description(const struct state_table *table, struct reader *reader,
                             struct error *error)
{
    const struct weir_state_layout *layout = &table->layout;
    uint32_t version, slot_bytes;
    char name[256];
    if (!take_32(reader, &version) || !take_32(reader, &slot_bytes) ||
        !take_text(reader, name, sizeof name)) {
        return damaged(table, error, "its layout is cut off");
    }
    if (strcmp(name, layout->name) != 0) {
        return error_set(error, -EINVAL, "state `%s`: the snapshot is of state `%s`", layout->name,
                         name);
    }
    if (version != layout->version) {
        return error_set(error, -EINVAL,
                         "state `%s`: the snapshot has version %u, here it is version %u",
                         layout->name, version, layout->version);
    }
    int rc = check_fields(table, reader, error);
    if (rc == 0 && slot_bytes != layout->slot_bytes) {
        rc = error_set(error, -EINVAL, "state `%s`: a slot of the snapshot has %u bytes, here %u",
                       layout->name, slot_bytes, layout->slot_bytes);
    }
    return rc != 0 ? rc : check_keys(table, reader, error);
}

static int restore_slot(struct state_table *table, int64_t space, uint32_t group,
                        struct reader *reader, struct error *error)
{
    uint32_t length, slot;
    int is_created;
    const uint8_t *key = take_32(reader, &length) ? take(reader, length) : NULL;
    const uint8_t *bytes = key != NULL ? take(reader, table->layout.slot_bytes) : NULL;
    if (bytes == NULL || !keys_are_valid(&table->keys, key, length)) {
        return damaged(table, error, "a slot is cut off");
    }
    if (table_insert(table, space, group, key, length, &slot, &is_created) != 0) {
        return error_set(error, -ENOMEM, "state `%s`: no memory for the snapshot",
                         table->layout.name);
    }
    if (!is_created) {
        return error_set(error, -EEXIST, "state `%s`: key group %u was restored before",
                         table->layout.name, group);
    }
    table_touch(table, slot);
    memcpy(table->head.slots + (uint64_t)slot * table->head.stride, bytes,
           table->layout.slot_bytes);
    return 0;
}

static int check_head(const struct state_table *table, struct reader *reader, uint32_t *group,
                      struct error *error)
{
    uint32_t format, crc, group_count;
    uint64_t byte_count = reader->left;
    const uint8_t *magic = take(reader, 8), *size;
    if (magic == NULL || memcmp(magic, BLOCK_MAGIC, 8) != 0 || !take_32(reader, &format)) {
        return damaged(table, error, "it does not begin as one");
    }
    if (format != BLOCK_FORMAT) {
        return error_set(error, -EINVAL,
                         "state `%s`: the snapshot has format %u, this version reads format %u",
                         table->layout.name, format, BLOCK_FORMAT);
    }
    if (!take_32(reader, &crc) || checksum_crc32c(0, reader->at, reader->left) != crc ||
        (size = take(reader, 8)) == NULL || memcmp(size, &byte_count, 8) != 0 ||
        !take_32(reader, group) || !take_32(reader, &group_count)) {
        return damaged(table, error, "its checksum is wrong");
    }
    if (group_count != table->options.group_count) {
        return error_set(error, -EINVAL,
                         "state `%s`: the snapshot was cut into %u key groups, here there are %u",
                         table->layout.name, group_count, table->options.group_count);
    }
    return *group < group_count ? 0 : damaged(table, error, "its key group does not exist");
}

int state_table_restore(struct state_table *table, const void *bytes, uint64_t byte_count,
                        struct error *error)
{
    struct reader reader = {bytes, byte_count};
    uint32_t group = 0, count;
    int rc = check_head(table, &reader, &group, error);
    if (rc == 0) {
        rc = check_description(table, &reader, error);
    }
    while (rc == 0 && reader.left > 0) {
        int64_t space;
        const uint8_t *at = take(&reader, 8);
        if (at == NULL || !take_32(&reader, &count)) {
            return damaged(table, error, "a space is cut off");
        }
        memcpy(&space, at, 8);
        for (uint32_t i = 0; rc == 0 && i < count; i++) {
            rc = restore_slot(table, space, group, &reader, error);
        }
    }
    return rc;
}
