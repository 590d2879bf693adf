#include "text.h"

#include <stdlib.h>
#include <string.h>

#define FAR_BYTES_MIN 64u

// A long string of a key group; one that is free holds the number of the next free one.
struct entry {
    uint8_t *bytes; // NULL: free
    uint32_t length;
    uint32_t capacity;
    uint64_t next_free;
};

struct group {
    struct entry *entries;
    uint64_t count;
    uint64_t capacity;
    uint64_t first_free; // UINT64_MAX: none
};

struct texts {
    struct group *groups;
    uint32_t group_count;
};

struct texts *texts_create(void)
{
    return calloc(1, sizeof(struct texts));
}

void texts_destroy(struct weir_context *context, struct texts *texts)
{
    if (texts == NULL) {
        return;
    }
    for (uint32_t g = 0; g < texts->group_count; g++) {
        struct group *group = &texts->groups[g];
        for (uint64_t i = 0; i < group->count; i++) {
            if (group->entries[i].bytes != NULL) {
                weir_release(context, group->entries[i].bytes, group->entries[i].capacity);
            }
        }
        if (group->entries != NULL) {
            weir_release(context, group->entries, group->capacity * sizeof *group->entries);
        }
    }
    free(texts->groups);
    free(texts);
}

static int32_t no_memory(struct weir_context *context)
{
    return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the strings of open windows");
}

static struct group *group_demand(struct texts *texts, uint32_t number)
{
    if (number >= texts->group_count) {
        struct group *groups = realloc(texts->groups, ((size_t)number + 1) * sizeof *groups);
        if (groups == NULL) {
            return NULL;
        }
        for (uint32_t g = texts->group_count; g <= number; g++) {
            groups[g] = (struct group){NULL, 0, 0, UINT64_MAX};
        }
        texts->groups = groups;
        texts->group_count = number + 1;
    }
    return &texts->groups[number];
}

static int entries_grow(struct weir_context *context, struct group *group, uint64_t needed)
{
    if (needed <= group->capacity) {
        return 0;
    }
    uint64_t capacity = needed > group->capacity * 2 ? needed : group->capacity * 2;
    capacity = capacity < 16 ? 16 : capacity;
    struct entry *entries = weir_allocate(context, capacity * sizeof *entries);
    if (entries == NULL) {
        return -1;
    }
    if (group->entries != NULL) {
        memcpy(entries, group->entries, group->count * sizeof *entries);
        weir_release(context, group->entries, group->capacity * sizeof *entries);
    }
    group->entries = entries;
    group->capacity = capacity;
    return 0;
}

// A free entry's number, or UINT64_MAX.
static uint64_t entry_take(struct weir_context *context, struct group *group)
{
    uint64_t number = group->first_free;
    if (number != UINT64_MAX) {
        group->first_free = group->entries[number].next_free;
    } else if (entries_grow(context, group, group->count + 1) == 0) {
        number = group->count++;
    } else {
        return UINT64_MAX;
    }
    group->entries[number] = (struct entry){NULL, 0, 0, UINT64_MAX};
    return number;
}

static void entry_free(struct weir_context *context, struct group *group, uint64_t number)
{
    struct entry *entry = &group->entries[number];
    if (entry->bytes != NULL) {
        weir_release(context, entry->bytes, entry->capacity);
    }
    *entry = (struct entry){NULL, 0, 0, group->first_free};
    group->first_free = number;
}

static int entry_fill(struct weir_context *context, struct entry *entry, const uint8_t *bytes,
                      uint32_t length)
{
    if (length > entry->capacity || length < entry->capacity / 4) {
        uint32_t capacity = FAR_BYTES_MIN;
        while (capacity < length) {
            capacity *= 2;
        }
        uint8_t *memory = weir_allocate(context, capacity);
        if (memory == NULL) {
            return -1;
        }
        if (entry->bytes != NULL) {
            weir_release(context, entry->bytes, entry->capacity);
        }
        entry->bytes = memory;
        entry->capacity = capacity;
    }
    memcpy(entry->bytes, bytes, length);
    entry->length = length;
    return 0;
}

static int is_far(const struct text_value *value)
{
    return value->length != TEXT_NONE && value->length > TEXT_INLINE_BYTES;
}

const uint8_t *text_bytes(const struct texts *texts, const struct text_value *value)
{
    return is_far(value) ? texts->groups[value->as.far.group].entries[value->as.far.number].bytes
                         : value->as.bytes;
}

