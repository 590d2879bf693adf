// A process that writes a log on the real disk is killed at every failpoint of the log: nothing
// acknowledged is lost, and the next one goes on.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "fluss/support/log.h"
#include "support/test.h"

#define BURST 60u // batches of a group, more than a chunk holds

struct progress {
    _Atomic uint64_t acknowledged;
};

static struct disk *open_disk(const char *name)
{
    char path[512];
    struct disk *disk;
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    return disk_open(path, 0, &disk) == 0 ? disk : NULL;
}

static int32_t open_log(struct log_test *test, const char *name)
{
    log_test_init(test, open_disk(name));
    test->settings.buffer_bytes = 512u << 10;
    return log_test_open(test);
}

// Writes until it is killed, or has done enough to reach every failpoint.
static void write_in_child(const char *name, const char *failpoint, struct progress *progress)
{
    struct log_test test;
    setenv("WEIR_FAILPOINT", failpoint, 1);
    failpoint_arm();
    if (open_log(&test, name) != WEIR_OK) {
        _exit(2);
    }
    uint64_t number = test.next;
    for (int round = 0; round < 12; round++) {
        uint64_t end = log_test_commit(&test, number, number + BURST, 3000);
        if (end == 0) {
            _exit(3);
        }
        number += BURST;
        progress->acknowledged = number;
        stream_retire(test.stream, end > 300000 ? end - 300000 : 0, NULL);
    }
    log_test_close(&test);
    _exit(0);
}

// Kills a writer at a failpoint's nth time, then looks at what it left.
static void crash(const char *name, enum failpoint failpoint, int nth, struct progress *progress)
{
    char armed[64];
    snprintf(armed, sizeof armed, "%s:%d", failpoint_name(failpoint), nth);
    pid_t child = fork();
    if (child == 0) {
        write_in_child(name, armed, progress);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        test_fail(__FILE__, __LINE__, "%s was not reached: status %d", armed, status);
    }
    struct log_test test;
    REQUIRE(open_log(&test, name) == WEIR_OK);
    if (test.next < progress->acknowledged || test.gap_count > 0 ||
        (test.corrupt_count > 0 && test.corrupt_to != test.found.begin)) {
        test_fail(__FILE__, __LINE__, "%s: %llu batches of %llu, %llu gaps, %llu corrupt", armed,
                  (unsigned long long)test.next, (unsigned long long)progress->acknowledged,
                  (unsigned long long)test.gap_count, (unsigned long long)test.corrupt_count);
    }
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}

static struct progress *share_progress(void)
{
    void *shared = mmap(NULL, sizeof(struct progress), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? NULL : shared;
}

TEST(a_writer_killed_at_any_failpoint_loses_nothing)
{
    static const enum failpoint points[] = {FAILPOINT_GROUP_SEALED,   FAILPOINT_GROUP_PIECE,
                                            FAILPOINT_GROUP_WRITTEN,  FAILPOINT_GROUP_SYNCED,
                                            FAILPOINT_SEGMENT_FULL,   FAILPOINT_SEGMENT_MADE,
                                            FAILPOINT_SEGMENT_RETIRED};
    struct progress *progress = share_progress();
    REQUIRE(progress != NULL);
    for (uint32_t i = 0; i < sizeof points / sizeof *points; i++) {
        for (int nth = 1; nth <= 3; nth++) {
            crash("failpoints", points[i], nth, progress);
        }
    }
    munmap(progress, sizeof *progress);
}

// Puts something behind the end of a log that was stopped.
static void add_garbage(const char *name, uint64_t end)
{
    char path[64];
    struct disk *disk = open_disk(name);
    struct disk_file *file;
    snprintf(path, sizeof path, "log/%016llx", (unsigned long long)(end & ~UINT64_C(65535)));
    REQUIRE(disk->table->open(disk, path, DISK_WRITE, &file) == 0);
    CHECK_INT(disk->table->write(file, "garbage", 7, end % 65536 + 8192), 0);
    disk->table->close(file);
    disk->table->destroy(disk);
}

TEST(a_start_killed_while_it_cuts_a_torn_tail_is_done_again)
{
    struct progress *progress = share_progress();
    struct log_test test;
    REQUIRE(progress != NULL && open_log(&test, "tail") == WEIR_OK);
    progress->acknowledged = log_test_commit(&test, 0, 5, 100) > 0 ? 5 : 0;
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
    for (int time = 0; time < 3; time++) {
        REQUIRE(open_log(&test, "tail") == WEIR_OK);
        uint64_t end = stream_end(test.stream);
        log_test_close(&test);
        test.disk->table->destroy(test.disk);
        add_garbage("tail", end);
        crash("tail", FAILPOINT_TAIL_CUT, 1, progress);
    }
    munmap(progress, sizeof *progress);
}
