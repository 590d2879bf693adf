// Power cuts at random moments, on a disk that loses, tears and reorders what was not synced.
// Nothing acknowledged is lost, nothing is invented, order is kept. LOG_POWER_SEEDS sets how many.
#include "log/stream.h"

#include <stdlib.h>

#include "fluss/support/disk_memory.h"
#include "fluss/support/log.h"
#include "support/test.h"

#define ROUNDS 4

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct campaign {
    uint64_t random;
    uint64_t appended;     // numbers below it were appended
    uint64_t acknowledged; // numbers below it were acknowledged
    uint64_t retired;      // positions below it may be gone
    int has_lost;
    int is_wrong; // invented, out of order, or called corrupt
};

// Appends until the machine stops.
static void write_until_stop(struct campaign *campaign, struct log_test *test)
{
    uint64_t end = 0;
    for (int i = 0; i < 400; i++) {
        uint64_t batches = 1 + next_random(&campaign->random) % 6;
        uint32_t bytes = (uint32_t)(next_random(&campaign->random) % 9000);
        for (uint64_t b = 0; b < batches; b++) {
            if (log_test_append(test, campaign->appended, bytes, &end) != WEIR_OK) {
                return;
            }
            campaign->appended++;
        }
        if (next_random(&campaign->random) % 3 != 0) {
            if (stream_wait(test->stream, end, 60000000) != 1) {
                return;
            }
            campaign->acknowledged = campaign->appended;
        }
        if (next_random(&campaign->random) % 16 == 0 && end > 150000) {
            campaign->retired = end - 150000;
            stream_retire(test->stream, campaign->retired, NULL);
        }
    }
}

static void check_after_cut(struct campaign *campaign, struct log_test *test)
{
    uint64_t first = test->count > 0 ? test->first : 0;
    uint64_t next = test->count > 0 ? test->next : 0;
    if (test->gap_count > 0 || next > campaign->appended || (first > 0 && test->found.begin == 0)) {
        campaign->is_wrong = 1;
    }
    if (test->corrupt_count > (test->corrupt_to == test->found.begin ? 1 : 0)) {
        campaign->is_wrong = 1;
    }
    if (next < campaign->acknowledged) {
        campaign->has_lost = 1;
    }
    campaign->appended = campaign->acknowledged = next;
}

static struct campaign run_seed(uint64_t seed, int without_sync)
{
    struct campaign campaign = {.random = seed * 0x9e3779b97f4a7c15u + 1};
    struct log_test test;
    log_test_init(&test, disk_memory_create());
    test.settings.buffer_bytes = 256u << 10;
    if (without_sync) {
        disk_memory_ignore_syncs(test.disk);
    }
    for (int round = 0; round < ROUNDS && !campaign.has_lost && !campaign.is_wrong; round++) {
        disk_memory_stop_after(test.disk, 1 + next_random(&campaign.random) % 120);
        if (log_test_open(&test) == WEIR_OK) {
            check_after_cut(&campaign, &test);
            write_until_stop(&campaign, &test);
            log_test_close(&test);
        }
        disk_memory_power_cut(test.disk, next_random(&campaign.random));
    }
    if (!campaign.has_lost && !campaign.is_wrong) {
        if (log_test_open(&test) != WEIR_OK) {
            campaign.is_wrong = 1;
        } else {
            check_after_cut(&campaign, &test);
            log_test_close(&test);
        }
    }
    test.disk->table->destroy(test.disk);
    return campaign;
}

TEST(power_cuts_lose_nothing_acknowledged_and_invent_nothing)
{
    const char *wanted = getenv("LOG_POWER_SEEDS");
    uint64_t seeds = wanted != NULL ? strtoull(wanted, NULL, 10) : 500;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct campaign campaign = run_seed(seed, 0);
        if (campaign.has_lost || campaign.is_wrong) {
            test_fail(__FILE__, __LINE__, "seed %llu: %s", (unsigned long long)seed,
                      campaign.has_lost ? "something acknowledged is lost"
                                        : "something is there that should not be");
            break;
        }
    }
}

TEST(the_same_cuts_lose_something_when_syncs_do_nothing)
{
    int lost = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        lost += run_seed(seed, 1).has_lost;
    }

    CHECK(lost > 0);
}
