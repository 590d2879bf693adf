#include <errno.h>
#include <string.h>

#include "base/pool.h"
#include "data/batch.h"
#include "data/batch_memory.h"
#include "data/gather.h"
#include "data/schema.h"

#define TEXT_BYTES_FIRST 4096u

// How a column came to its values.
#define FROM_NOTHING 0u // all null
#define FROM_VALUES 1u  // the caller writes row_capacity values or bits
#define FROM_TEXT 2u    // the caller writes bytes and offsets
#define FROM_ROWS 3u    // appended or gathered, row after row
#define FROM_COPY 4u    // row_count rows of a view or another batch, as a whole
#define IS_ABSENT 5u
#define FROM_OWNER 6u // a view of memory that the owner of the batch keeps

struct builder_column {
    uint8_t *values;
    uint8_t *validity;
    int32_t *offsets;
    uint32_t state;
    uint32_t row_count;  // FROM_ROWS, FROM_COPY
    uint32_t is_clean;   // zero under nulls already
    uint32_t text_index; // of values in the buffers of the batch, for text
    uint64_t text_bytes; // in values
    uint64_t room;       // for text in values
};

struct batch_builder {
    struct batch *batch;
    const struct batch *inherited; // the only batch that it inherits from, for its kinds
    uint32_t inherit_count;
    uint32_t capacity;
    uint64_t byte_count; // taken so far, against WEIR_BATCH_BYTES_MAX
    uint8_t *kinds;
    const uint8_t *adopted_kinds; // NULL: none
    struct builder_column columns[];
};

static size_t builder_size(uint32_t column_count)
{
    return sizeof(struct batch_builder) + column_count * sizeof(struct builder_column);
}

int batch_builder_create(const struct weir_schema *schema, uint32_t row_capacity,
                         struct batch_builder **out)
{
    size_t size = builder_size(schema->field_count);
    if (row_capacity == 0 || row_capacity > WEIR_BATCH_ROWS_MAX) {
        return -EMSGSIZE;
    }
    struct batch_builder *builder = pool_allocate(size);
    if (builder == NULL) {
        return -ENOMEM;
    }
    memset(builder, 0, size);
    builder->capacity = row_capacity;
    builder->batch = batch_create(schema);
    if (builder->batch == NULL) {
        pool_free(builder, size);
        return -ENOMEM;
    }
    *out = builder;
    return 0;
}

const struct weir_schema *batch_builder_schema(const struct batch_builder *builder)
{
    return builder->batch->view.schema;
}

uint32_t batch_builder_capacity(const struct batch_builder *builder)
{
    return builder->capacity;
}

static struct weir_type type_of(const struct batch_builder *builder, uint32_t column)
{
    return builder->batch->view.schema->fields[column].type;
}

// Memory within the limit of a batch; NULL with *rc set.
static void *take(struct batch_builder *builder, uint64_t byte_count, int *rc)
{
    *rc = 0;
    if (byte_count > WEIR_BATCH_BYTES_MAX - builder->byte_count) {
        *rc = -EMSGSIZE;
        return NULL;
    }
    void *memory = batch_allocate(builder->batch, byte_count);
    if (memory == NULL) {
        *rc = -ENOMEM;
        return NULL;
    }
    builder->byte_count += byte_count;
    return memory;
}

static int take_values(struct batch_builder *builder, uint32_t column)
{
    struct builder_column *state = &builder->columns[column];
    struct weir_type type = type_of(builder, column);
    uint32_t bit_bytes = (uint32_t)batch_pad8(weir_bit_bytes(builder->capacity));
    int rc = 0;
    if (state->values == NULL) {
        uint64_t size = type.id == WEIR_TYPE_BOOL
                            ? bit_bytes
                            : (uint64_t)builder->capacity * weir_type_width(type);
        state->values = take(builder, size, &rc);
        if (state->values != NULL && type.id == WEIR_TYPE_BOOL) {
            memset(state->values, 0, bit_bytes);
        }
    }
    return rc;
}

static int take_offsets(struct batch_builder *builder, struct builder_column *state)
{
    int rc = 0;
    if (state->offsets == NULL) {
        state->offsets = take(builder, ((uint64_t)builder->capacity + 1) * 4, &rc);
        if (rc == 0) {
            state->offsets[0] = 0;
        }
    }
    return rc;
}

