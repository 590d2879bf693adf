// The oracle of the crash campaigns: opens a directory after a crash, reads every record and every
// row of the index, and holds them against what the writers said while they lived (the lines of
// crash_load on stdin): nothing acknowledged is lost, nothing is invented, writers and keys are in
// order, offsets are dense, and the index equals a replay of the changelog from zero. It knows the
// rows (rows.h), not the engine. usage: crash_check FOLDER <LINES      exit code 1 and a sentence
// per finding
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/body.h"
#include "rows.h"
#include "store/store.h"

enum { WRITERS_MAX = 1 << 16, FINDINGS_MAX = 20, VIEWS = 64 };

struct ack {
    int64_t writer;
    int table;
    uint32_t bucket;
    int32_t sequence;
    uint64_t base;
    uint64_t end;
};

struct row {
    int is_there;
    int64_t writer;
    int64_t sequence;
};

struct oracle {
    int is_retained;
    struct table *tables[CRASH_TABLES];
    uint32_t table_ids[CRASH_TABLES];
    struct ack *acks; // sorted by table, bucket, base
    size_t ack_count;
    size_t ack_seen;
    struct row state[CRASH_TABLES][CRASH_KEYS];
    int64_t pending[CRASH_TABLES][CRASH_BUCKETS]; // key whose -U was the last row, or -1
    uint64_t end[CRASH_TABLES][CRASH_BUCKETS];
    uint8_t known[WRITERS_MAX]; // writers that said W
    int32_t *last;              // per writer, table and bucket: last sequence in the log
    int32_t *acked;             // the same: last one acknowledged
    uint64_t record_count;
    int finding_count;
};

__attribute__((format(printf, 2, 3))) static void found(struct oracle *oracle, const char *format,
                                                        ...)
{
    if (oracle->finding_count++ < FINDINGS_MAX) {
        va_list arguments;
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        putchar('\n');
    }
}

static size_t place(int64_t writer, int table, uint32_t bucket)
{
    return ((size_t)writer * CRASH_TABLES + (size_t)table) * CRASH_BUCKETS + bucket;
}

static int compare_acks(const void *a, const void *b)
{
    const struct ack *x = a, *y = b;
    if (x->table != y->table) {
        return x->table < y->table ? -1 : 1;
    }
    if (x->bucket != y->bucket) {
        return x->bucket < y->bucket ? -1 : 1;
    }
    return (x->base > y->base) - (x->base < y->base);
}

static void read_ack(struct oracle *oracle, const struct ack *ack, size_t *capacity)
{
    if (oracle->ack_count == *capacity) {
        *capacity = 2 * *capacity + 1024;
        oracle->acks = realloc(oracle->acks, *capacity * sizeof *oracle->acks);
        if (oracle->acks == NULL) {
            abort();
        }
    }
    oracle->acks[oracle->ack_count++] = *ack;
    int32_t *acked = &oracle->acked[place(ack->writer, ack->table, ack->bucket)];
    *acked = ack->sequence > *acked ? ack->sequence : *acked;
}

static void read_lines(struct oracle *oracle)
{
    char line[1200];
    size_t capacity = 0;
    while (fgets(line, sizeof line, stdin) != NULL) {
        struct ack ack;
        long long writer;
        if (strchr(line, '\n') == NULL) {
            continue; // cut by the crash: the put was not acknowledged in full
        }
        if (sscanf(line, "W %lld", &writer) == 1 && writer >= 0 && writer < WRITERS_MAX) {
            if (oracle->known[writer]) {
                found(oracle, "writer id %lld was given twice", writer);
            }
            oracle->known[writer] = 1;
        } else if (sscanf(line, "A %" SCNd64 " %d %" SCNu32 " %" SCNd32 " %" SCNu64 " %" SCNu64,
                          &ack.writer, &ack.table, &ack.bucket, &ack.sequence, &ack.base,
                          &ack.end) == 6) {
            read_ack(oracle, &ack, &capacity);
        }
    }
    if (oracle->ack_count > 0) {
        qsort(oracle->acks, oracle->ack_count, sizeof *oracle->acks, compare_acks);
    }
}

