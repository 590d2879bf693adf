#include "engine/inside.h"

static int32_t check_columns(const struct bucket *bucket, const struct weir_batch *batch,
                             struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    const struct weir_field *fields = bucket->table->fields;
    if (batch->column_count > definition->column_count) {
        return failure_set(failure, WEIR_ERROR_DATA, "the rows have %u columns, the table %u",
                           batch->column_count, definition->column_count);
    }
    for (uint32_t i = 0; i < batch->column_count; i++) {
        struct weir_type is = batch->columns[i].type, wanted = fields[i].type;
        if (is.id != wanted.id || is.precision != wanted.precision || is.scale != wanted.scale) {
            return failure_set(failure, WEIR_ERROR_DATA,
                               "column %s has another type than in the table: cast it",
                               fields[i].name);
        }
    }
    return WEIR_OK;
}

static int is_key(const struct table_definition *definition, uint32_t column)
{
    for (uint32_t i = 0; i < definition->key_count; i++) {
        if (definition->key[i] == column) {
            return 1;
        }
    }
    return 0;
}

static int32_t check_targets(const struct bucket *bucket, const struct bucket_put *put,
                             struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    enum table_merge merge =
        put->mode == BUCKET_OVERWRITE ? TABLE_MERGE_LAST_ROW : definition->merge;
    if (definition->key_count == 0 || merge == TABLE_MERGE_FIRST_ROW ||
        merge == TABLE_MERGE_VERSIONED) {
        return failure_set(failure, WEIR_ERROR_UNSUPPORTED,
                           "a partial update is not possible in a %s table: write whole rows",
                           definition->key_count == 0       ? "log"
                           : merge == TABLE_MERGE_FIRST_ROW ? "first_row"
                                                            : "versioned");
    }
    for (uint32_t i = 0; i < definition->column_count; i++) {
        const struct weir_field *field = &bucket->table->fields[i];
        if (is_key(definition, i)) {
            if (!put->targets[i]) {
                return failure_set(failure, WEIR_ERROR_DATA,
                                   "the columns of a partial update lack key column %s: add it",
                                   field->name);
            }
        } else if (definition->columns[i].is_auto_increment) {
            if (put->targets[i]) {
                return failure_set(failure, WEIR_ERROR_DATA,
                                   "column %s is auto-increment, the table gives its values: "
                                   "leave it out",
                                   field->name);
            }
        } else if (!field->type.nullable) {
            return failure_set(failure, WEIR_ERROR_DATA,
                               "a partial update needs a table whose columns outside of the key "
                               "may all be null, but column %s is NOT NULL: write whole rows",
                               field->name);
        }
    }
    return WEIR_OK;
}

static int is_null_at(const struct weir_batch *batch, uint32_t column, uint32_t row)
{
    return column >= batch->column_count ||
           batch->columns[column].encoding == WEIR_ENCODING_ABSENT ||
           weir_is_null(&batch->columns[column], row);
}

// Whether some value of a column can be null at all: most columns are settled by this.
static int has_nulls(const struct weir_batch *batch, uint32_t column)
{
    return column >= batch->column_count ||
           batch->columns[column].encoding == WEIR_ENCODING_ABSENT ||
           batch->columns[column].null_count > 0;
}

static int32_t check_nulls(const struct bucket *bucket, const struct bucket_put *put,
                           uint32_t column, int is_key_column, struct failure *failure)
{
    for (uint32_t i = 0; i < put->row_count; i++) {
        uint32_t row = put->rows[i], kind = weir_kind(put->batch, row);
        if (kind == WEIR_KIND_UPDATE_BEFORE || (kind == WEIR_KIND_DELETE && !is_key_column)) {
            continue;
        }
        if (is_null_at(put->batch, column, row)) {
            return failure_set(failure, WEIR_ERROR_DATA, "row %u: %s column %s is null", row,
                               is_key_column ? "key" : "NOT NULL",
                               bucket->table->fields[column].name);
        }
    }
    return WEIR_OK;
}

// A column as long as one value may be holds none that is longer.
static int32_t check_lengths(const struct bucket *bucket, const struct bucket_put *put,
                             uint32_t column, struct failure *failure)
{
    const struct weir_column *view = &put->batch->columns[column];
    uint32_t length;
    if (view->encoding == WEIR_ENCODING_ABSENT ||
        view->offsets[put->batch->row_count] - view->offsets[0] <= (int32_t)WEIR_VALUE_BYTES_MAX) {
        return WEIR_OK;
    }
    for (uint32_t i = 0; i < put->row_count; i++) {
        weir_text(view, put->rows[i], &length);
        if (length > WEIR_VALUE_BYTES_MAX) {
            return failure_set(
                failure, WEIR_ERROR_DATA, "row %u: column %s has %u bytes, at most %u are possible",
                put->rows[i], bucket->table->fields[column].name, length, WEIR_VALUE_BYTES_MAX);
        }
    }
    return WEIR_OK;
}

static int is_bucket_key(const struct table_definition *definition, uint32_t column)
{
    for (uint32_t i = 0; i < definition->bucket_key_count; i++) {
        if (definition->bucket_key[i] == column) {
            return 1;
        }
    }
    return 0;
}

static int32_t check_rows(const struct bucket *bucket, const struct bucket_put *put,
                          struct failure *failure)
{
    const struct table_definition *definition = bucket->table->definition;
    for (uint32_t i = 0; i < definition->column_count; i++) {
        int is_key_column = is_key(definition, i) || is_bucket_key(definition, i);
        int is_wanted = put->targets == NULL || put->targets[i];
        if (has_nulls(put->batch, i) &&
            (is_key_column || (is_wanted && !bucket->table->fields[i].type.nullable))) {
            int32_t code = check_nulls(bucket, put, i, is_key_column, failure);
            if (code != WEIR_OK) {
                return code;
            }
        }
        if (i < put->batch->column_count && weir_type_is_text(bucket->table->fields[i].type)) {
            int32_t code = check_lengths(bucket, put, i, failure);
            if (code != WEIR_OK) {
                return code;
            }
        }
    }
    return WEIR_OK;
}

int32_t check_put(const struct bucket *bucket, const struct bucket_put *put,
                  struct failure *failure)
{
    if (put->row_count > BUCKET_PUT_ROWS_MAX) {
        return failure_set(failure, WEIR_ERROR_DATA,
                           "%u rows in one put, at most %u are possible: send fewer at once",
                           put->row_count, BUCKET_PUT_ROWS_MAX);
    }
    int32_t code = check_columns(bucket, put->batch, failure);
    if (code == WEIR_OK && put->targets != NULL) {
        code = check_targets(bucket, put, failure);
    } else if (code == WEIR_OK && bucket->auto_column >= 0) {
        code = failure_set(failure, WEIR_ERROR_DATA,
                           "column %s is auto-increment, the table gives its values: name the "
                           "other columns that the rows have",
                           bucket->table->fields[bucket->auto_column].name);
    }
    return code == WEIR_OK ? check_rows(bucket, put, failure) : code;
}
