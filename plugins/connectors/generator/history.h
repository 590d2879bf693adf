// What was emitted last for every device: what a -U or -D has to carry.
#ifndef GENERATOR_HISTORY_H
#define GENERATOR_HISTORY_H

#include "draft.h"

struct history_entry {
    int64_t index; // of the reading; -1: the device has no row
    int64_t timestamp;
};

struct history {
    struct history_entry *entries; // by device, from the first one
    uint32_t device_count;
};

int32_t history_init(struct history *history, struct weir_context *context, uint32_t device_count);
void history_finish(struct history *history, struct weir_context *context); // zeros are fine

// Books a reading of a device (counted from the first one) and drafts the one or two rows that its
// changelog gets.
void history_update(struct history *history, struct draft *draft, uint32_t device, int64_t index,
                    int64_t timestamp);
// A reading that deletes its device: -D, or like any other if the device has no row.
void history_delete(struct history *history, struct draft *draft, uint32_t device, int64_t index,
                    int64_t timestamp);

#endif
