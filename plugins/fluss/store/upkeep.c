// The thread of a store: snapshots, retention, rows whose time is over.
#include <errno.h>
#include <time.h>

#include "store/store_body.h"

#define NOTICE_BYTES (UINT64_C(16) << 20) // of log, until the thread looks
#define IDLE_NS (INT64_C(1) * 1000000000)
#define RETAIN_NS (INT64_C(5) * 1000000000)
#define EXPIRE_NS (INT64_C(15) * 1000000000)

// Small limits of retention need snapshots more often: a quarter of the smallest.
static uint64_t snapshot_bytes(struct store *store)
{
    uint64_t most = store->settings.snapshot_bytes;
    pthread_rwlock_rdlock(&store->shape);
    for (uint32_t i = 0; i < store->table_count; i++) {
        uint64_t quarter = store->tables[i]->entry->definition.retention_bytes / 4;
        most = quarter != 0 && quarter < most ? quarter : most;
    }
    pthread_rwlock_unlock(&store->shape);
    return most;
}

static int has_full_table(struct store *store)
{
    int is_full = 0;
    pthread_rwlock_rdlock(&store->shape);
    for (uint32_t i = 0; i < store->table_count; i++) {
        is_full |= atomic_load_explicit(&store->tables[i]->is_full, memory_order_relaxed);
    }
    pthread_rwlock_unlock(&store->shape);
    return is_full;
}

static int is_snapshot_due(struct store *store, int64_t now)
{
    uint64_t durable = stream_durable(store->stream);
    pthread_mutex_lock(&store->upkeep_lock);
    uint64_t covered = store->snapshot_count > 0 ? store->snapshots[0].replay_from : 0;
    int is_uncovered =
        store->snapshot_count < SNAPSHOTS_KEPT || store->snapshots[1].replay_from < covered;
    pthread_mutex_unlock(&store->upkeep_lock);
    // What the second newest covers may go: writers that wait for that write nothing that could
    // make another due.
    if (is_uncovered && has_full_table(store)) {
        return 1;
    }
    if (durable <= covered || durable == store->opened_at) {
        return 0;
    }
    return durable - covered >= snapshot_bytes(store) ||
           now - store->snapshot_ns >= store->settings.snapshot_delay_us * 1000;
}

static void tell(struct store *store, const char *what, int32_t rc, const struct failure *failure)
{
    if (rc != WEIR_OK && rc != WEIR_ERROR_RETRY) {
        store_log(store, STORE_LOG_ERROR, "%s: %s", what, failure->text);
    }
}

static void do_what_is_due(struct store *store)
{
    struct failure failure = {0};
    int64_t now = store->clock->monotonic_ns(store->clock);
    uint64_t durable = stream_durable(store->stream);
    uint64_t seen = atomic_load(&store->noticed);
    if (is_snapshot_due(store, now)) {
        tell(store, "snapshot", snapshot_take(store, &failure), &failure);
        store->snapshot_ns = store->clock->monotonic_ns(store->clock);
        store->retained_ns = 0;
    }
    pthread_mutex_lock(&store->upkeep_lock);
    if (durable - seen >= NOTICE_BYTES || now - store->retained_ns >= RETAIN_NS) {
        tell(store, "retention", retain_apply(store, &failure), &failure);
        store->retained_ns = now;
    }
    if (now - store->expired_ns >= EXPIRE_NS) {
        tell(store, "time to live", expire_apply(store, &failure), &failure);
        store->expired_ns = now;
    }
    pthread_mutex_unlock(&store->upkeep_lock);
    atomic_store(&store->noticed, durable);
}

static void wait_a_while(struct store *store)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_NS / 1000000000;
    if (!store->is_stopping) {
        pthread_cond_timedwait(&store->wake, &store->wake_lock, &until);
    }
}

static void *run(void *argument)
{
    struct store *store = argument;
    pthread_mutex_lock(&store->wake_lock);
    while (!store->is_stopping) {
        wait_a_while(store);
        if (!store->is_stopping) {
            pthread_mutex_unlock(&store->wake_lock);
            do_what_is_due(store);
            pthread_mutex_lock(&store->wake_lock);
        }
    }
    pthread_mutex_unlock(&store->wake_lock);
    return NULL;
}

void upkeep_notice(struct store *store, uint64_t durable)
{
    if (durable - atomic_load_explicit(&store->noticed, memory_order_relaxed) >= NOTICE_BYTES) {
        pthread_mutex_lock(&store->wake_lock);
        pthread_cond_signal(&store->wake);
        pthread_mutex_unlock(&store->wake_lock);
    }
}

int32_t upkeep_start(struct store *store, struct failure *failure)
{
    store->snapshot_ns = store->clock->monotonic_ns(store->clock);
    store->expired_ns = store->snapshot_ns;
    atomic_store(&store->noticed, stream_durable(store->stream));
    if (pthread_create(&store->thread, NULL, run, store) != 0) {
        return failure_set(failure, WEIR_ERROR_FATAL, "cannot start the thread of a store");
    }
    store->has_thread = 1;
    return WEIR_OK;
}

void upkeep_stop(struct store *store)
{
    if (!store->has_thread) {
        return;
    }
    pthread_mutex_lock(&store->wake_lock);
    store->is_stopping = 1;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->wake_lock);
    pthread_join(store->thread, NULL);
    store->has_thread = 0;
}
