#include "data/cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

// Heads of msgpack values: the first byte.
#define FIXMAP 0x80
#define FIXARRAY 0x90
#define FIXSTR 0xa0
#define NIL 0xc0
#define FALSE_ 0xc2
#define TRUE_ 0xc3
#define BIN8 0xc4
#define BIN32 0xc6
#define EXT8 0xc7
#define EXT32 0xc9
#define FLOAT32 0xca
#define FLOAT64 0xcb
#define UINT8 0xcc
#define UINT64 0xcf
#define INT8 0xd0
#define INT64 0xd3
#define FIXEXT1 0xd4
#define FIXEXT16 0xd8
#define STR8 0xd9
#define STR32 0xdb
#define ARRAY16 0xdc
#define ARRAY32 0xdd
#define MAP16 0xde
#define MAP32 0xdf
#define FIXINT_NEGATIVE 0xe0

void cursor_init(struct cursor *cursor, const uint8_t *bytes, uint64_t byte_count,
                 const char *subject, struct error *error)
{
    *cursor = (struct cursor){
        .start = bytes, .at = bytes, .end = bytes + byte_count, .subject = subject, .error = error};
}

int cursor_fail(struct cursor *cursor, const uint8_t *at, const char *format, ...)
{
    if (cursor->rc != 0) {
        return cursor->rc;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int has_name = cursor->name != NULL;
    error_set(cursor->error, -EBADMSG, "%s, byte %" PRIu64 "%s%s%s%s%s: %s", cursor->subject,
              (uint64_t)(at - cursor->start), cursor->place == NULL ? "" : ", ",
              cursor->place == NULL ? "" : cursor->place, has_name ? " of column `" : "",
              has_name ? cursor->name : "", has_name ? "`" : "", text);
    cursor->rc = -EBADMSG;
    cursor->at = cursor->end;
    return cursor->rc;
}

static uint64_t bytes_left(const struct cursor *cursor)
{
    return (uint64_t)(cursor->end - cursor->at);
}

// Reads count bytes, which belong to a value that begins at `value`; NULL if there are not as many.
static const uint8_t *take(struct cursor *cursor, const uint8_t *value, uint64_t count)
{
    uint64_t left = bytes_left(cursor);
    const uint8_t *bytes = cursor->at;
    if (cursor->rc != 0) {
        return NULL;
    }
    if (count > left) {
        cursor_fail(cursor, value, "the message ends at byte %" PRIu64 ", %" PRIu64 " more needed",
                    (uint64_t)(cursor->end - cursor->start), count - left);
        return NULL;
    }
    cursor->at += count;
    return bytes;
}

// Big-endian, as msgpack has it; 0 after a fault.
static uint64_t take_number(struct cursor *cursor, const uint8_t *value, uint32_t width)
{
    const uint8_t *bytes = take(cursor, value, width);
    uint64_t number = 0;
    for (uint32_t i = 0; bytes != NULL && i < width; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static const char *kind_of(uint8_t head)
{
    if (head < FIXMAP || head >= FIXINT_NEGATIVE || (head >= UINT8 && head <= INT64)) {
        return "an integer";
    }
    if (head < FIXARRAY || head >= MAP16) {
        return "a map";
    }
    if (head < FIXSTR || head >= ARRAY16) {
        return "an array";
    }
    if (head < NIL || head >= STR8) {
        return "a string";
    }
    if (head >= EXT8 && head != FLOAT32 && head != FLOAT64) {
        return "an extension";
    }
    if (head >= BIN8) {
        return head <= BIN32 ? "bytes" : "a float";
    }
    if (head >= FALSE_) {
        return "a bool";
    }
    return head == NIL ? "nil" : "a reserved byte";
}

static void fail_type(struct cursor *cursor, const uint8_t *value, const char *wanted)
{
    cursor_fail(cursor, value, "expected %s, found %s", wanted, kind_of(*value));
}

// The count of a container: in its head (fix ... fix + 15), or in the 2 or 4 bytes after it.
static uint32_t take_count(struct cursor *cursor, uint8_t fix, uint8_t head16,
                           uint32_t element_bytes, const char *wanted)
{
    const uint8_t *value = cursor->at, *head = take(cursor, value, 1);
    uint64_t count;
    if (head == NULL) {
        return 0;
    }
    if ((*head & 0xf0) == fix) {
        count = *head & 15;
    } else if (*head == head16 || *head == head16 + 1) {
        count = take_number(cursor, value, *head == head16 ? 2 : 4);
    } else {
        fail_type(cursor, value, wanted);
        return 0;
    }
    if (count * element_bytes > bytes_left(cursor)) {
        cursor_fail(cursor, value, "a count of %" PRIu64 ", but %" PRIu64 " bytes are left", count,
                    bytes_left(cursor));
        return 0;
    }
    return cursor->rc == 0 ? (uint32_t)count : 0;
}

uint32_t cursor_array(struct cursor *cursor)
{
    return take_count(cursor, FIXARRAY, ARRAY16, 1, "an array");
}

uint32_t cursor_map(struct cursor *cursor)
{
    return take_count(cursor, FIXMAP, MAP16, 2, "a map");
}

// Any integer: its 64 bits, and whether it is below 0.
static uint64_t take_integer(struct cursor *cursor, const uint8_t *value, int *is_negative)
{
    const uint8_t *head = take(cursor, value, 1);
    *is_negative = 0;
    if (head == NULL || *head < FIXMAP) {
        return head == NULL ? 0 : *head;
    }
    if (*head >= FIXINT_NEGATIVE) {
        *is_negative = 1;
        return (uint64_t)(int64_t)(int8_t)*head;
    }
    if (*head >= UINT8 && *head <= UINT64) {
        return take_number(cursor, value, 1u << (*head - UINT8));
    }
    if (*head >= INT8 && *head <= INT64) {
        static const uint32_t shifts[] = {56, 48, 32, 0};
        uint32_t shift = shifts[*head - INT8];
        int64_t number = (int64_t)(take_number(cursor, value, 8 - shift / 8) << shift) >> shift;
        *is_negative = number < 0;
        return (uint64_t)number;
    }
    fail_type(cursor, value, "an integer");
    return 0;
}

uint64_t cursor_uint(struct cursor *cursor, uint64_t most)
{
    const uint8_t *value = cursor->at;
    int is_negative;
    uint64_t number = take_integer(cursor, value, &is_negative);
    if (cursor->rc == 0 && is_negative) {
        cursor_fail(cursor, value, "%" PRId64 " is below 0", (int64_t)number);
    } else if (cursor->rc == 0 && number > most) {
        cursor_fail(cursor, value, "%" PRIu64 " is more than %" PRIu64, number, most);
    }
    return cursor->rc == 0 ? number : 0;
}

int64_t cursor_int(struct cursor *cursor)
{
    const uint8_t *value = cursor->at;
    int is_negative;
    uint64_t number = take_integer(cursor, value, &is_negative);
    if (cursor->rc == 0 && !is_negative && number > INT64_MAX) {
        cursor_fail(cursor, value, "%" PRIu64 " is more than %" PRId64, number, INT64_MAX);
    }
    return cursor->rc == 0 ? (int64_t)number : 0;
}

int cursor_bool(struct cursor *cursor)
{
    const uint8_t *value = cursor->at, *head = take(cursor, value, 1);
    if (head != NULL && *head != FALSE_ && *head != TRUE_) {
        fail_type(cursor, value, "a bool");
    }
    return head != NULL && *head == TRUE_;
}

static const uint8_t *take_bytes(struct cursor *cursor, const uint8_t *value, uint64_t count,
                                 uint32_t *byte_count)
{
    const uint8_t *bytes = take(cursor, value, count);
    *byte_count = bytes == NULL ? 0 : (uint32_t)count;
    return bytes;
}

const char *cursor_text(struct cursor *cursor, uint32_t *byte_count)
{
    const uint8_t *value = cursor->at, *head = take(cursor, value, 1);
    uint64_t count = 0;
    if (head != NULL && (*head & 0xe0) == FIXSTR) {
        count = *head & 31;
    } else if (head != NULL && *head >= STR8 && *head <= STR32) {
        count = take_number(cursor, value, 1u << (*head - STR8));
    } else if (head != NULL) {
        fail_type(cursor, value, "a string");
    }
    return (const char *)take_bytes(cursor, value, count, byte_count);
}

const uint8_t *cursor_bin(struct cursor *cursor, uint32_t *byte_count)
{
    const uint8_t *value = cursor->at, *head = take(cursor, value, 1);
    uint64_t count = 0;
    if (head != NULL && *head >= BIN8 && *head <= BIN32) {
        count = take_number(cursor, value, 1u << (*head - BIN8));
    } else if (head != NULL) {
        fail_type(cursor, value, "bytes");
    }
    return take_bytes(cursor, value, count, byte_count);
}

int cursor_nil(struct cursor *cursor)
{
    if (cursor->rc != 0 || cursor->at == cursor->end || *cursor->at != NIL) {
        return 0;
    }
    cursor->at++;
    return 1;
}

// Bytes of a value that is neither container nor integer: after its head.
static void skip_scalar(struct cursor *cursor, const uint8_t *value, uint8_t head)
{
    if (head == FLOAT32 || head == FLOAT64) {
        take(cursor, value, head == FLOAT32 ? 4 : 8);
    } else if (head >= FIXEXT1 && head <= FIXEXT16) {
        take(cursor, value, 1 + (1u << (head - FIXEXT1)));
    } else if (head >= EXT8 && head <= EXT32) {
        take(cursor, value, 1 + take_number(cursor, value, 1u << (head - EXT8)));
    } else if (head != NIL && head != FALSE_ && head != TRUE_) {
        cursor_fail(cursor, value, "the byte 0x%02x begins no value", head);
    }
}

// Arrays and maps count what is still to come in `rests`, so that depth costs no stack.
void cursor_skip(struct cursor *cursor, uint32_t depth)
{
    uint64_t rests[16] = {1};
    uint32_t level = 0, unused;
    int is_negative;
    depth = depth > 15 ? 15 : depth;
    while (cursor->rc == 0) {
        while (rests[level] == 0) {
            if (level-- == 0) {
                return;
            }
        }
        rests[level]--;
        const uint8_t *value = cursor->at;
        uint8_t head = value == cursor->end ? 0 : *value;
        int is_map = (head & 0xf0) == FIXMAP || head == MAP16 || head == MAP32;
        if (is_map || (head & 0xf0) == FIXARRAY || head == ARRAY16 || head == ARRAY32) {
            uint64_t count = is_map ? (uint64_t)cursor_map(cursor) * 2 : cursor_array(cursor);
            if (cursor->rc == 0 && level == depth) {
                cursor_fail(cursor, value, "arrays and maps are nested too deep");
            } else {
                rests[++level] = count;
            }
        } else if ((head & 0xe0) == FIXSTR || (head >= STR8 && head <= STR32)) {
            cursor_text(cursor, &unused);
        } else if (head >= BIN8 && head <= BIN32) {
            cursor_bin(cursor, &unused);
        } else if (head < FIXMAP || head >= FIXINT_NEGATIVE || (head >= UINT8 && head <= INT64)) {
            take_integer(cursor, value, &is_negative);
        } else {
            take(cursor, value, 1);
            skip_scalar(cursor, value, head);
        }
    }
}

void cursor_finish(struct cursor *cursor)
{
    if (cursor->rc == 0 && cursor->at != cursor->end) {
        cursor->place = cursor->name = NULL;
        cursor_fail(cursor, cursor->at, "%" PRIu64 " more bytes follow the message",
                    bytes_left(cursor));
    }
}
