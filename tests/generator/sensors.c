#include "operators/operator.h"

#include <assert.h>
#include <string.h>

#define START_MS (WEIR_KIT_START_US / 1000)

static struct weir_kit *open_sensors(const char *options)
{
    return operator_open("generator", "generator.sensors", options);
}

// The rows of all tasks, in the order of their text, one line each. To be freed.
static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines {
    char **at;
    uint32_t count;
};

static void lines_add(struct lines *lines, const char *text)
{
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        lines->at = realloc(lines->at, (lines->count + 1) * sizeof *lines->at);
        lines->at[lines->count++] = strndup(text, length);
        text += length + (end != NULL);
    }
}

static void lines_finish(struct lines *lines)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        free(lines->at[i]);
    }
    free(lines->at);
    *lines = (struct lines){0};
}

static struct lines rows_of(const char *options, uint32_t task_count)
{
    struct lines lines = {0};
    for (uint32_t task = 0; task < task_count; task++) {
        struct weir_kit *kit = open_sensors(options);
        weir_kit_task(kit, task, task_count);
        CHECK_INT(weir_kit_run(kit, 100000), WEIR_END);
        lines_add(&lines, weir_kit_rows(kit, ""));
        weir_kit_close(kit);
    }
    assert(lines.at != NULL);
    qsort(lines.at, lines.count, sizeof *lines.at, compare_lines);
    return lines;
}

static void check_same(const struct lines *lines, const struct lines *expected)
{
    CHECK_INT(lines->count, expected->count);
    for (uint32_t i = 0; i < lines->count && i < expected->count; i++) {
        if (strcmp(lines->at[i], expected->at[i]) != 0) {
            CHECK_TEXT(lines->at[i], expected->at[i]);
            return;
        }
    }
}

TEST(rows_are_the_same_at_any_parallelism)
{
    static const char *const modes[] = {
        "devices = 50, seed = 3, rate = 1000, paced = false, start = 5000, max_rows = 2000",
        "devices = 50, seed = 3, rate = 1000, start = 1767225600000, max_rows = 2000",
        "devices = 50, seed = 3, rate = 1000, paced = false, start = 5000, max_rows = 2000, "
        "changelog = true, deletes = true",
        "devices = 50, seed = 3, rate = 1000, start = 1767225600000, max_rows = 2000, changelog = "
        "true",
        "devices = 50, seed = 3, rate = 1000, start = 5000, max_rows = 2000, replay = 1000, "
        "batches = 'bucket'",
        "devices = 50, seed = 3, rate = 1000, start = 5000, max_rows = 2000, replay = 1000, "
        "changelog = true",
    };
    for (uint32_t mode = 0; mode < sizeof modes / sizeof modes[0]; mode++) {
        struct lines one = rows_of(modes[mode], 1);
        CHECK(one.count >= 2000);
        for (uint32_t tasks = 2; tasks <= 3; tasks++) {
            struct lines more = rows_of(modes[mode], tasks);
            check_same(&more, &one);
            lines_finish(&more);
        }
        lines_finish(&one);
    }
}

TEST(a_replay_has_the_same_rows_in_buckets_and_mixed)
{
    const char *mixed = "devices = 50, rate = 1000, start = 0, max_rows = 1000, replay = 2000, "
                        "changelog = true, batches = 'mixed'";
    const char *bucket = "devices = 50, rate = 1000, start = 0, max_rows = 1000, replay = 2000, "
                         "changelog = true, batches = 'bucket'";
    struct lines one = rows_of(mixed, 1), other = rows_of(bucket, 2);
    CHECK_INT(one.count, 2000);
    check_same(&other, &one);
    lines_finish(&one);
    lines_finish(&other);
}

