// NDJSON: any bytes become rows or rejected records, and the same ones in whatever pieces they
// come. The first byte chooses the size of the pieces.
#include "ndjson.h"

#include <stdlib.h>
#include <string.h>

#include "connectors/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static int parse_ndjson(void *parser, struct parse *parse, struct rows *rows)
{
    return ndjson_parse(parser, parse, rows);
}

static char *read_all(uint8_t choice, const char *bytes, size_t size, size_t step)
{
    (void)choice;
    struct weir_field columns[8];
    struct rows rows;
    struct ndjson ndjson;
    uint32_t count = drive_fields("a int32; b float64; c string; d int64 not null; e date; f bool; "
                                  "g bytes",
                                  columns, 8);
    if (rows_init(&rows, columns, count, NULL, 8, 1) != 0 ||
        ndjson_init(&ndjson, &rows, "op") != 0) {
        abort();
    }
    char *text = drive(parse_ndjson, &ndjson, &rows, bytes, size, step);
    ndjson_finish(&ndjson);
    rows_finish(&rows);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    if (byte_count < 1 || byte_count > 4096) {
        return 0;
    }
    drive_in_pieces(read_all, bytes[0], (const char *)bytes + 1, byte_count - 1,
                    1u + bytes[0] % 97);
    return 0;
}
