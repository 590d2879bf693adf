// Replay: rows made before the start and handed out again and again, to measure what comes after.
// With a changelog they are -U/+U pairs in which every device's history runs in a circle: the first
// -U of a round carries the last +U of the round, so that rounds follow each other rightly.
#include <stdlib.h>

#include "generator.h"

#define REPLAY_NOT_MINE UINT16_MAX

struct replay_batch {
    const struct weir_batch *batch;
    int32_t bucket;
};

struct replay {
    struct replay_batch *batches;
    uint32_t batch_count;
    uint32_t batch_capacity;
    uint32_t at;         // batch to be handed out next
    int64_t rounds_left; // INT64_MAX: no end

    // While the rows are made. A part is a key group, or everything if the batches are mixed.
    uint32_t reading_count; // of all tasks
    uint32_t part_count;
    uint16_t *parts; // by device, from the first one
    uint32_t *ends;  // by part: end of its readings in `order`
    uint32_t *order; // this task's readings, part after part
    uint64_t order_bytes;
    int64_t made_ms;
};

static void replay_parts_mixed(struct replay *replay, const struct weir_context *context,
                               uint32_t device_count)
{
    replay->part_count = 1;
    for (uint32_t i = 0; i < device_count; i++) {
        replay->parts[i] = i % context->task_count == context->task_index ? 0 : REPLAY_NOT_MINE;
    }
}

static void replay_parts_in_buckets(struct replay *replay, const struct weir_context *context,
                                    uint32_t device_count)
{
    replay->part_count = context->group_end - context->group_first;
    for (uint32_t i = 0; i < device_count; i++) {
        uint32_t group = replay->parts[i];
        int32_t is_mine = group >= context->group_first && group < context->group_end;
        replay->parts[i] = is_mine ? (uint16_t)(group - context->group_first) : REPLAY_NOT_MINE;
    }
}

// The numbers of the next readings. Returns how many there are.
static uint32_t next_numbers(const struct replay *replay, uint32_t done, int64_t *index)
{
    uint32_t left = replay->reading_count - done;
    uint32_t count = left < GENERATOR_CHUNK ? left : GENERATOR_CHUNK;
    for (uint32_t i = 0; i < count; i++) {
        index[i] = (int64_t)done + i;
    }
    return count;
}

// Books the last reading of every device, and counts the readings of every part in ends[part + 1].
static void replay_count(struct replay *replay, struct generator *generator)
{
    int64_t index[GENERATOR_CHUNK], timestamps[GENERATOR_CHUNK];
    int32_t devices[GENERATOR_CHUNK];
    for (uint32_t done = 0; done < replay->reading_count; done += GENERATOR_CHUNK) {
        uint32_t count = next_numbers(replay, done, index);
        readings_draw(&generator->readings, index, count, devices, NULL, NULL);
        schedule_timestamps(&generator->schedule, replay->made_ms, index, count, timestamps);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t device = (uint32_t)(devices[i] - generator->readings.first_device);
            if (replay->parts[device] != REPLAY_NOT_MINE) {
                replay->ends[replay->parts[device] + 1]++;
                generator->history.entries[device] =
                    (struct history_entry){index[i], timestamps[i]};
            }
        }
    }
}

// Puts the readings in order: ends[part] is their start when this begins, and their end after it.
static void replay_sort(struct replay *replay, const struct generator *generator)
{
    int64_t index[GENERATOR_CHUNK];
    int32_t devices[GENERATOR_CHUNK];
    for (uint32_t done = 0; done < replay->reading_count; done += GENERATOR_CHUNK) {
        uint32_t count = next_numbers(replay, done, index);
        readings_draw(&generator->readings, index, count, devices, NULL, NULL);
        for (uint32_t i = 0; i < count; i++) {
            uint16_t part = replay->parts[devices[i] - generator->readings.first_device];
            if (part != REPLAY_NOT_MINE) {
                replay->order[replay->ends[part]++] = done + i;
            }
        }
    }
}

static int32_t replay_keep(struct replay *replay, struct weir_context *context,
                           const struct weir_batch *batch, int32_t bucket)
{
    if (replay->batch_count == replay->batch_capacity) {
        uint32_t capacity = replay->batch_capacity * 2 + 64;
        struct replay_batch *batches = realloc(replay->batches, capacity * sizeof *batches);
        if (batches == NULL) {
            weir_batch_unref(context, batch);
            return weir_fail(context, WEIR_ERROR_FATAL, "no memory for %u batches", capacity);
        }
        replay->batches = batches;
        replay->batch_capacity = capacity;
    }
    replay->batches[replay->batch_count++] = (struct replay_batch){batch, bucket};
    return WEIR_OK;
}

// A draft of the rows of `count` readings.
static void replay_draft(struct replay *replay, struct generator *generator, const uint32_t *order,
                         uint32_t count)
{
    int64_t index[GENERATOR_CHUNK], timestamps[GENERATOR_CHUNK];
    int32_t devices[GENERATOR_CHUNK];
    for (uint32_t i = 0; i < count; i++) {
        index[i] = order[i];
    }
    schedule_timestamps(&generator->schedule, replay->made_ms, index, count, timestamps);
    readings_draw(&generator->readings, index, count, devices, NULL, NULL);
    for (uint32_t i = 0; i < count; i++) {
        if (generator->has_changelog) {
            history_update(&generator->history, &generator->draft,
                           (uint32_t)(devices[i] - generator->readings.first_device), index[i],
                           timestamps[i]);
        } else {
            draft_add(&generator->draft, index[i], timestamps[i], WEIR_KIND_INSERT);
        }
    }
}

