#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PATH_BYTES_MAX 512
#define ZERO_BYTES (1u << 20)

struct file_disk {
    struct disk base;
    int folder;
    int lock; // -1: not taken
    int is_read_only;
};

struct disk_file {
    int descriptor;
};

static struct file_disk *of(struct disk *disk)
{
    return (struct file_disk *)disk;
}

// Makes the entries of the folder that holds `path` durable.
static int sync_folder_of(struct file_disk *disk, const char *path)
{
    char folder[PATH_BYTES_MAX] = ".";
    const char *slash = strchr(path, '/');
    if (slash != NULL) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    }
    int descriptor = openat(disk->folder, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return -errno;
    }
    int rc = fsync(descriptor) == 0 ? 0 : -errno;
    close(descriptor);
    return rc;
}

static int open_descriptor(struct file_disk *disk, const char *path, int flags, uint32_t wanted)
{
    int descriptor = -1;
    if ((wanted & DISK_DIRECT) != 0) {
        descriptor = openat(disk->folder, path, flags | O_DIRECT, 0644);
        if (descriptor >= 0 || errno != EINVAL) {
            return descriptor;
        }
        flags &= ~O_EXCL; // a file system without direct access refuses after it has made the file
    }
    return openat(disk->folder, path, flags, 0644);
}

static int file_open(struct disk *disk, const char *path, uint32_t flags, struct disk_file **out)
{
    int mode = O_CLOEXEC | ((flags & DISK_WRITE) != 0 ? O_RDWR : O_RDONLY) |
               ((flags & DISK_CREATE) != 0 ? O_CREAT | O_EXCL : 0);
    if (of(disk)->is_read_only && (flags & (DISK_WRITE | DISK_CREATE)) != 0) {
        return -EROFS;
    }
    struct disk_file *file = malloc(sizeof *file);
    if (file == NULL) {
        return -ENOMEM;
    }
    file->descriptor = open_descriptor(of(disk), path, mode, flags);
    int rc = file->descriptor >= 0 ? 0 : -errno;
    if (rc == 0 && (flags & DISK_CREATE) != 0) {
        rc = sync_folder_of(of(disk), path);
    }
    if (rc == 0) {
        *out = file;
        return 0;
    }
    if (file->descriptor >= 0) {
        close(file->descriptor);
    }
    free(file);
    return rc;
}

static void file_close(struct disk_file *file)
{
    if (file != NULL) {
        close(file->descriptor);
        free(file);
    }
}

static int64_t file_read(struct disk_file *file, void *bytes, uint64_t byte_count, uint64_t offset)
{
    uint64_t done = 0;
    while (done < byte_count) {
        ssize_t got = pread(file->descriptor, (uint8_t *)bytes + done, byte_count - done,
                            (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -errno;
        }
        if (got == 0) {
            break;
        }
        done += (uint64_t)got;
    }
    return (int64_t)done;
}

static int file_write(struct disk_file *file, const void *bytes, uint64_t byte_count,
                      uint64_t offset)
{
    uint64_t done = 0;
    while (done < byte_count) {
        ssize_t put = pwrite(file->descriptor, (const uint8_t *)bytes + done, byte_count - done,
                             (off_t)(offset + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return put < 0 ? -errno : -EIO;
        }
        done += (uint64_t)put;
    }
    return 0;
}

static int file_sync(struct disk_file *file)
{
    return fdatasync(file->descriptor) == 0 ? 0 : -errno;
}

static int64_t file_size(struct disk_file *file)
{
    struct stat about;
    return fstat(file->descriptor, &about) == 0 ? (int64_t)about.st_size : -errno;
}

// For file systems that cannot set room aside.
static int write_zeros(struct disk_file *file, uint64_t from, uint64_t to)
{
    void *zeros = aligned_alloc(DISK_BLOCK, ZERO_BYTES);
    if (zeros == NULL) {
        return -ENOMEM;
    }
    memset(zeros, 0, ZERO_BYTES);
    int rc = 0;
    for (uint64_t at = from / DISK_BLOCK * DISK_BLOCK; rc == 0 && at < to; at += ZERO_BYTES) {
        rc = file_write(file, zeros, to - at < ZERO_BYTES ? to - at : ZERO_BYTES, at);
    }
    free(zeros);
    return rc;
}

static int file_allocate(struct disk_file *file, uint64_t byte_count)
{
    int64_t size = file_size(file);
    if (size < 0) {
        return (int)size;
    }
    int rc;
    do {
        rc = fallocate(file->descriptor, 0, 0, (off_t)byte_count) == 0 ? 0 : -errno;
    } while (rc == -EINTR);
    if (rc == -EOPNOTSUPP) {
        rc = write_zeros(file, (uint64_t)size, byte_count);
    }
    return rc;
}

static int file_truncate(struct disk_file *file, uint64_t byte_count)
{
    return ftruncate(file->descriptor, (off_t)byte_count) == 0 ? 0 : -errno;
}

static int file_rename(struct disk *disk, const char *from, const char *to)
{
    if (of(disk)->is_read_only) {
        return -EROFS;
    }
    if (renameat(of(disk)->folder, from, of(disk)->folder, to) != 0) {
        return -errno;
    }
    return sync_folder_of(of(disk), to);
}

static int file_unlink(struct disk *disk, const char *path)
{
    if (of(disk)->is_read_only) {
        return -EROFS;
    }
    if (unlinkat(of(disk)->folder, path, 0) != 0) {
        return -errno;
    }
    return sync_folder_of(of(disk), path);
}

static int file_make_folder(struct disk *disk, const char *path)
{
    struct stat about;
    if (fstatat(of(disk)->folder, path, &about, 0) == 0) {
        return S_ISDIR(about.st_mode) ? 0 : -ENOTDIR;
    }
    if (of(disk)->is_read_only) {
        return -EROFS;
    }
    if (mkdirat(of(disk)->folder, path, 0755) != 0 && errno != EEXIST) {
        return -errno;
    }
    return sync_folder_of(of(disk), path);
}

static int file_list(struct disk *disk, const char *path,
                     int (*name)(void *owner, const char *name), void *owner)
{
    int descriptor =
        openat(of(disk)->folder, path[0] == '\0' ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return -errno;
    }
    DIR *folder = fdopendir(descriptor);
    if (folder == NULL) {
        int rc = -errno;
        close(descriptor);
        return rc;
    }
    int rc = 0;
    errno = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            rc = name(owner, entry->d_name);
            errno = 0;
        }
    }
    if (rc == 0 && errno != 0) {
        rc = -errno;
    }
    closedir(folder);
    return rc;
}

