#include "history.h"

int32_t history_init(struct history *history, struct weir_context *context, uint32_t device_count)
{
    history->entries = weir_allocate(context, (uint64_t)device_count * sizeof *history->entries);
    if (history->entries == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the last rows of %u devices",
                         device_count);
    }
    history->device_count = device_count;
    for (uint32_t i = 0; i < device_count; i++) {
        history->entries[i] = (struct history_entry){-1, 0};
    }
    return WEIR_OK;
}

void history_finish(struct history *history, struct weir_context *context)
{
    if (history->entries != NULL) {
        weir_release(context, history->entries,
                     (uint64_t)history->device_count * sizeof *history->entries);
    }
    *history = (struct history){0};
}

void history_update(struct history *history, struct draft *draft, uint32_t device, int64_t index,
                    int64_t timestamp)
{
    struct history_entry *entry = &history->entries[device];
    if (entry->index < 0) {
        draft_add(draft, index, timestamp, WEIR_KIND_INSERT);
    } else {
        draft_add(draft, entry->index, entry->timestamp, WEIR_KIND_UPDATE_BEFORE);
        draft_add(draft, index, timestamp, WEIR_KIND_UPDATE_AFTER);
    }
    *entry = (struct history_entry){index, timestamp};
}

void history_delete(struct history *history, struct draft *draft, uint32_t device, int64_t index,
                    int64_t timestamp)
{
    struct history_entry *entry = &history->entries[device];
    if (entry->index < 0) {
        history_update(history, draft, device, index, timestamp);
        return;
    }
    draft_add(draft, entry->index, entry->timestamp, WEIR_KIND_DELETE);
    entry->index = -1;
}
