#include "engine/index_disk.h"
#include "engine/inside.h"

#include <stdio.h>
#include <string.h>

int32_t bucket_blame(const struct bucket *bucket, struct failure *failure)
{
    return failure_wrap(failure, "table %s, bucket %u", bucket->table->definition->name,
                        bucket->number);
}

int32_t bucket_enter(struct bucket *bucket, struct failure *failure)
{
    pthread_mutex_lock(&bucket->lock);
    if (!bucket->is_fenced) {
        return WEIR_OK;
    }
    failure_set(failure, WEIR_ERROR_FATAL, "it was closed, because %s", bucket->why);
    bucket_blame(bucket, failure);
    pthread_mutex_unlock(&bucket->lock);
    return WEIR_ERROR_FATAL;
}

void bucket_leave(struct bucket *bucket)
{
    pthread_mutex_unlock(&bucket->lock);
}

// Width of the key if it is one column whose value fits a word, else 0.
static uint32_t integer_width(const struct bucket_table *table)
{
    const struct table_definition *definition = table->definition;
    if (definition->key_count != 1) {
        return 0;
    }
    switch (table->fields[definition->key[0]].type.id) {
    case WEIR_TYPE_INT32:
    case WEIR_TYPE_DATE:
    case WEIR_TYPE_TIME:
        return 4;
    case WEIR_TYPE_INT64:
        return 8;
    default:
        return 0;
    }
}

static int32_t find_auto_column(const struct table_definition *definition)
{
    for (uint32_t i = 0; i < definition->column_count; i++) {
        if (definition->columns[i].is_auto_increment) {
            return (int32_t)i;
        }
    }
    return -1;
}

// What the index has kept is where the bucket goes on.
static int32_t open_disk_index(struct bucket *bucket, struct failure *failure)
{
    const struct bucket_table *table = bucket->table;
    const struct snapshot_section *section;
    struct index_place place = {table->definition->table_id, 0, bucket->number,
                                table->definition->schema_id};
    if (table->index_database == NULL) {
        return failure_set(failure, WEIR_ERROR_UNSUPPORTED,
                           "index = `rocksdb`: no database is open for it");
    }
    int32_t code = index_disk_create(table->index_database, &place, bucket->layout, &bucket->index,
                                     &section, failure);
    return code != WEIR_OK || section == NULL ? code
                                              : bucket_load_section(bucket, section, failure);
}

int32_t bucket_create(const struct bucket_table *table, uint32_t number, struct bucket **out,
                      struct failure *failure)
{
    const struct table_definition *definition = table->definition;
    struct bucket *bucket = table->memory->allocate(table->memory, sizeof *bucket);
    if (bucket == NULL) {
        return failure_set(failure, WEIR_ERROR_FATAL, "table %s, bucket %u: no memory",
                           definition->name, number);
    }
    memset(bucket, 0, sizeof *bucket);
    bucket->table = table;
    bucket->number = number;
    bucket->writers.memory = table->memory;
    bucket->auto_column = find_auto_column(definition);
    bucket->integer_width = integer_width(table);
    pthread_mutex_init(&bucket->lock, NULL);
    int is_log = definition->key_count == 0;
    int keeps_written = definition->ttl_us > 0 && definition->ttl_column < 0 && !is_log;
    int32_t code =
        row_layout_create(table->memory, table->fields, definition->column_count, keeps_written,
                          !is_log && bucket->integer_width == 0, &bucket->layout, failure);
    if (code == WEIR_OK && !is_log) {
        code = definition->index == TABLE_INDEX_ROCKSDB
                   ? open_disk_index(bucket, failure)
                   : index_memory_create(table->memory, bucket->layout, bucket->integer_width != 0,
                                         &bucket->index, failure);
    }
    if (code != WEIR_OK) {
        bucket_blame(bucket, failure);
        bucket_destroy(bucket);
        return code;
    }
    *out = bucket;
    return WEIR_OK;
}

void bucket_destroy(struct bucket *bucket)
{
    if (bucket == NULL) {
        return;
    }
    if (bucket->index != NULL) {
        bucket->index->table->destroy(bucket->index);
    }
    row_layout_destroy(bucket->table->memory, bucket->layout);
    writers_finish(&bucket->writers);
    pthread_mutex_destroy(&bucket->lock);
    bucket->table->memory->release(bucket->table->memory, bucket, sizeof *bucket);
}

void bucket_fence(struct bucket *bucket, const char *why)
{
    pthread_mutex_lock(&bucket->lock);
    if (!bucket->is_fenced) {
        bucket->is_fenced = 1;
        snprintf(bucket->why, sizeof bucket->why, "%s", why);
    }
    pthread_mutex_unlock(&bucket->lock);
}

void bucket_status(struct bucket *bucket, struct bucket_status *status)
{
    pthread_mutex_lock(&bucket->lock);
    struct index *index = bucket->index;
    *status = (struct bucket_status){
        .end_offset = bucket->end_offset,
        .row_count = index == NULL ? 0 : index->table->row_count(index),
        .memory_bytes = sizeof *bucket + (index == NULL ? 0 : index->table->memory_bytes(index)),
        .writer_count = bucket->writers.count,
        .auto_increment_end = bucket->auto_end,
        .is_fenced = bucket->is_fenced,
    };
    pthread_mutex_unlock(&bucket->lock);
}

uint64_t bucket_source(struct bucket *bucket, uint64_t source)
{
    pthread_mutex_lock(&bucket->lock);
    uint64_t end = writers_source(&bucket->writers, source);
    pthread_mutex_unlock(&bucket->lock);
    return end;
}
