// For tests of whole stores: one on a disk in memory that outlives it, with tables of an int32 key
// and an int64 value.
#ifndef TESTS_FLUSS_SUPPORT_STORE_H
#define TESTS_FLUSS_SUPPORT_STORE_H

#include "store/store.h"

struct store_test {
    struct disk *disk;
    struct disk_table disk_table; // that of the disk, but for destroy
    struct store_settings settings;
    struct store *store;
    struct failure failure;
    char talk[4096]; // what the store said at warning or above, line by line
};

// A new disk in memory; small segments, no thread of upkeep. Does not open.
void store_test_init(struct store_test *test);
// The same with a disk of the caller's, which is taken over.
void store_test_init_on(struct store_test *test, struct disk *disk);
int32_t store_test_open(struct store_test *test);
void store_test_close(struct store_test *test); // a clean stop
// As a process that is killed: the disk is as it was at that moment.
void store_test_kill(struct store_test *test);
void store_test_finish(struct store_test *test); // frees the disk

// iot.NAME with columns "id int32;value int64" and key id (log table: no key). Aborts on failure.
struct table *store_test_table(struct store_test *test, const char *name, uint32_t buckets,
                               int has_key);
// The bucket of a row.
uint32_t store_test_bucket(int32_t id, uint32_t bucket_count);
// Puts rows id..id+count-1 with value = id * 1000 + round into their buckets; a round below 0
// deletes them. Does not wait. *position: up to which the log must be durable.
int32_t store_test_put(struct store_test *test, struct table *table, int32_t id, uint32_t count,
                       int64_t round, uint64_t *position);
// The same, and waits until it is durable.
int32_t store_test_commit(struct store_test *test, struct table *table, int32_t id, uint32_t count,
                          int64_t round);
// values[id] of all rows with an id below count, INT64_MIN where there is none. Returns how many
// rows there are, or an error class if a bucket refuses.
int64_t store_test_rows(struct store_test *test, struct table *table, int64_t *values,
                        uint32_t count);
// The same as a replay of the changelog from its beginning; buckets that stop are left out.
int64_t store_test_replay(struct store_test *test, struct table *table, int64_t *values,
                          uint32_t count);

#endif