// --- The changelog ---

static void take_row(struct oracle *oracle, int table, const struct record_batch *batch,
                     uint32_t kind, const int64_t *value)
{
    uint64_t bucket = batch->bucket;
    if (value[0] < 0 || value[0] >= CRASH_KEYS ||
        value[3] != crash_mark(value[0], value[1], value[2])) {
        found(oracle, "table %d bucket %" PRIu64 ": a row of key %" PRId64 " that nobody wrote",
              table, bucket, value[0]);
        return;
    }
    if (table == CRASH_TABLE_LOG || oracle->is_retained) {
        return;
    }
    struct row *row = &oracle->state[table][value[0]];
    int is_same = row->is_there && row->writer == value[1] && row->sequence == value[2];
    int64_t *pending = &oracle->pending[table][bucket];
    int is_full = table == CRASH_TABLE_FULL;
    int fits = kind == WEIR_KIND_INSERT          ? !row->is_there
               : kind == WEIR_KIND_UPDATE_BEFORE ? is_full && is_same
               : kind == WEIR_KIND_DELETE        ? is_same
                                                 : !is_full || *pending == value[0];
    if (!fits || (*pending >= 0 && kind != WEIR_KIND_UPDATE_AFTER)) {
        found(oracle, "table %d bucket %" PRIu64 ": kind %u of key %" PRId64 " does not follow",
              table, bucket, kind, value[0]);
    }
    *pending = kind == WEIR_KIND_UPDATE_BEFORE ? value[0] : -1;
    int is_new = kind == WEIR_KIND_INSERT || kind == WEIR_KIND_UPDATE_AFTER;
    if (is_new && (value[1] != batch->writer || value[2] != batch->sequence)) {
        found(oracle, "table %d bucket %" PRIu64 ": a row in the batch of another writer", table,
              bucket);
    }
    *row = (struct row){is_new, value[1], value[2]};
    if (kind == WEIR_KIND_UPDATE_BEFORE) {
        row->is_there = 1;
    }
}

static void take_rows(struct oracle *oracle, int table, const struct record_batch *batch)
{
    const struct weir_field *fields = table_fields(oracle->tables[table]);
    struct body_view view;
    struct weir_column columns[CRASH_COLUMNS];
    struct failure failure;
    int32_t rc = body_open(batch, fields, CRASH_COLUMNS, &view, &failure);
    for (uint32_t c = 0; rc == WEIR_OK && c < CRASH_COLUMNS; c++) {
        rc = body_column(&view, c, fields[c].type, NULL, &columns[c], &failure);
    }
    if (rc != WEIR_OK) {
        found(oracle, "%s", failure.text);
        return;
    }
    for (uint32_t r = 0; r < batch->row_count; r++) {
        int64_t value[4];
        char text[24];
        for (int c = 0; c < 4; c++) {
            value[c] = ((const int64_t *)columns[c].values)[r];
        }
        uint32_t length;
        const char *bytes = weir_text(&columns[4], r, &length);
        snprintf(text, sizeof text, "%016" PRIx64, (uint64_t)value[3]);
        if (length != 16 || memcmp(bytes, text, 16) != 0) {
            found(oracle, "table %d bucket %u: the text of a row is wrong", table, batch->bucket);
        }
        take_row(oracle, table, batch, view.kinds == NULL ? WEIR_KIND_INSERT : view.kinds[r],
                 value);
    }
}

// Acknowledgements below what is kept count as seen.
static void forget(struct oracle *oracle, int table, uint32_t bucket, uint64_t start)
{
    for (size_t i = 0; i < oracle->ack_count; i++) {
        const struct ack *ack = &oracle->acks[i];
        oracle->ack_seen += ack->table == table && ack->bucket == bucket && ack->base < start;
    }
}

