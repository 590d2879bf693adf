#include <assert.h>
#include <stdlib.h>

#include "generator.h"
#include "weir/key.h"

int32_t generator_groups(struct weir_context *context, const struct readings *readings,
                         uint32_t group_count, uint16_t **groups)
{
    *groups = malloc(readings->device_count * sizeof **groups);
    if (*groups == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the key groups of %u devices",
                         readings->device_count);
    }
    for (uint32_t i = 0; i < readings->device_count; i++) {
        uint8_t key[WEIR_KEY_FIXED_BYTES_MAX];
        uint32_t length = weir_key_varint((uint32_t)readings->first_device + i, key);
        (*groups)[i] = (uint16_t)weir_key_bucket(weir_key_hash(key, length), group_count);
    }
    return WEIR_OK;
}

static int32_t generator_owns(const struct generator *generator, const struct weir_context *context,
                              uint32_t split)
{
    return generator->has_changelog ? split >= context->group_first && split < context->group_end
                                    : split % context->task_count == context->task_index;
}

// Whether any reading can be of a split: few devices leave key groups empty.
static int32_t generator_has_split(const struct generator *generator, uint32_t split)
{
    uint32_t i = 0;
    while (generator->has_changelog && i < generator->readings.device_count &&
           generator->splits[i] != split) {
        i++;
    }
    return !generator->has_changelog || i < generator->readings.device_count;
}

int32_t generator_deal(struct generator *generator, struct weir_context *context)
{
    generator->split_count = generator->has_changelog ? context->group_count : GENERATOR_SPLITS;
    generator->owned = calloc(generator->split_count, sizeof *generator->owned);
    generator->next = calloc(generator->split_count, sizeof *generator->next);
    if (generator->owned == NULL || generator->next == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for %u splits",
                         generator->split_count);
    }
    int32_t rc = generator->has_changelog
                     ? generator_groups(context, &generator->readings, generator->split_count,
                                        &generator->splits)
                     : WEIR_OK;
    for (uint32_t split = 0; rc == WEIR_OK && split < generator->split_count; split++) {
        int32_t has_split = generator_has_split(generator, split);
        generator->owned[split] = has_split && generator_owns(generator, context, split);
        generator->owned_count += generator->owned[split];
        generator->foreign_count += has_split && !generator->owned[split];
    }
    return rc;
}

// A task that owns all splits, none of which is ahead, makes every reading.
static int32_t generator_makes_all(const struct generator *generator)
{
    return generator->foreign_count == 0 && generator->at >= generator->level;
}

static void generator_draft_inserts(struct generator *generator, int64_t now_ms, uint32_t count)
{
    struct draft *draft = &generator->draft;
    uint32_t first = draft->count, makes_all = (uint32_t)generator_makes_all(generator);
    for (uint32_t i = 0; i < count; i++) {
        int64_t index = generator->at + i;
        uint32_t split = (uint32_t)index % GENERATOR_SPLITS;
        draft->index[draft->count] = index;
        draft->count +=
            makes_all | (generator->owned[split] & (uint32_t)(index >= generator->next[split]));
    }
    schedule_timestamps(&generator->schedule, now_ms, draft->index + first, draft->count - first,
                        draft->timestamps + first);
}

static void generator_draft_changes(struct generator *generator, int64_t now_ms, uint32_t count)
{
    int64_t index[GENERATOR_CHUNK], timestamps[GENERATOR_CHUNK];
    int32_t devices[GENERATOR_CHUNK];
    int32_t makes_all = generator_makes_all(generator);
    assert(count > 0 && count <= GENERATOR_CHUNK);
    for (uint32_t i = 0; i < count; i++) {
        index[i] = generator->at + i;
    }
    readings_draw(&generator->readings, index, count, devices, NULL, NULL);
    schedule_timestamps(&generator->schedule, now_ms, index, count, timestamps);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t device = (uint32_t)(devices[i] - generator->readings.first_device);
        uint32_t split = generator->splits[device];
        if (!makes_all && (!generator->owned[split] || index[i] < generator->next[split])) {
            continue;
        }
        if (generator->has_deletes && readings_is_delete(&generator->readings, index[i])) {
            history_delete(&generator->history, &generator->draft, device, index[i], timestamps[i]);
        } else {
            history_update(&generator->history, &generator->draft, device, index[i], timestamps[i]);
        }
    }
}

void generator_draft(struct generator *generator, int64_t now_ms, uint32_t count)
{
    if (generator->has_changelog) {
        generator_draft_changes(generator, now_ms, count);
    } else {
        generator_draft_inserts(generator, now_ms, count);
    }
    generator->at += count;
}