static int take_validity(struct batch_builder *builder, struct builder_column *state)
{
    int rc = 0;
    if (state->validity == NULL) {
        uint32_t size = (uint32_t)batch_pad8(weir_bit_bytes(builder->capacity));
        state->validity = take(builder, size, &rc);
        if (rc == 0) {
            memset(state->validity, 0xff, size);
        }
    }
    return rc;
}

static int grow_text(struct batch *batch, struct builder_column *state, uint64_t byte_count)
{
    uint64_t room = state->room * 2 > TEXT_BYTES_FIRST ? state->room * 2 : TEXT_BYTES_FIRST;
    room = room < byte_count ? byte_count : room;
    size_t size = (size_t)room + 8;
    uint8_t *values = pool_allocate(size);
    if (values == NULL) {
        return -ENOMEM;
    }
    if (state->values == NULL) {
        state->text_index = batch->buffer_count++;
    } else {
        struct batch_buffer *old = &batch->buffers[state->text_index];
        memcpy(values, old->at, (size_t)state->text_bytes);
        pool_free(old->at, old->byte_count);
    }
    batch->buffers[state->text_index] = (struct batch_buffer){values, size};
    state->values = values;
    state->room = room;
    return 0;
}

// Makes byte_count bytes of text in all, keeping those there are.
static int take_text(struct batch_builder *builder, struct builder_column *state,
                     uint64_t byte_count)
{
    if (byte_count > WEIR_BATCH_BYTES_MAX - builder->byte_count + state->text_bytes) {
        return -EMSGSIZE;
    }
    int rc = 0;
    if (state->values == NULL || byte_count > state->room) {
        rc = grow_text(builder->batch, state, byte_count);
    }
    if (rc == 0) {
        builder->byte_count += byte_count - state->text_bytes;
        state->text_bytes = byte_count;
    }
    return rc;
}

// Begins a column, or goes on with it in the same way.
static int begin(struct builder_column *state, uint32_t as)
{
    if (state->state != FROM_NOTHING && (state->state != as || as >= FROM_COPY)) {
        return -EINVAL;
    }
    state->state = as;
    return 0;
}

void *batch_builder_values(struct batch_builder *builder, uint32_t column)
{
    struct builder_column *state = &builder->columns[column];
    if (weir_type_is_text(type_of(builder, column)) || begin(state, FROM_VALUES) != 0 ||
        take_values(builder, column) != 0) {
        return NULL;
    }
    return state->values;
}

uint8_t *batch_builder_validity(struct batch_builder *builder, uint32_t column)
{
    struct builder_column *state = &builder->columns[column];
    if (state->state >= FROM_ROWS || take_validity(builder, state) != 0) {
        return NULL;
    }
    return state->validity;
}

uint8_t *batch_builder_kinds(struct batch_builder *builder)
{
    int rc;
    if (builder->kinds == NULL) {
        builder->kinds = take(builder, builder->capacity, &rc);
        if (builder->kinds != NULL) {
            memset(builder->kinds, WEIR_KIND_INSERT, builder->capacity);
        }
    }
    return builder->kinds;
}

uint8_t *batch_builder_text(struct batch_builder *builder, uint32_t column, uint64_t byte_count,
                            int32_t **offsets)
{
    struct builder_column *state = &builder->columns[column];
    if (!weir_type_is_text(type_of(builder, column)) || begin(state, FROM_TEXT) != 0 ||
        take_offsets(builder, state) != 0 || take_text(builder, state, byte_count) != 0) {
        return NULL;
    }
    *offsets = state->offsets;
    return state->values;
}

static int begin_append(struct batch_builder *builder, uint32_t column)
{
    struct builder_column *state = &builder->columns[column];
    if (!weir_type_is_text(type_of(builder, column)) || begin(state, FROM_ROWS) != 0) {
        return -EINVAL;
    }
    if (state->row_count == builder->capacity) {
        return -EMSGSIZE;
    }
    return take_offsets(builder, state);
}

int batch_builder_append(struct batch_builder *builder, uint32_t column, const void *bytes,
                         uint32_t byte_count)
{
    struct builder_column *state = &builder->columns[column];
    int rc = begin_append(builder, column);
    if (rc != 0 || byte_count > WEIR_VALUE_BYTES_MAX) {
        return rc != 0 ? rc : -EMSGSIZE;
    }
    uint64_t used = (uint32_t)state->offsets[state->row_count];
    rc = take_text(builder, state, used + byte_count);
    if (rc == 0) {
        if (byte_count != 0) {
            memcpy(state->values + used, bytes, byte_count);
        }
        state->offsets[++state->row_count] = (int32_t)(used + byte_count);
    }
    return rc;
}

