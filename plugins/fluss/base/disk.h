// The disk: all that the store asks of files, behind one small table, so that tests can run on a
// disk in memory, fail any call, stall a sync, tear a write, and cut the power.
//
// Every function returns 0 (or a count) or a negative errno. Paths are relative to the folder that
// the disk was opened on and hold at most one '/'. [any] thread, one caller per file at a time for
// writes.
#ifndef FLUSS_BASE_DISK_H
#define FLUSS_BASE_DISK_H

#include <stdint.h>

#define DISK_BLOCK 4096u // offset, length and memory of a direct write are multiples of it

#define DISK_CREATE 1u // make it; it must not exist. Its name is durable on return
#define DISK_WRITE 2u
#define DISK_DIRECT 4u // past the page cache, where the file system can; reads keep to blocks too

struct disk;
struct disk_file;

struct disk_table {
    int (*open)(struct disk *disk, const char *path, uint32_t flags, struct disk_file **out);
    void (*close)(struct disk_file *file);
    // Bytes read: fewer than asked for only at the end of the file.
    int64_t (*read)(struct disk_file *file, void *bytes, uint64_t byte_count, uint64_t offset);
    int (*write)(struct disk_file *file, const void *bytes, uint64_t byte_count, uint64_t offset);
    int (*sync)(struct disk_file *file); // data and what is needed to read it
    int (*allocate)(struct disk_file *file, uint64_t byte_count); // room on the disk, contents zero
    int64_t (*size)(struct disk_file *file);
    int (*truncate)(struct disk_file *file, uint64_t byte_count);
    int (*rename)(struct disk *disk, const char *from,
                  const char *to);                           // replaces; durable on return
    int (*unlink)(struct disk *disk, const char *path);      // durable on return
    int (*make_folder)(struct disk *disk, const char *path); // 0 if it is there
    // Calls name() for every entry of a folder ("" is the top). Stops at the first value that is
    // not 0.
    int (*list)(struct disk *disk, const char *path, int (*name)(void *owner, const char *name),
                void *owner);
    // Locks the folder for this process (opened read-only: against writers alone, and without a
    // note). -EWOULDBLOCK: another one has it; then holder is its note.
    int (*lock)(struct disk *disk, const char *note, char *holder, uint32_t holder_bytes);
    int64_t (*space)(struct disk *disk); // bytes free
    void (*destroy)(struct disk *disk);
};

struct disk {
    const struct disk_table *table;
    char path[1024]; // of the folder, for messages
};

// The disk of the machine, below a folder, which is made if it is missing (not if is_read_only).
int disk_open(const char *path, int is_read_only, struct disk **out);

#endif
