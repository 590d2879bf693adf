// Exchanges: how one task hands batches to the tasks of the next stage, whole or divided by key.
#ifndef TASK_EXCHANGE_H
#define TASK_EXCHANGE_H

#include "channel/channel.h"
#include "plan/plan.h"

struct exchange;

// The sending end in task `index` of an edge that is not chained. channels (lent) are those to the
// tasks of the edge's other end, `channel_count` of them (one where the exchange is forward or
// gather). NULL: no memory.
struct exchange *exchange_create(const struct plan *plan, const struct plan_edge *edge,
                                 uint32_t index, struct channel *const *channels,
                                 uint32_t channel_count);
void exchange_destroy(struct exchange *exchange); // NULL is fine

// Sends rows; the batch is lent. -ENOMEM.
int exchange_send(struct exchange *exchange, const struct weir_batch *batch);
// Sends a control item to every task.
int exchange_broadcast(struct exchange *exchange, const struct item *item);
int exchange_is_full(const struct exchange *exchange);
int exchange_has_rows(const struct exchange *exchange); // that nobody has taken yet

#endif
