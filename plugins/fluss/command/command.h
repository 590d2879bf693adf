// `weir table`: tables of a data directory, from the command line.
#ifndef FLUSS_COMMAND_COMMAND_H
#define FLUSS_COMMAND_COMMAND_H

#include "store/store.h"
#include "weir/plugin.h"

// The entry of the plugin lists it.
extern const struct weir_command command_table;

#define COMMAND_FINE 0
#define COMMAND_FINDINGS 1
#define COMMAND_USAGE 2
#define COMMAND_INVALID 3

#define COMMAND_LIST_MAX 256u

struct command_list {
    const char *items[COMMAND_LIST_MAX];
    uint32_t count;
};

// What a command line says. Flags that a verb does not take are refused.
struct command_line {
    const char *verb;
    const char *name; // of the table; NULL: none
    const char *data;
    const char *key;
    const char *bucket_key;
    const char *auto_increment;
    const char *columns_named; // --columns
    const char *from;
    const char *bucket;
    const char *limit;
    const char *file;
    const char *buckets;
    struct command_list columns; // --column
    struct command_list aggregates;
    struct command_list settings; // --set
    struct command_list rows;     // further words
    int is_json;
    int is_delete;
    int is_overwrite;
    int inserts;
};

// Reads the words after `table`. 0, or COMMAND_USAGE after a sentence on stderr.
int command_read(int32_t argument_count, const char *const *arguments, struct command_line *line);

// Says "weir table VERB: SENTENCE" on stderr; returns COMMAND_INVALID.
int command_refuse(const struct command_line *line, const struct failure *failure);

// The store of --data; is_read_only: it must be there. NULL after a sentence on stderr.
struct store *command_open(const struct command_line *line, int is_read_only);
// The table that the command line names. NULL after a sentence on stderr.
struct table *command_find(const struct command_line *line, struct store *store);
// A whole number of a flag, or `otherwise` when it is not given. 0, or COMMAND_USAGE after a
// sentence.
int command_number(const struct command_line *line, const char *flag, const char *text,
                   uint64_t otherwise, uint64_t *value);
// Columns of a list of names with ',' between.
int32_t command_columns(const struct table_definition *definition, const char *names,
                        uint32_t *columns, uint32_t capacity, uint32_t *count,
                        struct failure *failure);

int command_create(const struct command_line *line);
int command_list(const struct command_line *line);
int command_describe(const struct command_line *line);
int command_alter(const struct command_line *line);
int command_drop(const struct command_line *line);
int command_put(const struct command_line *line);
int command_lookup(const struct command_line *line);
int command_scan(const struct command_line *line);
int command_changelog(const struct command_line *line);
int command_dump(const struct command_line *line);
int command_verify(const struct command_line *line);

#endif
