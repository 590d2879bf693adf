#include "command/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"

// Verbs, as bits.
enum {
    CREATE = 1,
    LIST = 2,
    DESCRIBE = 4,
    ALTER = 8,
    DROP = 16,
    PUT = 32,
    LOOKUP = 64,
    SCAN = 128,
    CHANGELOG = 256,
    DUMP = 512,
    VERIFY = 1024,
    ALL = 2047,
};

static const struct {
    const char *name;
    unsigned bit;
    int takes_table;
    int (*run)(const struct command_line *line);
} verbs[] = {
    {"create", CREATE, 1, command_create},
    {"list", LIST, 0, command_list},
    {"describe", DESCRIBE, 1, command_describe},
    {"alter", ALTER, 1, command_alter},
    {"drop", DROP, 1, command_drop},
    {"put", PUT, 1, command_put},
    {"lookup", LOOKUP, 1, command_lookup},
    {"scan", SCAN, 1, command_scan},
    {"changelog", CHANGELOG, 1, command_changelog},
    {"dump", DUMP, 0, command_dump},
    {"verify", VERIFY, 0, command_verify},
};
#define VERB_COUNT (sizeof verbs / sizeof *verbs)

enum flag_kind { SWITCH, TEXT, MANY };

struct flag {
    const char *name;
    enum flag_kind kind;
    unsigned verbs;
    size_t offset; // in struct command_line
};

#define AT(field) offsetof(struct command_line, field)

static const struct flag flags[] = {
    {"--data", TEXT, ALL, AT(data)},
    {"--json", SWITCH, CREATE | LIST | DESCRIBE | PUT | VERIFY, AT(is_json)},
    {"--column", MANY, CREATE | ALTER, AT(columns)},
    {"--key", TEXT, CREATE, AT(key)},
    {"--bucket-key", TEXT, CREATE, AT(bucket_key)},
    {"--buckets", TEXT, CREATE, AT(buckets)},
    {"--aggregate", MANY, CREATE, AT(aggregates)},
    {"--auto-increment", TEXT, CREATE, AT(auto_increment)},
    {"--set", MANY, CREATE, AT(settings)},
    {"--columns", TEXT, PUT | SCAN | CHANGELOG, AT(columns_named)},
    {"--delete", SWITCH, PUT, AT(is_delete)},
    {"--overwrite", SWITCH, PUT, AT(is_overwrite)},
    {"--file", TEXT, PUT | LOOKUP, AT(file)},
    {"--insert", SWITCH, LOOKUP, AT(inserts)},
    {"--bucket", TEXT, SCAN | CHANGELOG, AT(bucket)},
    {"--limit", TEXT, SCAN | CHANGELOG, AT(limit)},
    {"--from", TEXT, CHANGELOG, AT(from)},
};
#define FLAG_COUNT (sizeof flags / sizeof *flags)

static const char usage[] =
    "table create DATABASE.TABLE --column \"NAME TYPE [not null]\" ... [--key NAMES] "
    "[--bucket-key NAMES]\n"
    "    [--buckets N] [--aggregate COLUMN=FUNCTION] [--auto-increment COLUMN] "
    "[--set PROPERTY=VALUE] [--json]\n"
    "table list [--json]\n"
    "table describe TABLE [--json]\n"
    "table alter TABLE --column \"NAME TYPE\" ...\n"
    "table drop TABLE\n"
    "table put TABLE [ROW ...] [--file FILE] [--columns NAMES] [--delete] [--overwrite] [--json]\n"
    "table lookup TABLE [KEY ...] [--file FILE] [--insert]\n"
    "table scan TABLE [--bucket N] [--limit N] [--columns NAMES]\n"
    "table changelog TABLE [--bucket N] [--from earliest|latest|OFFSET|TIME] [--limit N] "
    "[--columns NAMES]\n"
    "table dump\n"
    "table verify [--json]\n"
    "    all of them: --data DIR (./weir-data). Properties: changelog, merge, version, delete, "
    "compression,\n    durability, index, memory, retention.time, retention.size, ttl.time, "
    "ttl.column, replication";

