#include "support/disk_memory.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define PATH_BYTES_MAX 256u

// A file: what a reader sees, what a power cut leaves for sure, and which sectors differ.
struct entry {
    char path[PATH_BYTES_MAX];
    uint8_t *bytes;
    uint8_t *stable;
    uint8_t *is_dirty; // by sector
    uint64_t size;
    uint64_t stable_size;
    uint64_t capacity;
    struct entry *next;
};

struct failure_plan {
    int64_t countdown; // 0: none
    int error;
    int is_lasting;
};

struct memory_disk {
    struct disk base;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct entry *entries;
    struct failure_plan plans[DISK_MEMORY_CALL_COUNT];
    uint64_t calls[DISK_MEMORY_CALL_COUNT];
    char aim[PATH_BYTES_MAX]; // empty: all files
    uint64_t limit;
    uint64_t stop_after; // 0: never
    int has_stopped;
    int ignores_syncs;
    int is_stalling;
    char stalled_path[PATH_BYTES_MAX]; // empty: all
    int stalled_count;
    int is_locked;
    char note[128];
    char folders[8][PATH_BYTES_MAX];
    uint32_t folder_count;
};

struct disk_file {
    struct memory_disk *disk;
    struct entry *entry;
    int is_writable;
};

static struct memory_disk *of(struct disk *disk)
{
    return (struct memory_disk *)disk;
}

static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

// 0, or the error that this call is to give; counts it.
static int begin_call(struct memory_disk *disk, enum disk_memory_call call, const char *path)
{
    struct failure_plan *plan = &disk->plans[call];
    if (disk->has_stopped) {
        return -EIO;
    }
    if (disk->aim[0] != '\0' && strcmp(disk->aim, path) != 0) {
        return 0;
    }
    disk->calls[call]++;
    if (plan->countdown == 0 || (plan->countdown > 1 && plan->countdown--)) {
        return 0;
    }
    plan->countdown = plan->is_lasting ? 1 : 0;
    return plan->error == DISK_MEMORY_SHORT ? 1 : -plan->error;
}

// Whether the machine stops at this change.
static int stops_here(struct memory_disk *disk)
{
    if (disk->stop_after == 0 || --disk->stop_after > 0) {
        return 0;
    }
    disk->has_stopped = 1;
    return 1;
}

static struct entry *find(struct memory_disk *disk, const char *path)
{
    struct entry *entry = disk->entries;
    while (entry != NULL && strcmp(entry->path, path) != 0) {
        entry = entry->next;
    }
    return entry;
}

static struct entry *add(struct memory_disk *disk, const char *path)
{
    struct entry *entry = must(calloc(1, sizeof *entry));
    snprintf(entry->path, sizeof entry->path, "%s", path);
    entry->next = disk->entries;
    disk->entries = entry;
    return entry;
}

static void free_entry(struct entry *entry)
{
    free(entry->bytes);
    free(entry->stable);
    free(entry->is_dirty);
    free(entry);
}

static void drop(struct memory_disk *disk, struct entry *entry)
{
    struct entry **link = &disk->entries;
    while (*link != entry) {
        link = &(*link)->next;
    }
    *link = entry->next;
    free_entry(entry);
}

static void *grown(void *bytes, uint64_t from, uint64_t to)
{
    uint8_t *larger = must(realloc(bytes, to));
    memset(larger + from, 0, to - from);
    return larger;
}

static void make_room(struct entry *entry, uint64_t size)
{
    if (size > entry->capacity) {
        uint64_t capacity = (size + SECTOR - 1) / SECTOR * SECTOR;
        entry->bytes = grown(entry->bytes, entry->capacity, capacity);
        entry->stable = grown(entry->stable, entry->capacity, capacity);
        entry->is_dirty = grown(entry->is_dirty, entry->capacity / SECTOR, capacity / SECTOR);
        entry->capacity = capacity;
    }
}

static uint64_t used(struct memory_disk *disk)
{
    uint64_t sum = 0;
    for (struct entry *entry = disk->entries; entry != NULL; entry = entry->next) {
        sum += entry->size;
    }
    return sum;
}