// Whether every row of a changelog follows from those before it: -U and -D carry the row that their
// device has, +U comes right after its -U, +I only where there is no row.
static void check_changelog(struct weir_kit *kit, uint64_t *kinds, int has_rows_already)
{
    static char *last[64];
    const struct weir_batch *batch;
    char row[512];
    struct lines lines = {0};
    lines_add(&lines, weir_kit_rows(kit, ""));
    uint32_t at = 0;
    for (uint32_t number = 0; (batch = weir_kit_batch(kit, "", number)) != NULL; number++) {
        for (uint32_t i = 0; i < batch->row_count; i++, at++) {
            uint32_t device = (uint32_t)((const int32_t *)batch->columns[0].values)[i];
            uint32_t kind = weir_kind(batch, i);
            REQUIRE(device < 64 && at < lines.count);
            snprintf(row, sizeof row, "%s", lines.at[at] + 3);
            kinds[kind]++;
            if (kind == WEIR_KIND_UPDATE_BEFORE || kind == WEIR_KIND_DELETE) {
                if (last[device] != NULL || !has_rows_already) {
                    CHECK_TEXT(last[device], row);
                }
                free(last[device]);
                last[device] = NULL;
            } else {
                CHECK(last[device] == NULL);
                CHECK(kind == WEIR_KIND_INSERT || strncmp(lines.at[at - 1], "-U", 2) == 0);
                last[device] = strdup(row);
            }
        }
    }
    CHECK_INT(at, lines.count);
    for (uint32_t i = 0; i < 64; i++) {
        free(last[i]);
        last[i] = NULL;
    }
    lines_finish(&lines);
}

TEST(a_changelog_is_consistent)
{
    for (uint32_t task = 0; task < 2; task++) {
        uint64_t kinds[4] = {0};
        struct weir_kit *kit = open_sensors("devices = 60, max_rows = 20000, changelog = true, "
                                            "deletes = true, rate = 1000, paced = false");
        weir_kit_task(kit, task, 2);
        CHECK_INT(weir_kit_run(kit, 1000), WEIR_END);
        check_changelog(kit, kinds, 0);
        CHECK(kinds[WEIR_KIND_INSERT] > 60 && kinds[WEIR_KIND_DELETE] > 60);
        CHECK_INT(kinds[WEIR_KIND_UPDATE_BEFORE], kinds[WEIR_KIND_UPDATE_AFTER]);
        weir_kit_close(kit);
    }
}

TEST(rounds_of_a_replay_follow_each_other_rightly)
{
    uint64_t kinds[4] = {0};
    struct weir_kit *kit = open_sensors("devices = 60, max_rows = 3000, replay = 2000, rate = 7, "
                                        "changelog = true, batches = 'bucket'");
    CHECK_INT(weir_kit_run(kit, 1000), WEIR_END);
    check_changelog(kit, kinds, 1);
    CHECK_INT(kinds[WEIR_KIND_UPDATE_BEFORE], 3000);
    CHECK_INT(kinds[WEIR_KIND_UPDATE_AFTER], 3000);
    weir_kit_close(kit);
}

TEST(a_replay_in_buckets_has_one_key_group_to_a_batch)
{
    const struct weir_batch *batch;
    uint32_t number = 0;
    struct weir_kit *kit = open_sensors("devices = 300, max_rows = 2000, replay = 1000, batches = "
                                        "'bucket'");
    weir_kit_task(kit, 1, 3);
    CHECK_INT(weir_kit_run(kit, 1000), WEIR_END);
    for (; (batch = weir_kit_batch(kit, "", number)) != NULL; number++) {
        for (uint32_t i = 0; i < batch->row_count; i++) {
            uint8_t key[WEIR_KEY_FIXED_BYTES_MAX];
            uint32_t length = weir_key_encode(&batch->columns[0], i, key);
            CHECK_INT(weir_key_bucket(weir_key_hash(key, length), WEIR_KEY_GROUPS), batch->bucket);
        }
    }
    CHECK(number > 20);
    weir_kit_close(kit);
}

