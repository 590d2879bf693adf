// Small records of the log, copied together: a batch costs what it costs, however few rows it has.
// Rows of kinds that nobody takes are left out on the way.
#ifndef FLUSS_OPERATORS_COLLECT_H
#define FLUSS_OPERATORS_COLLECT_H

#include "operators/lend.h"

#define COLLECT_RECORD_ROWS 1024u // a record with more leaves without a copy
#define COLLECT_BATCH_ROWS 8192u

struct collect {
    const struct lend *lend;
    uint32_t wanted_kinds;
    struct weir_builder *builder; // NULL: nothing is collected
    uint8_t **values;             // field_count of them: of the builder; NULL: not wanted
    uint8_t *kinds;               // NULL: the output is all +I
    uint32_t row_count;
    int32_t bucket; // of all rows, or WEIR_BUCKET_NONE
    int64_t entered_us;
    uint32_t rows[COLLECT_RECORD_ROWS];
};

// Copies the rows `first` to the end of a record, if it is small and plain; *is_taken says whether
// it was. What was collected before is emitted where there is no room.
int32_t collect_record(struct collect *collect, struct weir_context *context,
                       const struct stream_view *view, uint32_t first, int *is_taken);
// Emits what is collected.
int32_t collect_emit(struct collect *collect, struct weir_context *context);
void collect_discard(struct collect *collect, struct weir_context *context);

#endif
