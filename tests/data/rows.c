// Properties of batches: whatever is selected, sliced, renamed, gathered or copied, each row is the
// row that a plain list of row numbers says.
#include <errno.h>
#include <pthread.h>

#include "base/memory.h"
#include "support/random_batch.h"

#define ROWS_MAX 400u

// Rows of `batch` must be those of `origin` in the order of the model.
static void check_rows(const struct weir_batch *origin, const uint32_t *model, uint32_t row_count,
                       const struct weir_batch *batch)
{
    CHECK_INT(batch->row_count, row_count);
    CHECK_INT(batch->bucket, origin->bucket);
    CHECK_INT(batch->time_min_us, origin->time_min_us);
    CHECK_INT(batch->entered_us, origin->entered_us);
    check_is_clean(batch);
    for (uint32_t c = 0; c < origin->column_count; c++) {
        for (uint32_t i = 0; i < row_count; i++) {
            if (!random_same_value(&batch->columns[c], i, &origin->columns[c], model[i]) ||
                weir_kind(batch, i) != weir_kind(origin, model[i])) {
                test_fail(__FILE__, __LINE__, "row %u of column %s differs", i,
                          origin->schema->fields[c].name);
                return;
            }
        }
    }
}

// Each step makes the next batch and the next model; returns the new count of rows.
static uint32_t select_some(struct random *random, const struct weir_batch *batch, uint32_t *model,
                            const struct weir_batch **out)
{
    uint32_t rows[ROWS_MAX], next[ROWS_MAX] = {0}, count = 0;
    int keeps_order = (int)random_below(random, 2);
    uint32_t share = random_below(random, 101);
    for (uint32_t i = 0; i < batch->row_count; i++) {
        if (random_below(random, 100) < share) {
            rows[count] = keeps_order ? i : random_below(random, batch->row_count);
            next[count] = model[rows[count]];
            count++;
        }
    }
    CHECK_INT(batch_select(batch, rows, count, out), 0);
    memcpy(model, next, count * sizeof *model);
    return count;
}

static uint32_t slice_some(struct random *random, const struct weir_batch *batch, uint32_t *model,
                           const struct weir_batch **out)
{
    uint32_t first = random_below(random, batch->row_count + 1);
    first = random_below(random, 2) ? first : first / 64 * 64;
    uint32_t count = batch->row_count - first;
    count = random_below(random, 2) ? count : random_below(random, count + 1);
    CHECK_INT(batch_slice(batch, first, count, out), 0);
    memmove(model, model + first, count * sizeof *model);
    return count;
}

// Half of the columns shared, half copied, kinds and head inherited.
static uint32_t rebuild(struct random *random, const struct weir_batch *batch,
                        const struct weir_batch **out)
{
    struct batch_builder *builder;
    uint32_t rows = batch->row_count;
    CHECK_INT(batch_builder_create(batch->schema, rows == 0 ? 1 : rows, &builder), 0);
    batch_builder_inherit(builder, batch);
    for (uint32_t c = 0; c < batch->column_count; c++) {
        CHECK_INT(random_below(random, 2)
                      ? batch_builder_share(builder, c, batch, c)
                      : batch_builder_copy(builder, c, &batch->columns[c], rows),
                  0);
    }
    CHECK_INT(batch_builder_finish(builder, rows, out), 0);
    return rows;
}

TEST(chains_of_steps_keep_every_row)
{
    struct random random = {11};
    uint64_t before = memory_used();
    for (int i = 0; i < 300 && !test_has_failed(); i++) {
        uint32_t model[ROWS_MAX], count = random_below(&random, ROWS_MAX);
        const struct weir_batch *origin = random_batch(&random, count, 1), *batch = origin, *next;
        batch_ref(origin);
        for (uint32_t row = 0; row < count; row++) {
            model[row] = row;
        }
        for (uint32_t step = random_below(&random, 6); step > 0; step--) {
            switch (random_below(&random, 4)) {
            case 0:
                count = select_some(&random, batch, model, &next);
                break;
            case 1:
                count = slice_some(&random, batch, model, &next);
                break;
            case 2:
                count = rebuild(&random, batch, &next);
                break;
            default:
                CHECK_INT(batch_rename(batch, &random_schema, &next), 0);
            }
            batch_unref(batch);
            batch = next;
            check_rows(origin, model, count, batch);
        }
        batch_unref(batch);
        batch_unref(origin);
    }
    CHECK_INT(memory_used(), before);
}

