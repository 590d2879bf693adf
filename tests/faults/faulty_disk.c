// A disk that fails as it is told: a FUSE file to put a loop device and a file system on.
//
// Usage, as root:
//   faulty_disk [--volatile-cache] [--seed N] [--log FILE] [--data FILE] [--foreground] IMAGE
//               MOUNT_POINT
//   losetup --find --show MOUNT_POINT/disk; mount the device that it prints
// It ends by umount MOUNT_POINT; the disk is what IMAGE then holds.
//
// --log FILE        a line per request that changes the disk: "NUMBER W OFFSET BYTES", "NUMBER F"
// (a
//                   flush), "NUMBER C WHOLE TORN LOST" (a cut, in writes)
// --data FILE       the bytes of the written lines of the log, one after the other: with both, the
//                   disk after any number of writes can be made again
// --volatile-cache  writes stay in memory until a flush (of more than 256 MiB the oldest reach the
//                   disk early, as in a real cache)
// --seed N          of the choice that a cut makes; default 1
//
// A word written to MOUNT_POINT/control sets what happens from then on; reading it tells the state.
//   ok            nothing
//   eio-write, eio-read, eio-flush    such requests fail
//   drop          writes are acknowledged and forgotten
//   lie           flushes are acknowledged, the cache stays as it is
//   slow MS       writes and flushes take so long
//   flip          one bit of what is read is wrong
//   cut           (or the signal USR1) the power goes: of the writes in the cache a random subset
//   has
//                 reached the disk, some of them torn into sectors of 512 bytes; every request
//                 fails until the disk is served anew. All outcomes of a disk that reorders are in
//                 reach: which of two writes of a sector remains depends on whether the later one
//                 is lost.
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define SECTOR_BYTES 512u
#define CACHE_BYTES_MAX (256ull << 20)

enum fault { OK, EIO_WRITE, EIO_READ, EIO_FLUSH, DROP, LIE, SLOW, FLIP, CUT, FAULT_COUNT };
static const char *const fault_names[FAULT_COUNT] = {
    "ok", "eio-write", "eio-read", "eio-flush", "drop", "lie", "slow", "flip", "cut"};

// A write that no flush has followed yet.
struct cached {
    struct cached *next;
    off_t offset;
    size_t byte_count;
    char bytes[];
};

static struct {
    pthread_mutex_t lock;
    int image;
    off_t byte_count;
    enum fault fault;
    unsigned slow_ms;
    FILE *log;
    FILE *data;
    int stays_in_foreground;
    long request_count;
    uint64_t random_state;
    // The cache: its writes in order, and the disk as a reader sees it where `is_cached` says so.
    int has_cache;
    struct cached *first;
    struct cached **end;
    uint64_t cached_bytes;
    long cached_count;
    int front;
    uint8_t *is_cached; // per sector
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .random_state = 1, .end = &disk.first};

static int is_disk(const char *path)
{
    return strcmp(path, "/disk") == 0;
}

static int is_control(const char *path)
{
    return strcmp(path, "/control") == 0;
}

