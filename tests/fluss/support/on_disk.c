#include "support/on_disk.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/test.h"

static uint32_t folder_count;

const char *on_disk_library(void)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/plugins/fluss/fluss_rocksdb.so.1", getenv("WEIR_BUILD_ROOT"));
    return path;
}

static uint64_t durable(void *owner)
{
    return ((struct on_disk *)owner)->durable;
}

static void folder_of(uint32_t number, char *path, size_t bytes)
{
    snprintf(path, bytes, "%s/index-%u", test_folder(), number);
}

static void expect(int32_t code, const struct failure *failure)
{
    if (code != WEIR_OK) {
        test_fail(__FILE__, __LINE__, "%s", failure->text);
    }
}

static void open_database(struct on_disk *disk)
{
    char path[4096];
    struct failure failure;
    folder_of(disk->number, path, sizeof path);
    struct index_database_settings settings = {
        .path = path,
        .library = on_disk_library(),
        .memory = disk->memory == NULL ? &store_system_memory : disk->memory,
        .memory_bytes = disk->memory_bytes == 0 ? 32u << 20 : disk->memory_bytes,
        .durable = durable,
        .owner = disk,
        .has_thread = disk->has_thread,
    };
    expect(index_database_open(&settings, &disk->database, &failure), &failure);
}

void on_disk_open(struct on_disk *disk)
{
    disk->number = ++folder_count;
    open_database(disk);
}

void on_disk_crash(struct on_disk *disk)
{
    index_database_close(disk->database);
    open_database(disk);
}

void on_disk_write_back(struct on_disk *disk, uint64_t until)
{
    struct failure failure;
    disk->durable = until;
    expect(index_database_write_back(disk->database, &failure), &failure);
}

void on_disk_flush(struct on_disk *disk, uint64_t until)
{
    struct failure failure;
    disk->durable = until;
    expect(index_database_flush(disk->database, &failure), &failure);
}

void on_disk_drop(struct on_disk *disk, uint32_t table_id)
{
    struct failure failure;
    expect(index_database_drop(disk->database, table_id, &failure), &failure);
}

void on_disk_close(struct on_disk *disk)
{
    index_database_close(disk->database);
    disk->database = NULL;
}
