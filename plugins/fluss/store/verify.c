#include "store/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log/stream.h"
#include "store/catalog.h"
#include "store/records.h"
#include "store/snapshot.h"

struct verifying {
    struct disk *disk;
    const struct store_memory *memory;
    const struct store_verification *to;
    int64_t count;
};

__attribute__((format(printf, 2, 3))) static void find(struct verifying *verifying,
                                                       const char *format, ...)
{
    char sentence[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    verifying->count++;
    verifying->to->finding(verifying->to->owner, sentence);
}

static void verify_records(struct verifying *verifying, const char *path, uint8_t first_kind)
{
    struct records_reader reader;
    struct failure failure = {0};
    const struct record_header *record;
    uint8_t last = 0;
    int32_t rc = records_open(verifying->disk, verifying->memory, path, &reader, &failure);
    if (rc != WEIR_OK) {
        find(verifying, "%s", failure.text);
        return;
    }
    while ((rc = records_next(&reader, &record, &failure)) == WEIR_OK) {
        if (record->number == 1 && record->kind != first_kind) {
            find(verifying, "%s/%s: it begins with a record of another kind of file",
                 verifying->disk->path, path);
        }
        last = record->kind;
        if (verifying->to->record != NULL) {
            verifying->to->record(verifying->to->owner, path, record);
        }
    }
    if (rc < 0) {
        find(verifying, "%s", failure.text);
    } else if (last != RECORD_FINISH) {
        find(verifying, "%s/%s: it ends at byte %" PRIu64 " without its last record",
             verifying->disk->path, path, reader.position);
    }
    records_close(&reader);
}

static void verify_catalog(struct verifying *verifying)
{
    struct catalog catalog;
    struct failure report, failure = {0};
    int64_t before = verifying->count;
    verify_records(verifying, CATALOG_PATH, RECORD_DIRECTORY);
    verify_records(verifying, CATALOG_COPY_PATH, RECORD_DIRECTORY);
    if (verifying->count != before) {
        return;
    }
    int32_t rc = catalog_read(verifying->disk, verifying->memory, &catalog, &report, &failure);
    if (rc != WEIR_OK) {
        find(verifying, "%s", failure.text);
        return;
    }
    if (report.code != WEIR_OK) {
        find(verifying, "%s", report.text);
    }
    catalog_finish(&catalog);
}

static int verify_top(void *owner, const char *name)
{
    static const char *const known[] = {
        CATALOG_PATH, CATALOG_COPY_PATH, SNAPSHOT_FOLDER, "log", "lock", "rocksdb", NULL};
    struct verifying *verifying = owner;
    for (uint32_t i = 0; known[i] != NULL; i++) {
        if (strcmp(known[i], name) == 0) {
            return 0;
        }
    }
    if (strcmp(name, CATALOG_PATH ".new") != 0) { // what a stop in the middle of a write leaves
        find(verifying, "%s/%s: not a file of a store", verifying->disk->path, name);
    }
    return 0;
}

static int verify_snapshot(void *owner, const char *name)
{
    struct verifying *verifying = owner;
    char path[RECORDS_PATH_BYTES];
    size_t length = strlen(name), suffix = strlen(".snapshot");
    if (strcmp(name, "new") == 0) {
        return 0;
    }
    if (length != 20 + suffix || strspn(name, "0123456789") != 20 ||
        strcmp(name + 20, ".snapshot") != 0) {
        find(verifying, "%s/" SNAPSHOT_FOLDER "/%s: not a file of a store", verifying->disk->path,
             name);
        return 0;
    }
    snprintf(path, sizeof path, SNAPSHOT_FOLDER "/%s", name);
    verify_records(verifying, path, RECORD_SNAPSHOT);
    return 0;
}

static void find_in_log(void *owner, const char *path, uint64_t offset, const char *why)
{
    struct verifying *verifying = owner;
    find(verifying, "%s/%s: corrupt at byte %" PRIu64 ": %s", verifying->disk->path, path, offset,
         why);
}

static void note_record(void *owner, const char *path, const struct record_header *record)
{
    const struct verifying *verifying = owner;
    if (verifying->to->record != NULL) {
        verifying->to->record(verifying->to->owner, path, record);
    }
}

int64_t store_verify(struct disk *disk, const struct store_memory *memory,
                     const struct store_verification *verification)
{
    struct verifying verifying = {disk, memory, verification, 0};
    int rc = disk->table->list(disk, "", verify_top, &verifying);
    if (rc < 0) {
        find(&verifying, "%s: cannot be read: %s", disk->path, strerror(-rc));
        return WEIR_ERROR_FATAL;
    }
    verify_catalog(&verifying);
    rc = disk->table->list(disk, SNAPSHOT_FOLDER, verify_snapshot, &verifying);
    if (rc < 0 && rc != -ENOENT) {
        find(&verifying, "%s/" SNAPSHOT_FOLDER ": cannot be read: %s", disk->path, strerror(-rc));
    }
    int64_t in_log = stream_verify(disk, memory, find_in_log, note_record, &verifying);
    return in_log < 0 ? in_log : verifying.count;
}
