// The inside of the test kit, shared by the files of this module.
#ifndef KIT_KIT_BODY_H
#define KIT_KIT_BODY_H

#include <pthread.h>

#include "base/text.h"
#include "data/batch.h"
#include "host/negotiation.h"
#include "kit/ledger.h"
#include "weir/kit.h"

struct kit_input {
    struct weir_schema *schema;
    uint32_t kinds;
    char *event_time; // column; NULL: none
    int32_t has_ended;
};

struct kit_output {
    const struct weir_batch **batches;
    uint32_t count;
    char *wanted; // columns; NULL: all
    struct text text;
};

struct kit_resource {
    struct options *options;
    struct instance *instance;
    char *name;
    struct kit_resource *next;
};

struct kit_request {
    struct host_request request;
    struct text reply;
    int32_t is_answered;
    struct kit_request *next;
};

struct weir_kit {
    const struct weir_plugin *plugin;
    const struct weir_operator *description;
    struct options *options;
    struct instance *instance;
    struct negotiation *negotiation;
    struct manual_clock clock;
    struct metrics *metrics;
    struct ledger ledger;
    struct weir_host host; // the runtime's table with the ledger in between
    struct kit_resource *resources;
    struct kit_request *requests;
    struct kit_input *inputs;
    uint32_t input_count;
    struct kit_output *outputs;
    uint32_t output_count;
    char *event_time; // option of the main output
    uint32_t on_error;
    uint32_t task_index;
    uint32_t task_count;
    int32_t bucket;
    int32_t is_started;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    int32_t is_woken; // since its last call began
    uint64_t fail_at; // the operator's allocation that shall fail
    struct text log;
    struct text scratch; // answers that are lent
    struct text error;
    int32_t error_class;
    int32_t is_error_seen;
};

// Notes the first error; returns error_class.
__attribute__((format(printf, 3, 4))) int32_t kit_fail(struct weir_kit *kit, int32_t error_class,
                                                       const char *format, ...);
// Before and after every call of the operator: ownership and the allocation that shall fail.
void kit_enter(struct weir_kit *kit);
// Takes over the instance's error.
int32_t kit_leave(struct weir_kit *kit, int32_t rc);
// Starts the operator if that has not been done; not WEIR_OK once there is an error.
int32_t kit_ready(struct weir_kit *kit);
// Checked options from their text; NULL with the error of the kit. values stays with the caller.
struct options *kit_options(struct weir_kit *kit, const char *what, const char *name,
                            const struct weir_option *descriptors, uint32_t descriptor_count,
                            const char *text, json_t **values);
// The hooks for resources and listeners; and their end.
struct instance *kit_hook_resource(struct instance *instance, const char *name);
int32_t kit_hook_listen(struct instance *instance, const char *url);
const void *kit_hook_extension(struct instance *instance, const char *id);
void kit_free_resources(struct weir_kit *kit);
void kit_free_requests(struct weir_kit *kit);
// The output of a name; NULL: there is none.
struct kit_output *kit_output_of(struct weir_kit *kit, const char *name, uint32_t *number);

// Appends a row as the kit writes it.
void kit_write_row(struct text *text, const struct weir_batch *batch, uint32_t row);
// Makes a batch of texts. 0, or -EINVAL with the error of the kit.
int kit_read_rows(struct weir_kit *kit, const struct weir_schema *schema, const char *const *rows,
                  uint32_t row_count, const struct weir_batch **out);
// "a int32, b string" as a schema; NULL with the error of the kit.
struct weir_schema *kit_read_schema(struct weir_kit *kit, const char *columns);
// Cuts a list at commas outside of brackets and quotes: the next item, trimmed, malloc'd; NULL at
// the end.
char *kit_next_item(const char **at);

// Tells a failed check.
__attribute__((format(printf, 3, 4))) void kit_report(const char *file, int32_t line,
                                                      const char *format, ...);

#endif
