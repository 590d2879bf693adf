#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "store/store_body.h"

#define WRITERS_RESERVED 1024

void store_log(struct store *store, uint32_t level, const char *format, ...)
{
    char text[1024];
    if (store->settings.log == NULL) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    store->settings.log(store->settings.log_owner, level, text);
}

// --- The log of a table's buckets ---

// The record that this thread is making; a bucket makes one at a time, under its lock.
static _Thread_local struct stream_room room_of_thread;

static int32_t log_reserve(void *owner, uint32_t record_bytes, uint8_t **bytes, uint64_t *position,
                           void **room, struct failure *failure)
{
    struct table *table = owner;
    if (atomic_load_explicit(&table->is_full, memory_order_relaxed)) {
        return failure_set(failure, WEIR_ERROR_RETRY,
                           "table %s is at its limit of %" PRIu64
                           " bytes of log; writers wait until a snapshot covers what is oldest and "
                           "all readers have passed it",
                           table->entry->definition.name, table->entry->definition.retention_bytes);
    }
    int32_t rc = stream_reserve(table->store->stream, record_bytes, &room_of_thread, failure);
    if (rc == WEIR_OK) {
        *bytes = room_of_thread.bytes;
        *position = room_of_thread.position;
        *room = &room_of_thread;
    }
    return rc;
}

static void log_publish(void *owner, void *room)
{
    struct table *table = owner;
    if (table->entry->definition.durability == TABLE_DURABILITY_OS) {
        stream_publish_unsynced(table->store->stream, room);
    } else {
        stream_publish(table->store->stream, room);
    }
}

// Ids that were drawn and never used are not missed: what counts after a restart is the largest
// end of a range that a bucket has, and what the catalog says if it was written since.
static uint64_t draw_range(void *owner)
{
    struct table *table = owner;
    pthread_mutex_lock(&table->store->catalog_lock);
    uint64_t first = table->entry->next_auto_increment;
    table->entry->next_auto_increment += BUCKET_RANGE;
    pthread_mutex_unlock(&table->store->catalog_lock);
    return first;
}

// --- Tables ---

void table_condemn(struct table *table, uint32_t bucket, const char *why)
{
    struct bucket_health *health = &table->health[bucket];
    if (health->is_fenced) {
        return;
    }
    health->is_fenced = 1;
    health->why = strdup(why);
    table->store->fence_count++;
    bucket_fence(table->buckets[bucket], why);
}

static void close_buckets(struct table *table)
{
    for (uint32_t i = 0; table->buckets != NULL && i < table->entry->definition.bucket_count; i++) {
        bucket_destroy(table->buckets[i]);
        table->buckets[i] = NULL;
        table->store->fence_count -= table->health[i].is_fenced;
        free(table->health[i].why);
        table->health[i] = (struct bucket_health){0};
    }
}

int32_t table_reset(struct table *table, struct failure *failure)
{
    int32_t rc = WEIR_OK;
    close_buckets(table);
    for (uint32_t i = 0; rc == WEIR_OK && i < table->entry->definition.bucket_count; i++) {
        rc = bucket_create(&table->shared, i, &table->buckets[i], failure);
    }
    return rc;
}

static struct weir_field *make_fields(const struct table_definition *definition)
{
    struct weir_field *fields = calloc(definition->column_count, sizeof *fields);
    for (uint32_t i = 0; fields != NULL && i < definition->column_count; i++) {
        fields[i] = (struct weir_field){definition->columns[i].name, definition->columns[i].type};
    }
    return fields;
}

int32_t table_open(struct store *store, struct catalog_table *entry, struct table **out,
                   struct failure *failure)
{
    const struct table_definition *definition = &entry->definition;
    struct table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "table %s: no memory", definition->name);
    }
    table->store = store;
    table->entry = entry;
    table->fields = make_fields(definition);
    table->buckets = calloc(definition->bucket_count, sizeof(struct bucket *));
    table->health = calloc(definition->bucket_count, sizeof *table->health);
    table->log = (struct bucket_log){log_reserve, log_publish, table};
    table->shared = (struct bucket_table){.definition = definition,
                                          .fields = table->fields,
                                          .memory = store->memory,
                                          .clock = store->clock,
                                          .log = &table->log,
                                          .draw_range = draw_range,
                                          .range_owner = table};
    int32_t rc =
        table->fields == NULL || table->buckets == NULL || table->health == NULL
            ? failure_set(failure, WEIR_ERROR_FATAL, "table %s: no memory", definition->name)
            : index_open(store, definition, &table->shared.index_database, failure);
    rc = rc != WEIR_OK ? rc : table_reset(table, failure);
    if (rc != WEIR_OK) {
        table_close(table);
        return rc;
    }
    *out = table;
    return WEIR_OK;
}