static int memory_open(struct disk *base, const char *path, uint32_t flags, struct disk_file **out)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    int rc = begin_call(disk, DISK_MEMORY_OPEN, path);
    struct entry *entry = find(disk, path);
    if (rc == 0 && (flags & DISK_CREATE) != 0 && entry != NULL) {
        rc = -EEXIST;
    } else if (rc == 0 && (flags & DISK_CREATE) == 0 && entry == NULL) {
        rc = -ENOENT;
    }
    if (rc == 0) {
        struct disk_file *file = must(calloc(1, sizeof *file));
        file->disk = disk;
        file->entry = entry != NULL ? entry : add(disk, path);
        file->is_writable = (flags & DISK_WRITE) != 0;
        *out = file;
    }
    pthread_mutex_unlock(&disk->lock);
    return rc;
}

static void memory_close(struct disk_file *file)
{
    free(file);
}

static int64_t memory_read(struct disk_file *file, void *bytes, uint64_t byte_count,
                           uint64_t offset)
{
    pthread_mutex_lock(&file->disk->lock);
    int64_t rc = begin_call(file->disk, DISK_MEMORY_READ, file->entry->path);
    if (rc >= 0) {
        int is_short = rc > 0;
        uint64_t size = file->entry->size;
        uint64_t there = offset < size ? size - offset : 0;
        rc = (int64_t)(byte_count < there ? byte_count : there) / (is_short ? 2 : 1);
        if (rc > 0) {
            memcpy(bytes, file->entry->bytes + offset, (size_t)rc);
        }
    }
    pthread_mutex_unlock(&file->disk->lock);
    return rc;
}

static void put_bytes(struct entry *entry, const void *bytes, uint64_t byte_count, uint64_t offset)
{
    if (byte_count > 0) {
        make_room(entry, offset + byte_count);
        memcpy(entry->bytes + offset, bytes, byte_count);
        memset(entry->is_dirty + offset / SECTOR, 1,
               (offset + byte_count - 1) / SECTOR - offset / SECTOR + 1);
        entry->size = offset + byte_count > entry->size ? offset + byte_count : entry->size;
    }
}

static int memory_write(struct disk_file *file, const void *bytes, uint64_t byte_count,
                        uint64_t offset)
{
    struct memory_disk *disk = file->disk;
    pthread_mutex_lock(&disk->lock);
    assert(file->is_writable);
    int rc = begin_call(disk, DISK_MEMORY_WRITE, file->entry->path);
    uint64_t size = file->entry->size;
    uint64_t grows = offset + byte_count > size ? offset + byte_count - size : 0;
    if (rc < 0) {
        put_bytes(file->entry, bytes, disk->has_stopped ? 0 : byte_count / 2, offset);
    } else if (used(disk) + grows > disk->limit) {
        rc = -ENOSPC;
    } else {
        put_bytes(file->entry, bytes, byte_count, offset);
        rc = stops_here(disk) ? -EIO : 0;
    }
    pthread_mutex_unlock(&disk->lock);
    return rc;
}

static void settle(struct entry *entry)
{
    for (uint64_t sector = 0; sector < entry->capacity / SECTOR; sector++) {
        if (entry->is_dirty[sector]) {
            memcpy(entry->stable + sector * SECTOR, entry->bytes + sector * SECTOR, SECTOR);
            entry->is_dirty[sector] = 0;
        }
    }
    entry->stable_size = entry->size;
}

static int memory_sync(struct disk_file *file)
{
    struct memory_disk *disk = file->disk;
    pthread_mutex_lock(&disk->lock);
    int rc = begin_call(disk, DISK_MEMORY_SYNC, file->entry->path);
    if (disk->stalled_path[0] == '\0' || strcmp(disk->stalled_path, file->entry->path) == 0) {
        disk->stalled_count++;
        pthread_cond_broadcast(&disk->changed);
        while (disk->is_stalling) {
            pthread_cond_wait(&disk->changed, &disk->lock);
        }
        disk->stalled_count--;
    }
    if (rc == 0 && stops_here(disk)) {
        rc = -EIO;
    }
    if (rc == 0 && !disk->ignores_syncs) {
        settle(file->entry);
    }
    pthread_mutex_unlock(&disk->lock);
    return rc;
}