int32_t text_set(struct weir_context *context, struct texts *texts, uint32_t group_number,
                 struct text_value *value, const uint8_t *bytes, uint32_t length)
{
    if (length <= TEXT_INLINE_BYTES) {
        text_clear(context, texts, value);
        value->length = length;
        memcpy(value->as.bytes, bytes, length);
        return WEIR_OK;
    }
    struct group *group = group_demand(texts, group_number);
    uint64_t number = UINT64_MAX;
    if (group != NULL) {
        number = is_far(value) ? value->as.far.number : entry_take(context, group);
    }
    if (number == UINT64_MAX) {
        return no_memory(context);
    }
    if (entry_fill(context, &group->entries[number], bytes, length) != 0) {
        if (!is_far(value)) {
            entry_free(context, group, number);
        }
        return no_memory(context);
    }
    value->length = length;
    value->as.far.group = group_number;
    value->as.far.number = number;
    return WEIR_OK;
}

void text_clear(struct weir_context *context, struct texts *texts, struct text_value *value)
{
    if (is_far(value)) {
        entry_free(context, &texts->groups[value->as.far.group], value->as.far.number);
    }
    memset(value, 0, sizeof *value);
    value->length = TEXT_NONE;
}

int32_t text_compare(const struct texts *texts, const struct text_value *value,
                     const uint8_t *bytes, uint32_t length)
{
    uint32_t shorter = value->length < length ? value->length : length;
    int32_t order = memcmp(text_bytes(texts, value), bytes, shorter);
    return order != 0 ? order : value->length < length ? -1 : value->length > length;
}

// A split is the head, then one entry after the other: number, length, bytes.
int32_t texts_save(const struct texts *texts, struct weir_context *context,
                   struct weir_state_writer *writer, uint32_t group_number, const void *head,
                   uint32_t head_size)
{
    static const struct group none;
    const struct group *group =
        group_number < texts->group_count ? &texts->groups[group_number] : &none;
    uint64_t byte_count = head_size;
    for (uint64_t i = 0; i < group->count; i++) {
        byte_count += group->entries[i].bytes != NULL ? 12 + (uint64_t)group->entries[i].length : 0;
    }
    uint8_t *bytes = weir_allocate(context, byte_count), *at = bytes;
    if (bytes == NULL) {
        return no_memory(context);
    }
    memcpy(at, head, head_size);
    at += head_size;
    for (uint64_t i = 0; i < group->count; i++) {
        const struct entry *entry = &group->entries[i];
        if (entry->bytes != NULL) {
            memcpy(at, &i, 8);
            memcpy(at + 8, &entry->length, 4);
            memcpy(at + 12, entry->bytes, entry->length);
            at += 12 + (size_t)entry->length;
        }
    }
    int32_t rc = weir_state_write(context, writer, group_number, bytes, byte_count);
    weir_release(context, bytes, byte_count);
    return rc;
}

static int32_t load_entry(struct weir_context *context, struct group *group, uint64_t number,
                          const uint8_t *bytes, uint32_t length)
{
    if (entries_grow(context, group, number + 1) != 0) {
        return no_memory(context);
    }
    for (; group->count <= number; group->count++) {
        group->entries[group->count] = (struct entry){NULL, 0, 0, UINT64_MAX};
    }
    return entry_fill(context, &group->entries[number], bytes, length) == 0 ? WEIR_OK
                                                                            : no_memory(context);
}

int32_t texts_load(struct texts *texts, struct weir_context *context, uint32_t group_number,
                   const uint8_t *bytes, uint64_t byte_count)
{
    struct group *group = group_demand(texts, group_number);
    uint64_t at = 0, number;
    uint32_t length;
    if (group == NULL) {
        return no_memory(context);
    }
    while (at < byte_count) {
        if (byte_count - at < 12) {
            return weir_fail(context, WEIR_ERROR_DATA, "the strings of the snapshot are cut off");
        }
        memcpy(&number, bytes + at, 8);
        memcpy(&length, bytes + at + 8, 4);
        at += 12;
        if (byte_count - at < length || number > UINT32_MAX) {
            return weir_fail(context, WEIR_ERROR_DATA, "the strings of the snapshot are cut off");
        }
        int32_t rc = load_entry(context, group, number, bytes + at, length);
        if (rc != WEIR_OK) {
            return rc;
        }
        at += length;
    }
    group->first_free = UINT64_MAX;
    for (uint64_t i = group->count; i-- > 0;) {
        if (group->entries[i].bytes == NULL) {
            group->entries[i].next_free = group->first_free;
            group->first_free = i;
        }
    }
    return WEIR_OK;
}
