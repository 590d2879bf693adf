// The ledger: what an operator owns, so that a batch emitted twice, unref'd too often or kept for
// ever, and memory that is never given back, are found where they happen and named.
#ifndef KIT_LEDGER_H
#define KIT_LEDGER_H

#include "weir/host.h"

struct ledger_batch {
    const struct weir_batch *batch; // kept by the ledger, so that its address is not used again
    int32_t owned;                  // references that belong to the operator
};

struct ledger_memory {
    void *memory;
    uint64_t byte_count;
};

struct ledger {
    struct ledger_batch *batches;
    uint32_t batch_count;
    uint32_t batch_capacity;
    struct ledger_memory *memories;
    uint32_t memory_count;
    uint32_t memory_capacity;
    struct weir_builder **builders;
    uint32_t builder_count;
    uint32_t builder_capacity;
    char fault[512]; // the first; empty: none
};

// Makes host the runtime's table with the ledger in between. One kit at a time is at work: its
// ledger is the active one.
void ledger_install(struct weir_host *host);
void ledger_activate(struct ledger *ledger);
// Forgets batches that the operator does not own any more.
void ledger_settle(struct ledger *ledger);
// What the operator still owns, as a sentence; NULL: nothing. Frees all.
const char *ledger_finish(struct ledger *ledger);

#endif
