#include "operators/rows.h"

#include <stdlib.h>

#include "support/test.h"

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

TEST(rows_of_kinds_finds_the_same_rows_as_a_plain_loop)
{
    uint32_t state = 1, rows[1000 + 8];
    uint8_t kinds[1000];
    for (uint32_t round = 0; round < 400; round++) {
        uint32_t count = next_random(&state) % 1001, keep = round % 16, expected = 0;
        for (uint32_t i = 0; i < count; i++) {
            kinds[i] = (uint8_t)(next_random(&state) % 4);
        }
        uint32_t found = rows_of_kinds(kinds, count, keep, rows);
        for (uint32_t i = 0; i < count; i++) {
            if (keep >> kinds[i] & 1) {
                CHECK_INT(rows[expected], i);
                expected++;
            }
        }
        CHECK_INT(found, expected);
    }
}

TEST(rows_of_kinds_stays_within_eight_numbers_beyond_the_rows)
{
    for (uint32_t count = 0; count < 100; count++) {
        uint8_t *kinds = calloc(count + 1, 1);
        uint32_t *rows = malloc((count + 8) * sizeof *rows);
        REQUIRE(kinds != NULL && rows != NULL);
        CHECK_INT(rows_of_kinds(kinds, count, 1, rows), count);
        free(kinds);
        free(rows);
    }
}

TEST(rows_intersect_keeps_what_is_in_both)
{
    uint32_t out[8];
    CHECK_INT(rows_intersect((uint32_t[]){1, 3, 5, 7, 9}, 5, (uint32_t[]){0, 3, 4, 9, 12}, 5, out),
              2);
    CHECK_INT(out[0], 3);
    CHECK_INT(out[1], 9);
    CHECK_INT(rows_intersect((uint32_t[]){1}, 1, NULL, 0, out), 0);
}
