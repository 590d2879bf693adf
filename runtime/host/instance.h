// An instance: one operator (or resource) at work, with all that the host keeps for it. This module
// implements struct weir_host (weir/host.h); task and kit drive instances through the verbs below
// and hear from them through hooks.
//
// The life of an instance: instance_create, negotiation (host/negotiation.h), instance_open, then
// process, poll, end_input, timers and watermarks, then instance_close and instance_destroy. All
// calls for one instance come from one thread at a time.
//
// Verbs return WEIR_OK or another result that the function may give, or a WEIR_ERROR_* class; then
// instance->error has the sentence. A value that an operator may not return is turned into FATAL
// with a sentence that names the plugin. If the error came from downstream (out of the emit hook),
// the verb returns what the hook returned and is_downstream is set: the sentence is there, not
// here.
#ifndef HOST_INSTANCE_H
#define HOST_INSTANCE_H

#include "base/clock.h"
#include "base/error.h"
#include "expr/expr.h"
#include "host/options.h"
#include "host/timers.h"
#include "metrics/metrics.h"
#include "weir/plugin.h"

struct instance;
struct negotiation;
struct state_table;

// The host table of the runtime. The test kit copies it under another name.
extern const struct weir_host host_weir;

#define ON_ERROR_FAIL 0u
#define ON_ERROR_REJECT 1u

// A request as the host makes it: reply is called once, from any thread.
struct host_request {
    struct weir_request request;
    int32_t (*reply)(struct host_request *request, const void *bytes, uint64_t byte_count);
    void *owner;
};

// How instances tell their owner what happens. Every member may be NULL.
struct instance_hooks {
    // A checked batch leaves by an output (the last one is `rejected`, see
    // operator_rejected_output); it now belongs to the hook, whatever it returns. NULL: dropped.
    int32_t (*emit)(struct instance *instance, uint32_t output, const struct weir_batch *batch);
    // [any] What an operator that returned WEIR_WAIT waits for has happened.
    void (*wake)(struct instance *instance);
    // 1 if the operator has been at work long enough for now. Beside this, an instance that has
    // emitted 65,536 rows or 4 MiB within one call should yield.
    int32_t (*should_yield)(struct instance *instance);
    // One line of talk, without prefix. NULL: to stderr with the stage before it.
    void (*log)(struct instance *instance, uint32_t level, const char *text);
    // The open resource that the pipeline calls name; NULL: there is none.
    struct instance *(*resource)(struct instance *instance, const char *name);
    int32_t (*listen)(struct instance *instance, const char *url);
    // Host extensions by id; NULL: there is none.
    const void *(*extension)(struct instance *instance, const char *id);
};

// The call that an instance is in, for crash reports. One chain of them per thread, innermost
// first.
struct instance_call {
    const struct instance *instance;
    const char *function;           // "process", "open", ...
    const struct weir_batch *batch; // NULL: none
    struct instance_call *outer;
};
extern _Thread_local struct instance_call *instance_current;

struct instance {
    struct weir_context context;               // first: what the plugin sees
    const struct weir_operator *description;   // or
    const struct weir_resource_type *resource; // one of them; both NULL for a command
    const char *plugin;                        // name, for messages
    void *self;                                // the plugin's
    const struct options *options;
    const struct negotiation *negotiation; // from open on
    const struct instance_hooks *hooks;
    void *owner; // for the hooks
    const struct clock *clock;
    struct metrics *metrics;
    uint32_t on_error; // ON_ERROR_*
    uint32_t is_open;

    struct error error;     // of the last failure
    int32_t is_downstream;  // the last failure came out of the emit hook
    int64_t now_us;         // one clock read per call of the operator
    int64_t open_us;        // what the clock shows in open, by whoever opens it; 0: it is read
    int64_t wake_at_us;     // set by weir_wake_at during the last call, else INT64_MAX
    int64_t watermark_us;   // source: as far as weir_watermark has been told, else WEIR_TIME_NONE
    uint64_t emitted_rows;  // within the call
    uint64_t emitted_bytes; //
    uint64_t rejected_rows; // since open; read with __atomic_load_n from other threads
    uint64_t memory_bytes;  // held through weir_allocate; the same