static uint64_t next_random(void)
{
    uint64_t mixed = disk.random_state += 0x9e3779b97f4a7c15; // splitmix64
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

static int write_all(int file, const char *bytes, size_t byte_count, off_t offset)
{
    while (byte_count > 0) {
        ssize_t written = pwrite(file, bytes, byte_count, offset);
        if (written < 0) {
            return -errno;
        }
        bytes += written;
        byte_count -= (size_t)written;
        offset += written;
    }
    return 0;
}

// --- The cache (with the lock held) ---

static int destage_oldest(void)
{
    struct cached *oldest = disk.first;
    int rc = write_all(disk.image, oldest->bytes, oldest->byte_count, oldest->offset);
    disk.first = oldest->next;
    disk.end = disk.first == NULL ? &disk.first : disk.end;
    disk.cached_bytes -= oldest->byte_count;
    disk.cached_count--;
    free(oldest);
    return rc;
}

static int forget_cache(void)
{
    memset(disk.is_cached, 0, (size_t)disk.byte_count / SECTOR_BYTES);
    return ftruncate(disk.front, 0) != 0 || ftruncate(disk.front, disk.byte_count) != 0 ? -errno
                                                                                        : 0;
}

static int flush_cache(void)
{
    int rc = 0;
    while (disk.first != NULL) {
        int one = destage_oldest();
        rc = rc != 0 ? rc : one;
    }
    int forgotten = forget_cache();
    return rc != 0 ? rc : forgotten;
}

static int cache_write(const char *bytes, size_t byte_count, off_t offset)
{
    struct cached *cached = malloc(sizeof *cached + byte_count);
    if (cached == NULL) {
        return -ENOMEM;
    }
    int rc = write_all(disk.front, bytes, byte_count, offset);
    if (rc != 0) {
        free(cached);
        return rc;
    }
    *cached = (struct cached){NULL, offset, byte_count};
    memcpy(cached->bytes, bytes, byte_count);
    *disk.end = cached;
    disk.end = &cached->next;
    disk.cached_bytes += byte_count;
    disk.cached_count++;
    memset(disk.is_cached + offset / SECTOR_BYTES, 1, byte_count / SECTOR_BYTES);
    while (rc == 0 && disk.cached_bytes > CACHE_BYTES_MAX) {
        rc = destage_oldest();
    }
    return rc;
}

static int read_all(char *bytes, size_t byte_count, off_t offset)
{
    size_t done = 0;
    while (done < byte_count) {
        size_t run = byte_count - done;
        int source = disk.image;
        if (disk.has_cache) {
            const uint8_t *flags = disk.is_cached + (offset + (off_t)done) / SECTOR_BYTES;
            size_t sector_count = 1;
            while (sector_count * SECTOR_BYTES < run && flags[sector_count] == flags[0]) {
                sector_count++;
            }
            run = sector_count * SECTOR_BYTES < run ? sector_count * SECTOR_BYTES : run;
            source = flags[0] ? disk.front : disk.image;
        }
        ssize_t got = pread(source, bytes + done, run, offset + (off_t)done);
        if (got <= 0) {
            return got < 0 ? -errno : -EIO;
        }
        done += (size_t)got;
    }
    return 0;
}

static int write_torn(const struct cached *cached)
{
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < cached->byte_count; at += SECTOR_BYTES) {
        if (next_random() % 2 == 0) {
            rc =
                write_all(disk.image, cached->bytes + at, SECTOR_BYTES, cached->offset + (off_t)at);
        }
    }
    return rc;
}

// Half of the writes are lost, a quarter is whole, a quarter torn.
static int cut_power(void)
{
    long lost = 0, whole = 0, torn = 0;
    int rc = 0;
    for (struct cached *cached = disk.first, *next; cached != NULL; cached = next) {
        uint64_t fate = next_random() % 4;
        int one = fate < 2 ? 0
                  : fate == 2
                      ? write_all(disk.image, cached->bytes, cached->byte_count, cached->offset)
                      : write_torn(cached);
        rc = rc != 0 ? rc : one;
        *(fate < 2 ? &lost : fate == 2 ? &whole : &torn) += 1;
        next = cached->next;
        free(cached);
    }
    disk.first = NULL;
    disk.end = &disk.first;
    disk.cached_bytes = 0;
    disk.cached_count = 0;
    disk.fault = CUT;
    if (disk.log != NULL) {
        fprintf(disk.log, "%ld C %ld %ld %ld\n", disk.request_count++, whole, torn, lost);
        fflush(disk.log);
    }
    return rc;
}

// --- Requests ---

static void be_slow(void)
{
    struct timespec delay = {disk.slow_ms / 1000, (long)(disk.slow_ms % 1000) * 1000000};
    if (disk.fault == SLOW) {
        nanosleep(&delay, NULL);
    }
}

static int write_disk(const char *bytes, size_t byte_count, off_t offset)
{
    if (disk.fault == CUT || disk.fault == EIO_WRITE) {
        return -EIO;
    }
    if (disk.has_cache && (offset % SECTOR_BYTES != 0 || byte_count % SECTOR_BYTES != 0)) {
        return -EINVAL;
    }
    if (offset < 0 || offset > disk.byte_count || byte_count > (size_t)(disk.byte_count - offset)) {
        return -ENOSPC;
    }
    be_slow();
    if (disk.log != NULL) {
        fprintf(disk.log, "%ld W %lld %zu\n", disk.request_count++, (long long)offset, byte_count);
    }
    if (disk.data != NULL && fwrite(bytes, 1, byte_count, disk.data) != byte_count) {
        return -EIO;
    }
    if (disk.fault == DROP) {
        return 0;
    }
    return disk.has_cache ? cache_write(bytes, byte_count, offset)
                          : write_all(disk.image, bytes, byte_count, offset);
}

