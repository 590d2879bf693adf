#include "channel/channel.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "data/batch.h"

#define ITEMS_AT_FIRST 16u

// A ring of items under a lock: taken once per batch, never per row.
struct channel {
    struct channel_events events;
    uint64_t byte_limit;
    _Atomic uint64_t bytes;
    _Atomic uint32_t count;
    pthread_mutex_t lock;
    struct item *items;
    uint32_t capacity; // a power of two
    uint32_t head;
};

struct channel *channel_create(uint64_t byte_limit, const struct channel_events *events)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        return NULL;
    }
    channel->items = calloc(ITEMS_AT_FIRST, sizeof *channel->items);
    if (channel->items == NULL) {
        free(channel);
        return NULL;
    }
    channel->capacity = ITEMS_AT_FIRST;
    channel->byte_limit = byte_limit;
    channel->events = *events;
    pthread_mutex_init(&channel->lock, NULL);
    return channel;
}

void channel_destroy(struct channel *channel)
{
    if (channel == NULL) {
        return;
    }
    for (uint32_t i = 0; i < channel->count; i++) {
        batch_unref(channel->items[(channel->head + i) & (channel->capacity - 1)].batch);
    }
    pthread_mutex_destroy(&channel->lock);
    free(channel->items);
    free(channel);
}

static int make_room(struct channel *channel, uint32_t count)
{
    if (count < channel->capacity) {
        return 0;
    }
    struct item *items = calloc((size_t)channel->capacity * 2, sizeof *items);
    if (items == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        items[i] = channel->items[(channel->head + i) & (channel->capacity - 1)];
    }
    free(channel->items);
    channel->items = items;
    channel->capacity *= 2;
    channel->head = 0;
    return 0;
}

int channel_push(struct channel *channel, const struct item *item)
{
    pthread_mutex_lock(&channel->lock);
    uint32_t count = atomic_load_explicit(&channel->count, memory_order_relaxed);
    int rc = make_room(channel, count);
    if (rc == 0) {
        channel->items[(channel->head + count) & (channel->capacity - 1)] = *item;
        atomic_store(&channel->count, count + 1);
        atomic_fetch_add(&channel->bytes, item->bytes);
    }
    pthread_mutex_unlock(&channel->lock);
    if (rc == 0 && count == 0) {
        channel->events.on_ready(channel->events.consumer);
    }
    return rc;
}

int channel_pop(struct channel *channel, struct item *item)
{
    if (channel_is_empty(channel)) {
        return 0;
    }
    pthread_mutex_lock(&channel->lock);
    *item = channel->items[channel->head];
    channel->head = (channel->head + 1) & (channel->capacity - 1);
    uint64_t before = atomic_fetch_sub(&channel->bytes, item->bytes);
    atomic_fetch_sub(&channel->count, 1);
    pthread_mutex_unlock(&channel->lock);
    if (before >= channel->byte_limit && before - item->bytes < channel->byte_limit) {
        channel->events.on_room(channel->events.producer);
    }
    return 1;
}

int channel_is_full(const struct channel *channel)
{
    return channel_bytes(channel) >= channel->byte_limit;
}

int channel_is_empty(const struct channel *channel)
{
    return atomic_load(&channel->count) == 0;
}

uint64_t channel_bytes(const struct channel *channel)
{
    return atomic_load(&channel->bytes);
}
