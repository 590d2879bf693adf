// Command lines: flags by a table, with "did you mean".
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdint.h>

#define FLAG_SWITCH 1u   // int: 1 when given
#define FLAG_TEXT 2u     // const char *
#define FLAG_LIST 3u     // struct flag_list: may be given many times
#define FLAG_DURATION 4u // int64_t: microseconds
#define FLAG_SIZE 5u     // uint64_t: bytes
#define FLAG_NUMBER 6u   // uint32_t: 1 or more

struct flag {
    const char *name; // with its dashes
    uint32_t kind;
    void *target;
};

#define FLAG_LIST_MAX 64u

struct flag_list {
    const char *items[FLAG_LIST_MAX + 1]; // NULL-terminated
    uint32_t count;
};

// Reads arguments[1..count) into the flags (name NULL ends the table) and the rest into words.
// 0, or -1 after a sentence on stderr that starts with "weir COMMAND: ".
int arguments_read(int count, char **arguments, const struct flag *flags, struct flag_list *words);

// "60s", "250ms", "2m", "1h", "7d" into microseconds; "64KiB", "512M", "1G" into bytes. 0 or -1.
int duration_parse(const char *text, int64_t *us);
int size_parse(const char *text, uint64_t *byte_count);

#endif
