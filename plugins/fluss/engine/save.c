#include "base/checksum.h"
#include "engine/inside.h"
#include "engine/snapshot.h"
#include "log/body.h"

#include <string.h>

struct image {
    struct image *next;
    uint64_t byte_count;
    _Alignas(64) uint8_t record[];
};

// What is copied under the lock, to be written after it.
struct save {
    struct bucket *bucket;
    struct failure *failure;
    struct image *first;
    struct image **last;
    const uint8_t *rows[SNAPSHOT_ROWS];
    uint32_t row_count;
    uint64_t text_bytes; // of these rows
};

static struct image *add_image(struct save *save, uint64_t record_bytes)
{
    const struct store_memory *memory = save->bucket->table->memory;
    uint64_t bytes = sizeof(struct image) + record_bytes;
    struct image *image = memory->allocate(memory, bytes);
    if (image == NULL) {
        failure_set(save->failure, WEIR_ERROR_RETRY, "no memory for a snapshot");
        return NULL;
    }
    image->next = NULL;
    image->byte_count = bytes;
    *save->last = image;
    save->last = &image->next;
    return image;
}

static void finish_images(struct save *save)
{
    const struct store_memory *memory = save->bucket->table->memory;
    while (save->first != NULL) {
        struct image *image = save->first;
        save->first = image->next;
        memory->release(memory, image, image->byte_count);
    }
}

static struct record_header header_of(uint8_t kind, uint32_t head_bytes, uint64_t record_bytes,
                                      const uint8_t *record)
{
    return (struct record_header){
        .magic = RECORD_MAGIC,
        .version = RECORD_VERSION,
        .kind = kind,
        .head_bytes = (uint16_t)head_bytes,
        .record_bytes = (uint32_t)record_bytes,
        .body_crc = checksum_crc32c(0, record + head_bytes, record_bytes - head_bytes),
    };
}

static int32_t save_section(struct save *save)
{
    const struct bucket *bucket = save->bucket;
    const struct index *index = bucket->index;
    struct snapshot_section section = {
        .table_id = bucket->table->definition->table_id,
        .bucket = bucket->number,
        .schema_id = bucket->table->definition->schema_id,
        .end_offset = bucket->end_offset,
        .position = bucket->position,
        .row_count = index == NULL || index->table->is_on_disk ? 0 : index->table->row_count(index),
        .newest_us = bucket->newest_us,
        .auto_increment = bucket->auto_next,
    };
    struct image *image = add_image(save, section_bytes(&bucket->writers));
    if (image == NULL) {
        return WEIR_ERROR_RETRY;
    }
    section_write(&section, &bucket->writers, image->record);
    return WEIR_OK;
}

static void fill_written(const struct save *save, int64_t *written)
{
    uint32_t offset = save->bucket->layout->written_offset;
    for (uint32_t i = 0; i < save->row_count; i++) {
        written[i] = row_int64(save->rows[i], offset);
    }
}

static int32_t save_columns(struct save *save, const struct weir_column *columns,
                            uint32_t column_count)
{
    const struct bucket *bucket = save->bucket;
    uint64_t body_bytes = body_size(columns, column_count, save->row_count, 0, 0);
    uint64_t bytes = record_padded(sizeof(struct record_batch) + body_bytes);
    if (body_bytes > BODY_BYTES_MAX) {
        return failure_set(save->failure, WEIR_ERROR_DATA,
                           "%u rows of the index take %llu bytes, too many for a snapshot",
                           save->row_count, (unsigned long long)body_bytes);
    }
    struct image *image = add_image(save, bytes);
    if (image == NULL) {
        return WEIR_ERROR_RETRY;
    }
    uint8_t *body = image->record + sizeof(struct record_batch);
    uint32_t flags;
    body_encode(columns, column_count, save->row_count, NULL, TABLE_COMPRESSION_NONE, 0, body, NULL,
                &flags);
    memset(body + body_bytes, 0, bytes - sizeof(struct record_batch) - body_bytes);
    struct record_batch record = {
        .header = header_of(RECORD_ROWS, sizeof record, bytes, image->record),
        .table_id = bucket->table->definition->table_id,
        .bucket = bucket->number,
        .schema_id = bucket->table->definition->schema_id,
        .base_offset = bucket->end_offset,
        .end_offset = bucket->end_offset,
        .timestamp_us = bucket->newest_us,
        .writer = RECORD_WRITER_NONE,
        .row_count = save->row_count,
        .column_count = column_count,
        .time_min_us = WEIR_TIME_NONE,
        .time_max_us = WEIR_TIME_NONE,
    };
    memcpy(image->record, &record, sizeof record);
    return WEIR_OK;
}

