#include "task/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/batch.h"
#include "data/key.h"

struct exchange {
    uint32_t kind;           // EXCHANGE_*
    uint32_t next;           // REBALANCE: channel of the next batch
    uint32_t channel_count;  //
    int bucket_is_group;     // KEYED: a batch's bucket is the key group of all its rows
    uint32_t group_count;    //
    const uint32_t *columns; // the key
    uint32_t column_count;   //
    uint32_t *owners;        // channel of each key group
    uint32_t *groups;        // per row of the batch in hand
    uint32_t *rows;          // its rows, channel after channel
    uint32_t *ends;          // where the rows of each channel end
    struct channel *channels[];
};

static int prepare_keyed(struct exchange *exchange, const struct plan *plan,
                         const struct plan_edge *edge)
{
    const struct plan_stage *to = &plan->stages[edge->to];
    exchange->bucket_is_group = (int)to->negotiation->inputs[edge->to_input].bucket_is_group;
    exchange->group_count = to->group_count;
    exchange->columns = to->negotiation->inputs[edge->to_input].partition;
    exchange->column_count = to->negotiation->inputs[edge->to_input].partition_count;
    exchange->owners = calloc(to->group_count, sizeof(uint32_t));
    exchange->groups = calloc(WEIR_BATCH_ROWS_MAX, sizeof(uint32_t));
    exchange->rows = calloc(WEIR_BATCH_ROWS_MAX, sizeof(uint32_t));
    exchange->ends = calloc(to->parallelism + 1, sizeof(uint32_t));
    if (exchange->owners == NULL || exchange->groups == NULL || exchange->rows == NULL ||
        exchange->ends == NULL) {
        return -ENOMEM;
    }
    for (uint32_t task = 0; task < to->parallelism; task++) {
        uint32_t end = (uint32_t)((uint64_t)(task + 1) * to->group_count / to->parallelism);
        uint32_t group = (uint32_t)((uint64_t)task * to->group_count / to->parallelism);
        for (; group < end; group++) {
            exchange->owners[group] = task;
        }
    }
    return 0;
}

struct exchange *exchange_create(const struct plan *plan, const struct plan_edge *edge,
                                 uint32_t index, struct channel *const *channels,
                                 uint32_t channel_count)
{
    struct exchange *exchange =
        calloc(1, sizeof *exchange + channel_count * sizeof(struct channel *));
    if (exchange == NULL) {
        return NULL;
    }
    exchange->kind = edge->exchange;
    exchange->channel_count = channel_count;
    exchange->next = index % channel_count;
    memcpy(exchange->channels, channels, channel_count * sizeof(struct channel *));
    if (edge->exchange == EXCHANGE_KEYED && prepare_keyed(exchange, plan, edge) != 0) {
        exchange_destroy(exchange);
        return NULL;
    }
    return exchange;
}

void exchange_destroy(struct exchange *exchange)
{
    if (exchange != NULL) {
        free(exchange->owners);
        free(exchange->groups);
        free(exchange->rows);
        free(exchange->ends);
        free(exchange);
    }
}

// Hands over one reference of batch.
static int send_to(struct channel *channel, const struct weir_batch *batch)
{
    struct item item = {.kind = ITEM_BATCH, .bytes = batch_bytes(batch), .batch = batch};
    int rc = channel_push(channel, &item);
    if (rc != 0) {
        batch_unref(batch);
    }
    return rc;
}

static int send_whole(struct channel *channel, const struct weir_batch *batch)
{
    batch_ref(batch);
    return send_to(channel, batch);
}

// Sorts the rows by channel, keeping their order.
static void divide(struct exchange *exchange, uint32_t row_count)
{
    uint32_t *ends = exchange->ends;
    memset(ends, 0, (exchange->channel_count + 1) * sizeof *ends);
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t owner = exchange->owners[exchange->groups[i]];
        exchange->groups[i] = owner;
        ends[owner + 1]++;
    }
    for (uint32_t c = 0; c < exchange->channel_count; c++) {
        ends[c + 1] += ends[c];
    }
    for (uint32_t i = 0; i < row_count; i++) {
        exchange->rows[ends[exchange->groups[i]]++] = i;
    }
}

static int send_divided(struct exchange *exchange, const struct weir_batch *batch)
{
    int rc = key_groups(batch, exchange->columns, exchange->column_count, exchange->group_count,
                        exchange->groups);
    if (rc != 0) {
        return rc;
    }
    divide(exchange, batch->row_count);
    for (uint32_t c = 0, start = 0; c < exchange->channel_count; c++) {
        uint32_t count = exchange->ends[c] - start;
        const struct weir_batch *part;
        if (count == batch->row_count) {
            return send_whole(exchange->channels[c], batch);
        }
        if (count > 0) {
            rc = batch_select(batch, exchange->rows + start, count, &part);
            rc = rc != 0 ? rc : send_to(exchange->channels[c], part);
            if (rc != 0) {
                return rc;
            }
        }
        start = exchange->ends[c];
    }
    return 0;
}

int exchange_send(struct exchange *exchange, const struct weir_batch *batch)
{
    switch (exchange->kind) {
    case EXCHANGE_KEYED:
        if (exchange->bucket_is_group && batch->bucket != WEIR_BUCKET_NONE) {
            return send_whole(exchange->channels[exchange->owners[batch->bucket]], batch);
        }
        return send_divided(exchange, batch);
    case EXCHANGE_REBALANCE:
        exchange->next = (exchange->next + 1) % exchange->channel_count;
        return send_whole(exchange->channels[exchange->next], batch);
    default:
        return send_whole(exchange->channels[0], batch);
    }
}

int exchange_broadcast(struct exchange *exchange, const struct item *item)
{
    for (uint32_t c = 0; c < exchange->channel_count; c++) {
        int rc = channel_push(exchange->channels[c], item);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int exchange_is_full(const struct exchange *exchange)
{
    for (uint32_t c = 0; c < exchange->channel_count; c++) {
        if (channel_is_full(exchange->channels[c])) {
            return 1;
        }
    }
    return 0;
}

int exchange_has_rows(const struct exchange *exchange)
{
    for (uint32_t c = 0; c < exchange->channel_count; c++) {
        if (channel_bytes(exchange->channels[c]) > 0) {
            return 1;
        }
    }
    return 0;
}
