// Keyed state tables: slots of fixed layout per key and space, owned by the host (weir/state.h is
// the operator's view). One table serves one task; all calls come from it. Slots lie clustered by
// key group in one range of addresses that is reserved once and filled page by page, so slot
// numbers stay valid while the table grows; the pages are counted against the memory budget.
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/error.h"
#include "base/text.h"
#include "weir/batch.h"
#include "weir/state.h"

struct state_table; // begins with struct weir_state

struct state_options {
    const struct weir_schema *schema; // of the input whose rows bring the keys
    const uint32_t *columns;          // key columns
    uint32_t column_count;            // 0: one slot for all rows of a space
    uint32_t group_count;     // key groups of the job; the table holds only those of its task
    uint64_t byte_limit;      // most bytes of slots and index; 0: only the process's budget
    uint32_t bucket_is_group; // 1: the bucket of a batch, if it has one, is the key group of its
                              // rows (the planner knows: same key, same count, no floats)
};

int state_table_create(const struct weir_state_layout *layout, const struct state_options *options,
                       struct state_table **out, struct error *error);
void state_table_destroy(struct state_table *table);
uint64_t state_table_bytes(const struct state_table *table); // [any] memory in use
uint64_t state_table_count(const struct state_table *table); // live slots

// As weir_state_slots: batched probe with prefetch. -ENOMEM: the budget is used up; the table is
// whole, rows before the one that did not fit may have got their slots.
int state_table_slots(struct state_table *table, const struct weir_batch *batch, int64_t space,
                      const int64_t *spaces, uint32_t *slots);
// As weir_state_scan: the slots of one call are of one key group, *cursor >> 32.
uint32_t state_table_scan(struct state_table *table, int64_t space, uint64_t *cursor,
                          uint32_t *slots, uint32_t capacity);
// Writes the keys of slots into columns first_column, ... . 0, -ENOMEM or -EMSGSIZE.
struct batch_builder;
int state_table_keys(struct state_table *table, const uint32_t *slots, uint32_t slot_count,
                     struct batch_builder *builder, uint32_t first_column);
int state_table_drop(struct state_table *table, int64_t space);
int state_table_erase(struct state_table *table, const uint32_t *slots, uint32_t slot_count);
uint32_t state_table_spaces(struct state_table *table, int64_t *spaces, uint32_t capacity);

// A snapshot taken while the task goes on. begin and end are calls of the task; between them the
// task copies a page before its first write to it (the calls above do so), and write, called once,
// may run on another thread. One snapshot at a time per table; the table outlives it.
struct state_snapshot;
int state_snapshot_begin(struct state_table *table, struct state_snapshot **out,
                         struct error *error);
// For each key group that holds slots, in order, write(sink, group, bytes, byte_count) is called
// once with a self-describing, checksummed block; a negative result ends it and is returned.
// -ENOMEM: there was no memory for a copy of a page; the table is not harmed.
int state_snapshot_write(struct state_snapshot *snapshot,
                         int (*write)(void *sink, uint32_t group, const void *bytes,
                                      uint64_t byte_count),
                         void *sink, struct error *error);
void state_snapshot_end(struct state_snapshot *snapshot); // NULL is fine

// The three in one, on the task's thread.
int state_table_snapshot(struct state_table *table,
                         int (*write)(void *sink, uint32_t group, const void *bytes,
                                      uint64_t byte_count),
                         void *sink, struct error *error);
// Adds the slots of one block. Refuses by name a block of another table, version, layout, key or
// number of key groups (-EINVAL), a damaged one (-EBADMSG), and keys that are there already
// (-EEXIST).
int state_table_restore(struct state_table *table, const void *bytes, uint64_t byte_count,
                        struct error *error);

#endif