int batch_builder_append_null(struct batch_builder *builder, uint32_t column)
{
    struct builder_column *state = &builder->columns[column];
    int rc = begin_append(builder, column);
    if (rc == 0) {
        rc = take_text(builder, state, (uint32_t)state->offsets[state->row_count]);
    }
    if (rc == 0) {
        rc = take_validity(builder, state);
    }
    if (rc == 0) {
        weir_bit_set(state->validity, state->row_count, 0);
        state->offsets[state->row_count + 1] = state->offsets[state->row_count];
        state->row_count++;
    }
    return rc;
}

int batch_builder_share(struct batch_builder *builder, uint32_t column,
                        const struct weir_batch *batch, uint32_t from)
{
    const struct weir_column *source = &batch->columns[from];
    if (!type_equal(source->type, type_of(builder, column)) ||
        begin(&builder->columns[column], FROM_COPY) != 0) {
        return -EINVAL;
    }
    uint64_t byte_count = batch_column_bytes(source, batch->row_count);
    if (byte_count > WEIR_BATCH_BYTES_MAX - builder->byte_count) {
        return -EMSGSIZE;
    }
    builder->byte_count += byte_count;
    builder->columns[column].row_count = batch->row_count;
    batch_share_column(builder->batch, column, batch_of(batch), from);
    return 0;
}

static int gather_column_text(struct batch_builder *builder, struct builder_column *state,
                              const struct weir_column *source, uint32_t source_rows,
                              const uint32_t *rows, uint32_t row_count)
{
    int rc = take_offsets(builder, state);
    if (rc == 0) {
        uint64_t used = (uint32_t)state->offsets[state->row_count];
        rc = take_text(builder, state, used + gather_text_bytes(source->offsets, rows, row_count));
    }
    if (rc == 0) {
        gather_text(state->values, state->room, state->offsets + state->row_count, source->values,
                    (uint32_t)source->offsets[source_rows], source->offsets, rows, row_count);
    }
    return rc;
}

static int gather_column_values(struct batch_builder *builder, uint32_t column,
                                const struct weir_column *source, const uint32_t *rows,
                                uint32_t row_count)
{
    struct builder_column *state = &builder->columns[column];
    uint32_t width = weir_type_width(source->type);
    int rc = take_values(builder, column);
    if (rc != 0) {
        return rc;
    }
    if (width == 0) {
        gather_bits(state->values, state->row_count, source->values, rows, row_count);
    } else {
        gather_values(state->values + (size_t)state->row_count * width, source->values, width, rows,
                      row_count);
    }
    return 0;
}

int batch_builder_gather(struct batch_builder *builder, uint32_t column,
                         const struct weir_batch *batch, uint32_t from, const uint32_t *rows,
                         uint32_t row_count)
{
    struct builder_column *state = &builder->columns[column];
    const struct weir_column *source = &batch->columns[from];
    if (!type_equal(source->type, type_of(builder, column))) {
        return -EINVAL;
    }
    if (source->encoding == WEIR_ENCODING_ABSENT) {
        return state->state == IS_ABSENT ? 0 : begin(state, IS_ABSENT);
    }
    if (begin(state, FROM_ROWS) != 0) {
        return -EINVAL;
    }
    if (row_count > builder->capacity - state->row_count) {
        return -EMSGSIZE;
    }
    int rc = source->validity == NULL ? 0 : take_validity(builder, state);
    if (rc == 0) {
        rc = weir_type_is_text(source->type)
                 ? gather_column_text(builder, state, source, batch->row_count, rows, row_count)
                 : gather_column_values(builder, column, source, rows, row_count);
    }
    if (rc != 0) {
        return rc;
    }
    if (source->validity != NULL) {
        gather_bits(state->validity, state->row_count, source->validity, rows, row_count);
    } else if (state->validity != NULL) {
        gather_ones(state->validity, state->row_count, row_count);
    }
    state->row_count += row_count;
    state->is_clean = 1;
    return 0;
}

