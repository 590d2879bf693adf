// Channels: bounded queues between two tasks of one process. A push always accepts; the scheduler
// does not run a task whose output channel is full, so a channel holds at most its limit plus what
// one call emits.
#ifndef CHANNEL_CHANNEL_H
#define CHANNEL_CHANNEL_H

#include "weir/batch.h"

// What flows: rows, and the control items between them.
#define ITEM_BATCH 1u
#define ITEM_WATERMARK 2u // no row before time_us will come any more
#define ITEM_BARRIER 3u   // take snapshot `barrier`, then hand it on
#define ITEM_END 4u       // nothing will come any more

struct item {
    uint32_t kind;
    uint64_t bytes;                 // BATCH: what it counts for; else 0
    const struct weir_batch *batch; // BATCH: one reference, handed over
    int64_t time_us;                // WATERMARK
    uint64_t barrier;               // BARRIER
    uint32_t input;                 // inside a task: the input that it came by
};

// News for the two ends, on the thread of the other one: something came into an empty channel; a
// full channel has room again.
struct channel_events {
    void (*on_ready)(void *consumer);
    void (*on_room)(void *producer);
    void *consumer;
    void *producer;
};

struct channel;

// NULL: no memory.
struct channel *channel_create(uint64_t byte_limit, const struct channel_events *events);
void channel_destroy(struct channel *channel); // drops what is left in it; NULL is fine

// [producer] 0, or -ENOMEM with the item still the caller's.
int channel_push(struct channel *channel, const struct item *item);
int channel_is_full(const struct channel *channel); // [any]

// [consumer] 1 and the oldest item, which is now the caller's; 0 when empty.
int channel_pop(struct channel *channel, struct item *item);
int channel_is_empty(const struct channel *channel);   // [any]
uint64_t channel_bytes(const struct channel *channel); // [any]

#endif
