#include "pass.h"

#include "rows.h"

void pass_wants(struct weir_negotiation *negotiation, uint32_t input, uint32_t kinds)
{
    const struct weir_schema *schema = weir_negotiation_input(negotiation, input)->schema;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (weir_negotiation_wanted(negotiation, WEIR_OUTPUT_MAIN, i)) {
            weir_negotiation_want(negotiation, input, i);
        }
    }
    weir_negotiation_want_kinds(
        negotiation, input, kinds & weir_negotiation_wanted_kinds(negotiation, WEIR_OUTPUT_MAIN));
}

int32_t pass_batch(struct weir_context *context, const struct weir_batch *batch)
{
    weir_batch_ref(context, batch);
    return weir_emit(context, WEIR_OUTPUT_MAIN, batch);
}

int32_t pass_selection(struct weir_context *context, const struct weir_batch *batch,
                       const uint32_t *rows, uint32_t row_count)
{
    if (row_count == 0) {
        return WEIR_OK;
    }
    if (row_count == batch->row_count) {
        return pass_batch(context, batch);
    }
    const struct weir_batch *selected;
    int32_t rc = weir_batch_select(context, batch, rows, row_count, &selected);
    return rc == WEIR_OK ? weir_emit(context, WEIR_OUTPUT_MAIN, selected) : rc;
}

int32_t pass_scratch_reserve(struct weir_context *context, struct pass_scratch *scratch,
                             uint32_t row_count)
{
    if (row_count <= scratch->capacity) {
        return WEIR_OK;
    }
    uint32_t *rows = weir_allocate(context, (uint64_t)row_count * sizeof *rows);
    if (rows == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for the numbers of %u rows",
                         row_count);
    }
    pass_scratch_finish(context, scratch);
    *scratch = (struct pass_scratch){rows, row_count};
    return WEIR_OK;
}

void pass_scratch_finish(struct weir_context *context, struct pass_scratch *scratch)
{
    if (scratch->rows != NULL) {
        weir_release(context, scratch->rows, (uint64_t)scratch->capacity * sizeof *scratch->rows);
    }
    *scratch = (struct pass_scratch){0};
}

int32_t pass_rows(struct weir_context *context, struct pass_scratch *scratch,
                  const struct weir_batch *batch, const uint32_t *rows, uint32_t row_count)
{
    const uint32_t *kept;
    uint32_t kept_count;
    if (weir_rejected(context, &kept, &kept_count)) {
        int32_t rc = pass_scratch_reserve(context, scratch, kept_count);
        if (rc != WEIR_OK) {
            return rc;
        }
        if (rows == NULL) {
            rows = kept;
            row_count = kept_count;
        } else {
            row_count = rows_intersect(rows, row_count, kept, kept_count, scratch->rows);
            rows = scratch->rows;
        }
    }
    return rows == NULL ? pass_batch(context, batch)
                        : pass_selection(context, batch, rows, row_count);
}
