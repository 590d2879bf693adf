// The inside of an instance, shared by the files of this module.
#ifndef HOST_INSTANCE_BODY_H
#define HOST_INSTANCE_BODY_H

#include "data/batch.h"
#include "host/instance.h"
#include "host/negotiation.h"
#include "host/rejects.h"

// What emit and the builders need to know of an output.
struct port {
    const struct weir_schema *schema; // NULL: there is no such output
    const char *name;
    const uint8_t *wanted;
    uint32_t wanted_kinds;
    uint32_t kinds;
    int32_t event_time;
    int32_t is_own_time;                // the event time is a column that this operator makes
    const struct weir_schema *accepted; // another schema with the same columns, seen last
};

struct open_table {
    struct state_table *table;
    const char *name;
    struct open_table *next;
};

struct row_buffer {
    uint32_t *rows;
    uint32_t capacity;
};

struct instance_body {
    struct evaluator *evaluator;
    struct open_table *tables;
    struct port *ports;
    uint32_t port_count;
    struct rejects rejects;
    struct row_buffer *buffers; // results of conditions, lent until the call ends
    uint32_t buffer_count;
    uint32_t buffers_used;
    int32_t is_evaluator_used;
    int32_t emit_rc;             // the first failure of an emit in this call
    struct metrics *own_metrics; // when nobody else brings some
    struct blocks blocks;
};

// What a function may return beside WEIR_OK and errors, as bits.
#define MAY_MORE 1u
#define MAY_WAIT 2u
#define MAY_END 4u
#define MAY_NOT_OK 8u // poll: OK means nothing

// Around every call of the plugin: time, scratch memory, crash attribution; then the check of what
// came back.
void instance_enter(struct instance *instance, struct instance_call *call, const char *function,
                    const struct weir_batch *batch);
int32_t instance_leave(struct instance *instance, struct instance_call *call, int32_t rc,
                       uint32_t may);

// Notes a sentence, returns error_class.
__attribute__((format(printf, 3, 4))) int32_t
instance_fail(struct instance *instance, int32_t error_class, const char *format, ...);
// The same for a negative errno of a lower module: FATAL, or DATA for -EMSGSIZE. what says what was
// tried.
int32_t instance_errno(struct instance *instance, int rc, const char *what);
// "operator `map` of plugin `core`", "resource `table` of ...".
const char *instance_who(const struct instance *instance, char *buffer, size_t size);

// Checks a batch against an output and hands it to the hook.
int32_t instance_emit(struct instance *instance, uint32_t output, const struct weir_batch *batch);

// Passes over what a negotiation said to an instance of the same stage.
int32_t negotiation_repeat(const struct negotiation *negotiation, struct instance *instance);

// 1 if the event time of an output is a column that the operator itself makes.
int32_t negotiation_is_own_time(const struct negotiation *negotiation, uint32_t output);

#endif