static int read_disk(char *bytes, size_t byte_count, off_t offset)
{
    if (disk.fault == CUT || disk.fault == EIO_READ) {
        return -EIO;
    }
    if (offset < 0 || offset >= disk.byte_count) {
        return 0;
    }
    if (byte_count > (size_t)(disk.byte_count - offset)) {
        byte_count = (size_t)(disk.byte_count - offset);
    }
    if (disk.has_cache && offset % SECTOR_BYTES != 0) {
        return -EINVAL;
    }
    int rc = read_all(bytes, byte_count, offset);
    if (rc == 0 && disk.fault == FLIP) {
        bytes[byte_count / 2] ^= 1;
    }
    return rc != 0 ? rc : (int)byte_count;
}

static int flush_disk(void)
{
    if (disk.fault == CUT || disk.fault == EIO_FLUSH) {
        return -EIO;
    }
    be_slow();
    if (disk.log != NULL) {
        fprintf(disk.log, "%ld F\n", disk.request_count++);
        fflush(disk.log);
    }
    if (disk.data != NULL) {
        fflush(disk.data);
    }
    return disk.has_cache && disk.fault != LIE ? flush_cache() : 0;
}

static int set_fault(const char *bytes, size_t byte_count)
{
    char words[64];
    snprintf(words, sizeof words, "%.*s", (int)(byte_count < 63 ? byte_count : 63), bytes);
    words[strcspn(words, "\n")] = '\0';
    char *argument = strchr(words, ' ');
    if (argument != NULL) {
        *argument++ = '\0';
    }
    int fault = 0;
    while (fault < FAULT_COUNT && strcmp(words, fault_names[fault]) != 0) {
        fault++;
    }
    if (fault == FAULT_COUNT || (fault == SLOW) != (argument != NULL)) {
        return -EINVAL;
    }
    if (disk.fault == CUT) {
        return -EIO;
    }
    if (fault == SLOW) {
        disk.slow_ms = (unsigned)strtoul(argument, NULL, 10);
    }
    disk.fault = (enum fault)fault;
    return fault == CUT ? cut_power() : 0;
}

static int read_control(char *bytes, size_t size, off_t offset)
{
    char state[128];
    int length =
        snprintf(state, sizeof state, "%s, %ld writes in the cache, %llu bytes\n",
                 fault_names[disk.fault], disk.cached_count, (unsigned long long)disk.cached_bytes);
    if (offset >= length) {
        return 0;
    }
    size_t rest = (size_t)(length - offset);
    memcpy(bytes, state + offset, rest < size ? rest : size);
    return (int)(rest < size ? rest : size);
}

// --- FUSE ---

static int on_getattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
    (void)info;
    *status = (struct stat){.st_mode = S_IFREG | 0600, .st_nlink = 1};
    if (strcmp(path, "/") == 0) {
        *status = (struct stat){.st_mode = S_IFDIR | 0755, .st_nlink = 2};
    } else if (is_disk(path)) {
        status->st_size = disk.byte_count;
    } else if (!is_control(path)) {
        return -ENOENT;
    }
    return 0;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
    info->direct_io = 1; // every request comes here; the kernel caches nothing
    return is_disk(path) || is_control(path) ? 0 : -ENOENT;
}

static int on_read(const char *path, char *bytes, size_t size, off_t offset,
                   struct fuse_file_info *info)
{
    (void)info;
    pthread_mutex_lock(&disk.lock);
    int rc = is_disk(path) ? read_disk(bytes, size, offset) : read_control(bytes, size, offset);
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

static int on_write(const char *path, const char *bytes, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)info;
    pthread_mutex_lock(&disk.lock);
    int rc = is_disk(path) ? write_disk(bytes, size, offset) : set_fault(bytes, size);
    pthread_mutex_unlock(&disk.lock);
    return rc != 0 ? rc : (int)size;
}

