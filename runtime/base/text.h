// Text: a string that grows, and what messages need ("did you mean", sizes and durations for
// people).
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

// A growing string; start with {0}. `at` is NUL-terminated once anything was added, else NULL.
// After an allocation fails it stays as it was and is_short is set.
struct text {
    char *at;
    size_t length;
    size_t capacity;
    int is_short;
};

void text_add(struct text *text, const char *bytes, size_t length);
__attribute__((format(printf, 2, 3))) void text_print(struct text *text, const char *format, ...);
void text_finish(struct text *text);

// The candidate that a person most likely meant by name, or NULL if none is near. candidates ends
// in NULL.
const char *text_nearest(const char *name, const char *const *candidates);

// "1.5 GiB", "812 B" and "2.0 M", "950" into a buffer of 16 bytes or more; return the buffer.
char *text_bytes(char *buffer, size_t size, uint64_t byte_count);
char *text_count(char *buffer, size_t size, double count);

#endif
