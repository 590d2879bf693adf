// The wire form: any bytes are refused or make a batch that is whole, which is then written, read
// and written again with the same bytes.
#include "data/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static void must(int condition)
{
    if (!condition) {
        abort();
    }
}

static uint8_t *encode(const struct weir_batch *batch, uint64_t *size)
{
    *size = wire_bytes(batch, 1);
    uint8_t *message = malloc(*size);
    must(message != NULL && wire_encode(batch, 1, message) == *size);
    return message;
}

// Takes every other row backwards, which reads every value that it takes.
static void select_rows(const struct weir_batch *batch)
{
    const struct weir_batch *selected;
    uint32_t *rows = malloc(((size_t)batch->row_count + 1) * sizeof *rows), count = 0;
    must(rows != NULL);
    for (uint32_t row = batch->row_count; row > 1; row -= 2) {
        rows[count++] = row - 1;
    }
    int rc = batch_select(batch, rows, count, &selected);
    must(rc == 0 || rc == -EMSGSIZE);
    if (rc == 0) {
        must(selected->row_count == count);
        batch_unref(selected);
    }
    free(rows);
}

static void check(const struct weir_batch *batch)
{
    uint64_t size, again_size;
    const struct weir_batch *again;
    must(batch->row_count <= WEIR_BATCH_ROWS_MAX && batch_bytes(batch) <= WEIR_BATCH_BYTES_MAX);
    select_rows(batch);
    uint8_t *message = encode(batch, &size);
    must(wire_decode(message, size, NULL, free, message, &again, NULL) == 0);
    uint8_t *message_again = encode(again, &again_size);
    must(again_size == size && memcmp(message, message_again, size) == 0);
    free(message_again);
    batch_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    static const struct weir_field fields[] = {
        {"id", {WEIR_TYPE_INT32, 0, 0, 0, 0}},
        {"text", {WEIR_TYPE_STRING, 0, 0, 1, 0}},
        {"flag", {WEIR_TYPE_BOOL, 0, 0, 1, 0}},
    };
    static const struct weir_schema agreed = {sizeof agreed, 3, fields};
    static const struct weir_schema *const schemas[] = {NULL, &agreed};
    for (int i = 0; i < 2; i++) {
        struct error error = {0};
        const struct weir_batch *batch;
        int rc = wire_decode(bytes, byte_count, schemas[i], NULL, NULL, &batch, &error);
        if (rc == 0) {
            check(batch);
            batch_unref(batch);
        } else {
            must(rc == -EBADMSG && error.code == rc && error.text[0] != '\0');
        }
    }
    return 0;
}