TEST(gathering_from_many_batches_keeps_every_row)
{
    struct random random = {12};
    for (int i = 0; i < 200 && !test_has_failed(); i++) {
        const struct weir_batch *sources[3], *batch;
        struct batch_builder *builder;
        uint32_t from[ROWS_MAX], model[ROWS_MAX], count = 0;
        CHECK_INT(batch_builder_create(&random_schema, ROWS_MAX, &builder), 0);
        for (uint32_t s = 0; s < 3; s++) {
            sources[s] = random_batch(&random, 1 + random_below(&random, 200), 0);
            uint32_t more = random_below(&random, ROWS_MAX / 3);
            for (uint32_t k = 0; k < more; k++) {
                from[count + k] = s;
                model[count + k] = random_below(&random, sources[s]->row_count);
            }
            for (uint32_t c = 0; c < RANDOM_COLUMNS; c++) {
                CHECK_INT(batch_builder_gather(builder, c, sources[s], c, model + count, more), 0);
            }
            count += more;
        }
        CHECK_INT(batch_builder_finish(builder, count, &batch), 0);
        check_is_clean(batch);
        for (uint32_t c = 0; c < RANDOM_COLUMNS; c++) {
            for (uint32_t k = 0; k < count; k++) {
                CHECK(random_same_value(&batch->columns[c], k, &sources[from[k]]->columns[c],
                                        model[k]));
            }
        }
        batch_unref(batch);
        for (uint32_t s = 0; s < 3; s++) {
            batch_unref(sources[s]);
        }
    }
}

// Views as expressions make them: anything may stand under a null.
TEST(a_copy_is_clean_whatever_stands_under_nulls)
{
    static const struct weir_field fields[] = {{"number", {WEIR_TYPE_INT64, 0, 0, 1, 0}},
                                               {"text", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
                                               {"flag", {WEIR_TYPE_BOOL, 0, 0, 1, 0}}};
    static const struct weir_schema schema = {sizeof schema, 3, fields};
    const int64_t numbers[] = {1, 2, 3};
    const int32_t offsets[] = {2, 4, 6, 8};
    const uint8_t validity = 0xfd, flags = 0xff;
    struct weir_column views[] = {
        {fields[0].type, WEIR_ENCODING_PLAIN, 1, &validity, numbers, NULL},
        {fields[1].type, WEIR_ENCODING_PLAIN, 1, &validity, "..aabbcc", offsets},
        {fields[2].type, WEIR_ENCODING_PLAIN, 1, &validity, &flags, NULL},
    };
    struct batch_builder *builder;
    const struct weir_batch *batch;
    CHECK_INT(batch_builder_create(&schema, 3, &builder), 0);
    for (uint32_t c = 0; c < 3; c++) {
        CHECK_INT(batch_builder_copy(builder, c, &views[c], 3), 0);
    }
    CHECK_INT(batch_builder_finish(builder, 3, &batch), 0);
    check_is_clean(batch);
    CHECK(memcmp(batch->columns[1].values, "aa\0\0cc\0\0", 8) == 0);
    CHECK_INT(*(const uint8_t *)batch->columns[2].values, 5);
    batch_unref(batch);
}

static void *select_and_drop(void *argument)
{
    const struct weir_batch *batch = argument;
    struct random random = {(uint64_t)(uintptr_t)&random};
    for (int i = 0; i < 200; i++) {
        uint32_t model[ROWS_MAX];
        const struct weir_batch *one, *two;
        batch_ref(batch);
        for (uint32_t row = 0; row < batch->row_count; row++) {
            model[row] = row;
        }
        uint32_t count = select_some(&random, batch, model, &one);
        CHECK_INT(rebuild(&random, one, &two), count);
        batch_unref(one);
        batch_unref(two);
        batch_unref(batch);
    }
    batch_unref(batch);
    return NULL;
}

TEST(threads_may_share_a_batch)
{
    struct random random = {13};
    uint64_t before = memory_used();
    pthread_t threads[4];
    const struct weir_batch *batch = random_batch(&random, ROWS_MAX - 1, 1);
    for (int i = 0; i < 4; i++) {
        batch_ref(batch);
        CHECK_INT(pthread_create(&threads[i], NULL, select_and_drop, (void *)batch), 0);
    }
    batch_unref(batch);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    CHECK_INT(memory_used(), before);
}
