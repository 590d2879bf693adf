#include "data/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dispatch.h"
#include "base/pool.h"
#include "data/batch_memory.h"
#include "data/schema.h"

// Values, validity and offsets of each column, and the kinds.
#define BUFFERS_PER_COLUMN 3
#define BUFFERS_MORE 1
// Owners of columns, of the kinds and of the schema.
#define PARENTS_MORE 2

struct batch *batch_create(const struct weir_schema *schema)
{
    uint32_t n = schema->field_count;
    uint32_t size =
        (uint32_t)(sizeof(struct batch) + n * (sizeof(struct weir_column) + sizeof(void *)) +
                   (n + PARENTS_MORE) * sizeof(void *) +
                   (n * BUFFERS_PER_COLUMN + BUFFERS_MORE) * sizeof(struct batch_buffer));
    struct batch *batch = pool_allocate(size);
    if (batch == NULL) {
        return NULL;
    }
    *batch = (struct batch){.reference_count = 1, .block_bytes = size};
    batch->columns = (struct weir_column *)(batch + 1);
    batch->owners = (const struct batch **)(batch->columns + n);
    batch->parents = batch->owners + n;
    batch->buffers = (struct batch_buffer *)(batch->parents + n + PARENTS_MORE);
    batch->kinds_owner = batch;
    for (uint32_t i = 0; i < n; i++) {
        batch->columns[i] =
            (struct weir_column){.type = schema->fields[i].type, .encoding = WEIR_ENCODING_ABSENT};
        batch->owners[i] = batch;
    }
    batch->view = (struct weir_batch){
        .size = sizeof batch->view,
        .column_count = n,
        .bucket = WEIR_BUCKET_NONE,
        .schema = schema,
        .columns = batch->columns,
        .time_min_us = WEIR_TIME_NONE,
        .time_max_us = WEIR_TIME_NONE,
        .entered_us = WEIR_TIME_NONE,
    };
    return batch;
}

void batch_ref(const struct weir_batch *batch)
{
    atomic_fetch_add_explicit(&((struct batch *)batch)->reference_count, 1, memory_order_relaxed);
}