static void read_note(int descriptor, char *holder, uint32_t holder_bytes)
{
    if (holder_bytes > 0) {
        ssize_t got = pread(descriptor, holder, holder_bytes - 1, 0);
        holder[got > 0 ? got : 0] = '\0';
    }
}

static int write_note(int descriptor, const char *note)
{
    size_t length = strlen(note);
    return ftruncate(descriptor, 0) == 0 && pwrite(descriptor, note, length, 0) == (ssize_t)length
               ? 0
               : -errno;
}

// To look only: whoever writes is kept out, others who look are not.
static int lock_shared(struct file_disk *disk, char *holder, uint32_t holder_bytes)
{
    int descriptor = openat(disk->folder, "lock", O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    int rc = flock(descriptor, LOCK_SH | LOCK_NB) == 0 ? 0 : -errno;
    if (rc != 0) {
        read_note(descriptor, holder, holder_bytes);
        close(descriptor);
        return rc;
    }
    disk->lock = descriptor;
    return 0;
}

static int file_lock(struct disk *disk, const char *note, char *holder, uint32_t holder_bytes)
{
    if (of(disk)->is_read_only) {
        return lock_shared(of(disk), holder, holder_bytes);
    }
    int descriptor = openat(of(disk)->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0) {
        return -errno;
    }
    int rc = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
    if (rc == -EWOULDBLOCK) {
        read_note(descriptor, holder, holder_bytes);
    } else if (rc == 0) {
        rc = write_note(descriptor, note);
    }
    if (rc != 0) {
        close(descriptor);
        return rc;
    }
    of(disk)->lock = descriptor;
    return 0;
}

static int64_t file_space(struct disk *disk)
{
    struct statvfs about;
    if (fstatvfs(of(disk)->folder, &about) != 0) {
        return -errno;
    }
    return (int64_t)(about.f_bavail * about.f_frsize);
}

static void file_destroy(struct disk *disk)
{
    if (of(disk)->lock >= 0) {
        close(of(disk)->lock);
    }
    close(of(disk)->folder);
    free(disk);
}

static const struct disk_table file_table = {
    .open = file_open,
    .close = file_close,
    .read = file_read,
    .write = file_write,
    .sync = file_sync,
    .allocate = file_allocate,
    .size = file_size,
    .truncate = file_truncate,
    .rename = file_rename,
    .unlink = file_unlink,
    .make_folder = file_make_folder,
    .list = file_list,
    .lock = file_lock,
    .space = file_space,
    .destroy = file_destroy,
};

int disk_open(const char *path, int is_read_only, struct disk **out)
{
    struct file_disk *disk = calloc(1, sizeof *disk);
    if (disk == NULL) {
        return -ENOMEM;
    }
    int rc = 0;
    if (strlen(path) >= sizeof disk->base.path) {
        rc = -ENAMETOOLONG;
    } else if (!is_read_only && mkdir(path, 0755) != 0 && errno != EEXIST) {
        rc = -errno;
    } else {
        disk->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = disk->folder >= 0 ? 0 : -errno;
    }
    if (rc != 0) {
        free(disk);
        return rc;
    }
    disk->base.table = &file_table;
    memcpy(disk->base.path, path, strlen(path) + 1);
    disk->lock = -1;
    disk->is_read_only = is_read_only;
    *out = &disk->base;
    return 0;
}
