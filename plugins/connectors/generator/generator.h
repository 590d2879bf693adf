// The operator generator.sensors: what its files share.
#ifndef GENERATOR_GENERATOR_H
#define GENERATOR_GENERATOR_H

#include "history.h"
#include "schedule.h"

#define GENERATOR_SPLITS 128u      // of a stream without changelog: reading i belongs to i mod 128
#define GENERATOR_CHUNK 4096u      // readings drawn at a time
#define GENERATOR_BATCH_ROWS 8192u // most rows of a batch
#define GENERATOR_CHUNKS_MAX 16u   // drawn in one poll, however few of them are this task's
#define GENERATOR_INTERVAL_US 2000 // a paced generator wakes no more often than this

struct replay;

struct generator {
    struct readings readings;
    struct schedule schedule;
    int64_t max_rows;    // readings of all tasks together; INT64_MAX: no end
    int64_t replay_rows; // 0: no replay
    int32_t is_paced;
    int32_t has_start;
    int32_t has_changelog;
    int32_t has_deletes;
    int32_t in_buckets; // replay in batches of one bucket
    uint8_t wanted[READINGS_COLUMN_COUNT];

    // While it runs. A split is the unit in which the stream is dealt out to tasks: reading i in a
    // stream without changelog belongs to split i mod 128, else to the key group of its device.
    uint32_t split_count;
    uint8_t *owned;          // by split: 1 if this task makes it
    int64_t *next;           // by split: the first reading that is still to be made
    uint32_t owned_count;    // splits that this task makes; those without devices do not count
    uint32_t foreign_count;  // and that others make
    uint16_t *splits;        // changelog: by device, its split
    int64_t at;              // every owned reading before this one has been made
    int64_t level;           // from here on no split is ahead of `at`
    int64_t start_loaded_us; // smallest start of the snapshot's splits, INT64_MAX: none
    struct history history;
    struct draft draft;
    struct replay *replay;
};

extern const struct weir_state_table generator_state_table;

// The key group of each device, by device from the first one.
int32_t generator_groups(struct weir_context *context, const struct readings *readings,
                         uint32_t group_count, uint16_t **groups);

// Deals the splits to the task that context describes.
int32_t generator_deal(struct generator *generator, struct weir_context *context);

// Drafts the readings of this task among the `count` from `at` on (GENERATOR_CHUNK at most), and
// moves `at` behind them.
void generator_draft(struct generator *generator, int64_t now_ms, uint32_t count);

// Replay: makes the rows, hands them out again and again, frees them.
int32_t replay_create(struct generator *generator, struct weir_context *context);
int32_t replay_poll(struct generator *generator, struct weir_context *context);
void replay_destroy(struct generator *generator, struct weir_context *context); // NULL is fine

#endif
