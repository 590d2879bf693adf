// Keyed state that the host owns: one slot of fixed layout per key (and, for windows, per key and
// space). One call per batch turns the keys of all its rows into slot numbers; the operator then
// loops over plain memory. The host snapshots, restores, rescales and shows this state by key
// group, so most operators write no snapshot code.
//
// The key is the one that the operator asked for in negotiation (weir_negotiation_partition). A
// space is a number beside the key, for instance the start of a window; an operator without need of
// it uses 0.
#ifndef WEIR_STATE_H
#define WEIR_STATE_H

#include "weir/type.h"

// One field of a slot, for snapshots and for people. Frozen: stands in arrays.
struct weir_state_field {
    const char *name;
    struct weir_type type;
    uint32_t offset; // from the start of the slot, bytes
    uint32_t bytes;  // it takes; more than the width of its type for opaque fields
};

// A slot's layout. Stored in every snapshot; a snapshot whose name, version or fields differ is
// refused by name.
struct weir_state_layout {
    uint32_t size;
    uint32_t version;
    const char *name;
    uint32_t slot_bytes; // rounded up to 8 by the host
    uint32_t field_count;
    const struct weir_state_field *fields;
    const void *initial; // slot_bytes that every new slot starts with; NULL: zeros
};

// The public head of a state table. Slot i lies at slots + i * stride, 8-byte aligned.
// [task] `slots` and slot numbers are valid, and may be written through, only until the process,
// timer or watermark call that asked for them returns; any call that makes slots may change
// `slots`.
struct weir_state {
    uint32_t size;
    uint32_t stride; // bytes from slot to slot
    uint8_t *slots;
};

// weir.state/1: opaque state of variable size, for the few operators that need it (positions of a
// source, for instance). It is cut into splits, so that it can be dealt out anew at another
// parallelism: split n goes to task n modulo the number of tasks, or, for an operator with keyed
// input and a source that promised weir_negotiation_partitioned, to the task that owns key group n.
#define WEIR_STATE_1 "weir.state/1"

struct weir_context;
struct weir_state_writer;

struct weir_state_table {
    uint32_t size;
    uint32_t version; // of the bytes that save writes
    // [task] Hands every split of this task to weir_state_write.
    int32_t (*save)(void *instance, struct weir_context *context, struct weir_state_writer *writer);
    // [setup] After open, once per split that this task now owns. `version` is the one stored.
    int32_t (*load)(void *instance, struct weir_context *context, uint32_t version, uint32_t split,
                    const void *bytes, uint64_t byte_count);
};

#endif
