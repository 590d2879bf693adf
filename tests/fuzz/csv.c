// CSV: any bytes become rows or rejected records, and the same ones in whatever pieces they come.
// The first two bytes choose the dialect and the size of the pieces.
#include "csv.h"

#include <stdlib.h>
#include <string.h>

#include "connectors/drive.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count);

static int parse_csv(void *parser, struct parse *parse, struct rows *rows)
{
    return csv_parse(parser, parse, rows);
}

static char *read_all(uint8_t choice, const char *bytes, size_t size, size_t step)
{
    static const struct csv_dialect dialects[] = {
        {',', '"', ""}, {',', '"', "NA"}, {'\t', 0, ""}, {';', '\'', "-"}};
    static const int32_t fields[] = {0, 1, 2, 3, CSV_SKIP, 4, 5, CSV_KIND, 6};
    struct weir_field columns[8];
    struct rows rows;
    struct csv csv;
    uint32_t count = drive_fields("a int32; b float64; c string; d int64 not null; e timestamp(3); "
                                  "f decimal(10,2); g bytes",
                                  columns, 8);
    uint32_t field_count = choice & 4 ? 9 : choice & 8 ? 1 : 4;
    if (rows_init(&rows, columns, count, NULL, 8, 1) != 0 ||
        csv_init(&csv, dialects[choice & 3], &rows, fields, field_count) != 0) {
        abort();
    }
    for (uint32_t i = 0; i < count; i++) {
        rows.columns[i].is_wanted = field_count == 9 || i < field_count;
    }
    char *text = drive(parse_csv, &csv, &rows, bytes, size, step);
    csv_finish(&csv);
    for (uint32_t i = 0; i < count; i++) {
        rows.columns[i].is_wanted = 1;
    }
    rows_finish(&rows);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t byte_count)
{
    if (byte_count < 2 || byte_count > 4096) {
        return 0;
    }
    drive_in_pieces(read_all, bytes[0], (const char *)bytes + 2, byte_count - 2,
                    1u + bytes[1] % 97);
    return 0;
}