static int copy_text(struct batch_builder *builder, struct builder_column *state,
                     const struct weir_column *view, uint32_t row_count)
{
    int32_t first = view->offsets[0];
    uint32_t byte_count = (uint32_t)(view->offsets[row_count] - first);
    int rc = take_offsets(builder, state);
    if (rc == 0) {
        rc = take_text(builder, state, byte_count);
    }
    if (rc == 0) {
        for (uint32_t i = 0; i <= row_count; i++) {
            state->offsets[i] = view->offsets[i] - first;
        }
        if (byte_count != 0) {
            memcpy(state->values, (const uint8_t *)view->values + first, byte_count);
        }
    }
    return rc;
}

int batch_builder_copy(struct batch_builder *builder, uint32_t column,
                       const struct weir_column *view, uint32_t row_count)
{
    struct builder_column *state = &builder->columns[column];
    int is_absent = view->encoding == WEIR_ENCODING_ABSENT;
    if (!type_equal(view->type, type_of(builder, column)) ||
        begin(state, is_absent ? IS_ABSENT : FROM_ROWS) != 0 || state->row_count != 0) {
        return -EINVAL;
    }
    if (is_absent) {
        return 0;
    }
    if (row_count > builder->capacity) {
        return -EMSGSIZE;
    }
    int rc = view->validity == NULL ? 0 : take_validity(builder, state);
    if (rc == 0 && weir_type_is_text(view->type)) {
        rc = copy_text(builder, state, view, row_count);
    } else if (rc == 0) {
        rc = take_values(builder, column);
        if (rc == 0) {
            memcpy(state->values, view->values, batch_value_bytes(view, row_count));
        }
    }
    if (rc == 0 && view->validity != NULL) {
        memcpy(state->validity, view->validity, weir_bit_bytes(row_count));
    }
    state->row_count = row_count;
    return rc;
}

int batch_builder_adopt(struct batch_builder *builder, uint32_t column,
                        const struct weir_column *view)
{
    uintptr_t places = (uintptr_t)view->validity | (uintptr_t)view->offsets;
    places |= weir_type_is_text(view->type) ? 0 : (uintptr_t)view->values;
    if (view->encoding == WEIR_ENCODING_ABSENT) {
        return begin(&builder->columns[column], IS_ABSENT);
    }
    if (!type_equal(view->type, type_of(builder, column)) || places % 8 != 0 ||
        view->encoding != WEIR_ENCODING_PLAIN ||
        (view->offsets != NULL) != (weir_type_is_text(view->type) != 0) ||
        begin(&builder->columns[column], FROM_OWNER) != 0) {
        return -EINVAL;
    }
    builder->batch->columns[column] = *view;
    return 0;
}

void batch_builder_adopt_kinds(struct batch_builder *builder, const uint8_t *kinds)
{
    builder->adopted_kinds = kinds;
}

void batch_builder_owner(struct batch_builder *builder, void (*release)(void *owner), void *owner)
{
    builder->batch->release = release;
    builder->batch->owner = owner;
}

void batch_builder_absent(struct batch_builder *builder, uint32_t column)
{
    begin(&builder->columns[column], IS_ABSENT);
}

void batch_builder_inherit(struct batch_builder *builder, const struct weir_batch *batch)
{
    struct weir_batch *view = &builder->batch->view;
    if (builder->inherit_count++ == 0) {
        batch_take_head(builder->batch, batch_of(batch));
        batch_ref(batch);
        builder->inherited = batch_of(batch);
        return;
    }
    if (builder->inherited != NULL) { // rows of several batches: no one's kinds
        batch_unref(&builder->inherited->view);
        builder->inherited = NULL;
    }
    view->bucket = view->bucket == batch->bucket ? view->bucket : WEIR_BUCKET_NONE;
    if (batch->time_min_us != WEIR_TIME_NONE &&
        (view->time_min_us == WEIR_TIME_NONE || batch->time_min_us < view->time_min_us)) {
        view->time_min_us = batch->time_min_us;
    }
    if (batch->time_max_us > view->time_max_us) {
        view->time_max_us = batch->time_max_us;
    }
    if (batch->entered_us < view->entered_us) {
        view->entered_us = batch->entered_us;
    }
}