TEST(a_paced_generator_emits_nothing_before_it_is_due_and_catches_up)
{
    struct weir_kit *kit = open_sensors("devices = 10, rate = 1000, max_rows = 6000");
    CHECK_INT(weir_kit_poll(kit), WEIR_WAIT);
    CHECK_INT(weir_kit_row_count(kit, ""), 1);
    for (int ms = 2; ms <= 10; ms += 2) {
        weir_kit_advance(kit, 2000);
        weir_kit_poll(kit);
        CHECK_INT(weir_kit_row_count(kit, ""), ms + 1);
    }
    weir_kit_advance(kit, 4900 * 1000); // a stall
    while (weir_kit_poll(kit) == WEIR_MORE) {
    }
    CHECK_INT(weir_kit_row_count(kit, ""), 4911);
    const struct weir_batch *batch = weir_kit_batch(kit, "", 6);
    CHECK_INT(((const int64_t *)batch->columns[7].values)[0], START_MS + 11);
    weir_kit_close(kit);
}

TEST(a_paced_generator_sleeps_until_the_next_reading_is_due)
{
    struct weir_kit *kit = open_sensors("devices = 10, rate = 2, max_rows = 5");
    CHECK_INT(weir_kit_run(kit, 6), WEIR_END);
    CHECK_INT(weir_kit_now(kit) - WEIR_KIT_START_US, 2000000);
    CHECK_ROWS(kit, "timestamp", 1767225600000, 1767225600500, 1767225601000, 1767225601500,
               1767225602000);
    weir_kit_close(kit);
}

TEST(without_a_rate_readings_are_due_when_they_are_made)
{
    struct weir_kit *kit = open_sensors("devices = 10, max_rows = 2");
    weir_kit_set_time(kit, WEIR_KIT_START_US + 123456);
    CHECK_INT(weir_kit_poll(kit), WEIR_END);
    CHECK_ROWS(kit, "timestamp", 1767225600123, 1767225600123);
    weir_kit_close(kit);
}

TEST(columns_that_nobody_reads_are_not_made)
{
    struct weir_kit *kit = open_sensors("devices = 10, max_rows = 3");
    weir_kit_want(kit, "", "sensor_id, humidity");
    weir_kit_run(kit, 10);
    const struct weir_batch *batch = weir_kit_batch(kit, "", 0);
    CHECK_INT(batch->columns[0].encoding, WEIR_ENCODING_PLAIN);
    CHECK_INT(batch->columns[2].encoding, WEIR_ENCODING_ABSENT);
    CHECK_INT(batch->columns[3].encoding, WEIR_ENCODING_PLAIN);
    weir_kit_close(kit);
}

// Takes half of the rows with some tasks, saves, and takes the rest with others.
static void check_restored(const char *options, uint32_t before, uint32_t after)
{
    struct weir_kit_snapshot *snapshots[4];
    struct lines lines = {0}, expected = rows_of(options, 1);
    for (uint32_t task = 0; task < before; task++) {
        struct weir_kit *kit = open_sensors(options);
        weir_kit_task(kit, task, before);
        weir_kit_start(kit);
        weir_kit_advance(kit, 1000000 * (task + 1)); // tasks get to different places
        while (weir_kit_poll(kit) == WEIR_MORE) {
        }
        lines_add(&lines, weir_kit_rows(kit, ""));
        snapshots[task] = weir_kit_save(kit);
        weir_kit_close(kit);
    }
    CHECK(lines.count > 0 && lines.count < expected.count);
    for (uint32_t task = 0; task < after; task++) {
        struct weir_kit *kit = open_sensors(options);
        weir_kit_task(kit, task, after);
        for (uint32_t i = 0; i < before; i++) {
            CHECK_INT(weir_kit_load(kit, snapshots[i]), WEIR_OK);
        }
        CHECK_INT(weir_kit_run(kit, 100000), WEIR_END);
        lines_add(&lines, weir_kit_rows(kit, ""));
        weir_kit_close(kit);
    }
    for (uint32_t i = 0; i < before; i++) {
        weir_kit_snapshot_destroy(snapshots[i]);
    }
    REQUIRE(lines.at != NULL);
    qsort(lines.at, lines.count, sizeof *lines.at, compare_lines);
    check_same(&lines, &expected);
    lines_finish(&lines);
    lines_finish(&expected);
}

