// Bit rot after a clean stop: every live byte, one at a time. It is found, named with file and
// offset, and no wrong batch is served.
#include <stdio.h>
#include <string.h>

#include "fluss/support/disk_memory.h"
#include "fluss/support/log.h"
#include "support/test.h"

struct findings {
    uint64_t count;
    char path[64];
    uint64_t offset;
    char why[256];
};

static void note(void *owner, const char *path, uint64_t offset, const char *why)
{
    struct findings *findings = owner;
    if (findings->count++ == 0) {
        snprintf(findings->path, sizeof findings->path, "%s", path);
        snprintf(findings->why, sizeof findings->why, "%s", why);
        findings->offset = offset;
    }
}

static struct findings verify(struct disk *disk)
{
    struct findings findings = {0};
    int64_t count = stream_verify(disk, &store_system_memory, note, NULL, &findings);
    CHECK_INT(count, findings.count);
    return findings;
}

// Flips a bit of every step-th byte of a segment below `end`.
static void flip_all(struct log_test *test, const char *path, uint64_t end, uint64_t step)
{
    uint8_t *bytes = disk_memory_bytes(test->disk, path, NULL);
    for (uint64_t at = 0; at < end && !test_has_failed(); at += step) {
        uint8_t bit = (uint8_t)(1u << (at % 8));
        bytes[at] ^= bit;
        struct findings findings = verify(test->disk);
        if (findings.count == 0 || strcmp(findings.path, path) != 0 || findings.offset > at) {
            test_fail(__FILE__, __LINE__, "flip at %llu of %s: %llu findings, at %llu of %s: %s",
                      (unsigned long long)at, path, (unsigned long long)findings.count,
                      (unsigned long long)findings.offset, findings.path, findings.why);
        }
        if (at % 4 == 0) { // the replay checks what is served
            CHECK_INT(log_test_open(test), WEIR_OK);
            log_test_close(test);
        }
        bytes[at] ^= bit;
    }
}

TEST(every_flipped_byte_of_a_small_log_is_found_and_named)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    test.settings.buffer_bytes = 64u << 10;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 1, 100);
    log_test_commit(&test, 1, 4, 150);
    uint64_t end = stream_end(test.stream) + 2 * DISK_BLOCK; // and two end records
    log_test_close(&test);
    CHECK_INT(verify(test.disk).count, 0);
    test.settings.is_read_only = 1;

    flip_all(&test, "log/0000000000000000", end, 1);

    CHECK_INT(verify(test.disk).count, 0);
    test.disk->table->destroy(test.disk);
}

TEST(flips_in_a_full_segment_and_in_its_index_are_found_and_named)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    test.settings.buffer_bytes = 64u << 10;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 90, 700);
    CHECK(stream_end(test.stream) > 65536);
    log_test_close(&test);
    CHECK_INT(verify(test.disk).count, 0);
    test.settings.is_read_only = 1;

    flip_all(&test, "log/0000000000000000", 65536, 61);

    test.disk->table->destroy(test.disk);
}

TEST(flips_in_a_segment_that_was_used_before_are_found_and_named)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    test.settings.buffer_bytes = 64u << 10;
    REQUIRE(log_test_open(&test) == WEIR_OK);
    for (uint64_t n = 0; n < 1000; n += 50) {
        uint64_t done = log_test_commit(&test, n, n + 50, 700);
        stream_retire(test.stream, done > 70000 ? done - 70000 : 0, &test.failure);
    }
    uint64_t end = stream_end(test.stream) + 2 * DISK_BLOCK;
    char path[64];
    snprintf(path, sizeof path, "log/%016llx", (unsigned long long)(end & ~UINT64_C(65535)));
    log_test_close(&test);
    CHECK_INT(verify(test.disk).count, 0);
    test.settings.is_read_only = 1;
    test.from = test.found.begin;

    flip_all(&test, path, end % 65536 - DISK_BLOCK, 17);

    test.disk->table->destroy(test.disk);
}

TEST(missing_strange_and_short_files_are_named)
{
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);
    log_test_commit(&test, 0, 400, 700);
    log_test_close(&test);
    struct disk *strange = disk_memory_copy(test.disk), *missing = disk_memory_copy(test.disk);
    struct disk *cut = disk_memory_copy(test.disk), *renamed = disk_memory_copy(test.disk);
    struct findings findings;

    disk_memory_put(strange, "log/notes.txt", "hello", 5);
    findings = verify(strange);
    CHECK_INT(findings.count, 1);
    CHECK_TEXT(findings.path, "log/notes.txt");

    missing->table->unlink(missing, "log/0000000000010000");
    findings = verify(missing);
    CHECK_INT(findings.count, 1);
    CHECK_TEXT(findings.path, "log/0000000000010000");
    CHECK_HAS(findings.why, "missing");

    disk_memory_put(cut, "log/0000000000010000",
                    disk_memory_bytes(test.disk, "log/0000000000010000", NULL), 30000);
    findings = verify(cut);
    CHECK(findings.count >= 2);
    CHECK_TEXT(findings.path, "log/0000000000010000");
    CHECK_HAS(findings.why, "30000 bytes");

    renamed->table->rename(renamed, "log/0000000000010000", "log/0000000000020000");
    findings = verify(renamed);
    CHECK_INT(findings.count, 1);
    CHECK_TEXT(findings.path, "log/0000000000010000");
    test.disk->table->destroy(test.disk);
    strange->table->destroy(strange);
    missing->table->destroy(missing);
    cut->table->destroy(cut);
    renamed->table->destroy(renamed);
}