void batch_builder_times(struct batch_builder *builder, int32_t bucket, int64_t time_min_us,
                         int64_t time_max_us, int64_t entered_us)
{
    builder->batch->view.bucket = bucket;
    builder->batch->view.time_min_us = time_min_us;
    builder->batch->view.time_max_us = time_max_us;
    builder->batch->view.entered_us = entered_us;
}

// Bits from row_count on, up to a whole 8 bytes, become 0.
static void clear_tail(uint8_t *bits, uint32_t row_count)
{
    uint32_t used = weir_bit_bytes(row_count);
    if (row_count % 8 != 0) {
        bits[used - 1] = (uint8_t)(bits[used - 1] & ((1u << (row_count & 7)) - 1));
    }
    memset(bits + used, 0, batch_pad8(used) - used);
}

static void clear_padding(uint8_t *bytes, uint64_t used)
{
    memset(bytes + used, 0, batch_pad8(used) - used);
}

static void zero_row(const struct builder_column *state, struct weir_type type, uint32_t row)
{
    uint32_t width = weir_type_width(type);
    if (width == 8) {
        memset(state->values + (size_t)row * 8, 0, 8);
    } else if (width == 4) {
        memset(state->values + (size_t)row * 4, 0, 4);
    } else if (width != 0) {
        memset(state->values + (size_t)row * width, 0, width);
    } else if (state->offsets != NULL) {
        memset(state->values + state->offsets[row], 0,
               (size_t)(state->offsets[row + 1] - state->offsets[row]));
    }
}

// Counts the nulls and zeroes the values under them.
static uint32_t settle_nulls(const struct builder_column *state, struct weir_type type,
                             uint32_t row_count)
{
    uint32_t null_count = 0;
    for (uint32_t first = 0; first < row_count; first += 64) {
        uint64_t word, bits;
        memcpy(&word, state->validity + first / 8, 8);
        uint64_t nulls = ~word;
        if (row_count - first < 64) {
            nulls &= (UINT64_C(1) << (row_count - first)) - 1;
        }
        null_count += (uint32_t)__builtin_popcountll(nulls);
        if (state->is_clean) {
            continue;
        }
        if (type.id == WEIR_TYPE_BOOL) {
            memcpy(&bits, state->values + first / 8, 8);
            bits &= word;
            memcpy(state->values + first / 8, &bits, 8);
            continue;
        }
        for (; nulls != 0; nulls &= nulls - 1) {
            zero_row(state, type, first + (uint32_t)__builtin_ctzll(nulls));
        }
    }
    return null_count;
}

// A column that was left alone: all null.
static int fill_nulls(struct batch_builder *builder, uint32_t column, uint32_t row_count)
{
    struct builder_column *state = &builder->columns[column];
    struct weir_type type = type_of(builder, column);
    int rc = take_validity(builder, state);
    if (rc == 0 && weir_type_is_text(type)) {
        rc = take_offsets(builder, state);
        if (rc == 0) {
            rc = take_text(builder, state, 0);
        }
        if (rc == 0) {
            memset(state->offsets, 0, ((size_t)row_count + 1) * 4);
        }
    } else if (rc == 0) {
        rc = take_values(builder, column);
        if (rc == 0) {
            memset(state->values, 0,
                   type.id == WEIR_TYPE_BOOL ? weir_bit_bytes(row_count)
                                             : (size_t)row_count * weir_type_width(type));
        }
    }
    if (rc == 0) {
        memset(state->validity, 0, weir_bit_bytes(row_count));
    }
    return rc;
}

// Offsets that a caller wrote: within the bytes there are, never falling.
static int check_offsets(const int32_t *offsets, uint32_t row_count, uint64_t text_bytes)
{
    int32_t falls = offsets[0], longest = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        int32_t length = (int32_t)((uint32_t)offsets[i + 1] - (uint32_t)offsets[i]);
        falls |= length | offsets[i + 1];
        longest = length > longest ? length : longest;
    }
    if (falls < 0 || (uint32_t)offsets[row_count] > text_bytes) {
        return -EINVAL;
    }
    return longest > (int32_t)WEIR_VALUE_BYTES_MAX ? -EMSGSIZE : 0;
}

