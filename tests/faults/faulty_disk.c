// A fault-injecting disk: a FUSE file to put a loop device and a file system on. Logs offset and
// length of every write, and every flush; to replay crash prefixes or to lose unflushed writes,
// make it keep the data too. Usage: BACK=image LOG=writes.log faulty_disk MOUNT_POINT; then losetup
// a loop device on MOUNT_POINT/disk; write a mode to MOUNT_POINT/ctl: eio-write, eio-read, drop,
// slow MS, flip, ok. Build: cc faulty_disk.c $(pkg-config --cflags
// --libs fuse3)
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* one file "/disk" backed by $BACK; every write and flush is logged (dm-log-writes stand-in);
   control file "/ctl": "eio-write", "eio-read", "drop", "slow MS", "flip", "ok" */
static int fd;
static FILE *lg;
static off_t size;
static char mode[64] = "ok";
static long seq;
static int ga(const char *p, struct stat *s, struct fuse_file_info *f)
{
    memset(s, 0, sizeof *s);
    if (!strcmp(p, "/")) {
        s->st_mode = S_IFDIR | 0755;
        s->st_nlink = 2;
        return 0;
    }
    if (!strcmp(p, "/disk")) {
        s->st_mode = S_IFREG | 0600;
        s->st_nlink = 1;
        s->st_size = size;
        return 0;
    }
    if (!strcmp(p, "/ctl")) {
        s->st_mode = S_IFREG | 0600;
        s->st_nlink = 1;
        s->st_size = 64;
        return 0;
    }
    return -ENOENT;
}
static int op(const char *p, struct fuse_file_info *f)
{
    f->direct_io = 1;
    return 0;
}
static int rd(const char *p, char *b, size_t n, off_t o, struct fuse_file_info *f)
{
    if (!strcmp(p, "/ctl"))
        return 0;
    if (!strcmp(mode, "eio-read"))
        return -EIO;
    int r = pread(fd, b, n, o);
    if (!strncmp(mode, "flip", 4) && r > 0)
        b[r / 2] ^= 1;
    return r < 0 ? -errno : r;
}
static int wr(const char *p, const char *b, size_t n, off_t o, struct fuse_file_info *f)
{
    if (!strcmp(p, "/ctl")) {
        memset(mode, 0, 64);
        memcpy(mode, b, n < 63 ? n : 63);
        mode[strcspn(mode, "\n")] = 0;
        return n;
    }
    if (!strcmp(mode, "eio-write"))
        return -EIO;
    int ms = 0;
    if (sscanf(mode, "slow %d", &ms) == 1)
        usleep(ms * 1000);
    fprintf(lg, "%ld W %ld %zu\n", seq++, (long)o, n);
    if (!strcmp(mode, "drop"))
        return n;
    int r = pwrite(fd, b, n, o);
    return r < 0 ? -errno : r;
}
static int fs(const char *p, int d, struct fuse_file_info *f)
{
    if (strcmp(p, "/disk"))
        return 0;
    fprintf(lg, "%ld F\n", seq++);
    fflush(lg);
    int ms;
    if (sscanf(mode, "slow %d", &ms) == 1)
        usleep(ms * 1000);
    return 0;
}
static int tr(const char *p, off_t o, struct fuse_file_info *f)
{
    return 0;
}
static int fa(const char *p, int m, off_t o, off_t l, struct fuse_file_info *f)
{
    return -EOPNOTSUPP;
}
static const struct fuse_operations ops = {.getattr = ga,
                                           .read = rd,
                                           .write = wr,
                                           .open = op,
                                           .fsync = fs,
                                           .truncate = tr,
                                           .fallocate = fa};
int main(int c, char **v)
{
    fd = open(getenv("BACK"), O_RDWR);
    size = lseek(fd, 0, SEEK_END);
    lg = fopen(getenv("LOG"), "w");
    return fuse_main(c, v, &ops, 0);
}
