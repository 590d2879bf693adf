#include "base/nearest.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COMPARED_MAX 64

// Levenshtein distance; longer names are never near.
static size_t distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b), row[COMPARED_MAX + 1];
    if (a_length > COMPARED_MAX || b_length > COMPARED_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *nearest_name(const char *name, const char *const *candidates)
{
    const char *nearest = NULL;
    size_t best = strlen(name) / 3 + 2;
    for (; *candidates != NULL; candidates++) {
        size_t d = distance(name, *candidates);
        if (d < best) {
            best = d;
            nearest = *candidates;
        }
    }
    return nearest;
}
