// Rejects: the rows of the batch in process that an instance has refused, with the reasons; at the
// end of the call they leave by the output `rejected`.
#ifndef HOST_REJECTS_H
#define HOST_REJECTS_H

#include "base/text.h"
#include "weir/batch.h"

struct batch_builder;
struct instance;

struct rejects {                    // start with {0}
    const struct weir_batch *batch; // the rows' batch, kept; NULL: none yet
    uint8_t *bits;                  // set of rejected rows
    uint32_t *kept;                 // the others
    uint32_t capacity;              // rows that bits and kept have room for
    uint32_t count;
    struct text reasons;           // one after the other, each with its NUL
    uint32_t *rows;                // in the order of arrival
    uint32_t rows_capacity;        //
    struct batch_builder *records; // of a source
    uint32_t record_count;
    int64_t logged_us; // when last a line was logged
    uint64_t unlogged;
};

// Books a row, or a record of a source. WEIR_OK, or DATA if on_error says fail, or FATAL.
int32_t rejects_row(struct instance *instance, const struct weir_batch *batch, uint32_t row,
                    const char *reason);
int32_t rejects_record(struct instance *instance, const char *place, const char *reason,
                       const void *record, uint32_t byte_count);
// As weir_rejected.
int32_t rejects_kept(struct instance *instance, const uint32_t **kept, uint32_t *kept_count);
// Sends what is booked on its way and forgets it.
int32_t rejects_flush(struct instance *instance);
// Forgets it only.
void rejects_clear(struct rejects *rejects);
void rejects_finish(struct rejects *rejects);

#endif
