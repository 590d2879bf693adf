// Strings in slots of fixed width: short ones inline, longer ones in memory of the operator's own,
// named by a number that stays the same in snapshots. Numbers are of a key group, so the strings of
// a key group move with it.
#ifndef WINDOW_TEXT_H
#define WINDOW_TEXT_H

#include "weir/operator.h"

#define TEXT_INLINE_BYTES 12u
#define TEXT_NONE UINT32_MAX // length of a value that is not there

// Frozen: stands in snapshots.
struct text_value {
    uint32_t length;
    union {
        uint8_t bytes[TEXT_INLINE_BYTES];
        struct {
            uint32_t group;
            uint64_t number;
        } __attribute__((packed)) far;
    } as;
};

struct texts;

struct texts *texts_create(void);
void texts_destroy(struct weir_context *context, struct texts *texts); // NULL is fine

const uint8_t *text_bytes(const struct texts *texts, const struct text_value *value);
// Puts bytes in the place of what the value was. FATAL: no memory.
int32_t text_set(struct weir_context *context, struct texts *texts, uint32_t group,
                 struct text_value *value, const uint8_t *bytes, uint32_t length);
void text_clear(struct weir_context *context, struct texts *texts, struct text_value *value);
// Orders by bytes; negative, 0, positive.
int32_t text_compare(const struct texts *texts, const struct text_value *value,
                     const uint8_t *bytes, uint32_t length);

// weir.state/1: the long strings of a key group, in a split of its own, behind the caller's head.
int32_t texts_save(const struct texts *texts, struct weir_context *context,
                   struct weir_state_writer *writer, uint32_t group, const void *head,
                   uint32_t head_size);
int32_t texts_load(struct texts *texts, struct weir_context *context, uint32_t group,
                   const uint8_t *bytes, uint64_t byte_count);

#endif
