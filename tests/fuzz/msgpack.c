// msgpack records: any bytes become rows or rejected records, and what is measured as a whole value
// msgpack-c takes as one of that size.
#include "packed.h"

#include <stdlib.h>

#include "connectors/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static int parse_packed(void *parser, struct parse *parse, struct rows *rows)
{
    return packed_parse(parser, parse, rows);
}

static void check_measure(const uint8_t *bytes, size_t byte_count)
{
    size_t size, offset = 0;
    const char *reason;
    msgpack_unpacked value;
    if (byte_count == 0 || packed_measure(bytes, byte_count, &size, &reason) != 0) {
        return;
    }
    msgpack_unpacked_init(&value);
    if (msgpack_unpack_next(&value, (const char *)bytes, byte_count, &offset) !=
            MSGPACK_UNPACK_SUCCESS ||
        offset != size) {
        abort();
    }
    msgpack_unpacked_destroy(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    struct weir_field columns[8];
    struct rows rows;
    struct packed packed;
    uint32_t count =
        drive_fields("a int32; b float64; c string; d int64 not null; e bytes", columns, 8);
    if (byte_count > 4096) {
        return 0;
    }
    check_measure(bytes, byte_count);
    for (size_t step = 0; step < 2; step++) {
        if (rows_init(&rows, columns, count, NULL, 8, 1) != 0 ||
            packed_init(&packed, &rows, "op") != 0) {
            abort();
        }
        free(drive(parse_packed, &packed, &rows, (const char *)bytes, byte_count, step * 5));
        packed_finish(&packed);
        rows_finish(&rows);
    }
    return 0;
}
