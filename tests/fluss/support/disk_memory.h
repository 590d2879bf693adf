// A disk in memory for the tests of the storage set. It behaves like a disk with a volatile cache:
// what was written and not synced may be lost, in part and out of order, when the power is cut.
// Calls can be made to fail, a sync to wait, the disk to be full.
#ifndef TESTS_FLUSS_SUPPORT_DISK_MEMORY_H
#define TESTS_FLUSS_SUPPORT_DISK_MEMORY_H

#include "base/disk.h"

enum disk_memory_call {
    DISK_MEMORY_OPEN,
    DISK_MEMORY_READ,
    DISK_MEMORY_WRITE,
    DISK_MEMORY_SYNC,
    DISK_MEMORY_ALLOCATE,
    DISK_MEMORY_TRUNCATE,
    DISK_MEMORY_RENAME,
    DISK_MEMORY_UNLINK,
    DISK_MEMORY_LIST,
    DISK_MEMORY_CALL_COUNT,
};

#define DISK_MEMORY_SHORT 0 // as an error number for READ: half of what is there is given

// An empty disk. Freed by its table's destroy, when all files are closed.
struct disk *disk_memory_create(void);
// The nth call of a kind from now on (1: the next) gives -error, once; all from there on if nth is
// negative. A failing write has written the first half of its bytes.
void disk_memory_fail(struct disk *disk, enum disk_memory_call call, int64_t nth, int error);
// Failures, and the count of calls, regard calls on this file alone from now on; NULL: on all.
void disk_memory_aim(struct disk *disk, const char *path);
// All calls give -EIO and do nothing, as if the process had been killed.
void disk_memory_halt(struct disk *disk);
void disk_memory_heal(struct disk *disk); // no call fails any more, no lock is held
uint64_t disk_memory_calls(struct disk *disk, enum disk_memory_call call); // made so far

// Syncs begin to wait; disk_memory_wait_stalled returns when one does; release lets them go on.
void disk_memory_stall_syncs(struct disk *disk);
void disk_memory_stall_syncs_of(struct disk *disk, const char *path); // of one file only
void disk_memory_wait_stalled(struct disk *disk);
void disk_memory_release_syncs(struct disk *disk);

// Syncs say that all is well and do nothing: a disk that lies, or a program without fsync.
void disk_memory_ignore_syncs(struct disk *disk);

// Bytes that all files together may take.
void disk_memory_limit(struct disk *disk, uint64_t byte_count);

// The machine stops at the nth write, sync, allocate, rename or unlink from now on: that call and
// all after it give -EIO, and what that call was to do may have been done or not.
void disk_memory_stop_after(struct disk *disk, uint64_t nth);
// Power goes and comes back: of what was not synced, any 512-byte sector may be there or not, as
// the seed has it. Lock and failures are gone. Files must have been closed.
void disk_memory_power_cut(struct disk *disk, uint64_t seed);

// The bytes of a file, to look at or to damage in place (then also what is durable). NULL: none.
// Valid until the file is written to.
uint8_t *disk_memory_bytes(struct disk *disk, const char *path, uint64_t *byte_count);
// Sets a file's bytes, durable; makes it if need be.
void disk_memory_put(struct disk *disk, const char *path, const void *bytes, uint64_t byte_count);
// A copy of all files as they are now, all durable.
struct disk *disk_memory_copy(struct disk *disk);

#endif
