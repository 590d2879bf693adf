#include "operators/lend.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "operators/resource.h"

// What a batch keeps alive, and how many batches do.
struct lent {
    struct chunk *chunk;
    uint8_t scratch[]; // where compressed columns were unpacked
};

static void give_back(void *owner)
{
    struct lent *lent = owner;
    chunk_unref(lent->chunk);
    free(lent);
}

// --- Slices: a record may hold more rows than a batch ---

static uint32_t count_nulls(const uint8_t *validity, uint32_t row_count)
{
    uint32_t valid = 0, row = 0;
    for (; row + 64 <= row_count; row += 64) {
        uint64_t word;
        memcpy(&word, validity + row / 8, 8);
        valid += (uint32_t)__builtin_popcountll(word);
    }
    for (; row < row_count; row++) {
        valid += (uint32_t)weir_bit(validity, row);
    }
    return row_count - valid;
}

static struct weir_column slice(struct weir_column column, uint32_t first, uint32_t row_count,
                                int is_whole)
{
    uint32_t width = weir_type_width(column.type);
    if (is_whole || column.encoding == WEIR_ENCODING_ABSENT) {
        return column;
    }
    if (column.validity != NULL) {
        column.validity += first / 8;
        column.null_count = count_nulls(column.validity, row_count);
        column.validity = column.null_count == 0 ? NULL : column.validity;
    }
    if (column.offsets != NULL) {
        column.offsets += first;
    } else {
        column.values =
            (const uint8_t *)column.values + (width == 0 ? first / 8 : (size_t)first * width);
    }
    return column;
}

int32_t lend_build(const struct lend *lend, struct weir_context *context,
                   const struct lend_rows *rows, uint32_t first, uint32_t row_count,
                   const struct weir_batch **batch)
{
    struct weir_builder *builder;
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, row_count, &builder);
    if (rc != WEIR_OK) {
        rows->release(rows->owner);
        return rc;
    }
    weir_builder_owner(context, builder, rows->release, rows->owner);
    for (uint32_t i = 0; i < lend->field_count; i++) {
        if (!weir_bit(lend->wanted, i) || rows->columns[i].encoding == WEIR_ENCODING_ABSENT) {
            continue; // left alone: absent, or all null
        }
        struct weir_column column =
            slice(rows->columns[i], first, row_count, row_count == rows->row_count);
        column.type = lend->fields[i].type;
        weir_builder_adopt(context, builder, i, &column);
    }
    if (rows->kinds != NULL) {
        weir_builder_adopt_kinds(context, builder, rows->kinds + first);
    }
    weir_builder_times(context, builder, rows->bucket, WEIR_TIME_NONE, WEIR_TIME_NONE,
                       rows->entered_us);
    return weir_builder_finish(context, builder, row_count, batch);
}

// --- Records ---

static uint64_t scratch_of(const struct lend *lend, const struct body_view *body)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < body->column_count && i < lend->field_count; i++) {
        if (weir_bit(lend->wanted, i)) {
            bytes += (body_column_scratch(body, i) + 63) & ~(uint64_t)63;
        }
    }
    return bytes;
}

// Views of the wanted columns of a record; those that it does not have stay absent.
static int32_t view_columns(const struct lend *lend, const struct body_view *body, uint8_t *scratch,
                            struct weir_column *columns, struct failure *failure)
{
    int32_t rc = WEIR_OK;
    for (uint32_t i = 0; i < lend->field_count; i++) {
        columns[i] = (struct weir_column){.encoding = WEIR_ENCODING_ABSENT};
    }
    for (uint32_t i = 0; rc == WEIR_OK && i < body->column_count && i < lend->field_count; i++) {
        if (weir_bit(lend->wanted, i)) {
            rc = body_column(body, i, lend->fields[i].type, scratch, &columns[i], failure);
            scratch += (body_column_scratch(body, i) + 63) & ~(uint64_t)63;
        }
    }
    return rc;
}

static struct lent *keep(struct chunk *chunk, uint64_t scratch_bytes)
{
    struct lent *lent = aligned_alloc(64, (sizeof *lent + scratch_bytes + 64 + 63) &
                                              ~(size_t)63); // scratch begins aligned
    if (lent != NULL) {
        lent->chunk = chunk;
        chunk_ref(chunk);
    }
    return lent;
}

// Emits a batch without its first `skipped` rows.
static int32_t emit_rest(struct weir_context *context, const struct weir_batch *batch,
                         uint32_t skipped)
{
    const struct weir_batch *rest;
    uint32_t rows[64 + LEND_ROWS_MAX];
    assert(batch != NULL);
    if (skipped == 0) {
        return weir_emit(context, WEIR_OUTPUT_MAIN, batch);
    }
    for (uint32_t i = skipped; i < batch->row_count; i++) {
        rows[i - skipped] = i;
    }
    int32_t rc = weir_batch_select(context, batch, rows, batch->row_count - skipped, &rest);
    weir_batch_unref(context, batch);
    return rc == WEIR_OK ? weir_emit(context, WEIR_OUTPUT_MAIN, rest) : rc;
}

static int32_t lend_piece(const struct lend *lend, struct weir_context *context,
                          struct chunk *chunk, const struct body_view *body, uint32_t first,
                          uint32_t row_count, const struct weir_batch **out)
{
    struct failure failure = {0};
    struct lent *lent = keep(chunk, scratch_of(lend, body));
    if (lent == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory for rows of the log");
    }
    uint8_t *scratch = (uint8_t *)(((uintptr_t)lent->scratch + 63) & ~(uintptr_t)63);
    if (view_columns(lend, body, scratch, lend->columns, &failure) != WEIR_OK) {
        give_back(lent);
        return resource_fail(context, &failure);
    }
    const struct lend_rows rows = {.columns = lend->columns,
                                   .row_count = body->batch->row_count,
                                   .kinds = body->kinds,
                                   .bucket = (int32_t)body->batch->bucket,
                                   .entered_us = body->batch->entered_us,
                                   .release = give_back,
                                   .owner = lent};
    return lend_build(lend, context, &rows, first, row_count, out);
}

int32_t lend_record(const struct lend *lend, struct weir_context *context,
                    const struct stream_view *view, uint32_t first)
{
    const struct record_batch *record = (const struct record_batch *)view->record;
    const struct weir_batch *batch = NULL;
    struct body_view body;
    struct failure failure = {0};
    if (body_open(record, lend->fields, lend->field_count, &body, &failure) != WEIR_OK) {
        failure_wrap(&failure, "bucket %u, offsets %llu to %llu", record->bucket,
                     (unsigned long long)record->base_offset,
                     (unsigned long long)record->end_offset - 1);
        return resource_fail(context, &failure);
    }
    int32_t rc = WEIR_OK;
    while (rc == WEIR_OK && first < record->row_count) {
        uint32_t begin = first & ~63u, left = record->row_count - begin;
        uint32_t count = left < LEND_ROWS_MAX ? left : LEND_ROWS_MAX;
        rc = lend_piece(lend, context, view->chunk, &body, begin, count, &batch);
        rc = rc != WEIR_OK ? rc : emit_rest(context, batch, first - begin);
        first = begin + count;
    }
    return rc;
}
