// Cuts the power of a mounted ext4 or XFS file system: what is not synced is gone, later writes get
// EIO. What the disk below it does is not touched: faulty_disk.c has a disk that forgets, too.
//
// Usage: power_cut MOUNT_POINT, as root. Then end the program under test, umount, mount again
// (which recovers the journal) and look. A cycle takes 11-17 ms on a file:
//   truncate -s 1G disk.img; mkfs.ext4 -q disk.img; mount -o loop disk.img folder
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FILE_SYSTEM_SHUTDOWN _IOR('X', 125, uint32_t)
#define WITHOUT_LOG_FLUSH 2u

int main(int count, char **arguments)
{
    uint32_t how = WITHOUT_LOG_FLUSH;
    if (count != 2) {
        fprintf(stderr, "usage: %s MOUNT_POINT\n", arguments[0]);
        return 2;
    }
    int folder = open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || ioctl(folder, FILE_SYSTEM_SHUTDOWN, &how) != 0) {
        fprintf(stderr, "power_cut: %s: %s\n", arguments[1], strerror(errno));
        return 1;
    }
    close(folder);
    return 0;
}
