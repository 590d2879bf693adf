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

static char *read_all(const char *bytes, size_t size, size_t step)
{
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
    size_t size = byte_count - 1;
    char *copy = malloc(size + 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, bytes + 1, size);
    if (size > 0 && copy[size - 1] != '\n') { // as the reader does at the end of a file
        copy[size++] = '\n';
    }
    char *whole = read_all(copy, size, 0);
    char *pieces = read_all(copy, size, 1u + bytes[0] % 97);
    if (strcmp(whole, pieces) != 0) {
        abort();
    }
    free(whole);
    free(pieces);
    free(copy);
    return 0;
}
