// What a data directory holds, and what is wrong with it; it may be broken.
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "store/verify.h"

struct checking {
    const struct command_line *line;
    int64_t count;
};

static void print_finding(void *owner, const char *sentence)
{
    struct checking *checking = owner;
    checking->count++;
    if (checking->line->is_json) {
        json_t *object = json_pack("{s:s}", "finding", sentence);
        json_dumpf(object, stdout, JSON_COMPACT);
        printf("\n");
        json_decref(object);
    } else {
        printf("%s\n", sentence);
    }
}

static const char *kind_name(uint8_t kind)
{
    static const char *const names[] = {
        [RECORD_BATCH] = "batch",
        [RECORD_PAD] = "padding",
        [RECORD_END] = "end",
        [RECORD_INDEX] = "index",
        [RECORD_SECTION] = "section",
        [RECORD_ROWS] = "rows",
        [RECORD_FINISH] = "finish",
        [RECORD_SEGMENT] = "segment",
        [RECORD_DIRECTORY] = "directory",
        [RECORD_TABLE] = "table",
        [RECORD_SNAPSHOT] = "snapshot",
        [RECORD_FENCED] = "fenced",
    };
    return kind < sizeof names / sizeof *names && names[kind] != NULL ? names[kind] : "?";
}

static void print_record(void *owner, const char *path, const struct record_header *record)
{
    const struct record_batch *batch = (const struct record_batch *)record;
    (void)owner;
    printf("{\"file\":\"%s\",\"position\":%" PRIu64 ",\"number\":%" PRIu64
           ",\"kind\":\"%s\",\"bytes\":%u",
           path, record->position, record->number, kind_name(record->kind), record->record_bytes);
    if (record->kind == RECORD_SECTION || record->kind == RECORD_ROWS ||
        record->kind == RECORD_FENCED) {
        printf(",\"table\":%u,\"bucket\":%u", batch->table_id, batch->bucket);
    }
    if (record->kind == RECORD_BATCH) {
        printf(",\"table\":%u,\"bucket\":%u,\"schema\":%u,\"base_offset\":%" PRIu64
               ",\"end_offset\":%" PRIu64 ",\"rows\":%u,\"timestamp_us\":%" PRId64
               ",\"writer\":%" PRId64 ",\"sequence\":%d",
               batch->table_id, batch->bucket, batch->schema_id, batch->base_offset,
               batch->end_offset, batch->row_count, batch->timestamp_us, batch->writer,
               batch->sequence);
    }
    printf("}\n");
}

// A locked disk to look at; NULL after a sentence on stderr.
static struct disk *open_disk(const struct command_line *line)
{
    struct failure failure = {0};
    struct disk *disk;
    char holder[128] = "";
    int rc = disk_open(line->data, 1, &disk);
    if (rc != 0) {
        failure_set(&failure, WEIR_ERROR_CONFIG, "cannot open the data directory %s: %s",
                    line->data, strerror(-rc));
        command_refuse(line, &failure);
        return NULL;
    }
    rc = disk->table->lock(disk, "", holder, sizeof holder);
    if (rc == -EWOULDBLOCK) {
        failure_set(&failure, WEIR_ERROR_CONFIG,
                    "%s is in use by %s; stop it first, or give another directory", line->data,
                    holder[0] == '\0' ? "another process" : holder);
        command_refuse(line, &failure);
        disk->table->destroy(disk);
        return NULL;
    }
    return disk;
}

static int check(const struct command_line *line, int prints_records, int64_t *count)
{
    struct checking checking = {line, 0};
    struct store_verification verification = {print_finding, prints_records ? print_record : NULL,
                                              &checking};
    struct disk *disk = open_disk(line);
    if (disk == NULL) {
        return COMMAND_INVALID;
    }
    int64_t rc = store_verify(disk, &store_system_memory, &verification);
    disk->table->destroy(disk);
    *count = checking.count;
    return rc == 0 ? COMMAND_FINE : COMMAND_FINDINGS;
}

int command_dump(const struct command_line *line)
{
    int64_t count;
    return check(line, 1, &count);
}

static void note_talk(void *owner, uint32_t level, const char *text)
{
    if (level >= STORE_LOG_WARNING) {
        print_finding(owner, text);
    }
}

// Opens it as a job would, to see what is missing.
static int64_t try_open(const struct command_line *line)
{
    struct checking checking = {line, 0};
    struct failure failure = {0};
    struct store *store = NULL;
    struct store_settings settings = {.is_read_only = 1, .log = note_talk, .log_owner = &checking};
    if (store_acquire(line->data, &settings, &store, &failure) != WEIR_OK) {
        print_finding(&checking, failure.text);
    }
    store_release(store);
    return checking.count;
}

int command_verify(const struct command_line *line)
{
    int64_t count = 0;
    int code = check(line, 0, &count);
    if (code == COMMAND_FINE) {
        count = try_open(line);
        code = count == 0 ? COMMAND_FINE : COMMAND_FINDINGS;
    }
    if (code != COMMAND_INVALID && !line->is_json) {
        printf("%s: %" PRId64 " findings\n", line->data, count);
    }
    return code;
}