static int unknown_flag(const struct command_line *line, unsigned verb, const char *word)
{
    const char *names[FLAG_COUNT + 1] = {NULL};
    char list[512] = "";
    uint32_t count = 0;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if ((flags[i].verbs & verb) != 0) {
            size_t length = strlen(list);
            snprintf(list + length, sizeof list - length, "%s%s", count == 0 ? "" : ", ",
                     flags[i].name);
            names[count++] = flags[i].name;
        }
    }
    const char *meant = nearest_name(word, names);
    fprintf(stderr, "weir table %s: there is no flag %s", line->verb, word);
    if (meant != NULL) {
        fprintf(stderr, "; did you mean %s?\n", meant);
    } else {
        fprintf(stderr, "; there are: %s\n", list);
    }
    return COMMAND_USAGE;
}

static int set_flag(struct command_line *line, const struct flag *flag, const char *value)
{
    char *target = (char *)line + flag->offset;
    struct command_list *list = (struct command_list *)target;
    if (flag->kind == TEXT) {
        *(const char **)target = value;
    } else if (list->count == COMMAND_LIST_MAX) {
        fprintf(stderr, "weir table %s: %s is given more than %u times\n", line->verb, flag->name,
                COMMAND_LIST_MAX);
        return COMMAND_USAGE;
    } else {
        list->items[list->count++] = value;
    }
    return 0;
}

// One flag at arguments[*at], and its value.
static int read_flag(struct command_line *line, unsigned verb, int32_t count,
                     const char *const *arguments, int32_t *at)
{
    const char *word = arguments[*at], *equals = strchr(word, '=');
    size_t length = equals == NULL ? strlen(word) : (size_t)(equals - word);
    const struct flag *flag = NULL;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if ((flags[i].verbs & verb) != 0 && strlen(flags[i].name) == length &&
            memcmp(flags[i].name, word, length) == 0) {
            flag = &flags[i];
        }
    }
    if (flag == NULL) {
        return unknown_flag(line, verb, word);
    }
    if (flag->kind == SWITCH) {
        *(int *)((char *)line + flag->offset) = 1;
        return 0;
    }
    if (equals == NULL && *at + 1 == count) {
        fprintf(stderr, "weir table %s: %s needs a value\n", line->verb, word);
        return COMMAND_USAGE;
    }
    return set_flag(line, flag, equals != NULL ? equals + 1 : arguments[++*at]);
}

static int unknown_verb(const char *verb)
{
    const char *names[VERB_COUNT + 1] = {NULL};
    for (size_t i = 0; i < VERB_COUNT; i++) {
        names[i] = verbs[i].name;
    }
    const char *meant = verb == NULL ? NULL : nearest_name(verb, names);
    if (verb != NULL) {
        fprintf(stderr, "weir table: there is no `%s`%s%s%s\n", verb,
                meant == NULL ? "" : "; did you mean `", meant == NULL ? "" : meant,
                meant == NULL ? "" : "`?");
    }
    fprintf(stderr, "%s\n", usage);
    return COMMAND_USAGE;
}

int command_read(int32_t argument_count, const char *const *arguments, struct command_line *line)
{
    static const struct flag words = {"ROW", MANY, ALL, AT(rows)};
    size_t verb = 0;
    *line = (struct command_line){.data = "weir-data"};
    line->verb = argument_count > 1 ? arguments[1] : NULL;
    while (verb < VERB_COUNT && (line->verb == NULL || strcmp(verbs[verb].name, line->verb) != 0)) {
        verb++;
    }
    if (verb == VERB_COUNT) {
        return unknown_verb(line->verb);
    }
    int takes_flags = 1;
    for (int32_t i = 2; i < argument_count; i++) {
        const char *word = arguments[i];
        int rc = 0;
        if (takes_flags && strcmp(word, "--") == 0) {
            takes_flags = 0;
        } else if (takes_flags && word[0] == '-' && word[1] == '-') {
            rc = read_flag(line, verbs[verb].bit, argument_count, arguments, &i);
        } else if (line->name == NULL && verbs[verb].takes_table) {
            line->name = word;
        } else {
            rc = set_flag(line, &words, word);
        }
        if (rc != 0) {
            return rc;
        }
    }
    if (verbs[verb].takes_table && line->name == NULL) {
        fprintf(stderr, "weir table %s: name a table, as in iot.readings\n", line->verb);
        return COMMAND_USAGE;
    }
    if (line->rows.count > 0 && (verbs[verb].bit & (PUT | LOOKUP)) == 0) {
        fprintf(stderr, "weir table %s: `%s` is one word too many\n", line->verb,
                line->rows.items[0]);
        return COMMAND_USAGE;
    }
    return 0;
}