void batch_unref(const struct weir_batch *view)
{
    struct batch *batch = (struct batch *)view;
    if (batch == NULL ||
        atomic_fetch_sub_explicit(&batch->reference_count, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (uint32_t i = 0; i < batch->buffer_count; i++) {
        pool_free(batch->buffers[i].at, batch->buffers[i].byte_count);
    }
    for (uint32_t i = 0; i < batch->parent_count; i++) {
        batch_unref(&batch->parents[i]->view);
    }
    if (batch->release != NULL) {
        batch->release(batch->owner);
    }
    free(batch->schema);
    pool_free(batch, batch->block_bytes);
}

void *batch_allocate(struct batch *batch, uint64_t byte_count)
{
    size_t size = (size_t)byte_count + 8;
    void *memory = pool_allocate(size);
    if (memory != NULL) {
        batch->buffers[batch->buffer_count++] = (struct batch_buffer){memory, size};
    }
    return memory;
}

void batch_add_parent(struct batch *batch, const struct batch *parent)
{
    if (parent == NULL || parent == batch) {
        return;
    }
    for (uint32_t i = batch->parent_count; i > 0; i--) {
        if (batch->parents[i - 1] == parent) {
            return;
        }
    }
    batch_ref(&parent->view);
    batch->parents[batch->parent_count++] = parent;
}

void batch_share_column(struct batch *batch, uint32_t column, const struct batch *other,
                        uint32_t from)
{
    batch->columns[column] = other->columns[from];
    batch->columns[column].type = batch->view.schema->fields[column].type;
    batch->owners[column] = other->owners[from];
    if (other->columns[from].encoding != WEIR_ENCODING_ABSENT) {
        batch_add_parent(batch, other->owners[from]);
    }
}

void batch_take_head(struct batch *batch, const struct batch *other)
{
    batch->view.bucket = other->view.bucket;
    batch->view.time_min_us = other->view.time_min_us;
    batch->view.time_max_us = other->view.time_max_us;
    batch->view.entered_us = other->view.entered_us;
    if (batch->view.schema == other->view.schema) {
        batch->schema_owner = other->schema_owner;
        batch_add_parent(batch, other->schema_owner);
    }
}

uint64_t batch_value_bytes(const struct weir_column *column, uint32_t row_count)
{
    if (column->encoding == WEIR_ENCODING_ABSENT) {
        return 0;
    }
    if (column->offsets != NULL) {
        return (uint32_t)(column->offsets[row_count] - column->offsets[0]);
    }
    return column->type.id == WEIR_TYPE_BOOL ? weir_bit_bytes(row_count)
                                             : (uint64_t)row_count * weir_type_width(column->type);
}

uint64_t batch_column_bytes(const struct weir_column *column, uint32_t row_count)
{
    uint64_t offset_bytes = column->offsets == NULL ? 0 : ((uint64_t)row_count + 1) * 4;
    return batch_value_bytes(column, row_count) + offset_bytes +
           (column->validity == NULL ? 0 : weir_bit_bytes(row_count));
}

uint64_t batch_bytes(const struct weir_batch *batch)
{
    uint64_t byte_count = batch->kinds == NULL ? 0 : batch->row_count;
    for (uint32_t i = 0; i < batch->column_count; i++) {
        byte_count += batch_column_bytes(&batch->columns[i], batch->row_count);
    }
    return byte_count;
}

static int is_every_row(const struct weir_batch *batch, const uint32_t *rows, uint32_t row_count)
{
    if (row_count != batch->row_count || row_count == 0 || rows[row_count - 1] != row_count - 1) {
        return 0;
    }
    uint32_t difference = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        difference |= rows[i] ^ i;
    }
    return difference == 0;
}

int batch_select(const struct weir_batch *batch, const uint32_t *rows, uint32_t row_count,
                 const struct weir_batch **out)
{
    struct batch_builder *builder;
    if (is_every_row(batch, rows, row_count)) {
        batch_ref(batch);
        *out = batch;
        return 0;
    }
    int rc = batch_builder_create(batch->schema, row_count == 0 ? 1 : row_count, &builder);
    if (rc != 0) {
        return rc;
    }
    batch_builder_inherit(builder, batch);
    for (uint32_t i = 0; rc == 0 && i < batch->column_count; i++) {
        rc = batch_builder_gather(builder, i, batch, i, rows, row_count);
    }
    if (rc == 0 && batch->kinds != NULL) {
        uint8_t *kinds = batch_builder_kinds(builder);
        for (uint32_t i = 0; kinds != NULL && i < row_count; i++) {
            kinds[i] = batch->kinds[rows[i]];
        }
        rc = kinds == NULL ? -ENOMEM : 0;
    }
    if (rc != 0) {
        batch_builder_discard(builder);
        return rc;
    }
    return batch_builder_finish(builder, row_count, out);
}

static uint32_t null_count_of(const uint8_t *validity, uint32_t row_count)
{
    uint32_t valid = 0, i = 0;
    for (; i + 64 <= row_count; i += 64) {
        uint64_t word;
        memcpy(&word, validity + i / 8, 8);
        valid += (uint32_t)__builtin_popcountll(word);
    }
    for (; i < row_count; i++) {
        valid += (uint32_t)weir_bit(validity, i);
    }
    return row_count - valid;
}

static void slice_column(struct weir_column *column, uint32_t first, uint32_t row_count)
{
    if (column->encoding == WEIR_ENCODING_ABSENT) {
        return;
    }
    if (column->validity != NULL) {
        column->validity += first / 8;
        column->null_count = null_count_of(column->validity, row_count);
        column->validity = column->null_count == 0 ? NULL : column->validity;
    }
    if (column->offsets != NULL) {
        column->offsets += first;
    } else {
        column->values =
            (const uint8_t *)column->values +
            (column->type.id == WEIR_TYPE_BOOL ? first / 8 : first * weir_type_width(column->type));
    }
}

static int copy_slice(const struct weir_batch *batch, uint32_t first, uint32_t row_count,
                      const struct weir_batch **out)
{
    uint32_t *rows = pool_allocate((row_count + 1) * sizeof *rows);
    if (rows == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < row_count; i++) {
        rows[i] = first + i;
    }
    int rc = batch_select(batch, rows, row_count, out);
    pool_free(rows, (row_count + 1) * sizeof *rows);
    return rc;
}

int batch_slice(const struct weir_batch *view, uint32_t first, uint32_t row_count,
                const struct weir_batch **out)
{
    const struct batch *other = batch_of(view);
    if (row_count > view->row_count || first > view->row_count - row_count) {
        return -EINVAL;
    }
    // Bits after the last row must be 0, so a part that is shared ends with a whole word or where
    // the batch ends.
    if (first % 64 != 0 || (row_count % 64 != 0 && first + row_count != view->row_count)) {
        return copy_slice(view, first, row_count, out);
    }
    struct batch *batch = batch_create(view->schema);
    if (batch == NULL) {
        return -ENOMEM;
    }
    batch_take_head(batch, other);
    batch->view.row_count = row_count;
    for (uint32_t i = 0; i < view->column_count; i++) {
        batch_share_column(batch, i, other, i);
        slice_column(&batch->columns[i], first, row_count);
    }
    if (view->kinds != NULL) {
        batch->view.kinds = view->kinds + first;
        batch->kinds_owner = other->kinds_owner;
        batch_add_parent(batch, other->kinds_owner);
    }
    *out = &batch->view;
    return 0;
}

int batch_rename(const struct weir_batch *view, const struct weir_schema *schema,
                 const struct weir_batch **out)
{
    const struct batch *other = batch_of(view);
    if (schema->field_count != view->column_count) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (!type_equal(schema->fields[i].type, view->columns[i].type)) {
            return -EINVAL;
        }
    }
    struct batch *batch = batch_create(schema);
    if (batch == NULL) {
        return -ENOMEM;
    }
    batch_take_head(batch, other);
    batch->view.row_count = view->row_count;
    for (uint32_t i = 0; i < view->column_count; i++) {
        batch_share_column(batch, i, other, i);
    }
    batch->view.kinds = view->kinds;
    batch->kinds_owner = other->kinds_owner;
    if (view->kinds != NULL) {
        batch_add_parent(batch, other->kinds_owner);
    }
    *out = &batch->view;
    return 0;
}