void table_close(struct table *table)
{
    if (table == NULL) {
        return;
    }
    if (table->health != NULL) {
        close_buckets(table);
    }
    free(table->buckets);
    free(table->health);
    free(table->fields);
    free(table);
}

struct table *store_find(struct store *store, uint32_t table_id)
{
    for (uint32_t i = 0; i < store->table_count; i++) {
        if (store->tables[i]->entry->definition.table_id == table_id) {
            return store->tables[i];
        }
    }
    return NULL;
}

static struct table *find_name(struct store *store, const char *name)
{
    for (uint32_t i = 0; i < store->table_count; i++) {
        if (strcmp(store->tables[i]->entry->definition.name, name) == 0) {
            return store->tables[i];
        }
    }
    return NULL;
}

static int32_t refuse_read_only(struct store *store, struct failure *failure)
{
    return failure_set(failure, WEIR_ERROR_CONFIG, "%s is open for reading only",
                       store->disk->path);
}

// --- Create, alter, drop ---

static int32_t add_table(struct store *store, const struct table_definition *definition,
                         struct table **out, struct failure *failure)
{
    struct catalog_table *entry;
    struct table *table = NULL;
    struct table **tables = realloc(store->tables, (store->table_count + 1) * sizeof *tables);
    if (tables == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "table %s: no memory", definition->name);
    }
    store->tables = tables;
    pthread_mutex_lock(&store->catalog_lock);
    int32_t rc = catalog_add(&store->catalog, definition, &entry, failure);
    if (rc == WEIR_OK) {
        rc = table_open(store, entry, &table, failure);
        rc = rc != WEIR_OK ? rc
                           : catalog_write(store->disk, store->memory, &store->catalog, failure);
        if (rc != WEIR_OK) {
            table_close(table);
            catalog_remove(&store->catalog, entry);
        }
    }
    pthread_mutex_unlock(&store->catalog_lock);
    if (rc == WEIR_OK) {
        tables[store->table_count++] = table;
        *out = table;
    }
    return rc;
}

