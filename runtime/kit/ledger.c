#include "kit/ledger.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/batch.h"
#include "host/instance.h"

static struct ledger *active;

__attribute__((format(printf, 1, 2))) static void fault(const char *format, ...)
{
    if (active->fault[0] == '\0') {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(active->fault, sizeof active->fault, format, arguments);
        va_end(arguments);
    }
}

static void *grow(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    items = realloc(items, *capacity * size);
    if (items == NULL) {
        abort();
    }
    return items;
}

static struct ledger_batch *find(const struct weir_batch *batch)
{
    for (uint32_t i = active->batch_count; i-- > 0;) {
        if (active->batches[i].batch == batch) {
            return &active->batches[i];
        }
    }
    return NULL;
}

static void own(const struct weir_batch *batch)
{
    struct ledger_batch *entry = find(batch);
    if (entry == NULL) {
        active->batches = grow(active->batches, active->batch_count, &active->batch_capacity,
                               sizeof *active->batches);
        entry = &active->batches[active->batch_count++];
        *entry = (struct ledger_batch){batch, 0};
        batch_ref(batch);
    }
    entry->owned++;
}

// 1 if the operator owned it, and now owns one less.
static int disown(const struct weir_batch *batch)
{
    struct ledger_batch *entry = find(batch);
    if (entry == NULL || entry->owned == 0) {
        return 0;
    }
    entry->owned--;
    return 1;
}

static void watched_ref(const struct weir_batch *batch)
{
    own(batch);
    batch_ref(batch);
}

static void watched_unref(const struct weir_batch *batch)
{
    if (batch == NULL || disown(batch)) {
        batch_unref(batch);
    } else {
        fault("the operator gives back (weir_batch_unref) a batch that it does not own");
    }
}

static int32_t watched_emit(struct weir_context *context, uint32_t output,
                            const struct weir_batch *batch)
{
    if (batch != NULL && !disown(batch)) {
        fault("the operator emits a batch that it does not own: what was emitted is gone, and "
              "input is lent (weir_batch_ref keeps either)");
        return host_weir.fail(context, WEIR_ERROR_FATAL, active->fault);
    }
    return host_weir.emit(context, output, batch);
}

static int32_t watched_select(struct weir_context *context, const struct weir_batch *batch,
                              const uint32_t *rows, uint32_t row_count,
                              const struct weir_batch **out)
{
    int32_t rc = host_weir.batch_select(context, batch, rows, row_count, out);
    if (rc == WEIR_OK) {
        own(*out);
    }
    return rc;
}

static int32_t watched_create(struct weir_context *context, uint32_t output, uint32_t row_capacity,
                              struct weir_builder **builder)
{
    int32_t rc = host_weir.builder_create(context, output, row_capacity, builder);
    if (rc == WEIR_OK) {
        active->builders = grow(active->builders, active->builder_count, &active->builder_capacity,
                                sizeof(struct weir_builder *));
        active->builders[active->builder_count++] = *builder;
    }
    return rc;
}

static void forget_builder(const struct weir_builder *builder)
{
    uint32_t i = 0;
    while (i < active->builder_count && active->builders[i] != builder) {
        i++;
    }
    if (i < active->builder_count) {
        active->builders[i] = active->builders[--active->builder_count];
    }
}

static int32_t watched_finish(struct weir_builder *builder, uint32_t row_count,
                              const struct weir_batch **batch)
{
    forget_builder(builder);
    int32_t rc = host_weir.builder_finish(builder, row_count, batch);
    if (rc == WEIR_OK) {
        own(*batch);
    }
    return rc;
}

static void watched_discard(struct weir_builder *builder)
{
    forget_builder(builder);
    host_weir.builder_discard(builder);
}

static void *watched_allocate(struct weir_context *context, uint64_t byte_count)
{
    void *memory = host_weir.allocate(context, byte_count);
    if (memory != NULL) {
        active->memories = grow(active->memories, active->memory_count, &active->memory_capacity,
                                sizeof *active->memories);
        active->memories[active->memory_count++] = (struct ledger_memory){memory, byte_count};
    }
    return memory;
}

static void watched_release(struct weir_context *context, void *memory, uint64_t byte_count)
{
    uint32_t i = 0;
    while (i < active->memory_count && active->memories[i].memory != memory) {
        i++;
    }
    if (memory == NULL) {
        return;
    }
    if (i == active->memory_count) {
        fault("the operator releases memory that it does not hold");
        return;
    }
    if (active->memories[i].byte_count != byte_count) {
        fault("the operator releases %" PRIu64 " bytes of memory that it got as %" PRIu64,
              byte_count, active->memories[i].byte_count);
    }
    host_weir.release(context, memory, active->memories[i].byte_count);
    active->memories[i] = active->memories[--active->memory_count];
}

void ledger_install(struct weir_host *host)
{
    *host = host_weir;
    host->name = "weir-kit";
    host->batch_ref = watched_ref;
    host->batch_unref = watched_unref;
    host->emit = watched_emit;
    host->batch_select = watched_select;
    host->builder_create = watched_create;
    host->builder_finish = watched_finish;
    host->builder_discard = watched_discard;
    host->allocate = watched_allocate;
    host->release = watched_release;
}

void ledger_activate(struct ledger *ledger)
{
    active = ledger;
}

void ledger_settle(struct ledger *ledger)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ledger->batch_count; i++) {
        if (ledger->batches[i].owned > 0) {
            ledger->batches[kept++] = ledger->batches[i];
        } else {
            batch_unref(ledger->batches[i].batch);
        }
    }
    ledger->batch_count = kept;
}

const char *ledger_finish(struct ledger *ledger)
{
    static char text[256];
    uint32_t batches = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < ledger->batch_count; i++) {
        for (int32_t k = 0; k < ledger->batches[i].owned; k++, batches++) {
            batch_unref(ledger->batches[i].batch);
        }
        batch_unref(ledger->batches[i].batch);
    }
    for (uint32_t i = 0; i < ledger->memory_count; i++) {
        bytes += ledger->memories[i].byte_count;
        memory_free(ledger->memories[i].memory, ledger->memories[i].byte_count);
    }
    for (uint32_t i = 0; i < ledger->builder_count; i++) {
        host_weir.builder_discard(ledger->builders[i]);
    }
    snprintf(text, sizeof text,
             "the operator has not given back %u batch(es), %u builder(s) and %" PRIu64
             " bytes of memory",
             batches, ledger->builder_count, bytes);
    int is_clean = batches == 0 && ledger->builder_count == 0 && bytes == 0;
    free(ledger->batches);
    free(ledger->memories);
    free(ledger->builders);
    *ledger = (struct ledger){0};
    return is_clean ? NULL : text;
}
