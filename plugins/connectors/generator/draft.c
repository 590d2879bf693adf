#include "draft.h"

static uint64_t draft_bytes(uint32_t capacity)
{
    return (uint64_t)capacity * (2 * sizeof(int64_t) + 1);
}

int32_t draft_init(struct draft *draft, struct weir_context *context, uint32_t capacity)
{
    draft->index = weir_allocate(context, draft_bytes(capacity));
    if (draft->index == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for a draft of %u rows", capacity);
    }
    draft->timestamps = draft->index + capacity;
    draft->kinds = (uint8_t *)(draft->timestamps + capacity);
    draft->count = 0;
    draft->capacity = capacity;
    return WEIR_OK;
}

void draft_finish(struct draft *draft, struct weir_context *context)
{
    if (draft->index != NULL) {
        weir_release(context, draft->index, draft_bytes(draft->capacity));
    }
    *draft = (struct draft){0};
}

static int32_t draft_fill(const struct draft *draft, struct weir_context *context,
                          struct weir_builder *builder, const struct readings *readings,
                          const uint8_t *wanted)
{
    void *columns[READINGS_COLUMN_COUNT] = {NULL};
    for (uint32_t i = 0; i < READINGS_COLUMN_COUNT; i++) {
        if (wanted[i] && (columns[i] = weir_builder_values(context, builder, i)) == NULL) {
            return weir_fail(context, WEIR_ERROR_FATAL, "no memory for a batch of %u rows",
                             draft->count);
        }
        if (wanted[i] && i >= READINGS_TEMPERATURE && i <= READINGS_BATTERY) {
            readings_measure(readings, i, draft->index, draft->count, columns[i]);
        }
    }
    if (columns[READINGS_SENSOR_ID] != NULL || columns[READINGS_SENSOR_TYPE] != NULL ||
        columns[READINGS_STATUS] != NULL) {
        readings_draw(readings, draft->index, draft->count, columns[READINGS_SENSOR_ID],
                      columns[READINGS_SENSOR_TYPE], columns[READINGS_STATUS]);
    }
    if (columns[READINGS_TIMESTAMP] != NULL) {
        memcpy(columns[READINGS_TIMESTAMP], draft->timestamps,
               draft->count * sizeof *draft->timestamps);
    }
    return WEIR_OK;
}

int32_t draft_build(struct draft *draft, struct weir_context *context,
                    const struct readings *readings, const uint8_t *wanted, int32_t has_kinds,
                    const struct weir_batch **batch)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, draft->count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = draft_fill(draft, context, builder, readings, wanted);
    uint8_t *kinds = rc == WEIR_OK && has_kinds ? weir_builder_kinds(context, builder) : NULL;
    if (rc == WEIR_OK && has_kinds && kinds == NULL) {
        rc = weir_fail(context, WEIR_ERROR_FATAL, "no memory for %u change kinds", draft->count);
    }
    if (rc != WEIR_OK) {
        weir_builder_discard(context, builder);
        return rc;
    }
    if (kinds != NULL) {
        memcpy(kinds, draft->kinds, draft->count);
    }
    uint32_t count = draft->count;
    draft->count = 0;
    return weir_builder_finish(context, builder, count, batch);
}
