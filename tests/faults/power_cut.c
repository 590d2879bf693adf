// Cuts the power of a mounted ext4 or XFS file system: what is not synced is gone, later writes get
// EIO.
//
// Usage: power_cut MOUNT_POINT. Then kill the program under test, umount, mount again and verify.
// A cycle takes 11-17 ms on a loop-mounted file:
//   truncate -s 1G disk.img; mkfs.ext4 -q disk.img; mount -o loop disk.img dir
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define FILE_SYSTEM_SHUTDOWN _IOR('X', 125, uint32_t)

int main(int count, char **args)
{
    uint32_t no_log_flush = 2;
    int fd = count == 2 ? open(args[1], O_RDONLY) : -1;
    if (fd < 0 || ioctl(fd, FILE_SYSTEM_SHUTDOWN, &no_log_flush) != 0) {
        perror("power_cut");
        return 1;
    }
    return 0;
}
