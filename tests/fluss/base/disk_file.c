#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/disk.h"
#include "support/test.h"

static struct disk *open_disk(const char *name)
{
    char path[512];
    struct disk *disk = NULL;
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    return disk_open(path, 0, &disk) == 0 ? disk : NULL;
}

TEST(what_was_written_past_the_cache_is_read_again)
{
    struct disk *disk = open_disk("direct");
    struct disk_file *file;
    uint8_t *bytes = aligned_alloc(DISK_BLOCK, 2 * DISK_BLOCK);
    REQUIRE(disk != NULL && bytes != NULL);
    memset(bytes, 0x42, 2 * DISK_BLOCK);

    REQUIRE(disk->table->open(disk, "a", DISK_CREATE | DISK_WRITE | DISK_DIRECT, &file) == 0);
    CHECK_INT(disk->table->allocate(file, 4 * DISK_BLOCK), 0);
    CHECK_INT(disk->table->write(file, bytes, 2 * DISK_BLOCK, DISK_BLOCK), 0);
    CHECK_INT(disk->table->sync(file), 0);
    memset(bytes, 0, 2 * DISK_BLOCK);
    CHECK_INT(disk->table->read(file, bytes, 2 * DISK_BLOCK, DISK_BLOCK), 2 * DISK_BLOCK);

    CHECK_INT(bytes[0], 0x42);
    CHECK_INT(bytes[2 * DISK_BLOCK - 1], 0x42);
    CHECK_INT(disk->table->size(file), 4 * DISK_BLOCK);
    CHECK_INT(disk->table->read(file, bytes, 2 * DISK_BLOCK, 3 * DISK_BLOCK), DISK_BLOCK);
    CHECK_INT(bytes[0], 0);
    disk->table->close(file);
    free(bytes);
    disk->table->destroy(disk);
}

static int count_name(void *owner, const char *name)
{
    char *names = owner;
    strcat(names, name);
    return 0;
}

TEST(files_are_made_once_renamed_listed_and_unlinked)
{
    struct disk *disk = open_disk("names");
    struct disk_file *file;
    char names[256] = "";
    REQUIRE(disk != NULL);
    CHECK_INT(disk->table->make_folder(disk, "log"), 0);
    CHECK_INT(disk->table->make_folder(disk, "log"), 0);
    REQUIRE(disk->table->open(disk, "log/a", DISK_CREATE | DISK_WRITE, &file) == 0);
    disk->table->close(file);

    CHECK_INT(disk->table->open(disk, "log/a", DISK_CREATE | DISK_WRITE, &file), -EEXIST);
    CHECK_INT(disk->table->rename(disk, "log/a", "log/b"), 0);
    CHECK_INT(disk->table->open(disk, "log/a", 0, &file), -ENOENT);
    CHECK_INT(disk->table->list(disk, "log", count_name, names), 0);

    CHECK_TEXT(names, "b");
    CHECK_INT(disk->table->unlink(disk, "log/b"), 0);
    CHECK_INT(disk->table->unlink(disk, "log/b"), -ENOENT);
    CHECK(disk->table->space(disk) > 0);
    disk->table->destroy(disk);
}

TEST(a_folder_belongs_to_one_process_and_names_it)
{
    struct disk *disk = open_disk("lock");
    REQUIRE(disk != NULL);
    CHECK_INT(disk->table->lock(disk, "pid 1234, weir run", NULL, 0), 0);

    pid_t child = fork();
    if (child == 0) {
        char holder[64] = "";
        struct disk *second = open_disk("lock");
        int is_refused = second->table->lock(second, "mine", holder, sizeof holder) == -EWOULDBLOCK;
        _exit(is_refused && strcmp(holder, "pid 1234, weir run") == 0 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);

    CHECK_INT(status, 0);
    disk->table->destroy(disk);
    struct disk *next = open_disk("lock");
    char holder[64];
    CHECK_INT(next->table->lock(next, "pid 5", holder, sizeof holder), 0);
    next->table->destroy(next);
}

TEST(a_disk_for_reading_is_refused_while_another_process_writes_and_shared_by_readers)
{
    struct disk *disk = open_disk("shared"), *first, *second;
    char path[512], holder[64] = "";
    REQUIRE(disk != NULL);
    snprintf(path, sizeof path, "%s/shared", test_folder());
    CHECK_INT(disk->table->lock(disk, "pid 6", holder, sizeof holder), 0);
    REQUIRE(disk_open(path, 1, &first) == 0);
    REQUIRE(disk_open(path, 1, &second) == 0);

    CHECK_INT(first->table->lock(first, "", holder, sizeof holder), -EWOULDBLOCK);
    CHECK_TEXT(holder, "pid 6");
    disk->table->destroy(disk);
    CHECK_INT(first->table->lock(first, "", holder, sizeof holder), 0);
    CHECK_INT(second->table->lock(second, "", holder, sizeof holder), 0);

    first->table->destroy(first);
    second->table->destroy(second);
}

TEST(a_disk_for_reading_changes_nothing)
{
    struct disk *disk = open_disk("read-only"), *reader;
    struct disk_file *file;
    char path[512];
    REQUIRE(disk != NULL);
    REQUIRE(disk->table->open(disk, "a", DISK_CREATE | DISK_WRITE, &file) == 0);
    disk->table->close(file);
    snprintf(path, sizeof path, "%s/read-only", test_folder());
    REQUIRE(disk_open(path, 1, &reader) == 0);

    CHECK_INT(reader->table->open(reader, "a", DISK_WRITE, &file), -EROFS);
    CHECK_INT(reader->table->rename(reader, "a", "b"), -EROFS);
    CHECK_INT(reader->table->unlink(reader, "a"), -EROFS);
    CHECK_INT(reader->table->make_folder(reader, "c"), -EROFS);
    CHECK_INT(reader->table->lock(reader, "", NULL, 0), 0); // nothing is made for it
    CHECK_INT(reader->table->open(reader, "lock", 0, &file), -ENOENT);
    CHECK_INT(reader->table->open(reader, "a", 0, &file), 0);

    reader->table->close(file);
    reader->table->destroy(reader);
    disk->table->destroy(disk);
}

TEST(a_missing_folder_is_not_made_for_reading)
{
    char path[512];
    struct disk *disk;
    snprintf(path, sizeof path, "%s/nothing", test_folder());

    CHECK_INT(disk_open(path, 1, &disk), -ENOENT);
}