static int memory_allocate(struct disk_file *file, uint64_t byte_count)
{
    struct memory_disk *disk = file->disk;
    struct entry *entry = file->entry;
    pthread_mutex_lock(&disk->lock);
    int rc = begin_call(disk, DISK_MEMORY_ALLOCATE, entry->path);
    if (rc == 0 && byte_count > entry->size) {
        if (used(disk) + byte_count - entry->size > disk->limit) {
            rc = -ENOSPC;
        } else {
            make_room(entry, byte_count);
            entry->size = byte_count;
            rc = stops_here(disk) ? -EIO : 0;
        }
    }
    pthread_mutex_unlock(&disk->lock);
    return rc;
}

static int64_t memory_size(struct disk_file *file)
{
    pthread_mutex_lock(&file->disk->lock);
    int64_t size = (int64_t)file->entry->size;
    pthread_mutex_unlock(&file->disk->lock);
    return size;
}

static int memory_truncate(struct disk_file *file, uint64_t byte_count)
{
    struct entry *entry = file->entry;
    pthread_mutex_lock(&file->disk->lock);
    int rc = begin_call(file->disk, DISK_MEMORY_TRUNCATE, entry->path);
    if (rc == 0) {
        make_room(entry, byte_count);
        if (byte_count < entry->size) {
            memset(entry->bytes + byte_count, 0, entry->capacity - byte_count);
            memset(entry->is_dirty + byte_count / SECTOR, 1,
                   (entry->capacity - byte_count / SECTOR * SECTOR) / SECTOR);
        }
        entry->size = byte_count;
    }
    pthread_mutex_unlock(&file->disk->lock);
    return rc;
}

static int memory_rename(struct disk *base, const char *from, const char *to)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    int rc = begin_call(disk, DISK_MEMORY_RENAME, from);
    struct entry *entry = find(disk, from), *old = find(disk, to);
    if (rc == 0 && entry == NULL) {
        rc = -ENOENT;
    }
    if (rc == 0) {
        if (old != NULL && old != entry) {
            drop(disk, old);
        }
        snprintf(entry->path, sizeof entry->path, "%s", to);
        rc = stops_here(disk) ? -EIO : 0;
    }
    pthread_mutex_unlock(&disk->lock);
    return rc;
}

static int memory_unlink(struct disk *base, const char *path)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    int rc = begin_call(disk, DISK_MEMORY_UNLINK, path);
    struct entry *entry = find(disk, path);
    if (rc == 0 && entry == NULL) {
        rc = -ENOENT;
    }
    if (rc == 0) {
        drop(disk, entry);
        rc = stops_here(disk) ? -EIO : 0;
    }
    pthread_mutex_unlock(&disk->lock);
    return rc;
}

static int has_folder(struct memory_disk *disk, const char *path)
{
    for (uint32_t i = 0; i < disk->folder_count; i++) {
        if (strcmp(disk->folders[i], path) == 0) {
            return 1;
        }
    }
    return 0;
}

static int memory_make_folder(struct disk *base, const char *path)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    if (!has_folder(disk, path)) {
        assert(disk->folder_count < 8);
        snprintf(disk->folders[disk->folder_count++], PATH_BYTES_MAX, "%s", path);
    }
    pthread_mutex_unlock(&disk->lock);
    return 0;
}

// The names first, then the calls, which may use the disk.
static int memory_list(struct disk *base, const char *path,
                       int (*name)(void *owner, const char *name), void *owner)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    int rc = begin_call(disk, DISK_MEMORY_LIST, path);
    uint32_t count = 0, capacity = 0;
    size_t skip = path[0] == '\0' ? 0 : strlen(path) + 1;
    char(*names)[PATH_BYTES_MAX] = NULL;
    for (struct entry *entry = disk->entries; rc == 0 && entry != NULL; entry = entry->next) {
        if (skip > 0 &&
            (strncmp(entry->path, path, skip - 1) != 0 || entry->path[skip - 1] != '/')) {
            continue;
        }
        if (strchr(entry->path + skip, '/') == NULL) {
            if (count == capacity) {
                capacity = 2 * capacity + 16;
                names = must(realloc(names, capacity * sizeof *names));
            }
            strcpy(names[count++], entry->path + skip);
        }
    }
    if (rc == 0 && skip > 0 && count == 0 && !has_folder(disk, path)) {
        rc = -ENOENT;
    }
    pthread_mutex_unlock(&disk->lock);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = name(owner, names[i]);
    }
    free(names);
    return rc;
}

