// weir.commit/1: sinks that take part in a checkpoint in two phases. After prepare has returned for
// every sink and the checkpoint is safely stored, commit makes visible what was prepared; after a
// failure commit may be called again for the same checkpoint, and must then have the same effect
// once.
#ifndef WEIR_COMMIT_H
#define WEIR_COMMIT_H

#include <stdint.h>

#define WEIR_COMMIT_1 "weir.commit/1"

struct weir_context;

struct weir_commit_table {
    uint32_t size;
    uint32_t zero;
    // [task] All rows before the barrier have come: make them safe, but not visible.
    int32_t (*prepare)(void *instance, struct weir_context *context, uint64_t checkpoint);
    // [task] The checkpoint is complete: make them visible.
    int32_t (*commit)(void *instance, struct weir_context *context, uint64_t checkpoint);
    // [task] The checkpoint has failed: what was prepared for it goes on as not yet prepared.
    int32_t (*abort)(void *instance, struct weir_context *context, uint64_t checkpoint);
};

#endif
