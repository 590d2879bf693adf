// Batches inside the host: the public view (weir/batch.h) with its count and its memory.
//
// A batch owns buffers of its own and may share buffers of other batches, which it keeps alive. All
// memory comes from base/memory.h. A batch is built by one thread and read-only afterwards; ref and
// unref work from any.
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include "base/error.h"
#include "weir/batch.h"

struct batch; // begins with struct weir_batch
struct batch_builder;

void batch_ref(const struct weir_batch *batch);
void batch_unref(const struct weir_batch *batch); // NULL is fine

// Bytes of memory that the columns of this batch take, shared ones included.
uint64_t batch_bytes(const struct weir_batch *batch);

// Begins a batch of schema (which must outlive it) with room for row_capacity rows, 1 to
// WEIR_BATCH_ROWS_MAX. The functions below are those of weir/operator.h of the same names; they
// return 0, or -ENOMEM, or -EMSGSIZE when a value or the batch would grow too large, or -EINVAL for
// a mistake of the caller (another type, a column made in two ways). Pointers are NULL for any of
// these.
int batch_builder_create(const struct weir_schema *schema, uint32_t row_capacity,
                         struct batch_builder **out);
const struct weir_schema *batch_builder_schema(const struct batch_builder *builder);
uint32_t batch_builder_capacity(const struct batch_builder *builder);
void *batch_builder_values(struct batch_builder *builder, uint32_t column);
uint8_t *batch_builder_validity(struct batch_builder *builder, uint32_t column);
uint8_t *batch_builder_kinds(struct batch_builder *builder);
uint8_t *batch_builder_text(struct batch_builder *builder, uint32_t column, uint64_t byte_count,
                            int32_t **offsets);
int batch_builder_append(struct batch_builder *builder, uint32_t column, const void *bytes,
                         uint32_t byte_count);
int batch_builder_append_null(struct batch_builder *builder, uint32_t column);
int batch_builder_share(struct batch_builder *builder, uint32_t column,
                        const struct weir_batch *batch, uint32_t from);
int batch_builder_gather(struct batch_builder *builder, uint32_t column,
                         const struct weir_batch *batch, uint32_t from, const uint32_t *rows,
                         uint32_t row_count);
// The column is a copy of a view of row_count rows (an expression's result), of the same type.
int batch_builder_copy(struct batch_builder *builder, uint32_t column,
                       const struct weir_column *view, uint32_t row_count);
// The column is a view of memory that the batch does not own, 8-byte aligned; it must hold as many
// rows as the batch comes to, with zeros under nulls and in padding, until the owner's release is
// called.
int batch_builder_adopt(struct batch_builder *builder, uint32_t column,
                        const struct weir_column *view);
void batch_builder_adopt_kinds(struct batch_builder *builder, const uint8_t *kinds);
// release(owner) is called when the batch is freed, or the builder discarded, by any thread.
void batch_builder_owner(struct batch_builder *builder, void (*release)(void *owner), void *owner);
// Declares a column absent (nobody reads it). A column left alone is all null.
void batch_builder_absent(struct batch_builder *builder, uint32_t column);
// Of several batches it keeps the widest times and the earliest entry, but no kinds.
void batch_builder_inherit(struct batch_builder *builder, const struct weir_batch *batch);
void batch_builder_times(struct batch_builder *builder, int32_t bucket, int64_t time_min_us,
                         int64_t time_max_us, int64_t entered_us);
// Ends the batch; zeroes values under nulls and padding, counts nulls, drops a validity without
// nulls. Rows appended or gathered beyond row_count are left out. -EINVAL if a column has fewer
// rows than that, nulls where its type has none, or offsets that fall or leave its bytes. The
// builder is gone, whatever comes back. Times that nobody set are WEIR_TIME_NONE, entered_us too.
int batch_builder_finish(struct batch_builder *builder, uint32_t row_count,
                         const struct weir_batch **out);
// The same; on failure *wrong is the column at fault, or the number of columns if it is none.
int batch_builder_finish_checked(struct batch_builder *builder, uint32_t row_count,
                                 const struct weir_batch **out, uint32_t *wrong);
void batch_builder_discard(struct batch_builder *builder);

// Rows of a batch (ascending or not), all columns and kinds; times and bucket inherited. Absent
// columns stay so.
int batch_select(const struct weir_batch *batch, const uint32_t *rows, uint32_t row_count,
                 const struct weir_batch **out);
// Rows first to first + row_count - 1 without a copy where the layout allows (first a multiple of
// 64), else copied.
int batch_slice(const struct weir_batch *batch, uint32_t first, uint32_t row_count,
                const struct weir_batch **out);
// The same batch seen as another schema with the same column types (a rename), without a copy.
int batch_rename(const struct weir_batch *batch, const struct weir_schema *schema,
                 const struct weir_batch **out);

// The time of a row of an event-time column in us since 1970: int64 counts ms, dates count days,
// timestamps as they are. *min and *max over all rows that are not null; WEIR_TIME_NONE if there is
// none.
void batch_time_range(const struct weir_batch *batch, uint32_t column, int64_t *min_us,
                      int64_t *max_us);

#endif