int command_refuse(const struct command_line *line, const struct failure *failure)
{
    fprintf(stderr, "weir table %s: %s\n", line->verb, failure->text);
    return COMMAND_INVALID;
}

static void talk(void *owner, uint32_t level, const char *text)
{
    const struct command_line *line = owner;
    fprintf(stderr, "weir table %s: %s%s\n", line->verb, level >= STORE_LOG_ERROR ? "ERROR: " : "",
            text);
}

struct store *command_open(const struct command_line *line, int is_read_only)
{
    struct failure failure = {0};
    struct store *store;
    struct store_settings settings = {
        .is_read_only = is_read_only, .log = talk, .log_owner = (void *)line};
    if (is_read_only && access(line->data, F_OK) != 0) {
        failure_set(&failure, WEIR_ERROR_CONFIG, "there is no data directory %s: %s", line->data,
                    strerror(errno));
        command_refuse(line, &failure);
        return NULL;
    }
    if (store_acquire(line->data, &settings, &store, &failure) != WEIR_OK) {
        command_refuse(line, &failure);
        return NULL;
    }
    return store;
}

struct table *command_find(const struct command_line *line, struct store *store)
{
    struct failure failure = {0};
    struct table *table;
    if (store_table(store, line->name, &table, &failure) != WEIR_OK) {
        command_refuse(line, &failure);
        return NULL;
    }
    return table;
}

int command_number(const struct command_line *line, const char *flag, const char *text,
                   uint64_t otherwise, uint64_t *value)
{
    char *end;
    *value = otherwise;
    if (text == NULL) {
        return 0;
    }
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0) {
        fprintf(stderr, "weir table %s: %s %s: give a whole number\n", line->verb, flag, text);
        return COMMAND_USAGE;
    }
    return 0;
}

int32_t command_columns(const struct table_definition *definition, const char *names,
                        uint32_t *columns, uint32_t capacity, uint32_t *count,
                        struct failure *failure)
{
    *count = 0;
    while (*names != '\0') {
        char name[WEIR_FIELD_NAME_BYTES_MAX + 1];
        size_t length = strcspn(names, ",");
        if (length >= sizeof name || *count == capacity) {
            return failure_set(failure, WEIR_ERROR_CONFIG,
                               "`%.60s`: a list of up to %u names with ',' between is wanted",
                               names, capacity);
        }
        memcpy(name, names, length);
        name[length] = '\0';
        int32_t rc = table_definition_column(definition, name, &columns[*count], failure);
        if (rc != WEIR_OK) {
            return rc;
        }
        ++*count;
        names += length + (names[length] == ',');
    }
    return WEIR_OK;
}

static int32_t run(struct weir_context *context, int32_t argument_count,
                   const char *const *arguments)
{
    struct command_line line;
    (void)context;
    int code = command_read(argument_count, arguments, &line);
    for (size_t i = 0; code == 0 && i < VERB_COUNT; i++) {
        if (strcmp(verbs[i].name, line.verb) == 0) {
            code = verbs[i].run(&line);
            break;
        }
    }
    if (fflush(stdout) != 0 && code == COMMAND_FINE) {
        fprintf(stderr, "weir table %s: cannot write to stdout: %s\n", line.verb, strerror(errno));
        code = COMMAND_FINDINGS;
    }
    return code;
}

const struct weir_command command_table = {
    .size = sizeof command_table,
    .name = "table",
    .summary = "makes, reads, writes and checks tables of a data directory",
    .usage = usage,
    .run = run,
};