DISPATCH_AVX2
static void range_of_int64(const int64_t *values, uint32_t row_count, int64_t *min, int64_t *max)
{
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (uint32_t i = 0; i < row_count; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    *min = low;
    *max = high;
}

static int64_t scaled(int64_t value, int64_t unit)
{
    int64_t product;
    if (__builtin_mul_overflow(value, unit, &product)) {
        return value < 0 ? INT64_MIN + 1 : INT64_MAX;
    }
    return product;
}

// Factor that turns a value of the column into microseconds; 0 if it is no time.
static int64_t unit_of(struct weir_type type)
{
    switch (type.id) {
    case WEIR_TYPE_DATE:
        return INT64_C(86400000000);
    case WEIR_TYPE_INT64:
        return 1000;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return type.precision > 3 ? 1 : 1000;
    default:
        return 0;
    }
}

static int64_t time_of(const struct weir_column *column, uint32_t row)
{
    switch (weir_type_width(column->type)) {
    case 4:
        return ((const int32_t *)column->values)[row];
    case 8:
        return ((const int64_t *)column->values)[row];
    default: {
        const struct weir_timestamp *time = (const struct weir_timestamp *)column->values + row;
        int64_t us = scaled(time->ms, 1000);
        return us == INT64_MAX ? us : us + time->nanoseconds / 1000;
    }
    }
}

void batch_time_range(const struct weir_batch *batch, uint32_t column, int64_t *min_us,
                      int64_t *max_us)
{
    const struct weir_column *times = &batch->columns[column];
    int64_t unit = unit_of(times->type), min = INT64_MAX, max = INT64_MIN;
    *min_us = *max_us = WEIR_TIME_NONE;
    if (times->encoding != WEIR_ENCODING_PLAIN || unit == 0 ||
        times->null_count == batch->row_count) {
        return;
    }
    if (times->validity == NULL && weir_type_width(times->type) == 8) {
        range_of_int64(times->values, batch->row_count, &min, &max);
    } else {
        for (uint32_t i = 0; i < batch->row_count; i++) {
            if (!weir_is_null(times, i)) {
                int64_t time = time_of(times, i);
                min = time < min ? time : min;
                max = time > max ? time : max;
            }
        }
    }
    *min_us = scaled(min, unit);
    *max_us = scaled(max, unit);
}
