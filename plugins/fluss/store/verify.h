// Checks of a data directory that need not be in good order: every file, every record.
#ifndef FLUSS_STORE_VERIFY_H
#define FLUSS_STORE_VERIFY_H

#include "base/disk.h"
#include "base/memory.h"
#include "log/record.h"

struct store_verification {
    // Something is wrong: a sentence that names file, offset and cause.
    void (*finding)(void *owner, const char *sentence);
    // A good record; path is that of its file. NULL: not wanted.
    void (*record)(void *owner, const char *path, const struct record_header *record);
    void *owner;
};

// Reads every file of a data directory, whatever state it is in. Returns how much is wrong, or a
// negative class if it cannot be read at all.
int64_t store_verify(struct disk *disk, const struct store_memory *memory,
                     const struct store_verification *verification);

#endif
