#include "cli/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct unit {
    const char *name;
    double factor;
};

// A number and one of units (NULL-terminated); -1 if it is neither.
static int parse_with_unit(const char *text, const struct unit *units, double *value)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || !(number >= 0)) {
        return -1;
    }
    for (; units->name != NULL; units++) {
        if (strcmp(end, units->name) == 0) {
            *value = number * units->factor;
            return *value < 9e18 ? 0 : -1;
        }
    }
    return -1;
}

int duration_parse(const char *text, int64_t *us)
{
    static const struct unit units[] = {{"us", 1},    {"ms", 1e3},    {"s", 1e6}, {"m", 6e7},
                                        {"h", 3.6e9}, {"d", 8.64e10}, {NULL, 0}};
    double value;
    if (parse_with_unit(text, units, &value) != 0) {
        return -1;
    }
    *us = (int64_t)value;
    return 0;
}

int size_parse(const char *text, uint64_t *byte_count)
{
    static const struct unit units[] = {
        {"", 1},        {"B", 1},         {"K", 1024}, {"KiB", 1024},       {"KB", 1e3},
        {"M", 1048576}, {"MiB", 1048576}, {"MB", 1e6}, {"G", 1073741824.0}, {"GiB", 1073741824.0},
        {"GB", 1e9},    {NULL, 0}};
    double value;
    if (parse_with_unit(text, units, &value) != 0) {
        return -1;
    }
    *byte_count = (uint64_t)value;
    return 0;
}

static const struct flag *find_flag(const struct flag *flags, const char *name, size_t length)
{
    for (; flags->name != NULL; flags++) {
        if (strlen(flags->name) == length && memcmp(flags->name, name, length) == 0) {
            return flags;
        }
    }
    return NULL;
}

static int unknown_flag(const char *command, const char *name, const struct flag *flags)
{
    const char *names[64] = {NULL};
    struct text all = {0};
    for (uint32_t i = 0; flags[i].name != NULL && i + 1 < sizeof names / sizeof *names; i++) {
        names[i] = flags[i].name;
        text_print(&all, "%s%s", i == 0 ? "" : ", ", flags[i].name);
    }
    const char *near = text_nearest(name, names);
    fprintf(stderr, "weir %s: there is no flag %s", command, name);
    if (near != NULL) {
        fprintf(stderr, "; did you mean %s?\n", near);
    } else {
        fprintf(stderr, "; there are: %s\n", all.at == NULL ? "none" : all.at);
    }
    text_finish(&all);
    return -1;
}

static int set_flag(const char *command, const struct flag *flag, const char *value)
{
    const char *wanted = NULL;
    char *end;
    struct flag_list *list = flag->target;
    switch (flag->kind) {
    case FLAG_TEXT:
        *(const char **)flag->target = value;
        return 0;
    case FLAG_LIST:
        if (list->count == FLAG_LIST_MAX) {
            fprintf(stderr, "weir %s: %s is given more than %u times\n", command, flag->name,
                    FLAG_LIST_MAX);
            return -1;
        }
        list->items[list->count++] = value;
        return 0;
    case FLAG_DURATION:
        wanted =
            duration_parse(value, flag->target) == 0 ? NULL : "a duration such as 60s, 250ms or 2m";
        break;
    case FLAG_SIZE:
        wanted = size_parse(value, flag->target) == 0 ? NULL : "a size such as 512M or 2GiB";
        break;
    default: {
        unsigned long number = strtoul(value, &end, 10);
        wanted = value[0] != '-' && *end == '\0' && number >= 1 && number <= 4096
                     ? NULL
                     : "a whole number from 1 to 4096";
        *(uint32_t *)flag->target = (uint32_t)number;
    }
    }
    if (wanted != NULL) {
        fprintf(stderr, "weir %s: %s %s: give %s\n", command, flag->name, value, wanted);
        return -1;
    }
    return 0;
}

int arguments_read(int count, char **arguments, const struct flag *flags, struct flag_list *words)
{
    const char *command = arguments[0];
    const struct flag all_words = {"FILE", FLAG_LIST, words};
    int takes_flags = 1;
    for (int i = 1; i < count; i++) {
        const char *word = arguments[i], *equals = strchr(word, '=');
        if (takes_flags && strcmp(word, "--") == 0) {
            takes_flags = 0;
            continue;
        }
        if (!takes_flags || word[0] != '-' || word[1] == '\0') {
            if (set_flag(command, &all_words, word) != 0) {
                return -1;
            }
            continue;
        }
        size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);
        const struct flag *flag = find_flag(flags, word, length);
        if (flag == NULL) {
            return unknown_flag(command, word, flags);
        }
        if (flag->kind == FLAG_SWITCH) {
            *(int *)flag->target = 1;
            continue;
        }
        const char *value = equals != NULL ? equals + 1 : i + 1 < count ? arguments[++i] : NULL;
        if (value == NULL) {
            fprintf(stderr, "weir %s: %s needs a value\n", command, word);
            return -1;
        }
        if (set_flag(command, flag, value) != 0) {
            return -1;
        }
    }
    return 0;
}