static int memory_lock(struct disk *base, const char *note, char *holder, uint32_t holder_bytes)
{
    struct memory_disk *disk = of(base);
    int rc = 0;
    pthread_mutex_lock(&disk->lock);
    if (disk->is_locked) {
        snprintf(holder, holder_bytes, "%s", disk->note);
        rc = -EWOULDBLOCK;
    } else {
        disk->is_locked = 1;
        snprintf(disk->note, sizeof disk->note, "%s", note);
    }
    pthread_mutex_unlock(&disk->lock);
    return rc;
}

static int64_t memory_space(struct disk *base)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    uint64_t taken = used(disk);
    int64_t space = taken < disk->limit ? (int64_t)((disk->limit - taken) & INT64_MAX) : 0;
    pthread_mutex_unlock(&disk->lock);
    return space;
}

static void memory_destroy(struct disk *base)
{
    struct memory_disk *disk = of(base);
    while (disk->entries != NULL) {
        drop(disk, disk->entries);
    }
    pthread_cond_destroy(&disk->changed);
    pthread_mutex_destroy(&disk->lock);
    free(disk);
}

static const struct disk_table memory_table = {
    .open = memory_open,
    .close = memory_close,
    .read = memory_read,
    .write = memory_write,
    .sync = memory_sync,
    .allocate = memory_allocate,
    .size = memory_size,
    .truncate = memory_truncate,
    .rename = memory_rename,
    .unlink = memory_unlink,
    .make_folder = memory_make_folder,
    .list = memory_list,
    .lock = memory_lock,
    .space = memory_space,
    .destroy = memory_destroy,
};

struct disk *disk_memory_create(void)
{
    struct memory_disk *disk = must(calloc(1, sizeof *disk));
    disk->base.table = &memory_table;
    strcpy(disk->base.path, "memory");
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->changed, NULL);
    disk->limit = UINT64_MAX;
    return &disk->base;
}

void disk_memory_fail(struct disk *base, enum disk_memory_call call, int64_t nth, int error)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    disk->plans[call] = (struct failure_plan){nth < 0 ? -nth : nth, error, nth < 0};
    pthread_mutex_unlock(&disk->lock);
}

void disk_memory_aim(struct disk *base, const char *path)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    snprintf(disk->aim, sizeof disk->aim, "%s", path != NULL ? path : "");
    pthread_mutex_unlock(&disk->lock);
}

void disk_memory_halt(struct disk *base)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    disk->has_stopped = 1;
    pthread_mutex_unlock(&disk->lock);
}

void disk_memory_heal(struct disk *base)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    disk->has_stopped = 0;
    disk->stop_after = 0;
    disk->is_locked = 0;
    memset(disk->plans, 0, sizeof disk->plans);
    pthread_mutex_unlock(&disk->lock);
}

uint64_t disk_memory_calls(struct disk *base, enum disk_memory_call call)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    uint64_t count = disk->calls[call];
    pthread_mutex_unlock(&disk->lock);
    return count;
}

static void set_stalling(struct memory_disk *disk, const char *path, int is_stalling)
{
    pthread_mutex_lock(&disk->lock);
    snprintf(disk->stalled_path, sizeof disk->stalled_path, "%s", path);
    disk->is_stalling = is_stalling;
    pthread_cond_broadcast(&disk->changed);
    pthread_mutex_unlock(&disk->lock);
}

void disk_memory_stall_syncs(struct disk *disk)
{
    set_stalling(of(disk), "", 1);
}

void disk_memory_stall_syncs_of(struct disk *disk, const char *path)
{
    set_stalling(of(disk), path, 1);
}