static void take_record(struct oracle *oracle, const struct record_batch *batch)
{
    int table = 0;
    while (table < CRASH_TABLES && oracle->table_ids[table] != batch->table_id) {
        table++;
    }
    if (table == CRASH_TABLES || batch->bucket >= CRASH_BUCKETS || batch->writer < 0 ||
        batch->writer >= WRITERS_MAX || !oracle->known[batch->writer]) {
        found(oracle, "a record of table id %u, bucket %u, writer %" PRId64 " that nobody wrote",
              batch->table_id, batch->bucket, batch->writer);
        return;
    }
    uint64_t *end = &oracle->end[table][batch->bucket];
    int32_t *last = &oracle->last[place(batch->writer, table, batch->bucket)];
    int32_t acked = oracle->acked[place(batch->writer, table, batch->bucket)];
    if (oracle->is_retained && *end == 0) {
        forget(oracle, table, batch->bucket, batch->base_offset);
        *end = batch->base_offset;
    }
    if (oracle->is_retained && *last == -1) {
        *last = batch->sequence - 1;
    }
    if (batch->base_offset != *end) {
        found(oracle, "table %d bucket %u: offset %" PRIu64 " follows %" PRIu64, table,
              batch->bucket, batch->base_offset, *end);
    }
    if (batch->sequence != *last + 1 || batch->sequence > acked + 1) {
        found(oracle,
              "table %d bucket %u writer %" PRId64 ": sequence %d after %d, acknowledged %d", table,
              batch->bucket, batch->writer, batch->sequence, *last, acked);
    }
    *end = batch->end_offset;
    *last = batch->sequence;
    oracle->record_count++;
    struct ack key = {.table = table, .bucket = batch->bucket, .base = batch->base_offset};
    struct ack *ack = oracle->ack_count == 0 ? NULL
                                             : bsearch(&key, oracle->acks, oracle->ack_count,
                                                       sizeof key, compare_acks);
    if (ack != NULL) {
        oracle->ack_seen++;
        if (ack->end != batch->end_offset || ack->writer != batch->writer ||
            ack->sequence != batch->sequence) {
            found(oracle, "table %d bucket %u offset %" PRIu64 ": not the batch acknowledged there",
                  table, batch->bucket, batch->base_offset);
        }
    }
    take_rows(oracle, table, batch);
}

