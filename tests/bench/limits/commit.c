// How long a group commit takes: 128 buckets with 8 KiB each, made durable in one of three ways.
// Prints the median and the 99th percentile of 500 commits in milliseconds. Usage: commit
// files|direct|shared DIRECTORY
//   files:  a file per bucket, appended, fdatasync each
//   direct: a file per bucket, preallocated and written once, O_DIRECT, fdatasync each
//   shared: one preallocated file for all, written once, O_DIRECT, a single write of 1 MiB, one
//   fdatasync
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUCKET_COUNT 128
#define BUCKET_BYTES 8192
#define COMMIT_COUNT 500
#define GROUP_BYTES (BUCKET_COUNT * BUCKET_BYTES)

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int open_log(const char *directory, int number, int flags, size_t bytes, const char *block)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/commit-%d", directory, number);
    int file = open(path, O_CREAT | O_TRUNC | O_RDWR | flags, 0600);
    check(file >= 0, path);
    unlink(path);
    for (size_t done = 0; done < bytes; done += GROUP_BYTES) {
        check(pwrite(file, block, GROUP_BYTES, (off_t)done) == GROUP_BYTES, "prepare");
    }
    check(fsync(file) == 0, "fsync");
    return file;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: commit files|direct|shared DIRECTORY\n");
        return 2;
    }
    int shared = strcmp(argv[1], "shared") == 0, direct = strcmp(argv[1], "direct") == 0;
    int commit_count = shared ? COMMIT_COUNT : COMMIT_COUNT / 10;
    size_t log_bytes = (size_t)commit_count * (shared ? GROUP_BYTES : BUCKET_BYTES);
    static int files[BUCKET_COUNT];
    static double took[COMMIT_COUNT];
    char *block = aligned_alloc(4096, GROUP_BYTES);
    memset(block, 1, GROUP_BYTES);
    for (int i = 0; i < (shared ? 1 : BUCKET_COUNT); i++) {
        files[i] = open_log(argv[2], i, shared || direct ? O_DIRECT : 0,
                            shared || direct ? log_bytes : 0, block);
    }
    for (int c = 0; c < commit_count; c++) {
        double start = now_ms();
        if (shared) {
            check(pwrite(files[0], block, GROUP_BYTES, (off_t)c * GROUP_BYTES) == GROUP_BYTES,
                  "write");
            check(fdatasync(files[0]) == 0, "fdatasync");
        }
        for (int i = 0; !shared && i < BUCKET_COUNT; i++) {
            check(pwrite(files[i], block, BUCKET_BYTES, (off_t)c * BUCKET_BYTES) == BUCKET_BYTES,
                  "write");
            check(fdatasync(files[i]) == 0, "fdatasync");
        }
        took[c] = now_ms() - start;
    }
    qsort(took, (size_t)commit_count, sizeof took[0], compare);
    printf("%.2f %.2f\n", took[commit_count / 2], took[commit_count * 99 / 100]);
    return 0;
}