void disk_memory_release_syncs(struct disk *disk)
{
    set_stalling(of(disk), "", 0);
}

void disk_memory_wait_stalled(struct disk *base)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    while (disk->stalled_count == 0) {
        pthread_cond_wait(&disk->changed, &disk->lock);
    }
    pthread_mutex_unlock(&disk->lock);
}

void disk_memory_ignore_syncs(struct disk *base)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    disk->ignores_syncs = 1;
    pthread_mutex_unlock(&disk->lock);
}

void disk_memory_limit(struct disk *base, uint64_t byte_count)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    disk->limit = byte_count;
    pthread_mutex_unlock(&disk->lock);
}

void disk_memory_stop_after(struct disk *base, uint64_t nth)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    disk->stop_after = nth;
    pthread_mutex_unlock(&disk->lock);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

enum cut { CUT_NOTHING_KEPT, CUT_ALL_KEPT, CUT_SECTORS, CUT_BLOCKS, CUT_PREFIX, CUT_SUFFIX, CUTS };

// Whether a dirty sector made it to the disk; `kept` is that of the sector before.
static int is_kept(enum cut cut, uint64_t sector, int kept, uint64_t *random)
{
    switch (cut) {
    case CUT_ALL_KEPT:
        return 1;
    case CUT_SECTORS:
        return next_random(random) % 2 == 0;
    case CUT_BLOCKS:
        return sector % 8 == 0 ? next_random(random) % 2 == 0 : kept;
    case CUT_PREFIX:
        return kept && next_random(random) % 16 != 0;
    case CUT_SUFFIX:
        return kept || next_random(random) % 16 == 0;
    default:
        return 0;
    }
}

static void cut_entry(struct entry *entry, uint64_t *random)
{
    enum cut cut = next_random(random) % CUTS;
    int kept = cut != CUT_SUFFIX;
    for (uint64_t sector = 0; sector < entry->capacity / SECTOR; sector++) {
        if (!entry->is_dirty[sector]) {
            continue;
        }
        kept = is_kept(cut, sector, kept, random);
        if (!kept) {
            memcpy(entry->bytes + sector * SECTOR, entry->stable + sector * SECTOR, SECTOR);
        }
    }
    if (entry->size != entry->stable_size && next_random(random) % 2 == 0) {
        entry->size = entry->stable_size;
        memset(entry->bytes + entry->size, 0, entry->capacity - entry->size);
        memset(entry->is_dirty, 1, entry->capacity / SECTOR);
    }
    settle(entry);
}

void disk_memory_power_cut(struct disk *base, uint64_t seed)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    for (struct entry *entry = disk->entries; entry != NULL; entry = entry->next) {
        cut_entry(entry, &seed);
    }
    memset(disk->plans, 0, sizeof disk->plans);
    disk->stop_after = 0;
    disk->has_stopped = 0;
    disk->is_locked = 0;
    pthread_mutex_unlock(&disk->lock);
}

uint8_t *disk_memory_bytes(struct disk *disk, const char *path, uint64_t *byte_count)
{
    struct entry *entry = find(of(disk), path);
    if (entry == NULL) {
        return NULL;
    }
    if (byte_count != NULL) {
        *byte_count = entry->size;
    }
    return entry->bytes;
}

void disk_memory_put(struct disk *base, const char *path, const void *bytes, uint64_t byte_count)
{
    struct memory_disk *disk = of(base);
    pthread_mutex_lock(&disk->lock);
    struct entry *entry = find(disk, path);
    if (entry != NULL) {
        drop(disk, entry);
    }
    entry = add(disk, path);
    put_bytes(entry, bytes, byte_count, 0);
    settle(entry);
    pthread_mutex_unlock(&disk->lock);
}

struct disk *disk_memory_copy(struct disk *disk)
{
    struct disk *copy = disk_memory_create();
    for (struct entry *entry = of(disk)->entries; entry != NULL; entry = entry->next) {
        disk_memory_put(copy, entry->path, entry->bytes, entry->size);
    }
    of(copy)->folder_count = of(disk)->folder_count;
    memcpy(of(copy)->folders, of(disk)->folders, sizeof of(copy)->folders);
    return copy;
}