static int on_fsync(const char *path, int only_data, struct fuse_file_info *info)
{
    (void)only_data;
    (void)info;
    pthread_mutex_lock(&disk.lock);
    int rc = is_disk(path) ? flush_disk() : 0;
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
    (void)size;
    (void)info;
    return is_control(path) ? 0 : -EPERM; // a disk has its size; `echo cut > control` cuts to 0
}

// Runs from when the disk is served: the process that parsed the arguments has gone to the
// background.
static void *wait_for_cut(void *unused)
{
    sigset_t cut;
    int number;
    sigemptyset(&cut);
    sigaddset(&cut, SIGUSR1);
    while (sigwait(&cut, &number) == 0) {
        pthread_mutex_lock(&disk.lock);
        if (disk.fault != CUT) {
            cut_power();
        }
        pthread_mutex_unlock(&disk.lock);
    }
    return unused;
}

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
    pthread_t waiter;
    (void)connection;
    (void)config;
    if (pthread_create(&waiter, NULL, wait_for_cut, NULL) == 0) {
        pthread_detach(waiter);
    }
    return NULL;
}

// A disk that is switched off in order loses nothing.
static void on_destroy(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&disk.lock);
    if (disk.fault != CUT && disk.has_cache) {
        flush_cache();
    }
    if (disk.log != NULL) {
        fclose(disk.log);
    }
    if (disk.data != NULL) {
        fclose(disk.data);
    }
    pthread_mutex_unlock(&disk.lock);
}

static const struct fuse_operations operations = {
    .getattr = on_getattr,
    .open = on_open,
    .read = on_read,
    .write = on_write,
    .fsync = on_fsync,
    .truncate = on_truncate,
    .init = on_init,
    .destroy = on_destroy,
};

static FILE *open_log(const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        fprintf(stderr, "faulty_disk: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    return file;
}

static int parse_options(int count, char **arguments)
{
    static const struct option options[] = {
        {"volatile-cache", no_argument, NULL, 'v'}, {"seed", required_argument, NULL, 's'},
        {"log", required_argument, NULL, 'l'},      {"data", required_argument, NULL, 'd'},
        {"foreground", no_argument, NULL, 'f'},     {0}};
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        switch (option) {
        case 'v':
            disk.has_cache = 1;
            break;
        case 'f':
            disk.stays_in_foreground = 1;
            break;
        case 's':
            disk.random_state = strtoull(optarg, NULL, 10);
            break;
        case 'l':
            disk.log = open_log(optarg);
            break;
        case 'd':
            disk.data = open_log(optarg);
            break;
        default:
            return -1;
        }
    }
    return count - optind == 2 ? 0 : -1;
}

static int open_disk(const char *path)
{
    disk.image = open(path, O_RDWR | O_CLOEXEC);
    disk.byte_count = disk.image < 0 ? -1 : lseek(disk.image, 0, SEEK_END);
    if (disk.byte_count < 0) {
        return -1;
    }
    disk.byte_count -= disk.byte_count % SECTOR_BYTES;
    if (!disk.has_cache) {
        return 0;
    }
    disk.front = memfd_create("faulty_disk", MFD_CLOEXEC);
    disk.is_cached = calloc((size_t)disk.byte_count / SECTOR_BYTES + 1, 1);
    return disk.front < 0 || disk.is_cached == NULL ? -1 : forget_cache();
}

int main(int count, char **arguments)
{
    if (parse_options(count, arguments) != 0) {
        fprintf(stderr,
                "usage: %s [--volatile-cache] [--seed N] [--log FILE] [--data FILE] "
                "[--foreground] IMAGE MOUNT_POINT\n",
                arguments[0]);
        return 2;
    }
    if (open_disk(arguments[optind]) != 0) {
        fprintf(stderr, "faulty_disk: %s: %s\n", arguments[optind], strerror(errno));
        return 1;
    }
    sigset_t cut;
    sigemptyset(&cut);
    sigaddset(&cut, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &cut, NULL);
    char one_thread[] = "-s", foreground[] = "-f";
    char *fuse_arguments[] = {arguments[0], arguments[optind + 1], one_thread, foreground, NULL};
    return fuse_main(disk.stays_in_foreground ? 4 : 3, fuse_arguments, &operations, NULL);
}
