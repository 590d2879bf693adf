#include "operators/collect.h"

#include <string.h>

#include "operators/resource.h"

// Views of the wanted columns, into lend->columns. 0 if one of them is more than values in a row.
static int view_plain(const struct lend *lend, const struct body_view *body)
{
    if (body->column_count < lend->field_count) {
        return 0;
    }
    for (uint32_t i = 0; i < lend->field_count; i++) {
        struct weir_column *column = &lend->columns[i];
        if (!weir_bit(lend->wanted, i)) {
            continue;
        }
        if (weir_type_width(lend->fields[i].type) == 0 || body_column_scratch(body, i) != 0 ||
            body_column(body, i, lend->fields[i].type, NULL, column, NULL) != WEIR_OK ||
            column->encoding != WEIR_ENCODING_PLAIN || column->null_count != 0) {
            return 0;
        }
    }
    return 1;
}

static int32_t begin(struct collect *collect, struct weir_context *context)
{
    const struct lend *lend = collect->lend;
    int32_t rc =
        weir_builder_create(context, WEIR_OUTPUT_MAIN, COLLECT_BATCH_ROWS, &collect->builder);
    if (rc != WEIR_OK) {
        collect->builder = NULL;
        return rc;
    }
    collect->row_count = 0;
    collect->entered_us = INT64_MAX;
    collect->kinds = NULL;
    for (uint32_t i = 0; i < lend->field_count; i++) {
        collect->values[i] = NULL;
        if (weir_bit(lend->wanted, i)) {
            collect->values[i] = weir_builder_values(context, collect->builder, i);
            if (collect->values[i] == NULL) {
                collect_discard(collect, context);
                return weir_fail(context, WEIR_ERROR_FATAL, "no memory for rows of the log");
            }
        }
    }
    return WEIR_OK;
}

int32_t collect_emit(struct collect *collect, struct weir_context *context)
{
    struct weir_builder *builder = collect->builder;
    if (builder == NULL) {
        return WEIR_OK;
    }
    collect->builder = NULL;
    if (collect->row_count == 0) {
        weir_builder_discard(context, builder);
        return WEIR_OK;
    }
    weir_builder_times(context, builder, collect->bucket, WEIR_TIME_NONE, WEIR_TIME_NONE,
                       collect->entered_us);
    return weir_emit_built(context, WEIR_OUTPUT_MAIN, builder, collect->row_count);
}

void collect_discard(struct collect *collect, struct weir_context *context)
{
    if (collect->builder != NULL) {
        weir_builder_discard(context, collect->builder);
        collect->builder = NULL;
    }
}

// The rows of wanted kinds, into collect->rows; returns how many.
static uint32_t choose(struct collect *collect, const uint8_t *kinds, uint32_t first,
                       uint32_t row_count)
{
    uint32_t count = 0;
    for (uint32_t row = first; row < row_count; row++) {
        uint32_t kind = kinds == NULL ? WEIR_KIND_INSERT : kinds[row];
        collect->rows[count] = row;
        count += collect->wanted_kinds >> kind & 1;
    }
    return count;
}

static void copy_8(uint64_t *to, const uint64_t *from, const uint32_t *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = from[rows[i]];
    }
}

static void copy_4(uint32_t *to, const uint32_t *from, const uint32_t *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = from[rows[i]];
    }
}

static void copy_values(uint8_t *to, const uint8_t *from, uint32_t width, const uint32_t *rows,
                        uint32_t count)
{
    if (rows[count - 1] - rows[0] == count - 1) {
        memcpy(to, from + (size_t)rows[0] * width, (size_t)count * width);
    } else if (width == 8) {
        copy_8((uint64_t *)(void *)to, (const uint64_t *)(const void *)from, rows, count);
    } else if (width == 4) {
        copy_4((uint32_t *)(void *)to, (const uint32_t *)(const void *)from, rows, count);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            memcpy(to + (size_t)i * width, from + (size_t)rows[i] * width, width);
        }
    }
}

static int32_t add(struct collect *collect, struct weir_context *context,
                   const struct body_view *body, uint32_t count)
{
    const struct lend *lend = collect->lend;
    uint32_t at = collect->row_count;
    for (uint32_t i = 0; i < lend->field_count; i++) {
        uint32_t width = weir_type_width(lend->fields[i].type);
        if (collect->values[i] != NULL) {
            copy_values(collect->values[i] + (size_t)at * width, lend->columns[i].values, width,
                        collect->rows, count);
        }
    }
    if (body->kinds != NULL && collect->kinds == NULL) {
        collect->kinds = weir_builder_kinds(context, collect->builder); // all +I so far
        if (collect->kinds == NULL) {
            return weir_fail(context, WEIR_ERROR_FATAL, "no memory for rows of the log");
        }
    }
    for (uint32_t i = 0; body->kinds != NULL && i < count; i++) {
        collect->kinds[at + i] = body->kinds[collect->rows[i]];
    }
    int32_t bucket = (int32_t)body->batch->bucket;
    collect->bucket = at == 0 || collect->bucket == bucket ? bucket : WEIR_BUCKET_NONE;
    if (body->batch->entered_us < collect->entered_us) {
        collect->entered_us = body->batch->entered_us;
    }
    collect->row_count += count;
    return WEIR_OK;
}

int32_t collect_record(struct collect *collect, struct weir_context *context,
                       const struct stream_view *view, uint32_t first, int *is_taken)
{
    const struct record_batch *record = (const struct record_batch *)view->record;
    struct body_view body;
    *is_taken = 0;
    if (record->row_count > COLLECT_RECORD_ROWS ||
        body_open(record, collect->lend->fields, collect->lend->field_count, &body, NULL) !=
            WEIR_OK ||
        !view_plain(collect->lend, &body)) {
        return WEIR_OK; // lent, or told what is wrong with it
    }
    uint32_t count = choose(collect, body.kinds, first, record->row_count);
    int32_t rc = WEIR_OK;
    *is_taken = 1;
    if (collect->builder != NULL && collect->row_count + count > COLLECT_BATCH_ROWS) {
        rc = collect_emit(collect, context);
    }
    if (rc == WEIR_OK && collect->builder == NULL && count > 0) {
        rc = begin(collect, context);
    }
    return rc == WEIR_OK && count > 0 ? add(collect, context, &body, count) : rc;
}