static int32_t replay_build(struct replay *replay, struct generator *generator,
                            struct weir_context *context)
{
    uint32_t start = 0;
    for (uint32_t part = 0; part < replay->part_count; part++) {
        int32_t bucket =
            generator->in_buckets ? (int32_t)(context->group_first + part) : WEIR_BUCKET_NONE;
        while (start < replay->ends[part]) {
            uint32_t left = replay->ends[part] - start;
            uint32_t count = left < GENERATOR_CHUNK ? left : GENERATOR_CHUNK;
            const struct weir_batch *batch;
            replay_draft(replay, generator, replay->order + start, count);
            int32_t rc = draft_build(&generator->draft, context, &generator->readings,
                                     generator->wanted, generator->has_changelog, &batch);
            rc = rc == WEIR_OK ? replay_keep(replay, context, batch, bucket) : rc;
            if (rc != WEIR_OK) {
                return rc;
            }
            start += count;
        }
    }
    return WEIR_OK;
}

static int32_t replay_make(struct replay *replay, struct generator *generator,
                           struct weir_context *context)
{
    const struct readings *readings = &generator->readings;
    int32_t rc = history_init(&generator->history, context, readings->device_count);
    rc = rc == WEIR_OK ? generator_groups(context, readings, context->group_count, &replay->parts)
                       : rc;
    if (rc != WEIR_OK) {
        return rc;
    }
    if (generator->in_buckets) {
        replay_parts_in_buckets(replay, context, readings->device_count);
    } else {
        replay_parts_mixed(replay, context, readings->device_count);
    }
    replay->ends = calloc(replay->part_count + 2, sizeof *replay->ends);
    if (replay->ends == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for %u parts", replay->part_count);
    }
    replay_count(replay, generator);
    for (uint32_t part = 0; part < replay->part_count; part++) {
        replay->ends[part + 1] += replay->ends[part];
    }
    replay->order_bytes = ((uint64_t)replay->ends[replay->part_count] + 1) * sizeof *replay->order;
    replay->order = weir_allocate(context, replay->order_bytes);
    if (replay->order == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory to replay %u readings",
                         replay->reading_count);
    }
    replay_sort(replay, generator);
    return replay_build(replay, generator, context);
}

static void replay_forget_parts(struct replay *replay, struct weir_context *context)
{
    free(replay->parts);
    free(replay->ends);
    if (replay->order != NULL) {
        weir_release(context, replay->order, replay->order_bytes);
    }
    replay->parts = NULL;
    replay->ends = NULL;
    replay->order = NULL;
}

int32_t replay_create(struct generator *generator, struct weir_context *context)
{
    struct replay *replay = calloc(1, sizeof *replay);
    if (replay == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    generator->replay = replay;
    replay->reading_count =
        (uint32_t)(generator->has_changelog ? generator->replay_rows / 2 : generator->replay_rows);
    replay->rounds_left =
        generator->max_rows == INT64_MAX ? INT64_MAX : generator->max_rows / replay->reading_count;
    replay->made_ms = weir_now_us(context) / 1000;
    int32_t rc = replay_make(replay, generator, context);
    replay_forget_parts(replay, context);
    history_finish(&generator->history, context);
    return rc;
}

// The batch as if it were new: its columns are shared, but it enters the job now.
static int32_t replay_emit(const struct generator *generator, struct weir_context *context,
                           const struct weir_batch *batch, int32_t bucket)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, batch->row_count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < READINGS_COLUMN_COUNT; i++) {
        if (generator->wanted[i]) {
            rc = weir_builder_share(context, builder, i, batch, i);
        }
    }
    if (rc != WEIR_OK) {
        weir_builder_discard(context, builder);
        return rc;
    }
    weir_builder_inherit(context, builder, batch);
    weir_builder_times(context, builder, bucket, batch->time_min_us, batch->time_max_us,
                       weir_now_us(context));
    return weir_emit_built(context, WEIR_OUTPUT_MAIN, builder, batch->row_count);
}

int32_t replay_poll(struct generator *generator, struct weir_context *context)
{
    struct replay *replay = generator->replay;
    if (replay->batch_count == 0 || replay->rounds_left == 0) {
        return WEIR_END;
    }
    int32_t rc = WEIR_OK;
    do {
        const struct replay_batch *next = &replay->batches[replay->at++];
        rc = replay_emit(generator, context, next->batch, next->bucket);
        if (replay->at == replay->batch_count) {
            replay->at = 0;
            replay->rounds_left -= replay->rounds_left != INT64_MAX;
        }
    } while (rc == WEIR_OK && replay->rounds_left > 0 && !weir_should_yield(context));
    return rc == WEIR_OK ? WEIR_MORE : rc;
}

void replay_destroy(struct generator *generator, struct weir_context *context)
{
    struct replay *replay = generator->replay;
    if (replay == NULL) {
        return;
    }
    for (uint32_t i = 0; i < replay->batch_count; i++) {
        weir_batch_unref(context, replay->batches[i].batch);
    }
    replay_forget_parts(replay, context);
    free(replay->batches);
    free(replay);
    generator->replay = NULL;
}