TEST(a_snapshot_goes_on_exactly_at_any_parallelism)
{
    static const char *const modes[] = {
        "devices = 50, seed = 3, rate = 1000, max_rows = 5000",
        "devices = 50, seed = 3, rate = 1000, max_rows = 5000, changelog = true, deletes = true",
        "devices = 2, seed = 3, rate = 1000, max_rows = 5000, changelog = true",
    };
    for (uint32_t mode = 0; mode < 3; mode++) {
        check_restored(modes[mode], 1, 1);
        check_restored(modes[mode], 1, 3);
        check_restored(modes[mode], 3, 2);
        check_restored(modes[mode], 2, 1);
    }
}

TEST(a_task_without_devices_ends_at_once)
{
    uint32_t ended = 0;
    for (uint32_t task = 0; task < 3; task++) {
        struct weir_kit *kit = open_sensors("devices = 1, changelog = true");
        weir_kit_task(kit, task, 3);
        int32_t rc = weir_kit_poll(kit);
        CHECK(rc == WEIR_END || rc == WEIR_MORE);
        ended += rc == WEIR_END;
        CHECK_INT(weir_kit_row_count(kit, "") > 0, rc == WEIR_MORE);
        weir_kit_close(kit);
    }
    CHECK_INT(ended, 2);
}

TEST(a_snapshot_of_other_devices_is_refused)
{
    struct weir_kit *kit = open_sensors("devices = 50, max_rows = 1000, changelog = true");
    weir_kit_poll(kit);
    struct weir_kit_snapshot *snapshot = weir_kit_save(kit);
    weir_kit_close(kit);
    kit = open_sensors("devices = 5, max_rows = 1000, changelog = true");
    weir_kit_load(kit, snapshot);
    CHECK_ERROR(kit, "of the snapshot does not fit: it was taken with other devices");
    weir_kit_snapshot_destroy(snapshot);
    weir_kit_close(kit);
}

TEST(instances_share_the_devices_and_the_last_has_the_remainder)
{
    struct weir_kit *kit = open_sensors("devices = 10, instance = 2, of = 3, order = "
                                        "'round_robin', max_rows = 5");
    weir_kit_run(kit, 10);
    CHECK_ROWS(kit, "sensor_id", 6, 7, 8, 9, 6);
    weir_kit_close(kit);
}

static void check_refused(const char *options, const char *why)
{
    struct weir_kit *kit = open_sensors(options);
    weir_kit_start(kit);
    CHECK_ERROR(kit, why);
    CHECK_INT(weir_kit_error_class(kit), WEIR_ERROR_CONFIG);
    weir_kit_close(kit);
}

TEST(an_instance_outside_the_count_or_without_devices_is_refused_with_its_range)
{
    check_refused(
        "devices = 100000, instance = 8, of = 8",
        "instance 8 of 8 would have the devices 100000 to 112499, but there are only 0 to "
        "99999; `instance` goes from 0 to 7");
    check_refused("devices = 3, instance = 1, of = 8",
                  "instance 1 of 8 has the devices from 0 to before 0, so none: 3 devices are too "
                  "few for so many instances");
}

TEST(options_that_do_not_go_together_are_refused)
{
    check_refused("deletes = true", "option `deletes` needs `changelog = true`");
    check_refused("batches = 'bucket'", "option `batches` = \"bucket\" needs `replay`");
    check_refused("replay = 10, changelog = true, deletes = true",
                  "option `deletes` does not go with `replay`");
    check_refused("replay = 10, max_rows = 25",
                  "option `max_rows` is 25, but a replay repeats whole rounds of 10 readings");
}

TEST(a_replay_cannot_be_saved)
{
    struct weir_kit *kit = open_sensors("replay = 10");
    weir_kit_poll(kit);
    weir_kit_snapshot_destroy(weir_kit_save(kit));
    CHECK_ERROR(kit, "option `replay` is for measuring and keeps no position");
    weir_kit_close(kit);
}

TEST(every_failed_allocation_is_told)
{
    for (uint64_t n = 1; n < 12; n++) {
        weir_kit_fail_allocation(NULL, n);
        struct weir_kit *kit = open_sensors("devices = 10, max_rows = 3, changelog = true");
        weir_kit_run(kit, 10);
        weir_kit_error(kit);
        weir_kit_close(kit);
    }
    weir_kit_fail_allocation(NULL, 0);
}