static int32_t save_rows(struct save *save)
{
    const struct row_layout *layout = save->bucket->layout;
    uint32_t column_count = layout->column_count;
    struct arena arena;
    arena_init(&arena, save->bucket->table->memory);
    struct weir_column *columns = arena_get(&arena, (column_count + 1) * sizeof *columns);
    uint8_t *room = arena_get(&arena, row_columns_bytes(layout, save->rows, save->row_count));
    int64_t *written = arena_get(&arena, save->row_count * sizeof *written);
    int32_t code = WEIR_ERROR_RETRY;
    if (columns == NULL || room == NULL || written == NULL) {
        failure_set(save->failure, code, "no memory for a snapshot");
    } else {
        row_columns_fill(layout, save->rows, save->row_count, room, columns);
        if (layout->written_offset != ROW_NONE) {
            fill_written(save, written);
            columns[column_count++] =
                (struct weir_column){.type = weir_type_of(WEIR_TYPE_INT64), .values = written};
        }
        code = save_columns(save, columns, column_count);
    }
    arena_finish(&arena);
    save->row_count = 0;
    save->text_bytes = 0;
    return code;
}

// Rows with much text fill a record sooner.
static int32_t save_row(void *owner, const uint8_t *row)
{
    struct save *save = owner;
    const struct row_layout *layout = save->bucket->layout;
    for (uint32_t i = 0; i < layout->text_count; i++) {
        save->text_bytes += ((const struct row_text *)(row + layout->texts[i]))->length;
    }
    save->rows[save->row_count++] = row;
    return save->row_count == SNAPSHOT_ROWS || save->text_bytes >= SNAPSHOT_TEXT_BYTES
               ? save_rows(save)
               : WEIR_OK;
}

static int32_t save_all(struct save *save)
{
    struct index *index = save->bucket->index;
    struct index_walk walk = {0};
    int32_t code = save_section(save);
    if (code == WEIR_OK && index != NULL && !index->table->is_on_disk) {
        code = index->table->visit(index, &walk, save_row, save, save->failure);
    }
    return code == WEIR_OK && save->row_count > 0 ? save_rows(save) : code;
}

static int32_t write_images(struct save *save,
                            int32_t (*write)(void *owner, struct record_header *record,
                                             struct failure *failure),
                            void *owner)
{
    int32_t code = WEIR_OK;
    for (struct image *image = save->first; image != NULL && code == WEIR_OK; image = image->next) {
        code = write(owner, (struct record_header *)image->record, save->failure);
    }
    return code;
}

int32_t bucket_save(struct bucket *bucket,
                    int32_t (*write)(void *owner, struct record_header *record,
                                     struct failure *failure),
                    void *owner, uint64_t *end_offset, uint64_t *position, struct failure *failure)
{
    const struct store_memory *memory = bucket->table->memory;
    struct save *save = memory->allocate(memory, sizeof *save);
    if (save == NULL) {
        return failure_set(failure, WEIR_ERROR_RETRY, "no memory for a snapshot");
    }
    save->bucket = bucket;
    save->failure = failure;
    save->first = NULL;
    save->last = &save->first;
    save->row_count = 0;
    save->text_bytes = 0;
    int32_t code = bucket_enter(bucket, failure);
    if (code == WEIR_OK) {
        code = save_all(save);
        *end_offset = bucket->end_offset;
        *position = bucket->position;
        bucket_leave(bucket);
    }
    if (code == WEIR_OK) {
        code = write_images(save, write, owner);
    }
    finish_images(save);
    memory->release(memory, save, sizeof *save);
    return code;
}
