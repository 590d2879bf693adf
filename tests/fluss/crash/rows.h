// Rows of the crash campaigns: every row says who wrote it and proves it, so that a checker needs
// to know nothing but the row to tell what was invented.
#ifndef TESTS_FLUSS_CRASH_ROWS_H
#define TESTS_FLUSS_CRASH_ROWS_H

#include <stdint.h>

#include "table/definition.h"

enum { CRASH_KEYS = 512, CRASH_BUCKETS = 8, CRASH_ROWS_MAX = 64, CRASH_COLUMNS = 5 };

// The tables of a campaign: full and wal image of last row, full rows with deletes, and a log
// table.
#define CRASH_RETENTION_BYTES (4u << 20)

enum { CRASH_TABLE_FULL, CRASH_TABLE_WAL, CRASH_TABLE_LOG, CRASH_TABLES };

// retention_bytes: 0 keeps everything.
void crash_definition(int table, uint64_t retention_bytes, struct table_definition *definition);

// The mark that row `row` of put `sequence` of a writer bears for a key.
static inline int64_t crash_mark(int64_t key, int64_t writer, int64_t sequence)
{
    uint64_t x = (uint64_t)key * 0x9e3779b97f4a7c15u + (uint64_t)writer * 0xbf58476d1ce4e5b9u +
                 (uint64_t)sequence * 0x94d049bb133111ebu;
    x ^= x >> 31;
    x *= 0xd6e8feb86659fd93u;
    return (int64_t)(x ^ x >> 32);
}

static inline uint64_t crash_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