static int finish_adopted(struct batch_builder *builder, const struct weir_column *column,
                          uint32_t row_count)
{
    int has_wrong_nulls =
        column->null_count != 0 && (!column->type.nullable || column->validity == NULL);
    int rc = has_wrong_nulls ? -EINVAL : 0;
    if (rc == 0 && column->offsets != NULL) {
        rc = check_offsets(column->offsets, row_count, WEIR_BATCH_BYTES_MAX);
    }
    if (rc == 0) {
        builder->byte_count += batch_column_bytes(column, row_count);
    }
    return rc == 0 && builder->byte_count > WEIR_BATCH_BYTES_MAX ? -EMSGSIZE : rc;
}

static int finish_column(struct batch_builder *builder, uint32_t i, uint32_t row_count)
{
    struct builder_column *state = &builder->columns[i];
    struct weir_column *column = &builder->batch->columns[i];
    int rc = 0;
    if (state->state == IS_ABSENT) {
        return 0;
    }
    if (state->state == FROM_OWNER) {
        return finish_adopted(builder, column, row_count);
    }
    if (state->state == FROM_COPY) {
        int has_wrong_nulls = column->null_count != 0 && !column->type.nullable;
        return state->row_count == row_count && !has_wrong_nulls ? 0 : -EINVAL;
    }
    if (state->state == FROM_ROWS && state->row_count < row_count) {
        return -EINVAL;
    }
    if (state->state == FROM_NOTHING) {
        rc = fill_nulls(builder, i, row_count);
    } else if (state->state == FROM_TEXT) {
        rc = check_offsets(state->offsets, row_count, state->text_bytes);
    }
    if (rc != 0) {
        return rc;
    }
    column->encoding = WEIR_ENCODING_PLAIN;
    column->values = state->values;
    column->offsets = state->offsets;
    if (column->type.id == WEIR_TYPE_BOOL) {
        clear_tail(state->values, row_count);
    } else if (state->offsets != NULL) {
        clear_padding(state->values, (uint32_t)state->offsets[row_count]);
        clear_padding((uint8_t *)state->offsets, ((uint64_t)row_count + 1) * 4);
    } else {
        clear_padding(state->values, (uint64_t)row_count * weir_type_width(column->type));
    }
    if (state->validity != NULL) {
        clear_tail(state->validity, row_count);
        column->null_count = settle_nulls(state, column->type, row_count);
        column->validity = column->null_count == 0 ? NULL : state->validity;
    }
    return column->null_count != 0 && !column->type.nullable ? -EINVAL : 0;
}

static void finish_kinds(struct batch_builder *builder, uint32_t row_count)
{
    struct batch *batch = builder->batch;
    const struct batch *inherited = builder->inherited;
    if (builder->kinds != NULL) {
        clear_padding(builder->kinds, row_count);
        batch->view.kinds = builder->kinds;
    } else if (builder->adopted_kinds != NULL) {
        batch->view.kinds = builder->adopted_kinds;
    } else if (inherited != NULL && inherited->view.kinds != NULL &&
               inherited->view.row_count == row_count) {
        batch->view.kinds = inherited->view.kinds;
        batch->kinds_owner = inherited->kinds_owner;
        batch_add_parent(batch, inherited->kinds_owner);
    }
}

static void release_builder(struct batch_builder *builder)
{
    if (builder->inherited != NULL) {
        batch_unref(&builder->inherited->view);
    }
    pool_free(builder, builder_size(builder->batch->view.column_count));
}

int batch_builder_finish(struct batch_builder *builder, uint32_t row_count,
                         const struct weir_batch **out)
{
    uint32_t wrong;
    return batch_builder_finish_checked(builder, row_count, out, &wrong);
}

int batch_builder_finish_checked(struct batch_builder *builder, uint32_t row_count,
                                 const struct weir_batch **out, uint32_t *wrong)
{
    struct batch *batch = builder->batch;
    int rc = row_count > builder->capacity ? -EINVAL : 0;
    batch->view.row_count = row_count;
    *wrong = batch->view.column_count;
    for (uint32_t i = 0; rc == 0 && i < batch->view.column_count; i++) {
        rc = finish_column(builder, i, row_count);
        *wrong = rc != 0 ? i : *wrong;
    }
    if (rc != 0) {
        batch_builder_discard(builder);
        return rc;
    }
    finish_kinds(builder, row_count);
    release_builder(builder);
    *out = &batch->view;
    return 0;
}

void batch_builder_discard(struct batch_builder *builder)
{
    if (builder != NULL) {
        struct batch *batch = builder->batch;
        release_builder(builder);
        batch_unref(&batch->view);
    }
}