int32_t store_create(struct store *store, const struct table_definition *definition, int *existed,
                     struct table **out, struct failure *failure)
{
    struct table_definition wanted;
    int32_t rc = table_definition_copy(definition, &wanted, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    rc = table_definition_check(&wanted, failure);
    pthread_rwlock_wrlock(&store->shape);
    struct table *table = find_name(store, definition->name);
    *existed = table != NULL;
    if (rc == WEIR_OK && table != NULL) {
        rc = table_definition_same(&table->entry->definition, &wanted, failure);
    } else if (rc == WEIR_OK && store->is_read_only) {
        rc = refuse_read_only(store, failure);
    } else if (rc == WEIR_OK) {
        rc = add_table(store, &wanted, &table, failure);
    }
    if (rc == WEIR_OK) {
        *out = table;
    }
    pthread_rwlock_unlock(&store->shape);
    table_definition_finish(&wanted);
    return rc;
}

static int32_t load_into(void *owner, struct record_header *record, struct failure *failure)
{
    return bucket_load(owner, record, failure);
}

// Buckets of the new schema, with what the old ones have.
static int32_t carry_over(struct table *from, struct table *to, struct failure *failure)
{
    uint64_t end_offset, position;
    int32_t rc = WEIR_OK;
    assert(to != NULL);
    for (uint32_t i = 0; rc == WEIR_OK && i < from->entry->definition.bucket_count; i++) {
        if (from->health[i].is_fenced) {
            table_condemn(to, i, from->health[i].why);
            continue;
        }
        rc = bucket_save(from->buckets[i], load_into, to->buckets[i], &end_offset, &position,
                         failure);
    }
    return rc;
}

// The definition with one column more, checked.
static int32_t widen(const struct table_definition *definition, const struct table_column *added,
                     struct table_definition *out, struct failure *failure)
{
    if (!added->type.nullable) {
        return failure_set(failure, WEIR_ERROR_CONFIG,
                           "table %s: the column `%s` that is added must allow nulls, since the "
                           "rows that are there have no value for it; leave out `not null`",
                           definition->name, added->name);
    }
    int32_t rc = table_definition_copy(definition, out, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    struct table_column *column = &out->columns[out->column_count]; // copies have one to spare
    *column = *added;
    column->name = strdup(added->name);
    if (column->name == NULL) {
        table_definition_finish(out);
        return failure_set(failure, WEIR_ERROR_FATAL, "table %s: no memory", definition->name);
    }
    out->column_count++;
    out->schema_id++;
    rc = table_definition_check(out, failure);
    if (rc != WEIR_OK) {
        table_definition_finish(out);
    }
    return rc;
}

// Puts a table of the widened definition, which is taken over, in the place of the old one; all or
// nothing.
static int32_t change_table(struct store *store, struct table **place,
                            struct table_definition *widened, struct failure *failure)
{
    struct table *changed = NULL, *table = *place;
    struct catalog_table *old = table->entry, *entry = calloc(1, sizeof *entry);
    struct catalog_table **slot = store->catalog.tables;
    if (entry == NULL) {
        failure_set(failure, WEIR_ERROR_FATAL, "table %s: no memory", widened->name);
        table_definition_finish(widened);
        return WEIR_ERROR_FATAL;
    }
    *entry = (struct catalog_table){*widened, old->next_auto_increment};
    while (*slot != old) {
        slot++;
    }
    int32_t rc = index_settle(store, widened, failure);
    rc = rc != WEIR_OK ? rc : table_open(store, entry, &changed, failure);
    rc = rc != WEIR_OK ? rc : carry_over(table, changed, failure);
    if (rc == WEIR_OK) {
        pthread_mutex_lock(&store->catalog_lock);
        *slot = entry;
        rc = catalog_write(store->disk, store->memory, &store->catalog, failure);
        *slot = rc == WEIR_OK ? entry : old;
        pthread_mutex_unlock(&store->catalog_lock);
    }
    if (rc == WEIR_OK) {
        *place = changed;
    }
    table_close(rc == WEIR_OK ? table : changed);
    catalog_table_free(rc == WEIR_OK ? old : entry);
    return rc;
}

int32_t store_alter(struct store *store, const char *name, const struct table_column *added,
                    struct failure *failure)
{
    struct table_definition widened;
    struct table *table;
    int32_t rc = store_table(store, name, &table, failure);
    if (rc == WEIR_OK && store->is_read_only) {
        rc = refuse_read_only(store, failure);
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    pthread_rwlock_wrlock(&store->shape);
    rc = widen(&table->entry->definition, added, &widened, failure);
    if (rc == WEIR_OK) {
        struct table **place = store->tables;
        while (*place != table) {
            place++;
        }
        rc = change_table(store, place, &widened, failure);
    }
    pthread_rwlock_unlock(&store->shape);
    return rc;
}

int32_t store_drop(struct store *store, const char *name, struct failure *failure)
{
    struct table *table;
    struct failure left;
    int32_t rc = store_table(store, name, &table, failure);
    if (rc == WEIR_OK && store->is_read_only) {
        rc = refuse_read_only(store, failure);
    }
    if (rc != WEIR_OK) {
        return rc;
    }
    pthread_rwlock_wrlock(&store->shape);
    pthread_mutex_lock(&store->catalog_lock);
    struct catalog without = store->catalog;
    uint32_t count = 0;
    without.tables = malloc((without.table_count + 1) * sizeof *without.tables);
    for (uint32_t i = 0; without.tables != NULL && i < store->catalog.table_count; i++) {
        if (store->catalog.tables[i] != table->entry) {
            without.tables[count++] = store->catalog.tables[i];
        }
    }
    without.table_count = count;
    rc = without.tables == NULL
             ? failure_set(failure, WEIR_ERROR_FATAL, "table %s: no memory", name)
             : catalog_write(store->disk, store->memory, &without, failure);
    store->catalog.change = without.change;
    free(without.tables);
    if (rc == WEIR_OK) {
        uint32_t i = 0;
        while (store->tables[i] != table) {
            i++;
        }
        memmove(store->tables + i, store->tables + i + 1,
                (store->table_count - i - 1) * sizeof(struct table *));
        store->table_count--;
        struct catalog_table *entry = table->entry;
        uint32_t table_id = entry->definition.table_id;
        table_close(table);
        catalog_remove(&store->catalog, entry);
        if (index_drop(store, table_id, &left) != WEIR_OK) {
            store_log(store, STORE_LOG_WARNING, "rows of %s stay in the index on disk: %s", name,
                      left.text);
        }
    }
    pthread_mutex_unlock(&store->catalog_lock);
    pthread_rwlock_unlock(&store->shape);
    return rc;
}

// --- What there is ---

static int32_t unknown_table(struct store *store, const char *name, struct failure *failure)
{
    const char **names = calloc(store->table_count + 1, sizeof *names);
    char list[400] = "";
    for (uint32_t i = 0; names != NULL && i < store->table_count; i++) {
        size_t length = strlen(list);
        names[i] = store->tables[i]->entry->definition.name;
        snprintf(list + length, sizeof list - length, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    const char *meant = names == NULL ? NULL : nearest_name(name, names);
    int32_t rc =
        store->table_count == 0
            ? failure_set(failure, WEIR_ERROR_CONFIG, "%s has no table %.80s; it has none at all",
                          store->disk->path, name)
        : meant != NULL
            ? failure_set(failure, WEIR_ERROR_CONFIG,
                          "%s has no table %.80s; did you mean %s? There are: %s",
                          store->disk->path, name, meant, list)
            : failure_set(failure, WEIR_ERROR_CONFIG, "%s has no table %.80s; there are: %s",
                          store->disk->path, name, list);
    free(names);
    return rc;
}

int32_t store_table(struct store *store, const char *name, struct table **out,
                    struct failure *failure)
{
    pthread_rwlock_rdlock(&store->shape);
    struct table *table = find_name(store, name);
    int32_t rc = table == NULL ? unknown_table(store, name, failure) : WEIR_OK;
    pthread_rwlock_unlock(&store->shape);
    if (rc == WEIR_OK) {
        *out = table;
    }
    return rc;
}

uint32_t store_table_count(struct store *store)
{
    pthread_rwlock_rdlock(&store->shape);
    uint32_t count = store->table_count;
    pthread_rwlock_unlock(&store->shape);
    return count;
}

struct table *store_table_at(struct store *store, uint32_t i)
{
    pthread_rwlock_rdlock(&store->shape);
    struct table *table = i < store->table_count ? store->tables[i] : NULL;
    pthread_rwlock_unlock(&store->shape);
    return table;
}

const struct table_definition *table_definition(struct table *table)
{
    return &table->entry->definition;
}

const struct weir_field *table_fields(struct table *table)
{
    return table->fields;
}

struct bucket *table_bucket(struct table *table, uint32_t bucket)
{
    return table->buckets[bucket];
}

struct stream *table_stream(struct table *table)
{
    return table->store->stream;
}

uint64_t table_log_start(struct table *table, uint32_t bucket)
{
    struct stream_mark mark;
    struct bucket_status status;
    int found = stream_find(table->store->stream, table->entry->definition.table_id, bucket, 0,
                            INT64_MIN, &mark);
    if (found >= 0) {
        return mark.offset;
    }
    bucket_status(table->buckets[bucket], &status);
    return status.end_offset;
}

int64_t table_writer(struct table *table)
{
    struct store *store = table->store;
    struct failure failure = {0};
    pthread_mutex_lock(&store->catalog_lock);
    if (store->next_writer == store->catalog.next_writer) {
        store->catalog.next_writer += WRITERS_RESERVED;
        if (catalog_write(store->disk, store->memory, &store->catalog, &failure) != WEIR_OK) {
            store->catalog.next_writer -= WRITERS_RESERVED;
            pthread_mutex_unlock(&store->catalog_lock);
            return failure.code;
        }
    }
    int64_t writer = store->next_writer++;
    pthread_mutex_unlock(&store->catalog_lock);
    return writer;
}

struct shares {
    uint32_t table_id;
    uint64_t bytes;
};

static int add_share(void *owner, const struct stream_segment_info *segment)
{
    struct shares *shares = owner;
    for (uint32_t i = 0; i < segment->share_count; i++) {
        shares->bytes +=
            segment->shares[i].table_id == shares->table_id ? segment->shares[i].bytes : 0;
    }
    return 0;
}

void table_usage(struct table *table, struct table_usage *usage)
{
    struct shares shares = {table->entry->definition.table_id, 0};
    struct bucket_status status;
    *usage = (struct table_usage){0};
    for (uint32_t i = 0; i < table->entry->definition.bucket_count; i++) {
        bucket_status(table->buckets[i], &status);
        usage->rows += status.row_count;
        usage->memory_bytes += status.memory_bytes;
    }
    stream_segments(table->store->stream, add_share, &shares);
    usage->log_bytes = shares.bytes;
}
