// Snapshots: one split is its position, the start of the schedule and, for a changelog, the devices
// that have a row. Another task, at another parallelism, goes on from there exactly.
#include <stdlib.h>

#include "generator.h"

struct saved_device {
    int64_t device; // counted from the first one
    struct history_entry last;
};

struct saved_split {
    int64_t next; // first reading to be made
    int64_t start_us;
    int64_t device_count;
    struct saved_device devices[];
};

static int32_t split_write(const struct generator *generator, struct weir_context *context,
                           struct weir_state_writer *writer, uint32_t split,
                           struct saved_split *saved)
{
    int64_t next = generator->next[split];
    saved->next = next > generator->at ? next : generator->at;
    saved->start_us = generator->schedule.start_us;
    saved->device_count = 0;
    for (uint32_t i = 0; generator->has_changelog && i < generator->readings.device_count; i++) {
        if (generator->splits[i] == split && generator->history.entries[i].index >= 0) {
            saved->devices[saved->device_count++] =
                (struct saved_device){i, generator->history.entries[i]};
        }
    }
    return weir_state_write(context, writer, split, saved,
                            sizeof *saved +
                                (uint64_t)saved->device_count * sizeof saved->devices[0]);
}

static int32_t generator_save(void *instance, struct weir_context *context,
                              struct weir_state_writer *writer)
{
    struct generator *generator = instance;
    int32_t rc = WEIR_OK;
    if (generator->replay_rows > 0) {
        return weir_fail(context, WEIR_ERROR_UNSUPPORTED,
                         "option `replay` is for measuring and keeps no position, so this job "
                         "cannot be saved; leave `replay` out");
    }
    struct saved_split *saved =
        malloc(sizeof *saved + (size_t)generator->readings.device_count * sizeof saved->devices[0]);
    if (saved == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for a snapshot");
    }
    for (uint32_t split = 0; rc == WEIR_OK && split < generator->split_count; split++) {
        if (generator->owned[split]) {
            rc = split_write(generator, context, writer, split, saved);
        }
    }
    free(saved);
    return rc;
}

static int32_t split_read(struct generator *generator, uint32_t split,
                          const struct saved_split *saved, uint64_t byte_count)
{
    uint64_t left = byte_count - sizeof *saved;
    if (split >= generator->split_count || !generator->owned[split] || saved->next < 0 ||
        saved->device_count < 0 || left % sizeof saved->devices[0] != 0 ||
        (uint64_t)saved->device_count != left / sizeof saved->devices[0] ||
        (left > 0 && !generator->has_changelog)) {
        return 0;
    }
    for (int64_t i = 0; i < saved->device_count; i++) {
        int64_t device = saved->devices[i].device;
        if (device < 0 || device >= generator->readings.device_count ||
            generator->splits[device] != split) {
            return 0;
        }
        generator->history.entries[device] = saved->devices[i].last;
    }
    generator->next[split] = saved->next;
    if (saved->start_us < generator->start_loaded_us) {
        generator->start_loaded_us = saved->start_us;
        generator->schedule.start_us = saved->start_us;
    }
    return 1;
}

static int32_t generator_load(void *instance, struct weir_context *context, uint32_t version,
                              uint32_t split, const void *bytes, uint64_t byte_count)
{
    struct generator *generator = instance;
    if (version != generator_state_table.version || byte_count < sizeof(struct saved_split) ||
        !split_read(generator, split, bytes, byte_count)) {
        return weir_fail(context, WEIR_ERROR_FATAL,
                         "split %u of the snapshot does not fit: it was taken with other devices, "
                         "another mode or another version",
                         split);
    }
    generator->at = INT64_MAX;
    generator->level = 0;
    for (uint32_t i = 0; i < generator->split_count; i++) {
        if (generator->owned[i]) {
            generator->at = generator->next[i] < generator->at ? generator->next[i] : generator->at;
            generator->level =
                generator->next[i] > generator->level ? generator->next[i] : generator->level;
        }
    }
    return WEIR_OK;
}

const struct weir_state_table generator_state_table = {
    .size = sizeof(struct weir_state_table),
    .version = 1,
    .save = generator_save,
    .load = generator_load,
};