static int32_t read_log(struct oracle *oracle, struct failure *failure)
{
    struct stream *stream = table_stream(oracle->tables[0]);
    struct stream_reader *reader;
    int32_t rc = stream_reader_open(stream, stream_begin(stream), &reader, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    uint32_t count = 1;
    while (rc == WEIR_OK && count > 0) {
        struct stream_view views[VIEWS];
        rc = stream_read(reader, views, VIEWS, &count, failure);
        for (uint32_t i = 0; rc == WEIR_OK && i < count; i++) {
            take_record(oracle, (const struct record_batch *)views[i].record);
        }
    }
    stream_reader_close(reader);
    return rc;
}

// --- The index ---

static int32_t check_index(struct oracle *oracle, int table, uint32_t bucket, uint32_t *seen,
                           struct failure *failure)
{
    struct bucket_rows rows = {0};
    uint64_t end, position;
    int32_t rc = bucket_scan(table_bucket(oracle->tables[table], bucket), UINT32_MAX, 0, &rows,
                             &end, &position, failure);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (end != oracle->end[table][bucket]) {
        found(oracle, "table %d bucket %u: the index ends at %" PRIu64 ", the log at %" PRIu64,
              table, bucket, end, oracle->end[table][bucket]);
    }
    for (uint32_t r = 0; r < rows.row_count; r++) {
        int64_t value[4];
        for (int c = 0; c < 4; c++) {
            value[c] = ((const int64_t *)rows.columns[c].values)[r];
        }
        const struct row *row =
            value[0] >= 0 && value[0] < CRASH_KEYS ? &oracle->state[table][value[0]] : NULL;
        if (row == NULL || !row->is_there || row->writer != value[1] || row->sequence != value[2] ||
            value[3] != crash_mark(value[0], value[1], value[2])) {
            found(oracle,
                  "table %d bucket %u: the index has another row of key %" PRId64
                  " than the changelog",
                  table, bucket, value[0]);
        }
    }
    *seen += rows.row_count;
    bucket_rows_finish(&rows);
    return WEIR_OK;
}

static int32_t check_tables(struct oracle *oracle, struct failure *failure)
{
    int32_t rc = WEIR_OK;
    for (int table = 0; rc == WEIR_OK && !oracle->is_retained && table < CRASH_TABLE_LOG; table++) {
        uint32_t seen = 0, wanted = 0;
        for (uint32_t bucket = 0; rc == WEIR_OK && bucket < CRASH_BUCKETS; bucket++) {
            rc = check_index(oracle, table, bucket, &seen, failure);
        }
        for (int key = 0; key < CRASH_KEYS; key++) {
            wanted += (uint32_t)oracle->state[table][key].is_there;
        }
        if (rc == WEIR_OK && seen != wanted) {
            found(oracle, "table %d: the index has %u rows, the changelog makes %u", table, seen,
                  wanted);
        }
    }
    if (oracle->ack_seen != oracle->ack_count) {
        found(oracle, "%zu of %zu acknowledged puts are lost", oracle->ack_count - oracle->ack_seen,
              oracle->ack_count);
    }
    return rc;
}

static void say(void *owner, uint32_t level, const char *text)
{
    (void)owner;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

static int32_t run(struct oracle *oracle, const char *folder, struct failure *failure)
{
    struct store_settings settings = {.segment_bytes = 8u << 20, .log = say};
    struct store *store = NULL;
    int rc = disk_open(folder, 0, &settings.disk);
    rc = rc != 0 ? failure_set(failure, WEIR_ERROR_FATAL, "%s: %s", folder, strerror(-rc))
                 : store_open(&settings, &store, failure);
    for (int i = 0; rc == WEIR_OK && i < CRASH_TABLES; i++) {
        struct table_definition definition;
        int existed;
        crash_definition(i, oracle->is_retained ? CRASH_RETENTION_BYTES : 0, &definition);
        rc = store_create(store, &definition, &existed, &oracle->tables[i], failure);
        if (rc == WEIR_OK) {
            oracle->table_ids[i] = table_definition(oracle->tables[i])->table_id;
        }
        table_definition_finish(&definition);
    }
    rc = rc != WEIR_OK ? rc : read_log(oracle, failure);
    rc = rc != WEIR_OK ? rc : check_tables(oracle, failure);
    store_close(store);
    return rc;
}

int main(int argc, char **argv)
{
    static struct oracle oracle;
    oracle.is_retained = argc == 3 && strcmp(argv[2], "retain") == 0;
    if (argc != 2 && !oracle.is_retained) {
        fprintf(stderr, "usage: crash_check FOLDER [retain] <LINES\n");
        return 2;
    }
    size_t places = place(WRITERS_MAX, 0, 0);
    oracle.last = malloc(places * sizeof *oracle.last);
    oracle.acked = malloc(places * sizeof *oracle.acked);
    if (oracle.last == NULL || oracle.acked == NULL) {
        return 70;
    }
    memset(oracle.last, 0xff, places * sizeof *oracle.last);
    memset(oracle.acked, 0xff, places * sizeof *oracle.acked);
    memset(oracle.pending, 0xff, sizeof oracle.pending);
    read_lines(&oracle);
    struct failure failure = {0};
    if (run(&oracle, argv[1], &failure) != WEIR_OK) {
        found(&oracle, "%s", failure.text);
    }
    printf("%" PRIu64 " records, %zu acknowledged, %d findings\n", oracle.record_count,
           oracle.ack_count, oracle.finding_count);
    free(oracle.acks);
    free(oracle.last);
    free(oracle.acked);
    return oracle.finding_count != 0;
}
