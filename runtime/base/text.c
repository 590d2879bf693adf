#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_COMPARED 64

static int make_room(struct text *text, size_t more)
{
    if (text->length + more + 1 <= text->capacity) {
        return 1;
    }
    size_t capacity = (text->length + more + 1) * 2;
    char *at = realloc(text->at, capacity);
    if (at == NULL) {
        text->is_short = 1;
        return 0;
    }
    text->at = at;
    text->capacity = capacity;
    return 1;
}

void text_add(struct text *text, const char *bytes, size_t length)
{
    if (make_room(text, length)) {
        memcpy(text->at + text->length, bytes, length);
        text->length += length;
        text->at[text->length] = '\0';
    }
}

void text_print(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && make_room(text, (size_t)length)) {
        vsnprintf(text->at + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

void text_finish(struct text *text)
{
    free(text->at);
    *text = (struct text){0};
}

// Levenshtein distance; names longer than NAME_MAX_COMPARED are never near.
static size_t distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b), row[NAME_MAX_COMPARED + 1];
    if (a_length > NAME_MAX_COMPARED || b_length > NAME_MAX_COMPARED) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *text_nearest(const char *name, const char *const *candidates)
{
    const char *nearest = NULL;
    size_t best = strlen(name) / 3 + 1;
    for (; *candidates != NULL; candidates++) {
        size_t d = distance(name, *candidates);
        if (d < best || (d == best && nearest == NULL)) {
            best = d;
            nearest = *candidates;
        }
    }
    return nearest;
}

char *text_bytes(char *buffer, size_t size, uint64_t byte_count)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)byte_count;
    unsigned unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    snprintf(buffer, size, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return buffer;
}

char *text_count(char *buffer, size_t size, double count)
{
    static const char *const units[] = {"", " k", " M", " G"};
    unsigned unit = 0;
    while (count >= 999.5 && unit < 3) {
        count /= 1000;
        unit++;
    }
    snprintf(buffer, size, unit == 0 || count >= 99.5 ? "%.0f%s" : "%.1f%s", count, units[unit]);
    return buffer;
}