    const struct weir_timer_table *timer_table;
    const struct weir_watermark_table *watermark_table;
    const struct weir_state_table *state_table;
    const struct weir_service_table *service_table;
    struct timers timers[2]; // processing, event

    struct instance_body *body; // private to this module: evaluator, state tables, rejects
};

struct instance_request {
    const struct weir_host *host;              // &host_weir
    const struct weir_operator *description;   // or
    const struct weir_resource_type *resource; // one of them, or none (for a command)
    const char *plugin;
    const char *stage;             // name in the pipeline; copied
    const struct options *options; // lent for the life of the instance; NULL: none
    const struct instance_hooks *hooks;
    void *owner;
    const struct clock *clock; // NULL: system_clock
    struct metrics *metrics;   // NULL: the operator gets metrics that nobody reads
    uint32_t on_error;
    uint32_t task_index;
    uint32_t task_count;  // 0 counts as 1
    uint32_t group_first; // key groups of this task
    uint32_t group_end;   // 0: all of them
    uint32_t group_count; // 0: WEIR_KEY_GROUPS
};

// Makes the host's record and the operator's instance. On failure *error has the sentence and
// nothing is left.
int32_t instance_create(const struct instance_request *request, struct instance **out,
                        struct error *error);
// Opens it with what its stage has negotiated; the negotiation must outlive it. An instance that
// was not itself the one negotiated goes through both passes once more, so that it may keep what it
// learns there. NULL for resources and commands.
int32_t instance_open(struct instance *instance, const struct negotiation *negotiation);
// WEIR_OK, WEIR_MORE (call again with the same batch; rows of it that were rejected stay booked
// until WEIR_OK) or WEIR_WAIT (the same, but only once the wake hook was called, or at wake_at_us).
int32_t instance_process(struct instance *instance, uint32_t input, const struct weir_batch *batch);
int32_t instance_poll(struct instance *instance); // WEIR_MORE, WEIR_WAIT or WEIR_END
// The next three may return WEIR_MORE or WEIR_WAIT: call again, before anything else.
int32_t instance_end_input(struct instance *instance, uint32_t input);
// Fires the processing-time timers that are due by the clock.
int32_t instance_timers(struct instance *instance);
// The time of the next processing-time timer, or TIMER_NONE.
int64_t instance_next_timer(const struct instance *instance);
// Event time has come to time_us on all inputs: fires event timers, then tells the operator. The
// caller hands the watermark on.
int32_t instance_watermark(struct instance *instance, int64_t time_us);
// A request that came over a listener; must be replied to once even if this fails.
int32_t instance_answer(struct instance *instance, struct host_request *request);
void instance_close(struct instance *instance);   // fine if it is not open
void instance_destroy(struct instance *instance); // closes it first; NULL is fine

// An optional table of the operator (weir.commit/1), or NULL.
const void *instance_extension(const struct instance *instance, const char *id);
// Bytes of keyed state and of memory that the operator holds.
uint64_t instance_memory_bytes(const struct instance *instance);

// --- Snapshots ---

#define PART_TABLE 1u  // a block of a state table: `split` is the key group
#define PART_OPAQUE 2u // weir.state/1
#define PART_TIMERS 3u

// A piece of an instance's state. Frozen once written to disk.
struct instance_part {
    uint32_t kind;    // PART_*
    uint32_t version; // OPAQUE: of the operator's bytes
    const char *name; // TABLE: of the state table; else ""
    uint32_t split;
    const void *bytes;
    uint64_t byte_count;
};

// Hands every part to write, which returns 0 or a negative error that ends the call. Parts and
// their bytes are lent.
int32_t instance_save(struct instance *instance,
                      int (*write)(void *sink, const struct instance_part *part), void *sink);
// After open: takes a part of any task's snapshot of this stage, and leaves it if it belongs to
// another task.
int32_t instance_load(struct instance *instance, const struct instance_part *part);

#endif
