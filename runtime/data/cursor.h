// A reader of msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md) that believes no
// length: every count is held against the bytes that are left before it is returned. The first
// fault stays; from then on every read gives nothing, so callers may check once at the end.
#ifndef DATA_CURSOR_H
#define DATA_CURSOR_H

#include <stdint.h>

#include "base/error.h"

struct cursor {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    const char *subject; // what is read: "wire message"
    const char *place;   // what is read now, for messages: "rows"; static text
    const char *name;    // of the column that is read now; NULL: none
    struct error *error; // may be NULL
    int rc;              // 0, or -EBADMSG after a fault
};

// subject names what is read ("wire message") in messages.
void cursor_init(struct cursor *cursor, const uint8_t *bytes, uint64_t byte_count,
                 const char *subject, struct error *error);

// The first fault: "wire message, byte 17, rows of column `x`: <format>", the byte being where the
// value that is at fault begins. Returns -EBADMSG.
__attribute__((format(printf, 3, 4))) int cursor_fail(struct cursor *cursor, const uint8_t *at,
                                                      const char *format, ...);

// The count of an array's values, or of a map's pairs. Each takes a byte (two) at least, so no
// count is larger than what is left.
uint32_t cursor_array(struct cursor *cursor);
uint32_t cursor_map(struct cursor *cursor);

// A whole number from 0 to most, or of 64 bits with sign.
uint64_t cursor_uint(struct cursor *cursor, uint64_t most);
int64_t cursor_int(struct cursor *cursor);
int cursor_bool(struct cursor *cursor);

// Bytes in place; NULL and 0 after a fault. Text is not NUL-terminated.
const char *cursor_text(struct cursor *cursor, uint32_t *byte_count);
const uint8_t *cursor_bin(struct cursor *cursor, uint32_t *byte_count);

// 1 if the next value is nil, which is read then; 0 and nothing read otherwise.
int cursor_nil(struct cursor *cursor);

// Reads past one value of any type, with at most depth levels of arrays and maps in it.
void cursor_skip(struct cursor *cursor, uint32_t depth);

// All bytes must have been read.
void cursor_finish(struct cursor *cursor);

#endif
