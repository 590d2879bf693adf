// A database for indexes on disk, for tests: unless it has a thread, nothing is written back but
// when the test says so, and only what the test calls durable.
#ifndef TESTS_FLUSS_SUPPORT_ON_DISK_H
#define TESTS_FLUSS_SUPPORT_ON_DISK_H

#include "engine/index_disk.h"

struct on_disk {
    struct index_database *database;
    const struct store_memory *memory;
    _Atomic uint64_t durable; // stream position
    int has_thread;
    uint64_t memory_bytes; // 0: 32 MiB
    uint32_t number;       // of its folder
};

// Opens a new database in the folder of the test.
void on_disk_open(struct on_disk *disk);
// As a crash leaves it: what was flushed is there, and it is opened again. All buckets are gone.
void on_disk_crash(struct on_disk *disk);
void on_disk_write_back(struct on_disk *disk, uint64_t durable);
void on_disk_flush(struct on_disk *disk, uint64_t durable);
void on_disk_drop(struct on_disk *disk, uint32_t table_id);
void on_disk_close(struct on_disk *disk);
// Path of the shared object that was built.
const char *on_disk_library(void);

#endif
