#include "channel/channel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "data/batch.h"
#include "data/schema.h"
#include "support/test.h"

static _Atomic int ready_count, room_count;

static void on_ready(void *consumer)
{
    (void)consumer;
    ready_count++;
}

static void on_room(void *producer)
{
    (void)producer;
    room_count++;
}

static struct channel *open_channel(uint64_t limit)
{
    struct channel_events events = {on_ready, on_room, NULL, NULL};
    ready_count = room_count = 0;
    return channel_create(limit, &events);
}

TEST(items_come_out_in_the_order_they_went_in)
{
    struct channel *channel = open_channel(1000);
    struct item item;
    REQUIRE(channel != NULL);
    for (int i = 0; i < 100; i++) {
        CHECK_INT(channel_push(channel, &(struct item){.kind = ITEM_WATERMARK, .time_us = i}), 0);
    }
    for (int i = 0; i < 100; i++) {
        CHECK_INT(channel_pop(channel, &item), 1);
        CHECK_INT(item.time_us, i);
    }
    CHECK_INT(channel_pop(channel, &item), 0);
    CHECK_INT(ready_count, 1);
    channel_destroy(channel);
}

TEST(a_channel_is_full_by_bytes_and_tells_when_there_is_room_again)
{
    struct channel *channel = open_channel(1000);
    struct item item;
    REQUIRE(channel != NULL);
    channel_push(channel, &(struct item){.kind = ITEM_BATCH, .bytes = 600});
    CHECK(!channel_is_full(channel));
    channel_push(channel, &(struct item){.kind = ITEM_BATCH, .bytes = 600});
    CHECK(channel_is_full(channel));
    CHECK_INT(channel_bytes(channel), 1200);
    CHECK_INT(room_count, 0);
    channel_pop(channel, &item);
    CHECK_INT(room_count, 1);
    CHECK(!channel_is_full(channel));
    channel_pop(channel, &item);
    CHECK_INT(room_count, 1);
    channel_destroy(channel);
}

#define SENT 100000

static void *send_all(void *argument)
{
    for (int64_t i = 1; i <= SENT; i++) {
        channel_push(argument, &(struct item){.kind = ITEM_WATERMARK, .time_us = i});
    }
    return NULL;
}

TEST(two_threads_lose_nothing)
{
    struct channel *channel = open_channel(1000);
    struct item item;
    pthread_t sender;
    int64_t next = 1;
    REQUIRE(channel != NULL && pthread_create(&sender, NULL, send_all, channel) == 0);
    while (next <= SENT) {
        if (channel_pop(channel, &item)) {
            REQUIRE(item.time_us == next);
            next++;
        }
    }
    pthread_join(sender, NULL);
    CHECK(channel_is_empty(channel));
    channel_destroy(channel);
}

TEST(a_destroyed_channel_lets_go_of_its_batches)
{
    struct weir_field field = {"x", weir_type_of(WEIR_TYPE_INT64)};
    struct weir_schema *schema = schema_create(&field, 1, NULL);
    struct batch_builder *builder;
    const struct weir_batch *batch;
    struct channel *channel = open_channel(1000);
    REQUIRE(batch_builder_create(schema, 1, &builder) == 0);
    *(int64_t *)batch_builder_values(builder, 0) = 7;
    REQUIRE(batch_builder_finish(builder, 1, &batch) == 0);
    batch_ref(batch);
    channel_push(channel, &(struct item){.kind = ITEM_BATCH, .bytes = 8, .batch = batch});
    channel_destroy(channel);
    CHECK_INT(*(const int64_t *)batch->columns[0].values, 7);
    batch_unref(batch);
    free(schema);
}
